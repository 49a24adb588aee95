"""Packets with TLS inside, layer by layer: sizes that add up, plaintext in the place of its ciphertext."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from netviz.capture.source import open_capture
from netviz.dissection import dissect
from netviz.event import Dissection, PacketLayer
from netviz.keylog import KeyLog
from netviz.samples import samples
from tests.run import inside
from tests.talk import c, s
from tests.tls import CHAT, Setup, talk_tls
from tests.wire import pcap

_WSS = ["wss", "wss-tls12", "wss-missing-key"]


def _count(name: str) -> int:
    return sum(len(batch) for batch in open_capture(samples()[name]))


def _layer(event: Dissection, key: str) -> PacketLayer:
    return next(layer for layer in event.layers if layer.key == key)


@pytest.mark.parametrize("name", _WSS)
def test_sizes_add_up(name: str) -> None:
    for number in range(1, _count(name) + 1):
        event = dissect(open_capture(samples()[name]), number)
        assert sum(layer.size for layer in event.layers) == event.wire, number
        assert all(0 <= layer.start <= layer.end <= len(event.data) for layer in event.layers)


def test_a_message_inside() -> None:
    event = dissect(open_capture(samples()["wss"]), 12)
    message = _layer(event, "message")
    assert message.inside == b"the ferry leaves pier 4 at 07:35"
    record, tag = _layer(event, "tls"), _layer(event, "tls-tag")
    assert (record.size, tag.size) == (5, 17)
    assert "TLS_AES_256_GCM_SHA384" in " ".join(record.facts)
    assert [layer.key for layer in event.layers if layer.osi == 5] == ["tls", "sealed", "opened", "tls-tag", "websocket"]
    frame = _layer(event, "websocket")
    assert frame.value("opcode") == 1
    assert frame.inside is not None
    assert event.data[frame.start : frame.end] != frame.inside
    sealed, opened = _layer(event, "sealed"), _layer(event, "opened")
    assert opened.facts[0].startswith(frame.inside.hex(" "))
    assert sealed.facts[0].startswith(event.data[frame.start : frame.end].hex(" "))


def test_what_a_record_of_cbc_costs() -> None:
    event = dissect(open_capture(samples()["wss-tls12"]), 10)
    record, tag = _layer(event, "tls"), _layer(event, "tls-tag")
    assert record.size == 5 + 16
    assert tag.size == 32 + 16
    assert "16 IV" in " ".join(record.facts)
    assert _layer(event, "http").fields[0].text.startswith("GET /secure")


def test_the_clear_part() -> None:
    event = dissect(open_capture(samples()["wss-missing-key"]), 15)
    hello = _layer(event, "handshake")
    assert hello.facts[0] == "for chat.example.test"
    assert hello.field("client random") is not None
    assert {"server_name", "key_share", "supported_versions"} <= {field.name for field in hello.fields}
    ends = [(field.bit, field.bit + field.bits) for field in hello.fields]
    assert all(before[1] == after[0] or after[0] - before[1] == 16 for before, after in pairwise(ends))
    assert any("client random" in fact or "without keys" in fact for layer in dissect(
        open_capture(samples()["wss-missing-key"]), 20).layers for fact in layer.facts)  # fmt: skip


@pytest.mark.parametrize("size", [100, 1000, 60_000])
def test_records_in_pieces(size: int, tmp_path: Path) -> None:
    """Each piece of a record that lies in many segments is told, and several records in one."""
    keys, path = tmp_path / "keys", tmp_path / "wss.pcap"
    lines = [*CHAT[:2], c(1, "x" * 500), s(1, "y" * 700), s(1, "z")]
    wire = talk_tls(Setup(), keys, lines, size=size)
    path.write_bytes(pcap(wire.packets))
    said = b""
    for number in range(1, len(wire.packets) + 1):
        event = dissect(open_capture(path), number, KeyLog(str(keys)))
        assert sum(layer.size for layer in event.layers) == event.wire
        said += b"".join(layer.inside or b"" for layer in event.layers if layer.key == "message")
    assert said == b"x" * 500 + b"y" * 700 + b"z"


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_screens(columns: int) -> None:
    run = inside("layers", "wss", "12", columns=columns)
    assert run.status == 0
    assert "the ferry leaves pier 4" in run.out
    assert "sealed" in run.out
    assert max(map(len, run.out.splitlines())) <= columns
    for more in (["--layer", "tls"], ["--layer", "websocket"], ["--explain"], ["--full"], ["--plain"], ["--json"]):
        assert inside("layers", "wss", "12", *more, columns=columns).status == 0


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("name", ["wss", "wss-tls12"])
def test_a_frame_above_its_ciphertext(name: str, columns: int) -> None:
    run = inside("ws-trace", name, "--frame", "2", columns=columns)
    assert run.status == 0
    said = " ".join(run.out.split())
    for word in ("TLS", "sealed", "opened", "tag" if name == "wss" else "MAC", "% useful"):
        assert word in said
    assert max(map(len, run.out.splitlines())) <= columns
