"""What an end's transmission control block would say, as far as segments on the wire show it: how far a connection is.

https://www.rfc-editor.org/rfc/rfc9293#section-3.3.1

A Block keeps the few segments that decide how its connection began and ended, and counts all of them.  It does not judge:
whoever is told that the connection is over reads what was kept.

`block.c` does the same in C; the tests hold one against the other.
"""

from __future__ import annotations

from collections.abc import Callable

from netviz.event import NO_TIME
from netviz.event.tcp import COPY, NOTHING
from netviz.layers.tcp.flags import ACK, FIN, RST, SYN
from netviz.layers.tcp.traffic import Sender, Sent

__all__ = ["CLOSING", "LINGER", "OPEN", "OPENING", "OVER", "UNANSWERED", "Block", "Listener", "Row"]

_SECOND = 1_000_000_000

#: A connection is let go so long after its end, in ns, so that repeated FINs still find it; one that nobody answers so
#: long after its last SYN (the kernel's own patience is 127 s).
LINGER, UNANSWERED = 1 * _SECOND, 200 * _SECOND

#: How far a connection is.
OPENING, OPEN, CLOSING, OVER = range(4)

#: Segments kept of one connection, and of one that is kept whole; those without SYN, FIN or RST in a row while it opens.
_MOST, _MOST_WHOLE, _PATIENCE = 512, 20_000, 64

_HALF, _WORD = 1 << 31, 0xFFFFFFFF

#: The fields of a `netviz.event.Segment`, before anybody needs their names.
Row = tuple[int, "int | None", int, int, int, int, "int | None", int, int, bytes, int]

#: Looks at payload: its side, sequence number, captured bytes, length on the wire, and whether the side's SYN was seen;
#: true once it has seen enough.
Listener = Callable[[int, int, bytes, int, bool], bool]


