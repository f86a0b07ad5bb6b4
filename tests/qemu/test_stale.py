# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard against stale images: another system writes to the session's filesystem, and nobody resumes it any more.

The record is written by `session-record` in the guest, on an installed system by its sleep hook.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import disk as disks
import efi_disk
import grub_run
import guest
import hibernate
import install_disk
import install_guest
import proof
import session
import session_record
import thaw_run
from errors import Failure, HarnessError
from machine import Drive
from session import Config
from session_record import PROGRAM
from swsusp_oracle import PAGE, SIGNATURE

RECORDER = session.LOADER.with_name("session-record")
LINUX_STARTS = r"(Command line|Kernel command line): .*root="
STALE = rf"^thaw: \S+: ext4 {guest.FS_UUID}: mounted by another system since the session hibernated"
REPLAYED = rf"^thaw: \S+: ext4 {guest.FS_UUID}: recovered from its journal by another system"
ANOTHERS = r"^thaw: \S+: the record of filesystems is another session's, ignored"
RESUMED_BY_LINUX = r"PM: hibernation: (Read|resume from hibernation|Image loading)|hibernation exit"
FILL_MIB = 8
BIOS = Config(fill_mib=FILL_MIB)
UEFI = Config(fill_mib=FILL_MIB, memory_mib=1024, firmware="efi")


@dataclass(frozen=True)
class Recorded:
    """A session that wrote its record and hibernated.  files: its second drive; start: of the swap area's header page,
    in bytes of the disk; words: resume=, as Linux and the loader understand it."""

    path: Path
    disk: disks.Disk
    config: Config
    proof: proof.Proof
    files: Drive
    start: int
    words: str
    variables: Path | None

    def header(self, image: Path) -> bytes:
        """The header page of its swap area."""
        return disks.read_bytes(image, self.start, PAGE)

    def options(self) -> dict:
        """Of power_on."""
        return {"variables": self.variables} if self.variables else {}


def _put_recorder(on: session.Powered) -> None:
    on.agent.run("for disk in /dev/sd?; do tar -x -f $disk -C / --no-same-owner --keep-directory-symlink 2>/dev/null "
                 f"&& break; done; chmod 755 {PROGRAM}")


def _files(result_dir: Path) -> Drive:
    if not RECORDER.exists():
        raise HarnessError(f"{RECORDER} is not there: build it first")
    return install_disk.drive_of(result_dir / "files.raw", {PROGRAM: RECORDER.read_bytes()})


def _hibernate(on: session.Powered, config: Config, records: bool) -> tuple[proof.Proof, int, list]:
    """Make the running guest hibernate, with a record or without; also what hibernate.prepare() returns."""
    offset, segments = hibernate.prepare(on.agent, config)
    proof.start(on.agent, config.fill_mib, config.fill_kind)
    facts = proof.take(on.agent, config.fill_mib)
    if records:
        on.agent.run(f"{PROGRAM} write")
        # The machine is not off before this is on the disk.
        on.agent.run("echo x > /var/tmp/written-after-the-record; sync")
    hibernate.hibernate(on.machine, on.agent, config.mode)
    return facts, offset, segments


def _recorded(config: Config, result_dir: Path) -> Recorded:
    disk = session.base_disk(config)
    image = disks.overlay(disk.path, result_dir / "session.qcow2")
    files = _files(result_dir)
    with session.power_on(image, disk, config.boot(), config.hardware(), result_dir / "0-session",
                          more=(files,), drive={"flushes": False}) as on:
        on.agent.wait_ready(180)
        _put_recorder(on)
        facts, offset, segments = _hibernate(on, config, records=True)
        variables = on.machine.variables_path if config.firmware != "bios" else None
    # What tells where the image is says so of a session that is in the cache, too.
    like = session.Hibernated(config, image, disk, facts, offset, segments=tuple(segments))
    made = Recorded(image, disk, config, facts, files, like.area().start + offset * PAGE, like.resume_words(),
                    variables)
    header = made.header(image)
    if not header.endswith(SIGNATURE):
        raise HarnessError("there is no image")
    found = session_record.filesystems(header)
    if len(found) != 1 or not session_record.root(found):
        raise Failure(f"the record that stands beside the image is {header[512:640]!r}")
    return made


