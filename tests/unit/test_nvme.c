/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NVMe driver against a register model. */
#include "drivers/nvme/nvme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/timer.h"
#include "tests/unit/fake_nvme.h"

#define PAGES   512
#define FOREVER UINT64_MAX

static struct fake_nvme nvme;
static struct block_registry registry;
static struct block_device *device;
static struct page memory[PAGES + 1] __attribute__((aligned(4096)));

static int setup(void **state)
{
	(void)state;
	fake_nvme_init(&nvme);
	memset(memory, 0xEE, sizeof(memory));
	return 0;
}

static void probe(unsigned disks)
{
	assert_int_equal(fake_nvme_probe(&nvme, &registry), STATUS_OK);
	assert_int_equal(registry.count, disks);
	device = registry.devices[0];
}

static void probe_fails(enum status status)
{
	assert_int_equal(fake_nvme_probe(&nvme, &registry), status);
	assert_int_equal(registry.count, 0);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
}

static void expect_bytes(const void *bytes, uint64_t count, uint32_t nsid, uint64_t sector, uint32_t sector_bytes)
{
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(((const uint8_t *)bytes)[i],
				 fake_nvme_byte(nsid, sector + i / sector_bytes, (uint32_t)(i % sector_bytes)));
}

static void expect_read(struct block_device *disk, uint32_t nsid)
{
	const uint32_t sector_bytes = disk->identity.sector_bytes;

	assert_int_equal(block_read_sync(disk, (struct lba){9}, memory, sector_bytes * 3), STATUS_OK);
	expect_bytes(memory, sector_bytes * 3, nsid, 9, sector_bytes);
}

static void test_identity(void **state)
{
	(void)state;
	probe(1);
	assert_string_equal(device->identity.name, "nvme0n1");
	assert_string_equal(device->identity.model, "Fake NVMe disk");
	assert_string_equal(device->identity.serial, "SN 42?");
	assert_int_equal(device->identity.sector_bytes, 512);
	assert_int_equal(device->identity.sector_count, FAKE_NVME_SECTORS);
	assert_int_equal(device->identity.max_transfer_bytes, 512 * PAGE_BYTES);
	assert_int_equal(device->identity.max_segments, 512);
	assert_int_equal(device->identity.queue_depth, 32);
	assert_int_equal(device->identity.controller, 3 << 3);
	assert_true(device->identity.dma_limit == UINT64_MAX);
	expect_read(device, 1);
}

static void test_matches_nvme_only(void **state)
{
	struct pci_function function = {.class_code = 1, .subclass = 8, .prog_if = 2};

	(void)state;
	assert_true(nvme_driver.matches(&function));
	function.prog_if = 1;
	assert_false(nvme_driver.matches(&function));
	function = (struct pci_function){.class_code = 1, .subclass = 6, .prog_if = 2};
	assert_false(nvme_driver.matches(&function));
}

static void test_namespaces(void **state)
{
	(void)state;
	nvme.namespaces[0] = 0;
	nvme.namespaces[1] = 4096;
	nvme.namespaces[4] = 512;
	nvme.namespaces[6] = 2048;
	nvme.cap |= 2ull << 32; /* doorbells 16 bytes apart */
	probe(2);
	assert_string_equal(registry.devices[0]->identity.name, "nvme0n2");
	assert_int_equal(registry.devices[0]->identity.sector_bytes, 4096);
	assert_string_equal(registry.devices[1]->identity.name, "nvme0n5");
	assert_true(fake_log_has("nvme0n7: left out"));
	expect_read(registry.devices[0], 2);
	expect_read(registry.devices[1], 5);
}

