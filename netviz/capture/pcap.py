"""Classic pcap files: a file header, then for each packet a record header of 16 bytes and its bytes.

https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/
"""

from __future__ import annotations

import struct

import numpy as np

from netviz.capture.batch import Batch, Ints, Octets
from netviz.capture.metadata import Interface, Metadata
from netviz.capture.records import LARGEST
from netviz.capture.walk import NOWHERE
from netviz.native import native

__all__ = ["HEADER", "MAGICS", "Pcap"]

#: Length of the file header, which starts with one of these: byte order, and ns in a unit of its timestamps.
HEADER = 24
MAGICS: dict[bytes, tuple[str, int]] = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}

#: libpcap's own limit for a packet, whatever the snapshot length in the header says.
_LARGEST_PACKET = 262_144

#: Two record headers of one file lie at most this far apart in time, where one of them is a guess.
_DAY = 86_400


class Pcap:
    """The format of one pcap file, made from its header."""

    head = 16

    def __init__(self, header: bytes, metadata: Metadata | None = None) -> None:
        self.order, self.unit = MAGICS[header[:4]]
        self.native = 0 if self.order == "<" else 1
        major, minor, _, _, snaplen, link = struct.unpack_from(self.order + "HHiIII", header, 4)
        # The upper bits of the link type say whether frames end with an FCS; the type itself has 16.
        self.link = link & 0xFFFF
        self.interface = Interface(self.link, snaplen, resolution=9 if self.unit == 1 else 6)
        if metadata is not None:
            metadata.classic(self.order, (major, minor), self.interface)
        self.largest = min(max(snaplen, _LARGEST_PACKET), LARGEST)
        self._record = struct.Struct(self.order + "IIII")
        self._word = np.dtype(self.order + "u4")
        self._second = 0
        self.anchor, self.anchor_at = b"\0\0", 0
        self._set_anchor(0)

    def _set_anchor(self, second: int) -> None:
        """Take the upper half of the seconds, the same for 18 hours, as what marks a record."""
        self._second = second
        packed = struct.pack(self.order + "I", second)
        self.anchor_at = 2 if self.order == "<" else 0
        self.anchor = packed[self.anchor_at : self.anchor_at + 2]

    def begin(self, buffer: bytearray, at: int, end: int) -> None:
        """Take the time of the first record as a sample."""
        if at + self.head <= end and self.hop(buffer, at) > 0:
            self._set_anchor(self._record.unpack_from(buffer, at)[0])

    def hop(self, buffer: bytearray, at: int) -> int:
        """Where the record behind the one at ``at`` starts, -1 where that one cannot be."""
        _, _, captured, length = self._record.unpack_from(buffer, at)
        # A packet without a single byte on the wire is none: that is what a hole of zeros in a file looks like.
        return at + 16 + int(captured) if captured <= self.largest and length else -1

    def hops(self, octets: Octets, at: Ints) -> Ints:
        """The same for many records at once."""
        view = np.ndarray((len(octets) - 3,), self._word, octets.data, strides=(1,))
        captured, length = view[at + 8], view[at + 12]
        after: Ints = at + captured + 16
        if captured.max(initial=0) > self.largest or length.min(initial=1) == 0:
            after[(captured > self.largest) | (length == 0)] = NOWHERE
        return after

    def likely(self, buffer: bytearray, at: int) -> int:
        """As hop, of bytes that may be anything."""
        second, fraction, captured, length = self._record.unpack_from(buffer, at)
        good = (
            captured <= self.largest
            and captured <= length <= LARGEST
            and fraction * self.unit < 1_000_000_000
            and abs(second - self._second) <= _DAY
        )
        return at + 16 + captured if good else -1

    def candidates(self, octets: Octets, start: int, end: int) -> Ints:
        """Places whose lengths and fraction of a second could be those of a record."""
        view = np.ndarray((len(octets) - 3,), self._word, octets.data, strides=(1,))
        fraction, captured, length = (view[start + skip : end + skip] for skip in (4, 8, 12))
        good = (captured > 0) & (captured <= self.largest) & (captured <= length) & (length <= LARGEST)
        good &= fraction < 1_000_000_000 // self.unit
        return np.flatnonzero(good) + start

    def attend(self, buffer: bytearray, at: int, end: int) -> int:
        """A record that hop refuses is none."""
        return -1

    def batch(self, buffer: bytearray, octets: Octets, starts: Ints, first: int) -> Batch:
        """A row for each record."""
        captured, wire, time = self._columns(octets, starts)
        self.interface.packets += len(starts)
        return Batch(
            buffer=octets,
            offset=starts + 16,
            captured=captured,
            wire=wire,
            time=time,
            link=np.broadcast_to(np.int64(self.link), starts.shape),
            first=first,
        )

    def _columns(self, octets: Octets, starts: Ints) -> Ints:
        """Captured length, wire length and time of each record."""
        if native is not None:
            columns = np.empty((3, len(starts)), np.int64)
            native.pcap(octets, np.ascontiguousarray(starts), self.native, self.unit, columns)
            return columns
        heads = np.lib.stride_tricks.as_strided(octets, (len(octets) - 15, 16), (1, 1))[starts].view(self._word)
        words = heads.astype(np.int64)
        time = words[:, 0] * 1_000_000_000 + words[:, 1] * self.unit
        return np.stack([words[:, 2], words[:, 3], time])
