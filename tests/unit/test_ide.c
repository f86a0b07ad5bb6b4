/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IDE driver against a model of a PIIX-like controller. */
#include "drivers/ata/ide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/ata/ata.h"
#include "drivers/ata/ide_regs.h"
#include "tests/unit/fake_ide.h"

#define ARENA_BYTES  (1 << 20)
#define BUFFER_BYTES (2 << 20)
#define LEGACY       0x80 /* bus master, both channels in compatibility mode */
#define NATIVE       0x8F
#define WITHOUT_DMA  0x00
#define SECOND_US    1000000ULL

static struct fake_ide ide;
static struct arena arena;
static struct block_registry registry;
static struct driver_environment environment = {.arena = &arena, .registry = &registry};
static uint8_t *low_memory; /* arena and buffer, below 4 GiB as the engine wants it */
static uint8_t *buffer;

static int group_setup(void **state)
{
	(void)state;
	low_memory = mmap(NULL, ARENA_BYTES + BUFFER_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	assert_true(low_memory != MAP_FAILED);
	/* A known place relative to the 64 KiB boundaries. */
	buffer = (uint8_t *)align_up((uintptr_t)low_memory + ARENA_BYTES, IDE_PRD_BOUNDARY);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	memset(&registry, 0, sizeof(registry));
	memset(low_memory, 0, ARENA_BYTES + BUFFER_BYTES);
	arena_init(&arena, low_memory, ARENA_BYTES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_ide_free(&ide);
	return 0;
}

static struct pci_function function_of(const struct fake_ide *model)
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

static void probe(void)
{
	const struct pci_function function = function_of(&ide);

	assert_true(ide_driver.matches(&function));
	assert_int_equal(ide_driver.probe(&environment, &function, 0), STATUS_OK);
}

/* One disk as the primary master. */
static struct fake_ide_disk *start(uint8_t prog_if, uint64_t sectors)
{
	struct fake_ide_disk *disk;

	fake_ide_init(&ide, prog_if);
	disk = fake_ide_add_disk(&ide, 0, 0, sectors, 512);
	probe();
	assert_int_equal(registry.count, 1);
	return disk;
}

static struct block_device *disk0(void)
{
	return registry.devices[0];
}

/* Polls for up to seconds until count requests came back; each with this status. */
static void collect(struct block_device *device, uint32_t count, enum status expected, uint64_t seconds)
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

static void read_one(struct block_device *device, uint8_t *memory, uint32_t bytes, uint64_t lba, enum status expected)
{
	const struct block_segment segment = {virt_to_paddr(memory), bytes};

	assert_int_equal(device->ops->submit_read(device, &segment, 1, (struct lba){lba}, 7), STATUS_OK);
	collect(device, 1, expected, 60);
}

static void assert_pattern(const uint8_t *memory, uint64_t offset, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		if (memory[i] != fake_ide_pattern(offset + i))
			fail_msg("byte %u from disk offset %#llx is wrong", i, (unsigned long long)offset);
}

/* --- finding disks --------------------------------------------------------------------------------------------- */

static void test_identity(void **state)
{
	const struct block_identity *identity;

	(void)state;
	start(LEGACY, 8 << 20);
	identity = &disk0()->identity;
	assert_string_equal(identity->name, "ide0.0");
	assert_string_equal(identity->model, "FAKE IDE DISK");
	assert_string_equal(identity->serial, "SER-1");
	assert_int_equal(identity->sector_bytes, 512);
	assert_int_equal(identity->sector_count, 8 << 20);
	assert_int_equal(identity->max_segments, 256);
	assert_int_equal(identity->max_transfer_bytes, MIB);
	assert_true(identity->queue_depth >= 1);
	assert_true(identity->dma_limit == 4 * GIB);
	assert_int_equal(identity->controller, 1 << 3 | 1);
	assert_true(fake_pci_is_bus_master(&ide.function));
	read_one(disk0(), buffer, 512, 0, STATUS_OK);
	assert_int_equal(ide.channels[0].bus_master_status & BMIDE_STATUS_CAPABLE, BIT(5));
}

static void test_four_disks_native(void **state)
{
	static const char *const names[] = {"ide0.0", "ide0.1", "ide0.2", "ide0.3"};

	(void)state;
	fake_ide_init(&ide, NATIVE);
	for (unsigned i = 0; i < 4; i++)
		fake_ide_add_disk(&ide, i / 2, i % 2, 1000 + i, 512);
	probe();
	assert_int_equal(registry.count, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(registry.devices[i]->identity.name, names[i]);
		assert_int_equal(registry.devices[i]->identity.sector_count, 1000 + i);
		read_one(registry.devices[i], buffer, 512, 999, STATUS_OK);
		assert_pattern(buffer, 999 * 512, 512);
		assert_int_equal(ide.log[ide.log_count - 1].channel, i / 2);
		assert_int_equal(ide.log[ide.log_count - 1].device, i % 2);
	}
	assert_false(ide.function.sized_while_decoding);
}

static void check_empty(uint8_t floating)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	fake_ide_init(&ide, LEGACY);
	ide.floating = floating;
	probe();
	assert_int_equal(registry.count, 0);
	assert_true(fake_hw_now_us() - start_us < 20000);
	assert_int_equal(ide.channels[0].resets, floating == 0xFF ? 0 : 1);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_no_device_is_quick(void **state)
{
	(void)state;
	check_empty(0xFF);
	check_empty(0x7F);
	check_empty(0x00);
}

static void test_atapi_is_passed_over(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512)->is_atapi = true;
	fake_ide_add_disk(&ide, 1, 0, 1000, 512)->is_atapi = true;
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	probe();
	assert_int_equal(registry.count, 2);
	assert_string_equal(registry.devices[1]->identity.name, "ide0.3");
	assert_int_equal(fake_ide_commands(&ide, ATA_IDENTIFY_DEVICE), 2);
}

static void test_stuck_busy_at_detection(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->is_deaf = true;
	disk->command = ATA_READ_DMA; /* left by the firmware */
	disk->status = ATA_STATUS_BSY;
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	probe();
	assert_int_equal(registry.count, 1);
	assert_string_equal(disk0()->identity.name, "ide0.2");
	assert_true(fake_hw_now_us() - start_us < 6 * SECOND_US);
}

static void test_identify_that_hangs(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->hang_command = ATA_IDENTIFY_DEVICE;
	disk->hang_count = 10;
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	assert_int_equal(registry.count, 1);
	assert_string_equal(disk0()->identity.name, "ide0.1");
	assert_true(fake_hw_now_us() - start_us < 16 * SECOND_US);
	read_one(disk0(), buffer, 4096, 3, STATUS_OK);
}

static void test_bad_identify(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	memset(fake_ide_add_disk(&ide, 0, 0, 1000, 512)->identify, 0, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	probe();
	assert_int_equal(registry.count, 1);
	assert_string_equal(disk0()->identity.name, "ide0.3");
}

/* A SATA controller in IDE mode: nobody answers in the missing neighbour's place. */
static void test_missing_neighbour_is_quick(void **state)
{
	const uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	(void)state;
	fake_ide_init(&ide, LEGACY);
	ide.absent = 0xFF;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	probe();
	assert_int_equal(registry.count, 1);
	assert_true(fake_hw_now_us() - start_us < 20000);
}

static void check_without_engine(uint8_t prog_if, uint32_t bar4)
{
	setup(NULL);
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	ide.function.config[9] = prog_if;
	fake_pci_set32(&ide.function, 0x20, bar4);
	probe();
	read_one(disk0(), buffer, 512, 3, STATUS_OK);
	assert_pattern(buffer, 3 * 512, 512);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	disk0()->ops->quiesce(disk0());
	fake_ide_free(&ide);
}

/* An engine that is not announced, not in I/O space, out of its reach, or not there. */
static void test_unusable_engine(void **state)
{
	(void)state;
	check_without_engine(0x00, FAKE_IDE_BUS_MASTER | 1);
	check_without_engine(LEGACY, FAKE_IDE_BUS_MASTER);
	check_without_engine(LEGACY, 0xFF00C001);
	check_without_engine(LEGACY, 0);
}

static void test_engine_that_floats(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	ide.channels[0].bus_master_status = 0xFF;
	ide.channels[0].engine_sticks = true;
	probe();
	read_one(disk0(), buffer, 512, 3, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

static void test_small_engine_and_native_ports(void **state)
{
	(void)state;
	fake_ide_init(&ide, NATIVE);
	fake_pci_set_bar(&ide.function, 4, FAKE_IDE_BUS_MASTER, 8, 1);
	fake_pci_set_bar(&ide.function, 0, 0x1000, 4, 1);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512); /* behind a BAR that is too small */
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	probe();
	assert_int_equal(registry.count, 1);
	read_one(disk0(), buffer, 512, 3, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

static void test_arena_beyond_the_engine(void **state)
{
	static uint8_t high_memory[256 * 1024];
	struct pci_function function;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	function = function_of(&ide);
	assert_true((uintptr_t)high_memory > 4 * GIB);
	arena_init(&arena, high_memory, sizeof(high_memory));
	assert_int_equal(ide_driver.probe(&environment, &function, 0), STATUS_NO_MEMORY);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

/* Whoever was selected before the reset: device 0 is found. */
static void test_selection_kept_over_a_reset(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	ide.keeps_selection = true;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	ide.channels[0].selected = 1;
	ide.channels[1].selected = 1;
	probe();
	assert_int_equal(registry.count, 3);
}

static void test_same_channel_twice(void **state)
{
	struct pci_function function;

	(void)state;
	start(LEGACY, 1000);
	function = function_of(&ide);
	assert_int_equal(ide_driver.probe(&environment, &function, 1), STATUS_OK);
	assert_int_equal(registry.count, 1);
}

static void test_full_arena(void **state)
{
	struct pci_function function;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	function = function_of(&ide);
	arena_init(&arena, low_memory, 32 * 1024);
	assert_int_equal(ide_driver.probe(&environment, &function, 0), STATUS_NO_MEMORY);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_matches_only_ide(void **state)
{
	struct pci_function function = {.class_code = 1, .subclass = 1};

	(void)state;
	assert_true(ide_driver.matches(&function));
	function.subclass = 6;
	assert_false(ide_driver.matches(&function));
	function.subclass = 1;
	function.class_code = 2;
	assert_false(ide_driver.matches(&function));
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void test_scatter_with_odd_boundaries(void **state)
{
	/* Crosses 64 KiB boundaries in the middle, touches its neighbour, starts at an odd place, is 64 KiB exactly. */
	const struct block_segment segments[] = {
		{virt_to_paddr(buffer + 0xFE00), 1024},     {virt_to_paddr(buffer + 0x10200), 512},
		{virt_to_paddr(buffer + 0x1FFFE), 4096},    {virt_to_paddr(buffer + 0x30000), 0x10000},
		{virt_to_paddr(buffer + 0x5F002), 0x21000}, {virt_to_paddr(buffer + 0xA0000), 512},
	};
	uint64_t offset = 100 * 512;

	(void)state;
	start(LEGACY, 8 << 20);
	assert_int_equal(disk0()->ops->submit_read(disk0(), segments, 6, (struct lba){100}, 1), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 6; i++) {
		assert_pattern(paddr_to_virt(segments[i].address), offset, segments[i].bytes);
		offset += segments[i].bytes;
	}
	assert_int_equal(buffer[0xFDFF], 0);
	assert_int_equal(buffer[0x10400], 0);
	assert_int_equal(buffer[0xA0200], 0);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA_EXT), 1);
}

/* 256 pages, none next to another, each across a boundary where it can be: the longest table there is. */
static void test_largest_request(void **state)
{
	struct block_segment segments[256];

	(void)state;
	start(LEGACY, 8 << 20);
	for (unsigned i = 0; i < 256; i++)
		segments[i] =
			(struct block_segment){virt_to_paddr(buffer + 0xF800 + 0x10000ULL * (255 - i) / 16), 2048};
	for (unsigned i = 0; i < 16; i++) {
		segments[i].address = virt_to_paddr(buffer + 0x10000ULL * i + 0xF000 + 2);
		segments[i].bytes = 4096;
	}
	assert_int_equal(disk0()->ops->submit_read(disk0(), segments, 16, (struct lba){5}, 1), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 16; i++)
		assert_pattern(paddr_to_virt(segments[i].address), 5 * 512 + i * 4096, 4096);
	for (unsigned i = 0; i < 256; i++)
		segments[i] = (struct block_segment){virt_to_paddr(buffer + 4096ULL * (255 - i)), 4096};
	assert_int_equal(disk0()->ops->submit_read(disk0(), segments, 256, (struct lba){9}, 1), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 1);
	for (unsigned i = 0; i < 256; i++)
		assert_pattern(buffer + 4096ULL * (255 - i), 9 * 512 + i * 4096, 4096);
}

static void test_28_and_48_bit_commands(void **state)
{
	const uint64_t beyond = 0x123456789A;
	struct fake_ide_command last;

	(void)state;
	start(LEGACY, beyond + 100);
	read_one(disk0(), buffer, 4096, 0x0FFFFF0, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA);
	assert_int_equal(last.lba, 0x0FFFFF0);
	assert_int_equal(last.sectors, 8);
	read_one(disk0(), buffer, 4096, 0xABCDEF0, STATUS_OK);
	assert_int_equal(ide.log[ide.log_count - 1].lba, 0xABCDEF0);
	read_one(disk0(), buffer, 4096, beyond, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA_EXT);
	assert_int_equal(last.lba, beyond);
	read_one(disk0(), buffer, 256 * 1024, 0, STATUS_OK);
	last = ide.log[ide.log_count - 1];
	assert_int_equal(last.command, ATA_READ_DMA_EXT);
	assert_int_equal(last.sectors, 512);
	assert_pattern(buffer, 0, 256 * 1024);
}

static void test_28_bit_disk(void **state)
{
	const struct block_segment too_much = {virt_to_paddr(buffer), 129 * 1024};
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 4000, 512);
	disk->identify[83] &= (uint16_t)~0x2400;
	disk->identify[86] &= (uint16_t)~0x2400;
	probe();
	assert_int_equal(disk0()->identity.max_transfer_bytes, 128 * 1024);
	assert_int_equal(disk0()->identity.max_segments, 32);
	read_one(disk0(), buffer, 128 * 1024, 11, STATUS_OK);
	assert_pattern(buffer, 11 * 512, 128 * 1024);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
	assert_int_equal(disk0()->ops->submit_read(disk0(), &too_much, 1, (struct lba){0}, 1), STATUS_INVALID);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){3}, buffer, 512), STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE), 1);
}

static void test_4k_sectors(void **state)
{
	const struct block_segment partial = {virt_to_paddr(buffer), 512};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 4096);
	probe();
	assert_int_equal(disk0()->identity.sector_bytes, 4096);
	read_one(disk0(), buffer + 512, 16384, 50, STATUS_OK);
	assert_pattern(buffer + 512, 50 * 4096, 16384);
	assert_int_equal(disk0()->ops->submit_read(disk0(), &partial, 1, (struct lba){0}, 1), STATUS_INVALID);
}

