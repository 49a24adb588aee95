"""What the bytes of a connection turn out to be, wherever the capture begins, and what they are never taken for."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.layer import Ending, Handover, Outlet, Wanted
from netviz.layers.search import Search
from netviz.stream import Stream
from tests.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, accepted, closing, frame, head, request

Piece = tuple[int, bytes]


class _Look:
    """Two ends to which segments come, and what is found at them."""

    def __init__(self, *, floor: int = 0, proxy: str | None = None, whole: tuple[bool, bool] = (True, True)) -> None:
        self.outlet = Outlet(0, Wanted())
        self.ends = Stream(), Stream()
        for end, begun in zip(self.ends, whole, strict=True):
            end.whole = begun
        self.search = Search(self.outlet, self.ends, floor=floor, proxy=proxy)
        self.found: Handover | None = None
        self._packet = 0

    def take(self, side: int, data: bytes, *, look: bool = True) -> None:
        self._packet += 1
        self.ends[side].append(data, packet=self._packet, place=54, ready=self._packet, time=None)
        if look:
            self._look()

    def miss(self, side: int, length: int, *, cut: bool = False) -> None:
        self.ends[side].miss(length, cut=cut, ready=self._packet, time=None)
        self._look()

    def _look(self) -> None:
        if self.found is None:
            self.found = self.search.advance()

    @property
    def rest(self) -> tuple[bytes, bytes]:
        """What the next layer begins with."""
        return bytes(self.ends[0].data), bytes(self.ends[1].data)


def _look(pieces: Iterable[Piece], **how: object) -> _Look:
    look = _Look(**how)  # type: ignore[arg-type]
    for side, data in pieces:
        look.take(side, data)
    assert look.outlet.found == []
    return look


def _cut(pieces: Iterable[Piece], size: int) -> list[Piece]:
    return [(side, data[at : at + size]) for side, data in pieces for at in range(0, len(data), size)]


_GET, _OK = head("GET / HTTP/1.1", {"Host": "a"}), head("HTTP/1.1 200 OK", {"Content-Length": "0"})
_KEY = bytes.fromhex("9e5b3c41")

#: Messages as applications send them.
_JSON, _DATA = b'{"type":"subscribe","topic":"prices"}', bytes(range(200))


def _theirs(*payloads: bytes) -> bytes:
    return b"".join(frame(TEXT, payload) for payload in payloads)


def _ours(*payloads: bytes) -> bytes:
    return b"".join(frame(TEXT, payload, _KEY) for payload in payloads)


#: A compressed message (RFC 7692 section 7.2.3.2).
_DEFLATED = frame(TEXT, bytes.fromhex("f248cdc9c90700"), _KEY, rsv=4)


# HTTP

_HTTP: dict[str, tuple[list[Piece], int, tuple[bytes, bytes]]] = {
    "request": ([(0, _GET)], 0, (_GET, b"")),
    "request of the other end": ([(1, _GET)], 1, (b"", _GET)),
    "answer": ([(1, _OK)], 0, (b"", _OK)),
    "answer of the other end": ([(0, _OK)], 1, (_OK, b"")),
    "upgrade": ([(0, request())], 0, (request(), b"")),
    "answer to an upgrade": ([(1, accepted())], 0, (b"", accepted())),
    "HTTP/1.0": ([(0, b"GET / HTTP/1.0\n\n")], 0, (b"GET / HTTP/1.0\n\n", b"")),
    "CONNECT": ([(0, b"CONNECT a:443 HTTP/1.1\r\n\r\n")], 0, (b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"")),
    "first line only": ([(0, b"GET / HTTP/1.1\r\n")], 0, (b"GET / HTTP/1.1\r\n", b"")),
    "behind the rest of a body": ([(0, b"the end of a body"), (0, _GET)], 0, (_GET, b"")),
    "behind lines of a body": ([(0, b"one\r\ntwo\r\n"), (0, b"three\n"), (0, _GET + b"x")], 0, (_GET + b"x", b"")),
    "answer behind the rest of one": ([(1, b"\x05" * 1000), (1, b"\r\n0\r\n\r\n"), (1, _OK)], 0, (b"", _OK)),
    "the other end says nothing of it": ([(1, b"some of an answer"), (0, _GET)], 0, (_GET, b"some of an answer")),
    "behind half a line": ([(0, b"Accept: */*\r\nUser-Ag"), (0, b"ent: x\r\n\r\n"), (0, _GET)], 0, (_GET, b"")),
}


@pytest.mark.parametrize("name", _HTTP)
def test_http(name: str) -> None:
    pieces, client, rest = _HTTP[name]
    look = _look(pieces, floor=5, proxy="a:443")
    assert look.found == Handover("http", client, floor=5, proxy="a:443", fresh="behind" not in name)
    assert look.rest == rest


@pytest.mark.parametrize("whole", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("name", _HTTP)
def test_http_of_which_the_beginning_may_be_missing(name: str, whole: tuple[bool, bool]) -> None:
    # Within a tunnel both begin behind the answer to CONNECT, wherever the capture began.
    pieces, client, rest = _HTTP[name]
    behind = "behind" in name
    for proxy in (None, "a:443"):
        look = _look(pieces, whole=whole, proxy=proxy)
        assert look.found == Handover("http", client, proxy=proxy, fresh=not behind and (all(whole) or proxy is not None))
        assert look.rest == rest


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize("turned", [False, True])
def test_http_where_bytes_of_an_end_are_missing(lost: int, turned: bool, asked: bool) -> None:
    # Neither the rest of a request nor that of an answer may be taken for the beginning of one.
    look = _Look()
    ends = (1, 0) if turned else (0, 1)
    look.miss(ends[lost], 100)
    look.take(ends[lost], b"the rest of something")
    look.take(ends[1 - lost], (_OK, _GET)[lost])
    if asked:
        look.take(ends[lost], (_GET, _OK)[lost])
    found = look.found
    assert found == Handover("http", ends[0])


@pytest.mark.parametrize("name", ["request", "request of the other end", "answer", "upgrade", "HTTP/1.0"])
@pytest.mark.parametrize("size", [1, 2, 5, 17])
def test_http_in_pieces(name: str, size: int) -> None:
    pieces, client, rest = _HTTP[name]
    look = _look(_cut(pieces, size))
    assert look.found == Handover("http", client, fresh=True)
    assert look.rest == rest


@pytest.mark.parametrize("at", range(1, 16))
def test_a_first_line_in_two_segments_behind_something_else(at: int) -> None:
    look = _look([(0, b"the end of a body"), (0, _GET[:at]), (0, _GET[at:])])
    assert look.found == Handover("http", 0)
    assert look.rest == (_GET, b"")


def test_http_within_a_segment_is_none() -> None:
    assert _look([(0, b"quoted: " + _GET), (1, b"and here: " + _OK)]).found is None


def test_http_behind_a_gap() -> None:
    look = _Look()
    look.take(0, b"some of a body")
    look.miss(0, 1000)
    look.take(0, b"and its end")
    assert look.found is None
    look.take(0, _GET)
    found = look.found
    assert found == Handover("http", 0)
    assert look.rest == (_GET, b"")
    assert look.ends[0].start == 14 + 1000 + 11


def test_http_is_not_read_over_a_gap() -> None:
    look = _Look()
    look.take(0, _GET[:6])
    look.miss(0, 100)
    look.take(0, _GET[6:])
    assert look.found is None


# A WebSocket without its upgrade

_FOUND: dict[str, tuple[list[Piece], int, tuple[bytes, bytes]]] = {
    "two frames of the client": ([(0, _ours(_JSON, _JSON))], 0, (_ours(_JSON, _JSON), b"")),
    "two frames of the client at the other end": ([(1, _ours(_JSON, _JSON))], 1, (b"", _ours(_JSON, _JSON))),
    "in two segments": ([(0, _ours(_JSON)), (0, _ours(b"x"))], 0, (_ours(_JSON, b"x"), b"")),
    "one of each": ([(0, _ours(_JSON)), (1, _theirs(_JSON))], 0, (_ours(_JSON), _theirs(_JSON))),
    "the answer first": ([(1, _theirs(_JSON)), (0, _ours(_JSON))], 0, (_ours(_JSON), _theirs(_JSON))),
    "ping and pong": ([(1, frame(PING, b"1")), (0, frame(PONG, b"1", _KEY))], 0, (frame(PONG, b"1", _KEY), frame(PING, b"1"))),
    "a long frame": ([(0, _ours(_DATA * 10, b"x"))], 0, (_ours(_DATA * 10, b"x"), b"")),
    "compressed": ([(0, _DEFLATED * 2)], 0, (_DEFLATED * 2, b"")),
    "fragments": (
        [(0, frame(TEXT, b"a", _KEY, fin=False)), (0, frame(CONTINUATION, b"b", _KEY)), (0, frame(PING, b"", _KEY))], 0,
        (frame(TEXT, b"a", _KEY, fin=False) + frame(CONTINUATION, b"b", _KEY) + frame(PING, b"", _KEY), b""),
    ),
    "the rest of a message": (
        [(0, frame(CONTINUATION, b"a", _KEY)), (0, _ours(_JSON, b"x"))], 0,
        (frame(CONTINUATION, b"a", _KEY) + _ours(_JSON, b"x"), b""),
    ),
    "a close": ([(0, _ours(_JSON) + closing(1000, "", _KEY))], 0, (_ours(_JSON) + closing(1000, "", _KEY), b"")),
    "only the server": ([(1, _theirs(_JSON)), (1, _theirs(_JSON, b"x"))], 0, (b"", _theirs(_JSON, _JSON, b"x"))),
    "only the server, at the other end": ([(0, _theirs(_JSON, _JSON, b"x"))], 1, (_theirs(_JSON, _JSON, b"x"), b"")),
    "behind the rest of a frame": ([(0, b"\xf1\x07 the rest"), (0, _ours(_JSON, b"x"))], 0, (_ours(_JSON, b"x"), b"")),
    "both behind the rest of a frame": (
        [(0, b"\xf1\x07 rest"), (1, b"rest too"), (1, _theirs(b"a")), (0, _ours(b"b"))], 0, (_ours(b"b"), _theirs(b"a"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _FOUND)
def test_websocket(name: str) -> None:
    pieces, client, rest = _FOUND[name]
    look = _look(pieces, floor=5)
    assert look.found == Handover("websocket", client, floor=5, inferred=True)
    assert look.rest == rest


_NOT_ENOUGH: dict[str, list[Piece]] = {
    "nothing": [],
    "one frame of the client": [(0, _ours(_JSON))],
    "half a frame": [(0, _ours(_JSON, _JSON)[:60])],
    "a message in fragments": [(0, frame(TEXT, b"a", _KEY, fin=False)), (0, frame(CONTINUATION, b"b", _KEY))],
    "continuations": [
        (0, frame(CONTINUATION, b"a", _KEY, fin=False)),
        (0, frame(CONTINUATION, b"b", _KEY, fin=False)),
        (0, frame(CONTINUATION, b"c", _KEY)),
    ],
    "continuations of both": [(0, frame(CONTINUATION, b"a", _KEY)), (1, frame(CONTINUATION, b"b"))],
    "a continuation behind a message": [(0, _ours(_JSON) + frame(CONTINUATION, b"b", _KEY))],
    "one frame of the server": [(1, _theirs(_JSON))],
    "two frames of the server": [(1, _theirs(_JSON, _JSON))],
    "frames of two servers": [(0, _theirs(_JSON)), (1, _theirs(_JSON))] * 4,
    "frames of the server, and something else": [(0, b"hello"), (1, _theirs(_JSON, _JSON, _JSON))],
    "the third one is cut": [(1, _theirs(_JSON, _JSON) + frame(TEXT, _JSON)[:-1])],
    "a masked and an unmasked one of one end": [(0, _ours(_JSON) + _theirs(_JSON))],
    "an opcode that there is not": [(0, _ours(_JSON) + frame(3, b"x", _KEY))],
    "a bit that nobody sets": [(0, _ours(_JSON) + frame(TEXT, b"x", _KEY, rsv=2))],
    "a ping in fragments": [(0, _ours(_JSON) + frame(PING, b"x", _KEY, fin=False))],
    "a ping that is too long": [(0, _ours(_JSON) + frame(PING, bytes(126), _KEY))],
    "a compressed ping": [(0, _ours(_JSON) + frame(PING, b"x", _KEY, rsv=4))],
    "a length in too many bytes": [(0, _ours(_JSON) + frame(TEXT, b"x", _KEY, length_form=16))],
    "a length beyond all": [(0, _ours(_JSON) + b"\x82\xff\x80" + bytes(7) + _KEY)],
    "half a header that is none, behind": [(0, _ours(_JSON, _JSON) + b"\x83\xfe")],
    "half a header without a mask, behind": [(0, _ours(_JSON, _JSON) + b"\x81\x7e")],
    "something behind": [(0, _ours(_JSON, _JSON) + b"\x00\x00\x00\x00")],
}


@pytest.mark.parametrize("name", _NOT_ENOUGH)
def test_what_is_not_enough(name: str) -> None:
    look = _look(_NOT_ENOUGH[name])
    assert look.found is None
    # Nothing was thrown away of what may still be needed.
    streams = [b"".join(data for side, data in _NOT_ENOUGH[name] if side == end) for end in (0, 1)]
    assert look.rest == tuple(streams)


@pytest.mark.parametrize(
    "name", ["one frame of the client", "half a frame", "two frames of the server", "the third one is cut"]
)
def test_what_is_not_enough_waits_for_more(name: str) -> None:
    pieces = _NOT_ENOUGH[name]
    ((side, data),) = pieces
    more = (_ours(_JSON, _JSON, b"x"), _theirs(_JSON, _JSON, _JSON, b"x"))[side]
    assert more.startswith(data)
    look = _look([(side, data), (side, more[len(data) :])])
    assert look.found == Handover("websocket", 0, floor=2, inferred=True)
    assert look.rest[side] == more


@pytest.mark.parametrize("size", [4, 7, 40])
@pytest.mark.parametrize("order", [1, -1])
def test_frames_in_pieces(size: int, order: int) -> None:
    first, more = (_JSON, b"", _JSON * 5, b"x"), (_JSON, _JSON * 5)
    sent = _ours(*first), _theirs(*more)
    pieces = _cut([(0, sent[0]), (1, sent[1])][::order], size)
    look = _look(pieces)
    # The client's second frame, or its first behind those of the server, is the one that makes it sure.
    behind = len(_ours(*first[:2])) if order > 0 else len(_ours(first[0]))
    before = next(index for index, (side, _) in enumerate(pieces) if side == 0)
    assert look.found == Handover("websocket", 0, floor=before + -(-behind // size), inferred=True)
    assert look.rest == sent


#: Segments, and the one that makes it sure.
_SURE: dict[str, tuple[list[Piece], int]] = {
    "the second masked one": ([(0, _ours(_JSON)), (0, _ours(_JSON)), (0, _ours(_JSON))], 2),
    "the second masked one, in two segments": ([(0, _ours(_JSON, _JSON)[:60]), (0, _ours(_JSON, _JSON)[60:] + _ours(b"x"))], 2),
    "a masked and an unmasked one": ([(0, _ours(_JSON)), (1, _theirs(_JSON)), (0, _ours(_JSON))], 2),
    "an unmasked and a masked one": ([(1, _theirs(_JSON)), (1, _theirs(_JSON)), (0, _ours(_JSON)), (0, _ours(_JSON))], 3),
    "the third unmasked one": ([(1, _theirs(_JSON)), (1, _theirs(_JSON)), (1, _theirs(_JSON)), (1, _theirs(_JSON))], 3),
    "behind something else": ([(0, b"\xff" * 9), (0, b"\xff"), (0, _ours(_JSON)), (0, _ours(_JSON)), (1, _theirs(b""))], 4),
    "behind the rest of a message": ([(0, frame(CONTINUATION, b"a", _KEY)), (0, _ours(_JSON)), (0, _ours(_JSON))], 3),
}


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", _SURE)
def test_floor_is_where_it_was_sure(name: str, turned: bool, at_once: bool) -> None:
    # However many segments there are when somebody looks.
    pieces, sure = _SURE[name]
    look = _Look(floor=1)
    for number, (side, data) in enumerate(pieces, 1):
        look.take(side ^ turned, data, look=not at_once or number == len(pieces))
    assert look.found == Handover("websocket", int(turned), floor=sure, inferred=True)
    later = _Look(floor=9)
    for side, data in pieces:
        later.take(side ^ turned, data)
    assert later.found == Handover("websocket", int(turned), floor=9, inferred=True)


@pytest.mark.parametrize("before", [63, 64, 200])
def test_beginnings_that_are_tried(before: int) -> None:
    look = _look([(0, b"\xff")] * before + [(0, _ours(_JSON)), (0, _ours(_JSON))])
    assert look.found == Handover("websocket", 0, floor=before + 2, inferred=True)
    assert look.rest == (_ours(_JSON, _JSON), b"")


def test_frames_of_which_only_the_beginning_was_captured() -> None:
    look = _Look()
    for _ in range(2):
        look.take(0, frame(BINARY, _DATA, _KEY)[:60])
        look.miss(0, len(frame(BINARY, _DATA, _KEY)) - 60, cut=True)
    assert look.found == Handover("websocket", 0, floor=2, inferred=True)


def test_segments_of_which_only_the_beginning_was_captured_are_no_frames() -> None:
    look = _Look()
    for _ in range(4):
        look.take(0, frame(BINARY, _DATA, _KEY)[:60])
        look.miss(0, 999, cut=True)
    assert look.found is None


# What is let be

_HELLO = b"\x16\x03\x01\x00\x64\x01" + bytes(100)
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_tls_and_http2(side: int, size: int) -> None:
    answer = b"\x16\x03\x03\x00\x31\x02" + bytes(49)
    assert _look(_cut([(side, _HELLO)], size)).found == Handover("tls", side)
    assert _look(_cut([(side, answer)], size)).found == Handover("tls", 1 - side)
    assert _look(_cut([(side, _HTTP2)], size)).found == Handover("nothing")


def test_tls_within_a_tunnel() -> None:
    for stream_end in (0, 1):
        look = _Look(floor=4, proxy="a:443")
        look.take(stream_end, _HELLO)
        assert look.found == Handover("tls", stream_end, floor=4, proxy="a:443")


def test_tls_is_told_by_how_a_stream_begins() -> None:
    look = _look([(0, b"abc"), (0, _HELLO), (0, _GET)])
    assert look.found == Handover("http", 0)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("size", [500, 1460, 30_000])
def test_patience_ends(side: int, size: int) -> None:
    chance = random.Random(size)
    look, sent = _Look(), 0
    while sent + size <= 128 << 10:
        look.take(side, b"\x05" + chance.randbytes(size - 1))
        sent += size
        assert look.found is None
    look.take(side, b"\x05" + chance.randbytes(size - 1))
    assert look.found == Handover("nothing")


def test_patience_is_for_each_end() -> None:
    look = _Look()
    for side in (0, 1):
        look.take(side, b"\x05" * (128 << 10))
    assert look.found is None


def test_the_end_is_no_event() -> None:
    look = _look([(0, _ours(_JSON))])
    assert look.search.close(Ending("fin", 0, 9, None, (0, 0))) is None
    assert look.outlet.found == []


# What is never taken for a WebSocket

_ENGLISH = (
    b"A man was sitting in the shade. At noon, Alice came by; Bob had left. An hour passed.\r\n"
    b"Because nobody spoke, he read. Both books were old. Apples lay on the table, Bananas beside them.\r\n"
) * 20  # fmt: skip

_PROTOCOLS: dict[str, bytes] = {
    "English": _ENGLISH,
    "JSON lines": (_JSON + b"\n") * 50,
    "SMTP": b"220 mail.example.org ESMTP\r\n250-mail.example.org\r\n250 OK\r\n354 End data with <CR><LF>.<CR><LF>\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n" + struct.pack("!IBB", 1500, 4, 20) + bytes(range(200)) * 7,
    "Redis": b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n" * 30,
    "zeros": bytes(3000),
    "zeros, an odd number": bytes(3001),
    "0xff": b"\xff" * 3000,
    "0x80": b"\x80" * 3000,
    "counting": bytes(range(256)) * 12,
    "numbers of 32 bits": b"".join(struct.pack("<I", number) for number in range(700)),
    "numbers of 32 bits, big-endian": b"".join(struct.pack(">I", number) for number in range(700)),
    "small numbers": b"".join(struct.pack("<H", number % 5) for number in range(1400)),
    "HTTP/2 in the middle": b"\0\0\5\0\1\0\0\0\1hello\0\0\4\x08\0\0\0\0\0\0\0\0\5" * 40,
    "TLS in the middle": b"".join(b"\x17\x03\x03\x01\x2c" + random.Random(n).randbytes(300) for n in range(9)),
    "MQTT": b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02ab\x30\x07\x00\x03a/bhi\xc0\x00" * 20,
    "MySQL": b"\x4a\x00\x00\x00\x0a8.0.36\x00" + bytes(range(60)) * 10,
    "PostgreSQL": b"R\x00\x00\x00\x08\x00\x00\x00\x00S\x00\x00\x00\x16application_name\x00\x00Z\x00\x00\x00\x05I" * 20,
    "DNS": b"".join(struct.pack("!7H", 29, n, 0x8180, 1, 0, 0, 0) + b"\7example\3org\0\0\1\0\1" for n in range(40)),
    "gzip": zlib.compress(random.Random(1).randbytes(2000)) * 2,
    "deflated text": zlib.compress(_ENGLISH, 1) * 5,
    "UTF-8": "Ä Ö Ü – ein Text über Bäume, größer als «alles» … 日本語のテキスト。".encode() * 30,
}  # fmt: skip


@pytest.mark.parametrize("name", _PROTOCOLS)
@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["one end", "the other", "both"])
@pytest.mark.parametrize("size", [100, 1460])
def test_other_bytes_are_no_websocket(name: str, sides: tuple[int, ...], size: int) -> None:
    pieces = [(side, data) for _, data in _cut([(0, _PROTOCOLS[name])], size) for side in sides]
    assert _look(pieces).found in (None, Handover("nothing"))


@pytest.mark.parametrize("size", [20, 200, 1460])
@pytest.mark.parametrize("sides", [(0,), (1,), (0, 1)], ids=["one end", "the other", "both"])
def test_random_bytes_are_no_websocket(size: int, sides: tuple[int, ...]) -> None:
    chance = random.Random(f"{size} {sides}")
    for _ in range(150):
        pieces = [(chance.choice(sides), chance.randbytes(chance.randint(1, size))) for _ in range(8)]
        assert _look(pieces).found in (None, Handover("nothing")), pieces


def _walk(data: bytes) -> list[tuple[int, bool]] | None:
    """Frames from the beginning to the end of bytes: opcode, and whether masked; None where there is something else.

    Written from RFC 6455 section 5.2; the last one may be incomplete.
    """
    found = []
    at = 0
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        size, length = 2, second & 127
        if length > 125:
            size = 4 if length == 126 else 10
            length = int.from_bytes(data[at + 2 : at + size].ljust(size - 2, b"\xff"), "big")
        masked = second > 127
        if first & 15 not in (0, 1, 2, 8, 9, 10) or first & 0x30:
            return None
        found.append((first & 15, masked))
        at += size + 4 * masked + length
    return found


_BITS = st.one_of(
    st.binary(min_size=1, max_size=80),
    st.builds(
        frame, st.sampled_from([0, 1, 2, 8, 9, 10, 3]), st.binary(max_size=30), st.sampled_from([None, _KEY]), st.booleans(),
        st.sampled_from([0, 0, 0, 4, 1]),
    ),
    st.just(bytes(8)),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), _BITS), max_size=10))
def test_what_is_taken_for_a_websocket_is_frames_and_nothing_else(pieces: list[Piece]) -> None:
    look = _Look()
    for side, data in pieces:
        look.take(side, data)
        if look.found is not None:
            break
    if look.found is None or look.found.layer != "websocket":
        return
    assert look.found.inferred
    client, server = (_walk(look.rest[end]) for end in (look.found.client, 1 - look.found.client))
    whole = client is not None and len(client) > 1, server is not None and len(server) > 2, bool(client) and bool(server)
    assert any(whole)
    assert client is None or all(masked for _, masked in client)
    assert server is None or not any(masked for _, masked in server) or whole[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=60), st.integers(0, 30)), max_size=10))
def test_any_bytes_with_gaps(parts: list[tuple[int, bytes, int]]) -> None:
    look = _Look()
    for side, data, missing in parts:
        look.take(side, data)
        if missing > 20:
            look.miss(side, missing, cut=bool(missing % 2))
    assert look.found is None or look.found.layer in ("http", "websocket", "nothing")
    assert look.outlet.found == []


def test_control_frames_alone_show_a_server() -> None:
    # A server that only pings: frames that are whole, final and unmasked, one after the other.
    pieces = [(1, frame(PING, b"")), (1, frame(PING, b"")), (1, frame(PING, b"")), (1, frame(CLOSE, b""))]
    assert _look(pieces).found == Handover("websocket", 0, floor=3, inferred=True)
