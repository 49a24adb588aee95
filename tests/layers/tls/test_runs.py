"""Runs of many sides at once: in C and without they are the same, and of each what it is alone, or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz.layers.tls.run
from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import ALERT, HANDSHAKE, HEAD, LARGEST
from netviz.layers.tls.run import Runs, open_run, open_runs
from netviz.native import native
from tests.layers.tls.sealer import MODERN, RECORD, SUITES, Odd, Sealer, UnforeseenError, raises, records, with_cipher

_in_c = pytest.mark.skipif(native is None, reason="built without C")


class _Side(NamedTuple):
    """Who reads it, the number of its next record, and what there is of it."""

    sealer: Sealer
    seq: int
    data: bytes


#: What a side says: the content of its records, None where they must be read otherwise.
_Said = list[bytes] | None


def _in_python(protections: list[Protection], data: bytes, begins: list[int], ends: list[int]) -> Runs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.layers.tls.run, "native", None)
        return open_runs(protections, data, begins, ends)


def _alone(side: _Side) -> tuple[bytes, list[tuple[int, int, int]], int]:
    """What is said of a side that is read on its own: all of it, or nothing."""
    protection = side.sealer.reader()
    protection.seq = side.seq
    content, pieces, end, records = open_run(protection, bytearray(side.data), len(side.data))
    if end < len(side.data):
        return b"", [], -1
    return content, list(zip(*[iter(pieces)] * 3, strict=True)), records


def _runs(sides: list[_Side], data: bytes, begins: list[int]) -> Runs:
    """What both find, which must be the same, and that of each side alone."""
    ends = [begin + len(side.data) for begin, side in zip(begins, sides, strict=True)]
    found = []
    for way in (open_runs, _in_python):
        protections: list[Protection] = []
        for sealer, seq, _ in sides:
            protections.append(sealer.reader())
            protections[-1].seq = seq
        found.append(way(protections, data, begins, ends))
        assert [protection.seq for protection in protections] == [side.seq for side in sides]
    for ours, others in zip(*found, strict=True):
        assert type(ours) is type(others)
        assert np.array_equal(ours, others)
    content, pieces, stops, records = found[0]
    assert pieces.shape[1:] == (3,)
    assert {pieces.dtype, stops.dtype, records.dtype} == {np.dtype(np.int64)}
    every, rows = b"", []
    for place, (begin, side) in enumerate(zip(begins, sides, strict=True)):
        said, where, count = _alone(side)
        every += said
        rows += [tuple(begin + at for at in piece) for piece in where]
        assert (stops[place], records[place]) == (len(every), count)
    assert (content, list(map(tuple, pieces.tolist()))) == (every, rows)
    return found[0]


def _apart(sides: list[_Side], gap: bytes = b"\x17\x03\x03\x00\x00") -> Runs:
    """The same with something that is nobody's around each of them, which looks like a record."""
    data, begins = gap, []
    for side in sides:
        begins.append(len(data))
        data += side.data + gap
    return _runs(sides, data, begins)


def _spoken(runs: Runs) -> list[_Said]:
    """What each side says by this."""
    content, pieces, stops, records = runs
    edges = [0, *itertools.accumulate((pieces[:, 1] - pieces[:, 0]).tolist())]
    said: list[_Said] = []
    begin = 0
    for stop, count in zip(stops.tolist(), records.tolist(), strict=True):
        said.append(
            None if count < 0 else [content[a:b] for a, b in itertools.pairwise(edges) if begin <= a and b <= stop]
        )  # fmt: skip
        begin = stop
    assert edges[-1] == len(content)
    return said


def _side(name: str, contents: list[bytes], seq: int = 0) -> _Side:
    sealer = Sealer(SUITES[name])
    sealer.seq = seq
    return _Side(sealer, seq, b"".join(map(sealer.seal, contents)))


#: Sides of every suite, none with the number of another.
_EACH = {name: _side(name, [b"one", b"two of " + name.encode(), b"3" * 300], seq) for seq, name in enumerate(SUITES)}
_OURS = [b"one", b"two", b"three"]


