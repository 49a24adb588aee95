"""Compressed captures: gzip, zstd and lz4 become plain bytes while they are read.

Only a piece is unpacked at a time, so memory does not grow with what the data would become.  Each piece ends where a
block of the format does: what is damaged costs the packets of its block and those behind, never one before.

gzip: https://www.rfc-editor.org/rfc/rfc1952, zstd: https://www.rfc-editor.org/rfc/rfc8878,
lz4: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Generator
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from netviz.errors import NetvizError

if TYPE_CHECKING:
    from netviz.capture.records import ReadInto

__all__ = ["Damage", "Unpacked", "packing"]

#: How much is read at once, and how much of gzip is unpacked at once; of the others a block of at most 4 MiB is.
_READ, _INFLATED = 1 << 16, 1 << 18

#: What each format starts with: a frame of zstd may also be one to skip (RFC 8878, section 3.1.2).
_GZIP, _ZSTD, _LZ4, _SKIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x2a\x4d\x18"

_STARTS = {"gzip": _GZIP, "zstd": _ZSTD, "lz4": _LZ4}

#: Bits of a zstd frame header (RFC 8878, section 3.1.1.1.1) and of an lz4 frame's FLG byte.
_SINGLE_SEGMENT, _CHECKSUM = 0x20, 0x04
_CONTENT_SIZE, _CONTENT_CHECKSUM, _BLOCK_CHECKSUM, _DICTIONARY = 0x08, 0x04, 0x10, 0x01

#: Asks for so many bytes, is given them, and is over at the end of the frame.
_Steps = Generator[int, bytes, None]


class Damage(NamedTuple):
    """Where compressed data could not be read on; ``cut`` where they only end too early."""

    packing: str
    at: int
    cut: bool

    def __str__(self) -> str:
        return f"its {self.packing} data {'ends early' if self.cut else 'is damaged'} at byte {self.at}"


class _Broken(Exception):  # noqa: N818 - not an error of anybody here
    """The next bytes cannot be unpacked."""


class _Frame(Protocol):
    """One member of a gzip file, one frame of the others."""

    @property
    def over(self) -> bool:
        """Whether it is unpacked to its end."""

    def unpack(self, data: memoryview) -> tuple[bytes, int]:
        """What the first bytes become, and how many these were: none where more must come.  Raises _Broken."""


def packing(head: bytes) -> str | None:
    """What data that start so are packed with, of what can be unpacked here."""
    if head[:2] == _GZIP:
        return "gzip"
    if head[:4] == _LZ4:
        return "lz4"
    return "zstd" if head[:4] == _ZSTD or _skippable(head) else None


class Unpacked:
    """Reads as the stream below it does, which started with ``head`` and goes on with ``read_into``.

    ``damage`` is set where the data cannot be unpacked to their end; what comes then is the end of the stream.  ``size``
    counts the bytes that came out.
    """

    def __init__(self, head: bytes, read_into: ReadInto, name: str) -> None:
        self.damage: Damage | None = None
        self.packing = packing(head) or ""
        self.size = 0
        self._name = name
        self._read = read_into
        self._raw = memoryview(head)
        self._at = 0
        self._ended = self._over = False
        self._frame: _Frame | None = self._begin()
        self._out = memoryview(b"")

    def read_into(self, view: memoryview) -> int | None:
        """Fill the buffer as far as bytes are there."""
        filled = 0
        while filled < len(view):
            if not self._out:
                if self._over:
                    break
                if not self._advance():
                    return filled or None
            piece = self._out[: len(view) - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._out = self._out[len(piece) :]
        return filled

    def _advance(self) -> bool:
        """Unpack or read on; False where nothing came for a while."""
        if self._frame is None or self._frame.over:
            return self._next()
        try:
            out, used = self._frame.unpack(self._raw)
        except _Broken:
            self._stop(cut=False)
            return True
        self._raw = self._raw[used:]
        self._at += used
        self._out = memoryview(out)
        self.size += len(out)
        if out or used or self._frame.over:
            return True
        if self._ended:
            self._at += len(self._raw)
            self._stop(cut=True)
            return True
        return self._more()

    def _more(self) -> bool:
        buffer = bytearray(_READ)
        got = self._read(memoryview(buffer))
        if got is None:
            return False
        self._ended = got == 0
        self._raw = memoryview(bytes(self._raw) + buffer[:got])
        return True

    def _next(self) -> bool:
        """Another frame, or the end: zeros behind gzip data are padding (of tapes), as gzip itself has it."""
        if self.packing == "gzip" and bytes(self._raw[:1]) == b"\0":
            padding = len(self._raw) - len(bytes(self._raw).lstrip(b"\0"))
            self._at += padding
            self._raw = self._raw[padding:]
        if len(self._raw) < 4 and not self._ended:
            return self._more()
        if not self._raw:
            self._over = True
        elif (packing(head := bytes(self._raw[:4])) == self.packing) or (self.packing == "lz4" and _skippable(head)):
            self._frame = self._begin()
        else:
            cut = _STARTS[self.packing].startswith(head)
            self._at += len(head) if cut else 0
            self._stop(cut=cut)
        return True

    def _stop(self, *, cut: bool) -> None:
        self.damage, self._over, self._raw = Damage(self.packing, self._at, cut), True, self._raw[:0]

    def _begin(self) -> _Frame:
        if self.packing == "gzip":
            return _Member()
        if _skippable(bytes(self._raw[:4])):
            return _Blocks(None, _skipped())
        if self.packing == "lz4":
            return _Blocks(_library("lz4.frame", self._name).LZ4FrameDecompressor(), _lz4())
        return _Blocks(_library(_ZSTD_LIBRARY, self._name).ZstdDecompressor(), _zstd())


class _Member:
    """A member of a gzip file."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._broken = False

    @property
    def over(self) -> bool:
        return self._inflate.eof

    def unpack(self, data: memoryview) -> tuple[bytes, int]:
        if self._broken:
            raise _Broken
        before = self._inflate.copy()
        try:
            out = self._inflate.decompress(data, _INFLATED)
        except zlib.error:
            # zlib keeps to itself what it had unpacked before the damage: once more, byte by byte.
            self._broken, self._inflate = True, before
            return self._slowly(data)
        return out, len(data) - len(self._inflate.unconsumed_tail) - len(self._inflate.unused_data)

    def _slowly(self, data: memoryview) -> tuple[bytes, int]:
        out = bytearray()
        for at in range(len(data)):
            try:
                out += self._inflate.decompress(data[at : at + 1])
            except zlib.error:
                return bytes(out), at
        return bytes(out), len(data)


