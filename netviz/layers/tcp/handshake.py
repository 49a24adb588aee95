"""The TCP handshake: its steps, what came of it, and the round trips it measures.

https://www.rfc-editor.org/rfc/rfc9293#section-3.5
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from netviz.event import Outcome, Problem, Rtt, Segment, Step
from netviz.layers.tcp.flags import ACK, CWR, ECE, FIN, RST, SYN
from netviz.layers.tcp.options import decode_options

__all__ = ["Handshake", "read_handshake"]

_WORD = 0xFFFFFFFF

#: The flags that tell one step from another.
_TELLING = SYN | ACK | FIN | RST

StepName = Literal["SYN", "SYN-ACK", "ACK", "RST"]


class Handshake(NamedTuple):
    """What the first segments of a connection say.

    ``ends`` is how many segments belong to it and to nothing else (its last ACK may be a FIN as well), ``inferred``
    whether the outcome was concluded from later ones.
    """

    outcome: Outcome
    steps: tuple[Step, ...]
    rtt: Rtt
    simultaneous: bool
    split: bool
    inferred: bool
    ends: int
    problems: tuple[Problem, ...]


def read_handshake(segments: Sequence[Segment]) -> Handshake:
    """Judge the kept segments of one connection, in the order of the capture."""
    if (usual := _usual(segments)) is not None:
        return usual
    steps, ends = _steps(segments)
    client_syn = next((s for s in steps if s.step == "SYN" and s.segment.side == 0), None)
    server_syn = next((s for s in steps if s.step == "SYN" and s.segment.side == 1), None)
    both = client_syn is not None and server_syn is not None
    # In a split handshake the server acknowledges first and sends a bare SYN of its own later; where both ends open at
    # once each answers the other's SYN with a SYN-ACK (RFC 9293 section 3.5, figure 8).
    answered = any(s.step == "SYN-ACK" and s.segment.side == 1 for s in steps)
    acknowledged_first = server_syn is not None and any(
        s.side == 1 and not s.flags & (SYN | RST) and s.packet < server_syn.segment.packet for s in segments[:ends]
    )
    split = both and (acknowledged_first or not answered)
    outcome, inferred = _outcome(segments, steps, client_syn, split)
    rtt = _rtt(steps, simultaneous=both and not split) if outcome == "established" or len(steps) > 1 else Rtt()
    return Handshake(outcome, tuple(steps), rtt, both and not split, split, inferred, ends, _problems(steps))


def _usual(segments: Sequence[Segment]) -> Handshake | None:
    """SYN, SYN-ACK, ACK and nothing repeated: most connections, judged in a third of the time; None for all others."""
    if len(segments) < 3:
        return None
    # Unpacked at once: to ask a tuple for one of its names takes as long.
    syn, answer, ack = segments[:3]
    _, start, asking, asked = syn[:4]
    _, middle, answering, answered = answer[:4]
    _, stop, ending, ended = ack[:4]
    if (
        asking
        or not answering
        or ending
        or asked & _TELLING != SYN
        or answered & _TELLING != SYN | ACK
        or ended & (_TELLING ^ FIN) != ACK
        or [1 for segment in segments[3:] if segment[3] & SYN]
    ):
        return None
    steps = _step("SYN", syn, False), _step("SYN-ACK", answer, False), _step("ACK", ack, False)
    amiss = steps[0][2].problem or steps[1][2].problem or steps[2][2].problem or not _acknowledges(answer[5], syn)
    rtt = Rtt(
        None if start is None or middle is None else middle - start,
        None if middle is None or stop is None else stop - middle,
        None if start is None or middle is None or stop is None else stop - start,
    )
    return Handshake("established", steps, rtt, False, False, False, 2 if ended & FIN else 3,
                     _problems(steps) if amiss else ())  # fmt: skip


def _step(name: StepName, segment: Segment, again: bool) -> Step:
    congestion = segment.flags & (ECE | CWR)
    ecn = congestion == (ECE | CWR) if name == "SYN" else name == "SYN-ACK" and congestion == ECE
    return Step(name, segment, decode_options(segment.options), ecn, again)


def _steps(segments: Sequence[Segment]) -> tuple[list[Step], int]:
    """The steps, and how many of the segments the handshake takes: up to the last ACK, or the RST that ends it."""
    steps: list[Step] = []
    seen: set[tuple[int, StepName, int]] = set()
    answers = [0, 0]
    acks = [0, 0]
    ends = 0
    for index, segment in enumerate(segments):
        flags, side = segment.flags, segment.side
        name: StepName
        if flags & SYN:
            name = "SYN-ACK" if flags & ACK else "SYN"
            answers[side] += name == "SYN-ACK"
        elif flags & RST:
            if not steps or acks[0] + acks[1]:
                break
            name = "RST"
        elif flags & ACK and answers[1 - side] > acks[side] and not (acks[side] and (segment.length or flags & FIN)):
            name = "ACK"
            acks[side] += 1
        elif acks[0] + acks[1] and flags & FIN:
            break
        else:
            continue
        # The sequence number of an ACK that carries data again is one that was sent before, all the same.
        key = side, name, segment.seq
        steps.append(_step(name, segment, key in seen))
        seen.add(key)
        ends = index if flags & FIN else index + 1
        if name == "RST" and not any(later.flags & SYN for later in segments[index + 1 :]):
            break  # else the same SYN is tried again
    return steps, ends


def _outcome(segments: Sequence[Segment], steps: Sequence[Step], client_syn: Step | None, split: bool) -> tuple[Outcome, bool]:
    """What came of it, and whether that is inferred."""
    if client_syn is None:
        return "partial", False
    names = {(s.step, s.segment.side) for s in steps}
    if ("ACK", 0) in names or (("SYN-ACK", 1) in names and ("SYN-ACK", 0) in names):
        return "established", False
    if ("ACK", 1) in names and (("SYN-ACK", 0) in names or split):
        return "established", False
    last = steps[-1]
    if last.step == "RST":
        refused = last.segment.side == 1 and ("SYN-ACK", 1) not in names
        return ("refused" if refused else "aborted"), False
    # Only one direction was captured, or the last ACK was lost on its way to the capture: what follows shows the rest.
    for segment in segments:
        if segment.flags & (SYN | RST):
            continue
        if segment.side == 0 and segment.flags & ACK and (("SYN-ACK", 1) in names or not _heard(segments, 1)):
            return "established", True
        if segment.side == 1 and segment.length and ("SYN-ACK", 1) in names and not client_syn.segment.length:
            return "established", True
    if not _heard(segments, 1):
        return "unanswered", False
    return "incomplete", False


def _heard(segments: Sequence[Segment], side: int) -> bool:
    return any(segment.side == side for segment in segments)


def _rtt(steps: Sequence[Step], simultaneous: bool) -> Rtt:
    """The two halves; where a step was repeated only the echoed timestamp tells which one was answered (RFC 7323)."""
    syns = [s for s in steps if s.step == "SYN" and s.segment.side == 0]
    answers = [s for s in steps if s.step == "SYN-ACK" and s.segment.side == 1]
    acks = [s for s in steps if s.step == "ACK" and s.segment.side == 0]
    if simultaneous or not answers:
        return Rtt()
    server = _between(syns, answers[:1])
    client = _between(answers, acks[:1])
    return Rtt(server, client, None if server is None or client is None else server + client)


def _between(asked: Sequence[Step], answer: Sequence[Step]) -> int | None:
    if not asked or not answer:
        return None
    reply = answer[0]
    before = [s for s in asked if s.segment.packet < reply.segment.packet]
    if len(before) > 1:
        echo = reply.options.timestamps
        before = [s for s in before if echo and s.options.timestamps and s.options.timestamps[0] == echo[1]]
    if len(before) != 1:
        return None
    start, stop = before[0].segment.time, reply.segment.time
    return None if start is None or stop is None else stop - start


def _problems(steps: Sequence[Step]) -> tuple[Problem, ...]:
    """What is wrong with the steps themselves; what came of them is judged in netviz.layers.tcp.problems."""
    found: list[Problem] = []
    numbers: dict[int, Segment] = {}
    for name, segment, options, _, _ in steps:
        if options.problem:
            found.append(Problem("tcp-option-malformed", f"{name}: {options.problem}", segment.packet))
        if name != "ACK" and segment.flags & SYN:
            numbers.setdefault(segment.side, segment)
            peer = numbers.get(1 - segment.side)
            if name == "SYN-ACK" and peer is not None and not _acknowledges(segment.ack, peer):
                text = f"the SYN-ACK acknowledges {segment.ack}; the SYN has number {peer.seq}: {peer.seq + 1 & _WORD} is due"
                found.append(Problem("syn-ack-wrong-number", text, segment.packet))
    return tuple(found)


def _acknowledges(ack: int, syn: Segment) -> bool:
    """A SYN-ACK may acknowledge the SYN alone or the data in it as well (RFC 7413 section 4.2)."""
    return (ack - syn.seq - 1 & _WORD) <= syn.length
