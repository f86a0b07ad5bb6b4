/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a generated grub.cfg says of Thaw: the entry with the id `thaw`, and the lines that start a loader. Pure. It is
 * read as text, line by line, not run: enough for what grub-mkconfig writes.
 */
#pragma once

#include "include/types.h"

#define GRUB_CFG_WORDS_BYTES 4096
#define GRUB_CFG_PATH_BYTES  512

struct grub_start {
	bool is_there;
	char path[GRUB_CFG_PATH_BYTES];     /* of the loader, without GRUB's name of the filesystem */
	char options[GRUB_CFG_WORDS_BYTES]; /* behind it, as options_parse reads them */
};

struct grub_cfg {
	bool has_entry;
	bool is_default; /* the entry boots by itself */
	bool is_guarded; /* GRUB notes that it starts Thaw */
	struct grub_start bios;
	struct grub_start uefi;
	char kernel[GRUB_CFG_PATH_BYTES]; /* what the entry boots when Thaw does not: "": nothing */
	char kernel_arguments[GRUB_CFG_WORDS_BYTES];
};

/* text: NUL-terminated. */
void grub_cfg_read(const char *text, struct grub_cfg *cfg_out);

/* The value of a variable of grubenv (GRUB's "environment block"); false: it is not set, or that is no such file. */
bool grub_env_find(const char *text, const char *name, char *value_out, size_t capacity);
