"""Bodies of HTTP/1.1 messages: how long they are, what stands in them, and where nobody can know."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.body import KEPT, Body, body_of_request, body_of_response
from netviz.layers.head import read_request, read_response
from netviz.stream import Stream

_CLOSE = -1


class _Feed:
    """A Stream to which pieces come, and a Body that reads it after each."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.stream = Stream()
        self.answer = "more"

    def data(self, piece: bytes) -> None:
        self.stream.append(piece, packet=1, place=0, ready=1, time=None)
        self._read()

    def miss(self, length: int) -> None:
        self.stream.miss(length, cut=False, ready=1, time=None)
        self._read()

    def _read(self) -> None:
        if self.answer == "more":
            self.answer = self.body.read(self.stream)

    @property
    def state(self) -> tuple[str, bytes, bytes]:
        """The answer, what is kept of the body, and what comes behind it."""
        return self.answer, bytes(self.body.begun), bytes(self.stream.data)


def _fed(left: int, raw: bytes, sizes: tuple[int, ...] = (), *, chunked: bool = False) -> tuple[str, bytes, bytes]:
    feed, at = _Feed(Body(left, chunked=chunked)), 0
    for size in (*sizes, len(raw)):
        if raw[at : at + size]:
            feed.data(raw[at : at + size])
        at += size
    return feed.state


#: How long the body is, whether in chunks, what comes; and what is answered, kept, and left over.
_BODIES: dict[str, tuple[int, bool, bytes, tuple[str, bytes, bytes]]] = {
    "by length": (5, False, b"hello", ("done", b"hello", b"")),
    "by length, and more behind": (5, False, b"helloHTTP/1.1", ("done", b"hello", b"HTTP/1.1")),
    "by length, unfinished": (6, False, b"hello", ("more", b"hello", b"")),
    "up to the close": (_CLOSE, False, b"hello", ("more", b"hello", b"")),
    "one chunk": (0, True, b"5\r\nhello\r\n0\r\n\r\nrest", ("done", b"hello", b"rest")),
    "chunks": (0, True, b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", ("done", b"hello", b"")),
    "no chunk": (0, True, b"0\r\n\r\nrest", ("done", b"", b"rest")),
    "zeros": (0, True, b"005\r\nhello\r\n000\r\n\r\n", ("done", b"hello", b"")),
    "hexadecimal": (0, True, b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", ("done", b"01234567890123456789a", b"")),
    "extension": (0, True, b"5;name=value\r\nhello\r\n0;last\r\n\r\n", ("done", b"hello", b"")),
    "extension in quotes": (0, True, b'5 ; a="b;c"\r\nhello\r\n0\r\n\r\n', ("done", b"hello", b"")),
    "blank behind the size": (0, True, b"5 \r\nhello\r\n0\r\n\r\n", ("done", b"hello", b"")),
    "trailers": (0, True, b"5\r\nhello\r\n0\r\nExpires: 0\r\nA: b\r\n\r\nrest", ("done", b"hello", b"rest")),
    "bare LF": (0, True, b"5\nhello\n0\nA: b\n\nrest", ("done", b"hello", b"rest")),
    "line ends in a chunk": (0, True, b"8\r\n\r\n0\r\n\r\nx\r\n0\r\n\r\n", ("done", b"\r\n0\r\n\r\nx", b"")),
    "unfinished size": (0, True, b"5", ("more", b"", b"5")),
    "unfinished chunk": (0, True, b"5\r\nhel", ("more", b"hel", b"")),
    "unfinished trailer": (0, True, b"0\r\nA: b\r\n", ("more", b"", b"")),
}  # fmt: skip


@pytest.mark.parametrize("name", _BODIES)
def test_bodies_split_at_every_byte(name: str) -> None:
    left, chunked, raw, expected = _BODIES[name]
    assert _fed(left, raw, chunked=chunked) == expected
    for at in range(1, len(raw)):
        assert _fed(left, raw, (at,), chunked=chunked) == expected
    assert _fed(left, raw, (1,) * len(raw), chunked=chunked) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n", b"x\r\n", b"-5\r\nhello", b"+5\r\nhello", b"0x5\r\nhello", b"5 5\r\nhello", b"5,\r\nhello", b";a\r\n",
        b"1" * 16 + b"\r\n", b"5\r\nhellooo\r\n", b"5\r\nhelloo\r\n0\r\n\r\n", "٥\r\nhello".encode(), b"HTTP/1.1 200 OK\r\n",
    ],
)  # fmt: skip
def test_chunks_that_make_no_sense(raw: bytes) -> None:
    assert _fed(0, raw, chunked=True)[0] == "nonsense"
    for at in range(1, len(raw)):
        assert _fed(0, raw, (at,), chunked=True)[0] == "nonsense"


