"""One packet taken apart: what surrounds it, what it carries, and that any bytes end in layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netviz
from netviz.capture.source import open_capture
from netviz.cli.layers import layers as command
from netviz.dissection import dissect
from netviz.errors import NetvizError
from netviz.event import Dissection, PacketLayer
from netviz.views.layers import layers as draw
from netviz.views.layers_json import layers_line
from tests.conftest import CAPTURES
from tests.frames import MASK, frame
from tests.hostile import dangerous, lines_of, wider
from tests.make import Record, ethernet, icmp, ipv4, ipv6, pcap, tcp, udp
from tests.talk import c, opened, s, say
from tests.wire import ACK, CLIENT, FIN, PSH, SERVER, SYN, Wire
from tests.wire import pcap as saved_wire

Save = Callable[..., Path]


def _of(name: str, number: int) -> Dissection:
    return dissect(open_capture(CAPTURES[name]), number)


def _keys(event: Dissection) -> list[str]:
    return [layer.key for layer in event.layers]


def _layer(event: Dissection, key: str) -> PacketLayer:
    return next(layer for layer in event.layers if layer.key == key)


def test_the_three_steps_are_named() -> None:
    events = [_of("websocket", number) for number in (1, 2, 3)]
    assert [event.story[0] for event in events] == [
        "SYN: first step of the handshake of connection 0",
        "SYN-ACK: second step of the handshake of connection 0",
        "ACK: third step of the handshake of connection 0",
    ]
    assert [event.side for event in events] == ["client", "server", "client"]
    assert all(_keys(event) == ["physical", "ethernet", "ipv4", "tcp", "nothing"] for event in events)
    assert [event.useful for event in events] == [0, 0, 0]


def test_a_frame_is_unmasked_and_named() -> None:
    event = _of("websocket", 9)
    assert _keys(event) == ["physical", "ethernet", "ipv4", "tcp", "websocket", "presentation", "message"]
    assert [layer.osi for layer in event.layers] == [1, 2, 3, 4, 5, 6, 7]
    assert _layer(event, "message").inside == "温度计读数 21.5℃".encode()
    assert (event.wire, event.useful) == (95, 23)
    assert _layer(event, "tcp").field("sequence number").meaning.startswith("relative 237")  # type: ignore[union-attr]


def test_the_upgrade_has_seven_layers() -> None:
    for number, words in ((4, "GET /echo"), (6, "101 Switching Protocols")):
        event = _of("websocket", number)
        assert sorted({layer.osi for layer in event.layers}) == [1, 2, 3, 4, 5, 6, 7]
        assert _layer(event, "http").facts[0].startswith(words)


def test_what_is_compressed_is_inflated() -> None:
    message = _layer(_of("deflate", 8), "message")
    assert message.facts == ("87 bytes on the wire are 108 inflated",)
    assert (message.inside or b"").startswith(b'{"type": "position"')


def test_every_byte_of_every_packet_belongs_to_one_layer(capture: Path) -> None:
    total = sum(len(batch) for batch in open_capture(capture))
    for number in range(1, total + 1, max(total // 12, 1)):
        event = dissect(open_capture(capture), number)
        assert sum(layer.size for layer in event.layers) == event.wire
        reached = 0
        for layer in sorted((layer for layer in event.layers if layer.end > layer.start), key=lambda layer: layer.start):
            assert layer.start == reached
            assert layer.end - layer.start <= layer.size
            reached = layer.end
        assert reached == len(event.data)


def test_a_frame_in_several_packets_says_which_bytes(saved: Save) -> None:
    data = frame(2, bytes(range(250)) * 20, MASK)
    wire = opened()
    for at in range(0, len(data), 2000):
        wire.send(CLIENT, PSH | ACK, data[at : at + 2000])
    path = saved(saved_wire(wire.packets))
    events = [dissect(open_capture(path), number) for number in (6, 7, 8)]
    parts = [_layer(event, "message") for event in events]
    assert [part.facts[0].split(";")[0] for part in parts] == [
        "bytes 1 to 1,992 of it are here", "bytes 1,993 to 3,992 of it are here", "bytes 3,993 to 5,000 of it are here",
    ]  # fmt: skip
    assert b"".join(part.inside or b"" for part in parts) == bytes(range(250)) * 20
    assert len(_layer(events[0], "websocket").fields) == 9
    assert _layer(events[1], "websocket").fields == ()
    assert sum(event.useful for event in events) == 5000


def test_several_frames_in_one_packet(saved: Save) -> None:
    wire = opened().send(SERVER, PSH | ACK, frame(1, "one") + frame(9, "hb") + frame(1, "two"))
    event = dissect(open_capture(saved(saved_wire(wire.packets))), 6)
    assert [layer.inside for layer in event.layers if layer.inside is not None] == [b"one", b"hb", b"two"]
    assert (event.useful, len([key for key in _keys(event) if key == "websocket"])) == (6, 3)


def test_what_came_before_is_a_retransmission(saved: Save) -> None:
    wire = say(opened(), [c(1, "hello")])
    again = wire.segments[-1]
    wire.client(ACK, frame(1, "hello", MASK), seq=again.seq).client(ACK, frame(1, "later", MASK), seq=again.seq + 100)
    path = saved(saved_wire(wire.packets))
    assert dissect(open_capture(path), 7).story[-1] == "packet 6 had sent this before: a retransmission (or a keep-alive)"
    assert "bytes before it had not been seen" in dissect(open_capture(path), 8).story[-1]


def test_a_response_names_its_request(saved: Save) -> None:
    wire = Wire().client(SYN).server(SYN | ACK).client(ACK)
    for path in (b"/a", b"/b"):
        wire.client(PSH | ACK, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.server(PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
    wire.client(FIN | ACK)
    event = dissect(open_capture(saved(saved_wire(wire.packets))), 7)
    assert _layer(event, "http").facts == ("HTTP/1.1 200 OK", "answers packet 6: GET /b HTTP/1.1")
    assert (_layer(event, "body").size, event.useful) == (2, 2)


_DNS = bytes.fromhex("0001 0100 0001 0000 0000 0000 07 6578616d706c65 03 636f6d 00 0001 0001")


@pytest.mark.parametrize(
    ("packet", "keys", "words"),
    [
        (ethernet(ipv4(udp(payload=_DNS), protocol=17)), ["dns"], "example.com"),
        (ethernet(bytes.fromhex("0001080006040001020000000001 0a000001 000000000000 0a000002"), 0x0806), ["arp"], "10.0.0.2"),
        (ethernet(ipv4(icmp(3, 1, ipv4(tcp()[:8])), protocol=1)), ["icmp", "ip-in-icmp", "tcp-in-icmp"], "10.0.0.2"),
        (ethernet(ipv6(icmp(128, 0, b"ping"), protocol=58)), ["icmpv6"], "ping"),
        (ethernet(ipv4(udp(9, 9, b"secret"), protocol=17)), ["udp", "data"], "not decoded"),
        (ethernet(bytes(20), 0x1234), ["data"], "not decoded"),
    ],
)
def test_what_others_decode(packet: bytes, keys: Sequence[str], words: str, saved: Save) -> None:
    event = dissect(open_capture(saved(pcap([Record(packet)]))), 1)
    assert set(keys) <= set(_keys(event))
    assert words in layers_line(event)


@pytest.mark.parametrize("number", [0, 42, 10**18])
def test_no_such_packet(number: int) -> None:
    with pytest.raises(NetvizError, match="the capture has 41 packets"):
        _of("websocket", number)


def test_every_truncation_ends_in_layers(saved: Save) -> None:
    for data in (ethernet(ipv4(tcp(payload=frame(1, "hello", MASK)))), ethernet(ipv6(udp(payload=_DNS), protocol=17))):
        for cut in range(len(data)):
            event = dissect(open_capture(saved(pcap([Record(data[:cut], wire=len(data))]))), 1)
            assert event.wire == len(data)
            assert all(layer.end <= cut for layer in event.layers)
            lines = lines_of(draw(event, 60))
            assert wider(lines, 60) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(min_size=1, max_size=90), link=st.sampled_from([0, 1, 101, 113, 276, 105]), kind=st.integers(0, 5))
def test_garbage_ends_in_layers(data: bytes, link: int, kind: int, saved: Save) -> None:
    if kind == 1:
        data = ethernet(ipv4(udp(payload=data), protocol=17))
    elif kind == 2:
        data = ethernet(data, 0x0806)
    elif kind == 3:
        data = ethernet(ipv4(icmp(3, 1, data), protocol=1))
    elif kind == 4:
        data = ethernet(ipv4(tcp(payload=data)))
    event = dissect(open_capture(saved(pcap([Record(data)], link=1 if kind else link))), 1)
    for width in (60, 120):
        rows = lines_of(draw(event, width, full=True))
        assert wider(rows, width) == []
        assert not any(dangerous(row) for row in rows)


def test_a_stream_is_read_once(saved: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    class Once:
        streaming, name, size, progress = True, "once", 0, None

        def __init__(self) -> None:
            self._files = open_capture(CAPTURES["websocket"])
            self.metadata = self._files.metadata

        def __iter__(self) -> object:
            return iter(self._files)

    assert dissect(Once(), 9) == _of("websocket", 9)  # type: ignore[arg-type]


def test_from_python() -> None:
    assert netviz.dissect is dissect
    assert isinstance(_of("websocket", 1), netviz.Dissection)
    assert command.name == "layers"


def test_server_messages_are_not_masked(saved: Save) -> None:
    wire = say(opened(), [s(1, "hi")])
    event = dissect(open_capture(saved(saved_wire(wire.packets))), 6)
    assert _layer(event, "presentation").name == "UTF-8"
