"""Plain lines: one an event and one for each problem, with nothing in them that ends a line or that a terminal obeys."""

from __future__ import annotations

import pytest

from netviz.event import Answer, CaptureProblem, Event, Problem
from netviz.views.plain_websocket import plain_websocket
from tests.hostile import HOSTILE, dangerous
from tests.talk import close, frame_event, message, upgrade
from tests.wire import START


def _line(event: Event) -> str:
    (line,) = plain_websocket(event, START)
    return line


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (upgrade(), "0.004000 connection 0 upgrade accepted GET / answered 101 Switching Protocols after 1 ms"),
        (upgrade(subprotocol="a", extensions=("b; c",)), "after 1 ms, subprotocol a; b; c"),
        (upgrade(status=404, reason="Not Found", problems=()), "upgrade rejected GET / answered 404 Not Found after 1 ms"),
        (upgrade(status=None, outcome="unanswered", problems=()), "upgrade unanswered GET / answered no answer"),
        (message(), "0.005000 connection 0 message 1 client text 5 bytes: Hello"),
        (message(content="a\nb\r"), "text 4 bytes: a\\nb\\r"),
        (message(fragments=3, side=1), "server text 5 bytes in 3 frames: Hello"),
        (message(compressed=True, length=1234, wire_length=1), "text 1 byte compressed of 1,234: Hello"),
        (message(kind="pong", content="x", after=Answer(3, 1_000_000)), "pong 1 byte answers message 3 after 1 ms: x"),
        (message(kind="binary", content=b"\x00\xff"), "binary 2 bytes: 00 ff"),
        (message(time=None), "- connection 0 message 1"),
        (frame_event(), "frame 1 client text fin 1 mask 37fa213d length 5"),
        (frame_event(first=0x72, mask=-1, side=1), "frame 1 server binary fin 0 RSV1 RSV2 RSV3 no mask length 5"),
        (close(), "1.000000 connection 0 closed 1000 normal closure by client, clean, TCP fin"),
        (close(reason="bye", clean=False, transport="reset"), "by client reason bye, not clean, TCP reset"),
        (close(ended=False), "connection 0 still open at the end of the capture"),
    ],
)
def test_a_line(event: Event, line: str) -> None:
    assert line in _line(event) if not line[0].isdigit() else _line(event) == line


def test_a_line_for_each_problem() -> None:
    found = (Problem("a-b", "first", 1), Problem("c", "second\nline", 2))
    for event in (upgrade(problems=found), message(problems=found), frame_event(problems=found), close(problems=found)):
        lines = list(plain_websocket(event, START))
        assert [line.split(" ", 1)[1] for line in lines[1:]] == [
            "connection 0 problem a-b: first", "connection 0 problem c: second\\nline"]  # fmt: skip


def test_other_events_are_none_of_its_business() -> None:
    assert list(plain_websocket(CaptureProblem(packets=(1,), time=None), START)) == []


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str, full: bool) -> None:
    text = HOSTILE[name]
    found = (Problem("a", text, 1),)
    for event in (
        upgrade(path=text, reason=text, subprotocol=text, extensions=(text,), problems=found),
        upgrade(status=403, reason=text, path=text),
        message(content=text, problems=found),
        message(kind="ping", content=text),
        message(kind="close", content=text, code=1000),
        message(kind="binary", content=text.encode("utf-8", "surrogatepass")),
        close(reason=text, problems=found),
    ):
        lines = list(plain_websocket(event, START, full=full))
        assert len(lines) == 1 + len(event.problems)
        assert dangerous("".join(lines)) == set()
        assert not any("\n" in line for line in lines)
