"""From packets to what a WebSocket said: whatever the order, the losses, and the size of a Batch."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz import ahead
from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.channel import Channel
from netviz.event import (
    Endpoint,
    Event,
    Peers,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.layers.layer import Handover, Layer, Wanted
from tests import make
from tests.frames import BINARY, CONTINUATION, MASK, PING, PONG, TEXT, accepted, closing, frame, request
from tests.wire import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Packet, Wire, batches, weave

_SIZES = [1, 2, 3, 7]
_DATA = PSH | ACK

_ENDS = {
    "v4": (("10.0.0.1", 40000), ("10.0.0.2", 80)),
    "v6": (("2001:db8::1", 40000), ("2001:db8::2", 80)),
    # The client is the lower end in the first two, the higher one here.
    "v4, turned": (("10.0.0.2", 80), ("10.0.0.1", 40000)),
}


def _wire(ends: str = "v4", isn: tuple[int, int] = (1000, 5000)) -> Wire:
    return Wire(*_ENDS[ends], isn=isn)


def _events(packets: Iterable[Packet], size: int = 0, wanted: Wanted | None = None) -> list[Event]:
    """What is told, in Batches of this size."""
    analysis = Analysis(wanted=wanted or Wanted())
    found = [event for batch in batches(packets, size) for event in analysis.feed(batch)]
    return [*found, *analysis.close()]


def _messages(events: Iterable[Event]) -> list[tuple[str, str, str | bytes | None]]:
    """Side, kind and content of each message; each side in its order, the client first."""
    found = [(event.sender, event.kind, event.content) for event in events if isinstance(event, WebSocketMessage)]
    return sorted(found, key=lambda said: said[0])


def _frames(events: Iterable[Event]) -> list[WebSocketFrame]:
    return [event for event in events if isinstance(event, WebSocketFrame)]


def _close(events: Iterable[Event]) -> WebSocketClose:
    (found,) = [event for event in events if isinstance(event, WebSocketClose)]
    return found


def _words(event: Event) -> str:
    """An event in a few words."""
    kinds = "".join(f" !{problem.kind}" for problem in event.problems)
    match event:
        case Peers():
            return f"peers {event.connection}"
        case WebSocketUpgrade():
            return f"upgrade {event.outcome}{kinds}"
        case WebSocketFrame():
            return f"{event.sender} frame {event.number}{kinds}"
        case WebSocketMessage():
            kind = "" if event.kind == "text" else f" {event.kind}"
            content = event.content if isinstance(event.content, str) or event.content is None else f"{len(event.content)} B"
            return f"{event.sender}{kind} {content}{kinds}"
        case WebSocketClose():
            flight = "" if event.in_flight == (0, 0) else f" {event.in_flight[0]}+{event.in_flight[1]} in flight"
            cut = "" if event.unfinished == ("", "") else f" unfinished {'/'.join(event.unfinished)}"
            return f"close {event.code} {event.transport}{' clean' * event.clean}{flight}{cut}{kinds}"
        case _:
            return f"{event.name}{kinds}"


def _story(events: Iterable[Event]) -> list[str]:
    """All events in words, but for frames without a problem and the peers."""
    return [
        words for words in map(_words, events)
        if not words.startswith("peers") and (" frame " not in words or "!" in words)
    ]  # fmt: skip


def _ours(text: str | bytes, opcode: int = TEXT, **how: bool) -> bytes:
    return frame(opcode, text, MASK, **how)


def _theirs(text: str | bytes, opcode: int = TEXT, **how: bool) -> bytes:
    return frame(opcode, text, **how)


def _upgraded(wire: Wire) -> Wire:
    return wire.open().client(_DATA, request()).server(_DATA, accepted())


def _goodbye(wire: Wire) -> Wire:
    return wire.client(_DATA, closing(mask=MASK)).server(_DATA, closing()).close()


_UP = "upgrade accepted"
_BYE = ["client close ", "server close ", "close 1000 fin clean"]

_Script = Callable[[Wire], Wire]


def _pieces(wire: Wire, side: int, data: bytes, size: int) -> Wire:
    for at in range(0, len(data), size):
        wire.send(side, _DATA, data[at : at + size])
    return wire


def _again(wire: Wire, side: int, data: bytes, back: int, flags: int = _DATA) -> Wire:
    """A segment that begins so many bytes before what is due."""
    return wire.send(side, flags, data, seq=wire._next[side] - back)


def _second(wire: Wire) -> Wire:
    return _goodbye(_upgraded(wire.isn(900_000, 800_000)).client(_DATA, _ours("again")))


def _late(wire: Wire, side: int, first: bytes, second: bytes) -> Wire:
    """Two segments in the wrong order."""
    start = wire._next[side]
    wire.send(side, _DATA, second, seq=start + len(first))
    return wire.send(side, _DATA, first, seq=start)


#: A conversation, and what is told of it.
_CASES: dict[str, tuple[_Script, list[str]]] = {
    "plain": (
        lambda w: _goodbye(_upgraded(w).client(_DATA, _ours("hello")).server(_DATA, _theirs("hi"))),
        [_UP, "client hello", "server hi", *_BYE]),
    "several frames in a segment": (
        lambda w: _goodbye(_upgraded(w).client(_DATA, _ours("a") + _ours("b") + _ours("c")).server(ACK)),
        [_UP, "client a", "client b", "client c", *_BYE]),
    "frames with the answer": (
        lambda w: _goodbye(w.open().client(_DATA, request()).server(_DATA, accepted() + _theirs("first"))),
        [_UP, "server first", *_BYE]),
    "frames before the answer": (
        lambda w: _goodbye(w.open().client(_DATA, request()).client(_DATA, _ours("soon")).server(_DATA, accepted())),
        [_UP, "client soon", *_BYE]),
    "byte by byte": (
        lambda w: _goodbye(_pieces(_pieces(_upgraded(w), CLIENT, _ours("hello"), 1), SERVER, _theirs("hi"), 1)),
        [_UP, "client hello", "server hi", *_BYE]),
    "request and answer in pieces": (
        lambda w: _goodbye(_pieces(_pieces(w.open(), CLIENT, request(), 29), SERVER, accepted(), 31)),
        [_UP, *_BYE]),
    "a message in fragments, with a ping between them": (
        lambda w: _goodbye(
            _upgraded(w).client(_DATA, _ours("a", fin=False)).client(_DATA, _ours("p", PING))
            .server(_DATA, _theirs("p", PONG)).client(_DATA, _ours("b", CONTINUATION))),
        [_UP, "client ping p", "server pong p", "client ab", *_BYE]),
    "a large frame": (
        lambda w: _goodbye(_pieces(_upgraded(w), SERVER, _theirs(bytes(200_000), BINARY), 9000)),
        [_UP, "server binary 200000 B", *_BYE]),
    "data in the SYN": (
        lambda w: _goodbye(
            w.client(SYN, request()).server(SYN | ACK).client(ACK).server(_DATA, accepted()).client(_DATA, _ours("x"))),
        [_UP, "client x", *_BYE]),
    "data in the SYN, continued": (
        lambda w: _goodbye(
            w.client(SYN, request()[:50]).server(SYN | ACK).client(ACK, request()[50:]).server(_DATA, accepted())
            .client(_DATA, _ours("x"))),
        [_UP, "client x", *_BYE]),
    "data in the SYN that was not taken": (
        lambda w: _goodbye(
            w.client(SYN, request()).server(SYN | ACK, ack=1001).client(ACK, request(), seq=1001).server(_DATA, accepted())),
        [_UP, *_BYE]),
    "data in the SYN, the first answer comes late": (
        lambda w: _goodbye(_late(w.client(SYN, request()).server(SYN | ACK).client(ACK), SERVER, accepted(), _theirs("x"))),
        [_UP, "server x", *_BYE]),
    "repeated": (
        lambda w: _goodbye(
            _again(_upgraded(w).client(_DATA, _ours("hello")), CLIENT, _ours("hello"), 11).server(_DATA, _theirs("hi"))),
        [_UP, "client hello", "server hi", *_BYE]),
    "repeated together with more": (
        lambda w: _goodbye(_again(_upgraded(w).client(_DATA, _ours("hello")), CLIENT, _ours("hello") + _ours("x"), 11)),
        [_UP, "client hello", "client x", *_BYE]),
    "out of order": (
        lambda w: _goodbye(_late(_upgraded(w), SERVER, _theirs("one"), _theirs("two"))),
        [_UP, "server one", "server two", *_BYE]),
    "kept alive": (
        lambda w: _goodbye(
            _again(_upgraded(w).client(_DATA, _ours("hello")).server(ACK), CLIENT, b"\0", 1, ACK).server(ACK)),
        [_UP, "client hello", *_BYE]),
    "repeated with other bytes": (
        lambda w: _goodbye(_again(_upgraded(w).client(_DATA, _ours("hello")[:9]), CLIENT, b"???" + _ours("hello")[9:], 3)),
        [_UP, "client frame 1 !overlap-differs", "client hello", *_BYE]),
    "repeated with other bytes while it waits": (
        lambda w: _goodbye(
            _again(_upgraded(w).client(_DATA, _ours("one"), lost=True).client(_DATA, _ours("two")), CLIENT,
                   _ours("one") + _ours("tuo"), 18)),
        [_UP, "client one", "client frame 2 !overlap-differs", "client two", *_BYE]),
    "lost inside a payload": (
        lambda w: _goodbye(
            _upgraded(w).server(_DATA, _theirs("a" * 30)[:12]).server(_DATA, _theirs("a" * 30)[12:22], lost=True)
            .server(_DATA, _theirs("a" * 30)[22:]).server(_DATA, _theirs("after"))),
        [_UP, "client close ", "server frame 2 !frame-cut", "server None !payload-missing", "server after", "server close ",
         _BYE[-1]]),
    "lost to the end of a payload": (
        lambda w: _goodbye(
            _upgraded(w).client(_DATA, _ours("a" * 30)[:12]).client(_DATA, _ours("a" * 30)[12:], lost=True)
            .client(_DATA, _ours("after"))),
        [_UP, "server close ", "client frame 2 !frame-cut", "client None !payload-missing", "client after", "client close ",
         _BYE[-1]]),
    "lost inside a payload and more": (
        lambda w: _goodbye(
            _upgraded(w).client(_DATA, _ours("a" * 30)[:12]).client(_DATA, _ours("a" * 30)[12:] + _ours("b"), lost=True)
            .client(_DATA, _ours("after")).client(_DATA, _ours("all"))),
        [_UP, "server close ", "client frame 2 !frame-cut", "client None !payload-missing", "client frame 3 !bytes-missing",
         "client after", "client all", "client close ", _BYE[-1]]),
    "lost whole frames": (
        lambda w: _goodbye(
            _upgraded(w).server(_DATA, _theirs("one")).server(_DATA, _theirs("two"), lost=True)
            .server(_DATA, _theirs("three")).server(_DATA, _theirs("four"))),
        [_UP, "server one", "client close ", "server frame 3 !bytes-missing", "server three", "server four", "server close ",
         _BYE[-1]]),
    "lost at the end": (
        lambda w: _upgraded(w).server(_DATA, _theirs("one")).server(_DATA, _theirs("a" * 30)[:12])
        .server(_DATA, _theirs("a" * 30)[12:], lost=True).client(ACK).close(),
        [_UP, "server one", "server frame 2 !frame-cut", "server None !payload-missing",
         "close 1006 fin !closed-abnormally"]),
    "a frame ends with the capture": (
        lambda w: _upgraded(w).server(_DATA, _theirs("one")).client(ACK).server(_DATA, _theirs("a" * 30)[:12]),
        [_UP, "server one", "server frame 2 !frame-cut", "close 1006 open 0+12 in flight unfinished /frame"]),
    "the capture ends, all is acknowledged": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello")).server(ACK).server(_DATA, _theirs("hi")).client(ACK),
        [_UP, "client hello", "server hi", "close 1006 open"]),
    "the capture ends before an acknowledgement": (
        lambda w: _upgraded(w).client(ACK).client(_DATA, _ours("hello"), unheard=True).server(_DATA, _theirs("hi")),
        [_UP, "client hello", "server hi", "close 1006 open 11+4 in flight"]),
    "an older acknowledgement comes last": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello")).server(ACK).server(ACK, ack=1001),
        [_UP, "client hello", "close 1006 open"]),
    "acknowledged, but not in the capture": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello")).client(_DATA, _ours("lost"), lost=True).server(ACK).client(ACK),
        [_UP, "client hello", "close 1006 open !bytes-missing"]),
    "reset": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello")).server(RST | ACK),
        [_UP, "client hello", "close 1006 reset !closed-abnormally"]),
    "reset without an acknowledgement": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello"), unheard=True).server(RST),
        [_UP, "client hello", "close 1006 reset 11+0 in flight !closed-abnormally"]),
    "frames after a reset": (
        lambda w: _upgraded(w).client(_DATA, _ours("hello")).server(RST | ACK).client(_DATA, _ours("late")),
        [_UP, "client hello", "close 1006 reset !closed-abnormally", "client frame 2 !after-reset",
         "client late"]),
    "an acknowledgement after a reset": (
        lambda w: _upgraded(w).client(ACK).client(_DATA, _ours("hello")).server(RST).server(ACK),
        [_UP, "client hello", "close 1006 reset 11+0 in flight !closed-abnormally"]),
    "reset twice": (
        lambda w: _upgraded(w).client(ACK).server(RST | ACK).client(RST | ACK),
        [_UP, "close 1006 reset !closed-abnormally"]),
    "reset after both FINs": (
        lambda w: _goodbye(_upgraded(w)).server(RST),
        [_UP, *_BYE]),
    "a FIN with a frame, repeated": (
        lambda w: _again(
            _upgraded(w).client(ACK).server(_DATA | FIN, _theirs("end")), SERVER, _theirs("end"), 6, _DATA | FIN
        ).client(FIN | ACK).server(ACK),
        [_UP, "server end", "close 1006 fin !closed-abnormally"]),
    "a FIN, and the last frame repeated": (
        lambda w: _again(
            _upgraded(w).client(ACK).server(_DATA, _theirs("end")).server(FIN | ACK), SERVER, _theirs("end"), 6
        ).client(FIN | ACK).server(ACK),
        [_UP, "server end", "close 1006 fin !closed-abnormally"]),
    "a FIN that is not acknowledged": (
        lambda w: _upgraded(w).client(ACK).server(_DATA | FIN, _theirs("end"), unheard=True).client(ACK, ack=5134 + 1),
        [_UP, "server end", "close 1006 fin !closed-abnormally"]),
    "half closed, and the other goes on": (
        lambda w: _upgraded(w).client(ACK).client(FIN | ACK).server(_DATA, _theirs("still")).client(ACK).server(FIN | ACK)
        .client(ACK),
        [_UP, "server still", "close 1006 fin !closed-abnormally"]),
    "captured from the middle": (
        lambda w: _goodbye(w.client(_DATA, _ours("one")).server(_DATA, _theirs("two")).client(_DATA, _ours("three"))),
        ["client one", "server two", "client three", *_BYE]),
    "captured from the middle of a frame": (
        lambda w: _goodbye(
            w.client(_DATA, _ours("a" * 30)[12:]).server(_DATA, _theirs("two")).client(_DATA, _ours("three"))
            .client(_DATA, _ours("four"))),
        ["server two", "client three", "client four", *_BYE]),
    "captured from the middle, out of order": (
        lambda w: _goodbye(
            _late(w.client(_DATA, _ours("one")), SERVER, _theirs("two"), _theirs("three")).client(_DATA, _ours("four"))),
        ["client one", "server three", "client four", *_BYE]),
    "captured from the middle, the server alone": (
        lambda w: w.server(_DATA, _theirs("one")).server(_DATA, _theirs("two")).server(_DATA, _theirs("three")),
        ["server one", "server two", "server three", "close 1006 open 0+17 in flight"]),
    "captured from the answer on": (
        lambda w: _goodbye(w.server(_DATA, accepted()).client(_DATA, _ours("one")).server(_DATA, _theirs("two"))),
        ["client one", "server two", *_BYE]),
    "ports used again": (
        lambda w: _second(_goodbye(_upgraded(w).client(_DATA, _ours("one")))),
        [_UP, "client one", *_BYE, _UP, "client again", *_BYE]),
    "ports used again while open": (
        lambda w: _second(_upgraded(w).client(_DATA, _ours("one")).server(ACK).client(ACK)),
        [_UP, "client one", "close 1006 open", _UP, "client again", *_BYE]),
    "ports used again after a reset": (
        lambda w: _second(_upgraded(w).client(_DATA, _ours("one")).server(RST | ACK)),
        [_UP, "client one", "close 1006 reset !closed-abnormally", _UP, "client again", *_BYE]),
    "no WebSocket": (
        lambda w: w.open().client(_DATA, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .server(_DATA, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").close(),
        []),
    "an upgrade behind another request": (
        lambda w: _goodbye(
            w.open().client(_DATA, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .server(_DATA, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").client(_DATA, request())
            .server(_DATA, accepted()).client(_DATA, _ours("x"))),
        [_UP, "client x", *_BYE]),
}  # fmt: skip


@pytest.mark.parametrize("ends", _ENDS)
@pytest.mark.parametrize("name", _CASES)
def test_what_is_told(name: str, ends: str) -> None:
    script, story = _CASES[name]
    assert _story(_events(script(_wire(ends)).packets)) == story


@pytest.mark.parametrize("name", _CASES)
@pytest.mark.parametrize("size", _SIZES)
def test_the_size_of_a_batch_changes_nothing(name: str, size: int) -> None:
    packets = _CASES[name][0](_wire()).packets
    assert _events(packets, size) == _events(packets)


def _patience(wire: Wire) -> Wire:
    """So many acknowledgements that nobody waits any longer for what was lost."""
    for _ in range(70):
        wire.client(ACK)
    return wire


def _behind_a_gap(wire: Wire, data: bytes, size: int) -> Wire:
    _upgraded(wire).server(_DATA, _theirs("one")).server(_DATA, _theirs("two"), lost=True).server(_DATA, data[:size])
    return _goodbye(_pieces(_patience(wire), SERVER, data[size:], size).server(_DATA, _theirs("after")).client(ACK))


#: Conversations in which more bytes would have told more: how many are there when netviz decides may not matter.
_DECISIONS: dict[str, _Script] = {
    "a frame that never ends, and the other side goes on": lambda w: (
        _upgraded(w)
        .server(_DATA, _theirs("one") + _theirs("cut")[:4])
        .client(_DATA, _ours("two"))
        .client(_DATA, _ours("three"))
        .close()
    ),
    "a frame behind a gap": lambda w: _behind_a_gap(w, _theirs(b"\xff" * 300, BINARY), 100),
    "a frame of zeros behind a gap": lambda w: _behind_a_gap(w, _theirs(bytes(300), BINARY), 100),
    "much that is no frame behind a gap": lambda w: _behind_a_gap(w, b"\xff" * 80_000, 20_000),
    "a frame in the middle": lambda w: _goodbye(
        _pieces(w.client(_DATA, _ours("one")), SERVER, _theirs(b"\xff" * 300, BINARY), 100).client(_DATA, _ours("two"))
    ),
    "a frame of zeros in the middle": lambda w: _goodbye(
        _pieces(w.client(_DATA, _ours("one")), SERVER, _theirs(bytes(300), BINARY), 100).client(_DATA, _ours("two"))
    ),
    "the rest of a large frame before the first whole one": lambda w: _goodbye(
        _pieces(w, SERVER, b"\xff" * 80_000, 20_000).server(_DATA, _theirs("one")).client(_DATA, _ours("two"))
    ),
    "the answer before the request": lambda w: _goodbye(
        w.open().server(_DATA, accepted(), seq=5001).client(_DATA, request(), ack=5001).client(_DATA, _ours("one"))
    ),
}

_ALL: dict[str, _Script] = {**{name: script for name, (script, _) in _CASES.items()}, **_DECISIONS}


@pytest.mark.parametrize("name", _DECISIONS)
@pytest.mark.parametrize("size", _SIZES)
def test_the_size_of_a_batch_decides_nothing(name: str, size: int) -> None:
    packets = _DECISIONS[name](_wire()).packets
    assert _story(_events(packets, size)) == _story(_events(packets))


@pytest.mark.parametrize("name", _ALL)
@pytest.mark.parametrize("size", [0, 1, 3])
def test_frames_alone_are_the_same_frames(name: str, size: int) -> None:
    packets = _ALL[name](_wire()).packets
    alone = _events(packets, size, Wanted(contents=False))
    assert _frames(alone) == _frames(_events(packets, size))
    assert not [event for event in alone if isinstance(event, WebSocketMessage)]


@pytest.mark.parametrize("isn", [(0xFFFFFFFF, 0xFFFFFF80), (0xFFFFFF40, 0x7FFFFFFF), (0, 0xFFFFFFFE)])
@pytest.mark.parametrize("size", [0, *_SIZES])
def test_numbers_that_wrap(isn: tuple[int, int], size: int) -> None:
    wire = _upgraded(_wire(isn=isn))
    for at in range(20):
        wire.client(_DATA, _ours(f"number {at}")).server(_DATA, _theirs(f"answer {at}"))
    _late(wire, SERVER, _theirs("one"), _theirs("two"))
    wire.client(ACK)
    told = _events(_goodbye(wire).packets, size)
    texts = [content for _, kind, content in _messages(told) if kind == "text"]
    assert texts == [*(f"number {at}" for at in range(20)), *(f"answer {at}" for at in range(20)), "one", "two"]
    assert _close(told).problems == ()


@pytest.mark.parametrize("size", [0, *_SIZES])
def test_two_at_once_are_told_in_the_order_of_packets(size: int) -> None:
    """What is captured from the middle is recognised late, but a frame is not told behind what came after it was sure."""
    first, second = _wire(), Wire(("10.0.0.7", 41000), ("10.0.0.2", 80))
    _goodbye(first.client(_DATA, _ours("one")).server(_DATA, _theirs("two")))
    _goodbye(_upgraded(second).client(_DATA, _ours("three")).server(_DATA, _theirs("four")))
    packets = weave([second, first], [0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0])
    told = [(event.connection, event.number) for event in _frames(_events(packets, size))]
    assert told == [(event.connection, event.number) for event in _frames(_events(packets))]
    assert sorted(told) == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3), (1, 4)]


@pytest.mark.parametrize("ends", ["v4", "v6"])
def test_who_speaks(ends: str) -> None:
    client, server = _ENDS[ends]
    for wire in (_goodbye(_upgraded(_wire(ends))), _goodbye(_wire(ends).server(_DATA, _theirs("x")).client(_DATA, _ours("y")))):
        (told,) = [event for event in _events(wire.packets) if isinstance(event, Peers)]
        assert (told.client, told.server) == (Endpoint(*client), Endpoint(*server))


@pytest.mark.parametrize("size", [0, *_SIZES])
def test_a_frame_after_a_reset_says_where_that_was(size: int) -> None:
    wire = _upgraded(_wire()).client(_DATA, _ours("hello")).server(RST | ACK).client(_DATA, _ours("late"))
    told = _events(wire.packets, size)
    (problem,) = _frames(told)[1].problems
    assert (problem.kind, problem.packet) == ("after-reset", 8)
    assert "packet 7 had reset" in problem.text
    assert (_close(told).packets, _close(told).transport_by, _close(told).totals[0].frames) == ((7,), "server", 1)


@pytest.mark.parametrize("size", [0, *_SIZES])
def test_what_was_recognised_without_an_upgrade_says_so(size: int) -> None:
    wire = _goodbye(_wire().client(_DATA, _ours("one")).server(_DATA, _theirs("two")))
    assert _close(_events(wire.packets, size)).inferred == ("event",)
    assert _close(_events(_goodbye(_upgraded(_wire())).packets, size)).inferred == ()


@pytest.mark.parametrize("size", [0, *_SIZES])
def test_a_frame_that_is_cut_says_how_much_is_missing(size: int) -> None:
    data = _theirs("a" * 30)
    wire = _upgraded(_wire()).server(_DATA, data[:12]).server(_DATA, data[12:22], lost=True).server(_DATA, data[22:])
    wire.server(_DATA, _theirs("after"))
    cut, after = _frames(_events(wire.packets, size))
    assert (cut.origin, cut.length) == ((6, 40, 52, 7, 40, 50), 30)
    (problem,) = cut.problems
    assert (problem.kind, problem.packet) == ("frame-cut", 7)
    assert "10 of 30 bytes" in problem.text
    assert (after.origin, after.problems) == ((8, 40, 47), ())


@pytest.fixture
def _patience_of_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers that hand over to one another without end fail instead of hanging."""
    left, follow = [200], Channel._next

    def counted(channel: Channel, handover: Handover) -> Layer | None:
        left[0] -= 1
        assert left[0], f"layers hand over to one another without end: {handover}"
        return follow(channel, handover)

    monkeypatch.setattr(Channel, "_next", counted)


