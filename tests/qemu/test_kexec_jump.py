# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions saved by `thaw save` and restored by the loader: kexec jump, both ways."""

from __future__ import annotations

import subprocess
import time

import pytest

import disk as disks
import gdbstub
import kjump
import kjump_image
import proof
import session
import thaw_run
from errors import Failure, HarnessError
from kjump import Setup

PLAIN = Setup()
PACKED = Setup(machine="pc", cpus=2, memory_mib=512, compress="lz4", controller="virtio")
# Each value occurs; pairs are chosen so that what goes together in the loader is seen together.
CHECK = (
    Setup(cpus=2, memory_mib=512, compress="lz4", cmdline="pti=on"),
    Setup(machine="pc", memory_mib=256, compress="lzo"),
    Setup(machine="pc", cpus=2, memory_mib=2048, controller="nvme", cpu="max"),
    Setup(memory_mib=6144, controller="virtio", compress="lz4"),
)
FULL = (
    Setup(cpus=2, memory_mib=6144, compress="lzo"),
    Setup(machine="pc", cpus=2, memory_mib=6144),
    Setup(memory_mib=512, controller="virtio-legacy", compress="lzo", cmdline="pti=on"),
    Setup(machine="pc", cpus=2, memory_mib=256, controller="virtio-transitional"),
    Setup(memory_mib=256, controller="nvme", compress="lzo"),
    Setup(cpus=2, memory_mib=2048, cpu="max", cmdline="pti=on"),
    Setup(machine="pc", memory_mib=2048, compress="lz4", fill_mib=600, fill_kind="random"),
    Setup(memory_mib=512, fill_mib=300, fill_kind="text", compress="lzo"),
    Setup(cpus=2, memory_mib=512, target="second", second="nvme", second_sector_bytes=4096),
    Setup(machine="pc", memory_mib=512, target="second", second="virtio", second_sector_bytes=4096, compress="lz4"),
    Setup(memory_mib=512, controller="virtio", target="second", second="native", compress="lz4"),
    Setup(machine="pc", memory_mib=256, controller="nvme", target="file"),
)


def _image(saved: kjump.Saved, path=None) -> kjump_image.Image:
    """The image on a saved session's disk, or on an overlay of it."""
    if path is None:
        path = saved.second if saved.target.disk else saved.path
    return kjump_image.Image(path, saved.target.start, saved.target.anchor_page)


def _expect_state(on_disk, target: kjump.Target, *states: str) -> None:
    state = kjump_image.Image(on_disk, target.start, target.anchor_page).state
    if state not in states:
        raise Failure(f"the anchor says {state!r} instead of {' or '.join(states)}")


@pytest.mark.parametrize("setup", (*CHECK, *(pytest.param(s, marks=pytest.mark.full) for s in FULL)), ids=Setup.name)
def test_session_comes_back(setup: Setup, result_dir):
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        kjump.save_and_power_off(on, target, setup)
    second = result_dir / "second.qcow2" if setup.second else None
    boot = kjump.thaw_boot(target.words)
    with kjump.power_on(setup, on.image, on.disk, boot, result_dir / "restore", second) as again:
        decision, _ = kjump.check_restored(again, record)
        kjump.check_power_button(again)
    if not decision.pages or abs(decision.mib - decision.pages / 256) > 1:
        raise Failure(f"the sizes in {decision.line.text!r} do not fit together")
    image = kjump_image.Image(second if target.disk else on.image, target.start, target.anchor_page)
    if (image.state, image.note["levels"]) != ("used", 5 if setup.cpu == "max" else 4):
        raise Failure(f"the image says {image.state}, {image.note}")


def test_image_in_a_file(result_dir):
    """On the mounted root filesystem; named by UUID and resume_offset, as `thaw format` says."""
    setup = Setup(compress="lzo", target="file")
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        kjump.save_and_power_off(on, target, setup)
    with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(target.words), result_dir / "restore") as again:
        kjump.check_restored(again, record)


