/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures, UUIDs and labels of filesystems and containers: fs/ext4/ext4.h (struct ext4_super_block),
 * fs/xfs/libxfs/xfs_format.h (struct xfs_dsb), include/uapi/linux/btrfs_tree.h (struct btrfs_super_block), the LUKS1
 * and LUKS2 on-disk formats, and LVM2's label (lib/format_text/layout.h).
 */
#include "disk/filesystem.h"

#include "disk/uuid.h"
#include "lib/string.h"

enum ext_layout {
	EXT_MAGIC_AT = 1024 + 56, /* the superblock is 1024 bytes into the partition */
	EXT_UUID_AT = 1024 + 104,
	EXT_LABEL_AT = 1024 + 120,
	EXT_LABEL_BYTES = 16,
};

enum xfs_layout {
	XFS_MAGIC_AT = 0,
	XFS_UUID_AT = 32,
	XFS_LABEL_AT = 108,
	XFS_LABEL_BYTES = 12,
};

enum btrfs_layout {
	BTRFS_UUID_AT = 32,
	BTRFS_MAGIC_AT = 64,
	BTRFS_LABEL_AT = 299,
	BTRFS_LABEL_BYTES = 256,
};

enum luks_layout {
	LUKS_MAGIC_AT = 0,
	LUKS_VERSION_AT = 6, /* big endian */
	LUKS2_LABEL_AT = 24,
	LUKS2_LABEL_BYTES = 48,
	LUKS_UUID_AT = 168, /* text */
	LUKS_UUID_BYTES = 40,
};

/* LVM2 looks for its label in the first four 512-byte sectors. */
enum lvm2_layout {
	LVM2_LABEL_SECTORS = 4,
	LVM2_SECTOR_BYTES = 512,
	LVM2_LABEL_AT = 0,
	LVM2_TYPE_AT = 24,
};

_Static_assert(BTRFS_LABEL_BYTES < IDENTITY_LABEL_BYTES, "the longest label fits, with its NUL");
_Static_assert(LUKS_UUID_BYTES < IDENTITY_UUID_BYTES, "the longest UUID fits, with its NUL");
_Static_assert(BTRFS_LABEL_AT + BTRFS_LABEL_BYTES <= PAGE_BYTES, "the superblock's start is in one page");

enum fat_layout {
	FAT32_SERIAL_AT = 67,
	FAT32_TYPE_AT = 82,
	FAT_SIGNATURE_AT = 510,
};

static bool has_bytes(const struct page *page, size_t at, const char *bytes, size_t count)
{
	return memcmp(page->bytes + at, bytes, count) == 0;
}

static void identity_copy(struct identity *identity_out, const struct page *page, size_t uuid_at, size_t label_at,
			  size_t label_bytes)
{
	uuid_format(page->bytes + uuid_at, identity_out->uuid);
	memcpy(identity_out->label, page->bytes + label_at, label_bytes);
}

static bool lvm2_is_labelled(const struct page *first)
{
	for (size_t sector = 0; sector < LVM2_LABEL_SECTORS; sector++) {
		const size_t at = sector * LVM2_SECTOR_BYTES;

		if (has_bytes(first, at + LVM2_LABEL_AT, "LABELONE", 8) &&
		    has_bytes(first, at + LVM2_TYPE_AT, "LVM2 001", 8))
			return true;
	}
	return false;
}

enum filesystem_kind filesystem_identify(const struct page *first, struct identity *identity_out)
{
	struct identity identity = {.uuid = ""};
	enum filesystem_kind kind = FILESYSTEM_UNKNOWN;

	if (has_bytes(first, LUKS_MAGIC_AT, "LUKS\xba\xbe", 6)) {
		kind = FILESYSTEM_LUKS;
		memcpy(identity.uuid, first->bytes + LUKS_UUID_AT, LUKS_UUID_BYTES);
		if (has_bytes(first, LUKS_VERSION_AT, "\0\2", 2))
			memcpy(identity.label, first->bytes + LUKS2_LABEL_AT, LUKS2_LABEL_BYTES);
	} else if (lvm2_is_labelled(first)) {
		kind = FILESYSTEM_LVM2;
	} else if (has_bytes(first, XFS_MAGIC_AT, "XFSB", 4)) {
		kind = FILESYSTEM_XFS;
		identity_copy(&identity, first, XFS_UUID_AT, XFS_LABEL_AT, XFS_LABEL_BYTES);
	} else if (has_bytes(first, EXT_MAGIC_AT, "\x53\xef", 2)) {
		kind = FILESYSTEM_EXT;
		identity_copy(&identity, first, EXT_UUID_AT, EXT_LABEL_AT, EXT_LABEL_BYTES);
	}
	if (kind != FILESYSTEM_UNKNOWN)
		*identity_out = identity;
	return kind;
}

enum filesystem_kind filesystem_identify_btrfs(const struct page *page, struct identity *identity_out)
{
	if (!has_bytes(page, BTRFS_MAGIC_AT, "_BHRfS_M", 8))
		return FILESYSTEM_UNKNOWN;
	memset(identity_out, 0, sizeof(*identity_out));
	identity_copy(identity_out, page, BTRFS_UUID_AT, BTRFS_LABEL_AT, BTRFS_LABEL_BYTES);
	return FILESYSTEM_BTRFS;
}

bool filesystem_identify_fat(const struct page *first, struct identity *identity_out)
{
	static const char digits[] = "0123456789ABCDEF";
	uint32_t at = 0;

	if (!has_bytes(first, FAT32_TYPE_AT, "FAT32   ", 8) || !has_bytes(first, FAT_SIGNATURE_AT, "\x55\xaa", 2))
		return false;
	memset(identity_out, 0, sizeof(*identity_out));
	for (uint32_t i = 4; i-- > 0;) {
		identity_out->uuid[at++] = digits[first->bytes[FAT32_SERIAL_AT + i] >> 4];
		identity_out->uuid[at++] = digits[first->bytes[FAT32_SERIAL_AT + i] & 15];
		if (i == 2)
			identity_out->uuid[at++] = '-';
	}
	return true;
}

bool filesystem_is_container(enum filesystem_kind kind)
{
	return kind == FILESYSTEM_LUKS || kind == FILESYSTEM_LVM2;
}

const char *filesystem_kind_text(enum filesystem_kind kind)
{
	switch (kind) {
	case FILESYSTEM_EXT:
		return "ext4";
	case FILESYSTEM_XFS:
		return "XFS";
	case FILESYSTEM_BTRFS:
		return "Btrfs";
	case FILESYSTEM_LUKS:
		return "LUKS";
	case FILESYSTEM_LVM2:
		return "LVM2";
	case FILESYSTEM_UNKNOWN:
		break;
	}
	return "unknown";
}
