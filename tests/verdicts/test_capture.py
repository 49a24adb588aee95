"""What is worth knowing about a capture, and which commands are offered: each rule with and without its evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netviz.capture.source import open_capture
from netviz.event import CaptureInterface, CaptureSummary, SessionCounts, Share, Span, Trouble, WebSockets
from netviz.summary import summarize
from netviz.verdicts.capture import commands, hints, trouble_severity, worst
from tests.conftest import CAPTURES

_KNOWN = ("handshake", "ws-trace", "layers")


def _summary(name: str) -> CaptureSummary:
    *_, summary = summarize(open_capture(CAPTURES[name]))
    assert isinstance(summary, CaptureSummary)
    return summary


_PLAIN = _summary("websocket")


def _with(**changes: Any) -> CaptureSummary:
    return replace(_PLAIN, **changes)


def _kinds(summary: CaptureSummary) -> list[str]:
    return [hint.kind for hint in hints(summary)]


def _interface(**changes: Any) -> CaptureInterface:
    return CaptureInterface("eth0", "", "", 1, "Ethernet", 0, "µs", 41)._replace(**changes)


def _trouble(of: Any, kind: str) -> Trouble:
    return Trouble(of, kind, "text", 1, 1, 0)


def test_nothing_is_said_of_a_plain_capture() -> None:
    assert hints(_PLAIN) == ()
    assert worst(_PLAIN) == "ok"


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({"count": 0}, ["empty"]),
        ({"outcomes": {}, "shares": ()}, ["no-tcp"]),
        ({"outcomes": {}, "shares": (Share("TCP", "IP", 1, 60),)}, []),
        ({"outcomes": {}, "shares": (Share("QUIC", "UDP", 9, 9000, 4, "bytes"),)}, ["quic"]),
        ({"shares": (Share("port 443", "UDP", 9, 9000, 4, "port"),)}, ["quic"]),
        ({"shares": (Share("DNS", "UDP", 9, 9000, 4, "port"),)}, []),
        ({"shares": (Share("tls", "TCP", 9, 9000, 4, "bytes", 2),)}, ["tls"]),
        ({"shares": (Share("http2", "TCP", 9, 9000, 4, "bytes", 2),)}, ["http2"]),
        ({"outcomes": {"partial": 1}}, ["began-before"]),
        ({"outcomes": {"established": 2}, "one_way": 1}, ["one-direction"]),
        ({"outcomes": {"established": 3}, "one_way": 1}, []),
        ({"cut": 3, "longest_cut": 96}, ["packets-cut"]),
        ({"interfaces": (_interface(dropped=2),)}, ["packets-dropped"]),
        ({"interfaces": (_interface(dropped=0), _interface())}, []),
        ({"repeated": (20, 40)}, ["captured-twice"]), ({"repeated": (15, 40)}, []), ({"repeated": (1, 2)}, []),
        ({"span": Span(1, 1, 2, 0, 3)}, ["no-times"]), ({"span": Span(1, 1, 2, 3, 0)}, ["times-unordered"]),
    ],
)  # fmt: skip
def test_rules(changes: dict[str, Any], kinds: list[str]) -> None:
    assert _kinds(_with(**changes)) == kinds


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mixed", ["tls"]), ("midstream", ["began-before"]), ("snaplen", ["packets-cut"]), ("refused", []),
        ("unanswered", []), ("handshake", []),
    ],
)  # fmt: skip
def test_rules_on_captures(name: str, kinds: list[str]) -> None:
    assert _kinds(_summary(name)) == kinds


def test_sentences_agree_with_their_counts() -> None:
    def text(**changes: Any) -> str:
        return hints(_with(**changes))[0].text

    assert text(cut=1, longest_cut=96).startswith("1 packet was cut")
    assert text(cut=2, longest_cut=96).startswith("2 packets were cut")
    assert text(span=Span(1, 1, 2, 0, 1)).startswith("1 packet carries no time")
    assert text(span=Span(1, 1, 2, 0, 5)).startswith("5 packets carry no time")
    assert text(span=Span(None, None, None, 0, _PLAIN.count)).startswith("no packet carries a time")
    assert text(shares=(Share("QUIC", "UDP", 1, 9, 4, "bytes"),)).startswith("1 UDP packet is QUIC")
    assert "the filter was 'port 80'" in text(count=0, interfaces=(_interface(filter="port 80"),))
    assert text(shares=(Share("tls", "TCP", 9, 9, 4, "bytes", 3),), opened=2).startswith("1 connection is encrypted (TLS)")
    assert not hints(_with(shares=(Share("tls", "TCP", 9, 9, 4, "bytes", 3),), opened=3))


def test_what_is_said_has_its_packet() -> None:
    assert hints(_with(shares=(Share("QUIC", "UDP", 9, 9000, 4, "bytes"),)))[0].packet == 4


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (_trouble("tcp", "connection-refused"), "problem"), (_trouble("tcp", "syn-retransmitted"), "note"),
        (_trouble("capture", "file-cut"), "note"), (_trouble("websocket", "unmasked-client-frame"), "problem"),
        (_trouble("websocket", "payload-missing"), "note"), (_trouble("capture", "connection-reset"), "note"),
    ],
)  # fmt: skip
def test_severity(trouble: Trouble, expected: str) -> None:
    assert trouble_severity(trouble) == expected
    assert worst(_with(troubles=(trouble,))) == expected
    assert worst(_with(troubles=(_trouble("tcp", "syn-retransmitted"), trouble))) == expected


def _words(summary: CaptureSummary) -> list[str]:
    return [f"{command.name} {command.options}".strip() for command in commands(summary, _KNOWN)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("websocket", ["ws-trace", "ws-trace --explain", "handshake", "layers 1"]),
        ("refused", ["handshake", "handshake --explain", "layers 4"]),
        ("mixed", ["ws-trace --connection 13", "ws-trace", "handshake --connection 0", "handshake --problems", "handshake"]),
        ("rejected", ["ws-trace --connection 0", "ws-trace", "handshake", "handshake --connection 6"]),
        ("push", ["ws-trace", "ws-trace --connection 0 --explain", "handshake", "handshake --connection 0"]),
    ],
)  # fmt: skip
def test_commands(name: str, words: list[str]) -> None:
    assert _words(_summary(name)) == words


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        (SessionCounts(1, 1), ["ws-trace", "ws-trace --explain", "handshake", "layers 1"]),
        (SessionCounts(1, troubled=4), ["ws-trace", "ws-trace --explain", "handshake", "layers 1"]),
        (SessionCounts(2, 2, troubled=4),
         ["ws-trace --connection 4", "ws-trace", "ws-trace --explain", "handshake", "layers 1"]),
    ],
)  # fmt: skip
def test_sessions_are_offered_first(sessions: SessionCounts, words: list[str]) -> None:
    found = _with(sessions=sessions)
    assert _words(found) == words
    name = "Socket.IO" if sessions.socketio else "Engine.IO"
    assert any(name in command.why for command in commands(found, _KNOWN))


def test_no_command_where_there_is_nothing_to_see() -> None:
    assert commands(_with(count=0, shares=(), outcomes={}, websockets=WebSockets(whole=True)), _KNOWN) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "layers 8"), ({"shares": (Share("IPv4", "", 9, 900, 2), Share("UDP", "IP", 3, 90, 5))}, "layers 5"),
        ({"shares": (Share("other", "", 9, 900, 2),)}, "layers 2"), ({"shares": ()}, ""),
        ({"troubles": (Trouble("capture", "tcp-malformed", "text", 1, 3, None),)}, "layers 3"),
        ({"troubles": (Trouble("capture", "file-cut", "text", 1, 3, None),)}, "layers 8"),
        ({"troubles": (Trouble("capture", "tcp-malformed", "text", 1, 0, None),)}, "layers 8"),
    ],
)  # fmt: skip
def test_a_packet_where_there_is_no_connection(changes: dict[str, Any], words: str) -> None:
    shares = (Share("IPv4", "", 9, 900, 2), Share("UDP", "IP", 3, 90, 5), Share("DNS", "UDP", 1, 9, 8, "port"))
    bare = _with(**{"outcomes": {}, "busiest": (), "websockets": WebSockets(whole=True), "shares": shares, **changes})
    assert _words(bare) == ([words] if words else [])


def test_commands_name_the_filter() -> None:
    assert _words(_with(matching="tcp port 80")) == [
        "ws-trace -f 'tcp port 80'", "ws-trace -f 'tcp port 80' --explain", "handshake -f 'tcp port 80'", "layers 1",
    ]  # fmt: skip


def test_a_filter_explains_what_is_missing() -> None:
    nothing: tuple[dict[str, Any], ...] = {"count": 0}, {"outcomes": {}, "shares": ()}
    for changes in nothing:
        (hint,) = hints(_with(matching="udp", **changes))
        assert "“udp”" in hint.text
        assert "without -f" in hint.advice


def test_commands_that_are_not_there_are_not_offered() -> None:
    assert {command.name for command in commands(_PLAIN, ("handshake",))} == {"handshake"}
    assert commands(_PLAIN, ()) == ()


def test_commands_are_few_and_say_why(capture: object) -> None:
    *_, summary = summarize(open_capture(str(capture)))
    assert isinstance(summary, CaptureSummary)
    found = commands(summary, _KNOWN)
    assert len(found) <= 5
    assert len(set(found)) == len(found)
    assert all(command.why for command in found)
    assert len(found) >= 2 or not summary.connections
