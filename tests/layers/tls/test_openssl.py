"""What only libssl itself can be asked for: early data, new keys, padding, the suites of TLS 1.3 by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from netviz.event import Event, TlsHandshake, TlsKeyUpdate, WebSocketUpgrade
from tests.openssl import End, Pair, available
from tests.talk import Line
from tests.tls import CHAT, plainly, read, said
from tests.wire import CLIENT, Wire

pytestmark = pytest.mark.skipif(not available(), reason="no libssl that can be asked")


_SAID = plainly()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def _shake(ends: tuple[End, End]) -> None:
    for _ in range(6):
        done = [end.shake() for end in ends]
        if all(done):
            return
    raise AssertionError("no handshake")


def _say(ends: tuple[End, End], wire: Wire, lines: Iterable[Line] = CHAT) -> Wire:
    for side, data in lines:
        ends[side].write(data)
    ends[0].read()
    for end in ends:
        end.close()
    return wire.close()


def _handshake(events: list[Event]) -> TlsHandshake:
    (found,) = (event for event in events if isinstance(event, TlsHandshake))
    return found


@pytest.mark.parametrize("suite", [
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
])  # fmt: skip
def test_each_suite_of_1_3(suite: str, keys: Path) -> None:
    wire = Wire().open()
    ends = Pair(keys, suite).connect(wire)
    _shake(ends)
    events = read(_say(ends, wire), keys)
    session = _handshake(events).session
    assert session is not None
    assert session.cipher == suite
    assert said(events) == _SAID


@pytest.mark.parametrize("padding", [64, 1024, 4096])
def test_padding(padding: int, keys: Path) -> None:
    wire = Wire().open()
    ends = Pair(keys, padding=padding).connect(wire)
    _shake(ends)
    events = read(_say(ends, wire), keys)
    assert said(events) == _SAID
    assert not any(event.problems for event in events)


def test_new_keys(keys: Path) -> None:
    wire = Wire().open()
    ends = Pair(keys).connect(wire)
    _shake(ends)
    for place, (side, data) in enumerate(CHAT):
        if place == 3:
            ends[0].update(ask=True)
        if place == 5:
            ends[1].update()
        ends[side].write(data)
    events = read(_say(ends, wire, ()), keys)
    assert said(events) == _SAID
    told = [(event.side, event.requested) for event in events if isinstance(event, TlsKeyUpdate)]
    assert ("client", True) in told
    assert ("server", False) in told
    assert read(wire, keys, 1) == events


def _early(keys: Path, pair: Pair, session: int) -> tuple[Wire, bool]:
    wire = Wire().open()
    ends = pair.connect(wire, session)
    (_, asked), *rest = CHAT
    ends[CLIENT].early(asked)
    taken = ends[1].take_early() == asked
    _shake(ends)
    return _say(ends, wire, rest if taken else CHAT), taken


def _ticket(pair: Pair) -> int:
    wire = Wire().open()
    ends = pair.connect(wire)
    _shake(ends)
    _say(ends, wire)
    return pair.session


def test_early_data(keys: Path) -> None:
    pair = Pair(keys, early=True)
    wire, taken = _early(keys, pair, _ticket(pair))
    assert taken
    events = read(wire, keys)
    event = _handshake(events)
    assert event.session is not None
    assert (event.early, event.session.resumed, event.round_trips) == ("accepted", True, 1)
    assert event.flights[0].messages == ("ClientHello", "early data")
    assert event.flights[2].messages == ("EndOfEarlyData", "Finished")
    assert said(events) == _SAID
    (upgrade,) = (event for event in events if isinstance(event, WebSocketUpgrade))
    assert upgrade.asked is not None
    assert event.time is not None
    assert upgrade.asked < event.time  # it did not wait for the handshake
    assert read(wire, keys, 1) == events


def test_early_data_that_is_refused_was_never_said(keys: Path) -> None:
    session = _ticket(Pair(keys, early=True))
    wire, taken = _early(keys, Pair(keys, early=True), session)
    assert not taken
    events = read(wire, keys)
    event = _handshake(events)
    assert event.session is not None
    assert (event.early, event.session.resumed) == ("rejected", False)
    assert said(events) == _SAID
    assert not any(event.problems for event in events)
    assert read(wire, keys, 1) == events


def test_early_data_without_its_key(keys: Path) -> None:
    """All that follows is read; what was said first is not there."""
    pair = Pair(keys, early=True)
    wire, _ = _early(keys, pair, _ticket(pair))
    lines = keys.read_text().splitlines()
    keys.write_text("\n".join(line for line in lines if not line.startswith("CLIENT_EARLY")))
    events = read(wire, keys)
    assert _handshake(events).outcome == "complete"
    contents = [entry for entry in said(events) if entry[0] == "message"]
    assert contents == [entry for entry in _SAID if entry[0] == "message"]


def test_early_data_without_any_key(keys: Path) -> None:
    pair = Pair(keys, early=True)
    wire, _ = _early(keys, pair, _ticket(pair))
    event = _handshake(read(wire, None))
    assert (event.keys, event.outcome, event.early) == ("none", "complete", None)
    assert event.flights[0].messages == ("ClientHello", "early data")
    assert event.session is not None
    assert event.session.resumed
