"""Segments of one direction become its Stream: whatever order they come in, and whatever is missing."""

from __future__ import annotations

import itertools
import random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.tcp.reassembly import _MOST_BYTES, _MOST_PENDING, _TOLERANCE, MEMORY, WINDOW, Reassembly

_WORD = 0xFFFFFFFF

#: Where the first byte is: in the middle, around the wrap, and around the half of all numbers.
_FIRSTS = [1, 1000, 0xFFFFFFFF, 0xFFFFFFFD, 0, 0x7FFFFFFE, 0x80000001]

#: Where payload begins in a packet.
_PLACE = 54


class _Feeder:
    """Gives a Reassembly segments by their offsets; packets count from 1."""

    def __init__(self, first: int = 1000, *, begun: bool = True) -> None:
        self.end = Reassembly()
        self.first = first
        self.packet = 0
        if begun:
            self.end.begin(first, whole=True)

    def take(self, offset: int, data: bytes, *, captured: int | None = None, fin: bool = False) -> None:
        self.packet += 1
        kept = data if captured is None else data[:captured]
        self.end.take(self.first + offset & _WORD, len(data), kept, self.packet, _PLACE, 10 * self.packet, fin)

    def advance(self, end: int, data: bytes, lengths: list[int], packets: list[int]) -> None:
        """Segments that are due, all at once; ``end`` is the offset behind them."""
        carriers = np.array(packets, np.int64)
        self.end.advance(
            self.first + end, data, np.array(lengths, np.int64), carriers, np.full_like(carriers, _PLACE), 10 * carriers
        )
        self.packet = packets[-1]

    def acknowledge(self, offset: int) -> None:
        self.packet += 1
        self.end.acknowledged(self.first + offset & _WORD, self.packet, 10 * self.packet)

    def close(self) -> None:
        self.packet += 1
        self.end.close(self.packet, 10 * self.packet)

    @property
    def data(self) -> bytes:
        return bytes(self.end.stream.data)

    @property
    def gaps(self) -> list[tuple[int, int, bool]]:
        """Offset, length, cut."""
        return [(gap.offset, gap.length, gap.cut) for gap in self.end.stream.gaps]

    @property
    def problems(self) -> list[tuple[int, str, int]]:
        """Offset, kind, packet."""
        return [(offset, problem.kind, problem.packet) for offset, problem in self.end.stream.problems]

    def carriers(self) -> list[int]:
        """The packet that carried each byte that was read."""
        origin = self.end.stream.origin(0, self.end.stream.end)
        return [origin[at] for at in range(0, len(origin), 3) for _ in range(origin[at + 1], origin[at + 2])]


_Given = list[tuple[int, bytes]]

