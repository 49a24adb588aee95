"""Engine.IO: what targets, messages, bodies and answers say, in both versions, and that no bytes do harm."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Handshake
from netviz.layers.engineio import (
    MOST,
    Packet,
    Target,
    is_open,
    read_error,
    read_message,
    read_open,
    read_payload,
    read_target,
)

_TYPES = ("open", "close", "ping", "pong", "message", "upgrade", "noop")
_OPEN = '{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'

_TARGETS: dict[str, Target | None] = {
    "/socket.io/?EIO=4&transport=polling&t=sr7rzyxv": Target("/socket.io/", 4, "polling", None, None),
    "/socket.io/?EIO=3&transport=websocket&sid=a-_B": Target("/socket.io/", 3, "websocket", "a-_B", None),
    "/a/b?transport=polling&j=2&EIO=3&sid=": Target("/a/b", 3, "polling", None, "2"),
    "/?EIO=4&sid=a%2Bb+c": Target("/", 4, None, "a+b c", None),
    "/?EIO=4&sid=one&sid=two": Target("/", 4, None, "one", None),
    "/?EIO=4#&sid=x": Target("/", 4, None, None, None),
    "http://example.com:8000/s/?EIO=4": Target("/s/", 4, None, None, None),
    "ws://[::1]?EIO=4": Target("/", 4, None, None, None),
    "/go/http://x/?EIO=4": Target("/go/http://x/", 4, None, None, None),
    "?EIO=4": Target("", 4, None, None, None),
    "/?EIO=" + "1" * 10_000: Target("/", None, None, None, None),
    "/?EIO=": None,
    "/?EIO=x": None,
    "/?EIO=-4": None,
    "/?EIO=٤": None,
    "/?eio=4": None,
    "/?XEIO=4": None,
    "/EIO=4": None,
    "": None,
}


@pytest.mark.parametrize("target", _TARGETS, ids=range(len(_TARGETS)))
def test_targets(target: str) -> None:
    assert read_target(target) == _TARGETS[target]


@pytest.mark.parametrize("version", [3, 4, None])
@pytest.mark.parametrize("number", range(7))
def test_each_type_of_text(number: int, version: int | None) -> None:
    bare = "" if _TYPES[number] == "message" else None
    assert read_message(str(number), version) == Packet(_TYPES[number], bare, 0, 1)
    assert read_message(f"{number}€\0", version) == Packet(_TYPES[number], "€\0", 0, 5)


_MESSAGES: dict[str, tuple[str | bytes, int | None, tuple[str, str | bytes | None, str]]] = {
    "probe": ("2probe", 4, ("ping", "probe", "")),
    "an attachment of version 4": (b"\x04abc", 4, ("message", b"\x04abc", "")),
    "an empty attachment": (b"", 4, ("message", b"", "")),
    "bytes of a version that is not known": (b"\x04abc", None, ("message", b"\x04abc", "")),
    "bytes of version 3": (b"\x04abc", 3, ("message", b"abc", "")),
    "an empty attachment of version 3": (b"\x04", 3, ("message", b"", "")),
    "another type in bytes": (b"\x02x", 3, ("ping", b"x", "")),
    "base64": ("bAQID", 4, ("message", b"\1\2\3", "")),
    "base64 of nothing": ("b", 4, ("message", b"", "")),
    "base64 of version 3": ("b4AQID", 3, ("message", b"\1\2\3", "")),
    "base64 of version 3, nothing": ("b4", 3, ("message", b"", "")),
    "base64 that is none": ("bAQI", 4, ("message", "AQI", "its base64 cannot be read")),
    "base64 with other letters": ("bAQI€", 4, ("message", "AQI€", "its base64 cannot be read")),
    "base64 without a type": ("b", 3, ("unknown", "b", "no packet type behind the b")),
    "base64 with a wrong type": ("b7AQID", 3, ("unknown", "b7AQID", "no packet type behind the b")),
    "empty": ("", 4, ("unknown", "", "an empty packet")),
    "empty bytes of version 3": (b"", 3, ("unknown", b"", "an empty packet")),
    "type 7": ("7", 4, ("unknown", "7", "no packet type: '7'")),
    "words": ("hello", 4, ("unknown", "hello", "no packet type: 'h'")),
    "an escape": ("\x1b[31m", 4, ("unknown", "\x1b[31m", r"no packet type: '\x1b'")),
    "another digit": ("٤x", 4, ("unknown", "٤x", "no packet type: '٤'")),
    "byte 7": (b"\x07", 3, ("unknown", b"\x07", "no packet type: byte 0x07")),
    "a text digit as byte": (b"4x", 3, ("unknown", b"4x", "no packet type: byte 0x34")),
    "half a pair": ("4\ud800", 4, ("message", "\ud800", "")),
}


@pytest.mark.parametrize("name", _MESSAGES)
def test_messages(name: str) -> None:
    content, version, (kind, data, trouble) = _MESSAGES[name]
    size = len(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    assert read_message(content, version) == Packet(kind, data, 0, size, trouble)


_FOUR: dict[str, tuple[bytes, list[Packet]]] = {
    "nothing": (b"", []),
    "one": (b"40", [Packet("message", "0", 0, 2)]),
    "three": (b"2\x1e4a\x1e6", [Packet("ping", None, 0, 1), Packet("message", "a", 2, 4), Packet("noop", None, 5, 6)]),
    "base64": (b"4a\x1ebAQID", [Packet("message", "a", 0, 2), Packet("message", b"\1\2\3", 3, 8)]),
    "more than ASCII": ("4é😀\x1e2".encode(), [Packet("message", "é😀", 0, 7), Packet("ping", None, 8, 9)]),
    "nothing between": (
        b"4a\x1e\x1e2",
        [Packet("message", "a", 0, 2), Packet("unknown", "", 3, 3, "an empty packet"), Packet("ping", None, 4, 5)],
    ),
    "nothing at the end": (b"2\x1e", [Packet("ping", None, 0, 1), Packet("unknown", "", 2, 2, "an empty packet")]),
    "no UTF-8": (
        b"4a\xff\x1e2",
        [Packet("message", "a\ufffd", 0, 3, "its text is not UTF-8"), Packet("ping", None, 4, 5)],
    ),
    "neither type nor UTF-8": (b"\xff", [Packet("unknown", "\ufffd", 0, 1, "no packet type: '�'")]),
    "another thing": (b"<html>", [Packet("unknown", "<html>", 0, 6, "no packet type: '<'")]),
}

_THREE: dict[str, tuple[bytes, list[Packet]]] = {
    "nothing": (b"", []),
    "one": (b"2:40", [Packet("message", "0", 0, 4)]),
    "two": (b"1:26:4a:1:2", [Packet("ping", None, 0, 3), Packet("message", "a:1:2", 3, 11)]),
    "zeros": (b"001:2", [Packet("ping", None, 0, 5)]),
    "base64": (b"6:b4AQID1:2", [Packet("message", b"\1\2\3", 0, 8), Packet("ping", None, 8, 11)]),
    "units of UTF-16": ("5:4é😀x1:2".encode(), [Packet("message", "é😀x", 0, 10), Packet("ping", None, 10, 13)]),
    "code points": ("4:4é😀x1:2".encode(), [Packet("message", "é😀x", 0, 10), Packet("ping", None, 10, 13)]),
    "bytes": ("8:4é😀x3:2ab".encode(), [Packet("message", "é😀x", 0, 10), Packet("ping", "ab", 10, 15)]),
    "what is no UTF-8 counts one": (
        b"3:4\xff\xfe1:2",
        [Packet("message", "��", 0, 5, "its text is not UTF-8"), Packet("ping", None, 5, 8)],
    ),
    "an empty packet": (b"0:1:2", [Packet("unknown", "", 0, 2, "an empty packet"), Packet("ping", None, 2, 5)]),
    "a wrong type": (b"2:9x1:2", [Packet("unknown", "9x", 0, 4, "no packet type: '9'"), Packet("ping", None, 4, 7)]),
    "cut off": (
        b"1:25:4ab",
        [Packet("ping", None, 0, 3), Packet("unknown", b"5:4ab", 3, 8, "2 characters of a packet are missing")],
    ),
    "cut in its length": (b"1:25", [Packet("ping", None, 0, 3), Packet("unknown", b"5", 3, 4, "no length of a packet")]),
    "no length": (b":40", [Packet("unknown", b":40", 0, 3, "no length of a packet")]),
    "negative": (b"-1:2", [Packet("unknown", b"-1:2", 0, 4, "no length of a packet")]),
    "other digits": ("١:2".encode(), [Packet("unknown", "١:2".encode(), 0, 4, "no length of a packet")]),
    "a long length": (b"00000000001:2", [Packet("unknown", b"00000000001:2", 0, 13, "no length of a packet")]),
    "within a character": ("2:4😀".encode(), [Packet("message", "😀", 0, 7)]),
    "binary, text": (b"\0\2\xff40", [Packet("message", "0", 0, 5)]),
    "binary, both": (b"\0\1\xff2\1\4\xff\4abc", [Packet("ping", None, 0, 4), Packet("message", b"abc", 4, 11)]),
    "binary, two digits": (b"\1\1\0\xff\4" + b"x" * 9, [Packet("message", b"x" * 9, 0, 14)]),
    "binary, UTF-8": (b"\0\3\xff4\xc3\xa9", [Packet("message", "é", 0, 6)]),
    "binary, bytes of any value": (b"\1\3\xff\4\xff\0", [Packet("message", b"\xff\0", 0, 6)]),
    "binary, empty": (b"\1\0\xff", [Packet("unknown", b"", 0, 3, "an empty packet")]),
    "binary, cut": (b"\0\1\xff2\1\4\xff\4", [
        Packet("ping", None, 0, 4), Packet("unknown", b"\1\4\xff\4", 4, 8, "3 bytes of a packet are missing"),
    ]),
    "binary, no end of its length": (b"\1\4", [Packet("unknown", b"\1\4", 0, 2, "no length of a packet")]),
    "binary, no length": (b"\1\xff", [Packet("unknown", b"\1\xff", 0, 2, "no length of a packet")]),
    "binary, no digit": (b"\1\x0a\xff", [Packet("unknown", b"\1\x0a\xff", 0, 3, "no length of a packet")]),
    "binary, neither": (b"\0\1\xff2\2", [Packet("ping", None, 0, 4), Packet("unknown", b"\2", 4, 5, "no length of a packet")]),
    "binary, a long length": (b"\1" + b"\0" * 11 + b"\xff", [
        Packet("unknown", b"\1" + b"\0" * 11 + b"\xff", 0, 13, "no length of a packet"),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", _FOUR)
@pytest.mark.parametrize("version", [4, 5, None])
def test_payloads_of_version_4(name: str, version: int | None) -> None:
    content, packets = _FOUR[name]
    assert read_payload(content, version) == packets


@pytest.mark.parametrize("name", _THREE)
def test_payloads_of_version_3(name: str) -> None:
    content, packets = _THREE[name]
    assert read_payload(content, 3) == packets


@pytest.mark.parametrize(("content", "version"), [
    *((content, 4) for content, _ in _FOUR.values()), *((content, 3) for content, _ in _THREE.values()),
])  # fmt: skip
def test_payloads_that_are_cut_off(content: bytes, version: int) -> None:
    for size in range(len(content)):
        packets = read_payload(content[:size], version)
        _tiles(content[:size], packets, gap=version == 4)


def _tiles(content: bytes, packets: list[Packet], *, gap: bool) -> None:
    """Packets follow one another, with a separator in between, over all of the content."""
    at = 0
    for index, packet in enumerate(packets):
        assert packet.start == at + (gap and index > 0)
        assert packet.start <= packet.end
        at = packet.end
    assert at == len(content)


@pytest.mark.parametrize(("piece", "version", "between"), [(b"2", 4, b"\x1e"), (b"1:2", 3, b""), (b"\0\1\xff2", 3, b"")])
def test_a_payload_has_only_so_many_packets(piece: bytes, version: int, between: bytes) -> None:
    exact = read_payload(between.join([piece] * MOST), version)
    assert len(exact) == MOST
    assert exact[-1].type == "ping"
    content = between.join([piece] * (MOST + 1))
    packets = read_payload(content, version)
    assert len(packets) == MOST
    assert {packet.type for packet in packets[:-1]} == {"ping"}
    rest = packets[-1]
    assert (rest.type, rest.trouble) == ("unknown", "more than 100,000 packets")
    assert rest.data == between.join([piece] * 2)
    assert content[rest.start : rest.end] == rest.data


def test_too_many_packets_are_read_the_same_where_they_are_not_ascii() -> None:
    content = "2:4é".encode() * (MOST + 1)
    packets = read_payload(content, 3)
    assert len(packets) == MOST
    assert packets[-2] == Packet("message", "é", 5 * (MOST - 2), 5 * (MOST - 1))
    assert packets[-1].data == "2:4é2:4é".encode()


_CALLS: dict[str, tuple[bytes, int, list[tuple[str, str | bytes | None]]]] = {
    "version 4": (rb'___eio[0]("40\u001e42[\"a\"]");', 4, [("message", "0"), ("message", '2["a"]')]),
    "version 3": (rb'___eio[12]("2:401:2");', 3, [("message", "0"), ("ping", None)]),
    "a pair counts two": (rb'___eio[0]("3:4\ud83d\ude001:2");', 3, [("message", "😀"), ("ping", None)]),
    "half a pair": (rb'___eio[0]("4\ud83d");', 4, [("message", "?")]),
    "as it is": (b'___eio[0]("40\x1e4\n\xc3\xa9")', 4, [("message", "0"), ("message", "\né")]),
    "a comment before, blanks around": (b'\n/**/___eio[0]("2");\r\n', 4, [("ping", None)]),
    "nothing": (b'___eio[0]("");', 4, [("unknown", "")]),
}


@pytest.mark.parametrize("name", _CALLS)
def test_answers_of_jsonp(name: str) -> None:
    content, version, expected = _CALLS[name]
    packets = read_payload(content, version, jsonp=True)
    assert [(packet.type, packet.data) for packet in packets] == expected
    assert {(packet.start, packet.end) for packet in packets} == {(0, len(content))}


@pytest.mark.parametrize(
    "content",
    [b"40", b"ok", b'"40"', b"___eio[0](40);", b'___eio[x]("40");',
     b'___eio[0]("40"', b'___eio[0]("4\\x41");', b'___eio[0]("a","b");',
     b'___eio[0]("' + b'")' * 1000 + b"x", b" " * 100_000, b'{"code":1}'],
)  # fmt: skip
def test_answers_that_are_no_jsonp(content: bytes) -> None:
    (packet,) = read_payload(content, 4, jsonp=True)
    assert packet == Packet("unknown", content, 0, len(content), "not JSONP: no call of ___eio")


_FORMS: dict[str, tuple[bytes, int, list[str | bytes | None]]] = {
    "version 4": (b"d=40%1E42%5B%22a%20b+c%22%5D", 4, ["0", '2["a b c"]']),
    "version 3": (b"d=2%3A40", 3, ["0"]),
    "UTF-8": (b"d=4%C3%A9%f0%9f%98%80", 4, ["é😀"]),
    "a line end": (rb"d=4a\nb", 4, ["a\nb"]),
    "what looks like one": (rb"d=4a\\nb", 4, [r"a\nb"]),
    "both": (b"d=4%5Cn%5C%5Cn%5C%5C%5Cn", 4, ["\n\\n\\\\n"]),
    "another backslash": (rb"d=4a\tb\\", 4, [r"a\tb" + "\\\\"]),
    "another field first": (b"x=1&d=40&d=41", 4, ["0"]),
    "a percent sign that says nothing": (b"d=4%zz%4", 4, ["%zz%4"]),
}


@pytest.mark.parametrize("name", _FORMS)
def test_requests_of_jsonp(name: str) -> None:
    content, version, expected = _FORMS[name]
    packets = read_payload(content, version, jsonp=True, request=True)
    assert [packet.data for packet in packets] == expected
    assert {(packet.start, packet.end) for packet in packets} == {(0, len(content))}


@pytest.mark.parametrize("content", [b"40", b"xd=40", b"D=40", b"a=1&b=2", b"&&"])
def test_requests_that_are_no_jsonp(content: bytes) -> None:
    (packet,) = read_payload(content, 4, jsonp=True, request=True)
    assert packet == Packet("unknown", content, 0, len(content), 'not JSONP: its form has no "d"')


_OPENS: dict[str, tuple[str | None, Handshake] | None] = {
    _OPEN: ("abc", Handshake(("websocket",), 25000, 20000, 1000000)),
    '{"sid":"abc","upgrades":[],"pingInterval":1000}': ("abc", Handshake((), 1000, None, None)),
    '{"sid":7,"upgrades":"x","pingTimeout":2.5e3}': (None, Handshake((), None, 2500, None)),
    '{"sid":"","upgrades":[1,"a",null]}': (None, Handshake(("a",), None, None, None)),
    '{"pingInterval":true,"pingTimeout":-1,"maxPayload":' + "9" * 300 + "}": (None, Handshake((), None, None, None)),
    '{"sid":"a","pingInterval":' + "9" * 5000 + "}": None,
    '{"sid":"a","pingInterval":NaN}': None,
    '{"other":1}': None,
    "[]": None,
    '"sid"': None,
    "": None,
    "[" * 100_000: None,
}


@pytest.mark.parametrize("data", _OPENS, ids=range(len(_OPENS)))
def test_open_packets(data: str) -> None:
    assert read_open(data) == _OPENS[data]
    assert read_open(data.encode()) == _OPENS[data]


def test_an_open_packet_without_data_and_one_that_is_no_text() -> None:
    assert read_open(None) is None
    assert read_open(b"\xff") is None


def test_is_open() -> None:
    assert is_open("0" + _OPEN)
    assert is_open('0{"sid":"","pingInterval":null,"pingTimeout":0}')
    for text in ("", "0", "0{}", "0{", _OPEN, "40" + _OPEN, '0{"sid":"x"}', '0{"sid":1,"pingInterval":1,"pingTimeout":1}',
                 '0{"sid":"x","pingInterval":1}', '0["sid","pingInterval","pingTimeout"]', '0{"a":' * 10_000):  # fmt: skip
        assert not is_open(text)
    for size in range(len(_OPEN)):
        assert not is_open("0" + _OPEN[:size])


_ERRORS: dict[bytes, tuple[int | None, str] | None] = {
    b'{"code":1,"message":"Session ID unknown"}': (1, "Session ID unknown"),
    b'{"code":3,"message":"Bad request","context":{}}': (3, "Bad request"),
    b'{"code":5}': (5, "Unsupported protocol version"),
    b'{"code":99}': (99, ""),
    b'{"message":"no"}': (None, "no"),
    b'{"code":"1","message":"no"}': (None, "no"),
    b'{"code":true,"message":"no"}': (None, "no"),
    b'{"code":1,"message":2}': (1, "Session ID unknown"),
    b'"Invalid session abc"': (1, "Invalid session abc"),
    b'"Invalid transport"': (0, "Invalid transport"),
    b'"Bad Request"': (3, "Bad Request"),
    b'"The client is using an unsupported version of the Socket.IO or Engine.IO protocols"': (
        5, "The client is using an unsupported version of the Socket.IO or Engine.IO protocols",
    ),
    b'"Not an accepted origin."': (None, "Not an accepted origin."),
    b'"Unauthorized"': (None, "Unauthorized"),
    b"{}": None, b"[]": None, b"1": None, b"null": None, b"ok": None, b"": None, b"\xff": None, b"<html>": None,
    b'{"code":' + b"9" * 100_000 + b"}": None, b"[" * 100_000: None,
}  # fmt: skip


@pytest.mark.parametrize("body", _ERRORS, ids=range(len(_ERRORS)))
def test_errors(body: bytes) -> None:
    assert read_error(body) == _ERRORS[body]


_PACKETS = st.lists(
    st.one_of(st.text(st.characters(exclude_characters="\x1e", exclude_categories=["Cs"]), max_size=8), st.binary(max_size=8)),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(_PACKETS)
def test_what_is_written_is_read(packets: list[str | bytes]) -> None:
    expected = [("message", data) for data in packets]
    code = [f"4{data}" if isinstance(data, str) else "b" + _base64(data) for data in packets]
    assert _read("\x1e".join(code).encode(), 4) == expected
    old = [f"4{data}" if isinstance(data, str) else "b4" + _base64(data) for data in packets]
    units = "".join(f"{len(text.encode('utf-16-le')) // 2}:{text}" for text in old)
    assert _read(units.encode(), 3) == expected
    script = b"___eio[0](" + json.dumps(units).encode() + b");"
    assert _read(script, 3, jsonp=True) == expected
    framed = b"".join(
        bytes((isinstance(data, bytes), *map(int, str(len(raw))), 0xFF)) + raw
        for data in packets
        for raw in [b"4" + data.encode() if isinstance(data, str) else b"\4" + data]
    )
    assert _read(framed, 3) == expected


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(content: bytes, version: int, *, jsonp: bool = False) -> list[tuple[str, str | bytes | None]]:
    return [(packet.type, packet.data) for packet in read_payload(content, version, jsonp=jsonp)]


_GARBAGE = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from([b"\x1e", b"4", b"1:2", b"3:4", b"b", b"\0", b"\1", b"\xff", "😀".encode(), b"\xf0\x9f", b":"]),
             max_size=20).map(b"".join),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(_GARBAGE, st.sampled_from([3, 4, None]))
def test_any_bytes(content: bytes, version: int | None) -> None:
    packets = read_payload(content, version)
    _tiles(content, packets, gap=version != 3)
    for packet in packets:
        assert packet.type in _TYPES or (packet.type == "unknown" and packet.trouble)
    for request in (False, True):
        read_payload(content, version, jsonp=True, request=request)
        read_payload(b'___eio[0]("' + content + b'");', version, jsonp=True)
        read_payload(b"d=" + content, version, jsonp=True, request=True)
    message = read_message(content, version)
    assert (message.start, message.end) == (0, len(content))
    read_open(content)
    read_error(content)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=30), st.sampled_from([3, 4, None]))
def test_any_text(text: str, version: int | None) -> None:
    packet = read_message(text, version)
    assert packet.type in _TYPES or (packet.type == "unknown" and packet.trouble)
    assert packet.end == len(text.encode("utf-8", "surrogatepass"))
    assert is_open("0{" + text) in (False, True)
    read_target(text)
    read_target("/?EIO=4&" + text)


@pytest.mark.parametrize(
    ("content", "version", "jsonp", "request_"),
    [
        (b"\x80" * 2_000_000, 3, False, False),
        ("3:4😀".encode() * 300_000 + b"x", 3, False, False),
        (b"%" * 4_000_000, 4, True, True),
        (b"d=" + b"\\" * 4_000_000, 4, True, True),
        (b"&" * 4_000_000, 4, True, True),
        (b" " * 4_000_000, 4, True, False),
        (b'___eio[0]("' + b'")' * 2_000_000, 4, True, False),
    ],
)
def test_the_time_grows_with_the_bytes(content: bytes, version: int, jsonp: bool, request_: bool) -> None:
    # What takes quadratic time would take hours here.
    assert len(read_payload(content, version, jsonp=jsonp, request=request_)) <= MOST