def _boot(made: Recorded, entry: str = "thaw", **changes) -> grub_run.Boot:
    values = {"kernel": made.config.kernel, "cmdline": made.words, "thaw_args": made.words, **changes}
    return grub_run.Boot(entry=entry, **values)


def _power_on(made: Recorded, image: Path, boot: grub_run.Boot, result_dir: Path, **options):
    return session.power_on(image, made.disk, boot, made.config.hardware(), result_dir, more=(made.files,),
                            **made.options(), **options)


def _write_from_outside(made: Recorded, image: Path, result_dir: Path) -> None:
    """Another system, with another kernel, mounts the root filesystem and writes to it."""
    with _power_on(made, image, _boot(made, "linux", kernel="6.12", cmdline="noresume"), result_dir) as on:
        on.agent.wait_ready(180)
        on.agent.run("echo foreign > /var/tmp/foreign && rm -f /var/tmp/written-after-the-record && sync && "
                     "mount -o remount,ro /")
    if not made.header(image).endswith(SIGNATURE):
        raise HarnessError("the other system took the image away")


def _switch_off(on: session.Powered) -> None:
    """As a shutdown does: everything is written, nothing is mounted to write."""
    on.agent.run("swapoff -a; sync; mount -o remount,ro /", timeout_s=60)


def _check_filesystem(made: Recorded, image: Path, result_dir: Path) -> None:
    part = disks.copy_range(image, made.disk.root.start, made.disk.root.size, result_dir / "root.raw")
    run = subprocess.run(["e2fsck", "-fn", str(part)], capture_output=True, text=True, check=False)
    part.unlink()
    if run.returncode != 0:
        raise Failure(f"e2fsck: {run.stdout}{run.stderr}")


def _expect_stale(made: Recorded, image: Path, result_dir: Path, why: str) -> None:
    """Thaw refuses, Linux starts afresh and keeps from the image; then nothing is left to resume."""
    with _power_on(made, image, _boot(made), result_dir) as on:
        on.machine.wait_for(why, 90, unless=thaw_run.NO_RESUME)
        thaw_run.expect_boot(on.machine, "stale")
        thaw_run.check_fresh(on, "stale")
        efi = on.machine.hardware.is_efi()
        if not efi and "noresume" not in on.agent.run("cat /proc/cmdline").split():
            raise Failure("Linux was not told noresume")
        if on.machine.find(RESUMED_BY_LINUX):
            raise Failure("Linux resumed the stale image")
        on.agent.run("grep -q foreign /var/tmp/foreign")
        _switch_off(on)
    # Nobody has used the swap area since.
    if made.header(image).endswith(SIGNATURE) == efi:
        raise Failure("the image is there for Linux to resume it" if efi else "the image was touched")
    _check_filesystem(made, image, result_dir)


