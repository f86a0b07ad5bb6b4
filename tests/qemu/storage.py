# SPDX-License-Identifier: GPL-2.0-or-later
"""What a running guest makes of empty disks and partitions: swap on logical volumes, swap on a disk of its own.

The guest has no udev by then, so LVM is told to make the device nodes itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import disk as disks
from agent import Agent
from errors import HarnessError

SECTOR = 512
EXTENT_MIB = 4
GROUP, VOLUME = "thaw-vg", "swap-1"  # each "-" is doubled in the mapper's name
MAPPER = "/dev/mapper/thaw--vg-swap--1"
MODULES = "modprobe -a dm-mod dm-snapshot dm-thin-pool dm-crypt 2>/dev/null; "
SETTINGS = ("--config 'activation{udev_sync=0 udev_rules=0} devices{obtain_device_list_from_udev=0 use_devicesfile=0} "
            "global{thin_check_executable=\"\" event_activation=0}'")


@dataclass(frozen=True)
class Segment:
    """A run of bytes of the swap space: number of the disk, byte offset there, length in bytes."""

    disk: int
    start: int
    size: int


def lvm(agent: Agent, *commands: str) -> None:
    """Run LVM commands ("vgcreate NAME DEVICE"), one after the other."""
    agent.run("modprobe dm-mod", check=False)
    for command in commands:
        name, _, rest = command.partition(" ")
        agent.run(f"lvm {name} -y {SETTINGS} {rest} 2>&1", timeout_s=120)


def find_disk(agent: Agent, size_bytes: int) -> str:
    """The node of the disk of exactly this size."""
    names = agent.run(f"cd /sys/block; for d in *; do [ $(cat $d/size) = {size_bytes // SECTOR} ] && echo $d; done; true").split()
    if len(names) != 1:
        raise HarnessError(f"{len(names)} disks have {size_bytes} bytes: {names}")
    return f"/dev/{names[0]}"


def partition_node(disk: str, number: int) -> str:
    """/dev/sda and 3: /dev/sda3; /dev/nvme0n1 and 3: /dev/nvme0n1p3."""
    return f"{disk}{'p' if disk[-1].isdigit() else ''}{number}"


def make_partitions(agent: Agent, disk: str, sizes_mib: list[int]) -> None:
    """A GPT with partitions of these sizes, in the disk's own sectors; 0: all the rest."""
    script = "label: gpt\\n" + "".join(f"{f'size={size}MiB, ' if size else ''}type=L\\n" for size in sizes_mib)
    agent.run(f"printf '{script}' | sfdisk --quiet --wipe always {disk} 2>&1", timeout_s=60)
    last = partition_node(disk, len(sizes_mib))
    agent.run(f"for i in $(seq 50); do [ -b {last} ] && break; sleep 0.1; done; [ -b {last} ]")


def make_swap(agent: Agent, device: str) -> None:
    """A swap area with the UUID and label that sessions have."""
    swap = disks.Swap()
    agent.run(f"mkswap -U {swap.uuid} -L {swap.label} {device}")


def swap_on_partition(agent: Agent, disk: str) -> tuple[str, list[Segment]]:
    """Swap on the only partition of the second disk; returns its node and its place."""
    make_partitions(agent, disk, [0])
    node = partition_node(disk, 1)
    make_swap(agent, node)
    start, size = agent.run(f"cd /sys/class/block/{node.removeprefix('/dev/')} && cat start size").split()
    return node, [Segment(1, int(start) * SECTOR, int(size) * SECTOR)]


def swap_on_volume(agent: Agent, layout: str, first: str, second: str | None, size_mib: int) -> tuple[str, list[Segment]]:
    """Swap on a logical volume; returns its node and places.

    layout: "lvm": one segment; "lvm-segments": two, with a gap between them; "lvm-disks": two, on `first` and `second`;
    first: a partition of the first disk; second: a whole disk, or None.
    """
    extents = size_mib // EXTENT_MIB
    few = extents // 6  # the first of two segments is too small for any image
    volume = f"{GROUP}/{VOLUME}"
    if layout == "lvm":
        lvm(agent, f"pvcreate -ff {first}", f"vgcreate {GROUP} {first}", f"lvcreate -Wn -Zn -l {extents} -n {VOLUME} {GROUP}")
    elif layout == "lvm-segments":
        lvm(agent, f"pvcreate -ff {first}", f"vgcreate {GROUP} {first}", f"lvcreate -Wn -Zn -l {few} -n {VOLUME} {GROUP}",
            f"lvcreate -Wn -Zn -l 9 -n gap {GROUP}", f"lvextend -l {extents} {volume}", f"lvremove {GROUP}/gap")
    elif layout == "lvm-disks":
        lvm(agent, f"pvcreate -ff {first}", f"pvcreate -ff {second}", f"vgcreate {GROUP} {first} {second}",
            f"lvcreate -Wn -Zn -l {few} -n {VOLUME} {GROUP} {second}", f"lvextend -l {extents} {volume} {first}")
    else:
        raise HarnessError(f"unknown layout {layout!r}")
    segments = _segments(agent, first, second)
    if len(segments) != (1 if layout == "lvm" else 2):
        raise HarnessError(f"layout {layout} has {len(segments)} segments: {segments}")
    agent.run(f"dmsetup mknodes; [ -b {MAPPER} ]")
    make_swap(agent, MAPPER)
    return MAPPER, segments


def _segments(agent: Agent, first: str, second: str | None) -> list[Segment]:
    """Where the mapper finds the volume's parts."""
    places = {}
    for number, node in enumerate(filter(None, (first, second))):
        name = node.removeprefix("/dev/")
        start = agent.run(f"cat /sys/class/block/{name}/start 2>/dev/null || echo 0").strip()
        places[agent.run(f"cat /sys/class/block/{name}/dev").strip()] = (number, int(start))
    segments = []
    for line in agent.run(f"dmsetup table {MAPPER}").splitlines():
        _, length, kind, device, start = line.split()
        if kind != "linear":
            raise HarnessError(f"not linear: {line}")
        number, base = places[device]
        segments.append(Segment(number, (base + int(start)) * SECTOR, int(length) * SECTOR))
    return segments
