#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What /etc/grub.d/06_thaw makes of systems that are only directories: see fake_system.py."""

from __future__ import annotations

import re
import tempfile
import unittest
from pathlib import Path

import fake_system
from fake_system import BOOT_UUID, SWAP_UUID

BIOS = "multiboot2 (hd0,msdos1)/boot/thaw/thaw.elf"
UEFI = "chainloader (hd0,msdos1)/boot/thaw/thawx64.efi"
KERNEL = "/boot/vmlinuz-2 root=UUID=1 ro"
INITRDS = "initrd /boot/early.img /boot/initrd.img-2"
BY_PATH = (f"thaw.kernel=UUID={BOOT_UUID}:/boot/vmlinuz-2 thaw.initrd=UUID={BOOT_UUID}:/boot/early.img "
           f"thaw.initrd=UUID={BOOT_UUID}:/boot/initrd.img-2 -- root=UUID=1 ro")
TRIED, UNTRIED = "save_env thaw_try=1", "save_env thaw_try="
NORMAL = [f"linux {KERNEL}", INITRDS, "boot linux"]
SKIPPED = [f"linux {KERNEL.replace(' ', ' thaw.status=skipped ', 1)}", INITRDS, "boot linux"]
ENVIRONMENT = "# GRUB Environment Block\n"
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"
ATA = "ata1/host0/target0:0:0/0:0:0:0/block/sda"


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        self.system = fake_system.make(Path(work.name))

    def calls(self, text, refuses="", **variables):
        return [" ".join(call.split()) for call in self.system.run(text, refuses, **variables)[1]]

    def default(self, text, **variables):
        return self.system.run(text, **variables)[0]


