"""A run of records: what an application says in many of them, one behind the other, opened at once.

https://www.rfc-editor.org/rfc/rfc8446#section-5.2, https://www.rfc-editor.org/rfc/rfc5246#section-6.2.3

A busy WebSocket sends a record for each message.  What is in C here does nothing but call the cipher for each of them; what
is no plain record of an application ends the run, and is read on its own.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import Ints
from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import APPLICATION, HEAD, LARGEST
from netviz.native import native

__all__ = ["Run", "Runs", "open_run", "open_runs"]


class Run(NamedTuple):
    """What the records said, the pieces of that (as `Stream.convey` takes them, from where the run begins), where the run
    ends, and how many records it has.
    """

    content: bytes
    pieces: array[int]
    end: int
    records: int


class Runs(NamedTuple):
    """What many sides said, one behind the other; the pieces of that, a row for each with where it begins and ends in the data
    and where its record does; where the content of each side ends, and how many records it has (-1: not opened).
    """

    content: bytes
    pieces: Ints
    stops: Ints
    records: Ints


def open_run(protection: Protection, data: bytearray | memoryview, available: int) -> Run:
    """The run at the beginning of so many bytes of the data; it may be empty."""
    cipher = protection.cipher
    if native is None or cipher is None:
        return _one_by_one(protection, data, _reach(data, available))
    pieces = array("q")
    (content, found), end, count = native.opened(cipher, protection.seq, data, available, LARGEST)
    protection.seq += count
    pieces.frombytes(found)
    return Run(content, pieces, end, count)


def open_runs(protections: list[Protection], data: bytes, begins: list[int], ends: list[int]) -> Runs:
    """What lies between each begin and end, of those that are one run and nothing else; all have a cipher, and stay as they
    are.
    """
    if native is None:
        return _side_by_side(protections, data, begins, ends)
    ciphers = tuple(protection.cipher for protection in protections)
    seqs = np.array([protection.seq for protection in protections], np.uint64)
    stops, records = np.zeros((2, len(protections)), np.int64)
    places = np.array([begins, ends], np.int64)
    content, found = native.opened_all(ciphers, seqs, data, *places, stops, records, LARGEST)
    return Runs(content, np.frombuffer(found, np.int64).reshape(-1, 3), stops, records)


def _side_by_side(protections: list[Protection], data: bytes, begins: list[int], ends: list[int]) -> Runs:
    chunks, stops, records = [b""], [], []
    pieces: list[Ints] = [np.zeros((0, 3), np.int64)]
    size = 0
    for protection, begin, end in zip(protections, begins, ends, strict=True):
        view, seq, count = memoryview(data)[begin:end], protection.seq, -1
        if _reach(view, len(view)) == len(view):
            try:
                run = _one_by_one(protection, view, len(view))
            finally:
                protection.seq = seq
            if run.end == len(view):
                chunks.append(run.content)
                pieces.append(np.array(run.pieces, np.int64).reshape(-1, 3) + begin)
                size, count = size + len(run.content), run.records
        stops.append(size)
        records.append(count)
    return Runs(b"".join(chunks), np.concatenate(pieces), np.array(stops, np.int64), np.array(records, np.int64))


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
