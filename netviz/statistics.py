"""What a WebSocket's messages add up to: sizes, rates, heartbeat, and what HTTP would have cost instead."""

from __future__ import annotations

from dataclasses import dataclass, field

from netviz.event import WebSocketFrame, WebSocketMessage, WebSocketUpgrade

__all__ = ["Heartbeat", "Statistics", "Traffic"]

_SECOND = 1_000_000_000

#: Opcodes from here on are those of control frames (RFC 6455 section 5.5).
_CONTROL = 8


@dataclass(slots=True)
class Traffic:
    """What one side sent: data messages, their content and what of it was on the wire, the smallest and largest, and
    frames with the bytes of their headers (of data frames alone, too); ``first`` and ``last`` are times.
    """

    messages: int = 0
    content: int = 0
    wire: int = 0
    smallest: int | None = None
    largest: int = 0
    compressed: int = 0
    inflated: int = 0
    deflated: int = 0
    frames: int = 0
    heads: int = 0
    data_heads: int = 0
    first: int | None = None
    last: int | None = None

    @property
    def rate(self) -> float | None:
        """Messages a second between the first and the last, None where there are fewer than two."""
        if self.first is None or self.last is None or self.last <= self.first or self.messages < 2:
            return None
        return (self.messages - 1) * _SECOND / (self.last - self.first)


@dataclass(slots=True)
class Heartbeat:
    """Pings of one side: how many, the times between them and until their pongs, in ns, as (least, sum, most, count)."""

    pings: int = 0
    answered: int = 0
    intervals: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    trips: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    last: int | None = None


class Statistics:
    """Adds up the frames and messages of one WebSocket."""

    def __init__(self) -> None:
        self.traffic = Traffic(), Traffic()
        self.heartbeat = Heartbeat(), Heartbeat()

    def frame(self, frame: WebSocketFrame) -> None:
        """Add a frame."""
        side = self.traffic[frame.side]
        side.frames += 1
        side.heads += frame.head
        if frame.opcode < _CONTROL:
            side.data_heads += frame.head

    def message(self, message: WebSocketMessage) -> None:
        """Add a message."""
        side = self.traffic[message.side]
        if message.kind == "ping":
            self._ping(message)
        elif message.kind == "pong" and message.after is not None:
            beat = self.heartbeat[1 - message.side]
            beat.answered += 1
            if message.after.took is not None:
                _add(beat.trips, message.after.took)
        if message.kind not in ("text", "binary"):
            return
        length = message.wire_length if message.length is None else message.length
        side.messages += 1
        side.content += length
        side.wire += message.wire_length
        side.smallest = length if side.smallest is None else min(side.smallest, length)
        side.largest = max(side.largest, length)
        if message.compressed and message.length is not None:
            side.compressed += 1
            side.inflated += message.length
            side.deflated += message.wire_length
        if message.time is not None:
            side.first = message.time if side.first is None else side.first
            side.last = message.time

    def over_http(self, upgrade: WebSocketUpgrade) -> int:
        """Bytes that the same messages would have taken as HTTP requests with this connection's own heads: one request and
        one answer for each, without their TCP and IP.
        """
        request = sum(piece.end - piece.start for piece in upgrade.request)
        response = sum(piece.end - piece.start for piece in upgrade.response)
        messages = sum(side.messages for side in self.traffic)
        return messages * (request + response) + sum(side.content for side in self.traffic)

    def as_websocket(self) -> int:
        """Bytes that they took: payload, and the headers of their frames."""
        return sum(side.data_heads + side.wire for side in self.traffic)

    def _ping(self, message: WebSocketMessage) -> None:
        beat = self.heartbeat[message.side]
        beat.pings += 1
        if message.time is not None:
            if beat.last is not None:
                _add(beat.intervals, message.time - beat.last)
            beat.last = message.time


def _add(found: list[int], value: int) -> None:
    least, total, most, count = found
    found[:] = [min(least, value) if count else value, total + value, max(most, value), count + 1]
