#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the corpora of fuzz_ext and fuzz_fat again: small filesystems, zeroes at their ends cut off.
# The file is /d/f; in ext also by way of the links in /l/f.  Usage: make_filesystems.sh CORPUS
set -eu

corpus=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export E2FSPROGS_FAKE_TIME=1000000000 SOURCE_DATE_EPOCH=1000000000
uuid=00112233-4455-6677-8899-aabbccddeeff

cut_zeroes() { # FROM TO
	/usr/bin/python3 -c 'import sys; open(sys.argv[2], "wb").write(open(sys.argv[1], "rb").read().rstrip(b"\0"))' "$1" "$2"
}

make_tree() { # DIRECTORY: a file with a byte in places so far apart that every kind of map is needed
	mkdir -p "$1/d"
	ln -s d "$1/l"
	for at in $2; do
		printf %s "$at" | dd of="$1/d/f" bs=1024 seek="$at" conv=notrunc status=none
	done
}

ext() { # NAME PLACES OPTIONS…: in blocks of 1 KiB
	name=$1
	make_tree "$work/$name" "$2"
	shift 2
	truncate -s 64k "$work/image"
	mke2fs -q -F -U "$uuid" -E "hash_seed=$uuid" -m 0 -d "$work/$name" "$@" "$work/image" 64k >&2
	cut_zeroes "$work/image" "$corpus/ext/$name"
	rm "$work/image"
}

mkdir -p "$corpus/ext" "$corpus/fat"
ext ext2-indirect "0 5 20 300 70000" -t ext2 -b 1024 -N 16 -I 128
ext ext4-inode "0 8 16" -t ext4 -b 1024 -N 16 -O ^has_journal,^metadata_csum,^64bit,^resize_inode
ext ext4-tree "0 8 16 24 32 40 48" -t ext4 -b 1024 -N 16 -O ^has_journal,^metadata_csum,^64bit,^resize_inode
ext ext4-checksums "0 8 16 24 32 40 48" -t ext4 -b 1024 -N 16 -O ^has_journal,metadata_csum,64bit,^resize_inode

# mtools takes a small one for FAT12. So a large one loses all of its table but the first sector.
shrink_fat() { # FROM TO
	/usr/bin/python3 - "$1" "$2" <<-END
	import struct, sys
	disk = open(sys.argv[1], "rb").read(1 << 20)
	reserved, table = struct.unpack_from("<H", disk, 14)[0] * 512, struct.unpack_from("<I", disk, 36)[0] * 512
	small = bytearray(disk[:reserved + 512] + disk[reserved + table:]).rstrip(b"\0")
	struct.pack_into("<II", small, 32, 128, 1)
	open(sys.argv[2], "wb").write(small)
	END
}

truncate -s 40M "$work/fat32"
mkfs.vfat --invariant -F 32 -s 1 -f 1 -R 8 "$work/fat32" >&2
mkdir "$work/d"
head -c 1800 /dev/zero | tr '\0' x >"$work/d/f"
cp "$work/d/f" "$work/d/A name that needs several entries"
mcopy -s -m -i "$work/fat32" "$work/d" ::/
shrink_fat "$work/fat32" "$corpus/fat/fat32"
