"""Find the records of a capture buffer: each says how long it is, so only a walk finds the next.

A walk in Python costs as much as everything else together.  Where native.c could be built, it walks.  Elsewhere many
walkers start at once, in lockstep over numpy arrays, at places that look like the start of a record.  The result is exact
all the same: a walker's records count only when the walker before it arrived precisely at its start; what was guessed
wrong is walked again one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from netviz.capture.batch import Ints, Octets
from netviz.native import native

__all__ = ["NOWHERE", "Framing", "Walk", "resync", "search", "walk"]

#: A place behind every buffer.
NOWHERE = 1 << 62

#: Walkers for a buffer, the bytes that one must have to be worth its start, and how many must be left for lockstep to
#: beat a plain loop.
_WALKERS, _STRIDE, _FEW = 256, 4096, 6

#: Below this many bytes the plain loop is faster.
_SMALL = 1 << 17

#: How far a walker looks for its first record: further than the largest packet of a network.
_LOOK = 1 << 18

#: How many records in a row must look right before a guess is believed.
_CHAIN = 3


class Framing(Protocol):
    """How the records of one format are laid out.

    A record starts with ``head`` bytes that say how long it is, at most ``largest``.  ``native`` is the number of this
    framing in native.c.  ``anchor`` is a byte string that every record (or most)
    holds at offset ``anchor_at``.
    """

    head: int
    native: int
    largest: int
    anchor: bytes
    anchor_at: int

    def hop(self, buffer: bytearray, at: int) -> int:
        """Where the next record starts; -1 where the bytes cannot be a record, or the reader must look at it first."""

    def hops(self, octets: Octets, at: Ints) -> Ints:
        """The same for many records at once; `NOWHERE` instead of -1."""

    def likely(self, buffer: bytearray, at: int) -> int:
        """As hop, but stricter: it judges bytes at a guessed place."""

    def candidates(self, octets: Octets, start: int, end: int) -> Ints:
        """Places where a record could start, whatever its time: a slow look at every byte, for damaged captures."""


class Walk(NamedTuple):
    """The starts of all complete records, in order, and where the walk stopped; ``blocked`` where a record is not one."""

    starts: Ints
    stop: int
    blocked: bool


def walk(framing: Framing, buffer: bytearray, octets: Octets, start: int, end: int) -> Walk:
    """Walk ``buffer[start:end]``; ``octets`` is the same memory as an array."""
    if native is not None:
        found = np.empty((end - start) // framing.head + 1, np.int64)
        count, stop, blocked = native.walk(octets, start, end, framing.native, framing.largest, found)
        return Walk(found[:count], stop, blocked)
    guesses = _Guesses() if end - start <= _SMALL else _lockstep(framing, buffer, octets, start, end)
    singles: list[int] = []
    believed: list[int] = []
    at, blocked = start, False
    while at + framing.head <= end:
        walker = guesses.index.get(at)
        if walker is not None and guesses.landed[walker] > at:
            believed.append(walker)
            at = guesses.landed[walker]
            continue
        after = framing.hop(buffer, at)
        if after <= at:
            blocked = True
            break
        if after > end:
            break
        singles.append(at)
        at = after
    return Walk(guesses.starts(believed, singles), at, blocked)


def resync(framing: Framing, buffer: bytearray, start: int, end: int, until: int | None = None, least: int = 1) -> int:
    """Where the next record is likely to start in ``buffer[start:until]``; -1 where none can be seen.

    Several records must follow one another there, or at least so many up to the very end.
    """
    at = start + framing.anchor_at
    while (at := buffer.find(framing.anchor, at, end if until is None else until)) >= 0:
        place = at - framing.anchor_at
        if _chain(framing, buffer, place, end, least):
            return place
        at += 1
    return -1


def search(framing: Framing, buffer: bytearray, octets: Octets, start: int, end: int, least: int = 1) -> int:
    """As resync, for a capture whose records may lie far apart in time."""
    for place in framing.candidates(octets, start, max(start, end - framing.head)).tolist():
        at, chain = place, 0
        while chain < _CHAIN and at + framing.head <= end and (after := framing.hop(buffer, at)) > at:
            at, chain = after, chain + 1
        if at <= end and (chain == _CHAIN or (at == end and chain >= least)):
            return int(place)
    return -1


def _chain(framing: Framing, buffer: bytearray, at: int, end: int, least: int) -> bool:
    for count in range(_CHAIN):
        if at + framing.head > end:
            return at == end and count >= least
        at = framing.likely(buffer, at)
        if at < 0 or at > end:
            return False
    return True


@dataclass(slots=True)
class _Guesses:
    """What the walkers found: the walker of each start, where it landed, and who found which record."""

    index: dict[int, int] = field(default_factory=dict)
    landed: list[int] = field(default_factory=list)
    found: list[Ints] = field(default_factory=list)
    finder: list[Ints] = field(default_factory=list)

    def starts(self, believed: list[int], singles: list[int]) -> Ints:
        """The records of the walkers that are believed, and those found one by one."""
        alone = np.array(singles, np.int64)
        if not self.found:
            return alone
        found = np.concatenate(self.found)
        if len(believed) < len(self.landed):
            good = np.zeros(len(self.landed), bool)
            good[believed] = True
            found = found[good[np.concatenate(self.finder)]]
        found = np.concatenate([found, alone])
        found.sort()
        return found


def _lockstep(framing: Framing, buffer: bytearray, octets: Octets, start: int, end: int) -> _Guesses:
    places = {start}
    walkers = min(_WALKERS, (end - start) // _STRIDE)
    for i in range(1, walkers):
        begin = start + i * (end - start) // walkers
        place = resync(framing, buffer, begin, end, min(end, begin + _LOOK))
        if place < 0:
            break
        places.add(place)
    starts = np.array(sorted(places), np.int64)
    # A walker stops at the next one's start, and where no record can lie whole in the buffer.
    limit = np.append(starts[1:], end - framing.head)
    at, who = starts, np.arange(len(starts))
    landed = starts.copy()
    guesses = _Guesses()
    while len(who) > _FEW:
        after = framing.hops(octets, at)
        going = after < limit
        if not going.all():
            whole = after <= end
            landed[who] = np.where(whole, after, at)
            guesses.found.append(at[whole])
            guesses.finder.append(who[whole])
            at, who, limit = after[going], who[going], limit[going]
        else:
            guesses.found.append(at)
            guesses.finder.append(who)
            at = after
    landed[who] = at
    guesses.landed = landed.tolist()
    guesses.index = {place: i for i, place in enumerate(starts.tolist())}
    return guesses