static void test_requests_out_of_range(void **state)
{
	struct block_segment good = {virt_to_paddr(buffer), 4096};
	struct block_segment many[257];
	struct block_segment bad;

#define SUBMIT(segments, count, sector) disk0()->ops->submit_read(disk0(), segments, count, (struct lba){sector}, 1)
	(void)state;
	start(LEGACY, 8 << 20);
	for (unsigned i = 0; i < 257; i++)
		many[i] = (struct block_segment){virt_to_paddr(buffer), 512};
	bad = good;
	bad.address.value = 4 * GIB;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = 4 * GIB - 2048;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = UINT64_MAX - 1;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.address.value = good.address.value + 1;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad = good;
	bad.bytes = 0;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.bytes = 600;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	bad.bytes = MIB + 512;
	assert_int_equal(SUBMIT(&bad, 1, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 0, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(many, 257, 0), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, (8 << 20) - 7), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, UINT64_MAX), STATUS_INVALID);
	assert_int_equal(SUBMIT(&good, 1, (8 << 20) - 8), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 1);
#undef SUBMIT
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
}

/* Submitted together they run one after the other, in order, without a submit in between. */
static void test_queue(void **state)
{
	const uint32_t depth = (start(LEGACY, 100000), disk0()->identity.queue_depth);
	const uint32_t first = ide.log_count;
	struct block_completion completion;
	bool seen[64] = {false};
	uint32_t done = 0;

	(void)state;
	for (uint32_t i = 0; i <= depth; i++) {
		const struct block_segment segment = {virt_to_paddr(buffer + i * 8192ULL), 4096};

		assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){i * 10}, i),
				 i < depth ? STATUS_OK : STATUS_AGAIN);
	}
	for (uint32_t polls = 0; done < depth && polls < 10000; polls++) {
		uint32_t n;

		disk0()->ops->poll(disk0(), &completion, 1, &n);
		if (n == 0)
			continue;
		assert_int_equal(completion.status, STATUS_OK);
		assert_true(completion.tag < depth && !seen[completion.tag]);
		seen[completion.tag] = true;
		assert_pattern(buffer + completion.tag * 8192ULL, completion.tag * 5120ULL, 4096);
		done++;
	}
	assert_int_equal(done, depth);
	for (uint32_t i = 0; i < depth; i++)
		assert_int_equal(ide.log[first + i].lba, i * 10);
	assert_int_equal(buffer[4096], 0);
}

