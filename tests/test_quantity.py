"""Durations, points in time and counts in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.quantity import amount, plural, seconds, span

_US, _MS, _S, _MIN, _H = 1_000, 1_000_000, 1_000_000_000, 60_000_000_000, 3_600_000_000_000


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (0, "0 µs"), (1, "0.001 µs"), (800, "0.8 µs"), (1 * _US, "1 µs"), (9_990, "9.99 µs"), (9_999, "10 µs"),
        (17 * _US, "17 µs"), (123_456, "123 µs"), (999 * _US, "999 µs"), (999_999, "1 ms"), (_MS, "1 ms"),
        (35_200_000, "35.2 ms"), (99_990_000, "100 ms"), (999 * _MS, "999 ms"), (999_999_999, "1.000 s"), (_S, "1.000 s"),
        (1_204 * _MS, "1.204 s"), (59_999 * _MS, "59.999 s"), (_MIN, "1 min 0 s"), (125 * _S, "2 min 5 s"),
        (_H - _S, "59 min 59 s"), (_H, "1 h 0 min"), (26 * _H + 3 * _MIN, "26 h 3 min"), (-5 * _MS, "-5 ms"),
    ],
)  # fmt: skip
def test_span(nanoseconds: int, words: str) -> None:
    assert span(nanoseconds) == words


def _read(words: str) -> float:
    """The ns that a span stands for."""
    sizes = {"µs": _US, "ms": _MS, "s": _S, "min": _MIN, "h": _H}
    return sum(float(value) * sizes[unit] for value, unit in re.findall(r"([\d.]+) (\S+)", words))


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=100 * _H))
def test_span_is_near_what_it_stands_for(nanoseconds: int) -> None:
    whole = _MIN if nanoseconds >= _H else _S if nanoseconds >= _MIN else 0
    assert abs(_read(span(nanoseconds)) - nanoseconds) <= max(nanoseconds * 0.0051, whole, 0.5)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=1_000 * _H))
def test_span_never_shows_a_number_that_a_larger_unit_suits(nanoseconds: int) -> None:
    words = span(nanoseconds)
    assert "e" not in words
    limits = {"µs": 1000, "ms": 1000, "min": 60, "h": 1e9, "s": 60}
    assert all(float(value) < limits[unit] for value, unit in re.findall(r"([\d.]+) (\S+)", words))


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=100 * _H))
def test_span_of_the_past_is_that_of_the_future_with_a_sign(nanoseconds: int) -> None:
    assert span(-nanoseconds) == "-" + span(nanoseconds)


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [(0, "0.000000"), (1_500, "0.000002"), (_S, "1.000000"), (-_S // 2, "-0.500000"), (_H, "3600.000000")],
)
def test_seconds(nanoseconds: int, words: str) -> None:
    assert seconds(nanoseconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 packets"), (1, "1 packet"), (2, "2 packets"), (1_234_567, "1,234,567 packets")]
)
def test_plural(count: int, words: str) -> None:
    assert plural(count, "packet") == words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1 kB"), (24_868, "24.9 kB"), (999_499, "999 kB"), (999_500, "1 MB"),
        (283_911_734, "284 MB"), (10**9, "1 GB"), (10**12, "1 TB"), (5 * 10**15, "5,000 TB"),
    ],
)  # fmt: skip
def test_amount(count: int, words: str) -> None:
    assert amount(count) == words


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**18))
def test_amount_is_near_what_it_stands_for(count: int) -> None:
    value, unit = amount(count).replace(",", "").split()
    assert "e" not in value
    assert abs(float(value) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit] - count) <= count * 0.0051
