"""A wrong capture filter is answered with the wrong word and what to write instead."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.filter import Filtered
from netviz.capture.source import open_capture
from netviz.errors import NetvizError
from tests.conftest import CAPTURES

pytest.importorskip("pcapy")


def _told(expression: str) -> tuple[str, list[str]]:
    with pytest.raises(NetvizError) as caught:
        Filtered(open_capture(CAPTURES["refused"]), expression)
    return str(caught.value), caught.value.hint.splitlines()


def _marked(lines: Sequence[str]) -> str:
    """What stands over the marks."""
    shown, marks = lines[:2]
    start = marks.index("^")
    assert set(marks[start:]) == {"^"}
    return shown[start : len(marks)]


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("websocket", "websocket"), ("ws", "ws"), ("WebSocket", "WebSocket"), ("wss", "wss"), ("socket.io", "socket.io"),
        ("http", "http"), ("tls", "tls"), ("tcp and websocket", "websocket"), ("host 10.0.0.1 and (http)", "http"),
        ("tcp port 80 or websocket", "websocket"), ("not ssl", "ssl"), ("http2 and tcp", "http2"),
    ],
)  # fmt: skip
def test_protocols_inside_tcp(expression: str, word: str) -> None:
    message, lines = _told(expression)
    assert "filter" in message
    assert _marked(lines) == word
    assert f"addresses and ports; {word} is a protocol inside TCP" in lines[2]
    assert "on any port: netviz ws-trace FILE" in lines[3]
    assert "-f 'tcp port" in lines[4]


def test_a_service_that_a_port_is_named_after_is_no_mistake() -> None:
    for expression in ("port http", "tcp port http or https", "tcp dst port https"):
        assert Filtered(open_capture(CAPTURES["refused"]), expression).streaming is False


@pytest.mark.parametrize(
    ("expression", "word", "same"),
    [
        ("tcp.port == 80", "tcp.port", "tcp port 80"),
        ("tcp.port==80&&ip.addr==10.0.0.1", "tcp.port", "tcp port 80&&host 10.0.0.1"),
        ("ip.src eq 10.0.0.1 and !(udp.dstport == 53)", "ip.src", "src host 10.0.0.1 and !(udp dst port 53)"),
        ("ip.addr != 10.0.0.1", "ip.addr", "not host 10.0.0.1"),
        ("not port 22 and ipv6.dst == ::1", "ipv6.dst", "not port 22 and dst host ::1"),
        ("eth.addr == 02:00:00:00:00:01", "eth.addr", "ether host 02:00:00:00:00:01"),
        ("tcp.flags.syn == 1", "tcp.flags.syn", "tcp[tcpflags] & tcp-syn != 0"),
        ("tcp.flags.reset==0", "tcp.flags.reset", "not (tcp[tcpflags] & tcp-rst != 0)"),
    ],
)
def test_display_filters_are_translated(expression: str, word: str, same: str) -> None:
    _, lines = _told(expression)
    assert _marked(lines) == word
    assert "display filters of Wireshark" in lines[2]
    assert lines[3] == f"the same: -f '{same}'"
    assert Filtered(open_capture(CAPTURES["refused"]), same).size


@pytest.mark.parametrize(
    ("expression", "word", "said"),
    [
        ("tcp.stream == 3", "tcp.stream", "--connection N"),
        ("websocket.opcode == 1", "websocket.opcode", "on any port"),
        ("http.host == x", "http.host", "on any port"),
        ("frame.len > 9", "frame.len", "such as: tcp port 80"),
        ("tcp.port == 80 or tcp.stream eq 4", "tcp.port", "is written: tcp port 80"),
    ],
)
def test_display_filters_that_have_no_translation(expression: str, word: str, said: str) -> None:
    _, lines = _told(expression)
    assert _marked(lines) == word
    assert said in lines[3]


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("tcp prot 80", "prot"), ("tcp port 80 and and", "and"), ("tcp port 80)", ")"), ("tcp port 8o80", "8o80"),
        ("tcp port 99999", "99999"), ("port nosuchservice", "nosuchservice"), ("host 1.2.3.4 or tcp[13 & 2 != 0", "!="),
        ("tcp port 80 | port 81", "|"), ("(tcp or or udp)", "or"), ("portrange 80-", "80-"), ("tcp == ", "=="),
    ],
)  # fmt: skip
def test_the_wrong_word_is_marked(expression: str, word: str) -> None:
    message, lines = _told(expression)
    assert message.startswith("the capture filter is wrong: ")
    assert _marked(lines) == word
    assert lines[0] == expression


@pytest.mark.parametrize("expression", ["tcp port", "(tcp port 80", "tcp and", "not", "host"])
def test_something_is_missing(expression: str) -> None:
    _, lines = _told(expression)
    assert lines == [expression, " " * len(expression) + "^", "something is missing behind the last word"]


def test_what_cannot_be_found_is_not_marked() -> None:
    assert _told("tcp[80:9] = 3") == ("the capture filter is wrong: data size must be 1, 2, or 4", ["tcp[80:9] = 3"])


def test_a_long_expression_is_shown_around_the_word() -> None:
    _, lines = _told(" or ".join(["port 80"] * 40 + ["websocket"] + ["port 81"] * 40))
    assert _marked(lines) == "websocket"
    assert lines[0].startswith("… ")
    assert lines[0].endswith(" …")
    assert len(lines[0]) < 80


def test_the_mark_stands_under_the_word_behind_wide_characters() -> None:
    _, lines = _told("温度 or websocket")
    assert lines[1] == " " * 8 + "^^^^^^^^^"


@pytest.mark.parametrize("expression", ["tcp\0port", "tcp\nport 80", "\x1b[31m"])
def test_what_is_no_line_of_text(expression: str) -> None:
    message, _ = _told(expression)
    assert "one line of text" in message


_WORDS = [*"()[]=!&'\\", "==", "tcp", "port", "80", "and", "or", "not", "websocket", "tcp.port", "1:2"]
_GARBAGE = st.text(alphabet="tcp.=&!()[]:/ 80'\"\\-é", max_size=25)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(_WORDS), max_size=7).map(" ".join), _GARBAGE))
def test_anything_is_taken_or_told(expression: str) -> None:
    with contextlib.suppress(NetvizError):
        Filtered(open_capture(CAPTURES["refused"]), expression)
