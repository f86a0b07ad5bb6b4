# SPDX-License-Identifier: GPL-2.0-or-later
"""Damage to an image, as data: which bytes change, and what a careful loader must say about it.

An edit is a function of the image's layout (swsusp_oracle.Image) that returns (byte offset in the device, new bytes)
pairs.  Bits are counted from the least significant of a byte.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import disk as disks
import session
from swsusp_oracle import MAP_ENTRIES, PAGE, Image

Writes = list[tuple[int, bytes]]
# Offsets in the header page and in the info page.
HW_SIG, CRC32, FIRST_MAP, FLAGS, ORIG_SIG, SIG = 4056, 4060, 4064, 4072, 4076, 4086
JUMP, JUMP_PHYS, CR3, MAGIC, E820, IMAGE_PAGES, PAGES, SIZE = 0, 8, 16, 24, 32, 416, 424, 432


@contextmanager
def layout(image: session.Hibernated, work: Path) -> Iterator[Image]:
    """The oracle's view of a session's image; `work` gets a copy of the area for that time."""
    area = image.area()
    work.mkdir(parents=True, exist_ok=True)
    copy = disks.copy_range(image.path, area.start, area.size, work / "area.raw")
    oracle = Image(copy, image.resume_offset)
    try:
        yield oracle
    finally:
        oracle.close()
        copy.unlink()


def apply(overlay: Path, image: session.Hibernated, writes: Writes) -> None:
    """Write an edit into an overlay of the session's disk."""
    start = image.area().start
    disks.write_bytes(overlay, [(start + offset, data) for offset, data in writes])


def signature(overlay: Path, image: session.Hibernated) -> bytes:
    """The ten bytes that say whether there is an image: b"S1SUSPEND\\0" or b"SWAPSPACE2"."""
    return disks.read_bytes(overlay, image.area().start + image.resume_offset * PAGE + SIG, 10)


def flip(page: int, offset: int, bit: int = 0) -> Callable[[Image], Writes]:
    """Flip one bit at a byte of a device page."""
    return lambda image: [(page * PAGE + offset, bytes([image.page(page)[offset] ^ 1 << bit]))]


def header(offset: int, bit: int = 0) -> Callable[[Image], Writes]:
    """Flip a bit of the header page."""
    return lambda image: flip(image.header_page, offset, bit)(image)


def info(offset: int, bit: int = 0) -> Callable[[Image], Writes]:
    """Flip a bit of the information page."""
    return lambda image: flip(image.stream[0], offset, bit)(image)


def stream(index: int | float, offset: int, bit: int = 0) -> Callable[[Image], Writes]:
    """Flip a bit of a stream page; a fraction counts from the whole stream's length."""
    def edit(image: Image) -> Writes:
        at = index if isinstance(index, int) else int(index * (len(image.stream) - 1))
        return flip(image.stream[at], offset, bit)(image)
    return edit


