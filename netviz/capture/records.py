"""Read a stream of bytes as Batches, whatever the format: fill a buffer, walk it, carry the rest over.

A record is never trusted: a length that cannot be makes this reader look for the next place where records follow one
another, tell one problem for what lies between, and go on.  Memory grows with the bytes that came, not with those
that were promised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from netviz.capture.batch import PADDING, Batch, Ints, Octets
from netviz.capture.walk import Framing, resync, search, walk
from netviz.event import CaptureProblem, Problem
from netviz.native import native

__all__ = ["LARGEST", "Format", "ReadInto", "batches", "capture_problem"]

#: Fills the buffer and answers how many bytes it wrote: 0 at the end, None where nothing came for a while (a pipe).
ReadInto = Callable[[memoryview], "int | None"]

#: Bytes of a buffer: large enough for numpy, small enough for a processor's cache.
_CHUNK = 1 << 23

#: No record of a capture is larger than this, whatever it claims.
LARGEST = 1 << 24

#: How much is kept while looking for the next record in damaged bytes.
_TAIL = 1 << 18


class Format(Framing, Protocol):
    """A capture format: its framing, and how its records become a Batch."""

    def begin(self, buffer: bytearray, at: int, end: int) -> None:
        """Look at the first record of a buffer, to know better what records look like."""

    def attend(self, buffer: bytearray, at: int, end: int) -> int:
        """Read what ``hop`` would not: where the next record starts, 0 for "more bytes first", -1 for "no record"."""

    def batch(self, buffer: bytearray, octets: Octets, starts: Ints, first: int) -> Batch:
        """The packets among the records that start at ``starts``."""


def batches(read_into: ReadInto, form: Format, *, position: int, carry: bytes = b"", first: int = 1) -> Iterator[Batch]:
    """All Batches of a stream that stands at byte ``position``, plus ``carry`` already read; numbers from ``first``."""
    lost, ended = -1, False
    while True:
        room = max(_CHUNK, 2 * len(carry))
        buffer = bytearray(room + PADDING) if native is None else native.room(room + PADDING)
        buffer[: len(carry)] = carry
        got = 0 if ended else read_into(memoryview(buffer)[len(carry) : room])
        if got is None:
            yield Batch.empty(first)
            continue
        end = len(carry) + got
        buffer[end : end + PADDING] = bytes(PADDING)
        if got == 0:
            if lost >= 0 or not carry or ended:
                break
            # What looks like the beginning of a record that was cut off may be damage that hides others.
            ended = True
            form.begin(buffer, 0, end)
            octets = np.frombuffer(buffer, np.uint8)
            if resync(form, buffer, 1, end, least=2) < 0 and search(form, buffer, octets, 1, end, least=2) < 0:
                break
            lost, carry, position = position, carry[1:], position + 1
            buffer = bytearray(carry) + bytes(PADDING)
            end = len(carry)
        octets = np.frombuffer(buffer, np.uint8)
        at = 0
        form.begin(buffer, at, end)
        while True:
            if lost >= 0:
                found = resync(form, buffer, at, end)
                if found < 0:
                    found = search(form, buffer, octets, at, end)
                if found < 0:
                    at = max(at, end - _TAIL)
                    break
                yield Batch.empty(first, (_damage(lost, position + found, first),))
                at, lost = found, -1
            step = walk(form, buffer, octets, at, end)
            batch = form.batch(buffer, octets, step.starts, first)
            if len(batch) or batch.problems:
                yield batch
            first += len(batch)
            at = step.stop
            if not step.blocked:
                break
            after = form.attend(buffer, at, end)
            if after == 0:
                break
            if after < 0:
                lost, at = position + at, at + 1
            else:
                at = after
        carry = bytes(memoryview(buffer)[at:end])
        position += at
    if lost >= 0:
        yield Batch.empty(first, (_damage(lost, position + len(carry), first),))
    elif carry:
        text = f"the file ends inside the record behind packet {first - 1}: it was cut off at byte {position + len(carry)}"
        yield Batch.empty(first, (capture_problem("file-cut", text, first - 1),))


def _damage(start: int, stop: int, first: int) -> CaptureProblem:
    text = f"bytes {start} to {stop - 1} of the file are damaged: {stop - start:,} bytes behind packet {first - 1} skipped"
    return capture_problem("file-damaged", text, first - 1)


def capture_problem(kind: str, text: str, packet: int) -> CaptureProblem:
    """What is wrong with a file behind a packet, 0 where that is before the first."""
    at = (packet,) if packet else ()
    return CaptureProblem(packets=at, time=None, problems=(Problem(kind, text, packet),))
