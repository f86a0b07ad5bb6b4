# SPDX-License-Identifier: GPL-2.0-or-later
"""Bootable test disks: a partition table, GRUB in the boot sector, the guest's root filesystem, swap partitions.

A base disk is a sparse raw file in the cache; every use is a qcow2 overlay over it.  What GRUB does in a run, and the
loader it starts, are bytes at known places of the overlay (`write_slot`): no filesystem is opened for it, so it is
safe on the disk of a hibernated session.
"""

from __future__ import annotations

import inspect
import json
import re
import struct
import subprocess
import tempfile
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cache
import guest
from errors import HarnessError

SECTOR = 512
MIB = 1 << 20
GRUB_CORE_MODULES = ("biosdisk", "part_msdos", "part_gpt", "ext2", "normal", "configfile", "serial", "terminal")
GPT_BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
GPT_SWAP = "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"
GPT_RESERVED = "8DA63339-0007-60C0-C436-083AC8230908"
GPT_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


@dataclass(frozen=True)
class Swap:
    """A swap partition: size in MiB, label (its UUID is derived from the label)."""

    size_mib: int = 1024
    label: str = "thaw-swap"

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.label}.swap.thaw.invalid"))


@dataclass(frozen=True)
class DiskSpec:
    """What a base disk looks like.

    table: "mbr" or "gpt"; swaps: the swap partitions, behind the root partition; logical: put them into an extended
    partition (MBR only); root: False leaves GRUB and the root filesystem out (a second disk); fillers: so many empty
    partitions before the swap partitions (GPT only).
    """

    table: str = "mbr"
    swaps: tuple[Swap, ...] = (Swap(),)
    logical: bool = False
    root: bool = True
    fillers: int = 0


@dataclass(frozen=True)
class Partition:
    """One partition: number, start and size in bytes, PARTUUID as Linux writes it."""

    number: int
    start: int
    size: int
    partuuid: str


@dataclass(frozen=True)
class Disk:
    """A base disk.  path: the raw file; root: its root partition; swaps: label -> partition; slots as in guest.Guest
    but as byte offsets in the disk."""

    path: Path
    spec: DiskSpec
    root: Partition | None
    swaps: dict[str, Partition]
    slots: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def _sfdisk_script(spec: DiskSpec, root_mib: int) -> tuple[str, int]:
    """(sfdisk's input, size of the disk in MiB)."""
    lines = ["label: " + ("dos" if spec.table == "mbr" else "gpt"), "unit: sectors"]
    if spec.table == "mbr":
        lines.append("label-id: 0x74686177")
    else:
        lines.append("label-id: " + str(uuid.uuid5(uuid.NAMESPACE_DNS, "disk.thaw.invalid")).upper())
    at = 1
    linux, swap = ("83", "82") if spec.table == "mbr" else (GPT_LINUX, GPT_SWAP)

    def add(size_mib: int, kind: str, name: str) -> None:
        nonlocal at
        line = f"start={at * 2048}, size={size_mib * 2048}, type={kind}"
        if spec.table == "gpt":
            line += f", name={name}, uuid={uuid.uuid5(uuid.NAMESPACE_DNS, name + '.part.thaw.invalid')}"
        lines.append(line)
        at += size_mib

    if spec.root:
        if spec.table == "gpt":
            add(1, GPT_BIOS_BOOT, "bios")
        add(root_mib, linux, "thaw-root")
    for number in range(spec.fillers):
        add(1, GPT_RESERVED, f"thaw-filler-{number}")
    if spec.logical:
        total = sum(s.size_mib + 1 for s in spec.swaps)
        lines.append(f"start={at * 2048}, size={total * 2048}, type=5")
    for index, part in enumerate(spec.swaps):
        if spec.logical:
            if index == 0 and not spec.root:
                raise HarnessError("a disk of logical partitions needs a root partition before them")
            at += 1
            number = 5 + index
            lines.append(f"{number}: start={at * 2048}, size={part.size_mib * 2048}, type={swap}")
            at += part.size_mib
        else:
            add(part.size_mib, swap, part.label)
    return "\n".join(lines) + "\n", at + 1


def _partition_list(path: Path) -> list[dict]:
    run = subprocess.run(["sfdisk", "--json", str(path)], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"sfdisk --json {path}: {run.stderr}")
    table = json.loads(run.stdout)["partitiontable"]
    result = []
    for entry in table["partitions"]:
        number = int(re.search(r"(\d+)$", entry["node"])[1])
        if table["label"] == "dos":
            partuuid = f"{int(table['id'], 16):08x}-{number:02x}"
        else:
            partuuid = entry["uuid"].lower()
        result.append({"number": number, "start": entry["start"] * SECTOR, "size": entry["size"] * SECTOR,
                       "partuuid": partuuid, "type": entry["type"].upper()})
    return result


