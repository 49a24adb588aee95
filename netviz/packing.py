"""What was found as plain values, which marshal can write, and back."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from netviz.found import Finished, Found

if TYPE_CHECKING:
    from netviz.event import FrameBlock
    from netviz.talk import Heard, Talk

__all__ = ["pack", "unpack"]


def pack(found: list[Found]) -> list[tuple[str, Any]]:
    """Plain tuples for what was found."""
    plain: list[tuple[str, Any]] = []
    content = None
    for kind, value in found:
        if kind in ("frame", "message"):
            row = (*value[:-1], tuple(map(tuple, value[-1]))) if value[-1] else value
            plain.append((kind, row))
        elif kind == "block":
            plain.append((kind, _plain(value)))
        elif kind == "talk":
            # Parts of a block share what is said: it is sent once.
            said, content = None if value.content is content else value.content, value.content
            columns = [column.tobytes() for column in (value.numbers, value.begins, value.lengths)]
            plain.append((kind, (_plain(value.frames), columns, said)))
        elif kind == "heard":
            plain.append((kind, _plain_heard(*value)))
        elif kind in ("over", "opened"):
            plain.append((kind, tuple(value)))
        else:
            plain.append((kind, pickle.dumps(value)))
    return plain


def _plain_heard(found: list[tuple[int, Found]], said: Talk | None) -> tuple[Any, ...]:
    ready, told = [packet for packet, _ in found], pack([thing for _, thing in found])
    if said is None:
        return ready, told, None
    control = [(place, packet) for place, packet, _ in said.control], pack([thing for _, _, thing in said.control])
    return ready, told, (pack([("talk", said.block)]), *control)


def _plain(block: FrameBlock) -> tuple[Any, ...]:
    broken = {place: tuple(map(tuple, problems)) for place, problems in block.broken.items()}
    return [column.tobytes() for column in block.columns], block.several.tobytes(), broken


def _frames(plain: tuple[Any, ...]) -> FrameBlock:
    import numpy as np

    from netviz.event import FrameBlock, Problem

    columns = tuple(np.frombuffer(column, np.int64) for column in plain[0])
    several = np.frombuffer(plain[1], np.int64).reshape(-1, 4)
    broken = {place: tuple(map(Problem._make, problems)) for place, problems in plain[2].items()}
    return FrameBlock(columns=columns, several=several, broken=broken)


def unpack(plain: list[tuple[str, Any]]) -> Iterator[Found]:
    """What was found, from that; only what `pack` made may be given: it holds pickles."""
    from netviz.event import Problem

    content = b""
    for kind, value in plain:
        if kind in ("frame", "message"):
            yield kind, (*value[:-1], tuple(map(Problem._make, value[-1]))) if value[-1] else value
        elif kind == "block":
            yield kind, _frames(value)
        elif kind == "talk":
            import numpy as np

            from netviz.event import MessageBlock

            frames, columns, said = value
            content = content if said is None else said
            numbers, begins, lengths = (np.frombuffer(column, np.int64) for column in columns)
            yield kind, MessageBlock(frames=_frames(frames), numbers=numbers, begins=begins, lengths=lengths, content=content)
        elif kind == "heard":
            yield kind, _heard(*value)
        else:
            yield kind, Finished._make(value) if kind in ("over", "opened") else pickle.loads(value)


def _heard(ready: list[int], told: list[tuple[str, Any]], said: tuple[Any, ...] | None) -> Heard:
    from netviz.talk import Heard, Talk

    found = list(zip(ready, unpack(told), strict=True))
    if said is None:
        return Heard(found, None)
    block, places, things = said
    control = [(place, packet, thing) for (place, packet), thing in zip(places, unpack(things), strict=True)]
    return Heard(found, Talk(next(unpack(block))[1], control))
