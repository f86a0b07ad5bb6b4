# SPDX-License-Identifier: GPL-2.0-or-later
"""Filesystems that hold the normal kernel, for the loader to read it from, each on a disk of its own.

Made on the host with the tools of Debian 12 and kept in the cache.
"""

from __future__ import annotations

import inspect
import json
import random
import re
import struct
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import cache
import disk as disks
import grub_run
import guest
from errors import HarnessError

MIB = 1 << 20
KERNEL = "6.12"
START = MIB  # of the only partition
FAT_UUID = "7A11-B007"
FOLDER = "Images_of_Debian/kernels"
# kind: size in MiB, size of a block, and the command that makes the filesystem in a file; {tree} is what it shall hold.
# "ext4-small" is what Debian makes of a /boot of its own: below 512 MiB mke2fs takes blocks of 1024 bytes.
EXT = "mke2fs -q -F -L thaw-boot -U {uuid} -E lazy_itable_init=0,lazy_journal_init=0"
KINDS = {
    "ext4": (96, 4096, EXT + " -t ext4 -b 4096 -d {tree} {image}"),
    "ext4-4kn": (96, 4096, EXT + " -t ext4 -b 4096 -d {tree} {image}"),  # without a partition table
    "ext4-small": (96, 1024, EXT + " -t ext4 -d {tree} {image}"),
    "ext2-1k": (96, 1024, EXT + " -t ext2 -b 1024 -I 128 -d {tree} {image}"),
    "ext3-2k": (96, 2048, EXT + " -t ext3 -b 2048 -d {tree} {image}"),
    "ext4-usual": (128, 4096, EXT + " -t ext4 -b 4096 -d {tree} {image}"),  # the initrd is as large as Debian's own
    "fat32": (96, 512, "mkfs.vfat -F 32 -s 1 -n THAWBOOT -i {fat} {image}"),
    "fat32-4k": (288, 4096, "mkfs.vfat -F 32 -S 4096 -s 1 -n THAWBOOT -i {fat} {image}"),
    "btrfs": (112, 4096, ""),
}
BTRFS_SUPERBLOCK = 64 << 10
USUAL_INITRD_MIB = 32  # what MODULES=most makes, Debian's default; the guest's own has fewer modules
LINK = "/vmlinuz"  # to the kernel, as Debian has it (ext only)


@dataclass(frozen=True)
class KernelDisk:
    """path: raw file; start: byte offset of the filesystem; vmlinuz, initrds: paths in it; extents: path -> byte ranges
    (start, length) in the disk, in file order (ext only)."""

    path: Path
    kind: str
    start: int
    uuid: str
    vmlinuz: str
    initrds: tuple[str, ...]
    extents: dict[str, tuple[tuple[int, int], ...]]

    def files(self, initrds: int = 1) -> grub_run.Files:
        """As the loader's options name them; initrds: how many."""
        return grub_run.Files(self.uuid, self.vmlinuz, self.initrds[:initrds])


