"""Findings about this machine, one a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from rich.text import Text

from netviz.views.json_keys import boolean, string
from netviz.views.text import fold, safe

__all__ = ["Finding", "finding_json", "finding_lines", "finding_plain"]

_SIGNS = {True: ("✓", "ok"), False: ("✗", "problem"), None: ("·", "faint")}
_WORDS = {True: "works", False: "does not work", None: "is so"}


class Finding(Protocol):
    """Something that works (``good`` true), or does not (false), or is merely so (None)."""

    @property
    def name(self) -> str:
        """What it is about."""

    @property
    def good(self) -> bool | None:
        """Whether it works."""

    @property
    def text(self) -> str:
        """What was found."""

    @property
    def do(self) -> str:
        """What could be done about it."""


def finding_lines(findings: Iterable[Finding], width: int) -> Iterator[Text]:
    """A line each, and below it what could be done."""
    for one in findings:
        sign, style = _SIGNS[one.good]
        yield fold(Text.assemble((f"{sign} ", style), (f"{safe(one.name):<11} ", "label"), safe(one.text)), width, 14)
        for line in one.do.splitlines():
            yield fold(Text.assemble(" " * 14, (safe(line), "note" if one.good is False else "faint")), width, 16)


def finding_plain(one: Finding) -> str:
    """All of it in one line."""
    do = f"; {'; '.join(safe(line) for line in one.do.splitlines())}" if one.do else ""
    return f"{safe(one.name)} {_WORDS[one.good]}: {safe(one.text)}{do}"


def finding_json(one: Finding) -> str:
    """All of it as JSON."""
    good = "null" if one.good is None else boolean(one.good)
    return f'{{"name": {string(one.name)}, "good": {good}, "text": {string(one.text)}, "do": {string(one.do)}}}'
