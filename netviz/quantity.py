"""Durations, points in time and counts, as people read them."""

from __future__ import annotations

__all__ = ["amount", "plural", "seconds", "span"]

_SECOND = 1_000_000_000
_UNITS = ("kB", "MB", "GB", "TB")


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


def amount(count: int) -> str:
    """So many bytes, in the unit that suits them.

    >>> [amount(n) for n in (0, 812, 24_868, 283_911_734)]
    ['0 B', '812 B', '24.9 kB', '284 MB']
    """
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, iter(_UNITS)
    unit = next(units)
    while value >= 999.5 and (larger := next(units, "")):
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"
