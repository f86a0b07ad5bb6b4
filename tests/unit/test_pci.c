/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drivers/pci.c against fake functions behind ports 0xCF8 and 0xCFC. */
#include "drivers/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake_hw.h"

#define SEEN_MAX 32

struct seen {
	struct pci_function functions[SEEN_MAX];
	unsigned count;
	unsigned stop_after;
};

static enum status remember(void *context, const struct pci_function *function)
{
	struct seen *seen = context;

	assert_true(seen->count < SEEN_MAX);
	seen->functions[seen->count++] = *function;
	return seen->count == seen->stop_after ? STATUS_NO_MEMORY : STATUS_OK;
}

static unsigned times_seen(const struct seen *seen, uint8_t bus, uint8_t device, uint8_t number)
{
	unsigned times = 0;

	for (unsigned i = 0; i < seen->count; i++) {
		const struct pci_function *f = &seen->functions[i];
		times += f->bus == bus && f->device == device && f->function == number;
	}
	return times;
}

static void add_bridge(struct fake_pci_function *function, uint8_t bus, uint8_t device, uint8_t secondary)
{
	fake_pci_add(function, bus, device, 0, 0x29408086, 0x060400);
	fake_pci_set8(function, 0x0E, 0x01);
	fake_pci_set8(function, 0x19, secondary);
}

static struct pci_function handle(const struct fake_pci_function *fake)
{
	return (struct pci_function){.bus = fake->bus,
				     .device = fake->device,
				     .function = fake->function,
				     .header_type = fake->config[0x0E] & 0x7F};
}

static int setup(void **state)
{
	(void)state;
	fake_hw_reset();
	return 0;
}

static void test_scan_decodes_identity(void **state)
{
	struct fake_pci_function disk;
	struct seen seen = {0};

	(void)state;
	fake_pci_add(&disk, 0, 31, 0, 0x29228086, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.functions[0].vendor_id, 0x8086);
	assert_int_equal(seen.functions[0].device_id, 0x2922);
	assert_int_equal(seen.functions[0].class_code, 1);
	assert_int_equal(seen.functions[0].subclass, 6);
	assert_int_equal(seen.functions[0].prog_if, 1);
	assert_int_equal(seen.functions[0].header_type, 0);
	assert_int_equal(seen.functions[0].device, 31);
}

