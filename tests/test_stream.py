"""A Stream keeps bytes in order, knows its gaps, and says of every byte where it came from."""

from __future__ import annotations

import itertools
from array import array
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import netviz.stream
from netviz.capture.batch import NO_TIME
from netviz.native import native
from netviz.stream import _STALE, Gap, Place, Stream

_in_c = pytest.mark.skipif(native is None, reason="built without C")


def _stream(*pieces: bytes | int | tuple[int, bool]) -> Stream:
    """A Stream of these pieces: bytes of packet 1, 2, … at place 50, a number of lost bytes, or (bytes cut, True)."""
    stream, packet = Stream(), 0
    for piece in pieces:
        if isinstance(piece, bytes):
            packet += 1
            stream.append(piece, packet=packet, place=50, ready=10 * packet, time=100 * packet)
        else:
            length, cut = piece if isinstance(piece, tuple) else (piece, False)
            stream.miss(length, cut=cut, ready=10 * packet + 10, time=None)
    return stream


def test_an_empty_stream() -> None:
    stream = Stream()
    assert (stream.start, stream.end, stream.available, stream.gap, stream.whole) == (0, 0, 0, None, True)
    assert stream.places() == []
    assert stream.origin(0, 5) == ()
    assert (stream.ready(0), stream.packet(0)) == ((0, None), 0)


@pytest.mark.parametrize(
    ("start", "end", "origin"),
    [
        (0, 4, (1, 50, 54)),
        (1, 3, (1, 51, 53)),
        (3, 4, (1, 53, 54)),
        (4, 5, (2, 50, 51)),
        (0, 5, (1, 50, 54, 2, 50, 51)),
        (3, 8, (1, 53, 54, 2, 50, 53, 3, 50, 51)),
        (4, 7, (2, 50, 53)),
        (7, 9, (3, 50, 52)),
        (0, 99, (1, 50, 54, 2, 50, 53, 3, 50, 52)),
    ],
)
def test_origin(start: int, end: int, origin: tuple[int, ...]) -> None:
    assert _stream(b"abcd", b"efg", b"hi").origin(start, end) == origin


@pytest.mark.parametrize(
    ("start", "end", "origin"),
    [
        (0, 2, (1, 50, 52)),
        (0, 5, (1, 50, 52)),
        (2, 5, ()),
        (3, 7, (2, 50, 52)),
        (1, 6, (1, 51, 52, 2, 50, 51)),
        (5, 8, (2, 50, 53)),
    ],
)
def test_origin_leaves_gaps_out(start: int, end: int, origin: tuple[int, ...]) -> None:
    assert _stream(b"ab", 3, b"cde").origin(start, end) == origin


def test_a_byte_out_of_order_is_ready_with_the_packet_that_closed_the_hole() -> None:
    stream = Stream()
    stream.append(b"ab", packet=3, place=40, ready=3, time=30)
    stream.append(b"cd", packet=2, place=44, ready=3, time=31)
    assert [stream.packet(at) for at in range(4)] == [3, 3, 2, 2]
    assert [stream.ready(at) for at in range(4)] == [(3, 30), (3, 30), (3, 31), (3, 31)]
    assert stream.origin(0, 4) == (3, 40, 42, 2, 44, 46)


def test_extend_is_append_of_each() -> None:
    one, many = Stream(), Stream()
    for stream in (one, many):
        stream.append(b"x", packet=1, place=9, ready=1, time=None)
        stream.miss(2, cut=False, ready=2, time=5)
    for data, packet, place, time in ((b"ab", 3, 50, 7), (b"c", 4, 51, None), (b"def", 5, 52, 8)):
        one.append(data, packet=packet, place=place, ready=packet, time=time)
    many.extend(b"abcdef", *np.array([[3, 5, 6], [5, 6, 9], [3, 4, 5], [50, 51, 52], [7, NO_TIME, 8]], np.int64))
    assert (many.data, many.end, many.gaps) == (one.data, one.end, one.gaps)
    assert many.places() == one.places()
    for at in (0, *range(3, 9)):
        assert (many.origin(at, at + 1), many.ready(at)) == (one.origin(at, at + 1), one.ready(at))
    assert many.origin(3, 9) == (3, 50, 52, 4, 51, 52, 5, 52, 55)


