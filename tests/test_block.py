"""Blocks that are put together: they are told in the order of the packets that completed them, whatever they are made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.block import block, merge, no_frames, ordered_block
from netviz.event import Problem, WebSocketFrame
from tests.columns import BAD, FRAMES, frame_block
from tests.talk import frame_event

_origins = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 99), st.integers(100, 199)), min_size=1, max_size=4
).map(lambda pieces: tuple(number for piece in pieces for number in piece))  # fmt: skip
_rows = st.lists(st.tuples(
    st.integers(1, 5),
    st.builds(
        frame_event, connection=st.integers(0, 3), origin=_origins, time=st.none() | st.integers(0, 99), side=st.integers(0, 1),
        first=st.sampled_from([0x81, 0x02, 0xF9]), mask=st.sampled_from([-1, 0, (1 << 32) - 1]),
        length=st.sampled_from([0, 5, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
        problems=st.sampled_from([(), (), BAD, BAD[1:]]),
    ),
), max_size=8)  # fmt: skip


def _numbered(rows: list[tuple[int, WebSocketFrame]]) -> list[tuple[int, Any]]:
    """The same, each with its own number."""
    return [(ready, frame._replace(number=number)) for number, (ready, frame) in enumerate(rows, 1)]


def _in_order(rows: list[tuple[int, WebSocketFrame]]) -> list[WebSocketFrame]:
    return [frame for _, frame in sorted(rows, key=lambda row: row[0])]


@given(rows=_rows.map(_numbered))
def test_rows_as_columns(rows: list[tuple[int, WebSocketFrame]]) -> None:
    """They are told in the order of the packets that completed them, and else in their own."""
    made = block(no_frames(), rows)
    assert list(made.frames()) == _in_order(rows)
    assert sorted(made.several[:, 0].tolist()) == made.several[:, 0].tolist()


@given(parts=st.lists(_rows, min_size=1, max_size=4))
def test_blocks_as_one(parts: list[list[tuple[int, WebSocketFrame]]]) -> None:
    every = _numbered([row for part in parts for row in part])
    numbered, at = [], 0
    for part in parts:
        numbered.append(every[at : at + len(part)])
        at += len(part)
    one = merge([block(no_frames(), part) for part in numbered])
    assert list(one.frames()) == list(block(no_frames(), every).frames()) == _in_order(every)
    assert one.several.tolist() == block(no_frames(), every).several.tolist()
    assert one.broken == block(no_frames(), every).broken


@pytest.mark.parametrize("broken", [{}, {0: BAD}, {1: BAD[1:], 0: BAD[:1]}])
@pytest.mark.parametrize("ready", [(1, 2), (2, 1), (1, 1)])
def test_what_a_layer_told_among_what_the_lane_read(ready: tuple[int, int], broken: dict[int, tuple[Problem, ...]]) -> None:
    """Both have frames in several pieces; those that the lane read come first where the packet is the same."""
    read = frame_block(FRAMES[1], FRAMES[0])
    columns = *read.columns[:-1], np.array((ready[0], ready[0]), np.int64)
    told = [(ready[1], FRAMES[3]), (ready[1], FRAMES[2])]
    made = block(replace(read, columns=columns, broken=broken), told)
    ours = [frame._replace(problems=broken.get(place, ())) for place, frame in enumerate((FRAMES[1], FRAMES[0]))]
    theirs = [FRAMES[3], FRAMES[2]]
    assert list(made.frames()) == (ours + theirs if ready[0] <= ready[1] else theirs + ours)


def test_what_is_put_together_is_not_changed() -> None:
    read = frame_block(*FRAMES)
    columns, several = [column.tolist() for column in read.columns], read.several.tolist()
    block(read, [(0, FRAMES[2])])
    merge([read, read])
    assert list(read.broken) == [2, 3]
    assert [column.tolist() for column in read.columns] == columns
    assert read.several.tolist() == several


def test_no_frames_are_a_block() -> None:
    empty = no_frames()
    assert list(empty.frames()) == list(block(empty, []).frames()) == list(merge([empty, empty]).frames()) == []
    assert [len(column) for column in block(empty, []).columns] == [0] * 12
    assert empty.slices(0, 1).tolist() == []
    assert list(merge([empty, frame_block(*FRAMES), empty]).frames()) == FRAMES
    assert list(block(frame_block(*FRAMES), []).frames()) == FRAMES


@given(order=st.permutations(range(len(FRAMES))), ready=st.lists(st.integers(1, 3), min_size=4, max_size=4))
def test_columns_in_any_order(order: list[int], ready: list[int]) -> None:
    """Frames of the same packet stay in their order, with their slices and their problems, and any further columns as well."""
    mixed = frame_block(*(FRAMES[place] for place in order))
    columns = *mixed.columns[:-1], np.array(order, np.int64) * 7, np.array(ready, np.int64)
    made = ordered_block(columns, mixed.several, mixed.broken)
    expected = [place for _, place in sorted(zip(ready, order, strict=True), key=lambda pair: pair[0])]
    *rest, further, completed = made.columns
    assert list(replace(made, columns=(*rest, completed)).frames()) == [FRAMES[place] for place in expected]
    assert further.tolist() == [7 * place for place in expected]
    assert completed.tolist() == sorted(ready)
    assert made.several[:, 0].tolist() == sorted(made.several[:, 0].tolist())
