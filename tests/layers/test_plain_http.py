"""HTTP that nobody cares about: what is passed over, and what is left to a closer look."""

from __future__ import annotations

import tracemalloc
from collections import deque

import pytest

from netviz.layers.plain_http import GET, HEAD, Plain, pass_requests, pass_responses

_GET = b"GET /item HTTP/1.1\r\nHost: a\r\nUpgrad: no\r\n\r\n"
_BARE = b"OPTIONS * HTTP/1.0\r\n\r\n"
_HEAD = b"HEAD /item HTTP/1.1\r\nHost: a\r\n\r\n"
_POLL = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
_MORE = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello, world"

#: Requests that follow one another, those that are passed over, and how many bytes that are.
_REQUESTS: dict[str, tuple[bytes, list[Plain], int]] = {
    "nothing": (b"", [], 0),
    "one": (_GET, [GET], len(_GET)),
    "several": (_GET + _BARE + _GET, [GET] * 3, len(_GET + _BARE + _GET)),
    "HEAD in between": (_GET * 2 + _HEAD + _GET, [GET, GET, HEAD, GET], len(_GET * 2 + _HEAD + _GET)),
    "one that is cut": (_GET + _GET[:-1], [GET], len(_GET)),
    "a body": (_GET + _GET.replace(b"Upgrad:", b"CONTENT-LENGTH:"), [GET], len(_GET)),
    "an upgrade": (_GET + _GET.replace(b"Upgrad:", b"upgrade:"), [GET], len(_GET)),
    "HEAD with an upgrade": (_HEAD.replace(b"Host:", b"Upgrade:"), [], 0),
    "a key": (_GET.replace(b"Upgrad:", b"SEC-WebSocket-Key:"), [], 0),
    "another method": (_GET.replace(b"GET", b"POST"), [], 0),
    "lines that end in LF": (_GET.replace(b"\r", b""), [], 0),
    "a CR inside": (_GET.replace(b"no", b"n\ro"), [], 0),
    "an empty line before": (b"\r\n" + _GET, [], 0),
}


@pytest.mark.parametrize("name", _REQUESTS)
@pytest.mark.parametrize("contents", [True, False])
def test_requests(name: str, contents: bool) -> None:
    data, expected, end = _REQUESTS[name]
    passed: list[Plain] = []
    assert pass_requests(b"??" + data + _GET, 2, 2 + len(data), passed, contents=contents) == 2 + end
    assert all(found is known for found, known in zip(passed, expected, strict=True))


@pytest.mark.parametrize("poll", [_POLL, _POLL.replace(b"GET", b"HEAD"), _POLL.replace(b"?EIO", b"?a=b&EIO")])
def test_polling_is_left_where_contents_are_wanted(poll: bytes) -> None:
    data = _GET + poll + _GET
    assert pass_requests(data, 0, len(data), [], contents=True) == len(_GET)
    assert pass_requests(data, 0, len(data), [], contents=False) == len(data)


@pytest.mark.parametrize("lines", ["as one head", "as many requests", "without an end"])
def test_many_lines_take_no_memory(lines: str) -> None:
    data = {
        "as one head": b"GET / HTTP/1.1\r\n" + b"a\r\n" * 300_000 + b"\r\n",
        "as many requests": b"GET / HTTP/1.1\r\n\r\n" * 50_000,
        "without an end": b"GET / HTTP/1.1\r\n" + b"a\r\n" * 300_000,
    }[lines]
    tracemalloc.start()
    try:
        assert pass_requests(data, 0, len(data), []) == (0 if lines == "without an end" else len(data))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


#: Responses that follow one another, and how many bytes of them are passed over.
_RESPONSES: dict[str, tuple[bytes, int]] = {
    "alike": (_OK * 3, 3 * len(_OK)),
    "of several lengths": (_OK + _MORE + _OK, len(_OK + _MORE + _OK)),
    "one that is cut": (_OK * 2 + _OK[:-1], 2 * len(_OK)),
    "one that is cut in its head": (_OK * 2 + _OK[:30], 2 * len(_OK)),
    "one without a length": (_OK + _OK.replace(b"Content", b"Kontent"), len(_OK)),
    "one with two": (_OK + _OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"), len(_OK)),
    "an interim one": (_OK + b"HTTP/1.1 100 Continue\r\n\r\n" + _OK, len(_OK)),
    "something else": (_OK + b"hello" + _OK, len(_OK)),
}


@pytest.mark.parametrize("name", _RESPONSES)
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_responses(name: str, kind: type[bytes | bytearray]) -> None:
    data, end = _RESPONSES[name]
    waiting = deque([GET] * 9)
    assert pass_responses(kind(b"??" + data + _OK), 2, 2 + len(data), waiting) == 2 + end
    assert len(waiting) == 9 - data[:end].count(b"HTTP/1.1 200")


def test_responses_to_others_are_left() -> None:
    waiting = deque([GET, HEAD, GET])
    assert pass_responses(_OK * 3, 0, len(_OK) * 3, waiting) == len(_OK)
    assert list(waiting) == [HEAD, GET]