static void test_scan_functions(void **state)
{
	struct fake_pci_function multi[3];
	struct fake_pci_function single[2];
	struct seen seen = {0};

	(void)state;
	/* Function 1 is missing; 2 and 7 are behind it. */
	fake_pci_add(&multi[0], 0, 3, 0, 0x00011234, 0x010601);
	fake_pci_set8(&multi[0], 0x0E, 0x80);
	fake_pci_add(&multi[1], 0, 3, 2, 0x00021234, 0x010601);
	fake_pci_add(&multi[2], 0, 3, 7, 0x00031234, 0x010601);
	/* A single-function device may answer for all eight: the others are ghosts. */
	fake_pci_add(&single[0], 0, 4, 0, 0x00041234, 0x010601);
	fake_pci_add(&single[1], 0, 4, 1, 0x00041234, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(seen.count, 4);
	assert_int_equal(times_seen(&seen, 0, 3, 0), 1);
	assert_int_equal(times_seen(&seen, 0, 3, 2), 1);
	assert_int_equal(times_seen(&seen, 0, 3, 7), 1);
	assert_int_equal(times_seen(&seen, 0, 4, 0), 1);
	assert_int_equal(seen.functions[0].header_type, 0);
}

static void test_scan_bridges(void **state)
{
	struct fake_pci_function bridges[3];
	struct fake_pci_function leaf[2];
	struct seen seen = {0};

	(void)state;
	add_bridge(&bridges[0], 0, 1, 5);
	add_bridge(&bridges[1], 5, 0, 3); /* leads to a lower bus number */
	add_bridge(&bridges[2], 0, 2, 255);
	fake_pci_add(&leaf[0], 3, 0, 0, 0x00011234, 0x010601);
	fake_pci_add(&leaf[1], 255, 31, 0, 0x00011234, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(seen.count, 5);
	assert_int_equal(times_seen(&seen, 0, 1, 0), 1);
	assert_int_equal(times_seen(&seen, 3, 0, 0), 1);
	assert_int_equal(times_seen(&seen, 255, 31, 0), 1);
}

static void test_scan_unreachable_bus(void **state)
{
	struct fake_pci_function root;
	struct fake_pci_function hidden;
	struct seen seen = {0};

	(void)state;
	fake_pci_add(&root, 0, 0, 0, 0x12378086, 0x060000);
	fake_pci_add(&hidden, 7, 0, 0, 0x00011234, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(seen.count, 1);
}

static void test_scan_host_bridges(void **state)
{
	struct fake_pci_function host[2];
	struct fake_pci_function leaf;
	struct seen seen = {0};

	(void)state;
	fake_pci_add(&host[0], 0, 0, 0, 0x12378086, 0x060000);
	fake_pci_set8(&host[0], 0x0E, 0x80);
	fake_pci_add(&host[1], 0, 0, 1, 0x12378086, 0x060000);
	fake_pci_add(&leaf, 1, 4, 0, 0x00011234, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(times_seen(&seen, 1, 4, 0), 1);
}

static void test_scan_loops_end(void **state)
{
	struct fake_pci_function bridges[4];
	struct seen seen = {0};

	(void)state;
	add_bridge(&bridges[0], 0, 1, 1);
	add_bridge(&bridges[1], 1, 0, 0); /* back to the root */
	add_bridge(&bridges[2], 1, 1, 1); /* to itself */
	add_bridge(&bridges[3], 0, 2, 1); /* a second way to bus 1 */
	assert_int_equal(pci_scan(remember, &seen), STATUS_OK);
	assert_int_equal(seen.count, 4);
}

static void test_scan_stops_early(void **state)
{
	struct fake_pci_function devices[3];
	struct seen seen = {.stop_after = 2};

	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		fake_pci_add(&devices[i], 0, i, 0, 0x00011234, 0x010601);
	assert_int_equal(pci_scan(remember, &seen), STATUS_NO_MEMORY);
	assert_int_equal(seen.count, 2);
}

static void test_bars(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x29228086, 0x010601);
	fake_pci_set16(&fake, 4, 0x0007);
	fake_pci_set_bar(&fake, 0, 0xC080, 16, 1);
	fake_pci_set_bar(&fake, 1, 0xFEB00000, 4096, 0);
	fake_pci_set_bar(&fake, 2, 0x380000004000, 16384, 0xC);
	fake_pci_set_bar(&fake, 5, 0xFEBFF000, 2048, 8);
	const struct pci_function function = handle(&fake);

	assert_int_equal(pci_bar_read(&function, 0, &bar), STATUS_OK);
	assert_true(bar.is_io);
	assert_int_equal(bar.base, 0xC080);
	assert_int_equal(bar.bytes, 16);
	assert_int_equal(pci_bar_read(&function, 1, &bar), STATUS_OK);
	assert_false(bar.is_io);
	assert_int_equal(bar.base, 0xFEB00000);
	assert_int_equal(bar.bytes, 4096);
	assert_int_equal(pci_bar_read(&function, 2, &bar), STATUS_OK);
	assert_true(bar.base == 0x380000004000);
	assert_int_equal(bar.bytes, 16384);
	assert_int_equal(pci_bar_read(&function, 3, &bar), STATUS_NOT_FOUND); /* upper half of 2 */
	assert_int_equal(pci_bar_read(&function, 4, &bar), STATUS_NOT_FOUND); /* not there */
	assert_int_equal(pci_bar_read(&function, 5, &bar), STATUS_OK);
	assert_int_equal(bar.base, 0xFEBFF000);
	assert_int_equal(bar.bytes, 2048);
	assert_int_equal(pci_bar_read(&function, 6, &bar), STATUS_NOT_FOUND);

	/* Everything is as it was, and nothing was decoding while all ones stood in a register. */
	assert_false(fake.sized_while_decoding);
	assert_int_equal(fake_pci_get32(&fake, 4) & 0xFFFF, 0x0007);
	assert_int_equal(fake_pci_get32(&fake, 0x10), 0xC081);
	assert_int_equal(fake_pci_get32(&fake, 0x18), 0x0000400C);
	assert_int_equal(fake_pci_get32(&fake, 0x1C), 0x00003800);
}

static void test_bar_io_of_16_bits(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x70108086, 0x010180);
	fake_pci_set_bar(&fake, 4, 0xC040, 16, 1);
	fake.writable[0x22] = fake.writable[0x23] = 0; /* upper half hard-wired */
	const struct pci_function function = handle(&fake);
	assert_int_equal(pci_bar_read(&function, 4, &bar), STATUS_OK);
	assert_int_equal(bar.bytes, 16);
}

static void test_bar_64bit_larger_than_4gib(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x00011234, 0x010601);
	fake_pci_set_bar(&fake, 0, 0x800000000, 0x200000000, 0x4);
	const struct pci_function function = handle(&fake);
	assert_int_equal(pci_bar_read(&function, 0, &bar), STATUS_OK);
	assert_true(bar.base == 0x800000000);
	assert_true(bar.bytes == 0x200000000);
}

static void test_bar_upper_half_that_looks_like_a_bar(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x00011234, 0x010601);
	fake_pci_set_bar(&fake, 0, 0x400000000, 4096, 0x4); /* the upper half reads 4 */
	fake_pci_set_bar(&fake, 2, 0xFEB00000, 4096, 0);
	const struct pci_function function = handle(&fake);
	assert_int_equal(pci_bar_read(&function, 1, &bar), STATUS_NOT_FOUND);
	assert_int_equal(pci_bar_read(&function, 2, &bar), STATUS_OK);
	assert_int_equal(bar.base, 0xFEB00000);
}