/* A poll that comes late finds the work done, not a timeout; and the next command started as soon as it was seen. */
static void test_late_poll(void **state)
{
	struct block_segment segment = {virt_to_paddr(buffer), 4096};
	struct block_completion completion;
	uint32_t n;

	(void)state;
	start(LEGACY, 100000);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){0}, i), STATUS_OK);
	fake_hw_advance_us(100 * SECOND_US);
	disk0()->ops->poll(disk0(), &completion, 1, &n);
	assert_int_equal(n, 1);
	assert_int_equal(completion.status, STATUS_OK);
	assert_int_equal(completion.tag, 0);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	collect(disk0(), 1, STATUS_OK, 1);
}

/* What is done is kept until there is room for it. */
static void test_completions_wait_for_room(void **state)
{
	struct block_segment segment = {virt_to_paddr(buffer), 4096};
	struct block_completion *completion = malloc(sizeof(*completion));
	uint32_t n;

	(void)state;
	start(LEGACY, 100000);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){0}, i), STATUS_OK);
	for (unsigned i = 0; i < 100; i++) {
		disk0()->ops->poll(disk0(), completion, 0, &n);
		assert_int_equal(n, 0);
		fake_hw_advance_us(50);
	}
	for (uint32_t i = 0; i < 3; i++) {
		disk0()->ops->poll(disk0(), completion, 1, &n);
		assert_int_equal(n, 1);
	}
	free(completion);
	disk0()->ops->poll(disk0(), NULL, 1, &n);
	assert_int_equal(n, 0);
}

