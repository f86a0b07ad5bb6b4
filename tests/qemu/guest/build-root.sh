#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Build the guest's root filesystem as an ext4 image.  Runs as root; prints progress.
# usage: build-root.sh OUT_IMAGE FILES_DIR GRUB_MODULES_DIR SIZE_MIB FS_UUID SUITE KEYRING PACKAGES OWNER < apt sources
set -eu
out=$1 files=$2 grub=$3 size_mib=$4 uuid=$5 suite=$6 keyring=$7 packages=$8 owner=$9
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
cat > "$work/sources.list"

# What no scenario uses: it would only cost time in every build and in every initramfs.
set --
for dir in drivers/accel drivers/bluetooth drivers/comedi drivers/edac drivers/gpu drivers/hwmon drivers/iio \
	drivers/infiniband drivers/input/joystick drivers/input/tablet drivers/input/touchscreen drivers/isdn \
	drivers/media drivers/message drivers/mmc drivers/mtd drivers/net drivers/platform drivers/scsi/?\* \
	drivers/soundwire drivers/staging drivers/target drivers/thunderbolt drivers/ufs drivers/video \
	drivers/usb/gadget drivers/usb/misc drivers/usb/serial drivers/hid \
	fs/afs fs/btrfs fs/ceph fs/coda fs/dlm fs/f2fs fs/gfs2 fs/hfs fs/hfsplus fs/jffs2 fs/jfs fs/nfs fs/nfsd \
	fs/nilfs2 fs/ntfs3 fs/ocfs2 fs/orangefs fs/reiserfs fs/smb fs/ubifs fs/udf fs/xfs net sound; do
	set -- "$@" "--dpkgopt=path-exclude=/*lib/modules/*/kernel/$dir/*"
done
for dir in doc man info locale lintian bug; do
	set -- "$@" "--dpkgopt=path-exclude=/usr/share/$dir/*"
done

echo "guest: installing packages (mmdebstrap)"
INITRD=No mmdebstrap --quiet --mode=root --variant=essential --skip=check/empty --keyring="$keyring" \
	--aptopt='Apt::Install-Recommends "false"' --include="$packages" "$@" \
	"$suite" "$root" "$work/sources.list"

echo "guest: writing the initramfs of each kernel"
# The LZ4 module lets an initramfs resume an LZ4 image.
printf 'lz4\n' >> "$root/etc/initramfs-tools/modules"
for kernel in "$root"/boot/vmlinuz-*; do
	version=${kernel##*/vmlinuz-}
	[ -e "$root/boot/initrd.img-$version" ] ||
		chroot "$root" mkinitramfs -o "/boot/initrd.img-$version" "$version" &
done
wait
for kernel in "$root"/boot/vmlinuz-*; do
	test -s "$root/boot/initrd.img-${kernel##*/vmlinuz-}"
done

echo "guest: adding the agent and GRUB's modules"
install -m 755 "$files/thaw-guest" "$files/thaw-agent" "$files/thaw-proof" "$root/usr/sbin/"
install -m 644 "$files/thaw-guest.service" "$root/etc/systemd/system/"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants" "$root/boot/grub/i386-pc" "$root/boot/thaw"
ln -sf ../thaw-guest.service "$root/etc/systemd/system/multi-user.target.wants/thaw-guest.service"
cp "$grub"/*.mod "$grub"/*.lst "$root/boot/grub/i386-pc/"
printf 'UUID=%s / ext4 errors=remount-ro 0 1\n' "$uuid" > "$root/etc/fstab"
echo thaw-guest > "$root/etc/hostname"
: > "$root/etc/machine-id"
cp "$files/grub.cfg" "$root/boot/grub/grub.cfg"
# Places of fixed size whose bytes the harness rewrites in the disk image (disk.py); never through the filesystem.
# Not zeros: mke2fs would leave them out as holes.
mkdir -p "$root/boot/thaw-test"
yes | head -c 2097152 > "$root/boot/thaw/thaw.elf"
yes | head -c 16384 > "$root/boot/thaw-test/run.cfg"

echo "guest: making the ext4 image"
mke2fs -q -F -t ext4 -L thaw-root -U "$uuid" -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" \
	"$work/root.ext4" "${size_mib}M"
ls "$root/boot" > "$out.boot"
cp --sparse=always "$work/root.ext4" "$out"
chown "$owner" "$out" "$out.boot"
