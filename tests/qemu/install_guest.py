# SPDX-License-Identifier: GPL-2.0-or-later
"""Using the installed disk of install_disk.py: power-on, hibernation, loaders to put on it, grubenv as the
disk holds it.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path

import disk as disks
import grub_run
import session
from agent import Agent
from errors import Failure, HarnessError
from install_disk import BY_ID, HARDWARE, Installed

HERE = Path(__file__).resolve().parent
GRUBENV_BYTES = 1024


def stand_in(directory: Path) -> Path:
    """The stand-in loader that says what GRUB handed over and hangs."""
    source, binary = HERE / "install_standin.asm", directory / "standin.elf"
    for command in (["nasm", "-f", "elf32", "-o", f"{binary}.o", str(source)],
                    ["ld", "-m", "elf_i386", "-Ttext=0x100000", "-e", "start", "-o", str(binary), f"{binary}.o"]):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise HarnessError(f"{command}: {run.stderr}")
    return binary


@contextmanager
def power_on(installed: Installed, image: Path, result_dir: Path, loader: Path | None, **options):
    """Boot an overlay of the installed disk through its own GRUB; `loader` None leaves the loader's place as it is."""
    with session.power_on(image, installed.disk, grub_run.Boot(), HARDWARE, result_dir, loader=loader, **options) as on:
        yield on


def hibernate(on: session.Powered) -> None:
    """`systemctl hibernate`, until the machine is off; Failure when it ends otherwise."""
    on.agent.run("setsid sh -c 'sleep 0.5; systemctl hibernate' > /dev/null 2>&1 &")
    reason = on.machine.wait_end(180)
    if reason != "guest-shutdown":
        raise Failure(f"the guest ended with {reason} instead of hibernating")


def grubenv(installed: Installed, image: Path) -> dict[str, str]:
    """The variables of grubenv as the disk holds them (the machine is off)."""
    data = disks.read_bytes(image, installed.grubenv, GRUBENV_BYTES)
    return parse_grubenv(data)


def grubenv_behind_cache(agent: Agent, installed: Installed) -> dict[str, str]:
    """The variables of grubenv as the disk of a running guest holds them, read from the disk's block."""
    data = agent.run(f"dd if={BY_ID}0 iflag=direct bs={GRUBENV_BYTES} count=1 status=none "
                     f"skip={installed.grubenv // GRUBENV_BYTES}")
    return parse_grubenv(data.encode())


def parse_grubenv(data: bytes) -> dict[str, str]:
    """The variables of an environment block; HarnessError when it is none."""
    if not data.startswith(b"# GRUB Environment Block\n") or len(data) != GRUBENV_BYTES:
        raise HarnessError(f"not an environment block: {data[:64]!r}")
    lines = data.decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def set_next_entry(installed: Installed, image: Path, entry: str) -> None:
    """What grub-reboot does, to a machine that is off."""
    variables = {**grubenv(installed, image), "next_entry": entry}
    text = "# GRUB Environment Block\n" + "".join(f"{key}={value}\n" for key, value in variables.items())
    disks.write_bytes(image, [(installed.grubenv, text.encode().ljust(GRUBENV_BYTES, b"#"))])
