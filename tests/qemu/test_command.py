# SPDX-License-Identifier: GPL-2.0-or-later
"""The `thaw` command on an installed system: what it says before and after, and switching the entry off and on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import disk as disks
import install_disk
import install_guest
import session
from errors import Failure, HarnessError

COMMAND = session.LOADER.with_name("thaw")
LINUX_STARTS = r"(Command line|Kernel command line): .*root="
GRUB_CFG = "/boot/grub/grub.cfg"


@pytest.fixture(scope="module", name="installed")
def installed_disk() -> install_disk.Installed:
    """The installed disk (from the cache)."""
    return install_disk.get()


def _run(on: session.Powered, command: str, timeout_s: float = 120) -> tuple[int, str]:
    """Exit status and output."""
    text = on.agent.run(f"{{ {command}; }} 2>&1; echo \"status=$?\"", timeout_s=timeout_s)
    output, _, status = text.rstrip().rpartition("status=")
    return int(status), output


def _expect(on: session.Powered, command: str, status: int, timeout_s: float = 120) -> str:
    got, output = _run(on, command, timeout_s)
    if got != status:
        raise Failure(f"{command}: exit status {got}, not {status}:\n{output}")
    return output


def _status(on: session.Powered, status: int, command: str = "thaw status --json") -> dict[str, str]:
    """Results by check, the last of several."""
    text = _expect(on, command, status)
    return {check["check"]: check["result"] for check in json.loads(text)["checks"]}


def _check_ready(on: session.Powered) -> None:
    on.agent.run("systemctl start thaw-try.service")
    results = _status(on, 0)
    worse = {check: result for check, result in results.items() if result not in ("ok", "unknown")}
    # The guest has little swap for its memory; that is a warning at most.
    assert set(worse) <= {"size"}, results
    assert results["thaw-resume"] == results["guard"] == results["disk"] == "ok", results
    results = _status(on, 0, "runuser -u nobody -- /usr/sbin/thaw status --json")
    assert results["result"] == "unknown" and results["entry"] == "ok", results
    _expect(on, "runuser -u nobody -- /usr/sbin/thaw disable", 2)


def _check_switch(on: session.Powered) -> None:
    on.agent.run(f"cp {GRUB_CFG} /root/grub.cfg; cp /etc/default/thaw /root/thaw.default")
    on.agent.write_file("/etc/grub.d/99_fails", "#!/bin/sh\nexit 1\n")
    on.agent.run("chmod 755 /etc/grub.d/99_fails")
    _expect(on, "thaw disable", 1, 300)
    on.agent.run(f"cmp {GRUB_CFG} /root/grub.cfg && cmp /etc/default/thaw /root/thaw.default")
    on.agent.run("rm /etc/grub.d/99_fails")
    _expect(on, "thaw disable", 0, 300)
    assert "--id thaw" not in on.agent.run(f"cat {GRUB_CFG}")
    assert _status(on, 1)["entry"] == "problem"
    _expect(on, "thaw enable", 0, 300)
    assert on.agent.run(f"cat {GRUB_CFG}").count("--id thaw") == 1
    _check_ready(on)


def _partition(installed: install_disk.Installed, image: Path, out: Path) -> Path:
    """The swap partition of a machine that is off, as a file."""
    swap = installed.disk.swaps[install_disk.SPEC.swaps[0].label]
    subprocess.run(["qemu-img", "convert", "-O", "raw", str(image), f"{out}.disk"], check=True)
    with open(f"{out}.disk", "rb") as whole, open(out, "wb") as part:
        whole.seek(swap.start)
        left = swap.size
        while left > 0:
            piece = whole.read(min(left, 1 << 20))
            if piece.strip(b"\0"):
                part.write(piece)
            else:
                part.seek(len(piece), 1)
            left -= len(piece)
        part.truncate(swap.size)
    Path(f"{out}.disk").unlink()
    return out


def _look(*words: str) -> str:
    run = subprocess.run([str(COMMAND), *words], capture_output=True, text=True, check=False, timeout=120)
    if run.returncode != 0:
        raise Failure(f"thaw {' '.join(words)}: exit status {run.returncode}\n{run.stdout}{run.stderr}")
    return run.stdout


@pytest.mark.full
def test_the_command_on_an_installed_system(installed, result_dir):
    """Ready, switched off and on; an image inspected and verified; the result of its resume."""
    if not COMMAND.exists() or not session.LOADER.exists():
        raise HarnessError(f"{COMMAND} or {session.LOADER} is not there: build them first")
    image = disks.overlay(installed.path, result_dir / "disk.qcow2")
    files = install_disk.drive_of(result_dir / "files.raw", {"/usr/sbin/thaw": COMMAND.read_bytes()})
    with install_guest.power_on(installed, image, result_dir / "1-ready", session.LOADER, more=(files,)) as on:
        on.machine.wait_for("^thaw: boot: no-image", 60, unless=LINUX_STARTS)
        install_disk.wait_ready(on)
        install_disk.unpack(on.agent)
        on.agent.run("chmod 755 /usr/sbin/thaw")
        kernel = on.agent.run("uname -r").strip()
        _check_ready(on)
        _expect(on, f"thaw inspect /dev/disk/by-uuid/{install_disk.SPEC.swaps[0].uuid}", 3)
        _check_switch(on)
        install_guest.hibernate(on)
    part = _partition(installed, image, result_dir / "swap.raw")
    facts = json.loads(_look("inspect", "--json", "--map", str(part)))
    assert facts["result"] == "ok" and facts["kernel"] == kernel and facts["frame_map"]["cells"], facts
    assert "result       complete" in _look("verify", "--quiet", str(part))
    part.unlink()
    with install_guest.power_on(installed, image, result_dir / "2-resume", None) as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        log = json.loads(_expect(on, "thaw log --json", 0))
        # The image's own zero pages count as restored, too.
        assert log["last_resume"]["pages"] >= facts["data_pages"], (log, facts)
        assert _status(on, 0)["result"] == "ok"
