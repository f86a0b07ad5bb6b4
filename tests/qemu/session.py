# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions that hibernated: one per configuration, made once by a real guest and kept in the cache.

`hibernated(config)` gives the finished disk; `Powered` is one power-on of an overlay of it.
"""

from __future__ import annotations

import inspect
import json
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cache
import disk as disks
import efi_disk
import efi_guest
import grub_run
import guest
import hibernate
import proof
import storage
from agent import Agent
from errors import HarnessError
from machine import Drive, Hardware, Machine
from swsusp_oracle import Image

HERE = Path(__file__).resolve().parent
LOADER = HERE.parents[1] / "build" / "thaw.elf"
EFI_LOADER = LOADER.with_name("thawx64.efi")
SWAPFILE = "/swapfile"
EXIT_LINE = r"PM: hibernation: hibernation exit"


@dataclass(frozen=True)
class Config:
    """How a session was made.

    compression: "lzo", "plain" or "lz4"; mode: "platform" or "shutdown"; swap: "partition", "file", "lvm",
    "lvm-segments", "lvm-disks" (see storage.py) or "second" (a partition of the second disk); fragmented: the swap map
    is out of order; fill_mib, fill_kind: data in its tmpfs (proof.py); image_size_mib: /sys/power/image_size, None for
    the kernel's own; cmdline: added to the kernel's command line; controller: of the first disk (machine.Hardware);
    fillers: see disk.DiskSpec; second: controller of the second disk, "" when there is none ("native": the machine's
    own); second_sector_bytes: of its sectors; firmware: see machine.Hardware; stub: the kernel was started as an EFI
    program, without GRUB's `linux`; disk_gib: size of the first disk, 0: what its partitions need.
    """

    kernel: str = "6.1"
    compression: str = "lzo"
    mode: str = "platform"
    machine: str = "q35"
    cpus: int = 1
    memory_mib: int = 512
    cpu: str = "qemu64"
    table: str = "mbr"
    logical: bool = False
    swap: str = "partition"
    swap_mib: int = 1024
    fragmented: bool = False
    fill_mib: int = 64
    fill_kind: str = "mixed"
    image_size_mib: int | None = None
    cmdline: str = ""
    controller: str = ""
    fillers: int = 0
    second: str = ""
    second_sector_bytes: int = 512
    firmware: str = "bios"
    stub: bool = False
    disk_gib: int = 0

    def hardware(self) -> Hardware:
        """The PC of this configuration."""
        return Hardware(self.machine, self.cpus, self.memory_mib, self.cpu, self.controller, self.firmware)

    def disk_spec(self) -> disks.DiskSpec:
        """The first disk of this configuration."""
        swaps = () if self.swap == "second" else (disks.Swap(self.swap_mib),)
        if self.firmware != "bios":
            return efi_disk.EfiSpec(swaps=swaps, fillers=self.fillers)
        return disks.DiskSpec(self.table, swaps, self.logical, fillers=self.fillers)

    def second_drive(self, path: Path, **drive) -> Drive:
        """The second disk, with `path` as its contents."""
        return Drive(path, controller=self.second, sector_bytes=self.second_sector_bytes, **drive)

    def swap_uuid(self) -> str:
        """UUID of the filesystem or swap area whose device `resume=` names."""
        return guest.FS_UUID if self.swap == "file" else disks.Swap().uuid

    def is_logical_volume(self) -> bool:
        """Swap on LVM?"""
        return self.swap.startswith("lvm")

    def name(self) -> str:
        """A short name for test ids and logs: the values that differ from the defaults."""
        default = Config()
        parts = [self.kernel, self.compression, self.mode, self.machine, f"{self.cpus}cpu", f"{self.memory_mib}M"]
        for key in ("cpu", "table", "swap", "cmdline", "controller", "fillers", "second", "second_sector_bytes",
                    "firmware", "disk_gib"):
            if getattr(self, key) != getattr(default, key):
                parts.append(str(getattr(self, key)).replace(" ", "_"))
        parts += [key for key in ("logical", "fragmented", "stub") if getattr(self, key)]
        return "-".join(parts)

    def recipe(self) -> dict:
        """What makes sessions differ, as plain values; those of a BIOS PC don't depend on what only UEFI has."""
        values = asdict(self)
        left_out = {"firmware", "stub"} if self.firmware == "bios" else set()
        if not self.disk_gib:
            left_out.add("disk_gib")
        return {key: value for key, value in values.items() if key not in left_out}

    def boot(self) -> grub_run.Boot:
        """How its kernel is started for the session."""
        return grub_run.Boot("stub" if self.stub else "linux", self.kernel, hibernate.boot_words(self))


