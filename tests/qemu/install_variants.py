# SPDX-License-Identifier: GPL-2.0-or-later
"""What /etc/grub.d/06_thaw makes of the settings of a guest, checked by running it there."""

from __future__ import annotations

import re

import guest
import install_disk
from agent import Agent
from errors import Failure

DIRECTORY = "/root/variant"
SETTINGS = "/etc/default/grub.d/zz-variant.cfg"
RESUME_CONF = "/etc/initramfs-tools/conf.d/resume"
CONSOLE = "console=ttyS0,115200"
# As 10_linux is told, with GRUB's quoting; and what must arrive.
ODD_SETTINGS = "GRUB_CMDLINE_LINUX='console=ttyS0,115200 memmap=1M\\$255M odd=\"two  words\"'\n" \
               "GRUB_CMDLINE_THAW='quiet thaw.x=a\\;b'\n"
THAW_WORDS = f"resume=UUID={install_disk.SPEC.swaps[0].uuid} quiet thaw.x=a;b"
LINUX_WORDS = f'root=UUID={guest.FS_UUID} ro console=ttyS0,115200 memmap=1M$255M "odd=two  words" loglevel=7'
BOOT_UUID = "5f0e1c9a-7d3b-4c52-9b1e-2a6d84c7f310"
# Beside a copy of the script, for 10_linux and grub-probe, which take seconds in an emulator.
TEN_LINUX = r"""#!/bin/sh
cat <<EOF
menuentry 'Any system' --class os {
	linux	/boot/vmlinuz-1 root=UUID=1 ro $GRUB_CMDLINE_LINUX
}
EOF
"""
PROBE = r"""#!/bin/sh
case "$*" in
*abstraction*) ;;
*=fs_uuid*) echo 01234567-89ab-cdef-0123-456789abcdef ;;
*=fs* | *-t\ fs*) echo ext2 ;;
*=device*) echo /dev/sda1 ;;
*=partmap*) echo msdos ;;
*=compatibility_hint*) echo hd0,msdos1 ;;
*=hints_string*) echo --hint-bios=hd0,msdos1 ;;
esac
"""


def _words(line: str) -> str:
    """The line with one blank between words; blanks inside double quotes stay."""
    return re.sub(r"\s+(?=[^\"]*(?:\"[^\"]*\"[^\"]*)*$)", " ", line).strip()


def check_handed_over(text: str, thaw_words: str, linux_words: str, files: str = "") -> None:
    """Check what the stand-in printed: its own options, the kernel and its command line, the initrd; as modules, or,
    with `files` (the options that name them), left to the loader."""
    got = [_words(line) for line in re.findall(r"^stand-in: (args .*|module .*)$", text, re.M)]
    want = [f"args {thaw_words}", f"module kernel {linux_words}", "module initrd"]
    if files:
        want = [f"args {thaw_words} {files} -- {linux_words}"]
    if got != want:
        raise Failure(f"GRUB handed over {got}, not {want}")


def _generate(agent: Agent, settings: str = "") -> str:
    """What the script prints with these settings, in the environment that grub-mkconfig gives it; checked by GRUB."""
    agent.write_file(SETTINGS, settings)
    environment = {"pkgdatadir": "/usr/share/grub", "grub_probe": f"{DIRECTORY}/probe",
                   "GRUB_DEVICE": "/dev/sda1", "GRUB_DEVICE_BOOT": "/dev/sda1"}
    words = " ".join(f"{key}='{value}'" for key, value in environment.items())
    agent.run(f". /etc/default/grub; for f in /etc/default/grub.d/*.cfg; do . $f; done; "
              f"export GRUB_CMDLINE_LINUX; {words} {DIRECTORY}/06_thaw > /tmp/06.cfg 2> /tmp/06.err")
    # GRUB's checker refuses a file without commands.
    return agent.run("test ! -s /tmp/06.cfg || { grub-script-check /tmp/06.cfg && cat /tmp/06.cfg; }")


def _multiboot2(text: str) -> str:
    lines = re.findall(r"^\s*if multiboot2 (.*)$", text, re.M)
    if len(lines) != 1:
        raise Failure(f"{len(lines)} multiboot2 lines in:\n{text}")
    return _words(lines[0])


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Failure(f"{what}: {found!r}, not {wanted!r}")


def check_all(agent: Agent) -> None:
    """What needs a system's own tools; the rest is in tests/grub.  Leaves the guest's settings odd, for move_boot."""
    agent.run(f"mkdir {DIRECTORY} && cp /etc/grub.d/06_thaw {DIRECTORY}/")
    agent.write_file(f"{DIRECTORY}/probe", PROBE)
    agent.write_file(f"{DIRECTORY}/10_linux", TEN_LINUX)
    agent.run(f"chmod 755 {DIRECTORY}/*")
    _check_resume(agent)
    agent.write_file(SETTINGS, ODD_SETTINGS)


def _check_resume(agent: Agent) -> None:
    """Where Thaw is told to look, by the initramfs's settings and by the kernel's command line."""
    swap = install_disk.SPEC.swaps[0].uuid
    path = f"\"($thaw_root)\"'{install_disk.LOADER}'"
    device = agent.run(f"blkid -U {swap}").strip()
    for resume, words in ((device, f" 'resume=UUID={swap}'"),
                          ("none", " noresume"), ("UUID=00000000-0000-0000-0000-000000000000", "")):
        agent.write_file(RESUME_CONF, f"RESUME={resume}\n")
        _expect(f"RESUME={resume}", _multiboot2(_generate(agent)), f"{path}{words} {CONSOLE}")
    agent.write_file(RESUME_CONF, f"RESUME=UUID={swap}\n")
    text = _generate(agent, "GRUB_CMDLINE_LINUX='\"resume=LABEL=my swap\" resume_offset=34816'\n")
    _expect("the kernel's words win, quoted ones are left to the loader", _multiboot2(text),
            f"{path} resume_offset=34816 {CONSOLE}")


def move_boot(agent: Agent) -> int:
    """Give /boot a filesystem of its own, which the loader does not read, with the stand-in as loader and one kernel.

    Returns where grubenv's block is in that filesystem (bytes).
    """
    old = guest.get().kernels["6.1"]
    device = agent.run(f"blkid -U {install_disk.SPARE.uuid}").strip()
    agent.run(f"rm /boot/*{old}* && mkfs.ext4 -q -F -O meta_bg,^resize_inode -U {BOOT_UUID} {device} && mount {device} /mnt && "
              f"cp -a /boot/. /mnt/ && cp /root/standin.elf /mnt/thaw/thaw.elf && umount /mnt", timeout_s=120)
    # The GRUB of the boot record goes on in the new filesystem: to install it once more takes a minute.
    agent.write_file("/boot/grub/grub.cfg", f"search --no-floppy --fs-uuid --set=root {BOOT_UUID}\n"
                     "set prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n")
    agent.run(f"mount {device} /boot")
    agent.run("update-grub 2>&1", timeout_s=300)
    text = agent.run("cat /boot/grub/grub.cfg")
    _expect("path on the filesystem", "\"($thaw_root)\"'/thaw/thaw.elf'" in text, True)
    place = install_disk.extent(agent, install_disk.GRUBENV)[0][0]
    agent.run("umount /boot && sync && mount -o remount,ro /", check=False)
    return place
