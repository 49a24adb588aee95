"""Fragments: the pieces of IP datagrams, put together again.

IPv4: https://www.rfc-editor.org/rfc/rfc791#section-3.2, https://www.rfc-editor.org/rfc/rfc1122#section-3.3.2
IPv6: https://www.rfc-editor.org/rfc/rfc8200#section-4.5, https://www.rfc-editor.org/rfc/rfc5722
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from operator import attrgetter
from typing import NamedTuple

from netviz.capture.batch import Octets
from netviz.notice import Notice

__all__ = ["Cost", "Fragments", "Header", "Origin", "Part", "Whole", "cut", "read_fragment"]

#: How long a datagram waits for its pieces, in ns of the capture's own time.  RFC 791 proposed 15 s for IPv4; RFC 1122 asks
#: for 60 s at least, which is what RFC 8200 says for IPv6.
_PATIENCE = 60_000_000_000

#: A piece that comes again so soon after its datagram was complete, in ns, is a copy of it and begins no new datagram.
_ECHO = 1_000_000_000

#: Datagrams that wait, and those that are remembered; bytes and pieces of all that wait; pieces of one that is remembered.
_MOST, _MOST_BYTES, _MOST_PIECES, _MOST_REMEMBERED = 1024, 16 << 20, 16_384, 64

#: Pieces of one IPv4 datagram that may lie over others: each is held against all of them.
_MOST_OVERLAPS = 16

#: The longest IPv4 packet, and the most that may follow the header of an IPv6 packet.
_LARGEST = 65_535

_MISSING = "ip-fragment", "with a piece of an IP datagram of which another piece is missing: not decoded"
_CROWDED = "ip-fragment", "with a piece of an IP datagram, of which too many wait for other pieces at once: not decoded"
_DIFFERENT = "ip-fragment-overlap", "with a piece of an IPv4 datagram that contradicts a piece before it: the first one counts"
_TANGLED = (
    "ip-fragment-overlap",
    f"with a piece of an IP datagram whose pieces overlap: not decoded (of IPv6 none may, RFC 8200 section 4.5; of IPv4 "
    f"{_MOST_OVERLAPS} are put up with)",
)
_WRONG = "ip-malformed", "with a piece of an IP datagram in a place or of a length that cannot be right: not decoded"

#: The extension header that counts its length in words of four bytes (RFC 4302 section 2.2).
_AUTHENTICATION = 51

_Kind = tuple[str, str]
_Mark = tuple[int, int, int]


class Header(NamedTuple):
    """What the IP header of a fragment says: which datagram it belongs to, where in that, whether more follow, and the
    header of the whole one, with lengths that are still those of the piece.
    """

    key: tuple[bytes, ...]
    at: int
    more: bool
    header: bytes


class Origin(NamedTuple):
    """So many bytes from ``at`` on came from this place in this packet."""

    at: int
    length: int
    packet: int
    place: int


class Cost(NamedTuple):
    """What the headers of a packet take in front of the piece that it carries: names and lengths."""

    packet: int
    headers: tuple[tuple[str, int], ...]


class Part(NamedTuple):
    """A piece of a datagram: ``data`` is what was captured of its ``length`` bytes, ``origins`` count from its beginning,
    ``costs`` are of its packet (or packets, where that had come in pieces as well).
    """

    at: int
    length: int
    data: bytes
    origins: tuple[Origin, ...]
    costs: tuple[Cost, ...]

    def cut(self, start: int, stop: int) -> Part:
        """Only what lies between these places of the datagram."""
        first, last = start - self.at, stop - self.at
        origins = tuple(origin._replace(at=origin.at - first) for origin in cut(self.origins, first, last))
        return Part(start, stop - start, self.data[first:last], origins, self.costs)


class Whole(NamedTuple):
    """A datagram put together: its bytes behind a header of its own, its length on the wire, where its bytes came from
    (counted from the beginning of that header), and what its packets cost.
    """

    data: bytes
    wire: int
    origins: tuple[Origin, ...]
    costs: tuple[Cost, ...]


class _Datagram:
    """A datagram that waits: its pieces in order, none over another; ``size`` is None until the last one came."""

    __slots__ = ("count", "discarded", "first", "have", "header", "held", "overlaps", "pieces", "seen", "since", "size")

    def __init__(self, since: int | None, packet: int) -> None:
        self.since = since
        self.first = packet
        self.count = 0
        self.pieces: list[Part] = []
        #: Which pieces came: place, length, and a hash of the bytes.
        self.seen: set[_Mark] = set()
        self.have = self.held = self.overlaps = 0
        self.size: int | None = None
        self.header = b""
        self.discarded = False

    def accepts(self, part: Part, *, more: bool) -> tuple[bool, bool]:
        """Whether a piece agrees with what is known of the end, and whether it lies over another one."""
        at, end, pieces, size = part.at, part.at + part.length, self.pieces, self.size
        furthest = pieces[-1].at + pieces[-1].length if pieces else 0
        fits = (size is None or end == size or (more and end < size)) and (more or end >= furthest)
        index = bisect_left(pieces, at, key=_place)
        over = index > 0 and pieces[index - 1].at + pieces[index - 1].length > at
        return fits, over or (index < len(pieces) and pieces[index].at < end)


class Fragments:
    """Give it pieces in the order of the capture; it answers with datagrams that are complete.  `close` tells of the rest."""

    __slots__ = ("_done", "_held", "_notices", "_pieces", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[tuple[bytes, ...], _Datagram] = {}
        self._done: dict[tuple[bytes, ...], tuple[int | None, set[_Mark]]] = {}
        self._held = self._pieces = 0
        self._notices: dict[_Kind, tuple[int, int]] = {}

    def take(self, head: Header, part: Part, packet: int, time: int | None) -> Whole | None:
        """One piece, which a packet carried at this time; the whole datagram, where it is the last one that was missing."""
        key, at, more, header = head
        six = header[0] >> 4 == 6
        end = at + part.length
        if part.length <= 0 or (more and part.length % 8) or not _has_room(header, end):
            self._tell(_WRONG, 1, packet)
            return None
        mark = at, part.length, hash(part.data)
        before = self._done.get(key)
        if before is not None and mark in before[1] and not _over(before[0], time, _ECHO):
            return None
        datagram = self._waiting_for(key, packet, time)
        datagram.count += 1
        if datagram.discarded or mark in datagram.seen:
            return None  # the same piece once more is no overlap, for IPv6 neither (RFC 8200 section 4.5)
        datagram.seen.add(mark)
        self._pieces += 1
        fits, over = datagram.accepts(part, more=more)
        datagram.overlaps += over
        if (six and (over or not fits)) or datagram.overlaps > _MOST_OVERLAPS:
            self._discard(datagram)
            return None
        if not at and fits:
            datagram.header = datagram.header or header
        if not fits or self._fill(datagram, part):
            self._tell(_DIFFERENT, 1, packet)
        if fits and not more:
            datagram.size = end
        return self._complete(key, datagram, time) if datagram.have == datagram.size else None

    def close(self) -> list[Notice]:
        """What was not put together: the capture is over."""
        for key in list(self._waiting):
            self._drop(key, _MISSING)
        notices = [Notice(*kind, count, packet) for kind, (count, packet) in self._notices.items()]
        self._notices.clear()
        return notices

    def _fill(self, datagram: _Datagram, part: Part) -> bool:
        """Put what is new of a piece between those that came; true where the rest of it differs from them."""
        at, stop, pieces = part.at, part.at + part.length, datagram.pieces
        differs = False
        fresh = []
        first, last = max(bisect_left(pieces, at, key=_place) - 1, 0), bisect_left(pieces, stop, key=_place)
        for known in pieces[first:last]:
            if known.at + known.length <= at:
                continue
            if known.at > at:
                fresh.append(part.cut(at, known.at))
            upto = min(stop, known.at + known.length)
            start = max(at, known.at)
            ours, theirs = part.cut(start, upto).data, known.cut(start, upto).data
            size = min(len(ours), len(theirs))
            differs = differs or ours[:size] != theirs[:size]
            at = upto
        if at < stop:
            fresh.append(part.cut(at, stop))
        for piece in fresh:
            self._put(datagram, piece)
        return differs

    def _put(self, datagram: _Datagram, part: Part) -> None:
        datagram.pieces.insert(bisect_left(datagram.pieces, part.at, key=_place), part)
        datagram.have += part.length
        datagram.held += len(part.data)
        self._held += len(part.data)

    def _complete(self, key: tuple[bytes, ...], datagram: _Datagram, time: int | None) -> Whole | None:
        self._forget(key)
        header, size = datagram.header, datagram.have
        if not _has_room(header, size):
            self._tell(_WRONG, datagram.count, datagram.first)
            return None
        if len(datagram.seen) <= _MOST_REMEMBERED:
            self._done.pop(key, None)
            self._done[key] = time, datagram.seen
            if len(self._done) > _MOST:
                del self._done[next(iter(self._done))]
        data, origins = bytearray(_completed(header, size)), list[Origin]()
        for part in datagram.pieces:
            origins += [origin._replace(at=len(data) + origin.at) for origin in part.origins]
            data += part.data
            if len(part.data) < part.length:
                break  # cut by the snapshot length: what is behind has no place without it
        costs = {cost.packet: cost for part in datagram.pieces for cost in part.costs}
        return Whole(bytes(data), len(header) + size, tuple(origins), tuple(costs.values()))

    def _discard(self, datagram: _Datagram) -> None:
        """None of its pieces counts, nor those that are still to come (RFC 5722 section 4)."""
        datagram.discarded = True
        self._held -= datagram.held
        self._pieces -= len(datagram.seen)
        datagram.held = datagram.have = 0
        datagram.pieces.clear()
        datagram.seen.clear()

    def _waiting_for(self, key: tuple[bytes, ...], packet: int, time: int | None) -> _Datagram:
        """The datagram of a piece; those that waited too long go, and while there is too much the oldest."""
        while self._waiting:
            first, oldest = next(iter(self._waiting.items()))
            if _over(oldest.since, time, _PATIENCE):
                self._drop(first, _MISSING)
            elif len(self._waiting) < _MOST + (key in self._waiting) and not self._full:
                break
            else:
                self._drop(first, _CROWDED)
        datagram = self._waiting.get(key)
        if datagram is not None and not _over(datagram.since, time, _PATIENCE):
            return datagram
        if datagram is not None:
            self._drop(key, _MISSING)
        self._waiting[key] = datagram = _Datagram(time, packet)
        return datagram

    @property
    def _full(self) -> bool:
        return self._held > _MOST_BYTES or self._pieces > _MOST_PIECES

    def _drop(self, key: tuple[bytes, ...], why: _Kind) -> None:
        datagram = self._forget(key)
        self._tell(_TANGLED if datagram.discarded else why, datagram.count, datagram.first)

    def _forget(self, key: tuple[bytes, ...]) -> _Datagram:
        datagram = self._waiting.pop(key)
        self._held -= datagram.held
        self._pieces -= len(datagram.seen)
        return datagram

    def _tell(self, kind: _Kind, count: int, packet: int) -> None:
        before = self._notices.get(kind)
        self._notices[kind] = (count, packet) if before is None else (before[0] + count, min(before[1], packet))


def read_fragment(buffer: Octets, version: int, ip: int, start: int) -> Header:
    """Read the IP header at ``ip`` of a piece whose data starts at ``start``."""
    if version == 4:
        header = buffer[ip:start].tobytes()
        field = int.from_bytes(header[6:8], "big")
        # Which datagram it is: both addresses, the protocol, the number that the sender gave (RFC 791 section 3.2).
        key = header[12:20], header[9:10], header[4:6]
        return Header(key, (field & 0x1FFF) * 8, bool(field & 0x2000), header)
    whole = bytearray(buffer[ip:start].tobytes())
    field = int.from_bytes(whole[-6:-4], "big")
    # The header that announces the fragment header announces what that one does: walk up to it.
    announcing, at = 6, 40
    while at < len(whole) - 8:
        kind, announcing = whole[announcing], at
        at += (whole[at + 1] + 2) * 4 if kind == _AUTHENTICATION else (whole[at + 1] + 1) * 8
    whole[announcing] = whole[-8]
    return Header((bytes(whole[8:40]), bytes(whole[-4:])), field & 0xFFF8, bool(field & 1), bytes(whole[:-8]))


def cut(origins: tuple[Origin, ...], start: int, stop: int) -> list[Origin]:
    """Where the bytes between two places came from."""
    found = []
    for at, length, packet, place in origins:
        first, last = max(at, start), min(at + length, stop)
        if first < last:
            found.append(Origin(first, last - first, packet, place + first - at))
    return found


def _completed(header: bytes, size: int) -> bytes:
    """A header that says what follows it is the whole datagram."""
    whole = bytearray(header)
    if header[0] >> 4 == 4:
        struct.pack_into("!H", whole, 2, len(header) + size)
        struct.pack_into("!H", whole, 6, 0)
    else:
        struct.pack_into("!H", whole, 4, len(header) - 40 + size)
    return bytes(whole)


def _has_room(header: bytes, size: int) -> bool:
    """Whether an IP packet can be so long."""
    return len(header) - (40 if header[0] >> 4 == 6 else 0) + size <= _LARGEST


def _over(since: int | None, now: int | None, limit: int) -> bool:
    return since is not None and now is not None and now - since > limit


_place = attrgetter("at")
