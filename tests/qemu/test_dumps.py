# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions whose image other programs made: memory dumps of makedumpfile, with thaw.entry= for where they go on.

A session is saved, its image exported as an ELF core, a dump made of that, and the dump put where the image was.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import disk as disks
import grub_run
import kjump
import thaw_run
from errors import Failure, HarnessError
from kjump import Setup

MIB = 1 << 20
PLAIN = Setup()
LARGE = Setup(machine="pc", cpus=2, memory_mib=2048, controller="nvme", cpu="max", fill_mib=300)


@dataclass(frozen=True)
class Dump:
    """options: makedumpfile's ("": the exported core itself); used: how a dump begins that was restored."""

    name: str
    options: str
    used: bytes = b"KDUSED  "
    setup: Setup = PLAIN


LZO = Dump("lzo", "-l -d 0")
ZLIB_FLATTENED = Dump("zlib-flattened", "-c -F -d 1", b"usedumpfile\0\0\0\0\0")
CHECK = (LZO, ZLIB_FLATTENED, Dump("elf", "-E -d 0", b"\x7fEUS"))
FULL = (
    Dump("zlib", "-c -d 0"),
    Dump("lzo-flattened", "-l -F -d 0", ZLIB_FLATTENED.used),
    Dump("elf-flattened", "-E -F -d 1", ZLIB_FLATTENED.used),
    Dump("raw-pages", "-d 0"),
    Dump("export", "", b"\x7fEUS"),
    Dump("five-levels-large", "-l -F -d 0", ZLIB_FLATTENED.used, LARGE),
)


def _run(*command: object, stdout=subprocess.PIPE) -> str:
    done = subprocess.run([str(word) for word in command], stdout=stdout, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise HarnessError(f"{command[0]} ended with {done.returncode}: {done.stderr[-500:]!r}")
    return (done.stdout or b"").decode(errors="replace")


def _make(dump: Dump, saved: kjump.Saved, work: Path) -> tuple[Path, str]:
    """The dump as a file, and the loader's option for it."""
    target, core, out = work / "target.raw", work / "core.bin", work / "dump.bin"
    disks.copy_range(saved.path, saved.target.start, saved.disk.swaps[kjump.TARGET.label].size, target)
    said = _run(kjump.TOOL, "inspect", target)
    match = re.search(r"jump +physical (0x[0-9a-f]+), (\d)-level", said)
    if match is None:
        raise HarnessError(f"thaw inspect names no jump address:\n{said}")
    _run(kjump.TOOL, "export", target, core)
    target.unlink()
    words = dump.options.split()
    if not words:
        out = core
    elif "-F" in words:
        # Pages of zeroes are not in the core: makedumpfile's way by mmap() does not expect that.
        with open(out, "wb") as file:
            _run("makedumpfile", "--non-mmap", *words, core, stdout=file)
    else:
        _run("makedumpfile", "--non-mmap", *words, core, out)
    return out, f"thaw.entry={match[1]}" + (",5" if match[2] == "5" else "")


def _put(saved: kjump.Saved, dump: bytes | Path, work: Path) -> Path:
    """An overlay of the session's disk with the dump over the image."""
    image = disks.overlay(saved.path, work / "disk.qcow2")
    data = dump.read_bytes() if isinstance(dump, Path) else dump
    disks.write_bytes(image, [(saved.target.start, data)])
    return image


def _boot(saved: kjump.Saved, entry: str) -> grub_run.Boot:
    """The loader with these words."""
    return kjump.thaw_boot(f"resume=PARTUUID={saved.disk.swaps[kjump.TARGET.label].partuuid} {entry}".rstrip())


def _first(image: Path, saved: kjump.Saved) -> bytes:
    return disks.read_bytes(image, saved.target.start, 16)


@pytest.mark.parametrize("dump", (*CHECK, *(pytest.param(d, marks=pytest.mark.full) for d in FULL)), ids=lambda d: d.name)
def test_dump_is_restored_once(dump: Dump, result_dir):
    saved = kjump.saved(dump.setup)
    file, entry = _make(dump, saved, result_dir)
    image = _put(saved, file, result_dir)
    boot = _boot(saved, entry)
    with kjump.restore(saved, result_dir / "restore", image, boot=boot) as on:
        decision = kjump.expect_restored(on)
        kjump.proof.check(on.agent, saved.proof)
        if not on.machine.find(r"thaw: restored: .*unchecked"):
            raise Failure("the loader does not say that nothing was checked")
    if not decision.pages:
        raise Failure(f"no pages in {decision.line.text!r}")
    if not _first(image, saved).startswith(dump.used):
        raise Failure(f"the dump begins with {_first(image, saved)!r} afterwards")
    if dump is LZO or dump in FULL:
        with kjump.restore(saved, result_dir / "again", image, boot=boot) as on:
            thaw_run.expect_boot(on.machine, "no-image")
            if not on.machine.find("restored already"):
                raise Failure("the loader does not say that the dump was restored")


@pytest.fixture(scope="module")
def lzo(tmp_path_factory) -> tuple[kjump.Saved, bytes, str]:
    """A session, its dump, and the loader's option."""
    saved = kjump.saved(PLAIN)
    work = tmp_path_factory.mktemp("lzo")
    file, entry = _make(LZO, saved, work)
    return saved, file.read_bytes(), entry


# What the loader gets besides resume=, and what it must say.
WORDS = {
    "no-entry": ("", ("no-image",), "no thaw.entry="),
    "bad-entry": ("thaw.entry=1030000", ("no-image",), "option not understood"),
    "entry-in-the-hole": ("thaw.entry=0x200000", ("corrupt",), "nothing at the address"),
    "entry-beyond": ("thaw.entry=0x1000000000", ("corrupt",), "nothing at the address"),
}


@pytest.mark.full
@pytest.mark.parametrize("case", WORDS)
def test_dump_without_a_place_to_go_on(case: str, lzo, result_dir):
    saved, dump, _ = lzo
    entry, reasons, said = WORDS[case]
    image = _put(saved, dump, result_dir)
    with kjump.restore(saved, result_dir / "restore", image, boot=_boot(saved, entry)) as on:
        thaw_run.expect_boot(on.machine, *reasons)
        if not on.machine.find(said):
            raise Failure(f"the loader does not say {said!r}")
    if _first(image, saved)[:8] != b"KDUMP   ":
        raise Failure("the dump was touched")


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at:at + size], "little")


