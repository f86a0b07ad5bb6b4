/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small FAT32 filesystem in memory for unit tests, written from Microsoft's specification by code that shares
 * nothing with the code under test.
 */
#pragma once

#include "tests/unit/memory_disk.h"

enum {
	FAT_IMAGE_BYTES = 1024 * 1024,
	FAT_IMAGE_RESERVED = 4, /* sectors */
	FAT_IMAGE_ROOT = 2,
	FAT_IMAGE_DIRECTORY = 0x10,
	FAT_IMAGE_ENTRY_BYTES = 32,
};

#define FAT_IMAGE_END 0x0FFFFFFFu

struct fat_image {
	struct memory_disk *disk;
	uint32_t sector_bytes;    /* 0: 512; set before fat_image_make */
	uint32_t cluster_sectors; /* 0: 1; likewise */
	uint32_t cluster_count;
	uint32_t next_cluster;
};

/* Two tables and an empty root of one cluster. */
void fat_image_make(struct fat_image *image);
void fat_image_free(struct fat_image *image);

uint32_t fat_image_cluster_bytes(const struct fat_image *image);
uint64_t fat_image_offset(const struct fat_image *image, uint32_t cluster);
uint8_t *fat_image_cluster(struct fat_image *image, uint32_t cluster);

/* An entry of both tables; the upper four bits are not the number's. */
void fat_image_link(struct fat_image *image, uint32_t cluster, uint32_t next);

/* A chain of neighbours that were not in use. Returns the first. */
uint32_t fat_image_take(struct fat_image *image, uint32_t count);

/* A short entry, its name padded to eleven characters; returns it. */
uint8_t *fat_image_entry(uint8_t *at, const char name[12], uint8_t attributes, uint32_t cluster, uint32_t bytes);

/* The entries of a long name, for the short entry that follows them. Returns that one's place. */
uint8_t *fat_image_long_name(uint8_t *at, const char *text, const char short_name[12]);
