"""What reaches a terminal can only be read, never obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from netviz.views.text import clock, fold, safe

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_DAY = 86_400_000_000_000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain words, ~ and \\", "plain words, ~ and \\"),
        ("größer → 日本語 🎉", "größer → 日本語 🎉"),
        ("a\x1b[31mred\x1b[0m", "a\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("one\r\ntwo\tthree\x00", "one\\r\\ntwo\\tthree\\x00"),
        ("\x7f\x08", "\\x7f\\x08"),
        ("safe\u202efdp.exe", "safe\\u202efdp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("line\u2028paragraph\u2029", "line\\u2028paragraph\\u2029"),
        ("name\udcff", "name\\udcff"),
        ("private\ue000", "private\\ue000"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("nobody\u0378", "nobody\\u0378"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


@settings(deadline=None)
@given(st.text(st.characters()))
def test_safe_lets_nothing_pass_that_a_terminal_obeys(text: str) -> None:
    shown = safe(text)
    assert {unicodedata.category(character) for character in shown} & _UNSAFE == set()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown.splitlines()) <= 1


@settings(deadline=None)
@given(st.text(st.characters()))
def test_safe_leaves_alone_what_is_safe(text: str) -> None:
    assert safe(safe(text)) == safe(text)
    assert [c for c in safe(text) if not c.isascii()] == [
        c for c in text if not c.isascii() and unicodedata.category(c) not in _UNSAFE
    ]


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (0, "00:00:00.000000"),
        (1_999, "00:00:00.000001"),
        (_DAY - 1, "23:59:59.999999"),
        (_DAY, "00:00:00.000000"),
        (1_700_000_000_123_456_789, "22:13:20.123456"),
        (-1, "23:59:59.999999"),
        (10**30, "--:--:--.------"),
        (-(10**30), "--:--:--.------"),
    ],
)
def test_clock(time: int, shown: str) -> None:
    assert clock(time) == shown


def test_no_indent_takes_the_whole_line() -> None:
    folded = fold(Text("word " * 10), 12, 40).plain
    assert max(map(len, folded.splitlines())) <= 12
    assert "".join(folded.split()) == "word" * 10
