"""Where nothing happens on a ladder: runs of segments that are folded, and time that passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netviz.event import Moment
from netviz.quantity import plural, span

__all__ = ["Fold", "folded", "lines", "scale"]

#: A quiet run is folded where it is longer than this; so many of its first and last segments stay.
_LONG, _BEFORE, _AFTER = 6, 2, 1

#: Empty lines that time may take: between two segments, and of a whole ladder.
_MOST_LINES, _ALL_LINES = 8, 30


class Fold(NamedTuple):
    """Segments that are not drawn one by one: how many, bytes of client and server in them, how long they took."""

    segments: int
    data: tuple[int, int] = (0, 0)
    lasted: int | None = None

    def __str__(self) -> str:
        sent = [f"{count:,} B {arrow}" for count, arrow in zip(self.data, "▶◀", strict=True) if count]
        parts = [plural(self.segments, "more segment"), *sent, *([] if self.lasted is None else [span(self.lasted)])]
        return ", ".join(parts)


def folded(moments: Sequence[Moment]) -> Iterator[Moment | Fold]:
    """The moments of a ladder, long runs of nothing but data and ACKs folded."""
    at = 0
    while at < len(moments):
        end = at
        while end < len(moments) and _is_quiet(moments, end):
            end += 1
        if end - at > _LONG:
            middle = moments[at + _BEFORE : end - _AFTER]
            data = (sum(m.segment.length for m in middle if m.segment.side == side) for side in (0, 1))
            yield from moments[at : at + _BEFORE]
            yield Fold(len(middle), (next(data), next(data)), _between(moments[at + _BEFORE - 1], moments[end - _AFTER]))
            yield from moments[end - _AFTER : end]
        else:
            yield from moments[at:end]
        if end < len(moments):
            yield moments[end]
        at = end + 1


def scale(moments: Sequence[Moment | Fold]) -> int:
    """How many ns an empty line of the ladder stands for, so that it does not get too long; 0 where there are no times."""
    drawn = [moment for moment in moments if not isinstance(moment, Fold)]
    gaps = [gap for gap in map(_between, drawn, drawn[1:]) if gap is not None and gap > 0]
    unit = 1_000
    while gaps:
        for factor in (1, 2, 5):
            if sum(min(gap // (unit * factor), _MOST_LINES) for gap in gaps) <= _ALL_LINES:
                return unit * factor
        unit *= 10
    return 0


def lines(gap: int | None, unit: int) -> tuple[int, bool]:
    """How many empty lines stand for a gap, and whether there ought to be more."""
    if gap is None or gap <= 0 or not unit:
        return 0, False
    return min(gap // unit, _MOST_LINES), gap // unit > _MOST_LINES


def _is_quiet(moments: Sequence[Moment], index: int) -> bool:
    moment = moments[index]
    before = moments[index - 1].states if index else None
    return moment.what in ("data", "ACK") and not moment.segment.special and moment.states == before


def _between(before: Moment, after: Moment) -> int | None:
    start, stop = before.segment.time, after.segment.time
    return None if start is None or stop is None else stop - start
