# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI: the application resumes sessions from GRUB and straight from the firmware, and otherwise leaves GRUB as it was."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import disk as disks
import efi_disk
import efi_guest
import grub_run
import hibernate
import image_edit
import matrix
import proof
import session
import thaw_run
from errors import Failure, HarnessError
from machine import FIRMWARE, Drive, Hardware, patience
from matrix import EFI
from session import Config
from swsusp_oracle import PAGE, SIGNATURE

PLAIN = matrix.EFI_CHECK[3]
NEXT = efi_disk.NEXT.replace("/", "\\")


def _unchanged(image: session.Hibernated, overlay: Path) -> None:
    start = image.area().start + image.resume_offset * PAGE
    if disks.read_bytes(overlay, start, PAGE) != disks.read_bytes(image.path, start, PAGE):
        raise Failure("the header of an image that was not resumed changed")


def _refuse(image: session.Hibernated, result_dir: Path, *reasons: str, writes: image_edit.Writes = (), complete: bool = False,
            **options) -> None:
    """The loader refuses an image for one of `reasons`, leaves its header alone, and GRUB goes on."""
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    if writes:
        image_edit.apply(overlay, image, writes)
    before = disks.read_bytes(overlay, image.area().start, PAGE)
    boot = options.pop("boot", None) or (session.default_boot(image, cmdline="") if complete else thaw_run.quick_boot(image))
    with session.resume(image, result_dir, image=overlay, boot=boot, **options) as on:
        reason = thaw_run.expect_boot(on.machine, *reasons)
        if complete:
            thaw_run.check_fresh(on, reason)
    if disks.read_bytes(overlay, image.area().start, PAGE) != before:
        raise Failure("the loader changed the header of an image that it refused")


def _resume(image: session.Hibernated, result_dir: Path, **options) -> None:
    """The loader resumes an image, and it is used up."""
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir, image=overlay, **options) as on:
        thaw_run.check_efi_resumed(on, image.proof)
    if image_edit.signature(overlay, image) == SIGNATURE:
        raise Failure("the image was not marked used")


@pytest.mark.parametrize("config", [*matrix.EFI_CHECK, *(pytest.param(c, marks=pytest.mark.full) for c in matrix.EFI_REST)],
                         ids=Config.name)
def test_matrix(config: Config, result_dir):
    _resume(session.hibernated(config), result_dir)


@pytest.mark.full
@pytest.mark.parametrize("name", matrix.EFI_SPECIAL)
def test_special(name: str, result_dir):
    image = session.hibernated(matrix.EFI_SPECIAL[name])
    with session.resume(image, result_dir) as on:
        thaw_run.check_efi_resumed(on, image.proof)


@pytest.mark.full
@pytest.mark.parametrize("config", (EFI, matrix.EFI_CHECK[4], matrix.EFI_CHECK[8]), ids=("ahci", "nvme", "virtio"))
@pytest.mark.parametrize("line, used", (("^thaw: resume:", False), (session.EXIT_LINE, True)), ids=("reading", "resumed"))
def test_power_cut(config: Config, line: str, used: bool, result_dir):
    """An image is resumed once or can still be; never both.  What no flush has made durable is lost with the emulator."""
    image = session.hibernated(config)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with session.resume(image, result_dir / "cut", image=overlay) as on:
        on.machine.wait_for(line, 60, unless=thaw_run.NO_RESUME)
        on.machine.kill()
        variables = on.machine.variables_path
    if used:
        if image_edit.signature(overlay, image) == SIGNATURE:
            raise Failure("the session is back, and its image could be resumed a second time")
        return
    with session.resume(image, result_dir / "again", image=overlay, variables=variables) as on:
        thaw_run.check_efi_resumed(on, image.proof)


@pytest.mark.parametrize("kernel, memory_mib, place", (("6.1", 1024, "root"), ("6.12", 6144, "esp")))
def test_no_image(kernel: str, memory_mib: int, place: str, result_dir):
    """The normal kernel is GRUB's own, in the same menu entry, at once."""
    disk = efi_disk.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = grub_run.Boot(entry="thaw", kernel=kernel, cmdline="thaw-test=1", thaw_args="thaw.unknown=1 whatever", place=place)
    with session.power_on(image, disk, boot, Hardware(memory_mib=memory_mib, firmware="efi"), result_dir) as on:
        thaw_run.expect_boot(on.machine, "no-image")
        thaw_run.check_fresh(on, "no-image")
        if boot.kernel_arguments() not in on.agent.run("cat /proc/cmdline"):
            raise Failure("the kernel's command line is not GRUB's")


