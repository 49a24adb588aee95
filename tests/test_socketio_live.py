"""A python-socketio server and its clients, recorded while they speak, and read: netviz tells what both sides logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import EngineIoSession, Event, SocketIoPacket, Transport
from netviz.layers.layer import Wanted
from netviz.verdicts.session_end import ending
from netviz.verdicts.session_trace import SessionTrace
from tests.logs import plain
from tests.talk_socketio import BINARY, Recording, recorded

_WAYS: list[tuple[Transport, ...]] = [("polling", "websocket"), ("websocket",), ("polling",)]

#: What node's server calls the reasons for which python-socketio has other words.
_REASONS = {
    "client disconnect": "client namespace disconnect",
    "server disconnect": "server namespace disconnect",
    "transport close": "transport close",
}


class Talk(NamedTuple):
    """A recording, and what netviz tells of it; ``sids`` are the sessions of the clients in their order."""

    transports: tuple[Transport, ...]
    recording: Recording
    events: list[Event]
    sessions: dict[str, EngineIoSession]
    sids: list[str]

    def packets(self, side: int, *types: str) -> list[SocketIoPacket]:
        """The Socket.IO packets that a side sent."""
        return [e for e in self.events if isinstance(e, SocketIoPacket) and e.side == side and e.type in types]


@pytest.fixture(scope="module", params=_WAYS, ids="-".join)
def talk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Talk:
    """A talk over each transport."""
    recording = recorded(request.param)
    path: Path = tmp_path_factory.mktemp("talk") / "talk.pcap"
    path.write_bytes(recording.capture)
    analysis = Analysis(wanted=Wanted())
    events = [event for batch in open_capture(path) for event in analysis.feed(batch)]
    events += analysis.close()
    last = {event.number: event for event in events if isinstance(event, EngineIoSession)}
    sessions = {session.sid or "": session for session in last.values()}
    sids = [next(entry.engine for entry in log if entry.engine) for log in recording.clients]
    return Talk(request.param, recording, events, sessions, sids)


def _said(packets: Iterable[SocketIoPacket]) -> Counter[str]:
    return Counter(plain(packet.engineio_sid, packet.namespace, packet.event, packet.args) for packet in packets)


def _logged(talk: Talk, what: str, act: str, *, named: bool = True) -> Counter[str]:
    """What the clients logged."""
    return Counter(
        plain(sid, entry.namespace, entry.event if named else None, entry.args)
        for sid, log in zip(talk.sids, talk.recording.clients, strict=True)
        for entry in log
        if (entry.what, entry.act) == (what, act)
    )


def _served(talk: Talk, what: str, act: str, *, named: bool = True) -> Counter[str]:
    """What the server logged."""
    engines = {entry.sid: entry.engine for entry in talk.recording.server if entry.engine}
    return Counter(
        plain(engines[entry.sid], entry.namespace, entry.event if named else None, entry.args)
        for entry in talk.recording.server
        if (entry.what, entry.act) == (what, act)
    )


def test_sessions_are_those_of_the_clients(talk: Talk) -> None:
    assert sorted(talk.sessions) == sorted(talk.sids)
    for session in talk.sessions.values():
        assert (session.transports, session.upgraded) == (talk.transports, len(talk.transports) == 2)
        assert (session.version, session.hop, session.again) == (4, None, None)
    sockets = {(e.sid, e.engineio_sid, e.namespace) for e in talk.packets(1, "CONNECT")}
    assert sockets == {(e.sid, e.engine, e.namespace) for e in talk.recording.server if e.what == "connect"}
    assert not [problem for event in talk.events for problem in event.problems]


def test_events_are_those_that_both_sides_logged(talk: Talk) -> None:
    asked = _said(talk.packets(0, "EVENT", "BINARY_EVENT"))
    assert asked == _logged(talk, "event", "send")
    assert asked == _served(talk, "event", "recv")
    heard = talk.packets(1, "EVENT", "BINARY_EVENT")
    assert _said(heard) == _logged(talk, "event", "recv")
    # What goes to a room is logged once by the server, and sent to each of its sockets.
    assert _said(packet for packet in heard if packet.event != "said") == _served(talk, "event", "send")
    (room,) = (entry for entry in talk.recording.server if entry.what == "broadcast")
    assert _said(p for p in heard if p.event == "said") == Counter(plain(sid, "/", "said", room.args) for sid in talk.sids)


def test_acks_answer_what_both_sides_logged(talk: Talk) -> None:
    for side, act, others in ((1, "recv", "send"), (0, "send", "recv")):
        packets = talk.packets(side, "ACK", "BINARY_ACK")
        assert _said(packets) == _logged(talk, "ack", act, named=False)
        assert _said(packets) == _served(talk, "ack", others, named=False)
        asked = {
            (packet.packets[-1], packet.engineio_sid, packet.namespace, packet.id): packet.event
            for packet in talk.packets(1 - side, "EVENT", "BINARY_EVENT")
        }
        named: Counter[str] = Counter()
        for packet in packets:
            assert packet.answers is not None
            assert packet.answers.took is not None
            assert packet.answers.took > 0
            event = asked[packet.answers.packet, packet.engineio_sid, packet.namespace, packet.id]
            named[plain(packet.engineio_sid, packet.namespace, event, packet.args)] += 1
        assert named == _logged(talk, "ack", act)


def test_attachments_are_whole(talk: Talk) -> None:
    packets = [packet for side in (0, 1) for packet in talk.packets(side, "BINARY_EVENT", "BINARY_ACK")]
    assert Counter(packet.attachments for packet in packets) == Counter({1: 5, 2: 2})
    (one,) = (p for p in talk.packets(0, "BINARY_EVENT") if p.attachments == 2)
    assert one.args == ({"in": [BINARY[1], {"two": BINARY[0]}]}, "behind")


def test_ends_have_the_reasons_that_the_server_was_told(talk: Talk) -> None:
    engines = {entry.sid: entry.engine for entry in talk.recording.server if entry.engine}
    left = {(engines[e.sid], _REASONS[e.args[0]]) for e in talk.recording.server if e.what == "disconnect"}
    assert {sid for sid, _ in left} == set(talk.sids[:2])
    for sid, session in talk.sessions.items():
        trace = SessionTrace(session)
        for event in talk.events:
            if getattr(event, "session", None) == session.number:
                trace.take(event)
        end = ending(trace)
        reasons = {reason for whose, reason in left if whose == sid}
        assert (end is None) == (not reasons)
        assert end is None or all(f"“{reason}”" in end.means for reason in reasons)
