# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's machine protocol over a unix socket: commands with an answer, and the event that says how the guest ended."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable

from errors import HarnessError


class Qmp:
    """A connection; its own thread reads, so events are never lost.  OSError when QEMU is not there in 15 s."""

    def __init__(self, path: str, alive: Callable[[], bool]):
        self._socket = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 15
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError:
                if not alive() or time.monotonic() > end:
                    self._socket.close()
                    raise
                time.sleep(0.02)
        self._changed = threading.Condition()
        self._answers: dict[int, dict] = {}
        self._next = 0
        self._closed = False
        self._reason: str | None = None
        self.events: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.command("qmp_capabilities")

    def _read(self) -> None:
        pending = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                data = b""
            with self._changed:
                if not data:
                    self._closed = True
                    self._changed.notify_all()
                    return
                pending += data
                while b"\n" in pending:
                    line, pending = pending.split(b"\n", 1)
                    self._take(json.loads(line))
                self._changed.notify_all()

    def _take(self, message: dict) -> None:
        if "event" in message:
            self.events.append(message)
            if message["event"] == "SHUTDOWN" and self._reason is None:
                self._reason = message["data"]["reason"]
        elif "id" in message:
            self._answers[message["id"]] = message

    def send(self, name: str, **arguments: object) -> int:
        """Send a command without waiting; returns its number.  A lost connection is not an error here."""
        with self._changed:
            self._next += 1
            number = self._next
        message = {"execute": name, "id": number}
        if arguments:
            message["arguments"] = arguments
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass
        return number

    def command(self, name: str, timeout_s: float = 30, **arguments: object) -> object:
        """Send a command and return its answer; HarnessError when QEMU refuses, is gone or does not answer."""
        number = self.send(name, **arguments)
        end = time.monotonic() + timeout_s
        with self._changed:
            while number not in self._answers:
                if self._closed:
                    raise HarnessError(f"QEMU went away at {name}")
                if not self._changed.wait(max(0, end - time.monotonic())):
                    raise HarnessError(f"QEMU did not answer {name} within {timeout_s} s")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise HarnessError(f"QEMU refused {name}: {answer['error']['desc']}")
        return answer["return"]

    def end_reason(self) -> str | None:
        """How the guest ended, as far as it did; "killed" when QEMU is gone without saying."""
        with self._changed:
            return self._reason or ("killed" if self._closed else None)

    def wait_end(self, timeout_s: float) -> str | None:
        """Wait for the guest's end; None when it goes on."""
        end = time.monotonic() + timeout_s
        with self._changed:
            while self._reason is None and not self._closed:
                if not self._changed.wait(max(0, end - time.monotonic())) and time.monotonic() >= end:
                    return None
            return self._reason or "killed"

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
