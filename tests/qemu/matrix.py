# SPDX-License-Identifier: GPL-2.0-or-later
"""The configurations that a resume is tried on, as data: every pair of values in a normal run, all in a full one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

from session import Config

AXES = {
    "kernel": ("6.1", "6.12"),
    "compression": ("lzo", "plain"),
    "mode": ("platform", "shutdown"),
    "machine": ("q35", "pc"),
    "cpus": (1, 2),
    "memory_mib": (512, 2048, 6144),
}

# What is not an axis: one configuration each, at values that differ from one another where that is free.
SPECIAL = {
    "swap-file": Config(swap="file", swap_mib=384, table="gpt"),
    "fragmented": Config(fragmented=True, swap_mib=384),
    "lz4": Config(kernel="6.12", compression="lz4", table="gpt", mode="shutdown"),
    "five-levels": Config(kernel="6.12", cpu="max", machine="pc"),
    "pti-logical": Config(cmdline="pti=on", logical=True, compression="plain"),
    "text": Config(fill_kind="text", fill_mib=96, memory_mib=512),
}


# Disks at controllers other than AHCI and IDE, and swap that is not simply a partition of the first disk.
STORAGE = {
    "nvme": Config(controller="nvme"),
    "nvme-plain": Config(kernel="6.12", compression="plain", mode="shutdown", machine="pc", controller="nvme",
                         memory_mib=2048),
    "virtio-99-partitions": Config(kernel="6.12", controller="virtio", table="gpt", fillers=97, cpus=2, memory_mib=2048),
    "virtio-legacy": Config(compression="plain", mode="shutdown", machine="pc", controller="virtio-legacy", cpus=2),
    "lvm": Config(swap="lvm"),
    "lvm-disks": Config(kernel="6.12", compression="plain", mode="shutdown", controller="virtio", swap="lvm-disks",
                        second="native"),
    "second-4kn": Config(kernel="6.12", swap="second", second="nvme", second_sector_bytes=4096),
}
# One of each kind of disk; the rest is for a full run.
STORAGE_CHECK = ("nvme", "virtio-99-partitions", "virtio-legacy", "second-4kn", "lvm", "lvm-disks")
STORAGE_AXES = {
    "controller": ("nvme", "virtio", "virtio-legacy"),
    "kernel": ("6.1", "6.12"),
    "compression": ("lzo", "plain"),
    "mode": ("platform", "shutdown"),
    "machine": ("q35", "pc"),
    "cpus": (1, 2),
    "memory_mib": (512, 6144),
}
STORAGE_REST = {
    "lvm-segments": Config(kernel="6.12", swap="lvm-segments", controller="nvme", cpus=2),
    "virtio-4kn": Config(compression="plain", machine="pc", swap="second", second="virtio", second_sector_bytes=4096),
    "virtio-legacy-4kn": Config(kernel="6.12", swap="second", second="virtio-legacy", second_sector_bytes=4096),
    "ide-behind-nvme": Config(machine="pc", mode="shutdown", controller="nvme", swap="second", second="native"),
    "transitional": Config(kernel="6.12", machine="pc", controller="virtio-transitional", mode="shutdown"),
    "nvme-swap-file": Config(controller="nvme", swap="file", swap_mib=384, table="gpt"),
    "nvme-fragmented": Config(kernel="6.12", compression="plain", controller="nvme", fragmented=True, swap_mib=384),
}


def pairwise(axes: dict[str, tuple]) -> list[dict]:
    """A short list of combinations in which every pair of values of two axes occurs; the same one every time."""
    names = list(axes)
    wanted = {(a, x, b, y) for a, b in combinations(names, 2) for x in axes[a] for y in axes[b]}
    candidates = [dict(zip(names, values)) for values in product(*axes.values())]

    def pairs(row: dict) -> set:
        return {(a, row[a], b, row[b]) for a, b in combinations(names, 2)}

    result = []
    while wanted:
        best = max(candidates, key=lambda row: len(pairs(row) & wanted))
        result.append(best)
        wanted -= pairs(best)
    return result


def full(axes: dict[str, tuple]) -> list[dict]:
    """All combinations."""
    return [dict(zip(axes, values)) for values in product(*axes.values())]


CHECK = [Config(**row) for row in pairwise(AXES)]
REST = [Config(**row) for row in full(AXES) if Config(**row) not in CHECK]

# UEFI.
EFI = Config(firmware="efi", memory_mib=1024)
EFI_STUB = replace(EFI, kernel="6.12", compression="plain", mode="shutdown", stub=True)
EFI_SPECIAL = {
    "swap-file": replace(EFI, swap="file", swap_mib=384),
    "fragmented": replace(EFI, kernel="6.12", fragmented=True, swap_mib=384),
    "lz4": replace(EFI, kernel="6.12", compression="lz4", mode="shutdown"),
    "text": replace(EFI, fill_kind="text", fill_mib=96),
    "pti": replace(EFI_STUB, kernel="6.1", cmdline="pti=on"),
    "lvm": replace(EFI, swap="lvm"),
    "second-4kn": replace(EFI_STUB, swap="second", second="nvme", second_sector_bytes=4096),
    "99-partitions": replace(EFI, controller="virtio", fillers=96),
}
EFI_AXES = {
    "kernel": ("6.1", "6.12"),
    "compression": ("lzo", "plain"),
    "mode": ("platform", "shutdown"),
    "controller": ("", "nvme", "virtio"),
    "cpus": (1, 2),
    "memory_mib": (1024, 6144),
    "stub": (False, True),
    "cpu": ("qemu64", "max"),  # "max" has five levels of page tables, and Linux uses them
}
# EDK2 reads in 48-bit commands, thus more than 128 KiB in one, from disks beyond 128 GiB only.
EFI_CHECK = [*(Config(firmware="efi", **row) for row in pairwise(EFI_AXES)), replace(EFI, disk_gib=256)]
# In a full run every combination of what concerns the loader most, the others taking turns.
EFI_REST = [replace(Config(firmware="efi", **row), cpus=1 + index % 2, memory_mib=(1024, 6144, 2048)[index % 3],
                    cpu=("qemu64", "max")[index // 2 % 2])
            for index, row in enumerate(full({key: EFI_AXES[key] for key in
                                              ("kernel", "compression", "mode", "controller", "stub")}))]
EFI_REST = [config for config in EFI_REST if config not in EFI_CHECK]

STORAGE_REST |= {row.name(): row for row in (Config(**values) for values in pairwise(STORAGE_AXES))}

if __name__ == "__main__":
    print("\n".join(config.name() for config in CHECK), f"\nand {len(REST)} more in a full run")
    print("\n".join(config.name() for config in EFI_CHECK), f"\nand {len(EFI_REST)} more in a full run")
    print("\n".join(STORAGE[name].name() for name in STORAGE_CHECK),
          f"\nand {len(STORAGE) - len(STORAGE_CHECK) + len(STORAGE_REST)} more in a full run")
