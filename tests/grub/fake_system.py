# SPDX-License-Identifier: GPL-2.0-or-later
"""A system in a directory, for /etc/grub.d/06_thaw to look at, and a shell that runs what it writes.

GRUB's language is near enough to the shell's: `run` turns the few words that differ and gives each GRUB command a
function that notes the call.  What GRUB itself makes of the text is for the scenarios in tests/qemu.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SCRIPT = TOP / "tools" / "grub" / "06_thaw"
BOOT_UUID = "0123abcd-89ab-cdef-0123-456789abcdef"
SWAP_UUID = "5f0e1c9a-7d3b-4c52-9b1e-2a6d84c7f310"
AHCI = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"
# As Debian's 10_linux writes it, with two kernels.
TEN_LINUX = r"""#!/bin/sh
cat <<EOF
function gfxmode {
	set gfxpayload="\${1}"
}
set linux_gfx_mode=keep
export linux_gfx_mode
menuentry 'Any system' --class os $FLAG \$menuentry_id_option 'simple' {
	savedefault
	load_video
	insmod ext2
	if [ x\$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	echo	'Loading ...'
	linux	/boot/vmlinuz-2 root=UUID=1 ro $GRUB_CMDLINE_LINUX
	echo	'Loading initial ramdisk ...'
	initrd	/boot/early.img /boot/initrd.img-2
}
submenu 'Advanced > for Any' \$menuentry_id_option 'advanced' {
	menuentry 'Any, with Linux 2' --class os \$menuentry_id_option 'two' {
		load_video
		linux	/boot/vmlinuz-2 root=UUID=1 ro $GRUB_CMDLINE_LINUX
		initrd	/boot/initrd.img-2
	}
	menuentry 'Any'\''s rescue' --class os \$menuentry_id_option 'rescue' {
		load_video
		linux	/boot/vmlinuz-2 root=UUID=1 ro single
		initrd	/boot/initrd.img-2
	}
	menuentry 'Any, with Linux 1' --class os \$menuentry_id_option 'one' {
		load_video
		linux	/boot/vmlinuz-1 root=UUID=1 ro $GRUB_CMDLINE_LINUX
		initrd	/boot/initrd.img-1
	}
}
menuentry 'Other' \$menuentry_id_option 'other' {
	linux	/boot/vmlinuz-3 root=UUID=1 ro
}
EOF
"""
PROGRAMS = {
    "probe": r"""case "$*" in
*abstraction*) echo $ABSTRACTION ;;
*=fs_uuid*) echo %(uuid)s ;;
*=fs* | *-t\ fs*) echo ${FILESYSTEM-ext2} ;;
*=disk*) echo /dev/sda ;;
*=device*) echo /dev/sda1 ;;
*=partmap*) echo msdos ;;
*=compatibility_hint*) echo hd0,msdos1 ;;
*=hints_string*) echo --hint-bios=hd0,msdos1 ;;
esac""" % {"uuid": BOOT_UUID},
    "mkrelpath": 'echo "$1" | sed "s|^$FAKE||"',
    "blkid": r"""for device in "$@"; do :; done
case "$*" in
*VERSION*) echo $FAT_VERSION ;;
*UUID*) case $device in /dev/sda2) echo %(swap)s ;; /dev/sda1) echo %(boot)s ;; *) exit 2 ;; esac ;;
*swap*) case $device in /dev/sda2 | /dev/mapper/vg-swap) ;; *) exit 2 ;; esac ;;
esac""" % {"swap": SWAP_UUID, "boot": BOOT_UUID},
    "findfs": r"""case $1 in
