"""What a header is made of: entries that follow one another bit by bit, and how they become fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from netviz.event import Field

__all__ = ["Entry", "Header", "Layout", "hexadecimal", "ones_sum", "pick", "read", "valued"]


class Entry(NamedTuple):
    """A field of a layout: its name, how many bits, what its value means, and how people write it (if not as a number)."""

    name: str
    bits: int
    meaning: Callable[[int], str] | None = None
    text: Callable[[int], str] | None = None


Layout = tuple[Entry, ...]


class Header(NamedTuple):
    """A header that was read: the word that asks for it, its name, its OSI layer, how many bytes it claims, its fields,
    and what it says comes next: the key of another header, or a name for people where netviz reads no further.
    """

    key: str
    name: str
    osi: int
    size: int
    fields: tuple[Field, ...]
    follows: str = ""
    facts: tuple[str, ...] = ()
    note: str = ""

    def value(self, name: str) -> int:
        """The value of a field, 0 where it was cut off."""
        return valued(self.fields, name)


def read(layout: Layout, data: bytes, begin: int = 0) -> tuple[Field, ...]:
    """The fields of a header as far as they are whole; bits count from the first of ``data``, of which the header
    begins at byte ``begin``.

    >>> [(field.name, field.value) for field in read((Entry("version", 4), Entry("length", 4), Entry("rest", 16)), b"\\x45")]
    [('version', 4), ('length', 5)]
    """
    found = []
    bit, end = 8 * begin, 8 * len(data)
    for name, bits, meaning, text in layout:
        if bit + bits > end:
            break
        first, last = bit // 8, (bit + bits + 7) // 8
        value = int.from_bytes(data[first:last], "big") >> (8 * last - bit - bits) & ((1 << bits) - 1)
        found.append(Field(name, bit, bits, value, meaning(value) if meaning else "", text(value) if text else ""))
        bit += bits
    return tuple(found)


def valued(fields: tuple[Field, ...], name: str) -> int:
    """The value of the first field of this name, 0 where there is none."""
    return next((field.value for field in fields if field.name == name), 0)


def pick(words: Mapping[int, str], otherwise: str = "") -> Callable[[int], str]:
    """A meaning that is looked up."""
    return lambda value: words.get(value, otherwise)


def hexadecimal(digits: int) -> Callable[[int], str]:
    """A value written as ``0x…`` with so many digits."""
    return lambda value: f"0x{value:0{digits}x}"


def ones_sum(data: bytes) -> int:
    """The Internet checksum over bytes (RFC 1071); 0 over a header with the right checksum in it.

    >>> ones_sum(bytes.fromhex("0001 f203 f4f5 f6f7")) == 0xFFFF - 0xDDF2
    True
    """
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