def _install_grub(path: Path, prefix: str, core_lba: int) -> None:
    """Put boot.img and core.img on the disk without grub-install; core.img starts at sector `core_lba`."""
    with tempfile.TemporaryDirectory() as work:
        core_path = Path(work) / "core.img"
        subprocess.run(["grub-mkimage", "-O", "i386-pc", "-o", str(core_path), "-p", prefix, *GRUB_CORE_MODULES],
                       check=True, capture_output=True)
        core = bytearray(core_path.read_bytes())
    boot = bytearray((guest.GRUB_MODULES / "boot.img").read_bytes()[:440])
    struct.pack_into("<Q", boot, 0x5C, core_lba)
    # The block list at the end of core.img's first sector: where its second sector is (its length is there already).
    struct.pack_into("<Q", core, SECTOR - 12, core_lba + 1)
    if core_lba * SECTOR + len(core) > (MIB if core_lba == 1 else 2 * MIB):
        raise HarnessError(f"GRUB's core image of {len(core)} bytes does not fit before the first filesystem")
    with open(path, "r+b") as disk:
        disk.write(boot)
        disk.seek(core_lba * SECTOR)
        disk.write(core)


def _make_swap(path: Path, part: dict, swap: Swap) -> None:
    with tempfile.NamedTemporaryFile() as area:
        area.truncate(part["size"])
        subprocess.run(["mkswap", "-q", "-U", swap.uuid, "-L", swap.label, area.name], check=True,
                       capture_output=True)
        area.seek(0)
        header = area.read(4096)
    with open(path, "r+b") as disk:
        disk.seek(part["start"])
        disk.write(header)


def _build(spec: DiskSpec, root: guest.Guest, out: Path) -> None:
    cache.progress(f"disk: making a {spec.table} disk with {len(spec.swaps)} swap partition(s)")
    path = out / "disk.raw"
    script, size_mib = _sfdisk_script(spec, guest.SIZE_MIB)
    with open(path, "wb") as disk:
        disk.truncate(size_mib * MIB)
    run = subprocess.run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(path)], input=script, text=True,
                         capture_output=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"sfdisk refused: {run.stderr}\n{script}")
    parts = _partition_list(path)
    swap_parts = [p for p in parts if p["type"] in ("82", GPT_SWAP)]
    if len(swap_parts) != len(spec.swaps):
        raise HarnessError(f"{len(swap_parts)} swap partitions instead of {len(spec.swaps)}")
    for part, swap in zip(swap_parts, spec.swaps):
        _make_swap(path, part, swap)
    root_part = next((p for p in parts if p["type"] in ("83", GPT_LINUX)), None)
    if root_part:
        subprocess.run(["dd", f"if={root.image}", f"of={path}", "bs=1M", f"seek={root_part['start'] // MIB}",
                        "conv=sparse,notrunc", "status=none"], check=True)
        table = "msdos" if spec.table == "mbr" else "gpt"
        bios = next((p for p in parts if p["type"] == GPT_BIOS_BOOT), None)
        _install_grub(path, f"(hd0,{table}{root_part['number']})/boot/grub",
                      bios["start"] // SECTOR if bios else 1)
    layout = {"root": root_part, "swaps": dict(zip((s.label for s in spec.swaps), swap_parts))}
    (out / "layout.json").write_text(json.dumps(layout), encoding="ascii")


def get(spec: DiskSpec = DiskSpec()) -> Disk:
    """The base disk of a specification, built when the cache has none (some seconds)."""
    root = guest.get()
    parts = (_sfdisk_script, _partition_list, _install_grub, _make_swap, _build)
    recipe = {"spec": asdict(spec), "guest": root.image.parent.name, "modules": GRUB_CORE_MODULES,
              "how": [inspect.getsource(part) for part in parts]}
    entry = cache.build_once("disk", recipe, lambda out: _build(spec, root, out))
    layout = json.loads((entry / "layout.json").read_text(encoding="ascii"))

    def partition(values: dict) -> Partition:
        return Partition(**{key: values[key] for key in ("number", "start", "size", "partuuid")})

    root_part = partition(layout["root"]) if layout["root"] else None
    slots = {}
    if root_part:
        for name, ranges in root.slots.items():
            slots[name] = tuple((root_part.start + start, length) for start, length in ranges)
    return Disk(entry / "disk.raw", spec, root_part,
                {label: partition(values) for label, values in layout["swaps"].items()}, slots)


def overlay(base: Path, path: Path) -> Path:
    """A new qcow2 file at `path` over `base` (raw or qcow2, told by its name); returns `path`."""
    kind = "qcow2" if base.suffix == ".qcow2" else "raw"
    run = subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(base.resolve()), str(path)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"qemu-img create: {run.stderr}")
    return path