def _bitmaps(dump: bytes) -> int:
    """Where the bitmap of the frames there are begins."""
    return (1 + _number(dump, 0x1b0, 4)) * 4096


def _descriptors(dump: bytes) -> int:
    """Where the page descriptors begin."""
    return _bitmaps(dump) + _number(dump, 0x1b4, 4) * 4096


def _last_packed(dump: bytes) -> tuple[int, int]:
    """(place, bytes) of the last page that LZO packed."""
    start = _bitmaps(dump) + _number(dump, 0x1b4, 4) * 4096 // 2
    count = int.from_bytes(dump[start:_descriptors(dump)], "little").bit_count()
    for index in range(count - 1, 0, -1):
        at = _descriptors(dump) + 24 * index
        if _number(dump, at + 12, 4) == 2:
            return _number(dump, at, 8), _number(dump, at + 8, 4)
    raise HarnessError("no page of the dump is packed")


# name: (what gives (offset, new bytes), reasons)
DAMAGES = {
    "incomplete": (lambda dump: (0x1a8, b"\x0a"), ("corrupt",)),
    "zstd": (lambda dump: (0x1a8, b"\x20"), ("unsupported",)),
    "level-31": (lambda dump: (0x1008, b"\x1f"), ("unsupported",)),
    "bitmap": (lambda dump: (_bitmaps(dump) + 0x1000 // 8, b"\x00"), ("corrupt",)),
    "descriptor": (lambda dump: (_descriptors(dump) + 24 * 9000 + 5, b"\xff"), ("corrupt",)),
    "page": (lambda dump: (_last_packed(dump)[0], b"\xff" * _last_packed(dump)[1]), ("corrupt",)),
}


@pytest.mark.parametrize("name", (pytest.param(n, marks=() if n == "page" else pytest.mark.full) for n in DAMAGES))
def test_damaged_dump_is_refused(name: str, lzo, result_dir):
    saved, dump, entry = lzo
    damage, reasons = DAMAGES[name]
    at, data = damage(dump)
    bad = dump[:at] + data + dump[at + len(data):]
    image = _put(saved, bad, result_dir)
    with kjump.restore(saved, result_dir / "restore", image, boot=_boot(saved, entry)) as on:
        thaw_run.expect_boot(on.machine, *reasons)
    if _first(image, saved)[:8] != b"KDUMP   ":
        raise Failure("the dump was touched")


@pytest.mark.full
def test_other_ram_is_refused(lzo, result_dir):
    """Less memory than the dump has."""
    saved, dump, entry = lzo
    image = _put(saved, dump, result_dir)
    with kjump.restore(saved, result_dir / "restore", image, boot=_boot(saved, entry),
                       hardware=saved.setup.hardware(memory_mib=192)) as on:
        thaw_run.expect_boot(on.machine, "mismatch")
