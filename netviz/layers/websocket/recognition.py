"""Recognising frames where no upgrade tells that there are any: by a run of them without a fault.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.layers.websocket.frame import plausible, read_head
from netviz.stream import Stream

__all__ = ["Run", "find_run"]


class Run(NamedTuple):
    """Frames that follow one another: how many, from which offset, and whether nothing is left behind the last."""

    frames: int
    offset: int
    filling: bool


def find_run(stream: Stream, masked: bool) -> Run:
    """The first run of frames in what is unread, with nothing behind it that is none.

    Runs begin where segments do.  A frame of which the end was cut off counts where it fills its segment.
    """
    places = stream.places()
    starts = {place.offset: place for place in places}
    cut = {gap.offset + gap.length for gap in stream.gaps if gap.cut}
    for place in places:
        count, (offset, at, end) = 0, place
        while True:
            head = read_head(stream.data, at, end)
            if head is None or not plausible(head, masked):
                break
            size = head.size + head.length
            if size > end - at:
                follows = starts.get(offset + size)
                # Behind a cut the header is all there is, so its length must lead to the end of the segment.
                if offset + size not in cut:
                    break
                count += 1
                if follows is None:
                    return Run(count, place.offset, True)
                offset, at, end = follows
                continue
            offset, at, count = offset + size, at + size, count + 1
            if at == end and offset in starts:
                offset, at, end = starts[offset]
            elif at == end:
                return Run(count, place.offset, True)
        broken = head is not None and not plausible(head, masked)
        if count and not broken:
            return Run(count, place.offset, False)
    return Run(0, stream.start, False)
