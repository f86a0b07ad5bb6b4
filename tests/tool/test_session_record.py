#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs `session-record`, built with sanitizers, and the sleep hook that calls it, on a system made of files.

Usage: test_session_record.py SESSION_RECORD HOOK.  Exit status 0: all passed.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

PAGE = 4096
DISK = "devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda"
MAJOR = {"sda1": "8:1", "sda2": "8:2", "sda3": "8:3", "sda5": "8:5", "sda6": "8:6", "md0": "9:0"}
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99"}
MOUNTS = """\
20 1 0:21 / /proc rw,nosuid - proc proc rw
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 8:1 /srv /mnt ro,relatime shared:1 - ext4 /dev/sda1 rw
24 22 8:5 / /mnt/data rw,relatime shared:3 - ext4 /dev/sda5 rw
25 22 8:6 / /media ro,relatime shared:4 - ext4 /dev/sda6 ro
26 22 9:0 / /raid rw - ext4 /dev/md0 rw
27 22 0:40 / /run rw - tmpfs tmpfs rw
"""


def swap_header(boot: bytes = b"") -> bytes:
    page = bytearray(PAGE)
    page[:len(boot)] = boot
    struct.pack_into("<III", page, 1024, 1, 1000, 0)
    page[4086:] = b"SWAPSPACE2"
    return bytes(page)


def superblock(number: int, recover: bool = True) -> bytes:
    page = bytearray(PAGE)
    struct.pack_into("<I", page, 1024 + 44, 1000 + number)
    struct.pack_into("<HHH", page, 1024 + 52, number, 0xFFFF, 0xEF53)
    struct.pack_into("<I", page, 1024 + 64, 2000 + number)
    struct.pack_into("<I", page, 1024 + 76, 1)
    struct.pack_into("<I", page, 1024 + 96, 0x246 if recover else 0x242)
    page[1024 + 104:1024 + 120] = bytes([number]) * 16
    return bytes(page)


