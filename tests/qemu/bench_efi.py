# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the UEFI application: against Linux's own resume, against the firmware's own reading, and with no image.

`measure(report, targets)` is called by bench.py, whose tables and targets it continues.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import bench
import disk as disks
import efi_disk
import grub_run
import session
from bench import PC, RESULTS, RUNS, Target, copy_of_disk, match, median, say, seconds, spread
from errors import HarnessError
from session import Config

HERE = Path(__file__).resolve().parent
# As large as disks of PCs are: up to 128 GiB, EDK2 reads 128 KiB a command (28-bit addresses), and clears 1 MiB for each.
DISK_GIB = 256
LZO = Config(firmware="efi", memory_mib=1024, fill_mib=150, disk_gib=DISK_GIB)
PLAIN = Config(firmware="efi", memory_mib=2048, fill_mib=800, compression="plain", swap_mib=1536, disk_gib=DISK_GIB)
CONTROLLERS = {"": "AHCI", "nvme": "NVMe"}
DISKS = {("", 550_000_000): "AHCI, 550 MB/s", ("nvme", 2_000_000_000): "NVMe, 2000 MB/s",
         ("virtio", 2_000_000_000): "virtio, 2000 MB/s"}
TERMINALS = {"console": "", "serial": "serial --unit=0 --speed=115200\nterminal_output serial"}
GOES_ON = r"^grub: back"
ENTRY = r"^grub: entry"
BLOCK_IO = re.compile(r"block-io: (\d+) bytes by (\d+) MiB in (\d+) us: Success")
RAW_MIB = 768


def _resume(image: session.Hibernated, entry: str, run: int) -> tuple[float, float, float]:
    """Seconds from power-on to GRUB's hand-off, to "hibernation exit", to the session's answer."""
    name = f"efi-{entry}{run}"
    with (copy_of_disk(image, name) as path,
          session.resume(image, RESULTS / name, entry, path, limit_s=300, **PC) as on):
        on.machine.wait_for(session.EXIT_LINE, 240, unless="thaw-guest: ready")
        on.agent.wait_ready()
        return seconds(on.machine, bench.HANDOFF), seconds(on.machine, session.EXIT_LINE), on.machine.now()


def _compare_resumes(report: list[str], targets: list[Target], controller: str) -> None:
    image = session.hibernated(replace(LZO, controller=controller))
    name = CONTROLLERS[controller]
    linux, thaw = [], []
    for run in range(RUNS):
        say(f"UEFI, {name}, LZO image, run {run + 1} of {RUNS}: Linux, then Thaw")
        linux.append(_resume(image, "linux", run))
        thaw.append(_resume(image, "thaw", run))
    ratios = [(a[1] - a[0]) / (b[1] - b[0]) for a, b in zip(linux, thaw)]
    rows = (("power-on to GRUB's hand-off", lambda times: times[0]),
            ("**GRUB's hand-off to \"hibernation exit\"**", lambda times: times[1] - times[0]),
            ("power-on to the session's answer", lambda times: times[2]))
    report += [f"## UEFI: an LZO image, {name}", "",
               f"Seconds: median of {RUNS} runs (smallest-largest). OVMF.", "",
               "| phase | Linux | Thaw |", "|---|---|---|",
               *(f"| {row} | {spread([get(a) for a in linux])} | {spread([get(b) for b in thaw])} |" for row, get in rows), "",
               f"Ratio from GRUB's hand-off to \"hibernation exit\", run by run: {spread(ratios)}.", ""]
    targets.append(Target(f"UEFI: times faster than Linux from GRUB's hand-off, LZO image, {name}", median(ratios), 8, True))


def _run(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"{command[0]}: {run.stderr}")


def _grub_with_serial() -> bytes:
    """The disk's GRUB, with a terminal of its own."""
    path = RESULTS / "grubx64.efi"
    path.parent.mkdir(parents=True, exist_ok=True)
    _run(["grub-mkimage", "-O", "x86_64-efi", "-o", str(path), "-p", efi_disk.GRUB_DIRECTORY, *efi_disk.GRUB_CORE_MODULES,
          "serial", "terminal"])
    return path.read_bytes()


def _added_run(disk: efi_disk.EfiDisk, grub: bytes, name: str, extra: str) -> float:
    """Seconds from the menu entry's first command to the one behind `boot`."""
    result_dir = RESULTS / f"efi-none-{name}"
    result_dir.mkdir(parents=True, exist_ok=True)
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    efi_disk.write_file(image, disk, efi_disk.FIRST, grub)
    boot = grub_run.Boot(entry="thaw", thaw_args="quiet", extra=extra)
    with session.power_on(image, disk, boot, LZO.hardware(), result_dir, **PC) as on:
        on.machine.wait_for(GOES_ON, 60)
        added = seconds(on.machine, GOES_ON) - seconds(on.machine, ENTRY)
    image.unlink()
    return added


