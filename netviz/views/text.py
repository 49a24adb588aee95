"""Text from the wire or the user passes `safe` before it is drawn."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

__all__ = ["clock", "safe"]

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Categories that may not reach a terminal: controls, formats (bidi marks among them), surrogates, separators of lines.
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


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
