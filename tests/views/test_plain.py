"""Plain lines: one an event, whole words, nothing drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netviz.analysis import course
from netviz.event import CaptureProblem, Event, Problem
from netviz.views.plain import plain_course, plain_event
from tests.wire import ACK, PSH, RST, SERVER, START, SYN, Wire

_PROBLEM = CaptureProblem(packets=(3,), time=START, problems=(Problem("file-cut", "it ends too soon", 3),))
_ENDS = "10.0.0.1:40000 to 10.0.0.2:80"


def _told(event: Event, start: int | None = START) -> list[str]:
    return list(plain_event(event, start))


@pytest.mark.parametrize(
    ("wire", "lines"),
    [
        (
            Wire().open().close(SERVER),
            [f"0.005000 connection 0 established {_ENDS}, round trip 2 ms, closed by server after 5 ms"],
        ),
        (Wire().open(), [f"0.002000 connection 0 established {_ENDS}, round trip 2 ms, still open at the end"]),
        (
            Wire().open().client(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n"),
            [f"0.003000 connection 0 established {_ENDS}, round trip 2 ms, still open at the end, http"],
        ),
        (
            Wire().client(SYN).server(RST | ACK),
            [
                f"0.001000 connection 0 refused {_ENDS}",
                "- connection 0 problem connection-refused: an RST answered the SYN",
            ],
        ),
    ],
)
def test_connections(wire: Wire, lines: list[str]) -> None:
    assert _told(wire.connection()) == lines


@pytest.mark.parametrize(
    ("time", "start", "begins"),
    [(START, START, "0.000000 "), (START + 10**9, START, "1.000000 "), (None, START, "- "), (START, None, "0.000000 ")],
)
def test_times(time: int | None, start: int | None, begins: str) -> None:
    (line,) = _told(replace(_PROBLEM, time=time), start)
    assert line == f"{begins}capture problem file-cut: it ends too soon"


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31mred", "a\u202eb", "\udcff"])
def test_texts_are_made_safe(text: str) -> None:
    problem = Problem("file-cut", text, 3)
    for event in (replace(_PROBLEM, problems=(problem,)), replace(Wire().open().connection(), problems=(problem,))):
        line = _told(event)[-1]
        assert line.isprintable()
        assert "file-cut: " in line


def test_a_line_for_each_problem() -> None:
    problems = (Problem("a-b", "one", 1), Problem("c-d", "two", 2))
    connection = replace(Wire().open().connection(), problems=problems)
    assert [line.rpartition(" problem ")[2] for line in _told(connection)[1:]] == ["a-b: one", "c-d: two"]


def test_a_line_for_each_step() -> None:
    connection = Wire().open().connection()
    assert list(plain_course(connection, course(connection), START)) == [
        "0.000000 connection 0 packet 1 client sends SYN seq 0 (1000) bytes 0; client SYN-SENT, server SYN-RECEIVED",
        "0.001000 connection 0 packet 2 server sends SYN-ACK seq 0 (5000) ack 1 (1001) bytes 0; "
        "client ESTABLISHED, server SYN-RECEIVED",
        "0.002000 connection 0 packet 3 client sends ACK seq 1 (1001) ack 1 (5001) bytes 0; "
        "client ESTABLISHED, server ESTABLISHED inferred",
    ]  # fmt: skip


def test_steps_stand_on_one_line_each() -> None:
    connection = Wire(("fd20::1", 1), ("fd20::2", 2)).open().client(PSH | ACK, b"x").close().connection()
    lines = list(plain_course(connection, course(connection), None))
    assert len(lines) == len(course(connection).moments)
    assert all(line.isascii() and line.isprintable() for line in lines)
