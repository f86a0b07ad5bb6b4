/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: finding the registers. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_internal.h"
#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_fixture.h"

static void expect_works(void)
{
	rig_read(3);
	rig_expect_all_but(3, 2, STATUS_OK);
}

static void test_msix_is_switched_off(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_MSIX + 3, 0x80);
	rig_probe(); /* the model insists */
	assert_int_equal(rig.virtio.pci.config[FAKE_VIRTIO_CAP_MSIX + 3], 0);
}

/* Nobody has used it before. */
static void test_decoding_is_off(void **state)
{
	(void)state;
	fake_pci_set16(&rig.virtio.pci, 4, 0);
	rig_probe();
	expect_works();
	rig_setup_legacy(state);
	fake_pci_set16(&rig.virtio.pci, 4, 0);
	rig_probe();
	expect_works();
}

/* --- capabilities ---------------------------------------------------------------------------------------------- */

/* A broken capability: a transitional device still has the legacy interface, a modern one nothing. */
static void expect_legacy_instead(void)
{
	const struct fake_virtio before = rig.virtio;

	rig_probe();
	assert_false(rig.virtio.is_modern_used);
	expect_works();
	rig_setup(NULL);
	memcpy(rig.virtio.pci.config, before.pci.config, sizeof(before.pci.config));
	rig.virtio.features = before.features;
	rig.virtio.notify_off = before.notify_off;
	fake_virtio_make_modern(&rig.virtio);
	rig_expect_refused(STATUS_UNSUPPORTED);
	assert_true(fake_log_has("virtio: 00:04.0: no usable registers"));
	assert_int_equal(rig.virtio.resets, 0);
}

static void test_capability_beyond_its_bar(void **state)
{
	(void)state;
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 12, 0x2001);
	expect_legacy_instead();
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 8, 0xFFFFFFFC);
	expect_legacy_instead();
}

static void test_capability_too_short(void **state)
{
	(void)state;
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 12, 0x37);
	expect_legacy_instead();
	rig_setup(state);
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 2, 16); /* no multiplier */
	expect_legacy_instead();
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 12, 0);
	expect_legacy_instead();
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 12, 1);
	expect_legacy_instead();
}

static void test_capability_unaligned(void **state)
{
	(void)state;
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 8, 2);
	expect_legacy_instead();
}

static void test_capability_of_no_bar(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 4, 6);
	expect_legacy_instead();
	rig_setup(state);
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 4, 2); /* not implemented */
	expect_legacy_instead();
}

static void test_capability_missing(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 1, FAKE_VIRTIO_CAP_DEVICE);
	expect_legacy_instead();
}

static void test_capabilities_in_a_loop(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 1, FAKE_VIRTIO_CAP_COMMON);
	expect_legacy_instead();
}

static void test_capability_at_the_end(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 1, 0xF4);
	memcpy(&rig.virtio.pci.config[0xF4], &rig.virtio.pci.config[FAKE_VIRTIO_CAP_DEVICE], 12);
	expect_legacy_instead();
	/* All but the multiplier. */
	rig_setup(state);
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_COMMON + 1, 0xF0);
	memcpy(&rig.virtio.pci.config[0xF0], &rig.virtio.pci.config[FAKE_VIRTIO_CAP_NOTIFY], 16);
	expect_legacy_instead();
}

/* The lower two bits of a pointer are reserved. */
static void test_capability_pointers_with_reserved_bits(void **state)
{
	(void)state;
	rig.virtio.pci.config[FAKE_VIRTIO_CAP_COMMON + 1] |= 3;
	rig.virtio.pci.config[FAKE_VIRTIO_CAP_NOTIFY + 1] |= 1;
	rig_probe();
	assert_true(rig.virtio.is_modern_used);
}

/* In the header, where no capability can be. Its offset's lowest byte is at the same time the pointer to the first. */
static void test_capability_in_the_header(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 1, 0x2C);
	memcpy(&rig.virtio.pci.config[0x2C], &rig.virtio.pci.config[FAKE_VIRTIO_CAP_DEVICE], 16);
	fake_pci_set32(&rig.virtio.pci, 0x34, FAKE_VIRTIO_DEVICE + FAKE_VIRTIO_CAP_MSIX);
	expect_legacy_instead();
}

static void test_capability_of_another_kind(void **state)
{
	(void)state;
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE, 5);
	expect_legacy_instead();
}

/* The first that makes sense counts. */
static void test_capability_twice(void **state)
{
	uint8_t *config = rig.virtio.pci.config;

	(void)state;
	memcpy(&config[0xA0], &config[FAKE_VIRTIO_CAP_COMMON], 16);
	config[FAKE_VIRTIO_CAP_COMMON + 1] = 0xA0;
	config[FAKE_VIRTIO_CAP_COMMON + 4] = 7;
	config[0xA1] = 0xC0;
	memcpy(&config[0xC0], &config[FAKE_VIRTIO_CAP_COMMON], 16);
	config[0xC0 + 4] = 4;
	fake_pci_set32(&rig.virtio.pci, 0xC0 + 8, 0x1000); /* the model has no registers there */
	config[0xC0 + 1] = FAKE_VIRTIO_CAP_NOTIFY;
	rig_probe();
	assert_true(rig.virtio.is_modern_used);
}

