# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk of volumes that the loader does not read: thin, RAID, striped, with a missing part, encrypted.

Made once by a guest, and kept in the cache.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import cache
import disk as disks
import grub_run
import guest
import session
import storage
from machine import Drive, Hardware

HARDWARE = Hardware("q35", 1, 512)
SIZE_MIB, LOST_MIB = 1201, 301
LUKS_UUID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "luks.thaw.invalid"))
GROUP, BROKEN = "zoo", "half"
# Volume: how it is made.
VOLUMES = {
    "plain": f"lvcreate -Wn -Zn -l 8 -n plain {GROUP}",
    "thin": f"lvcreate -Zn -T -L 64M -V 64M -n thin --thinpool pool {GROUP}",
    "mirror": f"lvcreate -Wn -Zn --type raid1 -m 1 -l 8 -n mirror --nosync {GROUP}",
    "stripes": f"lvcreate -Wn -Zn -i 2 -l 8 -n stripes {GROUP}",
}
PARTITIONS_MIB = [400, 300, 48, 128, 0]  # two physical volumes, LUKS, one more, nothing


def _furnish(on: session.Powered) -> None:
    agent = on.agent
    disk, lost = storage.find_disk(agent, SIZE_MIB << 20), storage.find_disk(agent, LOST_MIB << 20)
    agent.run("modprobe -a dm-mod dm-raid dm-thin-pool")
    storage.make_partitions(agent, disk, PARTITIONS_MIB)
    first, second, luks, half = (storage.partition_node(disk, number) for number in (1, 2, 3, 4))
    storage.lvm(agent, f"pvcreate {first}", f"pvcreate {second}", f"vgcreate {GROUP} {first} {second}", *VOLUMES.values())
    agent.run(f"dmsetup mknodes; for v in plain thin stripes; do mkswap /dev/mapper/{GROUP}-$v || exit 1; done")
    agent.run("echo secret > /run/thaw/key; cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 "
              f"--pbkdf-force-iterations 1000 --uuid {LUKS_UUID} {luks} /run/thaw/key 2>&1", timeout_s=120)
    storage.lvm(agent, f"pvcreate {half}", f"pvcreate {lost}", f"vgcreate {BROKEN} {half} {lost}",
                f"lvcreate -Wn -Zn -l 60 -n swap {BROKEN} {lost} {half}")
    agent.run(f"dmsetup mknodes; mkswap /dev/mapper/{BROKEN}-swap; sync")
    storage.lvm(agent, f"vgchange -an {BROKEN} {GROUP}")
    agent.run("sync")


def _make(base: disks.Disk, out: Path) -> None:
    cache.progress("containers: making volumes that the loader does not read")
    zoo = disks.blank(out / "zoo.qcow2", SIZE_MIB)
    image = disks.overlay(base.path, out / "disk.qcow2")
    more = (Drive(zoo, flushes=False), Drive(disks.blank(out / "lost.qcow2", LOST_MIB), flushes=False))
    with session.power_on(image, base, grub_run.Boot(), HARDWARE, out / "log", limit_s=420, more=more) as on:
        on.agent.wait_ready(180)
        _furnish(on)
    image.unlink()


def get() -> Path:
    """The disk (qcow2, never written to; use an overlay); made when the cache has none (half a minute)."""
    base = disks.get()
    recipe = {"disk": base.path.parent.name, "hardware": HARDWARE.arguments(), "guest": guest.get().image.parent.name,
              "how": [Path(module.__file__).read_text(encoding="utf-8") for module in (storage,)] +
                     [Path(__file__).read_text(encoding="utf-8")]}
    return cache.build_once("containers", recipe, lambda out: _make(base, out)) / "zoo.qcow2"


if __name__ == "__main__":
    print(get())
