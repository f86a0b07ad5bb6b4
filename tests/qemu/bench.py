#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures Thaw against Linux's own resume, on the same hibernated disk in the same emulated PC.

Usage: bench.py LOADER [PART...].  Prints tables in Markdown and leaves them in build/bench.md; docs/benchmarks.md keeps
one run.  Parts: resume, large, normal, plain, instructions, jump, efi; all of them when none is named.
Exit status 0: every target was reached; 1: one was not; 2: could not be run.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import statistics
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cache
import disk as disks
import grub_run
import kernel_disk
import kjump
import session
from errors import Failure, HarnessError
from machine import Drive
from session import Config

TOP = Path(__file__).resolve().parents[2]
RESULTS = TOP / "build" / "bench"
RUNS = 3
PAGE = 4096
LZO = Config(memory_mib=1024, fill_mib=150)
LARGE = Config(memory_mib=2048, fill_mib=600, swap_mib=1536)
PLAIN = Config(memory_mib=2048, fill_mib=800, compression="plain", swap_mib=1536)
# Memory is allocated beforehand, as real memory is; else the host clears each page when it is first written.
PC = {"single_thread": True, "extra": ("-mem-prealloc",)}
# Controller, and what its disk is limited to, in bytes/s.
DISKS = {("", 550_000_000): "AHCI, 550 MB/s", ("", 2_000_000_000): "AHCI, 2000 MB/s", ("", 0): "AHCI, no limit",
         ("nvme", 2_000_000_000): "NVMe, 2000 MB/s", ("nvme", 0): "NVMe, no limit",
         ("virtio", 2_000_000_000): "virtio, 2000 MB/s", ("virtio", 0): "virtio, no limit"}
COPY_INSTRUCTIONS = PAGE // 8 + 12  # a staged page: rep movsq, eight bytes an instruction, and its loop

HANDOFF = r"^grub: start"
FIRST_READ = r"^thaw: \S+: \d+ MiB, (MBR|GPT)"  # said when it is done
FIRST_LINE = r"Linux version "
EARLY = "earlyprintk=serial,ttyS0,115200"
DECISION = re.compile(r"thaw: resume: swsusp on (\S+), (\d+) pages, (\d+) MiB")
SUMMARY = re.compile(r"thaw: restored: (\d+) pages and (\d+) of zeroes in place, (\d+) staged; (\d+) MiB read")
TIMES = re.compile(r"thaw: times: (\d+) us in all; (\d+) waiting for the disk, (\d+) unpacking, (\d+) checking")
RAW_WRITE = re.compile(r"thaw: benchmark: (\d+) bytes raw written in (\d+) us: ok")
SAVE_PAGES = re.compile(r"thaw: save: (\d+) of (\d+) pages hold anything")
SAVED = re.compile(r"thaw: save: \d+ MiB written in (\d+) ms")
DECISION_JUMP = re.compile(r"thaw: resume: kexec-jump on \S+, (\d+) pages")
JUMP_LIMIT = 550_000_000  # of the disk, bytes/s
RAW = re.compile(r"thaw: benchmark: (\d+) bytes raw in (\d+) us: ok")


@dataclass
class Target:
    """A number that has to be reached. at_least: whether more is better."""

    what: str
    value: float
    limit: float
    at_least: bool

    def reached(self) -> bool:
        """Is it?"""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> str:
        """As a table row."""
        bound = f"{'at least' if self.at_least else 'at most'} {self.limit:g}"
        return f"| {self.what} | {self.value:.2f} | {bound} | {'yes' if self.reached() else '**no**'} |"


def say(text: str) -> None:
    cache.progress(f"bench: {text}")


def median(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float]) -> str:
    """Median, with smallest and largest."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def match(pattern: re.Pattern, machine) -> tuple[int, ...]:
    """The numbers of a line of the loader's log; HarnessError when it is not there."""
    line = machine.find(pattern.pattern)
    if line is None:
        raise machine.error(f"no line with {pattern.pattern!r}")
    return tuple(int(text) if text.isdigit() else 0 for text in pattern.search(line.text).groups())


def seconds(machine, pattern: str) -> float:
    """When a line came, in seconds since power-on."""
    line = machine.find(pattern)
    if line is None:
        raise machine.error(f"no line with {pattern!r}")
    return line.seconds


@contextmanager
def copy_of_disk(image: session.Hibernated, name: str):
    """A raw copy of the hibernated disk: the emulator's cost of a chain of qcow2 files is nobody's to measure."""
    path = RESULTS / f"{name}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["qemu-img", "convert", "-O", "raw", str(image.path), str(path)], check=True)
        yield path
    finally:
        path.unlink(missing_ok=True)


