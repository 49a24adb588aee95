"""What one side sends: frames and messages from bytes, however they arrive, and over gaps."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from netviz.event import Problem, frame_kind
from netviz.layers.deflate import Budget, Deflate
from netviz.layers.websocket.direction import Direction, Done
from netviz.layers.websocket.message import LIMIT
from netviz.stream import Stream
from tests.frames import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, closing, frame

_CLIENT, _SERVER = 0, 1
_KEPT, _NEW = Deflate(), Deflate((False, False))

#: Where the payload of every packet begins.
_PLACE = 54


class _Lost(NamedTuple):
    """Bytes that are not in the capture."""

    length: int


class _Cut(NamedTuple):
    """Bytes that the snapshot length cut off."""

    length: int


_Piece = bytes | _Lost | _Cut


class _Reading:
    """A Direction and what it told; every piece is a packet of its own, the gaps before it belong to the next one."""

    def __init__(
        self, *, side: int = _SERVER, deflate: Deflate | None = None, inferred: bool = False, contents: bool = True,
        limit: int = LIMIT, budget: Budget | None = None,
    ) -> None:  # fmt: skip
        self.stream = Stream()
        self.direction = Direction(
            side, self.stream, deflate, budget or Budget(), inferred=inferred, contents=contents, limit=limit
        )
        self.out: list[Done] = []
        self.unfinished = ""
        self._number = 0

    def add(self, piece: _Piece, size: int = 0, *, read: bool = True) -> None:
        """One more packet, in parts of ``size`` bytes (0: at once), each of them read as soon as it is there."""
        if not isinstance(piece, bytes):
            number = self._number + 1
            self.stream.miss(piece.length, cut=isinstance(piece, _Cut), ready=number, time=number * 1000)
        else:
            self._number += 1
            step = size or max(len(piece), 1)
            for at in range(0, len(piece), step):
                self.part(piece[at : at + step], at)
                if read:
                    self.direction.read(self.out)
        if read:
            self.direction.read(self.out)

    def part(self, data: bytes, at: int) -> None:
        """A part of the packet that came last, from ``at`` on in its payload."""
        number = self._number
        self.stream.append(data, packet=number, place=_PLACE + at, ready=number, time=number * 1000)

    def close(self) -> _Reading:
        """Nothing comes any more."""
        self.direction.read(self.out)
        self.unfinished = self.direction.unfinished
        self.direction.close(self.out)
        return self

    @property
    def frames(self) -> list[tuple[str, int, list[str]]]:
        """Kind, length and problems of each frame."""
        return [(frame_kind(done.head.first & 15), done.head.length, _kinds(done.problems)) for done in self.out]

    @property
    def messages(self) -> list[tuple[str, str | bytes | None, list[str]]]:
        """Kind, content and problems of each message."""
        return [(done.message.kind, done.message.content, _kinds(done.message.problems)) for done in self.out if done.message]

    @property
    def problems(self) -> list[Problem]:
        """All problems there are."""
        found = [problem for done in self.out for problem in done.problems]
        found += [problem for done in self.out if done.message for problem in done.message.problems]
        return [*found, *self.direction.notes]

    @property
    def all(self) -> list[Any]:
        """Everything, comparable wherever its bytes were split."""
        told: list[Any] = []
        for done in self.out:
            message = done.message
            if message is not None:
                message = message._replace(origin=_merged(message.origin))
            told.append(done._replace(origin=_merged(done.origin), message=message))
        return [*told, self.direction.notes, self.unfinished]


def _kinds(problems: Sequence[Problem]) -> list[str]:
    return [problem.kind for problem in problems]


def _merged(origin: Sequence[int]) -> tuple[int, ...]:
    """Slices of a packet that follow one another as one."""
    found: list[int] = []
    for at in range(0, len(origin), 3):
        if found and found[-3] == origin[at] and found[-1] == origin[at + 1]:
            found[-1] = origin[at + 2]
        else:
            found += origin[at : at + 3]
    return tuple(found)


def _read(pieces: Sequence[_Piece], size: int = 0, *, at_once: bool = False, **how: Any) -> _Reading:
    reading = _Reading(**how)
    for piece in pieces:
        reading.add(piece, size, read=not at_once)
    return reading.close()


def _press(*messages: bytes, takeover: bool = True) -> list[bytes]:
    """The payloads of compressed messages."""
    press, found = zlib.compressobj(wbits=-15), []
    for message in messages:
        if not takeover:
            press = zlib.compressobj(wbits=-15)
        found.append((press.compress(message) + press.flush(zlib.Z_SYNC_FLUSH))[:-4])
    return found


_FIRST, _SECOND = _press(b"Hello, Hello, Hello", b"Hello, Hello")
_LONE = _press(b"alone")[0]

_Told = list[tuple[str, int, list[str]]]
_Said = list[tuple[str, str | bytes | None, list[str]]]

#: The bytes of a server, what was agreed on, its frames, its messages, and what was cut off.
_TABLE: dict[str, tuple[list[bytes], Deflate | None, _Told, _Said, str]] = {
    "nothing": ([], None, [], [], ""),
    "text": ([frame(TEXT, "aß")], None, [("text", 3, [])], [("text", "aß", [])], ""),
    "two": (
        [frame(TEXT, "a") + frame(BINARY, b"\xff")], None, [("text", 1, []), ("binary", 1, [])],
        [("text", "a", []), ("binary", b"\xff", [])], ""),
    "empty ones": (
        [frame(TEXT) + frame(BINARY) + frame(PING) + frame(PONG)], None,
        [("text", 0, []), ("binary", 0, []), ("ping", 0, []), ("pong", 0, [])],
        [("text", "", []), ("binary", b"", []), ("ping", "", []), ("pong", "", [])], ""),
    "over packets": (
        [frame(TEXT, "Hello")[:4], frame(TEXT, "Hello")[4:]], None, [("text", 5, [])], [("text", "Hello", [])], ""),
    "length in two bytes": ([frame(BINARY, bytes(300))], None, [("binary", 300, [])], [("binary", bytes(300), [])], ""),
    "fragments": (
        [frame(TEXT, b"\xe2", fin=False), frame(CONTINUATION, b"\x82", fin=False) + frame(CONTINUATION, b"\xac")], None,
        [("text", 1, []), ("continuation", 1, []), ("continuation", 1, [])], [("text", "€", [])], ""),
    "control frames between fragments": (
        [frame(BINARY, b"a", fin=False), frame(PING, b"1") + frame(CONTINUATION, fin=False) + frame(PONG, b"2"),
         frame(CONTINUATION, b"b"), frame(TEXT, "c")], None,
        [("binary", 1, []), ("ping", 1, []), ("continuation", 0, []), ("pong", 1, []), ("continuation", 1, []),
         ("text", 1, [])],
        [("ping", "1", []), ("pong", "2", []), ("binary", b"ab", []), ("text", "c", [])], ""),
    "close": ([closing(1000, "bye")], None, [("close", 5, [])], [("close", "bye", [])], ""),
    "data after close": (
        [closing(1000) + frame(TEXT, "late"), closing(1001)], None,
        [("close", 2, []), ("text", 4, ["data-after-close"]), ("close", 2, [])],
        [("close", "", []), ("text", "late", []), ("close", "", [])], ""),
    "control frames after close": (
        [closing(1000) + frame(PING, "p"), frame(PONG), frame(BINARY, b"x")], None,
        [("close", 2, []), ("ping", 1, []), ("pong", 0, []), ("binary", 1, ["data-after-close"])],
        [("close", "", []), ("ping", "p", []), ("pong", "", []), ("binary", b"x", [])], ""),
    "fragments after close": (
        [frame(TEXT, "a", fin=False) + closing(1000), frame(CONTINUATION, "b")], None,
        [("text", 1, []), ("close", 2, []), ("continuation", 1, ["data-after-close"])],
        [("close", "", []), ("text", "ab", [])], ""),
    "masked": ([frame(TEXT, "Hello", MASK)], None, [("text", 5, ["masked-server-frame"])], [("text", "Hello", [])], ""),
    "interrupted": (
        [frame(TEXT, "a", fin=False), frame(TEXT, "b"), frame(TEXT, "c")], None,
        [("text", 1, []), ("text", 1, ["message-interrupted"]), ("text", 1, [])], [("text", "b", []), ("text", "c", [])], ""),
    "interrupted, then continued": (
        [frame(TEXT, "a", fin=False), frame(BINARY, b"b", fin=False), frame(CONTINUATION, b"c")], None,
        [("text", 1, []), ("binary", 1, ["message-interrupted"]), ("continuation", 1, [])], [("binary", b"bc", [])], ""),
    "continuation of nothing": (
        [frame(CONTINUATION, b"a"), frame(TEXT, "b")], None,
        [("continuation", 1, ["continuation-without-start"]), ("text", 1, [])], [("text", "b", [])], ""),
    "reserved opcodes": (
        [frame(3, b"a") + frame(11, b"b"), frame(TEXT, "c")], None,
        [("reserved", 1, ["reserved-opcode"]), ("reserved", 1, ["reserved-opcode"]), ("text", 1, [])],
        [("text", "c", [])], ""),
    "reserved opcode between fragments": (
        [frame(TEXT, b"a", fin=False), frame(3, b"x"), frame(CONTINUATION, b"b")], None,
        [("text", 1, []), ("reserved", 1, ["reserved-opcode"]), ("continuation", 1, [])], [("text", "ab", [])], ""),
    "reserved control opcode between fragments": (
        [frame(TEXT, b"a", fin=False), frame(11, b"x"), frame(CONTINUATION, b"b")], None,
        [("text", 1, []), ("reserved", 1, ["reserved-opcode"]), ("continuation", 1, [])], [("text", "ab", [])], ""),
    "length not minimal": (
        [frame(TEXT, "a", length_form=64), frame(TEXT, "b", length_form=16)], None,
        [("text", 1, ["length-not-minimal"])] * 2, [("text", "a", []), ("text", "b", [])], ""),
    "RSV1 without deflate": ([frame(TEXT, "a", rsv=4)], None, [("text", 1, ["reserved-bits"])], [("text", "a", [])], ""),
    "compressed": (
        [frame(TEXT, _FIRST, rsv=4), frame(BINARY, _SECOND, rsv=4)], _KEPT, [("text", len(_FIRST), []),
        ("binary", len(_SECOND), [])], [("text", "Hello, Hello, Hello", []), ("binary", b"Hello, Hello", [])], ""),
    "compressed, and others that are not": (
        [frame(TEXT, _FIRST, rsv=4), frame(TEXT, b"plain"), frame(TEXT, _SECOND, rsv=4)], _KEPT,
        [("text", len(_FIRST), []), ("text", 5, []), ("text", len(_SECOND), [])],
        [("text", "Hello, Hello, Hello", []), ("text", "plain", []), ("text", "Hello, Hello", [])], ""),
    "compressed, in fragments with a ping between": (
        [frame(TEXT, _FIRST[:3], fin=False, rsv=4), frame(PING, b"x"), frame(CONTINUATION, _FIRST[3:]),
         frame(TEXT, _SECOND[:1], fin=False, rsv=4), frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, _SECOND[1:])],
        _KEPT,
        [("text", 3, []), ("ping", 1, []), ("continuation", len(_FIRST) - 3, []), ("text", 1, []), ("continuation", 0, []),
         ("continuation", len(_SECOND) - 1, [])],
        [("ping", "x", []), ("text", "Hello, Hello, Hello", []), ("text", "Hello, Hello", [])], ""),
    "compressed, a new window each": (
        [frame(TEXT, _LONE, rsv=4), frame(TEXT, _FIRST, rsv=4), frame(TEXT, _SECOND, rsv=4)], _NEW,
        [("text", len(_LONE), []), ("text", len(_FIRST), []), ("text", len(_SECOND), [])],
        [("text", "alone", []), ("text", "Hello, Hello, Hello", []), ("text", None, ["inflate-error"])], ""),
    "cannot be inflated, window kept": (
        [frame(TEXT, b"\x07", rsv=4), frame(TEXT, _LONE, rsv=4), frame(TEXT, b"plain")], _KEPT,
        [("text", 1, []), ("text", len(_LONE), []), ("text", 5, [])],
        [("text", None, ["inflate-error"]), ("text", None, ["cannot-inflate"]), ("text", "plain", [])], ""),
    "cannot be inflated, window new": (
        [frame(TEXT, b"\x07", rsv=4), frame(TEXT, _LONE, rsv=4)], _NEW, [("text", 1, []), ("text", len(_LONE), [])],
        [("text", None, ["inflate-error"]), ("text", "alone", [])], ""),
    "RSV1 on a continuation": (
        [frame(TEXT, _FIRST[:3], fin=False, rsv=4), frame(CONTINUATION, _FIRST[3:], rsv=4)], _KEPT,
        [("text", 3, []), ("continuation", len(_FIRST) - 3, ["reserved-bits"])],
        [("text", "Hello, Hello, Hello", [])], ""),
    "interrupted inside a compressed block, window new": (
        [frame(TEXT, _FIRST[:4], fin=False, rsv=4), frame(TEXT, _LONE, rsv=4)], _NEW,
        [("text", 4, []), ("text", len(_LONE), ["message-interrupted"])], [("text", "alone", [])], ""),
    "ends inside a header": ([frame(TEXT, "a") + b"\x82"], None, [("text", 1, [])], [("text", "a", [])], "frame"),
    "ends inside a payload": ([frame(TEXT, "abc")[:-1]], None, [("text", 3, ["frame-cut"])], [], "frame"),
    "ends behind a header": ([frame(TEXT, "abc")[:2]], None, [("text", 3, ["frame-cut"])], [], "frame"),
    "ends inside a message": ([frame(TEXT, "abc", fin=False)], None, [("text", 3, [])], [], "message"),
    "ends inside a message, behind a ping": (
        [frame(TEXT, "abc", fin=False) + frame(PING)], None, [("text", 3, []), ("ping", 0, [])], [("ping", "", [])], "message"),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_direction(name: str) -> None:
    pieces, deflate, frames, messages, unfinished = _TABLE[name]
    reading = _read(pieces, deflate=deflate)
    assert reading.frames == frames
    assert reading.messages == messages
    assert reading.unfinished == unfinished
    assert reading.direction.notes == []


@pytest.mark.parametrize("name", _TABLE)
def test_split_anywhere(name: str) -> None:
    pieces, deflate, _, _, _ = _TABLE[name]
    expected = _read(pieces, at_once=True, deflate=deflate).all
    for size in (0, 1, 2, 3):
        assert _read(pieces, size, deflate=deflate).all == expected
    for index, piece in enumerate(pieces):
        for cut in range(1, len(piece)):
            reading = _Reading(deflate=deflate)
            for other in pieces[:index]:
                reading.add(other, read=False)
            reading.add(piece[:cut])
            reading.part(piece[cut:], cut)
            for other in pieces[index + 1 :]:
                reading.add(other, read=False)
            assert reading.close().all == expected


@pytest.mark.parametrize("name", _TABLE)
def test_each_byte_in_a_packet(name: str) -> None:
    pieces, deflate, frames, messages, unfinished = _TABLE[name]
    data = b"".join(pieces)
    reading = _read([data[at : at + 1] for at in range(len(data))], deflate=deflate)
    assert (reading.frames, reading.messages, reading.unfinished) == (frames, messages, unfinished)
    for problem in reading.problems:
        assert problem.text.startswith(f"packet {problem.packet}: ")


@pytest.mark.parametrize("name", _TABLE)
def test_without_contents(name: str) -> None:
    pieces, deflate, frames, _, unfinished = _TABLE[name]
    reading = _read(pieces, deflate=deflate, contents=False)
    assert (reading.frames, reading.messages, reading.unfinished) == (frames, [], unfinished)


def test_where_it_came_from() -> None:
    data = frame(TEXT, "Hello", MASK)
    reading = _read([data + data[:3], data[3:8], data[8:] + frame(PING, b"", 1)], side=_CLIENT)
    assert [(done.ready, done.time, done.side, done.origin) for done in reading.out] == [
        (1, 1000, 0, (1, 54, 65)),
        (3, 3000, 0, (1, 65, 68, 2, 54, 59, 3, 54, 57)),
        (3, 3000, 0, (3, 57, 63)),
    ]
    messages = [done.message for done in reading.out]
    assert [message and (message.origin, message.wire_length, message.fragments) for message in messages] == [
        ((1, 54, 65), 5, 1), ((1, 65, 68, 2, 54, 59, 3, 54, 57), 5, 1), ((3, 57, 63), 0, 1),
    ]  # fmt: skip


def test_problems_name_the_packet_and_the_rule() -> None:
    reading = _read([frame(TEXT, "a", MASK), frame(3, b"", MASK), frame(TEXT, "a")], side=_CLIENT)
    assert [(problem.kind, problem.packet) for problem in reading.problems] == [
        ("reserved-opcode", 2), ("unmasked-client-frame", 3),
    ]  # fmt: skip
    assert reading.problems[1].text == ("packet 3: a client must mask every frame; this one is not (RFC 6455 section 5.1)")


@pytest.mark.parametrize("opcode", [TEXT, BINARY, CONTINUATION, PING])
@pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1])
def test_top_bit_of_a_length(opcode: int, length: int) -> None:
    reading = _read([bytes([0x80 | opcode, 127]) + length.to_bytes(8, "big") + b"abc"])
    assert [done.head.length for done in reading.out] == [length]
    kinds = _kinds(reading.out[0].problems)
    assert "length-too-large" in kinds
    assert kinds[-1] == "frame-cut"
    assert f"after 3 of {length:,} bytes" in reading.out[0].problems[-1].text


def test_cut_frame_says_how_much_came() -> None:
    (done,) = _read([frame(TEXT, bytes(5000))[:1000]]).out
    assert done.message is None
    assert done.problems == (Problem("frame-cut", "packet 1: the frame ends after 996 of 5,000 bytes of payload", 1),)


# Gaps

_SIZED = b"0123456789" * 20
_DATA = frame(BINARY, _SIZED)  # a header of 4 bytes, a payload of 200
_ZEROS = frame(BINARY, bytes(4000))

#: Pieces, what was agreed on, frames, messages, and the kinds of what cannot be blamed on a frame.
_GAPS: dict[str, tuple[list[_Piece], Deflate | None, _Told, _Said, list[str]]] = {
    "inside a payload": (
        [_DATA[:50], _Lost(100), _DATA[150:] + frame(TEXT, "next")], None, [("binary", 200, ["frame-cut"]), ("text", 4, [])],
        [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "two inside a payload": (
        [_DATA[:50], _Lost(50), _DATA[100:150], _Lost(20), _DATA[170:], frame(TEXT, "next")], None,
        [("binary", 200, ["frame-cut"]), ("text", 4, [])], [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "all of a payload": (
        [_DATA[:4], _Lost(200), frame(TEXT, "next")], None, [("binary", 200, ["frame-cut"]), ("text", 4, [])],
        [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "up to the end of a frame": (
        [_DATA[:100], _Lost(104), frame(TEXT, "next")], None, [("binary", 200, ["frame-cut"]), ("text", 4, [])],
        [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "beyond the end of a frame": (
        [_DATA[:100], _Lost(120), frame(TEXT, "next"), frame(TEXT, "more")], None,
        [("binary", 200, ["frame-cut"]), ("text", 4, ["bytes-missing"]), ("text", 4, [])],
        [("binary", None, ["payload-missing"]), ("text", "next", []), ("text", "more", [])], []),
    "inside a fragment": (
        [frame(TEXT, "abc", fin=False)[:3], _Lost(2), frame(CONTINUATION, "d"), frame(TEXT, "next")], None,
        [("text", 3, ["frame-cut"]), ("continuation", 1, []), ("text", 4, [])],
        [("text", None, ["payload-missing"]), ("text", "next", [])], []),
    "between frames": (
        [frame(TEXT, "a"), _Lost(10), frame(TEXT, "b")], None, [("text", 1, []), ("text", 1, ["bytes-missing"])],
        [("text", "a", []), ("text", "b", [])], []),
    "inside a header": (
        [_DATA[:3], _Lost(100), _DATA[103:], frame(TEXT, "next"), frame(TEXT, "more")], None,
        [("text", 4, ["bytes-missing"]), ("text", 4, [])], [("text", "next", []), ("text", "more", [])], []),
    "one byte of a header": (
        [frame(TEXT, "a") + b"\x81", _Lost(1), b"x" * 40, frame(TEXT, "next")], None,
        [("text", 1, []), ("text", 4, ["bytes-missing"])], [("text", "a", []), ("text", "next", [])], []),
    "at the beginning": (
        [_Lost(30), frame(TEXT, "a")], None, [("text", 1, ["bytes-missing"])], [("text", "a", [])], []),
    "a frame of zeros in several packets behind it": (
        [_Lost(30), _ZEROS[:1400], _ZEROS[1400:2800], _ZEROS[2800:], frame(TEXT, "next")], None,
        [("binary", 4000, ["bytes-missing"]), ("text", 4, [])], [("binary", bytes(4000), []), ("text", "next", [])], []),
    "at the end": ([frame(TEXT, "a"), _Lost(30)], None, [("text", 1, [])], [("text", "a", [])], ["bytes-missing"]),
    "nothing found behind it": (
        [frame(TEXT, "a"), _Lost(30), b"\xff" * 40], None, [("text", 1, [])], [("text", "a", [])], ["bytes-missing"]),
    "two, both outside of frames": (
        [frame(TEXT, "a"), _Lost(30), frame(TEXT, "b"), _Lost(30), frame(TEXT, "c")], None,
        [("text", 1, []), ("text", 1, ["bytes-missing"]), ("text", 1, ["bytes-missing"])],
        [("text", "a", []), ("text", "b", []), ("text", "c", [])], []),
    "the beginning of a message": (
        [_Lost(30), frame(CONTINUATION, "b") + frame(TEXT, "c")], None,
        [("continuation", 1, ["bytes-missing"]), ("text", 1, [])], [("text", "c", [])], []),
    "the beginning of a message, and it goes on": (
        [_Lost(30), frame(CONTINUATION, "b", fin=False), frame(PING), frame(CONTINUATION, "c"), frame(TEXT, "d")], None,
        [("continuation", 1, ["bytes-missing"]), ("ping", 0, []), ("continuation", 1, []), ("text", 1, [])],
        [("ping", "", []), ("text", "d", [])], []),
    "a whole message behind it, and others beyond another one": (
        [_Lost(30), b"\xff" * 9, _Lost(20), b"\xff", _Lost(10), frame(TEXT, "a"), frame(TEXT, "b")], None,
        [("text", 1, ["bytes-missing"] * 3), ("text", 1, [])], [("text", "a", []), ("text", "b", [])], []),
    "the middle of a message": (
        [frame(TEXT, "a", fin=False), _Lost(9), frame(CONTINUATION, "c"), frame(TEXT, "d")], None,
        [("text", 1, []), ("continuation", 1, ["bytes-missing"]), ("text", 1, [])], [("text", "d", [])], []),
    "the end of a message": (
        [frame(TEXT, "a", fin=False), _Lost(9), frame(TEXT, "b")], None,
        [("text", 1, []), ("text", 1, ["bytes-missing"])], [("text", "b", [])], []),
    "cut inside a payload": (
        [_DATA[:50], _Cut(154), frame(TEXT, "next")], None, [("binary", 200, ["frame-cut"]), ("text", 4, [])],
        [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "cut, frame in several packets": (
        [_DATA[:50], _Cut(50), _DATA[100:150], _Cut(54), frame(TEXT, "next")], None,
        [("binary", 200, ["frame-cut"]), ("text", 4, [])], [("binary", None, ["payload-missing"]), ("text", "next", [])], []),
    "cut beyond the end of a frame": (
        [_DATA[:50], _Cut(160), frame(TEXT, "next"), frame(TEXT, "more")], None, [("binary", 200, ["frame-cut"])],
        [("binary", None, ["payload-missing"])], ["bytes-missing"]),
    "cut inside a header": (
        [frame(TEXT, "a") + _DATA[:3], _Cut(201), frame(TEXT, "next"), frame(TEXT, "more")], None, [("text", 1, [])],
        [("text", "a", [])], ["bytes-missing"]),
    "cut between frames": (
        [frame(TEXT, "a"), _Cut(20), frame(TEXT, "next"), _Cut(5), frame(TEXT, "more")], None, [("text", 1, [])],
        [("text", "a", [])], ["bytes-missing"]),
    "inside a compressed message, window kept": (
        [frame(TEXT, _FIRST, rsv=4)[:6], _Lost(3), frame(TEXT, _FIRST, rsv=4)[9:], frame(TEXT, _SECOND, rsv=4),
         frame(TEXT, _SECOND, rsv=4), frame(TEXT, "plain")], _KEPT,
        [("text", len(_FIRST), ["frame-cut"]), ("text", len(_SECOND), []), ("text", len(_SECOND), []), ("text", 5, [])],
        [("text", None, ["payload-missing"]), ("text", None, ["cannot-inflate"]), ("text", None, ["cannot-inflate"]),
         ("text", "plain", [])], []),
    "inside a compressed message, window new": (
        [frame(TEXT, _FIRST, rsv=4)[:6], _Lost(3), frame(TEXT, _FIRST, rsv=4)[9:], frame(TEXT, _LONE, rsv=4)], _NEW,
        [("text", len(_FIRST), ["frame-cut"]), ("text", len(_LONE), [])],
        [("text", None, ["payload-missing"]), ("text", "alone", [])], []),
    "inside a plain message, window kept": (
        [frame(TEXT, _FIRST, rsv=4), _DATA[:50], _Lost(10), _DATA[60:], frame(TEXT, _SECOND, rsv=4)], _KEPT,
        [("text", len(_FIRST), []), ("binary", 200, ["frame-cut"]), ("text", len(_SECOND), [])],
        [("text", "Hello, Hello, Hello", []), ("binary", None, ["payload-missing"]), ("text", "Hello, Hello", [])], []),
    "between compressed messages, window kept": (
        [frame(TEXT, _FIRST, rsv=4), _Lost(20), frame(TEXT, _SECOND, rsv=4)], _KEPT,
        [("text", len(_FIRST), []), ("text", len(_SECOND), ["bytes-missing"])],
        [("text", "Hello, Hello, Hello", []), ("text", None, ["cannot-inflate"])], []),
    "between compressed messages, window new": (
        [frame(TEXT, _FIRST, rsv=4), _Lost(20), frame(TEXT, _LONE, rsv=4)], _NEW,
        [("text", len(_FIRST), []), ("text", len(_LONE), ["bytes-missing"])],
        [("text", "Hello, Hello, Hello", []), ("text", "alone", [])], []),
    "the end of a compressed message, window new": (
        [frame(TEXT, _FIRST[:4], fin=False, rsv=4), _Lost(20), frame(TEXT, _LONE, rsv=4)], _NEW,
        [("text", 4, []), ("text", len(_LONE), ["bytes-missing"])], [("text", "alone", [])], []),
    "beyond the end of a compressed fragment, window new": (
        [frame(TEXT, _FIRST[:4], fin=False, rsv=4)[:4], _Lost(20), frame(TEXT, _LONE, rsv=4)], _NEW,
        [("text", 4, ["frame-cut"]), ("text", len(_LONE), ["bytes-missing"])], [("text", "alone", [])], []),
}  # fmt: skip


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("name", _GAPS)
def test_gaps(name: str, at_once: bool) -> None:
    pieces, deflate, frames, messages, notes = _GAPS[name]
    reading = _read(pieces, at_once=at_once, deflate=deflate)
    assert reading.frames == frames
    assert reading.messages == messages
    assert _kinds(reading.direction.notes) == notes


@pytest.mark.parametrize(
    "name",
    [name for name, (pieces, _, told, _, notes) in _GAPS.items() if not notes and "bytes-missing" not in str(told)],
)
def test_gaps_inside_payloads_are_no_matter_of_segments(name: str) -> None:
    pieces, deflate, _, _, _ = _GAPS[name]
    expected = _read(pieces, at_once=True, deflate=deflate).all
    for size in range(1, 60):
        assert _read(pieces, size, deflate=deflate).all == expected


def test_what_is_said_of_a_gap() -> None:
    reading = _read([_DATA[:50], _Lost(100), _DATA[150:]])
    assert [(problem.text, problem.packet) for problem in reading.problems] == [
        ("packet 2: 100 of 200 bytes of the payload are not in the capture", 2),
        ("packet 2: 100 bytes of its payload are not in the capture", 2),
    ]
    done = reading.out[0]
    assert (done.ready, done.time, done.origin) == (2, 2000, (1, 54, 104, 2, 54, 108))
    assert done.message is not None
    assert (done.message.length, done.message.wire_length) == (200, 200)


def test_a_frame_that_ends_in_a_gap_is_complete_when_that_is_certain() -> None:
    for gap in (_Lost(104), _Lost(120)):
        done = _read([_DATA[:100], gap, frame(TEXT, "next")]).out[0]
        assert (done.ready, done.time, done.origin) == (2, 2000, (1, 54, 154))


def test_what_is_said_of_a_gap_between_frames() -> None:
    reading = _read([frame(TEXT, "a"), _Lost(1234), frame(TEXT, "b")])
    (problem,) = reading.problems
    assert (problem.kind, problem.packet) == ("bytes-missing", 2)
    assert "1,234 bytes of the server are not in the capture" in problem.text
    reading = _read([frame(TEXT, "a", 1), _Cut(1234), frame(TEXT, "b", 1)], side=_CLIENT)
    (problem,) = reading.problems
    assert (problem.kind, problem.packet) == ("bytes-missing", 2)
    assert "1,234 bytes of the client are cut off by the snapshot length" in problem.text
    assert "the rest is not decoded" in problem.text


def test_each_piece_of_a_long_frame_is_unmasked_from_where_it_stands() -> None:
    payload = bytes(range(256)) * 1024
    data = frame(BINARY, payload, MASK)
    reading = _read([data[at : at + 1021] for at in range(0, len(data), 1021)], side=_CLIENT)
    assert [(message.kind, message.content) for done in reading.out if (message := done.message)] == [("binary", payload)]
    assert reading.problems == []


def test_what_continues_nothing_behind_a_gap() -> None:
    # Once frames were found, what breaks the rules is told.
    reading = _read([_Lost(30), frame(TEXT, "a"), frame(CONTINUATION, "b"), frame(TEXT, "c")])
    assert reading.frames == [
        ("text", 1, ["bytes-missing"]), ("continuation", 1, ["continuation-without-start"]), ("text", 1, []),
    ]  # fmt: skip
    assert reading.messages == [("text", "a", []), ("text", "c", [])]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("before", "found"), [(1, True), (64 << 10, True), ((64 << 10) + 1, False)])
def test_how_far_behind_a_gap_frames_may_begin(before: int, found: bool, at_once: bool) -> None:
    junk = [b"\xff" * min(2000, before - at) for at in range(0, before, 2000)]
    pieces: list[_Piece] = [_Lost(10), *junk, frame(TEXT, "a"), frame(TEXT, "b")]
    reading = _read(pieces, at_once=at_once)
    assert reading.messages == [("text", "a", []), ("text", "b", [])] * found
    assert _kinds(reading.direction.notes) == ["bytes-missing"] * (not found)


def test_each_gap_is_told_once() -> None:
    # What belongs to the payload is told with the frame, only the rest of it by itself.
    reading = _read([_DATA[:100], _Lost(124), frame(TEXT, "next"), _Lost(7), frame(TEXT, "more")])
    texts = [problem.text for done in reading.out for problem in done.problems]
    assert [text.partition(": ")[2] for text in texts[:1]] == ["104 of 200 bytes of the payload are not in the capture"]
    assert texts[1:] == [
        "20 bytes of the server are not in the capture, before packet 2",
        "7 bytes of the server are not in the capture, before packet 3",
    ]
    reading = _read([frame(TEXT, "a"), _Lost(30), b"\xff" * 9, _Lost(20), b"\xff" * 9, _Lost(10), frame(TEXT, "b")])
    assert [problem.text for problem in reading.out[1].problems] == [
        f"{size} bytes of the server are not in the capture, before packet {packet}"
        for size, packet in ((30, 2), (20, 3), (10, 4))
    ]
    assert not reading.direction.whole


def test_whether_frames_may_have_been_missed() -> None:
    assert _read([frame(TEXT, "a"), frame(TEXT, "b")]).direction.whole
    # The gap is inside of a payload: where the next frame begins is known.
    assert _read([_DATA[:50], _Lost(100), _DATA[150:] + frame(TEXT, "next")]).direction.whole
    assert _read([_DATA[:50], _Cut(154), frame(TEXT, "next")]).direction.whole
    assert not _read([frame(TEXT, "a"), _Lost(10), frame(TEXT, "b")]).direction.whole
    assert not _read([frame(TEXT, "a"), _Lost(10)]).direction.whole
    assert not _read([_DATA[:50], _Cut(160), frame(TEXT, "next")]).direction.whole
    assert not _read([b"\xff" * 40], inferred=True).direction.whole
    assert _read([frame(TEXT, "a")], inferred=True).direction.whole


def test_nothing_is_found_again() -> None:
    reading = _Reading()
    reading.add(frame(TEXT, "a"))
    reading.add(_Lost(10))
    for _ in range(131):
        reading.add(b"\xff" * 1000)
    assert len(reading.stream.data) > 0
    reading.add(b"\xff" * 1000)
    assert len(reading.stream.data) == 0  # 128 KiB of nothing
    reading.add(frame(TEXT, "b"))
    assert len(reading.stream.data) == 0
    reading.close()
    assert reading.frames == [("text", 1, [])]
    assert _kinds(reading.direction.notes) == ["bytes-missing", "frames-not-found"]
    assert "the rest of what it sent is not decoded" in reading.direction.notes[1].text


def test_reasons_why_it_cannot_be_inflated() -> None:
    unknown = _read([frame(TEXT, _LONE, rsv=4), frame(TEXT, "plain")], inferred=True)
    assert unknown.messages == [("text", None, ["cannot-inflate"]), ("text", "plain", [])]
    assert unknown.frames == [("text", len(_LONE), []), ("text", 5, [])]
    assert "cannot inflate: handshake not captured" in unknown.problems[0].text
    before = _read([frame(TEXT, b"\x07", rsv=4), frame(TEXT, _LONE, rsv=4)], deflate=_KEPT)
    assert "cannot inflate: an earlier message of this side" in before.problems[1].text


def test_inferred() -> None:
    # What comes first may be anything: the end of a frame, or of a message.
    reading = _read([b"\xff" * 9, frame(CONTINUATION, "b"), frame(TEXT, "c"), frame(CONTINUATION, "d")], inferred=True)
    assert reading.frames == [("continuation", 1, []), ("text", 1, []), ("continuation", 1, ["continuation-without-start"])]
    assert reading.messages == [("text", "c", [])]
    assert reading.direction.notes == []


def test_budget_of_inflation() -> None:
    big = _press(bytes(1_000_000))[0]
    reading = _read([frame(BINARY, big, rsv=4), frame(TEXT, _LONE, rsv=4)], deflate=_KEPT, budget=Budget(500_000))
    assert reading.messages[0] == ("binary", None, ["inflate-limit"])
    assert reading.messages[1][1] is None


# Oracle

_texts = st.text(max_size=30) | st.integers(0, 400).map(lambda size: "ab" * size)
_said = st.lists(
    st.tuples(st.lists(_texts, min_size=1, max_size=3), st.booleans(), st.booleans()), min_size=1, max_size=6
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(said=_said, side=st.sampled_from([_CLIENT, _SERVER]), deflate=st.none() | st.tuples(st.booleans(), st.integers(9, 15)),
       cuts=st.lists(st.integers(1, 300), min_size=1, max_size=20))  # fmt: skip
def test_same_as_websockets(
    said: list[tuple[list[str], bool, bool]], side: int, deflate: tuple[bool, int] | None, cuts: list[int]
) -> None:
    agreed, extensions = None, []
    if deflate is not None:
        takeover, bits = deflate
        agreed = Deflate((takeover, takeover), (bits, bits))
        extensions = [PerMessageDeflate(not takeover, not takeover, bits, bits)]
    data, expected = b"", []
    for fragments, text, ping in said:
        for index, fragment in enumerate(fragments):
            opcode = Opcode.CONT if index else Opcode.TEXT if text else Opcode.BINARY
            sent = Frame(opcode, fragment.encode(), index == len(fragments) - 1)
            data += sent.serialize(mask=side == _CLIENT, extensions=extensions)
            if ping:
                data += Frame(Opcode.PING, b"%d" % index).serialize(mask=side == _CLIENT, extensions=extensions)
        joined = "".join(fragments)
        pings = [("ping", str(index)) for index in range(len(fragments)) if ping]
        whole: tuple[str, str | bytes] = ("text", joined) if text else ("binary", joined.encode())
        expected += [*pings[:-1], whole, *pings[-1:]]
    pieces: list[bytes] = []
    while data:
        step = cuts[len(pieces) % len(cuts)]
        pieces.append(data[:step])
        data = data[step:]
    reading = _read(pieces, side=side, deflate=agreed)
    assert [(kind, content) for kind, content, _ in reading.messages] == expected
    assert reading.problems == []
    assert reading.unfinished == ""


# Hostile bytes

_scraps = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.builds(
        lambda opcode, payload, mask, fin, rsv, form: frame(opcode, payload, mask, fin, rsv, form),
        st.integers(0, 15), st.binary(max_size=20), st.none() | st.just(MASK), st.booleans(), st.sampled_from([0, 0, 4, 7]),
        st.sampled_from([None, None, 16, 64]),
    ),
    st.builds(_Lost, st.integers(1, 30)),
    st.builds(_Cut, st.integers(1, 30)),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(_scraps, max_size=10), side=st.sampled_from([_CLIENT, _SERVER]),
       deflate=st.sampled_from([None, _KEPT, _NEW]), inferred=st.booleans(), size=st.sampled_from([0, 1, 5]),
       contents=st.booleans())  # fmt: skip
def test_anything(pieces: list[_Piece], side: int, deflate: Deflate | None, inferred: bool, size: int, contents: bool) -> None:
    how: dict[str, Any] = {"side": side, "deflate": deflate, "inferred": inferred, "contents": contents}
    reading = _read(pieces, size, **how)
    for done in reading.out:
        assert done.side == side
        assert done.origin
        assert done.head.size <= sum(b - a for a, b in zip(done.origin[1::3], done.origin[2::3], strict=True))
    for problem in reading.problems:
        assert problem.packet > 0
    ready = [done.ready for done in reading.out]
    assert ready == sorted(ready)


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=20) | _scraps.filter(lambda scrap: isinstance(scrap, bytes)), max_size=8),
       deflate=st.sampled_from([None, _KEPT, _NEW]), size=st.integers(1, 9))  # fmt: skip
def test_anything_split_anywhere(pieces: list[bytes], deflate: Deflate | None, size: int) -> None:
    assert _read(pieces, size, deflate=deflate).all == _read(pieces, at_once=True, deflate=deflate).all


def test_frame_that_claims_everything() -> None:
    reading = _Reading(limit=1 << 20)
    reading.add(b"\x82\x7f" + ((1 << 63) - 1).to_bytes(8, "big"))
    tracemalloc.start()
    try:
        for _ in range(600):
            reading.add(bytes(50_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert reading.out == []
    reading.close()
    assert reading.unfinished == "frame"
    (done,) = reading.out
    assert f"after 30,000,000 of {(1 << 63) - 1:,} bytes" in done.problems[-1].text
    assert done.message is None


@pytest.mark.parametrize("rsv", [0, 4])
@pytest.mark.parametrize("size", [0, 1])
def test_message_that_never_ends(size: int, rsv: int) -> None:
    # Once its limits are reached, nothing more may be kept of it, however many frames there are.
    fragments = frame(CONTINUATION, b"\x00\x00\x00\xff\xff"[:size] if rsv else bytes(size), fin=False) * 1000
    reading = _Reading(limit=1 << 13, deflate=_KEPT)
    reading.add(frame(TEXT, b"", fin=False, rsv=rsv))

    def more(times: int) -> None:
        for _ in range(times):
            reading.add(fragments)
            assert len(reading.out) >= 1000
            reading.out.clear()

    more(12)  # so many slices of packets are remembered
    tracemalloc.start()
    try:
        more(20)
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 64 << 10
    assert reading.close().unfinished == "message"


def test_message_of_many_fragments() -> None:
    # What is kept of a message is as large as its content, also where that came byte by byte.
    reading = _Reading(limit=1 << 15)
    reading.add(frame(TEXT, b"", fin=False))
    tracemalloc.start()
    try:
        for _ in range(32):
            reading.add(frame(CONTINUATION, b"x", fin=False) * 1024)
            reading.out.clear()
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 10,000 slices of packets, of three numbers each, and the content.
    assert current < 10_000 * 3 * (8 + 32) + 8 * (1 << 15)
    reading.add(frame(CONTINUATION))
    assert reading.messages == [("text", "x" * (1 << 15), [])]


def test_fragments_beyond_the_limit() -> None:
    reading = _Reading(limit=1000)
    reading.add(frame(TEXT, b"x" * 500, fin=False))
    reading.add(frame(CONTINUATION, b"x" * 500, fin=False) * 9)
    reading.add(frame(CONTINUATION) + frame(TEXT, "x" * 1000) + frame(BINARY, b"x" * 1001))
    lengths = [(done.message.length, done.message.wire_length) for done in reading.out if done.message]
    assert lengths == [(5000, 5000), (1000, 1000), (1001, 1001)]
    assert reading.messages == [
        ("text", None, ["content-omitted"]), ("text", "x" * 1000, []), ("binary", None, ["content-omitted"]),
    ]  # fmt: skip


@pytest.mark.parametrize("more", [0, 1])
def test_limit_of_16_mib(more: int) -> None:
    size = LIMIT + more
    reading = _Reading(side=_CLIENT)
    data = frame(BINARY, b"", 0)[:1] + b"\xff" + size.to_bytes(8, "big") + bytes(4) + bytes(size)
    for at in range(0, len(data), 1 << 20):
        reading.add(data[at : at + (1 << 20)])
    reading.close()
    (done,) = reading.out
    assert done.message is not None
    assert done.message.length == size
    assert (done.message.content == bytes(size)) is not bool(more)
    assert _kinds(done.message.problems) == ["content-omitted"] * more


def test_bomb() -> None:
    press = zlib.compressobj(9, wbits=-15)
    million = press.compress(bytes(1_000_000)) + press.flush(zlib.Z_FULL_FLUSH)
    reading = _Reading(deflate=_KEPT)
    payload = (million * 200)[:-4]
    tracemalloc.start()
    try:
        reading.add(frame(BINARY, payload, rsv=4))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * LIMIT + (8 << 20)
    assert reading.messages == [("binary", None, ["content-omitted"])]
    message = reading.out[0].message
    assert message is not None
    assert (message.length, message.wire_length) == (200_000_000, len(payload))


def test_segments_of_one_byte_behind_a_gap() -> None:
    # A frame could begin at each of them: looking for it must not take the square of their number.
    reading = _Reading()
    reading.add(frame(TEXT, "a"))
    reading.add(_Lost(10))
    start = time.process_time()
    for _ in range(1000):
        reading.add(b"\xff")
    assert time.process_time() - start < 1


def test_close_is_told_once() -> None:
    reading = _read([frame(CLOSE, b"", 1)], side=_CLIENT)
    assert reading.direction.closed
    assert reading.frames == [("close", 0, [])]
    assert reading.messages == [("close", "", [])]