static void test_master_and_slave_share(void **state)
{
	const struct block_segment segments[2] = {{virt_to_paddr(buffer), 4096}, {virt_to_paddr(buffer + 8192), 4096}};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t d = 0; d < 2; d++)
			assert_int_equal(registry.devices[d]->ops->submit_read(registry.devices[d], &segments[d], 1,
									       (struct lba){20 + d}, i),
					 STATUS_OK);
	collect(registry.devices[0], 4, STATUS_OK, 1);
	collect(registry.devices[1], 4, STATUS_OK, 1);
	assert_pattern(buffer, 20 * 512, 4096);
	assert_pattern(buffer + 8192, 21 * 512, 4096);
	for (uint32_t i = 1; i < 8; i++) /* neither starves the other */
		assert_int_not_equal(ide.log[ide.log_count - i].device, ide.log[ide.log_count - i - 1].device);
}

static void check_channels(bool is_simplex, uint32_t expected)
{
	const struct block_segment segments[2] = {{virt_to_paddr(buffer), 4096}, {virt_to_paddr(buffer + 8192), 4096}};

	setup(NULL);
	fake_ide_init(&ide, LEGACY);
	if (is_simplex)
		ide.channels[0].bus_master_status |= BMIDE_STATUS_SIMPLEX;
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 0, 1000, 512);
	probe();
	for (uint32_t i = 0; i < 4; i++)
		for (uint32_t d = 0; d < 2; d++)
			assert_int_equal(registry.devices[d]->ops->submit_read(registry.devices[d], &segments[d], 1,
									       (struct lba){20 + d}, i),
					 STATUS_OK);
	collect(registry.devices[0], 4, STATUS_OK, 1);
	collect(registry.devices[1], 4, STATUS_OK, 1);
	assert_pattern(buffer, 20 * 512, 4096);
	assert_pattern(buffer + 8192, 21 * 512, 4096);
	assert_int_equal(ide.busy_channels_max, expected);
	if (is_simplex)
		assert_int_not_equal(ide.log[ide.log_count - 1].channel, ide.log[ide.log_count - 2].channel);
	fake_ide_free(&ide);
}

