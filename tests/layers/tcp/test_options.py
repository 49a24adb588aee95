"""TCP options: a table of bytes and meanings, malformed ones, and no bytes that raise."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Options
from netviz.layers.tcp.options import decode_options

_LINUX = bytes.fromhex("020405b4 0402080a 00000007 00000009 01 030307".replace(" ", ""))

_TABLE: dict[str, tuple[bytes, Options]] = {
    "none": (b"", Options()),
    "end": (b"\x00", Options()),
    "end hides what follows": (b"\x00\x02\x04\x05\xb4", Options()),
    "no-operation": (b"\x01\x01\x01\x01", Options()),
    "mss": (b"\x02\x04\x05\xb4", Options(mss=1460)),
    "mss 0": (b"\x02\x04\x00\x00", Options(mss=0)),
    "mss 65535": (b"\x02\x04\xff\xff", Options(mss=65535)),
    "window scale": (b"\x03\x03\x07", Options(window_scale=7)),
    "window scale 0": (b"\x01\x03\x03\x00", Options(window_scale=0)),
    "sack permitted": (b"\x04\x02", Options(sack_permitted=True)),
    "timestamps": (b"\x08\x0a" + struct.pack("!II", 0xFFFFFFFF, 5), Options(timestamps=(0xFFFFFFFF, 5))),
    "timestamps behind two no-operations": (b"\x01\x01\x08\x0a" + struct.pack("!II", 1, 2), Options(timestamps=(1, 2))),
    "syn of linux": (_LINUX, Options(1460, 7, True, (7, 9))),
    "sack blocks": (b"\x05\x0a" + bytes(8), Options(others=(5,))),
    "fast open asks": (b"\x22\x02", Options(fast_open="")),
    "fast open cookie": (b"\x22\x0a" + bytes(range(8)), Options(fast_open="0001020304050607")),
    "experimental fast open asks": (b"\xfe\x04\xf9\x89", Options(fast_open="")),
    "experimental fast open cookie": (b"\xfe\x08\xf9\x89\xde\xad\xbe\xef", Options(fast_open="deadbeef")),
    "another experiment of kind 254": (b"\xfe\x04\x12\x34", Options(others=(254,))),
    "kind 253 is not fast open": (b"\xfd\x04\xf9\x89", Options(others=(253,))),
    "md5": (b"\x13\x12" + bytes(16), Options(others=(19,))),
    "unknown in order": (b"\x4c\x02\x45\x03\x00\x1c\x04\x00\x00", Options(others=(0x4C, 0x45, 0x1C))),
    "known among unknown": (b"\x4c\x02\x02\x04\x02\x18\x4d\x02", Options(mss=536, others=(0x4C, 0x4D))),
}


@pytest.mark.parametrize("name", _TABLE)
def test_options(name: str) -> None:
    raw, expected = _TABLE[name]
    assert decode_options(raw) == expected


#: RFC 8684 section 3, in the order of their numbers.
_SUBTYPES = ("MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE", "MP_TCPRST")


@pytest.mark.parametrize(
    ("subtype", "name"),
    list(enumerate(_SUBTYPES)),
)
def test_multipath(subtype: int, name: str) -> None:
    assert decode_options(bytes([30, 4, subtype << 4 | 1, 0])) == Options(mptcp=name)


def test_multipath_subtype_without_a_name() -> None:
    assert decode_options(b"\x1e\x04\xf0\x00") == Options(mptcp="subtype 15")


@pytest.mark.parametrize(
    ("raw", "kept", "words"),
    [
        (b"\x02\x04\x05\xb4\x03", Options(mss=1460), "option 3 at byte 24 "),
        (b"\x02\x04\x05\xb4\x03\x00\x07", Options(mss=1460), "option 3 at byte 24 of the header has length 0"),
        (b"\x02\x01\x05\xb4", Options(), "option 2 at byte 20 of the header has length 1"),
        (b"\x04\x02\x02\x05\x05", Options(sack_permitted=True), "option 2 at byte 22 of the header has length 5"),
        (b"\x02\x03\x05\x04\x02", Options(sack_permitted=True), "option 2 at byte 20 of the header has length 3 instead of 4"),
        (b"\x03\x04\x07\x00\x04\x02", Options(sack_permitted=True), "length 4 instead of 3"),
        (b"\x04\x03\x00", Options(), "length 3 instead of 2"),
        (b"\x08\x06" + bytes(4), Options(), "length 6 instead of 10"),
        (b"\x01\x01\x4c\xff", Options(), "option 76 at byte 22 of the header has length 255"),
    ],
)
def test_malformed(raw: bytes, kept: Options, words: str) -> None:
    found = decode_options(raw)
    assert words in (found.problem or "")
    assert found._replace(problem=None) == kept


def test_magic_of_fast_open_lies_inside_its_option() -> None:
    # Kind 254 of length 2 is empty; the two bytes behind it are another option (kind 249, length 2).
    found = decode_options(b"\xfe\x02\xf9\x02")
    assert (found.fast_open, found.others) == (None, (254, 249))
    found = decode_options(b"\xfe\x02\xf9\x89")
    assert (found.fast_open, found.others) == (None, (254,))
    assert "option 249" in (found.problem or "")


@pytest.mark.parametrize("name", _TABLE)
def test_cut_at_every_byte(name: str) -> None:
    raw, expected = _TABLE[name]
    for size in range(len(raw)):
        found = decode_options(raw[:size])
        for was, whole in zip(found[:6], expected[:6], strict=True):
            assert was in (whole, None, False)
        assert found.others == expected.others[: len(found.others)]


def test_cut_inside_an_option_is_told() -> None:
    whole = {0, 4, 6, 16, 17}
    told = {size for size in range(len(_LINUX)) if decode_options(_LINUX[:size]).problem}
    assert told == set(range(len(_LINUX))) - whole


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes(raw: bytes) -> None:
    found = decode_options(raw)
    # A no-operation in front and the end of the list behind change nothing but where a problem is.
    moved = decode_options(b"\x01" + raw)
    assert moved._replace(problem=None) == found._replace(problem=None)
    assert (moved.problem is None) == (found.problem is None)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 65535), st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.integers(0, 255))
def test_usual_layouts_are_read_as_any_other(mss: int, value: int, reply: int, scale: int) -> None:
    linux = struct.pack("!BBHBBBBIIBBBB", 2, 4, mss, 4, 2, 8, 10, value, reply, 1, 3, 3, scale)
    assert decode_options(linux) == decode_options(b"\x01" + linux) == Options(mss, scale, True, (value, reply))
    stamps = struct.pack("!BBBBII", 1, 1, 8, 10, value, reply)
    assert decode_options(stamps) == decode_options(stamps + b"\x00") == Options(timestamps=(value, reply))
