/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the IDE tests begin with; see fake_ide_fixture.h. */
#include "tests/unit/fake_ide_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/ata/ide_regs.h"

#define ARENA_BYTES  (1 << 20)
#define BUFFER_BYTES (2 << 20)

struct fake_ide ide;
struct arena ide_arena;
struct block_registry ide_registry;
struct driver_environment ide_environment = {.arena = &ide_arena, .registry = &ide_registry};
uint8_t *ide_low_memory; /* arena and ide_buffer, below 4 GiB as the engine wants it */
uint8_t *ide_buffer;

int ide_group_setup(void **state)
{
	(void)state;
	ide_low_memory = mmap(NULL, ARENA_BYTES + BUFFER_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(ide_low_memory != MAP_FAILED);
	/* A known place relative to the 64 KiB boundaries. */
	ide_buffer = (uint8_t *)align_up((uintptr_t)ide_low_memory + ARENA_BYTES, IDE_PRD_BOUNDARY);
	return 0;
}

int ide_setup(void **state)
{
	(void)state;
	fake_hw_reset();
	memset(&ide_registry, 0, sizeof(ide_registry));
	memset(ide_low_memory, 0, ARENA_BYTES + BUFFER_BYTES);
	arena_init(&ide_arena, ide_low_memory, ARENA_BYTES);
	return 0;
}

int ide_teardown(void **state)
{
	(void)state;
	fake_ide_free(&ide);
	return 0;
}

struct pci_function ide_function(const struct fake_ide *model)
{
	return (struct pci_function){.bus = 0,
				     .device = 1,
				     .function = 1,
				     .vendor_id = 0x8086,
				     .device_id = 0x7010,
				     .class_code = 1,
				     .subclass = 1,
				     .prog_if = model->function.config[9]};
}

void ide_probe(void)
{
	const struct pci_function function = ide_function(&ide);

	assert_true(ide_driver.matches(&function));
	assert_int_equal(ide_driver.probe(&ide_environment, &function, 0), STATUS_OK);
}

/* One disk as the primary master. */
struct fake_ide_disk *ide_start(uint8_t prog_if, uint64_t sectors)
{
	struct fake_ide_disk *disk;

	fake_ide_init(&ide, prog_if);
	disk = fake_ide_add_disk(&ide, 0, 0, sectors, 512);
	ide_probe();
	assert_int_equal(ide_registry.count, 1);
	return disk;
}

struct block_device *ide_disk0(void)
{
	return ide_registry.devices[0];
}

/* Polls for up to seconds until count requests came back; each with this status. */
void ide_collect(struct block_device *device, uint32_t count, enum status expected, uint64_t seconds)
{
	const uint64_t end_us = fake_hw_now_us() + seconds * SECOND_US;
	uint32_t got = 0;

	while (got < count && fake_hw_now_us() < end_us) {
		struct block_completion completions[8];
		uint32_t n = 99;

		device->ops->poll(device, completions, 8, &n);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(completions[i].status, expected);
		got += n;
		fake_hw_advance_us(expected == STATUS_OK ? 20 : 1000);
	}
	assert_int_equal(got, count);
}

void ide_read_one(struct block_device *device, uint8_t *memory, uint32_t bytes, uint64_t lba, enum status expected)
{
	const struct block_segment segment = {virt_to_paddr(memory), bytes};

	assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){lba}, 7), STATUS_OK);
	ide_collect(device, 1, expected, 60);
}

void ide_assert_pattern(const uint8_t *memory, uint64_t offset, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (memory[i] != fake_ide_pattern(offset + i))
			fail_msg("byte %u from disk offset %#llx is wrong", i, (unsigned long long)offset);
}
