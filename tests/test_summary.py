"""The summary of a capture: what its connections, WebSockets and problems are, counted as other commands tell them."""

from __future__ import annotations

import gzip
import json
import struct
import sys
from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import lz4.frame
import pytest

import netviz.summary
from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import (
    CaptureProblem,
    CaptureSummary,
    EngineIoSession,
    SocketIoPacket,
    TcpConnection,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.layers.layer import Wanted
from netviz.summary import Summarizer, summarize
from tests.conftest import CAPTURES
from tests.make import Record, epb, ethernet, frame, idb, ipv4, isb, option, pcap, read, shb, tcp, udp
from tests.run import ROOT, inside
from tests.wire import ACK, PSH, SYN, Wire, weave
from tests.wire import pcap as written

_ZSTD = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _summary(path: Path | str) -> CaptureSummary:
    *problems, summary = summarize(open_capture(path))
    assert all(isinstance(problem, CaptureProblem) for problem in problems)
    assert isinstance(summary, CaptureSummary)
    return summary


def _of(data: bytes, tmp_path: Path) -> CaptureSummary:
    path = tmp_path / "made.pcap"
    path.write_bytes(data)
    return _summary(path)


def test_connections_are_those_of_handshake(capture: Path) -> None:
    events = [event for event in Analysis().run(open_capture(capture)) if isinstance(event, TcpConnection)]
    summary = _summary(capture)
    assert summary.outcomes == Counter(event.outcome for event in events)
    assert summary.connections == len(events)
    ranked = sorted(events, key=lambda event: (-sum(side.bytes for side in event.traffic),
                                               -sum(side.packets for side in event.traffic), event.connection))  # fmt: skip
    assert list(summary.busiest) == ranked[:10]
    kinds = Counter(problem.kind for event in events for problem in event.problems)
    assert {trouble.kind: trouble.times for trouble in summary.troubles if trouble.of == "tcp"} == kinds
    applications = Counter(event.application for event in events if event.application != "unknown")
    told = {share.name: share.connections for share in summary.shares if share.under == "TCP" and share.name != "unknown"}
    assert told == applications


def test_websockets_are_those_of_ws_trace(capture: Path) -> None:
    events = list(Analysis(wanted=Wanted()).run(open_capture(capture)))
    upgrades = Counter(event.outcome for event in events if isinstance(event, WebSocketUpgrade))
    messages = [event for event in events if isinstance(event, WebSocketMessage) and event.kind in ("text", "binary")]
    sockets = _summary(capture).websockets
    assert sockets.whole
    assert {key: getattr(sockets, key) for key in upgrades} == upgrades
    assert sockets.opened == upgrades["accepted"] + upgrades["invalid"] + sockets.headless
    assert sockets.messages == len(messages)
    assert list(sockets.numbers) == sorted({event.connection for event in messages} | set(sockets.numbers))
    problems = Counter(problem.kind for event in events if not isinstance(event, CaptureProblem) for problem in event.problems)
    assert {t.kind: t.times for t in _summary(capture).troubles if t.of == "websocket"} == problems


def test_a_large_file_is_read_without_its_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _summary(CAPTURES["mixed"]).websockets
    monkeypatch.setattr(netviz.summary, "_WHOLE", 1000)
    bare = _summary(CAPTURES["mixed"]).websockets
    assert (whole.whole, bare.whole) == (True, False)
    assert (bare.opened, bare.numbers) == (whole.opened, whole.numbers)
    assert (bare.accepted, bare.messages) == (0, 0)


def test_only_the_busiest_are_kept(tmp_path: Path) -> None:
    wires = [
        Wire(client=("10.0.0.1", 40_000 + n)).client(SYN).server(SYN | ACK).client(ACK).client(ACK | PSH, b"x" * (n * 7 % 31))
        for n in range(31)
    ]  # fmt: skip
    summary = _of(written(weave(wires, [])), tmp_path)
    assert [event.traffic[0].bytes for event in summary.busiest] == list(range(30, 20, -1))
    assert summary.connections == 31


def test_one_direction_only(tmp_path: Path) -> None:
    wire = Wire().client(SYN).server(SYN | ACK, lost=True).client(ACK).client(ACK | PSH, b"GET / HTTP/1.1\r\n\r\n")
    wire.server(ACK, lost=True)
    assert _of(written(wire.packets), tmp_path).one_way == 1
    assert _summary(CAPTURES["handshake"]).one_way == 0
    assert _summary(CAPTURES["unanswered"]).one_way == 0


def _numbered(number: int, seq: int, source: int = 40_000) -> Record:
    """A segment whose IPv4 identification is this number."""
    made = bytearray(ethernet(ipv4(tcp(source=source, seq=seq, flags=PSH | ACK, payload=b"data"))))
    struct.pack_into("!H", made, 18, number)
    return Record(bytes(made))


def test_packets_that_came_twice(tmp_path: Path) -> None:
    twice = [_numbered(n, 1000 + 4 * n) for n in range(1, 21) for _ in range(2)]
    assert _of(pcap(twice), tmp_path).repeated == (20, 40)
    again = [_numbered(n, 1000) for n in range(1, 21)]
    assert _of(pcap(again), tmp_path).repeated == (0, 20)
    others = [_numbered(1, 1000, source=40_000 + n) for n in range(20)]
    assert _of(pcap([*others, *twice]), tmp_path).repeated == (20, 60)


_PACKED = {"gzip": gzip.compress, "zstd": _ZSTD.compress, "lz4": lz4.frame.compress}


@pytest.mark.parametrize("name", _PACKED)
def test_a_compressed_file(name: str, tmp_path: Path) -> None:
    plain = CAPTURES["mixed"].read_bytes()
    packed = _PACKED[name](plain)
    summary = _of(packed, tmp_path)
    (part,) = summary.parts
    assert (summary.size, part.packed, part.unpacked, part.format) == (len(packed), name, len(plain), "pcapng")
    assert replace(summary, parts=(), files=(), size=0) == replace(_summary(CAPTURES["mixed"]), parts=(), files=(), size=0)


def test_compressed_files_among_others(tmp_path: Path) -> None:
    path = tmp_path / "refused.gz"
    path.write_bytes(gzip.compress(CAPTURES["refused"].read_bytes()))
    *_, summary = summarize(open_capture(CAPTURES["websocket"], path))
    assert isinstance(summary, CaptureSummary)
    size = CAPTURES["refused"].stat().st_size
    assert [(part.file, part.packed, part.unpacked) for part in summary.parts] == [
        (str(CAPTURES["websocket"]), "", 0), (str(path), "gzip", size),
    ]  # fmt: skip


def test_a_compressed_file_that_is_cut(tmp_path: Path) -> None:
    plain = CAPTURES["mixed"].read_bytes()
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(plain)[:40_000])
    *problems, summary = summarize(open_capture(path))
    assert [event.problems[0].kind for event in problems] == ["file-cut"]
    assert isinstance(summary, CaptureSummary)
    assert summary.parts[0].packed == "gzip"
    assert 40_000 < summary.parts[0].unpacked < len(plain)