@dataclass(frozen=True)
class Hibernated:
    """The disk of a session that hibernated.

    path: qcow2 (never written to; use an overlay); disk: its base; resume_offset: in pages, 0 for a partition;
    second: that of the second disk, None when there is none; segments: where the swap space is that the guest made
    itself, empty for a partition of the first disk and a file; variables: those of its UEFI firmware.
    """

    config: Config
    path: Path
    disk: disks.Disk
    proof: proof.Proof
    resume_offset: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    second: Path | None = None
    segments: tuple[storage.Segment, ...] = ()
    variables: Path | None = None

    def swap_uuid(self) -> str:
        """UUID of the filesystem or swap area whose device `resume=` names."""
        return self.config.swap_uuid()

    def area(self) -> disks.Partition:
        """The partition of the first disk that `resume=` names, or that is the whole logical volume."""
        if self.segments:
            if len(self.segments) > 1 or self.segments[0].disk != 0:
                raise HarnessError("this swap space is not one place of the first disk")
            return disks.Partition(0, self.segments[0].start, self.segments[0].size, "")
        if self.config.swap == "file":
            return self.disk.root
        return next(iter(self.disk.swaps.values()))

    def resume_words(self) -> str:
        """`resume=…` (and resume_offset=) as Linux and the loader understand them."""
        if self.config.is_logical_volume():
            return f"resume={storage.MAPPER}"
        words = f"resume=UUID={self.swap_uuid()}"
        return f"{words} resume_offset={self.resume_offset}" if self.resume_offset else words


@dataclass
class Powered:
    """A power-on: the machine, its agent, the overlays it runs from, and the loader that is on it (a copy)."""

    machine: Machine
    agent: Agent
    image: Path
    disk: disks.Disk
    loader: Path | None = None
    second: Path | None = None


@contextmanager
def power_on(image: Path, disk: disks.Disk, boot: grub_run.Boot, hardware: Hardware, result_dir: Path,
             loader: Path | None = None, more: tuple[Drive, ...] = (), drive: dict | None = None, **options):
    """Boot `image` (written to!) as `boot` says; yields a Powered.

    more: further drives, the first of them is Powered.second; drive: what the first drive has besides its path (see machine.Drive); options: see Machine.
    """
    result_dir.mkdir(parents=True, exist_ok=True)
    if boot.entry == "thaw" and loader is None:
        loader = EFI_LOADER if hardware.is_efi() else LOADER
        if not loader.exists():
            raise HarnessError(f"{loader} is not there: build it first")
    if loader is not None:
        # Its symbols must be those of the bytes on the disk, whatever is built meanwhile.
        copy = result_dir / loader.name
        copy.write_bytes(loader.read_bytes())
        loader = copy
    grub_run.install(image, disk, boot, loader)
    drives = [Drive(image, **(drive or {})), *more]
    with Machine(hardware, drives, result_dir, **options) as machine:
        agent = Agent(machine)
        try:
            yield Powered(machine, agent, image, disk, loader, more[0].path if more else None)
        finally:
            agent.close()


def _make(config: Config, disk: disks.Disk, out: Path) -> None:
    cache.progress(f"session: hibernating {config.name()}")
    image = disks.overlay(disk.path, out / "disk.qcow2")
    if config.disk_gib:
        disks.grow(image, config.disk_gib)
    boot = config.boot()
    more = ()
    if config.second:
        more = (config.second_drive(disks.blank(out / "second.qcow2", hibernate.SECOND_MIB), flushes=False),)
    with power_on(image, disk, boot, config.hardware(), out / "log", limit_s=420, single_thread=True, more=more,
                  drive={"flushes": False, "ssd": config.fragmented}) as on:
        seconds = {"boot": on.agent.wait_ready(180)}
        offset, segments = hibernate.prepare(on.agent, config)
        if config.firmware != "bios":
            efi_guest.prepare(on.agent, config.swap_uuid(), offset)
        proof.start(on.agent, config.fill_mib, config.fill_kind)
        facts = proof.take(on.agent, config.fill_mib)
        seconds["prepared"] = on.machine.now()
        hibernate.hibernate(on.machine, on.agent, config.mode)
        seconds["off"] = on.machine.now()
    if config.firmware != "bios":
        on.machine.variables_path.rename(out / "variables.fd")
    facts_json = {"proof": facts.plain(), "resume_offset": offset, "seconds": seconds,
                  "segments": [asdict(segment) for segment in segments]}
    (out / "session.json").write_text(json.dumps(facts_json, indent=1), encoding="utf-8")
    if config.fragmented:
        _check_fragmented(config, disk, image)
    cache.progress(f"session: {config.name()} is hibernated after {seconds['off']:.0f} s")


