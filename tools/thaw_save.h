/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of `thaw save`: what the user asked for, the checks before the jump, the jump.
 */
#pragma once

#include "image/save_parameters.h"
#include "tools/thaw_kexec.h"
#include "tools/thaw_target.h"

struct save_options {
	const char *path;
	const char *loader;
	enum save_action action;
	enum core_codec codec;
	uint64_t max_bytes; /* 0: as much as there is room for */
	bool force;
	bool dry_run;
	char command_line[SAVE_COMMAND_LINE_BYTES];
};

struct save {
	const struct save_options *options;
	struct kexec_program program;
	struct target target;
	struct core_anchor *anchor; /* as it was before */
	struct save_parameters *parameters;
	char *vmcoreinfo; /* NULL: not known */
};

/* Everything that is to be found out before anything is changed; false: said. save_free afterwards in any case. */
bool save_prepare(struct save *save, const struct save_options *options);
void save_free(struct save *save);

/*
 * Does an image of what is in RAM fit, once free_bytes of it are zeroes? False: said. is_final: caches have been
 * dropped, so that there is nothing more to gain.
 */
bool save_room_check(const struct save *save, uint64_t free_bytes, bool is_final);

/* Changes the machine's state: caches, loading, the anchor, the jump; then reports. Returns enum command_exit. */
int save_jump(struct save *save);
