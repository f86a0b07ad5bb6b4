/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pure parts of booting the normal kernel: image, places, command line, boot_params. Private to loader/linux*.c
 * and their tests.
 */
#pragma once

#include "handoff/linux.h"
#include "loader/linux.h"
#include "loader/linux_format.h"

/* Nothing is placed below: Thaw itself lives there (design.md, invariant 1). */
#define LINUX_LOWEST  (16 * MIB)
/* Nothing is placed above: the tables for the jump end there. */
#define LINUX_HIGHEST (4 * GIB)

#define LINUX_COMMAND_LINE_BYTES 4096

/* A kernel image's header, validated. */
struct linux_image {
	uint32_t header_end;    /* file offset behind the setup header */
	uint32_t kernel_offset; /* file offset of the part that is loaded */
	uint64_t kernel_bytes;  /* of it to load; at most init_bytes */
	uint64_t init_bytes;    /* what it needs from its load address on; whole pages */
	uint64_t preferred_address;
	uint64_t alignment; /* of the load address */
	bool relocatable;
	bool initrd_anywhere; /* the ext_ramdisk fields exist */
	uint64_t initrd_end_max;
	uint32_t command_line_max; /* characters without the NUL */
};

/*
 * file: a bzImage of file_bytes, or its beginning. STATUS_UNSUPPORTED: no kernel, older than protocol 2.12, or without
 * the 64-bit entry; STATUS_CORRUPT: cut, or contradicting itself.
 */
nodiscard enum status linux_image_parse(struct span file, uint64_t file_bytes, struct linux_image *image_out);

/* What is to be placed. Ranges in bytes; their type is not used. */
struct linux_request {
	const struct memory_map *memory;
	struct linux_image image;
	struct memory_range kernel; /* the file, or where it would begin had it been loaded as a whole */
	struct memory_range initrds[BOOT_MODULES_MAX];
	uint32_t initrd_count;
	struct memory_range reserved; /* stays in use until the jump, and behind it: the arena */
};

/* *request is empty. The image is not filled in. */
void linux_request_init(struct linux_request *request, const struct memory_map *memory, const struct linux_files *files,
			const struct arena *arena);

struct linux_places {
	uint64_t kernel_address;
	uint64_t initrd_address;
	uint64_t initrd_bytes; /* 0: none */
};

/*
 * Chooses the places, and the copies that lead there (sealed_out->copies and copy_count only). Initrds that lie one
 * after the other already stay, otherwise they are joined elsewhere; the kernel gets its preferred address or the first
 * free one above it. Every place is RAM in the map, from LINUX_LOWEST to LINUX_HIGHEST, apart from what is reserved and
 * from what a later copy still reads.
 * STATUS_NO_MEMORY: no such places. STATUS_UNSUPPORTED: the kernel can't be moved from where it can't be.
 */
nodiscard enum status linux_plan_make(const struct linux_request *request, struct linux_places *places_out,
				      struct handoff_linux *sealed_out);

/*
 * Where a kernel and initrd_bytes of initrds that are not in memory yet go: clear of what the request has there, its
 * kernel and initrds too. When they are read to these places, linux_plan_make leaves them there.
 * Errors as of linux_plan_make.
 */
nodiscard enum status linux_plan_reading(const struct linux_request *request, uint64_t initrd_bytes,
					 struct linux_places *places_out);

/*
 * original, in front of a lone "--" " noresume" (reason stale) and " thaw.status=REASON" put in. When that is longer
 * than characters_max, thaw.status is left out, and logged; noresume never, rather the end of original.
 */
void linux_command_line_build(const char *original, const char *reason, uint32_t characters_max,
			      char line_out[LINUX_COMMAND_LINE_BYTES]);

/* What boot_params is made of. */
struct linux_parameters {
	struct span file; /* its beginning */
	const struct linux_image *image;
	struct linux_places places;
	const struct boot_info *info;
	const char *command_line;          /* at its final place, below 4 GiB */
	struct linux_setup_data *extra;    /* for the map's entries beyond 128; NULL when there are none */
	uint64_t rsdp_address;             /* 0: not known */
	uint8_t cursor_column, cursor_row; /* of a text screen */
};

/* Bytes that `extra` needs for this map; 0: none. */
size_t linux_extra_bytes(const struct memory_map *map);

/* Fills *params_out, and *parameters->extra when it is not NULL. */
void linux_boot_params_fill(const struct linux_parameters *parameters, struct linux_boot_params *params_out);
