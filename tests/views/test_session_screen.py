"""Whole screens of sessions as they were approved: tests/golden/sessions/NAME-WIDTH.txt, spaces at line ends dropped.

``NETVIZ_GOLDEN=write pytest -n0 tests/views`` rewrites them; read the diff as carefully as code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from netviz.verdicts.session_trace import SessionTrace
from netviz.views.session_screen import session_screen
from netviz.views.theme import THEME
from tests.hostile import dangerous
from tests.run import ROOT
from tests.sessions import CLIENT, SERVER, Played, chat, gathered
from tests.wire import START

_GOLDEN = ROOT / "tests" / "golden" / "sessions"
_CAPTURES = ROOT / "tests" / "captures" / "socketio"

#: What to draw, with which options, and how wide; ``chat`` is made by hand, all others are real.
_SCREENS = {
    "chat": (60, 80, 120, 200),
    "chat api": (80, 120),
    "chat full": (80,),
    "chat explain stats": (80, 120),
    "python-server": (80, 120),
    "ping-timeout-server": (80,),
    "stuck-400": (120,),
    "engine-errors": (120,),
    "eio3-binary-polling": (60, 120),
    "midstream": (80,),
    "midstream api": (120,),
}
_CASES = [(words, columns) for words, widths in _SCREENS.items() for columns in widths]


def _traces(name: str) -> tuple[list[SessionTrace], int | None]:
    return (chat(), START) if name == "chat" else gathered(str(_CAPTURES / f"{name}.pcapng"))


def _screen(words: str, columns: int) -> list[str]:
    name, *options = words.split()
    traces, start = _traces(name)
    servers = dict.fromkeys(trace.session.server for trace in traces)
    return [
        line
        for server in servers
        for line in _drawn([trace for trace in traces if trace.session.server == server], start, columns, options)
    ]


def _drawn(traces: list[SessionTrace], start: int | None, columns: int, options: list[str]) -> Iterator[str]:
    console = Console(width=columns, color_system=None, theme=THEME, soft_wrap=True, highlight=False)
    with console.capture() as got:
        for part in session_screen(traces, width=columns, start=start, **dict.fromkeys(options, True)):  # type: ignore[arg-type]  # options are flags
            console.print(part, soft_wrap=True)
    yield from (line.rstrip() for line in got.get().splitlines())


def _path(words: str, columns: int) -> Path:
    return _GOLDEN / f"{words.replace(' ', '-')}-{columns}.txt"


@pytest.mark.parametrize(("words", "columns"), _CASES)
def test_screens_are_as_approved(words: str, columns: int) -> None:
    lines = _screen(words, columns)
    assert [line for line in lines if cell_len(line) > columns] == []
    text = "".join(f"{line}\n" for line in lines)
    path = _path(words, columns)
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    assert path.read_text("utf-8") == text


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in _GOLDEN.iterdir()} == {_path(*case).name for case in _CASES}


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("name", sorted(path.stem for path in _CAPTURES.glob("*.pcapng")))
def test_no_line_is_wider_than_the_screen(name: str, columns: int) -> None:
    lines = _screen(f"{name} api explain stats", columns)
    assert [line for line in lines if cell_len(line) > columns] == []
    assert not dangerous("".join(lines))


@pytest.mark.parametrize(
    ("told", "title"),
    [
        (Played(), "Engine.IO  127.0.0.1:8840  · 1 session"),
        (Played().connect(1), "Socket.IO  127.0.0.1:8840  · 1 session  · 0 events"),
        (
            Played().emit(1, CLIENT, "a").emit(2, SERVER, "b").session(server=None),
            "Socket.IO  unknown server  · 1 session  · 2 events",
        ),
    ],
)
def test_titles(told: Played, title: str) -> None:
    assert next(_drawn([told.trace], START, 120, [])) == title