def test_three_cycles(result_dir):
    """In one A, found by searching."""
    setup = Setup(cpus=2, cmdline="pti=on", compress="lz4")
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        kjump.save_and_power_off(on, target, setup)
    for cycle in range(3):
        with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(), result_dir / str(cycle)) as again:
            kjump.check_restored(again, record)
            if cycle < 2:
                record = proof.take(again.agent, setup.fill_mib)
                kjump.save_and_power_off(again, target, setup)


@pytest.mark.parametrize("words", (
    "resume=UUID={uuid}", pytest.param("resume=PARTUUID={partuuid}", marks=pytest.mark.full),
    pytest.param("resume=/dev/sda{number}", marks=pytest.mark.full)), ids=("anchor", "partition", "device"))
def test_ways_to_name_the_image(words: str, result_dir):
    saved = kjump.saved(PLAIN)
    part = saved.disk.swaps[kjump.TARGET.label]
    words = words.format(uuid=saved.target.uuid, partuuid=part.partuuid, number=part.number)
    with kjump.restore(saved, result_dir, boot=kjump.thaw_boot(words)) as on:
        kjump.expect_restored(on)


def test_reboot_instead_of_power_off(result_dir):
    setup = PLAIN
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        reason = kjump.wait_saved(on.machine, kjump.start_save(on, kjump.save_command(target, setup, "reboot")))
        if reason != "guest-reset":
            raise Failure(f"the save ended with {reason}")
    with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(target.words), result_dir / "restore") as again:
        kjump.check_restored(again, record)


# Snapshots


def _snapshot(setup: Setup, result_dir, before: str = "true", after: str = "true"):
    """Save and go on; returns the Powered (off by now), the target and the proof."""
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        on.agent.run(before)
        status, said = kjump.save_and_go_on(on, kjump.save_command(target, setup, "return"))
        if status != 0 or ("can't be restored" in said) != (before == "true"):
            raise Failure(f"thaw save --return ended with {status}:\n{said}")
        if before == "true":
            proof.check(on.agent, record)
        kjump.check_power_button(on)
        on.agent.run(after)
        on.machine.kill()
    _expect_state(on.image, target, "snapshot")
    return on, target, record


def test_snapshot_of_a_session_that_went_on(result_dir):
    """The session goes on and writes; after a power cut nobody restores the snapshot, not even when thaw.snapshot asks
    for it: what was written since would be destroyed."""
    on, target, _ = _snapshot(PLAIN, result_dir, after="echo later > /var/tmp/later; sync")
    with kjump.power_on(PLAIN, on.image, on.disk, kjump.thaw_boot("thaw.snapshot"), result_dir / "asked") as asked:
        thaw_run.expect_boot(asked.machine, "unsupported")
    with kjump.power_on(PLAIN, on.image, on.disk, kjump.thaw_boot(full=True), result_dir / "again") as again:
        thaw_run.expect_boot(again.machine, "no-image")
        thaw_run.check_fresh(again, "no-image")
        if again.agent.run("cat /var/tmp/later").strip() != "later":
            raise Failure("what the session wrote after its snapshot is gone")
    _expect_state(on.image, target, "snapshot")


def test_snapshot_of_a_read_only_session_can_be_restored(result_dir):
    """With thaw.snapshot, and not without."""
    setup = Setup(compress="lz4")
    on, target, record = _snapshot(setup, result_dir, before="mount -o remount,ro /")
    with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(target.words), result_dir / "not") as asked:
        thaw_run.expect_boot(asked.machine, "no-image")
    boot = kjump.thaw_boot(f"{target.words} thaw.snapshot")
    with kjump.power_on(setup, on.image, on.disk, boot, result_dir / "asked") as again:
        kjump.expect_restored(again)
        status, said = kjump.saved_log(again.agent)
        if status != 0:
            raise Failure(f"thaw save --return ended with {status} after the restore:\n{said}")
        again.agent.run("mount -o remount,rw /")
        proof.check(again.agent, record)


# Saves that fail


def _failed_save(on: session.Powered, target: kjump.Target, setup: Setup, record: proof.Proof, why: str) -> None:
    """A save fails in the middle: the session goes on and is well."""
    status, said = kjump.save_and_go_on(on, kjump.save_command(target, setup))
    if status != 1 or why not in said:
        raise Failure(f"thaw save ended with {status} instead of 1 and {why!r}:\n{said}")
    proof.check(on.agent, record)


