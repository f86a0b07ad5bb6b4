# SPDX-License-Identifier: GPL-2.0-or-later
"""The loader resumes sessions of unmodified Debian kernels, and Linux never boots."""

from __future__ import annotations

from pathlib import Path

import pytest

import disk as disks
import guest
import hibernate
import matrix
import proof
import session
import thaw_run
from errors import Failure
from session import Config

PLAIN_PC = Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown")


def _resume_and_check(config: Config, result_dir: Path, **boot) -> None:
    image = session.hibernated(config)
    with session.resume(image, result_dir, boot=session.default_boot(image, **boot)) as on:
        decision = thaw_run.check_resumed(on, image.proof)
    if not decision.pages or abs(decision.mib - decision.pages / 256) > 1:
        raise Failure(f"the sizes in {decision.line.text!r} do not fit together")


@pytest.mark.parametrize("config", [*matrix.CHECK, *(pytest.param(c, marks=pytest.mark.full) for c in matrix.REST)],
                         ids=Config.name)
def test_matrix(config: Config, result_dir):
    _resume_and_check(config, result_dir)


@pytest.mark.parametrize("name", matrix.SPECIAL)
def test_special(name: str, result_dir):
    _resume_and_check(matrix.SPECIAL[name], result_dir)


SPELLINGS = {
    "search": "",
    "uuid": "resume=UUID={uuid}",
    "label": "resume=LABEL={label}",
    "partuuid": "resume=PARTUUID={partuuid}",
    "device": "resume=/dev/sda{number}",
    "offset-zero": "resume=UUID={uuid} resume_offset=0",
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_ways_to_name_the_image(name: str, result_dir):
    image = session.hibernated(PLAIN_PC)
    area, swap = image.area(), image.disk.spec.swaps[0]
    words = SPELLINGS[name].format(uuid=swap.uuid, label=swap.label, partuuid=area.partuuid, number=area.number)
    boot = session.default_boot(image, thaw_args=words, cmdline="")
    with session.resume(image, result_dir, boot=boot) as on:
        thaw_run.expect_resume(on)


@pytest.mark.parametrize("words", ("resume=PARTLABEL=thaw-swap", "resume=PARTUUID={partuuid}"))
def test_gpt_ways_to_name_the_image(words: str, result_dir):
    image = session.hibernated(matrix.SPECIAL["lz4"])
    boot = session.default_boot(image, thaw_args=words.format(partuuid=image.area().partuuid), cmdline="")
    with session.resume(image, result_dir, boot=boot) as on:
        thaw_run.expect_resume(on)


def test_the_kernels_own_resume_option_names_the_image(result_dir):
    _resume_and_check(PLAIN_PC, result_dir, thaw_args="")


def test_three_cycles(result_dir):
    config = Config()
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    record = image.proof
    for cycle in range(3):
        with session.resume(image, result_dir / str(cycle), image=overlay) as on:
            thaw_run.check_resumed(on, record)
            if cycle < 2:
                record = proof.take(on.agent, config.fill_mib)
                hibernate.hibernate(on.machine, on.agent, config.mode)


@pytest.mark.parametrize("mode", ("platform", "shutdown"))
def test_power_button_works_after_a_resume(mode: str, result_dir):
    image = session.hibernated(Config(mode=mode))
    with session.resume(image, result_dir) as on:
        thaw_run.expect_resume(on)
        proof.check_power_button(on.machine, on.agent)


def test_another_kernel_in_the_menu_does_not_matter(result_dir):
    image = session.hibernated(Config())
    boot = session.default_boot(image, kernel="6.12")
    assert guest.get().kernels["6.12"] in boot.script(guest.get().kernels)
    with session.resume(image, result_dir, boot=boot) as on:
        thaw_run.check_resumed(on, image.proof)
