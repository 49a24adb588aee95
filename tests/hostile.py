"""Texts that a terminal, a line of JSON or a table would rather not get; and how screens are looked at."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

__all__ = ["HOSTILE", "dangerous", "lines_of", "wider"]

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "C1": "\x9b31m\x85\x90",
    "C0": "".join(map(chr, range(1, 32))) + "\x7f",
    "markup": "[red]x[/red] [link=http://a]y[/link] [/] [bold",
    "emoji code": ":warning: :smile:",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c",
    "invisible": "a\u200b\u200d\ufeff\u00ad\u2060b",
    "lines": "one\r\ntwo\nthree\u2028four\u2029five\x0bsix\x0cseven",
    "surrogates": "\ud800 \udcff \udfff",
    "private": "\ue000\U000f0000",
    "tags": "\U000e0041\U000e007f",
    "wide": "温度计读数" * 60,
    "wide words": "温度 计读数 " * 40,
    "long word": "x" * 700,
    "long words": "word " * 150,
    "combining": "e" + "\u0301" * 50,
    "blanks": " \u00a0\u3000\t " * 30,
    "quotes": "\"'\\`$(reboot)",
    "JSON": '{"a": "\x1b[31m", "b": "\u202e"}',
}

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def lines_of(lines: Iterable[Text]) -> list[str]:
    """The lines that these become on a screen."""
    return [row for line in lines for row in line.plain.split("\n")]


def dangerous(text: str) -> set[str]:
    """Characters that a terminal could obey, or that change what is next to them; line ends are looked at elsewhere."""
    return {character for character in text if character != "\n" and unicodedata.category(character) in _UNSAFE}


def wider(lines: Iterable[str], width: int) -> list[str]:
    """The lines that do not fit."""
    return [line for line in lines if cell_len(line.rstrip()) > width]
