"""The screen that is redrawn while packets come."""

from __future__ import annotations

import pytest

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.layers.layer import Wanted
from netviz.views.live import Board, Pulse, counted
from tests.conftest import CAPTURES
from tests.hostile import HOSTILE, dangerous, lines_of, wider

_WIDTHS = (60, 80, 120, 200)
_NONE = (("the kernel", 0), ("the interface", 0), ("netviz", 0))


def _pulse(
    lasted: float = 1.0, packets: int = 100, octets: int = 10_000, dropped: tuple[tuple[str, int], ...] = _NONE
) -> Pulse:
    return Pulse("lo", "tcp port 80", lasted, packets, octets, dropped)


def _board(name: str, *, frames: bool) -> Board:
    board = Board()
    analysis = Analysis(wanted=Wanted()) if frames else Analysis(openings=True)
    for event in analysis.run(open_capture(CAPTURES[name])):
        board.start = analysis.start
        board.take(event)
    return board


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("height", [10, 20, 40])
@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize("name", ["mixed", "websocket", "socketio-rooms", "refused"])
def test_it_fits_any_terminal(name: str, frames: bool, width: int, height: int) -> None:
    rows = lines_of(_board(name, frames=frames).lines(_pulse(), width, height))
    assert wider(rows, width) == []
    assert len(rows) <= height + 4  # the head may take lines of its own; what is too much is cut off by the caller


def test_the_newest_is_shown() -> None:
    rows = lines_of(_board("websocket", frames=True).lines(_pulse(), 100, 40))
    assert "live on lo" in rows[0]
    assert any("/echo" in row for row in rows)
    assert any("close" in row and "1000" in row for row in rows[-3:])


def test_an_open_connection_is_open() -> None:
    board = Board()
    analysis = Analysis(openings=True)
    for batch in open_capture(CAPTURES["websocket"]):
        for event in analysis.feed(batch.part(0, 5)):
            board.take(event)
    rows = lines_of(board.lines(_pulse(), 120, 20))
    (row,) = [row for row in rows if "ESTABLISHED" in row]
    assert "open" in row
    assert "at the end" not in row


def test_rates_are_of_the_last_seconds() -> None:
    board = Board()
    list(board.lines(_pulse(0.0, 0, 0), 120, 10))
    list(board.lines(_pulse(10.0, 10, 10), 120, 10))
    row = lines_of(board.lines(_pulse(11.0, 1010, 1_000_010), 120, 10))[0]
    assert "1,000 packets/s" in row
    assert "1 MB/s" in row


def test_drops_are_seen() -> None:
    dropped = (("the kernel", 5), ("the interface", 0), ("netviz", 2))
    assert "7 dropped" in lines_of(Board().lines(_pulse(dropped=dropped), 120, 10))[0]
    assert counted(_pulse(dropped=dropped)) == (
        "100 packets captured on lo in 1.0 s; dropped: 5 by the kernel, 0 by the interface, 2 by netviz"
    )
    assert "none dropped" in lines_of(Board().lines(_pulse(), 120, 10))[0]


def test_nothing_yet() -> None:
    assert lines_of(Board().lines(_pulse(packets=0), 80, 24))[-1] == "nothing yet: waiting for packets"


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_names_are_harmless(kind: str) -> None:
    pulse = Pulse(HOSTILE[kind], HOSTILE[kind], 1.0, 1, 1, _NONE, HOSTILE[kind])
    for width in _WIDTHS:
        rows = lines_of(Board().lines(pulse, width, 20))
        assert not any(dangerous(row) for row in rows)
        assert wider(rows, width) == []


def test_no_more_is_remembered_than_can_be_seen() -> None:
    board = Board()
    (event,) = (event for event in Analysis().run(open_capture(CAPTURES["refused"])) if event.name == "tcp.connection")
    from dataclasses import replace

    for number in range(1000):
        board.take(replace(event, connection=number))  # type: ignore[type-var]
    rows = lines_of(board.lines(_pulse(), 120, 1000))
    assert sum("REFUSED" in row for row in rows) == 300
    assert any(row.startswith("  999 ") for row in rows)