@pytest.mark.parametrize(
    ("pieces", "gaps", "end"),
    [
        ((b"ab", 3), [Gap(2, 3, False, 20, None)], 5),
        ((3, b"ab"), [Gap(0, 3, False, 10, None)], 5),
        ((b"ab", 3, 4), [Gap(2, 7, False, 20, None)], 9),
        ((b"ab", 3, (4, True)), [Gap(2, 3, False, 20, None), Gap(5, 4, True, 20, None)], 9),
        ((b"ab", (3, True), (4, True)), [Gap(2, 7, True, 20, None)], 9),
        ((b"ab", 3, b"c", 4, b"d"), [Gap(2, 3, False, 20, None), Gap(6, 4, False, 30, None)], 11),
    ],
)
def test_gaps(pieces: tuple[bytes | int | tuple[int, bool], ...], gaps: list[Gap], end: int) -> None:
    stream = _stream(*pieces)
    assert list(stream.gaps) == gaps
    assert stream.end == end
    assert stream.available == gaps[0].offset


def test_only_what_is_before_the_gap_is_available() -> None:
    stream = _stream(b"abc", 2, b"def")
    assert (stream.available, stream.gap) == (3, None)
    stream.consume(2)
    assert (stream.available, stream.gap) == (1, None)
    stream.consume(1)
    assert (stream.available, stream.start) == (0, 3)
    assert stream.gap == Gap(3, 2, False, 20, None)
    assert stream.skip_gap() == Gap(3, 2, False, 20, None)
    assert (stream.available, stream.start) == (3, 5)
    assert not stream.gaps
    assert stream.data == b"def"
    assert stream.origin(5, 8) == (2, 50, 53)


def test_what_is_lost_behind_a_gap_that_was_passed_is_another_gap() -> None:
    stream = _stream(b"a", 2)
    stream.consume(1)
    stream.skip_gap()
    stream.miss(4, cut=False, ready=9, time=1)
    assert list(stream.gaps) == [Gap(3, 4, False, 9, 1)]


@pytest.mark.parametrize(
    ("pieces", "consumed", "places"),
    [
        ((b"abcd", b"ef"), 0, [Place(0, 0, 6), Place(4, 4, 6)]),
        ((b"abcd", b"ef"), 1, [Place(1, 0, 5), Place(4, 3, 5)]),
        ((b"abcd", b"ef"), 4, [Place(4, 0, 2)]),
        ((b"abcd", b"ef"), 6, []),
        ((b"ab", 3, b"cd", b"e"), 0, [Place(0, 0, 2), Place(5, 2, 5), Place(7, 4, 5)]),
        ((b"ab", 3, b"cd", b"e"), 2, [Place(5, 0, 3), Place(7, 2, 3)]),
        ((3, b"ab", 1, 1, b"cd"), 0, [Place(3, 0, 2), Place(7, 2, 4)]),
        ((b"ab", (2, True), b"cd", 1, b"ef"), 1, [Place(1, 0, 1), Place(4, 1, 3), Place(7, 3, 5)]),
    ],
)
def test_places(pieces: tuple[bytes | int | tuple[int, bool], ...], consumed: int, places: list[Place]) -> None:
    stream = _stream(*pieces)
    stream.consume(consumed)
    assert stream.places() == places


@pytest.mark.parametrize(
    ("offset", "data", "gaps"),
    [
        (0, b"abcdefg", 2),
        (1, b"bcdefg", 2),
        (2, b"cdefg", 2),  # the gap itself is left to whoever must know of it
        (5, b"cdefg", 1),
        (6, b"defg", 1),
        (9, b"efg", 0),
        (11, b"g", 0),
        (12, b"", 0),
    ],
)
def test_seek(offset: int, data: bytes, gaps: int) -> None:
    stream = _stream(b"ab", 3, b"cd", 2, b"efg")
    stream.seek(offset)
    assert (stream.start, bytes(stream.data), len(stream.gaps)) == (offset, data, gaps)


