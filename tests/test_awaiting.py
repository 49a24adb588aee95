"""Events that wait for their acks: told in order, with the ack, and never held for long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netviz import awaiting
from netviz.awaiting import acknowledged
from netviz.event import NO_TIME, Acknowledged, Event, FrameBlock, MessageBlock, SocketIoPacket
from tests.bulk import flat
from tests.engine import engine, session, socket
from tests.talk import message
from tests.wire import CLIENT, SERVER, START

_ASK = socket(CLIENT, "EVENT", "sum", id=1)
_ACK = socket(SERVER, "ACK", at=5, id=1, packets=(12,), answers=Acknowledged(8, 5))
_BEAT = engine(SERVER, "ping", at=2)


def _acks(*events: Event) -> list[Acknowledged | None]:
    found = list(acknowledged(events))
    assert [event.name for event in found] == [event.name for event in events]
    return [event.ack for event in found if isinstance(event, SocketIoPacket)]


@pytest.mark.parametrize(
    ("events", "answered"),
    [
        ([_ASK, _ACK], True), ([_BEAT, _ASK, _BEAT, _ACK, _BEAT], True), ([_ASK], False), ([_ACK, _ASK], False),
        ([_ASK, replace(_ACK, side=CLIENT)], False), ([_ASK, replace(_ACK, namespace="/a")], False),
        ([_ASK, replace(_ACK, session=1)], False), ([_ASK, replace(_ACK, id=2)], False),
        ([_ASK, replace(_ACK, answers=None)], False), ([_ASK, session(), _ACK], False),
        ([_ASK, session(over=False), _ACK], True),
        ([replace(_ASK, type="BINARY_EVENT"), replace(_ACK, type="BINARY_ACK")], True),
    ],
)  # fmt: skip
def test_acks_are_told_with_what_asked_for_them(events: list[Event], answered: bool) -> None:
    found = _acks(*events)
    assert found.count(Acknowledged(12, 5)) == answered
    assert found.count(None) == len(found) - answered


def test_several_wait() -> None:
    other, answer = replace(_ASK, id=2), replace(_ACK, id=2, packets=(13,))
    assert _acks(_ASK, other, answer, _ACK) == [Acknowledged(12, 5), Acknowledged(13, 5), None, None]
    assert _acks(_ASK, _ASK, _ACK) == [None, Acknowledged(12, 5), None]  # asked again under the same id


def _held(*events: Event) -> int:
    """How many events were taken before the first came."""
    taken = 0

    def counting() -> object:
        nonlocal taken
        for event in events:
            taken += 1
            yield event

    next(acknowledged(counting()))  # type: ignore[arg-type]  # a generator of events
    return taken


def test_nothing_waits_where_no_ack_is_asked_for() -> None:
    assert _held(_BEAT, _BEAT) == 1
    assert _held(socket(CLIENT, "EVENT", "a"), _BEAT) == 1


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _held(_ASK, engine(SERVER, "ping", at=30_000), engine(SERVER, "ping", at=30_001), _BEAT) == 3
    monkeypatch.setattr(awaiting, "_MOST", 3)
    assert _held(_ASK, *[replace(_BEAT, time=None)] * 9) == 4
    monkeypatch.setattr(awaiting, "_MOST", 1000)
    monkeypatch.setattr(awaiting, "_BYTES", 100)
    assert _held(_ASK, *[message(content="x" * 30)] * 9) == 5
    assert _held(_ASK, *[engine(CLIENT, "message", b"x" * 30)] * 9) == 5


def _block(*times: float, size: int = 10) -> MessageBlock:
    """Messages of this size, so many ms after the beginning."""
    columns = [np.zeros(len(times), np.int64) for _ in range(12)]
    columns[5], columns[7] = np.array([START + round(at * 1e6) for at in times]), np.full(len(times), 0x82)
    columns[10] = np.full(len(times), size)
    frames = FrameBlock(columns=tuple(columns), several=np.zeros((0, 4), np.int64), broken={})
    return MessageBlock(frames=frames, numbers=columns[0], begins=columns[0], lengths=columns[10], content=bytes(size))


def test_nobody_waits_for_ever_behind_messages_that_come_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as they would one by one."""
    assert _held(_ASK, _block(1, 29_999), _block(30_001, 5), _BEAT) == 3
    monkeypatch.setattr(awaiting, "_MOST", 5)
    assert _held(_ASK, _block(1, 2), _BEAT, _BEAT) == 3
    assert _held(_ASK, _block(1, 2, 3), _BEAT, _BEAT) == 2
    monkeypatch.setattr(awaiting, "_MOST", 1000)
    monkeypatch.setattr(awaiting, "_BYTES", 100)
    assert _held(_ASK, _block(1, 2, size=50), _BEAT) == 3
    assert _held(_ASK, _block(1, 2, size=51), _BEAT) == 2
    without = _block(1, 2)
    without.frames.columns[5][:] = NO_TIME
    assert _held(_ASK, without, _BEAT, _ACK) == 4


@pytest.mark.parametrize("most", [0, 1, 2, 5, 9, 10, 11, 20])
def test_acks_are_told_the_same_among_messages_that_come_many_at_once(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "_MOST", most)
    other = replace(_ASK, id=2), replace(_ACK, id=2, packets=(13,))
    events = [_ASK, _block(1, 2), other[0], _block(3), _BEAT, _ACK, _block(4, 5), other[1], _block(6)]
    assert flat(acknowledged(events)) == list(acknowledged(flat(events)))
