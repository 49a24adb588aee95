"""What ended a session: a close packet of Engine.IO, or the end of the WebSocket that it spoke by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netviz.event import SIDES, WebSocketClose
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["End", "ending_closes", "ends"]


class End(NamedTuple):
    """The packet that showed it, its time, and the side that did it (0 is the client)."""

    packet: int
    time: int | None
    side: int


def ends(trace: SessionTrace) -> list[End]:
    """Everything that ended a session, in the order of the capture; nothing where it was still there."""
    return sorted(_ends(trace), key=lambda end: end.packet)


def ending_closes(trace: SessionTrace) -> tuple[WebSocketClose, ...]:
    """The ends of WebSockets that were an end of the session, too: not those of one that was only tried."""
    session = trace.session
    if not session.upgraded and session.transports[-1:] != ("websocket",):
        return ()
    closes = tuple(close for close in session.closes if close.ended)
    return closes[-1:] if len(closes) >= len(session.websockets) else ()


def _ends(trace: SessionTrace) -> Iterator[End]:
    for packet in trace.control:
        if packet.type == "close":
            yield End(_last(packet.packets), packet.time, packet.side)
    for close in ending_closes(trace):
        by = close.by or close.transport_by
        if by is not None:
            yield End(_last(close.packets), close.time, SIDES.index(by))


def _last(packets: tuple[int, ...]) -> int:
    return packets[-1] if packets else 0