static void test_simplex(void **state)
{
	(void)state;
	check_channels(false, 2);
	check_channels(true, 1);
}

/* --- PIO ------------------------------------------------------------------------------------------------------- */

static void test_pio_without_a_bus_master(void **state)
{
	const struct block_segment segments[] = {{virt_to_paddr(buffer + 0xFFFE), 512},
						 {virt_to_paddr(buffer + 0x20000), 1536}};

	(void)state;
	start(WITHOUT_DMA, 100000);
	assert_int_equal(disk0()->ops->submit_read(disk0(), segments, 2, (struct lba){77}, 1), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 5);
	assert_pattern(buffer + 0xFFFE, 77 * 512, 512);
	assert_pattern(buffer + 0x20000, 78 * 512, 1536);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	read_one(disk0(), buffer, 300 * 512, 77, STATUS_OK);
	assert_pattern(buffer, 77 * 512, 300 * 512);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS_EXT), 1);
	memset(buffer, 0x3C, 512);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){9}, buffer, 512), STATUS_OK);
	assert_memory_equal(ide.channels[0].disks[0].data + 9 * 512, buffer, 512);
	assert_int_equal(ide.channels[0].disks[0].writes_durable, 1);
	assert_int_equal(disk0()->ops->rehearse_stop(disk0()), STATUS_OK);
	disk0()->ops->quiesce(disk0());
	assert_false(fake_pci_is_bus_master(&ide.function));
}

static void test_pio_4k_block_over_segments(void **state)
{
	struct block_segment segments[8];

	(void)state;
	fake_ide_init(&ide, WITHOUT_DMA);
	fake_ide_add_disk(&ide, 1, 0, 1000, 4096);
	probe();
	for (unsigned i = 0; i < 8; i++)
		segments[i] = (struct block_segment){virt_to_paddr(buffer + 0xFF02 + i * 1024ULL), 512};
	assert_int_equal(disk0()->ops->submit_read(disk0(), segments, 8, (struct lba){4}, 1), STATUS_OK);
	collect(disk0(), 1, STATUS_OK, 5);
	for (unsigned i = 0; i < 8; i++)
		assert_pattern(buffer + 0xFF02 + i * 1024ULL, 4 * 4096 + i * 512, 512);
}

static void test_pio_short_data(void **state)
{
	struct fake_ide_disk *disk = start(WITHOUT_DMA, 100000);

	(void)state;
	disk->short_data = 2;
	read_one(disk0(), buffer, 1024, 5, STATUS_OK); /* the third attempt */
	assert_pattern(buffer, 5 * 512, 1024);
	disk->short_data = 3;
	read_one(disk0(), buffer, 1024, 5, STATUS_IO_ERROR);
	read_one(disk0(), buffer, 1024, 5, STATUS_OK);
	disk->extra_data = 2;
	memset(buffer, 0, 2048);
	read_one(disk0(), buffer, 1024, 5, STATUS_OK);
	assert_pattern(buffer, 5 * 512, 1024);
	assert_int_equal(buffer[1025] | buffer[1026] | buffer[1027], 0);
}

