# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions on NVMe and virtio disks, on logical volumes, on the second of two unlike controllers: the loader finds
and resumes them."""

from __future__ import annotations

import re

import pytest

import disk as disks
import hibernate
import image_edit
import matrix
import proof
import session
import storage
import thaw_run
from errors import Failure
from machine import Drive
from matrix import STORAGE
from session import Config
from swsusp_oracle import SIGNATURE

# What the loader calls the device of the image.
NAMES = {"": r"(ahci0\.0|ide0\.0)p\d+", "nvme": r"nvme0n1p\d+", "virtio": r"virtio0p\d+"}


def _name(config: Config) -> str:
    if config.is_logical_volume():
        return r"thaw--vg-swap--1"
    if config.swap == "second":
        controller = {"native": ""}.get(config.second, config.second)
    else:
        controller = config.controller
    return NAMES[controller.partition("-")[0]]


def _resume_and_check(config: Config, result_dir, **boot) -> None:
    image = session.hibernated(config)
    with session.resume(image, result_dir, boot=session.default_boot(image, **boot)) as on:
        decision = thaw_run.check_resumed(on, image.proof)
    if not re.fullmatch(_name(config), decision.device):
        raise Failure(f"the loader calls the device {decision.device!r}")


@pytest.mark.parametrize("config", [
    *(pytest.param(STORAGE[name], id=name) for name in matrix.STORAGE_CHECK),
    *(pytest.param(config, id=name, marks=pytest.mark.full) for name, config in (STORAGE | matrix.STORAGE_REST).items()
      if name not in matrix.STORAGE_CHECK)])
def test_resume(config: Config, result_dir):
    _resume_and_check(config, result_dir)


@pytest.mark.parametrize("name", ("nvme", pytest.param("virtio-99-partitions", marks=pytest.mark.full),
                                  pytest.param("lvm", marks=pytest.mark.full)))
def test_three_cycles(name: str, result_dir):
    config = STORAGE[name]
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    record = image.proof
    for cycle in range(3):
        with session.resume(image, result_dir / str(cycle), image=overlay) as on:
            thaw_run.check_resumed(on, record)
            if cycle < 2:
                record = proof.take(on.agent, config.fill_mib)
                hibernate.hibernate(on.machine, on.agent, config.mode)


LVM_SPELLINGS = {
    "search": "",
    "vg-lv": f"resume=/dev/{storage.GROUP}/{storage.VOLUME}",
    "uuid": f"resume=UUID={disks.Swap().uuid}",
    "label": f"resume=LABEL={disks.Swap().label}",
}


@pytest.mark.parametrize("layout, name", (
    ("lvm", "vg-lv"), ("lvm-disks", "search"),
    *(pytest.param(*pair, marks=pytest.mark.full) for pair in (
        ("lvm", "search"), ("lvm", "uuid"), ("lvm", "label"), ("lvm-disks", "vg-lv"), ("lvm-disks", "uuid")))))
def test_ways_to_name_a_logical_volume(layout: str, name: str, result_dir):
    _resume_and_check(STORAGE[layout], result_dir, thaw_args=LVM_SPELLINGS[name], cmdline="")


@pytest.mark.full
def test_the_kernels_own_resume_option_names_the_volume(result_dir):
    _resume_and_check(STORAGE["lvm"], result_dir, thaw_args="")


@pytest.mark.parametrize("words", (
    pytest.param("resume=/dev/mapper/thaw-vg-swap-1", id="single-dashes"),
    pytest.param("resume=/dev/thaw--vg/swap--1", id="doubled-in-a-path"),
    pytest.param("resume=/dev/mapper/thaw--vg-swap--2", id="another"),
    pytest.param("resume=/dev/thaw/vg-swap-1", id="another-group")))
def test_another_volumes_name_is_not_taken_for_it(words: str, result_dir):
    image = session.hibernated(STORAGE["lvm"])
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image, thaw_args=words)) as on:
        thaw_run.expect_boot(on.machine, "no-image", "unsupported")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the volume's image was touched")


def test_device_node_of_nvme(result_dir):
    _resume_and_check(STORAGE["nvme"], result_dir, thaw_args="resume=/dev/nvme0n1p2", cmdline="")


def test_last_of_a_hundred_partitions_by_partuuid(result_dir):
    config = STORAGE["virtio-99-partitions"]
    image = session.hibernated(config)
    assert image.area().number == 100
    _resume_and_check(config, result_dir, thaw_args=f"resume=PARTUUID={image.area().partuuid}", cmdline="")


def test_images_at_unlike_controllers_are_ambiguous(result_dir):
    image, other = session.hibernated(STORAGE["nvme"]), session.hibernated(Config())
    first = disks.overlay(image.path, result_dir / "disk.qcow2")
    second = disks.overlay(other.path, result_dir / "other.qcow2")
    boot = thaw_run.quick_boot(image, thaw_args="")
    with session.resume(image, result_dir, image=first, boot=boot, more=(Drive(second, controller="native"),)) as on:
        thaw_run.expect_boot(on.machine, "ambiguous")
    if image_edit.signature(first, image) != SIGNATURE or image_edit.signature(second, other) != SIGNATURE:
        raise Failure("an ambiguous image was touched")


@pytest.mark.parametrize("name", ("nvme", "virtio-99-partitions", "virtio-legacy"))
def test_unreadable_sector(name: str, result_dir):
    image = session.hibernated(STORAGE[name])
    with image_edit.layout(image, result_dir) as oracle:
        page = oracle.stream[len(oracle.stream) * 2 // 3]
    sector = (image.area().start + page * 4096) // 512 + 3
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image),
                        drive={"bad_sectors": (sector,)}) as on:
        thaw_run.expect_boot(on.machine, "io-error")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("an unreadable image was touched")


@pytest.mark.parametrize("name", ("virtio-99-partitions", *(pytest.param(name, marks=pytest.mark.full)
                                                            for name in ("nvme", "virtio-legacy"))))
def test_disk_that_stops_answering(name: str, result_dir):
    """Requests stay pending in the middle of the image: bounded waits, resets, the reason, the normal kernel."""
    image = session.hibernated(STORAGE[name])
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image), gdb=True,
                        paused=True) as on:
        gdb = thaw_run.stop_at_entry(on)
        on.machine.limit_disk(0, 4 << 20)
        gdb.go()
        decision = thaw_run.wait_decision(on.machine)
        if decision.kind != "swsusp":
            raise Failure(f"the loader decided {decision.line.text!r}")
        on.machine.limit_disk(0, 1)
        thaw_run.expect_boot(on.machine, "io-error", timeout_s=180)
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image of a silent disk was touched")
