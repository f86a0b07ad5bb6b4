# SPDX-License-Identifier: GPL-2.0-or-later
"""What GRUB does in one run: the text that the guest's grub.cfg reads from its slot in the disk (see disk.py)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import disk as disks
import guest
from errors import HarnessError

CONSOLE = "console=ttyS0,115200"
QUICK_INIT = "init=/sbin/thaw-guest"


@dataclass(frozen=True)
class Files:
    """The normal kernel on a filesystem that the loader reads: UUID, paths."""

    uuid: str
    vmlinuz: str
    initrds: tuple[str, ...]

    def words(self) -> str:
        """The loader's options."""
        return " ".join([f"thaw.kernel=UUID={self.uuid}:{self.vmlinuz}",
                         *(f"thaw.initrd=UUID={self.uuid}:{path}" for path in self.initrds)])


@dataclass(frozen=True)
class Boot:
    """One run of GRUB.

    entry: "linux" boots Debian directly, "thaw" boots the loader; kernel: "6.1" or "6.12"; cmdline: the kernel's
    command line, behind root= and the console; thaw_args: the loader's options; fallback: how the loader gets the
    normal kernel: "modules" (module2), "kernel" (the same without an initrd: it starts, and finds no root), "path"
    (thaw.kernel= and thaw.initrd=, read by the loader), "path+modules", "path+kernel" (both), "none"; files: what a
    path names, None for the kernel in the root filesystem; systemd: boot the full system instead of the quick init;
    extra: GRUB commands that run first; screen: gfxpayload.
    """

    entry: str = "linux"
    kernel: str = "6.1"
    cmdline: str = ""
    thaw_args: str = ""
    fallback: str = "modules"
    files: Files | None = None
    systemd: bool = False
    extra: str = ""
    screen: str = "text"

    def kernel_arguments(self) -> str:
        """The whole command line of the normal kernel."""
        words = [f"root=UUID={guest.FS_UUID}", "rw", CONSOLE, "loglevel=7"]
        if not self.systemd:
            words.append(QUICK_INIT)
        if self.cmdline:
            words.append(self.cmdline)
        return " ".join(words)

    def script(self, kernels: dict[str, str]) -> str:
        """The GRUB commands; kernels as in guest.Guest."""
        version = kernels[self.kernel]
        vmlinuz, initrd = f"/boot/vmlinuz-{version}", f"/boot/initrd.img-{version}"
        arguments = self.kernel_arguments()
        lines = ["serial --unit=0 --speed=115200", "terminal_output console serial", f"echo grub: entry {self.entry}"]
        if self.extra:
            lines.append(self.extra)
        if self.entry == "thaw":
            loader = f"multiboot2 /boot/thaw/thaw.elf {CONSOLE} {self.thaw_args}".rstrip()
            by_path, _, modules = self.fallback.rpartition("+") if self.fallback != "path" else ("path", "", "")
            if by_path:
                files = self.files or Files(guest.FS_UUID, vmlinuz, (initrd,))
                loader += f" {files.words()} -- {arguments}"
            # `multiboot2` asks for any graphic mode; `linux` stays in text mode when nothing was said.
            lines += [f"if {loader}; then", f"set gfxpayload={self.screen}"]
            if modules in ("modules", "kernel"):
                # GRUB's shell knows no "&&".
                lines += ["echo grub: modules", f"if module2 --nounzip {vmlinuz} kernel {arguments}; then"]
                if modules == "modules":
                    lines += [f"if module2 --nounzip {initrd} initrd; then echo grub: start; boot; fi", "fi"]
                else:
                    lines += ["echo grub: start", "boot", "fi"]
            else:
                lines += ["echo grub: start", "boot"]
            lines += ["fi", "echo grub: loader refused"]
        elif self.entry != "linux":
            raise HarnessError(f"unknown entry {self.entry!r}")
        lines += [f"set gfxpayload={self.screen}", f"linux {vmlinuz} {arguments}", f"initrd {initrd}", "echo grub: start", "boot"]
        return "\n".join(lines) + "\n"


def install(image: Path, disk: disks.Disk, boot: Boot, loader: Path | None = None) -> None:
    """Make the next power-on of `image` (an overlay of `disk`) do `boot`; `loader` replaces thaw.elf when given."""
    text = boot.script(guest.get().kernels).encode()
    room = sum(length for _, length in disk.slots["run"])
    padding = room - len(text) - 1
    if padding < 0:
        raise HarnessError(f"GRUB's commands are {-padding} bytes too long")
    disks.write_slot(image, disk, "run", text + b"#" * padding + b"\n")
    if loader is not None:
        disks.write_slot(image, disk, "thaw", loader.read_bytes())
