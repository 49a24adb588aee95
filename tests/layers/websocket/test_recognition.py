"""Runs of frames in bytes of which nobody said what they are."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.websocket.frame import plausible, read_head
from netviz.layers.websocket.recognition import Run, find_run
from netviz.stream import Stream
from tests.frames import BINARY, CLOSE, CONTINUATION, MASK, PING, TEXT, frame


class _Gap(NamedTuple):
    """Bytes that are missing."""

    length: int
    cut: bool = False


_Piece = bytes | _Gap


def _stream(pieces: list[_Piece]) -> Stream:
    stream = Stream()
    for packet, piece in enumerate(pieces, 1):
        if isinstance(piece, _Gap):
            stream.miss(piece.length, cut=piece.cut, ready=packet, time=None)
        else:
            stream.append(piece, packet=packet, place=54, ready=packet, time=None)
    return stream


_A, _B, _C = (frame(TEXT, text, MASK) for text in (b"Hello", b"", b"x" * 200))
_JUNK = b"no frames here"

#: A frame of so many bytes is waited for where its header alone came.
_AWAITED = 16 << 10
_LONG = frame(BINARY, bytes(1000), MASK)

#: Segments of a client, and the run in them.
_TABLE: dict[str, tuple[list[_Piece], Run]] = {
    "nothing": ([], Run(0, 0, False)),
    "one": ([_A], Run(1, 0, True)),
    "several in one segment": ([_A + _B + _C], Run(3, 0, True)),
    "one in each": ([_A, _B, _C], Run(3, 0, True)),
    "over segments": ([_A[:3], _A[3:] + _B[:1], _B[1:]], Run(2, 0, True)),
    "every kind": (
        [frame(TEXT, b"a", 1, fin=False), frame(PING, b"", 2), frame(CONTINUATION, b"b", 3), frame(CLOSE, b"", 4)],
        Run(3, 0, True)),
    "the rest of a message": ([frame(CONTINUATION, b"a", 1, fin=False), frame(CONTINUATION, b"b", 2), _A], Run(1, 0, True)),
    "the rest of a message alone": ([frame(CONTINUATION, b"a", 1, fin=False), frame(CONTINUATION, b"b", 2)], Run(0, 0, False)),
    "a continuation behind a finished message": ([_A, frame(CONTINUATION, b"b", 2)], Run(0, 0, False)),
    "a continuation behind a finished message and a ping": (
        [_A + frame(PING, b"", 2) + frame(CONTINUATION, b"b", 2)], Run(0, 0, False)),
    "a continuation behind the rest of a message": (
        [frame(CONTINUATION, b"a", 1), frame(CONTINUATION, b"b", 2), frame(TEXT, b"c", 3)], Run(1, 7, True)),
    "a message inside of another": ([frame(TEXT, b"a", 1, fin=False), frame(TEXT, b"b", 2)], Run(1, 7, True)),
    "an empty fragment in the middle": (
        [frame(TEXT, b"a", 1, fin=False) + frame(CONTINUATION, b"", 2, fin=False) + frame(CONTINUATION, b"", 3)],
        Run(0, 0, False)),
    "an empty last fragment": ([frame(TEXT, b"a", 1, fin=False), frame(CONTINUATION, b"", 3)], Run(1, 0, True)),
    "compressed": ([frame(TEXT, b"a", 1, rsv=4), frame(BINARY, b"a", 1, fin=False, rsv=4)], Run(2, 0, True)),
    "ends inside a payload": ([_A + _B + _C[:-1]], Run(2, 0, False)),
    "ends inside a header": ([_A + _B + _C[:3]], Run(2, 0, False)),
    "the first one is not whole": ([_C[:-1]], Run(0, 0, False)),
    "a header that is not whole": ([_C[:3]], Run(0, 0, False)),
    "junk": ([_JUNK], Run(0, 0, False)),
    "behind junk": ([_JUNK, _A, _B], Run(2, len(_JUNK), True)),
    "behind the end of a frame": ([_C[50:], _A], Run(1, len(_C) - 50, True)),
    "behind junk in the same segment": ([_JUNK + _A], Run(0, 0, False)),
    "junk behind it": ([_A, _JUNK], Run(0, 0, False)),
    "junk behind it in the same segment": ([_A + b"\xff\x80abcd"], Run(0, 0, False)),
    "one byte behind it": ([_A + b"\x81"], Run(1, 0, False)),
    "one byte behind it that begins none": ([_A + b"\xff"], Run(0, 0, False)),
    "two bytes behind it": ([_A + b"\x82\xfe"], Run(1, 0, False)),
    "two bytes behind it that begin none": ([_A + b"\x82\x7e"], Run(0, 0, False)),
    "half a frame, others behind": ([_C[:50], _A, _B], Run(0, 0, False)),
    "half a frame that is not awaited, others behind": (
        [frame(BINARY, bytes(_AWAITED + 1), 1)[:50], _A, _B], Run(2, 50, True)),
    "half a frame that is just awaited, others behind": ([frame(BINARY, bytes(_AWAITED), 1)[:50], _A, _B], Run(0, 0, False)),
    "a byte too many before them": ([b"\x81", _A, _B], Run(2, 1, True)),
    "without a mask": ([frame(TEXT, b"Hello")], Run(0, 0, False)),
    "one without a mask": ([_A, frame(TEXT, b"Hello"), _B], Run(1, len(_A) + 7, True)),
    "RSV2": ([frame(TEXT, b"a", 1, rsv=2)], Run(0, 0, False)),
    "RSV1 on a ping": ([frame(PING, b"a", 1, rsv=4)], Run(0, 0, False)),
    "RSV1 on a continuation": ([frame(CONTINUATION, b"a", 1, rsv=4)], Run(0, 0, False)),
    "reserved opcode": ([frame(3, b"a", 1)], Run(0, 0, False)),
    "reserved control opcode": ([frame(11, b"a", 1)], Run(0, 0, False)),
    "control in fragments": ([frame(PING, b"a", 1, fin=False)], Run(0, 0, False)),
    "control too long": ([frame(PING, bytes(126), 1)], Run(0, 0, False)),
    "length not minimal": ([frame(TEXT, b"a", 1, length_form=16)], Run(0, 0, False)),
    "lost behind it": ([_A, _Gap(5), _JUNK], Run(1, 0, True)),
    "lost behind it, and frames": ([_A, _Gap(5), _B], Run(1, 0, True)),
    "lost before it": ([_Gap(5), _A, _B], Run(2, 5, True)),
    "lost inside it": ([_C[:50], _Gap(50), _C[100:]], Run(0, 0, False)),
    "lost inside it, others behind": ([_C[:50], _Gap(50), _C[100:], _A], Run(1, len(_C), True)),
    "lost inside a header, others behind": ([_C[:3], _Gap(50), _C[53:], _A], Run(1, len(_C), True)),
    "lost inside the second": ([_A + _C[:50], _Gap(len(_C) - 50), _B], Run(1, 0, False)),
    "cut": ([_LONG[:60], _Gap(len(_LONG) - 60, True)], Run(1, 0, True)),
    "cut behind others": ([_A + _B + _LONG[:60], _Gap(len(_LONG) - 60, True)], Run(3, 0, True)),
    "each one cut": ([_LONG[:20], _Gap(len(_LONG) - 20, True)] * 3, Run(3, 0, True)),
    "cut, others behind": ([_LONG[:60], _Gap(len(_LONG) - 60, True), _A, _B], Run(3, 0, True)),
    "cut, junk behind": ([_LONG[:60], _Gap(len(_LONG) - 60, True), _JUNK], Run(0, 0, False)),
    "cut, and more than itself": ([_LONG[:60], _Gap(len(_LONG) - 59, True)], Run(0, 0, False)),
    "cut, and less than itself": ([_LONG[:60], _Gap(len(_LONG) - 61, True)], Run(0, 0, False)),
    "cut inside a header": ([_LONG[:7], _Gap(len(_LONG) - 7, True)], Run(0, 0, False)),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_run(name: str) -> None:
    pieces, run = _TABLE[name]
    stream = _stream(pieces)
    before = bytes(stream.data), stream.start, len(stream.gaps)
    assert find_run(stream, masked=True)[:3] == run[:3]
    assert (bytes(stream.data), stream.start, len(stream.gaps)) == before


@pytest.mark.parametrize("name", _TABLE)
def test_run_of_a_stream_that_was_read_before(name: str) -> None:
    pieces, run = _TABLE[name]
    stream = _stream([b"GET / HTTP/1.1\r\n", *pieces])
    stream.consume(16)
    assert find_run(stream, masked=True)[:3] == (run.frames, run.offset + 16, run.filling)


def test_run_in_the_middle_of_a_segment() -> None:
    # What is unread need not begin where a segment does: the first frames may follow the answer at once.
    stream = _stream([_JUNK + _A, _B])
    stream.consume(len(_JUNK))
    assert find_run(stream, masked=True)[:3] == Run(2, len(_JUNK), True)[:3]


def test_server() -> None:
    plain = [frame(TEXT, b"Hello"), frame(PING), frame(BINARY, bytes(70_000))]
    assert find_run(_stream([*plain]), masked=False)[:3] == Run(3, 0, True)[:3]
    assert find_run(_stream([*plain]), masked=True).frames == 0
    assert find_run(_stream([_A, _B]), masked=False).frames == 0


def test_zeros_are_no_frames() -> None:
    # Each two of them look like an empty continuation: of these alone nobody sends a run.
    assert find_run(_stream([bytes(1000)]), masked=False).frames == 0
    assert find_run(_stream([bytes(1000), bytes(1000)]), masked=False).frames == 0


def test_seek_goes_where_the_run_begins() -> None:
    stream = _stream([_C[:50], _Gap(50), _C[100:], _A, _B])
    stream.seek(find_run(stream, masked=True).offset)
    assert bytes(stream.data) == _A + _B


@pytest.mark.parametrize("before", [62, 63, 64])
def test_beginnings_of_segments_that_are_tried(before: int) -> None:
    run = find_run(_stream([*[b"\xff"] * before, _A, _B]), masked=True)
    assert run[:3] == ((2, before, True) if before < 64 else (0, 0, False))


def test_ends_of_the_first_frames() -> None:
    pieces: list[_Piece] = [_JUNK, frame(CONTINUATION, b"a", 1), _A + frame(PING, b"", 2), _B, _A]
    ends = [len(_JUNK) + 7 + len(_A), len(_JUNK) + 7 + len(_A) + 6, len(_JUNK) + 7 + len(_A) + 6 + len(_B)]
    assert find_run(_stream(pieces), masked=True) == Run(4, len(_JUNK), True, tuple(ends))
    assert find_run(_stream([_A]), masked=True).ends == (len(_A),)


_frames = st.builds(
    lambda opcode, size, mask: frame(opcode, bytes(min(size, 125) if opcode >= CLOSE else size), mask),
    st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING]), st.sampled_from([0, 1, 5, 125, 126, 300]),
    st.integers(0, 0xFFFFFFFF),
)  # fmt: skip


@st.composite
def _sent(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Opcodes and frames as a client sends them, from anywhere on, with at least one that is no continuation."""
    sizes, masks = st.sampled_from([1, 5, 125, 126, 300]), st.integers(0, 0xFFFFFFFF)
    found: list[tuple[int, bytes]] = []

    def control() -> None:
        if draw(st.integers(0, 3)) == 0:
            opcode = draw(st.sampled_from([PING, CLOSE]))
            found.append((opcode, frame(opcode, bytes(draw(st.sampled_from([0, 2, 125]))), draw(masks))))

    for index in range(draw(st.integers(2, 4))):
        count = draw(st.integers(1, 3))
        for at in range(count):
            # Of the first message only the end may be there.
            opcode = CONTINUATION if at or (not index and draw(st.booleans())) else draw(st.sampled_from([TEXT, BINARY]))
            last = at == count - 1
            found.append((opcode, frame(opcode, bytes(draw(sizes) - (draw(st.booleans()) and last)), draw(masks), fin=last)))
            control()
    return found


