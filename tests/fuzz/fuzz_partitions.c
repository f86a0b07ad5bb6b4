/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The input is a disk. Its last byte: bit 0: 4096-byte sectors; bit 1: a GPT with right checksums over its entries. */
#include <string.h>

#include "disk/partitions.h"
#include "lib/crc32.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static uint8_t disk[64 * 4096];

static enum status disk_read(void *sector_bytes, struct lba lba, uint32_t count, void *buffer)
{
	memcpy(buffer, disk + lba.value * *(uint32_t *)sector_bytes, (size_t)count * *(uint32_t *)sector_bytes);
	return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct partition_table table;
	static struct page scratch;
	const uint8_t mode = size > 0 ? data[size - 1] : 0;
	uint32_t bytes = mode & 1 ? 4096 : 512, words[3] = {16, 128, 0}, crc32;
	const struct disk_reader reader = {disk_read, &bytes, bytes, sizeof(disk) / bytes, &scratch};

	memset(disk, 0, sizeof(disk));
	memcpy(disk, data, size < sizeof(disk) ? size : sizeof(disk));
	if (mode & 2) {
		words[2] = crc32_zlib(disk + (size_t)2 * bytes, 16 * 128);
		memcpy(disk + bytes + 80, words, sizeof(words));
		memcpy(disk + bytes + 72, "\2\0\0\0\0\0\0", 8);
		memcpy(disk + bytes, "EFI PART\0\0\1\0\x5c\0\0\0\0\0\0", 20);
		crc32 = crc32_zlib(disk + bytes, 92);
		memcpy(disk + bytes + 16, &crc32, sizeof(crc32));
	}
	if (partition_table_read(&reader, &table) != STATUS_OK || table.count > PARTITIONS_MAX)
		__builtin_trap();
	return 0;
}
