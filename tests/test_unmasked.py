"""Payload without masks, and whether it is text: C says what Python says, and both what RFC 6455 and RFC 3629 say."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import netviz.talk
from netviz.native import native
from netviz.talk import read_payload
from tests.columns import IN_C

_TEXT, _BINARY, _PING = 0x81, 0x82, 0x89

_HUGE = (1 << 63) - 1


class _Row(NamedTuple):
    """A frame: where its payload lies, its mask (-1: none) and its first byte."""

    at: int
    length: int
    mask: int = -1
    first: int = _TEXT


def _xor(data: bytes, mask: int) -> bytes:
    """Section 5.3: octet i of the masking key goes with octets i, i + 4, and so on."""
    return data if mask < 0 else bytes(octet ^ (mask >> 8 * (3 - at % 4) & 255) for at, octet in enumerate(data))


def _is_text(data: bytes) -> bool:
    try:
        return bytes.decode(data, "utf-8") is not None
    except UnicodeDecodeError:
        return False


def _columns(rows: Iterable[_Row]) -> tuple[Any, ...]:
    return tuple(np.array(list(rows), np.int64).reshape(-1, 4).T)


def _read(data: bytes, rows: Sequence[_Row]) -> tuple[bytes, list[bool]]:
    """What is in these, and of which that is what it should be; the same with C and without."""
    found = []
    for loop in (native, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(netviz.talk, "native", loop)
            content, fine = read_payload(data, *_columns(rows))
            assert (type(content), fine.dtype, fine.shape) == (bytes, np.dtype(bool), (len(rows),))
            found.append((content, fine.tolist()))
    assert found[0] == found[1]
    parts = [_xor(data[row.at : row.at + row.length], row.mask) for row in rows]
    assert found[0] == (
        b"".join(parts), [row.first != _TEXT or _is_text(part) for row, part in zip(rows, parts, strict=True)]
    )  # fmt: skip
    return found[0]


def _texts(texts: Sequence[bytes], masks: Sequence[int] = (-1,)) -> list[bool]:
    """Which of these are text, whatever masks are on them, one behind the other."""
    data, rows = [], []
    at = 0
    for text, mask in zip(texts, itertools.cycle(masks), strict=False):
        data.append(_xor(text, mask))
        rows.append(_Row(at, len(text), mask))
        at += len(text)
    content, fine = _read(b"".join(data), rows)
    assert content == b"".join(texts)
    return fine


#: Keys without anything, with everything, and with each octet different.
_MASKS = (-1, 0, (1 << 32) - 1, 0x9EFF3368, 0x80000000, 0x00000080, 1 << 31 | 1)

_masks = st.sampled_from(_MASKS) | st.integers(0, (1 << 32) - 1)


def test_the_example_of_the_rfc() -> None:
    """RFC 6455 section 5.7."""
    assert _read(bytes.fromhex("37fa213d7f9f4d5158"), [_Row(4, 5, 0x37FA213D)]) == (b"Hello", [True])


def test_nothing_at_all() -> None:
    assert _read(b"", []) == (b"", [])
    assert _read(b"abc", []) == (b"", [])
    assert _read(b"", [_Row(0, 0), _Row(0, 0, 5), _Row(0, 0, 5, _BINARY)]) == (b"", [True] * 3)
    assert _read(b"abc", [_Row(3, 0), _Row(0, 0, 0)]) == (b"", [True] * 2)


@pytest.mark.parametrize("mask", _MASKS)
def test_every_length_around_words(mask: int) -> None:
    """Wherever the payload begins, and with anything else around it."""
    data = bytes(range(200, 256)) + bytes(range(200))
    for length in range(41):
        for at in range(17):
            _read(data, [_Row(at, length, mask, first) for first in (_TEXT, _BINARY)])
    _read(data * 40, [_Row(3, 10_000, mask), _Row(0, 256 * 40, mask), _Row(256 * 40 - 1, 1, mask)])


@settings(max_examples=300)
@given(
    data=st.binary(max_size=80) | st.text(max_size=40).map(str.encode),
    places=st.lists(st.tuples(
        st.integers(0, 80), st.integers(0, 40), _masks,
        st.sampled_from([_TEXT, _TEXT, _BINARY, _PING, 0x88, 0x01, 0xC1]) | st.integers(0, 255),
    ), max_size=6),
)  # fmt: skip
def test_any_payload(data: bytes, places: list[tuple[int, int, int, int]]) -> None:
    """Also the same bytes more than once, with other masks."""
    size = len(data)
    _read(data, [_Row(min(at, size), min(length, max(size - at, 0)), *rest) for at, length, *rest in places])


#: Text, and what is none, in pieces: forms that are longer than needed, surrogates, above U+10FFFF, cut.
_PIECES = [
    b"", b"a", b"abcdefg", b"\0", b"\x7f", "é".encode(), "\u07ff".encode(), "温".encode(), "\u0800\ud7ff\ue000\uffff".encode(),
    "\U00010000\U0010ffff".encode(), b"\x80", b"\xbf", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80", b"\xfe", b"\xff", b"\xc3", b"\xe6\xb8", b"\xe6", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf0",
]  # fmt: skip


@settings(max_examples=300)
@given(
    pieces=st.lists(
        st.lists(st.sampled_from(_PIECES), max_size=8).map(b"".join) | st.text(max_size=12).map(str.encode), max_size=5),
    masks=st.lists(_masks, min_size=1, max_size=5),
)  # fmt: skip
@example(pieces=[b"\xf0\x9f\x98", b"\x80"], masks=[-1])
@example(pieces=[b"a" * 7 + b"\xc3", b"\xa9" + b"a" * 7], masks=[0])
def test_text_and_what_is_none(pieces: list[bytes], masks: list[int]) -> None:
    """One that is cut is none, though the next goes on with it."""
    assert _texts(pieces, masks) == [_is_text(piece) for piece in pieces]


@pytest.mark.parametrize("piece", _PIECES)
def test_text_wherever_it_lies_in_words(piece: bytes) -> None:
    texts = [b"a" * before + piece + b"z" * behind for before in range(18) for behind in range(10)]
    fine = _texts(texts, _MASKS)
    assert set(fine) == {_is_text(piece)}


def _edges(length: int) -> list[bytes]:
    """Bytes where something changes in UTF-8, in every order."""
    edges = bytes.fromhex("007f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5f8ff")
    return [bytes(some) for some in itertools.product(edges, repeat=length)]


@pytest.mark.parametrize("masks", [(-1,), (0x9EFF3368,)])
def test_all_short_sequences(masks: tuple[int, ...]) -> None:
    """Of one byte and of two all that there are, of three those at the edges."""
    short = [bytes(some) for length in (1, 2) for some in itertools.product(range(256), repeat=length)]
    fine = _texts(short, masks)
    assert sum(fine) == 128 + 128 * 128 + (0x800 - 0x80)
    _texts(_edges(3), masks)


def test_all_long_sequences() -> None:
    """Of four bytes those at the edges that begin with one which has more behind it."""
    some = [text for text in _edges(4) if text[0] >= 0xC2]
    fine = _texts(some)
    assert 0 < sum(fine) < len(fine) // 10


def test_every_character_is_text() -> None:
    every = [chr(code).encode() for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    surrogates = [chr(code).encode(errors="surrogatepass") for code in range(0xD800, 0xE000)]
    for texts, expected in ((every, True), (surrogates, False)):
        data, lengths = b"".join(texts), np.array([len(text) for text in texts], np.int64)
        count = len(texts)
        columns = np.cumsum(lengths) - lengths, lengths, np.full(count, -1), np.full(count, _TEXT)
        content, fine = read_payload(data, *columns)
        assert content == data
        assert fine.tolist() == [expected] * count


def test_what_is_not_text_may_be_anything() -> None:
    for first in range(256):
        assert _read(b"\xff\xfe", [_Row(0, 2, -1, first)]) == (b"\xff\xfe", [first != _TEXT])


def test_columns_that_lie_apart() -> None:
    """Columns of a matrix, or every other value of one."""
    rows = [_Row(3, 5, 0x9EFF3368), _Row(0, 9), _Row(2, 0, 7, _BINARY)]
    expected = _read(b"abcdefghi", rows)
    matrix = np.array(rows, np.int64)
    for columns in (matrix.T, np.asfortranarray(matrix).T, np.repeat(matrix, 2, axis=0)[::2].T):
        content, fine = read_payload(b"abcdefghi", *columns)
        assert (content, fine.tolist()) == expected


# What C alone is asked


def _given(**changes: Any) -> tuple[Any, ...]:
    """Two frames in eight bytes."""
    usual: dict[str, Any] = {
        "data": b"abcdefgh", "at": np.array((0, 3), np.int64), "length": np.array((3, 5), np.int64),
        "mask": np.array((-1, -1), np.int64), "first": np.array((_TEXT, _TEXT), np.int64), "fine": bytearray(2),
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _ints(*values: int) -> Any:
    return np.array(values, np.int64)


@IN_C
def test_what_is_given_is_read() -> None:
    assert native is not None
    fine = bytearray(b"\x55\xaa")
    assert native.unmasked(*_given(fine=fine)) == b"abcdefgh"
    assert fine == b"\1\1"
    assert native.unmasked(*_given(data=b"abc\xff\xff\xff\xff\xff", fine=fine)) == b"abc\xff\xff\xff\xff\xff"
    assert fine == b"\1\0"
    for places in ((_ints(8, 8), _ints(0, 0)), (_ints(0, 8), _ints(8, 0)), (_ints(7, 0), _ints(1, 8))):
        at, length = (column.tolist() for column in places)
        said = b"".join(b"abcdefgh"[begin : begin + size] for begin, size in zip(at, length, strict=True))
        assert native.unmasked(*_given(at=places[0], length=places[1])) == said


@IN_C
@pytest.mark.parametrize("mask", [_HUGE, -_HUGE - 1, -2, 1 << 32, (1 << 40) - 1])
def test_masks_that_are_none(mask: int) -> None:
    """Less than nothing is no mask, and of more than one the lowest bits count: nobody gives these."""
    assert native is not None
    content = native.unmasked(*_given(mask=_ints(mask, mask)))
    key = mask & (1 << 32) - 1 if mask >= 0 else -1
    assert content == _xor(b"abc", key) + _xor(b"defgh", key)


@IN_C
@pytest.mark.parametrize(("given", "error"), [
    ((), TypeError), (_given()[:-1], TypeError), ((*_given(), 1), TypeError),
    *((_given(**{name: bad}), TypeError) for name in ("data", "at", "length", "mask", "first", "fine")
      for bad in (None, 5, "abcdefgh" * 2, [0, 3], (0, 3))),
    *((_given(**{name: bytes(size)}), ValueError) for name in ("at", "length", "mask", "first") for size in (0, 8, 15, 17, 24)),
    *((_given(**{name: np.zeros((2, 2), np.int64)[:, 1]}), ValueError) for name in ("at", "length", "mask", "first")),
    *((_given(**{name: memoryview(bytes(32))[::2]}), BufferError) for name in ("data", "at", "length", "mask", "first")),
    (_given(at=np.zeros(2, np.int32)), ValueError), (_given(fine=bytearray()), ValueError),
    (_given(fine=bytearray(1)), ValueError), (_given(fine=bytearray(3)), ValueError), (_given(fine=bytearray(16)), ValueError),
    (_given(fine=b"\0\0"), TypeError), (_given(fine=memoryview(b"\0\0")), TypeError),
    (_given(data=b""), ValueError), (_given(data=b"abcdefg"), ValueError),
    *((_given(at=_ints(*at)), ValueError) for at in (
        (-1, 3), (0, -1), (6, 3), (0, 4), (9, 0), (_HUGE, 0), (0, _HUGE), (-_HUGE - 1, 0), (0, -_HUGE), (_HUGE - 2, 0),
        (1 << 40, 0))),
    *((_given(length=_ints(*length)), ValueError) for length in (
        (-1, 5), (3, -1), (9, 5), (3, 6), (_HUGE, 5), (3, _HUGE), (-_HUGE - 1, 5), (3, -_HUGE - 1), (1 << 40, 5))),
    (_given(at=_ints(9, 0), length=_ints(0, 0)), ValueError), (_given(at=_ints(9, 0), length=_ints(-1, 0)), ValueError),
    (_given(at=_ints(_HUGE, 0), length=_ints(_HUGE, 0)), ValueError), (_given(at=_ints(-3, 0), length=_ints(3, 0)), ValueError),
])  # fmt: skip
def test_payload_that_c_does_not_read(given: tuple[Any, ...], error: type[Exception]) -> None:
    assert native is not None
    with pytest.raises(error):
        native.unmasked(*given)


@IN_C
@pytest.mark.parametrize("changes", [{}, {"at": bytes(8)}, {"at": _ints(0, 9)}, {"fine": None}, {"first": None}])
def test_what_was_given_is_let_go(changes: dict[str, Any]) -> None:
    assert native is not None
    sizes = {"data": 8, "at": 16, "length": 16, "mask": 16, "first": 16, "fine": 2}
    mine = {name: bytearray(size) for name, size in sizes.items()}
    try:
        native.unmasked(*_given(**mine | changes))
    except (TypeError, ValueError):
        assert changes
    for buffer in mine.values():
        buffer.append(0)  # raises where somebody still holds it