@dataclass
class Resume:
    """One resume, in seconds since power-on."""

    grub: float
    handoff: float
    back: float
    answers: float
    start: float = 0.0  # the loader's first line
    read: float = 0.0  # its first read is done
    jump: float = 0.0
    times: tuple[int, ...] = ()
    decision: tuple[int, ...] = ()
    summary: tuple[int, ...] = ()


def resume(image: session.Hibernated, entry: str, run: int) -> Resume:
    """Resume a copy of the disk by Linux or by Thaw."""
    boot = session.default_boot(image, entry, fallback="path")
    with (copy_of_disk(image, f"{entry}{run}") as path,
          session.resume(image, RESULTS / f"{entry}{run}", entry, path, boot, limit_s=300, **PC) as on):
        on.machine.wait_for(session.EXIT_LINE, 240, unless="thaw-guest: ready")
        on.agent.wait_ready()
        answers = on.machine.now()
        result = Resume(seconds(on.machine, r"grub: entry"), seconds(on.machine, HANDOFF),
                        seconds(on.machine, session.EXIT_LINE), answers)
        if entry == "thaw":
            result.start = seconds(on.machine, "^thaw: ")
            result.read = seconds(on.machine, FIRST_READ)
            result.jump = seconds(on.machine, "^thaw: jump")
            result.times = match(TIMES, on.machine)
            result.decision = match(DECISION, on.machine)
            result.summary = match(SUMMARY, on.machine)
        return result


def compare_resumes(config: Config, size_mb: tuple[int, int], ratio: float, report: list[str],
                    targets: list[Target]) -> None:
    """Power-on to session back, by Linux and by Thaw; an image of size_mb, ratio to be reached."""
    image = session.hibernated(config)
    pairs = []
    for run in range(RUNS):
        say(f"LZO image, run {run + 1} of {RUNS}: Linux, then Thaw")
        pairs.append((resume(image, "linux", run), resume(image, "thaw", run)))
    linux, thaw = [a for a, _ in pairs], [b for _, b in pairs]
    size = thaw[0].decision[1] * PAGE // 1_000_000
    ratios = [(a.back - a.handoff) / (b.back - b.handoff) for a, b in pairs]
    rows = (
        ("power-on to the session's answer", [a.answers for a in linux], [b.answers for b in thaw]),
        ("firmware: power-on to GRUB's menu code", [a.grub for a in linux], [b.grub for b in thaw]),
        ("GRUB: loading kernel and initrd (with Thaw: Thaw alone)", [a.handoff - a.grub for a in linux],
         [b.handoff - b.grub for b in thaw]),
        ("**GRUB's hand-off to \"hibernation exit\"**", [a.back - a.handoff for a in linux],
         [b.back - b.handoff for b in thaw]),
        ("Thaw: hand-off to its first line", None, [b.start - b.handoff for b in thaw]),
        ("Thaw: hand-off to the end of its first read", None, [b.read - b.handoff for b in thaw]),
        ("Thaw: waiting for the disk", None, [b.times[1] / 1e6 for b in thaw]),
        ("Thaw: decompressing", None, [b.times[2] / 1e6 for b in thaw]),
        ("Thaw: checking (CRC-32)", None, [b.times[3] / 1e6 for b in thaw]),
        ("Thaw: placing pages, queueing reads, the rest",
         None, [(b.times[0] - sum(b.times[1:])) / 1e6 for b in thaw]),
        ("copying staged pages, and the image kernel's own device resume", None, [b.back - b.jump for b in thaw]),
    )
    report += [f"## An LZO image of {size} MB ({thaw[0].decision[1]} pages, {thaw[0].summary[3]} MiB on disk)", "",
               f"Seconds: median of {RUNS} runs (smallest-largest).", "",
               "| phase | Linux | Thaw |", "|---|---|---|"]
    report += [f"| {name} | {spread(a) if a else ''} | {spread(b)} |" for name, a, b in rows]
    report += ["", f"Ratio from GRUB's hand-off to \"hibernation exit\", run by run: {spread(ratios)}.", ""]
    if not size_mb[0] <= size <= size_mb[1]:
        raise HarnessError(f"the image has {size} MB: not what is to be measured")
    targets.append(Target(f"times faster than Linux from GRUB's hand-off, LZO image of {size} MB", median(ratios), ratio,
                          True))
    targets.append(Target(f"seconds from GRUB's hand-off to the end of the first read, LZO image of {size} MB",
                          median([b.read - b.handoff for b in thaw]), 0.1, False))


