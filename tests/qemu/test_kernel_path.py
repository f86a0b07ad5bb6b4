# SPDX-License-Identifier: GPL-2.0-or-later
"""The normal kernel that the loader itself reads from a disk: thaw.kernel=, thaw.initrd= and what stands behind "--"."""

from __future__ import annotations

import re
from dataclasses import replace
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
from errors import Failure
from machine import Drive, Hardware
from matrix import STORAGE
from session import Config
from swsusp_oracle import SIGNATURE

QUICK = "earlyprintk=serial,ttyS0,115200"


def _power_on(boot: grub_run.Boot, hardware: Hardware, result_dir: Path, *more: Drive, **options):
    """A disk without an image, and further ones."""
    disk = disks.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    return session.power_on(image, disk, boot, hardware, result_dir, more=more, **options)


def _kernel_drive(kernel: kernel_disk.KernelDisk, result_dir: Path, controller: str = "", sector_bytes: int = 512,
                  bad_sectors: tuple[int, ...] = (), flips: tuple[int, ...] = ()) -> Drive:
    """An overlay of a kernel disk; flips: byte offsets at which one bit is changed."""
    overlay = disks.overlay(kernel.path, result_dir / "kernel.qcow2")
    for offset in flips:
        disks.write_bytes(overlay, [(offset, bytes([disks.read_bytes(overlay, offset, 1)[0] ^ 4]))])
    return Drive(overlay, controller=controller, sector_bytes=sector_bytes, bad_sectors=bad_sectors)


def _quick(files: grub_run.Files, fallback: str = "path", **changes) -> grub_run.Boot:
    """A Boot whose kernel only has to start: without an initrd."""
    return grub_run.Boot(entry="thaw", kernel=kernel_disk.KERNEL, fallback=fallback, cmdline=QUICK,
                         files=replace(files, initrds=()), **changes)


def _root_files(kernel: str = kernel_disk.KERNEL) -> grub_run.Files:
    """The kernel in the root filesystem."""
    version = guest.get().kernels[kernel]
    return grub_run.Files(guest.FS_UUID, f"/boot/vmlinuz-{version}", (f"/boot/initrd.img-{version}",))


# In the root filesystem, at every kind of controller

@pytest.mark.parametrize("hardware, kernel", (
    (Hardware("q35", 1, 512), "6.1"), (Hardware("pc", 1, 2048), "6.12"), (Hardware("q35", 2, 512, controller="nvme"), "6.12"),
    (Hardware("q35", 1, 6144, controller="virtio"), "6.1"),
    pytest.param(Hardware("pc", 2, 512, controller="virtio-legacy"), "6.12", marks=pytest.mark.full),
    pytest.param(Hardware("pc", 1, 6144, controller="nvme"), "6.1", marks=pytest.mark.full),
    pytest.param(Hardware("pc", 1, 512, controller="virtio-transitional"), "6.1", marks=pytest.mark.full)),
    ids=("ahci", "ide", "nvme", "virtio", "virtio-legacy", "nvme-pc", "virtio-transitional"))
