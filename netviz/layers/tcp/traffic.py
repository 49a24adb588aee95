"""What one side of a TCP connection sends, counted segment by segment: repeated, out of order, lost, and so on.

https://www.rfc-editor.org/rfc/rfc9293#section-3.8

`native.c` and its neighbours count the same in C; the tests hold one against the other.
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.event import NO_TIME
from netviz.event.tcp import (
    COPY,
    DUPLICATE_ACK,
    GAP,
    KEEP_ALIVE,
    NOTHING,
    OUT_OF_ORDER,
    PROBE,
    RETRANSMISSION,
    ZERO_WINDOW,
)
from netviz.layers.tcp.flags import ACK, FIN, RST, SYN

__all__ = ["COUNTERS", "Sender", "Sent"]

_HALF, _WORD = 1 << 31, 0xFFFFFFFF

#: Times of a capture may lie further apart than 64 bits reach; longer than this, in ns, nothing lasts.
_LONGEST = (1 << 63) - 1

#: A segment further ahead than any window reaches (RFC 7323 section 2.3) tells of another connection, not of a loss.
_FURTHEST = 1 << 30

#: Places with missing bytes that are remembered of a side, and its last segments, to find copies among.
_HOLES, _RECENT = 16, 8

#: The same packet captured twice comes within so many ns; without an IP identification sooner, because then nothing
#: but the bytes themselves tells a copy from a retransmission.  A SYN is never sent again so soon (RFC 6298 section 2).
_COPY_WITHIN, _BARE_COPY_WITHIN = 100_000_000, 500_000

#: What fills a gap sooner than this (or than the round trip), in ns, was overtaken, not sent again.
_OVERTAKEN = 3_000_000

#: Identifications count up; so far apart at most are two that belong together.
_NEAR = 256

#: What is counted of a side, in this order.
COUNTERS = (
    "packets", "bytes", "retransmissions", "out_of_order", "duplicate_acks", "zero_windows", "keep_alives", "lost_bytes",
    "copies",
)  # fmt: skip
(_PACKETS, _BYTES, _RETRANSMISSIONS, _OUT_OF_ORDER, _DUPLICATE_ACKS, _ZERO_WINDOWS, _KEEP_ALIVES, _LOST, _COPIES) = range(9)


class Sent(NamedTuple):
    """A segment as its sender is judged by; ``mark`` as in `netviz.layers.tcp.segment.Segments`."""

    packet: int
    time: int
    flags: int
    seq: int
    ack: int
    window: int
    length: int
    mark: int

    @property
    def identification(self) -> int:
        """That of IPv4; 0 where there is none."""
        return self.mark >> 16


class _Hole(NamedTuple):
    """Bytes that were skipped: where, when that was seen, and the identification of the segment that showed it."""

    start: int
    end: int
    time: int
    ident: int


class Sender:
    """One side: ``counts`` holds what was counted (see COUNTERS), ``firsts`` the packet where each was first seen.

    ``stalled`` is for how many ns it announced no window.
    """

    __slots__ = (
        "_ack", "_alive", "_bare", "_duplicates", "_holes", "_next", "_recent", "_window", "_zero",
        "counts", "firsts", "stalled",
    )  # fmt: skip

    def __init__(self) -> None:
        self.counts = [0] * len(COUNTERS)
        self.firsts = [0] * len(COUNTERS)
        self.stalled = 0
        self._next = self._ack = -1
        self._window = -1
        self._alive = False
        #: Whether all its segments were empty, so that the first may have been a keep-alive, one before the next number.
        self._bare = False
        self._duplicates = 0
        self._zero = NO_TIME
        self._holes: list[_Hole] = []
        self._recent: list[Sent] = []

    def send(self, sent: Sent, peer: Sender, rtt: int) -> int:
        """Count a segment; the answer is what is special about it.  ``rtt`` is the handshake's round trip, in ns."""
        what = self._judge(sent, peer, rtt)
        counts = self.counts
        counts[_PACKETS] += 1
        if what == COPY:
            self._count(_COPIES, sent)
            return what
        counts[_BYTES] += sent.length
        if sent.flags & RST:
            return what  # its numbers are often made up (RFC 9293 section 3.5.2)
        if sent.window == 0 and not sent.flags & SYN:
            self._count(_ZERO_WINDOWS, sent)
            what = what or ZERO_WINDOW
        self._stall(sent)
        self._alive = what in (KEEP_ALIVE, PROBE)
        counter = {RETRANSMISSION: _RETRANSMISSIONS, OUT_OF_ORDER: _OUT_OF_ORDER, DUPLICATE_ACK: _DUPLICATE_ACKS,
                   KEEP_ALIVE: _KEEP_ALIVES}.get(what)  # fmt: skip
        if counter is not None:
            self._count(counter, sent)
        if sent.flags & ACK:
            peer.acknowledged(sent)
            if sent.ack != self._ack:
                self._duplicates = 0
            elif what == DUPLICATE_ACK:
                self._duplicates += 1
            self._ack = sent.ack
        if sent.window >= 0:
            self._window = sent.window
        self._recent.append(sent)
        if len(self._recent) > _RECENT:
            del self._recent[0]
        return what

    def acknowledged(self, by: Sent) -> None:
        """The other side has its bytes up to ``by.ack``: what was not captured of them until now is missing."""
        ahead = _ahead(by.ack, self._next)
        if self._next >= 0 and 0 < ahead <= _FURTHEST:
            if ahead > 1 or not self._bare:
                self._skip(self._next, by.ack, by, 0)
            self._next = by.ack
            self._bare = False

    def lost(self) -> int:
        """How many of its bytes were skipped or acknowledged and never captured."""
        return self.counts[_LOST] + sum(hole.end - hole.start & _WORD for hole in self._holes)

    def _count(self, counter: int, sent: Sent) -> None:
        self.counts[counter] += 1
        self.firsts[counter] = self.firsts[counter] or sent.packet

    def _stall(self, sent: Sent) -> None:
        if sent.time == NO_TIME or sent.window < 0:
            return
        if self._zero != NO_TIME:
            self.stalled = min(self.stalled + max(sent.time - self._zero, 0), _LONGEST)
        self._zero = NO_TIME if sent.window or sent.flags & SYN else sent.time

    def _judge(self, sent: Sent, peer: Sender, rtt: int) -> int:
        _, _, flags, seq, ack, window, length, _ = sent
        if flags & RST:
            return NOTHING
        span = length + (flags >> 1 & 1) + (flags & FIN)
        end = seq + span & _WORD
        if self._next < 0:
            self._next, self._bare = end, not span
            if length <= 1 and not flags & (SYN | FIN) and peer._ack == (seq + 1 & _WORD):
                self._next, self._bare = peer._ack, False
                return KEEP_ALIVE if peer._window else PROBE
            return NOTHING
        ahead = _ahead(seq, self._next)
        if (ahead < 0 if span else ack == self._ack) and self._is_copy(sent, span):
            return COPY
        if abs(ahead) > _FURTHEST or (flags & SYN and ahead > 0):
            for hole in self._holes:
                self._give_up(hole)
            self._next, self._holes = end, []
            return NOTHING
        bare, self._bare = self._bare, self._bare and not span and not ahead
        if ahead > 0:
            self._next, before = end, self._next
            if bare and ahead == 1:
                return NOTHING
            self._skip(before, seq, sent, sent.identification)
            return GAP
        if length <= 1 and not flags & (SYN | FIN) and ahead == -1 and not (length and self._open(peer)):
            return KEEP_ALIVE if peer._window else PROBE
        if not span:
            unchanged = window > 0 and window == self._window and ack == self._ack and flags & ACK and not ahead
            return DUPLICATE_ACK if unchanged and not peer._alive else NOTHING
        if ahead < 0:
            what = self._again(sent, end, peer, rtt)
            if _ahead(end, self._next) > 0:
                self._next = end
            return what
        self._next = end
        return NOTHING

    def _open(self, peer: Sender) -> bool:
        """Whether the byte before the next one is still to come: it was not captured, or the peer, though its window is
        open, has not acknowledged it (RFC 9293 section 3.8.4 allows a keep-alive only where nothing is outstanding).
        """
        if self._holes and self._holes[-1].end == self._next:
            return True
        return peer._window != 0 and peer._ack >= 0 and _ahead(peer._ack, self._next) < 0

    def _is_copy(self, sent: Sent, span: int) -> bool:
        if not sent.identification and not span:
            return False
        limit = _COPY_WITHIN if sent.identification or sent.flags & SYN else _BARE_COPY_WITHIN
        return any(before[2:] == sent[2:] and _since(before.time, sent.time, 0) <= limit for before in self._recent)

    def _skip(self, start: int, end: int, sent: Sent, ident: int) -> None:
        """Note a hole that a segment shows; ``ident`` is its identification, 0 where the other side sent it."""
        self.firsts[_LOST] = self.firsts[_LOST] or sent.packet
        self._holes.append(_Hole(start, end, sent.time, ident))
        if len(self._holes) > _HOLES:
            self._give_up(self._holes.pop(0))

    def _give_up(self, hole: _Hole) -> None:
        self.counts[_LOST] += hole.end - hole.start & _WORD

    def _again(self, sent: Sent, end: int, peer: Sender, rtt: int) -> int:
        """A segment with bytes before the furthest one: sent again, or overtaken by others on its way."""
        filled = None
        holes: list[_Hole] = []
        for hole in self._holes:
            low, high = _ahead(sent.seq, hole.start), _ahead(end, hole.start)
            size = hole.end - hole.start & _WORD
            if high <= 0 or low >= size:
                holes.append(hole)
                continue
            filled = filled or hole
            if low > 0:
                holes.append(hole._replace(end=sent.seq))
            if high < size:
                holes.append(hole._replace(start=end))
        while len(holes) > _HOLES:
            self._give_up(holes.pop(0))
        self._holes = holes
        if filled is None:
            return RETRANSMISSION
        if sent.identification and filled.ident:
            later = (sent.identification - filled.ident + 0x8000 & 0xFFFF) - 0x8000
            if 0 < abs(later) <= _NEAR:
                return OUT_OF_ORDER if later < 0 else RETRANSMISSION
        if peer._duplicates >= 2 and peer._ack == sent.seq:
            return RETRANSMISSION  # a fast retransmit (RFC 5681 section 3.2)
        return OUT_OF_ORDER if _since(filled.time, sent.time, _FURTHEST) < max(rtt, _OVERTAKEN) else RETRANSMISSION


def _ahead(number: int, before: int) -> int:
    return (number - before + _HALF & _WORD) - _HALF


def _since(before: int, now: int, unknown: int) -> int:
    return unknown if NO_TIME in (before, now) else now - before
