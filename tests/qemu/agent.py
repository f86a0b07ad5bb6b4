# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness's side of the guest's agent (guest/thaw-agent): run a shell command in the guest over serial port 1."""

from __future__ import annotations

import os
import re
import shlex
import socket
import time

from errors import Failure
from machine import Machine, patience


class Agent:
    """A connection to the agent of a running machine.  Survives hibernation: the agent resumes where it read."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(machine.socket_path("agent"))
        self._socket.settimeout(0.2)
        self._pending = b""

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _line(self, pattern: str, end: float) -> re.Match | None:
        """The next line that matches, or None at time `end` (monotonic); other lines are dropped."""
        while True:
            while b"\n" in self._pending:
                line, self._pending = self._pending.split(b"\n", 1)
                match = re.fullmatch(pattern, line.decode("ascii", "replace").strip())
                if match:
                    return match
            if time.monotonic() > end:
                return None
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                continue
            except OSError as error:
                raise self._machine.error(f"the agent's channel broke: {error}") from error
            if not data:
                raise self._machine.error("QEMU closed the agent's channel")
            self._pending += data

    def _offer(self, line: str, timeout_s: float = 1) -> bool:
        """Send a line; False when the channel takes it not, or only a part of it (the next line ends that part)."""
        try:
            self._socket.settimeout(timeout_s)
            self._socket.sendall(b"\n" + line.encode() + b"\n")
        except TimeoutError:
            return False
        except OSError as error:
            raise self._machine.error(f"the agent's channel broke: {error}") from error
        finally:
            self._socket.settimeout(0.2)
        return True

    def _send(self, line: str) -> None:
        if not self._offer(line, 30):
            raise self._machine.error("the guest's agent does not read its channel")

    def wait_ready(self, timeout_s: float = 60) -> float:
        """Wait until the agent answers; returns the seconds since power-on.  HarnessError when it never does."""
        timeout_s = patience(timeout_s)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self._machine.qmp.end_reason():
                reason = self._machine.qmp.end_reason()
                raise self._machine.error(f"the machine stopped ({reason}) before its agent answered")
            word = os.urandom(6).hex()
            # Nobody reads the port while the guest starts: its buffers may be full of earlier PINGs.
            if not self._offer(f"PING {word}"):
                continue
            if self._line(f"PONG {word}", min(end, time.monotonic() + 0.5)):
                return time.monotonic() - self._machine.started
        raise self._machine.error(f"the guest's agent did not answer within {timeout_s:.0f} s")

    def run(self, command: str, timeout_s: float = 60, check: bool = True) -> str:
        """Run a shell command; returns its output and errors together.

        Failure when it exits with another status than 0 (unless check is False); errors.HarnessError without an answer.
        """
        return self.call(command, timeout_s, check)[1]

    def call(self, command: str, timeout_s: float = 60, check: bool = False) -> tuple[int, str]:
        """As run(), but returns (exit status, output); 128 + N for signal N."""
        timeout_s = patience(timeout_s)
        word = os.urandom(6).hex()
        self._send(f"RUN {word} {command.encode().hex()}")
        match = self._line(rf"END {word} (\d+) ?([0-9a-f]*)", time.monotonic() + timeout_s)
        if match is None:
            raise self._machine.error(f"no answer to {command!r} within {timeout_s:.0f} s")
        waited = int(match[1])
        status = waited >> 8 if waited & 0x7F == 0 else 128 + (waited & 0x7F)
        output = bytes.fromhex(match[2]).decode("utf-8", "replace")
        if check and status != 0:
            raise Failure(f"{command!r} in the guest: status {status}\n{output}")
        return status, output

    def write_file(self, path: str, text: str) -> None:
        """Write a small text file in the guest."""
        self.run(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}")
