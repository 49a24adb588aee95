"""What each kept segment of a connection is, and what it says to the other end, in words.

The numbers are those of RFC 9293 section 3.4: a SYN and a FIN take one number each, ACK names the next one expected.
"""

from __future__ import annotations

from collections.abc import Sequence

from netviz.event import Course, Moment, Segment
from netviz.event.tcp import (
    COPY,
    DUPLICATE_ACK,
    GAP,
    KEEP_ALIVE,
    OUT_OF_ORDER,
    PROBE,
    RETRANSMISSION,
    ZERO_WINDOW,
)
from netviz.layers.tcp.flags import ACK, CWR, ECE, FIN, RST, SYN
from netviz.layers.tcp.state import follow

__all__ = ["read_course"]

_HALF, _WORD = 1 << 31, 0xFFFFFFFF

#: What is special about a segment: its name on the ladder, where it is nothing but data or an ACK, and what it says.
_NAMES = {
    RETRANSMISSION: "sent again", OUT_OF_ORDER: "late", DUPLICATE_ACK: "ACK again", ZERO_WINDOW: "zero window",
    KEEP_ALIVE: "keep-alive", PROBE: "window probe", COPY: "copy",
}  # fmt: skip
_WORDS = {
    OUT_OF_ORDER: "I was overtaken on the way: bytes behind mine came first.",
    DUPLICATE_ACK: "I still wait for byte {ack}; what comes behind it does not help.",
    ZERO_WINDOW: "I have no room left: send nothing more for now.",
    KEEP_ALIVE: "Are you still there?",
    PROBE: "Have you room again?",
    COPY: "The same packet, captured a second time: nobody sent it again.",
}

_MISSING = "What comes before this is not here yet."


def read_course(segments: Sequence[Segment]) -> Course:
    """States, relative numbers and words for the kept segments of one connection."""
    states = follow(segments)
    base = _base(segments)
    seen: set[tuple[int, int, int]] = set()
    telling = SYN | FIN | RST
    fins: list[int | None] = [None, None]
    moments = []
    for index, segment in enumerate(segments):
        side, kind = segment.side, segment.flags & telling
        if kind & SYN:
            kind |= segment.flags & ACK
        own, peer = base[side], base[1 - side]
        seq = segment.seq - (own or 0) & _WORD
        ack = segment.ack - (segment.ack if peer is None else peer) & _WORD if segment.flags & ACK else None
        again = kind > 0 and (side, kind, segment.seq) in seen
        seen.add((side, kind, segment.seq))
        before = states[index].names
        words = _meaning(segment, ack, fins[1 - side], before)
        if again:
            words = f"The same again: {_late(segments, index)}"
        if segment.special in _WORDS:
            words = _WORDS[segment.special].format(ack=ack)
        if segment.flags & FIN:
            fins[side] = segment.seq + segment.length + 1 & _WORD
        elif fins[1 - side] is not None and ack is not None:
            fins[1 - side] = None  # acknowledged once is enough to tell
        after = states[index + 1]
        moments.append(Moment(segment, after.names, after.inferred, seq, ack, _what(segment), words))
    return Course(states[0].names, (base[0], base[1]), tuple(moments))


def _base(segments: Sequence[Segment]) -> list[int | None]:
    """Where each side's numbers start: its SYN; in a capture that begins later, the first number seen or acknowledged."""
    base: list[int | None] = [None, None]
    for segment in segments:
        if segment.flags & SYN and base[segment.side] is None:
            base[segment.side] = segment.seq
    for segment in segments:
        side = segment.side
        if base[side] is None and not (segment.flags & RST and segment.seq == 0):
            base[side] = segment.seq
        if base[1 - side] is None and segment.flags & ACK and not segment.flags & RST:
            base[1 - side] = segment.ack
    return base


def _what(segment: Segment) -> str:
    flags = segment.flags
    if segment.special in _NAMES and (segment.special == COPY or not flags & (SYN | FIN | RST)):
        return _NAMES[segment.special]
    names = [name for bit, name in ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST")) if flags & bit]
    if flags & ACK and (flags & SYN or not names):
        names.append("ACK")
    name = "-".join(names) or "segment"
    if name == "ACK" and segment.length:
        name = "data"
    if flags & SYN and flags & (ECE | CWR):
        name += " ECN"
    return name


def _meaning(segment: Segment, ack: int | None, fin: int | None, states: tuple[str, str]) -> str:
    flags, side = segment.flags, segment.side
    data = f" It already carries {segment.length:,} bytes of data." if segment.length else ""
    if flags & SYN and flags & ACK and ack is not None:
        return f"I heard you (ack = {max(ack - 1, 0)} + 1). My own bytes are counted from {segment.seq}.{data}"
    if flags & SYN:
        return f"May I talk to you? My bytes are counted from {segment.seq}.{data}"
    if flags & RST:
        if states[side] in ("LISTEN", "CLOSED") and states[1 - side] == "SYN-SENT":
            return "Nobody is listening on this port."
        return "I drop this connection at once; whatever was under way is lost."
    sent = f" after {segment.length:,} more bytes" if segment.length else ""
    knows = fin is not None and (segment.ack - fin & _WORD) < _HALF
    if flags & FIN:
        heard = f"I know that you are done (ack = {ack}). So" if knows else "From my side that was all:"
        return f"{heard} I have nothing more to send{sent}."
    if knows:
        return f"I know that you are done (ack = {ack}), and have all of it."
    if "SYN-RECEIVED" in states or states[side] == "SYN-SENT":
        return f"I heard you too (ack = {max((ack or 1) - 1, 0)} + 1). Both directions are open.{data}"
    if segment.special == RETRANSMISSION:
        return f"The same {segment.length:,} bytes again: nobody has acknowledged them."
    if segment.special == GAP:
        return f"{segment.length:,} bytes of data; what comes before them is not here yet." if segment.length else _MISSING
    return f"{segment.length:,} bytes of data." if segment.length else f"I have everything up to here (ack = {ack})."


def _late(segments: Sequence[Segment], index: int) -> str:
    """How long after the last copy of the same segment this one was sent."""
    segment = segments[index]
    for earlier in reversed(segments[:index]):
        if (earlier.side, earlier.seq) == (segment.side, segment.seq) and earlier.flags == segment.flags:
            if earlier.time is None or segment.time is None:
                break
            return f"{(segment.time - earlier.time) / 1e9:.6f} s without the answer that was due."
    return "the answer that was due has not come."
