# SPDX-License-Identifier: GPL-2.0-or-later
"""When the loader must not resume, the normal kernel boots by itself and is told why."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

import disk as disks
import gdbstub
import grub_run
import image_edit
import session
import thaw_run
from errors import Failure
from machine import Drive, Hardware, patience
from session import Config
from swsusp_oracle import SIGNATURE

PLAIN_PC = Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown")

# The AHCI controller (00:1f.2) of q35 in the memory-mapped configuration space, and its first port's SControl register,
# which a reset of the port (COMRESET) writes twice: first to begin it, then, with DET 0, to end it.
AHCI_PCI = 0xB0000000 + (0x1F << 15) + (2 << 12)
AHCI_PCI_COMMAND = AHCI_PCI + 4
AHCI_PCI_ABAR = AHCI_PCI + 0x24
PCI_BUS_MASTER = 1 << 2
AHCI_P0SCTL = 0x100 + 0x2C
AHCI_DET, AHCI_DET_RESET = 0xF, 1


@pytest.mark.parametrize("table, machine, kernel, memory_mib", (
    ("mbr", "q35", "6.1", 512), ("gpt", "pc", "6.12", 2048), pytest.param("mbr", "pc", "6.12", 6144, marks=pytest.mark.full),
    pytest.param("gpt", "q35", "6.1", 6144, marks=pytest.mark.full)))
def test_no_image(table, machine, kernel, memory_mib, result_dir):
    disk = disks.get(disks.DiskSpec(table))
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = grub_run.Boot(entry="thaw", kernel=kernel, cmdline="thaw-test=1 quiet-not",
                         thaw_args="thaw.unknown=1 whatever")
    with session.power_on(image, disk, boot, Hardware(machine, 1, memory_mib), result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        thaw_run.check_fresh(on, "no-image")
        line = on.agent.run("cat /proc/cmdline")
        if boot.kernel_arguments() not in line:
            raise Failure(f"the kernel's command line {boot.kernel_arguments()!r} became {line!r}")
        if on.agent.run("uname -r").strip() not in boot.script(session.guest.get().kernels):
            raise Failure("another kernel was booted")


@pytest.mark.parametrize("screen", ("text", "800x600x32"))
def test_normal_boot_sees_the_machine_as_grub_shows_it(screen: str, result_dir):
    """The memory map, the ACPI tables, the screen and the initrd are those of GRUB's own `linux` command."""
    disk = disks.get()
    seen = {}
    for entry in ("linux", "thaw"):
        image = disks.overlay(disk.path, result_dir / f"{entry}.qcow2")
        with session.power_on(image, disk, grub_run.Boot(entry=entry, screen=screen), Hardware(),
                              result_dir / entry) as on:
            on.agent.wait_ready(120)
            seen[entry] = on.agent.run(
                "dmesg | sed 's/^[^]]*\\] //' | grep -oE 'BIOS-e820.*|ACPI: RSDP.*|Console: colour.*|DMI:.*|/[0-9]+K available'; "
                "grep -c processor /proc/cpuinfo; ls /sys/firmware/acpi/tables")
    if seen["linux"] != seen["thaw"]:
        raise Failure(f"GRUB's linux:\n{seen['linux']}\nthe loader:\n{seen['thaw']}")


def test_noresume(result_dir):
    image = session.hibernated(PLAIN_PC)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    boot = session.default_boot(image, thaw_args="noresume", cmdline="noresume")
    with session.resume(image, result_dir, image=overlay, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "noresume")
        thaw_run.check_fresh(on, "noresume")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("noresume touched the image")


@pytest.mark.parametrize("config", (Config(), PLAIN_PC), ids=("q35", "pc"))
def test_two_images_and_none_named(config: Config, result_dir):
    image = session.hibernated(config)
    first = disks.overlay(image.path, result_dir / "disk.qcow2")
    second = disks.overlay(image.path, result_dir / "second.qcow2")
    boot = thaw_run.quick_boot(image, thaw_args="")
    with session.resume(image, result_dir, image=first, boot=boot, more=(Drive(second),)) as on:
        thaw_run.expect_boot(on.machine, "ambiguous")
    for overlay in (first, second):
        if image_edit.signature(overlay, image) != SIGNATURE:
            raise Failure("an ambiguous image was touched")


def test_two_images_and_one_named(result_dir):
    """PARTUUID tells apart what has the same filesystem UUID: only the second disk's table has this one."""
    image = session.hibernated(PLAIN_PC)
    other = session.hibernated(replace(PLAIN_PC, table="gpt"))
    second = disks.overlay(other.path, result_dir / "second.qcow2")
    boot = session.default_boot(image, thaw_args=f"resume=PARTUUID={image.area().partuuid}", cmdline="")
    with session.resume(image, result_dir, boot=boot, more=(Drive(second),)) as on:
        thaw_run.check_resumed(on, image.proof)
    if image_edit.signature(second, other) != SIGNATURE:
        raise Failure("the other image was touched")


def test_named_image_is_not_there(result_dir):
    image = session.hibernated(PLAIN_PC)
    boot = thaw_run.quick_boot(image, thaw_args="resume=UUID=00000000-1111-2222-3333-444444444444")
    with session.resume(image, result_dir, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "no-image")