@pytest.mark.parametrize(("size", "answer"), [(4000, "done"), (4200, "nonsense")])
def test_chunk_lines_may_be_long_but_not_longer(size: int, answer: str) -> None:
    raw = b"0;" + b"x" * size + b"\r\n\r\n"
    assert _fed(0, raw, chunked=True)[0] == answer
    assert _fed(0, raw, (size // 2,), chunked=True)[0] == answer
    assert _fed(0, b"0;" + b"x" * 4094, chunked=True)[0] == "more"  # it waits, as long as there is hope
    assert _fed(0, b"0;" + b"x" * 4095, chunked=True)[0] == "nonsense"


def test_only_the_beginning_is_kept() -> None:
    raw = bytes(index % 251 for index in range(3 * KEPT))
    for sizes in ((), (KEPT - 1,), (KEPT,), (KEPT + 1,), (100,) * 30):
        assert _fed(len(raw), raw, sizes) == ("done", raw[:KEPT], b"")
        assert _fed(_CLOSE, raw, sizes) == ("more", raw[:KEPT], b"")


def test_gap_within_a_body_of_known_length() -> None:
    feed = _Feed(Body(10))
    feed.data(b"abc")
    feed.miss(4)
    feed.data(b"hijREST")
    assert feed.state == ("done", b"abchij", b"REST")
    assert feed.stream.start == 10


def test_gap_up_to_the_end_of_a_body() -> None:
    feed = _Feed(Body(10))
    feed.data(b"abc")
    feed.miss(7)
    feed.data(b"REST")
    assert feed.state == ("done", b"abc", b"REST")


def test_gap_beyond_the_end_of_a_body() -> None:
    feed = _Feed(Body(10))
    feed.data(b"abc")
    feed.miss(8)
    assert feed.answer == "lost"


def test_gap_in_a_body_up_to_the_close() -> None:
    feed = _Feed(Body(_CLOSE))
    feed.data(b"abc")
    feed.miss(1000)
    feed.data(b"def")
    assert feed.state == ("more", b"abcdef", b"")


@pytest.mark.parametrize(
    ("before", "length", "behind", "answer"),
    [
        (b"8\r\nab", 4, b"gh\r\n0\r\n\r\n", "done"),  # within a chunk
        (b"8\r\nab", 6, b"\r\n0\r\n\r\n", "done"),  # up to its end
        (b"8\r\nab", 7, b"\n0\r\n\r\n", "lost"),  # beyond it
        (b"8\r\nabcdefgh\r", 1, b"0\r\n\r\n", "lost"),  # in the line end behind it
        (b"8", 2, b"abcdefgh\r\n0\r\n\r\n", "lost"),  # in a size
        (b"0\r\nA: ", 2, b"\r\n\r\n", "lost"),  # in a trailer
    ],
)
def test_gap_in_chunks(before: bytes, length: int, behind: bytes, answer: str) -> None:
    feed = _Feed(Body(0, chunked=True))
    feed.data(before)
    feed.miss(length)
    feed.data(behind)
    assert feed.answer == answer


#: Header fields, and how long the body is: None for none, "chunks", or a number (-1: up to the close); of a request and of
#: a response.
_Size = int | str | None
_LENGTHS: dict[str, tuple[bytes, _Size, _Size]] = {
    "nothing": (b"", None, _CLOSE),
    "length": (b"Content-Length: 5\r\n", 5, 5),
    "length in another case": (b"CONTENT-length:5\r\n", 5, 5),
    "length 0": (b"Content-Length: 0\r\n", None, None),
    "leading zeros": (b"Content-Length: 005\r\n", 5, 5),
    "twice the same": (b"Content-Length: 5\r\ncontent-length: 5\r\n", 5, 5),
    "a list of the same": (b"Content-Length: 5, 5\r\n", 5, 5),
    "different ones": (b"Content-Length: 5\r\nContent-Length: 6\r\n", None, _CLOSE),
    "negative": (b"Content-Length: -5\r\n", None, _CLOSE),
    "signed": (b"Content-Length: +5\r\n", None, _CLOSE),
    "hexadecimal": (b"Content-Length: 0x5\r\n", None, _CLOSE),
    "empty": (b"Content-Length:\r\n", None, _CLOSE),
    "words": (b"Content-Length: many\r\n", None, _CLOSE),
    "fraction": (b"Content-Length: 5.0\r\n", None, _CLOSE),
    "folded": (b"Content-Length: 5\r\n 5\r\n", None, _CLOSE),
    "other digits": ("Content-Length: ٥\r\n".encode(), None, _CLOSE),
    "superscript": ("Content-Length: ²\r\n".encode(), None, _CLOSE),
    "18 digits": (b"Content-Length: " + b"9" * 18 + b"\r\n", 10**18 - 1, 10**18 - 1),
    "19 digits": (b"Content-Length: " + b"9" * 19 + b"\r\n", None, _CLOSE),
    "chunked": (b"Transfer-Encoding: chunked\r\n", "chunks", "chunks"),
    "chunked in another case": (b"transfer-encoding: CHUNKED\r\n", "chunks", "chunks"),
    "chunked counts more than a length": (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "chunks", "chunks"),
    "gzip in chunks": (b"Transfer-Encoding: gzip, chunked\r\n", "chunks", "chunks"),
    "gzip in chunks, in two fields": (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "chunks", "chunks"),
}  # fmt: skip


def _size(body: Body | None) -> _Size:
    if body is None:
        return None
    stream = Stream()
    stream.append(b"1\r\nx\r\n0\r\n\r\n", packet=1, place=0, ready=1, time=None)
    left = body.left
    body.read(stream)
    # A body of length 1 keeps "1"; only one in chunks keeps "x".
    return "chunks" if bytes(body.begun) == b"x" else left


@pytest.mark.parametrize("name", _LENGTHS)
def test_how_long_a_body_is(name: str) -> None:
    raw, of_request, of_response = _LENGTHS[name]
    request = read_request(b"POST / HTTP/1.1\r\n" + raw + b"\r\n")
    response = read_response(b"HTTP/1.1 200 OK\r\n" + raw + b"\r\n")
    assert request is not None
    assert response is not None
    assert (_size(body_of_request(request)), _size(body_of_response(response, "POST"))) == (of_request, of_response)


@pytest.mark.parametrize(
    ("coding", "expected"),
    [(b"gzip", _CLOSE), (b"chunked, gzip", _CLOSE), (b"x-chunked", _CLOSE), (b"identity", _CLOSE), (b"x, chunked", "chunks")],
)
def test_only_chunked_at_the_end_of_the_codings_tells_where_a_response_ends(coding: bytes, expected: _Size) -> None:
    # RFC 9112 section 6.3: "and the chunked transfer coding is the final encoding", else it is read up to the close.
    response = read_response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\nContent-Length: 5\r\n\r\n")
    assert response is not None
    assert _size(body_of_response(response, "GET")) == expected


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        ("GET", 200, 5), ("GET", 404, 5), ("POST", 201, 5), ("GET", 205, 5), ("GET", 300, 5), ("HEAD", 200, None),
        ("HEAD", 404, None), ("GET", 100, None), ("GET", 101, None), ("GET", 103, None), ("GET", 204, None), ("GET", 304, None),
        ("CONNECT", 200, None), ("CONNECT", 299, None), ("CONNECT", 407, 5), ("CONNECT", 502, 5), ("head", 200, 5),
    ],
)  # fmt: skip
def test_responses_that_have_no_body(method: str, status: int, expected: _Size) -> None:
    for coding, size in ((b"Content-Length: 5", expected), (b"Transfer-Encoding: chunked", expected and "chunks")):
        response = read_response(b"HTTP/1.1 %d x\r\n%b\r\n\r\n" % (status, coding))
        assert response is not None
        assert _size(body_of_response(response, method)) == size


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(1, 9), max_size=30))
def test_any_chunks_in_any_pieces(chunks: list[bytes], sizes: list[int]) -> None:
    raw = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\nrest"
    assert _fed(0, raw, tuple(sizes), chunked=True) == ("done", b"".join(chunks), b"rest")


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120), st.lists(st.integers(1, 9), max_size=30), st.booleans())
def test_any_bytes(raw: bytes, sizes: list[int], chunked: bool) -> None:
    assert _fed(30 * (not chunked), raw, tuple(sizes), chunked=chunked)[0] == _fed(30 * (not chunked), raw, chunked=chunked)[0]
