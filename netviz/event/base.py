"""What every event has, and what events are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

__all__ = ["NO_TIME", "SIDES", "CaptureProblem", "Endpoint", "Field", "Happening", "Problem", "Side", "Slice"]

#: Stands in columns for the time of a packet that has none.
NO_TIME = -(1 << 63)

Side = Literal["client", "server"]
SIDES: tuple[Side, Side] = ("client", "server")


class Problem(NamedTuple):
    """Something wrong in what was captured: a stable kebab-case kind, a sentence, and where.

    ``packet`` is 0 where no packet can be named.
    """

    kind: str
    text: str
    packet: int


class Slice(NamedTuple):
    """Some bytes of a packet: those from ``start`` up to ``end``, counted from the first captured byte of it."""

    packet: int
    start: int
    end: int


class Field(NamedTuple):
    """A field of a header: its name, its first bit (from the first of the header) and how many, its value, in words.

    ``text`` is the value as people write it, where that is not the number: an address, a line of HTTP.
    """

    name: str
    bit: int
    bits: int
    value: int
    meaning: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What every event has: the packets that carried it and the time of the one that completed it."""

    name: ClassVar[str] = ""

    packets: tuple[int, ...]
    time: int | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureProblem(Happening):
    """A damaged file, or packets that netviz does not decode: tied to no connection."""

    name: ClassVar[str] = "capture.problem"

    count: int = 1


class Endpoint(NamedTuple):
    """An address and a port, written as in a URL: ``127.0.0.1:80``, ``[::1]:80``."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
