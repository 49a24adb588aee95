"""The state of both ends after every segment, by the names of RFC 9293.

https://www.rfc-editor.org/rfc/rfc9293#section-3.3.2 (the states), section 3.10 (what each segment does)

A capture shows segments, not states.  What an end *sends* shows its state; that an end *received* something is
inferred until a later segment of its own acknowledges it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netviz.event import Segment
from netviz.event.tcp import COPY
from netviz.layers.tcp.flags import ACK, FIN, RST, SYN

__all__ = ["UNKNOWN", "States", "follow"]

_HALF, _WORD = 1 << 31, 0xFFFFFFFF

#: The state of an end of which the capture shows nothing.
UNKNOWN = "?"

#: What sending a segment makes of its sender: (state, what is sent) -> state.
_SENDS = {
    ("CLOSED", "SYN"): "SYN-SENT",
    ("LISTEN", "SYN"): "SYN-SENT",
    ("LISTEN", "SYN-ACK"): "SYN-RECEIVED",
    ("CLOSED", "SYN-ACK"): "SYN-RECEIVED",
    ("SYN-SENT", "SYN-ACK"): "SYN-RECEIVED",
    ("SYN-SENT", "data"): "ESTABLISHED",
    ("SYN-RECEIVED", "FIN"): "FIN-WAIT-1",
    ("SYN-SENT", "FIN"): "FIN-WAIT-1",
    ("ESTABLISHED", "FIN"): "FIN-WAIT-1",
    ("CLOSE-WAIT", "FIN"): "LAST-ACK",
}

#: What receiving makes of its receiver: (state, what arrives) -> state.
_RECEIVES = {
    ("LISTEN", "SYN"): "SYN-RECEIVED",
    ("CLOSED", "SYN"): "CLOSED",
    ("SYN-SENT", "SYN"): "SYN-RECEIVED",
    ("SYN-SENT", "SYN-ACK"): "ESTABLISHED",
    ("SYN-RECEIVED", "ack of SYN"): "ESTABLISHED",
    ("ESTABLISHED", "FIN"): "CLOSE-WAIT",
    ("SYN-RECEIVED", "FIN"): "CLOSE-WAIT",
    ("FIN-WAIT-1", "FIN"): "CLOSING",
    ("FIN-WAIT-2", "FIN"): "TIME-WAIT",
    ("FIN-WAIT-1", "ack of FIN"): "FIN-WAIT-2",
    ("CLOSING", "ack of FIN"): "TIME-WAIT",
    ("LAST-ACK", "ack of FIN"): "CLOSED",
}


class _End:
    """One end: its state, and the numbers behind its SYN and its FIN."""

    def __init__(self, state: str, inferred: bool) -> None:
        self.state = state
        self.inferred = inferred
        self.syn: int | None = None
        self.fin: int | None = None
        self.answered = False

    def send(self, segment: Segment) -> None:
        flags = segment.flags
        behind = segment.seq + segment.length + 1 & _WORD
        what = "data"
        if flags & SYN:
            self.syn = segment.seq + 1 & _WORD
            what = "SYN-ACK" if flags & ACK else "SYN"
        elif flags & FIN:
            self.fin = behind
            what = "FIN"
        state = _SENDS.get((self.state, what), self.state)
        if self.state == "ESTABLISHED" and what == "SYN-ACK" and self.answered:
            state = "SYN-RECEIVED"  # it repeats itself: the ACK that made us think otherwise had not arrived
        self.answered |= what == "SYN-ACK"
        self.state, self.inferred = state, False

    def receive(self, segments: Sequence[Segment], index: int) -> None:
        segment = segments[index]
        before = self.state
        flags = segment.flags
        if flags & SYN:
            self._move("SYN-ACK" if flags & ACK and self.state == "SYN-SENT" else "SYN")
            if flags & ACK and self.state == "SYN-RECEIVED" and self._covers(segment, self.syn):
                self._move("ack of SYN")
        if flags & ACK and not flags & SYN and self._covers(segment, self.syn):
            self._move("ack of SYN")
        if flags & ACK and self._covers(segment, self.fin):
            self._move("ack of FIN")
        if flags & FIN:
            self._move("FIN")
        if self.state != before:
            self.inferred = not _confirmed(segments, index)  # looks far ahead, so only where it matters

    def _move(self, what: str) -> None:
        self.state = _RECEIVES.get((self.state, what), self.state)

    @staticmethod
    def _covers(segment: Segment, behind: int | None) -> bool:
        return behind is not None and (segment.ack - behind & _WORD) < _HALF


class States(NamedTuple):
    """The states of client and server, and for each whether it is inferred."""

    names: tuple[str, str]
    inferred: tuple[bool, bool]


def follow(segments: Sequence[Segment]) -> list[States]:
    """The states before the first segment, and after each.

    >>> from netviz.event import Segment
    >>> syn = Segment(1, 0, 0, SYN, 100, 0, 64240, 0, 0, b"")
    >>> rst = Segment(2, 9, 1, RST | ACK, 0, 101, 0, 0, 1, b"")
    >>> [states.names for states in follow([syn, rst])]
    [('CLOSED', 'CLOSED'), ('SYN-SENT', 'CLOSED'), ('CLOSED', 'CLOSED')]
    """
    ends = _start(segments)
    states = [_states(ends)]
    flight: tuple[list[int], list[int]] = ([], [])
    for index, segment in enumerate(segments):
        sender, receiver = ends[segment.side], ends[1 - segment.side]
        if segment.special == COPY:
            states.append(states[-1])
            continue
        if segment.flags & RST:
            sender.state, sender.inferred = "CLOSED", False
            receiver.state, receiver.inferred = "CLOSED", True
            flight[0].clear()
            flight[1].clear()
        else:
            if sender.state != "CLOSED" or segment.flags & SYN:
                sender.send(segment)
            flight[1 - segment.side].append(index)
        for side in (0, 1):
            while flight[side] and _arrived(segments, flight[side][0], index):
                arrived = flight[side].pop(0)
                if ends[side].state not in (UNKNOWN, "CLOSED"):
                    ends[side].receive(segments, arrived)
        states.append(_states(ends))
    return states


def _arrived(segments: Sequence[Segment], index: int, now: int) -> bool:
    """Whether a segment that was sent has arrived by now, as far as later segments tell.

    What the other end sends next shows it: where that does not acknowledge a SYN or a FIN, these were still under way;
    where a copy comes first, this one was lost.  Where nothing follows, it is taken to have arrived.
    """
    segment = segments[index]
    behind = segment.seq + segment.length + bool(segment.flags & (SYN | FIN))
    if not segment.flags & (SYN | FIN):
        return True
    for later in segments[now + 1 :]:
        if later.flags & RST:
            return True
        if later.side != segment.side:
            return bool(later.flags & ACK) and (later.ack - behind & _WORD) < _HALF
        if (later.seq, later.flags & (SYN | FIN)) == (segment.seq, segment.flags & (SYN | FIN)):
            return False
    return True


def _states(ends: tuple[_End, _End]) -> States:
    return States((ends[0].state, ends[1].state), (ends[0].inferred, ends[1].inferred))


def _start(segments: Sequence[Segment]) -> tuple[_End, _End]:
    """The ends before the first segment: an end that answers a SYN was listening, one that resets it was not."""
    first = next((s for s in segments if s.flags & SYN), None)
    if first is None:
        return _End("ESTABLISHED", True), _End("ESTABLISHED", True)
    opener = 1 - first.side if first.flags & ACK else first.side
    reply = next((s for s in segments if s.side != opener), None)
    if reply is None:
        peer = _End(UNKNOWN, True)
    else:
        # A bare SYN in return is a simultaneous open: that end was not listening either.
        absent = reply.flags & RST or reply.flags & (SYN | ACK) == SYN
        peer = _End("CLOSED" if absent else "LISTEN", True)
    ours = _End("CLOSED" if not first.flags & ACK else "SYN-SENT", True)
    return (ours, peer) if opener == 0 else (peer, ours)


def _confirmed(segments: Sequence[Segment], index: int) -> bool:
    """Whether a later segment of the receiver acknowledges this one."""
    segment = segments[index]
    behind = segment.seq + segment.length + bool(segment.flags & (SYN | FIN))
    if behind == segment.seq:
        return False  # nothing in it that could be acknowledged
    return any(
        later.side != segment.side and later.flags & ACK and (later.ack - behind & _WORD) < _HALF
        for later in segments[index + 1 :]
    )
