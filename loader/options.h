/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of Thaw's command line, in Linux's own words (Documentation/admin-guide/kernel-parameters.txt) plus
 * `thaw.`. Parsing is pure; unknown words are reported to the caller, which logs them.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"

#define OPTION_TEXT_BYTES 256

/* How resume= named the device. */
enum resume_kind {
	RESUME_ANY,       /* no resume= */
	RESUME_UUID,      /* UUID= of the swap area */
	RESUME_LABEL,     /* LABEL= of the swap area */
	RESUME_PARTUUID,
	RESUME_PARTLABEL,
	RESUME_MAPPER,    /* /dev/mapper/vg-lv or /dev/vg/lv */
	RESUME_NODE,      /* /dev/sda3 and the like, major:minor: names that only Linux knows */
};

struct resume_spec {
	enum resume_kind kind;
	char text[OPTION_TEXT_BYTES]; /* behind the '=', quotes removed; the whole value for MAPPER and NODE */
	bool has_offset;
	uint64_t offset_pages; /* resume_offset= */
};

struct options {
	struct resume_spec resume;
	bool noresume;
	bool quiet;
	bool console_serial; /* console=ttySn named, with its speed */
	uint32_t serial_port; /* n */
	uint32_t serial_baud; /* 115200 when not said */
	bool console_screen; /* console=tty0, or no console= at all */
	bool memory_map_relaxed; /* thaw.memmap=relaxed */
	const char *kernel_command_line; /* behind a lone "--", inside the parsed text; NULL: none */
};

/*
 * text: NUL-terminated, kept by the caller as long as the options. unknown(context, word) is called for each word
 * that is not understood, or whose value is not valid (never NULL). Later words win over earlier ones.
 */
void options_parse(const char *text, struct options *options_out, void (*unknown)(void *context, const char *word),
                   void *context);

/* Only resume=, resume_offset= and noresume of another kernel's command line. */
void options_parse_kernel(const char *text, struct resume_spec *spec_out, bool *noresume_out);
