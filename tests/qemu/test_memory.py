# SPDX-License-Identifier: GPL-2.0-or-later
"""What the loader does to memory, frame by frame, from dumps of the machine's physical memory."""

from __future__ import annotations

import mmap
import struct
from contextlib import ExitStack
from pathlib import Path

import pytest

import disk as disks
import gdbstub
import grub_run
import guest
import image_edit
import kernel_disk
import session
import thaw_run
from errors import Failure, HarnessError
from machine import Hardware, Machine
from matrix import EFI, EFI_CHECK, SPECIAL, STORAGE
from session import Config

PAGE = 4096
OWN_END = 16 << 20
RESTORES = {
    "lzo-ahci": Config(),
    "plain-ide": Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown"),
    "fragmented": SPECIAL["fragmented"],
    "five-levels": SPECIAL["five-levels"],
    "6-gib": Config(kernel="6.12", compression="plain", mode="shutdown", memory_mib=6144),
    "nvme": STORAGE["nvme"],
    "nvme-plain": STORAGE["nvme-plain"],
    "virtio": STORAGE["virtio-99-partitions"],
    "virtio-legacy": STORAGE["virtio-legacy"],
    "lvm": STORAGE["lvm"],
    "efi": EFI,
    "efi-plain-virtio": EFI_CHECK[3],
    "efi-five-levels-nvme": EFI_CHECK[4],
}
ONLY_FULL = ("nvme", "lvm", "fragmented", "virtio-legacy", "efi-five-levels-nvme")


def _name(pfns: list[int], limit: int = 12) -> str:
    return ", ".join(f"{pfn:#x}" for pfn in pfns[:limit]) + (f" and {len(pfns) - limit} more" if len(pfns) > limit else "")


def changed_frames(before: list[tuple[int, int, Path]], after: list[tuple[int, int, Path]], first: int) -> list[int]:
    """PFNs at or above byte address `first` whose bytes differ between two dumps of the same ranges."""
    result = []
    block = 1 << 20
    for (start, length, old_path), (_, _, new_path) in zip(before, after, strict=True):
        with ExitStack() as stack:
            old, new = (stack.enter_context(mmap.mmap(stack.enter_context(open(path, "rb")).fileno(), 0,
                                                      prot=mmap.PROT_READ)) for path in (old_path, new_path))
            for at in range(max(0, first - start), length, block):
                a, b = old[at:at + block], new[at:at + block]
                if a != b:
                    result += [(start + at + i) // PAGE for i in range(0, len(a), PAGE) if a[i:i + PAGE] != b[i:i + PAGE]]
    return result


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.full) if name in ONLY_FULL else name for name in RESTORES])
def test_memory_at_the_jump_is_what_the_image_says(name: str, result_dir):
    image = session.hibernated(RESTORES[name])
    with image_edit.layout(image, result_dir / "layout") as oracle, \
            session.resume(image, result_dir, gdb=True, paused=True) as on:
        levels = 5 if image.config.cpu == "max" else 4
        if oracle.translate(oracle.info.jump_address, levels) != oracle.info.jump_address_phys:
            raise HarnessError(f"the image's page tables do not have {levels} levels")
        gdb = gdbstub.at_address(on.machine, oracle.info.jump_address, unless=thaw_run.NO_RESUME)
        registers = gdb.registers()
        dumps = on.machine.dump_memory("jump")
        wrong = oracle.compare(dumps)
        if wrong:
            raise Failure(f"{len(wrong)} of {len(oracle.frames)} frames are not what the image says: {_name(wrong)}")
        if (registers["r8"], registers["r9"]) != (oracle.info.jump_address, oracle.info.cr3):
            raise Failure(f"r8 {registers['r8']:#x}, r9 {registers['r9']:#x} at the jump")
        gdb.close()
        on.machine.wait_for(session.EXIT_LINE, 90)


def _boot_places(machine: Machine, gdb: gdbstub.GdbStub) -> list[tuple[int, int]]:
    """Physical ranges that belong to the kernel and the initrd at thaw_stop_linux, by boot_params (rsi)."""
    params = gdb.memory(gdb.registers()["rsi"], PAGE)
    if params[0x202:0x206] != b"HdrS":
        raise HarnessError("rsi is not at boot_params at thaw_stop_linux")
    image, size = struct.unpack_from("<II", params, 0x218)
    high_image, high_size = struct.unpack_from("<II", params, 0xC0)
    entry = gdb.registers()["rax"]
    init_size = struct.unpack_from("<I", params, 0x260)[0]
    kernel = entry - 0x200
    initrd = image | high_image << 32
    return [(kernel, kernel + init_size), (initrd, initrd + (size | high_size << 32))]


def _dump_at(on: session.Powered, gdb: gdbstub.GdbStub, symbol: str, timeout_s: float = 90):
    """Go on from a stop to the next symbol and dump there."""
    gdbstub.run_to(on.machine, gdb, gdbstub.symbol_address(on.loader, symbol), timeout_s, thaw_run.REFUSED)
    return on.machine.dump_memory(symbol)


