# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent reader of Linux hibernation images (swsusp, x86-64), for comparison with the loader's own.

Pages are 4096 bytes, numbered from the start of the device that `resume=` names.  Numbers are little endian.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import zlib
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PAGE = 4096
SIGNATURE = b"S1SUSPEND\0"
FLAG_PLATFORM, FLAG_PLAIN, FLAG_CRC32, FLAG_HW_SIG, FLAG_LZ4 = 1, 2, 4, 8, 16
MAP_ENTRIES = 511
CHUNK_PAGES = 32
CHUNK_BOUND = 131072 + 131072 // 16 + 64 + 3 + 2
ZERO_PAGE = 1 << 63
LIST_END = (1 << 64) - 1
ARCH_MAGIC = 0x23456789ABCDEF02


class BadImage(Exception):
    """The bytes are not a complete, consistent image; the text says what is wrong."""


@dataclass(frozen=True)
class Header:
    """The header page's own fields (offsets 4056-4095)."""

    hw_sig: int
    crc32: int
    first_map: int
    flags: int
    orig_sig: bytes
    sig: bytes


@dataclass(frozen=True)
class Info:
    """Stream page 0, swsusp_info, as x86-64 fills it."""

    jump_address: int
    jump_address_phys: int
    cr3: int
    magic: int
    e820_checksum: int
    num_physpages: int
    cpus: int
    image_pages: int
    pages: int
    size: int


@dataclass(frozen=True)
class Chunk:
    """A compressed chunk: index of its first stream page, compressed length, stream pages it takes."""

    first: int
    length: int
    pages: int