class Flow(Case):
    """What GRUB does, in each state of the machine."""

    def test_bios(self):
        text = self.system.generate()
        self.assertEqual(self.calls(text), [TRIED, f"{BIOS} {BY_PATH}", "boot multiboot2"])
        self.assertEqual(self.calls(text, thaw_try="1"), SKIPPED)
        self.assertEqual(self.calls(text, "save_env"), [TRIED, *SKIPPED])
        self.assertEqual(self.calls(text, "multiboot2"), [TRIED, f"{BIOS} {BY_PATH}", UNTRIED, *NORMAL])
        # Thaw could start nothing then.
        for name in ("/boot/vmlinuz-2", "/boot/early.img", "/boot/initrd.img-2"):
            self.system.remove(name)
            self.assertEqual(self.calls(text), NORMAL)
            self.system.write(name, "")
        self.system.remove("/boot/thaw/thaw.elf")
        self.assertEqual(self.calls(text), NORMAL)
        self.assertEqual(self.calls(text, thaw_try="1"), NORMAL)

    def test_uefi(self):
        text = self.system.generate()
        on = {"grub_platform": "efi"}
        self.assertEqual(self.calls(text, **on), [TRIED, UEFI, "boot chainloader", *NORMAL])
        self.assertEqual(self.calls(text, thaw_try="1", **on), SKIPPED)
        self.assertEqual(self.calls(text, "save_env", **on), [TRIED, *SKIPPED])
        self.assertEqual(self.calls(text, "chainloader", **on), [TRIED, UEFI, UNTRIED, *NORMAL])
        self.assertEqual(self.calls(text, lockdown="y", **on), NORMAL)
        self.assertEqual(self.calls(text, lockdown="y", thaw_try="1", **on), NORMAL)
        self.system.remove("/boot/thaw/thawx64.efi")
        self.assertEqual(self.calls(text, **on), NORMAL)

    def test_other_platforms_have_no_entry(self):
        self.assertEqual(self.system.run(self.system.generate(), grub_platform="xen"), ("0", []))

    def test_modules(self):
        text = self.system.generate(FEATURES="extent meta_bg")
        modules = [f"module2 --nounzip {KERNEL.replace(' ', ' kernel ', 1)}", "module2 --nounzip /boot/early.img initrd",
                   "module2 --nounzip /boot/initrd.img-2 initrd"]
        self.assertEqual(self.calls(text), [TRIED, BIOS, *modules, "boot multiboot2"])
        self.assertEqual(self.calls(text, "module2"), [TRIED, BIOS, modules[0], UNTRIED, *NORMAL])

    def test_either_loader_is_enough(self):
        self.system.remove("/boot/thaw/thaw.elf")
        text = self.system.generate()
        self.assertEqual(self.calls(text, grub_platform="efi"), [TRIED, UEFI, "boot chainloader", *NORMAL])
        self.assertEqual(self.calls(text), NORMAL)
        self.system.remove("/boot/thaw/thawx64.efi")
        self.assertEqual(self.system.generate(), "")

    def test_without_a_guard_there_is_no_entry(self):
        for layout in ({"ABSTRACTION": "lvm"}, {"FILESYSTEM": "btrfs"}):
            self.assertEqual(self.system.generate(**layout), "")
            self.assertIn("can't write", self.system.said)
            text = self.system.generate("GRUB_THAW_UNGUARDED=true\n", **layout)
            self.assertEqual(self.default(text), "thaw")
            self.assertNotIn("save_env", text)
            self.assertEqual(self.calls(text)[0], BIOS)
            self.assertEqual(self.calls(text, "multiboot2"), [BIOS, *NORMAL])
            self.assertEqual(self.calls(text, grub_platform="efi"), [UEFI, "boot chainloader", *NORMAL])

    def test_settings(self):
        self.assertEqual(self.system.generate("GRUB_DISABLE_THAW=true\n"), "")
        self.system.write("/etc/default/thaw", 'GRUB_DISABLE_THAW=false\nGRUB_CMDLINE_THAW="own words"\n')
        text = self.system.generate("GRUB_DISABLE_THAW=true\nFLAG=--unrestricted\n")
        self.assertIn(f"{BIOS} own words {BY_PATH}", self.calls(text))
        self.assertIn(f"{UEFI} own words", self.calls(text, grub_platform="efi"))
        self.assertRegex(text, r"menuentry .* --unrestricted --id thaw \{")
        self.system.write("/etc/default/thaw", "GRUB_DISABLE_THAW=true\n")
        self.assertEqual(self.system.generate(), "")

    def test_what_the_entry_takes_over(self):
        text = self.system.generate("GRUB_CMDLINE_LINUX='memmap=1M\\$255M odd=\"two words\"'\n")
        self.assertIn("load_video", text)
        self.assertNotIn("savedefault", text)
        self.assertIn(f"linux {KERNEL} memmap=1M$255M odd=two words", self.calls(text, "multiboot2"))

    def test_as_quiet_as_the_kernel(self):
        self.system.write("/etc/default/thaw", 'GRUB_CMDLINE_THAW="own words"\n')
        text = self.system.generate("GRUB_CMDLINE_LINUX='splash quiet'\n")
        self.assertIn(f"{UEFI} quiet own words", self.calls(text, grub_platform="efi"))
        text = self.system.generate("GRUB_CMDLINE_LINUX='notquiet'\n")
        self.assertIn(f"{UEFI} own words", self.calls(text, grub_platform="efi"))

    def test_no_kernel(self):
        self.system.write("/etc/grub.d/10_linux", "#!/bin/sh\n", 0o755)
        self.assertEqual(self.system.generate(), "")


