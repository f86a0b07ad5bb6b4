# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package as a user meets it: apt installs the built file, and nothing else is done by hand."""

from __future__ import annotations

import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

import disk as disks
import efi_guest
import grub_run
import guest
import install_disk
import package_disk
import proof
import session
import session_record
from errors import Failure
from swsusp_oracle import PAGE

LINUX_STARTS = r"(Command line|Kernel command line): .*root="
THAW = r"^thaw: "
APT = "DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Use-Pty=0"
GRUB_CFG = "/boot/grub/grub.cfg"


@pytest.fixture(name="drive")
def drive_with_package(result_dir: Path):
    """A drive with the package for the guest."""
    return install_disk.drive_of(result_dir / "package.raw", {"/root/thaw.deb": package_disk.package().read_bytes()})


@contextmanager
def _power_on(image: Path, result_dir: Path, firmware: str = "bios", **options):
    """By whatever GRUB is installed there.  A UEFI machine keeps its variables."""
    kept = image.with_name("variables.fd")
    if kept.exists():
        options["variables"] = kept
    with session.power_on(image, package_disk.get(firmware).disk, grub_run.Boot(), package_disk.HARDWARE[firmware],
                          result_dir, **options) as on:
        yield on
    if firmware != "bios":
        shutil.copyfile(on.machine.variables_path, kept)


def _install(on: session.Powered) -> None:
    install_disk.unpack(on.agent)
    before = on.agent.run(f"cp {GRUB_CFG} /root/grub.cfg; cat {GRUB_CFG}")
    assert "thaw" not in before.replace("thaw-test", ""), before
    text = on.agent.run(f"{APT} install /root/thaw.deb 2>&1", timeout_s=300)
    assert "Found Thaw: /boot/thaw/thaw.elf" in text and "update-grub failed" not in text, text
    # The guests have no manuals.
    on.agent.run("dpkg --audit && ! dpkg -V thaw | grep -v /usr/share/")
    # The unit that a boot would have started.
    on.agent.run("systemctl daemon-reload && systemctl start thaw-try.service")


def _expect_entry(on: session.Powered, is_there: bool) -> None:
    """The entry is in the menu; or the menu is what it was before the package, but for the name of the script, perhaps."""
    if is_there:
        text = on.agent.run(f"cat {GRUB_CFG}")
        assert "set default=thaw" in text and "chainloader" in text, text
        assert f"thaw.kernel=UUID={guest.FS_UUID}:/boot/vmlinuz-" in text, text
        assert f"'resume=UUID={install_disk.SPEC.swaps[0].uuid}'" in text, text
    else:
        # The guest's disks have their numbers by chance.
        same = "sed 's/hd[01],/hd,/g; s/ahci[01]/ahci/g; /^### .* .etc.grub.d.06_thaw ###$/d'"
        on.agent.run(f"{same} {GRUB_CFG} > /root/now.cfg; {same} /root/grub.cfg | diff -B - /root/now.cfg")


def _journal(on: session.Powered) -> str:
    return on.agent.run("journalctl --sync; journalctl -q -o cat -b -t thaw")


def _end(on: session.Powered, how: str) -> None:
    """Hibernate, or power off."""
    on.agent.run(f"setsid sh -c 'sleep 0.5; systemctl {how}' > /dev/null 2>&1 &")
    reason = on.machine.wait_end(180)
    if reason != "guest-shutdown":
        raise Failure(f"the guest ended with {reason} instead of its {how}")


def _wait_resumed(on: session.Powered) -> None:
    on.agent.run("while systemctl is-active -q systemd-hibernate || systemctl list-jobs | grep -q hibernate;"
                 " do sleep 0.2; done")


def _remove(on: session.Powered) -> None:
    """Remove, then purge; what is left each time boots as before."""
    on.agent.run(f"{APT} remove thaw 2>&1", timeout_s=300)
    _expect_entry(on, False)
    on.agent.run("test -e /etc/grub.d/06_thaw && test -e /etc/default/thaw && test ! -e /usr/sbin/thaw")
    on.agent.run(f"{APT} purge thaw 2>&1", timeout_s=300)
    _expect_entry(on, False)
    left = on.agent.run("find /boot /etc /usr /var/lib/dpkg -xdev -name '*thaw*' ! -path '/boot/thaw-test*'"
                        " ! -name 'thaw-guest*' ! -name thaw-agent ! -name thaw-proof ! -name thaw-test.cfg").split()
    assert not left, left
    on.agent.run("dpkg --audit; sync")