static void test_disk_without_dma(void **state)
{
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	disk = fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	disk->identify[49] = 0x0200;
	probe();
	read_one(disk0(), buffer, 512, 0, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
}

/* Supported, but the firmware selected nothing: the slowest mode is asked for. */
static void test_mode_is_selected_when_none_is(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512)->identify[88] = 0x003F;
	probe();
	assert_int_equal(fake_ide_commands(&ide, ATA_SET_FEATURES), 1);
	assert_int_equal(ide.channels[0].disks[0].feature, ATA_FEATURE_TRANSFER_MODE);
	assert_int_equal(ide.channels[0].disks[0].count[0], 0x20);
	read_one(disk0(), buffer, 512, 0, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
}

/* DMA that never works is given up for PIO, within one request. */
static void test_falls_back_to_pio(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 100000);

	(void)state;
	disk->crc_errors = 100;
	read_one(disk0(), buffer, 4096, 5, STATUS_OK);
	assert_pattern(buffer, 5 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1);
	read_one(disk0(), buffer, 4096, 5, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 2);
}

/* --- errors ---------------------------------------------------------------------------------------------------- */

static void test_error_in_mid_request(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 100000);
	const uint32_t resets = ide.channels[0].resets;

	(void)state;
	disk->bad_lba = 104;
	disk->bad_count = 2;
	read_one(disk0(), buffer, 4096, 100, STATUS_OK); /* the third attempt */
	assert_pattern(buffer, 100 * 512, 4096);
	disk->bad_count = 100;
	read_one(disk0(), buffer, 4096, 100, STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 6);
	read_one(disk0(), buffer, 2048, 100, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0); /* not DMA's fault */
	assert_int_equal(ide.channels[0].resets, resets);
	assert_int_equal(ide.channels[0].bus_master_command & BMIDE_COMMAND_START, 0);
}

static void test_pci_error_of_the_engine(void **state)
{
	(void)state;
	start(LEGACY, 100000);
	ide.channels[0].engine_errors = 1;
	read_one(disk0(), buffer, 4096, 100, STATUS_OK);
	assert_pattern(buffer, 100 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0);
}

/* Not ready when its turn comes: reset, not spoken to. */
static void test_device_left_in_a_strange_state(void **state)
{
	static const uint8_t states[] = {ATA_STATUS_DRDY | ATA_STATUS_DRQ, ATA_STATUS_DRDY | ATA_STATUS_BSY, 0};
	struct fake_ide_disk *disk = start(LEGACY, 100000);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const uint32_t resets = ide.channels[0].resets;

		disk->status = states[i];
		read_one(disk0(), buffer, 4096, 8, STATUS_OK);
		assert_int_equal(ide.channels[0].resets, resets + 1);
	}
	disk->reset_us = 3 * SECOND_US; /* a slow one is waited for */
	disk->status = 0;
	read_one(disk0(), buffer, 4096, 8, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 4);
}

/* The one that is reset comes back later than its neighbour, or has none. */
static void test_slow_slave(void **state)
{
	struct fake_ide_disk *slave;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	slave = fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	slave->reset_us = 3 * SECOND_US;
	slave->hang_count = 1;
	read_one(registry.devices[1], buffer, 4096, 8, STATUS_OK);
	ide.channels[0].disks[0].is_present = false;
	ide.absent = 0xFF;
	slave->hang_count = 1;
	read_one(registry.devices[1], buffer, 4096, 8, STATUS_OK);
}

/* Single timeouts with good requests between them do not add up. */
static void test_rare_timeouts(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 100000);

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		disk->hang_count = 1;
		read_one(disk0(), buffer, 4096, 8, STATUS_OK);
	}
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 0);
}

/* Lost once: reset and repeated, with what waits behind it. */
static void test_timeout_once(void **state)
{
	const struct block_segment segment = {virt_to_paddr(buffer), 4096};
	struct fake_ide_disk *disk = start(LEGACY, 100000);
	const uint64_t start_us = fake_hw_now_us();
	const uint32_t resets = ide.channels[0].resets;

	(void)state;
	disk->hang_count = 1;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){8}, i), STATUS_OK);
	collect(disk0(), 3, STATUS_OK, 15);
	assert_pattern(buffer, 8 * 512, 4096);
	assert_int_equal(ide.channels[0].resets, resets + 1);
	assert_true(fake_hw_now_us() - start_us > 9 * SECOND_US);
}

/* Never answers again, a reset does not help: all of its requests end, and it stays refused. */
static void test_device_that_dies(void **state)
{
	const struct block_segment segment = {virt_to_paddr(buffer), 4096};
	uint64_t start_us = (fake_hw_reset(), fake_hw_now_us());

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	ide.channels[0].disks[0].is_deaf = true;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){8}, i), STATUS_OK);
	collect(disk0(), 4, STATUS_TIMEOUT, 40);
	assert_true(fake_hw_now_us() - start_us < 20 * SECOND_US);
	assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){8}, 9), STATUS_IO_ERROR);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){8}, buffer, 512), STATUS_IO_ERROR);
	/* A master that stays busy keeps the channel from its neighbour: that ends, too. */
	start_us = fake_hw_now_us();
	read_one(registry.devices[1], buffer, 4096, 8, STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 20 * SECOND_US);
}

