"""Headers of frames, and the rules that they must keep, by RFC 6455 section 5; websockets says what is right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from netviz.event import Problem
from netviz.layers.websocket.frame import Head, broken, plausible, read_head
from netviz.layers.websocket.message import unmask
from tests.frames import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, frame

_RESERVED = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]

#: Bytes, then the first one, the mask, the size of the header and of the payload: first those of RFC 6455 section 5.7.
_HEADS: dict[str, tuple[bytes, Head]] = {
    "text": (bytes.fromhex("810548656c6c6f"), Head(0x81, -1, 2, 5)),
    "masked text": (bytes.fromhex("818537fa213d7f9f4d5158"), Head(0x81, 0x37FA213D, 6, 5)),
    "first fragment": (bytes.fromhex("010348656c"), Head(0x01, -1, 2, 3)),
    "last fragment": (bytes.fromhex("80026c6f"), Head(0x80, -1, 2, 2)),
    "ping": (bytes.fromhex("890548656c6c6f"), Head(0x89, -1, 2, 5)),
    "masked pong": (bytes.fromhex("8a8537fa213d7f9f4d5158"), Head(0x8A, 0x37FA213D, 6, 5)),
    "256 bytes": (bytes.fromhex("827e0100") + bytes(256), Head(0x82, -1, 4, 256)),
    "64 KiB": (bytes.fromhex("827f0000000000010000"), Head(0x82, -1, 10, 65536)),
    "empty": (b"\x81\x00", Head(0x81, -1, 2, 0)),
    "empty and masked": (b"\x88\x80\x01\x02\x03\x04", Head(0x88, 0x01020304, 6, 0)),
    "125 bytes": (b"\x82\x7d", Head(0x82, -1, 2, 125)),
    "126 bytes": (b"\x82\x7e\x00\x7e", Head(0x82, -1, 4, 126)),
    "65,535 bytes": (b"\x82\xfe\xff\xffabcd", Head(0x82, 0x61626364, 8, 65535)),
    "64 KiB, masked": (b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00abcd", Head(0x82, 0x61626364, 14, 65536)),
    "mask of zeros is a mask": (b"\x81\x81\x00\x00\x00\x00A", Head(0x81, 0, 6, 1)),
    "mask of ones": (b"\x81\x80\xff\xff\xff\xff", Head(0x81, 0xFFFFFFFF, 6, 0)),
    "5 in two bytes": (b"\x81\x7e\x00\x05", Head(0x81, -1, 4, 5)),
    "5 in eight bytes": (b"\x81\x7f" + bytes(7) + b"\x05", Head(0x81, -1, 10, 5)),
    "all bits": (b"\xff\xff" + b"\xff" * 12, Head(0xFF, 0xFFFFFFFF, 14, (1 << 64) - 1)),
    "nothing set": (b"\x00\x00", Head(0, -1, 2, 0)),
}


@pytest.mark.parametrize("name", _HEADS)
def test_header(name: str) -> None:
    data, head = _HEADS[name]
    assert read_head(data, 0, len(data)) == head
    assert read_head(bytearray(data), 0, len(data)) == head
    # Wherever it stands, and whatever stands around it.
    assert read_head(b"\xff\xff" + data + b"\xff", 2, 2 + len(data)) == head


@pytest.mark.parametrize("name", _HEADS)
def test_header_that_is_not_complete(name: str) -> None:
    data, head = _HEADS[name]
    for end in range(head.size):
        assert read_head(data[:end], 0, end) is None
        assert read_head(data, 0, end) is None
        assert read_head(b"ab" + data, 2, 2 + end) is None
    assert read_head(data[: head.size], 0, head.size) == head


#: The bytes of a header; whether its side must mask, whether deflate was agreed on, whether a message has begun, whether the
#: side has closed; and the problems, each with the section that it breaks.
_Case = tuple[bytes, bool, bool, bool, bool, list[tuple[str, str]]]
_BITS, _CONTROL = "reserved-bits", "RFC 6455 section 5.5)"
_PLAIN_BITS, _DEFLATE_BITS = (_BITS, "RFC 6455 section 5.2"), (_BITS, "RFC 7692 section 6.1")

_RULES: dict[str, _Case] = {
    "client, fine": (frame(TEXT, b"a", MASK), True, False, False, False, []),
    "server, fine": (frame(TEXT, b"a"), False, False, False, False, []),
    "continuation, fine": (frame(CONTINUATION, b"a"), False, False, True, False, []),
    "ping inside a message, fine": (frame(PING, b"a"), False, True, True, False, []),
    "control of 125 bytes, fine": (frame(PING, bytes(125)), False, False, False, False, []),
    "unmasked client": (
        frame(TEXT, b"a"), True, False, False, False, [("unmasked-client-frame", "RFC 6455 section 5.1")]),
    "unmasked client, empty control": (
        frame(PONG), True, False, False, False, [("unmasked-client-frame", "RFC 6455 section 5.1")]),
    "masked server": (
        frame(TEXT, b"a", MASK), False, False, False, False, [("masked-server-frame", "RFC 6455 section 5.1")]),
    "masked server, with zeros": (
        frame(TEXT, b"a", 0), False, False, False, False, [("masked-server-frame", "RFC 6455 section 5.1")]),
    "RSV1 with deflate, fine": (frame(TEXT, b"a", rsv=4), False, True, False, False, []),
    "RSV1 on a first fragment, fine": (frame(BINARY, b"a", fin=False, rsv=4), False, True, False, False, []),
    "RSV1": (frame(TEXT, b"a", rsv=4), False, False, False, False, [_PLAIN_BITS]),
    "RSV2": (frame(TEXT, b"a", rsv=2), False, False, False, False, [_PLAIN_BITS]),
    "RSV3 with deflate": (frame(TEXT, b"a", rsv=1), False, True, False, False, [_PLAIN_BITS]),
    "RSV2 beside an RSV1 that may be": (frame(TEXT, b"a", rsv=6), False, True, False, False, [_PLAIN_BITS]),
    "all three": (frame(BINARY, b"a", rsv=7), False, False, False, False, [_PLAIN_BITS]),
    "RSV1 on a control frame": (frame(PING, rsv=4), False, False, False, False, [_PLAIN_BITS]),
    "RSV1 on a control frame with deflate": (frame(PING, rsv=4), False, True, False, False, [_DEFLATE_BITS]),
    "RSV1 on a close with deflate": (frame(CLOSE, rsv=4), False, True, True, False, [_DEFLATE_BITS]),
    "RSV1 on a continuation": (frame(CONTINUATION, rsv=4), False, False, True, False, [_PLAIN_BITS]),
    "RSV1 on a continuation with deflate": (frame(CONTINUATION, rsv=4), False, True, True, False, [_DEFLATE_BITS]),
    "control that goes on": (
        frame(PING, b"a", fin=False), False, False, False, False, [("control-fragmented", _CONTROL)]),
    "control that is too long": (frame(CLOSE, bytes(126)), False, False, False, False, [("control-too-long", _CONTROL)]),
    "control that is both": (
        frame(PONG, bytes(300), fin=False), False, False, True, False,
        [("control-fragmented", _CONTROL), ("control-too-long", _CONTROL)]),
    "continuation of nothing": (
        frame(CONTINUATION), False, False, False, False, [("continuation-without-start", "RFC 6455 section 5.4")]),
    "text inside a message": (
        frame(TEXT), False, False, True, False, [("message-interrupted", "RFC 6455 section 5.4")]),
    "binary inside a message": (
        frame(BINARY, fin=False), False, False, True, False, [("message-interrupted", "RFC 6455 section 5.4")]),
    "125 in two bytes": (
        frame(TEXT, bytes(125), length_form=16), False, False, False, False, [("length-not-minimal", "RFC 6455 section 5.2")]),
    "0 in eight bytes, masked": (
        frame(TEXT, b"", MASK, length_form=64), True, False, False, False, [("length-not-minimal", "RFC 6455 section 5.2")]),
    "126 in eight bytes": (
        frame(TEXT, bytes(126), length_form=64), False, False, False, False, [("length-not-minimal", "RFC 6455 section 5.2")]),
    "65,535 in eight bytes": (
        frame(TEXT, bytes(65535), length_form=64), False, False, False, False,
        [("length-not-minimal", "RFC 6455 section 5.2")]),
    "126 in two bytes, fine": (frame(TEXT, bytes(126), length_form=16), False, False, False, False, []),
    "65,536 in eight bytes, fine": (b"\x82\x7f" + (65536).to_bytes(8, "big"), False, False, False, False, []),
    "2**63 - 1, fine": (b"\x82\x7f" + ((1 << 63) - 1).to_bytes(8, "big"), False, False, False, False, []),
    "top bit of the length": (
        b"\x82\x7f" + (1 << 63).to_bytes(8, "big"), False, False, False, False, [("length-too-large", "RFC 6455 section 5.2")]),
    "text after close": (frame(TEXT), False, False, False, True, [("data-after-close", "RFC 6455 section 5.5.1")]),
    "continuation after close": (
        frame(CONTINUATION), False, False, True, True, [("data-after-close", "RFC 6455 section 5.5.1")]),
    "ping after close, fine": (frame(PING, b"a"), False, False, False, True, []),
    "pong after close, fine": (frame(PONG, b"a"), False, False, False, True, []),
    "second close, fine": (frame(CLOSE), False, False, False, True, []),
    "binary after close": (frame(BINARY), False, False, False, True, [("data-after-close", "RFC 6455 section 5.5.1")]),
    "several at once": (
        frame(CONTINUATION, b"a", rsv=1, length_form=16), True, False, False, True,
        [("unmasked-client-frame", "RFC 6455 section 5.1"), _PLAIN_BITS, ("continuation-without-start", "RFC 6455 section 5.4"),
         ("length-not-minimal", "RFC 6455 section 5.2"), ("data-after-close", "RFC 6455 section 5.5.1")]),
}  # fmt: skip


def _head(data: bytes) -> Head:
    head = read_head(data, 0, len(data))
    assert head is not None
    return head


def _check(problems: list[Problem], expected: list[tuple[str, str]], packet: int) -> None:
    assert [problem.kind for problem in problems] == [kind for kind, _ in expected]
    for problem, (_, section) in zip(problems, expected, strict=True):
        assert section in problem.text
        assert problem.text.startswith(f"packet {packet}: ")
        assert problem.packet == packet


@pytest.mark.parametrize("name", _RULES)
def test_rules(name: str) -> None:
    data, masked, deflate, inside, closed, expected = _RULES[name]
    _check(broken(_head(data), masked, deflate, inside, closed, 7), expected, 7)


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("opcode", _RESERVED)
def test_reserved_opcodes(opcode: int, inside: bool, deflate: bool) -> None:
    # What a reserved control frame may be is for who defines it: only its opcode is at fault.
    for data in (frame(opcode), frame(opcode, b"abc"), frame(opcode, fin=False), frame(opcode, bytes(200))):
        problems = broken(_head(data), False, deflate, inside, False, 3)
        _check(problems, [("reserved-opcode", "RFC 6455 section 5.2")], 3)
        assert f"opcode {opcode} " in problems[0].text


@pytest.mark.parametrize(("rsv", "names"), [(4, "RSV1"), (2, "RSV2"), (1, "RSV3"), (6, "RSV1, RSV2"), (7, "RSV1, RSV2, RSV3")])
def test_names_of_reserved_bits(rsv: int, names: str) -> None:
    problems = broken(_head(frame(TEXT, rsv=rsv)), False, False, False, False, 1)
    assert problems[0].text.startswith(f"packet 1: {names} set, but no extension ")


def _bits_text(opcode: int, rsv: int) -> str:
    return broken(_head(frame(opcode, rsv=rsv)), False, True, opcode == CONTINUATION, False, 1)[0].text


def test_where_rsv1_may_not_stand() -> None:
    assert "not on a control frame" in _bits_text(PING, 4)
    assert "not on a continuation" in _bits_text(CONTINUATION, 4)
    # With a reserved opcode it is no continuation.
    assert "continuation" not in _bits_text(3, 4)


def test_rsv1_is_not_blamed_for_rsv2() -> None:
    text = _bits_text(TEXT, 6)
    assert "RSV2 set" in text
    assert "RSV1" not in text


def test_figures() -> None:
    long = broken(_head(frame(PING, bytes(1234))), False, False, False, False, 1)
    assert "this one 1,234 " in long[0].text
    form = broken(_head(frame(TEXT, bytes(2000), length_form=64)), False, False, False, False, 1)
    assert "length 2,000 in 8 bytes" in form[0].text


def _parsed(data: bytes, mask: bool) -> Frame:
    """What websockets reads."""
    reader = StreamReader()
    reader.feed_data(data)
    parsed = None
    try:
        next(Frame.parse(reader.read_exact, mask=mask))
    except StopIteration as stop:
        parsed = stop.value
    assert isinstance(parsed, Frame)
    return parsed


def _is_void(head: Head) -> bool:
    """Whether it is an empty fragment in the middle: that breaks no rule, but zeros look like many of it."""
    return head.first == 0 and head.length == 0


_masks = st.none() | st.integers(0, 0xFFFFFFFF)
_payloads = st.binary(max_size=200) | st.integers(0, 70_000).map(bytes)


@settings(max_examples=100, deadline=None)
@given(opcode=st.sampled_from(list(Opcode)), payload=_payloads, fin=st.booleans(), mask=st.booleans())
def test_what_websockets_writes(opcode: Opcode, payload: bytes, fin: bool, mask: bool) -> None:
    if opcode >= CLOSE:
        payload, fin = payload[:125], True
    data = Frame(opcode, payload, fin).serialize(mask=mask)
    head = _head(data)
    assert (head.first, head.mask >= 0, head.length) == ((0x80 if fin else 0) | opcode, mask, len(payload))
    assert head.size + head.length == len(data)
    assert unmask(data[head.size :], head.mask) == payload
    assert broken(head, mask, False, opcode == CONTINUATION, False, 1) == []
    assert plausible(head, mask) is not _is_void(head)
    assert not plausible(head, not mask)


#: The rules that websockets checks of a frame alone.
_THEIRS = {
    "unmasked-client-frame", "masked-server-frame", "reserved-bits", "reserved-opcode", "control-fragmented",
    "control-too-long",
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    first=st.integers(0, 255), payload=_payloads, mask=_masks, must=st.booleans(), form=st.sampled_from([16, 64, None]),
)  # fmt: skip
def test_what_websockets_reads(first: int, payload: bytes, mask: int | None, must: bool, form: int | None) -> None:
    if form == 16:
        payload = payload[:65535]
    opcode = first & 15
    data = frame(opcode, payload, mask, first > 127, first >> 4 & 7, form)
    head = _head(data)
    assert head.first == first
    found = {problem.kind for problem in broken(head, must, False, opcode == CONTINUATION, False, 1)}
    try:
        parsed = _parsed(data, must)
    except ProtocolError:
        assert found & _THEIRS
        assert not plausible(head, must) or first & 0x40
        return
    assert not found & _THEIRS
    assert (parsed.opcode, parsed.fin, bytes(parsed.data)) == (opcode, first > 127, unmask(data[head.size :], head.mask))
    assert len(data) == head.size + head.length
    assert plausible(head, must) == ("length-not-minimal" not in found and not _is_void(head))


@pytest.mark.parametrize("mask", [None, MASK])
def test_empty_fragments_are_plausible_but_in_the_middle(mask: int | None) -> None:
    for opcode, fin, fits in (
        (CONTINUATION, False, False), (CONTINUATION, True, True), (TEXT, False, True), (BINARY, False, True),
    ):  # fmt: skip
        assert plausible(_head(frame(opcode, b"", mask, fin)), mask is not None) is fits
    assert plausible(_head(frame(CONTINUATION, b"a", mask, fin=False)), mask is not None)


@pytest.mark.parametrize("name", _RULES)
def test_plausible(name: str) -> None:
    data, masked, _, _, _, _ = _RULES[name]
    head = _head(data)
    # Nobody knows yet about deflate, messages and closes: what breaks another rule is none.
    wrong = broken(head, masked, True, (head.first & 15) == CONTINUATION, False, 1)
    assert plausible(head, masked) == (not wrong)