def _menu(timeout_s: int, chain: str) -> str:
    """A menu that remembers its last choice, shown after the loader has returned."""
    kernel = grub_run.Boot(kernel="6.12", fallback="kernel")
    entries = "".join(
        f"menuentry 'Choice {name}' --id {name} {{\n set chosen={name}\n save_env --file {grub_run.EFI_PARTITION}"
        f"{efi_disk.GRUBENV} chosen\n echo grub: choice {name}\n linux /boot/vmlinuz-{{version}} "
        f"earlyprintk=serial,ttyS0,115200 {kernel.kernel_arguments()}\n}}\n"
        for name in ("first", "second", "third"))
    return (f"{chain}\necho grub: back\nload_env --file {grub_run.EFI_PARTITION}{efi_disk.GRUBENV}\n"
            f"set default=$saved_entry\nset timeout={timeout_s}\nset timeout_style=menu\n{entries}")


@pytest.mark.parametrize("keys, choice, timeout_s", (
    ("", "second", 3), pytest.param("\x0e", "third", 60, marks=pytest.mark.full)), ids=("timeout", "key"))
def test_menu_is_unharmed(keys: str, choice: str, timeout_s: int, result_dir):
    """The loader was started before the menu: the saved default, the timeout, keys and GRUB's own writing work."""
    disk = efi_disk.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    environment = (efi_disk.GRUBENV_EMPTY[:25] + b"saved_entry=second\n").ljust(1024, b"#")
    efi_disk.write_file(image, disk, efi_disk.GRUBENV, environment)
    boot = grub_run.Boot(entry="thaw", place="menu", menu=partial(_menu, timeout_s))
    with session.power_on(image, disk, boot, Hardware(memory_mib=1024, firmware="efi"), result_dir) as on:
        thaw_run.wait_decision(on.machine)
        back = on.machine.wait_for("grub: back", 20)
        if keys:
            time.sleep(patience(2))
            on.machine.type(keys)
            time.sleep(patience(1))
            on.machine.type("\r")
        line = on.machine.wait_for("grub: choice", 45)
        if not line.text.endswith(f"choice {choice}"):
            raise Failure(f"{line.text!r} instead of {choice}")
        waited = line.seconds - back.seconds
        if not keys and waited < timeout_s - 1:
            raise Failure(f"the menu of {timeout_s} s was shown for {waited:.1f} s")
        on.machine.wait_for(thaw_run.LINUX, 60)
        if on.machine.find(thaw_run.GRUB_WAITS):
            raise Failure("GRUB waited for a key")
    if f"\nchosen={choice}\n".encode() not in efi_disk.read_file(image, disk, efi_disk.GRUBENV):
        raise Failure("GRUB could not save its environment")


def _damages() -> list:
    """Of each kind of refusal one in a normal run; what damages there are is test_hostile.py's matter."""
    chosen = {"lzo-payload-middle", "plain-list-not-ascending"}
    cases = []
    for kind, damages in (("lzo", image_edit.COMPRESSED), ("plain", image_edit.PLAIN), ("lzo", image_edit.STRUCTURE)):
        for damage in damages:
            name = f"{kind}-{damage.name}"
            cases.append(pytest.param(kind, damage, id=name, marks=() if name in chosen else pytest.mark.full))
    return cases


@pytest.mark.parametrize("kind, damage", _damages())
def test_damaged_image_is_refused(kind: str, damage: image_edit.Damage, result_dir):
    image = session.hibernated(EFI if kind == "lzo" else PLAIN)
    with image_edit.layout(image, result_dir) as oracle:
        writes = damage.edit(oracle)
    _refuse(image, result_dir, *damage.reasons, writes=writes, complete=damage.name == "payload-middle")


@pytest.mark.parametrize("memory_mib", (1280, pytest.param(896, marks=pytest.mark.full)), ids=("more", "less"))
def test_changed_memory(memory_mib: int, result_dir):
    _refuse(session.hibernated(EFI), result_dir, "mismatch", hardware=replace(EFI.hardware(), memory_mib=memory_mib))


