"""Sessions that several connections carry: what is told of them, in whichever pieces and batches their bytes came."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz import session as sessions
from netviz.event import Endpoint as End
from netviz.event import EngineIoAnswer, EngineIoPacket, EngineIoSession, Event, Peers, SocketIoPacket, WebSocketMessage
from netviz.session import Sessions
from tests.engine import answer, request
from tests.polling import JOINED, OPEN, SID, asked, get, ok, post, posted, switch, target
from tests.talk import Line, c, close, message, opened, s, say, told, upgrade
from tests.wire import CLIENT, SERVER, Wire

_E = TypeVar("_E", bound=Event)

_ASK, _ACK = b'421["sum",1,2]', b"431[3]"
_BINARY = b'451-["blob",{"_placeholder":true,"num":0}]'
_OPENED: list[Line] = [get(None), ok(OPEN), *posted(b"40"), *asked(JOINED)]
_PROBE: list[Line] = [c(1, "2probe"), s(1, "3probe"), c(1, "5")]


def _wire(lines: Iterable[Line], port: int = 40000, **how: object) -> Wire:
    return say(Wire(("10.0.0.1", port), **how).open(), lines)  # type: ignore[arg-type]


def _both(*wires: Wire) -> Wire:
    """Several conversations in the order of their times."""
    found = Wire()
    found.packets = sorted((packet for wire in wires for packet in wire.packets), key=lambda packet: packet.time)
    return found


def _of(events: Iterable[Event], kind: type[_E]) -> list[_E]:
    return [event for event in events if isinstance(event, kind)]


def _over(events: Iterable[Event]) -> list[EngineIoSession]:
    return [event for event in _of(events, EngineIoSession) if event.over]


def _said(events: Iterable[Event]) -> list[tuple[str, str | None, tuple[object, ...]]]:
    return [(packet.type, packet.event, packet.args) for packet in _of(events, SocketIoPacket)]


def _kinds(events: Iterable[Event]) -> list[str]:
    return [
        p.kind
        for event in events
        if isinstance(event, EngineIoSession | EngineIoPacket | SocketIoPacket)
        for p in event.problems
    ]


def _cut(lines: Iterable[Line], size: int) -> list[Line]:
    return [(side, data[at : at + size]) for side, data in lines for at in range(0, len(data), size)]


_JOINING = [("CONNECT", None, ()), ("CONNECT", None, ({"sid": "wZX3oN0bSVIhsaknAAAI"},))]
_SUM: list[tuple[str, str | None, tuple[object, ...]]] = [("EVENT", "sum", (1, 2)), ("ACK", None, (3,))]

#: What is said, and what that means; each begins with a session and the CONNECT of its namespace.
_TALKS: dict[str, tuple[list[Line], list[tuple[str, str | None, tuple[object, ...]]]]] = {
    "an ack by polling": ([*posted(_ASK), *asked(_ACK)], _SUM),
    "several packets in a body": ([*posted(_ASK + b'\x1e42["x"]'), *asked(_ACK, b"6")],
                                  [_SUM[0], ("EVENT", "x", ()), _SUM[1]]),
    "an attachment behind": ([*posted(_BINARY + b"\x1ebAAEC")], [("BINARY_EVENT", "blob", (b"\0\1\2",))]),
    "an attachment in the next request": ([*posted(_BINARY), *posted(b"bAAEC")], [("BINARY_EVENT", "blob", (b"\0\1\2",))]),
    "in gzip": ([get(), ok(gzip.compress(_ASK), Content_Encoding="gzip"), *posted(_ACK)], _SUM),
    "up to the close": ([*posted(_ASK), get(), ok(_ACK, length=False)], _SUM),
    "an upgrade": ([*posted(_ASK), *switch(), *_PROBE, s(1, _ACK)], _SUM),
    "an attachment over the upgrade": ([*posted(_BINARY), *switch(), *_PROBE, c(2, b"\0\1\2")],
                                       [("BINARY_EVENT", "blob", (b"\0\1\2",))]),
}  # fmt: skip


@pytest.mark.parametrize("name", _TALKS)
def test_sessions_in_any_pieces_and_batches(name: str) -> None:
    lines, expected = _TALKS[name]
    for cut in (1, 7, 100, 60_000):
        wire = _wire(_cut([*_OPENED, *lines], cut))
        events = told(wire)
        assert _said(events) == [*_JOINING, *expected]
        assert _kinds(events) == []
        (session,) = _over(events)
        assert (session.sid, session.version, session.path) == (SID, 4, "/socket.io/")
        assert session.upgraded is ("upgrade" in name)
        for size in (1, 3, 10):
            assert told(wire, size=size) == events


def test_engine_io_of_acks_across_transports() -> None:
    events = told(_wire([*_OPENED, *posted(_ASK), *switch(), *_PROBE, s(1, _ACK)]))
    (ack,) = [packet for packet in _of(events, SocketIoPacket) if packet.type == "ACK"]
    (event,) = [packet for packet in _of(events, SocketIoPacket) if packet.event == "sum"]
    assert (event.transport, ack.transport) == ("polling", "websocket")
    assert ack.answers is not None
    assert ack.answers.packet == event.packets[-1]
    probes = [packet for packet in _of(events, EngineIoPacket) if packet.data == "probe"]
    assert [packet.took is not None for packet in probes] == [False, True]
    assert _over(events)[0].transports == ("polling", "websocket")


def test_two_connections_carry_one_session() -> None:
    first = _wire([get(None), ok(OPEN), *asked(JOINED), get(), ok(_ACK)])
    second = _wire([*posted(b"40"), *posted(_ASK)], 40001, start=first.packets[5].time + 500)
    events = told(_both(first, second))
    (session,) = _over(events)
    assert session.connections == (0, 1)
    assert session.polls == 5
    assert session.client == End("10.0.0.1", 40000)


def test_a_lost_segment_costs_no_more_than_its_body() -> None:
    wire = say(_wire(_OPENED), [get()])
    raw = ok(b'42["chat","' + bytes(range(48, 91)) * 3 + b'"]')[1]
    say(wire, [(SERVER, raw[:-60]), (SERVER, raw[-60:-30]), (SERVER, raw[-30:]), *posted(b'42["after"]')])
    say(wire, [get(), ok(b"2"), *posted(b"3")])
    at = next(index for index, packet in enumerate(wire.packets) if packet.data.endswith(raw[-60:-30]))
    del wire.packets[at]
    events = told(wire)
    assert _kinds(events) == ["body-unread"]
    (problem,) = [problem for event in _of(events, EngineIoSession) for problem in event.problems]
    assert problem.packet in {number for event in _of(events, EngineIoAnswer) for number in event.packets}
    assert _said(events) == [*_JOINING, ("EVENT", "after", ())]
    assert [packet.type for packet in _of(events, EngineIoPacket)][-2:] == ["ping", "pong"]


def test_an_ack_is_not_called_unasked_where_the_question_may_be_lost() -> None:
    lines: list[Line] = [*_OPENED, get(), ok(b"x", Content_Encoding="br"), *posted(b"430[1]")]
    assert _kinds(told(_wire(lines))) == ["body-unread"]
    assert _kinds(told(_wire([*_OPENED, *posted(b"430[1]")]))) == ["ack-for-nothing"]
    assert _kinds(told(_wire(posted(b"430[1]")))) == []  # the capture begins within the session


def test_a_post_answered_before_it_is_whole_is_told_once() -> None:
    raw = post(b'42["long"]')[1]
    events = told(_wire([*_OPENED, (CLIENT, raw[:-4]), ok(b"", 413), (CLIENT, raw[-4:]), *posted(b'42["b"]')]))
    assert _said(events) == [*_JOINING, ("EVENT", "long", ()), ("EVENT", "b", ())]
    assert [refusal.status for refusal in _over(events)[0].refusals] == [413]


# Sessions that never were


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([get(None)], None), ([get(None), ok(b'{"code":0,"message":"Transport unknown"}', 400)], 400),
        ([get(None), ok(b"", 502)], 502), ([get(None), ok(OPEN, Content_Encoding="br")], 200),
    ],
)  # fmt: skip
def test_a_handshake_without_a_session(lines: list[Line], status: int | None) -> None:
    (session,) = _over(told(_wire(lines)))
    assert (session.sid, session.opened, session.polls) == (None, None, 1)
    assert [refusal.status for refusal in session.refusals] == [status]


def test_a_sid_that_the_server_does_not_know() -> None:
    events = told(_wire([get("gone"), ok(b'{"code":1,"message":"Session ID unknown"}', 400)]))
    (session,) = _over(events)
    assert (session.sid, session.opened, len(session.refusals)) == ("gone", None, 1)


def test_a_handshake_that_is_answered_with_anything_is_told_once() -> None:
    events = told(_wire([get(None), ok(b"<html>"), get(None), ok(b"hello")]))
    assert [session.sid for session in _over(events)] == [None, None]
    assert [packet.type for packet in _of(events, EngineIoPacket)] == ["unknown", "unknown"]


def test_an_upgrade_that_is_refused() -> None:
    events = told(_wire([*_OPENED, switch()[0], ok(b"no", 403), *posted(b'42["a"]')]))
    (session,) = _over(events)
    assert [attempt.status for attempt in session.attempts] == [403]
    assert (session.upgraded, session.websockets, session.transports) == (False, (), ("polling",))


def test_a_probe_that_fails_leaves_the_session_to_polling() -> None:
    first = _wire([*_OPENED, *posted(b'42["a"]')])
    second = _wire([*switch(), c(1, "2probe")], 40001, start=first.now + 1000).close(SERVER)
    third = _wire(posted(b'42["b"]'), 40002, start=second.now + 3_000_000_000)
    events = told(_both(first, second, third))
    (session,) = _over(events)
    assert (session.upgraded, session.transports, session.websockets) == (False, ("polling",), (1,))
    assert len(session.closes) == 1
    assert _said(events)[-1] == ("EVENT", "b", ())
    assert [event for event in events if isinstance(event, EngineIoSession)][-1].over


# Hops, and those who come back


def test_one_sid_on_two_hops_is_linked_and_not_summed() -> None:
    first = _wire(_OPENED)
    second = say(Wire(("10.0.0.2", 50000), ("10.0.0.3", 3000), start=first.packets[0].time + 10).open(), _OPENED)
    sessions_ = _over(told(_both(first, second)))
    assert [(session.number, session.hop, session.polls) for session in sessions_] == [(0, None, 3), (1, 0, 3)]


@pytest.mark.parametrize(
    ("bye", "wait", "again"),
    [([], 1, 0), ([], 59, 0), ([], 61, None), ([c(1, "41")], 1, None), ([c(1, "1")], 1, None), ([s(1, "41")], 1, 0)],
)
def test_who_comes_back(bye: list[Line], wait: float, again: int | None) -> None:
    begin = [s(1, OPEN.decode()), c(1, "40"), s(1, JOINED.decode())]
    first = _wire([*switch(None), *begin, *bye]).close(SERVER)
    second = Wire(("10.0.0.1", 40001), start=first.now + round(wait * 1e9)).open()
    say(second, [*switch(None), s(1, OPEN.decode().replace("lv_", "mw_"))])
    one, two = sorted(_over(told(_both(first, second))), key=lambda session: session.number)
    assert (one.again, two.again) == (None, again)
    assert two.inferred == (() if again is None else ("follows",))


def test_another_client_is_none_that_came_back() -> None:
    first = _wire([*switch(None), s(1, OPEN.decode())]).close(SERVER)
    second = Wire(("10.0.0.9", 40001), start=first.now + 2_000_000_000).open()
    say(second, [*switch(None), s(1, OPEN.decode().replace("lv_", "mw_"))])
    assert [session.again for session in _over(told(_both(first, second)))] == [None, None]


# What is none, and what turns out to be one


def test_a_plain_websocket_is_never_called_socket_io() -> None:
    lines = [c(1, "42"), s(1, "2"), c(1, "3"), s(1, '42["a"]'), c(1, '42["b"]'), s(1, '42["c"]'), c(1, "40")]
    events = told(say(opened(), lines))
    assert _of(events, SocketIoPacket) == []
    assert _of(events, EngineIoPacket) == []
    assert _of(events, EngineIoSession) == []


def test_a_path_without_eio_that_opens() -> None:
    events = told(say(opened(), [s(1, OPEN.decode()), c(1, "40"), s(1, JOINED.decode()), c(1, '42["a"]')]))
    (session,) = _over(events)
    assert (session.sid, session.websockets, session.inferred) == (SID, (0,), ())
    assert _said(events) == [*_JOINING, ("EVENT", "a", ())]


def test_a_capture_that_begins_within() -> None:
    events = told(
        Wire().send(CLIENT, 0x18, b"") and say(Wire(), [s(1, "2"), c(1, "3"), c(1, '42["a",1]'), s(1, '42["b"]')] * 3)
    )
    (session,) = _over(events)
    assert (session.inferred, session.sid, session.websockets) == (("event",), None, (0,))
    assert _said(events)[:2] == [("EVENT", "a", (1,)), ("EVENT", "b", ())]
    assert all(packet.inferred == ("event",) for packet in _of(events, SocketIoPacket))


def test_text_that_is_no_utf_8_is_no_attachment() -> None:
    events = told(_wire([*switch(None), s(1, OPEN.decode()), c(1, b'42["\xff"]'), c(1, '42["a"]')]))
    assert _said(events) == [("EVENT", "a", ())]
    assert "engineio-malformed" in _kinds(events)


def test_an_attachment_that_is_too_large_does_not_shift_the_others() -> None:
    text = '452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    joined = Sessions()
    events = [*joined.take(upgrade(path=target(None, "websocket")))]
    for content, kind in ((OPEN.decode(), "text"), (text, "text"), (None, "binary"), (b"two", "binary"), ('42["b"]', "text")):
        events += joined.take(message(side=SERVER, content=content, kind=kind))
    assert _said(events) == [("BINARY_EVENT", "a", ({"_placeholder": True, "num": 0}, b"two")), ("EVENT", "b", ())]
    assert _kinds(events) == ["engineio-malformed", "attachment-count"]


# Bounds


def test_a_hundred_thousand_packets_in_one_body() -> None:
    for body, how in ((b"\x1e".join([b"42[1]"] * 100_000), {}), (gzip.compress(b"\x1e".join([b"2"] * 100_001)), {"z": 1})):
        more = {"Content_Encoding": "gzip"} if how else {}
        events = told(_wire([*_OPENED, get(), ok(body, **more), *posted(b'42["a"]')]))  # type: ignore[arg-type]  # fields
        assert len(_of(events, EngineIoPacket)) == 100_000 + 4
        assert _said(events)[-1] == ("EVENT", "a", ())
        assert _kinds(events) == (["engineio-malformed"] if how else [])


def test_packets_of_a_compressed_body_in_many_segments_name_few_of_them() -> None:
    parts = tuple(value for number in range(1000) for value in (number, 0, 10))
    joined = Sessions()
    given = answer(to=request(target=target()))
    found = [*joined.take(_replaced(given, b"2\x1e2", parts))]
    assert [packet.packets for packet in _of(found, EngineIoPacket)] == [(0, 999)] * 2


def _replaced(found: EngineIoAnswer, content: bytes, origin: tuple[int, ...]) -> EngineIoAnswer:
    return replace(found, body=found.body._replace(content=content, wire=20, origin=origin))


def test_many_sids_are_let_go_and_each_is_told_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_MOST", 10)
    joined = Sessions()
    events: list[Event] = []
    for number in range(100):
        peers = Peers(packets=(), time=None, connection=number + 1, client=End("a", 1), server=End("b", 1), inferred=False)
        events += joined.take(peers)
        events += joined.take(request(target=target(f"sid{number}")))
        events += joined.take(request(target=target("often")))
        events += joined.take(answer(200, b"x", to=request(target=target(None)), connection=number))
        events += joined.take(upgrade(connection=number, path="/other"))
        held = (joined._sessions, joined._unnamed, joined._by_sid, joined._gone)
        assert all(len(holder) <= 11 for holder in held)
        assert len(joined._wires) <= 51
        assert len(joined._peers) <= 51
    before = [session.sid for session in _over(events)]
    assert before.count("sid0") == 1
    assert "often" not in before  # the ones that were silent longest go first
    events += joined.close()
    assert len(_over(events)) == 201
    assert len({session.number for session in _over(events)}) == 201


def test_a_sid_that_is_opened_twice_ends_the_first() -> None:
    events = told(_wire([get(None), ok(OPEN), get(None), ok(OPEN), *asked(JOINED)]))
    assert [session.number for session in _over(events)] == [0, 1]
    assert [packet.session for packet in _of(events, SocketIoPacket)] == [1]


# Garbage

_WORDS = [
    b"2",
    b"3probe",
    b"5",
    b"1",
    b"40",
    b"41",
    _ASK,
    _ACK,
    _BINARY,
    OPEN,
    b"bAAEC",
    b"b!",
    b"4",
    b"6",
    b"42/a,1[",
    b"\xff",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(st.binary(max_size=30), st.sampled_from(_WORDS))), max_size=12),
       st.booleans())  # fmt: skip
def test_garbage_in_bodies_and_messages(said: list[tuple[int, bytes]], known: bool) -> None:
    joined = Sessions()
    events = [*joined.take(upgrade(connection=1, path=target(SID if known else None, "websocket")))]
    for how, raw in said:
        text = raw.decode("utf-8", "replace")
        if how == 0:
            events += joined.take(request("POST", target=target(), body=answer(body=raw).body))
        elif how == 1:
            events += joined.take(answer(body=raw, to=request(target=target(None if raw == OPEN else SID))))
        elif how == 2:
            events += joined.take(message(connection=len(raw) % 3, side=len(raw) % 2, kind="text", content=text))
        else:
            events += joined.take(message(connection=len(raw) % 3, side=len(raw) % 2, kind="binary", content=raw))
    events += joined.take(close(connection=1))
    events += joined.close()
    numbers = {packet.session for packet in _of(events, EngineIoPacket)}
    over = [session.number for session in _over(events)]
    assert len(set(over)) == len(over)
    assert numbers <= set(over)
    assert len(_of(events, WebSocketMessage)) == sum(how > 1 for how, _ in said)