def chunk(fraction: float, offset: int, bit: int = 0) -> Callable[[Image], Writes]:
    """Flip a bit of a compressed chunk; bytes 0-7 are its length."""
    def edit(image: Image) -> Writes:
        part = image.chunks[int(fraction * (len(image.chunks) - 1))]
        return flip(image.stream[part.first + offset // PAGE], offset % PAGE, bit)(image)
    return edit


def entry(map_index: int, index: int, change: Callable[[Image, int], int]) -> Callable[[Image], Writes]:
    """Replace an entry of a map page (511 is the link to the next one)."""
    def edit(image: Image) -> Writes:
        page = image.map_pages[map_index]
        old = struct.unpack_from("<Q", image.page(page), index * 8)[0]
        return [(page * PAGE + index * 8, struct.pack("<Q", change(image, old)))]
    return edit


def first_map(change: Callable[[Image, int], int]) -> Callable[[Image], Writes]:
    """Replace the header's link to the first map page."""
    return lambda image: [(image.header_page * PAGE + FIRST_MAP,
                           struct.pack("<Q", change(image, image.header.first_map)))]


def list_word(index: int, change: Callable[[int], int]) -> Callable[[Image], Writes]:
    """Replace a word of a plain image's PFN list."""
    def edit(image: Image) -> Writes:
        page = image.stream[1 + index // 512]
        old = struct.unpack_from("<Q", image.page(page), index % 512 * 8)[0]
        return [(page * PAGE + index % 512 * 8, struct.pack("<Q", change(old)))]
    return edit


def list_end(image: Image) -> Writes:
    """End a plain image's PFN list one frame early."""
    return list_word(len(image.frames) - 1, lambda old: (1 << 64) - 1)(image)


def zeroed(place: Callable[[Image], int]) -> Callable[[Image], Writes]:
    """Zero a device page, as if it had never been written."""
    return lambda image: [(place(image) * PAGE, bytes(PAGE))]


@dataclass(frozen=True)
class Damage:
    """name; edit; reasons: what the loader may say."""

    name: str
    edit: Callable[[Image], Writes]
    reasons: tuple[str, ...] = ("corrupt",)


# Both kinds of image.
STRUCTURE = (
    Damage("signature", header(SIG + 3), ("no-image",)),
    Damage("original-signature", header(ORIG_SIG + 2)),
    Damage("unknown-flag", header(FLAGS + 1, 2), ("unsupported",)),
    Damage("first-map-zero", first_map(lambda image, old: 0)),
    Damage("first-map-outside", first_map(lambda image, old: 1 << 40)),
    Damage("first-map-huge", first_map(lambda image, old: old | 1 << 63)),
    Damage("first-map-is-header", first_map(lambda image, old: image.header_page)),
    Damage("map-entry-twice", entry(0, 7, lambda image, old: image.stream[5])),
    Damage("map-entry-is-map", entry(0, 9, lambda image, old: image.map_pages[0])),
    Damage("map-entry-outside", entry(1, 3, lambda image, old: old | 1 << 44)),
    Damage("map-entry-zero", entry(0, 100, lambda image, old: 0)),
    Damage("map-link-loops", entry(0, MAP_ENTRIES, lambda image, old: image.map_pages[0])),
    Damage("map-link-outside", entry(1, MAP_ENTRIES, lambda image, old: old | 1 << 50)),
    Damage("map-ends-early", entry(2, MAP_ENTRIES, lambda image, old: 0)),
    Damage("last-map-unwritten", zeroed(lambda image: image.map_pages[-1])),
    Damage("info-unwritten", zeroed(lambda image: image.stream[0]), ("corrupt", "unsupported")),
    Damage("magic", info(MAGIC, 4), ("corrupt", "unsupported")),
    Damage("e820", info(E820 + 1, 3), ("mismatch",)),
    Damage("jump-address", info(JUMP + 2, 5)),
    Damage("jump-address-phys", info(JUMP_PHYS + 3, 1)),
    Damage("cr3", info(CR3 + 1, 4)),
    Damage("cr3-high", info(CR3 + 6, 0)),
    Damage("image-pages", info(IMAGE_PAGES, 1)),
    Damage("pages", info(PAGES, 1)),
    Damage("pages-huge", info(PAGES + 5, 6), ("corrupt", "no-memory")),
)

COMPRESSED = (
    Damage("crc32", header(CRC32 + 2, 6)),
    Damage("flags-say-plain", header(FLAGS, 1)),
    Damage("flags-say-lz4", header(FLAGS, 4)),
    Damage("chunk-length-first", chunk(0.0, 1, 3)),
    Damage("chunk-length-low", chunk(0.5, 0, 0)),
    Damage("chunk-length-huge", chunk(0.5, 7, 7)),
    Damage("chunk-length-last", chunk(1.0, 1, 2)),
    Damage("payload-first", chunk(0.0, 40, 2)),
    Damage("payload-middle", chunk(0.5, 600, 7)),
    Damage("payload-last", chunk(1.0, 12, 0)),
    Damage("chunk-unwritten", zeroed(lambda image: image.stream[image.chunks[len(image.chunks) // 2].first])),
)

PLAIN = (
    Damage("flags-say-compressed", header(FLAGS, 1)),
    Damage("list-not-ascending", list_word(600, lambda old: 5)),
    Damage("list-twice", list_word(601, lambda old: old - 1 if old & 1 else old + 1)),
    Damage("list-no-ram", list_word(10, lambda old: 0xA0 | old & 1 << 63), ("corrupt", "mismatch")),
    Damage("list-beyond-ram", list_word(700, lambda old: old | 1 << 36), ("corrupt", "mismatch")),
    Damage("list-reserved-bits", list_word(20, lambda old: old ^ 1 << 57), ("corrupt", "mismatch")),
    Damage("list-ends-early", list_end),
    Damage("list-unwritten", zeroed(lambda image: image.stream[1])),
)

FOREIGN = {
    "uswsusp": b"S2SUSPEND\0",
    "ulsuspend": b"ULSUSPEND\0",
    "linhib": b"LINHIB0001",
    "tuxonice": b"\xed\xc3\x02\xe9\x98\x56\xe5\x0c\x00\x00",
}


def foreign(name: str) -> Callable[[Image], Writes]:
    """Put another program's signature into the header."""
    return lambda image: [(image.header_page * PAGE + SIG, FOREIGN[name])]