def test_root_filesystem(hardware: Hardware, kernel: str, result_dir):
    """The command line behind "--" is what GRUB's own `linux` would pass on, and the reason."""
    boot = grub_run.Boot(entry="thaw", kernel=kernel, fallback="path", cmdline="thaw-test=1 quiet-not")
    with _power_on(boot, hardware, result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        thaw_run.check_fresh(on, "no-image")
        line = on.agent.run("cat /proc/cmdline")
        if boot.kernel_arguments() not in line:
            raise Failure(f"the kernel's command line {boot.kernel_arguments()!r} became {line!r}")
        if on.agent.run("uname -r").strip() != guest.get().kernels[kernel]:
            raise Failure("another kernel was booted")


def test_command_line_is_what_grub_passes(result_dir):
    """Quotes, doubled dashes, percent signs: word for word as GRUB's `linux` hands them over."""
    odd = "thaw.a=\"b  c\" 'd e' f\\\\g -- h --i -- j%k dyndbg=\"file x +p\""
    seen = {}
    for entry in ("linux", "thaw"):
        (result_dir / entry).mkdir(parents=True, exist_ok=True)
        boot = grub_run.Boot(entry=entry, kernel="6.12", fallback="path", cmdline=f"{QUICK} {odd}",
                             files=replace(_root_files(), initrds=()) if entry == "thaw" else None)
        with _power_on(boot, Hardware(), result_dir / entry) as on:
            seen[entry] = on.machine.wait_for(thaw_run.COMMAND_LINE, 90).text.partition("ommand line: ")[2]
    linux = seen["linux"].partition(" ")[2]
    before, dashes, after = linux.partition(" -- ")
    words = seen["thaw"].split(" ")
    if words.count("thaw.status=no-image") != 1:
        raise Failure(f"thaw.status= is not there once: {seen['thaw']!r}")
    words.remove("thaw.status=no-image")
    if " ".join(words) != linux:
        raise Failure(f"GRUB's linux: {linux!r}\nthe loader: {seen['thaw']!r}")
    if "thaw.status=no-image" in seen["thaw"].partition(dashes)[2]:
        raise Failure(f"thaw.status= stands where init, not the kernel, sees it: {seen['thaw']!r} ({before!r}, {after!r})")


# Other filesystems

@pytest.mark.parametrize("kind, controller, machine, sector_bytes", (
    ("ext2-1k", "native", "q35", 512), ("ext4-4kn", "nvme", "pc", 4096), ("fat32", "native", "pc", 512),
    ("ext4-small", "virtio-legacy", "pc", 512),
    pytest.param("ext4", "virtio", "q35", 512, marks=pytest.mark.full),
    pytest.param("fat32", "nvme", "q35", 512, marks=pytest.mark.full),
    pytest.param("fat32-4k", "virtio", "q35", 4096, marks=pytest.mark.full),
    pytest.param("ext3-2k", "native", "q35", 512, marks=pytest.mark.full),
    pytest.param("fat32-4k", "nvme", "pc", 4096, marks=pytest.mark.full),
    pytest.param("ext2-1k", "virtio", "pc", 512, marks=pytest.mark.full),
    pytest.param("ext4-small", "native", "pc", 512, marks=pytest.mark.full)))
def test_filesystem_of_its_own(kind: str, controller: str, machine: str, sector_bytes: int, result_dir):
    kernel = kernel_disk.get(kind)
    boot = grub_run.Boot(entry="thaw", kernel=kernel_disk.KERNEL, fallback="path", files=kernel.files())
    drive = _kernel_drive(kernel, result_dir, controller, sector_bytes)
    with _power_on(boot, Hardware(machine, 1, 512), result_dir, drive) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        thaw_run.check_fresh(on, "no-image")


@pytest.mark.parametrize("entry", ("thaw", "linux"))
def test_several_initrds_are_joined(entry: str, result_dir):
    """In their order, each at its own boundary: of a file that several have the last one's counts.

    GRUB does the same from the same disk: what fails there is the harness.
    """
    kernel = kernel_disk.get("ext4-small")
    boot = grub_run.Boot(entry="thaw", kernel=kernel_disk.KERNEL, fallback="path", files=kernel.files(3))
    if entry == "linux":
        initrds = " ".join(f"(hd1,msdos1){path}" for path in kernel.initrds)
        boot = grub_run.Boot(extra=f"linux (hd1,msdos1){kernel_disk.LINK} {boot.kernel_arguments()}\ninitrd {initrds}\nboot")
    with _power_on(boot, Hardware(), result_dir, _kernel_drive(kernel, result_dir)) as on:
        if entry == "thaw":
            thaw_run.expect_boot(on.machine, "no-image")
        on.agent.wait_ready(120)
        for text in ("initrd 3", "part 2", "part 3"):
            if not on.machine.find(rf"thaw-test: {text}\b"):
                raise Failure(f"the initramfs did not say {text!r}")
        if on.machine.find("thaw-test: initrd 2"):
            raise Failure("the second initrd came behind the third")


@pytest.mark.parametrize("path, upper", ((kernel_disk.LINK, False), (None, True)), ids=("link", "fat-case"))
def test_other_names_of_the_same_file(path: str | None, upper: bool, result_dir):
    """A symbolic link; FAT does not tell upper case from lower case."""
    kernel = kernel_disk.get("fat32" if upper else "ext4")
    files = kernel.files(0)
    files = replace(files, vmlinuz=path or files.vmlinuz.upper(), uuid=files.uuid.upper() if upper else files.uuid)
    with _power_on(_quick(files), Hardware(), result_dir, _kernel_drive(kernel, result_dir)) as on:
        thaw_run.expect_boot(on.machine, "no-image")


# What can't be read: how the paths differ from the right ones, and a word of what the loader says of it.

UNREADABLE = {
    "no-file": ({"vmlinuz": "/boot/vmlinuz-0.0"}, r"not found|no such|not there"),
    "upper-case": ({"vmlinuz": "/Boot/vmlinuz"}, r"not found|no such|not there"),
    "no-filesystem": ({"uuid": "00000000-1111-2222-3333-444444444444"}, r"no filesystem"),
    "no-kernel": ({"vmlinuz": "/boot/grub/grub.cfg"}, r"no kernel|can't be started"),
    "directory": ({"vmlinuz": "/boot"}, r"directory|regular|no file"),
    "no-uuid": ({"uuid": ""}, r"not understood"),
    "no-initrd": ({"initrds": ("/boot/initrd.img-0.0",)}, r"initrd"),
}


def _why(on: session.Powered, why: str) -> None:
    """The loader has said why it takes no kernel from a disk."""
    start = on.machine.text().find("thaw: boot:")
    said = on.machine.text()[start:].partition("Linux version")[0]
    if not re.search(thaw_run.NO_PATH, said) or not re.search(why, said, re.I):
        raise Failure(f"the loader said {said!r} instead of {why!r}")


def _paths(name: str) -> grub_run.Files:
    return replace(_root_files(), **{"initrds": (), **UNREADABLE[name][0]})


@pytest.mark.parametrize("name", UNREADABLE)
def test_wrong_path_and_modules(name: str, result_dir):
    boot = replace(_quick(_root_files(), "path+kernel"), files=_paths(name))
    with _power_on(boot, Hardware(), result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        _why(on, UNREADABLE[name][1])


def test_wrong_path_and_modules_boot_completely(result_dir):
    """Once, the whole way, with an initrd of GRUB's."""
    boot = grub_run.Boot(entry="thaw", kernel="6.12", fallback="path+modules", files=_paths("no-file"))
    with _power_on(boot, Hardware("q35", 1, 512, controller="nvme"), result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        thaw_run.check_fresh(on, "no-image")


@pytest.mark.parametrize("name, machine", (("no-file", "q35"), ("no-filesystem", "pc"), ("no-uuid", "q35"),
                                           ("no-initrd", "pc"), ("no-kernel", "q35")))
def test_wrong_path_and_no_modules(name: str, machine: str, result_dir):
    boot = replace(_quick(_root_files()), files=_paths(name))
    with _power_on(boot, Hardware(machine), result_dir) as on:
        thaw_run.expect_stop(on.machine, UNREADABLE[name][1])


def test_neither_path_nor_modules(result_dir):
    with _power_on(grub_run.Boot(entry="thaw", fallback="none"), Hardware(), result_dir) as on:
        thaw_run.expect_stop(on.machine, r"thaw\.kernel=|module")


@pytest.mark.parametrize("fallback", ("path+kernel", "path"))
def test_filesystem_that_is_not_read(fallback: str, result_dir):
    kernel = kernel_disk.get("btrfs")
    boot = _quick(kernel.files(0), fallback)
    with _power_on(boot, Hardware(), result_dir, _kernel_drive(kernel, result_dir, "virtio")) as on:
        if fallback == "path":
            thaw_run.expect_stop(on.machine, "btrfs")
        else:
            thaw_run.expect_boot(on.machine, "no-image")
            _why(on, "btrfs")


# Bad disks

@pytest.mark.parametrize("controller", ("native", "nvme", pytest.param("virtio", marks=pytest.mark.full)))
@pytest.mark.parametrize("fallback", ("path+kernel", "path"))
def test_unreadable_sector_in_the_kernel(controller: str, fallback: str, result_dir):
    kernel = kernel_disk.get("ext4")
    start, length = kernel.extents[kernel.vmlinuz][0]
    drive = _kernel_drive(kernel, result_dir, controller, bad_sectors=((start + length // 2) // 512 + 3,))
    with _power_on(_quick(kernel.files(0), fallback), Hardware(), result_dir, drive) as on:
        if fallback == "path":
            thaw_run.expect_stop(on.machine, "read|I/O")
        else:
            thaw_run.expect_boot(on.machine, "no-image")
            _why(on, "read|I/O")


@pytest.mark.parametrize("place", ("superblock", "superblock-features", "group", "inode-size", "extent", "directory"))
def test_flipped_bit_in_ext4_metadata(place: str, result_dir):
    """Every structure on the way to the kernel carries a checksum: never another file, never other bytes."""
    kernel = kernel_disk.get("ext4")
    drive = _kernel_drive(kernel, result_dir, "virtio", flips=(kernel_disk.metadata(kernel)[place],))
    with _power_on(_quick(kernel.files(0), "path+kernel"), Hardware(), result_dir, drive) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        _why(on, r"corrupt|checksum|contradict|damaged|not supported|unknown|no filesystem")


# Behind an image that was refused

@pytest.mark.parametrize("name", ("", "nvme", pytest.param("virtio-legacy", marks=pytest.mark.full)), ids=("ahci", "nvme", "virtio-legacy"))
def test_refused_late_and_the_kernel_is_read_all_the_same(name: str, result_dir):
    """The last chunk (or a map page) is bad: memory is full of the image by then, and the disks start anew."""
    image = session.hibernated(STORAGE[name] if name else Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    edit = image_edit.zeroed(lambda oracle: oracle.map_pages[-1]) if name == "virtio-legacy" else image_edit.chunk(1.0, 12, 0)
    with image_edit.layout(image, result_dir / "layout") as oracle:
        image_edit.apply(overlay, image, edit(oracle))
    boot = session.default_boot(image, fallback="path", cmdline="")
    with session.resume(image, result_dir, image=overlay, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "corrupt")
        thaw_run.check_fresh(on, "corrupt")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image did not stay as it was")


@pytest.mark.parametrize("symbol, name", (("thaw_stop_entry", ""), ("thaw_stop_seal", ""), ("thaw_stop_seal", "nvme"),
                                          pytest.param("thaw_stop_seal", "virtio-legacy", marks=pytest.mark.full)))
def test_exception_and_the_kernel_is_read_all_the_same(symbol: str, name: str, result_dir):
    image = session.hibernated(STORAGE[name] if name else Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    boot = session.default_boot(image, kernel="6.12", fallback="path", cmdline=QUICK,
                                files=replace(_root_files(), initrds=()))
    with session.resume(image, result_dir, image=overlay, boot=boot, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, symbol)
        gdb.set_register("rip", 0x8000000000000000)
        gdb.close()
        on.machine.wait_for(r"thaw: exception \d+", 30, unless=thaw_run.LINUX)
        thaw_run.expect_boot(on.machine, "fault")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image did not stay as it was")


def test_disk_with_the_kernel_is_not_the_one_with_the_image(result_dir):
    """noresume beside an image: the kernel comes from the other disk, and the image stays."""
    image = session.hibernated(STORAGE["second-4kn"])
    second = disks.overlay(image.second, result_dir / "second.qcow2")
    before = disks.read_bytes(second, 0, 1 << 20) + disks.read_bytes(second, image.segments[0].start, 4096)
    boot = session.default_boot(image, fallback="path", thaw_args="noresume", cmdline="noresume")
    with session.resume(image, result_dir, second=second, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "noresume")
        thaw_run.check_fresh(on, "noresume")
    if disks.read_bytes(second, 0, 1 << 20) + disks.read_bytes(second, image.segments[0].start, 4096) != before:
        raise Failure("the image was touched")
