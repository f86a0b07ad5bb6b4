/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel is booted: the one that the options name, or the boot module when that fails, or none. What it calls is
 * replaced here, so that each step can fail.
 */
#include "loader/normal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/reset.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/kernel_files.h"
#include "tests/unit/fake_log.h"

static struct {
	enum status disk, disk_prepare, module, module_prepare; /* what the steps return */
	uint32_t disk_reads, prepares, quiesces, jumps, resets;
	bool quiet_before_jump;
} steps;

static jmp_buf end;
static struct boot_info boot;
static struct options options;
static struct block_registry registry;
static struct loader_memory memory;
static struct handoff_linux from_disk, from_module;
static const struct handoff_linux *jumped;

enum status kernel_files_read(const struct block_registry *disks, const struct options *wanted,
			      const struct boot_info *info, struct arena *arena, struct linux_files *files_out,
			      const char **reason_out)
{
	assert_ptr_equal(disks, &registry);
	assert_ptr_equal(wanted, &options);
	assert_ptr_equal(info, &boot);
	assert_ptr_equal(arena, &memory.arena);
	assert_int_equal(steps.quiesces, 0); /* the disks are needed still */
	steps.disk_reads++;
	*reason_out = steps.disk == STATUS_OK ? "" : "the reason of the disk";
	if (steps.disk == STATUS_OK)
		*files_out = (struct linux_files){.initrd_count = 7};
	return steps.disk;
}

enum status linux_files_of_modules(const struct boot_info *info, struct linux_files *files_out)
{
	assert_ptr_equal(info, &boot);
	if (steps.module == STATUS_OK)
		*files_out = (struct linux_files){.initrd_count = 1};
	return steps.module;
}

enum status linux_prepare(const struct boot_info *info, const struct linux_files *files, struct arena *arena,
			  const char *reason, struct handoff_linux **sealed_out)
{
	const bool is_from_disk = files->initrd_count == 7;
	const enum status status = is_from_disk ? steps.disk_prepare : steps.module_prepare;

	assert_ptr_equal(info, &boot);
	assert_ptr_equal(arena, &memory.reserve);
	assert_string_equal(reason, "no-image");
	steps.prepares++;
	if (status == STATUS_OK)
		*sealed_out = is_from_disk ? &from_disk : &from_module;
	return status;
}

void disks_quiesce_all(struct block_registry *disks)
{
	assert_ptr_equal(disks, &registry);
	steps.quiesces++;
}

void disks_restore_bus_masters(void)
{
	steps.quiet_before_jump = steps.quiesces == 1;
}

_Noreturn void handoff_linux_jump(struct handoff_linux *sealed)
{
	assert_true(steps.quiet_before_jump);
	steps.jumps++;
	jumped = sealed;
	longjmp(end, 1);
}

_Noreturn void machine_reset(void)
{
	steps.resets++;
	longjmp(end, 1);
}

void console_speak_up(void)
{
}

void console_drop_keys(void)
{
}

void console_wait_key(uint64_t timeout_us)
{
	assert_true(timeout_us > 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&steps, 0, sizeof(steps));
	memset(&options, 0, sizeof(options));
	memcpy(options.kernel.uuid, "1234-ABCD", 10);
	jumped = NULL;
	fake_log_begin();
	return 0;
}

static void run(void)
{
	const struct normal_boot normal = {&boot, &options, &registry, &memory, "no-image"};

	if (setjmp(end) == 0)
		boot_normal(&normal);
	assert_int_equal(steps.quiesces, 1);
	assert_int_equal(steps.jumps + steps.resets, 1);
}

static void test_from_disk(void **state)
{
	(void)state;
	run();
	assert_ptr_equal(jumped, &from_disk);
	assert_int_equal(steps.prepares, 1);
	assert_false(fake_log_has("no kernel from disk"));
}

static void test_options_name_none(void **state)
{
	(void)state;
	options.kernel.uuid[0] = '\0';
	run();
	assert_ptr_equal(jumped, &from_module);
	assert_int_equal(steps.disk_reads, 0);
}

static void test_fallback(void **state)
{
	static const enum status errors[] = {STATUS_NOT_FOUND, STATUS_UNSUPPORTED, STATUS_CORRUPT,
					     STATUS_IO_ERROR,  STATUS_TIMEOUT,     STATUS_NO_MEMORY};

	for (uint32_t i = 0; i < ARRAY_COUNT(errors); i++) {
		setup(state);
		steps.disk = errors[i];
		run();
		assert_ptr_equal(jumped, &from_module);
		assert_true(fake_log_has("no kernel from disk: the reason of the disk"));
		assert_true(fake_log_has(status_text(errors[i])));
	}
	setup(state);
	steps.disk_prepare = STATUS_NO_MEMORY;
	run();
	assert_ptr_equal(jumped, &from_module);
	assert_true(fake_log_has("no kernel from disk: the kernel that thaw.kernel= names can't be started"));
	/* An option that was not understood: nothing is read. */
	setup(state);
	options.file_refused = true;
	run();
	assert_ptr_equal(jumped, &from_module);
	assert_int_equal(steps.disk_reads, 0);
	assert_true(fake_log_has("was not understood"));
}

static void test_neither(void **state)
{
	steps.disk = STATUS_NOT_FOUND;
	steps.module = STATUS_NOT_FOUND;
	run();
	assert_int_equal(steps.resets, 1);
	assert_true(fake_log_has("the normal kernel can't be started\nthe reason of the disk\n"));
	setup(state);
	options.kernel.uuid[0] = '\0';
	steps.module = STATUS_NOT_FOUND;
	run();
	assert_int_equal(steps.resets, 1);
	assert_true(fake_log_has("there is neither thaw.kernel= nor a boot module for it"));
	setup(state);
	options.kernel.uuid[0] = '\0';
	steps.module_prepare = STATUS_CORRUPT;
	run();
	assert_int_equal(steps.resets, 1);
	assert_true(fake_log_has(status_text(STATUS_CORRUPT)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_from_disk, setup),
		cmocka_unit_test_setup(test_options_name_none, setup),
		cmocka_unit_test_setup(test_fallback, setup),
		cmocka_unit_test_setup(test_neither, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