_GET, _OK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


def _talked(wire: Wire) -> Wire:
    return _goodbye(wire.client(_DATA, _ours("a")).server(_DATA, _theirs("b")))


#: HTTP of which not all came, or that is none: how the upgrade is told to have ended, and what was said.
_HURT: dict[str, tuple[_Script, list[str], list[str]]] = {
    "a request that is none": (lambda w: w.open().client(_DATA, b"hello\r\n\r\n").server(_DATA, _BAD).close(), [], []),
    "a request that is none, in a tunnel": (
        lambda w: w.open().client(_DATA, b"CONNECT a:1 HTTP/1.1\r\n\r\n").server(_DATA, b"HTTP/1.1 200 OK\r\n\r\n")
        .client(_DATA, b"hello\r\n\r\n").server(_DATA, _BAD).close(), [], []),
    "the beginning of the upgrade is lost": (
        lambda w: _talked(
            w.open().client(_DATA, request()[:50], lost=True).client(_DATA, request()[50:]).server(_DATA, accepted())
        ), [], ["a", "b"]),
    "the capture begins inside of the upgrade": (
        lambda w: _talked(w.client(_DATA, request()[50:]).server(_DATA, accepted())), [], ["a", "b"]),
    "all of the upgrade is lost": (
        lambda w: _talked(w.open().client(_DATA, request(), lost=True).server(_DATA, accepted())), [], ["a", "b"]),
    "a request before the upgrade is lost": (
        lambda w: _talked(
            w.open().client(_DATA, _GET, lost=True).server(_DATA, _OK).client(_DATA, _GET).server(_DATA, _OK)
            .client(_DATA, request()).server(_DATA, accepted())
        ), ["accepted"], ["a", "b"]),
    "an answer before the upgrade is lost": (
        lambda w: _talked(
            w.open().client(_DATA, _GET).server(_DATA, _OK, lost=True).client(_DATA, _GET).server(_DATA, _OK)
            .client(_DATA, request()).server(_DATA, accepted())
        ), ["accepted"], ["a", "b"]),
}  # fmt: skip


