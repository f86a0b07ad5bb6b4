/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw save` asks the running kernel about itself and the machine: sysfs, procfs, the firmware's tables.
 */
#pragma once

#include "image/core_format.h"

enum machine_answer { MACHINE_NO, MACHINE_YES, MACHINE_UNKNOWN };

/* Was the running kernel built with kexec jump? *where_out: the file that told, when one did. */
enum machine_answer machine_has_kexec_jump(const char **where_out);

/* Whether anything that can be asked forbids kexec_load; *reason_out: what. */
bool machine_forbids_kexec(const char **reason_out);

/* The firmware's memory map; false: said. */
bool machine_memory_read(struct core_memory_entry *entries_out, uint32_t *count_out);

/*
 * The FADT's registers and S5's sleep types; false: said (no FADT). *s5_fault_out: NULL, or why the machine can't be
 * switched off.
 */
bool machine_acpi_read(struct core_acpi *acpi_out, const char **s5_fault_out);

/*
 * The text of the VMCOREINFO note, at most SAVE_VMCOREINFO_MAX bytes, and where it is in physical memory; false: not
 * known. The caller frees it.
 */
bool machine_vmcoreinfo_read(uint64_t *address_out, char **text_out, uint32_t *bytes_out);

/* In bytes; 0: not known. Free is also what the kernel keeps in stock for each CPU. */
uint64_t machine_memory_free(void);
uint64_t machine_memory_available(void);

/* Writes dirty pages, then gives up what can be read again. */
void machine_caches_drop(void);

/*
 * Turns what free memory holds into zeroes, which need no room in an image, by filling it once; all but reserve bytes.
 * Best effort: in a child that the kernel may end at any time.
 */
void machine_free_memory_clear(uint64_t reserve);

/* How much is left alone by that. */
uint64_t machine_reserve_bytes(void);