/* Each gets its own completions, whoever polls. */
static void test_namespaces_share_a_queue(void **state)
{
	const struct block_segment first = {virt_to_paddr(&memory[0]), PAGE_BYTES};
	const struct block_segment second = {virt_to_paddr(&memory[1]), PAGE_BYTES};
	struct block_completion completions[4];
	uint32_t count;

	(void)state;
	nvme.namespaces[1] = 512;
	probe(2);
	assert_int_equal(device->ops->submit_read(device, &first, 1, (struct lba){0}, 11), STATUS_OK);
	assert_int_equal(registry.devices[1]->ops->submit_read(registry.devices[1], &second, 1, (struct lba){8}, 22),
			 STATUS_OK);
	fake_hw_advance_us(1000);
	device->ops->poll(device, completions, 4, &count);
	assert_int_equal(count, 1);
	assert_int_equal(completions[0].tag, 11);
	registry.devices[1]->ops->poll(registry.devices[1], completions, 4, &count);
	assert_int_equal(count, 1);
	assert_int_equal(completions[0].tag, 22);
	expect_bytes(&memory[0], PAGE_BYTES, 1, 0, 512);
	expect_bytes(&memory[1], PAGE_BYTES, 2, 8, 512);
}

static void test_version_1_0(void **state)
{
	(void)state;
	nvme.has_list = false;
	nvme.namespaces[2] = 512;
	probe(2);
	assert_string_equal(registry.devices[1]->identity.name, "nvme0n3");
}

static void test_formats(void **state)
{
	(void)state;
	nvme.format_index = 17;
	nvme.format_count = 20;
	probe(1);
	nvme.format_index = 3;
	nvme.format_count = 2;
	assert_int_equal(fake_nvme_probe(&nvme, &registry), STATUS_OK);
	assert_int_equal(registry.count, 0);
	nvme.format_count = 4;
	nvme.metadata_bytes = 8;
	assert_int_equal(fake_nvme_probe(&nvme, &registry), STATUS_OK);
	assert_int_equal(registry.count, 0);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
}

static void test_small_limits(void **state)
{
	(void)state;
	nvme.mdts = 2;
	nvme.cap = (nvme.cap & ~0xFFFFull) | 3; /* four entries */
	probe(1);
	assert_int_equal(device->identity.max_transfer_bytes, 4 * PAGE_BYTES);
	assert_int_equal(device->identity.max_segments, 4);
	assert_int_equal(device->identity.queue_depth, 3);
	assert_int_equal(block_read_sync(device, (struct lba){0}, memory, 64 * PAGE_BYTES), STATUS_OK);
	expect_bytes(memory, 64 * PAGE_BYTES, 1, 0, 512);
	assert_int_equal(nvme.bytes_most, 4 * PAGE_BYTES);
}

/* One, two and many pages; from inside a page; scattered. */
static void test_prps(void **state)
{
	static const uint32_t sizes[] = {512, 4096, 4608, 8192, 8704, 12288, 512 * PAGE_BYTES};
	struct block_segment scattered[7];
	struct block_completion completion;
	uint32_t count;

	(void)state;
	probe(1);
	for (uint32_t offset = 0; offset < PAGE_BYTES; offset += 1536) {
		for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
			uint8_t *to = memory[0].bytes + offset;

			memset(memory, 0xEE, sizeof(memory));
			assert_int_equal(block_read_sync(device, (struct lba){i}, to, sizes[i]), STATUS_OK);
			expect_bytes(to, sizes[i], 1, i, 512);
			if (offset + sizes[i] < sizeof(memory))
				assert_int_equal(to[sizes[i]], 0xEE);
		}
	}
	for (uint32_t i = 0; i < 7; i++)
		scattered[i] = (struct block_segment){virt_to_paddr(&memory[60 - i * 3]), PAGE_BYTES};
	scattered[0] = (struct block_segment){{scattered[0].address.value + 2048}, 2048};
	scattered[6].bytes = 512;
	assert_int_equal(device->ops->submit_read(device, scattered, 7, (struct lba){1}, 5), STATUS_OK);
	fake_hw_advance_us(1000);
	device->ops->poll(device, &completion, 1, &count);
	assert_int_equal(count, 1);
	expect_bytes(memory[60].bytes + 2048, 2048, 1, 1, 512);
	expect_bytes(&memory[57], PAGE_BYTES, 1, 5, 512);
	expect_bytes(&memory[42], 512, 1, 45, 512);
	scattered[3].bytes = 512;
	assert_int_equal(device->ops->submit_read(device, scattered, 7, (struct lba){1}, 5), STATUS_INVALID);
}

