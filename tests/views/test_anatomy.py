"""The drawing of one frame: its bytes, what they mean, the mask, what is inflated, and what it costs."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest

from netviz.event import Anatomy, PacketCost
from netviz.views.anatomy import anatomy
from tests.frames import MASK, accepted, frame, request
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.talk import anatomy_of
from tests.wire import CLIENT, SERVER

_WIDTHS = [60, 80, 120, 200]
_DEFLATE = "permessage-deflate"


def _drawn(event: Anatomy, width: int = 120) -> list[str]:
    return lines_of(anatomy(event, width))


def _masked(payload: bytes | str) -> Anatomy:
    return anatomy_of(frame(1, payload, MASK), side=CLIENT)


def _compressed(text: bytes) -> Anatomy:
    press = zlib.compressobj(wbits=-15)
    data = (press.compress(text) + press.flush(zlib.Z_SYNC_FLUSH))[:-4]
    return anatomy_of(
        frame(1, data, MASK, rsv=4), side=CLIENT, asks=request(extensions=_DEFLATE), answers=accepted(extensions=_DEFLATE)
    )


def test_a_masked_frame() -> None:
    rows = _drawn(_masked("Hello"))
    assert rows[0] == "WebSocket frame 1  client → server  11 bytes = 6 of header + 5 of payload"
    assert rows[1] == "  packet 6, bytes 40 to 50"
    assert rows[3].split() == ["81", "85", "37", "fa", "21", "3d", "7f", "9f", "4d", "51", "58"]
    text = "\n".join(rows)
    for words in (
        "FIN = 1: last frame of the message",
        "opcode = 1: text",
        "MASK = 1: masked",
        "payload length = 5",
        "7f⊕37=48\u00a0H",
        "→ “Hello”",
        "5 payload + 6 WebSocket + 20 TCP + 20 IPv4 = 51 bytes on the wire, 10 % useful",
    ):
        assert words in text  # fmt: skip


def test_a_frame_without_a_mask() -> None:
    text = "\n".join(_drawn(anatomy_of(frame(1, "Hello"))))
    assert "server → client  7 bytes = 2 of header + 5 of payload" in text
    assert "MASK = 0" in text
    assert "unmask" not in text


@pytest.mark.parametrize(("size", "length"), [(126, "126"), (65_535, "65,535"), (65_536, "65,536")])
def test_extended_lengths(size: int, length: str) -> None:
    text = "\n".join(_drawn(_masked(b"x" * size)))
    assert f"extended payload length = {length}" in text
    assert "…" in text


def test_a_compressed_frame() -> None:
    text = "\n".join(_drawn(_compressed(b"Hello, Hello, Hello")))
    assert "payload, masked, compressed" in text
    assert "RSV1" in text
    assert "→ 19 bytes" in text
    assert "→ “Hello, Hello, Hello”" in text


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payload(name: str, width: int) -> None:
    data = HOSTILE[name].encode("utf-8", "surrogatepass")
    for event in (_masked(data), anatomy_of(frame(2, data)), _compressed(data)):
        rows = _drawn(event, width)
        assert dangerous("".join(rows)) == set()
        assert wider(rows, width) == []


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize(
    "data", [frame(1), frame(9, "x" * 125), frame(2, bytes(300), length_form=64), frame(1, b"\xff\xfe"), frame(11, "x", rsv=7)]
)
def test_other_frames_fit(data: bytes, width: int) -> None:
    rows = _drawn(anatomy_of(data, side=SERVER), width)
    assert rows
    assert wider(rows, width) == []


def test_branches_stand_below_their_bytes() -> None:
    rows = _drawn(_masked("Hello"))
    row = rows[3]
    branches = [line for line in rows[4:12] if "└" in line]
    assert sorted(line.index("└") for line in branches) == [
        row.index(part) for part in ("81", "85", "37 fa", "7f 9f")]  # fmt: skip


def test_text_that_is_cut_inside_a_character() -> None:
    assert "�" not in "".join(_drawn(_masked("ä" * 150)))
    assert "“ää" in "".join(_drawn(_masked("ä" * 150)))


def test_what_it_costs() -> None:
    event = replace(_masked("Hello"), layers=(PacketCost(6, (("Ethernet", 14), ("IPv4", 20), ("TCP", 32)), 31),))
    text = " ".join(" ".join(_drawn(event)).split())
    assert "5 payload + 6 WebSocket + 20 of other frames in the same segment + 32 TCP + 20 IPv4 + 14 Ethernet = 97" in text
    assert "cannot be told" in " ".join(_drawn(replace(event, layers=())))