@pytest.mark.usefixtures("_patience_of_layers")
@pytest.mark.parametrize("ends", ["v4", "v4, turned"])
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", _HURT)
def test_http_that_is_hurt(name: str, size: int, ends: str) -> None:
    script, outcomes, texts = _HURT[name]
    told = _events(script(_wire(ends)).packets, size)
    assert [event.outcome for event in told if isinstance(event, WebSocketUpgrade)] == outcomes
    assert [content for _, kind, content in _messages(told) if kind == "text"] == texts
    # A frame is never made of what is none: what is missing is all that may be said of one.
    assert {problem.kind for event in _frames(told) for problem in event.problems} <= {"bytes-missing"}


def test_waiting_for_what_was_lost_ends_with_the_next_acknowledgements() -> None:
    wire = _upgraded(_wire()).server(_DATA, _theirs("one")).server(_DATA, _theirs("two"), lost=True)
    _patience(wire.server(_DATA, _theirs("three")))
    found = []
    analysis = Analysis(wanted=Wanted())
    for batch in batches(wire.packets, 1):
        found += [(batch.first, event.content) for event in analysis.feed(batch) if isinstance(event, WebSocketMessage)]
    assert found == [(6, "one"), (7 + 65, "three")]


def test_a_frame_cut_off_by_the_snapshot_length() -> None:
    """The first bytes of each packet are enough to tell frame by frame, not what is in them."""
    wire = _upgraded(_wire())
    for at in range(4):
        wire.client(_DATA, _ours("x" * (200 + at))).server(_DATA, _theirs("y" * (300 + at)))
    _goodbye(wire)
    records = [make.Record(packet.data[:174], packet.time, len(packet.data)) for packet in wire.packets]
    (batch,) = make.read(make.pcap(records, unit=1, link=101)).batches
    analysis = Analysis(wanted=Wanted())
    told = [*analysis.feed(batch), *analysis.close()]
    frames = _frames(told)
    assert [(frame.sender, frame.length) for frame in frames] == [
        *((sender, length + at) for at in range(4) for sender, length in (("client", 200), ("server", 300))),
        ("client", 2), ("server", 2),
    ]  # fmt: skip
    assert [[problem.kind for problem in frame.problems] for frame in frames] == [["frame-cut"]] * 8 + [[]] * 2
    assert [frame.origin for frame in frames[:8]] == [(number, 40, 174) for number in range(6, 14)]


