# SPDX-License-Identifier: GPL-2.0-or-later
"""The power is cut at a chosen moment: afterwards the image is resumable by Linux, or used, never both."""

from __future__ import annotations

import time

import pytest

import disk as disks
import gdbstub
import image_edit
import proof
import session
import thaw_run
from errors import Failure, HarnessError
from matrix import STORAGE
from session import Config
from swsusp_oracle import SIGNATURE

USED = b"SWAPSPACE2"
PLAIN_PC = Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown")


def _linux_resumes(image: session.Hibernated, overlay, result_dir) -> None:
    with session.resume(image, result_dir / "linux", entry="linux", image=overlay) as on:
        on.machine.wait_for(session.EXIT_LINE, 120, unless="thaw-guest: ready")
        on.agent.wait_ready()
        proof.check(on.agent, image.proof)


def _nobody_resumes(image: session.Hibernated, overlay, result_dir) -> None:
    boot = session.default_boot(image, thaw_args="")
    with session.resume(image, result_dir / "again", image=overlay, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        on.agent.wait_ready(120)
        if on.machine.find(session.EXIT_LINE):
            raise Failure("a used image was resumed a second time")
        if on.agent.run("cat /proc/sys/kernel/random/boot_id").strip() == image.proof.boot_id:
            raise Failure("the used image's session is back")
        on.agent.run(f"swapon UUID={image.swap_uuid()}")


@pytest.mark.parametrize("symbol", ("thaw_stop_entry", "thaw_stop_seal"))
@pytest.mark.parametrize("config", (
    pytest.param(Config(), id="ahci"), pytest.param(PLAIN_PC, id="ide", marks=pytest.mark.full),
    pytest.param(STORAGE["nvme"], id="nvme", marks=pytest.mark.full),
    pytest.param(STORAGE["virtio-legacy"], id="virtio-legacy", marks=pytest.mark.full)))
def test_power_cut_before_the_mark(config: Config, symbol: str, result_dir):
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, symbol)
        gdb.close_without_going_on(on.machine)
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure(f"the image is marked used at {symbol} already")
    _linux_resumes(image, overlay, result_dir)


def test_power_cut_while_reading(result_dir):
    image = session.hibernated(PLAIN_PC)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        on.machine.limit_disk(0, 16 << 20)
        gdb.close()
        thaw_run.wait_decision(on.machine)
        time.sleep(2)
        on.machine.kill()
        if on.machine.find(thaw_run.JUMP):
            raise HarnessError("the loader was quicker than the power cut")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image is marked used before all of it was read")
    _linux_resumes(image, overlay, result_dir)


@pytest.mark.parametrize("config", (
    pytest.param(Config(), id="ahci"), pytest.param(PLAIN_PC, id="ide"), pytest.param(STORAGE["nvme"], id="nvme"),
    pytest.param(STORAGE["virtio-99-partitions"], id="virtio"),
    pytest.param(STORAGE["lvm"], id="lvm"),
    pytest.param(STORAGE["virtio-legacy"], id="virtio-legacy", marks=pytest.mark.full)))
def test_power_cut_after_the_mark(config: Config, result_dir):
    """Stopped at the image kernel's first instruction: the mark is durable, and nobody resumes it again."""
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir / "layout") as oracle:
        address = oracle.info.jump_address
    with session.resume(image, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_address(on.machine, address, unless=thaw_run.NO_RESUME)
        gdb.close_without_going_on(on.machine)
    if image_edit.signature(overlay, image) != USED:
        raise Failure("the loader jumped into an image that is not marked used")
    _nobody_resumes(image, overlay, result_dir)


@pytest.mark.parametrize("config", (
    pytest.param(PLAIN_PC, id="ide"), pytest.param(STORAGE["lvm"], id="lvm"),
    pytest.param(STORAGE["nvme"], id="nvme", marks=pytest.mark.full)))
def test_mark_changes_nothing_else(config: Config, result_dir):
    """Only the signature and the result record differ in the header page; nothing else on the disk is written."""
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir / "layout") as oracle:
        address, header = oracle.info.jump_address, oracle.page(oracle.header_page)
    with session.resume(image, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_address(on.machine, address, unless=thaw_run.NO_RESUME)
        gdb.close_without_going_on(on.machine)
    area = image.area()
    after = disks.read_bytes(overlay, area.start, 4096)
    record = after[4032:4048]
    if record[:4] != b"THAW" or int.from_bytes(record[8:12], "little") == 0:
        raise Failure(f"the result record is {record!r}")
    expected = bytearray(header)
    expected[4032:4048] = record
    expected[image_edit.SIG:] = USED
    if after != bytes(expected):
        raise Failure("the mark changed other bytes of the header page")
    written = disks.differing_ranges(overlay, image.path)
    slots = [entry for ranges in image.disk.slots.values() for entry in ranges]
    cluster = 65536
    for start, length in written:
        inside = any(a - cluster < start and start + length <= a + n + cluster for a, n in [*slots, (area.start, 4096)])
        if not inside:
            raise Failure(f"the loader wrote to bytes {start}-{start + length} of the disk")
