# SPDX-License-Identifier: GPL-2.0-or-later
"""What shows that a session is the very same one after a resume, and that the machine is well.

A token and private memory of a process, a counter that goes on, a checksummed file in a tmpfs, the boot id, the
uptime; then a write to the disk that is read back past the cache, and a kernel log without complaints.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass

from agent import Agent
from errors import Failure
from machine import Machine

MARK = "thaw-guest: mark"
# A kernel message that no healthy resume prints.
UNCLEAN = re.compile(
    r"\bBUG\b|WARNING|Oops|[Gg]eneral protection|Call Trace|RIP:|I/O error|EXT4-fs (error|warning)|EXT4-fs .*abort"
    r"|ata\d.*(exception|failed|error|SError|hard resetting|frozen)|Medium Error|lost interrupt|nobody cared"
    r"|nvme.*(timeout|[Dd]evice not ready|[Ff]ail|[Ee]rror|[Rr]emoving|resetting)|virtio.*([Ff]ail|[Ee]rror)"
    r"|device-mapper: .*([Ff]ail|[Ee]rror)|Buffer I/O"
    r"|hung task|blocked for more than|rcu: INFO|soft lockup|Bad page|[Cc]orrupt|segfault|[Uu]nable to handle|NMI:"
    r"|failed to (thaw|resume|restore|unfreeze)|PM: .*([Ee]rror|[Ff]ail)|ACPI Error|clocksource: .*unstable")
# What Linux also prints when it resumes such an image itself in the emulator, whose clocks stutter under load.
ALSO_STOCK = re.compile(r"ata\d+(\.\d+)?: SATA link down|clocksource: timekeeping watchdog .*(read-back delay|tsc)")
# And, of Linux 6.1, now and then, when it hibernates as when it resumes: an interrupt router allocates memory before
# the clock is resumed; the allocator may want a random number, and that the time.
TRACE = re.compile(r"[^\n]*\[ cut here \](?:(?!\[ cut here \]).)*?\[ end trace [^\n]*", re.S)
STOCK_TRACE = re.compile(r"WARNING: [^\n]* ktime_get_seconds.*crng_make_state.*syscore_resume", re.S)


@dataclass(frozen=True)
class Proof:
    """What a session was before it hibernated (all values as the guest told them)."""

    token: str
    pid: int
    counter: int
    memory_sha256: str
    fill_sha256: str
    fill_mib: int
    boot_id: str
    uptime_s: float
    dmesg_lines: int

    def plain(self) -> dict:
        """As JSON values."""
        return asdict(self)


def _ask(agent: Agent) -> tuple[int, str, int, str]:
    words = agent.run("thaw-proof ask", timeout_s=90).split()
    if len(words) != 4:
        raise Failure(f"the proof process answered {words!r}")
    return int(words[0]), words[1], int(words[2]), words[3]


def _sha256(agent: Agent, path: str) -> str:
    return agent.run(f"sha256sum < {path}", timeout_s=180).split()[0]


def start(agent: Agent, fill_mib: int, fill_kind: str = "mixed", process_mib: int = 16) -> None:
    """Start the proof process and fill the tmpfs; fill_kind: "random", "mixed" or "text" (see guest/thaw-proof)."""
    agent.run(f"thaw-proof start {os.urandom(16).hex()} {process_mib}", timeout_s=60)
    if fill_mib:
        agent.run(f"thaw-proof fill {fill_kind} {fill_mib} /run/thaw/fill", timeout_s=180)


def take(agent: Agent, fill_mib: int) -> Proof:
    """Record the session just before it hibernates."""
    pid, token, counter, memory = _ask(agent)
    fill = _sha256(agent, "/run/thaw/fill") if fill_mib else ""
    boot_id = agent.run("cat /proc/sys/kernel/random/boot_id").strip()
    uptime = float(agent.run("cut -d' ' -f1 /proc/uptime"))
    agent.run(f"echo '{MARK}' > /dev/kmsg; sync")
    lines = int(agent.run("dmesg | wc -l"))
    return Proof(token, pid, counter, memory, fill, fill_mib, boot_id, uptime, lines)


def check(agent: Agent, proof: Proof, disk_mib: int = 8) -> list[str]:
    """Check that the running session is the recorded one and well; returns the facts checked, Failure otherwise."""
    facts = []

    def same(what: str, was: object, now: object) -> None:
        if was != now:
            raise Failure(f"{what} is {now!r} after the resume, was {was!r}")
        facts.append(f"{what} {now}")

    pid, token, counter, memory = _ask(agent)
    same("token", proof.token, token)
    same("pid", proof.pid, pid)
    same("process memory", proof.memory_sha256, memory)
    if counter < proof.counter:
        raise Failure(f"the counter went back from {proof.counter} to {counter}")
    agent.run("sleep 0.5")
    later = _ask(agent)[2]
    if later <= counter:
        raise Failure(f"the counter stands still at {counter}")
    facts.append(f"counter {proof.counter} -> {later}")
    same("boot id", proof.boot_id, agent.run("cat /proc/sys/kernel/random/boot_id").strip())
    uptime = float(agent.run("cut -d' ' -f1 /proc/uptime"))
    if uptime < proof.uptime_s:
        raise Failure(f"uptime went back from {proof.uptime_s} to {uptime} s")
    if proof.fill_mib:
        same("tmpfs checksum", proof.fill_sha256, _sha256(agent, "/run/thaw/fill"))
    if agent.call("test -e /run/thaw/scatter")[0] == 0:
        facts.append(f"swapped memory of {agent.run('thaw-proof verify', timeout_s=90).strip()} processes well")
    check_disk(agent, disk_mib)
    facts.append(f"disk {disk_mib} MiB written and read back")
    complaints = unclean(agent)
    if complaints:
        raise Failure("the kernel complained after the resume:\n" + "\n".join(complaints))
    facts.append("kernel log clean")
    return facts


def check_disk(agent: Agent, disk_mib: int = 8) -> None:
    """Write a file, flush it, drop the caches and read it back; Failure when the bytes differ."""
    name = f"/var/tmp/written-{os.urandom(4).hex()}"
    agent.run(f"head -c {disk_mib}M /dev/urandom > /run/thaw/written && cp /run/thaw/written {name} && sync "
              f"&& echo 3 > /proc/sys/vm/drop_caches && cmp /run/thaw/written {name} && rm {name} /run/thaw/written",
              timeout_s=120)


def unclean(agent: Agent) -> list[str]:
    """Kernel messages since the last mark that no healthy resume prints."""
    log = agent.run("dmesg", timeout_s=30).split(MARK)[-1]
    log = TRACE.sub(lambda trace: "" if STOCK_TRACE.search(trace[0]) else trace[0], log)
    return [line for line in log.splitlines() if UNCLEAN.search(line) and not ALSO_STOCK.search(line)]


def check_power_button(machine: Machine, agent: Agent) -> None:
    """Press the ACPI power button and see its input event in the guest; Failure when it is dead."""
    path = agent.run("grep -l 'Power Button' /sys/class/input/event*/device/name").split()[0]
    device = path.split("/")[4]
    agent.run("rm -f /run/thaw/button; "
              f"setsid sh -c 'head -c 24 /dev/input/{device} > /run/thaw/button' > /dev/null 2>&1 &")
    agent.run("sleep 0.5")
    machine.press_power_button()
    size = agent.run("for i in $(seq 50); do [ -s /run/thaw/button ] && break; sleep 0.1; done; "
                     "wc -c < /run/thaw/button", timeout_s=30).strip()
    if size != "24":
        raise Failure("the power button is dead")