class Default(Case):
    """Which kernel is booted, and when the entry is GRUB's default."""

    def kernel(self, text):
        """The kernel that the entry boots without Thaw."""
        call = next(call for call in self.calls(text, thaw_try="1") if call.startswith("linux"))
        return " ".join(word for word in call.split()[1:] if not word.startswith(("root=", "thaw.", "ro")))

    def test_names_and_numbers(self):
        for wanted, kernel in (("", "2"), ("0", "2"), ("simple", "2"), ("Any system", "2"), ("1>2", "1"), ("1", "2"),
                               ("advanced>one", "1"), ("Advanced >> for Any>Any, with Linux 1", "1"),
                               ("advanced>rescue", "2 single"), ("advanced>Any's rescue", "2 single"),
                               ("2", "3"), ("other", "3")):
            text = self.system.generate(f'GRUB_DEFAULT="{wanted}"\n')
            self.assertEqual((self.default(text, default=wanted), self.kernel(text)), ("thaw", f"/boot/vmlinuz-{kernel}"))

    def test_what_is_no_linux_stays_the_default(self):
        for wanted, default in (("Windows", "Windows"), ("advanced>none", "advanced>none"), ("3", "4"), ("1>7", "2>7"),
                                ("one", "one")):
            text = self.system.generate(f'GRUB_DEFAULT="{wanted}"\n')
            self.assertIn("not started by itself", self.system.said)
            self.assertEqual(self.default(text, default=wanted), default)
            self.assertEqual(self.calls(text, thaw_try="1"), SKIPPED)

    def test_numbers_move_with_their_entries(self):
        text = self.system.generate("GRUB_DEFAULT='1>2'\n")
        self.assertEqual(self.default(text, default="1>2"), "thaw")
        self.assertEqual(self.default(text, default="1>2", recordfail="1"), "2>2")
        self.assertEqual(self.default(text, default="other", boot_once="true"), "other")
        text = self.system.generate()
        self.assertEqual(self.default(text, recordfail="1"), "1")

    def test_saved(self):
        for saved, kernel in (("", "2"), ("advanced>one", "1"), ("0", "2"), ("3", "3"), ("2>2", "1")):
            self.system.write("/boot/grub/grubenv", ENVIRONMENT + (f"saved_entry={saved}\n" if saved else ""))
            text = self.system.generate("GRUB_DEFAULT=saved\n")
            self.assertEqual(self.kernel(text), f"/boot/vmlinuz-{kernel}", saved)
            self.assertEqual(self.default(text, default=saved, saved_entry=saved), "thaw")
            # Chosen since then.
            self.assertEqual(self.default(text, default="simple", saved_entry="simple"), "simple")
        self.system.write("/boot/grub/grubenv", f"{ENVIRONMENT}saved_entry=Windows\n")
        text = self.system.generate("GRUB_DEFAULT=saved\n")
        self.assertEqual(self.default(text, default="Windows", saved_entry="Windows"), "Windows")

    def test_entries_before_those_of_linux(self):
        script = "#!/bin/sh\necho menuentry x {\necho }\n"
        self.system.write("/etc/grub.d/09_windows", script, 0o755)
        self.assertEqual(self.default(self.system.generate()), "1")
        self.assertEqual(self.default(self.system.generate("GRUB_DEFAULT=simple\n"), default="simple"), "thaw")
        self.system.write("/etc/grub.d/09_windows", script, 0o644)
        self.assertEqual(self.default(self.system.generate()), "thaw")

    def test_flat_menu(self):
        flat = re.sub(r"^submenu[^\n]*\n|^}\n(?=menuentry 'Other')", "", fake_system.TEN_LINUX, flags=re.M)
        self.system.write("/etc/grub.d/10_linux", flat, 0o755)
        text = self.system.generate("GRUB_DEFAULT=3\n")
        self.assertEqual((self.default(text), self.kernel(text)), ("thaw", "/boot/vmlinuz-1"))


class Place(Case):
    """Where Thaw is told to look for the image."""

    def place(self, settings=""):
        """Thaw's words about it, for BIOS and UEFI the same."""
        text = self.system.generate(settings)
        bios = next(call for call in self.calls(text) if call.startswith(BIOS))[len(BIOS):].split(" thaw.kernel=")[0]
        uefi = next(call for call in self.calls(text, grub_platform="efi") if call.startswith(UEFI))[len(UEFI):]
        self.assertEqual(bios, uefi)
        return bios.strip()

    def initramfs(self, resume):
        self.system.write("/etc/initramfs-tools/conf.d/resume", f"RESUME={resume}\n")

    def test_nobody_says(self):
        self.assertEqual(self.place(), "")

    def test_command_line(self):
        self.initramfs(f"UUID={SWAP_UUID}")
        for words, place in (("resume=LABEL=swap", "resume=LABEL=swap"), ("resume=/dev/sda2", f"resume=UUID={SWAP_UUID}"),
                             ("resume=/dev/sda7", "resume=/dev/sda7"), ("noresume", "noresume"),
                             ("resume=/dev/mapper/vg-swap", "resume=/dev/mapper/vg-swap"),
                             ("resume=/dev/sda1 resume_offset=34816", f"resume=UUID={BOOT_UUID} resume_offset=34816"),
                             ('"resume=LABEL=my swap" resume_offset=7', "resume_offset=7")):
            self.assertEqual(self.place(f"GRUB_CMDLINE_LINUX='{words}'\n"), place)

    def test_initramfs(self):
        for resume, place in ((f"UUID={SWAP_UUID}", f"resume=UUID={SWAP_UUID}"), ("/dev/sda2", f"resume=UUID={SWAP_UUID}"),
                              ("/dev/mapper/vg-swap", "resume=/dev/mapper/vg-swap"), ("none", "noresume"), ("auto", ""),
                              ("UUID=00000000-0000-0000-0000-000000000000", ""), ("/dev/sda9", "")):
            self.initramfs(resume)
            self.assertEqual(self.place(), place, resume)

    def test_running_kernel(self):
        self.system.write("/sys/power/resume", "0:0\n")
        self.system.write("/sys/power/resume_offset", "0\n")
        self.assertEqual(self.place(), "")
        self.system.write("/sys/power/resume", "8:2\n")
        self.system.write("/sys/dev/block/8:2/uevent", "MAJOR=8\nMINOR=2\nDEVNAME=sda2\nDEVTYPE=partition\n")
        self.assertEqual(self.place(), f"resume=UUID={SWAP_UUID}")
        self.system.write("/sys/dev/block/8:2/uevent", "DEVNAME=sda1\n")
        self.system.write("/sys/power/resume_offset", "4096\n")
        self.assertEqual(self.place(), f"resume=UUID={BOOT_UUID} resume_offset=4096")
        self.system.write("/sys/dev/block/8:2/uevent", "DEVNAME=dm-1\n")
        self.system.write("/sys/power/resume_offset", "0\n")
        self.system.write("/sys/class/block/dm-1/dm/name", "vg-swap\n")
        self.assertEqual(self.place(), "resume=/dev/mapper/vg-swap")

    def test_swap_file(self):
        self.system.write("/proc/swaps", f"{SWAPS}/swapfile file 4092 0 -2\n")
        self.assertEqual(self.place(), f"resume=UUID={BOOT_UUID} resume_offset=34816")
        self.system.write("/proc/swaps", f"{SWAPS}/swapfile file 4092 0 -2\n/dev/sda2 partition 4092 0 -3\n")
        self.assertEqual(self.place(), "")
        self.system.write("/proc/swaps", f"{SWAPS}/swapfile file 4092 0 -2\n")
        text = self.system.generate("GRUB_THAW_UNGUARDED=true\n", FILESYSTEM="btrfs")
        self.assertNotIn("resume=", text)