_Said = tuple[int, int, bytes | str]
_talk = st.lists(
    st.tuples(
        st.sampled_from([CLIENT, SERVER]), st.sampled_from([TEXT, BINARY, PING, PONG]),
        st.binary(max_size=30) | st.text("abcdé", max_size=40) | st.sampled_from([b"z" * 120, b"\0" * 126, b"y" * 300]),
    ),
    max_size=8,
)  # fmt: skip


def _spoken(said: list[_Said]) -> tuple[list[bytes], list[list[bytes]]]:
    """What each side sends behind the upgrade, and its frames."""
    frames: list[list[bytes]] = [[], []]
    for at, (side, opcode, content) in enumerate(said):
        raw = content.encode() if isinstance(content, str) else content[:125] if opcode >= PING else content
        kind = BINARY if opcode == TEXT and isinstance(content, bytes) else opcode
        frames[side].append(frame(kind, raw[:125] if opcode >= PING else raw, MASK + at if side == CLIENT else None))
    return [b"".join(each) for each in frames], frames


@st.composite
def _delivery(draw: st.DrawFn, size: int, *, lossy: bool = False) -> list[tuple[int, int]]:
    """Segments as ranges of so many bytes: out of order, repeated and overlapping; all bytes are in one, if not lossy."""
    edges = sorted({0, size, *draw(st.lists(st.integers(0, size), max_size=6))})
    ranges = list(itertools.pairwise(edges))
    pairs = st.tuples(st.integers(0, size), st.integers(0, size)).map(lambda pair: (min(pair), max(pair)))
    if lossy:
        ranges = [each for each in ranges if draw(st.integers(0, 4))]
    else:
        ranges += draw(st.lists(pairs, max_size=3))
    return draw(st.permutations(ranges)) if draw(st.booleans()) else ranges


