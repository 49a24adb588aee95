"""Blocks of frames: put together from columns and rows, put in order, merged."""

from __future__ import annotations

from typing import Any

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
from netviz.event import FrameBlock, Problem

__all__ = ["block", "merge", "no_frames", "ordered_block"]

#: Columns of a FrameBlock.
_COLUMNS = 12


def no_frames() -> FrameBlock:
    """A block without any."""
    columns = tuple(np.zeros(0, np.int64) for _ in range(_COLUMNS))
    return FrameBlock(columns=columns, several=np.zeros((0, 4), np.int64), broken={})


def block(frames: FrameBlock, rows: list[tuple[int, Any]]) -> FrameBlock:
    """All frames of a Batch in order: these, and rows that layers told with the packet that completed each."""
    told, several, broken = frames.columns, frames.several, dict(frames.broken)
    if rows:
        values, slices = [], []
        for place, (ready, row) in enumerate(rows, len(told[0])):
            number, index, origin, time, side, first, mask, head, length, problems = row
            if problems:
                broken[place] = problems
            if len(origin) != 3:
                slices += [(place, *origin[at : at + 3]) for at in range(0, len(origin), 3)]
            when = NO_TIME if time is None else time
            signed = length - (1 << 64) if length >> 63 else length
            values.append((number, index, *origin[:3], when, side, first, mask, head, signed, ready))
        added = np.array(values, np.int64).T
        told = tuple(np.concatenate(both) for both in zip(told, added, strict=True))
        several = np.concatenate((several, np.array(slices, np.int64).reshape(-1, 4)))
    return ordered_block(told, several, broken)


def merge(blocks: list[FrameBlock]) -> FrameBlock:
    """Blocks of the same Batch as one."""
    several: list[Ints] = []
    broken: dict[int, tuple[Problem, ...]] = {}
    before = 0
    for part in blocks:
        several.append(part.several + np.array([before, 0, 0, 0]))
        broken |= {before + place: problems for place, problems in part.broken.items()}
        before += len(part.columns[0])
    columns = tuple(np.concatenate(columns) for columns in zip(*(part.columns for part in blocks), strict=True))
    return ordered_block(columns, np.concatenate(several), broken)


def ordered_block(columns: tuple[Ints, ...], several: Ints, broken: dict[int, tuple[Problem, ...]]) -> FrameBlock:
    """Frames in the order of the packets that completed them, which the last column says."""
    order = np.argsort(columns[-1], kind="stable")
    if broken or len(several):
        where = np.empty(len(order), np.int64)
        where[order] = np.arange(len(order))
        broken = {int(where[place]): problems for place, problems in broken.items()}
        several = np.column_stack((where[several[:, 0]], several[:, 1:]))
        several = several[np.argsort(several[:, 0], kind="stable")]
    return FrameBlock(columns=tuple(column[order] for column in columns), several=several, broken=broken)