# OVMF's AHCI driver says of a read that failed that it was a success.
@pytest.mark.full
@pytest.mark.parametrize("config", (PLAIN, matrix.EFI_CHECK[4], EFI), ids=("virtio", "nvme", "ahci"))
def test_unreadable_sector(config: Config, result_dir):
    image = session.hibernated(config)
    with image_edit.layout(image, result_dir) as oracle:
        sector = (image.area().start + oracle.stream[len(oracle.stream) * 2 // 3] * PAGE) // disks.SECTOR
    _refuse(image, result_dir, "io-error", complete=True, drive={"bad_sectors": (sector + 3,)})


@pytest.mark.full
def test_unwritable_header(result_dir):
    """The image can't be marked used: there is no jump."""
    image = session.hibernated(EFI)
    sector = (image.area().start + PAGE) // disks.SECTOR - 1
    _refuse(image, result_dir, "io-error", drive={"bad_writes": (sector,)})


@pytest.mark.full
def test_noresume(result_dir):
    image = session.hibernated(EFI)
    boot = session.default_boot(image, thaw_args="noresume", cmdline="noresume")
    _refuse(image, result_dir, "noresume", boot=boot, complete=True)


# HibernateLocation

def _with_other_uuid(image: session.Hibernated, path: Path) -> Path:
    """A copy of the session's disk whose swap area has another UUID."""
    overlay = disks.overlay(image.path, path)
    disks.write_bytes(overlay, [(image.area().start + 1024 + 12, bytes(range(16)))])
    return overlay


def test_hibernate_location_names_one_of_two_images(result_dir):
    image = session.hibernated(EFI)
    second = _with_other_uuid(image, result_dir / "second.qcow2")
    boot = session.default_boot(image, thaw_args="", cmdline="")
    _resume(image, result_dir, boot=boot, more=(Drive(second),))
    if len(re.findall(r"thaw: efi\d+: ", (result_dir / "console.log").read_text(encoding="utf-8"))) < 2:
        raise HarnessError("the loader did not see both disks")
    if image_edit.signature(second, image) != SIGNATURE:
        raise Failure("the other image was touched")


@pytest.mark.full
def test_two_images_and_no_location(result_dir):
    image = session.hibernated(EFI)
    second = _with_other_uuid(image, result_dir / "second.qcow2")
    _refuse(image, result_dir, "ambiguous", boot=thaw_run.quick_boot(image, thaw_args=""), more=(Drive(second),),
            variables=FIRMWARE["efi"][1])


def test_disk_that_the_firmware_left_alone(result_dir):
    """It brings up what it boots from; the image is on the other disk."""
    image = session.hibernated(replace(EFI, swap="second", second="nvme"))
    second = disks.overlay(image.second, result_dir / "second.qcow2")
    with session.resume(image, result_dir, second=second, asleep=True) as on:
        on.machine.wait_for("^thaw: no device has the name that resume= gives; there are more disks", 60,
                            unless="^thaw: (resume|boot):")
        thaw_run.check_efi_resumed(on, image.proof)


@pytest.mark.full
def test_location_stays_after_a_refusal(result_dir):
    """Linux's own resume needs it then."""
    image = session.hibernated(EFI)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    with image_edit.layout(image, result_dir) as oracle:
        image_edit.apply(overlay, image, image_edit.chunk(0.5, 600, 7)(oracle))
    with session.resume(image, result_dir, image=overlay, boot=session.default_boot(image, cmdline="")) as on:
        thaw_run.expect_boot(on.machine, "corrupt")
        thaw_run.check_fresh(on, "corrupt")
        if efi_guest.LOCATION not in efi_guest.names(on.agent):
            raise Failure("HibernateLocation was deleted though nothing was resumed")


# Straight from the firmware

def _first(image: session.Hibernated | None, **changes) -> grub_run.Boot:
    """Thaw is what the firmware starts; its options are beside it."""
    words = image.resume_words() if image else ""
    options = changes.pop("options", f"{words}\nthaw.next={NEXT}\n")
    boot = grub_run.Boot(entry="thaw", place="first", options_file=options)
    return replace(boot, **changes)


def test_firmware_starts_thaw_which_resumes(result_dir):
    image = session.hibernated(EFI)
    _resume(image, result_dir, boot=_first(image))


def test_firmware_starts_thaw_which_starts_grub(result_dir):
    disk = efi_disk.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    with session.power_on(image, disk, _first(None), Hardware(memory_mib=1024, firmware="efi"), result_dir) as on:
        if thaw_run.wait_decision(on.machine).reason != "no-image":
            raise Failure("the reason is not no-image")
        on.machine.wait_for("grub: entry", 30, unless=thaw_run.LINUX)
        thaw_run.check_fresh(on, "no-image")


@pytest.mark.full
def test_next_program_is_missing(result_dir):
    """Thaw says so and gives back to the firmware, which goes on with what it has."""
    disk = efi_disk.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    boot = _first(None, options="thaw.next=\\EFI\\nowhere\\shimx64.efi\n")
    with session.power_on(image, disk, boot, Hardware(memory_mib=1024, firmware="efi"), result_dir) as on:
        if thaw_run.wait_decision(on.machine).reason != "no-image":
            raise Failure("the reason is not no-image")
        on.machine.wait_for(r"thaw: .*nowhere", 20)
        on.machine.wait_for(r"BdsDxe: (failed to start|loading|No bootable)|UEFI Interactive Shell|Shell>", 30)


@pytest.mark.full
def test_boot_entry_with_options(result_dir):
    """A boot entry of the firmware's own, with Thaw's options in it, as efibootmgr would make one."""
    image = session.hibernated(EFI)
    overlay = disks.overlay(image.path, result_dir / "disk.qcow2")
    boot = session.default_boot(image, place="esp")
    options = f"{image.resume_words()} thaw.next={NEXT}"
    with session.resume(image, result_dir / "0", image=overlay, boot=boot) as on:
        thaw_run.check_efi_resumed(on, image.proof)
        efi_guest.write_boot_next(on.agent, image.disk.esp, efi_disk.LOADER, options)
        record = proof.take(on.agent, EFI.fill_mib)
        hibernate.hibernate(on.machine, on.agent, EFI.mode)
    with session.resume(image, result_dir / "1", image=overlay, boot=boot, variables=result_dir / "0" / "variables.fd") as on:
        thaw_run.check_efi_resumed(on, record)
        if on.machine.find("GRUB"):
            raise Failure("GRUB was started")


# Secure Boot

def _secure(image: Path, disk: efi_disk.EfiDisk) -> None:
    """Debian's signed shim and GRUB in the places of the test's own GRUB."""
    for path, program in ((efi_disk.FIRST, "/usr/lib/shim/shimx64.efi.signed"),
                          (efi_disk.NEXT, "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed")):
        if not Path(program).exists():
            raise HarnessError(f"{program} is not there")
        efi_disk.write_file(image, disk, path, Path(program).read_bytes())


@pytest.mark.parametrize("asks", (True, pytest.param(False, marks=pytest.mark.full)), ids=("skips", "is-refused"))
def test_secure_boot_is_unharmed(asks: bool, result_dir):
    """Under lockdown GRUB's code leaves Thaw out; without that test GRUB refuses it, and goes on all the same."""
    disk = efi_disk.get()
    image = disks.overlay(disk.path, result_dir / "disk.qcow2")
    _secure(image, disk)
    boot = grub_run.Boot(entry="thaw", asks_lockdown=asks)
    with session.power_on(image, disk, boot, Hardware(memory_mib=1024, firmware="efi-secure"), result_dir) as on:
        on.agent.wait_ready(120)
        efi_guest.refresh(on.agent)
        found = efi_guest.read(on.agent, efi_guest.SECURE_BOOT)
        if found is None or found[1] != b"\x01":
            raise HarnessError(f"Secure Boot is not on: {found}")
        if "[none]" in on.agent.run("mountpoint -q /sys/kernel/security || mount -t securityfs s /sys/kernel/security; "
                                    "cat /sys/kernel/security/lockdown"):
            raise HarnessError("the kernel is not locked down")
        if re.search(r"^thaw: ", on.machine.text(), re.M):
            raise Failure("an unsigned application was started")
        if on.agent.call("echo disk > /sys/power/state")[0] == 0:
            raise Failure("the locked down kernel hibernates")
        proof.check_disk(on.agent)
