# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions of the kernel with kexec jump: power it on, let `thaw save` write it away, and see it come back.

The disk is the usual one (disk.py) with three more partitions: tools (the kernel for GRUB, the host command for the
guest), a target for images and a small one.  A is the kernel that is saved.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cache
import disk as disks
import grub_run
import guest
import kernel_disk
import kjump_kernel
import proof
import session
import storage
import thaw_run
from agent import Agent
from errors import Failure, HarnessError
from machine import Drive, Hardware, Machine, patience

HERE = Path(__file__).resolve().parent
TOOL = HERE.parents[1] / "build" / "thaw"
MIB = 1 << 20
TOOLS, TARGET, SMALL = disks.Swap(48, "thaw-tools"), disks.Swap(3072, "thaw-target"), disks.Swap(84, "thaw-small")
SPEC = disks.DiskSpec(swaps=(TOOLS, TARGET, SMALL))
TOOL_SLOT_MIB = 4
ENDED = r"thaw-kjump: save ended (\d+)"
LOG, STATUS = "/run/thaw-save.log", "/run/thaw-save.status"
IMAGE_FILE = "/thaw.img"
SECOND_MIB = 1281  # as no other disk: by it the guest knows the second one
SAVE_LINE = r"thaw: save: "


@dataclass(frozen=True)
class Setup:
    """How a session is made and where it is saved.

    machine … controller: see machine.Hardware; compress: `thaw save`'s; target: "partition", "file" (on the root
    filesystem) or "second" (a partition of a second disk behind the controller `second`); cmdline: added to A's;
    fill_mib, fill_kind: data in its tmpfs (proof.py).
    """

    machine: str = "q35"
    cpus: int = 1
    memory_mib: int = 256
    cpu: str = "qemu64"
    controller: str = ""
    compress: str = "none"
    target: str = "partition"
    second: str = ""
    second_sector_bytes: int = 512
    cmdline: str = ""
    fill_mib: int = 32
    fill_kind: str = "mixed"

    def hardware(self, **changes) -> Hardware:
        """The PC, or one that differs from it."""
        values = {"machine": self.machine, "cpus": self.cpus, "memory_mib": self.memory_mib, "cpu": self.cpu,
                  "controller": self.controller}
        return Hardware(**{**values, **changes})

    def name(self) -> str:
        """A short name for test ids: the values that differ from the defaults."""
        default = Setup()
        parts = [self.machine, f"{self.cpus}cpu", f"{self.memory_mib}M", self.compress]
        for key in ("cpu", "controller", "target", "second", "second_sector_bytes", "cmdline"):
            if getattr(self, key) != getattr(default, key):
                parts.append(str(getattr(self, key)).replace(" ", "_"))
        return "-".join(parts)

    def drives(self, second: Path | None) -> tuple[Drive, ...]:
        """The drives behind the first one."""
        return (Drive(second, controller=self.second, sector_bytes=self.second_sector_bytes),) if second else ()


@dataclass(frozen=True)
class Target:
    """Where the image is: disk (0 or 1), byte offset of its partition there, page of the anchor in the partition;
    node: in A; words: what the loader must be told to find it, nothing for a partition; uuid: the target's own."""

    disk: int
    start: int
    anchor_page: int
    node: str
    words: str = ""
    uuid: str = ""

    def anchor(self) -> int:
        """Byte offset of the anchor in the disk."""
        return self.start + self.anchor_page * 4096


@dataclass(frozen=True)
class Saved:
    """A session that was saved: qcow2 files (never written to; use overlays)."""

    setup: Setup
    path: Path
    disk: disks.Disk
    target: Target
    proof: proof.Proof
    second: Path | None = None
    seconds: dict[str, float] = field(default_factory=dict)


# The disk


