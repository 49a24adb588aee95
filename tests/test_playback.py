"""Playback with a clock that says what the test wants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.playback import Playback, silence

_S = 1_000_000_000
_MS = 1_000_000


def _due(play: Playback, until: int, step: int = 10 * _MS) -> list[tuple[int, int]]:
    """When which scene was due, in ms."""
    found = [(0, play.reached)]
    for now in range(0, until, step):
        play.tick(now)
        if play.reached != found[-1][1]:
            found.append((now // _MS, play.reached))
    return found


@pytest.mark.parametrize(
    ("speed", "due"),
    [
        (1.0, [(0, 0), (500, 1), (1500, 2), (3500, 3)]),
        (2.0, [(0, 0), (250, 1), (750, 2), (2750, 3)]),
        (0.5, [(0, 0), (1000, 1), (3000, 2), (5000, 3)]),
        (10.0, [(0, 0), (50, 1), (150, 2), (1000 + 150, 3)]),
        (math.inf, [(0, 3)]),
    ],
)
def test_each_scene_when_it_is_due(speed: float, due: list[tuple[int, int]]) -> None:
    """The last gap is ten seconds, of which no more than two are waited for."""
    play = Playback([0, 500 * _MS, 1500 * _MS, 11_500 * _MS], speed=speed, now=0)
    assert _due(play, 8 * _S)[-len(due) :] == due


def test_what_becomes_of_a_gap() -> None:
    assert silence(12 * _S, 1, 2 * _S) == (12 * _S, 2 * _S, True)
    assert silence(12 * _S, 10, 2 * _S) == (12 * _S, 1_200 * _MS, False)
    assert silence(3 * _MS, 0.001, 2 * _S) == (3 * _MS, 2 * _S, True)
    assert silence(12 * _S, math.inf, 2 * _S) == (12 * _S, 0, False)
    assert silence(None, 1, 2 * _S) == (200 * _MS, 200 * _MS, False)
    assert silence(-5, 1, 2 * _S) == (0, 0, False)


def test_packets_without_a_time_come_five_a_second() -> None:
    assert _due(Playback([None, None, 0, None], now=0), _S) == [(0, 0), (200, 1), (400, 2), (600, 3)]


def test_time_that_goes_backwards_is_no_wait() -> None:
    assert _due(Playback([_S, 0, 2 * _S], now=0, most=5 * _S), 3 * _S) == [(0, 0), (0, 1), (2000, 2)]


def test_a_burst_is_shown_picture_by_picture_and_never_very_late() -> None:
    play = Playback(list(range(10)), now=0)
    seen = []
    for now in range(10):
        play.tick(now * 33 * _MS)
        seen.append(play.place)
    assert seen == list(range(10))
    many = Playback([*range(100_000)], now=0)
    pictures = 0
    while not many.over:
        many.tick(_S)
        pictures += 1
    assert 100 < pictures < 400


def test_how_long_to_wait() -> None:
    play = Playback([0, _S, 1_000_000_001], now=0)
    assert play.wait(0) == _S
    assert play.wait(400 * _MS) == 600 * _MS
    play.tick(_S + 10)
    assert (play.place, play.reached) == (1, 2)
    assert play.wait(_S + 10) == 33_000_000  # a picture at a time
    play.tick(_S + 20)
    assert play.over
    assert play.wait(_S + 30) is None


def test_the_clock_runs_between_two_scenes() -> None:
    play = Playback([5 * _S, 15 * _S], most=2 * _S, now=0)
    assert [play.clock(now * _MS) for now in (0, 500, 1000, 2000, 9000)] == [5 * _S, 7_500 * _MS, 10 * _S, 15 * _S, 15 * _S]
    play.tick(2 * _S)
    assert play.clock(20 * _S) == 15 * _S
    assert Playback([None, 5], now=0).clock(10) is None


def test_pause_keeps_what_is_left_of_a_wait() -> None:
    play = Playback([0, _S, 2 * _S], now=0)
    play.tick(700 * _MS)
    play.pause(700 * _MS)
    assert play.wait(800 * _MS) is None
    assert not play.tick(60 * _S)
    assert play.clock(60 * _S) == 700 * _MS
    play.pause(60 * _S)
    assert play.wait(60 * _S) == 300 * _MS
    play.tick(60 * _S + 300 * _MS)
    assert play.place == 1


def test_pause_in_the_middle_of_a_burst_stays_where_it_is() -> None:
    play = Playback([0] * 100 + [_S], now=0)
    for _ in range(5):
        play.tick(0)
    at = play.place
    play.pause(0)
    assert (play.place, play.reached) == (at, at)


def test_space_at_the_end_begins_again() -> None:
    play = Playback([0, _S], now=0)
    play.tick(_S)
    assert play.over
    play.pause(5 * _S)
    assert (play.place, play.paused) == (0, False)
    play.tick(6 * _S)
    assert play.over


def test_steps_stop_it_and_stay_within_the_film() -> None:
    play = Playback([0, _S, 2 * _S], now=0)
    for by, place in ((1, 1), (1, 2), (1, 2), (-1, 1), (-5, 0), (-1, 0), (9, 2)):
        play.step(by, 0)
        assert (play.place, play.paused) == (place, True)
    play.go(0, 0)
    play.resume(0)
    assert play.wait(0) == _S


def test_another_speed_keeps_the_share_of_a_wait_that_is_over() -> None:
    play = Playback([0, _S, 2 * _S], now=0)
    play.tick(500 * _MS)
    play.faster(500 * _MS)
    assert play.speed == 2.0
    assert play.wait(500 * _MS) == 250 * _MS
    assert play.clock(500 * _MS) == 500 * _MS
    play.slower(500 * _MS)
    assert play.wait(500 * _MS) == 500 * _MS


def test_speeds_go_up_to_max_and_down_to_very_slow() -> None:
    play = Playback([0, _S], speed=3.0, now=0)
    ups = []
    while not math.isinf(play.speed):
        play.faster(0)
        ups.append(play.speed)
    assert ups == [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, math.inf]
    play.faster(0)
    assert math.isinf(play.speed)
    for _ in range(40):
        play.slower(0)
    assert play.speed == 1e-6
    play.faster(0)
    assert play.speed == 2e-6


def test_one_scene() -> None:
    play = Playback([7], now=0)
    assert play.over
    assert not play.tick(10)
    assert (play.wait(0), play.clock(0), len(play)) == (None, 7, 1)


_KEYS = ("pause", "faster", "slower")
_TIMES = st.lists(st.one_of(st.none(), st.integers(-(10**18), 10**18)), min_size=1, max_size=20)
_DONE = st.tuples(st.sampled_from([*_KEYS, "step", "go", "tick"]), st.integers(-30, 30), st.integers(0, 10**12))


@given(_TIMES, st.sampled_from([1e-9, 0.1, 1.0, 10.0, math.inf]), st.lists(_DONE, max_size=30))
def test_anything_leaves_it_within_the_film(
    times: Sequence[int | None], speed: float, done: list[tuple[str, int, int]]
) -> None:
    play = Playback(times, speed=speed, now=0)
    now = 0
    for what, by, later in done:
        now += later
        if what == "tick":
            play.tick(now)
        elif what in _KEYS:
            getattr(play, what)(now)
        else:
            getattr(play, what)(by, now)
        assert 0 <= play.place <= play.reached < len(times)
        wait = play.wait(now)
        assert wait is None or wait >= 0
        play.clock(now)
