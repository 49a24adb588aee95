"""A Batch: one buffer of packets and the arrays that say where each is and when it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from netviz.event import CaptureProblem

__all__ = ["NO_TIME", "PADDING", "Batch", "Ints", "Octets"]

Octets: TypeAlias = NDArray[np.uint8]
Ints: TypeAlias = NDArray[np.int64]

#: Bytes of zeros behind the last packet of every buffer, so that a fixed-size window over a header never leaves it.
PADDING = 128

#: A buffer of fewer bytes is copied in no time.
_SMALL = 64 << 10

#: The time of a packet that carries none, such as one of a pcapng Simple Packet Block.
NO_TIME = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Packets ``first``, ``first + 1``, … of a capture, one row each.

    ``offset`` is where a packet's bytes start in ``buffer``, ``captured`` how many there are, ``wire`` how many there
    were; ``time`` is in ns since 1970 UTC (or NO_TIME); ``link`` the link type of the packet's interface.  Where packets
    were filtered out, ``kept`` holds the rows of the others: the rows between keep their numbers and are not looked at.
    ``secrets`` are the Decryption Secrets Blocks read so far, the same list in each Batch of a capture.
    """

    buffer: Octets
    offset: Ints
    captured: Ints
    wire: Ints
    time: Ints
    link: Ints
    first: int
    problems: tuple[CaptureProblem, ...] = ()
    kept: Ints | None = None
    secrets: Sequence[tuple[int, bytes]] = ()

    def __len__(self) -> int:
        return len(self.offset)

    @property
    def packets(self) -> int:
        """How many packets there are to look at."""
        return len(self.offset) if self.kept is None else len(self.kept)

    @staticmethod
    def empty(first: int, problems: tuple[CaptureProblem, ...] = ()) -> Batch:
        """A Batch without packets: a damaged place in a file, or a pipe that is silent."""
        none = np.zeros(0, np.int64)
        return Batch(buffer=np.zeros(PADDING, np.uint8), offset=none, captured=none, wire=none, time=none, link=none,
                     first=first, problems=problems)  # fmt: skip

    def select(self, rows: Ints) -> Batch:
        """Only these rows; packet numbers no longer follow from them."""
        # One link type for all packets, which takes no room, stays just that.
        link = self.link[: len(rows)] if self.link.strides == (0,) else self.link[rows]
        return Batch(buffer=self.buffer, offset=self.offset[rows], captured=self.captured[rows], wire=self.wire[rows],
                     time=self.time[rows], link=link, first=self.first, secrets=self.secrets)  # fmt: skip

    def part(self, start: int, stop: int) -> Batch:
        """The rows from ``start`` to ``stop`` with the numbers they have, without problems."""
        rows = slice(start, stop)
        return Batch(buffer=self.buffer, offset=self.offset[rows], captured=self.captured[rows], wire=self.wire[rows],
                     time=self.time[rows], link=self.link[rows], first=self.first + start, secrets=self.secrets)  # fmt: skip

    def narrowed(self) -> Batch:
        """The same in a part of the buffer where packets take only a little of it: whoever adds to the buffer copies it."""
        first, last = int(self.offset.min()), int((self.offset + self.captured).max())
        if len(self.buffer) < 4 * (last - first) + _SMALL:
            return self
        return replace(self, buffer=self.buffer[first : last + PADDING], offset=self.offset - first)

    def packet(self, number: int) -> bytes:
        """The captured bytes of a packet by its number, which must be one of this Batch."""
        row = number - self.first
        start = int(self.offset[row])
        return self.buffer[start : start + int(self.captured[row])].tobytes()