def cpio(files: dict[str, bytes]) -> bytes:
    """A cpio archive (newc) with these files and their directories, and not a byte behind its end."""
    entries: dict[str, bytes | None] = {}
    for name, data in files.items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            entries["/".join(parts[:depth])] = None
        entries[name] = data
    out = bytearray()

    def add(number: int, name: str, mode: int, data: bytes) -> None:
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.extend(b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0")
        out.extend(bytes(-len(out) % 4))
        out.extend(data)
        out.extend(bytes(-len(out) % 4))

    for number, (name, data) in enumerate(entries.items(), 1):
        add(number, name, 0o040755 if data is None else 0o100644, data or b"")
    out.extend(b"070701" + b"%08x" * 13 % (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0) + b"TRAILER!!!\0")
    return bytes(out)


def marker(number: int) -> bytes:
    """What initrd `number` adds: the initramfs says it when it starts, and a later one's is said instead."""
    return cpio({"conf/conf.d/thaw-test": f"echo thaw-test: initrd {number} > /dev/kmsg\n".encode(),
                 f"conf/conf.d/thaw-test-{number}": f"echo thaw-test: part {number} > /dev/kmsg\n".encode()})


def root_file(path: str) -> bytes:
    """A file of the guest's root filesystem, as it was made."""
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "copy"
        run = subprocess.run(["debugfs", "-R", f"dump {path} {copy}", str(guest.get().image)], capture_output=True,
                             text=True, check=False)
        if not copy.exists() or copy.stat().st_size == 0:
            raise HarnessError(f"debugfs: {run.stdout} {run.stderr}")
        return copy.read_bytes()


def _fill(tree: Path, root: guest.Guest, initrd_mib: int = 0) -> tuple[str, tuple[str, ...]]:
    """Put the kernel and three initrds into a directory; returns their paths from there.

    initrd_mib: make the first initrd this large, by a file that nothing reads.
    """
    version = root.kernels[KERNEL]
    folder = tree / FOLDER
    folder.mkdir(parents=True)
    for name in (f"vmlinuz-{version}", f"initrd.img-{version}"):
        data = root_file(f"/boot/{name}")
        if name.startswith("initrd") and initrd_mib:
            filler = random.Random(name).randbytes(initrd_mib * MIB - len(data))
            data += bytes(-len(data) % 4) + cpio({"thaw-filler": filler})
        (folder / name).write_bytes(data)
    names = [f"vmlinuz-{version}", f"initrd.img-{version}"]
    for number in (2, 3):
        names.append(f"A-long-name-of-part-{number}.cpio")
        (folder / names[-1]).write_bytes(marker(number))
    # A directory that does not fit into one block.
    for number in range(120):
        (folder / f"config-of-some-older-kernel-of-this-machine-{number:03}").write_bytes(b"# nothing\n")
    return f"/{FOLDER}/{names[0]}", tuple(f"/{FOLDER}/{name}" for name in names[1:])


def _make_filesystem(kind: str, tree: Path, image: Path, fs_uuid: str) -> None:
    size_mib, _, command = KINDS[kind]
    with open(image, "wb") as out:
        out.truncate(size_mib * MIB)
    if kind == "btrfs":
        # Its superblock is all that a loader sees which does not read it.
        block = bytearray(4096)
        block[32:48] = uuid.UUID(fs_uuid).bytes
        struct.pack_into("<QQ8s", block, 48, BTRFS_SUPERBLOCK, 1, b"_BHRfS_M")
        with open(image, "r+b") as out:
            out.seek(BTRFS_SUPERBLOCK)
            out.write(block)
        return
    words = command.format(uuid=fs_uuid, fat=FAT_UUID.replace("-", ""), tree=tree, image=image).split()
    runs = [words]
    if kind.startswith("fat"):
        runs += [["mcopy", "-s", "-Q", "-i", str(image), str(entry), "::/"] for entry in sorted(tree.iterdir())]
    else:
        link = f"symlink {LINK} {FOLDER}/vmlinuz-{guest.get().kernels[KERNEL]}"
        runs += [["debugfs", "-w", "-R", link, str(image)]]
    for run in runs:
        done = subprocess.run(run, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HarnessError(f"{' '.join(run)}: {done.stdout} {done.stderr}")


def extents(image: Path, path: str, offset: int, block_bytes: int) -> list[tuple[int, int]]:
    """Byte ranges of a file of an ext2, 3 or 4 image that lies `offset` bytes into a disk, as `blocks` names them:
    with the blocks of its own metadata in between."""
    run = subprocess.run(["debugfs", "-R", f"blocks {path}", str(image)], capture_output=True, text=True, check=False)
    blocks = [int(word) for word in run.stdout.split()]
    if not blocks:
        raise HarnessError(f"{path} has no blocks in {image}: {run.stderr}")
    ranges: list[list[int]] = []
    for block in blocks:
        if ranges and ranges[-1][0] + ranges[-1][1] == block * block_bytes + offset:
            ranges[-1][1] += block_bytes
        else:
            ranges.append([block * block_bytes + offset, block_bytes])
    return [tuple(entry) for entry in ranges]


def _build(kind: str, root: guest.Guest, out: Path) -> None:
    cache.progress(f"kernel disk: {kind}")
    fs_uuid = FAT_UUID if kind.startswith("fat") else str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{kind}.boot.thaw.invalid"))
    start = 0 if kind in ("ext4-4kn", "fat32-4k") else START
    with tempfile.TemporaryDirectory() as work:
        tree, image = Path(work) / "tree", Path(work) / "image"
        vmlinuz, initrds = _fill(tree, root, USUAL_INITRD_MIB if kind == "ext4-usual" else 0)
        _make_filesystem(kind, tree, image, fs_uuid)
        places = {}
        if kind.startswith("ext"):
            places = {path: extents(image, path, start, KINDS[kind][1]) for path in (vmlinuz, *initrds)}
        disk = out / "disk.raw"
        with open(disk, "wb") as handle:
            handle.truncate(start + image.stat().st_size + (MIB if start else 0))
        if start:
            table = f"label: dos\nunit: sectors\nstart={start // 512}, size={image.stat().st_size // 512}, type=83\n"
            subprocess.run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(disk)], input=table, text=True,
                           capture_output=True, check=True)
        subprocess.run(["dd", f"if={image}", f"of={disk}", "bs=1M", f"seek={start // MIB}", "conv=sparse,notrunc",
                        "status=none"], check=True)
    layout = {"start": start, "uuid": fs_uuid, "vmlinuz": vmlinuz, "initrds": initrds, "extents": places}
    (out / "layout.json").write_text(json.dumps(layout), encoding="ascii")


