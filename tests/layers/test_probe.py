"""What a payload turns out to be, and which side that makes the client."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.probe import Probe, masked_frames, unmasked_frames

_REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_UPGRADE = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
_SOCKET = _UPGRADE.replace(b"/chat", b"/socket.io/?EIO=4&transport=websocket")
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
_HELLO, _REPLY = b"\x16\x03\x01\x00\x64\x01" + bytes(30), b"\x16\x03\x03\x00\x64\x02" + bytes(30)
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_MASKED, _PLAIN = b"\x81\x83abcd123", b"\x81\x03abc"
_PING, _PONG = b"\x89\x80abcd", b"\x8a\x00"


def _ask(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def _frame(payload: int, mask: bool) -> bytes:
    if payload < 126:
        size = bytes([payload])
    else:
        size = b"\x7e" + payload.to_bytes(2, "big") if payload < 65536 else b"\x7f" + payload.to_bytes(8, "big")
    return b"\x82" + bytes([size[0] | 0x80 * mask]) + size[1:] + b"mask" * mask + bytes(payload)


def _fed(*parts: tuple[int, bytes], start: bool = True) -> Probe:
    probe = Probe()
    at = [100, 100]
    for side, data in parts:
        if probe.done:
            break
        probe.feed(side, at[side], data, len(data), start)
        at[side] += len(data)
    return probe


#: The parts, then name, client, done and whether that is inferred.
_TABLE: dict[str, tuple[list[tuple[int, bytes]], tuple[str, int | None, bool, bool]]] = {
    "request": ([(0, _REQUEST)], ("http", 0, True, False)),
    "request of the other side": ([(1, _REQUEST)], ("http", 1, True, False)),
    "response": ([(1, b"HTTP/1.1 200 OK\r\n\r\n")], ("http", 0, True, False)),
    "post": ([(0, b"POST /x HTTP/1.1\r\nHost: a\r\n\r\n")], ("http", 0, True, False)),
    "upgrade alone is not yet a websocket": ([(0, _UPGRADE)], ("http", 0, False, False)),
    "upgrade and switch": ([(0, _UPGRADE), (1, _SWITCH)], ("websocket", 0, True, False)),
    "upgrade and refusal": ([(0, _UPGRADE), (1, b"HTTP/1.1 403 Forbidden\r\n\r\n")], ("http", 0, True, False)),
    "switch alone": ([(0, _SWITCH)], ("websocket", 1, True, False)),
    "101 to another protocol": ([(0, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")], ("http", 1, True, False)),
    "client hello": ([(1, _HELLO)], ("tls", 1, True, False)),
    "server hello": ([(1, _REPLY)], ("tls", 0, True, False)),
    "http2 preface": ([(0, _HTTP2)], ("http2", 0, True, False)),
    "ssh": ([(1, b"SSH-2.0-OpenSSH_9.6\r\n"), (0, b"SSH-2.0-x\r\n")], ("unknown", None, False, False)),
    "a word that begins like a method": ([(0, b"GETTER of things, many of them\r\n\r\n")], ("unknown", None, False, False)),
    "polling": ([(0, _ask("/socket.io/?EIO=4&transport=polling"))], ("socket.io", 0, True, False)),
    "polling, EIO behind": ([(1, _ask("/a/socket.io?b&EIO=3"))], ("socket.io", 1, True, False)),
    "polling at another path": ([(0, _ask("/chat/engine/?t=1&EIO=4"))], ("engine.io", 0, True, False)),
    "EIO in the path": ([(0, _ask("/socket.io/EIO=4"))], ("http", 0, True, False)),
    "EIO without number": ([(0, _ask("/socket.io/?EIO=&a"))], ("http", 0, True, False)),
    "another name": ([(0, _ask("/socket.io/?XEIO=4"))], ("http", 0, True, False)),
    "EIO in a header": ([(0, b"GET / HTTP/1.1\r\nReferer: http://a/socket.io/?EIO=4\r\n\r\n")], ("http", 0, True, False)),
    "session, upgrade alone": ([(0, _SOCKET)], ("socket.io", 0, False, False)),
    "session, upgrade and switch": ([(0, _SOCKET), (1, _SWITCH)], ("socket.io", 0, True, False)),
    "session, upgrade and refusal": ([(0, _SOCKET), (1, b"HTTP/1.1 400 Bad\r\n\r\n")], ("socket.io", 0, True, False)),
    "nothing": ([], ("unknown", None, False, False)),
}


@pytest.mark.parametrize("name", _TABLE)
def test_payload(name: str) -> None:
    parts, expected = _TABLE[name]
    probe = _fed(*parts)
    assert (probe.name, probe.client, probe.done, probe.inferred) == expected


@pytest.mark.parametrize("data", [_REQUEST, _UPGRADE, _HTTP2, _HELLO, _SWITCH])
@pytest.mark.parametrize("size", [1, 3])
def test_split_over_segments(data: bytes, size: int) -> None:
    at = min(size, len(data))
    pieces = [data[:at], data[at : at + 4], data[at + 4 :]]
    split, whole = _fed(*((0, piece) for piece in pieces)), _fed((0, data))
    assert (split.name, split.client) == (whole.name, whole.client)
    assert whole.name != "unknown"


#: Streams that were joined in the middle.
_JOINED: dict[str, tuple[list[tuple[int, bytes]], tuple[str, int | None, bool]]] = {
    "masked twice": ([(0, _MASKED), (0, _PING)], ("websocket", 0, True)),
    "masked twice by the other": ([(1, _MASKED), (1, _MASKED)], ("websocket", 1, True)),
    "two in one segment": ([(0, _MASKED + _PING)], ("websocket", 0, True)),
    "masked and an answer": ([(1, _MASKED), (0, _PLAIN)], ("websocket", 1, True)),
    "answer first": ([(0, _PLAIN), (1, _MASKED)], ("websocket", 1, True)),
    "masked once": ([(0, _MASKED)], ("unknown", None, False)),
    "unmasked only": ([(0, _PLAIN), (0, _PONG), (0, _PLAIN)], ("unknown", None, False)),
    "request in the middle": ([(0, b"rest of a body"), (0, _REQUEST)], ("http", 0, False)),
}


@pytest.mark.parametrize("name", _JOINED)
def test_joined_in_the_middle(name: str) -> None:
    parts, expected = _JOINED[name]
    probe = _fed(*parts, start=False)
    assert (probe.name, probe.client, probe.inferred) == expected


def test_frames_are_no_evidence_where_the_stream_was_seen_from_its_start() -> None:
    assert _fed((0, _MASKED), (0, _MASKED), (1, _PLAIN)).name == "unknown"


def test_patience_ends() -> None:
    probe = _fed(*((index % 2, b"\x00\x01binary") for index in range(100)))
    assert (probe.name, probe.done) == ("unknown", True)


def test_repeated_segment_does_not_count_as_more() -> None:
    probe = Probe()
    for _ in range(2):
        probe.feed(0, 100, _REQUEST[:5], 5, True)
    probe.feed(0, 105, _REQUEST[5:], len(_REQUEST) - 5, True)
    assert (probe.name, probe.client) == ("http", 0)


def test_numbers_wrap() -> None:
    probe = Probe()
    probe.feed(0, 0xFFFFFFFE, _REQUEST[:5], 5, True)
    probe.feed(0, 3, _REQUEST[5:], len(_REQUEST) - 5, True)
    assert probe.name == "http"


@pytest.mark.parametrize(
    ("data", "masked", "unmasked"),
    [
        (_MASKED, 1, 0), (_PLAIN, 0, 1), (_MASKED * 3, 3, 0), (_PLAIN + _PONG, 0, 2), (_PLAIN + _MASKED, 0, 0), (b"", 0, 0),
        (b"\x81", 0, 0), (_MASKED[:-1], 0, 0), (_PLAIN + b"\x00", 0, 0), (b"\xc1\x03abc", 0, 1), (b"\xa1\x03abc", 0, 0),
        (b"\x83\x00", 0, 0), (_frame(125, True), 1, 0), (_frame(126, True), 1, 0), (_frame(70000, False), 0, 1),
    ],
)  # fmt: skip
def test_whole_frames(data: bytes, masked: int, unmasked: int) -> None:
    assert (masked_frames(data), unmasked_frames(data)) == (masked, unmasked)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=60)), max_size=8), st.booleans())
def test_any_bytes(parts: list[tuple[int, bytes]], start: bool) -> None:
    probe = _fed(*parts, start=start)
    assert (probe.name == "unknown") == (probe.client is None)