class System:
    """A root of files: a swap partition sda2, filesystems on sda1, sda5, sda6 and md0."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, number in MAJOR.items():
            place = f"devices/virtual/block/{name}" if name == "md0" else f"{DISK}/{name}"
            self.put(f"sys/{place}/dev", number)
            for link in (f"sys/class/block/{name}", f"sys/dev/block/{number}"):
                (root / link).parent.mkdir(parents=True, exist_ok=True)
                (root / link).symlink_to(f"../../{place}")
        self.put("sys/bus/pci/devices/0000:00:1f.2/class", "0x010601\n")
        self.put("sys/power/resume", "8:2\n")
        self.put("sys/power/resume_offset", "0\n")
        self.put("proc/iomem", "00000000-00000fff : Reserved\n  06000000-06e0ffff : Kernel code\n")
        self.put("proc/kallsyms", "ffffffff81000000 T _text\nffffffff81061010 T restore_registers\n"
                                  "ffffffff81061100 T restore_registers_not\n")
        self.put("proc/1/mountinfo", MOUNTS)
        self.put("proc/self/mountinfo", MOUNTS)
        self.swaps("/dev/sda2")
        self.put("dev/sda1", superblock(1))
        self.put("dev/sda2", swap_header() + b"\xee" * PAGE)
        self.put("dev/sda3", swap_header() + b"\xee" * PAGE)
        self.put("dev/sda5", superblock(5))
        self.put("dev/md0", superblock(9))

    def put(self, path: str, data: bytes | str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data if isinstance(data, bytes) else data.encode())

    def get(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def swaps(self, *paths: str) -> None:
        lines = "".join(f"{path} {'file' if path == '/swapfile' else 'partition'}\t8192\t0\t-2\n" for path in paths)
        self.put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n" + lines)

    def run(self, command: str, status: int = 0, text: str = "") -> str:
        run = subprocess.run([PROGRAM, command, f"--root={self.root}"], capture_output=True, text=True, check=False,
                             env=ENVIRONMENT, timeout=20)
        said = run.stdout + run.stderr
        assert run.returncode == status, f"{command}: exit status {run.returncode}: {said}"
        assert text in said, f"{command}: {said}"
        return said


def record(page: bytes) -> dict:
    """The record in a header, read by its documentation."""
    data = page[512:1024]
    assert data[:8] == b"THAWSESS", data[:16]
    assert struct.unpack_from("<I", data, 8)[0] == zlib.crc32(data[12:])
    version, count, left_out = data[12:15]
    assert version == 1
    jump, start, end = struct.unpack_from("<QQQ", data, 24)
    entries = [struct.unpack_from("<BBH4x16sQQ", data, 64 + 56 * i) for i in range(count)]
    return {"jump": jump, "start": start, "end": end, "left_out": left_out, "entries": entries}


def test_write_and_erase(system: System) -> None:
    before = system.get("dev/sda2")
    superblocks = [system.get(f"dev/{name}") for name in ("sda1", "sda5", "md0")]
    system.run("write")
    after = system.get("dev/sda2")
    assert after[:512] == before[:512] and after[1024:] == before[1024:]
    found = record(after)
    assert (found["jump"], found["start"], found["end"]) == (0xffffffff81061010, 0x6000000, 0x6e10000), found
    # The root's journal counts, that of /mnt/data does not; md0 is not compared, sda6 can't be written to.
    assert found["entries"] == [(1, 3, 1, b"\1" * 16, 1001, 2001), (1, 1, 5, b"\5" * 16, 1005, 2005),
                                (1, 0, 9, b"\t" * 16, 1009, 2009)], found
    assert superblocks == [system.get(f"dev/{name}") for name in ("sda1", "sda5", "md0")]
    shown = system.run("show", text="3 recorded")
    assert "journal in use" in shown and "not compared" in shown and "(5 times)" in shown, shown
    system.put("dev/sda1", superblock(2))
    system.run("write")
    assert record(system.get("dev/sda2"))["entries"][0][2] == 2, "an earlier record was not replaced"
    system.run("erase")
    assert system.get("dev/sda2") == before
    system.run("erase")
    assert system.get("dev/sda2") == before


def test_pages_that_are_not_touched(system: System) -> None:
    waiting = bytearray(swap_header())
    waiting[4086:] = b"S1SUSPEND\0"
    for page in (bytes(PAGE), bytes(waiting), b"\xff" * PAGE, swap_header(b"\0\0boot"),
                 swap_header(b"\0" * 1023 + b"\1")):
        system.put("dev/sda2", page)
        system.run("write", 1, "nothing written")
        assert system.get("dev/sda2") == page
    # The record of an image that waits is needed still.
    system.put("dev/sda2", swap_header())
    system.run("write")
    page = system.get("dev/sda2")[:4086] + b"S1SUSPEND\0"
    system.put("dev/sda2", page)
    system.run("erase")
    assert system.get("dev/sda2") == page
    # A damaged one makes room, and goes.
    damaged = bytearray(swap_header())
    damaged[512:520] = b"THAWSESS"
    system.put("dev/sda2", bytes(damaged))
    system.run("erase")
    assert system.get("dev/sda2") == swap_header()
    system.put("dev/sda2", b"short")
    system.run("write", 1, "can't be read")


def test_which_area(system: System) -> None:
    system.swaps("/dev/sda3", "/dev/sda2", "/dev/zram0")
    system.run("write")
    assert record(system.get("dev/sda2"))["entries"]
    assert system.get("dev/sda3")[:PAGE] == swap_header()
    system.put("sys/power/resume", "0:0\n")
    system.run("write")
    assert record(system.get("dev/sda3")) == record(system.get("dev/sda2"))
    system.put("sys/power/resume", "8:3\n")
    system.run("erase")
    assert system.get("dev/sda2")[:PAGE] == system.get("dev/sda3")[:PAGE] == swap_header(), "one of them was left"
    system.swaps("/dev/zram0")
    system.run("write", 1, "no swap area")
    system.swaps("/dev/sda2")
    system.run("write", 1, "no swap area")


def test_swap_file(system: System) -> None:
    """The file's place is the kernel's word here: a temporary directory's filesystem has no say in this system's."""
    system.swaps("/swapfile")
    system.put("sys/power/resume", "8:1\n")
    system.put("sys/power/resume_offset", "7\n")
    system.put("dev/sda1", superblock(1) + bytes(6 * PAGE) + swap_header() + bytes(PAGE))
    before = system.get("dev/sda1")
    system.run("write")
    after = system.get("dev/sda1")
    at = 7 * PAGE
    assert after[:at + 512] == before[:at + 512] and after[at + 1024:] == before[at + 1024:]
    assert record(after[at:])["entries"][0][3] == b"\1" * 16
    system.run("erase")
    assert system.get("dev/sda1") == before


def test_what_the_kernel_tells(system: System) -> None:
    system.put("sys/power/freeze_filesystems", "1\n")
    system.run("write")
    assert record(system.get("dev/sda2"))["entries"][0][1] == 1, "a frozen filesystem's journal is not in use"
    system.put("sys/power/freeze_filesystems", "0\n")
    system.put("proc/kallsyms", "0000000000000000 T restore_registers\n")
    system.run("write")
    found = record(system.get("dev/sda2"))
    assert found["entries"][0][1] == 3 and found["jump"] == 0
    before = system.get("dev/sda2")
    system.put("proc/iomem", "00000000-00000000 : Kernel code\n")
    system.run("write", 1, "nothing written")
    assert system.get("dev/sda2") == before


def test_many_filesystems(system: System) -> None:
    lines = MOUNTS.splitlines(keepends=True)[1:2]
    for number in range(20, 30):
        name, place = f"sda{number}", f"{DISK}/sda{number}"
        system.put(f"sys/{place}/dev", f"8:{number}")
        for link in (f"sys/class/block/{name}", f"sys/dev/block/8:{number}"):
            (system.root / link).symlink_to(f"../../{place}")
        system.put(f"dev/{name}", superblock(number))
        lines.append(f"30 22 8:{number} / /m{number} rw - ext4 /dev/{name} rw\n")
    system.put("proc/1/mountinfo", "".join(lines))
    system.run("write")
    found = record(system.get("dev/sda2"))
    assert [entry[3][0] for entry in found["entries"]] == [1, *range(20, 27)] and found["left_out"] == 3, found


def test_other_filesystems(system: System) -> None:
    xfs = bytearray(PAGE)
    xfs[:4], xfs[32:48] = b"XFSB", b"\x11" * 16
    btrfs = bytearray(17 * PAGE)
    btrfs[16 * PAGE + 64:16 * PAGE + 72], btrfs[16 * PAGE + 32:16 * PAGE + 48] = b"_BHRfS_M", b"\x22" * 16
    fat = bytearray(PAGE)
    fat[67:71], fat[82:90], fat[510:512] = b"\x34\x12\xcd\xab", b"FAT32   ", b"\x55\xaa"
    for data, kind, uuid in ((xfs, 2, b"\x11" * 16), (btrfs, 3, b"\x22" * 16),
                             (fat, 4, b"\x34\x12\xcd\xab" + bytes(12)),
                             (bytes(PAGE), 0, bytes(16)), (b"", 0, bytes(16))):
        system.put("dev/sda5", bytes(data))
        system.run("write")
        assert record(system.get("dev/sda2"))["entries"][1] == (kind, 0, 0, uuid, 0, 0)
    system.run("show")


def test_usage(system: System) -> None:
    for words, status in (([], 2), (["wrong"], 2), (["write", "more"], 2), (["--help"], 0)):
        run = subprocess.run([PROGRAM, *words], capture_output=True, check=False, env=ENVIRONMENT, timeout=20)
        assert run.returncode == status and b"usage" in run.stdout + run.stderr, words
    assert system.get("dev/sda2")[:PAGE] == swap_header()


def test_the_hook(system: System) -> None:
    """The hook calls the program of its own prefix, and goes on whatever becomes of it."""
    prefix = system.root / "usr"
    hook = prefix / "lib/systemd/system-sleep/thaw"
    hook.parent.mkdir(parents=True)
    shutil.copy(HOOK, hook)
    log = system.root / "calls"
    (prefix / "bin").mkdir()
    for name, text in (("systemd-cat", 'cat >> "$LOG"'), ("thaw", 'echo "thaw $*" >> "$LOG"'),
                       ("grub-editenv", "exit 0")):
        (prefix / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (prefix / "bin" / name).chmod(0o755)
    program = prefix / "libexec/thaw/session-record"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "record $*" >> "$LOG"\n[ ! -e "$LOG.fail" ] || { echo it is so; exit 1; }\n')
    program.chmod(0o755)
    # Beside it, as on a system with another prefix.
    link = system.root / "linked"
    link.symlink_to(hook)
    environment = {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}", "LOG": str(log)}

    def calls(*words: str, path: Path = hook) -> list[str]:
        log.write_text("")
        subprocess.run(["sh", str(path), *words], env=environment, check=True, timeout=60, capture_output=True)
        return log.read_text().splitlines()

    for action in ("hibernate", "hybrid-sleep", "suspend-then-hibernate"):
        assert calls("pre", action)[-1] == "record write", action
        assert calls("post", action) == ["thaw log --lines=0", "record erase"], action
    assert calls("pre", "suspend") == calls("post", "suspend") == []
    assert calls("pre", "hibernate", path=link)[-1] == "record write"
    Path(f"{log}.fail").touch()
    assert "The record of mounted filesystems (write): it is so" in calls("pre", "hibernate")
    assert "The record of mounted filesystems (erase): it is so" in calls("post", "hibernate")
    program.unlink()
    assert calls("pre", "hibernate") == ["thaw status --quiet"]


def main() -> int:
    tests = {name: test for name, test in globals().items() if name.startswith("test_")}
    failed = 0
    for name, test in tests.items():
        with tempfile.TemporaryDirectory() as root:
            try:
                test(System(Path(root)))
            except (AssertionError, OSError, subprocess.SubprocessError, struct.error) as error:
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"  UNIT     test_session_record.py: {len(tests) - failed} of {len(tests)} passed")
    return 1 if failed else 0


if __name__ == "__main__":
    PROGRAM, HOOK = sys.argv[1], Path(sys.argv[2])
    sys.exit(main())