@pytest.mark.xdist_group("stale")
class TestBios:
    """Scenarios over one recorded session."""

    @pytest.fixture(scope="class", name="made")
    @staticmethod
    def made_session(tmp_path_factory) -> Recorded:
        """The session, made once."""
        return _recorded(BIOS, tmp_path_factory.mktemp("recorded"))

    def test_an_untouched_session_is_resumed(self, made, result_dir):
        """Resumed with its record in place, which is then erased; and hibernated again without one, resumed again."""
        image = disks.overlay(made.path, result_dir / "disk.qcow2")
        with _power_on(made, image, _boot(made), result_dir / "1") as on:
            thaw_run.check_resumed(on, made.proof)
            if on.machine.find("^thaw: .*(not compared|can't be compared|ignored)"):
                raise Failure("the root filesystem was not compared")
            on.agent.run(f"{PROGRAM} erase")
            if "no record" not in on.agent.run(f"{PROGRAM} show"):
                raise Failure("the record was not erased")
        header = made.header(image)
        if any(header[:1024]) or not header.endswith(b"SWAPSPACE2") or b"THAW" not in header[4032:4048]:
            raise Failure(f"the header is {header[512:576]!r} … {header[4032:]!r}")

    def test_a_session_over_which_another_system_wrote_is_refused(self, made, result_dir):
        image = disks.overlay(made.path, result_dir / "disk.qcow2")
        _write_from_outside(made, image, result_dir / "1-foreign")
        _expect_stale(made, image, result_dir / "2-stale", STALE)

    @pytest.mark.full
    def test_an_old_record_does_not_condemn_a_new_image(self, made, result_dir):
        """A record that nobody took away, and a session of another boot that hibernates without one."""
        image = disks.overlay(made.path, result_dir / "disk.qcow2")
        with _power_on(made, image, _boot(made, "linux", cmdline="noresume"), result_dir / "1-hibernate") as on:
            on.agent.wait_ready(180)
            swap = on.agent.run(f"blkid -U {BIOS.swap_uuid()}").strip()
            on.agent.run(f"printf SWAPSPACE2 | dd of={swap} bs=1 seek=4086 conv=notrunc,fsync status=none")
            facts = _hibernate(on, BIOS, records=False)[0]
        if not session_record.filesystems(made.header(image)):
            raise HarnessError("the old record is gone")
        with _power_on(made, image, _boot(made), result_dir / "2-resume") as on:
            on.machine.wait_for(ANOTHERS, 90, unless=thaw_run.NO_RESUME)
            thaw_run.check_resumed(on, facts)

    @pytest.mark.full
    def test_a_journal_replayed_by_another_system(self, made, result_dir):
        """It mounts the filesystem to read only; but its initramfs recovers the journal before."""
        image = disks.overlay(made.path, result_dir / "disk.qcow2")
        boot = _boot(made, "linux", kernel="6.12", cmdline="noresume ro init=/bin/false panic=0")
        with _power_on(made, image, boot, result_dir / "1-foreign") as on:
            on.machine.wait_for("Kernel panic", 120)
        with _power_on(made, image, _boot(made), result_dir / "2-stale") as on:
            on.machine.wait_for(REPLAYED, 90, unless=thaw_run.NO_RESUME)
            thaw_run.expect_boot(on.machine, "stale")


@pytest.mark.full
@pytest.mark.parametrize("swap", ("file", "lvm"))
def test_other_places(swap: str, result_dir):
    """The record in a swap file and in a logical volume: written, compared, erased."""
    made = _recorded(Config(fill_mib=FILL_MIB, swap=swap, swap_mib=384 if swap == "file" else 1024), result_dir)
    image = disks.overlay(made.path, result_dir / "stale.qcow2")
    _write_from_outside(made, image, result_dir / "1-foreign")
    with _power_on(made, image, _boot(made), result_dir / "2-stale") as on:
        on.machine.wait_for(STALE, 90, unless=thaw_run.NO_RESUME)
        thaw_run.expect_boot(on.machine, "stale")
    image = disks.overlay(made.path, result_dir / "disk.qcow2")
    with _power_on(made, image, _boot(made), result_dir / "3-untouched") as on:
        thaw_run.check_resumed(on, made.proof)
        on.agent.run(f"{PROGRAM} erase")
    if any(made.header(image)[:1024]):
        raise Failure("the record was not erased")


