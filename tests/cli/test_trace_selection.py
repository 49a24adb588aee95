"""The filters of ``ws-trace``: each keeps what it should, and all must agree."""

from __future__ import annotations

import pytest

from netviz.cli.trace_selection import TraceSelection
from netviz.errors import NetvizError
from netviz.event import CaptureProblem, Endpoint, Event, Peers, Problem
from tests.talk import close, frame_event, message, upgrade

_BROKEN = (Problem("some-rule", "it is broken", 6),)
_PEERS = [
    Peers(packets=(), time=None, connection=0, client=Endpoint("10.0.0.1", 40000), server=Endpoint("10.0.0.2", 80)),
    Peers(packets=(), time=None, connection=1, client=Endpoint("fd20::1", 40001), server=Endpoint("fd20::2", 81)),
]
_EVENTS: dict[str, Event] = {
    "upgrade": upgrade(),
    "frame": frame_event(),
    "text": message(content="Hello"),
    "binary": message(kind="binary", content=b"\x00\xffhello"),
    "omitted": message(content=None, length=70_000),
    "ping": message(kind="ping", content="hello?"),
    "continuation": frame_event(first=0),
    "reserved": frame_event(first=0x8B),
    "bad frame": frame_event(problems=_BROKEN),
    "bad text": message(content="bad", problems=_BROKEN),
    "close frame": message(kind="close", content="bye", code=1000),
    "end": close(),
    "bad end": close(problems=_BROKEN),
    "open": close(ended=False),
    "open, bytes missing": close(ended=False, problems=_BROKEN),
    "other": message(connection=1, content="Hello"),
    "other upgrade": upgrade(connection=1),
    "damage": CaptureProblem(packets=(3,), time=None, problems=_BROKEN),
}
_ALL = [name for name in _EVENTS if name != "open"]
_FIRST = [name for name in _ALL if not name.startswith("other")]
_SECOND = ["other", "other upgrade", "damage"]


def _chosen(**only: object) -> TraceSelection:
    chosen = TraceSelection(**only)  # type: ignore[arg-type]
    for peers in _PEERS:
        chosen.passes(peers)
    return chosen


def _kept(**only: object) -> list[str]:
    chosen = _chosen(**only)
    return [name for name, event in _EVENTS.items() if chosen.passes(event)]


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        ({}, _ALL),
        ({"connection": 0}, _FIRST),
        ({"connection": 1}, _SECOND),
        ({"connection": 2}, ["damage"]),
        ({"host": "10.0.0.1"}, _FIRST),
        ({"host": "FD20:0:0::2"}, _SECOND),
        ({"host": "[fd20::1]"}, _SECOND),
        ({"host": "10.0.0.9"}, ["damage"]),
        ({"port": 80}, _FIRST),
        ({"port": 40001}, _SECOND),
        ({"port": 0}, ["damage"]),
        ({"host": "10.0.0.2", "port": 40000}, _FIRST),
        ({"host": "10.0.0.2", "port": 81}, ["damage"]),
        ({"host": "10.0.0.2", "connection": 1}, ["damage"]),
        ({"grep": "hello"}, ["text", "binary", "ping", "other", "damage"]),
        ({"grep": "^HELLO$"}, ["text", "other", "damage"]),
        ({"grep": r"\xff"}, ["binary", "damage"]),
        ({"grep": ""}, ["text", "binary", "ping", "bad text", "close frame", "other", "damage"]),
        ({"grep": "hello", "port": 80}, ["text", "binary", "ping", "damage"]),
        ({"kind": ("text",)}, ["frame", "text", "omitted", "bad frame", "bad text", "other", "damage"]),
        ({"kind": ("binary", "ping")}, ["binary", "ping", "damage"]),
        ({"kind": ("continuation",)}, ["continuation", "damage"]),
        ({"kind": ("reserved",)}, ["reserved", "damage"]),
        ({"kind": ("close",)}, ["close frame", "damage"]),
        ({"kind": ("ping",), "grep": "hello"}, ["ping", "damage"]),
        ({"problems": True}, ["bad frame", "bad text", "bad end", "open, bytes missing", "damage"]),
        ({"problems": True, "kind": ("text",)}, ["bad frame", "bad text", "damage"]),
        ({"problems": True, "grep": "bad"}, ["bad text", "damage"]),
        ({"problems": True, "connection": 1}, ["damage"]),
        ({"only": ("websocket",)}, [name for name in _ALL if name != "damage"]),
        ({"only": ("websocket.upgrade",)}, ["upgrade", "other upgrade"]),
        ({"only": ("websocket.upg",)}, []),
        ({"only": ("websocket.close", "capture")}, ["end", "bad end", "open, bytes missing", "damage"]),
        ({"only": ("websocket.frame",), "problems": True}, ["bad frame"]),
        ({"only": ("websocket.message",), "connection": 1}, ["other"]),
    ],
)
def test_filters(only: dict[str, object], kept: list[str]) -> None:
    assert _kept(**only) == kept