static void test_without_version_1(void **state)
{
	(void)state;
	rig.virtio.features &= ~VIRTIO_F_VERSION_1;
	expect_legacy_instead();
}

static void test_notification_out_of_its_window(void **state)
{
	(void)state;
	rig.virtio.notify_off = 0x400; /* times 4 */
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup(state);
	rig.virtio.notify_off = 0x3FF;
	rig_probe();
	expect_works();
}

/* Two bytes are written there: it need not be aligned to four (4.1.4.4.1). */
static void test_notification_aligned_to_two(void **state)
{
	(void)state;
	/* The model's register, seen from a structure that begins two bytes before it. */
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 8, FAKE_VIRTIO_NOTIFY - 2);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 16, 2);
	rig.virtio.notify_off = 1;
	rig.virtio.notify_at = FAKE_VIRTIO_NOTIFY;
	rig_probe();
	assert_true(rig.virtio.is_modern_used);
	expect_works();
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 8, FAKE_VIRTIO_NOTIFY + 1);
	expect_legacy_instead();
}

/* A multiplier of 0: all queues share one register; an odd place can't be written. */
static void test_notification_multipliers(void **state)
{
	(void)state;
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 16, 0);
	rig.virtio.notify_off = 7;
	rig.virtio.notify_at = FAKE_VIRTIO_NOTIFY;
	rig_probe();
	expect_works();
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 16, 3);
	rig.virtio.notify_off = 1;
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup(state);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_NOTIFY + 16, 0x20000); /* 4 GiB further */
	rig.virtio.notify_off = 0x8000;
	rig_expect_refused(STATUS_UNSUPPORTED);
}

static void test_registers_not_mapped(void **state)
{
	(void)state;
	rig.virtio.refuses_map = true;
	rig_probe();
	assert_false(rig.virtio.is_modern_used);
	rig_setup(state);
	fake_virtio_make_modern(&rig.virtio);
	rig.virtio.refuses_map = true;
	rig_expect_refused(STATUS_UNSUPPORTED);
}

static void test_capabilities_in_io_space(void **state)
{
	(void)state;
	/* The configuration alone: it is the same in BAR 0, where the model has the legacy interface. */
	fake_pci_set8(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 4, 0);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 8, VIRTIO_LEGACY_CONFIG);
	fake_pci_set32(&rig.virtio.pci, FAKE_VIRTIO_CAP_DEVICE + 12, 0x18);
	rig_probe();
	assert_true(rig.virtio.is_modern_used);
	expect_works();
}

static void test_legacy_without_ports(void **state)
{
	(void)state;
	fake_virtio_make_legacy(&rig.virtio);
	fake_pci_set32(&rig.virtio.pci, 0x10, 0);
	memset(&rig.virtio.pci.writable[0x10], 0, 4);
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup_legacy(state);
	fake_pci_set_bar(&rig.virtio.pci, 0, FAKE_VIRTIO_MMIO, 0x1000, 0);
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup_legacy(state);
	fake_pci_set_bar(&rig.virtio.pci, 0, FAKE_VIRTIO_PORTS, 16, 1); /* no room for the registers */
	rig_expect_refused(STATUS_UNSUPPORTED);
	rig_setup_legacy(state);
	fake_pci_set_bar(&rig.virtio.pci, 0, 0x1C040, 0x40, 1); /* beyond the last port */
	rig_expect_refused(STATUS_UNSUPPORTED);
}

/* The register holds 32 bits of a page's number. */
static void test_legacy_queue_too_high(void **state)
{
	struct virtio_transport transport = {.registers = {.is_io = true, .base = FAKE_VIRTIO_PORTS, .bytes = 0x40}};
	const struct virtio_queue queue = {.descriptors = paddr_to_virt((struct paddr){(uint64_t)1 << 44})};

	(void)state;
	assert_int_equal(virtio_legacy_ops.queue_create(&transport, &queue), STATUS_UNSUPPORTED);
	assert_false(rig.virtio.is_enabled);
}

/* Only a transitional device has the legacy interface, whatever is in BAR 0. */
static void test_modern_is_not_legacy(void **state)
{
	(void)state;
	fake_virtio_make_legacy(&rig.virtio);
	fake_pci_set32(&rig.virtio.pci, 0, 0x10421AF4);
	rig_expect_refused(STATUS_UNSUPPORTED);
}

/* --- anything at all ---------------------------------------------------------------------------------------------- */

static uint64_t noise_read(void *seed, uint32_t offset, unsigned width_bytes)
{
	(void)offset;
	(void)width_bytes;
	*(uint32_t *)seed = *(uint32_t *)seed * 1664525 + 1013904223;
	return *(uint32_t *)seed >> 3;
}

static void noise_write(void *seed, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)seed;
	(void)offset;
	(void)width_bytes;
	(void)value;
}

