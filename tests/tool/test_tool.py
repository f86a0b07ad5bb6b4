#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Feeds good, foreign and damaged images to `thaw inspect` and `thaw verify`, built with sanitizers.

Usage: test_tool.py THAW DIRECTORY.  Every file of the fuzzers' corpora, and copies of the images among them with a few
bytes changed or their end cut off (the same ones every time): each must end with exit status 0 to 3, within its time,
and unchanged; what is printed with --json must be JSON.  Exit status 0: all did.
"""

import concurrent.futures
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"
PAGE = 4096
SWSUSP_PAGES = 32
MUTANTS = 48
LIMIT_S = 20
LOOKS = (("inspect", "--json", "--map", "--extents"), ("inspect", "--map", "--ascii", "--extents"),
         ("verify", "--here"), ("verify", "--json"))
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99", "LC_ALL": "C.UTF-8"}


def seeds() -> dict[str, bytes]:
    """The corpora by name; swsusp images are devices of 32 pages whose end is left out."""
    files = {f"{path.parent.name}-{path.name}": path.read_bytes() for path in sorted(CORPUS.glob("*/*"))}
    for name in files:
        if name.startswith("swsusp-"):
            files[name] = files[name].ljust(SWSUSP_PAGES * PAGE, b"\0")
    return files


def mutants(name: str, data: bytes) -> dict[str, bytes]:
    """Damaged copies: mostly in the header, the maps and the lists, which come first."""
    chance = random.Random(name)
    made = {}
    for number in range(MUTANTS):
        copy = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            end = chance.choice((PAGE, 2 * PAGE, len(copy)))
            at = chance.randrange(min(end, len(copy)))
            copy[at] = chance.choice((0, 1, 0x7f, 0x80, 0xff, copy[at] ^ (1 << chance.randrange(8))))
        if chance.randrange(6) == 0:
            del copy[chance.randrange(len(copy)):]
        made[f"{name}-{number}"] = bytes(copy)
    return made


def look(thaw: str, path: Path, words: tuple[str, ...]) -> str:
    """What is wrong with one run; "": nothing."""
    what = f"{path.name}: {' '.join(words)}"
    try:
        run = subprocess.run([thaw, words[0], str(path), *words[1:]], capture_output=True, timeout=LIMIT_S, check=False,
                             env=ENVIRONMENT, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"{what}: still running after {LIMIT_S} s"
    if run.returncode not in (0, 1, 2, 3) or b"Sanitizer" in run.stderr or b"runtime error" in run.stderr:
        return f"{what}: exit status {run.returncode}\n{run.stderr.decode(errors='replace')}"
    if "--json" in words:
        try:
            result = json.loads(run.stdout)["result"]
        except (ValueError, KeyError, TypeError) as error:
            return f"{what}: no JSON with a result: {error}\n{run.stdout[:500]}"
        if result != ("ok", "refused", "trouble", "no-image")[run.returncode]:
            return f"{what}: exit status {run.returncode}, but the result is {result}"
    return ""


def check(thaw: str, directory: Path, name: str, data: bytes) -> list[str]:
    path = directory / name
    path.write_bytes(data)
    faults = [look(thaw, path, words) for words in LOOKS]
    if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(data).digest():
        faults.append(f"{name}: it was changed")
    path.unlink()
    return [fault for fault in faults if fault]


def check_pictures(thaw: str, directory: Path, image: bytes) -> list[str]:
    """A picture is written to a new file, and to nothing that exists."""
    path, picture = directory / "image", directory / "picture.svg"
    path.write_bytes(image)
    picture.unlink(missing_ok=True)
    faults = []
    for target, status in ((picture, 0), (picture, 2), (path, 2)):
        run = subprocess.run([thaw, "inspect", str(path), f"--svg={target}"], capture_output=True, check=False,
                             env=ENVIRONMENT, timeout=LIMIT_S)
        if run.returncode != status:
            faults.append(f"--svg={target.name}: exit status {run.returncode}, not {status}: {run.stderr.decode()}")
    if path.read_bytes() != image:
        faults.append("--svg: the image was changed")
    if not picture.exists() or not picture.read_text(encoding="ascii").endswith("</svg>\n"):
        faults.append("--svg: there is no whole picture")
    return faults


def with_page_tables(plain: bytes) -> bytes:
    """The plain image with a way to its return point: its only frame with data, 1, is its page table of every level."""
    offset, info, table = 0x10, 2 * PAGE, 4 * PAGE
    low, high = 1, 300  # indices into the table of the last level, and of those above
    address = 0xFFFF << 48 | high << 39 | high << 30 | high << 21 | low << 12 | offset
    image = bytearray(plain)
    struct.pack_into("<QQQ", image, info, address, PAGE | offset, PAGE)
    for index in (low, high):
        struct.pack_into("<Q", image, table + 8 * index, PAGE | 3)
    return bytes(image)


def check_verdicts(thaw: str, directory: Path, files: dict[str, bytes]) -> list[str]:
    """The corpora's images are good but for their page tables."""
    good = with_page_tables(files["swsusp-plain"])
    five = bytearray(good)
    struct.pack_into("<Q", five, 4 * PAGE + 8 * 511, PAGE | 3)
    cases = {name: (data, 1) for name, data in files.items()} | {
        "with page tables": (good, 0), "with tables that 5 levels fit, too": (bytes(five), 1),
        "with a return point that is not mapped": (good[:2 * PAGE + 3] + b"\0" + good[2 * PAGE + 4:], 1)}
    faults = []
    for name, (data, status) in cases.items():
        path = directory / name.replace(" ", "-")
        path.write_bytes(data)
        run = subprocess.run([thaw, "verify", "--quiet", str(path)], capture_output=True, text=True, check=False,
                             env=ENVIRONMENT, timeout=LIMIT_S)
        if run.returncode != status or (status == 1) != ("page tables do not lead" in run.stderr):
            faults.append(f"{name}: verify ends with {run.returncode}: {run.stderr}")
    return faults


def main() -> int:
    thaw, directory = sys.argv[1], Path(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    files = seeds()
    images = [name for name in files if name.startswith(("swsusp-", "core-"))]
    good = [name for name in images if name.startswith("swsusp-")]
    for name in images:
        files.update(mutants(name, files[name]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        faults = sum(pool.map(lambda item: check(thaw, directory, *item), files.items()), [])
    if len(good) < 3:
        faults.append(f"only {len(good)} images of swsusp in {CORPUS}")
    faults += check_verdicts(thaw, directory, {name: files[name] for name in good})
    faults += check_pictures(thaw, directory, files[good[0]]) if good else []
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"  UNIT     test_tool.py: {len(files) - len(faults)} of {len(files)} files passed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
