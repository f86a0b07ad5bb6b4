# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent reader of kexec-jump images (docs/kexec-jump-format.md), and damage to them, as data.

Reads an image out of a raw or qcow2 disk.  Numbers are little endian, pages are 4096 bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import disk as disks
import swsusp_oracle
from swsusp_oracle import BadImage

PAGE = 4096
STATES = {0: "empty", 1: "saving", 2: "valid", 3: "used", 4: "snapshot", 5: "failed"}
STATE, UUID, TARGET_PAGES, CORE_BYTES, HEADER_BYTES, HEADER_CRC32, EXTENTS_CRC32 = 12, 16, 32, 40, 48, 56, 60
RESTORE_MS, RESTORE_PAGES, SECTOR_CRC32, EXTENT_COUNT, EXTENTS = 72, 76, 80, 512, 528
CODECS = {0: "none", 1: "lzo", 2: "lz4"}
NOTE = struct.Struct("<4I9Q")
NOTE_NAMES = ("version", "codec", "levels", "memory_count", "entry", "region_start", "region_end", "data_pages",
              "zero_pages", "chunk_table", "chunk_count", "data_offset")
MEMORY = 184  # offset in the note
CHUNK_PAGES = 32
PT_LOAD, PT_NOTE = 1, 4


@dataclass(frozen=True)
class Segment:
    """A PT_LOAD: place of its program header in the core, file offset, physical address, lengths in bytes."""

    place: int
    offset: int
    address: int
    file_bytes: int
    memory_bytes: int


