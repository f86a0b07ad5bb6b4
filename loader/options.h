/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of Thaw's command line, in Linux's own words (Documentation/admin-guide/kernel-parameters.txt) plus
 * `thaw.`. Parsing is pure; unknown words are reported to the caller, which logs them.
 */
#pragma once

#include "disk/identity.h"
#include "include/status.h"
#include "include/types.h"

#define OPTION_TEXT_BYTES 256

/* How resume= named the device. The /dev/disk/by-uuid, by-label, by-partuuid and by-partlabel links are the tags. */
enum resume_kind {
	RESUME_ANY,   /* no resume= */
	RESUME_UUID,  /* UUID= of the swap area, or of the filesystem that holds the swap file */
	RESUME_LABEL, /* LABEL= likewise */
	RESUME_PARTUUID,
	RESUME_PARTLABEL,
	RESUME_MAPPER, /* a device made of others: /dev/mapper/vg-lv, /dev/vg/lv, /dev/dm-0, /dev/md0 */
	RESUME_NODE,   /* /dev/sda3, /dev/disk/by-id/…, 8:3: names that only Linux knows */
};

struct resume_spec {
	enum resume_kind kind;
	char text[OPTION_TEXT_BYTES]; /* behind the tag, quotes removed; the whole value for MAPPER and NODE */
	int32_t partition_offset;     /* PARTUUID=…/PARTNROFF=n: the partition n numbers after the one named */
	bool has_offset;
	uint64_t offset_pages; /* resume_offset= */
	/*
	 * The last resume=, or resume_offset=, had a value that was not understood. What the user meant is then not
	 * known, so no image may be accepted: a device or an offset that was guessed could resume the wrong one.
	 */
	bool device_refused;
	bool offset_refused;
	bool allows_snapshot; /* thaw.snapshot: images of sessions that went on, too */
	uint64_t dump_entry;  /* thaw.entry=: where a memory dump is to go on (physical address); 0: not given */
	unsigned dump_levels; /* … with paging of so many levels */
};

/* thaw.kernel= and thaw.initrd=: UUID=…:/path, a file on the filesystem of this UUID. */
struct file_spec {
	char uuid[IDENTITY_UUID_BYTES]; /* empty: no file */
	char path[OPTION_TEXT_BYTES];
};

#define OPTION_INITRDS_MAX  8
#define OPTION_WAIT_USUAL_S 10

struct options {
	struct resume_spec resume;
	bool noresume; /* also for nohibernate, hibernate=no and hibernate=noresume, as in Linux */
	bool quiet;
	uint32_t wait_s;      /* thaw.wait=: how long the screen of a failed resume is shown; 0: it is not waited for */
	bool console_serial;  /* console=ttySn named, with its speed */
	uint32_t serial_port; /* n, 0-3 */
	uint32_t serial_baud; /* a divisor of 115200; 115200 when not said */
	bool console_screen;  /* console=tty0, or no console= at all */
	bool benchmark;       /* thaw.benchmark: time a raw read, then boot normally */
	bool memory_map_relaxed;                      /* thaw.memmap=relaxed */
	struct file_spec kernel;                      /* thaw.kernel= */
	struct file_spec initrds[OPTION_INITRDS_MAX]; /* thaw.initrd=, repeatable; joined in this order */
	uint32_t initrd_count;
	bool file_refused;            /* one of these was not understood: none of them is used */
	char next[OPTION_TEXT_BYTES]; /* thaw.next=, UEFI: the application to start when there is no image; or empty */
};

/*
 * text: NUL-terminated, kept by the caller as long as the options. unknown(context, word) is called for each word
 * that is not understood, or whose value is not valid (never NULL); word has its quotes removed and may be cut.
 * Later words win over earlier ones, except that nothing takes noresume back. Double quotes keep blanks inside a word.
 */
void options_parse(const char *text, struct options *options_out, void (*unknown)(void *context, const char *word),
		   void *context);

/*
 * Only resume=, resume_offset=, noresume and its equivalents of another kernel's command line, up to a lone "--".
 * noresume_out is always written.
 */
void options_parse_kernel(const char *text, struct resume_spec *spec_out, bool *noresume_out);

/* What stands behind a lone "--", "" when there is none. */
const char *options_kernel_command_line(const char *text);

/* True when thaw.kernel= or thaw.initrd= was given, well or not. */
bool options_name_kernel(const struct options *options);