def _check_fragmented(config: Config, disk: disks.Disk, image: Path) -> None:
    area = disk.root if config.swap == "file" else next(iter(disk.swaps.values()))
    with tempfile.TemporaryDirectory(dir=image.parent) as work:
        oracle = Image(disks.copy_range(image, area.start, area.size, Path(work) / "area.raw"))
        stream = oracle.stream
        oracle.close()
    runs = sum(1 for a, b in zip(stream, stream[1:]) if b != a + 1)
    backwards = sum(1 for a, b in zip(stream, stream[1:]) if b < a)
    cache.progress(f"session: swap map of {len(stream)} pages has {runs} breaks, {backwards} of them backwards")
    if backwards < 4:
        raise HarnessError(f"the swap map goes backwards only {backwards} times: it is not fragmented")


def base_disk(config: Config) -> disks.Disk:
    """The disk that a configuration starts from."""
    spec = config.disk_spec()
    return efi_disk.get(spec) if isinstance(spec, efi_disk.EfiSpec) else disks.get(spec)


def hibernated(config: Config) -> Hibernated:
    """The hibernated session of a configuration; made when the cache has none (half a minute or more)."""
    disk = base_disk(config)
    boot = config.boot()
    recipe = {"config": config.recipe(), "disk": disk.path.parent.name, "hardware": config.hardware().arguments(),
              "boot": boot.kernel_arguments(),
              "how": [(HERE / name).read_text(encoding="utf-8") for name in ("hibernate.py", "storage.py")],
              "emulator": guest.package_versions(("qemu-system-x86",))}
    if config.firmware != "bios":
        recipe |= {"firmware": guest.package_versions(("ovmf",)), "script": boot.efi_script(guest.get().kernels),
                   "efi": [inspect.getsource(part) for part in efi_guest.PREPARATION]}
    entry = cache.build_once("session", recipe, lambda out: _make(config, disk, out))
    facts = json.loads((entry / "session.json").read_text(encoding="utf-8"))
    return Hibernated(config, entry / "disk.qcow2", disk, proof.Proof(**facts["proof"]), facts["resume_offset"],
                      facts["seconds"], entry / "second.qcow2" if config.second else None,
                      tuple(storage.Segment(**segment) for segment in facts["segments"]),
                      entry / "variables.fd" if config.firmware != "bios" else None)


@contextmanager
def resume(session: Hibernated, result_dir: Path, entry: str = "thaw", image: Path | None = None,
           boot: grub_run.Boot | None = None, hardware: Hardware | None = None, drive: dict | None = None,
           second: Path | None = None, asleep: bool = False, more: tuple[Drive, ...] = (), **options):
    """Power on overlays of a hibernated session's disks; yields a Powered.

    entry: who resumes, "linux" or "thaw"; image, second: overlays made already; asleep: the second disk, see
    machine.Drive; boot: replaces the default Boot, which gives `resume=` to both the loader and the kernel; more: drives
    behind the session's own.
    """
    result_dir.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = disks.overlay(session.path, result_dir / "disk.qcow2")
    if session.second:
        second = second or disks.overlay(session.second, result_dir / "second.qcow2")
        more = (session.config.second_drive(second, asleep=asleep), *more)
    if boot is None:
        boot = default_boot(session, entry)
    if session.variables:
        options.setdefault("variables", session.variables)
    with power_on(image, session.disk, boot, hardware or session.config.hardware(), result_dir,
                  drive={"ssd": session.config.fragmented, **(drive or {})}, more=more, **options) as on:
        yield on


def default_boot(session: Hibernated, entry: str = "thaw", **changes) -> grub_run.Boot:
    """The usual Boot of a session: the kernel it was made with and its `resume=` for both."""
    words = session.resume_words()
    if entry == "linux":
        entry = session.config.boot().entry  # the memory map that a kernel is given depends on who starts it
    boot = grub_run.Boot(entry=entry, kernel=session.config.kernel,
                         cmdline=f"{words} {session.config.cmdline}".rstrip(), thaw_args=words)
    return replace(boot, **changes)
