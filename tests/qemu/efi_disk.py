# SPDX-License-Identifier: GPL-2.0-or-later
"""Test disks for UEFI: a GPT, an EFI system partition (FAT32), the guest's root filesystem, swap partitions.

The system partition is made once, of files that keep their places; a run rewrites their bytes in an overlay, as with
the slots of disk.py, and the length in their directory entries: a signed program must be exactly as long as it was.
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
import disk as disks
import guest
from errors import HarnessError

ESP_MIB = 128
ESP_LABEL = "thaw-esp"
GPT_ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
GRUB_MODULES = Path("/usr/lib/grub/x86_64-efi")
# The whole of GRUB in one file: the guest's own module directory is the BIOS GRUB's.
GRUB_CORE_MODULES = ("part_gpt", "ext2", "fat", "normal", "configfile", "echo", "test", "search", "search_fs_uuid", "linux",
                     "chain", "boot", "loadenv", "minicmd", "sleep", "halt", "reboot", "true", "efi_gop", "video")
# Where signed GRUB and this one look for their first commands.
GRUB_DIRECTORY = "/EFI/debian"
GRUB_CONFIG = f"""\
search --no-floppy --fs-uuid --set=root {guest.FS_UUID}
set prefix=($root)/boot/grub
configfile $prefix/grub.cfg
"""
LOADER = "/EFI/thaw/thawx64.efi"
LOADER_OPTIONS = "/EFI/thaw/thaw.conf"
GRUBENV = "/EFI/thaw/grubenv"
FIRST = "/EFI/BOOT/BOOTX64.EFI"
NEXT = "/EFI/BOOT/grubx64.efi"
OPTIONS = "/EFI/BOOT/thaw.conf"
ROOT_LOADER = "/boot/thaw/thawx64.efi"
# Files of the system partition whose bytes a run may replace: name -> room in bytes.
ROOM = {FIRST: 5 << 20, NEXT: 5 << 20, OPTIONS: 4096, LOADER: 2 << 20, LOADER_OPTIONS: 4096, GRUBENV: 1024}
GRUBENV_EMPTY = b"# GRUB Environment Block\n".ljust(1024, b"#")


@dataclass(frozen=True)
class EfiSpec(disks.DiskSpec):
    """As DiskSpec, always with a GPT, an EFI system partition and the root partition."""

    table: str = "gpt"


@dataclass(frozen=True)
class Place:
    """A file of the system partition: byte offsets in the disk of its data and of the length in its directory entry,
    and the room it has."""

    data: int
    length_field: int
    room: int


@dataclass(frozen=True)
class EfiDisk(disks.Disk):
    """A disk that a UEFI firmware boots.  esp: the system partition; places: its rewritable files."""

    esp: disks.Partition | None = None
    places: dict[str, Place] = field(default_factory=dict)


def kernel_path(kind: str, version: str) -> str:
    """Path in the system partition of a kernel ("vmlinuz") or its initramfs ("initrd"), for the EFI stub."""
    return f"/EFI/linux/{kind}-{version}"


def make_grub() -> bytes:
    """GRUB as one EFI program."""
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "grubx64.efi"
        run = subprocess.run(["grub-mkimage", "-O", "x86_64-efi", "-o", str(path), "-p", GRUB_DIRECTORY, *GRUB_CORE_MODULES],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise HarnessError(f"grub-mkimage: {run.stderr}")
        return path.read_bytes()


def _sfdisk_script(spec: EfiSpec, root_mib: int) -> tuple[str, int]:
    """(sfdisk's input, size of the disk in MiB)."""
    lines = ["label: gpt", "unit: sectors",
             "label-id: " + str(uuid.uuid5(uuid.NAMESPACE_DNS, "efi-disk.thaw.invalid")).upper()]
    at = 1
    parts = [(ESP_MIB, GPT_ESP, ESP_LABEL), (root_mib, disks.GPT_LINUX, "thaw-root"),
             *((1, disks.GPT_RESERVED, f"thaw-filler-{number}") for number in range(spec.fillers)),
             *((swap.size_mib, disks.GPT_SWAP, swap.label) for swap in spec.swaps)]
    for size_mib, kind, name in parts:
        lines.append(f"start={at * 2048}, size={size_mib * 2048}, type={kind}, name={name}, "
                     f"uuid={uuid.uuid5(uuid.NAMESPACE_DNS, name + '.efi-part.thaw.invalid')}")
        at += size_mib
    return "\n".join(lines) + "\n", at + 1


def _mtools(image: Path, command: str, *arguments: str) -> str:
    run = subprocess.run([command, "-i", str(image), *arguments], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"{command} {' '.join(arguments)}: {run.stderr}")
    return run.stdout


def _find_place(image: Path, path: str, room: int) -> Place:
    """Where a file of a FAT32 image is, as offsets in the image; it must be in one piece and `room` bytes long."""
    match = re.search(r"<(\d+)(?:-(\d+))?>\s*$", _mtools(image, "mshowfat", f"::{path}"))
    if match is None:
        raise HarnessError(f"{path} is not in one piece")
    first = int(match[1])
    data = image.read_bytes()
    per_cluster, reserved, tables = struct.unpack_from("<BHB", data, 13)
    table_sectors = struct.unpack_from("<I", data, 36)[0]
    start = (reserved + tables * table_sectors) * disks.SECTOR

    def entry_fits(at: int) -> bool:
        high, low, size = struct.unpack_from("<H4xHI", data, at + 20)
        return high << 16 | low == first and size == room and data[at + 11] & 0x18 == 0

    entries = []
    at = data.find(struct.pack("<HI", first & 0xFFFF, room), start)
    while at >= 0:
        if (at - 26) % 32 == 0 and entry_fits(at - 26):
            entries.append(at - 26)
        at = data.find(struct.pack("<HI", first & 0xFFFF, room), at + 1)
    if len(entries) != 1:
        raise HarnessError(f"{path} has {len(entries)} directory entries")
    return Place(start + (first - 2) * per_cluster * disks.SECTOR, entries[0] + 28, room)


def _make_esp(root: guest.Guest, image: Path) -> dict[str, Place]:
    with open(image, "wb") as handle:
        handle.truncate(ESP_MIB * disks.MIB)
    run = subprocess.run(["mkfs.vfat", "-F", "32", "-s", "1", "-n", "THAWESP", "-i", "74686177", str(image)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"mkfs.vfat: {run.stderr}")
    _mtools(image, "mmd", "::/EFI", "::/EFI/BOOT", f"::{GRUB_DIRECTORY}", "::/EFI/thaw", "::/EFI/linux")
    with tempfile.TemporaryDirectory(dir=image.parent) as work:
        source = Path(work) / "file"

        def add(path: str, data: bytes) -> None:
            source.write_bytes(data)
            _mtools(image, "mcopy", str(source), f"::{path}")

        for path, room in ROOM.items():
            add(path, b"nothing\n" * (room // 8))
        add(f"{GRUB_DIRECTORY}/grub.cfg", GRUB_CONFIG.encode())
        for version in root.kernels.values():
            for kind, name in (("vmlinuz", f"vmlinuz-{version}"), ("initrd", f"initrd.img-{version}")):
                run = subprocess.run(["debugfs", "-R", f"dump /boot/{name} {source}", str(root.image)], capture_output=True,
                                     text=True, check=False)
                if not source.stat().st_size:
                    raise HarnessError(f"debugfs: {name}: {run.stderr}")
                add(kernel_path(kind, version), source.read_bytes())
    return {path: _find_place(image, path, room) for path, room in ROOM.items()}


def _copy_in(source: Path, path: Path, start: int) -> None:
    subprocess.run(["dd", f"if={source}", f"of={path}", "bs=1M", f"seek={start // disks.MIB}", "conv=sparse,notrunc",
                    "status=none"], check=True)


def _copy_root(root: guest.Guest, path: Path, start: int) -> None:
    """The root filesystem, with a second name for its loader's slot."""
    with tempfile.TemporaryDirectory(dir=path.parent) as work:
        image = Path(work) / "root.ext4"
        subprocess.run(["cp", "--sparse=always", str(root.image), str(image)], check=True)
        name = guest.SLOTS["thaw"]
        commands = f"ln {name} {ROOT_LOADER}\nset_inode_field {name} links_count 2\nquit\n"
        run = subprocess.run(["debugfs", "-w", str(image)], input=commands, capture_output=True, text=True, check=False)
        if subprocess.run(["e2fsck", "-fn", str(image)], capture_output=True, check=False).returncode != 0:
            raise HarnessError(f"debugfs left a broken filesystem: {run.stdout} {run.stderr}")
        _copy_in(image, path, start)


def _build(spec: EfiSpec, root: guest.Guest, out: Path) -> None:
    cache.progress(f"disk: making a disk for UEFI with {len(spec.swaps)} swap partition(s)")
    path = out / "disk.raw"
    script, size_mib = _sfdisk_script(spec, guest.SIZE_MIB)
    with open(path, "wb") as disk:
        disk.truncate(size_mib * disks.MIB)
    run = subprocess.run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(path)], input=script, text=True,
                         capture_output=True, check=False)
    if run.returncode != 0:
        raise HarnessError(f"sfdisk refused: {run.stderr}\n{script}")
    parts = disks._partition_list(path)
    esp = next(part for part in parts if part["type"] == GPT_ESP)
    root_part = next(part for part in parts if part["type"] == disks.GPT_LINUX)
    swap_parts = [part for part in parts if part["type"] == disks.GPT_SWAP]
    for part, swap in zip(swap_parts, spec.swaps, strict=True):
        disks._make_swap(path, part, swap)
    esp_image = out / "esp.fat"
    places = _make_esp(root, esp_image)
    _copy_in(esp_image, path, esp["start"])
    esp_image.unlink()
    _copy_root(root, path, root_part["start"])
    layout = {"root": root_part, "esp": esp, "swaps": dict(zip((s.label for s in spec.swaps), swap_parts)),
              "places": {name: asdict(place) for name, place in places.items()}}
    (out / "layout.json").write_text(json.dumps(layout), encoding="ascii")
    made = _load(out, spec, root)
    for name, data in ((FIRST, make_grub()), (NEXT, make_grub()), (OPTIONS, b"\n"), (LOADER, b"\n"), (LOADER_OPTIONS, b"\n"),
                       (GRUBENV, GRUBENV_EMPTY)):
        write_file(path, made, name, data)


def _load(entry: Path, spec: EfiSpec, root: guest.Guest) -> EfiDisk:
    layout = json.loads((entry / "layout.json").read_text(encoding="ascii"))

    def partition(values: dict) -> disks.Partition:
        return disks.Partition(**{key: values[key] for key in ("number", "start", "size", "partuuid")})

    root_part, esp = partition(layout["root"]), partition(layout["esp"])
    slots = {name: tuple((root_part.start + start, length) for start, length in ranges)
             for name, ranges in root.slots.items()}
    places = {name: Place(esp.start + place["data"], esp.start + place["length_field"], place["room"])
              for name, place in layout["places"].items()}
    return EfiDisk(entry / "disk.raw", spec, root_part,
                   {label: partition(values) for label, values in layout["swaps"].items()}, slots, esp, places)


def get(spec: EfiSpec = EfiSpec()) -> EfiDisk:
    """The base disk of a specification, built when the cache has none (some seconds)."""
    root = guest.get()
    parts = (make_grub, _sfdisk_script, _find_place, _make_esp, _copy_root, _build, disks._make_swap)
    recipe = {"spec": asdict(spec), "guest": root.image.parent.name, "modules": GRUB_CORE_MODULES, "config": GRUB_CONFIG,
              "room": ROOM, "esp": ESP_MIB, "how": [inspect.getsource(part) for part in parts],
              "grub": guest.package_versions(("grub-efi-amd64-bin",))}
    return _load(cache.build_once("efi-disk", recipe, lambda out: _build(spec, root, out)), spec, root)


def write_file(image: Path, disk: EfiDisk, path: str, data: bytes) -> None:
    """Give a rewritable file of the system partition of `image` (an overlay of `disk`) these bytes, and no others."""
    place = disk.places[path]
    if len(data) > place.room:
        raise HarnessError(f"{len(data)} bytes do not fit into the {place.room} of {path}")
    disks.write_bytes(image, [(place.data, data), (place.length_field, struct.pack("<I", len(data)))])


def read_file(image: Path, disk: EfiDisk, path: str) -> bytes:
    """The bytes of a rewritable file of the system partition."""
    place = disk.places[path]
    length = struct.unpack("<I", disks.read_bytes(image, place.length_field, 4))[0]
    return disks.read_bytes(image, place.data, length)
