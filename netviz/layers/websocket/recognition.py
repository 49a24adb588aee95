"""Recognising frames where no upgrade tells that there are any: by a run of them without a fault.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.layers.websocket.frame import BINARY, CONTINUATION, FIN, Head, plausible, promising, read_head
from netviz.stream import Place, Stream

__all__ = ["TRIED", "Run", "find_run"]

#: Beginnings of segments that are tried.
TRIED = 64

#: The length of a frame that is worth waiting for.
_AWAITED = 16 << 10

#: Ends of frames that are told: so many are enough to be sure.
_TOLD = 3


class Run(NamedTuple):
    """Frames that follow one another: how many that are evidence, from which offset, whether nothing is left behind the
    last, and the ends of the first few.

    A continuation is no evidence: zeros, and lengths in front of messages, look like one.
    """

    frames: int
    offset: int
    filling: bool
    ends: tuple[int, ...] = ()


def find_run(stream: Stream, masked: bool) -> Run:
    """The first run of frames in what is unread, with nothing behind it that is none.

    Runs begin where segments do.  A frame of which the end was cut off counts where it fills its segment.
    """
    places = stream.places(TRIED)
    starts: dict[int, Place] | None = None
    lost = {gap.offset for gap in stream.gaps if not gap.cut}
    for place in places:
        head = read_head(stream.data, place.at, place.end)
        more = place.offset + place.end - place.at not in lost  # the rest of what is here may still come
        if head is None:
            if more and promising(stream.data, place.at, place.end, masked):
                break  # this may be one, when the rest of it has come
            continue
        if not plausible(head, masked):
            continue
        if starts is None:
            starts = {place.offset: place for place in stream.places()}
        run, rest = _follow(stream, place, starts, masked)
        if run.filling or (run.frames and rest):
            return run
        if more and rest and head.length <= _AWAITED and not run.ends:
            break
    return Run(0, stream.start, False)


def _follow(stream: Stream, place: Place, starts: dict[int, Place], masked: bool) -> tuple[Run, bool]:
    """The frames that follow one another from a place, and whether what is behind them may become one."""
    cut = {gap.offset + gap.length for gap in stream.gaps if gap.cut}
    frames = 0
    ends: list[int] = []
    inside: bool | None = None
    offset, at, end = place
    while True:
        head = read_head(stream.data, at, end)
        fitting = promising(stream.data, at, end, masked) if head is None else _fits(head, masked, inside)
        if head is None or not fitting:
            return Run(frames, place.offset, False, tuple(ends)), fitting
        size = head.size + head.length
        if size <= end - at:
            at += size
        elif offset + size in cut:
            at = end  # behind a cut the header is all there is: its length leads to the end of the segment
        else:
            return Run(frames, place.offset, False, tuple(ends)), True
        opcode = head.first & 15
        if opcode <= BINARY:
            inside = not head.first & FIN
        offset += size
        frames += opcode != CONTINUATION
        if opcode != CONTINUATION and len(ends) < _TOLD:
            ends.append(offset)
        if at == end:
            if offset not in starts:
                return Run(frames, place.offset, frames > 0, tuple(ends)), True
            offset, at, end = starts[offset]


def _fits(head: Head, masked: bool, inside: bool | None) -> bool:
    opcode = head.first & 15
    if inside is not None and opcode <= BINARY and (opcode == CONTINUATION) != inside:
        return False
    return plausible(head, masked)
