/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `thaw status` on the files of a machine that is ready, and on the same with one thing wrong. */
#include "tools/status_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_debian.h"

#define RESUME    "/etc/initramfs-tools/conf.d/resume"
#define VIRTIO    "0000:00:05.0/virtio1/block/vda"
#define NAMESPACE "0000:01:00.0/nvme/nvme0/nvme0n1"

static struct system_view view;
static struct findings findings;

static const struct fake_tree *machine(void **state)
{
	return *state;
}

static enum finding_result status(void **state)
{
	findings.count = 0;
	system_read(&machine(state)->tree, false, &view);
	status_check(&view, &findings);
	return findings_worst(&findings);
}

/* The worst of a check; -1: it was not made. */
static int result_of(const char *check)
{
	int worst = -1;

	for (uint32_t i = 0; i < findings.count; i++) {
		if (strcmp(findings.list[i].check, check) == 0 && (int)findings.list[i].result > worst)
			worst = (int)findings.list[i].result;
	}
	return worst;
}

/* The machine is now: this check says so, and nothing else is as bad. */
static void expect(void **state, const char *check, enum finding_result result)
{
	status(state);
	assert_int_equal(result_of(check), result);
	for (uint32_t i = 0; i < findings.count; i++) {
		if (findings.list[i].result >= result && strcmp(findings.list[i].check, check) != 0)
			fail_msg("%s: %s", findings.list[i].check, findings.list[i].text);
		if (findings.list[i].result == FINDING_PROBLEM)
			assert_string_not_equal(findings.list[i].advice, "");
	}
}

static void put(void **state, const char *path, const char *text)
{
	fake_tree_put(machine(state), path, text);
}

static void a_machine_is_ready(void **state)
{
	assert_int_equal(status(state), FINDING_OK);
	assert_string_equal(view.area.device, "sda2");
	assert_string_equal(view.disk.what, "sda2, AHCI controller 0000:00:1f.2");
	assert_int_equal(result_of("initramfs"), FINDING_OK);
	assert_int_equal(result_of("thaw-resume"), FINDING_OK);
	assert_int_equal(result_of("guard"), FINDING_OK);
	assert_int_equal(result_of("result"), FINDING_OK);
	for (uint32_t i = 0; i < findings.count; i++)
		assert_int_equal(findings.list[i].result, FINDING_OK);
}

static void an_empty_system_is_not(void **state)
{
	struct fake_tree fake;

	(void)state;
	fake_tree_make(&fake);
	findings.count = 0;
	system_read(&fake.tree, false, &view);
	status_check(&view, &findings);
	assert_int_equal(findings_worst(&findings), FINDING_PROBLEM);
	assert_int_equal(result_of("kernel"), FINDING_UNKNOWN);
	assert_int_equal(result_of("swap"), FINDING_PROBLEM);
	assert_int_equal(result_of("entry"), FINDING_PROBLEM);
	fake_tree_remove(&fake);
}

static void kernels_that_do_not_hibernate(void **state)
{
	put(state, "/sys/power/state", "freeze mem\n");
	expect(state, "kernel", FINDING_BLOCKED);
	put(state, "/sys/power/state", "freeze mem disk\n");
	put(state, "/sys/power/disk", "[disabled]\n");
	expect(state, "kernel", FINDING_BLOCKED);
	put(state, "/sys/power/disk", "platform [test_resume]\n");
	expect(state, "kernel", FINDING_PROBLEM);
	put(state, "/sys/power/disk", "[disabled]\n");
	put(state, "/proc/cmdline", "nohibernate\n");
	status(state);
	assert_int_equal(result_of("kernel"), FINDING_PROBLEM);
}