class Files(Case):
    """When Thaw reads the normal kernel itself."""

    def by_path(self, settings="", **environment):
        return "thaw.kernel=" in self.system.generate(settings, **environment)

    def test_filesystems(self):
        self.assertTrue(self.by_path())
        self.assertTrue(self.by_path(FILESYSTEM="fat", FAT_VERSION="FAT32"))
        self.assertFalse(self.by_path(FILESYSTEM="fat", FAT_VERSION="FAT16"))
        self.assertFalse(self.by_path(FILESYSTEM="xfs"))
        for feature in ("meta_bg", "inline_data", "encrypt"):
            self.assertFalse(self.by_path(FEATURES=f"extent {feature} 64bit"))
        self.assertFalse(self.by_path(FEATURES=""))
        self.assertFalse(self.by_path("GRUB_THAW_UNGUARDED=true\n", ABSTRACTION="lvm"))

    def test_controllers(self):
        for path, kind, ids, found in (
                (f"pci0000:00/0000:00:01.1/{ATA}", "0x010180", (), True),
                ("pci0000:00/0000:00:1c.0/0000:02:00.0/nvme/nvme0/nvme0n1", "0x010802", (), True),
                ("pci0000:00/0000:00:04.0/virtio0/block/vda", "0x010000", ("0x1af4", "0x1001"), True),
                ("pci0000:00/0000:00:04.0/virtio0/block/vda", "0x010000", ("0x1af4", "0x1042"), True),
                (f"pci0000:00/0000:00:1f.2/{ATA}", "0x010400", (), False),
                (f"pci0000:00/0000:00:05.0/{ATA}", "0x010700", (), False),
                ("pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sda", "0x0c0330", (), False),
                ("pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/nvme/nvme0/nvme0n1", "0x010802", (), False),
                ("virtual/nvme-subsystem/nvme-subsys0/nvme0n1", "", (), False)):
            fake_system.put_disk(self.system, path, kind, *ids)
            self.assertEqual(self.by_path(), found, path)

    def test_names_and_lengths(self):
        self.assertTrue(self.by_path(f"GRUB_CMDLINE_LINUX={'x' * 1500}\n"))
        self.assertFalse(self.by_path(f"GRUB_CMDLINE_LINUX={'x' * 1900}\n"))
        for name in ("vmlinuz-2%", "x" * 260):
            self.system.write("/etc/grub.d/10_linux", fake_system.TEN_LINUX.replace("vmlinuz-2", name), 0o755)
            self.assertFalse(self.by_path())


if __name__ == "__main__":
    unittest.main()
