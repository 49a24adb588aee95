"""Engine.IO and Socket.IO as layers of a packet, by WebSocket and by polling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netviz.capture.source import open_capture
from netviz.dissection import dissect
from netviz.event import Dissection, PacketLayer
from netviz.views.bits import anatomy_of
from netviz.views.layers import layers as draw
from netviz.views.lesson import lesson
from tests.conftest import CAPTURES
from tests.hostile import lines_of, wider
from tests.polling import JOINED, OPEN, SID, asked, get, ok, posted, switch
from tests.talk import Line, c, s, say
from tests.wire import ACK, CLIENT, SYN, Wire
from tests.wire import pcap as saved_wire

Save = Callable[..., Path]

_LAB = Path(__file__).parent / "captures" / "socketio"


def _opened(save: Save, lines: list[Line], number: int) -> Dissection:
    wire = say(Wire().client(SYN).server(SYN | ACK).client(ACK), lines)
    return dissect(open_capture(save(saved_wire(wire.packets))), number)


def _of(event: Dissection, *keys: str) -> list[PacketLayer]:
    return [layer for layer in event.layers if layer.key in keys]


def _rows(event: Dissection) -> list[tuple[str, int, bytes | None]]:
    found = _of(event, "engine.io", "socket.io", "arguments", "content", "attachment", "body")
    return [(layer.name, layer.size, layer.inside) for layer in found]


#: The first packet with data is number 4; `switch` is a request and an answer.
_UPGRADED = [*switch(None), s(1, OPEN)]


@pytest.mark.parametrize(
    ("lines", "number", "rows"),
    [
        ([*_UPGRADED, c(1, b'42/admin,12["chat","hi"]')], 7,
         [("Engine.IO message", 1, b"4"), ("Socket.IO EVENT", 10, b"2/admin,12"), ("arguments", 13, b'["chat","hi"]')]),
        ([*_UPGRADED, c(1, b"40")], 7, [("Engine.IO message", 1, b"4"), ("Socket.IO CONNECT", 1, b"0")]),
        ([*_UPGRADED, s(1, JOINED)], 7,
         [("Engine.IO message", 1, b"4"), ("Socket.IO CONNECT", 1, b"0"), ("content", len(JOINED) - 2, JOINED[2:])]),
        ([*_UPGRADED, c(1, b"2probe")], 7, [("Engine.IO ping", 1, b"2"), ("content", 5, b"probe")]),
        ([*_UPGRADED, s(1, b"2")], 7, [("Engine.IO ping", 1, b"2")]),
        ([*_UPGRADED, s(1, b'451-["f",{"_placeholder":true,"num":0}]'), s(2, b"\x01\x02")], 8,
         [("Engine.IO binary message", 0, None), ("attachment 1 of 1", 2, b"\x01\x02")]),
        ([get(None), ok(OPEN)], 5,
         [("Engine.IO open", 1, b"0"), ("what the server offers", len(OPEN) - 1, OPEN[1:])]),
        ([get(None), ok(OPEN), *posted(b'40\x1e42["a"]')], 6,
         [("Engine.IO message", 1, b"4"), ("Socket.IO CONNECT", 1, b"0"), ("Engine.IO message", 2, b"\x1e4"),
          ("Socket.IO EVENT", 1, b"2"), ("arguments", 5, b'["a"]')]),
        ([get(None), ok(OPEN), *posted(b"40")], 7, [("HTTP body", 2, b"ok")]),
        ([get(None), ok(OPEN), *asked(b"bAAEC")], 7, [("Engine.IO binary message", 1, b"b"), ("content", 4, b"\0\1\2")]),
    ],
)  # fmt: skip
def test_layers(lines: list[Line], number: int, rows: list[tuple[str, int, bytes | None]], saved: Save) -> None:
    event = _opened(saved, lines, number)
    found = _rows(event)
    assert found == rows
    assert sum(layer.size for layer in event.layers) == event.wire


def test_a_plain_websocket_is_left_alone() -> None:
    assert _of(dissect(open_capture(CAPTURES["websocket"]), 9), "engine.io", "socket.io") == []


def test_what_the_programs_did_is_told(saved: Save) -> None:
    event = _opened(saved, [*_UPGRADED, c(1, b'42/admin,12["chat","hi"]')], 7)
    assert event.story[-1] == "Socket.IO: the client emits “chat” in /admin, and wants an ack"
    event = _opened(saved, [*_UPGRADED, c(1, b'421["a"]'), s(1, b"431[]")], 8)
    assert event.story[-1] == "Socket.IO: the server acknowledges packet 7"
    assert f"sid {SID}" in _of(event, "engine.io")[0].facts


def test_useful_is_what_programs_say(saved: Save) -> None:
    useful = [_opened(saved, [*_UPGRADED, c(1, text)], 7).useful for text in (b"40", b"3", b'42["a"]')]
    assert useful == [0, 0, 5]


def test_a_prefix_that_the_packet_ends_in(saved: Save) -> None:
    side, data = c(1, b'42/admin,12["chat","hi"]')
    event = _opened(saved, [*_UPGRADED, (CLIENT, data[:11]), (side, data[11:])], 7)
    assert _rows(event) == [("Engine.IO message", 1, b"4"), ("arguments", 4, b"2/ad")]
    event = _opened(saved, [*_UPGRADED, (CLIENT, data[:11]), (side, data[11:])], 8)
    assert [(name, size) for name, size, _ in _rows(event)] == [("arguments", len(data) - 11)]


@pytest.mark.parametrize("name", ["jsonp", "gzip-polling", "eio3-binary-polling"])
def test_what_has_no_bytes_of_its_own(name: str) -> None:
    path = _LAB / f"{name}.pcapng"
    seen = set()
    for number in range(1, sum(len(batch) for batch in open_capture(path)) + 1):
        event = dissect(open_capture(path), number)
        assert sum(layer.size for layer in event.layers) == event.wire
        seen |= {layer.key for layer in event.layers}
    assert {"engine.io", "socket.io"} <= seen


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_boxes_in_boxes(width: int, saved: Save) -> None:
    event = _opened(saved, [get(None), ok(OPEN), *posted(b'40\x1e42/admin,7["a","\x1b[31m"]')], 6)
    rows = lines_of(draw(event, width))
    assert wider(rows, width) == []
    assert [row.lstrip("│ ")[:3] for row in rows if "┌" in row] == [f"┌ {osi}" for osi in (1, 3, 4, 5, 6, 7, 7, 7, 7)]
    for lines in (anatomy_of(event, event.layers, width), lesson(event, width)):
        assert wider(lines_of(lines), width) == []


def test_the_anatomy_reads_what_is_under_the_mask(saved: Save) -> None:
    event = _opened(saved, [*_UPGRADED, c(1, b'42/admin,12["chat","hi"]')], 7)
    rows = lines_of(anatomy_of(event, _of(event, "socket.io"), 120))
    said = [row.split() for row in rows if row.startswith(("  0 ", "  8"))]
    assert said[0][:6] == ["0", "32", "0011", "0010", "packet", "type"]
    assert said[1][:5] == ["8–9", "31", "32", "0011", "0001"]
