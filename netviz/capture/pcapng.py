"""pcapng files: sections of blocks, each of which says its length at both ends.

https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints, Octets
from netviz.capture.metadata import Interface, Metadata
from netviz.capture.records import LARGEST
from netviz.capture.walk import NOWHERE
from netviz.event import CaptureProblem, Problem

__all__ = ["MAGIC", "Pcapng"]

#: The type of a Section Header Block, the same in both byte orders, and its byte-order magic.
MAGIC = b"\x0a\x0d\x0d\x0a"
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}

_IDB, _OPB, _SPB, _NRB, _ISB, _EPB, _DSB = 1, 2, 3, 4, 5, 6, 10
_SHB = 0x0A0D0D0A
_KNOWN = frozenset({_IDB, _OPB, _SPB, _NRB, _ISB, _EPB, _DSB, _SHB})

#: Where a packet's bytes start in its block, and what the block adds to them in all.
_BEFORE = {_EPB: 28, _OPB: 28, _SPB: 12}
_AROUND = {_EPB: 32, _OPB: 32, _SPB: 16}

#: The link type of packets whose interface the file does not describe.
UNDESCRIBED = -1


class Pcapng:
    """The format of one pcapng file; starts without a section, the first block brings it."""

    head = 8
    anchor_at = 0
    largest = LARGEST

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.interfaces: list[Interface] = []
        self._end = 0
        self._set_order("<")

    def _set_order(self, order: str) -> None:
        self.order = order
        self.native = 2 if order == "<" else 3
        self.anchor = struct.pack(order + "I", _EPB)
        self._head = struct.Struct(order + "II")
        self._word = np.dtype(order + "u4")
        self._half = np.dtype(order + "u2")

    def begin(self, buffer: bytearray, at: int, end: int) -> None:
        """Note how far there are bytes: beyond, the length at the end of a block cannot be compared."""
        self._end = end

    def hop(self, buffer: bytearray, at: int) -> int:
        """Where the block behind the one at ``at`` starts; -1 for a section header, or where the lengths differ."""
        kind, length = self._head.unpack_from(buffer, at)
        if kind == _SHB or length < 12 or length % 4 or length > LARGEST:
            return -1
        after: int = at + length
        if after <= self._end and buffer[after - 4 : after] != buffer[at + 4 : at + 8]:
            return -1
        return after

    def hops(self, octets: Octets, at: Ints) -> Ints:
        """The same for many blocks at once."""
        words = np.ndarray((len(octets) - 3,), self._word, octets.data, strides=(1,))
        length = words[at + 4].astype(np.int64)
        good = (words[at] != _SHB) & (length >= 12) & (length & 3 == 0) & (length <= len(octets))
        after = at + length
        tail = np.minimum(after - 4, len(octets) - 4)
        good &= words[tail] == length
        after[~good] = NOWHERE
        return after

    def likely(self, buffer: bytearray, at: int) -> int:
        """As hop, of bytes that may be anything."""
        kind, length = self._head.unpack_from(buffer, at)
        if kind not in _KNOWN or length < 12 or length % 4 or length > LARGEST:
            return -1
        after: int = at + length
        return after if after > self._end or buffer[after - 4 : after] == buffer[at + 4 : at + 8] else -1

    def candidates(self, octets: Octets, start: int, end: int) -> Ints:
        """Places where a block of a known type could start."""
        view = np.ndarray((len(octets) - 3,), self._word, octets.data, strides=(1,))
        kind, length = view[start:end], view[start + 4 : end + 4]
        good = (kind <= _DSB) & (kind > 0) & (length >= 12) & (length <= LARGEST) & (length & 3 == 0)
        return np.flatnonzero(good) + start

    def attend(self, buffer: bytearray, at: int, end: int) -> int:
        """A section header: the byte order from here on, and no interfaces yet."""
        if end - at < 12:
            return 0 if buffer[at : at + 4] == MAGIC[: end - at] else -1
        order = _ORDERS.get(bytes(buffer[at + 8 : at + 12]))
        if buffer[at : at + 4] != MAGIC or order is None:
            return -1
        (length,) = struct.unpack_from(order + "I", buffer, at + 4)
        if length < 28 or length % 4 or length > LARGEST:
            return -1
        if at + length > end:
            return 0
        self._set_order(order)
        self.interfaces = []
        self.metadata.section(order, bytes(buffer[at + 8 : at + length - 4]))
        return at + int(length)

    def batch(self, buffer: bytearray, octets: Octets, starts: Ints, first: int) -> Batch:
        """A row for each packet block; the other blocks go to the metadata."""
        words = np.ndarray((len(octets) - 3,), self._word, octets.data, strides=(1,))
        kind = words[starts]
        is_packet = kind == _EPB
        if not is_packet.all():
            is_packet |= (kind == _OPB) | (kind == _SPB)
            for start in starts[~is_packet].tolist():
                self._other(buffer, start)
            starts, kind = starts[is_packet], kind[is_packet]
        if not len(starts):
            return Batch.empty(first)
        fields = np.lib.stride_tricks.as_strided(octets, (len(octets) - 27, 28), (1, 1))[starts].view(self._word)
        fields = fields.astype(np.int64)
        length, interface, captured, wire = fields[:, 1], fields[:, 2], fields[:, 5], fields[:, 6]
        stamp = fields[:, 3].astype(np.uint64) << np.uint64(32) | fields[:, 4].astype(np.uint64)
        offset, room = starts + 28, length - 32
        timed = None
        if not (kind == _EPB).all():
            old, simple = kind == _OPB, kind == _SPB
            interface[old] = np.ndarray((len(octets) - 1,), self._half, octets.data, strides=(1,))[starts[old] + 8]
            offset[simple], room[simple] = starts[simple] + 12, length[simple] - 16
            wire[simple], interface[simple] = fields[simple, 2], 0
            snaplen = (self.interfaces[0].snaplen if self.interfaces else 0) or LARGEST
            captured[simple] = np.minimum(np.minimum(wire[simple], snaplen), room[simple])
            timed = ~simple
        problems = self._claims(captured, room, first)
        time, link = self._per_interface(interface, stamp)
        if timed is not None:
            time[~timed] = NO_TIME
        commented = np.flatnonzero((room - captured >= 8) & (kind == _EPB))
        for row in commented.tolist():
            body = bytes(buffer[int(offset[row] + (captured[row] + 3 & ~3)) : int(starts[row] + length[row]) - 4])
            self.metadata.packet_comment(self.order, first + row, body)
        return Batch(buffer=octets, offset=offset, captured=captured, wire=wire, time=time, link=link, first=first,
                     problems=problems, secrets=self.metadata.secrets)  # fmt: skip

    def _claims(self, captured: Ints, room: Ints, first: int) -> tuple[CaptureProblem, ...]:
        """Cut back packets that claim more bytes than their block holds, and say so."""
        beyond = np.flatnonzero(captured > np.maximum(room, 0))
        if not len(beyond):
            return ()
        captured[beyond] = np.maximum(room[beyond], 0)
        packet = first + int(beyond[0])
        text = f"{len(beyond)} packet(s) claim more bytes than their block holds, the first is packet {packet}"
        return (CaptureProblem(packets=(packet,), time=None, count=len(beyond),
                               problems=(Problem("block-too-short", text, packet),)),)  # fmt: skip

    def _other(self, buffer: bytearray, start: int) -> None:
        kind, length = self._head.unpack_from(buffer, start)
        body = bytes(buffer[start + 8 : start + length - 4])
        if kind == _IDB:
            self.interfaces.append(self.metadata.interface(self.order, body))
        elif kind == _NRB:
            self.metadata.resolved(self.order, body)
        elif kind == _ISB:
            self.metadata.counted(self.order, body, self.interfaces)
        elif kind == _DSB:
            self.metadata.secret(self.order, body)

    def _per_interface(self, interface: Ints, stamp: NDArray[np.uint64]) -> tuple[Ints, Ints]:
        """Time in ns and link type of each packet."""
        if len(self.interfaces) == 1 and not interface.any():
            only = self.interfaces[0]
            only.packets += len(stamp)
            return _nanoseconds(stamp, only), np.broadcast_to(np.int64(only.link), stamp.shape)
        time, link = np.full(len(stamp), NO_TIME), np.full(len(stamp), UNDESCRIBED)
        for number in np.unique(interface).tolist():
            if number < len(self.interfaces):
                rows = interface == number
                time[rows] = _nanoseconds(stamp[rows], self.interfaces[number])
                link[rows] = self.interfaces[number].link
                self.interfaces[number].packets += int(np.count_nonzero(rows))
        return time, link


def _nanoseconds(stamp: NDArray[np.uint64], interface: Interface) -> Ints:
    """Units of if_tsresol since 1970 as ns, if_tsoffset added."""
    power = interface.resolution & 0x7F
    if interface.resolution & 0x80:
        # Powers of two finer than 2^-32 s are cut to it first: the fraction times 10^9 must fit 64 bits.
        fine = min(power, 63)
        second = stamp >> np.uint64(fine)
        fraction = stamp & np.uint64((1 << fine) - 1)
        keep = min(fine, 32)
        fraction = (fraction >> np.uint64(fine - keep)) * np.uint64(10**9) >> np.uint64(keep)
        time = second * np.uint64(10**9) + fraction
    elif power <= 9:
        time = stamp * np.uint64(10 ** (9 - power))
    else:
        time = stamp // np.uint64(10 ** min(power - 9, 19))
    return time.astype(np.int64) + np.int64(np.clip(interface.offset, -(2**33), 2**33) * 10**9)
