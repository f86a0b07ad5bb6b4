/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw save` tells Thaw's save role: one structure in the ELF's own memory, which the host command fills in
 * before kexec_load (symbol thaw_save_parameters of thaw.elf). Little endian. Nothing in it is trusted: Thaw checks it
 * again.
 */
#pragma once

#include "image/core_format.h"

#define SAVE_PARAMETERS_MAGIC   0x3145564153574154ull /* "TAWSAVE1" */
#define SAVE_COMMAND_LINE_BYTES 256
#define SAVE_VMCOREINFO_MAX     4096

/* What is done with the machine when the image is complete. */
enum save_action {
	SAVE_POWER_OFF = 0,
	SAVE_REBOOT = 1,
	SAVE_RETURN = 2, /* the session goes on; the anchor then says SNAPSHOT */
};

struct save_parameters {
	uint64_t magic;
	uint32_t bytes;  /* of this structure */
	uint32_t crc32;  /* zlib's, of the structure with this field 0 */
	uint32_t action; /* enum save_action */
	uint32_t codec;  /* enum core_codec */
	/* The disk is the one that has this anchor at this place; nothing else of it is looked at. */
	uint8_t target_uuid[16];
	uint64_t partition_start; /* byte offset on the disk; a multiple of the sector size */
	uint64_t anchor_page;     /* page of the partition: 0, or for a file where its first block is */
	uint64_t max_bytes;       /* of the stored core; 0: as much as there is room for */
	uint64_t vmcoreinfo;      /* physical address of the note's text, 0: none; from /sys/kernel/vmcoreinfo */
	uint32_t vmcoreinfo_bytes;
	uint32_t memory_count;
	uint32_t could_write;  /* SAVE_RETURN: not 0: a disk has a filesystem that is writable, or swap */
	struct core_acpi acpi; /* the *_value fields are filled in by Thaw */
	uint8_t padding[6];
	struct core_memory_entry memory[CORE_MEMORY_ENTRIES_MAX]; /* boot_params' e820_table, as it stands */
	char command_line[SAVE_COMMAND_LINE_BYTES];               /* Thaw's own options: console=, quiet */
};
