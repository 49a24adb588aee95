"""Where bytes are missing: the next record, and which number it has.

Nobody sends the number of a record; but it is authenticated with the record, so that a number which fits is the right one.
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import HEAD, is_head
from netviz.stream import Stream

__all__ = ["MOST", "Resumption", "overhead", "resume"]

#: Bytes searched behind a gap, places looked at, and records that may have been in it.
MOST = 1 << 18
_PLACES, _RECORDS = 1000, 2000

#: Attempts to open a record; each of them decrypts it.
_ATTEMPTS = 20_000


class Resumption(NamedTuple):
    """Where reading goes on: the offset of a record, and how many were lost before it."""

    offset: int
    records: int


def overhead(protection: Protection | None) -> int:
    """By how much a fragment is longer than its content, at least."""
    if protection is None:
        return 0
    return protection.before + protection.suite.tag + protection.modern


def resume(stream: Stream, protection: Protection | None, least: int = 1) -> Resumption | None:
    """The first record behind the gap that comes next; None where none shows yet.

    Records begin where segments do; without keys a head must be followed by another one.  At ``least`` so many of this
    protection were lost.
    """
    number = 0 if protection is None else protection.seq
    attempts = 0
    behind = stream.gaps[0].offset + stream.gaps[0].length
    for offset, at, end in stream.places(_PLACES):
        data = stream.data
        if offset < behind or end - at < HEAD or not is_head(data, at):
            continue
        stop = at + HEAD + (data[at + 3] << 8 | data[at + 4])
        if stop > end:
            continue
        if protection is None:
            if (end - stop >= HEAD and is_head(data, stop)) or (stop == end and not stream.gaps):
                return Resumption(offset, 0)
            continue
        fragment = bytes(data[at + HEAD : stop])
        for count in range(least, min((offset - stream.start) // (HEAD + overhead(protection)) + 2, _RECORDS)):
            attempts += 1
            if attempts > _ATTEMPTS:
                return None
            protection.seq = number + count
            opened = protection.open(data[at], fragment)
            protection.seq = number
            if opened is not None:
                return Resumption(offset, count)
    return None
