"""What is wrong with a TCP connection, as located problems.

The kinds are stable words: connection-refused, no-answer, handshake-incomplete, handshake-aborted, icmp-unreachable,
syn-retransmitted, syn-ack-retransmitted, connection-reset, syn-ack-not-captured, segments-omitted; and from the
handshake itself tcp-option-malformed and syn-ack-wrong-number.
"""

from __future__ import annotations

from collections.abc import Sequence

from netviz.event import Closing, Icmp, Problem, Segment
from netviz.layers.tcp.handshake import Handshake

__all__ = ["find_trouble"]


def find_trouble(
    handshake: Handshake, closing: Closing | None, icmp: Sequence[Icmp], segments: Sequence[Segment], omitted: int
) -> tuple[Problem, ...]:
    """All problems of a connection, the one that decides first."""
    found = [_told(error) for error in icmp]
    found += _outcome(handshake, segments)
    repeated = [step for step in handshake.steps if step.retransmission]
    for name, kind in (("SYN", "syn-retransmitted"), ("SYN-ACK", "syn-ack-retransmitted")):
        for side in (0, 1) if repeated else ():
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


def _outcome(handshake: Handshake, segments: Sequence[Segment]) -> list[Problem]:
    steps = handshake.steps
    if handshake.outcome == "partial" or not steps:
        return []
    last = steps[-1].segment
    syns = sum(s.step == "SYN" for s in steps)
    if handshake.outcome == "refused":
        return [Problem("connection-refused", "an RST answered the SYN", last.packet)]
    if handshake.outcome == "unanswered":
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