@pytest.mark.parametrize(
    ("only", "seen"),
    [
        ({}, True), ({"connection": 1}, True), ({"only": ("websocket.upgrade",)}, False), ({"problems": True}, True),
        ({"only": ("websocket.message",), "grep": "hello"}, False), ({"only": ("websocket.message",), "grep": "bad"}, True),
        ({"only": ("websocket",), "kind": ("ping",)}, False), ({"only": ("websocket",), "connection": 1}, False),
    ],
)  # fmt: skip
def test_problems_are_seen_where_they_pass(only: dict[str, object], seen: bool) -> None:
    chosen = _chosen(**only)
    assert not chosen.problems_seen
    for event in _EVENTS.values():
        chosen.passes(event)
    assert chosen.problems_seen is seen


@pytest.mark.parametrize(
    ("only", "everything", "narrow"),
    [
        ({}, True, False), ({"connection": 0}, False, False), ({"host": "::1"}, False, False), ({"port": 0}, False, False),
        ({"grep": ""}, False, True), ({"kind": ("text",)}, False, True), ({"problems": True}, False, True),
        ({"only": ("websocket.frame",)}, True, False),
    ],
)  # fmt: skip
def test_how_much_is_wanted(only: dict[str, object], everything: bool, narrow: bool) -> None:
    chosen = TraceSelection(**only)  # type: ignore[arg-type]
    assert (chosen.everything, chosen.narrow) == (everything, narrow)


@pytest.mark.parametrize("only", [{"host": "10.0.0"}, {"host": "example.org"}, {"grep": "("}, {"grep": "a{5,1}"}])
def test_what_cannot_be_meant(only: dict[str, str]) -> None:
    with pytest.raises(NetvizError):
        TraceSelection(**only)  # type: ignore[arg-type]


def test_peers_pass_where_their_connection_does() -> None:
    assert [_chosen(connection=1).passes(peers) for peers in _PEERS] == [False, True]
    assert [_chosen(port=80).passes(peers) for peers in _PEERS] == [True, False]


def test_the_one_connection_must_be_there() -> None:
    for number in (None, 0, 1):
        _chosen(connection=number).require()
    with pytest.raises(NetvizError, match=r"connection 2 holds no WebSocket; connections that do: 0, 1$"):
        _chosen(connection=2).require()
    with pytest.raises(NetvizError, match=r"that do: none$"):
        TraceSelection(connection=0).require()


def test_not_all_of_many_connections_are_named() -> None:
    chosen = TraceSelection(connection=500)
    for number in range(100):
        chosen.passes(Peers(packets=(), time=None, connection=number, client=_PEERS[0].client, server=_PEERS[0].server))
    with pytest.raises(NetvizError, match=r"18, 19, …$"):
        chosen.require()
