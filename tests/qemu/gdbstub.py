# SPDX-License-Identifier: GPL-2.0-or-later
"""A small client of QEMU's GDB stub: breakpoints, run, stop, registers and memory (GDB remote serial protocol)."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from errors import Failure, HarnessError
from machine import Machine, patience

REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip")


def symbols(elf: Path) -> dict[str, int]:
    """Name -> address of the symbols of an ELF file, by nm."""
    run = subprocess.run(["nm", str(elf)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"nm {elf}: {run.stderr}")
    return {name: int(address, 16) for address, name in re.findall(r"^([0-9a-f]+) \w (\S+)$", run.stdout, re.M)}


def symbol_address(elf: Path, name: str) -> int:
    """The address of one symbol; HarnessError when the file has no such."""
    table = symbols(elf)
    if name not in table:
        raise HarnessError(f"{elf} has no symbol {name}")
    return table[name]


class GdbStub:
    """A connection to the stub of a machine; connecting stops its CPUs.  HarnessError on every surprise."""

    def __init__(self, path: str, timeout_s: float = 10):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        self._pending = b""
        try:
            self._socket.connect(path)
        except OSError as error:
            raise HarnessError(f"no GDB stub at {path}: {error}") from error
        self._running = False
        self._ask("qSupported:xmlRegisters=i386")
        self._stop_reply = self._ask("?")

    def close(self) -> None:
        """Close the connection; the CPUs go on."""
        if not self._running:
            try:
                self._send("D")
            except OSError:
                pass
        self._socket.close()

    def _send(self, text: str) -> None:
        body = text.encode("latin-1")
        self._socket.sendall(b"$" + body + b"#%02x" % (sum(body) & 0xFF))

    def _receive(self, end: float) -> str | None:
        """The next packet, acknowledged; None at time `end` (monotonic)."""
        while True:
            match = re.search(rb"\$([^#]*)#[0-9a-fA-F]{2}", self._pending)
            if match:
                self._pending = self._pending[match.end():]
                self._socket.sendall(b"+")
                return match[1].decode("latin-1")
            left = end - time.monotonic()
            if left <= 0:
                return None
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise HarnessError(f"the GDB stub broke: {error}") from error
            if not data:
                raise HarnessError("QEMU closed the GDB stub")
            self._pending += data

    def _ask(self, text: str, timeout_s: float = 20) -> str:
        if self._running:
            raise HarnessError(f"{text!r} while the CPUs run")
        self._send(text)
        answer = self._receive(time.monotonic() + timeout_s)
        if answer is None:
            raise HarnessError(f"the GDB stub did not answer {text[:40]!r}")
        if re.fullmatch(r"E[0-9a-f]{2}", answer):
            raise HarnessError(f"the GDB stub refused {text[:40]!r}: {answer}")
        return answer

    def close_without_going_on(self, machine: Machine) -> None:
        """Cut the power of the stopped machine and close the connection."""
        machine.kill()
        self._socket.close()

    def break_at(self, address: int, hardware: bool = True) -> None:
        """Set a breakpoint; a hardware one needs no byte of memory, so loading over it does no harm."""
        if self._ask(f"Z{1 if hardware else 0},{address:x},1") != "OK":
            raise HarnessError(f"no breakpoint at {address:#x}")

    def clear(self, address: int, hardware: bool = True) -> None:
        """Remove a breakpoint."""
        self._ask(f"z{1 if hardware else 0},{address:x},1")

    def watch_writes(self, address: int, length: int, on: bool = True) -> None:
        """Stop behind each instruction that writes there (a virtual address; registers of devices, too), or no more."""
        if self._ask(f"{'Z' if on else 'z'}2,{address:x},{length:x}") != "OK":
            raise HarnessError(f"writes to {address:#x} can't be watched")

    def go(self) -> None:
        """Let the CPUs run."""
        self._send("c")
        self._running = True

    def wait_stop(self, timeout_s: float) -> bool:
        """Wait until a breakpoint stops the CPUs; False when none did in time."""
        answer = self._receive(time.monotonic() + timeout_s)
        if answer is None:
            return False
        if answer[:1] not in ("T", "S"):
            raise HarnessError(f"the CPUs did not stop at a breakpoint: {answer!r}")
        self._running = False
        return True

    def interrupt(self) -> None:
        """Stop the CPUs wherever they are."""
        self._socket.sendall(b"\x03")
        if not self.wait_stop(patience(10)):
            raise HarnessError("the CPUs do not stop")

    def step(self) -> None:
        """Execute one instruction."""
        self._send("s")
        self._running = True
        if not self.wait_stop(patience(10)):
            raise HarnessError("a single step did not end")

    def registers(self) -> dict[str, int]:
        """The general registers and rip; in 32-bit modes, too, as 64-bit values."""
        data = bytes.fromhex(self._ask("g").replace("x", "0"))
        if len(data) < 17 * 8:
            raise HarnessError(f"{len(data)} bytes of registers: not an x86-64 CPU")
        return {name: int.from_bytes(data[i * 8:i * 8 + 8], "little") for i, name in enumerate(REGISTERS)}

    def memory(self, address: int, length: int) -> bytes:
        """Bytes at a virtual address of the stopped CPU."""
        result = b""
        while len(result) < length:
            part = min(2048, length - len(result))
            result += bytes.fromhex(self._ask(f"m{address + len(result):x},{part:x}"))
        return result

    def read_physical(self, address: int, length: int) -> int:
        """A little-endian number at a physical address, device registers included."""
        return self.change_physical(address, length, None)

    def change_physical(self, address: int, length: int, change: Callable[[int], int] | None) -> int:
        """Read, change (unless that is None) and write a little-endian number at a physical address, device registers
        included; returns what it was."""
        if self._ask("Qqemu.PhyMemMode:1") != "OK":
            raise HarnessError("this QEMU's GDB stub does not reach physical memory")
        value = int.from_bytes(self.memory(address, length), "little")
        if change:
            changed = change(value).to_bytes(length, "little").hex()
            if self._ask(f"M{address:x},{length:x}:{changed}") != "OK":
                raise HarnessError(f"physical address {address:#x} can't be written")
        self._ask("Qqemu.PhyMemMode:0")
        return value

    def set_register(self, name: str, value: int) -> None:
        """Change a general register or rip of the stopped CPU."""
        all_registers = self._ask("g")
        at = REGISTERS.index(name) * 16
        changed = all_registers[:at] + value.to_bytes(8, "little").hex() + all_registers[at + 16:]
        if self._ask(f"G{changed}") != "OK":
            raise HarnessError(f"the stub does not set {name}")


def run_to(machine: Machine, gdb: GdbStub, address: int, timeout_s: float = 90, unless: str | None = None) -> None:
    """Let a stopped machine run until it is about to execute the instruction at `address`.

    HarnessError, with the console, when it does not get there in time; Failure when a console line with `unless`
    (a regular expression) comes first.
    """
    gdb.break_at(address)
    gdb.go()
    end = time.monotonic() + patience(timeout_s)
    while not gdb.wait_stop(1):
        line = machine.find(unless) if unless else None
        if line is not None:
            raise Failure(f"console line {line.text!r} instead of a stop at {address:#x}")
        if time.monotonic() > end:
            raise machine.error(f"address {address:#x} was not reached within {timeout_s:.0f} s")
    if gdb.registers()["rip"] != address:
        raise machine.error(f"stopped at {gdb.registers()['rip']:#x} instead of {address:#x}")
    gdb.clear(address)


def at_address(machine: Machine, address: int, timeout_s: float = 90, unless: str | None = None) -> GdbStub:
    """Power on a machine made with gdb=True, paused=True and run_to() `address`; returns the stub, stopped there."""
    gdb = GdbStub(machine.socket_path("gdb"))
    machine.started = time.monotonic()
    run_to(machine, gdb, address, timeout_s, unless)
    return gdb


def at_symbol(machine: Machine, elf: Path, symbol: str, timeout_s: float = 90, unless: str | None = None) -> GdbStub:
    """at_address() for a symbol of an ELF file."""
    return at_address(machine, symbol_address(elf, symbol), timeout_s, unless)