def normal_boot(entry: str, run: int) -> tuple[float, float, float]:
    """Boot without an image: seconds from power-on to GRUB's menu code, its hand-off, the kernel's first line."""
    base, kernel = disks.get(), kernel_disk.get("ext4-usual")
    files = kernel.files()
    boot = grub_run.Boot(entry=entry, kernel=kernel_disk.KERNEL, cmdline=EARLY, fallback="path", files=files)
    if entry == "linux":
        boot = replace(boot, extra="; ".join((
            f"search --no-floppy --fs-uuid --set=root {files.uuid}", f"linux {files.vmlinuz} {boot.kernel_arguments()}",
            f"initrd {' '.join(files.initrds)}", "echo grub: start", "boot")))
    result_dir = RESULTS / f"normal-{entry}{run}"
    result_dir.mkdir(parents=True, exist_ok=True)
    image = disks.overlay(base.path, result_dir / "disk.qcow2")
    more = (Drive(disks.overlay(kernel.path, result_dir / "kernel.qcow2")),)
    with session.power_on(image, base, boot, LZO.hardware(), result_dir, more=more, **PC) as on:
        on.machine.wait_for(FIRST_LINE, 120, unless="grub: loader refused")
        return tuple(seconds(on.machine, line) for line in (r"grub: entry", HANDOFF, FIRST_LINE))


def compare_normal_boots(report: list[str], targets: list[Target]) -> None:
    """Power-on without an image to the kernel's first line, by GRUB's own linux and initrd, and by Thaw."""
    pairs = []
    for run in range(RUNS):
        say(f"no image, run {run + 1} of {RUNS}: GRUB's own linux, then Thaw")
        pairs.append((normal_boot("linux", run), normal_boot("thaw", run)))
    linux, thaw = [a for a, _ in pairs], [b for _, b in pairs]
    ratios = [b[2] / a[2] for a, b in pairs]
    rows = (("power-on to the kernel's first line", lambda times: times[2]),
            ("firmware: power-on to GRUB's menu code", lambda times: times[0]),
            ("GRUB: loading kernel and initrd (with Thaw: Thaw alone)", lambda times: times[1] - times[0]),
            ("GRUB's hand-off to the kernel's first line (with Thaw: its search, reading both; the kernel unpacks itself)",
             lambda times: times[2] - times[1]))
    report += ["## No image", "",
               f"The kernel of {kernel_disk.KERNEL} and an initrd of {kernel_disk.USUAL_INITRD_MIB} MiB, which is what"
               f" Debian makes by default. Seconds: median of {RUNS} runs (smallest-largest).", "",
               "| phase | GRUB's linux and initrd | Thaw |", "|---|---|---|"]
    report += [f"| {name} | {spread([get(a) for a in linux])} | {spread([get(b) for b in thaw])} |" for name, get in rows]
    report += ["", f"Thaw's share of GRUB's time from power-on, run by run: {spread(ratios)}.", ""]
    targets.append(Target("power-on without an image to the kernel's first line, share of GRUB's time", median(ratios),
                          0.85, False))


def measure_plain_run(image: session.Hibernated, run: str, bytes_per_s: int) -> tuple[float, float, float, int, int]:
    """MB/s of the restore, of Thaw's raw read and of Linux's, all of a disk with this limit; sizes in bytes."""
    boot = session.default_boot(image, thaw_args=f"{image.resume_words()} thaw.benchmark")
    with (copy_of_disk(image, f"raw{run}") as path,
          session.resume(image, RESULTS / f"raw{run}", image=path, boot=boot, **PC) as on):
        on.machine.limit_disk(0, bytes_per_s)
        on.machine.wait_for("^thaw: boot: noresume", 60)
        raw_bytes, raw_us = match(RAW, on.machine)
    with (copy_of_disk(image, f"plain{run}") as path,
          session.resume(image, RESULTS / f"plain{run}", image=path, limit_s=240, **PC) as on):
        on.machine.limit_disk(0, bytes_per_s)
        on.machine.wait_for(session.EXIT_LINE, 200, unless="thaw-guest: ready")
        on.agent.wait_ready()
        device = on.agent.run("awk 'NR==2 {print $1}' /proc/swaps").strip()
        command = f"dd if={device} of=/dev/null bs=1M count={raw_bytes >> 20} iflag=direct 2>&1"
        dd = [re.search(r"copied, ([\d.]+) s", on.agent.run(command, timeout_s=120)) for _ in range(2)]
        restored_us = match(TIMES, on.machine)[0]
        size = match(DECISION, on.machine)[1] * PAGE
    linux = max(raw_bytes / float(m[1]) for m in dd) / 1e6
    return size / restored_us, raw_bytes / raw_us, linux, size, raw_bytes