static void test_many_in_flight(void **state)
{
	struct block_completion completions[8];
	bool done[64] = {false};
	uint32_t submitted = 0;
	uint32_t finished = 0;

	(void)state;
	probe(1);
	while (finished < 64) {
		const struct block_segment segment = {virt_to_paddr(&memory[submitted % PAGES]), PAGE_BYTES};
		uint32_t count;

		if (submitted < 64 && device->ops->submit_read(device, &segment, 1, (struct lba){submitted * 8ull},
							       submitted) == STATUS_OK) {
			submitted++;
			continue;
		}
		device->ops->poll(device, completions, 8, &count);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(completions[i].status, STATUS_OK);
			assert_false(done[completions[i].tag]);
			done[completions[i].tag] = true;
			finished++;
		}
	}
	assert_int_equal(nvme.in_flight_most, 32);
	for (uint32_t i = 0; i < 64; i++)
		expect_bytes(&memory[i], PAGE_BYTES, 1, i * 8, 512);
}

static void test_write(void **state)
{
	(void)state;
	probe(1);
	memset(&memory[3], 0x5A, PAGE_BYTES);
	assert_int_equal(device->ops->write_sync(device, (struct lba){77}, &memory[3], 512), STATUS_OK);
	assert_int_equal(nvme.sectors_written, 1);
	assert_int_equal(fake_nvme_written(&nvme, 1, 77)->bytes[511], 0x5A);
	assert_true(fake_nvme_written(&nvme, 1, 77)->is_flushed);
	nvme.flushes_fail = 1;
	assert_int_equal(device->ops->write_sync(device, (struct lba){77}, &memory[3], 512), STATUS_IO_ERROR);
	assert_int_equal(nvme.flushes, 2);
	nvme.writes_fail = 1;
	assert_int_equal(device->ops->write_sync(device, (struct lba){77}, &memory[3], 512), STATUS_OK);
	assert_int_equal(nvme.writes, 4);
	assert_int_equal(device->ops->write_sync(device, (struct lba){FAKE_NVME_SECTORS}, memory, 512), STATUS_INVALID);
	nvme.mute = 1;
	assert_int_equal(device->ops->write_sync(device, (struct lba){77}, &memory[3], 512), STATUS_TIMEOUT);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
}

static void test_no_write_cache(void **state)
{
	(void)state;
	nvme.has_write_cache = false;
	probe(1);
	assert_int_equal(device->ops->write_sync(device, (struct lba){1}, memory, 512), STATUS_OK);
	assert_int_equal(nvme.flushes, 0);
}

static void test_read_errors(void **state)
{
	(void)state;
	probe(1);
	nvme.bad_sector = 10;
	nvme.bad_times = 2;
	expect_read(device, 1);
	assert_int_equal(nvme.reads, 3);
	nvme.bad_times = 3;
	assert_int_equal(block_read_sync(device, (struct lba){10}, memory, 512), STATUS_IO_ERROR);
	nvme.bad_times = 1;
	nvme.bad_status |= 0x8000; /* do not retry */
	assert_int_equal(block_read_sync(device, (struct lba){10}, memory, 512), STATUS_IO_ERROR);
	expect_read(device, 1);
}

static void test_no_answer(void **state)
{
	const uint64_t start_us = fake_hw_now_us();

	(void)state;
	probe(1);
	nvme.mute = 1;
	assert_int_equal(block_read_sync(device, (struct lba){0}, memory, 512), STATUS_TIMEOUT);
	assert_true(fake_hw_now_us() - start_us < 60000000);
	assert_int_equal(nvme.cc & 1, 0);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
	assert_int_equal(block_read_sync(device, (struct lba){0}, memory, 512), STATUS_IO_ERROR);
}

