# SPDX-License-Identifier: GPL-2.0-or-later
"""What GRUB does in one run: the text that the guest's grub.cfg reads from its slot in the disk (see disk.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import disk as disks
import efi_disk
import guest
from errors import HarnessError

CONSOLE = "console=ttyS0,115200"
QUICK_INIT = "init=/sbin/thaw-guest"
# The volume that GRUB tells an EFI program it came from is the one that $root names, whatever the path says.
EFI_ROOT = "hd0,gpt1"
EFI_PARTITION = f"({EFI_ROOT})"


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

    UEFI: entry is also "stub" (the kernel as an EFI program); fallback "modules" and "kernel" say how GRUB goes on when
    the loader returns; place: where the loader is: "root" (the root filesystem), "esp" (the system partition), "first"
    (the system partition, as what the firmware starts; GRUB is its thaw.next), "menu" (the root filesystem, but `menu`
    makes the commands of the loader's own; "{version}" in them is the kernel's); options_file: text of thaw.conf beside
    the loader; asks_lockdown: the entry looks whether GRUB is locked down.

    wait_s: how long the loader shows why it did not resume; None: as long as it does by itself.
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
    place: str = "root"
    options_file: str | None = None
    asks_lockdown: bool = True
    menu: Callable[[str], str] | None = None
    wait_s: int | None = 0

    def loader_words(self) -> str:
        """The loader's options, but for the console."""
        wait = "" if self.wait_s is None else f"thaw.wait={self.wait_s}"
        return f"{self.thaw_args} {wait}".strip()

    def kernel_arguments(self) -> str:
        """The whole command line of the normal kernel."""
        words = [f"root=UUID={guest.FS_UUID}", "rw", CONSOLE, "loglevel=7"]
        if not self.systemd:
            words.append(QUICK_INIT)
        if self.cmdline:
            words.append(self.cmdline)
        return " ".join(words)

    def _efi_loader(self) -> str:
        """As the menu entry of a user has it."""
        path = f"{EFI_PARTITION}{efi_disk.LOADER}" if self.place == "esp" else f"($root){efi_disk.ROOT_LOADER}"
        chain = f"chainloader {path} {self.loader_words()}".rstrip()
        root, back = (f"set was=$root\nset root={EFI_ROOT}\n", "set root=$was\n") if self.place == "esp" else ("", "")
        lockdown = ' -a "$lockdown" != "y"' if self.asks_lockdown else ""
        return (f'{root}if [ "$grub_platform" = "efi"{lockdown} ]; then\n'
                f"if [ -f {path} ]; then if {chain}; then echo grub: start; boot; fi; fi; fi\n{back}")

    def efi_script(self, kernels: dict[str, str]) -> str:
        """The commands of GRUB for UEFI: one menu entry, started at once."""
        version = kernels[self.kernel]
        arguments = self.kernel_arguments()
        if self.menu:
            return f"echo grub: entry menu\n{self.menu(self._efi_loader()).replace('{version}', version)}"
        body = [f"echo grub: entry {self.entry}"]
        if self.entry == "thaw" and self.place != "first":
            body += [self._efi_loader(), "echo grub: back"]
        if self.entry == "stub":
            initrd = efi_disk.kernel_path("initrd", version).replace("/", "\\")
            body += [f"set root={EFI_ROOT}",
                     f"chainloader {EFI_PARTITION}{efi_disk.kernel_path('vmlinuz', version)} {arguments} 'initrd={initrd}'"]
        else:
            body.append(f"linux /boot/vmlinuz-{version} {arguments}")
            if self.fallback != "kernel":
                body.append(f"initrd /boot/initrd.img-{version}")
        body += ["echo grub: start"]
        text = "\n".join(body)
        return f"{self.extra}\nset default=thaw\nset timeout=0\nmenuentry 'Resume or start' --id thaw {{\n{text}\n}}\n"

    def script(self, kernels: dict[str, str]) -> str:
        """The GRUB commands; kernels as in guest.Guest."""
        version = kernels[self.kernel]
        vmlinuz, initrd = f"/boot/vmlinuz-{version}", f"/boot/initrd.img-{version}"
        arguments = self.kernel_arguments()
        lines = ["serial --unit=0 --speed=115200", "terminal_output console serial", f"echo grub: entry {self.entry}"]
        if self.extra:
            lines.append(self.extra)
        if self.entry == "thaw":
            loader = f"multiboot2 /boot/thaw/thaw.elf {CONSOLE} {self.loader_words()}".rstrip()
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


def _install_efi(image: Path, disk: efi_disk.EfiDisk, boot: Boot, loader: Path | None) -> None:
    if loader is None:
        return
    program = loader.read_bytes()
    if boot.place in ("root", "menu"):
        disks.write_slot(image, disk, "thaw", program)
        return
    efi_disk.write_file(image, disk, efi_disk.FIRST if boot.place == "first" else efi_disk.LOADER, program)
    if boot.options_file is not None:
        efi_disk.write_file(image, disk, efi_disk.OPTIONS if boot.place == "first" else efi_disk.LOADER_OPTIONS,
                            f"{boot.options_file}\n{boot.loader_words()}\n".encode())


def install(image: Path, disk: disks.Disk, boot: Boot, loader: Path | None = None) -> None:
    """Make the next power-on of `image` (an overlay of `disk`) do `boot`; `loader` replaces the one there when given."""
    efi = isinstance(disk, efi_disk.EfiDisk)
    kernels = guest.get().kernels
    text = (boot.efi_script(kernels) if efi else boot.script(kernels)).encode()
    room = sum(length for _, length in disk.slots["run"])
    padding = room - len(text) - 1
    if padding < 0:
        raise HarnessError(f"GRUB's commands are {-padding} bytes too long")
    disks.write_slot(image, disk, "run", text + b"#" * padding + b"\n")
    if efi:
        _install_efi(image, disk, boot, loader)
    elif loader is not None:
        disks.write_slot(image, disk, "thaw", loader.read_bytes())
