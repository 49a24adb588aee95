"""A run of records: what an application says in many of them, one behind the other, opened at once.

https://www.rfc-editor.org/rfc/rfc8446#section-5.2, https://www.rfc-editor.org/rfc/rfc5246#section-6.2.3

A busy WebSocket sends a record for each message.  What is in C here does nothing but call the cipher for each of them; what
is no plain record of an application ends the run, and is read on its own.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import APPLICATION, HEAD, LARGEST
from netviz.native import native

__all__ = ["Run", "open_run"]


class Run(NamedTuple):
    """What the records said, the pieces of that (as `Stream.convey` takes them, from where the run begins), where the run
    ends, and how many records it has.
    """

    content: bytes
    pieces: array[int]
    end: int
    records: int


def open_run(protection: Protection, data: bytearray | memoryview, available: int, *, whole: bool = False) -> Run:
    """The run at the beginning of so many bytes of the data; it may be empty, and with ``whole`` is where records do not
    end with them.
    """
    cipher = protection.cipher
    if native is None or cipher is None:
        stop = _reach(data, available)
        return _one_by_one(protection, data, 0 if whole and stop < available else stop)
    pieces = array("q")
    content, found, end, count = native.opened(
        cipher.decrypt, cipher.refused, data, available, protection.seq, cipher.iv, protection.before, protection.suite.tag,
        protection.modern, LARGEST, whole,
    )  # fmt: skip
    protection.seq += count
    pieces.frombytes(found)
    return Run(content, pieces, end, count)


def _reach(data: bytearray | memoryview, available: int) -> int:
    """Where the records that follow one another end."""
    at = 0
    while at + HEAD <= available and data[at] == APPLICATION and data[at + 1] == 3:
        end = at + HEAD + (data[at + 3] << 8 | data[at + 4])
        if end > available or end - at > HEAD + LARGEST:
            break
        at = end
    return at


def _one_by_one(protection: Protection, data: bytearray | memoryview, stop: int) -> Run:
    at = count = 0
    chunks: list[bytes] = []
    pieces = array("q")
    with memoryview(data) as view:
        while at < stop:
            end = at + HEAD + (data[at + 3] << 8 | data[at + 4])
            opened = protection.open(APPLICATION, view[at + HEAD : end])
            if opened is None:
                break
            kind, content = opened
            if kind != APPLICATION:
                protection.seq -= 1  # it is read again, on its own
                break
            if content:
                chunks.append(content)
                start = at + HEAD + protection.before
                pieces.extend((start, start + len(content), end))
            at = end
            count += 1
    return Run(b"".join(chunks), pieces, at, count)
