# SPDX-License-Identifier: GPL-2.0-or-later
"""What the loader's console says (design.md, "Contract"), and the steps that its scenarios share."""

from __future__ import annotations

import re
from dataclasses import dataclass

import efi_guest
import gdbstub
import grub_run
import proof
import session
from errors import Failure
from machine import Line, Machine, patience

DECISION = re.compile(r"thaw: (?:resume: (?P<kind>\S+) on (?P<device>.+), (?P<pages>\d+) pages, (?P<mib>\d+) MiB"
                      r"|boot: (?P<reason>\S+))")
JUMP = r"thaw: jump\b"
LINUX = r"Linux version "
STOPPED = r"normal kernel can't be started"
REFUSED = rf"grub: loader refused|{STOPPED}"
NO_PATH = r"thaw: no kernel from disk: "
NO_RESUME = rf"thaw: boot:|{LINUX}|{REFUSED}"
COMMAND_LINE = r"Command line: "
# GRUB goes on with the menu entry, and does not wait for anybody.
GRUB_GOES_ON = r"^grub: back"
GRUB_WAITS = r"[Pp]ress any key"
RESUMED = "resumed"
REASONS = {"no-image", "noresume", "user", "ambiguous", "unsupported", "mismatch", "corrupt", "stale", "io-error",
           "no-memory", "fault", "fresh", "skipped"}


@dataclass(frozen=True)
class Decision:
    """The loader's one line: kind, device, pages and MiB of an image, or the reason of a normal boot."""

    line: Line
    kind: str | None
    device: str | None
    pages: int
    mib: int
    reason: str | None


def quick_boot(image: session.Hibernated, **changes) -> grub_run.Boot:
    """A Boot whose normal kernel only has to start: one that unpacks quickly, tells its command line at once and has
    no initrd; nobody resumes the image but the loader."""
    values = {"kernel": "6.12", "fallback": "kernel", "cmdline": "earlyprintk=serial,ttyS0,115200", **changes}
    return session.default_boot(image, **values)


def wait_decision(machine: Machine, timeout_s: float = 60) -> Decision:
    """Wait for the loader's decision; Failure when Linux starts without one or the reason is not in the contract."""
    line = machine.wait_for(DECISION.pattern, timeout_s, unless=rf"{LINUX}|{REFUSED}")
    match = DECISION.search(line.text)
    reason = match["reason"]
    if reason is not None and reason not in REASONS:
        raise Failure(f"{reason!r} is no reason of the contract")
    return Decision(line, match["kind"], match["device"], int(match["pages"] or 0), int(match["mib"] or 0), reason)


def expect_resume(on: session.Powered, timeout_s: float = 120) -> Decision:
    """The loader resumes: decision, jump, the image kernel's own end of hibernation, and Linux never starts."""
    machine = on.machine
    decision = wait_decision(machine, timeout_s)
    if decision.kind != "swsusp":
        raise Failure(f"the loader decided {decision.line.text!r} instead of a resume")
    machine.wait_for(JUMP, timeout_s, unless=NO_RESUME)
    machine.wait_for(session.EXIT_LINE, timeout_s, unless=NO_RESUME)
    on.agent.wait_ready(timeout_s)
    if machine.find(LINUX):
        raise Failure("Linux was booted")
    return decision


def check_efi_resumed(on: session.Powered, record: proof.Proof, timeout_s: float = 120) -> Decision:
    """check_resumed(); what the loader told Linux fits, and UEFI variables can be read and written."""
    decision = check_resumed(on, record, timeout_s)
    status = efi_guest.status(on.agent)
    if status.get("status") != RESUMED or status.get("pages") != str(decision.pages) or not status.get("ms", "").isdigit():
        raise Failure(f"ThawStatus says {status} after {decision.line.text!r}")
    if efi_guest.LOCATION in efi_guest.names(on.agent):
        raise Failure("HibernateLocation is still there after the resume")
    efi_guest.check_services(on.agent)
    return decision


def check_resumed(on: session.Powered, record: proof.Proof, timeout_s: float = 120) -> Decision:
    """expect_resume(), and the session is the recorded one and well."""
    decision = expect_resume(on, timeout_s)
    proof.check(on.agent, record)
    return decision


def stop_at_entry(on: session.Powered) -> gdbstub.GdbStub:
    """Start a machine that was made with gdb=True, paused=True, and stop it where the loader begins."""
    return gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")


def check_fresh(on: session.Powered, reason: str) -> None:
    """The system is up and told `reason`; its disk works."""
    on.agent.wait_ready(120)
    if on.machine.hardware.is_efi():
        status = efi_guest.status(on.agent)
        if status.get("status") != reason:
            raise Failure(f"ThawStatus says {status} instead of {reason}")
        proof.check_disk(on.agent)
        return
    words = on.agent.run("cat /proc/cmdline").split()
    if words.count(f"thaw.status={reason}") != 1:
        raise Failure(f"the command line is {words}")
    proof.check_disk(on.agent)


def expect_stop(machine: Machine, why: str, timeout_s: float = 60) -> None:
    """No kernel can be started: a screen says so and why (a regular expression), and Enter restarts the machine."""
    machine.wait_for(STOPPED, timeout_s, unless=rf"{LINUX}|{JUMP}|grub: loader refused")
    machine.wait_for("press Enter", 10)
    said = machine.text().partition("normal kernel can't be started")[2]
    if not re.search(why, said, re.I):
        raise Failure(f"the screen says {said!r} instead of {why!r}")
    if machine.qmp.end_reason():
        raise Failure("the machine did not wait for a key")
    machine.type("\r")
    end = machine.wait_end(20)
    if end != "guest-reset":
        raise Failure(f"Enter ended in {end}")


def _expect_grub(machine: Machine) -> None:
    """The loader returned to GRUB, which goes on at once; what was accepted at first has taken memory to give back."""
    limit_s = 5 if machine.find("thaw: resume:") else 1
    back = machine.wait_for(GRUB_GOES_ON, 20, unless=LINUX)
    decided = machine.find("thaw: boot:")
    if back.seconds - decided.seconds > patience(limit_s):
        raise Failure(f"GRUB went on only {back.seconds - decided.seconds:.1f} s after the loader's decision")
    if machine.find(GRUB_WAITS):
        raise Failure("GRUB waited for a key")


def expect_boot(machine: Machine, *reasons: str, timeout_s: float = 90) -> str:
    """The loader boots the normal kernel for one of `reasons`, and tells it so; returns the reason.

    Waits until the kernel has printed its command line.  Failure for every other outcome.  Under UEFI it is GRUB that
    boots it, and ThawStatus that tells (check_fresh).
    """
    reason = wait_decision(machine, timeout_s).reason
    if reason is None:
        # An image was accepted at first: its pages may still prove to be bad.
        line = machine.wait_for(rf"thaw: boot:|{JUMP}", timeout_s, unless=LINUX)
        match = DECISION.search(line.text)
        if match is None:
            raise Failure(f"the loader resumed an image that it must refuse ({' or '.join(reasons)})")
        reason = match["reason"]
    if reason not in reasons:
        raise Failure(f"the reason is {reason!r} instead of {' or '.join(reasons)}")
    if machine.hardware.is_efi():
        _expect_grub(machine)
    machine.wait_for(LINUX, timeout_s, unless=REFUSED)
    line = machine.wait_for(COMMAND_LINE, 30)
    if not machine.hardware.is_efi() and f"thaw.status={reason}" not in line.text.split():
        raise Failure(f"the kernel was not told thaw.status={reason}: {line.text}")
    if machine.find(JUMP):
        raise Failure("the loader jumped all the same")
    return reason
