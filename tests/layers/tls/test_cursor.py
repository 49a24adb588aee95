"""Reading handshake messages: whatever is cut off is said to be malformed, and nothing is read beyond the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.layers.tls.cursor import Cursor, Malformed
from netviz.layers.tls.hello import read_alpn, read_extensions

_PAIRS = [(0, b""), (0xFFFF, b"abc"), (0x0102, bytes(300)), (0, b"again"), (43, b"\0\0\0\0")]


def _written(pairs: list[tuple[int, bytes]]) -> bytes:
    return b"".join(number.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data for number, data in pairs)


#: Where each of the pairs ends.
_ENDS = [len(_written(_PAIRS[:count])) for count in range(len(_PAIRS) + 1)]


def _numbered(cursor: Cursor) -> tuple[list[tuple[int, bytes]], bool]:
    """The pairs up to one that does not fit, and whether there is such a one."""
    found = []
    try:
        for pair in cursor.numbered():
            found.append(pair)  # noqa: PERF402 - those before an error are wanted, too
    except Malformed:
        return found, True
    return found, False


def _one_by_one(cursor: Cursor) -> tuple[list[tuple[int, bytes]], bool]:
    """The same with what reads a single number and vector."""
    found = []
    try:
        while cursor:
            found.append((cursor.number(2), cursor.vector(2)))
    except Malformed:
        return found, True
    return found, False


@pytest.mark.parametrize("behind", [b"", _written(_PAIRS), bytes(9)])
@pytest.mark.parametrize("before", [b"", b"\xff\xff\xff"])
def test_pairs_with_every_truncation(before: bytes, behind: bytes) -> None:
    """What lies behind the end does not count, and nor does what was read already."""
    data = before + _written(_PAIRS)
    for size in range(len(data) - len(before) + 1):
        end = len(before) + size
        cursor = Cursor(data[:end] + behind, len(before), end)
        count = sum(each <= size for each in _ENDS[1:])
        assert _numbered(cursor) == (_PAIRS[:count], size not in _ENDS)
        assert cursor.at == (end if size in _ENDS else len(before))
        assert bool(cursor) == (size not in _ENDS)
        assert _one_by_one(Cursor(data[:end] + behind, len(before), end)) == (_PAIRS[:count], size not in _ENDS)


def test_nothing_left_is_no_pair() -> None:
    for cursor in (Cursor(b""), Cursor(b"abcd", 4), Cursor(b"abcd", 0, 0), Cursor(b"abcd", 2, 2)):
        assert _numbered(cursor) == ([], False)


@given(
    data=st.binary(max_size=40) | st.lists(st.sampled_from([0, 0, 0, 1, 2, 5, 255]), max_size=40).map(bytes),
    at=st.integers(0, 3),
)
def test_pairs_in_garbage(data: bytes, at: int) -> None:
    assert _numbered(Cursor(data, at)) == _one_by_one(Cursor(data, at))
    end = min(len(data), 9)
    assert _numbered(Cursor(data, at, end)) == _one_by_one(Cursor(data, at, end)) == _numbered(Cursor(data[:end], at))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_vector_with_every_truncation(size: int) -> None:
    said = (4).to_bytes(size, "big") + b"abcd"
    for end in range(len(said) + 1):
        for data in (said[:end], said + b"more"):
            cursor = Cursor(data, 0, end)
            if end == len(said):
                assert (cursor.vector(size), cursor.at, bool(cursor)) == (b"abcd", end, False)
            else:
                with pytest.raises(Malformed):
                    cursor.vector(size)
    cursor = Cursor(said * 2 + b"\0" * size)
    assert [cursor.vector(size) for _ in range(3)] == [b"abcd", b"abcd", b""]
    assert not cursor


def test_extensions_with_every_truncation() -> None:
    """All of them, or the message is malformed; but it may end before."""
    inside = _written(_PAIRS)
    block = len(inside).to_bytes(2, "big") + inside
    assert read_extensions(Cursor(b"")) == {}
    assert read_extensions(Cursor(block)) == dict(_PAIRS)  # of two with the same number the last
    for size in range(1, len(block)):
        with pytest.raises(Malformed):
            read_extensions(Cursor(block[:size]))
        if size >= 2 and size - 2 not in _ENDS:
            with pytest.raises(Malformed):
                read_extensions(Cursor((size - 2).to_bytes(2, "big") + block[2:size]))


def test_alpn_with_every_truncation() -> None:
    said = b"\0\x0c\x08http/1.1\x02h2"
    assert read_alpn({}) == read_alpn({16: b"\0\0"}) == ()
    assert read_alpn({16: said}) == ("http/1.1", "h2")
    for size in range(len(said)):
        with pytest.raises(Malformed):
            read_alpn({16: said[:size]})