@st.composite
def _conversations(draw: st.DrawFn, *, lossy: bool = False) -> tuple[list[_Said], Wire, Wire]:
    """What was said; the conversation as it was, and as it was captured."""
    said = draw(_talk)
    streams, _ = _spoken(said)
    isn = draw(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0xFFFFFE00, 0xFFFFFFFF)))
    clean, captured = _upgraded(_wire(isn=isn)), _wire(isn=isn).open()
    for side in (CLIENT, SERVER):
        clean.send(side, _DATA, streams[side])
    asked, answered = request(), accepted()
    for start, stop in draw(_delivery(len(asked))):
        captured.client(_DATA, asked[start:stop], seq=isn[0] + 1 + start)
    # Only now the server can answer; from here on both speak as they like.
    texts = asked + streams[0], answered + streams[1]
    segments = [
        (CLIENT, len(asked) + start, len(asked) + stop) for start, stop in draw(_delivery(len(streams[0]), lossy=lossy))
    ]
    if lossy:
        captured.server(_DATA, answered)
        segments += [
            (SERVER, len(answered) + start, len(answered) + stop)
            for start, stop in draw(_delivery(len(streams[1]), lossy=lossy))
        ]
    else:
        segments += [(SERVER, start, stop) for start, stop in draw(_delivery(len(texts[1])))]
    for side, start, stop in draw(st.permutations(segments)) if draw(st.booleans()) else segments:
        captured.send(side, _DATA, texts[side][start:stop], seq=isn[side] + 1 + start)
        if draw(st.booleans()):
            captured.send(1 - side, ACK)
    for wire in (clean, captured):
        if draw(st.booleans()):
            for side in (CLIENT, SERVER):
                wire.send(side, _DATA | FIN, seq=isn[side] + 1 + len(texts[side]))
            wire.client(ACK)
    return said, clean, captured


