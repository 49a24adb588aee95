"""A packet as boxes, bits, words and lines: nothing from the wire reaches a terminal as it is, and nothing is too wide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unicodedata import category

import pytest

from netviz.capture.source import open_capture
from netviz.dissection import dissect
from netviz.event import Dissection, PacketLayer
from netviz.views.bits import anatomy_of
from netviz.views.hexdump import hexdump
from netviz.views.layers import layers
from netviz.views.layers_json import layers_line
from netviz.views.layers_plain import plain_layers
from netviz.views.lesson import lesson
from tests.conftest import CAPTURES
from tests.frames import MASK, frame
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.talk import opened
from tests.wire import ACK, CLIENT, PSH, SYN, Wire
from tests.wire import pcap as saved_wire

_WIDTHS = (60, 80, 120, 200)


def _event(*layers: PacketLayer, data: bytes = b"") -> Dissection:
    return Dissection(packets=(1,), time=None, number=1, data=data, wire=len(data), layers=layers)


def _hostile(text: str, save: Callable[..., Path], head: bool) -> Dissection:
    raw = text.encode("utf-8", "surrogatepass")
    if head:
        wire = Wire().client(SYN).server(SYN | ACK).client(ACK)
        wire.client(PSH | ACK, b"GET /" + raw[:400].replace(b" ", b"") + b" HTTP/1.1\r\nX-" + raw + b": " + raw + b"\r\n\r\n")
        number = 4
    else:
        wire = opened().send(CLIENT, PSH | ACK, frame(1, raw, MASK))
        number = 6
    return dissect(open_capture(save(saved_wire(wire.packets))), number)


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_content_is_harmless(kind: str, head: bool, saved: Callable[..., Path]) -> None:
    event = _hostile(HOSTILE[kind], saved, head)
    for width in _WIDTHS:
        for drawn in (layers(event, width), layers(event, width, full=True), anatomy_of(event, event.layers, width),
                      lesson(event, width)):  # fmt: skip
            rows = lines_of(drawn)
            assert wider(rows, width) == []
            assert not any(dangerous(row) for row in rows)
    assert not any(dangerous(line) for line in plain_layers(event))
    # JSON leaves characters of private use as they are: no terminal obeys them.
    assert not {sign for sign in dangerous(layers_line(event)) if category(sign) != "Co"}


@pytest.mark.parametrize("width", _WIDTHS)
def test_boxes_are_straight(width: int) -> None:
    event = dissect(open_capture(CAPTURES["deflate"]), 8)
    rows = lines_of(layers(event, width))
    first = next(index for index, row in enumerate(rows) if row.startswith("┌"))
    last = next(index for index, row in enumerate(rows) if row.startswith("└"))
    assert {len(row) for row in rows[first : last + 1]} == {min(width, 120)}
    assert [row.lstrip("│ ")[:3] for row in rows[first:last] if "┌" in row] == [f"┌ {osi}" for osi in range(1, 8)]


def test_roles_that_nobody_plays_are_named_together() -> None:
    rows = lines_of(layers(dissect(open_capture(CAPTURES["websocket"]), 1), 120))
    assert any("5–7 session, presentation, application" in row for row in rows)
    assert any("nothing: this segment carries no data" in row for row in rows)


def test_every_layer_begins_a_row() -> None:
    data = bytes(range(40))
    event = _event(
        PacketLayer(key="a", name="first", osi=2, start=0, end=14, size=14),
        PacketLayer(key="b", name="second frame 7", osi=5, start=14, end=30, size=16),
        data=data,
    )
    rows = lines_of(hexdump(event, 100))
    assert [row[:17].strip() for row in rows] == ["2 first", "5 second 7", "?"]
    joined = "".join(row[24:].split("  ·")[0] for row in rows)
    assert data[:14].hex(" ")[:23] in joined


def test_long_payloads_are_cut_unless_all_is_wanted() -> None:
    event = _event(PacketLayer(key="a", name="a", osi=7, start=0, end=1000, size=1000), data=bytes(1000))
    short, full = lines_of(hexdump(event, 100)), lines_of(hexdump(event, 100, full=True))
    assert short[-1].strip() == "… 872 more bytes (--full)"
    assert (len(short), len(full)) == (9, 63)


def test_a_packet_of_nothing_is_drawn() -> None:
    for width in _WIDTHS:
        assert lines_of(layers(_event(), width))[0].startswith("Packet 1")
        assert lines_of(lesson(_event(), width))
