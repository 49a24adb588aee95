"""Text from the wire or the user passes `safe` before it is drawn."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from textwrap import wrap

from rich.cells import cell_len
from rich.text import Text

__all__ = ["clock", "fitting", "fold", "safe", "wrapped"]

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Categories that may not reach a terminal: controls, formats (bidi marks among them), surrogates, separators of lines.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

#: Columns that an indent leaves at least.
_LEAST = 8


def safe(text: str) -> str:
    """Text without anything that a terminal could obey: what is not printable is written as an escape.

    >>> safe("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if unicodedata.category(c) not in _UNSAFE else c.encode("unicode_escape").decode() for c in text)


def clock(time: int) -> str:
    """A time of day, UTC, with six decimals; the date is said once elsewhere."""
    try:
        when = _EPOCH + timedelta(seconds=time // _SECOND)
    except OverflowError:
        return "--:--:--.------"
    return f"{when:%H:%M:%S}.{time % _SECOND // 1000:06d}"


def fold(line: Text, width: int, indent: int) -> Text:
    """Break a styled line at spaces, so that it is nowhere wider than the screen; what follows is indented."""
    if "\n" in line.plain:
        return Text("\n").join(fold(part, width, indent) for part in line.split("\n", allow_blank=True))
    out, rest, room, indent = Text(), line, width, min(indent, max(width - _LEAST, 0))
    while rest.cell_len > room:
        most = fitting(rest.plain, room)
        cut = rest.plain.rfind(" ", indent, most + 1)
        cut = cut if cut > 0 else most
        out.append_text(rest[:cut])
        out.append("\n" + " " * indent)
        rest = rest[cut:]
        blanks = len(rest) - len(rest.plain.lstrip(" "))
        rest, room = rest[blanks:], width - indent
    return out.append_text(rest)


def fitting(text: str, room: int) -> int:
    """How many characters fit into so many cells; at least one.

    >>> fitting("温度 21", 5)
    3
    """
    if text.isascii():
        return max(min(room, len(text)), 1)
    cells = count = 0
    for character in text:
        cells += cell_len(character)
        if cells > room:
            break
        count += 1
    # A sign may make the one before it wider (the variation selector of emoji), so together they are measured again.
    while count > 1 and cell_len(text[:count]) > room:
        count -= 1
    return max(count, 1)


def wrapped(text: str, room: int) -> list[str]:
    """Text in lines of at most so many cells, broken at spaces."""
    if text.isascii():
        return wrap(text, max(room, 1)) or [""]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        while cell_len(joined) > room:
            if line:
                lines.append(line)
                line, joined = "", word
                continue
            cut = fitting(joined, room)
            lines.append(joined[:cut])
            joined = joined[cut:]
        line = joined
    return [*lines, line]