def _carried(event: WebSocketFrame, packets: list[Packet]) -> bytes:
    """The bytes of a frame, from where it says they are."""
    return b"".join(packets[packet - 1].data[start:end] for packet, start, end in event.slices)


@settings(max_examples=100, deadline=None)
@given(conversation=_conversations(), size=st.sampled_from([0, *_SIZES]))
def test_the_order_of_segments_changes_no_message(conversation: tuple[list[_Said], Wire, Wire], size: int) -> None:
    said, clean, captured = conversation
    _, frames = _spoken(said)
    expected = _messages(_events(clean.packets))
    assert len(expected) == len(said)
    told = _events(captured.packets, size)
    assert _messages(told) == expected
    assert [event.outcome for event in told if isinstance(event, WebSocketUpgrade)] == ["accepted"]
    for side in (CLIENT, SERVER):
        ours = [event for event in _frames(told) if event.side == side]
        assert [_carried(event, captured.packets) for event in ours] == frames[side]
        assert [event.problems for event in ours] == [()] * len(ours)
    numbers = [event.number for event in _frames(told)]
    assert numbers == list(range(1, len(said) + 1))


@settings(max_examples=100, deadline=None)
@given(conversation=st.booleans().flatmap(lambda lossy: _conversations(lossy=lossy)), size=st.sampled_from(_SIZES))
def test_any_conversation_in_batches_of_any_size(conversation: tuple[list[_Said], Wire, Wire], size: int) -> None:
    packets = conversation[2].packets
    assert _events(packets, size) == _events(packets)


