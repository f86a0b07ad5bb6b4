# SPDX-License-Identifier: GPL-2.0-or-later
"""One emulated PC: qemu-system-x86_64 with TCG, always with a bounded time.

Serial port 0 is the console log (a file with the host's time on every line), serial port 1 the agent's channel.  The
process belongs to this object alone and is ended by it, by its process group.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from errors import Failure, HarnessError, read_tail
from qmp import Qmp

GIB = 1 << 30
MIB = 1 << 20
DUMP_PIECE = 256 * MIB
# Firmware: the program, the variables a new machine starts with, and what else QEMU must be told.
OVMF = Path("/usr/share/OVMF")
FIRMWARE = {
    "efi": (OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd", ()),
    "efi-secure": (OVMF / "OVMF_CODE_4M.ms.fd", OVMF / "OVMF_VARS_4M.ms.fd",
                   ("-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on")),
}
# What a UEFI firmware's terminal adds to text: colours and cursor movements.
ESCAPES = re.compile(r"\x1b(\[[0-9;=?]*[A-Za-z]|[()][A-Z0-9])")


def patience(seconds: float) -> float:
    """A time limit stretched (up to eight times) by how much more than its CPUs can do this machine has to do now."""
    return seconds * min(8.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))


@dataclass(frozen=True)
class Hardware:
    """The PC itself; the same values give the same firmware memory map.

    machine: "pc" (PIIX, IDE) or "q35" (AHCI); cpu: QEMU's CPU model; memory_mib: RAM; controller: of every disk that
    names none itself, a key of CONTROLLERS, or "" for the machine's own (AHCI or IDE); firmware: "bios" or a key of
    FIRMWARE.
    """

    machine: str = "q35"
    cpus: int = 1
    memory_mib: int = 512
    cpu: str = "qemu64"
    controller: str = ""
    firmware: str = "bios"

    def arguments(self) -> list[str]:
        """QEMU's arguments for this PC."""
        return ["-nodefaults", "-no-user-config", "-display", "none", "-machine", self.machine, "-cpu", self.cpu,
                "-smp", str(self.cpus), "-m", f"{self.memory_mib}M", "-device", "VGA", "-boot", "menu=off,strict=on"]

    def is_efi(self) -> bool:
        """A UEFI firmware?"""
        return self.firmware != "bios"

    def firmware_arguments(self, variables: Path | None) -> list[str]:
        """QEMU's arguments for a UEFI firmware and its variables."""
        if not self.is_efi():
            return []
        code, _, more = FIRMWARE[self.firmware]
        return [*more, "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
                "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]

    def ram_ranges(self) -> list[tuple[int, int]]:
        """Physical address ranges (start, length in bytes) that QEMU backs with RAM, ascending."""
        total = self.memory_mib * MIB
        limit, low = (0xB0000000, 0x80000000) if self.machine == "q35" else (0xE0000000, 0xC0000000)
        if total < limit:
            return [(0, total)]
        return [(0, low), (4 * GIB, total - low)]


# Disks that bring their own controller: QEMU's device and its options.
CONTROLLERS = {
    "nvme": "nvme",
    "virtio": "virtio-blk-pci,disable-legacy=on,disable-modern=off",
    "virtio-legacy": "virtio-blk-pci,disable-legacy=off,disable-modern=on",
    "virtio-transitional": "virtio-blk-pci,disable-legacy=off,disable-modern=off",
}


@dataclass(frozen=True)
class Drive:
    """A disk.

    path: qcow2 or raw file; flushes: False ignores the guest's flushes (quicker; for preparation only); ssd: say that
    it does not rotate (Linux then allocates swap differently; an NVMe disk never does); bad_sectors: LBAs of 512 bytes
    that can't be read; bad_writes: that can't be written; controller: see Hardware, "" is the hardware's; "native" the
    machine's own in any case; sector_bytes: 512, or 4096 behind a controller of its own (the BIOS can't boot from
    those); asleep: a firmware that is UEFI does not bring it up by itself.
    """

    path: Path
    flushes: bool = True
    ssd: bool = False
    bad_sectors: tuple[int, ...] = ()
    bad_writes: tuple[int, ...] = ()
    controller: str = ""
    sector_bytes: int = 512
    asleep: bool = False

    def device(self, hardware: Hardware, number: int, native: int) -> str:
        """QEMU's -device value; number: of all drives, native: of those at the machine's own controller."""
        controller = self.controller or hardware.controller
        common = f"id=drive{number},drive=disk{number},serial=THAW{number}"
        if number == 0 or hardware.is_efi() and not self.asleep:
            common += f",bootindex={number}"  # OVMF brings up those disks only that it may boot from
        if controller in ("", "native"):
            if self.sector_bytes != 512:
                raise HarnessError("QEMU's ATA disks have sectors of 512 bytes only")
            bus = f"ide.{native}" if hardware.machine == "q35" else f"ide.{native // 2},unit={native % 2}"
            return f"ide-hd,{common},bus={bus}" + (",rotation_rate=1" if self.ssd else "")
        if self.ssd and controller != "nvme":
            raise HarnessError("QEMU's virtio disks don't say whether they rotate")
        sizes = f"logical_block_size={self.sector_bytes},physical_block_size={self.sector_bytes}"
        return f"{CONTROLLERS[controller]},{common},{sizes}"

    def is_native(self, hardware: Hardware) -> bool:
        """At the machine's own controller?"""
        return (self.controller or hardware.controller) in ("", "native")

    def blockdev(self, name: str) -> str:
        """QEMU's -blockdev value for a node of this name."""
        kind = "qcow2" if self.path.suffix == ".qcow2" else "raw"
        cache = {"no-flush": not self.flushes}
        node: dict = {"driver": kind, "file": {"driver": "file", "filename": str(self.path), "cache": cache},
                      "cache": cache}
        if self.bad_sectors or self.bad_writes:
            rules = [{"event": "none", "iotype": kind, "errno": 5, "sector": sector}
                     for kind, sectors in (("read", self.bad_sectors), ("write", self.bad_writes)) for sector in sectors]
            node = {"driver": "blkdebug", "image": node, "inject-error": rules}
        return json.dumps({**node, "node-name": name})


@dataclass
class Line:
    """A line of the console: seconds since power-on (host's clock) and its text."""

    seconds: float
    text: str


@dataclass
class Machine:
    """A running PC; use as a context manager.

    drives: in the order of their ports; result_dir: where console.log, qemu.log and dumps go; limit_s: after so many
    seconds (see patience()) the machine is killed and every wait raises HarnessError; gdb: open a gdb stub; paused: do
    not start the CPUs until `resume()`; extra: more QEMU arguments; icount: value of -icount or None; single_thread:
    run all CPUs in one host thread (Linux's threaded compression crawls otherwise); variables: the UEFI variables to
    start with, None for those of a new machine; this machine's own are in the result directory (`variables_path`); raw: all
    that the console received.
    """

    hardware: Hardware
    drives: list[Drive]
    result_dir: Path
    limit_s: float = 240
    gdb: bool = False
    paused: bool = False
    icount: str | None = None
    single_thread: bool = False
    extra: tuple[str, ...] = ()
    variables: Path | None = None
    lines: list[Line] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.result_dir = Path(self.result_dir)
        self.result_dir.mkdir(parents=True, exist_ok=True)
        self.console_path = self.result_dir / "console.log"
        self.qemu_path = self.result_dir / "qemu.log"
        self.variables_path = self.result_dir / "variables.fd"
        self._sockets: str | None = None
        self._process: subprocess.Popen | None = None
        self._changed = threading.Condition()
        self._console_done = False
        self._timed_out = False
        self.qmp: Qmp | None = None
        self.started = 0.0
        self.limit_s = patience(self.limit_s)

    # Starting and ending

    def __enter__(self) -> "Machine":
        self._sockets = tempfile.mkdtemp(prefix="thaw-")
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def socket_path(self, name: str) -> str:
        """Path of this machine's unix socket: "qmp", "agent" or "gdb"."""
        return os.path.join(self._sockets, name)

    def _command(self) -> list[str]:
        hw = self.hardware
        accel = "tcg,thread=single" if self.single_thread else "tcg"
        command = ["qemu-system-x86_64", "-accel", accel, *hw.arguments(),
                   *hw.firmware_arguments(self.variables_path), "-S",
                   "-action", "reboot=shutdown,shutdown=pause",
                   "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
                   "-chardev", f"socket,id=agent,path={self.socket_path('agent')},server=on,wait=off",
                   "-serial", "chardev:agent",
                   "-chardev", f"socket,id=qmp,path={self.socket_path('qmp')},server=on,wait=off",
                   "-mon", "chardev=qmp,mode=control"]
        if self.gdb:
            command += ["-chardev", f"socket,id=gdb,path={self.socket_path('gdb')},server=on,wait=off",
                        "-gdb", "chardev:gdb"]
        if self.icount:
            command += ["-icount", self.icount]
        for index, drive in enumerate(self.drives):
            native = sum(other.is_native(hw) for other in self.drives[:index])
            command += ["-blockdev", drive.blockdev(f"disk{index}"), "-device", drive.device(hw, index, native)]
        return command + list(self.extra)

    def _start(self) -> None:
        if self.hardware.is_efi():
            start = self.variables or FIRMWARE[self.hardware.firmware][1]
            if not start.exists():
                raise HarnessError(f"{start} is not there: is the package ovmf installed?")
            shutil.copyfile(start, self.variables_path)
        # Should the harness itself die, QEMU does, too.
        command = ["setpriv", "--pdeathsig", "KILL", *self._command()]
        (self.result_dir / "command.txt").write_text(" ".join(command) + "\n", encoding="utf-8")
        with open(self.qemu_path, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             start_new_session=True)
        try:
            self.qmp = Qmp(self.socket_path("qmp"), alive=lambda: self._process.poll() is None)
        except OSError as error:
            raise HarnessError(f"QEMU did not start: {error}", self.qemu_path) from error
        self.started = time.monotonic()
        threading.Thread(target=self._read_console, daemon=True).start()
        self._watchdog = threading.Timer(self.limit_s, self._expire)
        self._watchdog.daemon = True
        self._watchdog.start()
        if not self.paused:
            self.resume()

    def resume(self) -> None:
        """Let the CPUs run (power-on, when the machine was made with paused=True)."""
        self.started = time.monotonic()
        self.qmp.command("cont")

    def _expire(self) -> None:
        self._timed_out = True
        self.kill()

    def kill(self) -> None:
        """Cut the power: QEMU is killed at once, nothing is flushed."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """End the machine and forget its sockets; safe to call twice."""
        if self._process is not None:
            self._watchdog.cancel() if hasattr(self, "_watchdog") else None
            if self._process.poll() is None and self.qmp is not None:
                self.qmp.send("quit")
                try:
                    self._process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    pass
            self.kill()
            self._process.stdin.close()
        if self.qmp is not None:
            self.qmp.close()
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    # The console

    def _read_console(self) -> None:
        stream = self._process.stdout
        pending = b""
        with open(self.console_path, "w", encoding="utf-8") as log:
            while True:
                data = os.read(stream.fileno(), 65536)
                now = time.monotonic() - self.started
                parts = (pending + data).split(b"\n")
                pending = parts.pop()
                with self._changed:
                    self.raw += data
                    for part in parts if data else [*parts, pending]:
                        text = part.decode("utf-8", "replace").replace("\r", "")
                        if self.hardware.is_efi():
                            text = ESCAPES.sub("", text)
                        self.lines.append(Line(now, text))
                        log.write(f"{now:9.3f} {text}\n")
                    log.flush()
                    if not data:
                        self._console_done = True
                    self._changed.notify_all()
                if not data:
                    return

    def text(self) -> str:
        """The whole console so far, without times."""
        with self._changed:
            return "\n".join(line.text for line in self.lines)

    def find(self, pattern: str, start: int = 0) -> Line | None:
        """The first console line from index `start` that `pattern` (a regular expression) is found in."""
        with self._changed:
            return next((line for line in self.lines[start:] if re.search(pattern, line.text)), None)

    def wait_for(self, pattern: str, timeout_s: float = 60, start: int = 0, unless: str | None = None) -> Line:
        """Wait for a whole console line with `pattern` in it, from line index `start` on.

        HarnessError when the time is over or QEMU ended first; Failure at once when a line with `unless` comes first.
        """
        timeout_s = patience(timeout_s)
        end = time.monotonic() + timeout_s
        with self._changed:
            while True:
                while start < len(self.lines):
                    line = self.lines[start]
                    if re.search(pattern, line.text):
                        return line
                    if unless and re.search(unless, line.text):
                        raise Failure(f"console line {line.text!r} instead of {pattern!r}\n"
                                      f"{read_tail(self.console_path, 25)}")
                    start += 1
                if self._console_done:
                    raise self.error(f"QEMU ended before a line with {pattern!r}")
                left = end - time.monotonic()
                if left <= 0:
                    raise self.error(f"no line with {pattern!r} within {timeout_s:.0f} s")
                if self.qmp.end_reason():
                    left = min(left, 0.3)
                    if not self._changed.wait(left):
                        raise self.error(f"the machine stopped ({self.qmp.end_reason()}) before {pattern!r}")
                else:
                    self._changed.wait(min(left, 1.0))

    def error(self, message: str) -> HarnessError:
        """A HarnessError with the console's end; says so when the machine's own time limit was the cause."""
        if self._timed_out:
            message += f" (the machine's limit of {self.limit_s:.0f} s was reached)"
        errors = read_tail(self.qemu_path, 5)
        return HarnessError(message + (f"\nqemu: {errors}" if errors else ""), self.console_path)

    def now(self) -> float:
        """Seconds since power-on."""
        return time.monotonic() - self.started

    def wait_raw(self, pattern: bytes, timeout_s: float = 60, start: int = 0) -> re.Match:
        """Wait for `pattern` in what was received, from byte `start` on, whether its line is complete or not."""
        end = time.monotonic() + patience(timeout_s)
        with self._changed:
            while not (match := re.compile(pattern).search(bytes(self.raw), start)):
                left = end - time.monotonic()
                if left <= 0 or self._console_done:
                    raise self.error(f"nothing like {pattern!r} within {patience(timeout_s):.0f} s")
                self._changed.wait(min(left, 1.0))
            return match

    def press(self, *keys: str) -> None:
        """Press keys of the PC's keyboard, one after the other (QEMU's names: "esc", "1", "ret")."""
        for key in keys:
            self.qmp.command("send-key", keys=[{"type": "qcode", "data": key}])
            time.sleep(0.3)

    def type(self, text: str) -> None:
        """Send characters to the guest's first serial port."""
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    # How it ended, and looking inside

    def wait_end(self, timeout_s: float = 60) -> str:
        """Wait until the guest stops: "guest-shutdown", "guest-reset", "guest-panic" or "killed"."""
        timeout_s = patience(timeout_s)
        reason = self.qmp.wait_end(timeout_s)
        if reason is None:
            raise self.error(f"the machine did not stop within {timeout_s:.0f} s")
        if self._timed_out:
            raise self.error("the machine was still running")
        return reason

    def dump_memory(self, name: str, ranges: list[tuple[int, int]] | None = None) -> list[tuple[int, int, Path]]:
        """Write physical memory to files in the result directory: (start, length, file) for each piece of RAM.

        QEMU writes zeroes, too; they are taken out of each piece before the next one, so that a disk need not hold them.
        """
        result = []
        for first, total in ranges or self.hardware.ram_ranges():
            for start in range(first, first + total, DUMP_PIECE):
                length = min(DUMP_PIECE, first + total - start)
                path = self.result_dir / f"{name}-{start:x}.bin"
                self.qmp.command("pmemsave", timeout_s=patience(60), val=start, size=length, filename=str(path.resolve()))
                subprocess.run(["fallocate", "--dig-holes", str(path)], check=True)
                result.append((start, length, path))
        return result

    def screenshot(self, name: str) -> Path:
        """Write the screen as a PPM file; returns its path."""
        path = self.result_dir / f"{name}.ppm"
        self.qmp.command("screendump", filename=str(path.resolve()))
        return path

    def limit_disk(self, index: int, bytes_per_s: int) -> None:
        """Slow a disk down; 0 lifts the limit, 1 makes it silent for hours (its requests stay pending)."""
        name = f"drive{index}"
        if (self.drives[index].controller or self.hardware.controller).startswith("virtio"):
            name = f"/machine/peripheral/{name}/virtio-backend"  # the PCI device itself holds no disk
        self.qmp.command("block_set_io_throttle", id=name, bps=bytes_per_s, bps_rd=0, bps_wr=0, iops=0, iops_rd=0,
                         iops_wr=0)

    def press_power_button(self) -> None:
        """The ACPI power button."""
        self.qmp.command("system_powerdown")