def test_a_filter_is_for_all_that_is_counted() -> None:
    *_, summary = summarize(open_capture(CAPTURES["mixed"], matching="tcp port 8765"))
    assert isinstance(summary, CaptureSummary)
    connections = Analysis().run(open_capture(CAPTURES["mixed"]))
    ports = [event for event in connections if isinstance(event, TcpConnection) and event.server.port == 8765]
    assert summary.connections == len(ports)
    assert summary.count == sum(side.packets for event in ports for side in event.traffic)
    assert summary.websockets.opened == 18


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    dropped = option(5, struct.pack("<Q", 3)) + option(7, struct.pack("<Q", 4))
    data = (
        shb(options=option(1, b"a comment") + option(2, b"a machine") + option(3, b"a system") + option(4, b"a program"))
        + idb(options=option(2, b"eth0") + option(3, b"the first") + option(11, b"\0port 80") + option(9, b"\x09"))
        + idb(link=101, snaplen=96, options=option(2, b"tun0") + option(9, b"\x94"))
        + epb(Record(frame()))
        + epb(Record(ipv4(udp(1, 53), protocol=17)), interface=1)
        + epb(Record(ipv4(udp(1, 53), protocol=17)), interface=1)
        + isb(interface=1, options=dropped)
    )
    summary = _of(data, tmp_path)
    (part,) = summary.parts
    assert (part.format, part.version, part.byte_order) == ("pcapng", (1, 0), "little")
    assert (part.hardware, part.system, part.program) == ("a machine", "a system", "a program")
    first, second = summary.interfaces
    assert (first.name, first.description, first.filter, first.unit) == ("eth0", "the first", "port 80", "ns")
    assert (first.link_name, first.packets, first.dropped) == ("Ethernet", 1, None)
    assert (second.name, second.snaplen, second.unit) == ("tun0", 96, "2^-20 s")
    assert (second.link_name, second.packets, second.dropped) == ("IP without a link layer", 2, 7)
    assert summary.comments == ("a comment",)


