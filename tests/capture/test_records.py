"""The reader of streams: silence, split input, damage, absurd lengths, mutated captures."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz.capture.records
from netviz.capture.batch import PADDING
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError
from netviz.table import table
from tests.conftest import CAPTURES
from tests.make import Reading, Record, conversation, feed, idb, packets_of, pcap, pcapng, read, shb

pytestmark = pytest.mark.usefixtures("loops")

Maker = Callable[[list[Record], str], bytes]

MAKERS: dict[str, Maker] = {"pcap": pcap, "pcapng": pcapng}

#: Bytes in front of a packet, where its length stands in them, and the bytes of a file in front of its records.
HEAD = {"pcap": 16, "pcapng": 28}
LENGTH = {"pcap": 8, "pcapng": 4}
FRONT = {"pcap": 24, "pcapng": 48}

FORMATS = pytest.mark.parametrize(("kind", "order"), [(kind, order) for kind in MAKERS for order in "<>"])

SMALL = ["refused", "unreachable", "unanswered", "reset", "ipv6", "cut-file", "big-endian", "sll2", "two-interfaces"]


def places(data: bytes, records: list[Record], kind: str) -> list[int]:
    """Where the record of each packet starts in a file."""
    found, at = [], FRONT[kind]
    for record in records:
        at = data.index(record.data, at)
        found.append(at - HEAD[kind])
        at += len(record.data)
    return found


def missing(reading: Reading, records: list[Record]) -> list[int]:
    """Which of the records were not read."""
    return [i for i, record in enumerate(records) if record.data not in set(reading.data)]


def test_every_byte_of_a_capture_in_turn_and_silence_in_between(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.capture.records, "_CHUNK", 1 << 16)  # a new buffer for each turn need not have megabytes
    data = capture.read_bytes()[:4000]
    whole = read(data)
    rng = random.Random(4)
    turns: list[int | None] = []
    while sum(turn or 0 for turn in turns) < len(data):
        turns += [rng.choice([1, 2, 3, 7, 16, 30, None])]
    split = read(data, turns)
    assert whole.packets
    assert split.packets == whole.packets
    assert split.kinds == whole.kinds
    assert split.metadata == whole.metadata


@pytest.mark.parametrize("step", [1, 5, 16, 17, 64])
def test_any_step_gives_the_same(step: int) -> None:
    data = CAPTURES["refused"].read_bytes()
    assert read(data, [step] * (len(data) // step + 1)).packets == read(data).packets


@FORMATS
def test_large_reads_of_random_sizes(kind: str, order: str) -> None:
    rng = random.Random(9)
    records = [Record(rng.randbytes(rng.randrange(1, 1500))) for _ in range(900)]
    data = MAKERS[kind](records, order)
    reading = read(data, [rng.randrange(1, 90_000) for _ in range(99)])
    assert reading.data == [record.data for record in records]
    assert [packet.number for packet in reading.packets] == list(range(1, 901))
    assert len(reading.batches) > 5


def test_a_file_larger_than_a_buffer() -> None:
    records = [Record(struct.pack("<I", i) * (i % 700)) for i in range(8000)]
    data = pcapng(records, ">")
    assert len(data) > 10_000_000
    assert read(data).data == [record.data for record in records]


def test_silence_is_told_by_a_batch_without_packets() -> None:
    data = pcap(conversation(3))
    reading = read(data, [len(data), None, None])
    assert [len(batch) for batch in reading.batches] == [0, 0, 3] or [len(batch) for batch in reading.batches] == [3, 0, 0]


def test_packets_come_as_soon_as_they_are_whole() -> None:
    records = conversation(3)
    data = pcap(records)
    first = 24 + 16 + len(records[0].data)
    reading = read(data, [24, first - 24, None, 5, None])
    assert [len(batch) for batch in reading.batches] == [1, 0, 0, 2]


@FORMATS
@pytest.mark.parametrize("index", [0, 1, 20, 37, 38, 39])
@pytest.mark.parametrize(
    "noise", [b"\xff" * 16, bytes.fromhex("deadbeef c0ffee11 facefeed badcab1e"), b"\x80" * 30], ids=["ff", "random", "80"]
)
def test_a_damaged_record_costs_itself_only(kind: str, order: str, index: int, noise: bytes) -> None:
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(conversation(40))]
    data = bytearray(MAKERS[kind](records, order))
    at = places(bytes(data), records, kind)[index]
    data[at : at + len(noise)] = noise
    reading = read(bytes(data))
    assert missing(reading, records) == [index]
    assert reading.kinds == ["file-damaged"]
    (problem,) = reading.problems
    assert f"bytes {at} to " in problem.problems[0].text
    assert problem.packets == ((index,) if index else ())
    assert [packet.number for packet in reading.packets] == list(range(1, 40))


@FORMATS
def test_zeros_over_a_record_cost_no_other_packet(kind: str, order: str) -> None:
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(conversation(40))]
    data = bytearray(MAKERS[kind](records, order))
    at = places(bytes(data), records, kind)[20]
    data[at : at + HEAD[kind] + len(records[20].data)] = bytes(HEAD[kind] + len(records[20].data))
    reading = read(bytes(data))
    assert missing(reading, records) == [20]


@FORMATS
def test_two_damaged_places_are_two_problems(kind: str, order: str) -> None:
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(conversation(40))]
    data = bytearray(MAKERS[kind](records, order))
    for index in (10, 25):
        at = (
            places(bytes(data), records, kind)[index]
            if index == 10
            else places(bytes(data), records[:10] + records[11:], kind)[24]
        )
        data[at : at + 16] = b"\xff" * 16
    reading = read(bytes(data))
    assert missing(reading, records) == [10, 25]
    assert reading.kinds == ["file-damaged", "file-damaged"]


@FORMATS
@pytest.mark.parametrize("length", [1 << 25, 0x7FFF_FFFC, 0xFFFF_FFFC])
def test_absurd_lengths_are_damage_and_take_no_memory(kind: str, order: str, length: int) -> None:
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(conversation(40))]
    data = bytearray(MAKERS[kind](records, order))
    at = places(bytes(data), records, kind)[20]
    struct.pack_into(order + "I", data, at + LENGTH[kind], length)
    tracemalloc.start()
    reading = read(bytes(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert missing(reading, records) == [20]
    assert reading.kinds == ["file-damaged"]
    assert peak < 1 << 26


@FORMATS
def test_a_length_that_reaches_behind_the_end_is_damage_where_records_follow(kind: str, order: str) -> None:
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(conversation(40))]
    data = bytearray(MAKERS[kind](records, order))
    at = places(bytes(data), records, kind)[20]
    struct.pack_into(order + "I", data, at + LENGTH[kind], 100_000)
    reading = read(bytes(data))
    assert missing(reading, records) == [20]
    assert reading.kinds == ["file-damaged"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_no_packet_is_larger_than_the_largest_in_a_large_file(order: str) -> None:
    records = [Record(b"packet %d " % i * 100, record.time) for i, record in enumerate(conversation(1500))]
    data = bytearray(pcap(records, order))
    at = places(bytes(data), records, "pcap")[20]
    struct.pack_into(order + "I", data, at + 8, 500_000)
    reading = read(bytes(data))
    assert missing(reading, records) == [20]
    assert reading.kinds == ["file-damaged"]


@FORMATS
@pytest.mark.parametrize("noise", [b"\xff", b"\x00"], ids=["ff", "zeros"])
def test_damage_larger_than_a_buffer(kind: str, order: str, noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.capture.records, "_CHUNK", 1 << 16)
    records = [Record(struct.pack("<I", i) + b"x" * 1400, record.time) for i, record in enumerate(conversation(400))]
    data = bytearray(MAKERS[kind](records, order))
    found = places(bytes(data), records, kind)
    data[found[100] : found[300]] = noise * (found[300] - found[100])
    reading = read(bytes(data))
    assert missing(reading, records) == list(range(100, 300))
    assert reading.kinds == ["file-damaged"]
    # An empty record at the start of zeros may be taken for a packet, but not all of them.
    assert len(reading.packets) < 210


@FORMATS
@pytest.mark.parametrize("step", [60, 3600, 86_400, 30 * 86_400])
def test_damage_in_a_slow_capture(kind: str, order: str, step: int) -> None:
    slow = conversation(60, step=step * 10**9)
    records = [Record(b"packet %d " % i * 5, record.time) for i, record in enumerate(slow)]
    data = bytearray(MAKERS[kind](records, order))
    at = places(bytes(data), records, kind)[50]
    data[at : at + 16] = b"\xff" * 16
    reading = read(bytes(data))
    assert missing(reading, records) == [50]
    assert reading.kinds == ["file-damaged"]


def test_damage_up_to_the_end_is_one_problem() -> None:
    records = conversation(10)
    data = pcap(records) + b"\xff" * 5000
    reading = read(data)
    assert reading.data == [record.data for record in records]
    assert reading.kinds == ["file-damaged"]
    assert f"bytes {len(data) - 5000} to {len(data) - 1}" in reading.problems[0].problems[0].text


@FORMATS
def test_a_cut_record_that_holds_nothing_like_records_is_a_cut(kind: str, order: str) -> None:
    records = [*conversation(5), Record(b"\x55" * 3000)]
    data = MAKERS[kind](records, order)[:-1000]
    reading = read(data)
    assert reading.data == [record.data for record in records[:5]]
    assert reading.kinds == ["file-cut"]


def test_numbers_run_on_from_the_first() -> None:
    batches = list(read_capture(feed(pcap(conversation(4))), "x", Metadata(), first=100))
    assert [packet.number for batch in batches for packet in packets_of(batch)] == [100, 101, 102, 103]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\x7fELF and so on, long enough for a header", "7f 45 4c 46"),
        (b"hi", "68 69"),
        (b"\x0a\x0d\x0d\x0a", "not a capture"),
    ],
)
def test_what_is_no_capture_is_an_error(data: bytes, said: str) -> None:
    with pytest.raises(NetvizError, match=said):
        read(data)


@pytest.mark.parametrize(
    ("magic", "hint"),
    [
        (b"BZh9", "bzip2 -dc"),
        (b"\xfd7zXZ\x00", "xz -dc"),
    ],
)
def test_what_is_not_unpacked_here_is_told_with_what_unpacks_it(magic: bytes, hint: str) -> None:
    with pytest.raises(NetvizError) as caught:
        read(magic + bytes(40))
    assert hint in caught.value.hint


def test_a_section_alone_has_neither_packets_nor_problems() -> None:
    for data in (shb("<"), shb(">"), shb() + idb()):
        reading = read(data)
        assert (reading.packets, reading.problems) == ([], [])


Change = tuple[int, int, bytes]


def mutate(data: bytes, changes: list[Change]) -> bytes:
    """Overwrite (0), insert (1) or delete (2) bytes at places of the data."""
    made = bytearray(data)
    for kind, place, noise in changes:
        at = place % (len(made) + 1)
        if kind == 0:
            made[at : at + len(noise)] = noise
        elif kind == 1:
            made[at:at] = noise
        else:
            del made[at : at + len(noise)]
    return bytes(made)


def sound(reading: Reading) -> None:
    """Assert what holds for every reading, of whatever."""
    following = 1
    for batch in reading.batches:
        assert batch.first == following
        following += len(batch)
        assert (batch.captured >= 0).all()
        assert (batch.offset + batch.captured <= len(batch.buffer)).all()
        decoded = table(batch)
        assert decoded.counts["packets"] == len(batch)
        assert (decoded.tcp.length >= 0).all()
        assert (decoded.tcp.captured <= decoded.tcp.length).all()
    for problem in reading.problems:
        assert problem.problems
        assert all(kind in {"file-cut", "file-damaged", "block-too-short"} for kind in reading.kinds)


@given(
    name=st.sampled_from(SMALL),
    changes=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=24)), min_size=1, max_size=6
    ),
    step=st.sampled_from([0, 0, 0, 100, 700]),
)
@settings(max_examples=200, deadline=None)
def test_mutated_captures_raise_nothing_but_our_error(name: str, changes: list[Change], step: int) -> None:
    data = mutate(CAPTURES[name].read_bytes(), changes)
    try:
        reading = read(data, [step] * (len(data) // step) if step else ())
    except NetvizError:
        return
    sound(reading)


@given(
    kind=st.sampled_from(sorted(MAKERS)),
    order=st.sampled_from("<>"),
    count=st.integers(1, 12),
    changes=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=3
    ),
)
@settings(max_examples=150, deadline=None)
def test_mutated_builds_raise_nothing_but_our_error(kind: str, order: str, count: int, changes: list[Change]) -> None:
    data = mutate(MAKERS[kind](conversation(count), order), changes)
    try:
        reading = read(data)
    except NetvizError:
        return
    sound(reading)


@given(data=st.binary(max_size=400), kind=st.sampled_from(sorted(MAKERS)), order=st.sampled_from("<>"))
@settings(max_examples=100, deadline=None)
def test_noise_behind_a_good_header_raises_nothing(data: bytes, kind: str, order: str) -> None:
    reading = read(MAKERS[kind]([], order) + data)
    sound(reading)
    assert len(reading.kinds) >= (1 if 0 < len(data) < 8 else 0)


def test_behind_what_was_read_are_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.capture.records, "_CHUNK", 1 << 14)
    filled = [bytearray(b"\xff" * ((1 << 14) + PADDING)) for _ in range(8)]
    filled.clear()  # so that memory which nobody cleared is full of ones
    (batch,) = read_capture(feed(pcap(conversation(20), "<")), "test", Metadata())
    end = int(batch.offset[-1] + batch.captured[-1])
    assert len(batch.buffer) > end + PADDING
    assert not batch.buffer[end : end + PADDING].any()
