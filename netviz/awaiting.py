"""Awaiting: an event that asks for an ack is told together with it, where that comes soon enough.

Only for captures that are read to their end: what is live is told when it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netviz.event import (
    NO_TIME,
    Acknowledged,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    MessageBlock,
    SocketIoPacket,
    WebSocketMessage,
)

__all__ = ["acknowledged"]

#: Events that are held back behind one that waits for its ack, and for how many ns of the capture.
_MOST, _PATIENCE = 10_000, 30_000_000_000

#: Bytes of what they say.
_BYTES = 64 << 20

#: The column of a block that holds times.
_TIME = 5

_Key = tuple[int, int, str, int]


def acknowledged(events: Iterable[Event]) -> Iterator[Event]:
    """The same events in the same order, with what is known of their acks."""
    return _Held().passing(events)


class _Held:
    """Events that are held back, the oldest first, and which of them wait for an ack."""

    def __init__(self) -> None:
        self._events: deque[list[Event]] = deque()
        self._waiting: dict[_Key, list[Event]] = {}
        self._size = self._count = 0

    def passing(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            slot = [event]
            self._know(event, slot)
            if not (self._waiting or self._events):
                yield event
                continue
            self._events.append(slot)
            self._size += _size(event)
            self._count += _count(event)
            yield from self._released(_time(event))
        for (event,) in self._events:
            yield event

    def _know(self, event: Event, slot: list[Event]) -> None:
        """What an event says of others, or what it waits for."""
        if isinstance(event, SocketIoPacket) and event.id is not None:
            if event.type in ("EVENT", "BINARY_EVENT"):
                self._waiting[event.session, event.side, event.namespace, event.id] = slot
            elif event.answers is not None:
                asked = self._waiting.pop((event.session, 1 - event.side, event.namespace, event.id), None)
                if asked is not None:
                    answer = Acknowledged(event.packets[-1], event.answers.took)
                    asked[0] = replace(asked[0], ack=answer)  # type: ignore[type-var]  # only packets of Socket.IO wait
        elif isinstance(event, EngineIoSession) and event.over:
            for key in [key for key in self._waiting if key[0] == event.number]:
                del self._waiting[key]

    def _released(self, now: int | None) -> Iterator[Event]:
        """What need not wait any longer."""
        while self._events:
            (event,) = slot = self._events[0]
            if self._waiting and isinstance(event, SocketIoPacket) and event.id is not None:
                key = event.session, event.side, event.namespace, event.id
                late = now is not None and event.time is not None and now - event.time > _PATIENCE
                if self._waiting.get(key) is slot:
                    if self._count <= _MOST and self._size <= _BYTES and not late:
                        return
                    del self._waiting[key]
            self._events.popleft()
            self._size -= _size(event)
            self._count -= _count(event)
            yield event


def _count(event: Event) -> int:
    """How many events it stands for: a block for frames and their messages."""
    return 2 * len(event) if isinstance(event, MessageBlock) else 1


def _time(event: Event) -> int | None:
    """When it came, of a block the last of it."""
    if not isinstance(event, MessageBlock):
        return event.time
    last = int(event.frames.columns[_TIME].max())
    return None if last == NO_TIME else last


def _size(event: Event) -> int:
    """The bytes of what an event says, where they may be many."""
    if isinstance(event, WebSocketMessage):
        return len(event.content or "")
    if isinstance(event, MessageBlock):
        return int(event.lengths.sum())
    if isinstance(event, EngineIoPacket):
        return len(event.data or "")
    return len(event.body.content or b"") if isinstance(event, EngineIoRequest | EngineIoAnswer) else 0