def test_sides_of_every_suite() -> None:
    runs = _apart(list(_EACH.values()))
    assert _spoken(runs) == [[b"one", b"two of " + name.encode(), b"3" * 300] for name in _EACH]
    assert runs.records.tolist() == [3] * len(_EACH)


def test_nobody_says_anything() -> None:
    runs = _runs([], b"", [])
    assert (runs.content, len(runs.pieces), len(runs.stops), len(runs.records)) == (b"", 0, 0, 0)


@pytest.mark.parametrize("name", SUITES)
def test_sides_that_are_empty(name: str) -> None:
    """No bytes are no records, and records may hold no bytes."""
    nothing, hollow, some = _side(name, []), _side(name, [b"", b""]), _side(name, [b"a", b""])
    runs = _apart([nothing, hollow, some, nothing])
    assert runs.records.tolist() == [0, 2, 2, 0]
    assert _spoken(runs) == [[], [], [b"a"], []]
    assert _runs([nothing], b"", [0]).records.tolist() == [0]


@pytest.mark.parametrize("name", SUITES)
def test_a_side_that_is_cut_anywhere(name: str) -> None:
    """Nothing of it is opened where records do not end with the data, and that changes nothing of the others."""
    whole, first = _side(name, [b"abc", b"", b"defgh"]), _EACH["GCM 1.3"]
    sealer = Sealer(SUITES[name])
    ends = [0, *itertools.accumulate(len(sealer.seal(content)) for content in (b"abc", b"", b"defgh"))]
    others = _spoken(_apart([first]))[0]
    for size in range(len(whole.data) + 1):
        runs = _apart([first, whole._replace(data=whole.data[:size]), first])
        records = ends.index(size) if size in ends else -1
        assert runs.records.tolist() == [3, records, 3]
        said = None if records < 0 else [content for content in (b"abc", b"", b"defgh")[:records] if content]
        assert _spoken(runs) == [others, said, others]


@pytest.mark.parametrize("name", SUITES)
def test_what_is_not_authentic_among_others(name: str) -> None:
    """Whichever byte of the last record differs: what was opened before it is taken back."""
    whole = _side(name, [b"first", b"second"], 7)
    last = len(whole.data) - len(_side(name, [b"second"], 8).data)
    for at in range(last + HEAD, len(whole.data)):
        spoiled = bytearray(whole.data)
        spoiled[at] ^= 0x40
        runs = _apart([whole, whole._replace(data=bytes(spoiled)), whole])
        assert _spoken(runs) == [[b"first", b"second"], None, [b"first", b"second"]]
    for seq in (6, 8, 7 ^ 1 << 63):
        assert _spoken(_apart([whole, whole._replace(seq=seq)])) == [[b"first", b"second"], None]