def test_target_too_small(result_dir):
    """Said before the jump where that is certain; else the session goes on, and can be saved elsewhere."""
    setup = Setup(compress="lz4", fill_mib=80, fill_kind="random")
    with kjump.fresh(setup, result_dir) as on:
        small, large = (kjump.make_target(on, setup, label=label.label) for label in (kjump.SMALL, kjump.TARGET))
        record = kjump.start_proof(on, setup)
        status, said = kjump.save_and_go_on(on, kjump.save_command(small, Setup(compress="none")))
        if status != 2 or "there is room for" not in said:
            raise Failure(f"a plain save to a small target ended with {status}:\n{said}")
        _failed_save(on, small, setup, record, "larger than the target")
        kjump.save_and_power_off(on, large, setup)
    _expect_state(on.image, small, "failed")
    with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(), result_dir / "restore") as again:
        kjump.check_restored(again, record)


@pytest.mark.parametrize("setup", (
    PLAIN, pytest.param(Setup(machine="pc"), marks=pytest.mark.full),
    pytest.param(Setup(controller="nvme", compress="lz4"), marks=pytest.mark.full),
    pytest.param(Setup(controller="virtio", compress="lzo"), marks=pytest.mark.full)), ids=Setup.name)
def test_write_error_in_the_middle(setup: Setup, result_dir):
    _, disk = kjump.base_disk()
    bad = (disk.swaps[kjump.TARGET.label].start + (24 << 20)) // 512
    with kjump.fresh(setup, result_dir, drive={"bad_writes": (bad,)}) as on:
        target = kjump.make_target(on, setup)
        record = kjump.start_proof(on, setup)
        _failed_save(on, target, setup, record, "disk reported an error")
        on.machine.kill()
    _expect_state(on.image, target, "failed")
    with kjump.power_on(setup, on.image, on.disk, kjump.thaw_boot(target.words), result_dir / "again") as again:
        thaw_run.expect_boot(again.machine, "no-image")


# The power goes


def test_power_cut_during_the_save(result_dir):
    """The old state of the disk boots, and no image is found."""
    setup = PLAIN
    with kjump.fresh(setup, result_dir) as on:
        target = kjump.make_target(on, setup)
        kjump.start_proof(on, setup)
        start = kjump.start_save(on, kjump.save_command(target, setup))
        on.machine.wait_for(r"thaw: save: to ", 60, start)
        on.machine.limit_disk(0, 8 << 20)
        time.sleep(2)
        if on.machine.find(r"thaw: save: .*written in", start) or on.machine.qmp.end_reason():
            raise HarnessError("the save was quicker than the power cut")
        on.machine.kill()
    _expect_state(on.image, target, "saving")
    boot = kjump.thaw_boot(target.words, full=True)
    with kjump.power_on(setup, on.image, on.disk, boot, result_dir / "again") as again:
        thaw_run.expect_boot(again.machine, "no-image")
        thaw_run.check_fresh(again, "no-image")


@pytest.mark.parametrize("symbol", (
    "thaw_stop_seal", pytest.param("thaw_stop_entry", marks=pytest.mark.full)))
