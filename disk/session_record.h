/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a session's filesystems: 512 bytes in the boot area of the swap header, written before a hibernation,
 * which the kernel keeps when it makes the header that of an image (kernel/power/swap.c, mark_swapfiles). With it the
 * loader sees whether another system wrote to one of them meanwhile. docs/stale-images.md has the format as a table.
 */
#pragma once

#include "disk/ext_state.h"

#define SESSION_RECORD_OFFSET   512 /* in the header page; in front of it no partition table's signature may appear */
#define SESSION_RECORD_BYTES    512
#define SESSION_FILESYSTEMS_MAX 8

enum session_kind {
	SESSION_OTHER, /* not known by a superblock of these */
	SESSION_EXT,   /* ext2, ext3, ext4 */
	SESSION_XFS,
	SESSION_BTRFS,
	SESSION_FAT,
	SESSION_KINDS,
};

/* A filesystem that the session may write to. */
struct session_filesystem {
	enum session_kind kind;
	bool is_checked;        /* state is set, and the loader can find the filesystem: a difference tells */
	bool keeps_journal;     /* as of ext_state_compare */
	struct ext_state state; /* of others only the UUID, zeroes when there is none */
};

struct session_record {
	uint64_t written_time; /* seconds of the session's clock */
	/*
	 * Which kernel wrote it: the virtual return point of its images (0: not known), and where its code lies in
	 * physical memory. Both are other ones after every boot with address space layout randomisation.
	 */
	uint64_t jump_address;
	uint64_t code_start, code_end;
	uint32_t left_out; /* filesystems beyond those */
	uint32_t count;
	struct session_filesystem filesystems[SESSION_FILESYSTEMS_MAX];
};

/* Into a swap header's page; nothing else of it changes. */
void session_record_encode(const struct session_record *record, struct page *header);

/* Takes what session_record_encode wrote out of the page: zeroes. */
void session_record_erase(struct page *header);

/*
 * STATUS_NOT_FOUND: there is none. STATUS_UNSUPPORTED: of another version. STATUS_CORRUPT: its checksum or its contents
 * are wrong.
 */
nodiscard enum status session_record_decode(const struct page *header, struct session_record *record_out);

/* True: the boot area holds nothing, or a record, damaged or not; so it may be written. */
bool session_record_has_room(const struct page *header);

/* Is the image, by the return point in its information page, of the kernel that wrote the record? */
bool session_record_is_of(const struct session_record *record, uint64_t jump_address, uint64_t jump_address_physical);

/* "ext4", "XFS" …; never NULL. */
const char *session_kind_text(enum session_kind kind);
