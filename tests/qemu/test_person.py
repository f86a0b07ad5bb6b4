# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees and can do at power-on: the bar, Esc and its three answers, why a session was not resumed."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import disk as disks
import image_edit
import kjump
import proof
import session
import thaw_run
from errors import Failure, HarnessError
from machine import Machine
from matrix import EFI, STORAGE
from session import Config
from swsusp_oracle import PAGE, SIGNATURE

PC = Config()
PLAIN_PC = Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown")
USED = b"SWAPSPACE2"
SLOW = 16 << 20  # bytes a second: a restore takes some seconds then
ESC = "\x1b"
BAR = re.compile(rb"\r\[[^\]]*\] +(\d+) of (\d+) MiB +(\d+) MiB/s +(?:(\d+):(\d\d) left|--:-- left|done)")
QUESTION, WARNING = rb"What now\?", rb"Discard the session\?"
WAITS = rb"The normal system starts in (\d+) s"
GRAPHICS = {"screen": "1024x768x32", "extra": "insmod all_video\nset gfxmode=1024x768x32\nset gfxpayload=1024x768x32"}


def _bars(machine: Machine, start: int = 0) -> list[re.Match]:
    return list(BAR.finditer(bytes(machine.raw), start))


@contextmanager
def _slowly(image: session.Hibernated, result_dir: Path, **options):
    """The loader reads an image from a slow disk, and its bar is there."""
    if image.config.firmware == "bios":
        options |= {"gdb": True, "paused": True}
    with session.resume(image, result_dir, **options) as on:
        if image.config.firmware == "bios":
            gdb = thaw_run.stop_at_entry(on)
            on.machine.limit_disk(0, SLOW)
            gdb.close()
        else:
            on.machine.wait_for("grub: entry", 60)
            on.machine.limit_disk(0, SLOW // 2)
        if thaw_run.wait_decision(on.machine).kind is None:
            raise Failure("no image was found")
        on.machine.wait_raw(rb"MiB/s.*MiB/s", 30)
        yield on


def _ask(machine: Machine) -> int:
    """Esc, and the question is there; returns where it stands in what was received."""
    start = len(machine.raw)
    machine.type(ESC)
    machine.wait_raw(QUESTION, 20, start)
    machine.wait_raw(rb"is resumed in 60 s", 20, start)
    return start


def _header(path: Path, image: session.Hibernated) -> bytes:
    return disks.read_bytes(path, image.area().start + image.resume_offset * PAGE, PAGE)


def _log_lines_begin_lines(machine: Machine) -> None:
    """What scripts rely on: "thaw: " stands nowhere but at the beginning of a line."""
    for line in bytes(machine.raw).split(b"\n"):
        if b"thaw: " in line.lstrip(b"\r").removeprefix(b"thaw: ") and b"grub" not in line and b"\x1b" not in line:
            raise Failure(f"a log line begins in the middle of {line!r}")


def _picture(path: Path) -> tuple[int, int, bytes]:
    kind, size, _, pixels = path.read_bytes().split(b"\n", 3)
    if kind != b"P6":
        raise HarnessError(f"{path} is no picture")
    width, height = map(int, size.split())
    return width, height, pixels


def _bar_pixels(early: Path, late: Path) -> tuple[int, int]:
    """The longest horizontal line in each of two screenshots, of the lines of pixels in which they differ."""
    longest = [0, 0]
    width, height, before = _picture(early)
    *size, after = _picture(late)
    if size != [width, height]:
        raise HarnessError("the screen's size changed")
    for y in range(height):
        row = slice(3 * y * width, 3 * (y + 1) * width)
        rows = before[row], after[row]
        for index in range(2 if rows[0] != rows[1] else 0):
            lit = bytes(1 if pixel else 0 for pixel in rows[index][::3])
            longest[index] = max(longest[index], *map(len, lit.split(b"\0")))
    return longest[0], longest[1]


@pytest.mark.parametrize("screen", ("text", pytest.param("graphics", marks=pytest.mark.full)))
def test_bar_question_and_going_on(screen: str, result_dir):
    """The bar grows, on the serial line and on the screen; after Esc and `go on` the session is back."""
    image = session.hibernated(PC)
    boot = session.default_boot(image, thaw_args=f"{image.resume_words()} console=tty0",
                                **(GRAPHICS if screen == "graphics" else {}))
    with _slowly(image, result_dir, boot=boot) as on:
        machine = on.machine
        early = machine.screenshot("early")
        time.sleep(1.5)
        late = machine.screenshot("late")
        first, second = _bar_pixels(early, late)
        if first < 16 or second < first + 8:
            raise Failure(f"the bar on the screen is {first}, then {second} pixels long")
        start = _ask(machine)
        lit = sum(1 for value in _picture(machine.screenshot("question"))[2] if value)
        if lit < 3 * sum(1 for value in _picture(late)[2] if value) // 2 and screen == "graphics":
            raise Failure("the question is not on the screen")
        time.sleep(2)
        bars = _bars(machine, start)
        time.sleep(2)
        if _bars(machine, start) != bars and len(_bars(machine, start)) != len(bars):
            raise Failure("the restore goes on while it is asked")
        machine.type("1")
        machine.wait_for("thaw: key: going on", 20)
        machine.limit_disk(0, 0)
        machine.wait_for(thaw_run.JUMP, 60, unless=thaw_run.NO_RESUME)
        machine.wait_for(session.EXIT_LINE, 60)
        proof.check(on.agent, image.proof)
        bars = _bars(machine)
        done = [int(match[1]) for match in bars]
        if len(bars) < 8 or done != sorted(done) or done[0] > int(bars[0][2]) // 2 or done[-1] != int(bars[-1][2]):
            raise Failure(f"the bars show {done}")
        if not any(match[4] for match in bars) or not all(int(match[3]) < 100000 for match in bars):
            raise Failure("no bar shows the time that is left")
        _log_lines_begin_lines(machine)
    if image_edit.signature(on.image, image) != USED:
        raise Failure("the image was not marked used")


def test_answer_linux(result_dir):
    """Esc on the PC's keyboard, then 2: the image is as it was, and Linux resumes the session."""
    image = session.hibernated(PLAIN_PC)
    with _slowly(image, result_dir) as on:
        start = len(on.machine.raw)
        on.machine.press("esc")
        on.machine.wait_raw(QUESTION, 20, start)
        on.machine.press("2")
        thaw_run.expect_boot(on.machine, "user")
        on.machine.limit_disk(0, 0)
        on.machine.wait_for(session.EXIT_LINE, 120, unless="thaw-guest: ready")
        on.agent.wait_ready()
        proof.check(on.agent, image.proof)


def _discard(machine: Machine) -> None:
    start = _ask(machine)
    machine.type("3")
    machine.wait_raw(WARNING, 20, start)
    machine.type("3")  # a key that is held down is no answer
    time.sleep(1)
    if machine.find("thaw: boot:"):
        raise Failure("it was asked only once")
    machine.type("9")


def _check_discarded(image: session.Hibernated, path: Path) -> None:
    """The signature is the swap area's own again, and nothing else in the page is another."""
    before, after = bytearray(_header(image.path, image)), _header(path, image)
    before[-10:] = USED
    if after != bytes(before):
        raise Failure("the header is not that of a discarded image")


def test_answer_fresh(result_dir):
    """Asked twice; the normal kernel gets noresume, there is no image any more, and the next power-on is a normal one."""
    image = session.hibernated(PC)
    with _slowly(image, result_dir) as on:
        _discard(on.machine)
        on.machine.limit_disk(0, 0)
        thaw_run.expect_boot(on.machine, "fresh")
        if "noresume" not in on.machine.wait_for(thaw_run.COMMAND_LINE, 30).text.split():
            raise Failure("the kernel was not told noresume")
        thaw_run.check_fresh(on, "fresh")
        if on.machine.find(session.EXIT_LINE):
            raise Failure("Linux resumed the discarded session")
        if on.agent.run("cat /proc/sys/kernel/random/boot_id").strip() == image.proof.boot_id:
            raise Failure("the discarded session is back")
    _check_discarded(image, on.image)
    boot = thaw_run.quick_boot(image)
    with session.resume(image, result_dir / "again", image=on.image, boot=boot) as again:
        thaw_run.expect_boot(again.machine, "no-image")


def test_what_cannot_be_discarded_stays(result_dir):
    """The mark can't be written: no fresh start, the image as it was, and a screen says so."""
    image = session.hibernated(PC)
    sector = (image.area().start + PAGE) // disks.SECTOR - 1
    boot = thaw_run.quick_boot(image)
    with _slowly(image, result_dir, boot=boot, drive={"bad_writes": (sector,)}) as on:
        _discard(on.machine)
        on.machine.limit_disk(0, 0)
        thaw_run.expect_boot(on.machine, "io-error")
        if "noresume" in on.machine.wait_for(thaw_run.COMMAND_LINE, 30).text.split():
            raise Failure("Linux may not resume a session that is still there")
        if "could not be marked used" not in on.machine.text():
            raise Failure("nothing says that it could not be discarded")
    if image_edit.signature(on.image, image) != SIGNATURE:
        raise Failure("the image is marked used")


def _expect_screen(machine: Machine) -> float:
    """The screen of a failed resume; returns when it was there."""
    line = machine.wait_for("SESSION WAS NOT RESUMED", 90, unless=thaw_run.NO_RESUME)
    machine.wait_raw(WAITS, 10)
    said = machine.text().partition("SESSION WAS NOT RESUMED")[2]
    for label in ("Reason", "Detail", "Session", "To do"):
        if not re.search(rf"^  {label} +[A-Z].*", said, re.M):
            raise Failure(f"the screen does not say {label!r}: {said!r}")
    if max(map(len, said.splitlines()[:12])) > 79:
        raise Failure(f"the screen is too wide: {said!r}")
    return line.seconds


@pytest.mark.parametrize("key", (False, True), ids=("timeout", "key"))
def test_failed_resume_says_why(key: bool, result_dir):
    """As long as it takes to read it, which is 10 s, or until a key is pressed."""
    image = session.hibernated(PC)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir) as oracle:
        image_edit.apply(overlay, image, image_edit.chunk(0.5, 600, 7)(oracle))
    words = f"{image.resume_words()} console=tty0"
    boot = thaw_run.quick_boot(image, wait_s=30 if key else None, thaw_args=words)
    with session.resume(image, result_dir, image=overlay, boot=boot) as on:
        seen = _expect_screen(on.machine)
        on.machine.screenshot("failure")
        if key:
            on.machine.press("spc")
        thaw_run.expect_boot(on.machine, "corrupt")
        waited = on.machine.find("thaw: boot:").seconds - seen
        if not (waited < 8 if key else 9 < waited < 30):
            raise Failure(f"the screen was there for {waited:.1f} s")
        _log_lines_begin_lines(on.machine)


