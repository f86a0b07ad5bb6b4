/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thaw.elf as a program to jump to: read, patched, loaded, jumped to, forgotten (kexec_load(2), reboot(2)).
 */
#pragma once

#include "image/save_parameters.h"
#include "tools/elf_plan.h"

struct kexec_program {
	const char *path;
	uint8_t *file;
	size_t bytes;
	struct elf_plan plan;
	uint64_t entry;      /* thaw_save_entry */
	uint64_t parameters; /* thaw_save_parameters */
	uint64_t vmcoreinfo; /* thaw_save_vmcoreinfo, SAVE_VMCOREINFO_MAX bytes; 0: it has none */
};

/* Reads the ELF and finds what is needed of it; false: said. */
bool kexec_program_read(struct kexec_program *program, const char *path);
void kexec_program_free(struct kexec_program *program);

/*
 * Loads it with these parameters, whose checksum this sets, and the text of VMCOREINFO (vmcoreinfo_bytes) where
 * program->vmcoreinfo is not 0. False: said.
 */
bool kexec_program_load(const struct kexec_program *program, struct save_parameters *parameters,
			const char *vmcoreinfo);

/* Forgets what is loaded. */
void kexec_unload(void);

/* Jumps; returns 0 after the return, or errno's value when there was no jump. */
int kexec_jump(void);
