"""What a connection costs before its first message, read again for one connection, and drawn on its ladder."""

from __future__ import annotations

from pathlib import Path

import pytest

from netviz.analysis import analyze
from netviz.capture.source import open_capture
from netviz.event import Prologue, TcpConnection
from netviz.keylog import KeyLog
from netviz.prologue import read_prologue
from netviz.samples import samples
from netviz.views.prologue import cost_table, inside
from tests.run import inside as run


def _prologue(name: str, number: int = 0, keys: KeyLog | None = None) -> tuple[TcpConnection, Prologue]:
    path = samples()[name]
    (connection,) = (
        event for event in analyze(open_capture(path)) if isinstance(event, TcpConnection) and event.connection == number
    )
    return connection, read_prologue(open_capture(path), connection, keys or KeyLog())


@pytest.mark.parametrize("name", ["wss", "wss-tls12"])
def test_all_three_steps(name: str) -> None:
    connection, prologue = _prologue(name)
    assert prologue.tls is not None
    assert prologue.upgrade is not None
    assert prologue.first is not None
    assert prologue.first.number == 1
    assert [rung.side for rung in inside(prologue)] == ([0, 1, 0, 0, 1] if name == "wss" else [0, 1, 0, 1, 0, 1])
    table = cost_table(connection, prologue, 80)
    assert table is not None
    assert table.row_count == 5


def test_each_connection_has_its_own() -> None:
    seen = [_prologue("wss-missing-key", number)[1] for number in range(4)]
    assert [one.upgrade.path if one.upgrade else None for one in seen] == ["/c0", None, "/c2", "/c3"]
    assert [one.tls.session.version if one.tls and one.tls.session else None for one in seen] == [
        "TLSv1.3", "TLSv1.3", "TLSv1.3", "TLSv1.2"]  # fmt: skip


def test_without_keys_what_is_measured_ends_with_tls(tmp_path: Path) -> None:
    connection, prologue = _prologue("wss-missing-key", 1)
    assert prologue.tls is not None
    assert (prologue.upgrade, prologue.first, prologue.tls.keys) == (None, None, "missing")
    table = cost_table(connection, prologue, 80)
    assert table is not None
    assert "until TLS is open" in str(list(table.columns[0].cells)[-1])


def test_without_tls_there_is_nothing_to_add() -> None:
    connection, prologue = _prologue("websocket")
    assert prologue.tls is None
    assert cost_table(connection, Prologue(None, None, None), 80) is None


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("more", [[], ["--packets"], ["--time-scale"], ["--ascii"], ["--explain"]])
def test_the_ladder(columns: int, more: list[str]) -> None:
    done = run("handshake", "wss", *more, columns=columns)
    assert done.status == 0
    assert "before the first message" in done.out
    assert "ClientHello" in done.out
    assert "GET /secure" in done.out
    assert max(map(len, done.out.splitlines())) <= columns