def test_power_cut_before_the_mark(symbol: str, result_dir):
    """The image stays good."""
    saved = kjump.saved(PLAIN)
    overlay = disks.overlay(saved.path, result_dir / "disk.qcow2")
    with kjump.restore(saved, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdbstub.at_symbol(on.machine, on.loader, symbol).close_without_going_on(on.machine)
    _expect_state(overlay, saved.target, "valid")
    with kjump.restore(saved, result_dir / "again", image=overlay) as on:
        kjump.check_restored(on, saved.proof)


@pytest.mark.parametrize("setup", (PLAIN, pytest.param(PACKED, marks=pytest.mark.full)), ids=Setup.name)
def test_power_cut_while_reading(setup: Setup, result_dir):
    saved = kjump.saved(setup)
    overlay = disks.overlay(saved.path, result_dir / "disk.qcow2")
    with kjump.restore(saved, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_symbol(on.machine, on.loader, "thaw_stop_entry")
        on.machine.limit_disk(0, 8 << 20)
        gdb.close()
        thaw_run.wait_decision(on.machine)
        time.sleep(1)
        on.machine.kill()
        if on.machine.find(thaw_run.JUMP):
            raise HarnessError("the loader was quicker than the power cut")
    _expect_state(overlay, saved.target, "valid")
    with kjump.restore(saved, result_dir / "again", image=overlay) as on:
        kjump.check_restored(on, saved.proof)


@pytest.mark.parametrize("setup", (PLAIN, pytest.param(PACKED, marks=pytest.mark.full)), ids=Setup.name)
def test_power_cut_after_the_mark(setup: Setup, result_dir):
    """Stopped at A's first instruction: the mark is durable, and nobody restores the image again."""
    saved = kjump.saved(setup)
    overlay = disks.overlay(saved.path, result_dir / "disk.qcow2")
    entry = _image(saved).note["entry"]
    with kjump.restore(saved, result_dir / "cut", image=overlay, gdb=True, paused=True) as on:
        gdb = gdbstub.at_address(on.machine, entry, unless=thaw_run.NO_RESUME)
        gdb.close_without_going_on(on.machine)
    image = _image(saved, overlay)
    _expect_state(overlay, saved.target, "used")
    if image.u32(kjump_image.RESTORE_PAGES) == 0:
        raise Failure("the anchor does not tell how much was restored")
    boot = kjump.thaw_boot(saved.target.words)
    with kjump.restore(saved, result_dir / "again", image=overlay, boot=boot) as on:
        thaw_run.expect_boot(on.machine, "no-image")


# Images that are not as they should be


@pytest.mark.parametrize("setup", (PLAIN, PACKED, pytest.param(Setup(compress="lzo"), marks=pytest.mark.full)),
                         ids=Setup.name)
def test_image_is_as_described(setup: Setup, result_dir):
    """By a reader that shares nothing with the loader; a plain one by readelf, too."""
    saved = kjump.saved(setup)
    image = _image(saved)
    try:
        note = image.check(result_dir)
    except kjump_image.BadImage as error:
        raise Failure(f"the image is bad: {error}") from error
    if (image.state, kjump_image.CODECS[note["codec"]], note["levels"]) != ("valid", setup.compress, 4):
        raise Failure(f"the image says {image.state}, {note}")
    if setup.compress == "none":
        core = result_dir / "core.bin"
        core.write_bytes(image.header)
        _expect_elf_core(core)


def _run(*command) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _expect_elf_core(path) -> None:
    said = _run("readelf", "-hlnW", path)
    if "CORE (Core file)" not in said or "THAW" not in said:
        raise Failure(f"readelf says:\n{said}")


@pytest.mark.parametrize("setup", (pytest.param(PLAIN, marks=pytest.mark.full), PACKED), ids=Setup.name)
def test_host_command_reads_the_image(setup: Setup, result_dir):
    """Verified, and exported as what readelf takes; the exported memory is the image's."""
    saved = kjump.saved(setup)
    image = _image(saved)
    area = disks.copy_range(image.path, image.start, saved.disk.swaps[kjump.TARGET.label].size, result_dir / "area.raw")
    core = result_dir / "core.bin"
    _run(kjump.TOOL, "verify", area)
    _run(kjump.TOOL, "export", area, core)
    _expect_elf_core(core)
    # Its header part has one segment more; that one's data is behind all other.
    pages, exported = b"".join(image.pages(result_dir)), core.read_bytes()
    if not any(exported.startswith(pages, image.note["data_offset"] + more) for more in (0, 4096)):
        raise Failure("the exported core holds other pages than the image")


@pytest.mark.parametrize("setup, damage", [
    pytest.param(setup, damage, id=f"{setup.compress}-{damage.name}",
                 marks=pytest.mark.full if damage.full or number % 2 != index else ())
    for index, setup in enumerate((PLAIN, PACKED)) for number, damage in enumerate(kjump_image.DAMAGES)])
def test_damaged_image_is_refused(setup: Setup, damage: kjump_image.Damage, result_dir):
    saved = kjump.saved(setup)
    overlay = disks.overlay(saved.path, result_dir / "disk.qcow2")
    disks.write_bytes(overlay, damage.edit(_image(saved)))
    before = disks.read_bytes(overlay, saved.target.anchor(), 4096)
    # Found by searching: with a name there would be nothing to look for once the anchor is unreadable.
    with kjump.restore(saved, result_dir, image=overlay, boot=kjump.thaw_boot()) as on:
        thaw_run.expect_boot(on.machine, *damage.reasons)
    if disks.read_bytes(overlay, saved.target.anchor(), 4096) != before:
        raise Failure("the loader changed the anchor of an image that it refused")


@pytest.mark.parametrize("changes", (
    {"memory_mib": 320}, pytest.param({"memory_mib": 192}, marks=pytest.mark.full),
    pytest.param({"machine": "pc"}, marks=pytest.mark.full)), ids=lambda changes: "-".join(map(str, changes.values())))
def test_other_memory_is_refused(changes: dict, result_dir):
    """Then the image is still good, for the right machine."""
    saved = kjump.saved(PLAIN)
    overlay = disks.overlay(saved.path, result_dir / "disk.qcow2")
    with kjump.restore(saved, result_dir / "other", image=overlay, hardware=PLAIN.hardware(**changes)) as on:
        thaw_run.expect_boot(on.machine, "mismatch")
    _expect_state(overlay, saved.target, "valid")
    if changes.get("memory_mib") == 192:
        with kjump.restore(saved, result_dir / "again", image=overlay) as on:
            kjump.check_restored(on, saved.proof)


def test_read_error_in_the_image(result_dir):
    saved = kjump.saved(PLAIN)
    bad = _image(saved).place(_image(saved).chunks[len(_image(saved).chunks) // 2][0])[0] // 512
    with kjump.restore(saved, result_dir, drive={"bad_sectors": (bad,)}) as on:
        thaw_run.expect_boot(on.machine, "io-error")


@pytest.mark.parametrize("setup", (PLAIN, pytest.param(PACKED, marks=pytest.mark.full)), ids=Setup.name)
def test_modules_lie_where_the_session_belongs(setup: Setup, result_dir):
    """GRUB's copies of the kernel and initrd stay until the jump: their places' pages wait elsewhere."""
    saved = kjump.saved(setup)
    boot = kjump.thaw_boot(saved.target.words, fallback="modules", files=None)
    with kjump.restore(saved, result_dir, boot=boot) as on:
        kjump.check_restored(on, saved.proof)


# What a user can get wrong


def test_refusals_of_the_host_command(result_dir):
    """Each with its own message, exit status 2, and nothing changed."""
    with kjump.fresh(PLAIN, result_dir) as on:
        tools, target = (kjump.partition(on.agent, on.disk.swaps[part.label].number)
                         for part in (kjump.TOOLS, kjump.TARGET))
        root = kjump.partition(on.agent, on.disk.root.number)
        whole = root.rstrip("0123456789")
        refusals = (
            (f"thaw format {root}", "mounted"), (f"thaw format {tools}", "holds"),
            (f"thaw format {whole}", "whole disk"), ("thaw format /run/image --size=32M", "tmpfs"),
            ("thaw format /etc/hostname --size=32M", ""), ("thaw format /dev/nothing", ""),
            (f"thaw save {target}", "format"), (f"thaw save {tools}", "format"),
            ("thaw save", "target"), (f"thaw save {target} --compress=zip", "zip"),
            (f"thaw save {target} --return --reboot", ""), (f"thaw save {target} --kernel-loader=/etc/hostname", ""),
        )
        for command, why in refusals:
            status, said = on.agent.call(command)
            if status != 2 or why not in said:
                raise Failure(f"{command}: status {status} instead of 2 and {why!r}:\n{said}")
        made = kjump.make_target(on, PLAIN)
        for words, expected in (("--dry-run", 0), ("--max-size=8M", 2)):
            status, said = on.agent.call(f"thaw save {made.node} --compress=none {words}")
            if status != expected:
                raise Failure(f"thaw save {words}: status {status}:\n{said}")
        if on.machine.find(kjump.SAVE_LINE):
            raise Failure("it jumped all the same")