def test_origins_of_what_was_consumed_are_dropped() -> None:
    stream = Stream()
    for at in range(4 * _STALE):
        stream.append(b"xy", packet=at + 1, place=at, ready=at + 1, time=None)
        stream.consume(1 if at == 0 else 2)
        assert stream.origin(2 * at + 1, 2 * at + 2) == (at + 1, at + 1, at + 2)
    assert len(stream._offsets) <= _STALE + 1
    assert {len(stream._ends), len(stream._packets), len(stream._places), len(stream._ready), len(stream._times)} == {
        len(stream._offsets)
    }


class _Byte(NamedTuple):
    """A byte in the model; of a gap only ``cut`` counts."""

    value: int
    packet: int
    place: int
    ready: int
    cut: bool | None = None


def _runs(model: list[_Byte], start: int) -> list[tuple[int, int, bool]]:
    """The gaps of a model: offset, length, cut."""
    found: list[tuple[int, int, bool]] = []
    for at, byte in enumerate(model[start:], start):
        if byte.cut is None:
            continue
        if found and found[-1][0] + found[-1][1] == at and found[-1][2] == byte.cut:
            found[-1] = (found[-1][0], found[-1][1] + 1, byte.cut)
        else:
            found.append((at, 1, byte.cut))
    return found


def _bytes_of(origin: tuple[int, ...]) -> list[tuple[int, int]]:
    """(packet, place) of each byte."""
    return [
        (origin[at], place) for at in range(0, len(origin), 3) for place in range(origin[at + 1], origin[at + 2])
    ]  # fmt: skip


def _unread(stream: Stream) -> list[tuple[int, int, int, int, int | None]]:
    """Each byte that is unread: its offset, packet and place in it, with which packet it was readable, and when."""
    rows = zip(*(column.tolist() for column in stream.unread()), strict=True)
    return [
        (at, packet, place + at - begin, ready, None if time == NO_TIME else time)
        for begin, end, packet, place, ready, time in rows
        for at in range(begin, end)
    ]


