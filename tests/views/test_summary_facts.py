"""The facts of a capture in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netviz.capture.source import open_capture
from netviz.event import CaptureInterface, CapturePart, CaptureSummary, SessionCounts, Span, Trouble, WebSockets
from netviz.summary import summarize
from netviz.verdicts.capture import Command
from netviz.views.summary_facts import facts, found, headline, repeated, written
from tests.conftest import CAPTURES

*_, _READ = summarize(open_capture(CAPTURES["websocket"]))
assert isinstance(_READ, CaptureSummary)
_PLAIN: CaptureSummary = _READ
_S = 1_000_000_000
_DAY = 1_700_000_000 * _S


def _facts(**changes: Any) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    summary = replace(_PLAIN, **changes)
    for label, text in (*facts(summary), *found(summary)):
        told.setdefault(label, []).append(text)
    return told


def _interface(**changes: Any) -> CaptureInterface:
    return CaptureInterface("eth0", "", "", 1, "Ethernet", 0, "µs", 41)._replace(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "41 packets, 1 TCP connection, 1 WebSocket, no problem"),
        ({"websockets": WebSockets(whole=True, rejected=1)}, "41 packets, 1 TCP connection, 1 failed upgrade, no problem"),
        ({"websockets": WebSockets(whole=True, opened=2, rejected=1, unanswered=2)},
         "41 packets, 1 TCP connection, 2 WebSockets, 3 failed upgrades, no problem"),
        ({"sessions": SessionCounts(2, 2)}, "41 packets, 1 TCP connection, 1 WebSocket, 2 Socket.IO sessions, no problem"),
        ({"sessions": SessionCounts(1)}, "41 packets, 1 TCP connection, 1 WebSocket, 1 Engine.IO session, no problem"),
        ({"count": 0, "outcomes": {}, "websockets": WebSockets(whole=True)}, "0 packets, 0 TCP connections, no problem"),
        ({"troubles": (Trouble("tcp", "a", "b", 90, 1, 1),)}, "41 packets, 1 TCP connection, 1 WebSocket, 1 kind of problem"),
    ],
)  # fmt: skip
def test_headline(changes: dict[str, Any], words: str) -> None:
    assert headline(replace(_PLAIN, **changes)) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(_DAY, _DAY, _DAY + 90 * _S), "2023-11-14 22:13:20.000000 to 22:14:50.000000 UTC, 1 min 30 s"),
        (Span(_DAY, _DAY, _DAY + 86_400 * _S), "2023-11-14 22:13:20.000000 to 2023-11-15 22:13:20.000000 UTC, 24 h 0 min"),
        (Span(_DAY, _DAY, _DAY, 1, 2),
         "2023-11-14 22:13:20.000000 to 22:13:20.000000 UTC, 0 µs; 2 packets without a time; 1 packet out of order"),
        (Span(None, None, None, 0, 41), "no packet carries one"),
        (Span(9 * 10**18, 9 * 10**18, 9 * 10**18), "2255-03-14 16:00:00.000000 to 16:00:00.000000 UTC, 0 µs"),
    ],
)  # fmt: skip
def test_time(span: Span, words: str) -> None:
    assert _facts(span=span)["time"] == [words]


def test_no_time_where_there_is_no_packet() -> None:
    told = _facts(count=0, span=Span())
    assert "time" not in told
    assert told["packets"] == ["none"]


def test_packets_and_their_rate() -> None:
    told = _facts(count=1000, wire=50_000, cut=7, longest_cut=96, span=Span(0, 0, 10 * _S))
    assert told["packets"] == ["1,000, 50 kB on the wire, 50 B on average; 7 cut to at most 96 bytes"]
    assert told["rate"] == ["100 packets and 5 kB a second"]
    assert _facts(count=5, wire=50, span=Span(0, 0, 2 * _S))["rate"] == ["2.5 packets and 25 B a second"]
    assert "rate" not in _facts(count=2, span=Span(5, 5, 5))


@pytest.mark.parametrize(
    ("interface", "words"),
    [
        (_interface(), "eth0, Ethernet, times in µs"), (_interface(name=""), "Ethernet, times in µs"),
        (_interface(description="the first"), "eth0 (the first), Ethernet, times in µs"),
        (_interface(snaplen=96), "eth0, Ethernet, times in µs, at most 96 bytes of each packet"),
        (_interface(snaplen=262_144), "eth0, Ethernet, times in µs"),
        (_interface(dropped=0), "eth0, Ethernet, times in µs, no packet lost"),
        (_interface(dropped=1234), "eth0, Ethernet, times in µs, 1,234 lost"),
        (_interface(filter="port 80"), "eth0, Ethernet, times in µs, filter “port 80”"),
    ],
)  # fmt: skip
def test_interface(interface: CaptureInterface, words: str) -> None:
    assert _facts(interfaces=(interface,))["interface"] == [words]


def test_several_interfaces_say_how_many_packets_each_has() -> None:
    told = _facts(interfaces=(_interface(), _interface(name="lo", packets=1)))["interface"]
    assert told == ["eth0, Ethernet, 41 packets, times in µs", "lo, Ethernet, 1 packet, times in µs"]


@pytest.mark.parametrize(
    ("program", "system", "words"),
    [
        ("dumpcap", "Linux", ["dumpcap on Linux"]), ("dumpcap", "", ["dumpcap"]), ("", "Linux", ["a program on Linux"]),
        ("", "", []),
    ],
)  # fmt: skip
def test_writer(program: str, system: str, words: list[str]) -> None:
    part = CapturePart("a", "pcapng", (1, 0), "big", "a machine", system, program)
    told = _facts(parts=(part,))
    assert told.get("written by", []) == words
    assert told["format"] == ["pcapng 1.0, big-endian, 5,436 bytes"]
    assert _facts(parts=(part,), size=0)["format"] == ["pcapng 1.0, big-endian, size not known"]


def test_a_compressed_file_says_both_sizes() -> None:
    packed = CapturePart("a", "pcap", (2, 4), "little", packed="zstd", unpacked=12_345)
    assert _facts(parts=(packed,))["format"] == ["pcap 2.4, little-endian, zstd (12,345 bytes unpacked), 5,436 bytes on disk"]
    assert _facts(parts=(packed,), size=0)["format"][0].endswith("zstd (12,345 bytes unpacked), size not known")
    both = _facts(parts=(packed._replace(packed="", unpacked=0), packed))["format"]
    assert both == ["pcap 2.4, little-endian, 5,436 bytes on disk", "pcap 2.4, little-endian, zstd (12,345 bytes unpacked)"]


def test_a_filter_is_named() -> None:
    assert _facts(matching="tcp port 80")["filter"] == ["only packets that match “tcp port 80”"]
    assert "filter" not in _facts()


def test_a_command_as_it_is_typed() -> None:
    assert written(Command("handshake", "", "why"), "a b") == "netviz handshake a b"
    assert written(Command("layers", "7", "why"), "a.pcap") == "netviz layers a.pcap 7"
    assert "\x1b" not in written(Command("handshake", "-f '\x1b[31m'", "why"), "a")


def test_what_was_sent_again() -> None:
    (connection,) = _PLAIN.busiest
    client, server = connection.traffic
    assert repeated(connection) == ""
    again = replace(connection, traffic=(client._replace(retransmissions=2), server._replace(retransmissions=1)))
    assert repeated(again) == "3 retransmissions"


def test_many_of_a_kind_are_not_all_told() -> None:
    told = _facts(files=tuple("abcdefgh"), interfaces=(_interface(),) * 9, comments=("x" * 400,) * 7, keys=2)
    assert told["name"] == [*"abcdef", "and 2 more"]
    assert (len(told["interface"]), told["interface"][-1]) == (7, "and 3 more")
    assert told["comment"] == [*["x" * 300 + "…"] * 6, "and 1 more"]
    assert told["secrets"] == ["2 blocks with keys for decryption"]


@pytest.mark.parametrize(
    ("sockets", "words"),
    [
        (WebSockets(True, (0,), 1, 1, messages=16), ["1 accepted; 16 messages; connection 0"]),
        (WebSockets(True, (0, 4), 2, 1, 3, 1, 2, messages=1),
         ["1 accepted, 1 against the rules, 3 rejected, 2 unanswered; 1 message; connections 0, 4"]),
        (WebSockets(True, (0,), 1, headless=1), ["1 without a readable upgrade; connection 0"]),
        (WebSockets(True, rejected=2), ["2 rejected"]), (WebSockets(True), []), (WebSockets(False), []),
        (WebSockets(True, tuple(range(20)), 20, 20), ["20 accepted; connections 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"]),
        (WebSockets(False, (3,), 1234),
         ["1,234, by how connections begin; in a file this large messages are not counted; connections 3, …"]),
    ],
)  # fmt: skip
def test_websockets(sockets: WebSockets, words: list[str]) -> None:
    assert _facts(websockets=sockets).get("WebSockets", []) == words


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        (SessionCounts(), []),
        (SessionCounts(1, 1, polling=1, events=9, numbers=(0,)),
         ["1 Socket.IO session, 1 polling only; 9 events; connection 0"]),
        (SessionCounts(4, 3, 2, 0, 1, 1, 1, (0, 3, 4, 7)),
         ["4 Engine.IO sessions, 3 of them of Socket.IO, 2 from polling to WebSocket, 1 WebSocket only, 1 refused; 1 event; "
          "connections 0, 3, 4, 7"]),
        (SessionCounts(1, numbers=(2,)), ["1 Engine.IO session; connection 2"]),
        (SessionCounts(30, numbers=tuple(range(30))),
         ["30 Engine.IO sessions; connections 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …"]),
    ],
)  # fmt: skip
def test_sessions(sessions: SessionCounts, words: list[str]) -> None:
    assert _facts(sessions=sessions).get("sessions", []) == words


def test_connections() -> None:
    told = _facts(outcomes={"established": 1200, "refused": 2}, late=3)["TCP"]
    assert told == ["1,202 connections: 1,200 established, 2 refused; 3 late segments of connections already over"]
    assert "TCP" not in _facts(outcomes={})