def measure_plain(report: list[str], targets: list[Target]) -> None:
    """A plain image against raw reads of the same disk in the same machine."""
    rows, shares = [], {}
    for (controller, bytes_per_s), disk in DISKS.items():
        image = session.hibernated(replace(PLAIN, controller=controller))
        for run in range(RUNS):
            say(f"plain image, {disk}, run {run + 1} of {RUNS}")
            restored, raw, linux, size, raw_bytes = measure_plain_run(image, f"{controller}{bytes_per_s}-{run}", bytes_per_s)
            share = restored / max(raw, linux)
            shares.setdefault(disk, []).append(share)
            rows.append(f"| {disk} | {run + 1} | {restored:.0f} | {raw:.0f} | {linux:.0f} | {share:.2f} |")
    report += [f"## A plain image of about {size >> 20} MiB", "",
               f"MB/s, everything included in \"restored\". The raw reads, of {raw_bytes >> 20} MiB, go into fresh memory"
               " too, in a power-on of their own. Without a limit the disk is the host's memory: then the emulated CPU,"
               " which also carries out what the controller does, is what both wait for.", "",
               "| disk | run | restored | Thaw's raw read | Linux O_DIRECT read | share of the faster |",
               "|---|---|---|---|---|---|", *rows, ""]
    for disk, values in shares.items():
        targets.append(Target(f"plain image, {disk}: share of the faster raw read", median(values), 0.85, True))


def count_instructions(report: list[str], targets: list[Target]) -> None:
    """Instructions per image byte, counted by the emulator."""
    image = session.hibernated(LZO)
    hardware = replace(LZO.hardware(), cpu="max")
    rows, values = [], []
    for run in range(RUNS):
        say(f"counting instructions, run {run + 1} of {RUNS}")
        with session.resume(image, RESULTS / f"icount{run}", hardware=hardware, limit_s=400,
                            icount="shift=0,sleep=off") as on:
            on.machine.wait_for("^thaw: jump", 300, unless="^thaw: boot")
            pages = match(DECISION, on.machine)[1]
            total, waited, unpack, check = match(TIMES, on.machine)
            staged = match(SUMMARY, on.machine)[2]
        size = pages * PAGE
        copied = staged * COPY_INSTRUCTIONS
        values.append(((total - waited) * 1000 + copied) / size)
        rows.append(f"| {run + 1} | {values[-1]:.3f} | {unpack * 1000 / size:.3f} | {check * 1000 / size:.3f} | "
                    f"{copied / size:.3f} | {waited * 1000 / size:.3f} |")
    report += ["## Instructions per image byte (LZO)", "",
               "Counted by the emulator (-icount, one instruction a nanosecond of the guest's clock; -cpu max, which has"
               " PCLMULQDQ). \"All\" leaves out the waiting for the disk, which is shown apart. The copy of staged pages"
               f" behind the mark is reckoned, at {COPY_INSTRUCTIONS} instructions a page.", "",
               "| run | all | decompressing | checking | copying | waiting |", "|---|---|---|---|---|---|", *rows, ""]
    targets.append(Target("instructions per image byte, LZO", max(values), 6, False))


def save_and_restore(setup: kjump.Setup, run: int, bytes_per_s: int) -> dict[str, float]:
    """A session saved and restored: MB/s of both, of a raw write and a raw read; share of RAM with data."""
    result_dir = RESULTS / f"jump{run}"
    numbers = {}
    with kjump.fresh(setup, result_dir, limit_s=900, **PC) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        on.machine.limit_disk(0, bytes_per_s)
        start = kjump.start_save(on, f"{kjump.save_command(target, setup)} --benchmark")
        reason = kjump.wait_saved(on.machine, start, 400)
        if reason == "session":
            raise Failure(f"the session went on: {kjump.saved_log(on.agent)[1]}")
        raw_bytes, raw_us = match(RAW_WRITE, on.machine)
        data_pages, ram_pages = match(SAVE_PAGES, on.machine)
        milliseconds, = match(SAVED, on.machine)
        numbers.update(raw_write=raw_bytes / raw_us, save=data_pages * PAGE / milliseconds / 1e3,
                       share=data_pages / ram_pages)
        image, disk = on.image, on.disk
    with kjump.power_on(setup, image, disk, kjump.thaw_boot(f"{target.words} thaw.benchmark"), result_dir / "raw",
                        limit_s=240, **PC) as on:
        on.machine.limit_disk(0, bytes_per_s)
        on.machine.wait_for("^thaw: boot: noresume", 120)
        raw_bytes, raw_us = match(RAW, on.machine)
        numbers["raw_read"] = raw_bytes / raw_us
    boot = kjump.thaw_boot(target.words)
    with kjump.power_on(setup, image, disk, boot, result_dir / "restore", limit_s=400, **PC) as on:
        on.machine.limit_disk(0, bytes_per_s)
        kjump.check_restored(on, record)
        numbers["restore"] = match(DECISION_JUMP, on.machine)[0] * PAGE / match(TIMES, on.machine)[0]
    return numbers


