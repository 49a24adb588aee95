"""What is folded on a ladder, and how time spaces it."""

from __future__ import annotations

import pytest

from netviz.analysis import Analysis, course
from netviz.event import Moment, TcpConnection
from netviz.views.quiet import Fold, folded, lines, scale
from tests.wire import ACK, PSH, TICK, Wire, batches


def _moments(wire: Wire) -> tuple[Moment, ...]:
    analysis = Analysis(whole=True)
    found = [event for batch in batches(wire.packets) for event in analysis.feed(batch)] + list(analysis.close())
    (connection,) = (event for event in found if isinstance(event, TcpConnection))
    return course(connection).moments


def _chatter(count: int) -> Wire:
    wire = Wire().open()
    for _ in range(count):
        wire.client(PSH | ACK, b"abc")
    return wire


@pytest.mark.parametrize(
    ("segments", "drawn"),
    [
        (0, ["SYN", "SYN-ACK", "ACK"]),
        (5, ["SYN", "SYN-ACK", "ACK", *["data"] * 5]),
        (6, ["SYN", "SYN-ACK", "ACK", *["data"] * 6]),
        (20, ["SYN", "SYN-ACK", "ACK", "data", "data", "17 more segments, 51 B ▶, 18 ms", "data"]),
    ],
)
def test_long_quiet_runs_are_folded(segments: int, drawn: list[str]) -> None:
    found = [str(m) if isinstance(m, Fold) else m.what for m in folded(_moments(_chatter(segments)))]
    assert found == drawn


def test_what_is_special_is_not_folded() -> None:
    wire = _chatter(10)
    wire.client(PSH | ACK, b"abc", seq=1001)
    for _ in range(10):
        wire.client(PSH | ACK, b"abc")
    found = [m if isinstance(m, Fold) else m.what for m in folded(_moments(wire))]
    assert [fold.segments for fold in found if isinstance(fold, Fold)] == [7, 7]
    assert "sent again" in found


def test_nothing_is_lost_by_folding() -> None:
    moments = _moments(_chatter(40).server(ACK, ack=1001).close())
    drawn = list(folded(moments))
    assert sum(m.segments if isinstance(m, Fold) else 1 for m in drawn) == len(moments)


@pytest.mark.parametrize(
    ("gap", "unit", "expected"),
    [(None, 10, (0, False)), (0, 10, (0, False)), (-5, 10, (0, False)), (9, 10, (0, False)), (35, 10, (3, False)),
     (80, 10, (8, False)), (90, 10, (8, True)), (10**12, 10, (8, True)), (50, 0, (0, False))],
)  # fmt: skip
def test_lines_for_a_gap(gap: int | None, unit: int, expected: tuple[int, bool]) -> None:
    assert lines(gap, unit) == expected


def test_the_scale_keeps_the_ladder_short() -> None:
    moments = _moments(_chatter(5))
    assert sum(lines(TICK, scale(moments))[0] for _ in moments[1:]) <= 30
    assert scale(moments) in (200_000, 500_000, 1_000_000)
    long = _moments(_chatter(5).wait(3600).client(ACK))
    assert scale(long) == scale(moments)  # one long silence does not hide the rest


def test_no_scale_without_times() -> None:
    assert scale(()) == 0
    assert scale([m._replace(segment=m.segment._replace(time=None)) for m in _moments(_chatter(2))]) == 0
