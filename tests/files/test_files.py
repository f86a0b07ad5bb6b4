#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of real filesystems, made by mke2fs and mkfs.vfat, are found and read as they are; damage is refused.

Usage: test_files.py TOOL DIRECTORY.  TOOL is file_extract; images are made in DIRECTORY.
"""

from __future__ import annotations

import os
import random
import shutil
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


def make_links(top: Path, files: dict[str, bytes]) -> None:
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


def extract(tool: str, image: Path, path: str, sector: int = 512) -> subprocess.CompletedProcess:
    return subprocess.run([tool, str(image), str(sector), path], capture_output=True, timeout=60, check=False)


def check_all(tool: str, name: str, image: Path, files: dict[str, bytes], sector: int = 512) -> int:
    wrong = 0
    for path, content in files.items():
        result = extract(tool, image, path, sector)
        if result.returncode != 0 or result.stdout != content:
            print(f"files: {name}: {path}: {result.returncode} {result.stderr.decode()}")
            wrong += 1
    for path in ("/nothing", "/boot", "/boot/file-1/x", "/loop", "/boot/deep/nothing"):
        if extract(tool, image, path, sector).returncode != 1:
            print(f"files: {name}: {path} was found")
            wrong += 1
    return wrong


def check_flips(tool: str, image: Path, files: dict[str, bytes], rng: random.Random) -> int:
    """With checksums every flipped bit is refused, or does no harm."""
    path = "/boot/file-7"
    wrong = refused = 0
    original = image.read_bytes()
    used = [at for at in range(0, 3_000_000, 512) if any(original[at:at + 512])]
    for _ in range(400):
        at = rng.choice(used) + rng.randrange(512)
        with open(image, "r+b") as file:
            file.seek(at)
            file.write(bytes([original[at] ^ 1 << rng.randrange(8)]))
        result = extract(tool, image, path)
        refused += result.returncode == 1
        if result.returncode not in (0, 1) or (result.returncode == 0 and len(result.stdout) != len(files[path])):
            print(f"files: flip at {at}: {result.returncode} {result.stderr.decode()[-300:]}")
            wrong += 1
        with open(image, "r+b") as file:
            file.seek(at)
            file.write(original[at:at + 1])
    print(f"files: {refused} of 400 flipped bits were refused")
    return wrong + (refused == 0)


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
    files = {path: content for path, content in fat_files.items() if not path.startswith("/BOOT")}
    make_links(tree, files)
    for name, options in EXT.items():
        image = top / name
        run("mke2fs", "-q", "-d", str(tree), *options, str(image), "64M")
        wrong += check_all(tool, name, image, files)
        if name == "ext4-debian":
            wrong += check_all(tool, name, image, files, 4096) + check_flips(tool, image, files, rng)
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