@settings(max_examples=100, deadline=None)
@given(conversation=_conversations(lossy=True), size=st.sampled_from([0, *_SIZES]))
def test_what_is_left_of_a_conversation_with_losses(conversation: tuple[list[_Said], Wire, Wire], size: int) -> None:
    """Frames that are told without a problem of their own bytes are frames that were sent, in their order."""
    said, _, captured = conversation
    _, frames = _spoken(said)
    told = _events(captured.packets, size)
    for side in (CLIENT, SERVER):
        ours = [event for event in _frames(told) if event.side == side]
        whole = [event for event in ours if "frame-cut" not in {problem.kind for problem in event.problems}]
        left = iter(frames[side])
        for event in whole:
            carried = _carried(event, captured.packets)
            assert len(carried) == event.head + event.length
        if all(b"\0" * 20 not in each for each in frames[side]):
            assert all(_carried(event, captured.packets) in left for event in whole)
        for event in ours:
            if event not in whole:
                assert len(_carried(event, captured.packets)) < event.head + event.length
    assert _close(told).totals[0].frames + _close(told).totals[1].frames == len(_frames(told))


@settings(max_examples=60, deadline=None)
@given(
    segments=st.lists(
        st.tuples(
            st.sampled_from([CLIENT, SERVER]), st.integers(0, 63), st.binary(max_size=40), st.integers(-80, 80),
            st.integers(-200, 200),
        ),
        max_size=30,
    ),
    upgraded=st.booleans(),
    size=st.sampled_from([0, 1, 3]),
)  # fmt: skip
def test_any_segments_end_in_events(segments: list[tuple[int, int, bytes, int, int]], upgraded: bool, size: int) -> None:
    wire = _upgraded(_wire()) if upgraded else _wire()
    for side, flags, data, ahead_by, acked in segments:
        wire.send(side, flags, data, seq=wire._next[side] + ahead_by, ack=wire._next[1 - side] + acked)
    for event in _events(wire.packets, size):
        assert _words(event)


