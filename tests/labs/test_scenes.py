"""What each lab is about is in its capture: played here, and as it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from netviz.analysis import analyze, trace
from netviz.capture.source import open_capture
from netviz.event import (
    EngineIoSession,
    Event,
    SocketIoPacket,
    TcpConnection,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.labs.lab import LABS, find_lab
from netviz.labs.performance import Performance, perform
from netviz.namespace import refusal
from netviz.samples import samples

_E = TypeVar("_E")


class Seen(NamedTuple):
    """What netviz reads in a capture."""

    tcp: list[TcpConnection]
    events: list[Event]

    def all(self, kind: type[_E]) -> list[_E]:
        """Those of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind: type[_E]) -> _E:
        """The only one of a kind."""
        (event,) = self.all(kind)
        return event

    def messages(self, *kinds: str) -> list[WebSocketMessage]:
        """Messages of these kinds."""
        return [message for message in self.all(WebSocketMessage) if message.kind in kinds]


def _read(path: Path) -> Seen:
    return Seen(
        [event for event in analyze(open_capture(path)) if isinstance(event, TcpConnection)], list(trace(open_capture(path)))
    )


def _closing(seen: Seen) -> tuple[str, str | None]:
    (connection,) = seen.tcp
    assert connection.outcome == "established"
    assert connection.closing is not None
    return connection.closing.how, connection.closing.by


def _handshake(seen: Seen) -> None:
    assert [step.step for step in seen.tcp[0].steps] == ["SYN", "SYN-ACK", "ACK"]
    assert _closing(seen)[0] == "fin"


def _refused(seen: Seen) -> None:
    assert {connection.outcome for connection in seen.tcp} == {"refused"}


def _unanswered(seen: Seen) -> None:
    (connection,) = seen.tcp
    assert connection.outcome == "unanswered"
    assert len(connection.steps) > 1
    assert {(step.step, step.segment.seq) for step in connection.steps} == {("SYN", connection.steps[0].segment.seq)}


def _reset(seen: Seen) -> None:
    assert _closing(seen) == ("reset", "client")
    assert seen.tcp[0].traffic[0].bytes > 0


def _websocket(seen: Seen) -> None:
    assert seen.one(WebSocketUpgrade).accept_valid
    assert {"text", "binary", "ping", "pong", "close"} <= {message.kind for message in seen.all(WebSocketMessage)}
    close = seen.one(WebSocketClose)
    assert (close.code, close.clean) == (1000, True)


def _fragments(seen: Seen) -> None:
    (message,) = (message for message in seen.messages("text") if message.fragments > 1)
    first, last = message.frames
    between = [frame.kind for frame in seen.all(WebSocketFrame) if first < frame.number < last and frame.side == message.side]
    assert between.count("ping") == 1
    assert between.count("continuation") >= 2


def _compression(seen: Seen) -> None:
    long, again, _ = (message for message in seen.messages("text") if message.side == 0)
    assert long.compressed
    assert again.compressed
    assert long.content == again.content
    assert again.wire_length * 8 < long.wire_length < len(str(long.content))


def _ping(seen: Seen) -> None:
    pings, pongs = seen.messages("ping"), seen.messages("pong")
    assert len(pings) >= 3
    assert {ping.sender for ping in pings} == {"server"}
    assert [pong.after.number for pong in pongs if pong.after] == [ping.number for ping in pings]
    assert seen.one(WebSocketClose).clean


def _abnormal(seen: Seen) -> None:
    close = seen.one(WebSocketClose)
    assert (close.code, close.clean, close.transport_by, "code" in close.inferred) == (1006, False, "server", False)
    assert not seen.messages("close")
    assert seen.messages("text")


def _bad_accept(seen: Seen) -> None:
    upgrade = seen.one(WebSocketUpgrade)
    assert (upgrade.outcome, upgrade.status, upgrade.accept_valid) == ("invalid", 101, False)
    assert [rule.name for rule in upgrade.rules if rule.holds is False] == ["Accept"]
    assert not seen.all(WebSocketMessage)


def _rejected(seen: Seen) -> None:
    upgrades = seen.all(WebSocketUpgrade)
    assert {upgrade.outcome for upgrade in upgrades} == {"rejected"}
    assert {401, 403, 404} <= {upgrade.status for upgrade in upgrades}


def _socketio(seen: Seen) -> None:
    last = {session.number: session for session in seen.all(EngineIoSession)}
    assert sorted(session.upgraded for session in last.values()) == [False, True, True]
    assert {session.transports[-1] for session in last.values()} == {"websocket"}
    packets = seen.all(SocketIoPacket)
    asked = [packet for packet in packets if packet.event and packet.side == 0]
    assert any(packet.type == "ACK" and packet.answers is not None for packet in packets)
    assert asked
    heard: dict[str, set[str | None]] = {}
    for packet in packets:
        if packet.event and packet.side == 1:
            heard.setdefault(f"{packet.event} {packet.args}", set()).add(packet.engineio_sid)
    assert 3 in map(len, heard.values())


_SHOWS: dict[str, Callable[[Seen], None]] = {
    "handshake": _handshake, "refused": _refused, "unanswered": _unanswered, "reset": _reset, "websocket": _websocket,
    "fragments": _fragments, "compression": _compression, "ping": _ping, "1006": _abnormal, "bad-accept": _bad_accept,
    "rejected": _rejected, "socketio": _socketio,
}  # fmt: skip


@cache
def _played(name: str) -> Performance:
    if why := refusal():
        pytest.skip(f"namespaces are not allowed here: {why}")
    return perform(find_lab(name), ("namespace",))


@pytest.fixture
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> Seen:
    """A lab as it was played here, in a namespace of its own."""
    lab = find_lab(request.param)
    for package in lab.extra:
        pytest.importorskip(package)
    played = _played(request.param)
    assert (played.place, played.reasons) == ("namespace", ())
    path = tmp_path / "lab.pcapng"
    path.write_bytes(played.capture)
    return _read(path)


def test_each_lab_is_held_against_what_it_says() -> None:
    assert list(_SHOWS) == list(LABS)


@pytest.mark.parametrize(("seen", "name"), [(name, name) for name in LABS], indirect=["seen"])
def test_it_shows_what_it_says(seen: Seen, name: str) -> None:
    _SHOWS[name](seen)


@pytest.mark.parametrize("name", LABS)
def test_so_does_its_recorded_capture(name: str) -> None:
    _SHOWS[name](_read(samples()[find_lab(name).sample]))


@pytest.mark.parametrize("seen", LABS, indirect=True)
def test_nothing_else_is_in_it(seen: Seen) -> None:
    assert {(str(tcp.server.address), tcp.server.port) for tcp in seen.tcp} == {("127.0.0.1", 8765)}
    # A connection that was played to its end, and captured to its end.
    assert {tcp.outcome for tcp in seen.tcp} <= {"established", "refused", "unanswered"}
    assert {tcp.closing.how for tcp in seen.tcp if tcp.closing} <= {"fin", "reset"}
    assert not any(side.lost_bytes for tcp in seen.tcp for side in tcp.traffic)