/* A slave that dies leaves the master working: a reset selects device 0. */
static void test_slave_that_dies(void **state)
{
	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	ide.channels[0].disks[1].is_deaf = true;
	read_one(registry.devices[1], buffer, 4096, 8, STATUS_TIMEOUT);
	read_one(disk0(), buffer, 4096, 8, STATUS_OK);
	assert_pattern(buffer, 8 * 512, 4096);
}

/* Comes back from each reset and hangs again: that ends, too. */
static void test_device_that_hangs_again_and_again(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 100000);
	const struct block_segment segment = {virt_to_paddr(buffer), 4096};

	(void)state;
	disk->hang_count = 1000;
	read_one(disk0(), buffer, 4096, 8, STATUS_TIMEOUT);
	assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){8}, 1), STATUS_IO_ERROR);
}

static void test_engine_that_does_not_end(void **state)
{
	(void)state;
	start(LEGACY, 100000);
	ide.channels[0].engine_never_ends = true; /* the device says done, the engine does not */
	read_one(disk0(), buffer, 4096, 8, STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_SECTORS), 1); /* so PIO brought it */
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void test_write_and_flush(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 8 << 20);

	(void)state;
	for (unsigned i = 0; i < 4096; i++)
		buffer[0xF800 + i] = (uint8_t)(i * 3);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){40}, buffer + 0xF800, 4096), STATUS_OK);
	assert_memory_equal(disk->data + 40 * 512, buffer + 0xF800, 4096);
	assert_int_equal(disk->data[39 * 512], fake_ide_pattern(39 * 512));
	assert_int_equal(disk->data[48 * 512], fake_ide_pattern(48 * 512));
	assert_int_equal(disk->writes_durable, 1);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){40}, buffer + 1, 512), STATUS_INVALID);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){40}, buffer + 2, 512), STATUS_INVALID);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){40}, buffer, 4608), STATUS_INVALID);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){40}, buffer, 0), STATUS_INVALID);
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){8 << 20}, buffer, 512), STATUS_INVALID);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
}

static void test_write_errors(void **state)
{
	struct fake_ide_disk *disk = start(LEGACY, 100000);
	uint64_t start_us;

	(void)state;
	disk->flush_fails = true;
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){4}, buffer, 512), STATUS_IO_ERROR);
	assert_int_equal(disk->writes_durable, 0);
	disk->flush_fails = false;
	disk->crc_errors = 1;
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){4}, buffer, 512), STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_FLUSH_CACHE_EXT), 1);
	disk->hang_command = ATA_FLUSH_CACHE_EXT;
	disk->hang_count = 1;
	start_us = fake_hw_now_us();
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){4}, buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
	read_one(disk0(), buffer, 512, 4, STATUS_OK); /* to learn what became of it */
	disk->is_deaf = true;
	start_us = fake_hw_now_us();
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){4}, buffer, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 30 * SECOND_US);
}

/* A cache that can't be flushed: nothing is written at all. Without a cache no flush is needed. */
static void test_write_without_flush(void **state)
{
	struct fake_ide_disk *disk;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	for (unsigned i = 0; i < 2; i++) {
		disk = fake_ide_add_disk(&ide, 0, i, 1000, 512);
		disk->identify[83] &= (uint16_t)~0x3000;
		disk->identify[86] &= (uint16_t)~0x3000;
		if (i == 1)
			disk->identify[85] &= (uint16_t)~0x0020;
	}
	probe();
	assert_int_equal(disk0()->ops->write_sync(disk0(), (struct lba){4}, buffer, 512), STATUS_UNSUPPORTED);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 0);
	assert_int_equal(registry.devices[1]->ops->write_sync(registry.devices[1], (struct lba){4}, buffer, 512),
			 STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_WRITE_DMA), 1);
}

/* --- stopping -------------------------------------------------------------------------------------------------- */

static void test_rehearsal(void **state)
{
	(void)state;
	start(LEGACY, 100000);
	assert_int_equal(disk0()->ops->rehearse_stop(disk0()), STATUS_OK);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 1);
	ide.channels[0].disks[0].bad_count = 100; /* LBA 0 */
	assert_int_equal(disk0()->ops->rehearse_stop(disk0()), STATUS_IO_ERROR);
	read_one(disk0(), buffer, 4096, 8, STATUS_OK);
}

/* The neighbour's request goes through first. */
static void test_rehearsal_beside_a_read(void **state)
{
	const struct block_segment segment = {virt_to_paddr(buffer), 4096};

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 0, 1, 1000, 512);
	probe();
	assert_int_equal(registry.devices[1]->ops->submit_read(registry.devices[1], &segment, 1, (struct lba){8}, 1),
			 STATUS_OK);
	assert_int_equal(disk0()->ops->rehearse_stop(disk0()), STATUS_OK);
	collect(registry.devices[1], 1, STATUS_OK, 1);
	assert_pattern(buffer, 8 * 512, 4096);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 2);
}