def _many() -> bytes:
    """A capture of conversations of all kinds, on Ethernet."""
    wires = [script(Wire((f"10.0.1.{at}", 40000 + at))) for at, script in enumerate(_ALL.values())]
    packets = weave(wires, [at % len(wires) for at in range(10 * len(wires))])
    return make.pcap((make.Record(make.ethernet(packet.data), packet.time) for packet in packets), unit=1)


@pytest.mark.skipif(sys.platform != "linux", reason="two processes are used on Linux only")
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(contents=False), Wanted(anatomy=(None, 1)), Wanted(limit=3)])
def test_two_processes_say_what_one_says(wanted: Wanted, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_LARGE", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    path = saved(_many())
    alone = Analysis(wanted=wanted)
    expected = [event for batch in open_capture(path) for event in alone.feed(batch)]
    expected += alone.close()
    assert ahead.worthwhile(open_capture(path))
    both = Analysis(wanted=wanted)
    assert list(both.run(open_capture(path))) == expected
    assert both.tally == alone.tally
    assert len(_frames(expected)) > 100


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("contents", [True, False])
def test_loops_in_c_and_numpy(contents: bool, saved: Callable[..., Path]) -> None:
    """Whatever reads the packets: each conversation of a capture of many says what it says alone."""
    told = list(Analysis(wanted=Wanted(contents=contents)).run(open_capture(saved(_many()))))
    scripts = [script(Wire((f"10.0.1.{at}", 40000 + at))) for at, script in enumerate(_ALL.values())]
    apart = [_events(wire.packets) for wire in scripts]
    assert sorted(map(_look, _frames(told))) == sorted(_look(event) for events in apart for event in _frames(events))
    for name, wire, alone in zip(_ALL, scripts, apart, strict=True):
        numbers = {event.connection for event in told if isinstance(event, Peers) and event.client == wire.ends[0]}
        if contents:
            assert len(numbers) == len({event.connection for event in alone if isinstance(event, Peers)}), name
            ours = [event for event in told if getattr(event, "connection", -1) in numbers]
            assert _messages(ours) == _messages(alone), name
            assert sorted(_story(ours)) == sorted(_story(alone)), name


def _look(event: WebSocketFrame) -> tuple[object, ...]:
    """What does not depend on where and when a frame came."""
    kinds = tuple(problem.kind for problem in event.problems)
    return event.number, event.side, event.first, event.mask, event.head, event.length, len(event.slices), kinds
