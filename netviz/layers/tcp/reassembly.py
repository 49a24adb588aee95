"""Reassembly: from the segments of one direction to its Stream.

https://www.rfc-editor.org/rfc/rfc9293#section-3.4 (sequence numbers), https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.4
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.capture.batch import Ints
from netviz.event import Problem
from netviz.stream import Stream

__all__ = ["MEMORY", "WINDOW", "Reassembly"]

_WORD, _HALF = 0xFFFFFFFF, 1 << 31

#: Beyond the largest window there is (RFC 7323 section 2.3) no segment belongs to the connection.
WINDOW = 1 << 30

#: Segments and bytes that wait for one that is missing; more make it a gap.
_MOST_PENDING, _MOST_BYTES = 1024, 4 << 20

#: What was acknowledged but never seen may still come, where a capture puts packets out of order: so many segments later
#: it is lost.
_TOLERANCE = 64

#: Differing repetitions that are told before somebody has read on.
_MOST_PROBLEMS = 100

#: Bytes kept of what was delivered, to compare with what is sent again.
MEMORY = 4096


class _Piece(NamedTuple):
    """A part of a segment that waits: ``data`` is what was captured of its ``length`` bytes."""

    offset: int
    length: int
    data: bytes
    packet: int
    place: int

    def part(self, start: int, end: int) -> _Piece:
        """Only the bytes between these offsets."""
        at = start - self.offset
        return _Piece(start, end - start, self.data[at : end - self.offset], self.packet, self.place + at)


class Reassembly:
    """Puts the segments of one direction into order.

    Of bytes that came twice the first copy counts.  ``next`` is the sequence number that is due, None as long as no
    segment told; ``smooth`` whether nothing waits, so that a segment which is due can go straight to the Stream.
    """

    __slots__ = ("_acked", "_fin", "_held", "_offset", "_pending", "_since", "_tail", "next", "stream")

    def __init__(self) -> None:
        self.stream = Stream()
        self.next: int | None = None
        self._offset = 0
        self._pending: list[_Piece] = []
        self._held = 0
        self._acked = 0
        self._since = 0
        self._fin: int | None = None
        self._tail = b""

    @property
    def idle(self) -> bool:
        """Whether everything that is known to have been sent was delivered and read."""
        return not (self._pending or self.stream.data or self.stream.gaps or self._acked > self._offset + 1)

    @property
    def smooth(self) -> bool:
        """Whether nothing waits."""
        return not self._pending

    def begin(self, seq: int, *, whole: bool) -> None:
        """The sequence number of the first byte; ``whole`` if that is where the sender began."""
        self.next = seq & _WORD
        self.stream.whole = whole

    def resume(self, seq: int, length: int, acked: int, fin: int | None, tail: bytes) -> None:
        """Go on behind so many bytes that somebody else has read: the number that is due, how many of them the other end
        has, where a FIN ended them, and the last of them.
        """
        self.next, self._offset, self._acked, self._fin, self._tail = seq, length, acked, fin, tail
        self.stream.start = length

    def advance(self, seq: int, data: bytes, lengths: Ints, packets: Ints, places: Ints, times: Ints) -> None:
        """Segments that are due, without anything amiss; ``seq`` is the number behind their last byte."""
        ends = lengths.cumsum() + self._offset
        self.stream.extend(data, ends - lengths, ends, packets, places, times)
        self.next, self._offset = seq, self._offset + len(data)
        self._tail = data[-MEMORY:] if len(data) >= MEMORY else (self._tail + data)[-MEMORY:]

    def finish(self) -> None:
        """The other end says with a FIN that nothing follows."""
        if self._fin is None:
            self._fin = self._offset

    def skip(self, seq: int, data: bytes, start: int, stop: int, rest: int = 0) -> None:
        """Segments that are due, of which somebody else has read the payload: that part of ``data``, but for its ``rest``."""
        self.next = seq
        self._offset += stop - start
        self.stream.start = self._offset - rest
        more = MEMORY - (stop - start)
        self._tail = data[stop - MEMORY : stop] if more <= 0 else self._tail[-more:] + data[start:stop]

    def take(
        self, seq: int, length: int, data: bytes, packet: int, place: int, time: int | None, fin: bool, came: int | None = None
    ) -> None:
        """One segment; ``data`` is what was captured of its ``length`` bytes.

        ``came`` is the packet with which it was there, where that is another one than the one that carried it.
        """
        if self.next is None:
            self.begin(seq, whole=False)
        assert self.next is not None
        offset = self._offset + ((seq - self.next + _HALF & _WORD) - _HALF)
        if offset - self._offset > WINDOW:
            return
        if fin and self._fin is None:
            self._fin = offset + length
        if length and not (length == 1 and offset == self._offset - 1):  # a keep-alive repeats any byte (RFC 9293 3.8.4)
            self._put(_Piece(offset, length, data, packet, place))
            self._flush(packet if came is None else came, time)

    def acknowledged(self, ack: int, packet: int, time: int | None) -> None:
        """The other end has everything before this number; what we never saw of it is lost, once it cannot be late."""
        if self.next is None:
            return
        offset = self._offset + ((ack - self.next + _HALF & _WORD) - _HALF)
        if offset - self._offset <= WINDOW:
            self._acked = max(self._acked, offset)
        if not self._pending:
            return
        late = self._acked >= self._pending[0].offset
        self._since = self._since + 1 if late else 0
        if self._since > _TOLERANCE:
            self._give_up(packet, time)

    def close(self, packet: int, time: int | None) -> None:
        """Nothing comes any more: what waits is delivered, with gaps."""
        while self._pending:
            self._give_up(packet, time)
        missing = max(self._acked - (self._fin is not None and self._acked > self._fin), self._fin or 0) - self._offset
        if missing > 0 and self.next is not None:
            self._miss(missing, cut=False, packet=packet, time=time)

    def in_flight(self) -> int:
        """How many bytes nobody has acknowledged."""
        return max(0, self._offset - max(self._acked, 0))

    def _put(self, piece: _Piece) -> None:
        """Keep what is new of a piece; compare what is not."""
        if piece.offset < self._offset:
            end = min(piece.offset + piece.length, self._offset)
            self._compare(piece.part(piece.offset, end), self._tail, self._offset - len(self._tail))
            if end == piece.offset + piece.length:
                return
            piece = piece.part(end, piece.offset + piece.length)
        fresh = []
        at, stop = piece.offset, piece.offset + piece.length
        for held in self._pending:
            if held.offset >= stop or at >= stop:
                break
            if held.offset + held.length <= at:
                continue
            if held.offset > at:
                fresh.append(piece.part(at, held.offset))
            upto = min(stop, held.offset + held.length)
            self._compare(piece.part(max(at, held.offset), upto), held.data, held.offset)
            at = upto
        if at < stop:
            fresh.append(piece.part(at, stop))
        if fresh:
            self._pending = sorted([*self._pending, *fresh])
            self._held += sum(len(part.data) for part in fresh)

    def _compare(self, piece: _Piece, known: bytes, offset: int) -> None:
        start = max(piece.offset, offset)
        ours = piece.data[start - piece.offset :]
        theirs = known[start - offset : start - offset + len(ours)]
        size = min(len(ours), len(theirs))
        if ours[:size] != theirs[:size] and len(self.stream.problems) < _MOST_PROBLEMS:
            at = next(i for i in range(size) if ours[i] != theirs[i])
            place = piece.place + start - piece.offset + at
            text = (
                f"packet {piece.packet} repeats bytes that were sent before, but they differ (from its byte {place} on): "
                "the first copy counts (RFC 9293 section 3.10.7.4)"
            )
            self.stream.problems.append((start + at, Problem("overlap-differs", text, piece.packet)))

    def _flush(self, packet: int, time: int | None) -> None:
        """Deliver what is due, and while too much waits, what is not."""
        while True:
            done = 0
            for piece in self._pending:
                if piece.offset != self._offset:
                    break
                done += 1
                self._deliver(piece, packet, time)
            if done:
                del self._pending[:done]
                self._since = 0
            if len(self._pending) <= _MOST_PENDING and self._held <= _MOST_BYTES:
                return
            self._skip_hole(packet, time)

    def _deliver(self, piece: _Piece, packet: int, time: int | None) -> None:
        self._held -= len(piece.data)
        if piece.data:
            self.stream.append(piece.data, packet=piece.packet, place=piece.place, ready=packet, time=time)
            self._step(len(piece.data))
            self._tail = (self._tail + piece.data)[-MEMORY:]
        if len(piece.data) < piece.length:
            self._miss(piece.length - len(piece.data), cut=True, packet=packet, time=time)

    def _give_up(self, packet: int, time: int | None) -> None:
        """What is missing will not come: go on behind it."""
        self._skip_hole(packet, time)
        self._flush(packet, time)

    def _skip_hole(self, packet: int, time: int | None) -> None:
        self._miss(self._pending[0].offset - self._offset, cut=False, packet=packet, time=time)
        self._since = 0

    def _miss(self, length: int, *, cut: bool, packet: int, time: int | None) -> None:
        self.stream.miss(length, cut=cut, ready=packet, time=time)
        self._step(length)
        self._tail = b""

    def _step(self, length: int) -> None:
        assert self.next is not None
        self._offset += length
        self.next = self.next + length & _WORD
