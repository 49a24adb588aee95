"""Sessions of real Socket.IO, held against what the applications on both sides logged: nothing more, nothing less.

Each hop of a session is held against the log of the end that it reaches.  Where netviz and a log differ, `_DIFFER` says what
exactly, and why it is the log.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

import pytest

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import EngineIoAnswer, EngineIoPacket, EngineIoSession, Event, Peers, SocketIoPacket, WebSocketUpgrade
from netviz.layers.engineio import read_error
from netviz.layers.layer import Wanted
from tests.logs import FOLDER, Aspect, Log, plain
from tests.run import inside

_NAMES = sorted(path.stem for path in FOLDER.glob("*.pcapng"))

#: Where a proxy listens.
_PROXY = 8080

_ASPECTS = [
    Aspect(what, end, act) for what in ("engine", "event", "ack") for end in ("client", "server") for act in ("send", "recv")
]

#: Where a proxy kept a session on polling.
_STUCK = ("stuck-400", "stuck-403-proxy", "stuck-502", "stuck-probe")

#: Engine.IO packets that no library logs: those of an upgrade, and those that end a session on polling.
_UNSAID = ("upgrade", "noop", "close")


class Difference(NamedTuple):
    """Why a log lacks some of what netviz tells, and what."""

    why: str
    lacks: Counter[str]


def _lacks(why: str, *entries: str) -> Difference:
    return Difference(why, Counter(entries))


_FROZEN = "the client stood still: the ping reached its machine, and not the program"
_BEFORE = "the first packet of the capture: its log entries carry milliseconds, and lie just before"
_FIRST = "engine.io 3 sends this together with the open packet, and does not tell of it"

#: By capture and Aspect.
_DIFFER: dict[tuple[str, Aspect], Difference] = {
    ("ack-timeout", Aspect("ack", "client", "recv")): _lacks(
        "the client had given up on it, and dropped it", plain("/", None, ["too late"])
    ),
    ("eio3-binary-polling", Aspect("event", "client", "recv")): _lacks(
        "the page does not listen to this event", plain("/", "echo", ["grüße", b"\x00\xff\x10\x02", "温度"])
    ),
    ("reconnect", Aspect("event", "server", "send")): _lacks(
        "a broadcast, with where it is in what can be recovered", plain("/", "missed", ["while you were away", "Q7-a0Dk"])
    ),
    ("ping-timeout-server", Aspect("engine", "client", "recv")): _lacks(_FROZEN, plain("websocket", "ping", None)),
    ("ping-timeout-server-polling", Aspect("engine", "client", "recv")): _lacks(_FROZEN, plain("polling", "ping", None)),
    ("midstream", Aspect("engine", "client", "recv")): _lacks(_BEFORE, plain("websocket", "ping", None)),
    ("midstream", Aspect("engine", "server", "send")): _lacks(_BEFORE, plain("websocket", "ping", None)),
    ("eio3-binary-polling", Aspect("engine", "server", "send")): _lacks(_FIRST, *[plain("polling", "message", "0")] * 2),
    ("jsonp", Aspect("engine", "server", "send")): _lacks(_FIRST, plain("polling", "message", "0")),
}


@cache
def _read(name: str) -> tuple[list[Event], Log]:
    analysis = Analysis(wanted=Wanted())
    found = [event for batch in open_capture(FOLDER / f"{name}.pcapng") for event in analysis.feed(batch)]
    return [*found, *analysis.close()], Log(name)


def _sessions(found: list[Event]) -> list[EngineIoSession]:
    """Each session as it was in the end."""
    return list({event.number: event for event in found if isinstance(event, EngineIoSession)}.values())


def _hop(sessions: list[EngineIoSession], sid: str, end: str) -> EngineIoSession:
    """The hop of a session that reaches this end."""
    hops = [session for session in sessions if session.sid == sid and session.opened is not None]
    # Where the capture begins inside a session nobody can know its sid.
    hops = hops or [session for session in sessions if session.sid is None and "event" in session.inferred]
    near = [session for session in hops if session.server is not None and (session.server.port == _PROXY) == (end == "client")]
    return (near or hops)[0]


def _told(found: list[Event], session: int, aspect: Aspect, *, page: bool) -> Counter[str]:
    """What netviz tells of a session, in the words of a log."""
    bag: Counter[str] = Counter()
    for event in found:
        if not isinstance(event, EngineIoPacket | SocketIoPacket) or (event.session, event.side) != (session, aspect.side):
            continue
        if isinstance(event, SocketIoPacket):
            if event.type.removeprefix("BINARY_").lower() == aspect.what:
                bag[plain(event.namespace, event.event, event.args, page=page)] += 1
        elif aspect.what == "engine":
            bag[plain(event.transport, event.type, event.data, page=page)] += 1
    return bag


def _unsaid(entry: str, aspect: Aspect) -> bool:
    """Whether no library logs this."""
    _, kind, data = json.loads(entry)
    return kind in _UNSAID or data == "probe" or (kind == "open" and aspect.act == "send")


@pytest.mark.parametrize("name", _NAMES)
def test_what_was_said_is_what_both_ends_logged(name: str) -> None:
    found, log = _read(name)
    sessions = _sessions(found)
    for aspect in _ASPECTS:
        lacks: Counter[str] = Counter()
        for sid in filter(lambda sid: log.tells(sid, aspect), log.sids()):
            session = _hop(sessions, sid, aspect.end)
            told = _told(found, session.number, aspect, page=aspect.end == "client" and sid in log.pages)
            logged = log.bags[aspect][sid]
            assert not logged - told, aspect
            lacks += told - logged
        if aspect.what == "engine":
            lacks = Counter({entry: n for entry, n in lacks.items() if not _unsaid(entry, aspect)})
        known = _DIFFER.get((name, aspect))
        assert lacks == (known.lacks if known else Counter()), aspect


@pytest.mark.parametrize("name", _NAMES)
def test_nothing_was_said_that_no_end_logged(name: str) -> None:
    found, log = _read(name)
    sids = {session.number: session.sid for session in _sessions(found)}
    for event in found:
        if not isinstance(event, SocketIoPacket) or event.type not in ("EVENT", "BINARY_EVENT", "ACK", "BINARY_ACK"):
            continue
        sid = sids[event.session] or next(iter(log.sids()))
        what = event.type.removeprefix("BINARY_").lower()
        ways = [aspect for aspect in _ASPECTS if aspect.side == event.side]
        assert any(log.tells(sid, aspect) for aspect in ways if aspect.what in ("engine", what))


@pytest.mark.parametrize("name", sorted(set(_NAMES) - {"midstream"}))
def test_sessions_and_sockets_are_those_of_the_servers(name: str) -> None:
    found, log = _read(name)
    sessions = _sessions(found)
    by_hand = {sid for entry in log.of("answer") for sid in re.findall(r'"sid\\?":\\?"([\w-]{20})\\?","upg', entry["body"])}
    assert sorted(s.sid or "" for s in sessions if s.opened and s.hop is None) == sorted(log.sids() | by_hand)
    for entry in log.of("engine-open"):
        session = _hop(sessions, entry["sid"], "server")
        first = next(event for event in found if isinstance(event, EngineIoPacket) and event.session == session.number)
        # On a WebSocket nothing but the request tells the version: a server of version 3 takes it for its own.
        version = 4 if (name, entry["transport"]) == ("eio4-against-3", "websocket") else entry["version"]
        assert (session.version, first.transport, first.type) == (version, entry["transport"], "open")
    for entry in log.of("engine-handshake"):
        assert _hop(sessions, entry["sid"], "client").opened == (
            tuple(entry["upgrades"]), entry["pingInterval"], entry["pingTimeout"], entry.get("maxPayload"),
        )  # fmt: skip
    if name != "python-server":  # which does not log it
        upgraded = {entry["sid"] for entry in log.of("engine-upgrade") if "sid" in entry}
        assert {session.sid for session in sessions if session.upgraded} == upgraded

    servers = {_hop(sessions, sid, "server").number for sid in log.sids()}
    connected = {
        (event.sid, event.engineio_sid, event.namespace)
        for event in found
        if isinstance(event, SocketIoPacket) and event.type == "CONNECT" and event.side == 1 and event.session in servers
    }
    logged = {(e["sid"], e["engine"], e["namespace"]) for e in log.of("connect") if e["who"].startswith("server")}
    if name == "python-server":  # it logs before it refuses
        logged = {entry for entry in logged if entry[1] != "epAuQgMKxq1MTd9FAAAF"}
    if name == "eio4-against-3":  # its CONNECT on the WebSocket has no sid, which in version 4 it would
        connected = {(sid or engine, engine, namespace) for sid, engine, namespace in connected}
    assert connected == logged


@pytest.mark.parametrize("name", _NAMES)
def test_hops_are_there_where_a_proxy_was(name: str) -> None:
    found, _ = _read(name)
    sessions = _sessions(found)
    proxied = {s.sid for s in sessions if s.server is not None and s.server.port == _PROXY}
    assert {s.sid for s in sessions if s.hop is not None} == proxied
    assert (len(proxied) > 0) == (name in ("proxied", "unknown-sid") or name in _STUCK)
    for session in sessions:
        if session.hop is not None:
            assert sessions[session.hop].sid == session.sid
            assert sessions[session.hop].hop is None


@pytest.mark.parametrize("name", _NAMES)
def test_sessions_follow_those_that_were_lost(name: str) -> None:
    found, log = _read(name)
    # One that was lost on polling has no end that could be seen.
    returned = 0 if name.startswith("unknown-sid") else len(log.of("reconnect"))
    assert sum(session.again is not None for session in _sessions(found)) == returned


def _refused(found: list[Event], *, by_proxy: bool) -> Counter[tuple[str, str, str]]:
    """Method and target of what was refused, and in which words (or with which status)."""
    ports = {event.connection: event.server.port for event in found if isinstance(event, Peers)}
    bag: Counter[tuple[str, str, str]] = Counter()
    for event in found:
        if isinstance(event, EngineIoAnswer):
            status, body = event.status, event.body.content or b""
            method, target = event.request.method, event.request.target
        elif isinstance(event, WebSocketUpgrade):
            status, body, method, target = event.status, event.body.encode(), event.method, event.path
        else:
            continue
        if status not in (None, 101, 200, 204) and (ports[event.connection] == _PROXY) == by_proxy:
            said = read_error(body)
            known = said is not None and said[0] is not None
            bag[method, target, f"{said[0]} {said[1]}" if said and known else body.decode() or str(status)] += 1
    return bag


#: What the captures of requests by hand hold beside what the server logs as an error: answers of other kinds.
_OTHERWISE = {"404", "405: Method Not Allowed", "404: Not Found", "413", "500", "400"}


@pytest.mark.parametrize("name", ["cors", "eio3-against-4", "engine-errors", "stuck-400", "unknown-sid"])
def test_refusals_are_those_that_the_server_logged(name: str) -> None:
    found, log = _read(name)
    refused = _refused(found, by_proxy=False)
    logged: Counter[tuple[str, str, str]] = Counter()
    for entry in log.of("engine-error"):
        if not entry["who"].startswith("server") or entry["url"] in _UNSEEN:
            continue
        words = (entry["code"] == 4 and entry["context"]["message"]) or entry["message"]
        # Over a refused upgrade the words go without the code, where they are no JSON.
        bare = (entry["method"], entry["url"], words)
        logged[bare if bare in refused else (entry["method"], entry["url"], f"{entry['code']} {words}")] += 1
    assert not logged - refused
    assert {words for _, _, words in refused - logged} <= (_OTHERWISE if name == "engine-errors" else set())
    if name in ("stuck-400", "unknown-sid"):
        assert _refused(found, by_proxy=True) == refused


#: Logged as errors, and not seen as refused: over a WebSocket the server of version 4 answers 101 first, and then HTTP inside
#: of it; without EIO= a request is none of Engine.IO's.
_UNSEEN = ("/socket.io/?EIO=3&transport=websocket", "/socket.io/?transport=polling")


@pytest.mark.parametrize("name", ["engine-errors", "engine-errors-eio3", "engine-errors-python", "jsonp"])
def test_answers_to_requests_by_hand_are_all_there(name: str) -> None:
    found, log = _read(name)
    waiting: dict[str, list[str]] = {}
    logged: Counter[tuple[str, int]] = Counter()
    for entry in log.of("request", "answer"):
        if entry["what"] == "request":
            waiting.setdefault(entry["who"], []).append(entry["path"])
        else:
            logged[waiting[entry["who"]].pop(), entry["status"]] += 1
    told: Counter[tuple[str, int]] = Counter()
    for event in found:
        if isinstance(event, EngineIoAnswer | WebSocketUpgrade) and event.status is not None:
            told[event.request.target if isinstance(event, EngineIoAnswer) else event.path, event.status] += 1
    assert not Counter({key: n for key, n in logged.items() if "EIO=" in key[0]}) - told


@pytest.mark.parametrize(
    ("name", "status"), [("stuck-400", 400), ("stuck-403-proxy", 403), ("stuck-502", 502), ("stuck-probe", 101)]
)
def test_upgrades_that_failed_were_answered_so(name: str, status: int) -> None:
    found, log = _read(name)
    assert len(log.of("engine-upgrade-error")) == 1
    (session,) = (s for s in _sessions(found) if s.server is not None and s.server.port == _PROXY)
    assert ([upgrade.status for upgrade in session.attempts], session.transports) == ([status], ("polling",))


def test_a_plain_websocket_that_looks_like_it_is_not_taken_for_it() -> None:
    run = inside("ws-trace", "tests/captures/socketio/plain-42.pcapng", "--json")
    names = {json.loads(line)["event"] for line in run.out.splitlines()}
    assert names == {"websocket.upgrade", "websocket.frame", "websocket.message", "websocket.close"}
