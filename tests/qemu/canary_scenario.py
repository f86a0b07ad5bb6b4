# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario that must fail: it claims a resume from a disk that holds no image.  Run by test_canary.py."""

from __future__ import annotations

import disk as disks
import grub_run
import session
from machine import Hardware


def test_resume_without_an_image(result_dir):
    disk = disks.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = grub_run.Boot(cmdline=f"resume=UUID={disk.spec.swaps[0].uuid}")
    with session.power_on(image, disk, boot, Hardware(), result_dir) as on:
        on.machine.wait_for(session.EXIT_LINE, 120, unless="thaw-guest: ready")