#: Segments by offset and data; then data, and the packet of each byte.
_COMPLETE: dict[str, tuple[_Given, bytes, list[int]]] = {
    "in order": ([(0, b"abc"), (3, b"de")], b"abcde", [1, 1, 1, 2, 2]),
    "repeated": ([(0, b"abc"), (0, b"abc"), (3, b"de"), (3, b"de")], b"abcde", [1, 1, 1, 3, 3]),
    "repeated with more": ([(0, b"abc"), (0, b"abcde")], b"abcde", [1, 1, 1, 2, 2]),
    "repeated in part with more": ([(0, b"abc"), (1, b"bcde")], b"abcde", [1, 1, 1, 2, 2]),
    "repeated much later": ([(0, b"abc"), (3, b"de"), (5, b"fg"), (0, b"abc")], b"abcdefg", [1, 1, 1, 2, 2, 3, 3]),
    "a part of what came": ([(0, b"abcde"), (1, b"bc"), (5, b"f")], b"abcdef", [1] * 5 + [3]),
    "out of order": ([(3, b"de"), (0, b"abc")], b"abcde", [2, 2, 2, 1, 1]),
    "from the end": ([(4, b"e"), (3, b"d"), (2, b"c"), (1, b"b"), (0, b"a")], b"abcde", [5, 4, 3, 2, 1]),
    "out of order and repeated": ([(3, b"de"), (3, b"de"), (0, b"abc")], b"abcde", [3, 3, 3, 1, 1]),
    "what waits is repeated with more": ([(3, b"de"), (2, b"cdef"), (0, b"ab")], b"abcdef", [3, 3, 2, 1, 1, 2]),
    "fills the hole exactly": ([(0, b"a"), (3, b"d"), (1, b"bc")], b"abcd", [1, 3, 3, 2]),
    "fills more than the hole": ([(0, b"ab"), (3, b"de"), (1, b"bcd")], b"abcde", [1, 1, 3, 2, 2]),
    "fills two holes at once": ([(1, b"b"), (3, b"d"), (0, b"abcde")], b"abcde", [3, 1, 3, 2, 3]),
    "fills a hole in two steps": ([(3, b"d"), (0, b"ab"), (2, b"c")], b"abcd", [2, 2, 3, 1]),
    "before the first byte": ([(-2, b"xyab"), (2, b"cd")], b"abcd", [1, 1, 2, 2]),
    "only before the first byte": ([(-3, b"xy"), (0, b"ab")], b"ab", [2, 2]),
    "nothing in it": ([(0, b""), (7, b""), (0, b"ab")], b"ab", [3, 3]),
    "a keep-alive of one byte": ([(0, b"abc"), (2, b"\0"), (3, b"d")], b"abcd", [1, 1, 1, 3]),
    "a keep-alive before everything": ([(-1, b"\0"), (0, b"ab")], b"ab", [2, 2]),
    "one byte that is repeated early": ([(0, b"abc"), (1, b"b"), (3, b"d")], b"abcd", [1, 1, 1, 3]),
}  # fmt: skip


@pytest.mark.parametrize("name", _COMPLETE)
@pytest.mark.parametrize("first", _FIRSTS)
def test_all_bytes_come(name: str, first: int) -> None:
    segments, data, carriers = _COMPLETE[name]
    feeder = _Feeder(first)
    for offset, piece in segments:
        feeder.take(offset, piece)
    assert (feeder.data, feeder.gaps, feeder.problems) == (data, [], [])
    assert feeder.carriers() == carriers
    assert feeder.end.next == first + len(data) & _WORD
    assert feeder.end.smooth
    feeder.close()
    assert (feeder.data, feeder.gaps) == (data, [])


def test_the_origin_of_a_part_is_the_place_of_that_part() -> None:
    feeder = _Feeder()
    for offset, piece in [(0, b"ab"), (6, b"gh"), (1, b"bcd"), (3, b"defghi")]:
        feeder.take(offset, piece)
    assert feeder.end.stream.origin(0, 9) == (1, 54, 56, 3, 55, 57, 4, 55, 57, 2, 54, 56, 4, 59, 60)


def test_what_waited_is_ready_with_the_packet_that_was_missing() -> None:
    feeder = _Feeder()
    for offset, piece in [(0, b"ab"), (4, b"ef"), (2, b"cd"), (6, b"gh")]:
        feeder.take(offset, piece)
    stream = feeder.end.stream
    assert [stream.ready(at) for at in (0, 2, 4, 6)] == [(1, 10), (3, 30), (3, 30), (4, 40)]


def test_smooth_while_nothing_waits() -> None:
    feeder = _Feeder()
    found = []
    for offset, piece in [(0, b"ab"), (4, b"ef"), (0, b"ab"), (2, b"cd"), (8, b"x")]:
        feeder.take(offset, piece)
        found.append(feeder.end.smooth)
    assert found == [True, False, False, True, False]