static void test_engine_that_runs_by_itself(void **state)
{
	const uint64_t start_us = (start(LEGACY, 100000), fake_hw_now_us());

	(void)state;
	ide.channels[0].engine_sticks = true;
	ide.channels[0].bus_master_status |= BMIDE_STATUS_ACTIVE;
	read_one(disk0(), buffer, 4096, 8, STATUS_IO_ERROR);
	assert_int_equal(fake_ide_commands(&ide, ATA_READ_DMA), 0);
	assert_true(fake_hw_now_us() - start_us < SECOND_US);
}

static void test_engine_that_does_not_stop(void **state)
{
	uint64_t start_us;
	uint32_t resets;

	(void)state;
	start(LEGACY, 100000);
	read_one(disk0(), buffer, 4096, 8, STATUS_OK);
	ide.channels[0].engine_sticks = true;
	ide.channels[0].bus_master_status |= BMIDE_STATUS_ACTIVE;
	start_us = fake_hw_now_us();
	assert_int_equal(disk0()->ops->rehearse_stop(disk0()), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 10 * SECOND_US);
	resets = ide.channels[0].resets;
	disk0()->ops->quiesce(disk0());
	assert_int_equal(ide.channels[0].resets, resets + 1);
	assert_int_equal(ide.channels[0].control, ATA_CONTROL_NIEN);
	assert_false(fake_pci_is_bus_master(&ide.function));
}

/* In the middle of a command: all is off, and memory stays as it is. */
static void test_quiesce(void **state)
{
	const struct block_segment segment = {virt_to_paddr(buffer), 4096};
	uint32_t resets;

	(void)state;
	fake_ide_init(&ide, LEGACY);
	fake_ide_add_disk(&ide, 0, 0, 1000, 512);
	fake_ide_add_disk(&ide, 1, 1, 1000, 512);
	probe();
	resets = ide.channels[1].resets;
	for (uint32_t d = 0; d < 2; d++)
		assert_int_equal(
			registry.devices[d]->ops->submit_read(registry.devices[d], &segment, 1, (struct lba){8}, 1),
			STATUS_OK);
	disk0()->ops->quiesce(disk0());
	assert_false(fake_pci_is_bus_master(&ide.function));
	for (uint32_t c = 0; c < 2; c++) {
		assert_int_equal(ide.channels[c].bus_master_command, 0);
		assert_int_equal(ide.channels[c].bus_master_status & BMIDE_STATUS_ACTIVE, 0);
		assert_int_equal(ide.channels[c].control, ATA_CONTROL_NIEN);
	}
	assert_int_equal(ide.channels[1].resets, resets + 1);
	assert_int_equal(buffer[0] | buffer[1] | buffer[100], 0);
	fake_hw_advance_us(SECOND_US);
	assert_int_equal(buffer[0] | buffer[1] | buffer[100], 0);
	registry.devices[1]->ops->quiesce(registry.devices[1]); /* again, for the other one */
	assert_int_equal(disk0()->ops->submit_read(disk0(), &segment, 1, (struct lba){8}, 1), STATUS_IO_ERROR);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_four_disks_native),
		TEST(test_no_device_is_quick),
		TEST(test_atapi_is_passed_over),
		TEST(test_stuck_busy_at_detection),
		TEST(test_identify_that_hangs),
		TEST(test_bad_identify),
		TEST(test_arena_beyond_the_engine),
		TEST(test_small_engine_and_native_ports),
		TEST(test_engine_that_floats),
		TEST(test_unusable_engine),
		TEST(test_missing_neighbour_is_quick),
		TEST(test_selection_kept_over_a_reset),
		TEST(test_same_channel_twice),
		TEST(test_full_arena),
		TEST(test_matches_only_ide),
		TEST(test_scatter_with_odd_boundaries),
		TEST(test_largest_request),
		TEST(test_28_and_48_bit_commands),
		TEST(test_28_bit_disk),
		TEST(test_4k_sectors),
		TEST(test_requests_out_of_range),
		TEST(test_queue),
		TEST(test_late_poll),
		TEST(test_completions_wait_for_room),
		TEST(test_master_and_slave_share),
		TEST(test_simplex),
		TEST(test_pio_without_a_bus_master),
		TEST(test_pio_4k_block_over_segments),
		TEST(test_pio_short_data),
		TEST(test_disk_without_dma),
		TEST(test_mode_is_selected_when_none_is),
		TEST(test_falls_back_to_pio),
		TEST(test_error_in_mid_request),
		TEST(test_pci_error_of_the_engine),
		TEST(test_timeout_once),
		TEST(test_device_left_in_a_strange_state),
		TEST(test_rare_timeouts),
		TEST(test_slow_slave),
		TEST(test_device_that_dies),
		TEST(test_slave_that_dies),
		TEST(test_device_that_hangs_again_and_again),
		TEST(test_engine_that_does_not_end),
		TEST(test_write_and_flush),
		TEST(test_write_errors),
		TEST(test_write_without_flush),
		TEST(test_rehearsal),
		TEST(test_engine_that_runs_by_itself),
		TEST(test_rehearsal_beside_a_read),
		TEST(test_engine_that_does_not_stop),
		TEST(test_quiesce),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
