# SPDX-License-Identifier: GPL-2.0-or-later
"""An exception in the loader itself ends in the normal boot, before the mark, and the image stays.

The debugger changes a register where the loader stops; what follows is the loader's own doing.
"""

from __future__ import annotations

import pytest

import disk as disks
import gdbstub
import image_edit
import session
import thaw_run
from errors import Failure
from session import Config
from swsusp_oracle import SIGNATURE

# What the debugger does to a register, and the exception (Intel SDM volume 3A, table 6-1) that must follow.
FAULTS = {
    "not-canonical": ("rip", 0x8000000000000000, 13),
    "null-call": ("rip", 0, 14),
    "data-executed": ("rip", 0xB8000, 14),
    "stack-lost": ("rsp", 0, 14),
}


@pytest.mark.parametrize("symbol, fault", (
    ("thaw_stop_entry", "not-canonical"), ("thaw_stop_seal", "null-call"), ("thaw_stop_seal", "data-executed"),
    ("thaw_stop_seal", "stack-lost")))
def test_exception_ends_in_a_normal_boot(symbol: str, fault: str, result_dir):
    image = session.hibernated(Config())
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    register, value, vector = FAULTS[fault]
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image), gdb=True,
                        paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, symbol)
        gdb.set_register(register, value)
        gdb.close()
        line = on.machine.wait_for(r"thaw: exception \d+", 30, unless=thaw_run.LINUX)
        thaw_run.expect_boot(on.machine, "fault")
        for name in ("rax", "rsp", "r15"):
            on.machine.wait_for(rf"thaw: .*\b{name} +[0-9a-f]{{16}}", 5)
    if f"exception {vector}," not in line.text:
        raise Failure(f"{fault} became {line.text!r}")
    if image_edit.signature(overlay, image) != SIGNATURE:
        raise Failure("the image did not stay as it was")
