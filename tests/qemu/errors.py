# SPDX-License-Identifier: GPL-2.0-or-later
"""The two ways a scenario can go wrong, kept apart.

A `Failure` says something about the subject: the guest or the loader did what it must not do.  A `HarnessError` says
that the test could not tell: QEMU died, a line never came, a tool is missing.  Neither is ever a pass.
"""

from __future__ import annotations

from pathlib import Path


class HarnessError(Exception):
    """The test itself could not be carried out (ERROR, not FAIL)."""

    def __init__(self, message: str, log: Path | None = None, tail_lines: int = 30):
        self.log = log
        if log is not None:
            message = f"{message}\n--- end of {log}\n{read_tail(log, tail_lines)}"
        super().__init__(message)


class Failure(AssertionError):
    """The subject misbehaved (FAIL)."""


def read_tail(path: Path, lines: int) -> str:
    """The last `lines` lines of a text file; an empty string when there is no such file."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