static enum status map_nothing_else(struct paddr base, uint64_t bytes)
{
	assert_true(base.value == FAKE_VIRTIO_MMIO && bytes == 0x4000);
	return STATUS_OK;
}

static void expect_inside(const struct virtio_window *window, uint32_t bytes_least)
{
	const uint64_t base = window->is_io ? FAKE_VIRTIO_PORTS : FAKE_VIRTIO_MMIO;
	const uint64_t bytes = window->is_io ? 0x40 : 0x4000;

	assert_true(window->bytes >= bytes_least && window->base >= base);
	assert_true(window->base - base + window->bytes <= bytes);
}

/* Spoils some bytes of the capabilities; some values lead further than others. */
static void capabilities_spoil(uint8_t *config, uint32_t *seed)
{
	static const uint8_t telling[] = {0, 1, 2, 4, 9, 16, 20, 0x40, 0x50, 0x60, 0x78, 0x80, 0xEC, 0xF0, 0xFC, 0xFF};

	for (uint32_t i = (uint32_t)noise_read(seed, 0, 4) % 6; i > 0; i--) {
		const uint32_t at = FAKE_VIRTIO_CAP_MSIX + (uint32_t)noise_read(seed, 0, 4) % 192;
		config[at % 7 == 0 ? 0x34 : at] = telling[noise_read(seed, 0, 4) % sizeof(telling)];
	}
}

/* The registers found lie within the device's BARs, whatever its capabilities say, and the search ends. */
static void test_capabilities_at_random(void **state)
{
	const struct fake_hw_ops noise = {noise_read, noise_write};
	const struct driver_environment environment = {.map_mmio = map_nothing_else};
	const struct pci_function function = {.device = 4, .vendor_id = 0x1AF4, .device_id = 0x1001};
	const struct fake_virtio whole = rig.virtio;
	uint32_t seed = 1;
	uint32_t modern = 0;
	uint32_t legacy = 0;

	(void)state;
	fake_hw_reset();
	fake_hw_add_ports(FAKE_VIRTIO_PORTS, 0x40, &noise, &seed);
	fake_hw_add_mmio(FAKE_VIRTIO_MMIO, 0x4000, &noise, &seed);
	fake_pci_add(&rig.virtio.pci, 0, 4, 0, 0x10011AF4, 0x010000);
	for (uint32_t round = 0; round < 20000; round++) {
		struct virtio_transport transport;

		rig.virtio.pci = whole.pci;
		rig.virtio.pci.writable[FAKE_VIRTIO_CAP_MSIX + 3] = 0;
		capabilities_spoil(rig.virtio.pci.config, &seed);
		assert_int_equal(virtio_transport_open(&transport, &function, &environment), STATUS_OK);
		const bool is_modern = transport.ops == &virtio_modern_ops;
		expect_inside(&transport.registers, is_modern ? VIRTIO_COMMON_BYTES : VIRTIO_LEGACY_CONFIG);
		expect_inside(&transport.notify, 2);
		expect_inside(&transport.config, 1);
		modern += is_modern;
		legacy += !is_modern;
	}
	assert_true(modern > 1000 && legacy > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_msix_is_switched_off, rig_setup_legacy),
		cmocka_unit_test_setup(test_decoding_is_off, rig_setup),
		cmocka_unit_test_setup(test_capability_beyond_its_bar, rig_setup),
		cmocka_unit_test_setup(test_capability_too_short, rig_setup),
		cmocka_unit_test_setup(test_capability_unaligned, rig_setup),
		cmocka_unit_test_setup(test_capability_of_no_bar, rig_setup),
		cmocka_unit_test_setup(test_capability_missing, rig_setup),
		cmocka_unit_test_setup(test_capabilities_in_a_loop, rig_setup),
		cmocka_unit_test_setup(test_capability_at_the_end, rig_setup),
		cmocka_unit_test_setup(test_capability_pointers_with_reserved_bits, rig_setup),
		cmocka_unit_test_setup(test_capability_in_the_header, rig_setup),
		cmocka_unit_test_setup(test_capability_of_another_kind, rig_setup),
		cmocka_unit_test_setup(test_capability_twice, rig_setup),
		cmocka_unit_test_setup(test_without_version_1, rig_setup),
		cmocka_unit_test_setup(test_notification_out_of_its_window, rig_setup),
		cmocka_unit_test_setup(test_notification_aligned_to_two, rig_setup),
		cmocka_unit_test_setup(test_notification_multipliers, rig_setup),
		cmocka_unit_test_setup(test_registers_not_mapped, rig_setup),
		cmocka_unit_test_setup(test_capabilities_in_io_space, rig_setup),
		cmocka_unit_test_setup(test_legacy_without_ports, rig_setup),
		cmocka_unit_test_setup(test_legacy_queue_too_high, rig_setup),
		cmocka_unit_test_setup(test_modern_is_not_legacy, rig_setup),
		cmocka_unit_test_setup(test_capabilities_at_random, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
