/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk behind a firmware. */
#include "tests/unit/efi_block_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/efi/block.h"
#include "drivers/efi/pages.h"
#include "tests/unit/fake_hw.h"

#define COMPLETIONS 8

struct efi_block_rig efi_rig;

int efi_rig_set_up(void **state)
{
	(void)state;
	fake_hw_reset();
	fake_efi_reset();
	arena_init(&efi_rig.arena, efi_rig.arena_bytes, sizeof(efi_rig.arena_bytes));
	efi_rig.registry.count = 0;
	for (size_t i = 0; i < RIG_DISK_BYTES; i += 4)
		memcpy(efi_rig.disk + i, &(uint32_t){(uint32_t)(i * 2654435761u)}, 4);
	memset(efi_rig.memory, 0, sizeof(efi_rig.memory));
	return 0;
}

int efi_rig_tear_down(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < efi_rig.registry.count; i++)
		(void)efi_block_close(efi_rig.registry.devices[i]);
	efi_pages_free_all();
	return 0;
}

struct fake_efi_disk *efi_rig_add_disk(uint32_t sector_bytes, bool has_io2)
{
	struct fake_efi_disk *disk =
		fake_efi_add_disk(efi_rig.disk, RIG_DISK_BYTES / sector_bytes, sector_bytes, has_io2);

	efi_rig.registry.count = 0;
	efi_block_find(&efi_rig.registry, &efi_rig.arena);
	assert_int_equal(efi_rig.registry.count, 1);
	return disk;
}

struct block_device *efi_rig_device(void)
{
	return efi_rig.registry.devices[0];
}

struct block_segment efi_rig_segment(uint64_t offset, uint32_t bytes)
{
	return (struct block_segment){virt_to_paddr(efi_rig.memory + offset), bytes};
}

enum status efi_rig_submit(const struct block_segment *segments, uint32_t count, uint64_t lba)
{
	return efi_rig_device()->ops->submit_read(efi_rig_device(), segments, count, (struct lba){lba}, 1);
}

enum status efi_rig_wait_for(uint32_t count)
{
	enum status result = STATUS_OK;

	for (uint32_t polls = 0; count > 0; polls++) {
		struct block_completion completions[COMPLETIONS];
		uint32_t done;

		assert_true(polls < 1000000);
		efi_rig_device()->ops->poll(efi_rig_device(), completions, COMPLETIONS, &done);
		assert_true(done <= count);
		count -= done;
		for (uint32_t i = 0; i < done; i++)
			result = completions[i].status != STATUS_OK ? completions[i].status : result;
		fake_hw_advance_us(50);
	}
	return result;
}