@dataclass
class Image:
    """An image on a disk; start: byte offset of its partition, anchor_page: page of the anchor there."""

    path: Path
    start: int
    anchor_page: int = 0
    anchor: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.anchor = disks.read_bytes(self.path, self.start + self.anchor_page * PAGE, PAGE)
        if self.anchor[:8] != b"THAWCORE":
            raise BadImage(f"the anchor begins with {self.anchor[:8]!r}")

    def u32(self, offset: int) -> int:
        """A number of the anchor."""
        return struct.unpack_from("<I", self.anchor, offset)[0]

    def u64(self, offset: int) -> int:
        """A number of the anchor."""
        return struct.unpack_from("<Q", self.anchor, offset)[0]

    @property
    def state(self) -> str:
        """The anchor's, by name."""
        return STATES.get(self.u32(STATE), "unknown")

    @cached_property
    def extents(self) -> list[tuple[int, int]]:
        """(first page of the partition, pages)."""
        return [struct.unpack_from("<QQ", self.anchor, EXTENTS + 16 * i) for i in range(self.u32(EXTENT_COUNT))]

    def place(self, offset: int) -> tuple[int, int]:
        """(byte offset in the disk, bytes that follow it there) of a byte of the core."""
        page, rest = divmod(offset, PAGE)
        for first, count in self.extents:
            if page < count:
                return self.start + (first + page) * PAGE + rest, (count - page) * PAGE - rest
            page -= count
        raise BadImage(f"byte {offset} of the core is behind its extents")

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the stored core."""
        result = b""
        while len(result) < length:
            at, room = self.place(offset + len(result))
            result += disks.read_bytes(self.path, at, min(room, length - len(result)))
        return result

    @cached_property
    def header(self) -> bytes:
        """The part before the data."""
        return self.read(0, self.u64(HEADER_BYTES))

    @cached_property
    def program_headers(self) -> list[tuple[int, ...]]:
        """(place, type, offset, physical address, bytes in the file, bytes in memory)."""
        at, size, count = struct.unpack_from("<32xQ14xHH", self.header)
        result = []
        for index in range(count):
            place = at + index * size
            kind, offset, address, in_file, in_memory = struct.unpack_from("<I4xQ8xQQQ", self.header, place)
            result.append((place, kind, offset, address, in_file, in_memory))
        return result

    @cached_property
    def segments(self) -> list[Segment]:
        """The PT_LOADs."""
        return [Segment(place, *rest) for place, kind, *rest in self.program_headers if kind == PT_LOAD]

    @cached_property
    def note_place(self) -> int:
        """Offset of the THAW note's descriptor in the core."""
        for _, kind, offset, _, length, _ in self.program_headers:
            at = offset
            while kind == PT_NOTE and at + 12 <= offset + length:
                name_bytes, bytes_, _ = struct.unpack_from("<III", self.header, at)
                name = self.header[at + 12:at + 12 + name_bytes].rstrip(b"\0")
                descriptor = at + 12 + (name_bytes + 3) // 4 * 4
                if name == b"THAW":
                    return descriptor
                at = descriptor + (bytes_ + 3) // 4 * 4
        raise BadImage("no THAW note")

    @cached_property
    def note(self) -> dict[str, int]:
        """The THAW note's numbers."""
        return dict(zip(NOTE_NAMES, NOTE.unpack_from(self.header, self.note_place)))

    @cached_property
    def chunks(self) -> list[tuple[int, int, int]]:
        """(place in the stored core, stored bytes, CRC-32)."""
        result = []
        place = self.note["data_offset"]
        for index in range(self.note["chunk_count"]):
            stored, crc32 = struct.unpack_from("<II", self.header, self.note["chunk_table"] + 8 * index)
            result.append((place, stored, crc32))
            place += -(-stored // PAGE) * PAGE
        if place != self.u64(CORE_BYTES):
            raise BadImage(f"the chunks end at {place}, the core at {self.u64(CORE_BYTES)}")
        return result

    def check(self, work: Path) -> dict[str, int]:
        """Check all that can be checked without the machine; returns the note.  `work`: a directory for a copy."""
        anchor = bytearray(self.anchor)
        anchor[SECTOR_CRC32:SECTOR_CRC32 + 4] = bytes(4)
        checks = (
            ("anchor's sector", self.u32(SECTOR_CRC32), zlib.crc32(anchor[:512])),
            ("extents", self.u32(EXTENTS_CRC32), zlib.crc32(self.anchor[512:])),
            ("header", self.u32(HEADER_CRC32), zlib.crc32(self.header)),
            ("pages of the target", self.u64(TARGET_PAGES), sum(count for _, count in self.extents)),
            ("length of the header", self.u64(HEADER_BYTES), self.note["data_offset"]),
            ("pages with data", self.note["data_pages"] * PAGE, sum(s.file_bytes for s in self.segments)),
            ("zero pages", self.note["zero_pages"] * PAGE, sum(s.memory_bytes - s.file_bytes for s in self.segments)),
            ("chunks", self.note["chunk_count"], -(-self.note["data_pages"] // CHUNK_PAGES)),
            ("magic", self.header[:4], b"\x7fELF" if self.note["codec"] == 0 else b"\x7fTHZ"),
        )
        for what, said, found in checks:
            if said != found:
                raise BadImage(f"{what}: the image says {said!r}, it is {found!r}")
        self._check_segments()
        for _ in self.pages(work):
            pass
        return self.note

    def _check_segments(self) -> None:
        end, offset = 0, self.note["data_offset"]
        for segment in self.segments:
            if segment.address < end or segment.offset != offset or segment.file_bytes > segment.memory_bytes:
                raise BadImage(f"{segment} is out of order")
            end, offset = segment.address + segment.memory_bytes, offset + segment.file_bytes
            if segment.address < self.note["region_end"] and end > self.note["region_start"]:
                raise BadImage(f"{segment} is in Thaw's own region")
        entry = self.note["entry"]
        if not any(s.address <= entry < s.address + s.file_bytes for s in self.segments):
            raise BadImage(f"the entry {entry:#x} is not in the image")

    def pages(self, work: Path) -> Iterator[bytes]:
        """The pages with data, chunk by chunk; `work`: a directory for a copy.  BadImage when a chunk is bad."""
        work.mkdir(parents=True, exist_ok=True)
        if len(self.extents) == 1:
            copy = disks.copy_range(self.path, self.place(0)[0], self.u64(CORE_BYTES), work / "core")
            core = copy.read_bytes()
            copy.unlink()
        else:
            core = self.read(0, self.u64(CORE_BYTES))
        left = self.note["data_pages"]
        unpack = {1: swsusp_oracle.unpack_lzo, 2: swsusp_oracle.unpack_lz4}.get(self.note["codec"])
        for index, (place, stored, crc32) in enumerate(self.chunks):
            data, raw = core[place:place + stored], min(left, CHUNK_PAGES) * PAGE
            if zlib.crc32(data) != crc32:
                raise BadImage(f"chunk {index} has another CRC-32")
            if stored < raw and unpack is not None:
                data = unpack(data)
            if len(data) != raw:
                raise BadImage(f"chunk {index} of {stored} bytes makes {len(data)} instead of {raw}")
            yield data
            left -= raw // PAGE


# Damage: a function of the image gives (byte offset in the disk, new bytes) pairs.

Writes = list[tuple[int, bytes]]
Edit = Callable[[Image], Writes]


def flip_anchor(offset: int, bit: int = 0) -> Edit:
    """Flip a bit of the anchor."""
    return lambda image: [(image.start + image.anchor_page * PAGE + offset,
                           bytes([image.anchor[offset] ^ 1 << bit]))]


def flip_core(place: Callable[[Image], int], bit: int = 0) -> Edit:
    """Flip a bit of the stored core."""
    def edit(image: Image) -> Writes:
        offset = place(image)
        return [(image.place(offset)[0], bytes([image.read(offset, 1)[0] ^ 1 << bit]))]
    return edit


def sealed_core(place: Callable[[Image], int], data: bytes) -> Edit:
    """Change bytes of the header, and both checksums so that they fit: what only a careful parser refuses."""
    def edit(image: Image) -> Writes:
        offset, header = place(image), bytearray(image.header)
        header[offset:offset + len(data)] = data
        return [(image.place(offset)[0], data), *reseal(image, {HEADER_CRC32: zlib.crc32(header)})]
    return edit


def sealed_anchor(values: Callable[[Image], dict[int, int]], size: int = 4) -> Edit:
    """Change numbers in the anchor's first sector, its checksum fitting."""
    return lambda image: reseal(image, values(image), size)


def sealed_extent(values: Callable[[Image], tuple[int, int]]) -> Edit:
    """Change the first extent, the checksums fitting."""
    def edit(image: Image) -> Writes:
        rest = bytearray(image.anchor[512:])
        struct.pack_into("<QQ", rest, EXTENTS - 512, *values(image))
        return [(image.start + image.anchor_page * PAGE + 512, bytes(rest)),
                *reseal(image, {EXTENTS_CRC32: zlib.crc32(rest)})]
    return edit


def reseal(image: Image, values: dict[int, int], size: int = 4) -> Writes:
    """The anchor's first sector with other numbers of `size` bytes at these offsets, and its checksum."""
    sector = bytearray(image.anchor[:512])
    for offset, value in values.items():
        sector[offset:offset + size] = value.to_bytes(size, "little")
    sector[SECTOR_CRC32:SECTOR_CRC32 + 4] = bytes(4)
    struct.pack_into("<I", sector, SECTOR_CRC32, zlib.crc32(sector))
    return [(image.start + image.anchor_page * PAGE, bytes(sector))]


def chunk_place(fraction: float, offset: int) -> Callable[[Image], int]:
    """A byte of a chunk's stored data."""
    return lambda image: image.chunks[int(fraction * (len(image.chunks) - 1))][0] + offset


def table_place(fraction: float, offset: int) -> Callable[[Image], int]:
    """A byte of a chunk's entry in the table."""
    return lambda image: image.note["chunk_table"] + 8 * int(fraction * (len(image.chunks) - 1)) + offset


def note_place(name: str, offset: int = 0) -> Callable[[Image], int]:
    """A byte of a number of the note."""
    index = NOTE_NAMES.index(name)
    return lambda image: image.note_place + (4 * index if index < 4 else 16 + 8 * (index - 4)) + offset


@dataclass(frozen=True)
class Damage:
    """name; edit; reasons: what the loader may say; full: only in a full run."""

    name: str
    edit: Edit
    reasons: tuple[str, ...] = ("corrupt",)
    full: bool = False


DAMAGES = (
    Damage("anchor-magic", flip_anchor(3), ("no-image",), full=True),
    Damage("anchor-version", flip_anchor(8), ("corrupt", "unsupported"), full=True),
    Damage("anchor-state", flip_anchor(STATE, 1)),
    Damage("anchor-core-bytes", flip_anchor(CORE_BYTES + 2, 3), full=True),
    Damage("anchor-header-crc32", flip_anchor(HEADER_CRC32), full=True),
    Damage("anchor-sector-crc32", flip_anchor(SECTOR_CRC32 + 3, 7), full=True),
    Damage("anchor-extent", flip_anchor(EXTENTS, 4)),
    Damage("anchor-end", flip_anchor(PAGE - 1, 7), full=True),
    Damage("header-magic", flip_core(lambda image: 1), full=True),
    Damage("program-header-address", flip_core(lambda image: image.segments[len(image.segments) // 2].place + 25)),
    Damage("program-header-last", flip_core(lambda image: image.segments[-1].place + 40, 5), full=True),
    Damage("note-entry", flip_core(note_place("entry", 2), 3)),
    Damage("note-memory", flip_core(lambda image: image.note_place + MEMORY + 9, 1), full=True),
    Damage("chunk-table-length", flip_core(table_place(0.5, 1), 2)),
    Damage("chunk-table-crc32", flip_core(table_place(1.0, 4)), full=True),
    Damage("header-end", flip_core(lambda image: image.note["data_offset"] - 1), full=True),
    Damage("payload-first", flip_core(chunk_place(0.0, 0)), full=True),
    Damage("payload-middle", flip_core(chunk_place(0.5, 600), 7)),
    Damage("payload-last", flip_core(chunk_place(1.0, 8), 1), full=True),
    # Checksums that fit: a parser's own care.
    Damage("sealed-core-too-long", sealed_anchor(lambda image: {CORE_BYTES: (image.u64(TARGET_PAGES) + 1) * PAGE}, 8)),
    Damage("sealed-header-huge", sealed_anchor(lambda image: {HEADER_BYTES: 1 << 40}, 8), ("corrupt", "no-memory"),
           full=True),
    Damage("sealed-header-zero", sealed_anchor(lambda image: {HEADER_BYTES: 0}, 8), full=True),
    Damage("sealed-state-unknown", sealed_anchor(lambda image: {STATE: 77}), ("corrupt", "unsupported", "no-image"),
           full=True),
    Damage("sealed-state-saving", sealed_anchor(lambda image: {STATE: 1}), ("no-image",), full=True),
    Damage("sealed-extent-outside", sealed_extent(lambda image: (1 << 40, image.extents[0][1]))),
    Damage("sealed-extent-anchor", sealed_extent(lambda image: (image.anchor_page, image.extents[0][1])), full=True),
    Damage("sealed-entry-elsewhere", sealed_core(note_place("entry"), struct.pack("<Q", 0x100000))),
    Damage("sealed-levels", sealed_core(note_place("levels"), struct.pack("<I", 6)), ("corrupt", "unsupported")),
    Damage("sealed-segment-in-region",
           sealed_core(lambda image: image.segments[0].place + 24, struct.pack("<Q", 0x200000)), full=True),
    Damage("sealed-data-pages", sealed_core(note_place("data_pages"), struct.pack("<Q", 1 << 50)), full=True),
    Damage("sealed-chunk-zero", sealed_core(table_place(0.5, 0), bytes(4))),
    Damage("sealed-chunk-huge", sealed_core(table_place(0.3, 0), b"\xff\xff\xff\xff"), full=True),
)