@pytest.mark.parametrize("firmware", ["bios", pytest.param("efi", marks=pytest.mark.full)])
def test_from_apt_to_purge(firmware, drive, result_dir):
    """Install, hibernate, resume by Thaw; remove and purge in the resumed session; a power-on is as before."""
    image = disks.overlay(package_disk.get(firmware).path, result_dir / "disk.qcow2")
    with _power_on(image, result_dir / "1-install", firmware, more=(drive,), limit_s=400) as on:
        on.machine.wait_for(LINUX_STARTS, 60, unless=THAW)
        install_disk.wait_ready(on)
        _install(on)
        _expect_entry(on, True)
        on.agent.run("thaw status --quiet")
        proof.start(on.agent, 8, process_mib=4)
        facts = proof.take(on.agent, 8)
        _end(on, "hibernate")
    header = disks.read_bytes(image, package_disk.get(firmware).disk.swaps[install_disk.SPEC.swaps[0].label].start, PAGE)
    assert session_record.root(session_record.filesystems(header)), "the hook wrote no record of the root filesystem"
    with _power_on(image, result_dir / "2-resume", firmware) as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        _wait_resumed(on)
        proof.check(on.agent, facts, disk_mib=1)
        assert "no record" in on.agent.run(f"{session_record.PROGRAM} show"), "the hook left the record"
        journal = _journal(on)
        assert "the last resume by Thaw from this swap area" in journal and "could not resume" not in journal, journal
        if firmware != "bios":
            assert efi_guest.status(on.agent)["status"] == "resumed"
        _remove(on)
    with _power_on(image, result_dir / "3-gone", firmware) as on:
        on.machine.wait_for(LINUX_STARTS, 60, unless=THAW)


def _check_normal_boot(on: session.Powered, firmware: str) -> None:
    """Through Thaw, with its result on the command line or in the firmware's variable, and in the journal."""
    on.machine.wait_for("^thaw: boot: no-image", 60, unless=LINUX_STARTS)
    on.machine.wait_for(LINUX_STARTS, 60)
    install_disk.wait_ready(on)
    on.agent.run("until systemctl show -p ExecMainExitTimestampMonotonic --value thaw-result.service | grep -qvx 0;"
                 " do sleep 0.2; done", timeout_s=120)
    if firmware == "bios":
        assert "thaw.status=no-image" in on.agent.run("cat /proc/cmdline")
        assert "Thaw at this session's boot: no-image" in _journal(on), _journal(on)
    else:
        assert efi_guest.status(on.agent)["status"] == "no-image"
        assert "Thaw at the last power-on: no-image" in _journal(on), _journal(on)


@pytest.mark.full
@pytest.mark.parametrize("firmware", ["bios", "efi"])
def test_upgrade_kernels_and_the_switch(firmware, drive, result_dir):
    """The same package again; a normal boot; kernels come and go; disabled, with a warning, and enabled."""
    image = disks.overlay(package_disk.get(firmware).path, result_dir / "disk.qcow2")
    with _power_on(image, result_dir / "1-install", firmware, more=(drive,), limit_s=600) as on:
        install_disk.wait_ready(on)
        _install(on)
        on.agent.run("echo '# mine' >> /etc/default/thaw")
        on.agent.run(f"{APT} install --reinstall /root/thaw.deb 2>&1", timeout_s=300)
        _expect_entry(on, True)
        on.agent.run("grep -q '^# mine' /etc/default/thaw")
        _end(on, "poweroff")
    with _power_on(image, result_dir / "2-normal", firmware, limit_s=600) as on:
        _check_normal_boot(on, firmware)
        # What Debian's hooks of a kernel package do.
        version = guest.get().kernels["6.12"]
        on.agent.run(f"mkdir /root/kernel && mv /boot/*-{version} /root/kernel && "
                     f"/etc/kernel/postrm.d/zz-update-grub {version} 2>&1", timeout_s=300)
        text = on.agent.run(f"cat {GRUB_CFG}")
        assert f"vmlinuz-{version}" not in text
        assert f"thaw.kernel=UUID={guest.FS_UUID}:/boot/vmlinuz-{guest.get().kernels['6.1']}" in text, text
        on.agent.run(f"mv /root/kernel/* /boot && /etc/kernel/postinst.d/zz-update-grub {version} 2>&1", timeout_s=300)
        assert f"thaw.kernel=UUID={guest.FS_UUID}:/boot/vmlinuz-{version}" in on.agent.run(f"cat {GRUB_CFG}")
        on.agent.run("thaw disable 2>&1", timeout_s=300)
        _expect_entry(on, False)
        on.agent.run("/usr/lib/systemd/system-sleep/thaw pre hibernate")
        assert "Thaw could not resume this hibernation" in _journal(on), _journal(on)
        on.agent.run("thaw enable 2>&1", timeout_s=300)
        _expect_entry(on, True)
        _end(on, "poweroff")


