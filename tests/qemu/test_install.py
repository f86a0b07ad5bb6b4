# SPDX-License-Identifier: GPL-2.0-or-later
"""Thaw as a user installs it: the guest's own GRUB and update-grub, systemd, and the guard against a start that hangs.

Every scenario is an overlay of one installed disk (install_disk.py).  What grubenv holds is read from the disk's
block while the machine is off, never through the guest's page cache.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import disk as disks
import grub_run
import guest
import install_disk
import install_guest
import install_variants
import proof
import session
from errors import Failure, HarnessError

LINUX_STARTS = r"(Command line|Kernel command line): .*root="
STAND_IN = r"stand-in: (started|args|module|hangs)"
THAW = r"^thaw: |stand-in:"


@pytest.fixture(scope="module", name="installed")
def installed_disk() -> install_disk.Installed:
    """The installed disk (from the cache)."""
    return install_disk.get()


@pytest.fixture(name="stand_in")
def stand_in_loader(tmp_path: Path) -> Path:
    """A loader that says what it was given and hangs."""
    return install_guest.stand_in(tmp_path)


def _overlay(installed: install_disk.Installed, result_dir: Path) -> Path:
    return disks.overlay(installed.path, result_dir / "disk.qcow2")


def _thaw_try(installed: install_disk.Installed, image: Path) -> str:
    return install_guest.grubenv(installed, image).get("thaw_try", "")


def _expect_attempt(installed, image: Path, loader: Path | None, result_dir: Path) -> str:
    """Power on, see the stand-in hang, press reset; returns what it printed."""
    with install_guest.power_on(installed, image, result_dir, loader, limit_s=120) as on:
        on.machine.wait_for("stand-in: hangs", 90, unless=LINUX_STARTS)
        text = on.machine.text()
    assert _thaw_try(installed, image) == "1", "a start of the loader is not noted in grubenv"
    return text


def _expect_linux(installed, image: Path, loader: Path | None, result_dir: Path) -> str:
    """Power on, see Linux start without the loader, cut the power; returns Linux's command line."""
    with install_guest.power_on(installed, image, result_dir, loader, limit_s=120) as on:
        return on.machine.wait_for(LINUX_STARTS, 90, unless=THAW).text


def _power_off(on: session.Powered) -> None:
    on.agent.run("systemctl --no-block poweroff")
    reason = on.machine.wait_end(120)
    if reason != "guest-shutdown":
        raise Failure(f"the guest ended with {reason} instead of powering off")


def _booted_normally(on: session.Powered, status: str) -> None:
    """Check the running system: the newest kernel, what it was told, the unit that tells GRUB about it."""
    command_line = on.agent.run("cat /proc/cmdline").split()
    assert f"thaw.status={status}" in command_line, command_line
    assert f"root=UUID={guest.FS_UUID}" in command_line and "loglevel=7" in command_line, command_line
    assert on.agent.run("uname -r").strip() == guest.get().kernels["6.12"]
    assert on.agent.run("systemctl is-active thaw-try.service").strip() == "active"


def test_from_power_on_to_the_next_session(installed, result_dir):
    """No image, `systemctl hibernate`, resume; then grub-reboot is obeyed, and a missing loader is no obstacle."""
    if not session.LOADER.exists():
        raise HarnessError(f"{session.LOADER} is not there: build it first")
    image = _overlay(installed, result_dir)
    with install_guest.power_on(installed, image, result_dir / "1-no-image", session.LOADER) as on:
        on.machine.wait_for("^thaw: boot: no-image", 60, unless=LINUX_STARTS)
        install_disk.wait_ready(on)
        _booted_normally(on, "no-image")
        assert "thaw_try" not in on.agent.run(f"cat {install_disk.GRUBENV}")  # and now it is in the page cache
        proof.start(on.agent, 8, process_mib=4)
        facts = proof.take(on.agent, 8)
        install_guest.hibernate(on)
    assert _thaw_try(installed, image) == "", "the boot did not clear thaw_try"
    with install_guest.power_on(installed, image, result_dir / "2-resume", None) as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        on.agent.run("while systemctl is-active -q systemd-hibernate || systemctl list-jobs | grep -q hibernate;"
                     " do sleep 0.2; done")
        # Nobody else has written the file: what is on the disk now is the work of the hook.
        assert "thaw_try" not in install_guest.grubenv_behind_cache(on.agent, installed), "the resume did not clear it"
        proof.check(on.agent, facts, disk_mib=1)
        other = guest.get().kernels["6.1"]
        entries = f"gnulinux-advanced-{guest.FS_UUID}>gnulinux-{other}-advanced-{guest.FS_UUID}"
        on.agent.run(f"grub-reboot '{entries}' && mv {install_disk.LOADER} {install_disk.LOADER}.away")
        _power_off(on)
    command_line = _expect_linux(installed, image, None, result_dir / "3-boot-once")
    assert f"vmlinuz-{other}" in command_line and "thaw.status" not in command_line, command_line
    command_line = _expect_linux(installed, image, None, result_dir / "4-missing")
    assert f"vmlinuz-{guest.get().kernels['6.12']}" in command_line and "thaw.status" not in command_line, command_line
    assert _thaw_try(installed, image) == ""