@pytest.mark.full
def test_uefi(result_dir):
    """GRUB can't be told noresume: the image is marked used, and Linux finds none."""
    made = _recorded(UEFI, result_dir)
    assert isinstance(made.disk, efi_disk.EfiDisk)
    image = disks.overlay(made.path, result_dir / "untouched.qcow2")
    with _power_on(made, image, _boot(made), result_dir / "1-untouched") as on:
        thaw_run.check_efi_resumed(on, made.proof)
    image = disks.overlay(made.path, result_dir / "disk.qcow2")
    _write_from_outside(made, image, result_dir / "2-foreign")
    # It must not return to a GRUB that would start Linux with an image that could not be taken away.
    sector = (made.start + PAGE) // disks.SECTOR - 1
    with _power_on(made, image, _boot(made), result_dir / "3-unwritable", drive={"bad_writes": (sector,)}) as on:
        on.machine.wait_for(STALE, 90, unless=thaw_run.NO_RESUME)
        on.machine.wait_for("the image could not be discarded", 60, unless=thaw_run.NO_RESUME)
        on.machine.wait_for("press Enter", 10)
    if not made.header(image).endswith(SIGNATURE):
        raise HarnessError("the header could be written")
    _expect_stale(made, image, result_dir / "4-stale", STALE)


def _installed_header(installed: install_disk.Installed, image: Path) -> bytes:
    return disks.read_bytes(image, installed.disk.swaps[install_disk.SPEC.swaps[0].label].start, PAGE)


@pytest.mark.full
def test_installed_system(result_dir):
    """`systemctl hibernate`: the hook writes the record, a resume and a boot take it away; a foreign mount is seen."""
    installed = install_disk.get()
    image = disks.overlay(installed.path, result_dir / "disk.qcow2")
    files = _files(result_dir)
    with install_guest.power_on(installed, image, result_dir / "1-hibernate", session.LOADER,
                                more=(files,)) as on:
        install_disk.wait_ready(on)
        _put_recorder(on)
        on.agent.run("systemctl is-active thaw-record.service")
        proof.start(on.agent, FILL_MIB, process_mib=4)
        facts = proof.take(on.agent, FILL_MIB)
        install_guest.hibernate(on)
    if not session_record.root(session_record.filesystems(_installed_header(installed, image))):
        raise Failure("the hook wrote no record of the root filesystem")
    untouched = disks.overlay(image, result_dir / "untouched.qcow2")
    with install_guest.power_on(installed, untouched, result_dir / "2-untouched", None, more=(files,)) as on:
        on.machine.wait_for("^thaw: jump", 60, unless=f"^thaw: boot:|{LINUX_STARTS}")
        on.agent.wait_ready(60)
        on.agent.run("while systemctl is-active -q systemd-hibernate || systemctl list-jobs | grep -q hibernate;"
                     " do sleep 0.2; done")
        proof.check(on.agent, facts, disk_mib=1)
        if "no record" not in on.agent.run(f"{PROGRAM} show"):
            raise Failure("the hook did not erase the record after the resume")
        warnings = on.agent.run("journalctl --identifier=thaw --priority=warning --output=cat")
        if "record of mounted" in warnings:
            raise Failure("the hook could not write or erase the record")
    install_guest.set_next_entry(installed, image, install_disk.QUICK_ENTRY)
    with install_guest.power_on(installed, image, result_dir / "3-foreign", None) as on:
        on.machine.wait_for(LINUX_STARTS, 60, unless="^thaw:")
        install_disk.wait_ready(on)
        on.agent.run("echo foreign > /var/tmp/foreign && sync && mount -o remount,ro /")
    with install_guest.power_on(installed, image, result_dir / "4-stale", None) as on:
        on.machine.wait_for(STALE, 60, unless=thaw_run.NO_RESUME)
        on.machine.wait_for("^thaw: boot: stale", 20, unless=LINUX_STARTS)
        install_disk.wait_ready(on)
        words = on.agent.run("cat /proc/cmdline").split()
        if "noresume" not in words or "thaw.status=stale" not in words or on.machine.find(RESUMED_BY_LINUX):
            raise Failure(f"the command line is {words}")
        on.agent.run("systemctl start thaw-record.service; grep -q foreign /var/tmp/foreign")
        # swapon gave the area its signature back, so the record could go.
        if "no record" not in on.agent.run(f"{PROGRAM} show"):
            raise Failure("the boot left the record")
        on.agent.run("systemctl --no-block poweroff")
        on.machine.wait_end(120)
    made = Recorded(image, installed.disk, BIOS, facts, files, 0, "", None)
    _check_filesystem(made, image, result_dir)
