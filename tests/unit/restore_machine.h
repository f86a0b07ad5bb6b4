/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small machine of real memory at low addresses (where a physical address is a pointer), a disk with an image for it,
 * and what must hold after every restore.
 */
#pragma once

#include "loader/restore.h"
#include "tests/unit/fake_disk.h"
#include "tests/unit/fake_watch.h"
#include "tests/unit/swsusp_image.h"

#define ARENA_BASE    0x10000000u
#define ARENA_BYTES   (12 * MIB)
#define SMALL_ARENA   (2 * MIB) /* leaves a ring of 128 pages */
#define MACHINE_BASE  0x20000000u
#define MACHINE_PAGES 5700
#define HOLE_FIRST    4300 /* 16 pages that are not RAM; image pages are below 4202 */
#define KERNEL_BASE   0xFFFFFFFF80000000u

/* The image's pages: numbers among those with data. */
#define DATA_PAGES   1100 /* more than two maps list; more than one, when they are packed */
#define ZERO_PAGES   300
#define TABLES_FIRST 2 /* the PML4; PDPT and PD follow */
#define JUMP_PAGE    100
#define JUMP_OFFSET  0x10

/* Fields of information, map and header page (docs/swsusp-format.md). */
#define INFO_JUMP      0
#define INFO_JUMP_PHYS 8
#define INFO_CR3       16
#define INFO_CHECKSUM  32
#define MAP_NEXT       4088
#define HEADER_SIG     4056
#define HEADER_CRC     4060
#define HEADER_FLAGS   4072

struct restore_machine {
	struct image image;
	struct fake_disk disk;
	struct found_image found;
	struct boot_info boot;
	size_t arena_bytes;
	bool relaxed;
	struct fake_watch *watch; /* or NULL */
	uint32_t stride;          /* from frame to frame: 3, or 1 for frames side by side */
	/* Of the last restore. */
	struct restore_result result;
	struct sealed_plan plan;
};

extern struct restore_machine machine;

int machine_set_up(void **state);
int machine_tear_down(void **state);

/* A new image and the machine that it belongs to, with one boot module over some of its pages. */
void machine_make(enum swsusp_codec codec, bool shuffled);

/* The same with so many frames from one of the image to the next, instead of 3. */
void machine_make_strided(enum swsusp_codec codec, bool shuffled, uint32_t stride);

/* What machine_make chose, chosen anew. hole_first: page of the machine where the hole in its RAM begins. */
void machine_set_memory(uint64_t hole_first);
void machine_set_module(uint64_t first, uint64_t pages);

/* What the swap map lists as page number `index` of the stream. */
void machine_list(uint64_t index, uint64_t device_page);

/* A plain image's PFN list, page tables and information page, for this physical jump address. */
void machine_edit_pages(uint64_t jump);

struct page *machine_page(uint64_t index);

/* The physical address of the frame of data page `number`. */
uint64_t machine_data_address(uint64_t number);

/* All memory as it was in the beginning. */
void machine_refill(void);

/* Checks what holds whatever the result: modules and what is not RAM are unchanged, and no read is in flight. */
enum status machine_restore(void);

/* After STATUS_OK: carries out the planned copies and compares every page; the plan must survive that. */
void machine_check_memory(void);

/* Restores and checks the memory. */
void machine_check_restored(void);

/* Restores with this status; untouched: no memory but the arena has changed. */
void machine_check_refused(enum status expected, bool untouched);
