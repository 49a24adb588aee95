"""Layouts: fields that lie across bytes, and those that are cut."""

from __future__ import annotations

from netviz.layers.header.field import Entry, hexadecimal, ones_sum, pick, read, valued

_LAYOUT = (Entry("a", 3), Entry("b", 13, pick({5: "five"}, "other"), hexadecimal(4)), Entry("c", 8))


def test_fields_lie_one_behind_the_other() -> None:
    fields = read(_LAYOUT, bytes.fromhex("600507"))
    assert [(f.name, f.bit, f.bits, f.value) for f in fields] == [("a", 0, 3, 3), ("b", 3, 13, 5), ("c", 16, 8, 7)]
    assert (fields[1].meaning, fields[1].text) == ("five", "0x0005")
    assert (valued(fields, "c"), valued(fields, "d")) == (7, 0)


def test_what_is_cut_is_left_out() -> None:
    assert [len(read(_LAYOUT, bytes(size))) for size in range(4)] == [0, 1, 2, 3]


def test_a_header_may_begin_later() -> None:
    assert read(_LAYOUT, b"\xff\x60\x05\x07", 1)[1].value == 5


def test_the_checksum_over_a_right_header_is_none() -> None:
    header = bytes.fromhex("450000511b8b40004006210a 7f000001 7f000001".replace(" ", ""))
    header = header[:10] + (0).to_bytes(2, "big") + header[12:]
    right = ones_sum(header)
    assert ones_sum(header[:10] + right.to_bytes(2, "big") + header[12:]) == 0
    assert ones_sum(b"\x01") == 0xFEFF
