# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian 12 root filesystem of the test guests, made once with mmdebstrap and kept in the cache.

It holds both of Debian's kernels, unmodified, each with the initramfs that initramfs-tools makes for it, GRUB's BIOS
modules, and a small agent.  The packages come from this machine's own apt sources.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import cache
from errors import HarnessError

HERE = Path(__file__).resolve().parent
FILES = HERE / "guest"
GRUB_MODULES = Path("/usr/lib/grub/i386-pc")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITE = "bookworm"
SIZE_MIB = 1024
FS_UUID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "root.guest.thaw.invalid"))
KERNEL_PACKAGES = {"6.1": "linux-image-amd64", "6.12": "linux-image-6.12-amd64"}
PACKAGES = (
    "systemd-sysv", "udev", "kmod", "initramfs-tools", "busybox", "zstd", "e2fsprogs", "util-linux", "mount", "dbus",
    "fdisk", "lvm2", "cryptsetup-bin",
    "grub-pc-bin", "grub-common", "grub2-common", *KERNEL_PACKAGES.values(),
)
# Files whose places in the image are rewritten for a run (path in the guest).
SLOTS = {"thaw": "/boot/thaw/thaw.elf", "run": "/boot/thaw-test/run.cfg"}


@dataclass(frozen=True)
class Guest:
    """A finished root filesystem.

    image: sparse ext4 image; kernels: "6.1" or "6.12" -> full version, the end of the names in /boot;
    slots: name -> byte ranges (start, length) of that file's blocks in the image, in file order.
    """

    image: Path
    kernels: dict[str, str]
    slots: dict[str, tuple[tuple[int, int], ...]]
    fs_uuid: str = FS_UUID


def as_root(command: list[str]) -> list[str]:
    """The command line that runs `command` as root from here."""
    return command if os.geteuid() == 0 else ["sudo", *command]


def apt_sources() -> str:
    """One-line apt sources of this machine that belong to the guest's suite; HarnessError when there are none."""
    run = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False)
    lines = []
    for line in run.stdout.splitlines():
        uri, release, component = line.split()
        if release == SUITE or release.startswith(f"{SUITE}-"):
            entry = f"deb {uri} {release} {component}"
            if entry not in lines:
                lines.append(entry)
    if not lines:
        raise HarnessError(f"no apt source of {SUITE} on this machine (apt-get indextargets): {run.stderr.strip()}")
    return "\n".join(lines) + "\n"


def package_versions(packages: tuple[str, ...]) -> dict[str, str]:
    """The candidate version of each package by this machine's apt lists; HarnessError when one has none."""
    run = subprocess.run(["apt-cache", "policy", *packages], capture_output=True, text=True, check=False)
    found = re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (\S+)", run.stdout, re.M)
    versions = {name: version for name, version in found if version != "(none)"}
    missing = [name for name in packages if name not in versions]
    if missing:
        raise HarnessError(f"no candidate for {', '.join(missing)}: run apt-get update")
    return versions


def recipe() -> dict:
    """Everything that decides what the root filesystem contains, as plain values."""
    return {
        "files": {path.name: path.read_text(encoding="utf-8") for path in sorted(FILES.iterdir()) if path.is_file()},
        "packages": package_versions(PACKAGES),
        "host-grub": package_versions(("grub-pc-bin",)),
        "size-mib": SIZE_MIB,
        "uuid": FS_UUID,
        "slots": SLOTS,
    }


def _find_slot(image: Path, path: str) -> list[tuple[int, int]]:
    """Byte ranges of a file of an ext4 image, in file order."""
    run = subprocess.run(["debugfs", "-R", f"dump_extents -l {path}", str(image)],
                         capture_output=True, text=True, check=False)
    ranges = []
    for line in run.stdout.splitlines():
        match = re.match(r"\s*\d+/\s*\d+\s+\d+/\s*\d+\s+\d+\s*-\s*\d+\s+(\d+)\s*-\s*(\d+)\s+\d+", line)
        if match:
            first, last = int(match[1]), int(match[2])
            ranges.append((first * 4096, (last - first + 1) * 4096))
    if not ranges:
        raise HarnessError(f"{path} has no blocks in {image}: {run.stdout} {run.stderr}")
    return ranges


def _build(out: Path) -> None:
    image = out / "root.ext4"
    owner = f"{os.getuid()}:{os.getgid()}"
    cache.progress("guest: building the Debian root filesystem (one to two minutes, once)")
    command = as_root(["sh", str(FILES / "build-root.sh"), str(image), str(FILES), str(GRUB_MODULES), str(SIZE_MIB),
                       FS_UUID, SUITE, str(KEYRING), ",".join(PACKAGES), owner])
    log = cache.cache_dir() / "guest-build.log"
    with open(log, "w", encoding="utf-8") as handle:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True)
        process.stdin.write(apt_sources())
        process.stdin.close()
        for line in process.stdout:
            handle.write(line)
            if line.startswith("guest: "):
                cache.progress(line.rstrip())
        if process.wait() != 0:
            handle.flush()
            raise HarnessError(f"the root filesystem could not be built (status {process.returncode})", log)
    slots = {name: _find_slot(image, path) for name, path in SLOTS.items()}
    (out / "slots.json").write_text(json.dumps(slots), encoding="ascii")


@functools.cache
def get() -> Guest:
    """The root filesystem of the present recipe, built when the cache has none (takes a lock, about a minute)."""
    entry = cache.build_once("guest", recipe(), _build)
    image = entry / "root.ext4"
    versions = re.findall(r"^vmlinuz-(\S+)$", (entry / "root.ext4.boot").read_text(encoding="ascii"), re.M)
    kernels = {}
    for name in KERNEL_PACKAGES:
        kernels[name] = next(version for version in versions if version.startswith(f"{name}."))
    slots = {name: tuple(map(tuple, ranges))
             for name, ranges in json.loads((entry / "slots.json").read_text(encoding="ascii")).items()}
    return Guest(image, kernels, slots)


if __name__ == "__main__":
    print(get())
