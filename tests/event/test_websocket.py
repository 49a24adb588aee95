"""Frames as columns: one by one they are what they were, wherever they lie and whatever is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.block import block, merge, no_frames
from netviz.capture.batch import NO_TIME
from netviz.event import FrameBlock, Problem, WebSocketFrame
from tests.talk import frame_event

_BAD = (Problem("some-rule", "it is broken", 6), Problem("other", "elsewhere", 0))


def _block(*frames: WebSocketFrame) -> FrameBlock:
    """These frames, completed by packets that ascend."""
    several = [
        (place, *frame.origin[at : at + 3])
        for place, frame in enumerate(frames) if len(frame.origin) > 3 for at in range(0, len(frame.origin), 3)
    ]  # fmt: skip
    rows = [
        (*frame[:2], *frame.origin[:3], NO_TIME if frame.time is None else frame.time, *frame[4:8],
         frame.length - (frame.length >> 63 << 64), place)
        for place, frame in enumerate(frames)
    ]  # fmt: skip
    columns = tuple(np.array(rows, np.int64).reshape(-1, 12).T)
    broken = {place: frame.problems for place, frame in enumerate(frames) if frame.problems}
    return FrameBlock(columns=columns, several=np.array(several, np.int64).reshape(-1, 4), broken=broken)


#: Frames in one piece and in several, in the same packet or in others, with problems and without.
_FRAMES = [
    frame_event(number=1, origin=(6, 40, 51)),
    frame_event(number=2, origin=(6, 51, 60, 7, 40, 41)),
    frame_event(number=3, origin=(7, 41, 45), problems=_BAD),
    frame_event(number=4, origin=(9, 40, 41, 8, 40, 50, 9, 41, 42), problems=_BAD[:1], time=None),
    frame_event(number=5, origin=(10, 40, 42), time=0, mask=-1, side=1, length=(1 << 64) - 1),
    frame_event(number=6, origin=(10, 42, 43, 10, 60, 61, 1 << 40, 0, 1 << 33), length=1 << 63, mask=(1 << 32) - 1),
]


def test_frames_one_by_one() -> None:
    told = list(_block(*_FRAMES).frames())
    assert told == _FRAMES
    assert all(not isinstance(value, np.generic) for frame in told for value in (*frame, *frame.origin))
    assert list(_block().frames()) == []
    for frame in _FRAMES:
        assert list(_block(frame).frames()) == [frame]


def test_slices_between_any_places() -> None:
    """All of those frames, in their order, and of no other."""
    whole = _block(*_FRAMES)
    every = whole.several.tolist()
    assert len(every) == 2 + 3 + 3
    for begin in range(len(_FRAMES) + 2):
        for end in range(begin, len(_FRAMES) + 2):
            inside = whole.slices(begin, end)
            assert inside.shape[1:] == (4,)
            assert inside.flags.c_contiguous
            assert inside.tolist() == [row for row in every if begin <= row[0] < end]
            expected = {
                place: frame.origin for place, frame in enumerate(_FRAMES) if len(frame.origin) > 3 and begin <= place < end
            }
            assert whole.origins(begin, end) == expected


def test_where_all_lie_in_one_piece() -> None:
    whole = _block(_FRAMES[0], _FRAMES[2])
    assert whole.slices(0, 2).tolist() == []
    assert whole.origins(0, 2) == {}
    assert [frame.problems for frame in whole.frames()] == [(), _BAD]


def test_an_origin_that_is_given_counts() -> None:
    """Also where it is of a single slice, and not that of the columns."""
    whole = replace(_block(*_FRAMES[:2]), several=np.array([(0, 5, 1, 2)], np.int64))
    assert [frame.origin for frame in whole.frames()] == [(5, 1, 2), (6, 51, 60)]


# Blocks that are put together


_origins = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 99), st.integers(100, 199)), min_size=1, max_size=4
).map(lambda pieces: tuple(number for piece in pieces for number in piece))  # fmt: skip
_rows = st.lists(st.tuples(
    st.integers(1, 5),
    st.builds(
        frame_event, connection=st.integers(0, 3), origin=_origins, time=st.none() | st.integers(0, 99), side=st.integers(0, 1),
        first=st.sampled_from([0x81, 0x02, 0xF9]), mask=st.sampled_from([-1, 0, (1 << 32) - 1]),
        length=st.sampled_from([0, 5, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
        problems=st.sampled_from([(), (), _BAD, _BAD[1:]]),
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


@pytest.mark.parametrize("ready", [(1, 2), (2, 1), (1, 1)])
def test_what_a_layer_told_among_what_the_lane_read(ready: tuple[int, int]) -> None:
    """Both have frames in several pieces; those that the lane read come first where the packet is the same."""
    read = _block(_FRAMES[1], _FRAMES[0])
    columns = *read.columns[:-1], np.array((ready[0], ready[0]), np.int64)
    told = [(ready[1], _FRAMES[3]), (ready[1], _FRAMES[2])]
    made = block(FrameBlock(columns=columns, several=read.several, broken={}), told)
    both = [_FRAMES[1], _FRAMES[0], _FRAMES[3], _FRAMES[2]]
    assert list(made.frames()) == (both if ready[0] <= ready[1] else both[2:] + both[:2])