@pytest.mark.parametrize("name", MODERN)
@pytest.mark.parametrize(("kind", "content"), [(ALERT, b"\x01\x00"), (HANDSHAKE, b"\x18\0\0\1\0"), (0, b""), (24, b"x")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_type_inside(name: str, kind: int, content: bytes, place: int) -> None:
    sealer = Sealer(SUITES[name])
    records = [sealer.seal(content, kind, 2) if at == place else sealer.seal(b"a") for at in range(3)]
    other, whole = _Side(sealer, 0, b"".join(records)), _side(name, _OURS)
    assert _spoken(_apart([other, whole, other])) == [None, _OURS, None]


@pytest.mark.parametrize("changed", [(0, ALERT), (0, HANDSHAKE), (0, 20), (1, 2), (3, 0xFF), (4, 0), (4, 0xFF)])
def test_another_header(changed: tuple[int, int]) -> None:
    for name in SUITES:
        whole = _side(name, _OURS)
        data = bytearray(whole.data)
        data[len(data) - len(_side(name, _OURS[-1:], 2).data) + changed[0]] = changed[1]
        assert _spoken(_apart([whole._replace(data=bytes(data)), whole])) == [None, _OURS]


def test_no_fragment_is_longer_than_the_longest() -> None:
    for over in (0, 1):
        side = _side("GCM 1.3", [b"a", bytes(LARGEST + over - 17)])
        assert _apart([side, side]).records.tolist() == ([-1, -1] if over else [2, 2])


def test_numbers_of_64_bits() -> None:
    numbers = 1, 255, 256, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 4
    sides = [_side(name, _OURS, seq) for seq in numbers for name in SUITES]
    assert _spoken(_apart(sides)) == [_OURS] * len(sides)


def test_the_same_bytes_twice_and_in_any_order() -> None:
    """Places may lie behind one another or in one another, and a part of a side may be all of another."""
    whole = _side("CCM 1.2", _OURS)
    size = len(_side("CCM 1.2", _OURS[:1]).data)
    part = whole._replace(data=whole.data[:size])
    rest = whole._replace(seq=1, data=whole.data[size:])
    runs = _runs([rest, whole, part, whole], b"." + whole.data, [1 + size, 1, 1, 1])
    assert _spoken(runs) == [_OURS[1:], _OURS, _OURS[:1], _OURS]


@st.composite
def _garbled(draw: st.DrawFn) -> list[_Side]:
    """Sides with something done to some of them."""
    sides = []
    for name in draw(st.lists(st.sampled_from(sorted(SUITES)), max_size=5)):
        sealer = Sealer(SUITES[name])
        sealer.seq = seq = draw(st.sampled_from([0, 1, 1 << 63]))
        data = draw(records(sealer, 4, 12))
        if data and draw(st.integers(0, 4)) == 0:
            data[draw(st.integers(0, len(data) - 1))] ^= draw(st.integers(1, 255))
        if draw(st.integers(0, 4)) == 0:
            del data[draw(st.integers(0, len(data))) :]
        sides.append(_Side(sealer, seq, bytes(data)))
    return sides


@settings(max_examples=200, deadline=None)
@given(sides=_garbled(), gap=st.sampled_from([b"", b"\x17\x03\x03\x00\x00", b"\0"]))
def test_garbage_in_some_of_them(sides: list[_Side], gap: bytes) -> None:
    _apart(sides, gap)


# What a cipher may do


@pytest.mark.parametrize("error", [UnforeseenError("so"), MemoryError(), KeyboardInterrupt(), TypeError("so")])
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_a_cipher_raises_in_the_middle(error: BaseException, after: int, place: int) -> None:
    """It comes through, and no side has gone on."""
    sides = [_side(name, _OURS, 3) for name in ("GCM 1.3", "ChaCha20 1.2", "CCM 1.2")]
    data, size = b"".join(side.data for side in sides), [0, *itertools.accumulate(len(side.data) for side in sides)]
    for way in (open_runs, _in_python):
        protections = [side.sealer.reader() for side in sides]
        for protection in protections:
            protection.seq = 3
        with_cipher(protections[place], _later(protections[place]._decrypt, after, raises(error)))
        with pytest.raises(type(error)) as caught:
            way(list(protections), data, size[:-1], size[1:])
        assert caught.value is error
        assert [protection.seq for protection in protections] == [3, 3, 3]


def _later(first: Callable[..., bytes], after: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """A cipher that is another one behind so many records."""
    calls = itertools.count()
    return lambda *given: (first if next(calls) < after else then)(*given)


def _odds(*answers: Callable[..., Any] | bytes, modern: bool = True) -> Runs:
    """What is found where each side has two records, and its cipher makes this of them."""
    odds: list[Protection] = [
        Odd((lambda *_, said=answer: said) if isinstance(answer, bytes) else answer, modern=modern) for answer in answers
    ]
    begins = [place * 2 * len(RECORD) for place in range(len(odds))]
    return open_runs(odds, RECORD * 2 * len(odds), begins, [begin + 2 * len(RECORD) for begin in begins])


@_in_c
@pytest.mark.parametrize("modern", [True, False])
def test_a_cipher_that_makes_more_than_there_was(modern: bool) -> None:
    """There is room for what the records can hold: none of that is another side's."""
    for much in (30, 50, 51, 100_000):
        some = _odds(b"a\x17", bytes([1]) * much + b"\x17", b"b\x17", modern=modern)
        assert some.records.tolist() == [2, -1, 2]
        assert some.content == (b"aabb" if modern else b"a\x17a\x17b\x17b\x17")
    first = _odds(_later(lambda *_: bytes([1]) * 49 + b"\x17", 1, lambda *_: b"\x17"), b"b\x17")
    assert (first.records.tolist(), first.content) == ([2, 2], bytes([1]) * 49 + b"bb")


@_in_c
def test_what_a_cipher_refuses() -> None:
    runs = _odds(b"a\x17", raises(ValueError("no")), _later(lambda *_: b"c\x17", 1, raises(ValueError("no"))), b"d\x17")
    assert (runs.content, runs.records.tolist(), runs.stops.tolist()) == (b"aadd", [2, -1, -1, 2], [2, 2, 2, 4])
    assert runs.pieces.tolist() == [[at + HEAD, at + HEAD + 1, at + len(RECORD)] for at in (0, 25, 150, 175)]


@_in_c
@pytest.mark.parametrize("answer", [None, "text", 5, bytearray(b"a\x17"), memoryview(b"a\x17")])
def test_what_is_decrypted_is_bytes(answer: object) -> None:
    with pytest.raises(TypeError, match="must be bytes"):
        _odds(b"a\x17", lambda *_: answer)


# What is wrong for C


def _numbers(*values: int) -> bytearray:
    return bytearray(np.array(values, np.int64).tobytes())


def _cipher(**changes: Any) -> tuple[Any, ...]:
    usual: dict[str, Any] = {
        "decrypt": lambda *_: b"a\x17", "refused": (ValueError,), "iv": bytes(12), "before": 0, "tag": 16, "modern": True,
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _call(**changes: Any) -> tuple[Any, ...]:
    """Two sides of a record each."""
    usual: dict[str, Any] = {
        "ciphers": (_cipher(), _cipher()), "seqs": _numbers(0, 0), "data": bytearray(RECORD * 2), "begins": _numbers(0, 25),
        "ends": _numbers(25, 50), "stops": _numbers(0, 0), "counts": _numbers(0, 0), "largest": LARGEST,
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _second(**changes: Any) -> tuple[Any, ...]:
    """The same with another cipher for the second side."""
    return _call(ciphers=(_cipher(), _cipher(**changes)))


_MOST = (1 << 63) - 1
_NUMBERS = "seqs", "begins", "ends", "stops", "counts"
_HOSTILE: dict[str, tuple[tuple[Any, ...], type[Exception]]] = {
    "nothing": ((), TypeError),
    "too little": (_call()[:-1], TypeError),
    "too much": ((*_call(), 1), TypeError),
    "ciphers are a list": (_call(ciphers=[_cipher(), _cipher()]), TypeError),
    "ciphers are nothing": (_call(ciphers=None), TypeError),
    "a cipher is nothing": (_call(ciphers=(_cipher(), None)), TypeError),
    "a cipher is a list": (_call(ciphers=(_cipher(), list(_cipher()))), TypeError),
    "a cipher is a call": (_call(ciphers=(_cipher(), bytes)), TypeError),
    "a cipher of nothing": (_call(ciphers=(_cipher(), ())), TypeError),
    "less than a cipher": (_call(ciphers=(_cipher(), _cipher()[:-1])), TypeError),
    "more than a cipher": (_call(ciphers=(_cipher(), (*_cipher(), 1))), TypeError),
    "more ciphers than sides": (_call(ciphers=(_cipher(),) * 3), ValueError),
    "less ciphers than sides": (_call(ciphers=(_cipher(),)), ValueError),
    "no cipher": (_call(ciphers=()), ValueError),
    "no call": (_second(decrypt=None), TypeError),
    "a short nonce": (_second(iv=bytes(11)), ValueError),
    "a nonce that is text": (_second(iv="x" * 12), TypeError),
    "other bytes in front": (_second(before=16), ValueError),
    "less than nothing in front": (_second(before=-8), ValueError),
    "less than no tag": (_second(tag=-1), ValueError),
    "a tag beyond 64 bits": (_second(tag=1 << 64), OverflowError),
    "data is nothing": (_call(data=None), TypeError),
    "data is text": (_call(data="x" * 50), TypeError),
    "data has steps": (_call(data=memoryview(bytes(100))[::2]), BufferError),
    "no data": (_call(data=b""), ValueError),
    "a byte less": (_call(data=RECORD + RECORD[:-1]), ValueError),
    "it begins before the data": (_call(begins=_numbers(-1, 25)), ValueError),
    "it begins far before the data": (_call(begins=_numbers(0, -_MOST - 1)), ValueError),
    "it begins behind its end": (_call(begins=_numbers(26, 25)), ValueError),
    "it begins and ends before the data": (_call(begins=_numbers(-25, 25), ends=_numbers(0, 50)), ValueError),
    "it ends behind the data": (_call(ends=_numbers(25, 51)), ValueError),
    "it ends far behind the data": (_call(ends=_numbers(_MOST, 50)), ValueError),
    "it ends before the data": (_call(ends=_numbers(25, -1)), ValueError),
    "all there is in 64 bits": (_call(begins=_numbers(-_MOST - 1, 25), ends=_numbers(_MOST, 50)), ValueError),
    "the longest is text": (_call(largest="5"), TypeError),
    "the longest is beyond 64 bits": (_call(largest=1 << 64), OverflowError),
    **{f"one of {name} less": (_call(**{name: _numbers(0)}), ValueError) for name in _NUMBERS},
    **{f"one of {name} more": (_call(**{name: _numbers(0, 25, 0)}), ValueError) for name in _NUMBERS},
    **{f"a byte of {name} less": (_call(**{name: _numbers(0, 25)[:-1]}), ValueError) for name in _NUMBERS},
    **{f"no {name}": (_call(**{name: b""}), TypeError if name in ("stops", "counts") else ValueError) for name in _NUMBERS},
    **{f"{name} are numbers": (_call(**{name: [0, 25]}), TypeError) for name in _NUMBERS},
    **{f"{name} cannot be written": (_call(**{name: bytes(16)}), TypeError) for name in ("stops", "counts")},
    **{f"{name} have steps": (_call(**{name: np.zeros((2, 2), np.int64)[:, 0]}), ValueError) for name in _NUMBERS[:3]},
}


@_in_c
@pytest.mark.parametrize("name", _HOSTILE)
def test_c_refuses(name: str) -> None:
    given, error = _HOSTILE[name]
    assert native is not None
    with pytest.raises(error):
        native.opened_all(*given)
    for each in given:
        if isinstance(each, bytearray):
            each.append(0)  # raises where somebody still holds it


@_in_c
def test_what_c_takes() -> None:
    """What the calls are that one thing above is wrong in; and limits that are none."""
    assert native is not None
    for largest, counts in ((LARGEST, (1, 1)), (_MOST, (1, 1)), (20, (1, 1)), (19, (-1, -1)), (-_MOST - 1, (-1, -1))):
        given = _call(largest=largest)
        content, pieces = native.opened_all(*given)
        assert (given[-2], given[-3]) == (_numbers(*counts), _numbers(1, 2) if counts[0] > 0 else _numbers(0, 0))
        assert (content, pieces) == ((b"aa", _numbers(5, 6, 25, 30, 31, 50)) if counts[0] > 0 else (b"", b""))
    given = _second(tag=_MOST, before=8)
    assert native.opened_all(*given) == (b"a", _numbers(5, 6, 25))
    assert given[-2] == _numbers(1, -1)


@_in_c
def test_lists_of_other_lengths() -> None:
    """Both ways refuse them."""
    odds: list[Protection] = [Odd(lambda *_: b"\x17"), Odd(lambda *_: b"\x17")]
    for way in (open_runs, _in_python):
        for begins, ends in (([0], [0]), ([0, 0], [0]), ([0], [0, 0]), ([0, 0, 0], [0, 0, 0]), ([], [])):
            with pytest.raises(ValueError, match=r"places|shape|shorter|longer"):
                way(odds, b"", begins, ends)


@_in_c
def test_a_cipher_cannot_take_the_data_away() -> None:
    assert native is not None
    for place in (1, 2, 3, 4, 5, 6):
        held: list[bytearray] = []

        def decrypt(*_: object, held: list[bytearray] = held) -> bytes:
            held[0].clear()
            return b""

        given = _call(ciphers=(_cipher(), _cipher(decrypt=decrypt)))
        held.append(given[place])
        with pytest.raises(BufferError):
            native.opened_all(*given)
        given[place].append(0)