def get(kind: str = "ext4") -> KernelDisk:
    """The disk of a kind, built when the cache has none (a second)."""
    root = guest.get()
    recipe = {"kind": kind, "guest": root.image.parent.name, "spec": KINDS[kind], "start": START,
              "how": [inspect.getsource(part) for part in (cpio, marker, _fill, _make_filesystem, extents, _build)],
              "tools": guest.package_versions(("e2fsprogs", "dosfstools", "mtools"))}
    entry = cache.build_once("kernel", recipe, lambda out: _build(kind, root, out))
    layout = json.loads((entry / "layout.json").read_text(encoding="ascii"))
    layout["initrds"] = tuple(layout["initrds"])
    layout["extents"] = {path: tuple(map(tuple, ranges)) for path, ranges in layout["extents"].items()}
    return KernelDisk(entry / "disk.raw", kind, **layout)


def metadata(disk: KernelDisk) -> dict[str, int]:
    """Byte offsets in the disk of metadata that stands between the loader and the kernel (ext4 only)."""
    with tempfile.TemporaryDirectory() as work:
        image = disks.copy_range(disk.path, disk.start, disk.path.stat().st_size - disk.start - MIB, Path(work) / "fs")
        run = subprocess.run(["debugfs", "-R", f"imap {disk.vmlinuz}", str(image)], capture_output=True, text=True,
                             check=False)
        found = re.search(r"located at block (\d+), offset 0x([0-9a-f]+)", run.stdout)
        if found is None:
            raise HarnessError(f"debugfs imap: {run.stdout} {run.stderr}")
        directory = extents(image, disk.vmlinuz.rpartition("/")[0], disk.start, 4096)[0][0]
    inode = disk.start + int(found[1]) * 4096 + int(found[2], 16)
    return {
        "superblock": disk.start + 1024 + 0x20,         # s_blocks_per_group
        "superblock-features": disk.start + 1024 + 0x63,  # s_feature_incompat, a bit that nobody knows
        "group": disk.start + 4096 + 8,                 # bg_inode_table_lo
        "inode-size": inode + 4,                        # i_size_lo
        "extent": inode + 0x28 + 12 + 8,                # ee_start_lo of the first extent
        "directory": directory + 28,                    # of the third entry
    }


if __name__ == "__main__":
    for _kind in KINDS:
        print(get(_kind))
    print(metadata(get("ext4")))
