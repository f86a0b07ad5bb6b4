#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration: one Debian session that hibernated, brought back by Linux itself and by Thaw, side by side.

Usage: demo.py LOADER.  Everything runs in the emulator; the guest's disk is made once and kept in the cache.
Exit status 0: both brought the very same session back, and with Thaw no Linux was booted; 1: not; 2: could not be run.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import proof
import session
from errors import Failure, HarnessError
from machine import Machine

RESULTS = Path(__file__).resolve().parents[2] / "build" / "demo"
CONFIG = session.Config(memory_mib=1024, fill_mib=192)

# What happens on the way, by the console's lines: (event, pattern when Linux resumes, pattern when Thaw does).
EVENTS = (
    ("GRUB starts", r"^grub: entry", r"^grub: entry"),
    ("GRUB has loaded what it boots", r"^grub: start", r"^grub: start"),
    ("Linux boots", r"Linux version", r"Linux version"),
    ("the image is found", r"PM: Image signature found|PM: hibernation: resume from|Marking nosave",
     r"^thaw: resume: swsusp on"),
    ("the image is read and checked", r"PM: hibernation: Image loading done|PM: Read \d+ kbytes",
     r"^thaw: restored:"),
    ("jump into the image", r"printk: Suspending console|Disabling non-boot CPUs", r"^thaw: jump"),
    ("the session's kernel is back", session.EXIT_LINE, session.EXIT_LINE),
)


@dataclass
class Run:
    """One power-on: seconds from power-on to each event (None: it never happened), and what was proved."""

    seconds: list[float | None]
    proved: float
    facts: list[str]
    linux_booted: bool
    log: Path


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] demo: {text}", flush=True)


def events(machine: Machine, who: int) -> list[float | None]:
    """Seconds of each event; who: 1 for Linux, 2 for Thaw."""
    found = [machine.find(row[who]) for row in EVENTS]
    return [line.seconds if line else None for line in found]


def power_on(image: session.Hibernated, entry: str) -> Run:
    """Power on a copy of the disk and prove the session."""
    with session.resume(image, RESULTS / entry, entry=entry, limit_s=180, single_thread=True) as on:
        on.machine.wait_for(session.EXIT_LINE, 120, unless="thaw-guest: ready")
        on.agent.wait_ready()
        back = on.machine.now()
        facts = proof.check(on.agent, image.proof)
        return Run(events(on.machine, 1 if entry == "linux" else 2), back, facts,
                   on.machine.find("Linux version") is not None, on.machine.console_path)


def cell(seconds: float | None) -> str:
    return f"{seconds:9.2f} s" if seconds is not None else "      never"


def table(linux: Run, thaw: Run) -> str:
    """What happened when."""
    rows = [f"{'seconds after power-on':34} {'Linux':>12} {'Thaw':>12}", "-" * 60]
    for (event, _, _), by_linux, by_thaw in zip(EVENTS, linux.seconds, thaw.seconds):
        rows.append(f"{event:34} {cell(by_linux):>12} {cell(by_thaw):>12}")
    rows.append(f"{'the session answers':34} {cell(linux.proved):>12} {cell(thaw.proved):>12}")
    return "\n".join(rows)


def main() -> int:
    start = time.monotonic()
    say("a Debian guest: its disk is made, it boots, works and hibernates (up to four minutes the first time)")
    try:
        image = session.hibernated(CONFIG)
        say("power-on of a copy of its disk: Linux resumes it by itself")
        linux = power_on(image, "linux")
        say(f"it is back after {linux.proved:.1f} s; power-on of another copy: Thaw resumes it")
        thaw = power_on(image, "thaw")
    except HarnessError as error:
        print(f"demo: could not be run: {error}", file=sys.stderr)
        return 2
    except Failure as error:
        print(f"demo: FAILED: {error}", file=sys.stderr)
        return 1
    print("\n" + table(linux, thaw))
    print("\nThe same session? What was true before the hibernation and is true again:")
    for by_linux, by_thaw in zip(linux.facts, thaw.facts):
        print(f"  Linux: {by_linux}\n  Thaw:  {by_thaw}")
    print("\nThaw's own lines:")
    for line in thaw.log.read_text(encoding="utf-8").splitlines():
        if "thaw: " in line:
            print("  " + line.strip())
    if thaw.linux_booted or not linux.linux_booted:
        print("demo: FAILED: 'Linux version' stands where it must not, or not where it must", file=sys.stderr)
        return 1
    print(f"\nWith Thaw no Linux was booted. Logs: {linux.log}, {thaw.log}. {time.monotonic() - start:.0f} s in all.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
