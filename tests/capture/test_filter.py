"""Capture filters on files and pipes: as if what does not match had never been captured, but for the numbers."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from netviz.analysis import Analysis
from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.filter import Filtered, compiled
from netviz.capture.metadata import Metadata
from netviz.capture.pipe import Pipe
from netviz.capture.source import open_capture
from netviz.errors import NetvizError
from netviz.event import CaptureProblem, Problem
from netviz.table import table
from tests.conftest import CAPTURES
from tests.make import START, Packet, Record, conversation, epb, frame, idb, packets_of, pcap, pcapng, shb
from tests.run import inside

pytest.importorskip("pcapy")

Save = Callable[..., Path]


class _Batches:
    """A Source of Batches that are there."""

    progress, name, size = None, "batches", 0

    def __init__(self, *batches: Batch, streaming: bool = False) -> None:
        self._batches = batches
        self.streaming = streaming
        self.metadata = Metadata()

    def again(self) -> None:
        """Once is enough."""

    def stop(self) -> None:
        """All is there."""

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)


def _ports(*ports: int) -> list[Record]:
    return [Record(frame(target=port, seq=index), START + index * 1000) for index, port in enumerate(ports)]


def _numbers(batches: list[Batch]) -> list[int]:
    return [packet.number for batch in batches for packet in packets_of(batch)]


def _only(path: Path, expression: str) -> list[Batch]:
    return list(open_capture(path, matching=expression))


def test_numbers_are_those_of_the_file(saved: Save) -> None:
    path = saved(pcap(_ports(1, 2, 3, 1, 2, 1, 4)))
    assert _numbers(_only(path, "port 1")) == [1, 4, 6]
    assert _numbers(_only(path, "port 2 or port 3")) == [2, 3, 5]
    assert _numbers(_only(path, "port 4")) == [7]
    assert _numbers(_only(path, "tcp")) == list(range(1, 8))
    assert _only(path, "port 5") == []


def test_numbers_go_on_through_several_files(saved: Save) -> None:
    paths = [saved(pcap([Record(r.data, r.time + at) for r in _ports(1, 2, 1)]), f"{at}") for at in (10**9, 0)]
    assert [p.number for batch in open_capture(*paths, matching="port 1") for p in packets_of(batch)] == [1, 3, 4, 6]


def test_a_batch_is_cut_to_what_matches_and_the_rest_has_no_time(saved: Save) -> None:
    (batch,) = _only(saved(pcap(_ports(9, 1, 2, 1, 9))), "port 1")
    assert (batch.first, len(batch), batch.packets) == (2, 3, 2)
    assert batch.kept is not None
    assert batch.kept.tolist() == [0, 2]
    assert (batch.time == NO_TIME).tolist() == [False, True, False]
    (whole,) = _only(saved(pcap(_ports(9, 1, 1, 9))), "port 1")
    assert (whole.first, len(whole), whole.kept) == (2, 2, None)


@pytest.mark.usefixtures("loops")
def test_the_table_has_only_what_matches() -> None:
    for path in CAPTURES.values():
        for batch in _only(path, "tcp[tcpflags] & tcp-ack != 0"):
            whole = table(batch)
            assert set(whole.tcp.row.tolist()) <= set(range(len(batch)) if batch.kept is None else batch.kept.tolist())
            assert whole.counts["packets"] == batch.packets
            assert (whole.tcp.flags & 16).all()


_PLAIN = ("handshake", "--json"), ("ws-trace", "--json"), ("ws-trace", "--json", "--only", "websocket.frame")


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("words", _PLAIN, ids=" ".join)
@pytest.mark.parametrize("name", ["mixed", "websocket", "two-interfaces", "vlan", "sll2", "raw-ip", "null", "snaplen"])
def test_it_is_as_if_the_others_had_not_been_captured(name: str, words: tuple[str, ...], saved: Save) -> None:
    path = CAPTURES[name]
    for expression in ("tcp[13] & 16 != 0", "ip[2:2] & 1 = 0 or ip6", "less 200"):
        kept = [packet for batch in open_capture(path, matching=expression) for packet in packets_of(batch)]
        numbers = {index: packet.number for index, packet in enumerate(kept, 1)}
        run = inside(*words, str(path), "-f", expression)
        alone = inside(*words, str(saved(_saved_like(kept))))
        assert (run.status, run.err) == (alone.status, alone.err)
        assert run.out == _renumbered(alone.out, numbers)


def _saved_like(packets: list[Packet]) -> bytes:
    """A capture of these packets, each of an interface with its link type, times to the ns."""
    links = sorted({packet.link for packet in packets})
    exact = b"\x09\0\x01\0\x09\0\0\0" + bytes(4)
    blocks = [idb(link=link, options=exact) for link in links]
    for packet in packets:
        record = Record(packet.data, packet.time or 0, packet.wire)
        blocks.append(epb(record, interface=links.index(packet.link), unit=1))
    return shb() + b"".join(blocks)


def _renumbered(lines: str, numbers: dict[int, int]) -> str:
    def renumber(found: re.Match[str]) -> str:
        return found.group(1) + re.sub(r"\d+", lambda number: str(numbers.get(int(number.group()), 0)), found.group(2))

    lines = re.sub(r'("packets": )(\[[\d, ]*\])', renumber, lines)
    lines = re.sub(r'("packet": )(\d+)', renumber, lines)
    return re.sub(r"(\bpacket )(\d+)", renumber, lines)


def test_times_count_from_the_first_packet_that_matches(saved: Save) -> None:
    run = inside("handshake", "--json", str(saved(pcap(_ports(9, 9, 1, 9, 1)))), "-f", "port 1")
    assert [json.loads(line)["steps"][0]["elapsed"] for line in run.out.splitlines()] == [0, 2e-06]
    analysis = Analysis()
    list(analysis.run(open_capture(saved(pcap(_ports(9, 9, 1, 9, 1, 9))), matching="port 1")))
    assert (analysis.tally.start, analysis.tally.stop) == (START + 2000, START + 4000)
    assert analysis.tally.counts["packets"] == 2


def test_problems_of_the_file_are_told_all_the_same(saved: Save) -> None:
    batches = _only(saved(pcap(_ports(1, 2, 3))[:-1]), "port 3")
    assert _numbers(batches) == []
    assert [event.problems[0].kind for batch in batches for event in batch.problems] == ["file-cut"]
    problem = CaptureProblem(packets=(1,), time=None, problems=(Problem("k", "text", 1),))
    (batch,) = _only(saved(pcap(_ports(1, 2))), "port 2")
    told = list(Filtered(_Batches(_with(batch, problem)), "port 1"))
    assert [(len(each), each.problems, each.first) for each in told] == [(0, (problem,), 3)]


def _with(batch: Batch, problem: CaptureProblem) -> Batch:
    from dataclasses import replace

    return replace(batch, problems=(problem,))


@pytest.mark.parametrize("link", [1, 101, 228, 113, 276, 0, 108])
def test_link_types(link: int, saved: Save) -> None:
    heads = {1: b"\2" * 12 + b"\x08\0", 113: bytes(14) + b"\x08\0", 276: b"\x08\0" + bytes(18), 0: b"\2\0\0\0",
             108: b"\0\0\0\2"}  # fmt: skip
    records = [Record(heads.get(link, b"") + record.data[14:], record.time) for record in _ports(1, 2, 1)]
    assert _numbers(_only(saved(pcap(records, link=link)), "tcp port 1")) == [1, 3]


def test_loopback_headers_of_either_byte_order(saved: Save) -> None:
    heads = (b"\2\0\0\0", b"\0\0\0\2") * 2
    records = [Record(head + record.data[14:]) for head, record in zip(heads, _ports(1, 1, 2, 2), strict=True)]
    assert _numbers(_only(saved(pcap(records, link=0)), "tcp port 1")) == [1, 2]


def test_several_link_types_in_one_file(saved: Save) -> None:
    one, two, three = _ports(1, 1, 1)
    data = shb() + idb(link=1) + idb(link=189) + idb(link=101) + epb(one) + epb(two, interface=1)
    data += epb(Record(three.data[14:], three.time), interface=2) + epb(one, interface=7)
    assert _numbers(_only(saved(data), "tcp port 1")) == [1, 3]


def test_a_link_type_that_it_cannot_be_used_on(saved: Save) -> None:
    with pytest.raises(NetvizError, match=r"link type 189: .*not implemented") as caught:
        _only(saved(pcap(_ports(1), link=189)), "tcp port 1")
    assert "tcp port 1" in caught.value.hint
    with pytest.raises(NetvizError, match=r"802\.11"):
        _only(saved(pcap(_ports(1))), "wlan type mgt")


def test_what_only_the_kernel_knows_is_told() -> None:
    with pytest.raises(NetvizError, match="known while capturing only"):
        _only(CAPTURES["refused"], "inbound")


def test_protochain_loops_and_works_all_the_same(saved: Save) -> None:
    assert _numbers(_only(saved(pcap(_ports(1, 2))), "ip protochain 6 and port 2")) == [2]


def test_a_blank_filter_is_none() -> None:
    assert not isinstance(open_capture(CAPTURES["refused"], matching="  "), Filtered)


def test_it_is_a_source_like_the_one_below() -> None:
    source = open_capture(CAPTURES["websocket"], matching="tcp")
    assert (source.name, source.size) == (str(CAPTURES["websocket"]), CAPTURES["websocket"].stat().st_size)
    list(source)
    assert source.progress == 1
    again = source.again()
    assert again is not None
    assert _numbers(list(again)) == _numbers(_only(CAPTURES["websocket"], "tcp"))
    assert Filtered(_Batches(), "tcp").again() is None


def test_without_pcapy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pcapy", None)
    with pytest.raises(NetvizError, match="pcapy-ng") as caught:
        open_capture(CAPTURES["refused"], matching="tcp")
    assert "tcpdump -r" in caught.value.hint


@pytest.mark.skipif(os.name == "nt", reason="select() knows pipes on POSIX only")
def test_a_pipe() -> None:
    out, into = os.pipe()
    os.write(into, pcapng(_ports(1, 2, 1)))
    os.close(into)
    assert _numbers(list(Filtered(Pipe(out), "port 1"))) == [1, 3]
    os.close(out)


def test_on_a_pipe_time_goes_on_though_nothing_matches(monkeypatch: pytest.MonkeyPatch, saved: Save) -> None:
    clock = iter(np.arange(0.0, 10.0, 0.2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    (batch,) = open_capture(saved(pcap(_ports(1, 2))))
    flowing = list(Filtered(_Batches(*[batch] * 9, streaming=True), "port 3"))
    assert 2 <= len(flowing) <= 5
    assert {(len(each), each.problems) for each in flowing} == {(0, ())}
    assert list(Filtered(_Batches(*[batch] * 9), "port 3")) == []


def test_silence_passes() -> None:
    silence = Batch.empty(5)
    assert list(Filtered(_Batches(silence, streaming=True), "port 3")) == [silence]


def test_compiling_says_what_libpcap_says() -> None:
    with pytest.raises(ValueError, match="unknown data link type"):
        compiled("tcp", -1)


def test_garbage_is_filtered_like_anything(saved: Save) -> None:
    noise = np.random.default_rng(3)
    records = [Record(noise.bytes(int(size))) for size in noise.integers(0, 90, 500)]
    for link in (1, 0, 101, 113, 276):
        for expression in ("tcp port 80", "ip6 or ip[0] > 3", "not tcp[12] > 5", "ip6 protochain 6"):
            numbers = _numbers(_only(saved(pcap(records, link=link)), expression))
            assert numbers == sorted(set(numbers))


def test_large_files_are_filtered_in_two_processes(monkeypatch: pytest.MonkeyPatch, saved: Save) -> None:
    path = saved(pcap(conversation(50) + _ports(1, 2, 1)))
    words = ("handshake", "--json", str(path), "-f", "port 1")
    alone = inside(*words)
    monkeypatch.setattr("netviz.ahead._LARGE", 1)
    assert inside(*words) == alone
    assert [json.loads(line)["packets"] for line in alone.out.splitlines()] == [[51], [53]]
