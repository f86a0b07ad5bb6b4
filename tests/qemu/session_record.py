# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a session's filesystems in a swap header, read by docs/stale-images.md."""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import dataclass

import guest
from errors import Failure

PROGRAM = "/usr/libexec/thaw/session-record"
EXT = 1
COMPARED, KEEPS_JOURNAL = 1, 2


@dataclass(frozen=True)
class Filesystem:
    """One of the record."""

    kind: int
    flags: int
    mount_count: int
    uuid: uuid.UUID
    mount_time: int
    check_time: int


def filesystems(header: bytes) -> list[Filesystem]:
    """Those of a header page's record; none without a record."""
    data = header[512:1024]
    if data[:8] != b"THAWSESS":
        return []
    if struct.unpack_from("<I", data, 8)[0] != zlib.crc32(data[12:]):
        raise Failure("the record's checksum is wrong")
    found = []
    for index in range(data[13]):
        kind, flags, count, name, mounted, checked = struct.unpack_from("<BBH4x16sQQ", data, 64 + 56 * index)
        found.append(Filesystem(kind, flags, count, uuid.UUID(bytes=name), mounted, checked))
    return found


def root(found: list[Filesystem]) -> bool:
    """Is the guest's root filesystem the first, with all that can be compared?"""
    return bool(found) and found[0].uuid == uuid.UUID(guest.FS_UUID) and found[0].kind == EXT \
        and found[0].flags == COMPARED | KEEPS_JOURNAL and found[0].mount_count > 0
