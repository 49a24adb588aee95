"""A stream of bytes that is a capture: which format it has, told by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netviz.capture.batch import Batch
from netviz.capture.compressed import Unpacked, packing
from netviz.capture.metadata import Metadata
from netviz.capture.pcap import HEADER, MAGICS, Pcap
from netviz.capture.pcapng import MAGIC, Pcapng
from netviz.capture.records import ReadInto, batches, capture_problem
from netviz.errors import NetvizError
from netviz.event import CaptureProblem

__all__ = ["read_capture"]

#: What unpacks what is not unpacked here: other formats, and what was packed twice.
_TOOLS = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5\x2f\xfd": "zstd -dc", b"\x04\x22\x4d\x18": "lz4 -dc",
          b"BZh": "bzip2 -dc", b"\xfd7zXZ": "xz -dc"}  # fmt: skip


def read_capture(
    read_into: ReadInto, name: str, metadata: Metadata, first: int = 1, at_once: int | None = None
) -> Iterator[Batch]:
    """The Batches of a stream, unpacked where it is compressed, of no more than ``at_once`` bytes of a capture each.

    Raises NetvizError where it is no capture at all.
    """
    metadata.file = name
    head = _head(read_into)
    if packing(head) is None:
        yield from _read(head, _little(read_into, at_once), name, metadata, first)
        return
    unpacked = Unpacked(head, read_into, name)
    inner = _head(unpacked.read_into)
    if unpacked.damage is not None and len(inner) < HEADER:
        raise NetvizError(f"no packet of {name} can be read: {unpacked.damage}")
    for batch in _read(inner, _little(unpacked.read_into, at_once), name, metadata, first, unpacked.packing):
        first = batch.first + len(batch)
        metadata.packed[name] = unpacked.packing, unpacked.size
        yield replace(batch, problems=tuple(_problems(batch, unpacked))) if batch.problems else batch
    metadata.packed[name] = unpacked.packing, unpacked.size
    if unpacked.damage is not None:
        kind = "file-cut" if unpacked.damage.cut else "file-damaged"
        text = f"the file cannot be unpacked behind packet {first - 1}: {unpacked.damage}"
        yield Batch.empty(first, (capture_problem(kind, text, first - 1),))


def _little(read_into: ReadInto, at_once: int | None) -> ReadInto:
    return read_into if at_once is None else lambda view: read_into(view[:at_once])


def _problems(batch: Batch, unpacked: Unpacked) -> Iterator[CaptureProblem]:
    """What is wrong with a capture that came out of another file: its bytes are not counted in that one."""
    for event in batch.problems:
        (problem,) = event.problems
        # Where no more can be unpacked, that is why the last record is cut.
        if problem.kind != "file-cut" or unpacked.damage is None:
            text = problem.text.replace("the file", "the unpacked file")
            yield replace(event, problems=(problem._replace(text=text),))


def _head(read_into: ReadInto) -> bytes:
    """The first bytes, as many as the longest of the headers has, where there are so many."""
    start = bytearray(HEADER)
    filled = 0
    while filled < HEADER:
        got = read_into(memoryview(start)[filled:])
        if got == 0:
            break
        filled += got or 0
    return bytes(start[:filled])


def _read(
    head: bytes, read_into: ReadInto, name: str, metadata: Metadata, first: int, packed: str | None = None
) -> Iterator[Batch]:
    """The Batches of a stream of which the head was read; ``packed`` is what it was packed with."""
    magic = head[:4]
    if not head:
        raise NetvizError(f"{name} is empty: not even a file header", "did the program that captures get the rights?")
    if magic in MAGICS:
        if len(head) < HEADER:
            raise NetvizError(f"{name} ends inside its file header: only {len(head)} of {HEADER} bytes")
        yield from batches(read_into, Pcap(head, metadata), position=HEADER, first=first)
    elif magic == MAGIC and len(head) >= 12:
        yield from batches(read_into, Pcapng(metadata), position=0, carry=head, first=first)
    elif packed:
        text = f"{name} holds no capture: unpacked with {packed} it starts with {magic.hex(' ')}"
        raise NetvizError(text, _hint(head, name, twice=True))
    else:
        raise NetvizError(f"{name} is not a capture file: it starts with {magic.hex(' ')}", _hint(head, name))


def _hint(head: bytes, name: str, *, twice: bool = False) -> str:
    for start, unpack in _TOOLS.items():
        if head.startswith(start):
            tried = f"… | {unpack}" if name == "standard input" else f"{unpack} {name}"
            return f"it is compressed{' twice' * twice}; try: {tried} | netviz handshake -"
    return "netviz reads pcap and pcapng, as tcpdump -w and Wireshark write them"
