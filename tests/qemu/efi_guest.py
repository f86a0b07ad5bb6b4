# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI variables as the guest's Linux sees them (efivarfs)."""

from __future__ import annotations

import json
import re
import struct
import uuid

import disk as disks
from agent import Agent
from errors import Failure

DIRECTORY = "/sys/firmware/efi/efivars"
STATUS = "ThawStatus-6b1f4a52-9c0d-4e7b-8f35-2d7c1a90e6c4"
LOCATION = "HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SECURE_BOOT = f"SecureBoot-{GLOBAL}"
# A vendor of the tests' own.
VENDOR = "0d4b8a3e-5f0c-4a53-9d56-7a1f6e2b9c10"
NON_VOLATILE, BOOT_ACCESS, RUNTIME_ACCESS = 1, 2, 4


def prepare(agent: Agent, area_uuid: str, offset: int) -> None:
    """Leave HibernateLocation before a session hibernates, as newer versions of systemd do."""
    refresh(agent)
    write_location(agent, area_uuid, offset)


def write_location(agent: Agent, area_uuid: str, offset: int) -> None:
    """Say in HibernateLocation where the image will be: a filesystem or swap area, its header's page."""
    value = {"uuid": area_uuid, "offset": offset, "kernelVersion": "6.1.0", "osReleaseId": "debian"}
    write(agent, LOCATION, (json.dumps(value, separators=(",", ":")) + "\0").encode("utf-16-le"))


def refresh(agent: Agent) -> None:
    """Read the list of variables anew: Linux makes it when the filesystem is mounted, and only then."""
    agent.run(f"modprobe efivarfs; ! mountpoint -q {DIRECTORY} || umount {DIRECTORY}; "
              f"mount -t efivarfs efivarfs {DIRECTORY}")


def names(agent: Agent) -> set[str]:
    """All variables, as of the last refresh()."""
    return set(agent.run(f"ls {DIRECTORY}").split())


def read(agent: Agent, name: str) -> tuple[int, bytes] | None:
    """Attributes and value of a variable; None when there is no such."""
    status, text = agent.call(f"test -e {DIRECTORY}/{name} && od -An -v -tx1 {DIRECTORY}/{name}")
    if status != 0:
        return None
    data = bytes.fromhex("".join(text.split()))
    return int.from_bytes(data[:4], "little"), data[4:]


def write(agent: Agent, name: str, value: bytes, attributes: int = NON_VOLATILE | BOOT_ACCESS | RUNTIME_ACCESS) -> None:
    """Make or replace a variable.  efivarfs wants it in one write, and protects unknown ones from change."""
    path = f"{DIRECTORY}/{name}"
    octal = "".join(f"\\{byte:03o}" for byte in attributes.to_bytes(4, "little") + value)
    agent.run(f"[ ! -e {path} ] || chattr -i {path}; printf '{octal}' > /run/thaw/variable && "
              f"dd if=/run/thaw/variable of={path} bs=64k 2>&1")


# What is done to a session before it hibernates.
PREPARATION = (prepare, write_location, refresh, write)


def delete(agent: Agent, name: str) -> None:
    """Remove a variable."""
    agent.run(f"chattr -i {DIRECTORY}/{name}; rm {DIRECTORY}/{name}")


def write_boot_next(agent: Agent, esp: disks.Partition, path: str, options: str, number: int = 0x99) -> None:
    """Make a boot entry of a program of the system partition, with options, and let the firmware start it next."""
    partition = struct.pack("<BBHIQQ16sBB", 4, 1, 42, esp.number, esp.start // disks.SECTOR, esp.size // disks.SECTOR,
                            uuid.UUID(esp.partuuid).bytes_le, 2, 2)
    name = (path.replace("/", "\\") + "\0").encode("utf-16-le")
    device_path = partition + struct.pack("<BBH", 4, 4, 4 + len(name)) + name + struct.pack("<BBH", 0x7F, 0xFF, 4)
    option = (struct.pack("<IH", 1, len(device_path)) + "Thaw\0".encode("utf-16-le") + device_path
              + options.encode("utf-16-le"))
    write(agent, f"Boot{number:04X}-{GLOBAL}", option)
    write(agent, f"BootNext-{GLOBAL}", struct.pack("<H", number))


def status(agent: Agent) -> dict[str, str]:
    """What the loader left in ThawStatus, key by key; Failure when it is not there or is not volatile text."""
    refresh(agent)
    found = read(agent, STATUS)
    if found is None:
        raise Failure(f"no variable {STATUS}")
    attributes, value = found
    if attributes != BOOT_ACCESS | RUNTIME_ACCESS:
        raise Failure(f"ThawStatus has attributes {attributes:#x}")
    text = value.decode("ascii", "replace")
    if not re.fullmatch(r"(\w+=[ -~]*\n)+", text):
        raise Failure(f"ThawStatus says {text!r}: not lines of key=value")
    return dict(line.split("=", 1) for line in text.splitlines())


def check_services(agent: Agent) -> None:
    """Runtime services work: every variable can be read, one can be made, changed, read and removed."""
    refresh(agent)
    count = len(names(agent))
    if count < 10:
        raise Failure(f"only {count} UEFI variables")
    agent.run(f"cat {DIRECTORY}/* | wc -c", timeout_s=120)
    name = f"ThawTest-{VENDOR}"
    for value in (b"first", b"second, longer"):
        write(agent, name, value)
        refresh(agent)
        found = read(agent, name)
        if found is None or found[1] != value:
            raise Failure(f"a UEFI variable written as {value!r} is read as {found!r}")
    delete(agent, name)
    refresh(agent)
    if name in names(agent):
        raise Failure("a removed UEFI variable is still there")
