"""Lines of sessions: each key by the contract, and what is not known is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netviz.event import Acknowledged, Event, Handshake, Problem
from netviz.views.jsonl import JsonLines
from tests.engine import SID, answer, engine, request, session, socket
from tests.hostile import HOSTILE, dangerous
from tests.wire import CLIENT, SERVER, START

_PLACE = {"connection": 0, "time": "2023-11-14T22:13:20.000000000Z", "elapsed": 0.0, "problems": []}
_EVENT = {
    **_PLACE, "event": "socketio.packet", "packets": [8], "session": 0, "side": "client", "type": "EVENT", "namespace": "/",
    "name": "chat", "args": ["hi"], "attachments": 0, "engineio_sid": SID, "transport": "polling", "wire_length": 14,
    "parser": "json", "engine": [2, 2],
}  # fmt: skip
_OPEN = {
    **_PLACE, "event": "engineio.packet", "packets": [6], "session": 0, "number": 1, "side": "server", "type": "open",
    "transport": "polling", "sid": SID, "version": 4, "wire_length": 1,
}  # fmt: skip
_SESSION = {
    **_PLACE, "event": "engineio.session", "packets": [4, 6], "number": 0, "sid": SID, "client": "10.0.0.1:40000",
    "server": "10.0.0.2:80", "path": "/socket.io/", "version": 4, "upgrades": ["websocket"], "ping_interval": 25000,
    "ping_timeout": 20000, "max_payload": 1000000, "transports": ["polling"], "upgraded": False, "connections": [0],
    "over": True,
}  # fmt: skip


def _line(event: Event) -> dict[str, Any]:
    lines = JsonLines()
    lines.start = START
    written = lines.line(event)
    assert not (dangerous(written) - {"\ue000", "\U000f0000"})
    found = json.loads(written)
    assert isinstance(found, dict)
    assert all(value is not None for value in found.values())
    return found


def _without(line: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in names} | more


#: An event, and its line.
_LINES: dict[str, tuple[Event, dict[str, Any]]] = {
    "open": (engine(SERVER, "open", '{"sid":"a"}'), {**_OPEN, "data": '{"sid":"a"}'}),
    "pong": (
        engine(CLIENT, "pong", "", transport="websocket", message=7, took=2_000_000),
        {**_OPEN, "side": "client", "type": "pong", "transport": "websocket", "data": "", "message": 7, "seconds": 0.002}),
    "bytes": (engine(SERVER, "message", b"\x01"), {**_OPEN, "type": "message", "data": {"base64": "AQ=="}}),
    "packet of nobody": (
        engine(SERVER, "noop", sid=None, version=None, inferred=("event",)),
        _without(_OPEN, "sid", "version", type="noop", inferred=["event"])),
    "event": (socket(CLIENT, "EVENT", "chat", "hi"), _EVENT),
    "asks for an ack": (
        socket(CLIENT, "EVENT", "chat", None, b"\x01", id=12, ack=Acknowledged(9, 1_100_000), attachments=1),
        {**_EVENT, "args": [None, {"base64": "AQ=="}], "id": 12, "attachments": 1, "ack": {"packet": 9, "seconds": 0.0011}}),
    "ack": (
        socket(SERVER, "ACK", None, id=0, answers=Acknowledged(8, None)),
        _without(_EVENT, "name", side="server", type="ACK", args=[], id=0, answers={"packet": 8})),
    "connect": (
        socket(SERVER, "CONNECT", None, {"sid": "b"}, namespace="/admin", sid="b", parser="msgpack", engineio_sid=None),
        _without(_EVENT, "name", "engineio_sid", side="server", type="CONNECT", namespace="/admin", args=[{"sid": "b"}],
                 sid="b", parser="msgpack")),
    "session": (session(), _SESSION),
    "session of which little is known": (
        session(sid=None, client=None, version=None, opened=None, over=False, inferred=("sid",)),
        _without(_SESSION, "sid", "client", "version", "upgrades", "ping_interval", "ping_timeout", "max_payload", over=False,
                 inferred=["sid"])),
    "session that moved": (
        session(transports=("polling", "websocket"), upgraded=True, connections=(0, 2), hop=0, again=1,
                opened=Handshake((), 1, None, None)),
        _without(_SESSION, "ping_timeout", "max_payload", transports=["polling", "websocket"], upgraded=True,
                 connections=[0, 2], hop_of=0, follows=1, upgrades=[], ping_interval=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", _LINES)
def test_an_event_is_this_line(name: str) -> None:
    event, line = _LINES[name]
    assert _line(event) == line


def test_problems_stand_at_the_end() -> None:
    found = _line(socket(CLIENT, "unknown", problems=(Problem("socketio-malformed", "packet 8: no JSON", 8),)))
    assert found["problems"] == [{"kind": "socketio-malformed", "text": "packet 8: no JSON", "packet": 8}]


def test_what_is_asked_and_answered_has_no_keys_of_its_own() -> None:
    common = {"event", "connection", "time", "elapsed", "packets", "problems"}
    assert set(_line(request())) == set(_line(answer())) == common


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_text_is_escaped(text: str) -> None:
    found = _line(socket(CLIENT, text, text, text, {text: text}, namespace=text, sid=text, engineio_sid=text))
    assert len({found["type"], found["namespace"], found["name"], found["sid"], found["engineio_sid"], found["args"][0]}) == 1
    found = _line(engine(CLIENT, text, text, sid=text))
    assert found["type"] == found["data"] == found["sid"]
    assert _line(session(sid=text, path=text))["path"] == _line(session(sid=text))["sid"]