_Step = tuple[str, bytes, int, bool]
_steps = st.lists(
    st.tuples(
        st.sampled_from(["append", "append", "extend", "miss", "consume", "skip", "seek"]), st.binary(min_size=1, max_size=9),
        st.integers(0, 40), st.booleans(),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(steps=_steps, many=st.booleans(), data=st.data())
def test_against_a_list_of_bytes(steps: list[_Step], many: bool, data: st.DataObject) -> None:
    stream, model = Stream(), list[_Byte]()
    packet = start = 0
    if many:  # so many pieces that those consumed are dropped
        for _ in range(_STALE + 5):
            packet += 1
            stream.append(b"z", packet=packet, place=7, ready=packet, time=None)
            model.append(_Byte(122, packet, 7, packet))
    for kind, value, number, cut in steps:
        if kind == "append":
            packet += 1
            stream.append(value, packet=packet, place=number, ready=packet + 1, time=None)
            model += [_Byte(byte, packet, number + at, packet + 1) for at, byte in enumerate(value)]
        elif kind == "extend":
            at = len(model)
            half = len(value) // 2
            ends = [at + half, at + len(value)] if half else [at + len(value)]
            begins = [at, at + half] if half else [at]
            packets = [packet + 1 + index for index in range(len(begins))]
            columns = begins, ends, packets, [number] * len(begins), [NO_TIME] * len(begins)
            stream.extend(value, *np.array(columns, np.int64))
            for begin, end, name in zip(begins, ends, packets, strict=True):
                model += [_Byte(value[i - at], name, number + i - begin, name) for i in range(begin, end)]
            packet = packets[-1]
        elif kind == "miss":
            stream.miss(number + 1, cut=cut, ready=packet, time=None)
            model += [_Byte(0, 0, 0, 0, cut)] * (number + 1)
        elif kind == "consume":
            count = min(number, stream.available)
            stream.consume(count)
            start += count
        elif kind == "skip" and stream.gap is not None:
            start += stream.skip_gap().length
        elif kind == "seek" and (places := stream.places()):
            start = places[number % len(places)].offset
            stream.seek(start)
    assert (stream.start, stream.end) == (start, len(model))
    assert stream.data == bytes(byte.value for byte in model[start:] if byte.cut is None)
    gaps = _runs(model, start)
    assert [tuple(gap[:3]) for gap in stream.gaps] == gaps
    assert stream.available == (gaps[0][0] if gaps else len(model)) - start
    for at, byte in enumerate(model[start:], start):
        if byte.cut is None:
            assert stream.origin(at, at + 1) == (byte.packet, byte.place, byte.place + 1)
            assert (stream.packet(at), stream.ready(at)) == (byte.packet, (byte.ready, None))
    assert _unread(stream) == [
        (at, byte.packet, byte.place, byte.ready, None) for at, byte in enumerate(model[start:], start) if byte.cut is None
    ]
    if start < len(model):
        first = data.draw(st.integers(start, len(model) - 1))
        last = data.draw(st.integers(first + 1, len(model)))
        expected = [(byte.packet, byte.place) for byte in model[first:last] if byte.cut is None]
        assert _bytes_of(stream.origin(first, last)) == expected
    for place in stream.places():
        until = next((at for at, _, _ in gaps if at > place.offset), len(model))
        assert place.end - place.at == until - place.offset
        assert bytes(stream.data[place.at : place.end]) == bytes(byte.value for byte in model[place.offset : until])
    assert [place.offset for place in stream.places()] == [
        at for at in range(start, len(model))
        if model[at].cut is None and (at == start or model[at - 1].packet != model[at].packet)
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=20), stale=st.booleans(), data=st.data())
def test_what_is_unread_is_told_as_byte_by_byte(sizes: list[int], stale: bool, data: st.DataObject) -> None:
    stream = _carrier([1] * (_STALE + 3) * stale + sizes)
    while True:
        told = []
        for at in range(stream.start, stream.end):
            packet, place, behind = stream.origin(at, at + 1)
            assert behind == place + 1
            told.append((at, packet, place, *stream.ready(at)))
        assert _unread(stream) == told
        if not stream.available:
            break
        stream.consume(data.draw(st.integers(1, stream.available)))


def test_unread_columns_are_nobody_elses() -> None:
    """Who holds or changes them keeps the Stream neither from growing nor from being what it is."""
    stream = _stream(b"abcd", b"ef")
    stream.consume(1)
    columns = stream.unread()
    for column in columns:
        column += 1000
    stream.append(b"g", packet=3, place=50, ready=30, time=300)
    assert _unread(stream)[0] == (1, 1, 51, 10, 100)
    assert [len(column) for column in columns] == [2] * 6


def _carrier(sizes: list[int]) -> Stream:
    """A Stream of pieces of these sizes, of which every third came out of order, and every fifth without a time."""
    stream = Stream()
    for at, size in enumerate(sizes):
        packet = 7 * at + 3
        stream.append(bytes(size), packet=packet - 2 * (at % 3 == 1), place=40 + at, ready=packet,
                      time=None if at % 5 == 4 else 1000 * at)  # fmt: skip
    return stream


def _columns(stream: Stream) -> list[list[int]]:
    return [column.tolist() for column in stream._columns]


#: A Stream of which some was read, and runs in it: where each begins, ends, and where ends what must be there for it.
_Conveyed = tuple[Stream, list[tuple[int, int, int]]]


@st.composite
def _conveyed(draw: st.DrawFn) -> _Conveyed:
    many = draw(st.booleans())  # so many pieces that those consumed are dropped
    source = _carrier([1] * (_STALE + 3) * many + draw(st.lists(st.integers(0, 12), min_size=1, max_size=30)))
    for _ in range(draw(st.integers(0, 2)) + many):
        source.consume(draw(st.integers(0, source.available)))
    edges = sorted(draw(st.lists(st.integers(0, source.available), min_size=3, max_size=24)))
    thirds = zip(edges[::3], edges[1::3], edges[2::3], strict=False)
    runs = [(first, stop, whole) for first, stop, whole in thirds if first < stop]
    assume(runs)
    return source, runs


def _pieces(runs: list[tuple[int, int, int]]) -> array[int]:
    return array("q", itertools.chain.from_iterable(runs))


@pytest.mark.parametrize("loops", [pytest.param("C", marks=_in_c), "Python"])
@settings(max_examples=150, deadline=None)
@given(conveyed=_conveyed(), before=st.integers(0, 3))
def test_what_is_conveyed_keeps_where_each_byte_came_from(loops: str, conveyed: _Conveyed, before: int) -> None:
    source, runs = conveyed
    target = Stream()
    for at in range(before):
        target.append(b"old", packet=at, place=at, ready=at, time=at)
        target.miss(2, cut=False, ready=at, time=at)
    known = target.end
    model: dict[int, tuple[tuple[int, ...], tuple[int, int | None]]] = {}
    for first, stop, whole in runs:
        ready = source.ready(source.start + whole - 1)
        for at in range(source.start + first, source.start + stop):
            model[known + len(model)] = source.origin(at, at + 1), ready
    with pytest.MonkeyPatch.context() as patch:
        if loops == "Python":
            patch.setattr(netviz.stream, "native", None)
        source.convey(target, _pieces(runs))
    target.data += bytes(len(model))
    assert {at: (target.origin(at, at + 1), target.ready(at)) for at in range(known, target.end)} == model
    assert [target.origin(5 * at, 5 * at + 3) for at in range(before)] == [(at, at, at + 3) for at in range(before)]
    # One piece behind the other, as Streams are searched.
    assert target._offsets.tolist()[before:] == [known, *target._ends.tolist()[before:-1]]
    assert target._ends[-1] == target.end


@_in_c
@settings(max_examples=100, deadline=None)
@given(conveyed=_conveyed())
def test_c_conveys_piece_by_piece_what_python_does(conveyed: _Conveyed) -> None:
    source, runs = conveyed
    ours, theirs = Stream(), Stream()
    source.convey(ours, _pieces(runs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.stream, "native", None)
        source.convey(theirs, _pieces(runs))
    assert _columns(ours) == _columns(theirs)


@_in_c
@pytest.mark.parametrize("runs", [
    [(0, 5, 6)], [(0, 6, 6)], [(4, 9, 9)], [(5, 6, 6)], [(7, 8, 9)], [(0, 1, 1), (3, 4, 6)], [(0, 1, 1 << 62)],
    [(1 << 62, 1 << 62 | 1, 1 << 62 | 2)], [(5, 5, 6)],
])  # fmt: skip
def test_bytes_that_are_not_there_are_not_conveyed(runs: list[tuple[int, int, int]]) -> None:
    source, target = _stream(b"xx", b"abc", b"de"), Stream()
    source.consume(2)
    with pytest.raises(ValueError, match="not in the stream"):
        source.convey(target, _pieces(runs))
    assert _columns(target) == [[]] * 6
    source.append(b"f", packet=4, place=50, ready=40, time=400)  # nobody holds its columns
    source.convey(target, _pieces([(0, 6, 6)]))
    assert target._ends[-1] == 6


def _six(*values: int) -> tuple[array[int], ...]:
    return tuple(array("q", values) for _ in range(6))


_RUN = array("q", [0, 1, 1])

#: What C is given instead of columns, pieces, start, index, at; and what it says.
_HOSTILE: dict[str, tuple[tuple[Any, ...], type[Exception]]] = {
    "nothing": ((), TypeError),
    "too little": ((_six(4), _RUN, 0, 0), TypeError),
    "columns are a list": ((list(_six(4)), _RUN, 0, 0, 0), TypeError),
    "columns are nothing": ((None, _RUN, 0, 0, 0), TypeError),
    "no columns": (((), _RUN, 0, 0, 0), ValueError),
    "five columns": ((_six(4)[:5], _RUN, 0, 0, 0), ValueError),
    "seven columns": (((*_six(4), array("q", [4])), _RUN, 0, 0, 0), ValueError),
    "a column is short": (((*_six(4)[:5], array("q")), _RUN, 0, 0, 0), ValueError),
    "a column is long": (((*_six(4)[:5], array("q", [4, 4])), _RUN, 0, 0, 0), ValueError),
    "the first column is short": (((array("q"), *_six(4)[:5]), _RUN, 0, 0, 0), ValueError),
    "a column is of seven bytes": (((*_six(4)[:5], bytes(7)), _RUN, 0, 0, 0), ValueError),
    "a column is a number": (((*_six(4)[:5], 4), _RUN, 0, 0, 0), TypeError),
    "a column is text": (((*_six(4)[:5], "12345678"), _RUN, 0, 0, 0), TypeError),
    "a column has steps": (((*_six(4)[:5], memoryview(bytes(16))[::2]), _RUN, 0, 0, 0), BufferError),
    "columns are empty": ((_six(), _RUN, 0, 0, 0), ValueError),
    "pieces are a list": ((_six(4), [0, 1, 1], 0, 0, 0), TypeError),
    "pieces are nothing": ((_six(4), None, 0, 0, 0), TypeError),
    "before the first entry": ((_six(4), _RUN, 0, -1, 0), ValueError),
    "far before the first entry": ((_six(4), _RUN, 0, -(1 << 63), 0), ValueError),
    "behind the last entry": ((_six(4), _RUN, 0, 1, 0), ValueError),
    "far behind the last entry": ((_six(4), _RUN, 0, (1 << 63) - 1, 0), ValueError),
    "an entry beyond 64 bits": ((_six(4), _RUN, 0, 1 << 64, 0), OverflowError),
    "a start beyond 64 bits": ((_six(4), _RUN, 1 << 64, 0, 0), OverflowError),
    "a start far behind": ((_six(4), _RUN, 1 << 62, 0, 0), ValueError),
    "a place beyond 64 bits": ((_six(4), _RUN, 0, 0, -(1 << 64)), OverflowError),
    "a start that is text": ((_six(4), _RUN, "0", 0, 0), TypeError),
    "an entry that is a fraction": ((_six(4), _RUN, 0, 0.5, 0), TypeError),
}


@_in_c
@pytest.mark.parametrize("name", _HOSTILE)
def test_c_refuses_to_convey(name: str) -> None:
    given, error = _HOSTILE[name]
    assert native is not None
    with pytest.raises(error):
        native.convey(*given)
    for column in (*given[:2], *(given[0] if given and isinstance(given[0], tuple) else ())):
        if isinstance(column, array):
            column.append(0)  # raises where somebody still holds it
            column.pop()


_numbers = st.lists(st.integers(-3, 40) | st.integers(-(1 << 63), (1 << 63) - 1), max_size=12)


@_in_c
@settings(max_examples=200, deadline=None)
@given(
    columns=st.lists(_numbers, min_size=6, max_size=6), size=st.integers(0, 12), pieces=_numbers,
    start=st.integers(-9, 9) | st.integers(-(1 << 63), (1 << 63) - 1), index=st.integers(0, 12), odd=st.integers(0, 7),
)  # fmt: skip
def test_c_conveys_nonsense_or_refuses_it(
    columns: list[list[int]], size: int, pieces: list[int], start: int, index: int, odd: int
) -> None:
    """Whatever stands in columns, what is made of them is whole entries, and nothing beside them is read or written."""
    assert native is not None
    filled = tuple(array("q", (column * 12)[:size] if column else [5] * size) for column in columns)
    given = array("q", pieces).tobytes() + bytes(odd)
    try:
        found = native.convey(filled, given, start, index, 0)
    except ValueError:
        return
    assert len(found) % 48 == 0
    assert len(found) // 48 <= len(pieces) // 3 * size