def _build_disk(kernel: Path, base: disks.Disk, out: Path) -> None:
    cache.progress("disk: adding the kernel with kexec jump")
    image = disks.overlay(base.path, out / "disk.qcow2")
    area = base.swaps[TOOLS.label]
    with tempfile.TemporaryDirectory() as work:
        tree, tools = Path(work) / "tree", Path(work) / "tools.ext4"
        tree.mkdir()
        (tree / "bzImage").write_bytes(kernel.read_bytes())
        (tree / "thaw").write_bytes(b"#" * (TOOL_SLOT_MIB * MIB))
        (tree / "thaw").chmod(0o755)
        with open(tools, "wb") as file:
            file.truncate(area.size)
        command = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "^has_journal", "-U", TOOLS.uuid,
                   "-L", TOOLS.label, "-d", str(tree), str(tools)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(f"mke2fs: {done.stdout} {done.stderr}")
        slot = kernel_disk.extents(tools, "/thaw", area.start, 4096)
        disks.write_bytes(image, [(area.start, tools.read_bytes())])
    # `thaw format` refuses what looks like swap.
    for part in (TARGET, SMALL):
        disks.write_bytes(image, [(base.swaps[part.label].start, bytes(64 << 10))])
    (out / "slot.json").write_text(json.dumps(slot), encoding="ascii")


def base_disk() -> tuple[Path, disks.Disk]:
    """The disk to make overlays of (a qcow2 file), and its layout with the slot "tool"."""
    base, kernel = disks.get(SPEC), kjump_kernel.get()
    recipe = {"disk": base.path.parent.name, "kernel": kernel.parent.name, "slot": TOOL_SLOT_MIB,
              "how": inspect.getsource(_build_disk)}
    entry = cache.build_once("kjumpdisk", recipe, lambda out: _build_disk(kernel, base, out))
    slot = json.loads((entry / "slot.json").read_text(encoding="ascii"))
    slots = {**base.slots, "tool": tuple(map(tuple, slot))}
    return entry / "disk.qcow2", disks.Disk(base.path, base.spec, base.root, base.swaps, slots)


def tool_bytes() -> bytes:
    """The host command as it is put on the disk."""
    if not TOOL.exists():
        raise HarnessError(f"{TOOL} is not there: build it first")
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "thaw"
        subprocess.run(["strip", "-o", str(copy), str(TOOL)], check=True, capture_output=True)
        return copy.read_bytes()


# Powering on


def linux_boot(setup: Setup, disk: disks.Disk) -> grub_run.Boot:
    """GRUB boots A."""
    words = [f"root=PARTUUID={disk.root.partuuid}", "rw", grub_run.CONSOLE, "loglevel=7", grub_run.QUICK_INIT,
             setup.cmdline]
    number = disk.swaps[TOOLS.label].number
    return grub_run.Boot(extra=f"linux (hd0,msdos{number})/bzImage {' '.join(words).rstrip()}\necho grub: start\nboot")


def thaw_boot(words: str = "", full: bool = False, **changes) -> grub_run.Boot:
    """GRUB boots the loader.  The normal kernel is Debian's, which the loader reads from the root filesystem only when
    it needs it; full: with its initrd, otherwise it only has to start."""
    version = guest.get().kernels["6.12"]
    files = grub_run.Files(guest.FS_UUID, f"/boot/vmlinuz-{version}", (f"/boot/initrd.img-{version}",) if full else ())
    values = {"entry": "thaw", "kernel": "6.12", "fallback": "path", "files": files, "thaw_args": words}
    if not full:
        values["cmdline"] = "earlyprintk=serial,ttyS0,115200"
    return grub_run.Boot(**{**values, **changes})


@contextmanager
def fresh(setup: Setup, result_dir: Path, drive: dict | None = None, **options):
    """Power on a new A on new overlays, with the present build in it; yields a session.Powered that is ready."""
    result_dir.mkdir(parents=True, exist_ok=True)
    base, disk = base_disk()
    image = disks.overlay(base, result_dir / "disk.qcow2")
    disks.write_slot(image, disk, "tool", tool_bytes())
    second = disks.blank(result_dir / "second.qcow2", SECOND_MIB) if setup.second else None
    with power_on(setup, image, disk, linux_boot(setup, disk), result_dir / "first", second, drive, **options) as on:
        on.agent.wait_ready(120)
        node = partition(on.agent, disk.swaps[TOOLS.label].number)
        on.agent.run(f"mkdir -p /run/tools && mount -o ro {node} /run/tools && cp /run/tools/thaw /usr/local/sbin/thaw "
                     "&& umount /run/tools")
        yield on


@contextmanager
def power_on(setup: Setup, image: Path, disk: disks.Disk, boot: grub_run.Boot, result_dir: Path,
             second: Path | None = None, drive: dict | None = None, hardware: Hardware | None = None, **options):
    """Boot a session's disks (written to!); yields a session.Powered.

    drive: what the target's drive has besides its path (machine.Drive).
    """
    more = setup.drives(second)
    if more:
        more, drive = (replace(more[0], **(drive or {})),), None
    with session.power_on(image, disk, boot, hardware or setup.hardware(), result_dir, loader=session.LOADER, more=more,
                          drive=drive, **options) as on:
        yield on


