"""The heartbeat: who asks, what answers, what is late, who must give up when."""

from __future__ import annotations

import pytest

from netviz.verdicts.heartbeat import beats, rounded
from tests.sessions import CLIENT, MS, SERVER, Played, time_at
from tests.talk import close

_SECOND = 1000 * MS


def _session(version: int = 4) -> Played:
    return Played(version=version, beat=(1000, 500))


def _due(client: float | None, server: float | None) -> tuple[int | None, int | None]:
    return None if client is None else time_at(client), None if server is None else time_at(server)


def test_the_server_asks_in_version_4() -> None:
    heart = beats(_session().beat(1000, 0.5).beat(2010, 2).trace)
    assert (heart.asks, heart.interval, heart.timeout) == ("server", _SECOND, 500 * MS)
    assert [(beat.time, beat.took, beat.interval, beat.late, beat.overdue) for beat in heart.beats] == [
        (time_at(1000), 500_000, _SECOND, False, False),
        (time_at(2010), 2 * MS, 1010 * MS, False, False),
    ]
    assert heart.gives_up == _due(3510, None)  # the client waits for a ping, the server for nothing
    assert (heart.gave_up, heart.ended) == (None, False)


def test_the_client_asks_in_version_3() -> None:
    heart = beats(_session(3).beat(1000).beat(2000, None).trace)
    assert heart.asks == "client"
    assert [bool(beat.answer) for beat in heart.beats] == [True, False]
    assert heart.gives_up == _due(2500, 3500)


@pytest.mark.parametrize(("side", "asks"), [(CLIENT, "client"), (SERVER, "server")])
def test_where_the_version_is_unknown_who_pings_asks(side: int, asks: str) -> None:
    told = Played(version=None, beat=None).engine(1, side, "ping").engine(2, 1 - side, "pong")
    heart = beats(told.trace)
    assert (heart.asks, len(heart.beats)) == (asks, 1)


@pytest.mark.parametrize(
    ("at", "took", "late", "overdue"),
    [
        (1000, 1, False, False),
        (1100, 1, False, False),
        (1101, 1, True, False),
        (1000, 500, False, False),
        (1000, 501, False, True),
        (1101, 501, True, True),
    ],
)
def test_late(at: float, took: float, late: bool, overdue: bool) -> None:
    (beat,) = beats(_session().beat(at, took).trace).beats
    assert (beat.late, beat.overdue) == (late, overdue)


@pytest.mark.parametrize(("last", "overdue"), [(1500, False), (1501, True)])
def test_a_pong_that_never_comes_is_overdue_when_its_time_is_over(last: float, overdue: bool) -> None:
    (beat,) = beats(_session().beat(1000, None).emit(last, SERVER, "x").trace).beats
    assert (beat.answer, beat.took, beat.overdue) == (0, None, overdue)


def test_without_a_ping_only_who_waits_for_one_can_give_up() -> None:
    assert beats(_session().trace).gives_up == _due(1500, None)
    assert beats(_session(3).trace).gives_up == _due(None, 1500)


def test_probes_are_no_beats() -> None:
    assert beats(Played(transport="polling").upgrade(10).trace).beats == ()


def test_pongs_for_nothing_and_pings_of_the_wrong_side_are_no_beats() -> None:
    told = _session().engine(1, CLIENT, "pong").engine(2, CLIENT, "ping").engine(3, SERVER, "pong")
    assert beats(told.trace).beats == ()


def test_nothing_announced() -> None:
    heart = beats(Played(beat=None).beat(1000).beat(9000, None).trace)
    assert (heart.interval, heart.timeout, heart.gives_up) == (None, None, (None, None))
    assert [(beat.late, beat.overdue) for beat in heart.beats] == [(False, False)] * 2


@pytest.mark.parametrize(
    ("by", "at", "gave_up"),
    [
        ("client", 2500, "client"), ("client", 2400, None), ("server", 1500, "server"), ("server", 1499, "server"),
        ("server", 1400, None), ("client", 1600, None),
    ],
)  # fmt: skip
def test_who_gave_up(by: str, at: float, gave_up: str | None) -> None:
    told = _session().beat(1000, None)
    told.session(websockets=(0,), closes=(close(by=by, time=time_at(at)),))
    heart = beats(told.trace)
    assert (heart.gave_up, heart.ended) == (gave_up, True)


def test_a_close_packet_ends_a_session_by_polling() -> None:
    told = Played(beat=(1000, 500), transport="polling").beat(1000).engine(2500, CLIENT, "close")
    assert beats(told.trace).gave_up == "client"


@pytest.mark.parametrize(
    ("time", "said"),
    [(25 * _SECOND, "25 s"), (2500 * MS, "2.500 s"), (500 * MS, "500 ms"), (90 * _SECOND, "1 min 30 s"), (0, "0 µs")],
)
def test_rounded(time: int, said: str) -> None:
    assert rounded(time) == said