def measure_jump(report: list[str], targets: list[Target]) -> None:
    """kexec jump: a plain image saved and restored, against the driver's own sequential speed."""
    setup = kjump.Setup(memory_mib=1024, fill_mib=600, fill_kind="random")
    rows, saves, restores = [], [], []
    for run in range(RUNS):
        say(f"kexec jump, run {run + 1} of {RUNS}")
        numbers = save_and_restore(setup, run, JUMP_LIMIT)
        saves.append(numbers["save"] / numbers["raw_write"])
        restores.append(numbers["restore"] / numbers["raw_read"])
        rows.append(f"| {run + 1} | {numbers['raw_write']:.0f} | {numbers['save']:.0f} | {saves[-1]:.2f} | "
                    f"{numbers['raw_read']:.0f} | {numbers['restore']:.0f} | {restores[-1]:.2f} |")
    say("kexec jump, 2 GiB nearly full")
    full = save_and_restore(kjump.Setup(memory_mib=2048, fill_mib=1860, fill_kind="random"), RUNS, 0)
    report += [f"## Kexec jump: a plain image, 1 GiB of RAM, disk limited to {JUMP_LIMIT // 1_000_000} MB/s", "",
               "MB/s, everything included: the look at all of RAM, checksums, header, flushes.", "",
               "| run | raw write | save | share | raw read | restore | share |", "|---|---|---|---|---|---|---|", *rows, ""]
    targets.append(Target("kexec jump: save, share of the raw write", median(saves), 0.7, True))
    targets.append(Target("kexec jump: restore, share of the raw read", median(restores), 0.85, True))
    targets.append(Target("kexec jump: share of 2 GiB of RAM in an image that was restored", full["share"], 0.95, True))


def describe_machine() -> list[str]:
    """The machine that measured."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    qemu = subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=True)
    return ["# Benchmarks", "", "Made by `make bench`. Times are of an emulated PC (TCG, q35, 1 CPU, AHCI where nothing else is said, memory allocated "
            "beforehand): only "
            "their ratios mean something.", "",
            f"- host: {model[1] if model else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}",
            f"- emulator: {qemu.stdout.splitlines()[0]}", f"- guest: Debian 12, kernel {LZO.kernel}, unmodified", ""]


PARTS = {
    "resume": lambda *out: compare_resumes(LZO, (250, 350), 15, *out),
    "large": lambda *out: compare_resumes(LARGE, (700, 1000), 10, *out),
    "normal": compare_normal_boots,
    "plain": measure_plain,
    "instructions": count_instructions,
    "jump": measure_jump,
    "efi": lambda *out: importlib.import_module("bench_efi").measure(*out),
}


def main() -> int:
    loader, parts = Path(sys.argv[1]), sys.argv[2:] or list(PARTS)
    report, targets, broken = describe_machine(), [], False
    for part in parts:
        if part not in PARTS:
            print(f"bench: no such part: {part}; there are {', '.join(PARTS)}", file=sys.stderr)
            return 2
    for part in parts:
        try:
            PARTS[part](report, targets)
        except (HarnessError, Failure) as error:
            print(f"bench: {part} could not be measured: {error}", file=sys.stderr)
            report += [f"**{part}: could not be measured.**", ""]
            broken = True
    targets.append(Target("thaw.elf with both roles, KiB", loader.stat().st_size / 1024, 160, False))
    report += ["## Targets", "", "| what | measured | target | reached |", "|---|---|---|---|",
               *(target.row() for target in targets), ""]
    text = "\n".join(report)
    print(text)
    (TOP / "build" / "bench.md").write_text(text, encoding="utf-8")
    if broken:
        return 2
    return 0 if all(target.reached() for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