@dataclass
class Image:
    """An image on a device held in a raw file.  Everything is read when it is first asked for; BadImage when wrong.

    path: raw bytes of the device; header_page: resume_offset.
    """

    path: Path
    header_page: int = 0

    def __post_init__(self) -> None:
        self._file = open(self.path, "rb")
        self._bytes = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()
        self._file.close()

    def page(self, number: int) -> bytes:
        """One page of the device."""
        if not 0 <= number < len(self._bytes) // PAGE:
            raise BadImage(f"page {number} is outside of the device")
        return self._bytes[number * PAGE:(number + 1) * PAGE]

    @cached_property
    def header(self) -> Header:
        """The header, whose signature is checked."""
        header = Header(*struct.unpack_from("<IIQI10s10s", self.page(self.header_page), 4056))
        if header.sig != SIGNATURE:
            raise BadImage(f"the signature is {header.sig!r}")
        return header

    @cached_property
    def compression(self) -> str:
        """ "plain", "lzo" or "lz4"."""
        flags = self.header.flags
        return "plain" if flags & FLAG_PLAIN else "lz4" if flags & FLAG_LZ4 else "lzo"

    @cached_property
    def map_pages(self) -> list[int]:
        """Device pages of the swap map, in order."""
        return self._map[0]

    @cached_property
    def stream(self) -> list[int]:
        """Device page of every stream page, in order."""
        return self._map[1]

    @cached_property
    def _map(self) -> tuple[list[int], list[int]]:
        maps: list[int] = []
        stream: list[int] = []
        at = self.header.first_map
        ended = False
        while at:
            if at in maps:
                raise BadImage("the swap map loops")
            maps.append(at)
            values = struct.unpack("<512Q", self.page(at))
            for entry in values[:MAP_ENTRIES]:
                if entry == 0:
                    ended = True
                elif ended:
                    raise BadImage("an entry behind the end of the swap map")
                else:
                    stream.append(entry)
            at = values[MAP_ENTRIES]
        if len(set(stream)) != len(stream) or set(stream) & {self.header_page, *maps}:
            raise BadImage("a page is used twice")
        return maps, stream

    @cached_property
    def info(self) -> Info:
        """Stream page 0."""
        page = self.page(self.stream[0])
        arch = struct.unpack_from("<5Q", page, 0)
        tail = struct.unpack_from("<QixxxxQQQ", page, 400)
        info = Info(*arch, *tail)
        if info.magic != ARCH_MAGIC:
            raise BadImage(f"the magic is {info.magic:#x}")
        return info

    def _read_stream(self, first: int, count: int) -> bytes:
        """Stream pages first … first + count - 1, joined."""
        pages = self.stream[first:first + count]
        if len(pages) != count:
            raise BadImage("the stream ends early")
        if pages[-1] - pages[0] == count - 1 and all(b - a == 1 for a, b in zip(pages, pages[1:])):
            return self._bytes[pages[0] * PAGE:(pages[-1] + 1) * PAGE]
        return b"".join(self.page(number) for number in pages)

    @cached_property
    def chunks(self) -> list[Chunk]:
        """The compressed chunks (empty for a plain image)."""
        result = []
        at = 1
        while self.compression != "plain" and at < len(self.stream):
            length = struct.unpack_from("<Q", self.page(self.stream[at]))[0]
            if not 0 < length <= CHUNK_BOUND:
                raise BadImage(f"chunk length {length} at stream page {at}")
            pages = -(-(8 + length) // PAGE)
            result.append(Chunk(at, length, pages))
            at += pages
        return result

    @cached_property
    def unpacked(self) -> bytes:
        """All pages behind the info page, unpacked: the PFN list, then the data pages; the checksum is checked."""
        count = self.info.pages - 1
        if self.compression == "plain":
            if len(self.stream) != count + 1:
                raise BadImage(f"{len(self.stream)} stream pages instead of {count + 1}")
            return self._read_stream(1, count)
        unpack = unpack_lz4 if self.compression == "lz4" else unpack_lzo
        parts = []
        crc = 0
        for chunk in self.chunks:
            part = unpack(self._read_stream(chunk.first, chunk.pages)[8:8 + chunk.length])
            crc = zlib.crc32(part, crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
            parts.append(part)
        result = b"".join(parts)
        if len(result) != count * PAGE:
            raise BadImage(f"{len(result) / PAGE} pages unpacked instead of {count}")
        if self.header.flags & FLAG_CRC32 and crc != self.header.crc32:
            raise BadImage(f"the checksum is {crc:#x} instead of {self.header.crc32:#x}")
        return result

    @cached_property
    def meta_pages(self) -> int:
        """How many pages the PFN list takes."""
        return self.info.pages - self.info.image_pages - 1

    @cached_property
    def frames(self) -> list[tuple[int, int]]:
        """(PFN, index of its data page or -1 for a zero page), ascending by PFN."""
        words = struct.unpack_from(f"<{self.meta_pages * 512}Q", self.unpacked, 0)
        result = []
        index = 0
        last = -1
        for word in words:
            if word == LIST_END:
                break
            pfn = word & ~ZERO_PAGE
            if pfn <= last:
                raise BadImage("the PFN list is not ascending")
            last = pfn
            if word & ZERO_PAGE:
                result.append((pfn, -1))
            else:
                result.append((pfn, index))
                index += 1
        if index != self.info.image_pages:
            raise BadImage(f"{index} data frames instead of {self.info.image_pages}")
        return result

    @cached_property
    def _pfns(self) -> list[int]:
        return [pfn for pfn, _ in self.frames]

    def frame(self, pfn: int) -> bytes | None:
        """What the image says of a frame; None when it says nothing."""
        at = bisect_left(self._pfns, pfn)
        if at == len(self._pfns) or self._pfns[at] != pfn:
            return None
        return self._data(self.frames[at][1], 1)

    def _data(self, index: int, count: int) -> bytes:
        if index < 0:
            return bytes(PAGE * count)
        start = (self.meta_pages + index) * PAGE
        return self.unpacked[start:start + count * PAGE]

    def translate(self, virtual: int, levels: int) -> int | None:
        """Physical address by the image's own page tables (4 or 5 levels from cr3), None when not mapped."""
        table = self.info.cr3 & 0x000FFFFFFFFFF000
        for level in range(levels, 0, -1):
            page = self.frame(table >> 12)
            if page is None:
                return None
            shift = 12 + 9 * (level - 1)
            entry = struct.unpack_from("<Q", page, ((virtual >> shift) & 511) * 8)[0]
            if not entry & 1:
                return None
            address = entry & 0x000FFFFFFFFFF000
            if level == 1 or (level <= 3 and entry & 0x80):
                mask = (1 << shift) - 1
                return (address & ~mask) | (virtual & mask)
            table = address
        return None

    def compare(self, dumps: list[tuple[int, int, Path]], ignore: set[int] = frozenset()) -> list[int]:
        """PFNs whose bytes in a memory dump (start, length, file) differ from the image; a frame outside counts too."""
        wrong = []
        covered = 0
        for start, length, path in dumps:
            first, end = start // PAGE, (start + length) // PAGE
            low, high = bisect_left(self._pfns, first), bisect_left(self._pfns, end)
            covered += high - low
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as memory:
                for at, count in self._runs(low, high):
                    pfn, index = self.frames[at]
                    offset = pfn * PAGE - start
                    expected = self._data(index, count)
                    actual = memory[offset:offset + count * PAGE]
                    if expected != actual:
                        wrong += [pfn + i for i in range(count)
                                  if expected[i * PAGE:(i + 1) * PAGE] != actual[i * PAGE:(i + 1) * PAGE]]
        if covered != len(self.frames):
            inside = [(start // PAGE, (start + length) // PAGE) for start, length, _ in dumps]
            wrong += [pfn for pfn in self._pfns if not any(a <= pfn < b for a, b in inside)]
        return [pfn for pfn in sorted(wrong) if pfn not in ignore]

    def _runs(self, low: int, high: int):
        """(index in frames, count) of runs adjacent in memory and in the data, at most 256 frames each."""
        at = low
        while at < high:
            pfn, index = self.frames[at]
            count = 1
            while at + count < high and count < 256:
                next_pfn, next_index = self.frames[at + count]
                if next_pfn != pfn + count or next_index != (index + count if index >= 0 else -1):
                    break
                count += 1
            yield at, count
            at += count


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("liblzo2.so.2")
    library.lzo1x_decompress_safe.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                              ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p]
    return library


_LZO: list[ctypes.CDLL] = []
_BUFFER = ctypes.create_string_buffer(CHUNK_PAGES * PAGE)


def _check_length(length: int) -> int:
    if length == 0 or length % PAGE:
        raise BadImage(f"a chunk unpacks to {length} bytes")
    return length


def unpack_lzo(data: bytes) -> bytes:
    """A chunk's pages, whole ones; BadImage when it has none."""
    if not _LZO:
        _LZO.append(_library())
    length = ctypes.c_size_t(CHUNK_PAGES * PAGE)
    status = _LZO[0].lzo1x_decompress_safe(data, len(data), _BUFFER, ctypes.byref(length), None)
    if status != 0:
        raise BadImage(f"LZO status {status}")
    return ctypes.string_at(_BUFFER, _check_length(length.value))


def unpack_lz4(data: bytes) -> bytes:
    """As unpack_lzo()."""
    import lz4.block  # only an LZ4 image needs it
    try:
        result = lz4.block.decompress(data, uncompressed_size=CHUNK_PAGES * PAGE)
    except lz4.block.LZ4BlockError as error:
        raise BadImage(f"LZ4: {error}") from error
    _check_length(len(result))
    return result
