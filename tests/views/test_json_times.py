"""Times and durations as JSON: what C writes is what Python writes, wherever the calendar and a double can say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netviz.native import native
from netviz.views import jsonl
from tests.columns import IN_C

_SECOND = 1_000_000_000
_EXACT, _LONG = 1 << 52, (1 << 63) - 1

#: Times in ns where something changes: days that leap years have or have not, ends of years, and of what 64 bits hold.
_EDGES = [
    *(
        int(datetime(*day, tzinfo=UTC).timestamp()) * _SECOND + more
        for day in (
            (1970, 1, 1), (1970, 3, 1), (1972, 2, 29), (1999, 12, 31), (2000, 1, 1), (2000, 2, 28), (2000, 2, 29), (2000, 3, 1),
            (2001, 2, 28), (2001, 3, 1), (2024, 2, 29), (2024, 12, 31), (2038, 1, 19), (2100, 2, 28), (2100, 3, 1),
            (2100, 12, 31), (2101, 1, 1), (2200, 2, 28), (2200, 3, 1), (2262, 4, 11),
        )
        for more in (0, 1, 999_999_999, 86_399 * _SECOND + 999_999_999)
    ),
    _LONG - 1, _LONG, _LONG + 1, 1 << 64, 1 << 80, -1, -2, -_LONG, -_LONG - 1, -_LONG - 2, -(1 << 80),
]  # fmt: skip
_times = st.sampled_from(_EDGES) | st.integers(0, _LONG) | st.integers(-(1 << 66), 1 << 66)
#: How far apart two times are: a round trip, a day, about as much as a double holds, anything.
_apart = (
    st.integers(-200_000, 200_000) | st.integers(-(10**14), 10**14) | st.integers(-(10**15) - 9, -(10**15) + 9)
    | st.integers(10**15 - 9, 10**15 + 9) | st.integers(-_EXACT - 9, -_EXACT + 9) | st.integers(_EXACT - 9, _EXACT + 9)
    | st.integers(-_LONG, _LONG)
)  # fmt: skip


def _written(time: int, start: int) -> str:
    """The keys of a time that has a place in the calendar."""
    second, nanosecond = divmod(time, _SECOND)
    stamp = (datetime(1970, 1, 1) + timedelta(seconds=second)).isoformat()
    return f', "time": "{stamp}.{nanosecond:09d}Z", "elapsed": {(time - start) / _SECOND!r}'


def _in_python(time: int, start: int) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "native", None)
        return jsonl.moment(time, start)


def test_every_edge_of_the_calendar() -> None:
    for time in _EDGES:
        if 0 <= time <= _LONG:
            assert jsonl.moment(time, time - 5) == _in_python(time, time - 5) == _written(time, time - 5)


@settings(max_examples=500)
@given(time=_times, apart=_apart)
def test_times_in_c_and_in_python(time: int, apart: int) -> None:
    start = time - apart
    told = jsonl.moment(time, start)
    assert told == _in_python(time, start)
    if 0 <= time <= _LONG:
        assert told == _written(time, start)
    if native is not None:
        exact = 0 <= time <= _LONG and 0 <= start <= _LONG and abs(apart) <= _EXACT
        assert native.moment(time, start) == (told if exact else None)


def test_a_time_without_a_start_and_none_at_all() -> None:
    assert jsonl.moment(None, 5) == jsonl.moment(None, None) == ""
    assert jsonl.moment(5, None) == ', "time": "1970-01-01T00:00:00.000000005Z", "elapsed": 0.0'


@settings(max_examples=500)
@given(duration=_apart | _times)
@example(duration=0)
@example(duration=99_999)
@example(duration=100_000)
@example(duration=10**15 - 1)
@example(duration=10**15)
@example(duration=_EXACT)
@example(duration=_EXACT + 1)
@example(duration=-_EXACT)
@example(duration=-_EXACT - 1)
def test_durations_in_c_and_in_python(duration: int) -> None:
    expected = repr(duration / _SECOND)
    assert jsonl._seconds(duration) == expected
    if native is not None:
        assert native.seconds(duration) == (expected if abs(duration) <= _EXACT else None)


@IN_C
@pytest.mark.parametrize(
    "given", [(), (1,), (1, 2, 3), (None, 1), (1, None), ("1", 1), (1, "1"), (1.0, 1), (1, b"1"), ([], [])]
)
def test_a_moment_is_two_whole_numbers(given: tuple[Any, ...]) -> None:
    assert native is not None
    with pytest.raises(TypeError):
        native.moment(*given)
    with pytest.raises(TypeError):
        native.moment(*given, start=1)


@IN_C
@pytest.mark.parametrize("given", [(), (1, 2), (None,), ("1",), (1.0,), (b"1",), ([],)])
def test_a_duration_is_a_whole_number(given: tuple[Any, ...]) -> None:
    assert native is not None
    with pytest.raises(TypeError):
        native.seconds(*given)
