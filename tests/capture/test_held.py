"""Packets held in memory: the same as in the file, as often as wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netviz.capture.held import Held, compact
from netviz.capture.metadata import Metadata
from netviz.capture.source import open_capture
from tests.make import batch_of, packets_of


def _held(path: Path) -> Held:
    source = open_capture(path)
    batches = [compact(batch, np.arange(len(batch))) for batch in source]
    return Held(source.name, source.metadata, batches)


def test_it_is_what_the_file_is(capture: Path) -> None:
    wanted = [packet for batch in open_capture(capture) for packet in packets_of(batch)]
    held = _held(capture)
    for source in (held, held.again()):
        assert [packet for batch in source for packet in packets_of(batch)] == wanted
    assert [problem for batch in held for problem in batch.problems] == [
        problem for batch in open_capture(capture) for problem in batch.problems
    ]
    for packet in wanted:
        batch = held.batch(packet.number)
        assert batch is not None
        assert batch.packet(packet.number) == packet.data


def test_rows_that_are_not_wanted_take_no_room_and_keep_their_numbers() -> None:
    batch = batch_of(b"first", b"second", b"third", b"fourth", first=7)
    small = compact(batch, np.array([1, 3]))
    assert [(packet.number, packet.data) for packet in packets_of(small)] == [(8, b"second"), (10, b"fourth")]
    assert small.packets == 2
    assert bytes(small.buffer[:12]) == b"secondfourth"
    assert not any(small.buffer[12:])


def test_a_packet_that_is_not_held() -> None:
    held = Held("nothing", Metadata(), [batch_of(b"x", first=3)])
    assert held.batch(2) is None
    assert held.batch(4) is None
    assert (held.streaming, held.progress, held.size) == (False, 1.0, 0)


def test_nothing_to_hold() -> None:
    empty = compact(batch_of(), np.arange(0))
    assert len(empty) == 0
