/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks for the tests of the search, see find_disks.h.
 */
#include "find_disks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/log.h"

_Alignas(4096) uint8_t arena_memory[1024 * 1024];
struct arena arena;
struct memory_disk *disks[2];
struct block_registry registry;
struct found_image found;
const char *reason;
char log_text[8192];
static struct resume_spec nothing;

static void log_keep(const char *line)
{
	const size_t used = strlen(log_text);

	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", line);
}

/* Partition n (from 1) of a disk starts at n * PARTITION_BYTES. Its GUID begins with 0x10 * disk + n. */
static void disk_partition(uint32_t index)
{
	struct gpt_entry entries[PARTITIONS];
	static const char *const names[PARTITIONS] = {"one", "two", "three", "four", "five", "six", "seven", "eight"};
	const uint64_t sectors = PARTITION_BYTES / disks[index]->sector_bytes;

	for (uint32_t i = 0; i < PARTITIONS; i++)
		entries[i] = (struct gpt_entry){(i + 1) * sectors, (i + 2) * sectors - 1, names[i],
						(uint8_t)(0x10 * index + i + 1)};
	memory_disk_gpt(disks[index], entries, PARTITIONS, 128);
}

int find_disks_setup(void **state)
{
	(void)state;
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	disks[0] = memory_disk_new("ahci0.0", 512, (PARTITIONS + 2) * PARTITION_BYTES);
	disks[1] = memory_disk_new("ahci0.1", 4096, (PARTITIONS + 2) * PARTITION_BYTES);
	for (uint32_t i = 0; i < 2; i++) {
		disk_partition(i);
		registry.devices[i] = &disks[i]->device;
	}
	registry.count = 2;
	log_text[0] = '\0';
	log_set_sink(log_keep);
	return 0;
}

int find_disks_teardown(void **state)
{
	(void)state;
	memory_disk_free(disks[0]);
	memory_disk_free(disks[1]);
	return 0;
}

uint8_t *at(uint32_t disk, uint32_t partition, uint32_t page)
{
	return disks[disk]->bytes + partition * PARTITION_BYTES + page * PAGE_BYTES;
}

void swap_put(uint8_t *page, uint8_t uuid, const char *label)
{
	memory_put_le(page + 1024, 1, 4);
	memory_put_le(page + 1028, PARTITION_PAGES - 1, 4);
	page[1036] = 0xff;
	page[1051] = uuid;
	memcpy(page + 1052, label, strlen(label));
	memcpy(page + 4086, "SWAPSPACE2", 10);
}

void image_put(uint8_t *page, uint8_t uuid, const char *label)
{
	swap_put(page, uuid, label);
	memory_put_le(page + 4064, 1, 8);
	memcpy(page + 4076, "SWAPSPACE2S1SUSPEND\0", 20);
}

void ext_put(uint8_t *page, uint8_t uuid, const char *label)
{
	memory_put_le(page + 1024 + 56, 0xef53, 2);
	page[1024 + 104] = 0xee;
	page[1024 + 119] = uuid;
	memcpy(page + 1024 + 120, label, strlen(label));
}

const struct resume_spec *spec_of(const char *words)
{
	static struct resume_spec specs[2];
	static unsigned next;
	struct resume_spec *spec = &specs[next++ % 2];
	bool noresume;

	options_parse_kernel(words, spec, &noresume);
	return spec;
}

enum status find(const char *words)
{
	disks[0]->reads = disks[1]->reads = 0;
	memset(&found, 0xa5, sizeof(found));
	return find_image(&registry, spec_of(words), &nothing, &arena, &found, &reason);
}

void expect(const char *words, enum status status)
{
	reason = NULL;
	assert_int_equal(find(words), status);
	assert_non_null(reason);
	assert_true((status == STATUS_OK) == (*reason == '\0'));
	assert_int_equal(arena.used_bytes, 0);
	if (status != STATUS_OK)
		assert_int_equal(found.start_lba, 0xa5a5a5a5a5a5a5a5u); /* untouched */
}

void expect_found(const char *words, uint32_t disk, uint32_t partition, uint32_t header_page)
{
	char name[32];

	expect(words, STATUS_OK);
	snprintf(name, sizeof(name), "ahci0.%up%u", disk, partition);
	assert_string_equal(found.name, name);
	assert_ptr_equal(found.device, &disks[disk]->device);
	assert_int_equal(found.start_lba, partition * PARTITION_BYTES / disks[disk]->sector_bytes);
	assert_int_equal(found.device_pages, PARTITION_PAGES);
	assert_int_equal(found.header_page, header_page);
	assert_int_equal(found.header.first_map_page, 1);
	assert_memory_equal(&found.header_bytes, at(disk, partition, header_page), PAGE_BYTES);
}
