"""Batches: less of the buffer, the same packets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netviz.capture.batch import PADDING
from netviz.table import table
from tests.make import batch_of, ethernet, ipv4, pieces, tcp

PACKETS = [ethernet(packet) for packet in (ipv4(tcp()), *pieces(ipv4(tcp(payload=b"hello" * 9)), 32), ipv4(tcp()))]


def test_few_packets_in_a_large_buffer_take_less_of_it() -> None:
    small = batch_of(*PACKETS, first=5)
    before, behind = np.full(70_000, 0x45, np.uint8), np.full(1 << 20, 0x45, np.uint8)
    large = replace(small, buffer=np.concatenate([before, small.buffer, behind]), offset=small.offset + len(before))
    narrow = large.narrowed()
    assert len(narrow.buffer) == sum(map(len, PACKETS)) + PADDING
    assert [narrow.packet(number) for number in range(5, 5 + len(PACKETS))] == PACKETS
    one, other = table(large), table(small)
    assert [column.tolist() for column in one.tcp] == [column.tolist() for column in other.tcp]
    assert one.tcp.length.tolist() == [0, 45, 0]
    assert (one.notices, one.reassembled) == (other.notices, other.reassembled)


def test_other_batches_stay_as_they_are() -> None:
    small = batch_of(*PACKETS)
    assert small.narrowed() is small
    one = batch_of(bytes(100_000))
    assert one.narrowed() is one