UUID=%s) echo /dev/sda2 ;;
/dev/*) echo $1 ;;
*) exit 1 ;;
esac""" % SWAP_UUID,
    "filefrag": r"""cat <<EOF
Filesystem type is: ef53
File size of $3 is 4194304 (1024 blocks of 4096 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..     511:      34816..     35327:    512:
   1:      512..    1023:      40960..     41471:    512:      35328: last,eof
EOF""",
    "dumpe2fs": r'echo "Filesystem features:      ${FEATURES-has_journal extent 64bit metadata_csum}"',
}
# GRUB's commands note that they were called, and fail when they are to.
SHELL = r"""
declare -A refuses
for word in $REFUSES; do refuses[$word]=1; done
note() { printf '%s\n' "$*" >&3; }
run() { note "$@"; builtin [ -z "${refuses[$1]}" ]; }
for command in multiboot2 chainloader linux initrd; do
	eval "$command() { [ $command = initrd ] || loaded=$command; run $command \"\$@\"; }"
done
module2() { run module2 "$@"; }
save_env() { run save_env "$1=${!1}" && builtin [ -z "${refuses[save_env]}" ]; }
boot() { note "boot $loaded"; builtin [ "$loaded" = chainloader ] || exit 0; }
load_video() { :; }
insmod() { :; }
search() { :; }
# Names of files, as seen from here.
[() { local words=() word; for word; do words+=("${word/#"(hd0,msdos1)"/$FAKE}"); done; builtin [ "${words[@]}"; }
root=
"""


@dataclass
class System:
    """The directory, and what the last run of the script said on standard error."""

    root: Path
    said: str = field(default="", init=False)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file below the root."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def remove(self, path: str) -> None:
        (self.root / path.lstrip("/")).unlink()

    def generate(self, settings: str = "", **environment: str) -> str:
        """What the script writes with these settings; GRUB's checker has seen it."""
        self.write("/etc/default/grub", settings)
        words = {"PATH": f"{self.root}/bin:{os.environ['PATH']}:/usr/sbin:/sbin", "FAKE": str(self.root),
                 "pkgdatadir": "/usr/share/grub", "grub_probe": f"{self.root}/bin/probe",
                 "grub_mkrelpath": f"{self.root}/bin/mkrelpath", "GRUB_DEVICE": "/dev/sda1", "GRUB_DEVICE_BOOT": "/dev/sda1",
                 **environment}
        # grub-mkconfig exports the settings that 10_linux uses.
        command = '. "$FAKE/etc/default/grub"; export GRUB_CMDLINE_LINUX FLAG; exec "$FAKE/etc/grub.d/06_thaw"'
        run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=words)
        if run.returncode != 0:
            raise AssertionError(f"exit status {run.returncode}: {run.stderr}")
        self.said = run.stderr
        if run.stdout:
            check = subprocess.run(["grub-script-check"], input=run.stdout, capture_output=True, text=True, check=False)
            if check.returncode != 0:
                raise AssertionError(f"{check.stderr}\n{run.stdout}")
        return run.stdout

    def run(self, text: str, refuses: str = "", **variables: str) -> tuple[str, list[str]]:
        """Go through the text, then start the entry: GRUB's default before that, and the calls."""
        text = re.sub(r"^(\s*)menuentry .* \{$", r"\1entry() {", text, flags=re.M)
        text = re.sub(r"\bset (\w+=)", r"\1", text)
        given = "".join(f"{name}={shlex.quote(value)}\n"
                        for name, value in {"default": "0", "grub_platform": "pc", **variables}.items())
        script = f'{SHELL}{given}{text}\nnote "default $default"\n! declare -F entry > /dev/null || entry\n'
        with open(self.root / "notes", "w+", encoding="utf-8") as notes:
            process = subprocess.run(["bash", "-c", f"exec 3>&{notes.fileno()}\n{script}"], pass_fds=(notes.fileno(),),
                                     text=True, capture_output=True, check=False,
                                     env={"PATH": os.environ["PATH"], "FAKE": str(self.root), "REFUSES": refuses})
            notes.seek(0)
            lines = notes.read().splitlines()
        if process.stderr or not lines:
            raise AssertionError(f"{process.stderr}\n{script}")
        return lines[0].partition(" ")[2], lines[1:]


def make(root: Path) -> System:
    """A Debian system with both loaders on an AHCI disk, booted from ext4, with a swap partition that nobody names."""
    system = System(root)
    for name, text in PROGRAMS.items():
        system.write(f"/bin/{name}", f"#!/bin/sh\n{text}\n", 0o755)
    script = SCRIPT.read_text(encoding="utf-8")
    if "\nROOT=\n" not in script:
        raise AssertionError("06_thaw has no ROOT= to replace")
    system.write("/etc/grub.d/06_thaw", script.replace("\nROOT=\n", f"\nROOT={root}\n"), 0o755)
    system.write("/etc/grub.d/10_linux", TEN_LINUX, 0o755)
    for name in ("thaw.elf", "thawx64.efi"):
        system.write(f"/boot/thaw/{name}", name)
    for name in ("vmlinuz-1", "vmlinuz-2", "vmlinuz-3", "initrd.img-1", "initrd.img-2", "early.img"):
        system.write(f"/boot/{name}", name)
    system.write("/boot/grub/grubenv", "# GRUB Environment Block\n")
    system.write("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 655356 0 -2\n")
    put_disk(system, AHCI, "0x010601")
    return system


def put_disk(system: System, path: str, kind: str, vendor: str = "0x8086", device: str = "0x2922") -> None:
    """Put sda at a place of the device tree, with the class of its last PCI function."""
    place = system.root / "sys/devices" / path
    place.mkdir(parents=True, exist_ok=True)
    function = re.match(r".*/[0-9a-f]+:[0-9a-f]{2}:[0-9a-f]{2}\.\d", path)
    if function:
        for name, text in (("class", kind), ("vendor", vendor), ("device", device)):
            system.write(f"/sys/devices/{function[0]}/{name}", f"{text}\n")
    link = system.root / "sys/class/block/sda"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(place)
