/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio driver against a register model: finding the registers. */
#include "drivers/virtio/virtio_blk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_msix_is_switched_off, rig_setup_legacy),
		cmocka_unit_test_setup(test_capability_beyond_its_bar, rig_setup),
		cmocka_unit_test_setup(test_capability_too_short, rig_setup),
		cmocka_unit_test_setup(test_capability_unaligned, rig_setup),
		cmocka_unit_test_setup(test_capability_of_no_bar, rig_setup),
		cmocka_unit_test_setup(test_capability_missing, rig_setup),
		cmocka_unit_test_setup(test_capabilities_in_a_loop, rig_setup),
		cmocka_unit_test_setup(test_capability_at_the_end, rig_setup),
		cmocka_unit_test_setup(test_capability_twice, rig_setup),
		cmocka_unit_test_setup(test_without_version_1, rig_setup),
		cmocka_unit_test_setup(test_notification_out_of_its_window, rig_setup),
		cmocka_unit_test_setup(test_capabilities_in_io_space, rig_setup),
		cmocka_unit_test_setup(test_legacy_without_ports, rig_setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
