#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of real filesystems, made by mke2fs and mkfs.vfat, are found and read as they are; what is damaged is refused.

Usage: test_files.py TOOL DIRECTORY.  TOOL is file_extract; images are made in DIRECTORY.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

EXT = {
    "ext4": ["-t", "ext4"],
    "ext4-debian": ["-t", "ext4", "-O", "64bit,metadata_csum"],
    "ext4-32bit": ["-t", "ext4", "-O", "^64bit,^metadata_csum"],
    "ext4-1k": ["-t", "ext4", "-b", "1024"],
    "ext3": ["-t", "ext3"],
    "ext2-1k": ["-t", "ext2", "-b", "1024"],
    "ext2-128": ["-t", "ext2", "-I", "128", "-b", "2048"],
}
FLIPPED = ("ext4-debian", "ext4-32bit", "ext3")
SMALL_STEP = 7  # of so many small files one is read
FLIPS = 60  # in each kind of metadata
PIECES = 20  # of a file that needs a block for its extents


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, check=True, capture_output=True, **options)


def make_tree(top: Path, rng: random.Random) -> dict[str, bytes]:
    """Files by path, with what they hold; links are among the paths."""
    files = {f"/boot/file-{i}": rng.randbytes(rng.randrange(0, 9000)) for i in range(400)}
    files["/boot/vmlinuz-6.1.0-49-amd64"] = rng.randbytes(7_654_321)
    files["/boot/deep/deeper/deepest/An Initrd With A Long Name.img"] = rng.randbytes(23_456_789)
    files["/empty"] = b""
    for path, content in files.items():
        (top / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (top / path[1:]).write_bytes(content)
    return files


def make_links(top: Path, files: dict[str, bytes], rng: random.Random) -> None:
    kernel, initrd = "/boot/vmlinuz-6.1.0-49-amd64", "/boot/deep/deeper/deepest/An Initrd With A Long Name.img"
    for path, target, meant in (("/vmlinuz", kernel[1:], kernel), ("/boot/link", kernel, kernel),
                                ("/initrd", "./boot/../boot/deep/deeper/deepest/An Initrd With A Long Name.img", initrd),
                                ("/boot/dir", "deep/deeper", None)):
        os.symlink(target, top / path[1:])
        if meant:
            files[path] = files[meant]
    files["/boot/dir/deepest/An Initrd With A Long Name.img"] = files[initrd]
    os.symlink("loop", top / "loop")
    with open(top / "sparse", "wb") as sparse:
        sparse.seek(5_000_000)
        sparse.write(b"end")
    files["/sparse"] = bytes(5_000_000) + b"end"
    with open(top / "far", "wb") as far:  # far enough for the third indirection, in blocks of 1 KiB
        far.seek(68_000_000)
        far.write(b"end")
    files["/far"] = bytes(68_000_000) + b"end"
    pieces = bytearray(PIECES * 65536)
    with open(top / "boot/pieces", "wb") as file:
        for piece in range(PIECES):
            pieces[piece * 65536:piece * 65536 + 3000] = rng.randbytes(3000)
            file.seek(piece * 65536)
            file.write(pieces[piece * 65536:piece * 65536 + 3000])
        file.truncate(len(pieces))
    files["/boot/pieces"] = bytes(pieces)
    os.symlink("boot/pieces", top / "link-to-pieces")
    files["/link-to-pieces"] = files["/boot/pieces"]


def extract(tool: str, image: Path, path: str, sector: int = 512) -> subprocess.CompletedProcess:
    return subprocess.run([tool, str(image), str(sector), path], capture_output=True, timeout=60, check=False)


def check_all(tool: str, name: str, image: Path, files: dict[str, bytes], sector: int = 512) -> int:
    wrong = 0
    for path, content in files.items():
        small = re.fullmatch(r"/boot/file-(\d+)", path)
        if small and int(small[1]) % SMALL_STEP:
            continue
        result = extract(tool, image, path, sector)
        if result.returncode != 0 or result.stdout != content:
            print(f"files: {name}: {path}: {result.returncode} {result.stderr.decode()}")
            wrong += 1
    for path in ("/nothing", "/boot", "/boot/file-1/x", "/loop", "/boot/deep/nothing"):
        if extract(tool, image, path, sector).returncode != 1:
            print(f"files: {name}: {path} was found")
            wrong += 1
    return wrong


def debugfs(image: Path, request: str) -> str:
    return run("debugfs", "-R", request, str(image), text=True).stdout


def ext_metadata(image: Path) -> dict[str, list[range]]:
    """What is read on the way to /link-to-pieces and its content, in bytes of the image."""
    about = run("dumpe2fs", "-h", str(image), text=True).stdout
    number = lambda name: int(re.search(rf"^{name}:\s*(\d+)", about, re.M)[1])
    block, inode = number("Block size"), number("Inode size")
    descriptor = 64 if re.search(r"features:.*\b64bit", about) else 32
    found = {"superblock": [range(1024, 2048)], "group": [], "inode": [], "directory": [], "map": []}
    for path in ("/", "/boot", "/link-to-pieces", "/boot/pieces"):
        place = re.search(r"part of block group (\d+)\s+located at block (\d+), offset 0x([0-9a-f]+)",
                          debugfs(image, f"imap {path}"))
        group, start = int(place[1]), int(place[2]) * block + int(place[3], 16)
        found["inode"].append(range(start, start + inode))
        start = (2 if block == 1024 else 1) * block + group * descriptor
        found["group"].append(range(start, start + descriptor))
    disk = image.read_bytes()
    for path, name in (("/", b"link-to-pieces"), ("/boot", b"pieces")):
        for at in (int(text) * block for text in debugfs(image, f"blocks {path}").split()):
            indexed = disk[at + 4:at + 6] == b"\x0c\0" and disk[at + 29] == 8  # only what is in use has a checksum
            used = 32 + 8 * struct.unpack_from("<H", disk, at + 34)[0] if indexed else block
            found["directory"].append(range(at, at + used))
            if name in disk[at:at + block]:
                break
    for text in re.findall(r"\((?:ETB\d+|IND|DIND)\):(\d+)", debugfs(image, "stat /boot/pieces")):
        found["map"].append(range(int(text) * block, (int(text) + 1) * block))
    return found


def fat_metadata(image: Path, size: int) -> dict[str, list[range]]:
    """Likewise for the file of this size in /boot."""
    disk = image.read_bytes()
    sector, cluster_sectors, reserved, tables = struct.unpack_from("<HBHB", disk, 11)
    table_sectors, root = struct.unpack_from("<I4xI", disk, 36)
    table, cluster = reserved * sector, cluster_sectors * sector

    def chain(first: int) -> list[int]:
        numbers = []
        while first < 0x0FFFFFF8:
            numbers.append(first)
            first = struct.unpack_from("<I", disk, table + 4 * first)[0] & 0x0FFFFFFF
        return numbers

    def places(numbers: list[int]) -> list[range]:
        starts = [table + tables * table_sectors * sector + (number - 2) * cluster for number in numbers]
        return [range(start, start + cluster) for start in starts]

    def below(directory: list[int], matches) -> list[int]:
        for at in (at for part in places(directory) for at in range(part.start, part.stop, 32)):
            if matches(disk[at:at + 32]):
                entries.append(range(at - 64 if disk[at - 21] == 15 else at, at + 32))  # and its long name
                return chain(struct.unpack_from("<H", disk, at + 26)[0] | struct.unpack_from("<H", disk, at + 20)[0] << 16)
        raise LookupError

    entries: list[range] = []
    boot = below(chain(root), lambda entry: entry[:11] == b"BOOT       ")
    content = below(boot, lambda entry: struct.unpack_from("<I", entry, 28)[0] == size)
    return {"superblock": [range(90)], "directory": entries,
            "map": [range(table + 4 * number, table + 4 * number + 4) for number in content]}


def check_flips(tool: str, image: Path, path: str, content: bytes, metadata: dict[str, list[range]],
                rng: random.Random, covered: bool) -> int:
    """Single bits of what is read to find the file are flipped. covered: every kind has checksums, so what is not
    refused is right; otherwise all that can be asked is an end, without harm."""
    wrong = 0
    for kind, ranges in metadata.items():
        results = {"refused": 0, "right": 0, "other content": 0}
        for _ in range(FLIPS):
            at = rng.choice(rng.choice(ranges))
            with open(image, "r+b") as file:
                file.seek(at)
                original = file.read(1)
                file.seek(at)
                file.write(bytes([original[0] ^ 1 << rng.randrange(8)]))
            result = extract(tool, image, path)
            with open(image, "r+b") as file:
                file.seek(at)
                file.write(original)
            if result.returncode not in (0, 1) or (covered and result.returncode == 0 and result.stdout != content):
                print(f"files: {image.name}: flip at {at}: {result.returncode} {result.stderr.decode()[-300:]}")
                wrong += 1
            results["refused" if result.returncode == 1 else
                    "right" if result.stdout == content else "other content"] += 1
        print(f"files: {image.name}: {FLIPS} bits of {kind}: " + ", ".join(f"{n} {how}" for how, n in results.items()))
        if covered and results["refused"] < FLIPS * 9 // 10:
            print(f"files: {image.name}: too few flipped bits of {kind} were refused")
            wrong += 1
    return wrong


def main() -> int:
    tool, top = sys.argv[1], Path(sys.argv[2])
    shutil.rmtree(top, ignore_errors=True)
    tree = top / "tree"
    tree.mkdir(parents=True)
    rng = random.Random(3)
    fat_files = make_tree(tree, rng)
    wrong = 0
    image = top / "fat32"
    run("truncate", "-s", "80M", str(image))
    run("mkfs.vfat", "-F", "32", "-s", "1", str(image))
    run("mcopy", "-i", str(image), "-s", str(tree / "boot"), str(tree / "empty"), "::/")
    fat_files["/BOOT/Vmlinuz-6.1.0-49-AMD64"] = fat_files["/boot/vmlinuz-6.1.0-49-amd64"]
    wrong += check_all(tool, "fat32", image, fat_files)
    kernel = "/boot/vmlinuz-6.1.0-49-amd64"
    wrong += check_flips(tool, image, kernel, fat_files[kernel], fat_metadata(image, len(fat_files[kernel])), rng,
                         covered=False)
    files = {path: content for path, content in fat_files.items() if not path.startswith("/BOOT")}
    make_links(tree, files, rng)
    for name, options in EXT.items():
        image = top / name
        run("mke2fs", "-q", "-d", str(tree), *options, str(image), "64M")
        wrong += check_all(tool, name, image, files)
        if name in ("ext4-debian", "ext4-1k"):  # with an index, which mke2fs does not make
            subprocess.run(["e2fsck", "-fyD", str(image)], check=False, capture_output=True)
            wrong += check_all(tool, name, image, files, 4096 if name == "ext4-debian" else 512)
        if name in FLIPPED:
            wrong += check_flips(tool, image, "/link-to-pieces", files["/link-to-pieces"], ext_metadata(image), rng,
                                 covered=name.startswith("ext4-debian"))
    for name, command in (("xfs", ["mkfs.xfs"]), ("swap", ["mkswap"])):
        if shutil.which(command[0]):
            image = top / name
            run("truncate", "-s", "400M", str(image))
            run(*command, str(image))
            wrong += extract(tool, image, "/x").returncode != 1
    print(f"files: {len(EXT) + 1} filesystems, {wrong} wrong")
    shutil.rmtree(top)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
