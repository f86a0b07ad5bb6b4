/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a machine that is ready. */
#include "fake_debian.h"

#include <stdio.h>

#define DISK "0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"

void fake_debian_device(const struct fake_tree *fake, const char *name, const char *place, const char *number)
{
	char path[TREE_PATH_BYTES];
	char target[TREE_PATH_BYTES];

	snprintf(target, sizeof(target), "../../devices/pci0000:00/%s", place);
	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	fake_tree_link(fake, path, target);
	snprintf(path, sizeof(path), "/sys/devices/pci0000:00/%s/dev", place);
	fake_tree_put(fake, path, number);
	snprintf(path, sizeof(path), "/sys/dev/block/%s", number);
	fake_tree_link(fake, path, target);
	snprintf(path, sizeof(path), "/dev/%s", name);
	fake_tree_put(fake, path, "");
}

void fake_debian_menu(const struct fake_tree *fake, const char *thaw_words, const char *kernel_words)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "if [ \"$grub_platform\" = \"pc\" ]; then\n"
		 "\tset default=thaw\n"
		 "\tmenuentry 'Resume or start Debian' --class os --id thaw {\n"
		 "\t\tif save_env thaw_try; then\n"
		 "\t\t\tif multiboot2 \"($thaw_root)\"'/boot/thaw/thaw.elf' %s\n"
		 "\t\t\tthen\n\t\t\t\tboot\n\t\t\tfi\n\t\tfi\n"
		 "\t\tlinux '/boot/vmlinuz-6.12' ${thaw_status} %s\n"
		 "\t}\nfi\n",
		 thaw_words, kernel_words);
	fake_tree_put(fake, "/boot/grub/grub.cfg", text);
}

static void kernel_put(const struct fake_tree *fake)
{
	fake_tree_put(fake, "/sys/power/state", "freeze mem disk\n");
	fake_tree_put(fake, "/sys/power/disk", "[platform] shutdown reboot suspend test_resume\n");
	fake_tree_put(fake, "/sys/power/image_size", "3435973836\n");
	fake_tree_put(fake, "/sys/power/resume", "8:2\n");
	fake_tree_put(fake, "/sys/power/resume_offset", "0\n");
	fake_tree_put(fake, "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	fake_tree_put(fake, "/proc/cmdline", "root=UUID=" FAKE_ROOT_UUID " ro quiet thaw.status=no-image\n");
	fake_tree_put(fake, "/proc/meminfo",
		      "MemTotal:        8388608 kB\nMemFree:         4194304 kB\nMemAvailable:    6291456 kB\n");
	fake_tree_put(fake, "/proc/swaps",
		      "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition\t8388604\t0\t-2\n");
	fake_tree_put(fake, "/proc/self/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n");
}

static void devices_put(const struct fake_tree *fake)
{
	static const char header[4096];

	fake_debian_device(fake, "sda", DISK, "8:0");
	fake_debian_device(fake, "sda1", DISK "/sda1", "8:1");
	fake_debian_device(fake, "sda2", DISK "/sda2", "8:2");
	fake_tree_put(fake, "/sys/bus/pci/devices/0000:00:1f.2/class", "0x010601\n");
	fake_tree_put_bytes(fake, "/dev/sda2", header, sizeof(header));
	fake_tree_link(fake, "/dev/disk/by-uuid/" FAKE_SWAP_UUID, "../../sda2");
	fake_tree_link(fake, "/dev/disk/by-uuid/" FAKE_ROOT_UUID, "../../sda1");
}

void fake_debian_make(struct fake_tree *fake)
{
	fake_tree_make(fake);
	kernel_put(fake);
	devices_put(fake);
	fake_tree_put(fake, "/boot/thaw/thaw.elf", "loader");
	fake_tree_put(fake, "/boot/grub/grubenv", "# GRUB Environment Block\n####");
	fake_tree_put(fake, "/etc/grub.d/06_thaw", "#!/bin/sh\n");
	fake_tree_put(fake, "/etc/default/grub", "GRUB_TIMEOUT=0\n");
	fake_tree_put(fake, "/etc/default/thaw", "#GRUB_DISABLE_THAW=false\n");
	fake_tree_put(fake, "/etc/initramfs-tools/initramfs.conf", "MODULES=most\nRESUME=none\n");
	fake_tree_put(fake, "/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=" FAKE_SWAP_UUID "\n");
	fake_tree_link(fake, "/usr/lib/systemd/system/sysinit.target.wants/thaw-try.service", "../thaw-try.service");
	fake_debian_menu(fake, "'resume=UUID=" FAKE_SWAP_UUID "'", "root=UUID=" FAKE_ROOT_UUID " ro quiet");
}

void fake_debian_swap_file(const struct fake_tree *fake, const char *resume_offset)
{
	char words[256];

	snprintf(words, sizeof(words), "resume=UUID=" FAKE_ROOT_UUID " resume_offset=%s", resume_offset);
	fake_tree_put(fake, "/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/swapfile file\t8388604\t0\t-2\n");
	fake_tree_put(fake, "/sys/power/resume", "8:1\n");
	fake_tree_put(fake, "/sys/power/resume_offset", resume_offset);
	fake_tree_put(fake, "/proc/cmdline", words);
	fake_tree_put(fake, "/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=" FAKE_ROOT_UUID "\n");
	fake_debian_menu(fake, words, words);
}