@settings(max_examples=100, deadline=None)
@given(frames=_sent(), cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_frames_in_any_segments(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(each for _, each in frames)
    ends = sorted({cut % len(data) for cut in cuts} | {0, len(data)})
    pieces: list[_Piece] = [data[start:stop] for start, stop in pairwise(ends)]
    behind = list(accumulate(len(each) for _, each in frames))
    evidence = [end for end, (opcode, _) in zip(behind, frames, strict=True) if opcode != CONTINUATION]
    assert find_run(_stream(pieces), masked=True) == Run(len(evidence), 0, True, tuple(evidence[:3]))


_pieces = st.lists(
    st.binary(min_size=1, max_size=12) | _frames | st.builds(_Gap, st.integers(1, 20), st.booleans()), max_size=8
)


@settings(max_examples=200, deadline=None)
@given(pieces=_pieces, masked=st.booleans())
def test_anything(pieces: list[_Piece], masked: bool) -> None:
    stream = _stream(pieces)
    run = find_run(stream, masked)
    assert 0 <= run.offset <= stream.end
    if run.frames:
        stream.seek(run.offset)
        assert stream.start == run.offset
        head = read_head(stream.data, 0, stream.available)
        assert head is not None
        assert plausible(head, masked)
    else:
        assert run == Run(0, 0, False)