# Where swap is to be, in place of the partition: commands, given a device and a UUID; what the menu says then.
PLACES = {
    "file": ("mkfs.ext4 -q -F -b 4096 -U {uuid} {device}; mkdir /swap; mount {device} /swap; "
             "echo 'UUID={uuid} /swap ext4 defaults 0 2' >> /etc/fstab; "
             "fallocate -l 256M /swap/file; chmod 600 /swap/file; mkswap /swap/file; "
             "echo '/swap/file none swap sw 0 0' >> /etc/fstab; rm /etc/initramfs-tools/conf.d/resume",
             r"'resume=UUID={uuid}' resume_offset=[1-9]\d* "),
    "volume": ("wipefs -a {device}; pvcreate -qy {device}; vgcreate -qy thaw {device}; "
               "lvcreate -qy -Wn -l 100%FREE -n swap thaw; mkswap /dev/mapper/thaw-swap; "
               "echo '/dev/mapper/thaw-swap none swap sw 0 0' >> /etc/fstab; "
               "echo RESUME=/dev/mapper/thaw-swap > /etc/initramfs-tools/conf.d/resume",
               r"'resume=/dev/mapper/thaw-swap' "),
}


@pytest.mark.full
@pytest.mark.parametrize("place", PLACES)
def test_where_swap_is(place, drive, result_dir):
    """The entry tells where the image will be, and Thaw finds it there."""
    commands, words = PLACES[place]
    values = {"uuid": "c3b9e7d2-6a41-4f0e-8d35-7b1f92e04a68", "device": '"$device"'}
    image = disks.overlay(package_disk.get().path, result_dir / "disk.qcow2")
    with _power_on(image, result_dir / "1-install", more=(drive,), limit_s=600) as on:
        install_disk.wait_ready(on)
        on.agent.run(f"device=$(blkid -U {install_disk.SPARE.uuid}); swapoff -a; sed -i '/ swap /d' /etc/fstab; set -e; "
                     + commands.format(**values) + "; swapon -a",
                     timeout_s=120)
        _install(on)
        text = on.agent.run(f"cat {GRUB_CFG}")
        assert re.search(f"multiboot2 .*{words.format(**values)}", text), text
        assert re.search(f"chainloader .*{words.format(**values)}", text), text
        proof.start(on.agent, 8, process_mib=4)
        facts = proof.take(on.agent, 8)
        _end(on, "hibernate")
    with _power_on(image, result_dir / "2-resume") as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        _wait_resumed(on)
        proof.check(on.agent, facts, disk_mib=1)


@pytest.mark.full
def test_power_is_cut_while_thaw_restores_under_uefi(drive, result_dir):
    """The attempt guard: the next power-on leaves Thaw out and Linux resumes the session; then it is Thaw's turn again."""
    image = disks.overlay(package_disk.get("efi").path, result_dir / "disk.qcow2")
    with _power_on(image, result_dir / "1-install", "efi", more=(drive,), limit_s=400) as on:
        install_disk.wait_ready(on)
        # The guest's initramfs is older than its swap partition.
        on.agent.run(f"echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX resume=UUID={install_disk.SPEC.swaps[0].uuid}\"' "
                     "> /etc/default/grub.d/zz-resume.cfg")
        _install(on)
        proof.start(on.agent, 8, process_mib=4)
        facts = proof.take(on.agent, 8)
        _end(on, "hibernate")
    with _power_on(image, result_dir / "2-cut", "efi") as on:
        on.machine.wait_for("^thaw: resume: swsusp", 60, unless=LINUX_STARTS)
        assert on.machine.find("^thaw: jump") is None
    with _power_on(image, result_dir / "3-skipped", "efi") as on:
        # GRUB writes each word to both of its terminals, which are the same port.
        on.machine.wait_for("Thaw.*was.*started.*last", 60, unless=THAW)
        on.machine.wait_for(session.EXIT_LINE, 120, unless=THAW)
        on.agent.wait_ready(60)
        _wait_resumed(on)
        proof.check(on.agent, facts, disk_mib=1)
        _end(on, "hibernate")
    with _power_on(image, result_dir / "4-again", "efi") as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        _wait_resumed(on)
        proof.check(on.agent, facts, disk_mib=1)