def grow(image: Path, size_gib: int) -> None:
    """Make a qcow2 file's disk so large.  The backup of its GPT stays where it was."""
    run = subprocess.run(["qemu-img", "resize", "-q", str(image), f"{size_gib}G"], capture_output=True, text=True,
                         check=False)
    if run.returncode != 0:
        raise HarnessError(f"qemu-img resize: {run.stderr}")


def blank(path: Path, size_mib: int) -> Path:
    """A new, empty qcow2 file; returns `path`."""
    run = subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), f"{size_mib}M"], capture_output=True,
                         text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"qemu-img create: {run.stderr}")
    return path


def _qemu_io(image: Path, commands: list[str]) -> str:
    arguments = ["qemu-io", "-f", "qcow2" if image.suffix == ".qcow2" else "raw"]
    for command in commands:
        arguments += ["-c", command]
    run = subprocess.run([*arguments, str(image)], capture_output=True, text=True, check=False)
    if run.returncode != 0 or "failed" in run.stdout or "rror" in run.stderr:
        raise HarnessError(f"qemu-io {commands}: {run.stdout} {run.stderr}")
    return run.stdout


def write_bytes(image: Path, writes: list[tuple[int, bytes]]) -> None:
    """Write (offset, bytes) pairs into a raw or qcow2 image; any offset and length."""
    with tempfile.TemporaryDirectory() as work:
        commands = []
        for index, (offset, data) in enumerate(writes):
            first = offset // SECTOR * SECTOR
            end = -(-(offset + len(data)) // SECTOR) * SECTOR
            if (first, end) != (offset, offset + len(data)):
                whole = bytearray(read_bytes(image, first, end - first))
                whole[offset - first:offset - first + len(data)] = data
                data = bytes(whole)
            source = Path(work) / str(index)
            source.write_bytes(data)
            commands.append(f"write -q -s {source} {first} {len(data)}")
        _qemu_io(image, commands)


def copy_range(image: Path, offset: int, length: int, path: Path) -> Path:
    """Copy bytes of a raw or qcow2 image (through its backing files) into a sparse raw file; multiples of 512."""
    kind = "qcow2" if image.suffix == ".qcow2" else "raw"
    source = f"driver=raw,offset={offset},size={length},file.driver={kind},file.file.driver=file," \
             f"file.file.filename={image}"
    if kind == "raw":
        source = f"driver=raw,offset={offset},size={length},file.driver=file,file.filename={image}"
    run = subprocess.run(["qemu-img", "convert", "--image-opts", source, "-O", "raw", str(path)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"qemu-img convert: {run.stderr}")
    return path


def read_bytes(image: Path, offset: int, length: int) -> bytes:
    """Bytes of a raw or qcow2 image, through all its backing files."""
    first = offset // SECTOR * SECTOR
    end = -(-(offset + length) // SECTOR) * SECTOR
    with tempfile.TemporaryDirectory() as work:
        data = copy_range(image, first, end - first, Path(work) / "bytes").read_bytes()
    return data[offset - first:offset - first + length]


def write_slot(image: Path, disk: Disk, slot: str, data: bytes) -> None:
    """Put `data` at the place of a slot's file, the rest of the file filled up with zeros."""
    ranges = disk.slots[slot]
    total = sum(length for _, length in ranges)
    if len(data) > total:
        raise HarnessError(f"{len(data)} bytes do not fit into the {total} of slot {slot}")
    data = data.ljust(total, b"\0")
    writes = []
    at = 0
    for start, length in ranges:
        writes.append((start, data[at:at + length]))
        at += length
    write_bytes(image, writes)


def differing_ranges(image: Path, base: Path) -> list[tuple[int, int]]:
    """Byte ranges (start, length) that the qcow2 file `image` itself holds, in whole clusters, not its backing files.

    Only those whose bytes differ from `base` are named.
    """
    run = subprocess.run(["qemu-img", "map", "--output=json", str(image)], capture_output=True, text=True, check=True)
    result = []
    for entry in json.loads(run.stdout):
        if entry["depth"] == 0 and entry["data"]:
            start, length = entry["start"], entry["length"]
            if read_bytes(image, start, length) != read_bytes(base, start, length):
                result.append((start, length))
    return result