class Block:
    """Side 0 is the one that ``flip`` names: the index of its endpoint among both, the lower endpoint code first.

    ``first`` and ``last`` are packets, ``start`` and ``stop`` their times (NO_TIME where they have none); ``opened``
    and ``end`` the packets that decided the handshake and ended the connection (0 until then).  ``counting`` says how much is
    counted: nothing but packets and bytes, or all; ``whole`` that every segment is kept.
    """

    __slots__ = (  # noqa: RUF023 - by meaning
        "flip", "phase", "opener", "first", "last", "start", "stop", "opened", "end", "rows", "dropped", "listener",
        "counting", "whole", "_senders", "_isn", "_answered", "_fin", "_acked", "_due", "_patience", "_begun", "_rtt",
    )  # fmt: skip

    def __init__(self, flip: int, first: int, start: int, listener: Listener | None, counting: bool, whole: bool) -> None:
        self.flip = flip
        self.first = self.last = first
        self.start = self.stop = start
        self.listener = listener
        self.counting = counting
        self.whole = whole
        self.phase = OPENING
        self.opener = -1
        self.opened = self.end = 0
        self.rows: list[Row] = []
        self.dropped = 0
        self._senders = Sender(), Sender()
        self._isn = [-1, -1]
        self._answered = [False, False]
        self._fin = [-1, -1]
        self._acked = [False, False]
        #: Whether a SYN-ACK was repeated, so that one more ACK belongs to the handshake.
        self._due = False
        self._patience = _PATIENCE
        self._begun, self._rtt = NO_TIME, 0

    @property
    def steady(self) -> bool:
        """Whether a segment without SYN, FIN or RST changes nothing but counters."""
        return self.phase == OPEN and not self._due and self.listener is None and not self.counting and not self.whole

    def initial(self, side: int) -> int:
        """The initial sequence number of a side by its own SYN; -1 where none was seen."""
        return self._isn[side]

    def answered(self, side: int) -> bool:
        """Whether a side sent a SYN-ACK."""
        return self._answered[side]

    def traffic(self, side: int) -> tuple[int, ...]:
        """What a side sent: the counters of `netviz.event.Traffic`, then the packet where each was first seen; nothing behind
        packets and bytes where there was nothing special.
        """
        sender = self._senders[side]
        counts = [*sender.counts]
        if not any(sender.firsts):
            return (*counts[:2],)
        counts[7] = sender.lost()
        return *counts, sender.stalled, *sender.firsts

    def departs(self, side: int, flags: int, seq: int, time: int) -> bool:
        """Whether a segment does not belong to it any more: a SYN that opens another connection between these ends, because
        it comes after the end or with another ISN, or something that comes long after the end.
        """
        if not self._senders[0].counts[0] and not self._senders[1].counts[0]:
            return False
        if not flags & SYN:
            return self.phase == OVER and self._silent(time, LINGER)
        known = self._isn[side]
        if flags & ACK:
            # A SYN-ACK belongs to the handshake that runs, even with another number (SYN cookies).  Afterwards another
            # number tells that a new connection has begun, and any number does where the capture joined in the middle.
            return self.opener < 0 or (self.phase != OPENING and known not in (-1, seq))
        if self.phase == OVER:
            return known != seq or max(self._fin) >= 0 or self.opener != side or self._silent(time, LINGER)
        if known < 0:
            return self.phase != OPENING
        return known != seq or (self.phase == OPENING and self._silent(time, UNANSWERED))

    def note(self, packet: int, time: int) -> None:
        """The last segment, and the last time there is."""
        self.last = packet
        if time != NO_TIME:
            self.stop = time

    def add(self, side: int, packets: int, volume: int) -> None:
        """Count segments that change nothing else, and their bytes."""
        counts = self._senders[side].counts
        counts[0] += packets
        counts[1] += volume

    def take(self, sent: Sent, side: int, payload: bytes, options: bytes) -> None:
        """A segment of a side; ``payload`` is only looked at while there is a listener, ``options`` where it may be kept."""
        packet, time, flags, seq, ack, window, length, _ = sent
        ordinal = self._senders[0].counts[0] + self._senders[1].counts[0]
        special = self._count(sent, side)
        self.note(packet, time)
        if special == COPY:
            if self.whole:
                self._keep((packet, _or_none(time), side, flags, seq, ack, _window(window), length, ordinal, b"", special))
            return
        if length and self.listener is not None:
            # Data in a SYN starts one behind its sequence number.
            known = self._isn[side] >= 0 or flags & SYN > 0
            if self.listener(side, seq + (flags >> 1 & 1), payload, length, known):
                self.listener = None
        phase = self.phase
        keep = self._step(packet, side, flags, seq, ack, length)
        self._time(time, side, flags)
        if phase == OPENING != self.phase:
            self.opened = packet
        if keep or self.whole:
            kept = options if phase == OPENING or flags & SYN else b""
            self._keep((packet, _or_none(time), side, flags, seq, ack, _window(window), length, ordinal, kept, special))
        self.end = (self.end or packet) if self.phase == OVER else 0

    def _count(self, sent: Sent, side: int) -> int:
        if self.counting:
            return self._senders[side].send(sent, self._senders[1 - side], self._rtt)
        self._senders[side].counts[0] += 1
        self._senders[side].counts[1] += sent.length
        return NOTHING

    def _keep(self, row: Row) -> None:
        if len(self.rows) < (_MOST_WHOLE if self.whole else _MOST):
            self.rows.append(row)
        else:
            self.dropped += 1

    def _time(self, time: int, side: int, flags: int) -> None:
        """Measure the round trip of the handshake: from the SYN to the first ACK of the same side."""
        if side != self.opener or time == NO_TIME:
            return
        if flags & SYN and not flags & ACK:
            self._begun = time
        elif self._begun != NO_TIME and not self._rtt and self._answered[1 - side]:
            self._rtt = max(time - self._begun, 1)

    def _step(self, packet: int, side: int, flags: int, seq: int, ack: int, length: int) -> bool:
        """How far the connection is after a segment; true where the segment is one of those that decide it."""
        phase = self.phase
        special = flags & (SYN | FIN | RST)
        keep = special > 0
        if special:
            self._patience = _PATIENCE
        elif phase == OPENING:
            keep = self._patience > 0
            self._patience -= keep
        if flags & SYN:
            if self._isn[side] < 0:
                self._isn[side] = seq
            if self.opener < 0:
                self.opener = 1 - side if flags & ACK else side
            if flags & ACK:
                self._answered[side] = True
            self._due = phase == OPEN and flags & ACK > 0
            if phase == OVER and not flags & ACK:
                self.phase = OPENING  # the SYN that was refused is tried again
        elif flags & RST:
            self.phase = OVER
        else:
            if self._due and side == self.opener:
                keep, self._due = True, False
            # The handshake ends with what answers a SYN-ACK; where there was none it was over before the capture.
            if phase == OPENING and (self.opener < 0 or (flags & ACK and self._answered[1 - side])):
                self.phase = OPEN
            if flags & FIN and self._fin[side] < 0:
                self._fin[side] = seq + length + 1 & _WORD
                if phase < CLOSING:
                    self.phase = CLOSING
            if flags & ACK and self._fin[1 - side] >= 0 and self._acknowledge(1 - side, ack):
                keep = True
        return keep

    def _silent(self, time: int, limit: int) -> bool:
        """Whether it was silent for so long that what comes now does not belong to it."""
        return NO_TIME not in (time, self.stop) and time - self.stop > limit

    def _acknowledge(self, side: int, ack: int) -> bool:
        """Note that the FIN of a side is acknowledged; true where this is the first to do so."""
        if self._acked[side] or (ack - self._fin[side] & _WORD) >= _HALF:
            return False
        self._acked[side] = True
        if all(self._acked):
            self.phase = OVER
        return True


def _or_none(time: int) -> int | None:
    return None if time == NO_TIME else time


def _window(window: int) -> int | None:
    return None if window < 0 else window
