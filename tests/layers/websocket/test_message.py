"""Messages: unmasked, joined, inflated; text, close codes, and what cannot be read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Close
from websockets.utils import apply_mask

from netviz.event import Problem
from netviz.layers.deflate import Budget, Inflator
from netviz.layers.websocket.message import LIMIT, Message, Whole, unmask
from tests.frames import BINARY, CLOSE, MASK, PING, PONG, TEXT, masked

_HELLO = bytes.fromhex("f248cdc9c90700")


def _message(
    opcode: int, fragments: Sequence[bytes], *, limit: int = LIMIT, compressed: bool = False, why: str = "",
    inflator: Inflator | None = None,
) -> Whole:  # fmt: skip
    """A message of which the first fragment is in packet 1, and so on."""
    message = Message(opcode, compressed, inflator, why, limit)
    for packet, fragment in enumerate(fragments, 1):
        message.feed(fragment, packet)
        message.add((packet, 54, 56 + len(fragment)), len(fragment))
    return message.finish(len(fragments))


def _only(problems: Sequence[Problem]) -> Problem:
    assert len(problems) == 1, problems
    assert problems[0].text.startswith(f"packet {problems[0].packet}: ")
    return problems[0]


# RFC 6455 section 5.3


def test_unmask() -> None:
    assert unmask(bytes.fromhex("7f9f4d5158"), 0x37FA213D) == b"Hello"  # section 5.7
    assert unmask(bytearray.fromhex("7f9f4d5158"), 0x37FA213D) == b"Hello"
    assert unmask(b"Hello", 0) == b"Hello"
    assert unmask(b"Hello", -1) == b"Hello"
    assert unmask(b"", MASK) == b""
    assert unmask(b"\x00\x00\x00\x00\x00", 0x00000001) == b"\x00\x00\x00\x01\x00"


@given(data=st.binary(max_size=100), mask=st.integers(0, 0xFFFFFFFF), phase=st.integers(0, 1 << 40))
def test_unmask_from_anywhere(data: bytes, mask: int, phase: int) -> None:
    key = mask.to_bytes(4, "big")
    assert unmask(data, mask) == bytes(apply_mask(data, key))
    assert unmask(data, mask, phase) == bytes(byte ^ key[(at + phase) % 4] for at, byte in enumerate(data))
    assert unmask(masked(data, mask), mask) == data


@given(data=st.binary(max_size=60), mask=st.integers(0, 0xFFFFFFFF), cut=st.integers(0, 60))
def test_unmask_in_pieces(data: bytes, mask: int, cut: int) -> None:
    assert unmask(data[:cut], mask) + unmask(data[cut:], mask, len(data[:cut])) == unmask(data, mask)


# What a message is


def test_fields() -> None:
    whole = _message(BINARY, [b"ab", b"", b"cde"])
    assert whole == Whole((1, 54, 58, 2, 54, 56, 3, 54, 59), "binary", 5, 5, False, 3, b"abcde", None, ())


@pytest.mark.parametrize(("opcode", "kind"), [(TEXT, "text"), (BINARY, "binary"), (PING, "ping"), (PONG, "pong")])
def test_kinds(opcode: int, kind: str) -> None:
    assert _message(opcode, [b""])[1:] == (kind, 0, 0, False, 1, b"" if opcode == BINARY else "", None, ())


def test_control_frames_that_can_be_read_are_text() -> None:
    assert _message(PING, ["ö".encode()]).content == "ö"
    assert _message(PONG, [b"\xff\x00"]).content == b"\xff\x00"
    assert _message(PONG, [b"\xff\x00"]).problems == ()
    assert _message(BINARY, [b"text"]).content == b"text"


# UTF-8 (RFC 6455 section 8.1)

_TEXT = "aß€𝄞 שלום"


def test_text_cut_at_every_byte() -> None:
    raw = _TEXT.encode()
    for cut in range(len(raw) + 1):
        whole = _message(TEXT, [raw[:cut], raw[cut:]])
        assert (whole.content, whole.length, whole.problems) == (_TEXT, len(raw), ())
    assert _message(TEXT, [raw[at : at + 1] for at in range(len(raw))]).content == _TEXT


#: Fragments, and the place and value of the first byte that is at fault.
_INVALID: dict[str, tuple[list[bytes], int, int]] = {
    "at once": ([b"\xff"], 0, 0xFF),
    "behind text": ([b"abc\xfe"], 3, 0xFE),
    "in the third fragment": ([b"ab", b"cd", b"e\x80"], 5, 0x80),
    "ends too early": ([b"a\xe2\x82"], 1, 0xE2),
    "ends too early, in fragments": ([b"a\xe2", b"\x82"], 1, 0xE2),
    "broken between fragments": ([b"a\xe2", b"a"], 1, 0xE2),
    "surrogate": ([b"a\xed\xa0\x80"], 1, 0xED),
    "too long a form": ([b"\xc0\xaf"], 0, 0xC0),
    "beyond Unicode": (["é".encode(), b"\xf4\x90\x80\x80"], 2, 0xF4),
}


@pytest.mark.parametrize("name", _INVALID)
def test_text_that_is_not_utf_8(name: str) -> None:
    fragments, place, byte = _INVALID[name]
    whole = _message(TEXT, fragments)
    raw = b"".join(fragments)
    assert (whole.content, whole.length) == (raw, len(raw))
    problem = _only(whole.problems)
    assert (problem.kind, problem.packet) == ("invalid-utf-8", len(fragments))
    assert f"byte {place} of the text, 0x{byte:02x}, is not UTF-8" in problem.text
    assert "(RFC 6455 section 8.1)" in problem.text


@given(fragments=st.lists(st.binary(max_size=6), min_size=1, max_size=4))
def test_any_text(fragments: list[bytes]) -> None:
    raw = b"".join(fragments)
    whole = _message(TEXT, fragments)
    try:
        expected: str | bytes = raw.decode()
    except UnicodeDecodeError:
        expected = raw
    assert whole.content == expected
    assert [problem.kind for problem in whole.problems] == ["invalid-utf-8"] * isinstance(expected, bytes)


# Close (RFC 6455 sections 5.5.1 and 7.4)

_NEVER, _RESERVED, _NONE = "must never be sent (RFC 6455 section 7.4.1)", "is reserved", "is not a close code"

#: Codes, and what is said of them.
_CODES: dict[str, tuple[Sequence[int], str]] = {
    "registered": ((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011), ""),
    "registered later": ((1012, 1013, 1014), ""),
    "never sent": ((1004, 1005, 1006, 1015), _NEVER),
    "below all": ((0, 1, 255, 256, 998, 999), _NONE),
    "for later versions": ((1016, 1017, 1100, 1999, 2000, 2999), _RESERVED),
    "for libraries": ((3000, 3001, 3999), ""),
    "private": ((4000, 4001, 4999), ""),
    "above all": ((5000, 5001, 9999, 65535), _NONE),
}


@pytest.mark.parametrize("reason", ["", "bye €"])
@pytest.mark.parametrize(("code", "words"), [(code, words) for codes, words in _CODES.values() for code in codes])
def test_close_codes(code: int, words: str, reason: str) -> None:
    payload = struct.pack("!H", code) + reason.encode()
    whole = _message(CLOSE, [payload])
    assert (whole.kind, whole.code, whole.content, whole.length) == ("close", code, reason, len(payload))
    if not words:
        assert whole.problems == ()
        return
    problem = _only(whole.problems)
    assert (problem.kind, problem.packet) == ("close-code-invalid", 1)
    assert words in problem.text
    assert f"{code}" in problem.text
    assert "RFC 6455 section 7.4" in problem.text


def test_close_codes_that_websockets_refuses() -> None:
    for code in range(6000):
        payload = struct.pack("!H", code)
        wrong = bool(_message(CLOSE, [payload]).problems)
        try:
            Close.parse(payload).check()
        except ProtocolError:
            assert wrong, code
        else:
            assert not wrong, code


def test_close_without_a_code() -> None:
    whole = _message(CLOSE, [b""])
    assert (whole.code, whole.content, whole.length, whole.problems) == (None, "", 0, ())


def test_close_of_one_byte() -> None:
    whole = _message(CLOSE, [b"\x03"])
    assert (whole.code, whole.content, whole.length) == (None, b"\x03", 1)
    problem = _only(whole.problems)
    assert problem.kind == "close-payload-short"
    assert "RFC 6455 section 5.5.1" in problem.text


def test_close_with_a_reason_that_is_not_utf_8() -> None:
    whole = _message(CLOSE, [b"\x03\xe8ab\xff"])
    assert (whole.code, whole.content) == (1000, b"ab\xff")
    problem = _only(whole.problems)
    assert problem.kind == "invalid-utf-8"
    assert "byte 2 of the reason is not UTF-8" in problem.text
    assert "RFC 6455 section 5.5.1" in problem.text


def test_close_that_is_wrong_twice() -> None:
    whole = _message(CLOSE, [b"\x03\xed\xff"])
    assert [problem.kind for problem in whole.problems] == ["close-code-invalid", "invalid-utf-8"]


# Limits and gaps


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("fragments", [[10], [4, 6], [1] * 10, [10, 0], [0, 10]])
def test_limit(opcode: int, fragments: list[int]) -> None:
    data = [b"x" * size for size in fragments]
    inside, beyond = _message(opcode, data, limit=10), _message(opcode, data, limit=9)
    assert (inside.length, inside.problems) == (10, ())
    assert inside.content == ("x" * 10 if opcode == TEXT else b"x" * 10)
    assert (beyond.length, beyond.wire_length, beyond.content) == (10, 10, None)
    problem = _only(beyond.problems)
    assert problem.kind == "content-omitted"
    assert "its 10 bytes are more than the 9 that are kept" in problem.text


def test_limit_is_16_mib() -> None:
    assert LIMIT == 16 << 20
    piece = bytes(1 << 20)
    whole = _message(BINARY, [piece] * 16)
    assert whole.content == bytes(LIMIT)
    whole = _message(BINARY, [piece] * 16 + [b"a"])
    assert (whole.content, whole.length) == (None, LIMIT + 1)


@pytest.mark.parametrize("pieces", [1, 3])
def test_limit_of_what_is_inflated(pieces: int) -> None:
    press = zlib.compressobj(wbits=-15)
    data = (press.compress(b"a" * 5000) + press.flush(zlib.Z_SYNC_FLUSH))[:-4]
    step = -(-len(data) // pieces)
    fragments = [data[at : at + step] for at in range(0, len(data), step)]
    inside, beyond = (
        _message(TEXT, fragments, limit=limit, compressed=True, inflator=Inflator(True, 15, Budget())) for limit in (5000, 4999)
    )
    assert (inside.content, inside.length, inside.wire_length, inside.problems) == ("a" * 5000, 5000, len(data), ())
    assert (beyond.content, beyond.length, beyond.wire_length) == (None, 5000, len(data))
    assert _only(beyond.problems).kind == "content-omitted"


def test_payload_that_is_missing() -> None:
    message = Message(TEXT, False, None, "", LIMIT)
    message.feed(b"ab", 1)
    message.miss(1234)
    message.feed(b"\xff", 2)
    message.add((1, 54, 60, 2, 54, 55), 1237)
    whole = message.finish(2)
    assert (whole.content, whole.length, whole.wire_length) == (None, 1237, 1237)
    problem = _only(whole.problems)
    assert (problem.kind, problem.packet) == ("payload-missing", 2)
    assert "1,234 bytes" in problem.text
    assert not message.damaged


def test_compressed_payload_that_is_missing() -> None:
    message = Message(TEXT, True, Inflator(True, 15, Budget()), "", LIMIT)
    message.feed(_HELLO[:3], 1)
    message.miss(2)
    message.feed(_HELLO[5:], 2)
    message.add((1, 54, 60, 2, 54, 55), 7)
    assert message.damaged
    whole = message.finish(2)
    assert (whole.content, whole.length, whole.wire_length) == (None, None, 7)
    problem = _only(whole.problems)
    assert problem.kind == "payload-missing"
    assert "2 bytes of its compressed payload" in problem.text


# Compressed messages (RFC 7692)


@pytest.mark.parametrize("cut", range(len(_HELLO) + 1))
def test_compressed(cut: int) -> None:
    whole = _message(TEXT, [_HELLO[:cut], _HELLO[cut:]], compressed=True, inflator=Inflator(True, 15, Budget()))
    assert (whole.content, whole.length, whole.wire_length, whole.compressed, whole.problems) == ("Hello", 5, 7, True, ())


def test_text_behind_compression_that_is_not_utf_8() -> None:
    press = zlib.compressobj(wbits=-15)
    data = (press.compress(b"ab\xff") + press.flush(zlib.Z_SYNC_FLUSH))[:-4]
    whole = _message(TEXT, [data], compressed=True, inflator=Inflator(True, 15, Budget()))
    assert whole.content == b"ab\xff"
    assert "byte 2 of the text, 0xff" in _only(whole.problems).text


def test_cannot_be_inflated() -> None:
    whole = _message(TEXT, [_HELLO], compressed=True, why="cannot inflate: for a reason")
    assert (whole.content, whole.length, whole.wire_length, whole.compressed) == (None, None, 7, True)
    problem = _only(whole.problems)
    assert (problem.kind, problem.packet) == ("cannot-inflate", 1)
    assert "cannot inflate: for a reason" in problem.text


def test_is_no_deflate() -> None:
    message = Message(TEXT, True, Inflator(True, 15, Budget()), "", LIMIT)
    message.feed(b"\x07", 3)
    message.feed(_HELLO, 4)
    assert message.damaged
    whole = message.finish(4)
    assert (whole.content, whole.length) == (None, None)
    problem = _only(whole.problems)
    assert (problem.kind, problem.packet) == ("inflate-error", 3)
    assert "invalid block type" in problem.text
    assert "RFC 7692 section 7.2" in problem.text


def test_inflates_to_too_much() -> None:
    message = Message(TEXT, True, Inflator(True, 15, Budget(5)), "", LIMIT)
    message.feed(_HELLO, 3)
    whole = message.finish(3)
    assert (whole.content, whole.length) == (None, None)
    assert _only(whole.problems).kind == "inflate-limit"


@settings(max_examples=200, deadline=None)
@given(
    opcode=st.sampled_from([TEXT, BINARY, CLOSE, PING, PONG]), pieces=st.lists(st.binary(max_size=20) | st.integers(1, 9)),
    compressed=st.booleans(), limit=st.integers(0, 40),
)  # fmt: skip
def test_anything(opcode: int, pieces: list[bytes | int], compressed: bool, limit: int) -> None:
    message = Message(opcode, compressed, Inflator(True, 15, Budget()) if compressed else None, "", limit)
    size = missing = 0
    for packet, piece in enumerate(pieces, 1):
        if isinstance(piece, int):
            message.miss(piece)
            missing += piece
        else:
            message.feed(piece, packet)
            size += len(piece)
    whole = message.finish(9)
    if not compressed:
        assert whole.length == size + missing
        assert (whole.content is None) == bool(missing or size > limit)
    assert (whole.content is None) <= bool(whole.problems)
