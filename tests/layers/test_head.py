"""Heads of HTTP/1.1 messages: what stands in them, however they are written and wherever they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Slice
from netviz.layers.head import REQUEST, STATUS, Request, Response, fields, head_end, read_request, read_response, text

#: Header lines, and the fields that they are.
_FIELDS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "none": (b"\r\n", []),
    "one": (b"Host: a\r\n\r\n", [("Host", "a")]),
    "without an empty line": (b"Host: a\r\n", [("Host", "a")]),
    "order and case are kept": (b"b: 1\r\nA: 2\r\nHOST: C\r\n\r\n", [("b", "1"), ("A", "2"), ("HOST", "C")]),
    "repeated": (b"A: 1\r\na: 2\r\nA: 3\r\n\r\n", [("A", "1"), ("a", "2"), ("A", "3")]),
    "empty value": (b"A:\r\nB: \r\n\r\n", [("A", ""), ("B", "")]),
    "no blank": (b"A:1\r\n\r\n", [("A", "1")]),
    "blanks around the value": (b"A: \t 1 2\t \r\n\r\n", [("A", "1 2")]),
    "blank before the colon": (b"A : 1\r\n\r\n", [("A", "1")]),
    "colons in the value": (b"Host: [::1]:80\r\n\r\n", [("Host", "[::1]:80")]),
    "bare LF": (b"A: 1\nB: 2\n\n", [("A", "1"), ("B", "2")]),
    "LF and CR LF": (b"A: 1\r\nB: 2\nC: 3\r\n\n", [("A", "1"), ("B", "2"), ("C", "3")]),
    "folded": (b"A: 1\r\n 2\r\nB: 3\r\n\r\n", [("A", "1 2"), ("B", "3")]),
    "folded with a tab": (b"A: 1\r\n\t2\r\n\r\n", [("A", "1 2")]),
    "folded twice": (b"A: 1 \r\n   2\t\r\n 3\r\n\r\n", [("A", "1 2 3")]),
    "folded behind nothing": (b"A:\r\n 1\r\n\r\n", [("A", "1")]),
    "folded with bare LF": (b"A: 1\n 2\n\n", [("A", "1 2")]),
    "a folded line may look like a field": (b"A: 1\r\n B: 2\r\n\r\n", [("A", "1 B: 2")]),
    # A fold is a line end and a blank (RFC 9112 section 5.2), also where nothing else is on its line.
    "folded, with nothing in it": (b"A: 1\r\n \r\nB: 2\r\n\r\n", [("A", "1"), ("B", "2")]),
    # What begins with a blank before the first field is passed over (RFC 9112 section 2.2).
    "blank before the first field": (b" A: 1\r\nB: 2\r\n\r\n", [("B", "2")]),
    "a line without colon": (b"A: 1\r\nnonsense\r\nB: 2\r\n\r\n", [("A", "1"), ("B", "2")]),
    "what comes behind the empty line": (b"A: 1\r\n\r\nB: 2\r\n\r\n", [("A", "1")]),
    "UTF-8": ("A: schön\r\n\r\n".encode(), [("A", "schön")]),
    "Latin-1": ("A: schön\r\n\r\n".encode("latin-1"), [("A", "schön")]),
    "each field for itself": ("A: ö\r\n".encode() + "B: ö\r\n\r\n".encode("latin-1"), [("A", "ö"), ("B", "ö")]),
}


@pytest.mark.parametrize("name", _FIELDS)
def test_fields(name: str) -> None:
    raw, expected = _FIELDS[name]
    assert [(header.name, header.value) for header in fields(raw)] == expected


_REQUESTS: dict[bytes, tuple[str, str, str] | None] = {
    b"GET / HTTP/1.1\r\n\r\n": ("GET", "/", "1.1"),
    b"GET / HTTP/1.1\n\n": ("GET", "/", "1.1"),
    b"GET /a?b=c HTTP/1.0\r\n\r\n": ("GET", "/a?b=c", "1.0"),
    b"CONNECT a:443 HTTP/1.1\r\n\r\n": ("CONNECT", "a:443", "1.1"),
    b"OPTIONS * HTTP/1.1\r\n\r\n": ("OPTIONS", "*", "1.1"),
    b"get / HTTP/1.1\r\n\r\n": ("get", "/", "1.1"),  # methods are case-sensitive (RFC 9110 section 9.1)
    b"M-SEARCH * HTTP/1.1\r\n\r\n": ("M-SEARCH", "*", "1.1"),
    "GET /ö HTTP/1.1\r\n\r\n".encode(): ("GET", "/ö", "1.1"),
    "GET /ö HTTP/1.1\r\n\r\n".encode("latin-1"): ("GET", "/ö", "1.1"),
    b"GET  / HTTP/1.1\r\n\r\n": None,
    b"GET / HTTP/2.0\r\n\r\n": None,
    b"GET / http/1.1\r\n\r\n": None,
    b"GET / HTTP/1.1 \r\n\r\n": None,
    b"GET /a b HTTP/1.1\r\n\r\n": None,
    b"GET /\r\n\r\n": None,
    b"GET / HTTP/1.1": None,
    b"G:T / HTTP/1.1\r\n\r\n": None,
    b" GET / HTTP/1.1\r\n\r\n": None,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": None,
    b"X" * 33 + b" / HTTP/1.1\r\n\r\n": None,
    b"": None,
}


@pytest.mark.parametrize("raw", _REQUESTS)
def test_request_lines(raw: bytes) -> None:
    request = read_request(raw)
    assert (None if request is None else (request.method, request.target, request.version)) == _REQUESTS[raw]


_RESPONSES: dict[bytes, tuple[str, int, str] | None] = {
    b"HTTP/1.1 200 OK\r\n\r\n": ("1.1", 200, "OK"),
    b"HTTP/1.0 404 Not Found\n\n": ("1.0", 404, "Not Found"),
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n": ("1.1", 101, "Switching Protocols"),
    b"HTTP/1.1 200 \r\n\r\n": ("1.1", 200, ""),  # an empty phrase, as RFC 9112 section 4 writes it
    b"HTTP/1.1 200\r\n\r\n": ("1.1", 200, ""),  # without the blank, as some servers write it
    b"HTTP/1.1 299 a  b: c\r\n\r\n": ("1.1", 299, "a  b: c"),
    "HTTP/1.1 403 Verbotén\r\n\r\n".encode("latin-1"): ("1.1", 403, "Verbotén"),
    b"HTTP/1.1 99 x\r\n\r\n": None,
    b"HTTP/1.1 020 x\r\n\r\n": None,
    b"HTTP/1.1 2000 x\r\n\r\n": None,
    b"HTTP/1.1 20x x\r\n\r\n": None,
    b"HTTP/2 200\r\n\r\n": None,
    b"HTTP/1.1  200 OK\r\n\r\n": None,
    b"ICY 200 OK\r\n\r\n": None,
    b"HTTP/1.1 200 OK": None,
    b"": None,
}


@pytest.mark.parametrize("raw", _RESPONSES)
def test_status_lines(raw: bytes) -> None:
    response = read_response(raw)
    assert (None if response is None else (response.version, response.status, response.reason)) == _RESPONSES[raw]


def test_values_in_any_case() -> None:
    request = read_request(b"GET / HTTP/1.1\r\nhost: a\r\nCONNECTION: keep-alive\r\nConnection: Upgrade\r\nX-Empty:\r\n\r\n")
    assert request is not None
    assert request.value("host") == "a"
    assert request.all("connection") == ["keep-alive", "Upgrade"]
    assert request.value("connection") == "keep-alive, Upgrade"
    assert (request.value("x-empty"), request.value("upgrade"), request.all("upgrade")) == ("", None, [])


def test_fields_of_a_response() -> None:
    response = read_response(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n  realm=x\r\n\r\n")
    assert response is not None
    assert response.value("www-authenticate") == "Basic realm=x"


def test_where_a_head_came_from() -> None:
    origin = (4, 54, 60, 4, 70, 72, 6, 54, 55)
    heads = (
        Request(method="GET", target="/", version="1.1", headers=(), origin=origin),
        Response(status=200, reason="", version="1.1", headers=(), origin=origin),
    )
    for head in heads:
        assert head.packets == (4, 6)
        assert head.slices == (Slice(4, 54, 60), Slice(4, 70, 72), Slice(6, 54, 55))


@pytest.mark.parametrize(
    ("raw", "end"),
    [
        (b"GET / HTTP/1.1\r\n\r\nrest", 18), (b"GET / HTTP/1.1\n\nrest", 16), (b"A\r\nB: 1\r\n\r\n\r\n", 11),
        (b"A\nB: 1\r\n\nrest", 9), (b"A\r\nB: 1\n\r\nrest", 10), (b"A\r\n\rB\r\n\r\n", 9),
        (b"A\r\nB: 1\r\n", -1), (b"A\r\r\r\n", -1), (b"A\r\n \r\n", -1),
        (b"A\n\r\r\n", -1), (b"", -1),
    ],
)  # fmt: skip
def test_end_of_a_head_wherever_it_is_cut(raw: bytes, end: int) -> None:
    assert head_end(raw, 0, len(raw)) == end
    for seen in range(len(raw) + 1):
        # Only what does not hold the end is ever looked at again.
        if 0 <= end <= seen:
            break
        assert head_end(raw, 0, seen) == -1
        assert head_end(bytearray(raw), max(seen - 3, 0), len(raw)) == end


def test_end_of_a_head_is_looked_for_up_to_a_gap_only() -> None:
    assert head_end(b"A: 1\r\n\r\n", 0, 7) == -1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(b"plain", "plain"), ("ö€".encode(), "ö€"), (b"\xff\xe9", "ÿé"), (b"", "")],
)
def test_text(raw: bytes, expected: str) -> None:
    assert text(raw) == expected


_TOKEN = st.text("ABCXYZabcxyz019-_!#$%&'*+.^`|~", min_size=1, max_size=20)
_VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["Cc"]), max_size=30)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(_TOKEN, _VALUE), max_size=8), st.sampled_from([b"\n", b"\r\n"]))
def test_what_is_written_is_read(pairs: list[tuple[str, str]], newline: bytes) -> None:
    raw = b"".join(f"{name}: {value}".encode() + newline for name, value in pairs) + newline
    assert [(name, value) for name, value in fields(raw)] == [(name, value.strip(" \t")) for name, value in pairs]


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    assert (read_request(raw) is None) == (REQUEST.match(raw) is None)
    assert (read_response(raw) is None) == (STATUS.match(raw) is None)
    assert all(header.name == header.name.strip(" \t") for header in fields(raw))
    behind = raw + b"\r\n\r\n"
    assert 0 < head_end(b"GET / HTTP/1.1\r\n" + behind, 0, 16 + len(behind)) <= 16 + len(behind)