@pytest.mark.parametrize(("order", "unit", "named"), [("<", 1000, "little"), (">", 1, "big")])
def test_what_the_header_of_a_pcap_file_says(order: str, unit: int, named: str, tmp_path: Path) -> None:
    summary = _of(pcap([Record(frame())] * 3, order, unit, snaplen=96), tmp_path)
    (part,), (interface,) = summary.parts, summary.interfaces
    assert (part.format, part.version, part.byte_order) == ("pcap", (2, 4), named)
    assert (interface.snaplen, interface.unit, interface.packets) == (96, "µs" if unit == 1000 else "ns", 3)


def test_several_files() -> None:
    names = [str(CAPTURES[name]) for name in ("websocket", "refused")]
    *_, summary = summarize(open_capture(*names))
    assert isinstance(summary, CaptureSummary)
    assert (list(summary.files), len(summary.parts)) == (names, 2)
    assert summary.outcomes == {"established": 1, "refused": 1}
    assert summary.count == 49
    assert summary.span.unordered == 0


def test_problems_of_the_capture_come_first_and_are_counted() -> None:
    *problems, summary = summarize(open_capture(CAPTURES["cut-file"]))
    assert [problem.problems[0].kind for problem in problems] == ["file-cut"]
    assert [(trouble.of, trouble.kind, trouble.times) for trouble in summary.troubles] == [("capture", "file-cut", 1)]  # type: ignore[union-attr]


def test_packets_that_are_not_decoded_are_counted(tmp_path: Path) -> None:
    fragments = [Record(ethernet(ipv4(b"x" * 8, fragment=0x2000)))] * 5
    (trouble,) = _of(pcap(fragments), tmp_path).troubles
    assert (trouble.of, trouble.kind, trouble.times, trouble.packet) == ("capture", "ip-fragment", 5, 1)


def test_an_empty_capture(tmp_path: Path) -> None:
    summary = _of(pcap([]), tmp_path)
    assert (summary.count, summary.connections, summary.shares, summary.time) == (0, 0, (), None)


def test_batches_make_no_difference(capture: Path) -> None:
    summaries = []
    for size in (1 << 20, 200):
        summarizer = Summarizer(whole=True)
        data = capture.read_bytes()
        reading = read(data, [24] + [size] * (len(data) // size + 2))
        for batch in reading.batches:
            list(summarizer.feed(batch))
        list(summarizer.close())
        source = open_capture(capture)
        source.metadata = reading.metadata
        summaries.append(summarizer.summary(source))
    assert summaries[0] == summaries[1]


def test_json_is_one_object_for_all(capture: Path) -> None:
    lines = [json.loads(line) for line in inside("summary", str(capture), "--json").out.splitlines()]
    assert [line["event"] for line in lines] == ["capture.problem"] * (len(lines) - 1) + ["capture.summary"]


_SESSIONS = ROOT / "tests" / "captures" / "socketio"


@pytest.mark.parametrize("path", sorted(_SESSIONS.glob("*.pcapng")), ids=lambda path: path.stem)
def test_sessions_are_those_of_ws_trace(path: Path) -> None:
    events = list(Analysis(wanted=Wanted()).run(open_capture(path)))
    over = [event for event in events if isinstance(event, EngineIoSession) and event.over]
    spoke = {event.session for event in events if isinstance(event, SocketIoPacket)}
    summary = _summary(path)
    sessions = summary.sessions
    assert sessions.total == len(over)
    assert sessions.socketio >= len(spoke)
    assert sessions.moved == sum(event.upgraded for event in over)
    assert sessions.moved + sessions.polling + sessions.websocket + sessions.refused <= sessions.total
    assert sessions.events == sum(isinstance(e, SocketIoPacket) and e.type in ("EVENT", "BINARY_EVENT") for e in events)
    assert list(sessions.numbers) == sorted(event.connection for event in over)
    failed = sum(answer.status is not None for event in over for answer in event.refusals)
    assert sum(trouble.times for trouble in summary.troubles if trouble.kind == "request-refused") == failed
    assert (sessions.troubled is not None) == any(t.of == "session" for t in summary.troubles) or sessions.refused
