"""Durations, points in time and counts, as people read them."""

from __future__ import annotations

__all__ = ["plural", "seconds", "span"]

_SECOND = 1_000_000_000


def span(nanoseconds: int) -> str:
    """A duration in the unit that suits it.

    >>> [span(n) for n in (800, 17_000, 35_200_000, 1_204_000_000, 125_000_000_000)]
    ['0.8 µs', '17 µs', '35.2 ms', '1.204 s', '2 min 5 s']
    """
    if nanoseconds < 0:
        return "-" + span(-nanoseconds)
    for unit, size in (("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds / size:.3g} {unit}"
    if nanoseconds < 60 * _SECOND:
        return f"{nanoseconds / _SECOND:.3f} s"
    minutes, rest = divmod(nanoseconds // _SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def seconds(nanoseconds: int) -> str:
    """A point in time as seconds with six decimals."""
    return f"{nanoseconds / _SECOND:.6f}"


def plural(count: int, noun: str) -> str:
    """A count and its noun: ``1 packet``, ``2 packets``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
