# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host command says of the scenarios' images: the loader's own readers, fed from a file."""

from __future__ import annotations

import json
import subprocess

import session
from errors import Failure
from image_edit import Damage
from swsusp_oracle import Image

COMMAND = session.LOADER.with_name("thaw")
GOOD, REFUSED, NO_IMAGE = 0, 1, 3
LIMIT_S = 120


def _run(name: str, oracle: Image) -> tuple[int, str]:
    run = subprocess.run([str(COMMAND), name, str(oracle.path), f"--offset={oracle.header_page}", "--json", "--quiet"],
                         capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return run.returncode, run.stdout


def expect_good(oracle: Image) -> None:
    """Both subcommands find what the oracle finds."""
    for name in ("inspect", "verify"):
        status, text = _run(name, oracle)
        said = json.loads(text) if status == GOOD else {}
        expected = {"data_pages": oracle.info.image_pages,
                    "unpacked_pages": oracle.info.pages,
                    "compression": {"plain": "none"}.get(oracle.compression, oracle.compression),
                    "last_frame": max(pfn for pfn, _ in oracle.frames),
                    "memory_map_checksum": hex(oracle.info.e820_checksum)}
        if name == "verify":
            expected["has_checksum"] = oracle.compression != "plain"
        wrong = {key: said.get(key) for key, value in expected.items() if said.get(key) != value}
        if wrong:
            raise Failure(f"thaw {name} ends with {status} and says {wrong}, not {expected}")


def expect_refusal(oracle: Image, damage: Damage) -> None:
    """`verify` refuses what the loader refuses; the oracle's file is changed for good."""
    writes = damage.edit(oracle)
    with open(oracle.path, "r+b") as device:
        for offset, data in writes:
            device.seek(offset)
            device.write(data)
    # Another machine's memory map is no fault of the image: only `--here` looks at that.
    expected = {("no-image",): NO_IMAGE, ("mismatch",): GOOD}.get(damage.reasons, REFUSED)
    status, text = _run("verify", oracle)
    if status != expected:
        raise Failure(f"thaw verify ends with {status}, not with {expected}: {text}")
    status, text = _run("inspect", oracle)
    if status not in (GOOD, REFUSED, NO_IMAGE):
        raise Failure(f"thaw inspect ends with {status}: {text}")