def _outside(pfns: list[int], allowed: list[tuple[int, int]]) -> list[int]:
    return [pfn for pfn in pfns if not any(start // PAGE <= pfn < -(-end // PAGE) for start, end in allowed)]


@pytest.mark.parametrize("machine, memory_mib", (("q35", 512), ("pc", 2048)))
def test_fallback_without_an_image_changes_only_the_kernels_places(machine, memory_mib, result_dir):
    disk = disks.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = grub_run.Boot(entry="thaw")
    with session.power_on(image, disk, boot, Hardware(machine, 1, memory_mib), result_dir, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        before = on.machine.dump_memory("thaw_stop_entry")
        after = _dump_at(on, gdb, "thaw_stop_linux")
        allowed = _boot_places(on.machine, gdb)
        wrong = _outside(changed_frames(before, after, OWN_END), allowed)
        if wrong:
            raise Failure(f"{len(wrong)} frames above 16 MiB changed: {_name(wrong)}; allowed {allowed}")
        gdb.close()
        on.machine.wait_for(thaw_run.LINUX, 60)


@pytest.mark.parametrize("hardware", (
    Hardware("q35", 1, 512), Hardware("pc", 1, 512, controller="nvme"), Hardware("q35", 1, 6144, controller="virtio")),
    ids=("ahci", "nvme", "virtio-6-gib"))
def test_kernel_from_disk_changes_only_the_kernels_places(hardware: Hardware, result_dir):
    """The kernel is read straight to its place, and the initrd: no other frame above 16 MiB is written."""
    disk = disks.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = grub_run.Boot(entry="thaw", kernel="6.12", fallback="path")
    with session.power_on(image, disk, boot, hardware, result_dir, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        before = on.machine.dump_memory("thaw_stop_entry")
        after = _dump_at(on, gdb, "thaw_stop_linux")
        allowed = _boot_places(on.machine, gdb)
        wrong = _outside(changed_frames(before, after, OWN_END), allowed)
        if wrong:
            raise Failure(f"{len(wrong)} frames above 16 MiB changed: {_name(wrong)}; allowed {allowed}")
        initrd = kernel_disk.root_file(f"/boot/initrd.img-{guest.get().kernels['6.12']}")
        start, end = allowed[1]
        if end - start != len(initrd) or _bytes(after, start, end) != initrd:
            raise Failure("the initrd in memory is not the file's")
        gdb.close()
        on.machine.wait_for(thaw_run.LINUX, 60)


def _bytes(dumps: list[tuple[int, int, Path]], start: int, end: int) -> bytes:
    """Physical memory from a dump."""
    found = b""
    for base, length, path in dumps:
        at = start + len(found)
        if base <= at < min(end, base + length):
            with open(path, "rb") as handle:
                handle.seek(at - base)
                found += handle.read(min(end, base + length) - at)
    if len(found) != end - start:
        raise Failure(f"{start:#x}-{end:#x} is no RAM")
    return found


def test_refused_header_changes_no_memory(result_dir):
    """An image that is refused by its header was never accepted: nothing above 16 MiB but the kernel's places."""
    image = session.hibernated(Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir / "layout") as oracle:
        image_edit.apply(overlay, image, image_edit.header(image_edit.FLAGS + 2, 3)(oracle))
    boot = session.default_boot(image, cmdline="")
    with session.resume(image, result_dir, image=overlay, boot=boot, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        before = on.machine.dump_memory("thaw_stop_entry")
        after = _dump_at(on, gdb, "thaw_stop_linux")
        wrong = _outside(changed_frames(before, after, OWN_END), _boot_places(on.machine, gdb))
        if wrong:
            raise Failure(f"{len(wrong)} frames above 16 MiB changed: {_name(wrong)}")


def test_late_refusal_changes_only_permitted_frames(result_dir):
    """Behind an accepted image only frames that are RAM may change; the kernel's modules are still as GRUB left them."""
    image = session.hibernated(Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir / "layout") as oracle:
        image_edit.apply(overlay, image, image_edit.chunk(1.0, 12, 0)(oracle))
        targets = {pfn for pfn, _ in oracle.frames}
    boot = session.default_boot(image, cmdline="")
    with session.resume(image, result_dir, image=overlay, boot=boot, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        before = on.machine.dump_memory("thaw_stop_entry")
        after = _dump_at(on, gdb, "thaw_stop_linux")
        changed = _outside(changed_frames(before, after, OWN_END), _boot_places(on.machine, gdb))
        # Staging frames are free RAM that the image does not use; firmware's own frames are neither.
        reserved = _firmware_frames(on.machine)
        wrong = [pfn for pfn in changed if pfn in reserved]
        if wrong:
            raise Failure(f"{len(wrong)} of the firmware's frames changed: {_name(wrong)}")
        if not any(pfn in targets for pfn in changed):
            raise HarnessError("the refusal came before any page was placed: nothing was shown")
        gdb.close()
        on.agent.wait_ready(120)


def _firmware_frames(machine: Machine) -> set[int]:
    """Frames of RAM that SeaBIOS keeps: the last 128 KiB below the top of low RAM, as its memory map says."""
    start, length = machine.hardware.ram_ranges()[0]
    top = (start + length) // PAGE
    return set(range(top - 32, top))