def test_a_loader_that_hangs_is_left_out_once(installed, stand_in, result_dir):
    image = _overlay(installed, result_dir)
    text = _expect_attempt(installed, image, stand_in, result_dir / "1-hangs")
    version = guest.get().kernels["6.12"]
    files = grub_run.Files(guest.FS_UUID, f"/boot/vmlinuz-{version}", (f"/boot/initrd.img-{version}",))
    install_variants.check_handed_over(text, f"resume=UUID={install_disk.SPEC.swaps[0].uuid} console=ttyS0,115200",
                                       f"root=UUID={guest.FS_UUID} ro console=ttyS0,115200 bgrt_disable loglevel=7", files.words())
    with install_guest.power_on(installed, image, result_dir / "2-skipped", None) as on:
        on.machine.wait_for("Thaw was started last time", 60, unless=STAND_IN)
        command_line = on.machine.wait_for(LINUX_STARTS, 60, unless=STAND_IN).text
        assert f"vmlinuz-{guest.get().kernels['6.12']} thaw.status=skipped root=" in command_line, command_line
        on.machine.wait_for("Finished .*thaw-try.service", 240)
    assert _thaw_try(installed, image) == "", "the boot without the loader did not clear thaw_try"
    _expect_attempt(installed, image, None, result_dir / "3-again")


def test_a_reset_before_linux_is_up_keeps_the_loader_out(installed, stand_in, result_dir):
    """What hangs may be Linux itself: as long as none comes up, the loader is not tried again."""
    image = _overlay(installed, result_dir)
    _expect_attempt(installed, image, stand_in, result_dir / "1-hangs")
    for name in ("2-skipped", "3-skipped"):
        command_line = _expect_linux(installed, image, None, result_dir / name)
        assert "thaw.status=skipped" in command_line, command_line


def test_a_refused_loader_boots_the_normal_kernel(installed, result_dir, tmp_path):
    loader = tmp_path / "refused"
    loader.write_bytes(b"no multiboot2 header in here\n" * 1024)
    image = _overlay(installed, result_dir)
    command_line = _expect_linux(installed, image, loader, result_dir)
    assert f"vmlinuz-{guest.get().kernels['6.12']}" in command_line and "thaw.status" not in command_line, command_line
    assert _thaw_try(installed, image) == "", "a loader that never ran counts as tried"


def test_what_the_generator_writes(installed, stand_in, result_dir):
    """Settings, resume devices and filesystems, by the guest's grub-mkconfig; then /boot on its own filesystem."""
    image = _overlay(installed, result_dir)
    install_guest.set_next_entry(installed, image, install_disk.QUICK_ENTRY)
    files = install_disk.drive_of(result_dir / "files.raw", {"/root/standin.elf": stand_in.read_bytes()})
    with install_guest.power_on(installed, image, result_dir / "1-generate", stand_in, more=(files,)) as on:
        on.machine.wait_for(LINUX_STARTS, 60, unless=STAND_IN)
        install_disk.wait_ready(on)
        install_disk.unpack(on.agent)
        install_variants.check_all(on.agent)
        grubenv = install_variants.move_boot(on.agent)
    with install_guest.power_on(installed, image, result_dir / "2-own-boot", None, limit_s=120) as on:
        on.machine.wait_for("stand-in: hangs", 90, unless=LINUX_STARTS)
        install_variants.check_handed_over(on.machine.text(), install_variants.THAW_WORDS, install_variants.LINUX_WORDS)
    grubenv += installed.disk.swaps[install_disk.SPARE.label].start
    block = disks.read_bytes(image, grubenv, install_guest.GRUBENV_BYTES)
    assert install_guest.parse_grubenv(block)["thaw_try"] == "1"
    # Without the note there is no start: an environment block that GRUB can't save to.
    disks.write_bytes(image, [(grubenv, b"x" * install_guest.GRUBENV_BYTES)])
    with install_guest.power_on(installed, image, result_dir / "3-no-grubenv", None, limit_s=120) as on:
        on.machine.wait_for("grubenv could not be written", 60, unless=STAND_IN)
        line = on.machine.wait_for(LINUX_STARTS, 60, unless=STAND_IN)
        assert "thaw.status=skipped" in line.text, line.text