class _Decompressor(Protocol):
    def decompress(self, data: bytes) -> bytes: ...


class _Blocks:
    """A frame of zstd or lz4, unpacked block by block; one without a decompressor is skipped."""

    def __init__(self, decompressor: _Decompressor | None, steps: _Steps) -> None:
        self._decompressor = decompressor
        self._steps = steps
        self._want = next(steps)
        self._over = False

    @property
    def over(self) -> bool:
        return self._over

    def unpack(self, data: memoryview) -> tuple[bytes, int]:
        if len(data) < self._want:
            return b"", 0
        piece, used = bytes(data[: self._want]), self._want
        out = self._unpack(piece)
        try:
            self._want = self._steps.send(piece)
        except StopIteration:
            self._over = True
        return out, used

    def _unpack(self, piece: bytes) -> bytes:
        if self._decompressor is None:
            return b""
        try:
            return self._decompressor.decompress(piece)
        except Exception as error:
            # Each library has classes of its own for wrong data; what is not about the data is our mistake.
            if isinstance(error, MemoryError | TypeError | AttributeError):
                raise
            raise _Broken from error


def _zstd() -> _Steps:
    """A frame (RFC 8878, section 3.1.1): its header, blocks up to the last, perhaps a checksum."""
    flags = (yield 5)[4]
    yield (not flags & _SINGLE_SEGMENT) + (0, 1, 2, 4)[flags & 3] + (flags >> 5 & 1, 2, 4, 8)[flags >> 6]
    last = 0
    while not last:
        head = int.from_bytes((yield 3), "little")
        last, repeated, size = head & 1, head >> 1 & 3 == 1, head >> 3
        yield from _body(1 if repeated else size)
    if flags & _CHECKSUM:
        yield 4


def _lz4() -> _Steps:
    flags = (yield 6)[4]
    yield bool(flags & _CONTENT_SIZE) * 8 + bool(flags & _DICTIONARY) * 4 + 1
    while size := int.from_bytes((yield 4), "little"):
        yield from _body((size & 0x7FFF_FFFF) + bool(flags & _BLOCK_CHECKSUM) * 4)
    if flags & _CONTENT_CHECKSUM:
        yield 4


def _skipped() -> _Steps:
    yield from _body(int.from_bytes((yield 8)[4:], "little"))


def _body(size: int) -> _Steps:
    """So many bytes, which may be more than anybody should wait for."""
    while size:
        yield min(size, _READ)
        size -= min(size, _READ)


def _skippable(head: bytes) -> bool:
    return head[1:4] == _SKIP and head[0] >> 4 == 5


#: Part of Python from 3.14 on.
_ZSTD_LIBRARY = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def _library(module: str, name: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        tool = "lz4" if module.startswith("lz4") else "zstd"
        hint = f"install {tool} for Python, or unpack it first: {tool} -dc {name} | netviz handshake -"
        raise NetvizError(f"{name} is packed with {tool}, which this Python cannot unpack", hint) from error
