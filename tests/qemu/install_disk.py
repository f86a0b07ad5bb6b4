# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose disk boots as a user's does: Thaw installed by tools/install.sh, GRUB by grub-install and update-grub.

The disk is made once by a running guest and kept in the cache; install_guest.py uses it.  It holds a placeholder in
thaw.elf's place; the loader of a scenario is written over it (`disk.slots`), so that the disk does not change with it.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import cache
import disk as disks
import grub_run
import guest
import session
from agent import Agent
from errors import HarnessError
from machine import Drive, Hardware

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / "tools"
HARDWARE = Hardware("q35", 1, 512)
LOADER = "/boot/thaw/thaw.elf"
GRUBENV = "/boot/grub/grubenv"
BY_ID = "/dev/disk/by-id/ata-QEMU_HARDDISK_THAW"  # and the drive's number; sda may be any of them
PLACEHOLDER_BYTES = 1 << 20
QUICK_ENTRY = "quick"
SPARE = disks.Swap(320, "thaw-spare")
SPEC = disks.DiskSpec("mbr", (disks.Swap(640), SPARE))

SETTINGS = """\
GRUB_TIMEOUT=0
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_CMDLINE_LINUX="console=ttyS0,115200 bgrt_disable"
GRUB_CMDLINE_LINUX_DEFAULT="loglevel=7"
GRUB_CMDLINE_THAW="console=ttyS0,115200"
"""


@dataclass(frozen=True)
class Installed:
    """A disk with Thaw installed.  path: qcow2, never written to; disk: its base, whose slot "thaw" is the installed
    loader; grubenv: byte offset in the disk of grubenv's one block."""

    path: Path
    disk: disks.Disk
    grubenv: int


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name.lstrip("/"))
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def drive_of(path: Path, files: dict[str, bytes], tree: Path | None = None) -> Drive:
    """A drive that holds a tar archive of `files` (and of a directory tree); `unpack` puts it into the guest."""
    with tarfile.open(path, "w") as archive:
        if tree:
            for name in sorted(tree.rglob("*")):
                archive.add(name, str(name.relative_to(tree)), recursive=False)
        for name, data in files.items():
            _add(archive, name, data)
    return Drive(path)


def unpack(agent: Agent) -> None:
    """Unpack the archive on the machine's second drive over the guest's root."""
    agent.run(f"tar -x -f {BY_ID}1 -C / --no-same-owner --keep-directory-symlink")