#: Segments; then the problems: at which offset, in which packet, at which of its places.
_DIFFERING: dict[str, tuple[_Given, bytes, list[tuple[int, int, int]]]] = {
    "of what was read": ([(0, b"abc"), (0, b"aXc")], b"abc", [(1, 2, _PLACE + 1)]),
    "with more": ([(0, b"abc"), (1, b"bXde")], b"abcde", [(2, 2, _PLACE + 1)]),
    "several bytes are told once": ([(0, b"abcd"), (0, b"aXYd")], b"abcd", [(1, 2, _PLACE + 1)]),
    "of what waits": ([(3, b"def"), (3, b"deX"), (0, b"abc")], b"abcdef", [(5, 2, _PLACE + 2)]),
    "of what waits, in part": ([(3, b"def"), (1, b"bcXe"), (0, b"a")], b"abcdef", [(3, 2, _PLACE + 2)]),
    "of two pieces that wait": (
        [(2, b"c"), (4, b"e"), (1, b"bXdY"), (0, b"a")], b"abcde", [(2, 3, _PLACE + 1), (4, 3, _PLACE + 3)]),
    "of what was read and what waits": (
        [(0, b"ab"), (3, b"d"), (1, b"XcY")], b"abcd", [(1, 3, _PLACE), (3, 3, _PLACE + 2)]),
    "each time again": ([(0, b"abc"), (0, b"Xbc"), (0, b"abX")], b"abc", [(0, 2, _PLACE), (2, 3, _PLACE + 2)]),
    "a byte that is no keep-alive": ([(0, b"abc"), (1, b"X")], b"abc", [(1, 2, _PLACE)]),
    "before the first byte": ([(0, b"abc"), (-2, b"xyaXc")], b"abc", [(1, 2, _PLACE + 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", _DIFFERING)
@pytest.mark.parametrize("first", _FIRSTS)
def test_the_first_copy_counts_and_another_one_is_told(name: str, first: int) -> None:
    segments, data, problems = _DIFFERING[name]
    feeder = _Feeder(first)
    for offset, piece in segments:
        feeder.take(offset, piece)
    assert (feeder.data, feeder.gaps) == (data, [])
    assert feeder.problems == [(offset, "overlap-differs", packet) for offset, packet, _ in problems]
    for (_, problem), (_, packet, place) in zip(feeder.end.stream.problems, problems, strict=True):
        assert problem.text.startswith(f"packet {packet} repeats bytes")
        assert f"byte {place} on" in problem.text
        assert "RFC 9293" in problem.text


def test_only_so_much_is_remembered_of_what_was_read() -> None:
    feeder = _Feeder()
    feeder.take(0, b"a" + b"b" * MEMORY)
    feeder.take(0, b"X")
    assert feeder.problems == []
    feeder.take(0, b"XX")
    assert feeder.problems == [(1, "overlap-differs", 3)]
    feeder.take(MEMORY - 1, b"bY")
    assert feeder.problems[1:] == [(MEMORY, "overlap-differs", 4)]


def test_pieces_add_up_in_what_is_remembered() -> None:
    feeder = _Feeder()
    for at in range(30):
        feeder.take(at * 200, bytes([at]) * 200)
    feeder.take(20 * 200, bytes([20]) * 200)
    assert feeder.problems == []
    feeder.take(30 * 200 - MEMORY, b"\xff" * 9)
    assert feeder.problems == [(30 * 200 - MEMORY, "overlap-differs", 32)]


class _Case(NamedTuple):
    """Steps: segments (offset, data, how many bytes of it were captured), "fin" at an offset, "ack" of an offset."""

    steps: list[Any]
    data: bytes
    gaps: list[tuple[int, int, bool]]


#: What a Stream is when nothing comes any more.
_INCOMPLETE: dict[str, _Case] = {
    "a hole": _Case([(0, b"ab"), (4, b"ef")], b"abef", [(2, 2, False)]),
    "a hole at the beginning": _Case([(4, b"ef")], b"ef", [(0, 4, False)]),
    "two holes": _Case([(6, b"g"), (0, b"ab"), (4, b"e")], b"abeg", [(2, 2, False), (5, 1, False)]),
    "acknowledged behind the end": _Case([(0, b"ab"), ("ack", 7)], b"ab", [(2, 5, False)]),
    "acknowledged, nothing else": _Case([("ack", 7)], b"", [(0, 7, False)]),
    "acknowledged up to the end": _Case([(0, b"ab"), ("ack", 2)], b"ab", []),
    "acknowledged, an older one behind": _Case([(0, b"ab"), ("ack", 7), ("ack", 2)], b"ab", [(2, 5, False)]),
    "acknowledged and it came": _Case([(0, b"ab"), ("ack", 4), (2, b"cd")], b"abcd", []),
    "acknowledged in a hole": _Case([(0, b"ab"), (6, b"g"), ("ack", 4)], b"abg", [(2, 4, False)]),
    "a FIN, all there": _Case([(0, b"ab"), ("fin", 2)], b"ab", []),
    "a FIN, all there and acknowledged": _Case([(0, b"ab"), ("fin", 2), ("ack", 3)], b"ab", []),
    "a FIN behind bytes that are missing": _Case([(0, b"ab"), ("fin", 5)], b"ab", [(2, 3, False)]),
    "a FIN behind missing bytes, acknowledged": _Case([(0, b"ab"), ("fin", 5), ("ack", 6)], b"ab", [(2, 3, False)]),
    "a FIN before bytes that come later": _Case([("fin", 4), (2, b"cd"), (0, b"ab")], b"abcd", []),
    "a FIN that is repeated": _Case([(0, b"ab"), ("fin", 2), ("fin", 2), ("ack", 3)], b"ab", []),
    "the first FIN counts": _Case([(0, b"ab"), ("fin", 2), ("fin", 9)], b"ab", []),
    "only a FIN": _Case([("fin", 0), ("ack", 1)], b"", []),
    "cut": _Case([(0, b"abcd", 2)], b"ab", [(2, 2, True)]),
    "cut, and more": _Case([(0, b"abcd", 2), (4, b"ef")], b"abef", [(2, 2, True)]),
    "cut to nothing": _Case([(0, b"ab"), (2, b"cd", 0), (4, b"ef")], b"abef", [(2, 2, True)]),
    "cut twice in a row": _Case([(0, b"abcd", 2), (4, b"efgh", 0), (8, b"i")], b"abi", [(2, 6, True)]),
    "cut, then a hole": _Case([(0, b"abcd", 2), (6, b"gh")], b"abgh", [(2, 2, True), (4, 2, False)]),
    "cut out of order": _Case([(4, b"efgh", 1), (0, b"abcd")], b"abcde", [(5, 3, True)]),
    "cut, the first copy counts": _Case([(0, b"abcd", 2), (0, b"abcd")], b"ab", [(2, 2, True)]),
    "cut, repeated with more": _Case([(0, b"abcd", 2), (2, b"cdef")], b"abef", [(2, 2, True)]),
    "cut in the part that is new": _Case([(0, b"abc"), (1, b"bcdef", 3)], b"abcd", [(4, 2, True)]),
    "cut in the part that is known": _Case([(0, b"abc"), (1, b"bcdef", 1)], b"abc", [(3, 3, True)]),
    "cut around what waits": _Case([(2, b"c"), (0, b"abcde", 1)], b"ac", [(1, 1, True), (3, 2, True)]),
    "cut copy of what is there": _Case([(0, b"abcd"), (0, b"abcd", 2), (4, b"e")], b"abcde", []),
    "beyond the largest window": _Case([(0, b"ab"), (WINDOW + 3, b"x")], b"ab", []),
    "at the largest window": _Case([(0, b"ab"), (WINDOW + 2, b"x")], b"abx", [(2, WINDOW, False)]),
    "far behind": _Case([(0, b"ab"), (-(WINDOW * 2 - 9), b"x")], b"ab", []),
    "a FIN beyond the largest window": _Case([(0, b"ab"), ("fin", WINDOW + 3)], b"ab", []),
    "acknowledged beyond the largest window": _Case([(0, b"ab"), ("ack", WINDOW + 3)], b"ab", []),
    "nothing": _Case([], b"", []),
}  # fmt: skip


@pytest.mark.parametrize("name", _INCOMPLETE)
@pytest.mark.parametrize("first", _FIRSTS)
def test_what_is_missing_becomes_gaps(name: str, first: int) -> None:
    steps, data, gaps = _INCOMPLETE[name]
    feeder = _Feeder(first)
    for step in steps:
        if step[0] == "fin":
            feeder.take(step[1], b"", fin=True)
        elif step[0] == "ack":
            feeder.acknowledge(step[1])
        else:
            feeder.take(step[0], step[1], captured=step[2] if len(step) == 3 else None)
    feeder.close()
    assert (feeder.data, feeder.gaps, feeder.problems) == (data, gaps, [])
    assert {(gap.ready, gap.time) for gap in feeder.end.stream.gaps if not gap.cut} <= {(feeder.packet, 10 * feeder.packet)}
    assert feeder.end.smooth


def test_a_fin_with_data() -> None:
    feeder = _Feeder()
    feeder.take(2, b"cd", fin=True)
    feeder.take(0, b"ab")
    feeder.acknowledge(5)
    feeder.close()
    assert (feeder.data, feeder.gaps) == (b"abcd", [])


@pytest.mark.parametrize("first", _FIRSTS)
def test_start_inside_a_connection(first: int) -> None:
    feeder = _Feeder(first, begun=False)
    assert feeder.end.next is None
    feeder.acknowledge(0)
    feeder.close()
    assert (feeder.data, feeder.gaps) == (b"", [])
    feeder.take(0, b"ab")
    assert not feeder.end.stream.whole
    feeder.take(4, b"ef")
    feeder.take(2, b"cd")
    assert (feeder.data, feeder.gaps) == (b"abcdef", [])
    assert feeder.end.next == first + 6 & _WORD


def test_whole_is_told_by_who_begins() -> None:
    assert _Feeder().end.stream.whole
    end = Reassembly()
    end.begin(5, whole=False)
    assert (end.next, end.stream.whole) == (5, False)


def test_what_was_acknowledged_is_lost_when_it_cannot_be_late() -> None:
    feeder = _Feeder()
    feeder.take(0, b"ab")
    feeder.take(4, b"ef")
    for _ in range(_TOLERANCE):
        feeder.acknowledge(6)
    assert (feeder.data, feeder.gaps) == (b"ab", [])
    feeder.acknowledge(6)
    assert (feeder.data, feeder.gaps) == (b"abef", [(2, 2, False)])
    gap = feeder.end.stream.gaps[0]
    assert (gap.ready, gap.time) == (feeder.packet, 10 * feeder.packet)
    assert feeder.end.stream.ready(4) == (feeder.packet, 10 * feeder.packet)
    feeder.take(2, b"cd")
    assert (feeder.data, feeder.gaps) == (b"abef", [(2, 2, False)])


def test_what_is_not_acknowledged_is_waited_for() -> None:
    feeder = _Feeder()
    feeder.take(0, b"ab")
    feeder.take(4, b"ef")
    for _ in range(3 * _TOLERANCE):
        feeder.acknowledge(2)
    feeder.take(2, b"cd")
    assert (feeder.data, feeder.gaps) == (b"abcdef", [])


def test_the_patience_begins_anew_with_each_hole() -> None:
    feeder = _Feeder()
    feeder.take(2, b"c")
    feeder.take(4, b"e")
    for _ in range(_TOLERANCE):
        feeder.acknowledge(9)
    feeder.take(0, b"ab")
    for _ in range(_TOLERANCE):
        feeder.acknowledge(9)
    assert (feeder.data, feeder.gaps) == (b"abc", [])
    feeder.acknowledge(9)
    assert (feeder.data, feeder.gaps) == (b"abce", [(3, 1, False)])


def test_so_many_segments_wait_at_most() -> None:
    feeder = _Feeder()
    for at in range(_MOST_PENDING):
        feeder.take(3 + 2 * at, b"x")
    assert (feeder.data, feeder.gaps) == (b"", [])
    feeder.take(3 + 2 * _MOST_PENDING, b"x")
    assert (feeder.data, feeder.gaps) == (b"x", [(0, 3, False)])
    feeder.take(5 + 2 * _MOST_PENDING, b"x")
    assert (feeder.data, feeder.gaps) == (b"xx", [(0, 3, False), (4, 1, False)])


def test_so_many_bytes_wait_at_most() -> None:
    feeder, size = _Feeder(), 1 << 15
    for at in range(_MOST_BYTES // size):
        feeder.take(1 + at * size, bytes(size))
    assert feeder.gaps == []
    feeder.take(1 + _MOST_BYTES, b"x")
    assert feeder.gaps == [(0, 1, False)]
    assert len(feeder.data) == _MOST_BYTES + 1


def test_bytes_that_were_cut_off_wait_for_nothing() -> None:
    feeder, size = _Feeder(), 1 << 15
    for at in range(2 * _MOST_BYTES // size):
        feeder.take(1 + at * size, bytes(size), captured=1)
    assert feeder.gaps == []


def test_many_small_holes_before_many_bytes() -> None:
    """One segment too many may give up hundreds of holes."""
    feeder, size = _Feeder(), 60_000
    for at in range(900):
        feeder.take(1 + 2 * at, b"x")
    far = 4000
    while not feeder.gaps and far < 2 * _MOST_BYTES:
        feeder.take(far, bytes(size))
        far += size
    assert feeder.gaps[:2] == [(0, 1, False), (2, 1, False)]
    assert feeder.end._held <= _MOST_BYTES


def test_advance_is_take_of_each() -> None:
    one, many = _Feeder(), _Feeder()
    for feeder in (one, many):
        feeder.take(0, b"ab")
    for offset, piece in [(2, b"cd"), (4, b"e"), (5, b"fgh")]:
        one.take(offset, piece)
    many.advance(8, b"cdefgh", [2, 1, 3], [2, 3, 4])
    for feeder in (one, many):
        feeder.take(6, b"gX")
        feeder.take(10, b"k")
        feeder.acknowledge(9)
        feeder.close()
    assert (many.data, many.gaps, many.problems) == (one.data, one.gaps, one.problems)
    assert many.carriers() == one.carriers()
    assert many.problems == [(7, "overlap-differs", 5)]
    assert [many.end.stream.ready(at) for at in range(8)] == [one.end.stream.ready(at) for at in range(8)]


def test_a_fin_among_what_is_due_does_not_move_the_bytes() -> None:
    """`advance` is given the number behind the last byte, `finish` notes the FIN; what is sent again lies where it lay."""
    one, many = _Feeder(), _Feeder()
    one.take(0, b"abcd", fin=True)
    many.advance(4, b"abcd", [4], [1])
    many.end.finish()
    for feeder in (one, many):
        feeder.take(0, b"abcd", fin=True)
        feeder.take(2, b"cd", fin=True)
        feeder.acknowledge(4)
    assert one.problems == []
    assert many.problems == one.problems
    assert many.end.in_flight() == one.end.in_flight() == 0
    for feeder in (one, many):
        feeder.acknowledge(5)
        feeder.close()
    assert (many.data, many.gaps) == (one.data, one.gaps) == (b"abcd", [])


def test_a_fin_that_was_noted_is_no_byte() -> None:
    """The FIN takes a number (RFC 9293 section 3.4): who acknowledges it acknowledges no byte that was lost."""
    for noted, gaps in ((True, []), (False, [(4, 1, False)])):
        feeder = _Feeder()
        feeder.advance(4, b"abcd", [4], [1])
        if noted:
            feeder.end.finish()
        feeder.acknowledge(5)
        feeder.close()
        assert (feeder.data, feeder.gaps) == (b"abcd", gaps)


@pytest.mark.parametrize(("acks", "flight"), [([], 6), ([2], 4), ([6], 0), ([4, 2], 2), ([9], 0)])
def test_in_flight(acks: list[int], flight: int) -> None:
    feeder = _Feeder()
    feeder.take(0, b"abcdef")
    for ack in acks:
        feeder.acknowledge(ack)
    assert feeder.end.in_flight() == flight


class _Sent(NamedTuple):
    """A segment as it was sent, and how much of it was captured."""

    start: int
    data: bytes
    captured: int


_firsts = st.one_of(st.integers(0, _WORD), st.integers(-200, 200).map(lambda at: at & _WORD), st.sampled_from(_FIRSTS))


@st.composite
def _sendings(draw: st.DrawFn, *, complete: bool, cut: bool = False, spoil: bool = False) -> tuple[bytes, list[_Sent]]:
    """A text and the segments that carry it, repeated, overlapping and out of order; ``complete`` leaves none out."""
    text = draw(st.binary(min_size=1, max_size=120))
    size = len(text)
    edges = sorted({0, size, *draw(st.lists(st.integers(0, size), max_size=12))})
    ranges = list(itertools.pairwise(edges))
    if not complete:
        ranges = draw(st.lists(st.sampled_from(ranges), max_size=len(ranges), unique=True))
    pairs = st.tuples(st.integers(0, size), st.integers(0, size)).map(lambda pair: (min(pair), max(pair)))
    ranges += draw(st.lists(pairs, max_size=8 if complete else 2))
    found = []
    for start, stop in draw(st.permutations(ranges)):
        data = bytearray(text[start:stop])
        if spoil and data and draw(st.booleans()):
            data[draw(st.integers(0, len(data) - 1))] ^= 0x55
        found.append(_Sent(start, bytes(data), draw(st.integers(0, len(data))) if cut else len(data)))
    return text, found


def _expected(size: int, sent: list[_Sent]) -> tuple[list[tuple[int, int, int] | bool], set[int]]:
    """For each offset the first copy (byte, packet, place), True for one that was cut off, False for none at all; and the
    packets that repeat a byte otherwise.
    """
    known: list[tuple[int, int, int] | bool] = [False] * size
    differing: set[int] = set()
    due = 0
    for packet, (start, data, captured) in enumerate(sent, 1):
        if len(data) == 1 and start == due - 1:
            continue
        for at, byte in enumerate(data):
            before = known[start + at]
            if before is False:
                known[start + at] = (byte, packet, _PLACE + at) if at < captured else True
            elif before is not True and at < captured and before[0] != byte:
                differing.add(packet)
        while due < size and known[due] is not False:
            due += 1
    return known, differing


def _told(feeder: _Feeder, size: int) -> list[tuple[int, int, int] | bool]:
    """What a Stream says, in the same form."""
    stream = feeder.end.stream
    found: list[tuple[int, int, int] | bool] = []
    missing = {gap.offset + at: gap.cut for gap in stream.gaps for at in range(gap.length)}
    data = iter(stream.data)
    for at in range(stream.end):
        if at in missing:
            found.append(missing[at])
        else:
            packet, place, end = stream.origin(at, at + 1)
            assert end == place + 1
            found.append((next(data), packet, place))
    assert next(data, None) is None
    return found + [False] * (size - len(found))


@settings(max_examples=200, deadline=None)
@given(first=_firsts, sending=_sendings(complete=True))
def test_any_order_gives_the_original(first: int, sending: tuple[bytes, list[_Sent]]) -> None:
    text, sent = sending
    feeder = _Feeder(first)
    for start, data, _ in sent:
        feeder.take(start, data)
    assert (feeder.data, feeder.gaps, feeder.problems) == (text, [], [])
    assert feeder.end.smooth
    for at, packet in enumerate(feeder.carriers()):
        number, place, _ = feeder.end.stream.origin(at, at + 1)
        assert number == packet
        start, data, _ = sent[packet - 1]
        assert start + place - _PLACE == at
        assert data[place - _PLACE] == text[at]
        assert all(not other.start <= at < other.start + len(other.data) for other in sent[: packet - 1])


@settings(max_examples=150, deadline=None)
@given(first=_firsts, sending=_sendings(complete=True, spoil=True))
def test_of_copies_that_differ_the_first_counts(first: int, sending: tuple[bytes, list[_Sent]]) -> None:
    text, sent = sending
    feeder = _Feeder(first)
    for start, data, _ in sent:
        feeder.take(start, data)
    known, differing = _expected(len(text), sent)
    assert _told(feeder, len(text)) == known
    assert {packet for _, _, packet in feeder.problems} == differing
    for offset, _, packet in feeder.problems:
        start, data, _ = sent[packet - 1]
        assert data[offset - start] != feeder.data[offset]


@settings(max_examples=200, deadline=None)
@given(first=_firsts, sending=_sendings(complete=False, cut=True), acked=st.booleans())
def test_what_was_lost_or_cut_is_a_gap_where_it_belongs(first: int, sending: tuple[bytes, list[_Sent]], acked: bool) -> None:
    text, sent = sending
    feeder = _Feeder(first)
    for start, data, captured in sent:
        feeder.take(start, data, captured=captured)
    if acked:
        feeder.acknowledge(len(text))
    feeder.close()
    known, _ = _expected(len(text), sent)
    if acked:
        assert feeder.end.stream.end == len(text)
    assert _told(feeder, len(text)) == known
    assert feeder.problems == []
    for one, other in itertools.pairwise(feeder.gaps):
        assert one[0] + one[1] < other[0] or one[2] != other[2]


@settings(max_examples=60, deadline=None)
@given(
    first=_firsts,
    steps=st.lists(
        st.tuples(
            st.integers(0, _WORD) | st.integers(-60_000, 60_000), st.integers(0, 60_000) | st.integers(0, 9),
            st.integers(0, 60_000), st.booleans(), st.sampled_from(["take", "take", "take", "ack", "close"]),
        ),
        max_size=60,
    ),
    begun=st.booleans(),
)  # fmt: skip
def test_any_segments_are_taken(first: int, steps: list[tuple[int, int, int, bool, str]], begun: bool) -> None:
    feeder = _Feeder(first, begun=begun)
    stream = feeder.end.stream
    consumed = 0
    for offset, length, captured, fin, kind in steps:
        before = stream.end
        if kind == "take":
            feeder.take(offset, bytes([offset & 255]) * length, captured=captured, fin=fin)
        elif kind == "ack":
            feeder.acknowledge(offset)
        else:
            feeder.close()
        assert before <= stream.end
        assert len(feeder.end._pending) <= _MOST_PENDING
        assert feeder.end._held == sum(len(piece.data) for piece in feeder.end._pending) <= _MOST_BYTES
        assert feeder.end.smooth == (not feeder.end._pending)
        if feeder.end.next is not None and begun:
            assert feeder.end.next == first + stream.end & _WORD
        for gap in stream.gaps:
            assert gap.length > 0
        if fin:  # somebody reads meanwhile
            consumed += stream.available
            stream.consume(stream.available)
            if stream.gap is not None:
                stream.skip_gap()
    feeder.close()
    assert feeder.end.smooth
    assert consumed + len(stream.data) + sum(gap.length for gap in stream.gaps) <= stream.end


@pytest.mark.parametrize("seed", range(4))
def test_a_long_stream(seed: int) -> None:
    """More than is remembered, around the wrap."""
    rng = random.Random(seed)
    text = rng.randbytes(60_000)
    pieces = [(at, text[at : at + 700]) for at in range(0, len(text), 500)]
    order = sorted(range(len(pieces)), key=lambda index: index + rng.random() * 30)
    feeder = _Feeder(0xFFFFFFFF - 30_000)
    for index in order:
        feeder.take(*pieces[index])
        if rng.random() < 0.2:
            feeder.take(*pieces[rng.choice(order)])
    assert (feeder.data, feeder.gaps, feeder.problems) == (text, [], [])
