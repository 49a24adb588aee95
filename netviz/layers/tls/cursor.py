"""Reading handshake messages: numbers, and vectors with their length in front (RFC 8446 section 3.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["Cursor", "Malformed"]


_PAIR = struct.Struct("!HH")


class Malformed(Exception):  # noqa: N818 - an adjective, like what it is said of
    """A message ends before what it says it holds; never leaves the layer."""


class Cursor:
    """A place in some bytes; what is read lies before ``end``, or Malformed is raised."""

    __slots__ = ("_data", "at", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self._data = data
        self.at = at
        self.end = len(data) if end is None else end

    def __bool__(self) -> bool:
        return self.at < self.end

    def number(self, size: int) -> int:
        """An unsigned number of so many bytes."""
        at = self.at
        if at + size > self.end:
            raise Malformed
        self.at = at + size
        return int.from_bytes(self._data[at : at + size], "big")

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if self.at + size > self.end:
            raise Malformed
        self.at += size
        return self._data[self.at - size : self.at]

    def vector(self, size: int) -> bytes:
        """Bytes behind their length, which is a number of ``size`` bytes."""
        start = self.at + size
        if start > self.end:
            raise Malformed
        stop = start + int.from_bytes(self._data[self.at : start], "big")
        if stop > self.end:
            raise Malformed
        self.at = stop
        return self._data[start:stop]

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """What is left as pairs of a number and a vector, both with two bytes; raises Malformed where that does not fit."""
        data, end, at = self._data, self.end, self.at
        while at < end:
            if at + 4 > end:
                raise Malformed
            number, size = _PAIR.unpack_from(data, at)
            start, at = at + 4, at + 4 + size
            if at > end:
                raise Malformed
            yield number, data[start:at]
        self.at = at

    def inner(self, size: int) -> Cursor:
        """The same to read on in."""
        return Cursor(self.vector(size))

    def numbers(self, size: int) -> tuple[int, ...]:
        """A vector of numbers of two bytes each."""
        data = self.vector(size)
        if len(data) % 2:
            raise Malformed
        return struct.unpack(f"!{len(data) // 2}H", data)
