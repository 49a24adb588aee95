"""Frames and messages as columns, made of those that are told one by one; and what C is given to write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from netviz.capture.batch import NO_TIME
from netviz.event import FrameBlock, MessageBlock, Problem, WebSocketFrame, WebSocketMessage
from netviz.native import native
from tests.talk import frame_event, message

__all__ = ["BAD", "BAD_PAGES", "FRAMES", "IN_C", "Said", "both_of", "frame_block", "message_block", "page"]

#: For tests of what only the loops in C do.
IN_C = pytest.mark.skipif(native is None, reason="built without C")

BAD = (Problem("some-rule", "it is broken", 6), Problem("other", "elsewhere", 0))

#: In one piece, in several, with problems, and both.
FRAMES = [
    frame_event(number=1, origin=(6, 40, 51)),
    frame_event(number=2, origin=(6, 51, 60, 7, 40, 41)),
    frame_event(number=3, origin=(7, 41, 45), problems=BAD),
    frame_event(number=4, origin=(9, 40, 41, 8, 40, 50, 9, 41, 42), problems=BAD[:1], time=None),
]

#: A frame, the number of its message, and what it says.
Said = tuple[WebSocketFrame, int, str | bytes]


def frame_block(*frames: WebSocketFrame) -> FrameBlock:
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
    columns = tuple(np.array(rows, np.int64).reshape(-1, 12).T.copy())
    broken = {place: frame.problems for place, frame in enumerate(frames) if frame.problems}
    return FrameBlock(columns=columns, several=np.array(several, np.int64).reshape(-1, 4), broken=broken)


def message_block(said: Sequence[Said], between: bytes = b"", *, backwards: bool = False) -> MessageBlock:
    """These messages; what they say lies in this order or in the other, with other bytes around each."""
    frames = frame_block(*(_framed(each) for each in said))
    content, begins = between, [0] * len(said)
    order = range(len(said))
    for place in reversed(order) if backwards else order:
        begins[place] = len(content)
        content += _bytes(said[place][2]) + between
    numbers = np.array([number for _, number, _ in said], np.int64)
    lengths = np.array([len(_bytes(what)) for _, _, what in said], np.int64)
    return MessageBlock(frames=frames, numbers=numbers, begins=np.array(begins, np.int64), lengths=lengths, content=content)


def both_of(said: Sequence[Said]) -> list[WebSocketFrame | WebSocketMessage]:
    """Each frame and its message, as they are told one by one."""
    told: list[WebSocketFrame | WebSocketMessage] = []
    for each in said:
        frame, (_, number, content) = _framed(each), each
        kind = "text" if isinstance(content, str) else "binary"
        told += [frame, message(
            connection=frame.connection, number=number, origin=frame.origin, time=frame.time, side=frame.side, kind=kind,
            content=content, frames=(frame.number, frame.number), length=len(_bytes(content)), wire_length=frame.length,
            compressed=frame.first & 0x40 > 0,
        )]  # fmt: skip
    return told


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _framed(said: Said) -> WebSocketFrame:
    """Its frame; of one that is compressed the length is that on the wire."""
    frame, _, content = said
    compressed, opcode = frame.first & 0x40, 1 if isinstance(content, str) else 2
    return frame._replace(first=0x80 | compressed | opcode, length=frame.length if compressed else len(_bytes(content)))


def page(**changes: Any) -> tuple[Any, ...]:
    """Two frames of 7 bytes at the same time, of which the first lies in two packets, as C is given them."""
    usual: dict[str, Any] = {
        "columns": tuple(np.array((value, value), np.int64) for value in (1, 2, 3, 4, 5, 6, 0, 0x81, -1, 2, 7)),
        "start": 0, "base": 0, "seconds": (b"then",), "heads": (b"head",) * 1024,
        "slices": np.array(((0, 8, 1, 2), (0, 9, 1, 2)), np.int64),
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


#: What C cannot be given, and what it says of that.
BAD_PAGES: list[tuple[Any, type[Exception]]] = [
    ((), TypeError), (page()[:-1], TypeError), ((*page(), 1), TypeError), (page(slices=None), TypeError),
    (page(slices={0: b"8"}), TypeError), (page(slices="x" * 32), TypeError), (page(slices=[(0, 8, 1, 2)]), TypeError),
    (page(slices=np.zeros((4, 8), np.int64)[:, ::2]), ValueError), (page(slices=memoryview(bytes(64))[::2]), BufferError),
    (page(columns=()), ValueError), (page(columns=page()[0][:-1]), ValueError), (page(columns=list(page()[0])), TypeError),
    (page(columns=(*page()[0], page()[0][0])), ValueError), (page(columns=(None,) * 11), TypeError),
    (page(columns=(*page()[0][:-1], b"")), ValueError), (page(columns=(*page()[0][:-1], bytes(24))), ValueError),
    (page(columns=(*page()[0][:-1], None)), TypeError), (page(columns=(bytes(8), *page()[0][1:])), ValueError),
    (page(start=None), TypeError), (page(start=1 << 64), OverflowError), (page(base="0"), TypeError),
    (page(seconds=()), ValueError), (page(base=7), ValueError), (page(base=-(10**9)), ValueError),
    (page(seconds=[b"then"]), TypeError), (page(seconds=("then",)), ValueError), (page(seconds=(b"x" * 33,)), ValueError),
    (page(heads=()), ValueError), (page(heads=(b"head",) * 1023), ValueError), (page(heads=[b"head"] * 1024), TypeError),
    (page(heads=("head",) * 1024), ValueError), (page(heads=(b"x" * 257,) * 1024), ValueError),
]  # fmt: skip