static void test_bar_refused(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x00011234, 0x010601);
	fake_pci_set_bar(&fake, 0, 0, 4096, 0);          /* unassigned */
	fake_pci_set_bar(&fake, 1, 0xFEB00000, 4096, 6); /* reserved type */
	fake_pci_set32(&fake, 0x24, 0xFEBF0004);         /* 64-bit in the last register: no room for its upper half */
	const struct pci_function function = handle(&fake);
	assert_int_equal(pci_bar_read(&function, 0, &bar), STATUS_NOT_FOUND);
	assert_int_equal(pci_bar_read(&function, 1, &bar), STATUS_NOT_FOUND);
	assert_int_equal(pci_bar_read(&function, 5, &bar), STATUS_NOT_FOUND);
}

static void test_bar_of_bridge(void **state)
{
	struct fake_pci_function fake;
	struct pci_bar bar;

	(void)state;
	add_bridge(&fake, 0, 1, 1);
	fake_pci_set32(&fake, 0x1C, 0x0000F1F1); /* I/O window of a bridge, not a BAR */
	const struct pci_function function = handle(&fake);
	assert_int_equal(pci_bar_read(&function, 3, &bar), STATUS_NOT_FOUND);
	assert_int_equal(fake.writes, 0);
}

static void add_capability(struct fake_pci_function *fake, uint8_t offset, uint8_t id, uint8_t next)
{
	fake_pci_set8(fake, offset, id);
	fake_pci_set8(fake, offset + 1, next);
}

static void test_capabilities(void **state)
{
	struct fake_pci_function fake;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x29228086, 0x010601);
	const struct pci_function function = handle(&fake);
	fake_pci_set8(&fake, 0x34, 0x80);
	add_capability(&fake, 0x80, 0x05, 0xA9); /* low bits are reserved and ignored */
	add_capability(&fake, 0xA8, 0x12, 0);
	assert_int_equal(pci_capability_find(&function, 0x12), 0); /* the status bit says there is no list */
	fake_pci_set16(&fake, 6, 0x10);
	assert_int_equal(pci_capability_find(&function, 0x05), 0x80);
	assert_int_equal(pci_capability_find(&function, 0x12), 0xA8);
	assert_int_equal(pci_capability_find(&function, 0x10), 0);
}

static void test_capability_loop_ends(void **state)
{
	struct fake_pci_function fake;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x29228086, 0x010601);
	const struct pci_function function = handle(&fake);
	fake_pci_set16(&fake, 6, 0x10);
	fake_pci_set8(&fake, 0x34, 0x80);
	add_capability(&fake, 0x80, 0x05, 0x90);
	add_capability(&fake, 0x90, 0x01, 0x80);
	assert_int_equal(pci_capability_find(&function, 0x12), 0);
	assert_true(fake.reads < 200);
	/* A pointer into the header ends the list. */
	fake_pci_set8(&fake, 0x91, 0x0C);
	fake_pci_set8(&fake, 0x0C, 0x12);
	assert_int_equal(pci_capability_find(&function, 0x12), 0);
}

static void test_bus_mastering(void **state)
{
	struct fake_pci_function fake;

	(void)state;
	fake_pci_add(&fake, 0, 1, 0, 0x29228086, 0x010601);
	const struct pci_function function = handle(&fake);
	fake_pci_set16(&fake, 6, 0xF900); /* write-1-to-clear error bits */
	fake.writable[7] = 0xF9;
	pci_enable(&function);
	assert_int_equal(fake_pci_get32(&fake, 4), 0xF9000407);
	assert_true(pci_bus_master_disable(&function));
	assert_int_equal(fake_pci_get32(&fake, 4), 0xF9000403);
	pci_enable(&function);
	fake.writable[4] = 0; /* a function that does not let go */
	assert_false(pci_bus_master_disable(&function));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_scan_decodes_identity, setup),
		cmocka_unit_test_setup(test_scan_functions, setup),
		cmocka_unit_test_setup(test_scan_bridges, setup),
		cmocka_unit_test_setup(test_scan_unreachable_bus, setup),
		cmocka_unit_test_setup(test_scan_host_bridges, setup),
		cmocka_unit_test_setup(test_scan_loops_end, setup),
		cmocka_unit_test_setup(test_scan_stops_early, setup),
		cmocka_unit_test_setup(test_bars, setup),
		cmocka_unit_test_setup(test_bar_io_of_16_bits, setup),
		cmocka_unit_test_setup(test_bar_64bit_larger_than_4gib, setup),
		cmocka_unit_test_setup(test_bar_upper_half_that_looks_like_a_bar, setup),
		cmocka_unit_test_setup(test_bar_refused, setup),
		cmocka_unit_test_setup(test_bar_of_bridge, setup),
		cmocka_unit_test_setup(test_capabilities, setup),
		cmocka_unit_test_setup(test_capability_loop_ends, setup),
		cmocka_unit_test_setup(test_bus_mastering, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
