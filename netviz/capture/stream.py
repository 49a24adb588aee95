"""A stream of bytes that is a capture: which format it has, told by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.capture.batch import Batch
from netviz.capture.metadata import Metadata
from netviz.capture.pcap import HEADER, MAGICS, Pcap
from netviz.capture.pcapng import MAGIC, Pcapng
from netviz.capture.records import ReadInto, batches
from netviz.errors import NetvizError

__all__ = ["read_capture"]

#: What other files start with, and what to do with them.
_COMPRESSED = {b"\x1f\x8b": "gzip -dc", b"\x28\xb5\x2f\xfd": "zstd -dc", b"\x04\x22\x4d\x18": "lz4 -dc",
               b"BZh": "bzip2 -dc", b"\xfd7zXZ": "xz -dc"}  # fmt: skip


def read_capture(read_into: ReadInto, name: str, metadata: Metadata, first: int = 1) -> Iterator[Batch]:
    """The Batches of a stream; raises NetvizError where it is no capture at all."""
    metadata.file = name
    start = bytearray(HEADER)
    filled = 0
    while filled < HEADER:
        got = read_into(memoryview(start)[filled:])
        if got == 0:
            break
        filled += got or 0
    magic = bytes(start[:4])
    if not filled:
        raise NetvizError(f"{name} is empty: not even a file header", "did the program that captures get the rights?")
    if magic in MAGICS:
        if filled < HEADER:
            raise NetvizError(f"{name} ends inside its file header: only {filled} of {HEADER} bytes")
        yield from batches(read_into, Pcap(bytes(start), metadata), position=HEADER, first=first)
    elif magic == MAGIC and filled >= 12:
        yield from batches(read_into, Pcapng(metadata), position=0, carry=bytes(start[:filled]), first=first)
    else:
        raise NetvizError(f"{name} is not a capture file: it starts with {magic[:filled].hex(' ')}", _hint(bytes(start), name))


def _hint(head: bytes, name: str) -> str:
    for start, unpack in _COMPRESSED.items():
        if head.startswith(start):
            return f"it is compressed; try: {unpack} {name} | netviz handshake -"
    return "netviz reads pcap and pcapng, as tcpdump -w and Wireshark write them"