@pytest.mark.full
@pytest.mark.parametrize("config", (PC, PLAIN_PC, STORAGE["nvme-plain"], STORAGE["virtio-legacy"], STORAGE["lvm"], EFI),
                         ids=("ahci", "ide", "nvme", "virtio", "lvm", "efi"))
def test_no_answer_goes_on(config: Config, result_dir):
    """After a minute in which no driver may lose patience."""
    image = session.hibernated(config)
    with _slowly(image, result_dir) as on:
        _ask(on.machine)
        seconds = on.machine.now()
        on.machine.wait_for("thaw: key: going on", 90)
        if not 55 < on.machine.now() - seconds < 75:
            raise Failure("it was not asked for a minute")
        on.machine.limit_disk(0, 0)
        thaw_run.check_resumed(on, image.proof)
        if re.search(r"no answer|timed out|time-out|does not", on.machine.text().partition("What now")[2].partition("thaw: jump")[0]):
            raise Failure("a driver lost patience")


@pytest.mark.full
@pytest.mark.parametrize("answer", ("1", "2", "3"))
def test_uefi_answers(answer: str, result_dir):
    image = session.hibernated(EFI)
    boot = session.default_boot(image) if answer == "1" else session.default_boot(image, cmdline="")
    with _slowly(image, result_dir, boot=boot) as on:
        if answer == "3":
            _discard(on.machine)
        else:
            _ask(on.machine)
            on.machine.type(answer)
        on.machine.wait_for("thaw: key:", 20)
        on.machine.limit_disk(0, 0)
        if answer == "1":
            thaw_run.check_efi_resumed(on, image.proof)
            return
        reason = {"2": "user", "3": "fresh"}[answer]
        thaw_run.expect_boot(on.machine, reason)
        thaw_run.check_fresh(on, reason)
    if answer == "3":
        _check_discarded(image, on.image)
    elif _header(on.image, image) != _header(image.path, image):
        raise Failure("the header of an image that was left to Linux changed")


