# SPDX-License-Identifier: GPL-2.0-or-later
"""Making a running guest hibernate: swap, mode, compression, image size."""

from __future__ import annotations

import re

import disk as disks
import storage
from agent import Agent
from errors import Failure, HarnessError
from machine import Machine

SWAPFILE = "/swapfile"
# The second disk's size is unlike any other's: by it the guest knows the disk.
SECOND_MIB = 1281


def boot_words(config) -> str:
    """The kernel options that a session's configuration (session.Config) asks for."""
    words = [config.cmdline]
    if config.compression == "plain":
        words.append("hibernate=nocompress")
    elif config.compression == "lz4":
        words.append("hibernate.compressor=lz4")
    if config.firmware != "bios":
        words.append("bgrt_disable")  # see "A kernel that can't be hibernated" in docs/uefi.md
    return " ".join(word for word in words if word)


def prepare(agent: Agent, config) -> tuple[int, list[storage.Segment]]:
    """Make the swap space of a session.Config active and name it to the kernel.

    Returns resume_offset in pages, and where the swap space is if the guest had to make it.
    """
    # Without udev nothing loads these; a session has its power button.
    agent.run("modprobe -a button evdev")
    offset, segments = 0, []
    second = storage.find_disk(agent, SECOND_MIB << 20) if config.second else None
    if config.swap == "file":
        offset = _make_swap_file(agent, config.swap_mib)
        device = agent.run("findmnt -no SOURCE /").strip()
        agent.run(f"swapon {SWAPFILE}")
    elif config.swap == "partition":
        device = agent.run(f"blkid -U {disks.Swap().uuid}").strip()
        agent.run(f"swapon {device}")
    else:
        if config.swap == "second":
            device, segments = storage.swap_on_partition(agent, second)
        else:
            volume = agent.run(f"blkid -U {disks.Swap().uuid}").strip()
            device, segments = storage.swap_on_volume(agent, config.swap, volume, second, config.swap_mib // 2)
        agent.run(f"swapon {device}")
    if config.fragmented:
        fragment(agent, config.swap_mib)
    number = agent.run(f"lsblk -dno MAJ:MIN {device}").strip()
    agent.run(f"echo {offset} > /sys/power/resume_offset")
    # Naming the device also makes the kernel look for an image there; it has none to find now.
    agent.run(f"echo {number} > /sys/power/resume")
    if config.image_size_mib is not None:
        agent.run(f"echo {config.image_size_mib << 20} > /sys/power/image_size")
    return offset, segments


def _make_swap_file(agent: Agent, size_mib: int) -> int:
    """Make a swap file in several extents; returns the page number of its header on the device."""
    half = size_mib // 2
    agent.run(f"rm -f {SWAPFILE} && fallocate -l {half}M {SWAPFILE} && fallocate -l 8M /var/tmp/gap && "
              f"fallocate -o {half}M -l {size_mib - half}M {SWAPFILE} && chmod 600 {SWAPFILE} && "
              f"mkswap -L thaw-file {SWAPFILE} && rm /var/tmp/gap && sync", timeout_s=120)
    extents = agent.run(f"filefrag -v {SWAPFILE}")
    match = re.search(r"^\s*0:\s+0\.\.\s*\d+:\s+(\d+)\.\.", extents, re.M)
    if match is None:
        raise HarnessError(f"filefrag says:\n{extents}")
    return int(match[1])


def fragment(agent: Agent, size_mib: int) -> None:
    """Use up the swap area and free most of it in random order, so that an image's map can't be runs in order."""
    agent.run(f"thaw-proof scatter {(size_mib - 8) // 3}", timeout_s=180)
    used = int(agent.run("awk 'NR==2 {print $4}' /proc/swaps"))
    if used < size_mib * 1024 // 10:
        raise HarnessError(f"only {used} KiB of {size_mib} MiB of swap are in use: nothing is fragmented")


def hibernate(machine: Machine, agent: Agent, mode: str, timeout_s: float = 180) -> None:
    """Hibernate the running guest and wait until the machine is off; mode: "shutdown" or "platform".

    Failure when the guest comes back instead, HarnessError when nothing happens.
    """
    agent.run(f"echo {mode} > /sys/power/disk")
    start = len(machine.lines)
    agent.run("sync; setsid sh -c 'sleep 0.3; echo disk > /sys/power/state' > /dev/null 2>&1 &")
    reason = machine.wait_end(timeout_s)
    if reason != "guest-shutdown":
        text = "\n".join(line.text for line in machine.lines[start:])
        raise Failure(f"the guest ended with {reason} instead of powering off:\n{text[-2000:]}")
