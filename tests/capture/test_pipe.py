"""A capture that comes through a pipe is read as it comes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

import netviz.capture.pipe
from netviz.capture.pipe import Pipe
from tests.make import Record, conversation, epb, idb, packets_of, pcap, pcap_header, pcap_record, shb

pytestmark = pytest.mark.skipif(os.name == "nt", reason="select() knows pipes on POSIX only")


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, Callable[[bytes], None], Callable[[], None]]]:
    """The reading end of a pipe, and what writes to and closes the other one; silence is told at once."""
    monkeypatch.setattr(netviz.capture.pipe, "_SILENCE", 0.001)
    out, into = os.pipe()
    open_ends = {out, into}

    def write(data: bytes) -> None:
        os.write(into, data)

    def close() -> None:
        open_ends.discard(into)
        os.close(into)

    yield out, write, close
    for end in open_ends:
        os.close(end)


Ends = tuple[int, Callable[[bytes], None], Callable[[], None]]


def test_a_whole_capture(ends: Ends) -> None:
    out, write, close = ends
    write(pcap(conversation(5)))
    close()
    source = Pipe(out)
    assert [packet.data for batch in source for packet in packets_of(batch)] == [r.data for r in conversation(5)]
    assert (source.streaming, source.progress, source.size) == (True, None, 0)


def test_packets_come_before_the_end_and_silence_in_between(ends: Ends) -> None:
    out, write, close = ends
    one, two = Record(b"one"), Record(b"two")
    write(pcap_header() + pcap_record(one))
    batches = iter(Pipe(out))
    assert [packet.data for packet in packets_of(next(batches))] == [b"one"]
    silent = next(batches)
    assert (len(silent), silent.first, silent.problems) == (0, 2, ())
    record = pcap_record(two)
    write(record[:7])
    assert len(next(batches)) == 0
    write(record[7:])
    told = next(batch for batch in batches if len(batch))
    assert packets_of(told)[0][:2] == (2, b"two")
    close()
    assert [batch.problems for batch in batches if batch.problems or len(batch)] == []


def test_pcapng_by_blocks(ends: Ends) -> None:
    out, write, close = ends
    write(shb(">") + idb(">"))
    batches = iter(Pipe(out))
    assert len(next(batches)) == 0
    write(epb(Record(b"a"), ">"))
    assert [packet.data for packet in packets_of(next(batch for batch in batches if len(batch)))] == [b"a"]
    close()
    assert list(batches) == []


def test_a_writer_that_goes_away_in_a_record(ends: Ends) -> None:
    out, write, close = ends
    write(pcap(conversation(2))[:-1])
    close()
    batches = list(Pipe(out))
    assert sum(map(len, batches)) == 1
    assert [problem.problems[0].kind for batch in batches for problem in batch.problems] == ["file-cut"]


def test_the_descriptor_stays_open(ends: Ends) -> None:
    out, write, close = ends
    write(pcap([]))
    close()
    assert list(Pipe(out)) == []
    assert os.fstat(out)
