"""Many walkers in lockstep find exactly the records that a plain loop finds."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import PADDING
from netviz.capture.metadata import Metadata
from netviz.capture.pcap import Pcap
from netviz.capture.pcapng import Pcapng
from netviz.capture.records import Format
from netviz.capture.walk import Walk, resync, walk
from tests.make import START, Record, block, epb, isb, pcap_header, pcap_record

pytestmark = pytest.mark.usefixtures("loops")

#: Above this size walkers start in lockstep.
LOCKSTEP = 1 << 17

Made = tuple[Format, bytes, list[int]]


def payload(rng: random.Random, record: Callable[[Record], bytes]) -> bytes:
    """Bytes of a packet: random ones, often with records of the same format in them, sometimes long ones."""
    size = rng.choice([0, 1, rng.randrange(60), rng.randrange(1500), rng.randrange(1500), rng.randrange(9000)])
    noise = rng.randbytes(size)
    if rng.random() < 0.3:
        fakes = [record(Record(rng.randbytes(rng.randrange(80)), START + i)) for i in range(rng.randrange(1, 12))]
        return noise[: size // 2] + b"".join(fakes) + noise[size // 2 :]
    return noise


def pcap_records(seed: int, size: int, order: str) -> Made:
    """At least ``size`` bytes of pcap records, and where each starts."""
    rng = random.Random(seed)
    parts: list[bytes] = []
    starts, at = [], 0
    while at < size:
        starts.append(at)
        data = payload(rng, lambda record: pcap_record(record, order))
        parts.append(pcap_record(Record(data, START + at * 1000, len(data) + 4), order))
        at += len(parts[-1])
    return Pcap(pcap_header(order)), b"".join(parts), starts


def pcapng_blocks(seed: int, size: int, order: str) -> Made:
    """At least ``size`` bytes of pcapng blocks, and where each starts."""
    rng = random.Random(seed)
    parts: list[bytes] = []
    starts, at = [], 0
    while at < size:
        starts.append(at)
        if rng.random() < 0.02:
            parts.append(rng.choice([isb(order), block(0x0BAD, rng.randbytes(rng.randrange(999)), order)]))
        else:
            parts.append(epb(Record(payload(rng, lambda record: epb(record, order)), START + at * 1000), order))
        at += len(parts[-1])
    form = Pcapng(Metadata())
    form._set_order(order)
    return form, b"".join(parts), starts


MAKERS = {"pcap": pcap_records, "pcapng": pcapng_blocks}


def plain(form: Format, buffer: bytearray, start: int, end: int) -> Walk:
    """The same walk, one record after the other."""
    starts: list[int] = []
    at = start
    while at + form.head <= end:
        after = form.hop(buffer, at)
        if after <= at:
            return Walk(np.array(starts, np.int64), at, True)
        if after > end:
            break
        starts.append(at)
        at = after
    return Walk(np.array(starts, np.int64), at, False)


def both(form: Format, data: bytes, start: int = 0) -> tuple[Walk, Walk]:
    """The result of many walkers and that of the plain loop."""
    end = len(data)
    buffer = bytearray(data) + bytearray(PADDING)
    form.begin(buffer, start, end)
    return walk(form, buffer, np.frombuffer(buffer, np.uint8), start, end), plain(form, buffer, start, end)


def same(ours: Walk, expected: Walk) -> bool:
    """Whether two walks found the same."""
    return (ours.starts.tolist(), ours.stop, ours.blocked) == (expected.starts.tolist(), expected.stop, expected.blocked)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("seed", range(4))
def test_lockstep_finds_every_record(maker: str, order: str, seed: int) -> None:
    form, data, starts = MAKERS[maker](seed, 400_000, order)
    ours, expected = both(form, data)
    assert ours.starts.tolist() == starts
    assert (ours.stop, ours.blocked) == (len(data), False)
    assert same(ours, expected)


@given(
    maker=st.sampled_from(sorted(MAKERS)),
    order=st.sampled_from("<>"),
    seed=st.integers(0, 2**32),
    cut=st.integers(0, 20_000),
    start=st.integers(0, 30),
    damage=st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=40)), max_size=3),
)
@settings(max_examples=40, deadline=None)
def test_lockstep_equals_a_plain_loop(
    maker: str, order: str, seed: int, cut: int, start: int, damage: list[tuple[int, bytes]]
) -> None:
    form, whole, starts = MAKERS[maker](seed, 200_000, order)
    data = bytearray(whole[: len(whole) - cut])
    for place, noise in damage:
        at = place % (len(data) - 40)
        data[at : at + len(noise)] = noise
    ours, expected = both(form, bytes(data), starts[start % len(starts)])
    assert same(ours, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("length", [0, 11, 13, 262_144, 262_148, 300_000, 500_000, 1 << 24, 0x7FFF_FFFC, 0xFFFF_FFF0])
def test_a_wrong_length_is_judged_as_by_a_plain_loop(maker: str, order: str, length: int) -> None:
    form, whole, starts = MAKERS[maker](7, 900_000, order)
    place = {"pcap": 8, "pcapng": 4}[maker]
    for start in starts[5:60:11]:
        data = bytearray(whole)
        struct.pack_into(order + "I", data, start + place, length)
        ours, expected = both(form, bytes(data))
        assert same(ours, expected), start


@pytest.mark.parametrize("maker", MAKERS)
def test_large_buffers_are_walked_by_many(maker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    form, data, starts = MAKERS[maker](3, 1_000_000, "<")
    hops = 0
    hop = form.hop

    def counting(buffer: bytearray, at: int) -> int:
        nonlocal hops
        hops += 1
        return hop(buffer, at)

    monkeypatch.setattr(form, "hop", counting)
    buffer = bytearray(data) + bytearray(PADDING)
    form.begin(buffer, 0, len(data))
    found = walk(form, buffer, np.frombuffer(buffer, np.uint8), 0, len(data))
    assert found.starts.tolist() == starts
    assert hops < len(starts) / 2


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("size", [0, 1, 100, LOCKSTEP - 100, LOCKSTEP + 100])
def test_sizes_around_the_limit(maker: str, size: int) -> None:
    form, data, _ = MAKERS[maker](5, size, "<")
    ours, expected = both(form, data)
    assert same(ours, expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_records_without_captured_bytes(order: str) -> None:
    data = pcap_record(Record(b"", wire=60), order) * 20_000
    ours, expected = both(Pcap(pcap_header(order)), data)
    assert len(ours.starts) == 20_000
    assert same(ours, expected)


def test_a_record_larger_than_the_others_by_far() -> None:
    small = epb(Record(b"x" * 50))
    large = epb(Record(small * 3000))
    data = small * 500 + large + small * 3000
    form = Pcapng(Metadata())
    ours, expected = both(form, data)
    assert len(ours.starts) == 3501
    assert same(ours, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("maker", MAKERS)
def test_resync_finds_the_next_record(maker: str, order: str) -> None:
    form, data, starts = MAKERS[maker](1, 20_000, order)
    buffer = bytearray(data) + bytearray(PADDING)
    form.begin(buffer, 0, len(data))
    packets = [start for start in starts if maker == "pcap" or buffer[start : start + 4] == form.anchor]
    assert resync(form, buffer, starts[0], len(data)) == packets[0]
    # From the middle of a header the next record is found, or one that lies inside a payload as a decoy.
    found = resync(form, buffer, starts[1] + 1, len(data))
    assert starts[1] < found <= max(packets[1:3])
    assert resync(form, bytearray(5000), 0, 5000 - PADDING) == -1
