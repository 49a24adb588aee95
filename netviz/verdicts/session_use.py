"""What sessions made use of: the features of Socket.IO, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netviz.verdicts.broadcast import Broadcast, rows
from netviz.verdicts.heartbeat import beats
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["Use", "use"]


class Use(NamedTuple):
    """Events and their names; events that asked for an ack and those that got one, and the slowest in ns; namespaces other
    than ``/``; broadcasts and their copies; attachments, beats, polling requests, and sessions that follow another.
    """

    events: int
    names: int
    asked: int
    acked: int
    slowest: int | None
    namespaces: int
    broadcasts: int
    copies: int
    attachments: int
    beats: int
    polls: int
    again: int


def use(traces: Sequence[SessionTrace]) -> Use:
    """Count what these sessions used."""
    packets = [packet for trace in traces for packet in trace.packets]
    events = [packet for packet in packets if packet.event is not None]
    answers = [packet.answers for packet in packets if packet.answers is not None]
    shared = [row for row in rows(traces) if isinstance(row, Broadcast)]
    joined = {packet.namespace for packet in packets if packet.type == "CONNECT" and packet.side == 1}
    return Use(
        events=len(events),
        names=len({packet.event for packet in events}),
        asked=sum(packet.id is not None for packet in events),
        acked=len(answers),
        slowest=max((answer.took for answer in answers if answer.took is not None), default=None),
        namespaces=len(joined - {"/"}),
        broadcasts=len(shared),
        copies=sum(len(row.copies) for row in shared),
        attachments=sum(packet.attachments for packet in packets),
        beats=sum(len(beats(trace).beats) for trace in traces),
        polls=sum(trace.session.polls for trace in traces),
        again=sum(trace.session.again is not None for trace in traces),
    )
