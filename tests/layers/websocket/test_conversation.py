"""Conversations: what both sides send, in one order; pings and pongs, and how it ends."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from netviz.event import Problem, Totals, WebSocketClose, WebSocketFrame, WebSocketMessage
from netviz.layers.deflate import Deflate
from netviz.layers.layer import Ending, Outlet, Wanted
from netviz.layers.websocket.conversation import WebSocket
from netviz.stream import Stream
from tests.frames import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, closing, frame

_CLIENT, _SERVER = 0, 1
_CONNECTION, _PLACE, _TICK = 7, 54, 1000


class _Lost(NamedTuple):
    """Bytes that are missing: those of one side, which the snapshot length cut off or that are not in the capture."""

    side: int
    length: int
    cut: bool = False


class _Sent(NamedTuple):
    """The payload of a packet."""

    side: int
    data: bytes


_Line = _Sent | _Lost


def _c(opcode: int, payload: bytes | str = b"", **how: Any) -> _Sent:
    return _Sent(_CLIENT, frame(opcode, payload, MASK, **how))


def _s(opcode: int, payload: bytes | str = b"", **how: Any) -> _Sent:
    return _Sent(_SERVER, frame(opcode, payload, **how))


def _close(side: int, code: int | None = 1000, reason: str = "") -> _Sent:
    return _Sent(side, closing(code, reason, None if side else MASK))


class _Talk:
    """A WebSocket that is fed line by line: each one is a packet, a tick later; what was lost shows by the next packet."""

    def __init__(
        self, deflate: Deflate | None = None, *, inferred: bool = False, floor: int = 0, limit: int = 16 << 20
    ) -> None:
        self.outlet = Outlet(_CONNECTION, Wanted(limit=limit))
        self.streams = Stream(), Stream()
        self.layer = WebSocket(self.outlet, *self.streams, deflate=deflate, inferred=inferred, floor=floor)
        self.number = 0

    def add(self, line: _Line, cuts: Sequence[int] = (), *, advance: bool = True) -> None:
        """One line; it is read at each of the places in it, and at its end."""
        if isinstance(line, _Lost):
            number = max(self.number, 1) if line.cut else self.number + 1
            self.streams[line.side].miss(line.length, cut=line.cut, ready=number, time=number * _TICK)
            return
        self.number += 1
        ends = [*(cut for cut in cuts if 0 < cut < len(line.data)), len(line.data)]
        at = 0
        for end in ends:
            self.streams[line.side].append(
                line.data[at:end], packet=self.number, place=_PLACE + at, ready=self.number, time=self.number * _TICK
            )
            at = end
            if advance or end < ends[-1]:
                assert self.layer.advance() is None

    def close(self, how: Literal["fin", "reset", "open"] = "open", by: int = -1, flight: tuple[int, int] = (0, 0)) -> _Talk:
        """The end of the connection, in the packet behind the last one."""
        self.layer.advance()
        self.number += how != "open"
        ending = Ending(how, by, self.number, self.number * _TICK, flight)
        assert self.layer.close(ending) is None
        return self

    @property
    def told(self) -> list[Any]:
        """All there is, comparable wherever it was split."""
        return [
            (ready, kind, (*value[:2], _merged(value[2]), *value[3:]) if isinstance(value, tuple) else value)
            for ready, (kind, value) in self.outlet.found
        ]

    @property
    def frames(self) -> list[WebSocketFrame]:
        """Its frames."""
        return [WebSocketFrame._make(value) for _, (kind, value) in self.outlet.found if kind == "frame"]

    @property
    def messages(self) -> list[WebSocketMessage]:
        """Its messages."""
        return [WebSocketMessage._make(value) for _, (kind, value) in self.outlet.found if kind == "message"]

    @property
    def end(self) -> WebSocketClose:
        """How it ended."""
        (event,) = (value for _, (kind, value) in self.outlet.found if kind == "close")
        assert isinstance(event, WebSocketClose)
        return event


def _merged(origin: Sequence[int]) -> tuple[int, ...]:
    """Slices of a packet that follow one another as one."""
    found: list[int] = []
    for at in range(0, len(origin), 3):
        if found and found[-3] == origin[at] and found[-1] == origin[at + 1]:
            found[-1] = origin[at + 2]
        else:
            found += origin[at : at + 3]
    return tuple(found)


_Ends = tuple[Literal["fin", "reset", "open"], int]
_OPEN: _Ends = ("open", -1)


def _talk(lines: Sequence[_Line], ends: _Ends = _OPEN, *, at_once: bool = False, step: int = 0, **how: Any) -> _Talk:
    talk = _Talk(**how)
    for line in lines:
        cuts = range(step, len(line.data), step) if step and isinstance(line, _Sent) else ()
        talk.add(line, cuts, advance=not at_once)
    return talk.close(*ends)


def _press(*messages: bytes) -> list[bytes]:
    """The payloads of compressed messages."""
    press = zlib.compressobj(wbits=-15)
    return [(press.compress(message) + press.flush(zlib.Z_SYNC_FLUSH))[:-4] for message in messages]


_FIRST, _SECOND = _press(b"Hello, Hello, Hello", b"Hello, Hello")
_KEPT, _NEW = Deflate(), Deflate((False, False))


class _Case(NamedTuple):
    """Lines, what was agreed on and the end; side and kind of each frame; side, kind, content, first and last frame of each
    message.
    """

    lines: list[_Line]
    frames: str
    messages: list[tuple[int, str, str | bytes | None, tuple[int, int]]]
    deflate: Deflate | None = None
    ends: _Ends = _OPEN


_TABLE: dict[str, _Case] = {
    "nothing": _Case([], "", []),
    "question and answer": _Case(
        [_c(TEXT, "a"), _s(BINARY, b"b"), _c(TEXT, "c")], "c1 s2 c1",
        [(0, "text", "a", (1, 1)), (1, "binary", b"b", (2, 2)), (0, "text", "c", (3, 3))]),
    "fragments of both sides": _Case(
        [_c(TEXT, "a", fin=False), _s(BINARY, b"x", fin=False), _c(PING, "p"), _s(PONG, "p"), _c(CONTINUATION, "b"),
         _s(CONTINUATION, b"y")],
        "c1 s2 c9 s10 c0 s0",
        [(0, "ping", "p", (3, 3)), (1, "pong", "p", (4, 4)), (0, "text", "ab", (1, 5)), (1, "binary", b"xy", (2, 6))]),
    "several in a packet": _Case(
        [_Sent(_SERVER, frame(TEXT, "a") + frame(TEXT, "b") + frame(TEXT, "c")[:1]),
         _Sent(_SERVER, frame(TEXT, "c")[1:] + frame(PING))],
        "s1 s1 s1 s9",
        [(1, "text", "a", (1, 1)), (1, "text", "b", (2, 2)), (1, "text", "c", (3, 3)), (1, "ping", "", (4, 4))]),
    "a long one is complete behind a short one": _Case(
        [_Sent(_CLIENT, frame(TEXT, "a" * 200, MASK)[:100]), _s(TEXT, "b"),
         _Sent(_CLIENT, frame(TEXT, "a" * 200, MASK)[100:])],
        "s1 c1", [(1, "text", "b", (1, 1)), (0, "text", "a" * 200, (2, 2))]),
    "a message after one that was interrupted": _Case(
        [_c(TEXT, "a", fin=False), _c(TEXT, "b", fin=False), _s(PING), _c(CONTINUATION, "c")], "c1 c1 s9 c0",
        [(1, "ping", "", (3, 3)), (0, "text", "bc", (2, 4))]),
    "a reserved frame inside a message": _Case(
        [_c(TEXT, "a", fin=False), _c(5, "x"), _c(CONTINUATION, "b")], "c1 c5 c0", [(0, "text", "ab", (1, 3))]),
    "compressed, window kept": _Case(
        [_c(TEXT, _FIRST, rsv=4), _s(TEXT, _FIRST, rsv=4), _c(TEXT, _SECOND, rsv=4), _s(TEXT, _SECOND, rsv=4)],
        "c1 s1 c1 s1",
        [(0, "text", "Hello, Hello, Hello", (1, 1)), (1, "text", "Hello, Hello, Hello", (2, 2)),
         (0, "text", "Hello, Hello", (3, 3)), (1, "text", "Hello, Hello", (4, 4))], _KEPT),
    "compressed, in fragments": _Case(
        [_c(TEXT, _FIRST[:2], fin=False, rsv=4), _s(TEXT, _FIRST, rsv=4), _c(CONTINUATION, _FIRST[2:5], fin=False),
         _c(PONG, "x"), _c(CONTINUATION, _FIRST[5:])],
        "c1 s1 c0 c10 c0",
        [(1, "text", "Hello, Hello, Hello", (2, 2)), (0, "pong", "x", (4, 4)), (0, "text", "Hello, Hello, Hello", (1, 5))],
        _NEW),
    "only the server keeps its window": _Case(
        [_c(TEXT, _FIRST, rsv=4), _s(TEXT, _FIRST, rsv=4), _c(TEXT, _SECOND, rsv=4), _s(TEXT, _SECOND, rsv=4)],
        "c1 s1 c1 s1",
        [(0, "text", "Hello, Hello, Hello", (1, 1)), (1, "text", "Hello, Hello, Hello", (2, 2)), (0, "text", None, (3, 3)),
         (1, "text", "Hello, Hello", (4, 4))], Deflate((False, True))),
    "closed by the client": _Case(
        [_s(TEXT, "a"), _close(_CLIENT, 1000, "bye"), _close(_SERVER)], "s1 c8 s8",
        [(1, "text", "a", (1, 1)), (0, "close", "bye", (2, 2)), (1, "close", "", (3, 3))], None, ("fin", _SERVER)),
    "reset in the middle": _Case(
        [_c(TEXT, "a"), _Sent(_SERVER, frame(TEXT, "b")[:2])], "c1 s1", [(0, "text", "a", (1, 1))], None,
        ("reset", _CLIENT)),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_conversation(name: str) -> None:
    lines, frames, messages, deflate, ends = _TABLE[name]
    talk = _talk(lines, ends, deflate=deflate)
    assert " ".join(f"{'cs'[told.side]}{told.opcode}" for told in talk.frames) == frames
    assert [(told.side, told.kind, told.content, told.frames) for told in talk.messages] == messages
    assert [told.number for told in talk.frames] == [*range(1, len(talk.frames) + 1)]
    assert [told.number for told in talk.messages] == [*range(1, len(talk.messages) + 1)]
    connections = {told.connection for told in talk.frames} | {told.connection for told in talk.messages}
    assert connections | {talk.end.connection} == {_CONNECTION}
    assert (talk.layer.frames, talk.layer.messages) == (len(talk.frames), len(talk.messages))
    ready = [number for number, _ in talk.outlet.found]
    assert ready == sorted(ready)


@pytest.mark.parametrize("name", _TABLE)
def test_split_anywhere(name: str) -> None:
    lines, _, _, deflate, ends = _TABLE[name]
    expected = _talk(lines, ends, at_once=True, deflate=deflate).told
    for step in (0, 1, 2, 3):
        assert _talk(lines, ends, step=step, deflate=deflate).told == expected
    for index, line in enumerate(lines):
        assert isinstance(line, _Sent)
        for cut in range(1, len(line.data)):
            talk = _Talk(deflate)
            for at, other in enumerate(lines):
                talk.add(other, (cut,) if at == index else (), advance=False)
            assert talk.close(*ends).told == expected


def test_where_and_when() -> None:
    talk = _talk([_c(TEXT, "a", fin=False), _s(TEXT, "b"), _c(CONTINUATION, "c")])
    assert [(told.time, told.packets, told.sender) for told in talk.frames] == [
        (1000, (1,), "client"), (2000, (2,), "server"), (3000, (3,), "client"),
    ]  # fmt: skip
    assert [(told.time, told.packets, told.fragments, told.slices) for told in talk.messages] == [
        (2000, (2,), 1, ((2, 54, 57),)), (3000, (1, 3), 2, ((1, 54, 61), (3, 54, 61))),
    ]  # fmt: skip
    assert [ready for ready, _ in talk.outlet.found] == [1, 2, 2, 3, 3, 3]


def test_floor() -> None:
    # Until packet 2 nobody knew what this is, so that nothing of it was told before.
    talk = _talk([_c(TEXT, "a"), _s(TEXT, "b"), _c(TEXT, "c")], floor=2, inferred=True)
    assert [ready for ready, (kind, _) in talk.outlet.found if kind == "frame"] == [2, 2, 3]
    assert [told.time for told in talk.frames] == [1000, 2000, 3000]
    assert talk.end.inferred == ("event",)


# Ping and pong (RFC 6455 section 5.5.2, 5.5.3)

#: Lines; for each pong the message that it answers and the ticks in between; the messages that nobody answered.
_PINGS: dict[str, tuple[list[_Line], list[tuple[int, int] | None], list[int]]] = {
    "answered": ([_c(PING, "a"), _s(TEXT, "x"), _s(PONG, "a")], [(1, 2)], []),
    "by the server": ([_s(PING, "a"), _c(PONG, "a")], [(1, 1)], []),
    "empty": ([_s(PING), _c(PONG)], [(1, 1)], []),
    "no text": ([_s(PING, b"\xff"), _c(PONG, b"\xff")], [(1, 1)], []),
    "unsolicited": ([_s(PONG, "a")], [None], []),
    "of the same side": ([_s(PING, "a"), _s(PONG, "a")], [None], [1]),
    "other payload": ([_s(PING, "a"), _c(PONG, "b")], [None], [1]),
    "unanswered": ([_s(TEXT, "x"), _s(PING, "a"), _c(PING, "b")], [], [3, 2]),
    "one by one": ([_s(PING, "a"), _c(PONG, "a"), _s(PING, "a"), _c(PONG, "a")], [(1, 1), (3, 1)], []),
    "in order": ([_s(PING, "a"), _s(PING, "b"), _c(PONG, "a"), _c(PONG, "b")], [(1, 2), (2, 2)], []),
    "only the last": ([_s(PING, "a"), _s(PING, "b"), _s(PING, "c"), _c(PONG, "c")], [(3, 1)], []),
    "only the second": ([_s(PING, "a"), _s(PING, "b"), _s(PING, "c"), _c(PONG, "b")], [(2, 2)], [3]),
    "twice": ([_s(PING, "a"), _c(PONG, "a"), _c(PONG, "a")], [(1, 1), None], []),
    "too late": ([_s(PING, "a"), _s(PING, "b"), _c(PONG, "b"), _c(PONG, "a")], [(2, 1), None], []),
    "of both": ([_s(PING, "a"), _c(PING, "a"), _s(PONG, "a"), _c(PONG, "a")], [(2, 1), (1, 3)], []),
}  # fmt: skip


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", _PINGS)
def test_pings(name: str, step: int) -> None:
    lines, answers, unanswered = _PINGS[name]
    talk = _talk(lines, step=step)
    expected = [answer and (answer[0], answer[1] * _TICK) for answer in answers]
    assert [told.after for told in talk.messages if told.kind == "pong"] == expected
    assert all(told.after is None for told in talk.messages if told.kind != "pong")
    assert sorted(talk.end.unanswered) == sorted(unanswered)


def test_pings_without_time() -> None:
    talk = _Talk()
    for side, data in ((_SERVER, frame(PING, "a")), (_CLIENT, frame(PONG, "a", MASK))):
        talk.streams[side].append(data, packet=1 + side, place=0, ready=1 + side, time=None)
        talk.layer.advance()
    assert [told.after for told in talk.messages] == [None, (1, None)]
    assert [told.time for told in talk.messages] == [None, None]


def test_pings_that_are_remembered() -> None:
    talk = _talk([_s(PING, str(number)) for number in range(3000)] + [_c(PONG, "0"), _c(PONG, "2999")])
    assert [told.after for told in talk.messages[3000:]] == [None, (3000, 2 * _TICK)]


# The end (RFC 6455 section 7)


class _End(NamedTuple):
    """Lines and the end of TCP; code, who closed first, clean, whether it is over, the kinds of problems, the packets."""

    lines: list[_Line]
    ends: _Ends
    code: int
    by: str | None
    clean: bool
    ended: bool
    problems: list[str]
    packets: tuple[int, ...]


_ABNORMAL = ["closed-abnormally"]

_ENDS: dict[str, _End] = {
    "by the client": _End(
        [_close(_CLIENT), _close(_SERVER)], ("fin", _SERVER), 1000, "client", True, True, [], (1, 2, 3)),
    "by the server": _End(
        [_close(_SERVER, 1001), _close(_CLIENT, 1001)], ("fin", _SERVER), 1001, "server", True, True, [], (1, 2, 3)),
    "both at once, the client before": _End(
        [_close(_CLIENT, 1001), _close(_SERVER, 3000)], ("fin", _CLIENT), 1001, "client", True, True, [], (1, 2, 3)),
    "without a code": _End(
        [_close(_SERVER, None), _close(_CLIENT, None)], ("fin", _CLIENT), 1005, "server", True, True, [], (1, 2, 3)),
    "not answered": _End([_c(TEXT, "a"), _close(_CLIENT)], ("fin", _SERVER), 1000, "client", False, True, [], (2, 3)),
    "answered by a reset": _End([_close(_SERVER, 4000)], ("reset", _CLIENT), 4000, "server", False, True, [], (1, 2)),
    "twice by one side": _End(
        [_close(_CLIENT, 1000), _close(_CLIENT, 1001)], ("fin", _CLIENT), 1000, "client", False, True, [], (1, 3)),
    "FIN": _End([_c(TEXT, "a")], ("fin", _SERVER), 1006, "server", False, True, _ABNORMAL, (2,)),
    "RST": _End([_c(TEXT, "a")], ("reset", _CLIENT), 1006, "client", False, True, _ABNORMAL, (2,)),
    "FIN before anything": _End([], ("fin", _CLIENT), 1006, "client", False, True, _ABNORMAL, (1,)),
    "still open": _End([_c(TEXT, "a")], _OPEN, 1006, None, False, False, [], ()),
    "still open, closed": _End([_close(_CLIENT), _close(_SERVER)], _OPEN, 1000, "client", True, True, [], (1, 2)),
    "still open, half-closed": _End([_close(_SERVER)], _OPEN, 1000, "server", False, True, [], (1,)),
    "protocol error": _End(
        [_close(_SERVER, 1002, "no"), _close(_CLIENT, 1002)], ("fin", _SERVER), 1002, "server", True, True,
        ["closed-with-error"], (1, 2, 3)),
    "internal error": _End(
        [_close(_SERVER, 1011)], ("fin", _SERVER), 1011, "server", False, True, ["closed-with-error"], (1, 2)),
    "service restart is no error": _End(
        [_close(_SERVER, 1012)], ("fin", _SERVER), 1012, "server", False, True, [], (1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", _ENDS)
def test_end(name: str, step: int) -> None:
    lines, ends, code, by, clean, ended, problems, packets = _ENDS[name]
    end = _talk(lines, ends, step=step).end
    assert (end.code, end.by, end.clean, end.ended) == (code, by, clean, ended)
    assert [problem.kind for problem in end.problems] == problems
    assert end.packets == packets
    assert (end.transport, end.transport_by) == (ends[0], None if ends[1] < 0 else ("client", "server")[ends[1]])


def test_what_is_said_of_an_end() -> None:
    end = _talk([_close(_SERVER, 1002, "no"), _close(_CLIENT, 1000, "so")], ("fin", _SERVER)).end
    assert end.problems == (Problem("closed-with-error", "the server closed with 1002, protocol error", 1),)
    assert (end.reason, end.meaning, end.codes, end.close_packets) == ("no", "protocol error", (1000, 1002), (2, 1))
    end = _talk([_c(TEXT, "a")], ("reset", _CLIENT)).end
    (problem,) = end.problems
    assert (problem.kind, problem.packet) == ("closed-abnormally", 2)
    assert "RST by the client" in problem.text or "RESET by the client" in problem.text
    assert end.codes == (None, None)
    end = _talk([_close(_CLIENT, None), _close(_SERVER, 1000)], ("fin", _CLIENT)).end
    assert (end.codes, end.reason) == ((1005, 1000), "")


def test_times_of_an_end() -> None:
    talk = _Talk()
    for line in (_c(TEXT, "a"), _s(TEXT, "b"), _c(TEXT, "c")):
        talk.add(line)
    talk.number += 5
    end = talk.close("fin", _CLIENT, (3, 4)).end
    assert (end.began, end.last, end.time, end.silence) == (1000, (3000, 2000), 9000, 6000)
    assert end.in_flight == (3, 4)
    nothing = _talk([], ("fin", _CLIENT)).end
    assert (nothing.began, nothing.last, nothing.silence) == (None, (None, None), None)


@pytest.mark.parametrize("step", [0, 1, 5])
@pytest.mark.parametrize(("line", "what"), [
    (_Sent(_SERVER, frame(TEXT, "abc")[:1]), "frame"), (_Sent(_SERVER, frame(TEXT, "abc")[:4]), "frame"),
    (_s(TEXT, "abc", fin=False), "message"), (_Sent(_SERVER, frame(TEXT, "abc", fin=False) + b"\x00"), "frame"),
    (_s(TEXT, "abc"), ""),
])  # fmt: skip
def test_unfinished(line: _Sent, what: str, step: int) -> None:
    assert _talk([_c(TEXT, "x"), line], ("fin", _SERVER), step=step).end.unfinished == ("", what)


def test_totals() -> None:
    first = len(_FIRST)
    end = _talk(
        [_c(TEXT, _FIRST, rsv=4), _c(PING, "abc"), _c(TEXT, "ab", fin=False), _c(CONTINUATION, "c"), _s(BINARY, bytes(300)),
         _s(PONG, "abc"), _s(TEXT, "x", fin=False), _close(_CLIENT)],
        ("fin", _CLIENT), deflate=_KEPT,
    ).end  # fmt: skip
    assert end.totals == (
        Totals(frames=5, messages=2, wire=first + 3, content=19 + 3, pings=1, heads=5 * 6),
        Totals(frames=3, messages=1, wire=301, content=300, pings=0, heads=4 + 2 + 2),
    )


def test_after_a_reset() -> None:
    talk = _Talk()
    talk.add(_c(TEXT, "a"))
    talk.close("reset", _SERVER)
    talk.add(_c(TEXT, "late"))
    assert [[problem.kind for problem in told.problems] for told in talk.frames] == [[], ["after-reset"]]
    assert talk.frames[1].problems[0].packet == 3
    assert "packet 2 had reset the connection" in talk.frames[1].problems[0].text
    talk = _Talk()
    talk.close("fin", _SERVER)
    talk.add(_c(TEXT, "late"))
    assert talk.frames[0].problems == ()


# Gaps


def test_gap_inside_a_payload() -> None:
    long = frame(TEXT, "x" * 100)
    talk = _talk([_c(TEXT, "a"), _Sent(_SERVER, long[:40]), _Lost(_SERVER, 30), _Sent(_SERVER, long[70:]), _s(TEXT, "b")])
    assert [(told.kind, told.length, [problem.kind for problem in told.problems]) for told in talk.frames] == [
        ("text", 1, []), ("text", 100, ["frame-cut"]), ("text", 1, []),
    ]  # fmt: skip
    assert [(told.content, told.length, [problem.kind for problem in told.problems]) for told in talk.messages] == [
        ("a", 1, []), (None, 100, ["payload-missing"]), ("b", 1, []),
    ]  # fmt: skip
    assert talk.frames[1].packets == (2, 3)


def test_gap_that_nothing_follows() -> None:
    talk = _talk([_s(TEXT, "a"), _Lost(_SERVER, 9)], ("fin", _SERVER))
    # Whether a close frame was among it nobody knows.
    assert [problem.kind for problem in talk.end.problems] == ["bytes-missing"]
    assert (talk.end.code, talk.end.inferred, talk.end.codes, talk.end.by) == (1006, ("code",), (None, None), "server")
    assert not talk.end.clean


#: Lines, and whether frames may have been missed.
_MISSED: dict[str, tuple[list[_Line], bool]] = {
    "none": ([_s(TEXT, "a")], False),
    "inside a payload": (
        [_Sent(_SERVER, frame(TEXT, "x" * 90)[:40]), _Lost(_SERVER, 30), _Sent(_SERVER, frame(TEXT, "x" * 90)[70:])], False),
    "cut inside a payload": ([_Sent(_SERVER, frame(TEXT, "x" * 90)[:40]), _Lost(_SERVER, 52, True), _s(TEXT, "a")], False),
    "between frames": ([_s(TEXT, "a"), _Lost(_SERVER, 9), _s(TEXT, "b")], True),
    "between frames of the client": ([_c(TEXT, "a"), _Lost(_CLIENT, 9), _c(TEXT, "b"), _s(TEXT, "c")], True),
    "beyond a payload": ([_Sent(_SERVER, frame(TEXT, "x" * 90)[:40]), _Lost(_SERVER, 60), _s(TEXT, "b")], True),
    "cut inside a header": ([_Sent(_SERVER, frame(TEXT, "x" * 90)[:1]), _Lost(_SERVER, 91, True), _s(TEXT, "b")], True),
    "all of it": ([_Lost(_SERVER, 9)], True),
}  # fmt: skip


@pytest.mark.parametrize("ends", [("fin", _SERVER), ("reset", _CLIENT), _OPEN], ids=["FIN", "RST", "open"])
@pytest.mark.parametrize("name", _MISSED)
def test_no_close_where_frames_may_have_been_missed(name: str, ends: _Ends) -> None:
    lines, missed = _MISSED[name]
    end, ended = _talk(lines, ends).end, ends != _OPEN
    assert (end.code, end.codes, end.ended) == (1006, (None, None), ended)
    assert end.inferred == ("code",) * (missed and ended)
    told = [problem.kind for problem in end.problems if problem.kind != "bytes-missing"]
    assert told == ["closed-abnormally"] * (ended and not missed)
    # A close frame that was seen is what counts.
    seen = _talk([*lines, _close(_CLIENT, 1001)], ends).end
    assert (seen.code, seen.codes, seen.by, seen.inferred) == (1001, (1001, None), "client", ())


def test_gap_of_a_close() -> None:
    # That there was a close is known, its code is not: nobody may say that none was given (RFC 6455 section 7.1.5).
    talk = _talk([_Sent(_SERVER, closing(1011, "error")[:2]), _Lost(_SERVER, 7, True)], ("fin", _SERVER))
    (told,) = talk.messages
    assert (told.kind, told.code, told.content) == ("close", None, None)
    assert [problem.kind for problem in told.problems] == ["payload-missing"]
    assert talk.end.by == "server"
    assert talk.end.close_packets == (0, 1)
    assert talk.end.codes == (None, None)
    assert "code" in talk.end.inferred
    assert [problem.kind for problem in talk.end.problems] == []


def test_gap_of_the_reason_of_a_close() -> None:
    # The code itself came: the first two bytes of the payload (RFC 6455 section 5.5.1).
    talk = _talk([_Sent(_SERVER, closing(1011, "error")[:5]), _Lost(_SERVER, 4, True)], ("fin", _SERVER))
    (told,) = talk.messages
    assert (told.code, told.content) == (1011, None)
    assert (talk.end.code, talk.end.codes, talk.end.reason, talk.end.by) == (1011, (None, 1011), "", "server")
    assert [problem.kind for problem in talk.end.problems] == ["closed-with-error"]


def test_pings_of_which_the_payload_is_missing() -> None:
    # Whether the pong carries what the ping did is not known.
    ping, pong = frame(PING, "abcdef"), frame(PONG, "ghijkl", MASK)
    talk = _talk([_Sent(_SERVER, ping[:3]), _Lost(_SERVER, 5, True), _Sent(_CLIENT, pong[:7]), _Lost(_CLIENT, 5, True)])
    assert [(told.kind, told.content) for told in talk.messages] == [("ping", None), ("pong", None)]
    assert talk.messages[1].after is None


def test_payload_that_did_not_come_is_not_counted() -> None:
    long = frame(TEXT, "x" * 100)
    lines: list[_Line] = [
        _s(TEXT, "ab"), _Sent(_SERVER, long[:40]), _Lost(_SERVER, 30), _Sent(_SERVER, long[70:]),
        _Sent(_SERVER, long[:12]), _Lost(_SERVER, 90, True), _c(TEXT, "abc"), _Sent(_CLIENT, frame(TEXT, "xyz", MASK)[:-1]),
    ]  # fmt: skip
    end = _talk(lines, ("fin", _SERVER)).end
    assert (end.totals[0].wire, end.totals[1].wire) == (3 + 2, 2 + 70 + 10)


def test_cut_frames_of_one_side() -> None:
    long = frame(TEXT, "x" * 100)
    lines: list[_Line] = [_Sent(_SERVER, long[:40]), _Lost(_SERVER, 62, True), _c(TEXT, "a")] * 3
    talk = _talk(lines)
    assert [told.kind for told in talk.frames] == ["text"] * 6
    assert [told.content for told in talk.messages] == [None, "a"] * 3
    assert [told.time for told in talk.messages] == [1000, 2000, 3000, 4000, 5000, 6000]


def test_compression_behind_a_gap() -> None:
    lines: list[_Line] = [
        _c(TEXT, _FIRST, rsv=4), _s(TEXT, _FIRST, rsv=4), _Lost(_SERVER, 20), _s(TEXT, _SECOND, rsv=4),
        _c(TEXT, _SECOND, rsv=4),
    ]  # fmt: skip
    talk = _talk(lines, deflate=_KEPT)
    assert [told.content for told in talk.messages] == ["Hello, Hello, Hello"] * 2 + [None, "Hello, Hello"]
    (problem,) = talk.messages[2].problems
    assert problem.kind == "cannot-inflate"
    assert talk.messages[2].length is None


def test_inferred() -> None:
    talk = _talk([_Sent(_SERVER, b"\xff" * 20), _c(TEXT, _FIRST, rsv=4), _s(TEXT, "b")], ("fin", _CLIENT), inferred=True)
    assert [(told.content, told.compressed) for told in talk.messages] == [(None, True), ("b", False)]
    (problem,) = talk.messages[0].problems
    assert problem == Problem("cannot-inflate", "packet 2: cannot inflate: handshake not captured", 2)
    assert talk.frames[0].problems == ()
    assert talk.end.inferred == ("event",)


# Oracle


class _Peers:
    """Two ends made by websockets, with what each of them wrote."""

    def __init__(self, deflate: tuple[bool, bool, int, int] | None) -> None:
        self.client = ClientProtocol(parse_uri("ws://example.org/"), state=OPEN, max_size=None)
        self.server = ServerProtocol(state=OPEN, max_size=None)
        self.agreed: Deflate | None = None
        if deflate is not None:
            ours, theirs, bits, other = deflate
            self.agreed = Deflate((not ours, not theirs), (bits, other))
            self.client.extensions = [PerMessageDeflate(theirs, ours, other, bits)]
            self.server.extensions = [PerMessageDeflate(ours, theirs, bits, other)]
        self.lines: list[_Line] = []

    def flush(self) -> None:
        """Give each what the other wrote, until both are silent."""
        ends = self.client, self.server
        busy = True
        while busy:
            busy = False
            for side, end in enumerate(ends):
                data = b"".join(end.data_to_send())
                if data:
                    busy = True
                    self.lines.append(_Sent(side, data))
                    ends[1 - side].receive_data(data)

    def heard(self, side: int) -> list[tuple[str, str | bytes]]:
        """What an end of websockets got, message by message, without close."""
        found: list[tuple[str, str | bytes]] = []
        begun: tuple[int, bytes] | None = None
        for event in (self.client, self.server)[side].events_received():
            opcode, data, fin = int(event.opcode), bytes(event.data), event.fin  # type: ignore[union-attr]
            if opcode == CLOSE:
                continue
            if opcode in (PING, PONG):
                found.append(("ping" if opcode == PING else "pong", data.decode()))
                continue
            begun = (opcode, data) if begun is None else (begun[0], begun[1] + data)
            if fin:
                found.append(("text", begun[1].decode()) if begun[0] == TEXT else ("binary", begun[1]))
                begun = None
        return found


_fragments = st.lists(st.text(max_size=20) | st.integers(0, 300).map(lambda size: "ab" * size), min_size=1, max_size=3)
_acts = st.lists(
    st.tuples(st.sampled_from([_CLIENT, _SERVER]), st.sampled_from(["text", "binary", "ping"]), _fragments), max_size=8
)


@settings(max_examples=80, deadline=None)
@given(
    acts=_acts, deflate=st.none() | st.tuples(st.booleans(), st.booleans(), st.integers(9, 15), st.integers(9, 15)),
    closer=st.sampled_from([_CLIENT, _SERVER]), code=st.sampled_from([1000, 1001, 3000, 4999]), reason=st.text(max_size=20),
    step=st.sampled_from([0, 0, 1, 7]),
)  # fmt: skip
def test_same_as_websockets(
    acts: list[tuple[int, str, list[str]]], deflate: tuple[bool, bool, int, int] | None, closer: int, code: int, reason: str,
    step: int,
) -> None:  # fmt: skip
    peers = _Peers(deflate)
    for side, kind, fragments in acts:
        end = peers.client if side == _CLIENT else peers.server
        if kind == "ping":
            end.send_ping(fragments[0].encode()[:100].decode(errors="ignore").encode())
        else:
            fins = [False] * (len(fragments) - 1) + [True]
            for index, (fragment, fin) in enumerate(zip(fragments, fins, strict=True)):
                if index:
                    end.send_continuation(fragment.encode(), fin)
                elif kind == "text":
                    end.send_text(fragment.encode(), fin)
                else:
                    end.send_binary(fragment.encode(), fin)
        peers.flush()
    (peers.client if closer == _CLIENT else peers.server).send_close(code, reason)
    peers.flush()
    talk = _talk(peers.lines, ("fin", _SERVER), step=step, deflate=peers.agreed)
    for side in (_CLIENT, _SERVER):
        said = [(told.kind, told.content) for told in talk.messages if told.side == side and told.kind != "close"]
        assert said == peers.heard(1 - side)
    assert not any(frame_told.problems for frame_told in talk.frames)
    assert not any(told.problems for told in talk.messages)
    assert not talk.end.problems
    assert (talk.end.code, talk.end.reason, talk.end.by) == (code, reason, ("client", "server")[closer])
    assert talk.end.clean
    assert talk.end.unanswered == ()
    pings = {told.number: told.content for told in talk.messages if told.kind == "ping"}
    pongs = [told for told in talk.messages if told.kind == "pong"]
    assert len(pongs) == len(pings)
    assert all(told.after and pings[told.after[0]] == told.content for told in pongs)


# Anything

_scraps = st.one_of(
    st.builds(_Sent, st.sampled_from([_CLIENT, _SERVER]), st.binary(min_size=1, max_size=20)),
    st.builds(
        lambda side, opcode, payload, mask, fin, rsv: _Sent(side, frame(opcode, payload, mask, fin, rsv)),
        st.sampled_from([_CLIENT, _SERVER]), st.integers(0, 15), st.binary(max_size=12), st.none() | st.just(MASK),
        st.booleans(), st.sampled_from([0, 0, 4, 7]),
    ),
    st.builds(_Lost, st.sampled_from([_CLIENT, _SERVER]), st.integers(1, 30), st.booleans()),
)  # fmt: skip
_endings = st.sampled_from([_OPEN, ("fin", _CLIENT), ("fin", _SERVER), ("reset", _CLIENT), ("reset", _SERVER)])


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(_scraps, max_size=12), deflate=st.sampled_from([None, _KEPT, _NEW]), inferred=st.booleans(),
       ends=_endings, step=st.sampled_from([0, 1, 4]), limit=st.sampled_from([0, 5, 1 << 20]))  # fmt: skip
def test_anything(
    lines: list[_Line], deflate: Deflate | None, inferred: bool, ends: _Ends, step: int, limit: int
) -> None:  # fmt: skip
    talk = _talk(lines, ends, step=step, deflate=deflate, inferred=inferred, limit=limit)
    end = talk.end
    assert end.totals[0].frames + end.totals[1].frames == len(talk.frames)
    assert end.ended == (ends != _OPEN or any(told.kind == "close" for told in talk.messages))
    assert [told.number for told in talk.frames] == [*range(1, len(talk.frames) + 1)]
    for told in talk.messages:
        first, last = told.frames
        assert 1 <= first <= last <= len(talk.frames)
        assert {talk.frames[first - 1].side, talk.frames[last - 1].side} == {told.side}
        assert talk.frames[first - 1].kind == told.kind
        if isinstance(told.content, (str, bytes)) and told.kind != "close":
            size = len(told.content.encode() if isinstance(told.content, str) else told.content)
            assert size == told.length
            assert size <= limit


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(_scraps.filter(lambda line: isinstance(line, _Sent)), max_size=10),
       deflate=st.sampled_from([None, _KEPT, _NEW]), ends=_endings, step=st.integers(1, 9))  # fmt: skip
def test_anything_split_anywhere(lines: list[_Line], deflate: Deflate | None, ends: _Ends, step: int) -> None:
    assert _talk(lines, ends, step=step, deflate=deflate).told == _talk(lines, ends, at_once=True, deflate=deflate).told


def test_claims_count_only_as_far_as_they_came() -> None:
    # A header may claim anything: what was on the wire is what is told as such.
    talk = _talk([_Sent(_SERVER, b"\x82\x7f" + ((1 << 63) - 1).to_bytes(8, "big") + b"abc")], ("fin", _SERVER))
    assert talk.frames[0].length == (1 << 63) - 1
    assert talk.end.totals[1].wire == 3
    assert talk.end.unfinished == ("", "frame")
