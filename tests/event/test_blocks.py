"""Frames and messages as columns: one by one they are what they were, wherever they lie and whatever is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netviz.event import WebSocketFrame, WebSocketMessage
from tests.columns import BAD, FRAMES, Said, both_of, frame_block, message_block
from tests.talk import frame_event

#: Frames in one piece and in several, in the same packet or in others, with problems and without.
_FRAMES = [
    *FRAMES,
    frame_event(number=5, origin=(10, 40, 42), time=0, mask=-1, side=1, length=(1 << 64) - 1),
    frame_event(number=6, origin=(10, 42, 43, 10, 60, 61, 1 << 40, 0, 1 << 33), length=1 << 63, mask=(1 << 32) - 1),
]


def test_frames_one_by_one() -> None:
    told = list(frame_block(*_FRAMES).frames())
    assert told == _FRAMES
    assert all(not isinstance(value, np.generic) for frame in told for value in (*frame, *frame.origin))
    assert list(frame_block().frames()) == []
    for frame in _FRAMES:
        assert list(frame_block(frame).frames()) == [frame]


def test_slices_between_any_places() -> None:
    """All of those frames, in their order, and of no other."""
    whole = frame_block(*_FRAMES)
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
    whole = frame_block(_FRAMES[0], _FRAMES[2])
    assert whole.slices(0, 2).tolist() == []
    assert whole.origins(0, 2) == {}
    assert [frame.problems for frame in whole.frames()] == [(), BAD]


def test_an_origin_that_is_given_counts() -> None:
    """Also where it is of a single slice, and not that of the columns."""
    whole = replace(frame_block(*_FRAMES[:2]), several=np.array([(0, 5, 1, 2)], np.int64))
    assert [frame.origin for frame in whole.frames()] == [(5, 1, 2), (6, 51, 60)]


#: Messages of both sides and kinds, in one piece and in several; numbers count the control frames between them as well.
_SAID: list[Said] = [
    (_FRAMES[0], 1, "Hello"),
    (_FRAMES[1], 2, ""),
    (frame_event(number=3, connection=7, origin=(7, 41, 45), side=1, mask=-1), 9, "grüße \u202e 温度 \U0001f600 \0"),
    (frame_event(number=4, origin=(9, 40, 41, 8, 40, 50, 9, 41, 42), time=None), 3, b""),
    (frame_event(number=6, origin=(10, 40, 42), time=0, mask=-1, side=1), 4, b"\xff\xfe\0"),
    (_FRAMES[5], 1 << 40, "a" * 300),
]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("between", [b"", b"\xff?"])
def test_messages_one_by_one(between: bytes, backwards: bool) -> None:
    whole = message_block(_SAID, between, backwards=backwards)
    told = list(whole.events())
    assert told == both_of(_SAID)
    assert [type(event) for event in told] == [WebSocketFrame, WebSocketMessage] * len(_SAID)
    for event in told:
        numbers = [value for value in (*event, *event.origin) if not isinstance(value, str | bytes | tuple)]
        assert not any(isinstance(value, np.generic) for value in numbers)
        if isinstance(event, WebSocketMessage):
            assert {type(value) for value in event.frames} == {int}
    assert len(whole) == len(_SAID)
    assert (len(message_block([])), list(message_block([]).events())) == (0, [])


def test_what_a_text_says() -> None:
    whole = message_block(_SAID, b"\x80", backwards=True)
    for place, (_, _, content) in enumerate(_SAID):
        if isinstance(content, str):
            assert whole.text(place) == content


@pytest.mark.parametrize("backwards", [False, True])
def test_parts_of_messages(backwards: bool) -> None:
    """Between any two places, also of a part, and past the end; the whole stays as it was."""
    whole = message_block(_SAID, b"--", backwards=backwards)
    every, count = both_of(_SAID), len(_SAID)
    for begin in range(count + 2):
        for end in range(count + 2):
            part = whole.part(begin, end)
            assert list(part.events()) == every[2 * begin : 2 * end]
            assert len(part) == len(_SAID[begin:end])
            assert [part.text(at) for at, each in enumerate(_SAID[begin:end]) if isinstance(each[2], str)] == [
                content for _, _, content in _SAID[begin:end] if isinstance(content, str)
            ]
            for first in range(len(part) + 1):
                for last in range(first, len(part) + 1):
                    assert list(part.part(first, last).events()) == every[2 * (begin + first) : 2 * (begin + last)]
    assert list(whole.events()) == every
