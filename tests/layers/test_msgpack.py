"""MessagePack as Socket.IO uses it: every format, every truncation, and what would be a bomb."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers import msgpack as reader
from netviz.layers.jsontext import TooDeepError, UnreadableError
from netviz.layers.msgpack import MsgpackMissingError, promising, read_msgpack

#: https://github.com/msgpack/msgpack/blob/master/spec.md#formats, one or more of each.
_VALUES: dict[str, Any] = {
    "00": 0, "7f": 127, "e0": -32, "ff": -1, "c0": None, "c2": False, "c3": True,
    "cc 80": 128, "cd 0100": 256, "ce 00010000": 65536, "cf ffffffffffffffff": 2**64 - 1,
    "d0 80": -128, "d1 8000": -(2**15), "d2 80000000": -(2**31), "d3 8000000000000000": -(2**63),
    "ca 40200000": 2.5, "cb 4004000000000000": 2.5,
    "ca 7f800000": None, "cb 7ff0000000000000": None, "cb fff0000000000000": None, "cb 7ff8000000000000": None,
    "a0": "", "a3 616263": "abc", "d9 01 61": "a", "da 0001 61": "a", "db 00000001 61": "a", "a2 c3a9": "é",
    "a1 ff": "\ufffd", "c4 00": b"", "c4 02 00ff": b"\x00\xff", "c5 0001 61": b"a", "c6 00000001 61": b"a",
    "90": [], "92 01 a161": [1, "a"], "dc 0001 c0": [None], "dd 00000001 c0": [None],
    "80": {}, "81 a161 01": {"a": 1}, "de 0001 a161 01": {"a": 1}, "df 00000001 a161 01": {"a": 1},
    "82 a161 01 a161 02": {"a": 2}, "81 01 02": {"1": 2}, "81 c0 02": {"None": 2}, "81 c3 02": {"True": 2},
    "81 c4 01 61 02": {"a": 2}, "81 cb 3ff8000000000000 02": {"1.5": 2},
    "d4 00 00": None, "d4 00 01": b"\x01", "d4 01 00": b"\x00", "d5 01 6162": b"ab", "d6 01 61626364": b"abcd",
    "d7 01 6162636465666768": b"abcdefgh", "d8 01 61626364656667686162636465666768": b"abcdefgh" * 2,
    "c7 01 01 61": b"a", "c7 00 05": b"", "c8 0001 01 61": b"a", "c9 00000001 01 61": b"a",
    "d6 ff 00000001": 1.0, "d7 ff 0000000000000002": 2.0, "c7 0c ff 00000000 ffffffffffffffff": -1.0,
    "93 ca 7fc00000 91 cb 7ff0000000000000 81 a161 ca ff800000": [None, [None], {"a": None}],
}  # fmt: skip


@pytest.mark.parametrize("code", _VALUES)
def test_each_format(code: str) -> None:
    raw = bytes.fromhex(code)
    value = read_msgpack(raw)
    assert value == _VALUES[code]
    assert type(value) is type(_VALUES[code])
    for size in range(len(raw)):
        with pytest.raises(UnreadableError, match="cut off"):
            read_msgpack(raw[:size])
    with pytest.raises(UnreadableError, match="1 bytes behind its end"):
        read_msgpack(raw + b"\0")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("c1", "byte 0xc1"),
        ("91 c1", "byte 0xc1"),
        ("81 90 01", "a name in a map is a map or a list"),
        ("81 80 01", "a name in a map is a map or a list"),
        ("d4 ff 00", "not MessagePack"),  # a timestamp of no length that one has
        ("d7 ff ffffffffffffffff", "not MessagePack"),  # nanoseconds beyond a second
    ],
)
def test_what_cannot_be_read(code: str, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_msgpack(bytes.fromhex(code))


@pytest.mark.parametrize(("opener", "value"), [(b"\x91", b"\xc0"), (b"\x81\xa1a", b"\xc0"), (b"\xdc\0\1", b"\xc0")])
def test_how_deeply_values_nest(opener: bytes, value: bytes) -> None:
    depth = 0
    inner = read_msgpack(opener * 500 + value)
    while inner is not None:
        inner = inner["a"] if isinstance(inner, dict) else inner[0]
        depth += 1
    assert depth == 500
    for more in (501, 100_000):
        with pytest.raises(TooDeepError, match="500"):
            read_msgpack(opener * more + value)


@pytest.mark.parametrize(
    "raw",
    [
        b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff\x01", b"\xdc\xff\xff" * 400,
        b"\xdd\x00\x01\x00\x00" * 400 + bytes(1 << 16),
        b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xffa", b"\xc9\xff\xff\xff\xff\x01", b"\x9f" * 400,
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_claimed_takes_no_memory(raw: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(UnreadableError, match="cut off"):
        read_msgpack(raw)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 20


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgpack", None)
    reader._library.cache_clear()
    try:
        with pytest.raises(MsgpackMissingError):
            read_msgpack(b"\xc0")
    finally:
        monkeypatch.undo()
        reader._library.cache_clear()
    assert read_msgpack(b"\xc0") is None


def test_promising() -> None:
    assert promising(msgpack.packb({"type": 2, "nsp": "/"}))
    assert promising(b"\x80\xa4type\xa3nsp")
    for raw in (b"", b"\x80", b"\x90\xa4type\xa3nsp", b"\x7f\xa4type\xa3nsp", b"\x82\xa4type", b"\x82\xa3nsp"):
        assert not promising(raw)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=4), inner, max_size=20),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(_ANY)
def test_what_is_packed_is_read(value: Any) -> None:
    assert read_msgpack(msgpack.packb(value)) == value


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=40)
    | st.lists(st.sampled_from([bytes((byte,)) for byte in (0, 1, 0x61, *range(0x80, 0x100))]), max_size=30).map(b"".join)
)
def test_any_bytes(raw: bytes) -> None:
    try:
        ours = read_msgpack(raw)
    except UnreadableError:
        return
    # What we read, the package alone reads as well, and all but undefined, NaN and infinities as the same.
    alone = msgpack.unpackb(raw, strict_map_key=False, unicode_errors="replace", timestamp=1, ext_hook=lambda code, data: data)
    assert type(alone) is type(ours) or ours is None
