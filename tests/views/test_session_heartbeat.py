"""The heartbeat lane: beats, what was late, and who must give up when."""

from __future__ import annotations

import pytest

from netviz.views.conversation import Clock
from netviz.views.session_heartbeat import heartbeat_lines
from netviz.views.session_lane import letters
from tests.hostile import lines_of, wider
from tests.sessions import CLIENT, Played, packet_at, time_at
from tests.talk import close
from tests.wire import START


def _lines(*told: Played, width: int = 200, clock: Clock = "elapsed", full: bool = False) -> list[str]:
    names = letters(len(told))
    return lines_of(heartbeat_lines([one.trace for one in told], names, width=width, start=START, clock=clock, full=full))


def _session(version: int = 4) -> Played:
    return Played(version=version, beat=(1000, 500))


def _lane(told: Played, **how: bool) -> str:
    rule, lane = _lines(told, **how)  # type: ignore[arg-type]  # full is the only one
    assert rule.startswith("heartbeat  the ")
    return lane


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        (4, "heartbeat  the server pings every 1 s, the client answers within 500 ms"),
        (3, "heartbeat  the client pings every 1 s, the server answers within 500 ms"),
    ],
)
def test_the_rule(version: int, rule: str) -> None:
    assert _lines(_session(version).beat(1000))[0] == rule


@pytest.mark.parametrize(
    ("told", "lane"),
    [
        (_session().beat(1000), " ♥ 1.000 600 µs  without another beat must give up: client at 2.500"),
        (
            _session().beat(1000).beat(2010, 2),
            " ♥ 1.000 600 µs  ♥ 2.010 2 ms  every 1.010 s (announced 1 s)  without another beat must give up: client at 3.510",
        ),
        (_session().beat(1250), " ♥ 1.250 600 µs (250 ms late)  without another beat must give up: client at 2.750"),
        (_session().beat(1000, 700), " ♥ 1.000 700 ms (pong too late)  without another beat must give up: client at 2.500"),
        (
            _session().beat(1000, None),
            " ♥ 1.000 no pong  without another beat must give up: client at 2.500, server at 1.500",
        ),
        (
            _session().beat(1000, None).emit(1600, CLIENT, "x"),
            " ♥ 1.000 no pong (too long)  without another beat must give up: client at 2.500, server at 1.500",
        ),
        (_session(), " no ping in this capture  without another beat must give up: client at 1.500"),
        (Played(beat=None).beat(1000), " ♥ 1.000 600 µs"),
    ],
)
def test_lanes(told: Played, lane: str) -> None:
    assert _lane(told) == lane


def test_who_gave_up() -> None:
    end = close(packets=(packet_at(1510),), time=time_at(1510), by="server")
    told = _session().beat(1000, None).session(websockets=(0,), closes=(end,))
    assert _lane(told) == " ♥ 1.000 no pong (too long)  the server gave up: due at 1.500 s"


def test_ended_in_time() -> None:
    told = Played(beat=(1000, 500), transport="polling").beat(1000).engine(1200, CLIENT, "close")
    assert _lane(told).endswith("without another beat would have to give up: client at 2.500")


def test_over_before_the_first_ping() -> None:
    ended = [Played(number, transport="polling").engine(50, CLIENT, "close") for number in range(2)]
    assert _lines(*ended)[1:] == [" A B  over before the first ping"]
    assert _lines(ended[0])[1:] == ["  over before the first ping"]


def test_another_rule_is_told() -> None:
    lines = _lines(_session().beat(1000), Played(1).beat(2000), Played(2).beat(3000))
    assert [line.startswith("heartbeat") for line in lines] == [True, False, True, False, False]
    assert [line[:4] for line in lines if not line.startswith("heartbeat")] == [" A  ", " B  ", " C  "]


def test_many_beats_are_folded_but_not_those_that_matter() -> None:
    told = _session()
    for second in range(1, 31):
        told.beat(1000 * second, 700 if second == 15 else 1)
    lane = "".join(_lines(told)[1:])
    assert lane.count("♥") == 12
    assert "♥ 15.000 700 ms (pong too late)" in lane
    assert "… 6 more beats, 1 ms to 1 ms …" in lane
    assert "… 12 more beats, 1 ms to 1 ms …" in lane
    assert "".join(_lines(told, full=True)).count("♥") == 30


@pytest.mark.parametrize(("clock", "at"), [("absolute", "22:13:21.000"), ("delta", "1.000")])
def test_times(clock: Clock, at: str) -> None:
    assert f"♥ {at} " in _lines(_session().beat(1000), clock=clock)[1]


def test_nothing_to_tell() -> None:
    assert _lines(Played(beat=None)) == []


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    told = _session()
    for second in range(1, 20):
        told.beat(1000 * second)
    assert wider(_lines(told, Played(1), width=width, full=True), width) == []
