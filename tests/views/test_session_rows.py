"""Rows: who speaks, what is said, what is said beside it; safe to print, and nowhere wider than the screen."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from netviz.event import Problem
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.conversation import Clock
from netviz.views.session_lane import letters
from netviz.views.session_rows import session_rows
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.sessions import CLIENT, SERVER, Played, chat, packet_at, time_at
from tests.talk import close, upgrade
from tests.views.test_session_failure import answer
from tests.wire import START

_WIDTHS = [60, 80, 99, 100, 120, 200]


def _rows(
    *told: Played | SessionTrace, width: int = 120, clock: Clock = "elapsed", full: bool = False, api: bool = False
) -> list[str]:
    traces = [one.trace if isinstance(one, Played) else one for one in told]
    drawn = session_rows(traces, letters(len(traces)), width=width, start=START, clock=clock, full=full, api=api)
    return lines_of(drawn)


def _row(told: Played, **how: Any) -> str:
    """The last row, without its time."""
    return _rows(told, **how)[-1][13:]


@pytest.mark.parametrize(
    ("told", "row"),
    [
        (Played().emit(1, CLIENT, "say", "hi"), 'client ──▶                socket.emit("say", "hi")'),
        (Played().emit(1, SERVER, "say"), '              ◀── server  socket.emit("say")'),
        (Played().emit(1, CLIENT, "say", number=1), 'client ──▶                socket.emit("say")  no ack'),
        (Played().say(1, CLIENT, "CONNECT"), "client ──▶                asks for /"),
        (Played().say(1, CLIENT, "CONNECT", {"t": 1}), 'client ──▶                asks for / {"t":1}'),
        (Played().connect(1, "/x"), "              ◀── server  joined /x as b_b3mm…"),
        (Played().say(1, SERVER, "CONNECT"), "              ◀── server  joined /"),
        (Played().refuse(1, "/x", "no"), "              ◀── server  refused /x: no"),
        (Played().say(1, SERVER, "CONNECT_ERROR", "why"), "              ◀── server  refused /: why"),
        (Played().say(1, SERVER, "CONNECT_ERROR", {"m": 1}), '              ◀── server  refused /: {"m":1}'),
        (Played().say(1, SERVER, "ERROR"), "              ◀── server  refused /: "),
        (
            Played().say(1, SERVER, "CONNECT_ERROR", {"message": "no", "data": {"a": 1}}),
            '              ◀── server  refused /: no {"a":1}',
        ),
        (Played().say(1, SERVER, "ACK", number=4), "              ◀── server  ack()  answers no event that was seen"),
        (Played().say(1, CLIENT, "unknown", "x"), 'client ──▶                unknown"x"'),
        (Played().engine(1, SERVER, "close"), "              ◀── server  closes the session  Engine.IO close"),
        (Played().emit(1, CLIENT, "up", b"\x01", ns="/x"), 'client ──▶                /x socket.emit("up", <1 byte 01>)'),
    ],
)
def test_a_row(told: Played, row: str) -> None:
    assert _row(told) == row


def test_acks_are_told_twice() -> None:
    asked, answered = _rows(Played().emit(1, CLIENT, "say", "hi", number=1).ack(2.1, SERVER, 1, True))
    assert asked == '   0.001000  client ──▶                socket.emit("say", "hi")  ack +1.1 ms'
    assert answered == '   0.002100                ◀── server  ack(true)  for "say" +1.1 ms'


def test_an_ack_that_only_the_ack_knows_of() -> None:
    """What is live is told before its ack is there."""
    told = Played().emit(1, CLIENT, "say", number=1).ack(2.1, SERVER, 1)
    told.trace.packets[0] = replace(told.trace.packets[0], ack=None)
    assert _rows(told)[0].endswith('socket.emit("say")  ack +1.1 ms')


def test_ids_are_used_again() -> None:
    told = Played().emit(1, CLIENT, "a", number=1).ack(2, SERVER, 1).emit(3, CLIENT, "b", number=1).ack(4, SERVER, 1)
    assert [row.split("for ")[1] for row in _rows(told) if "for " in row] == ['"a" +1 ms', '"b" +1 ms']


@pytest.mark.parametrize(("side", "word", "who"), [(CLIENT, "leaves", "client"), (SERVER, "disconnects", "server")])
def test_disconnects_have_reasons(side: int, word: str, who: str) -> None:
    rows = _rows(Played().bye(1, side, "/x"), width=200)
    assert rows[0].endswith(
        f"{word} /x  the client is told “io {who} disconnect”, the server “{who} namespace disconnect” (inferred)"
    )


def _closed(told: Played, at: float, **changes: Any) -> str:
    end = close(packets=(packet_at(at),), time=time_at(at), **changes)
    return _rows(told.session(websockets=(0,), closes=(end,)), width=200)[-1][13:]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        (
            {},
            "client ──▶                WebSocket closed, 1000 normal closure  the server is told “transport close” (inferred)",
        ),
        (
            {"by": "server", "code": 1006, "clean": False},
            "              ◀── server  WebSocket closed without a close frame  the client is told “transport close” (inferred)",
        ),
    ],
)
def test_websockets_that_end(changes: dict[str, Any], row: str) -> None:
    assert _closed(Played().connect(1), 5, **changes) == row


def test_ping_timeout() -> None:
    told = Played(beat=(1000, 500)).connect(1).beat(1000, None)
    assert _closed(told, 1510, by="server").endswith("the server is told “ping timeout” (inferred)")


@pytest.mark.parametrize(
    "told",
    [
        Played(),
        Played().refuse(1, "/x", "no"),
        Played().connect(1).bye(2),
        Played().connect(1, "/x").bye(2, SERVER, "/x"),
        Played(transport="polling").connect(1),
    ],
)
def test_nobody_is_told_who_is_in_no_namespace(told: Played) -> None:
    assert _closed(told, 5).endswith("1000 normal closure")


def test_websockets_that_did_not_end_have_no_row() -> None:
    told = Played().session(closes=(close(ended=False),))
    assert _rows(told) == []


def test_refusals() -> None:
    refused = upgrade(status=400, packets=(packet_at(3),), time=time_at(3))
    told = Played(transport="polling").session(refusals=(answer(400), answer(None)), attempts=(refused, upgrade()))
    assert [row[13:] for row in _rows(told)] == [
        "              ◀── server  400 Bad Request answers GET polling",
        "client ──▶                no answer to GET polling",
        "              ◀── server  400 answers the upgrade",
    ]


def test_letters_and_broadcasts() -> None:
    rows = _rows(*chat())
    assert '   0.659405  A ──▶      socket.emit("join", "lobby")  ack +1.1 ms' in rows
    assert '   0.665406  ◀── A B C  io.emit("msg", {"t":"hi"})  3 receivers, spread 590 µs · room "lobby" (inferred)' in rows
    assert '   0.730000  C ──▶      /admin socket.emit("echo", "in")  no ack' in rows


@pytest.mark.parametrize(
    ("places", "cause", "said"),
    [
        ((0, 1, 2), None, "io.emit(1)  3 receivers, spread 2 ms"),
        ((0, 1), None, "io.to(…).emit(1)  2 of 3 sockets, spread 1 ms"),
        ((0, 1), 2, "socket.broadcast.emit(1)  2 of 3 sockets, spread 1 ms · without C (inferred)"),
    ],
)
def test_who_received_it(places: tuple[int, ...], cause: int | None, said: str) -> None:
    sessions = [Played(number).connect(1 + number) for number in range(3)]
    if cause is not None:
        sessions[cause].emit(99, CLIENT, "say")
    for index, place in enumerate(places):
        sessions[place].emit(100 + index, SERVER, "m", 1)
    assert _rows(*sessions)[-1].endswith(said.replace("(1)", '("m", 1)'))


def test_many_receivers() -> None:
    sessions = [Played(number).connect(1 + number) for number in range(30)]
    for one in sessions:
        one.emit(100, SERVER, "m")
    assert "◀── 30 sockets" in _rows(*sessions)[-1]
    assert _rows(*sessions)[0].startswith("   0.001000  1 ──▶")


@pytest.mark.parametrize(
    ("clock", "times"),
    [("elapsed", ["0.001000", "0.003500"]), ("delta", ["0.000000", "+0.002500"]), ("absolute", ["22:13:20.001000"] * 1)],
)
def test_times(clock: Clock, times: list[str]) -> None:
    rows = _rows(Played().emit(1, CLIENT, "a").emit(3.5, SERVER, "b"), clock=clock)
    assert [row.split()[0] for row in rows][: len(times)] == times


def test_calls_stand_below() -> None:
    rows = _rows(Played().emit(1, SERVER, "say", 1), api=True)
    assert rows[1] == " " * 39 + 'server: socket.emit("say", …) → client: socket.on("say", …) (inferred)'
    rows = _rows(Played().emit(1, CLIENT, "say", "x" * 9, number=1), api=True, width=80)
    assert rows[-2:] == [
        " " * 25 + 'client: socket.emit("say", …, callback) (inferred)',
        " " * 25 + '→ server: socket.on("say", …, ack) (inferred)',
    ]


def test_no_call_ends_a_websocket_of_which_nobody_is_told() -> None:
    end = close(packets=(packet_at(5),), time=time_at(5))
    assert len(_rows(Played().session(websockets=(0,), closes=(end,)), api=True)) == 1


@pytest.mark.parametrize("width", _WIDTHS)
def test_arguments_are_cut_where_not_all_are_wanted(width: int) -> None:
    told = Played().emit(1, CLIENT, "say", "words " * 400, number=1)
    (row, *more) = _rows(told, width=width)
    assert "…)" in row
    assert len(more) <= 1
    whole = "".join(line.strip() for line in _rows(told, width=width, full=True))
    assert whole.count("words") == 400


def test_long_arguments_take_time_in_proportion() -> None:
    told = Played().emit(1, CLIENT, "say", "x" * 1_000_000, number=1)
    began = monotonic()
    rows = _rows(told, full=True)
    assert sum(row.count("x") for row in rows) == 1_000_000
    assert monotonic() - began < 10


def test_problems_stand_below_what_they_are_about() -> None:
    told = Played().emit(1, CLIENT, "a").emit(3, CLIENT, "b")
    told.trace.problems.append(Problem("socketio-malformed", "no JSON", packet_at(1)))
    assert [row.strip() for row in _rows(told)][1] == "✗ no JSON"


def test_what_was_not_kept_is_counted() -> None:
    told = Played().emit(1, CLIENT, "a")
    told.trace.omitted = 3
    assert _rows(told)[-1].strip() == "… 3 more packets that were not kept"


def test_packets_without_times() -> None:
    told = Played().connect(1)
    told.trace.packets[:] = [replace(packet, time=None) for packet in told.trace.packets]
    assert [row.split()[0] for row in _rows(told)] == ["-", "-"]


def _hostile(text: str) -> list[SessionTrace]:
    first = Played(0).connect(1, text, sid=text).emit(2, CLIENT, text, text, {text: [text, b"\x1b"]}, number=1, ns=text)
    first.ack(3, SERVER, 1, text, ns=text).refuse(4, text, text).bye(6, SERVER, text).say(7, CLIENT, text, text)
    first.say(8, SERVER, "CONNECT_ERROR", {"message": text, "data": text}).session(
        refusals=(answer(400, f'"{text}"'.encode("utf-8", "replace"), text, text),),
        attempts=(upgrade(status=400, reason=text, body=text),), closes=(close(reason=text),),
    )  # fmt: skip
    first.trace.problems.append(Problem("socketio-malformed", text, 1))
    second = Played(1).connect(1, text)
    for one in (first, second):
        one.emit(9, CLIENT, "join", text, ns=text).emit(50, SERVER, text, text, ns=text)
    return [first.trace, second.trace]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str, width: int, full: bool) -> None:
    traces = _hostile(text)
    for some in (traces, traces[:1]):
        rows = _rows(*some, width=width, full=full, api=True)
        assert not dangerous("".join(rows))
        assert wider(rows, width) == []


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("api", [False, True])
def test_nothing_is_wider_than_the_screen(width: int, api: bool) -> None:
    assert wider(_rows(*chat(), width=width, api=api), width) == []
