/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FAT32 in memory, see fat_image.h.
 */
#include "tests/unit/fat_image.h"

#include <assert.h>
#include <string.h>

enum {
	TABLES = 2,
	UNITS = 13, /* of a long name in one entry */
};

static uint32_t table_sectors(const struct fat_image *image)
{
	return FAT_IMAGE_BYTES / image->sector_bytes / image->cluster_sectors * 4 / image->sector_bytes + 1;
}

static uint64_t data_offset(const struct fat_image *image)
{
	return (uint64_t)(FAT_IMAGE_RESERVED + TABLES * table_sectors(image)) * image->sector_bytes;
}

void fat_image_make(struct fat_image *image)
{
	uint8_t *boot;

	image->sector_bytes = image->sector_bytes ? image->sector_bytes : 512;
	image->cluster_sectors = image->cluster_sectors ? image->cluster_sectors : 1;
	image->disk = memory_disk_new("fat", 512, FAT_IMAGE_BYTES);
	image->cluster_count = (uint32_t)(FAT_IMAGE_BYTES - data_offset(image)) / fat_image_cluster_bytes(image);
	boot = image->disk->bytes;
	memory_put_le(boot + 11, image->sector_bytes, 2);
	boot[13] = (uint8_t)image->cluster_sectors;
	memory_put_le(boot + 14, FAT_IMAGE_RESERVED, 2);
	boot[16] = TABLES;
	memory_put_le(boot + 32, FAT_IMAGE_BYTES / image->sector_bytes, 4);
	memory_put_le(boot + 36, table_sectors(image), 4);
	memory_put_le(boot + 44, FAT_IMAGE_ROOT, 4);
	memcpy(boot + 82, "FAT32   ", 8);
	memory_put_le(boot + 510, 0xAA55, 2);
	fat_image_link(image, 0, 0x0FFFFFF8);
	fat_image_link(image, 1, FAT_IMAGE_END);
	image->next_cluster = FAT_IMAGE_ROOT;
	fat_image_take(image, 1);
}

void fat_image_free(struct fat_image *image)
{
	memory_disk_free(image->disk);
}

uint32_t fat_image_cluster_bytes(const struct fat_image *image)
{
	return image->cluster_sectors * image->sector_bytes;
}

uint64_t fat_image_offset(const struct fat_image *image, uint32_t cluster)
{
	return data_offset(image) + (uint64_t)(cluster - 2) * fat_image_cluster_bytes(image);
}

uint8_t *fat_image_cluster(struct fat_image *image, uint32_t cluster)
{
	assert(cluster >= 2 && cluster - 2 < image->cluster_count);
	return image->disk->bytes + fat_image_offset(image, cluster);
}

void fat_image_link(struct fat_image *image, uint32_t cluster, uint32_t next)
{
	for (uint32_t table = 0; table < TABLES; table++) {
		uint8_t *at = image->disk->bytes +
			      (uint64_t)(FAT_IMAGE_RESERVED + table * table_sectors(image)) * image->sector_bytes;

		memory_put_le(at + (uint64_t)cluster * 4, 0xA0000000u | next, 4);
	}
}

uint32_t fat_image_take(struct fat_image *image, uint32_t count)
{
	const uint32_t first = image->next_cluster;

	assert(first - 2 + count <= image->cluster_count);
	for (uint32_t i = 0; i < count; i++)
		fat_image_link(image, first + i, i + 1 < count ? first + i + 1 : FAT_IMAGE_END);
	image->next_cluster += count;
	return first;
}

uint8_t *fat_image_entry(uint8_t *at, const char name[12], uint8_t attributes, uint32_t cluster, uint32_t bytes)
{
	memset(at, 0, FAT_IMAGE_ENTRY_BYTES);
	memcpy(at, name, 11);
	at[11] = attributes;
	memory_put_le(at + 20, cluster >> 16, 2);
	memory_put_le(at + 26, cluster, 2);
	memory_put_le(at + 28, bytes, 4);
	return at;
}

static uint8_t checksum_of(const char short_name[12])
{
	uint8_t sum = 0;

	for (int i = 0; i < 11; i++)
		sum = (uint8_t)(((sum & 1) ? 0x80 : 0) + (sum >> 1) + (uint8_t)short_name[i]);
	return sum;
}

uint8_t *fat_image_long_name(uint8_t *at, const char *text, const char short_name[12])
{
	static const uint8_t places[UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
	const uint32_t length = (uint32_t)strlen(text);
	const uint32_t parts = (length + UNITS - 1) / UNITS;

	for (uint32_t part = parts; part > 0; part--, at += FAT_IMAGE_ENTRY_BYTES) {
		memset(at, 0, FAT_IMAGE_ENTRY_BYTES);
		at[0] = (uint8_t)(part | (part == parts ? 0x40 : 0));
		at[11] = 0x0F;
		at[13] = checksum_of(short_name);
		for (uint32_t i = 0; i < UNITS; i++) {
			const uint32_t index = (part - 1) * UNITS + i;

			memory_put_le(at + places[i],
				      index < length    ? (uint8_t)text[index]
				      : index == length ? 0
							: 0xFFFF,
				      2);
		}
	}
	return at;
}