def restore(saved: Saved, result_dir: Path, image: Path | None = None, second: Path | None = None,
            boot: grub_run.Boot | None = None, **options):
    """Power on overlays of a saved session; yields a session.Powered.  image, second: overlays made already."""
    result_dir.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = disks.overlay(saved.path, result_dir / "disk.qcow2")
    if saved.second and second is None:
        second = disks.overlay(saved.second, result_dir / "second.qcow2")
    boot = boot or thaw_boot(saved.target.words)
    return power_on(saved.setup, image, saved.disk, boot, result_dir, second, **options)


# In A


def partition(agent: Agent, number: int) -> str:
    """The node of a partition of the first disk: the one that holds the root filesystem."""
    device = agent.run("stat -c '%Hd:%Ld' /").strip()
    disk = agent.run(f"basename $(dirname $(readlink -f /sys/dev/block/{device}))").strip()
    return storage.partition_node(f"/dev/{disk}", number)


def make_target(on: session.Powered, setup: Setup, size_mib: int = 200, label: str = TARGET.label) -> Target:
    """`thaw format` in A; size_mib: of a file; label: of the partition."""
    if setup.target == "file":
        said = on.agent.run(f"thaw format {IMAGE_FILE} --size={size_mib}M", timeout_s=180)
        match = re.search(r"resume=UUID=([0-9a-f-]{36}) resume_offset=(\d+)", said)
        if match is None or match[1] != guest.FS_UUID:
            raise Failure(f"thaw format says:\n{said}")
        return Target(0, on.disk.root.start, int(match[2]), IMAGE_FILE, match[0])
    if setup.target == "second":
        second = storage.find_disk(on.agent, SECOND_MIB * MIB)
        storage.make_partitions(on.agent, second, [0])
        node = storage.partition_node(second, 1)
        start = int(on.agent.run(f"cat /sys/class/block/{node.removeprefix('/dev/')}/start")) * 512
        number = 1
    else:
        node, start, number = partition(on.agent, on.disk.swaps[label].number), on.disk.swaps[label].start, 0
    said = on.agent.run(f"thaw format {node}", timeout_s=60)
    match = re.search(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", said)
    if match is None:
        raise Failure(f"thaw format names no UUID:\n{said}")
    return Target(number, start, 0, node, uuid=match[0])


def start_proof(on: session.Powered, setup: Setup) -> proof.Proof:
    """The proof runs, its values are taken."""
    proof.start(on.agent, setup.fill_mib, setup.fill_kind)
    return proof.take(on.agent, setup.fill_mib)


def save_command(target: Target, setup: Setup, action: str = "power-off") -> str:
    """The command line of `thaw save`; action: "power-off", "reboot" or "return"."""
    return f"thaw save {target.node} --{action} --compress={setup.compress} --console=ttyS0,115200"


def start_save(on: session.Powered, command: str) -> int:
    """Run a save in the background; returns the console's length before."""
    start = len(on.machine.lines)
    on.agent.run(f"rm -f {LOG} {STATUS}; setsid sh -c 'sleep 0.3; {command} > {LOG} 2>&1; s=$?; echo $s > {STATUS}; "
                 f"echo thaw-kjump: save ended $s > /dev/kmsg' > /dev/null 2>&1 &")
    return start


def wait_saved(machine: Machine, start: int, timeout_s: float = 180) -> str:
    """Wait until the save ends, one way or the other: how the machine ended, or "session" when A goes on."""
    end = time.monotonic() + patience(timeout_s)
    while time.monotonic() < end:
        if machine.qmp.end_reason():
            return machine.wait_end(5)
        if machine.find(ENDED, start):
            return "session"
        time.sleep(0.1)
    raise machine.error("the save neither ended the machine nor itself")


def saved_log(agent: Agent) -> tuple[int, str]:
    """Exit status and output of the last `thaw save`, in the session that goes on."""
    return int(agent.run(f"cat {STATUS}")), agent.run(f"cat {LOG}")


def save_and_power_off(on: session.Powered, target: Target, setup: Setup) -> None:
    """Save, and the machine goes off.  Failure when the session comes back instead."""
    start = start_save(on, save_command(target, setup))
    reason = wait_saved(on.machine, start)
    if reason == "session":
        status, said = saved_log(on.agent)
        raise Failure(f"the session went on, thaw save ended with {status}:\n{said}")
    if reason != "guest-shutdown":
        text = "\n".join(line.text for line in on.machine.lines[start:])
        raise Failure(f"the save ended with {reason} instead of powering off:\n{text[-2000:]}")


def save_and_go_on(on: session.Powered, command: str) -> tuple[int, str]:
    """A save after which the session goes on; exit status and output of the command."""
    reason = wait_saved(on.machine, start_save(on, command))
    if reason != "session":
        raise Failure(f"the machine ended with {reason} instead of going on")
    on.agent.wait_ready(60)
    return saved_log(on.agent)


def expect_restored(on: session.Powered, timeout_s: float = 120) -> thaw_run.Decision:
    """The loader restores: decision, jump, A's `thaw save` ends well, and Linux never starts."""
    machine = on.machine
    decision = thaw_run.wait_decision(machine, timeout_s)
    if decision.kind != "kexec-jump":
        raise Failure(f"the loader decided {decision.line.text!r} instead of a restore")
    machine.wait_for(thaw_run.JUMP, timeout_s, unless=thaw_run.NO_RESUME)
    machine.wait_for(ENDED, timeout_s, unless=thaw_run.NO_RESUME)
    on.agent.wait_ready(timeout_s)
    if machine.find(thaw_run.LINUX):
        raise Failure("Linux was booted")
    return decision


def check_restored(on: session.Powered, record: proof.Proof) -> tuple[thaw_run.Decision, str]:
    """expect_restored(), `thaw save` reported success, the session is the recorded one; returns what it said, too."""
    decision = expect_restored(on)
    status, said = saved_log(on.agent)
    if status != 0:
        raise Failure(f"thaw save ended with {status} after the restore:\n{said}")
    proof.check(on.agent, record)
    return decision, said


def button_events(agent: Agent) -> int:
    """How often ACPI's power button was seen (the kernel has no evdev)."""
    return int(agent.run("cat /sys/firmware/acpi/interrupts/ff_pwr_btn").split()[0])


def check_power_button(on: session.Powered, before: int = 0) -> None:
    """The power button was not pressed, says A; then it is, and A sees it."""
    seen = button_events(on.agent)
    if seen != before:
        raise Failure(f"{seen - before} presses of the power button that nobody made")
    on.machine.press_power_button()
    for _ in range(30):
        if button_events(on.agent) == before + 1:
            return
        time.sleep(0.1)
    raise Failure("the power button is dead")


# Saved sessions, kept as long as the build stays the same


def _make(setup: Setup, out: Path) -> None:
    cache.progress(f"kexec jump: saving {setup.name()}")
    with fresh(setup, out) as on:
        seconds = {"boot": on.machine.now()}
        target = make_target(on, setup)
        record = start_proof(on, setup)
        seconds["prepared"] = on.machine.now()
        save_and_power_off(on, target, setup)
        seconds["off"] = on.machine.now()
    facts = {"target": asdict(target), "proof": record.plain(), "seconds": seconds}
    (out / "saved.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    cache.progress(f"kexec jump: {setup.name()} is saved after {seconds['off']:.0f} s")


def saved(setup: Setup) -> Saved:
    """The saved session of a setup; made when the present build has none (half a minute)."""
    base, disk = base_disk()
    recipe = {"setup": asdict(setup), "disk": base.parent.name,
              "loader": cache.digest(session.LOADER.read_bytes().hex()), "tool": cache.digest(tool_bytes().hex()),
              "emulator": guest.package_versions(("qemu-system-x86",)), "how": Path(__file__).read_text("utf-8")}
    _forget_old()
    entry = cache.build_once("kjumped", recipe, lambda out: _make(setup, out))
    facts = json.loads((entry / "saved.json").read_text(encoding="utf-8"))
    second = entry / "second.qcow2"
    return Saved(setup, entry / "disk.qcow2", disk, Target(**facts["target"]), proof.Proof(**facts["proof"]),
                 second if second.exists() else None, facts["seconds"])


def _forget_old() -> None:
    """Sessions of builds that are gone: nobody will ask for them."""
    for path in cache.cache_dir().glob("kjumped-*"):
        if path.is_dir() and time.time() - path.stat().st_mtime > 6 * 3600:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    print(base_disk())