static void test_wrong_completions(void **state)
{
	(void)state;
	probe(1);
	nvme.wrong_ids = 1;
	assert_int_equal(block_read_sync(device, (struct lba){0}, memory, 512), STATUS_IO_ERROR);
	assert_true(fake_log_has("not asked for"));
	assert_false(fake_pci_is_bus_master(&nvme.pci));
}

static void test_bring_up_failures(void **state)
{
	(void)state;
	nvme.ready_us = FOREVER;
	probe_fails(STATUS_TIMEOUT);
	setup(state);
	nvme.is_fatal = true;
	probe_fails(STATUS_IO_ERROR);
	setup(state);
	nvme.is_gone = true;
	probe_fails(STATUS_IO_ERROR);
	setup(state);
	nvme.cap |= 1ull << 48; /* pages of 8 KiB at least */
	probe_fails(STATUS_UNSUPPORTED);
	setup(state);
	nvme.cap &= ~(1ull << 37);
	probe_fails(STATUS_UNSUPPORTED);
	setup(state);
	nvme.cap |= 15ull << 32; /* doorbells beyond the BAR */
	probe_fails(STATUS_UNSUPPORTED);
	setup(state);
	nvme.cap &= ~0xFFFFull; /* queues of one entry */
	probe_fails(STATUS_UNSUPPORTED);
}

/* A firmware that booted from it leaves it enabled. */
static void test_left_running(void **state)
{
	(void)state;
	nvme.cc = 6 << 16 | 4 << 20 | 1;
	nvme.csts = 1;
	probe(1);
	assert_int_equal(nvme.enables, 1);
	expect_read(device, 1);
	setup(state);
	nvme.cc = 1;
	nvme.csts = 1;
	nvme.stop_us = FOREVER;
	probe_fails(STATUS_TIMEOUT);
}

static void test_rehearse_and_quiesce(void **state)
{
	(void)state;
	probe(1);
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_OK);
	assert_int_equal(nvme.enables, 2);
	expect_read(device, 1);
	device->ops->quiesce(device);
	device->ops->quiesce(device);
	assert_int_equal(nvme.cc & 1, 0);
	assert_int_equal(nvme.csts & 1, 0);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
	setup(state);
	probe(1);
	nvme.stop_us = FOREVER;
	assert_int_equal(device->ops->rehearse_stop(device), STATUS_TIMEOUT);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
	setup(state);
	probe(1);
	nvme.stop_us = FOREVER;
	device->ops->quiesce(device);
	assert_false(fake_pci_is_bus_master(&nvme.pci));
	assert_true(fake_log_has("does not stop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identity, setup),
		cmocka_unit_test_setup(test_matches_nvme_only, setup),
		cmocka_unit_test_setup(test_namespaces, setup),
		cmocka_unit_test_setup(test_namespaces_share_a_queue, setup),
		cmocka_unit_test_setup(test_version_1_0, setup),
		cmocka_unit_test_setup(test_formats, setup),
		cmocka_unit_test_setup(test_small_limits, setup),
		cmocka_unit_test_setup(test_prps, setup),
		cmocka_unit_test_setup(test_many_in_flight, setup),
		cmocka_unit_test_setup(test_write, setup),
		cmocka_unit_test_setup(test_no_write_cache, setup),
		cmocka_unit_test_setup(test_read_errors, setup),
		cmocka_unit_test_setup(test_no_answer, setup),
		cmocka_unit_test_setup(test_wrong_completions, setup),
		cmocka_unit_test_setup(test_bring_up_failures, setup),
		cmocka_unit_test_setup(test_left_running, setup),
		cmocka_unit_test_setup(test_rehearse_and_quiesce, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
