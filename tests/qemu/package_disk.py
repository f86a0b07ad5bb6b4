# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest as the Debian package finds it: booted by its own GRUB, with apt, without Thaw.

Made once by a running guest and kept in the cache, as install_disk.py does.  The test guests have no apt; this one gets
it, and what it needs, from this machine's own apt sources.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import cache
import disk as disks
import efi_disk
import grub_run
import guest
import install_disk
import session
from agent import Agent
from errors import HarnessError
from machine import Hardware

DEBS = "/root/debs"
# GRUB holds a quarter of memory while a UEFI loader runs.
HARDWARE = {"bios": install_disk.HARDWARE, "efi": Hardware("q35", 1, 1024, firmware="efi")}
PACKAGES = {"bios": ("apt",), "efi": ("apt", "grub-efi-amd64-bin")}

EFI_TARGET = "--target=x86_64-efi --efi-directory=/boot/efi --removable --no-nvram"


def package() -> Path:
    """The built package."""
    found = sorted((session.LOADER.parent / "deb").glob("thaw_*_amd64.deb"))
    if len(found) != 1:
        raise HarnessError(f"{session.LOADER.parent}/deb has {len(found)} packages: `make deb` first")
    return found[0]


def _download(root: guest.Guest, packages: tuple[str, ...], directory: Path) -> list[Path]:
    """The packages that the guest needs for these, which it does not have."""
    status = directory / "status"
    subprocess.run(["debugfs", "-R", f"dump /var/lib/dpkg/status {status}", str(root.image)], capture_output=True, check=True)
    (directory / "partial").mkdir()
    run = subprocess.run(["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only", "-o",
                          f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={directory}", "-o",
                          "Debug::NoLocking=true", "-o", "APT::Sandbox::User=", "install", *packages],
                         capture_output=True, text=True, check=False)
    found = sorted(directory.glob("*.deb"))
    if run.returncode != 0 or not found:
        raise HarnessError(f"apt-get can't get {' '.join(packages)}: {run.stdout} {run.stderr}")
    return found


def _base(firmware: str) -> disks.Disk:
    return disks.get(install_disk.SPEC) if firmware == "bios" else efi_disk.get(efi_disk.EfiSpec(swaps=install_disk.SPEC.swaps))


def _mount_esp(agent: Agent, base: efi_disk.EfiDisk) -> None:
    device = f"PARTUUID={base.esp.partuuid}"
    agent.run(f"mkdir -p /boot/efi && echo '{device} /boot/efi vfat umask=0077 0 1' >> /etc/fstab && mount /boot/efi && "
              "rm -r /boot/efi/*")


def _make(base: disks.Disk, firmware: str, out: Path) -> None:
    cache.progress(f"package: making a guest with its own GRUB and apt ({firmware})")
    image = disks.overlay(base.path, out / "disk.qcow2")
    with tempfile.TemporaryDirectory() as work:
        debs = _download(guest.get(), PACKAGES[firmware], Path(work))
        files = install_disk.settings_files() | {f"{DEBS}/{path.name}": path.read_bytes() for path in debs}
        drive = install_disk.drive_of(Path(work) / "files.raw", files)
        with session.power_on(image, base, grub_run.Boot(), HARDWARE[firmware], out / "log", limit_s=900, more=(drive,),
                              drive={"flushes": False}) as on:
            install_disk.wait_ready(on)
            install_disk.unpack(on.agent)
            on.agent.run(f"dpkg --force-unsafe-io -i {DEBS}/*.deb 2>&1 && rm -r {DEBS} /boot/thaw", timeout_s=300)
            if firmware == "efi":
                _mount_esp(on.agent, base)
                install_disk.set_up_grub(on.agent, base, EFI_TARGET)
            else:
                install_disk.set_up_grub(on.agent, base)
            on.agent.run("sync; umount /boot/efi; mount -o remount,ro /", check=False)


def get(firmware: str = "bios") -> install_disk.Installed:
    """The disk; made when the cache has none (two minutes).  It has no place for a loader."""
    base = _base(firmware)
    here = Path(__file__).read_text(encoding="utf-8") + Path(install_disk.__file__).read_text(encoding="utf-8")
    recipe = {"disk": base.path.parent.name, "hardware": HARDWARE[firmware].arguments(), "how": here,
              "packages": guest.package_versions(PACKAGES[firmware])}
    entry = cache.build_once("package", recipe, lambda out: _make(base, firmware, out))
    return install_disk.Installed(entry / "disk.qcow2", base, 0)
