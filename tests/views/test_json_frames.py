"""Many frames at once as lines of JSON: each as it is written alone, in C and without."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netviz.event import FrameBlock, Problem
from netviz.native import native
from netviz.views import jsonl
from netviz.views.jsonl import JsonLines
from tests.columns import BAD_PAGES, IN_C, page

#: Packets of frames that lie in several, by their place.
_SEVERAL: dict[int, tuple[int, ...]] = {0: (9, 12, 12), 1: (10, 11), 2: (11, 1 << 40), 5: tuple(range(14, 400))}


def _block(times: list[int], packets: dict[int, tuple[int, ...]] = _SEVERAL) -> FrameBlock:
    """A frame at each of these times, every third of a client; some of them in several packets, by their place."""
    count = len(times)
    place = np.arange(count)
    mask = np.where(place % 3, -1, place * 7919)
    columns = (place % 5, place + 1, place + 9, place, place, np.array(times, np.int64), (place % 3 > 0) + 0, 0x81 + place % 2,
               mask, place % 14, place * 300, place)  # fmt: skip
    broken: dict[int, tuple[Problem, ...]] = {1: (Problem("mask-missing", "no mask", 4),)} if count > 1 else {}
    several = [
        (place, packet, 4, 5) for place, some in packets.items() if place < count for packet in some
    ]  # fmt: skip
    return FrameBlock(columns=columns, several=np.array(several, np.int64).reshape(-1, 4), broken=broken)


def _all_ways(block: FrameBlock, start: int, together: int) -> list[str]:
    """The lines of a block, which are the same without C, and one by one."""
    lines = JsonLines()
    lines.start = start
    written = []
    for loop in (native, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonl, "native", loop)
            patch.setattr(jsonl, "_TOGETHER", together)
            written.append(b"".join(lines.block(block)).decode().splitlines())
    assert written[0] == written[1] == [lines.line(frame) for frame in block.frames()]
    return written[0]


@pytest.mark.parametrize("together", [1, 2, 3, 4096])
@given(start=st.integers(-(1 << 52), 1 << 52), times=st.lists(st.integers(0, 10**13) | st.integers(0, 10**6), max_size=6))
@example(start=0, times=[0, 1, 10, 99_999, 100_000, 100_001, 123_450_000, 10**9, 10**9 + 1, 10**10, 9_999_999_999_999])
@example(start=-(10**15) + 5, times=[0, 4, 5, 6])
@example(start=1, times=[0, 1, 2])
def test_a_block_is_written_as_its_frames_are(together: int, start: int, times: list[int]) -> None:
    _all_ways(_block(times), start, together)


@pytest.mark.parametrize("together", [1, 2, 3, 4096])
@given(
    packets=st.dictionaries(
        st.integers(0, 5),
        st.lists(st.integers(1, 5) | st.sampled_from([1 << 40, (1 << 63) - 1]), min_size=2, max_size=9).map(tuple),
    )
)
@example(packets={0: (3, 3)})
@example(packets={0: (3, 3, 3, 4, 4), 1: (4, 4), 2: (4, 5), 5: (6, 6)})
@example(packets={0: (5, 4), 2: (4, 5, 4), 3: (4, 5, 5, 4, 6, 4)})
@example(packets={4: (9, 3, 9, 3, 12, 9, 1, 12, 12, 1)})
@example(packets={3: (1, 2, 3, 2, 3, 4, 1)})
@example(packets={0: (2, 1, 2), 5: tuple(range(400, 14, -1)) * 2})
def test_packets_that_come_again(together: int, packets: dict[int, tuple[int, ...]]) -> None:
    """Each is told once, where it came first, whether they ascend or not; none by the frame behind it."""
    packets = dict(sorted(packets.items()))
    told = [json.loads(line)["packets"] for line in _all_ways(_block([5] * 6, packets), 0, together)]
    assert told == [list(dict.fromkeys(packets.get(place, (place + 9,)))) for place in range(6)]


def test_very_many_packets_in_no_order() -> None:
    """A frame may lie in as many packets as it has bytes; each of them is not searched for among all the others."""
    down = tuple(range(130_000, 0, -1))
    line = _all_ways(_block([5], {0: down}), 0, 4096)[0]
    assert json.loads(line)["packets"] == list(down)


def _packets(text: bytes) -> list[bytes]:
    return [line.partition(b'"packets": [')[2].partition(b"]")[0] for line in text.splitlines()]


#: Two slices of the first of two frames.
_SLICES = page()[-1]


@IN_C
@pytest.mark.parametrize(("slices", "packets"), [
    (_SLICES, [b"8, 9", b"3"]), (_SLICES[:1], [b"8", b"3"]), (b"", [b"3", b"3"]), (bytes(31), [b"3", b"3"]),
    (_SLICES.tobytes()[:-1], [b"8", b"3"]), (np.array(((1, 8, 1, 2), (1, 8, 5, 9)), np.int64), [b"3", b"8"]),
    (np.array(((2, 8, 1, 2), (1, 9, 1, 2)), np.int64), [b"3", b"3"]), (np.array(((-1, 8, 1, 2),), np.int64), [b"3", b"3"]),
    (np.array(((0, 9, 1, 2), (1, 8, 1, 2), (1, 9, 0, 1)), np.int64), [b"9", b"8, 9"]),
])  # fmt: skip
def test_slices_that_are_given(slices: Any, packets: list[bytes]) -> None:
    """Those of other frames are none of these."""
    assert native is not None
    assert _packets(native.lines(page(slices=slices), 0, 2)) == packets


@IN_C
def test_packets_as_wide_as_they_can_be() -> None:
    """There is room for them: a number below nothing is written as if it were none."""
    assert native is not None
    slices = np.array([(place, -1 - at, 0, 0) for place in (0, 1) for at in range(5000)], np.int64)
    wide = b", ".join(b"%d" % ((1 << 64) - 1 - at) for at in range(5000))
    assert _packets(native.lines(page(slices=slices), 0, 2)) == [wide, wide]


@IN_C
@pytest.mark.parametrize(("first", "end"), [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)])
def test_some_of_the_frames(first: int, end: int) -> None:
    assert native is not None
    every = native.lines(page(slices=b""), 0, 2).splitlines(keepends=True)
    assert len(every) == 2
    assert native.lines(page(slices=b""), first, end) == b"".join(every[first:end])


@IN_C
@pytest.mark.parametrize(("given", "error"), [
    ((), TypeError), ((page(),), TypeError), ((page(), 0), TypeError), ((page(), 0, 2, 1), TypeError),
    ((None, 0, 2), TypeError), ((list(page()), 0, 2), TypeError), ((page(), None, 2), TypeError), ((page(), 0, "2"), TypeError),
    ((page(), 0.0, 2), TypeError), ((page(), 0, 3), ValueError), ((page(), -1, 2), ValueError), ((page(), 3, 2), ValueError),
    ((page(), 2, 1), ValueError), ((page(), 3, 3), ValueError), ((page(), 0, 1 << 64), OverflowError),
    ((page(), -1 << 64, 2), OverflowError), *(((some, 0, 2), error) for some, error in BAD_PAGES),
])  # fmt: skip
def test_frames_that_c_does_not_write(given: tuple[Any, ...], error: type[Exception]) -> None:
    assert native is not None
    with pytest.raises(error):
        native.lines(*given)


@IN_C
@pytest.mark.parametrize(("changes", "end"), [({}, 2), ({}, 3), ({"seconds": ()}, 2), ({"columns": ()}, 2)])
def test_slices_are_let_go(changes: dict[str, Any], end: int) -> None:
    assert native is not None
    slices = bytearray(_SLICES.tobytes())
    with contextlib.suppress(ValueError):
        native.lines(page(slices=slices, **changes), 0, end)
    slices.append(0)  # raises where somebody still holds it
