"""Connections that speak plain HTTP: no Channel as long as they do, and with one from there on the same is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.analysis import Analysis
from netviz.assembly import Assembly
from netviz.channel import Channel
from netviz.connection import Connection
from netviz.event import Event, WebSocketFrame
from netviz.layers.layer import Wanted
from netviz.passing import Passing
from tests.frames import MASK, TEXT, accepted, frame, request
from tests.wire import ACK, FIN, PSH, RST, Packet, Wire, batches

_DATA = PSH | ACK
_GET = b"GET /item HTTP/1.1\r\nHost: a\r\n\r\n"
_HEAD = b"HEAD /item HTTP/1.1\r\nHost: a\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
_NONE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

_SIZES = [0, 1, 2, 3, 7]


def _ask(wire: Wire, data: bytes = _GET, answer: bytes = _OK) -> Wire:
    return wire.client(_DATA, data).server(ACK).server(_DATA, answer).client(ACK)


def _talk(wire: Wire) -> Wire:
    return (
        wire.client(_DATA, request())
        .server(_DATA, accepted())
        .client(_DATA, frame(TEXT, "hi", MASK))
        .server(_DATA, frame(TEXT, "ho"))
    )


def _events(packets: Iterable[Packet], size: int, wanted: Wanted) -> list[Event]:
    analysis = Analysis(wanted=wanted)
    return [*(event for batch in batches(packets, size) for event in analysis.feed(batch)), *analysis.close()]


def _layered(packets: Iterable[Packet], size: int, wanted: Wanted) -> list[Event]:
    """The same by the layers alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Assembly, "_new", lambda self, owner: Channel(owner.number, self._wanted))
        return _events(packets, size, wanted)


_PLAIN: dict[str, Callable[[Wire], Wire]] = {
    "one": lambda w: _ask(w).close(),
    "many": lambda w: _ask(_ask(_ask(w))).close(),
    "several at once": lambda w: w.client(_DATA, _GET * 3).server(_DATA, _OK * 3).close(),
    "the server asks": lambda w: w.server(_DATA, _GET).client(_DATA, _OK).close(),
    "in pieces": lambda w: w.client(_DATA, _GET).server(_DATA, _OK[:9]).server(_DATA, _OK[9:]).close(),
    "it stays open": _ask,
    "nothing is asked": lambda w: w.client(ACK).server(ACK),
}


@pytest.mark.parametrize("contents", [True, False])
@pytest.mark.parametrize("name", _PLAIN)
def test_what_is_plain_needs_no_channel(name: str, contents: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Passing) -> Channel:
        raise AssertionError("a Channel for plain HTTP")

    monkeypatch.setattr(Passing, "channel", refuse)
    assert _events(_PLAIN[name](Wire().open()).packets, 0, Wanted(contents=contents)) == []


_LATER: dict[str, Callable[[Wire], Wire]] = {
    "an upgrade": _talk,
    "after plain requests": lambda w: _talk(_ask(_ask(w))),
    "while one waits": lambda w: w.client(_DATA, _GET + request()).server(_DATA, _OK + accepted())
    .client(_DATA, frame(TEXT, "hi", MASK)),
    "after HEAD": lambda w: _talk(_ask(w, _HEAD, _NONE)),
    "HEAD waits": lambda w: _talk(w.client(_DATA, _GET + _HEAD).server(_DATA, _OK).server(_DATA, _NONE)),
    "after what is not plain": lambda w: _talk(_ask(_ask(w), answer=_CHUNKED)),
    "after a segment that came twice": lambda w: _talk(_ask(w).client(_DATA, _GET, seq=1001)),
    "after one that says something else": lambda w: _talk(_ask(w).client(_DATA, _GET.replace(b"m", b"n"), seq=1001)),
    "after a lost request": lambda w: _talk(_ask(w).client(_DATA, _GET, lost=True).server(_DATA, _OK)),
    "after a FIN": lambda w: _talk(_ask(w).client(FIN | ACK).server(ACK)),
    "after an answer that came behind the end": lambda w: _talk(
        w.client(_DATA, _GET).server(_DATA, _OK, lost=True).client(ACK).close().server(_DATA, _OK, seq=5001)
    ),
    "after one that came behind the end, and says something": lambda w: w.client(_DATA, _GET)
    .server(_DATA, _OK + accepted() + frame(TEXT, "ho") * 3, lost=True).client(ACK).close()
    .server(_DATA, _OK + accepted() + frame(TEXT, "ho") * 3, seq=5001),
    "after a reset, behind what was lost": lambda w: w.client(_DATA, _GET).server(_DATA, _OK, lost=True).client(ACK)
    .client(RST).server(_DATA, accepted() + frame(TEXT, "ho") * 3).client(ACK),
    "behind what was lost, without an end": lambda w: w.client(_DATA, _GET).server(_DATA, _OK * 9, lost=True).client(ACK),
    "after the end": lambda w: _talk(_ask(w).close()),
    "after a reset": lambda w: _talk(_ask(w).server(RST)),
    "the other way round": lambda w: _ask(w).server(_DATA, request()).client(_DATA, accepted())
    .server(_DATA, frame(TEXT, "hi", MASK)),
}  # fmt: skip


@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("contents", [True, False])
@pytest.mark.parametrize("name", _LATER)
def test_a_channel_goes_on_as_if_it_had_been_there(name: str, contents: bool, size: int) -> None:
    wire, wanted = _LATER[name](Wire().open()), Wanted(contents=contents)
    assert _events(wire.packets, size, wanted) == _layered(wire.packets, size, wanted)


@pytest.mark.parametrize("size", _SIZES)
def test_an_upgrade_after_plain_requests_is_found(size: int) -> None:
    found = _events(_talk(_ask(_ask(Wire().open()))).close().packets, size, Wanted())
    assert [event.number for event in found if isinstance(event, WebSocketFrame)] == [1, 2]


_said = st.tuples(
    st.booleans(),
    st.sampled_from([_GET, _GET * 2, _HEAD, _OK, _OK * 2, _NONE, _CHUNKED, _GET[:7], _GET[7:], b"", b"\x81\x00"]),
    st.sampled_from([_DATA, _DATA, _DATA, FIN | ACK, RST]), st.booleans(),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    said=st.lists(_said, max_size=8),
    swaps=st.lists(st.integers(0, 30), max_size=2),
    lost=st.sets(st.integers(0, 20), max_size=2),
    size=st.sampled_from(_SIZES),
    contents=st.booleans(),
)
def test_any_conversation_is_told_as_the_layers_tell_it(
    said: list[tuple[bool, bytes, int, bool]], swaps: list[int], lost: set[int], size: int, contents: bool
) -> None:
    wire = Wire().open()
    for side, data, flags, unheard in said:
        wire.send(int(side), flags, data, unheard=unheard)
    packets = [packet for at, packet in enumerate(_talk(wire).close().packets) if at not in lost]
    for at in swaps:
        if at + 1 < len(packets):
            packets[at], packets[at + 1] = packets[at + 1]._replace(time=packets[at].time), packets[at]
    wanted = Wanted(contents=contents)
    assert _events(packets, size, wanted) == _layered(packets, size, wanted)


def test_who_never_said_where_it_begins_has_a_channel_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Channel | Passing] = []
    new = Assembly._new

    def note(self: Assembly, owner: Connection) -> Channel | Passing:
        made.append(new(self, owner))
        return made[-1]

    monkeypatch.setattr(Assembly, "_new", note)
    for wire in (_ask(Wire()), _ask(Wire().open())):
        _events(wire.packets, 0, Wanted())
    assert [type(one) for one in made] == [Channel, Passing]
