"""Lengths of time, as people write them."""

from __future__ import annotations

import pytest

from netviz.cli.duration import Duration


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("30", 30 * 10**9),
        ("1.5s", 1_500_000_000),
        ("200ms", 200_000_000),
        (".5 µs", 500),
        ("5m", 300 * 10**9),
        ("2h", 7200 * 10**9),
    ],
)
def test_durations(text: str, ns: int) -> None:
    assert Duration().convert(text, None, None) == ns


@pytest.mark.parametrize("text", ["", "s", "-1", "1d", "nan", "inf", "1e30", "٣s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(Exception, match="is no time"):
        Duration().convert(text, None, None)