@pytest.mark.parametrize("config, memory_mib", ((Config(), 640), (PLAIN_PC, 448)), ids=("more", "less"))
def test_changed_memory(config: Config, memory_mib: int, result_dir):
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    hardware = replace(config.hardware(), memory_mib=memory_mib)
    boot = thaw_run.quick_boot(image)
    with session.resume(image, result_dir, image=overlay, boot=boot, hardware=hardware) as on:
        thaw_run.expect_boot(on.machine, "mismatch")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image of another memory size was touched")


@pytest.mark.parametrize("config", (Config(), PLAIN_PC), ids=("ahci", "ide"))
@pytest.mark.parametrize("place", ("map", "info", "data"))
def test_unreadable_sector(config: Config, place: str, result_dir):
    image = session.hibernated(config)
    with image_edit.layout(image, result_dir) as oracle:
        page = {"map": oracle.map_pages[0], "info": oracle.stream[0],
                "data": oracle.stream[len(oracle.stream) * 2 // 3]}[place]
    sector = (image.area().start + page * 4096) // 512
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    complete = place == "data"
    boot = session.default_boot(image, cmdline="") if complete else thaw_run.quick_boot(image)
    with session.resume(image, result_dir, image=overlay, boot=boot, drive={"bad_sectors": (sector + 3,)}) as on:
        thaw_run.expect_boot(on.machine, "io-error")
        if complete:
            thaw_run.check_fresh(on, "io-error")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("an unreadable image was touched")


def _silence_ahci(gdb: gdbstub.GdbStub, silent: bool) -> None:
    """Stop or start q35's AHCI controller behind the loader's back; the CPUs are stopped.

    Held requests would hold the emulator itself at a reset of the port.  Without bus mastering the controller can't
    fetch commands any more, and answers none.
    """
    gdb.change_physical(AHCI_PCI_COMMAND, 2,
                        lambda command: command & ~PCI_BUS_MASTER if silent else command | PCI_BUS_MASTER)


def _run_to_port_reset(on: session.Powered, gdb: gdbstub.GdbStub, timeout_s: float = 60) -> None:
    """Let the stopped machine run until the loader has written the end of a reset to the first AHCI port."""
    control = (gdb.read_physical(AHCI_PCI_ABAR, 4) & ~0xFFF) + AHCI_P0SCTL
    written = []
    gdb.watch_writes(control, 4)
    end = time.monotonic() + patience(timeout_s)
    while written[-2:] != [AHCI_DET_RESET, 0]:
        gdb.go()
        while not gdb.wait_stop(1):
            line = on.machine.find(thaw_run.NO_RESUME)
            if line is not None:
                raise Failure(f"console line {line.text!r} instead of a reset of the port")
            if time.monotonic() > end:
                raise on.machine.error(f"no reset of the port within {timeout_s:.0f} s; SControl.DET was set to {written}")
        written.append(gdb.read_physical(control, 4) & AHCI_DET)
    gdb.watch_writes(control, 4, on=False)


def test_disk_that_is_silent_for_a_while(result_dir):
    """The port is reset after a bounded wait, and its reads are tried again.

    The controller answers again when the reset is over and before a read is tried, not when the loader says that it got
    no answer: a port that is started without bus mastering stays silent, and the loader rightly gives up.
    """
    image = session.hibernated(Config())
    with session.resume(image, result_dir, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        on.machine.limit_disk(0, 4 << 20)
        gdb.go()
        thaw_run.wait_decision(on.machine)
        gdb.interrupt()
        _silence_ahci(gdb, True)
        on.machine.limit_disk(0, 0)
        _run_to_port_reset(on, gdb)
        on.machine.wait_for(r"thaw: ahci0\.0: no answer", 10, unless=thaw_run.NO_RESUME)
        _silence_ahci(gdb, False)
        gdb.go()
        thaw_run.check_resumed(on, image.proof)
        answers = re.findall(r"thaw: ahci0\.0: no answer", on.machine.text())
        if len(answers) != 1:
            raise Failure(f"{len(answers)} waits ended without an answer, but the disk was silent once")


@pytest.mark.parametrize("config", (Config(), pytest.param(PLAIN_PC, marks=pytest.mark.full)), ids=("ahci", "ide"))
def test_disk_that_never_answers(config: Config, result_dir):
    """The disk falls silent while the image is read: a bounded wait, the reason, the normal kernel from memory."""
    image = session.hibernated(config)
    with session.resume(image, result_dir, boot=thaw_run.quick_boot(image), gdb=True, paused=True) as on:
        # Slow enough from the loader's start on that the silence surely comes in the middle of the image.
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        on.machine.limit_disk(0, 4 << 20)
        gdb.go()
        decision = thaw_run.wait_decision(on.machine)
        if decision.kind != "swsusp":
            raise Failure(f"the loader decided {decision.line.text!r}")
        if config.machine == "q35":
            gdb.interrupt()
            _silence_ahci(gdb, True)
            gdb.go()
            on.machine.limit_disk(0, 0)
        else:
            on.machine.limit_disk(0, 1)
        thaw_run.expect_boot(on.machine, "io-error", timeout_s=120)


def test_loader_that_grub_refuses(result_dir):
    """A file that is no loader: the same menu entry boots Linux."""
    disk = disks.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    broken = result_dir / "broken.elf"
    broken.write_bytes(b"not a loader" * 400)
    with session.power_on(image, disk, grub_run.Boot(entry="thaw"), Hardware(), result_dir, loader=broken) as on:
        on.machine.wait_for("grub: loader refused", 30)
        on.agent.wait_ready(120)
