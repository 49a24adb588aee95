"""What is wrong with a TCP connection, as located problems.

The kinds are stable words: connection-refused, no-answer, handshake-incomplete, handshake-aborted, icmp-unreachable,
syn-retransmitted, syn-ack-retransmitted, connection-reset, syn-ack-not-captured, segments-omitted; from the handshake
itself tcp-option-malformed and syn-ack-wrong-number; and of the traffic where it hurts lost-bytes, retransmissions,
out-of-order, zero-window, captured-twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from netviz.event import SIDES, Closing, Icmp, Problem, Segment, Traffic
from netviz.layers.tcp.handshake import Handshake
from netviz.quantity import plural, span

__all__ = ["find_trouble", "traffic_problems"]

#: Repetitions and disorder are told where there are at least so many, and one in so many of the segments of that side.
_SOME, _ONE_IN = 2, 100

#: An end that has no room left stops the other; for so long, in ns, before somebody notices.
_NOTICED = 200_000_000


def find_trouble(
    handshake: Handshake, closing: Closing | None, icmp: Sequence[Icmp], segments: Sequence[Segment], omitted: int
) -> tuple[Problem, ...]:
    """All problems of a connection, the one that decides first."""
    found = [_told(error) for error in icmp]
    found += _outcome(handshake, segments)
    repeated = [step for step in handshake.steps if step.retransmission]
    for name, kind in (("SYN", "syn-retransmitted"), ("SYN-ACK", "syn-ack-retransmitted")) if repeated else ():
        for side in (0, 1):
            copies = [s.segment for s in handshake.steps if s.step == name and s.segment.side == side]
            again = [s.segment for s in repeated if s.step == name and s.segment.side == side]
            if again:
                text = f"the {name} was sent {len(copies)} times{_span(copies[0], again[-1])}"
                found.append(Problem(kind, text, again[0].packet))
    if closing is not None and closing.how == "reset":
        found.append(Problem("connection-reset", f"the {closing.by} reset the connection (RST)", closing.packets[-1]))
    found += handshake.problems
    if omitted:
        text = f"{omitted:,} more segments with SYN, FIN or RST are counted but not kept"
        found.append(Problem("segments-omitted", text, segments[-1].packet))
    return tuple(found)


def traffic_problems(traffic: tuple[Traffic, Traffic], handshake: Handshake) -> tuple[Problem, ...]:
    """What went wrong on the way of the segments of both sides, where it hurts; each names the packet where it began."""
    if not any(traffic[0].firsts) and not any(traffic[1].firsts):
        return ()
    found: list[Problem] = []
    for side, sent in zip(SIDES, traffic, strict=True):
        first = Traffic._make((*sent.firsts, 0, ()))
        of = f"of {plural(sent.packets, 'segment')} of the {side}"
        least = max(_SOME, sent.packets // _ONE_IN)
        # What is repeated of a handshake is told by name.
        again = sent.retransmissions - sum(s.retransmission and SIDES[s.segment.side] == side for s in handshake.steps)
        if sent.lost_bytes:
            text = f"{plural(sent.lost_bytes, 'byte')} of the {side} are not in the capture"
            found.append(Problem("lost-bytes", text, first.lost_bytes))
        if again >= least:
            found.append(Problem("retransmissions", f"{again:,} {of} had to be sent again", first.retransmissions))
        if sent.out_of_order >= least:
            found.append(Problem("out-of-order", f"{sent.out_of_order:,} {of} came out of order", first.out_of_order))
        if sent.stalled >= _NOTICED:
            text = f"the {side} had no room left for {span(sent.stalled)}: its program did not read"
            found.append(Problem("zero-window", text, first.zero_windows))
    copies, segments = (sum(counts) for counts in zip(*((t.copies, t.packets) for t in traffic), strict=True))
    if copies:
        text = f"{copies:,} of {plural(segments, 'segment')} are in the capture twice: copies, not sent again"
        found.append(Problem("captured-twice", text, min(t.firsts[-1] for t in traffic if t.copies)))
    return tuple(found)


def _outcome(handshake: Handshake, segments: Sequence[Segment]) -> list[Problem]:
    steps = handshake.steps
    if handshake.outcome == "partial" or not steps:
        return []
    last = steps[-1].segment
    if handshake.outcome == "refused":
        return [Problem("connection-refused", "an RST answered the SYN", last.packet)]
    if handshake.outcome == "unanswered":
        syns = sum(s.step == "SYN" for s in steps)
        times = "once" if syns == 1 else f"{syns} times"
        return [Problem("no-answer", f"the SYN was sent {times}; no segment came back", last.packet)]
    if handshake.outcome == "incomplete":
        return [Problem("handshake-incomplete", "the server answered, but the last ACK never came", last.packet)]
    if handshake.outcome == "aborted":
        who = "server" if last.side else "client"
        return [Problem("handshake-aborted", f"the {who} reset the connection before it was established", last.packet)]
    if handshake.inferred and not any(segment.side == 1 for segment in segments):
        return [Problem("syn-ack-not-captured", "only what the client sent is in the capture", last.packet)]
    return []


def _told(error: Icmp) -> Problem:
    kind = "icmp-unreachable" if error.type == (3 if error.version == 4 else 1) else "icmp-error"
    return Problem(kind, f"{error.sender} answered by ICMP: {error.meaning}", error.packet)


def _span(first: Segment, last: Segment) -> str:
    if first.time is None or last.time is None:
        return ""
    return f", the last {(last.time - first.time) / 1e9:.6f} s after the first"
