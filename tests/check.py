#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs everything that a change must pass, one step after the other, and ends with a plain count.

A step that can't be run counts as failed; nothing is passed over silently.  Exit status 0: all passed; 1: not.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


@dataclass
class Count:
    """Of one step, in tests."""

    passed: int = 0
    failed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed)


def say(text: str) -> None:
    print(f"check: {text}", flush=True)


def run(command: list[str], limit_s: int) -> int:
    """Exit status of a command that prints for itself; 124 when it took longer than limit_s."""
    try:
        return subprocess.run(command, cwd=TOP, timeout=limit_s, check=False).returncode
    except subprocess.TimeoutExpired:
        say(f"{' '.join(command)}: still running after {limit_s} s, ended")
        return 124


def step(status: int) -> Count:
    """One test: did it end well?"""
    return Count(passed=1) if status == 0 else Count(failed=1)


def make(arguments: argparse.Namespace, *targets: str, limit_s: int) -> int:
    return run(["make", "--no-print-directory", f"B={arguments.build}", f"-j{os.cpu_count() or 1}", *targets], limit_s)


def unit_tests(arguments: argparse.Namespace) -> Count:
    """The programs' own counts; a program that broke off counts as one failure more."""
    status = make(arguments, "unit", limit_s=600)
    count = Count()
    for log in sorted((TOP / arguments.build / "unit").glob("*.log")):
        text = log.read_text(encoding="utf-8", errors="replace")
        count += Count(len(re.findall(r"^\[       OK \]", text, re.M)),
                       len(set(re.findall(r"^\[  FAILED  \] (\w+)", text, re.M))))
    if count.passed == 0 or (status != 0 and count.failed == 0):
        count.failed += 1
    return count


def fuzzers(arguments: argparse.Namespace) -> Count:
    """One test per target, which has to have run inputs: libFuzzer says how many."""
    targets = [path.stem for path in (TOP / "tests/fuzz").glob("fuzz_*.c")]
    logs = [TOP / arguments.build / "fuzz" / f"{target}.log" for target in targets]
    for log in logs:
        log.unlink(missing_ok=True)
    status = make(arguments, "fuzz", limit_s=900)
    ran = sum(log.exists() and re.search(r"^stat::number_of_executed_units: *[1-9]", log.read_text(encoding="utf-8"), re.M)
              is not None for log in logs)
    return Count(passed=ran, failed=max(len(targets) - ran, 1 if status != 0 or not targets else 0))


def scenarios(arguments: argparse.Namespace) -> Count:
    """The emulator scenarios, two at a time."""
    report = TOP / arguments.build / "scenarios.xml"
    report.unlink(missing_ok=True)
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/qemu", "-n",
               str(os.cpu_count() or 1), "--dist", "worksteal" if arguments.full else "loadgroup",
               f"--junitxml={report}", f"--results={arguments.build}/qemu", f"--shard={arguments.shard}"]
    if arguments.full:
        command.append("--full")
    status = run(command, 8 * 3600 if arguments.full else 4700)
    if not report.exists():
        return Count(failed=1)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    total, bad = int(suite.get("tests")), int(suite.get("failures")) + int(suite.get("errors"))
    bad += int(suite.get("skipped"))
    if status != 0 and bad == 0 or total == 0:
        bad += 1
    return Count(max(total - bad, 0), bad)


STEPS = (
    ("build", lambda a: step(make(a, "all", limit_s=600))),
    ("layers", lambda a: step(make(a, "layers", limit_s=300))),
    ("size", lambda a: step(make(a, "size", limit_s=300))),
    ("unit tests", unit_tests),
    ("fuzzers", fuzzers),
    ("static analysis", lambda a: step(make(a, "lint", limit_s=900))),
    ("package", lambda a: step(make(a, "deb", limit_s=600))),
    ("scenarios", scenarios),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--full", action="store_true", help="the whole matrix of scenarios")
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="only the I-th of N parts of the scenarios")
    parser.add_argument("--only", metavar="STEP", help=f"one of: {', '.join(name for name, _ in STEPS)}")
    arguments = parser.parse_args()
    total = Count()
    lines = []
    for name, function in STEPS:
        if arguments.only and name != arguments.only:
            continue
        start = time.monotonic()
        say(f"{name} …")
        count = function(arguments)
        lines.append(f"{name}: {count.passed} passed, {count.failed} failed, {time.monotonic() - start:.0f} s")
        say(lines[-1])
        total += count
        if name == "build" and count.failed:
            break
    print("\n" + "\n".join(lines))
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.passed and not total.failed else 1


if __name__ == "__main__":
    sys.exit(main())
