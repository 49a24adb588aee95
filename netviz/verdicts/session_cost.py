"""What sessions cost in bytes: what programs said, what Socket.IO and Engine.IO put around it, and the transports below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from netviz.event import WebSocketClose, WebSocketUpgrade
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["Carried", "Cost", "compact_size", "cost"]

#: The header of a small WebSocket frame, of the server and (with its mask) of the client (RFC 6455 section 5.2).
_FRAME = 2, 6


@dataclass(slots=True)
class Carried:
    """What a transport carried: Engine.IO packets, their bytes, and those on the wire with heads or frame headers."""

    packets: int = 0
    content: int = 0
    wire: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """``arguments`` are bytes of what programs said, as compact JSON and attachments; ``packets_wire`` those of all Socket.IO
    packets with what they put around it, ``control`` those of Engine.IO packets that carry none.  ``as_websocket`` is what
    the polled packets would have taken as frames, ``as_polling`` what those in frames would have taken, were each polled
    alone with heads as long as an upgrade's (None where there was no upgrade).
    """

    events: int
    acks: int
    arguments: int
    packets_wire: int
    control: int
    polls: int
    polling: Carried
    websocket: Carried
    as_websocket: int
    as_polling: int | None

    @property
    def added(self) -> int:
        """Bytes that Socket.IO added."""
        return max(self.packets_wire - self.arguments, 0)


def cost(traces: Sequence[SessionTrace]) -> Cost:
    """Add up what these sessions cost."""
    polling, websocket = Carried(), Carried()
    packets = [packet for trace in traces for packet in trace.packets]
    spoken = [packet for packet in packets if packet.event is not None or packet.type in ("ACK", "BINARY_ACK")]
    events = sum(packet.event is not None for packet in spoken)
    for trace in traces:
        session = trace.session
        polling.packets += trace.counts["polling"]
        polling.content += trace.wire["polling"]
        polling.wire += session.heads + session.bodies
        websocket.packets += trace.counts["websocket"]
        websocket.content += trace.wire["websocket"]
        websocket.wire += trace.wire["websocket"] + _around(session.closes, trace) + sum(map(_heads, session.attempts))
    upgrades = [size for trace in traces for size in map(_heads, trace.session.attempts) if size]
    return Cost(
        events=events,
        acks=len(spoken) - events,
        arguments=sum(sum(map(compact_size, packet.args)) for packet in spoken),
        packets_wire=sum(packet.wire for packet in packets),
        control=max(polling.content + websocket.content - sum(packet.wire for packet in packets), 0),
        polls=sum(trace.session.polls for trace in traces),
        polling=polling,
        websocket=websocket,
        as_websocket=polling.content + polling.packets * sum(_FRAME) // 2,
        as_polling=websocket.content + websocket.packets * sum(upgrades) // len(upgrades) if upgrades else None,
    )


def compact_size(value: Any) -> int:
    """Bytes of a value as JSON without blanks; bytes count as they are.

    >>> compact_size({"a": [1, None], "ü": b"123"})
    23
    """
    size = 0
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, bytes):
            size += len(one)
        elif isinstance(one, str):
            size += len(one.encode("utf-8", "surrogatepass")) + 2
        elif isinstance(one, dict):
            size += 2 + max(len(one) - 1, 0) + sum(len(str(key).encode("utf-8", "surrogatepass")) + 3 for key in one)
            todo += one.values()
        elif isinstance(one, list):
            size += 2 + max(len(one) - 1, 0)
            todo += one
        elif one is None or one is True:
            size += 4
        elif one is False:
            size += 5
        else:
            size += _digits(one)
    return size


def _digits(number: Any) -> int:
    if isinstance(number, int):
        return len(f"{number:x}") * 6 // 5 if abs(number) >= 1 << 63 else len(str(number))
    return len(repr(number))


def _around(closes: Iterable[WebSocketClose], trace: SessionTrace) -> int:
    """Bytes of frame headers: counted where the WebSocket's end is known, else those of small frames."""
    known = sum(side.heads for close in closes for side in close.totals)
    return known or trace.counts["websocket"] * sum(_FRAME) // 2


def _heads(upgrade: WebSocketUpgrade) -> int:
    """Bytes of a request to upgrade, and its answer."""
    return sum(piece.end - piece.start for piece in (*upgrade.request, *upgrade.response))
