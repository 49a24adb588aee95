"""Awaiting: an event that asks for an ack is told together with it, where that comes soon enough.

Only for captures that are read to their end: what is live is told when it happens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from netviz.event import Acknowledged, EngineIoSession, Event, SocketIoPacket

__all__ = ["acknowledged"]

#: Events that are held back behind one that waits for its ack, and for how many ns of the capture.
_MOST, _PATIENCE = 10_000, 30_000_000_000

_Key = tuple[int, int, str, int]


def acknowledged(events: Iterable[Event]) -> Iterator[Event]:
    """The same events in the same order, with what is known of their acks."""
    held: deque[list[Event]] = deque()
    waiting: dict[_Key, list[Event]] = {}
    for event in events:
        slot = [event]
        if isinstance(event, SocketIoPacket) and event.id is not None:
            if event.type in ("EVENT", "BINARY_EVENT"):
                waiting[event.session, event.side, event.namespace, event.id] = slot
            elif event.answers is not None:
                asked = waiting.pop((event.session, 1 - event.side, event.namespace, event.id), None)
                if asked is not None:
                    answer = Acknowledged(event.packets[-1], event.answers.took)
                    asked[0] = replace(asked[0], ack=answer)  # type: ignore[type-var]  # only packets of Socket.IO wait
        elif isinstance(event, EngineIoSession) and event.over:
            for key in [key for key in waiting if key[0] == event.number]:
                del waiting[key]
        if not (waiting or held):
            yield event
            continue
        held.append(slot)
        yield from _released(held, waiting, event.time)
    for (event,) in held:
        yield event


def _released(held: deque[list[Event]], waiting: dict[_Key, list[Event]], now: int | None) -> Iterator[Event]:
    """What need not wait any longer."""
    while held:
        (event,) = slot = held[0]
        if waiting and isinstance(event, SocketIoPacket) and event.id is not None:
            key = event.session, event.side, event.namespace, event.id
            late = now is not None and event.time is not None and now - event.time > _PATIENCE
            if waiting.get(key) is slot:
                if len(held) <= _MOST and not late:
                    return
                del waiting[key]
        held.popleft()
        yield event
