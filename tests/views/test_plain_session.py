"""Engine.IO and Socket.IO as plain lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netviz.event import Acknowledged, Event, Problem
from netviz.views.plain_session import plain_session
from tests.engine import SID, engine, request, session, socket
from tests.wire import CLIENT, SERVER, START

_WAITS = Acknowledged(9, 1_500_000)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (engine(SERVER, "ping", at=2), "0.002000 session 0 server polling engine.io ping"),
        (engine(CLIENT, "pong", "probe", took=1_000_000), "0.000000 session 0 client polling engine.io pong after 1 ms: probe"),
        (engine(CLIENT, "noop", b"ab"), "0.000000 session 0 client polling engine.io noop: 2 bytes"),
        (socket(CLIENT, "EVENT", "chat", "hi", 1), '0.000000 session 0 client polling emit("chat", "hi", 1)'),
        (socket(CLIENT, "EVENT", "a", id=3, ack=_WAITS), '0.000000 session 0 client polling emit("a") #3 ack +1.5 ms'),
        (socket(SERVER, "ACK", None, 1, id=3, answers=_WAITS), "0.000000 session 0 server polling ack 1 #3 answers +1.5 ms"),
        (socket(SERVER, "CONNECT_ERROR", None, "no", namespace="/a"),
         '0.000000 session 0 server polling /a connect error "no"'),
        (session(), f"0.000000 session 0 of 10.0.0.1:40000 at 10.0.0.2:80/socket.io/ {SID}: Engine.IO 4, polling"),
        (session(sid=None, version=None, transports=()),
         "0.000000 session 0 of 10.0.0.1:40000 at 10.0.0.2:80/socket.io/ without a sid: Engine.IO ?, no transport"),
    ],
)  # fmt: skip
def test_lines(event: Event, line: str) -> None:
    assert list(plain_session(event, START)) == [line]


def test_what_needs_no_line() -> None:
    for event in (engine(CLIENT, "message", "2[]"), session(over=False), request()):
        assert list(plain_session(event, START)) == []


def test_problems_have_lines() -> None:
    wrong = (Problem("bad", "packet 6: \x1b[31mno", 6),)
    said = "0.000000 session 0 problem bad: packet 6: "
    for event in (
        engine(CLIENT, "message", problems=wrong),
        session(over=False, problems=wrong),
        socket(0, "EVENT", problems=wrong),
    ):
        last = list(plain_session(event, START))[-1]
        assert last.startswith(said)
        assert "\x1b" not in last


def test_text_of_the_wire_is_escaped() -> None:
    evil = "\x1b]0;x\x07\n\u202e"
    for event in (
        engine(CLIENT, "noop", evil), socket(CLIENT, "EVENT", evil, evil, {evil: evil}, namespace=evil),
        socket(CLIENT, "CONNECT", None, evil), session(sid=evil, path=evil),
    ):  # fmt: skip
        (line,) = plain_session(event, START)
        assert not set(line) & set(evil[0] + evil[5:])


def test_long_arguments_are_shortened_unless_all_is_wanted() -> None:
    event = socket(CLIENT, "EVENT", "a", "x" * 5000)
    assert len(next(plain_session(event, START))) < 400
    assert "x" * 5000 in next(plain_session(event, START, full=True))
    assert next(plain_session(replace(engine(CLIENT, "ping"), time=None), START)).startswith("- session 0")
