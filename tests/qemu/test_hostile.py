# SPDX-License-Identifier: GPL-2.0-or-later
"""Every structure of an image damaged in turn: the loader says why and boots the normal kernel, and
`thaw verify` refuses it, too.

What a plain image can't reveal (it carries no checksum): changed bytes of a data page, and a stale page of an older
image behind a map that fits.
"""

from __future__ import annotations

import pytest

import disk as disks
import host_command
import image_edit
import proof
import session
import thaw_run
from errors import Failure
from session import Config
from swsusp_oracle import PAGE

IMAGES = {
    "lzo": (Config(), (*image_edit.STRUCTURE, *image_edit.COMPRESSED)),
    "plain": (Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown"),
              (*image_edit.STRUCTURE, *image_edit.PLAIN)),
}
# A structure that both kinds share is damaged in one of them in a normal run, turn and turn about.
CASES = []
for _index, (_kind, (_config, _damages)) in enumerate(IMAGES.items()):
    for _number, _damage in enumerate(_damages):
        _shared = _damage in image_edit.STRUCTURE and _number % 2 != _index
        CASES.append(pytest.param(_kind, _damage, id=f"{_kind}-{_damage.name}",
                                  marks=pytest.mark.full if _shared else ()))


def _refuse(image: session.Hibernated, writes: image_edit.Writes, reasons: tuple[str, ...], result_dir) -> None:
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    image_edit.apply(overlay, image, writes)
    before = _header_page(overlay, image)
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image)) as on:
        thaw_run.expect_boot(on.machine, *reasons)
    if _header_page(overlay, image) != before:
        raise Failure("the loader changed the header of an image that it refused")


def _header_page(overlay, image: session.Hibernated) -> bytes:
    return disks.read_bytes(overlay, image.area().start + image.resume_offset * PAGE, PAGE)


@pytest.mark.parametrize("kind, damage", CASES)
def test_damaged_image_is_refused(kind: str, damage: image_edit.Damage, result_dir):
    image = session.hibernated(IMAGES[kind][0])
    with image_edit.layout(image, result_dir) as oracle:
        writes = damage.edit(oracle)
        host_command.expect_refusal(oracle, damage)
    _refuse(image, writes, damage.reasons, result_dir)


@pytest.mark.parametrize("name", image_edit.FOREIGN)
def test_image_of_another_program_is_left_alone(name: str, result_dir):
    image = session.hibernated(Config())
    with image_edit.layout(image, result_dir) as oracle:
        writes = image_edit.foreign(name)(oracle)
    _refuse(image, writes, ("unsupported",), result_dir)


def test_normal_boot_after_a_refusal_is_complete(result_dir):
    """Once, the whole way: the kernel and initrd that the loader kept boot to a working system."""
    image = session.hibernated(Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir) as oracle:
        image_edit.apply(overlay, image, image_edit.chunk(1.0, 12, 0)(oracle))
    boot = session.default_boot(image, cmdline="")
    with session.resume(image, result_dir, image=overlay, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "corrupt")
        on.agent.wait_ready(90)
        words = on.agent.run("cat /proc/cmdline").split()
        assert "thaw.status=corrupt" in words
        assert on.agent.run("cat /proc/sys/kernel/random/boot_id").strip() != image.proof.boot_id


def test_linux_resumes_what_the_loader_does_not_know(result_dir):
    """An unknown flag is no damage: the loader leaves such an image alone, and Linux resumes it."""
    image = session.hibernated(Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir) as oracle:
        image_edit.apply(overlay, image, image_edit.header(image_edit.FLAGS + 2, 0)(oracle))
    with session.resume(image, result_dir, image=overlay) as on:
        thaw_run.expect_boot(on.machine, "unsupported")
        on.machine.wait_for(session.EXIT_LINE, 90, unless="thaw-guest: ready")
        on.agent.wait_ready()
        proof.check(on.agent, image.proof)
