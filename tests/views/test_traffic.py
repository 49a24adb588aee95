"""The counters of both sides as a table, and in a few words."""

from __future__ import annotations

from rich.console import Console

from netviz.event import TcpConnection
from netviz.views.theme import THEME
from netviz.views.traffic import traffic_table, troubles
from tests.wire import ACK, PSH, Wire


def _drawn(connection: TcpConnection, *, whole: bool = False) -> list[list[str]]:
    table = traffic_table(connection, whole=whole)
    if table is None:
        return []
    console = Console(width=80, no_color=True, theme=THEME)
    with console.capture() as capture:
        console.print(table)
    return [line.split() for line in capture.get().splitlines()]


_QUIET = Wire().open().client(PSH | ACK, b"abc").server(ACK)
_LOSSY = (
    Wire().open().client(PSH | ACK, b"abc").wait(1).client(PSH | ACK, b"abc", seq=1001).client(PSH | ACK, b"def", lost=True)
    .client(PSH | ACK, b"ghi").server(ACK, window=0).wait(2).server(ACK, window=500)
)  # fmt: skip


def test_nothing_special_is_no_table_unless_asked_for() -> None:
    assert _drawn(_QUIET.connection()) == []
    assert _drawn(_QUIET.connection(), whole=True) == [
        ["traffic", "client", "server"], ["segments", "3", "2"], ["bytes", "of", "data", "3", "0"],
    ]  # fmt: skip


def test_what_was_special_is_told_with_its_packet() -> None:
    assert _drawn(_LOSSY.connection()) == [
        ["traffic", "client", "server"], ["segments", "5", "3"], ["bytes", "of", "data", "9", "0"],
        ["sent", "again", "1", "#5", "–"], ["zero", "window", "–", "1", "#7"],
        ["bytes", "not", "captured", "3", "from", "#6", "–"], ["no", "room", "for", "–", "2.001", "s"],
    ]  # fmt: skip


def test_a_few_words() -> None:
    assert troubles(_QUIET.connection()) == []
    assert troubles(_LOSSY.connection()) == ["1 sent again", "zero window", "3 B not captured"]