def _added_to_a_boot(report: list[str], targets: list[Target]) -> None:
    disk, grub, values = efi_disk.get(), _grub_with_serial(), {terminal: [] for terminal in TERMINALS}
    for run in range(RUNS):
        for terminal, extra in TERMINALS.items():
            say(f"UEFI, no image, GRUB's terminal {terminal}, run {run + 1} of {RUNS}")
            values[terminal].append(_added_run(disk, grub, f"{terminal}{run}", extra))
    report += ["## UEFI: no image", "",
               "Seconds from the menu entry's first command, `chainloader` included, to GRUB's next one behind `boot`, by where "
               "GRUB writes: `chainloader` prints the whole device path, and the firmware's console draws each character on an "
               "emulated display.", "", "| GRUB's terminal | seconds |", "|---|---|",
               *(f"| `{terminal}` | {spread(taken)} |" for terminal, taken in values.items()), ""]
    targets.append(Target("UEFI: seconds added to a boot without an image, GRUB on its own serial port",
                          median(values["serial"]), 0.15, False))


def _build_block_io() -> Path:
    """The program that measures the firmware alone."""
    out = RESULTS / "block_io_speed.efi"
    out.parent.mkdir(parents=True, exist_ok=True)
    shared = out.with_suffix(".so")
    compiled = out.with_suffix(".o")
    sections = [word for name in (".text", ".sdata", ".data", ".dynamic", ".dynsym", ".rel", ".rela", ".rel.*", ".rela.*",
                                  ".reloc") for word in ("-j", name)]
    for command in (
            ["gcc", "-O2", "-fpic", "-ffreestanding", "-fno-stack-protector", "-fshort-wchar", "-mno-red-zone",
             "-maccumulate-outgoing-args", "-DGNU_EFI_USE_MS_ABI", "-I/usr/include/efi", "-I/usr/include/efi/x86_64", "-c",
             "-o", str(compiled), str(HERE / "block_io_speed.c")],
            ["ld", "-shared", "-Bsymbolic", "-T", "/usr/lib/elf_x86_64_efi.lds", "/usr/lib/crt0-efi-x86_64.o", str(compiled),
             "-o", str(shared), "-L/usr/lib", "-lefi", "-lgnuefi"],
            ["objcopy", *sections, "--target", "efi-app-x86_64", "--subsystem=10", str(shared), str(out)]):
        _run(command)
    return out


def _plain_run(image: session.Hibernated, program: Path, name: str, bytes_per_s: int) -> tuple[float, float]:
    """MB/s of the restore, and of Block I/O's best request size, of a disk with this limit."""
    boot = grub_run.Boot(entry="thaw", thaw_args=f"{image.area().start >> 20} {RAW_MIB}")
    with (copy_of_disk(image, f"efi-raw{name}") as path,
          session.resume(image, RESULTS / f"efi-raw{name}", image=path, boot=boot, loader=program, **PC) as on):
        on.machine.wait_for(ENTRY, 60)
        on.machine.limit_disk(0, bytes_per_s)
        on.machine.wait_for("^block-io: done", 120, unless=GOES_ON)
        raw = max(int(m[1]) / int(m[3]) for m in BLOCK_IO.finditer(on.machine.text()))
    # To the serial port alone: what is drawn on the emulated display takes longer than the disk does.
    boot = session.default_boot(image, thaw_args=f"{image.resume_words()} console=ttyS0,115200")
    with (copy_of_disk(image, f"efi-plain{name}") as path,
          session.resume(image, RESULTS / f"efi-plain{name}", image=path, boot=boot, limit_s=240, **PC) as on):
        on.machine.wait_for(ENTRY, 60)
        on.machine.limit_disk(0, bytes_per_s)
        on.machine.wait_for(session.EXIT_LINE, 200, unless="thaw-guest: ready")
        return match(bench.DECISION, on.machine)[1] * bench.PAGE / match(bench.TIMES, on.machine)[0], raw


def _measure_plain(report: list[str], targets: list[Target]) -> None:
    program, rows = _build_block_io(), []
    for (controller, bytes_per_s), disk in DISKS.items():
        image = session.hibernated(replace(PLAIN, controller=controller))
        shares = []
        for run in range(RUNS):
            say(f"UEFI, plain image, {disk}, run {run + 1} of {RUNS}")
            restored, raw = _plain_run(image, program, f"{controller}{bytes_per_s}-{run}", bytes_per_s)
            shares.append(restored / raw)
            rows.append(f"| {disk} | {run + 1} | {restored:.0f} | {raw:.0f} | {shares[-1]:.2f} |")
        targets.append(Target(f"UEFI: plain image, {disk}: share of Block I/O's best sequential read", median(shares), 0.85,
                              True))
    report += ["## UEFI: a plain image", "",
               f"MB/s, everything included in \"restored\". Block I/O: {RAW_MIB} MiB of the same disk by a program that does "
               "nothing else, in a power-on of its own; the best of requests of 1, 4 and 16 MiB.", "",
               "| disk | run | restored | Block I/O | share |", "|---|---|---|---|---|", *rows, ""]


def measure(report: list[str], targets: list[Target]) -> None:
    """All of it; report and targets as in bench.main()."""
    for controller in CONTROLLERS:
        _compare_resumes(report, targets, controller)
    _added_to_a_boot(report, targets)
    _measure_plain(report, targets)