def stage(directory: Path) -> None:
    """What `make install` puts into DESTDIR, with a placeholder for the loader."""
    with tempfile.TemporaryDirectory() as build:
        (Path(build) / "thaw.elf").write_bytes(b"nothing\n" * (PLACEHOLDER_BYTES // 8))
        (Path(build) / "thawx64.efi").write_text("nothing\n", encoding="ascii")
        (Path(build) / "thaw").write_text("#!/bin/false\n", encoding="ascii")
        (Path(build) / "session-record").write_text("#!/bin/sh\n", encoding="ascii")
        run = subprocess.run([str(TOOLS / "install.sh"), "install", build], capture_output=True, text=True, check=False,
                             env={**os.environ, "DESTDIR": str(directory), "PREFIX": "/usr"})
    if run.returncode != 0:
        raise HarnessError(f"install.sh: {run.stdout} {run.stderr}")


def quick_entry() -> str:
    """A menu entry, beside the generated ones, that boots the guest without systemd."""
    version = guest.get().kernels["6.1"]
    arguments = grub_run.Boot().kernel_arguments()
    return (f"menuentry quick --id {QUICK_ENTRY} {{\n linux /boot/vmlinuz-{version} {arguments}\n"
            f" initrd /boot/initrd.img-{version}\n}}\n")


def wait_ready(on: session.Powered, timeout_s: float = 240) -> None:
    """Wait for the agent of a guest that boots, by either init; asks it only when it is there to hear it."""
    on.machine.wait_for(r"thaw-guest: ready|Started .*thaw-guest", timeout_s)
    on.agent.wait_ready(60)


def extent(agent: Agent, path: str) -> tuple[tuple[int, int], ...]:
    """Byte ranges (start, length) of a file on the device of its filesystem."""
    text = agent.run(f"sync {path}; filefrag -v -b{disks.SECTOR} {path}")
    found = re.findall(r"^\s*\d+:\s+\d+\.\.\s*\d+:\s+(\d+)\.\.\s*\d+:\s+(\d+):", text, re.M)
    if not found:
        raise HarnessError(f"filefrag says:\n{text}")
    return tuple((int(start) * disks.SECTOR, int(length) * disks.SECTOR) for start, length in found)


def set_up_grub(agent: Agent, base: disks.Disk, target: str = f"{BY_ID}0") -> None:
    """Boot this system by a GRUB of its own from now on, with the settings of settings_files()."""
    swap = base.spec.swaps[0]
    agent.run(f"echo 'UUID={swap.uuid} none swap sw 0 0' >> /etc/fstab")
    agent.run("cp /usr/share/grub/default/grub /etc/default/grub")
    # What other systems and looks need: no entry of theirs is tried, and each takes its time in an emulator.
    agent.run("cd /etc/grub.d && chmod a-x 05_debian_theme 20_linux_xen 30_os-prober 30_uefi-firmware")
    agent.run(f"grub-install --locales= {target} 2>&1", timeout_s=300)
    agent.run("update-grub 2>&1", timeout_s=300)


def _install(agent: Agent, base: disks.Disk) -> dict:
    unpack(agent)
    set_up_grub(agent, base)
    facts = {"thaw": extent(agent, LOADER), "grubenv": extent(agent, GRUBENV),
             "log": agent.run("cat /boot/grub/grub.cfg")}
    agent.run("sync; mount -o remount,ro /", check=False)
    return facts


def settings_files() -> dict[str, bytes]:
    return {"/etc/default/grub.d/thaw-test.cfg": SETTINGS.encode(),
            "/etc/initramfs-tools/conf.d/resume": f"RESUME=UUID={SPEC.swaps[0].uuid}\n".encode(),
            "/boot/grub/custom.cfg": quick_entry().encode()}


def _make(base: disks.Disk, out: Path) -> None:
    cache.progress("install: installing Thaw in a guest with its own GRUB")
    image = disks.overlay(base.path, out / "disk.qcow2")
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "root"
        stage(tree)
        drive = drive_of(Path(work) / "files.raw", settings_files(), tree)
        with session.power_on(image, base, grub_run.Boot(), HARDWARE, out / "log", limit_s=900,
                              more=(drive,), drive={"flushes": False}) as on:
            wait_ready(on)
            facts = _install(on.agent, base)
    (out / "grub.cfg").write_text(facts.pop("log"), encoding="utf-8")
    (out / "places.json").write_text(json.dumps(facts), encoding="ascii")


def get() -> Installed:
    """The installed disk; made when the cache has none (a minute)."""
    base = disks.get(SPEC)
    recipe = {"disk": base.path.parent.name, "hardware": HARDWARE.arguments(), "settings": SETTINGS,
              "entry": quick_entry(), "how": Path(__file__).read_text(encoding="utf-8"),
              "tools": {str(path.relative_to(TOOLS)): path.read_text(encoding="utf-8")
                        for path in sorted([TOOLS / "install.sh", *(TOOLS / "grub").iterdir(),
                                            *(TOOLS / "systemd").iterdir(), *(TOOLS / "default").iterdir()])}}
    entry = cache.build_once("installed", recipe, lambda out: _make(base, out))
    places = json.loads((entry / "places.json").read_text(encoding="ascii"))
    start = base.root.start
    slots = {**base.slots, "thaw": tuple((start + at, length) for at, length in places["thaw"])}
    if len(places["grubenv"]) != 1:
        raise HarnessError(f"grubenv is at {places['grubenv']}")
    return Installed(entry / "disk.qcow2", replace(base, slots=slots), start + places["grubenv"][0][0])
