# SPDX-License-Identifier: GPL-2.0-or-later
"""Volumes that the loader does not read: said by name, left alone, and the normal kernel takes over."""

from __future__ import annotations

import pytest

import container_disk
import disk as disks
import grub_run
import image_edit
import session
import thaw_run
from errors import Failure
from machine import Drive
from matrix import STORAGE
from swsusp_oracle import SIGNATURE

ZOO = container_disk.GROUP
# The loader's resume=, and what it must say.
CASES = {
    "thin": (f"/dev/mapper/{ZOO}-thin", rf"thaw: .*{ZOO}[-/]thin\b.*thin"),
    "thin-by-path": (f"/dev/{ZOO}/thin", rf"thaw: .*{ZOO}[-/]thin\b.*thin"),
    "raid1": (f"/dev/mapper/{ZOO}-mirror", rf"thaw: .*{ZOO}[-/]mirror\b.*raid1"),
    "striped": (f"/dev/mapper/{ZOO}-stripes", rf"thaw: .*{ZOO}[-/]stripes\b.*strip"),
    "missing": (f"/dev/mapper/{container_disk.BROKEN}-swap", rf"thaw: .*{container_disk.BROKEN}\b.*missing"),
    "luks": (f"UUID={container_disk.LUKS_UUID}", r"thaw: .*LUKS"),
}


def _power_on(resume: str, result_dir, fallback: str = "kernel", kernel: str = "6.12"):
    base = disks.get()
    image = disks.overlay(base.path, result_dir / "disk.qcow2")
    zoo = disks.overlay(container_disk.get(), result_dir / "zoo.qcow2")
    words = f"resume={resume}" if resume else ""
    boot = grub_run.Boot(entry="thaw", kernel=kernel, fallback=fallback, thaw_args=words,
                         cmdline=f"earlyprintk=serial,ttyS0,115200 {words}".rstrip())
    return session.power_on(image, base, boot, container_disk.HARDWARE, result_dir,
                            more=(Drive(zoo, controller="virtio"),))


@pytest.mark.parametrize("name", CASES)
def test_volume_that_is_not_read_is_named(name: str, result_dir):
    resume, said = CASES[name]
    with _power_on(resume, result_dir) as on:
        thaw_run.expect_boot(on.machine, "unsupported")
        if not on.machine.find(said):
            raise Failure(f"no line with {said!r} in:\n{on.machine.text()}")


def test_volume_without_an_image(result_dir):
    with _power_on(f"/dev/mapper/{ZOO}-plain", result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")


def test_search_passes_over_what_is_not_read(result_dir):
    with _power_on("", result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")


def test_linux_takes_over_with_its_own_resume_option(result_dir):
    """resume= stays on the kernel's command line; Linux looks for the encrypted device itself, and boots."""
    resume = CASES["luks"][0]
    with _power_on(resume, result_dir, "modules", "6.1") as on:
        thaw_run.expect_boot(on.machine, "unsupported")
        thaw_run.check_fresh(on, "unsupported")
        if f"resume={resume}" not in on.agent.run("cat /proc/cmdline").split():
            raise Failure("resume= is gone from the command line")


# Bytes of a physical volume: the label's checksum, the header of the metadata area, its text.
LABEL, METADATA = 512, 4096
FLIPS = {
    "label": (LABEL + 16, ("unsupported", "corrupt", "no-image")),
    "label-area": (LABEL + 32 + 40, ("unsupported", "corrupt", "no-image")),
    "metadata-header": (METADATA + 40, ("unsupported", "corrupt")),
    "metadata-checksum": (METADATA, ("unsupported", "corrupt")),
    "text": (METADATA + 512, ("unsupported", "corrupt")),
}


def _text_start(overlay, start: int) -> int:
    """Where the newest metadata text begins: raw_locn of the metadata area's header."""
    header = disks.read_bytes(overlay, start + METADATA, 512)
    return METADATA + int.from_bytes(header[40:48], "little")


@pytest.mark.parametrize("place", FLIPS)
def test_flipped_bit_in_lvm_metadata(place: str, result_dir):
    """Never an image from the wrong place; whatever is refused stays as it was."""
    image = session.hibernated(STORAGE["lvm"])
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    start = image.disk.swaps[disks.Swap().label].start
    at, reasons = FLIPS[place]
    if place == "text":
        text = _text_start(overlay, start)
        at = text + disks.read_bytes(overlay, start + text, 4096).index(b"extent_count") + 20
    byte = disks.read_bytes(overlay, start + at, 1)[0]
    disks.write_bytes(overlay, [(start + at, bytes([byte ^ 1]))])
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image)) as on:
        thaw_run.expect_boot(on.machine, *reasons)
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image was touched")


def test_lost_disk_of_a_volume_with_an_image(result_dir):
    """The second disk of the volume is gone: its image is not whole."""
    image = session.hibernated(STORAGE["lvm-disks"])
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.power_on(overlay, image.disk, thaw_run.quick_boot(image), image.config.hardware(), result_dir) as on:
        thaw_run.expect_boot(on.machine, "unsupported")
        if not on.machine.find(r"thaw: .*(thaw-vg|thaw--vg).*missing"):
            raise Failure("the loader does not say what is missing")