static void lockdown_blocks(void **state)
{
	put(state, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	expect(state, "lockdown", FINDING_BLOCKED);
}

static void secure_boot_blocks(void **state)
{
	fake_tree_put_bytes(machine(state), "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
			    "\6\0\0\0\1", 5);
	status(state);
	assert_int_equal(result_of("lockdown"), FINDING_BLOCKED);
	fake_tree_put_bytes(machine(state), "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
			    "\6\0\0\0\0", 5);
	status(state);
	assert_int_equal(result_of("lockdown"), FINDING_OK);
	/* The entry and the loader of the BIOS do nothing there. */
	assert_int_equal(result_of("loader"), FINDING_PROBLEM);
	assert_int_equal(result_of("entry"), FINDING_PROBLEM);
	assert_string_equal(view.disk.what, "sda2, read through the firmware");
}

static void swap_areas(void **state)
{
	put(state, "/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	expect(state, "swap", FINDING_PROBLEM);
	put(state, "/proc/swaps", "/dev/sda1 partition 8388604 0 -2\n");
	expect(state, "swap", FINDING_PROBLEM);
	put(state, "/sys/power/resume", "0:0\n");
	put(state, "/proc/swaps", "/dev/zram0 partition 8388604 0 100\n");
	expect(state, "swap", FINDING_PROBLEM);
	put(state, "/proc/swaps", "/dev/zram0 partition 8388604 0 100\n/dev/sda2 partition 8388604 0 -2\n");
	assert_int_equal(status(state), FINDING_OK);
	assert_string_equal(view.area.device, "sda2");
}

static void room_for_the_image(void **state)
{
	/* 4 GiB are used, the kernel aims at 3.2 GiB: 3.5 packed badly; 2 GiB can't be dropped. */
	put(state, "/proc/swaps", "/dev/sda2 partition 3700000 0 -2\n");
	assert_int_equal(status(state), FINDING_OK);
	put(state, "/proc/swaps", "/dev/sda2 partition 3600000 0 -2\n");
	expect(state, "size", FINDING_WARNING);
	put(state, "/proc/swaps", "/dev/sda2 partition 8388604 6100000 -2\n");
	expect(state, "size", FINDING_PROBLEM);
}

/* The swap area is on another device, with everything else as it should be. */
static void swap_on(void **state, const char *name, const char *number)
{
	char text[128];

	snprintf(text, sizeof(text), "/dev/%s partition 8388604 0 -2\n", name);
	put(state, "/proc/swaps", text);
	put(state, "/sys/power/resume", number);
	snprintf(text, sizeof(text), "../../%s", name);
	fake_tree_link(machine(state), "/dev/disk/by-uuid/" FAKE_SWAP_UUID, text);
}

static void controllers(void **state)
{
	static const struct {
		const char *class;
		enum finding_result result;
	} classes[] = {
		{"0x010601\n", FINDING_OK},      {"0x01018a\n", FINDING_OK},      {"0x010802\n", FINDING_OK},
		{"0x010400\n", FINDING_BLOCKED}, {"0x010600\n", FINDING_BLOCKED}, {"0x010700\n", FINDING_BLOCKED},
		{"0x010801\n", FINDING_BLOCKED}, {"0x080501\n", FINDING_BLOCKED}, {"nothing\n", FINDING_UNKNOWN},
	};

	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		put(state, "/sys/bus/pci/devices/0000:00:1f.2/class", classes[i].class);
		status(state);
		assert_int_equal(result_of("disk"), classes[i].result);
	}
	fake_debian_device(machine(state), "sda2", "0000:00:1f.2/usb1/1-1/1-1:1.0/host2/block/sda/sda2", "8:2");
	put(state, "/sys/bus/pci/devices/0000:00:1f.2/class", "0x010601\n");
	expect(state, "disk", FINDING_BLOCKED);
	fake_debian_device(machine(state), "sda2", "10000:e0:06.0/10000:e1:00.0/x/sda2", "8:2");
	expect(state, "disk", FINDING_BLOCKED);
}

static void virtio_and_nvme_disks(void **state)
{
	fake_debian_device(machine(state), "vda2", VIRTIO "/vda2", "254:2");
	fake_tree_link(machine(state), "/sys/bus/virtio/devices/virtio1/driver",
		       "../../../bus/virtio/drivers/virtio_blk");
	swap_on(state, "vda2", "254:2");
	assert_int_equal(status(state), FINDING_OK);
	assert_string_equal(view.disk.what, "vda2, virtio disk 0000:00:05.0");
	fake_tree_link(machine(state), "/sys/bus/virtio/devices/virtio1/driver",
		       "../../../bus/virtio/drivers/virtio_scsi");
	expect(state, "disk", FINDING_BLOCKED);
	fake_debian_device(machine(state), "nvme0n1p2", NAMESPACE "/nvme0n1p2", "259:2");
	fake_tree_put(machine(state), "/sys/bus/pci/devices/0000:01:00.0/class", "0x010802\n");
	swap_on(state, "nvme0n1p2", "259:2");
	assert_int_equal(status(state), FINDING_OK);
	assert_string_equal(view.disk.what, "nvme0n1p2, NVMe controller 0000:01:00.0");
}

static void volumes(void **state)
{
	char kind[32];

	fake_debian_device(machine(state), "dm-0", "../virtual/block/dm-0", "254:0");
	put(state, "/sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abc\n");
	put(state, "/sys/devices/virtual/block/dm-0/slaves/sda2/dev", "8:2\n");
	put(state, "/sys/class/block/dm-0/dm/uuid", "LVM-abc\n");
	swap_on(state, "dm-0", "254:0");
	assert_int_equal(status(state), FINDING_OK);
	assert_int_equal(result_of("volume"), FINDING_UNKNOWN);
	assert_string_equal(view.disk.what, "dm-0, on sda2, AHCI controller 0000:00:1f.2");
	view.volume_is_linear = ANSWER_NO;
	findings.count = 0;
	status_check(&view, &findings);
	assert_int_equal(result_of("volume"), FINDING_BLOCKED);
	put(state, "/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n");
	expect(state, "disk", FINDING_BLOCKED);
	assert_non_null(strstr(view.disk.fault, "encrypted"));
	put(state, "/sys/class/block/dm-0/dm/uuid", "mpath-abc\n");
	expect(state, "disk", FINDING_BLOCKED);
	assert_true(system_volume_is_linear("0 8 linear 8:2 2048\n8 8 linear 8:3 2048\n", kind, sizeof(kind)));
	assert_true(system_volume_is_linear("vg-a: 0 8 linear 8:2 2048\n", kind, sizeof(kind)));
	assert_false(
		system_volume_is_linear("0 8 linear 8:2 2048\n8 8 striped 2 128 8:3 0 8:4 0\n", kind, sizeof(kind)));
	assert_string_equal(kind, "striped");
	assert_false(system_volume_is_linear("", kind, sizeof(kind)));
	assert_false(system_volume_is_linear("linear 0 8\n", kind, sizeof(kind)));
	assert_false(system_volume_is_linear("0 8\n", kind, sizeof(kind)));
}

static void layers_without_end_are_bounded(void **state)
{
	fake_debian_device(machine(state), "dm-0", "../virtual/block/dm-0", "254:0");
	put(state, "/sys/class/block/dm-0/dm/uuid", "LVM-abc\n");
	put(state, "/sys/class/block/dm-0/slaves/dm-0/dev", "254:0\n");
	put(state, "/sys/class/block/dm-0/slaves/..x/dev", "254:0\n");
	swap_on(state, "dm-0", "254:0");
	status(state);
	assert_int_equal(result_of("disk"), FINDING_OK);
}

static void the_initramfs_looks_elsewhere(void **state)
{
	put(state, RESUME, "RESUME=UUID=" FAKE_ROOT_UUID "\n");
	expect(state, "initramfs", FINDING_PROBLEM);
	put(state, RESUME, "RESUME=UUID=0000\n");
	expect(state, "initramfs", FINDING_PROBLEM);
	put(state, RESUME, "RESUME=none\n");
	expect(state, "initramfs", FINDING_PROBLEM);
	put(state, RESUME, "RESUME=/dev/sda2\n");
	assert_int_equal(status(state), FINDING_OK);
	put(state, RESUME, "RESUME=auto\n");
	assert_int_equal(status(state), FINDING_OK);
	put(state, RESUME, "RESUME=$(find)\n");
	assert_int_equal(status(state), FINDING_OK);
	assert_int_equal(result_of("initramfs"), FINDING_UNKNOWN);
	assert_int_equal(view.initramfs_kind, INITRAMFS_UNCLEAR);
}

static void the_kernel_or_grub_looks_elsewhere(void **state)
{
	put(state, "/proc/cmdline", "resume=/dev/sda1 thaw.status=no-image\n");
	expect(state, "command-line", FINDING_PROBLEM);
	put(state, "/proc/cmdline", "quiet\n");
	fake_debian_menu(machine(state), "resume=UUID=" FAKE_ROOT_UUID, "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
	fake_debian_menu(machine(state), "quiet", "ro resume=UUID=" FAKE_ROOT_UUID);
	expect(state, "thaw-resume", FINDING_PROBLEM);
	fake_debian_menu(machine(state), "resume=UUID=" FAKE_SWAP_UUID, "ro resume=UUID=" FAKE_ROOT_UUID);
	assert_int_equal(status(state), FINDING_OK);
	fake_debian_menu(machine(state), "", "ro");
	assert_int_equal(status(state), FINDING_OK);
	fake_debian_menu(machine(state), "resume=UUID=" FAKE_SWAP_UUID " resume_offset=7", "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
	fake_debian_menu(machine(state), "noresume", "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
}

static void swap_files(void **state)
{
	fake_debian_swap_file(machine(state), "38912");
	assert_int_equal(status(state), FINDING_OK);
	assert_string_equal(view.area.device, "sda1");
	assert_string_equal(view.area.filesystem, "ext4");
	assert_int_equal(view.area.offset, 38912);
	fake_debian_menu(machine(state), "resume=UUID=" FAKE_ROOT_UUID " resume_offset=38913", "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
	fake_debian_menu(machine(state), "resume=UUID=" FAKE_ROOT_UUID, "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
	fake_debian_menu(machine(state), "", "ro");
	expect(state, "thaw-resume", FINDING_PROBLEM);
	/* A partition of the kernel's device number is not the file on it. */
	put(state, "/sys/power/resume_offset", "0\n");
	status(state);
	assert_int_equal(result_of("swap"), FINDING_PROBLEM);
}

static void compression(void **state)
{
	put(state, "/sys/module/hibernate/parameters/compressor", "lz4\n");
	assert_int_equal(status(state), FINDING_OK);
	put(state, "/sys/module/hibernate/parameters/compressor", "zstd\n");
	expect(state, "compression", FINDING_PROBLEM);
	put(state, "/proc/cmdline", "hibernate=nocompress\n");
	expect(state, "compression", FINDING_WARNING);
}

static void much_memory(void **state)
{
	put(state, "/proc/meminfo", "MemTotal: 268435456 kB\nMemFree: 268000000 kB\nMemAvailable: 268000000 kB\n");
	expect(state, "memory", FINDING_WARNING);
}

static void the_loader_is_missing(void **state)
{
	fake_tree_drop(machine(state), "/boot/thaw/thaw.elf");
	expect(state, "loader", FINDING_PROBLEM);
}

static void the_entry(void **state)
{
	put(state, "/etc/default/thaw", "GRUB_DISABLE_THAW=true\n");
	expect(state, "entry", FINDING_PROBLEM);
	put(state, "/etc/default/thaw", "");
	put(state, "/etc/default/grub.d/x.cfg", "GRUB_DISABLE_THAW=true\n");
	put(state, "/etc/default/grub.d/y.bak", "GRUB_DISABLE_THAW=false\n");
	expect(state, "entry", FINDING_PROBLEM);
	assert_string_equal(view.grub.disabled_by, "/etc/default/grub.d/x.cfg");
	put(state, "/etc/default/thaw", "GRUB_DISABLE_THAW=false\n");
	assert_int_equal(status(state), FINDING_OK);
	put(state, "/boot/grub/grub.cfg", "menuentry 'Debian' {\n}\n");
	expect(state, "entry", FINDING_PROBLEM);
	put(state, "/boot/grub/grub.cfg", "menuentry 'x' --id thaw {\n save_env thaw_try\n multiboot2 /thaw.elf\n}\n");
	expect(state, "entry", FINDING_PROBLEM);
	fake_tree_drop(machine(state), "/boot/grub/grub.cfg");
	expect(state, "entry", FINDING_PROBLEM);
}

static void an_old_menu(void **state)
{
	fake_tree_age(machine(state), "/boot/grub/grub.cfg", 100);
	expect(state, "entry", FINDING_WARNING);
}

static void the_guard(void **state)
{
	put(state, "/boot/grub/grubenv", "# GRUB Environment Block\nthaw_try=1\n");
	expect(state, "guard", FINDING_PROBLEM);
	put(state, "/boot/grub/grubenv", "# GRUB Environment Block\nnext_entry=other\n");
	expect(state, "guard", FINDING_PROBLEM);
	put(state, "/boot/grub/grubenv", "# GRUB Environment Block\nnext_entry=\n");
	assert_int_equal(status(state), FINDING_OK);
	fake_tree_drop(machine(state), "/boot/grub/grubenv");
	expect(state, "guard", FINDING_PROBLEM);
	put(state, "/boot/grub/grubenv", "# GRUB Environment Block\n");
	fake_tree_link(machine(state), "/etc/systemd/system/thaw-try.service", "/dev/null");
	expect(state, "guard", FINDING_PROBLEM);
	put(state, "/boot/grub/grub.cfg",
	    "set default=thaw\nmenuentry 'x' --id thaw {\n multiboot2 /thaw.elf\n linux /vmlinuz\n}\n");
	expect(state, "guard", FINDING_WARNING);
}

static void results(void **state)
{
	char header[4096] = {0};

	memcpy(header + 4032, "THAW\1\1\0\0\x10\0\0\0\x20\0\0\0", 16);
	fake_tree_put_bytes(machine(state), "/dev/sda2", header, sizeof(header));
	assert_int_equal(status(state), FINDING_OK);
	assert_int_equal(view.has_record, ANSWER_YES);
	assert_int_equal(view.record.pages, 16);
	assert_string_equal(view.booted_status, "no-image");
	put(state, "/proc/cmdline", "quiet thaw.status=corrupt\n");
	expect(state, "result", FINDING_WARNING);
	put(state, "/proc/cmdline", "quiet\n");
	fake_tree_put_bytes(machine(state), "/sys/firmware/efi/efivars/ThawStatus-6b1f4a52-9c0d-4e7b-8f35-2d7c1a90e6c4",
			    "\6\0\0\0status=io-error\n", 20);
	system_read_results(&machine(state)->tree, &view);
	assert_true(view.has_variable);
	findings.count = 0;
	status_check_results(&view, &findings);
	assert_int_equal(findings_worst(&findings), FINDING_WARNING);
}

static void names_of_devices(void **state)
{
	char name[SYSTEM_DEVICE_BYTES];

	fake_tree_link(machine(state), "/dev/disk/by-label/my\\x20swap", "../../sda2");
	fake_tree_link(machine(state), "/dev/mapper/vg-a", "../dm-0");
	assert_true(system_device_find(&machine(state)->tree, "LABEL=my swap", name));
	assert_string_equal(name, "sda2");
	assert_true(system_device_find(&machine(state)->tree, "/dev/mapper/vg-a", name));
	assert_string_equal(name, "dm-0");
	assert_true(system_device_find(&machine(state)->tree, "8:1", name));
	assert_string_equal(name, "sda1");
	assert_false(system_device_find(&machine(state)->tree, "LABEL=../../etc", name));
	assert_false(system_device_find(&machine(state)->tree, "UUID=", name));
	assert_false(system_device_find(&machine(state)->tree, "/dev/", name));
	assert_false(system_device_find(&machine(state)->tree, "/etc/passwd", name));
	assert_false(system_device_find(&machine(state)->tree, "9:9", name));
}

static int debian_make(void **state)
{
	static struct fake_tree fake;

	fake_debian_make(&fake);
	*state = &fake;
	return 0;
}

static int debian_remove(void **state)
{
	fake_tree_remove(*state);
	return 0;
}

#define STATUS_TEST(function) cmocka_unit_test_setup_teardown(function, debian_make, debian_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATUS_TEST(a_machine_is_ready),
		STATUS_TEST(an_empty_system_is_not),
		STATUS_TEST(kernels_that_do_not_hibernate),
		STATUS_TEST(lockdown_blocks),
		STATUS_TEST(secure_boot_blocks),
		STATUS_TEST(swap_areas),
		STATUS_TEST(room_for_the_image),
		STATUS_TEST(controllers),
		STATUS_TEST(virtio_and_nvme_disks),
		STATUS_TEST(volumes),
		STATUS_TEST(layers_without_end_are_bounded),
		STATUS_TEST(the_initramfs_looks_elsewhere),
		STATUS_TEST(the_kernel_or_grub_looks_elsewhere),
		STATUS_TEST(swap_files),
		STATUS_TEST(compression),
		STATUS_TEST(much_memory),
		STATUS_TEST(the_loader_is_missing),
		STATUS_TEST(the_entry),
		STATUS_TEST(an_old_menu),
		STATUS_TEST(the_guard),
		STATUS_TEST(results),
		STATUS_TEST(names_of_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