def test_uefi_failed_resume_says_why(result_dir):
    image = session.hibernated(EFI)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir) as oracle:
        image_edit.apply(overlay, image, image_edit.chunk(0.5, 600, 7)(oracle))
    with session.resume(image, result_dir, image=overlay, boot=thaw_run.quick_boot(image, wait_s=30)) as on:
        seen = _expect_screen(on.machine)
        on.machine.screenshot("failure")
        on.machine.type("x")
        thaw_run.expect_boot(on.machine, "corrupt")
        waited = on.machine.find("thaw: boot:").seconds - seen
        if waited > 15:
            raise Failure(f"the screen was there for {waited:.1f} s")


@pytest.mark.full
@pytest.mark.parametrize("answer", ("1", "3"))
def test_image_of_a_kexec_jump(answer: str, result_dir):
    saved = kjump.saved(kjump.Setup())
    with kjump.restore(saved, result_dir, gdb=True, paused=True) as on:
        gdb = thaw_run.stop_at_entry(on)
        on.machine.limit_disk(0, SLOW)
        gdb.close()
        on.machine.wait_raw(rb"MiB/s.*MiB/s", 30)
        if answer == "1":
            _ask(on.machine)
            on.machine.type("1")
            on.machine.wait_for("thaw: key: going on", 20)
            on.machine.limit_disk(0, 0)
            kjump.check_restored(on, saved.proof)
            return
        _discard(on.machine)
        on.machine.limit_disk(0, 0)
        thaw_run.expect_boot(on.machine, "fresh")
        image = on.image
    with kjump.power_on(saved.setup, image, saved.disk, replace(kjump.thaw_boot(saved.target.words)), result_dir / "again") as on:
        thaw_run.expect_boot(on.machine, "no-image")
