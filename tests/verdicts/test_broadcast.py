"""Broadcasts: which equal events are one call, to whom, for which room; everything else is a row of its own."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from netviz.verdicts.broadcast import Broadcast, rows
from tests.sessions import CLIENT, SERVER, Played, chat, time_at
from tests.talk import close


def _three() -> list[Played]:
    return [Played(number, at=number).connect(10 + number) for number in range(3)]


def _rows(sessions: list[Played]) -> list[Broadcast]:
    return [row for row in rows([one.trace for one in sessions]) if isinstance(row, Broadcast)]


def _tell(sessions: list[Played], at: float, *places: int, args: tuple[Any, ...] = ("hi",), step: float = 1) -> None:
    for index, place in enumerate(places):
        sessions[place].emit(at + index * step, SERVER, "msg", *args)


def test_the_order_is_that_of_the_capture() -> None:
    found = rows(chat())
    packets = [row.packet.packets[-1] for row in found]
    assert packets == sorted(packets)
    copies = sum(len(row.copies) if isinstance(row, Broadcast) else 1 for row in found)
    assert copies == sum(len(trace.packets) for trace in chat())


def test_equal_events_to_all_are_one() -> None:
    sessions = _three()
    _tell(sessions, 100, 2, 0, 1)
    (row,) = _rows(sessions)
    assert (row.places, row.spread, row.of, row.everyone, row.room, row.without) == ((0, 1, 2), 2_000_000, 3, True, None, None)
    assert row.packet is sessions[2].trace.packets[-1]


def test_equal_events_to_some() -> None:
    sessions = _three()
    _tell(sessions, 100, 0, 2)
    (row,) = _rows(sessions)
    assert (row.of, row.everyone) == (3, False)


@pytest.mark.parametrize(("step", "count"), [(25, 1), (25.001, 1), (50, 1), (51, 0)])
def test_fifty_ms(step: float, count: int) -> None:
    sessions = _three()
    _tell(sessions, 100, 0, 1, step=step)
    assert len(_rows(sessions)) == count


def test_the_window_begins_with_the_first_copy() -> None:
    sessions = _three()
    _tell(sessions, 100, 0, 1, 2, step=30)
    (row,) = _rows(sessions)
    assert row.places == (0, 1)


@pytest.mark.parametrize(
    "other",
    [
        lambda one: one.emit(101, SERVER, "msg", "other"),
        lambda one: one.emit(101, SERVER, "other", "hi"),
        lambda one: one.emit(101, SERVER, "msg", "hi", "hi"),
        lambda one: one.emit(101, SERVER, "msg", b"hi"),
        lambda one: one.connect(20, "/other").emit(101, SERVER, "msg", "hi", ns="/other"),
        lambda one: one.emit(101, CLIENT, "msg", "hi"),
    ],
)
def test_what_differs_is_none(other: Any) -> None:
    sessions = _three()
    _tell(sessions, 100, 0)
    other(sessions[1])
    assert _rows(sessions) == []


def test_the_same_socket_twice_is_two() -> None:
    sessions = _three()
    _tell(sessions, 100, 0, 1, 0, 1)
    assert [row.places for row in _rows(sessions)] == [(0, 1), (0, 1)]


def test_greetings_are_none() -> None:
    """Who was not there when the first copy was sent cannot have been meant by the same call."""
    sessions = [Played(number).connect(10 + 5 * number).emit(11 + 5 * number, SERVER, "hello", 1) for number in range(3)]
    assert _rows(sessions) == []


def test_a_capture_from_the_middle() -> None:
    sessions = [Played(number) for number in range(2)]
    _tell(sessions, 100, 0, 1)
    assert [row.of for row in _rows(sessions)] == [2]


def _ask(one: Played, at: float, event: str, room: Any, *, acked: bool = True) -> None:
    one.emit(at, CLIENT, event, room, number=7)
    if acked:
        one.ack(at + 1, SERVER, 7)


@pytest.mark.parametrize(
    ("event", "room", "acked", "found"),
    [
        ("join", "lobby", True, "lobby"), ("joinRoom", "lobby", True, "lobby"), ("subscribe", "lobby", True, "lobby"),
        ("join", "lobby", False, None), ("join", 7, True, None), ("echo", "lobby", True, None),
    ],
)  # fmt: skip
def test_rooms(event: str, room: Any, acked: bool, found: str | None) -> None:
    sessions = _three()
    for place in (0, 2):
        _ask(sessions[place], 100 + place, event, room, acked=acked)
    _tell(sessions, 200, 0, 2)
    assert [row.room for row in _rows(sessions)] == [found]


def test_a_join_that_wants_no_ack_counts() -> None:
    sessions = _three()
    for place in (0, 2):
        sessions[place].emit(100 + place, CLIENT, "join", "lobby")
    _tell(sessions, 200, 0, 2)
    assert [row.room for row in _rows(sessions)] == ["lobby"]


def test_only_the_exact_members_make_a_room() -> None:
    sessions = _three()
    _ask(sessions[0], 100, "join", "lobby")
    _tell(sessions, 200, 0, 2)
    assert [row.room for row in _rows(sessions)] == [None]


def test_who_left_is_no_member() -> None:
    sessions = _three()
    for place in range(3):
        _ask(sessions[place], 100 + place, "join", "lobby")
    sessions[1].emit(150, CLIENT, "leave", "lobby")
    _tell(sessions, 300, 0, 2)
    assert [row.room for row in _rows(sessions)] == ["lobby"]


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_who_disconnected_is_not_there(side: int) -> None:
    sessions = _three()
    for place in range(3):
        _ask(sessions[place], 100 + place, "join", "lobby")
    sessions[1].bye(150, side)
    _tell(sessions, 300, 0, 2)
    (row,) = _rows(sessions)
    assert (row.of, row.room, row.everyone) == (2, "lobby", True)


def test_whose_websocket_ended_is_not_there() -> None:
    sessions = _three()
    sessions[1].session(websockets=(1,), closes=(close(packets=(150_001,), time=time_at(150)),))
    _tell(sessions, 300, 0, 2)
    assert [row.of for row in _rows(sessions)] == [2]
    _tell(sessions, 140, 0, 2)
    assert sorted(row.of for row in _rows(sessions)) == [2, 3]


@pytest.mark.parametrize(("joins", "room"), [(True, "lobby"), (False, None)])
def test_who_caused_it_may_be_left_out(joins: bool, room: str | None) -> None:
    sessions = _three()
    for place in range(3) if joins else ():
        _ask(sessions[place], 100 + place, "join", "lobby")
    sessions[1].emit(199, CLIENT, "say", "hi")
    _tell(sessions, 200, 0, 2)
    (row,) = _rows(sessions)
    assert (row.room, row.without, row.everyone) == (room, 1, False)


def test_who_spoke_long_before_did_not_cause_it() -> None:
    sessions = _three()
    sessions[1].emit(149, CLIENT, "say", "hi")
    _tell(sessions, 200, 0, 2)
    assert [row.without for row in _rows(sessions)] == [None]


def test_many_packets_take_time_in_proportion() -> None:
    sessions = _three()
    for at in range(3000):
        sessions[at % 2].emit(100 + at, CLIENT, "join", f"room {at}").emit(100.2 + at, SERVER, "msg", at)
        sessions[1 - at % 2].emit(100.4 + at, SERVER, "msg", at)
    began = monotonic()
    assert len(_rows(sessions)) == 3000
    assert monotonic() - began < 10
