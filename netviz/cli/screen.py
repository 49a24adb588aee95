"""The terminal, or what stands for it: how wide, which colours, which characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console

from netviz.views.theme import ASCII, THEME

__all__ = ["onto", "screen"]

#: How wide a screen is drawn where nobody says: a pipe or a file.  Nothing is cut off there.
_PIPED = 120
_NARROWEST, _WIDEST = 60, 200


#: What commands draw on instead of the terminal.
_INSTEAD: ContextVar[Console | None] = ContextVar("_INSTEAD", default=None)


class _Ascii:
    """A stream that lets only ASCII pass: our own signs by their stand-ins, a question mark for each column of all else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = "utf-8"

    def write(self, text: str) -> int:
        written = text.translate(ASCII)
        if not written.isascii():  # what nobody can write here takes its room all the same, or columns would not stand
            written = "".join(c if c.isascii() else "?" * cell_len(c) for c in written)
        return self._stream.write(written)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


@contextmanager
def onto(console: Console) -> Iterator[None]:
    """Within this every command draws on a Console of ours."""
    token = _INSTEAD.set(console)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


def screen(color: str, only_ascii: bool) -> Console:
    """A Console on stdout; ASCII only where asked for, or where stdout cannot write more."""
    instead = _INSTEAD.get()
    if instead is not None:
        return instead
    limited = (sys.stdout.encoding or "ascii").lower().replace("-", "") not in ("utf8", "utf16", "utf32", "cp65001")
    stream = _Ascii(sys.stdout) if only_ascii or limited else sys.stdout
    terminal = sys.stdout.isatty()
    colors = color == "always" or (color == "auto" and terminal and not os.environ.get("NO_COLOR"))
    given = os.environ.get("COLUMNS", "")
    width = int(given) if given.isdigit() and int(given) > 0 else None if terminal else _PIPED
    console = Console(
        file=stream,  # type: ignore[arg-type]
        theme=THEME,
        width=width,
        no_color=not colors,
        force_terminal=colors,
        color_system=("auto" if terminal else "standard") if colors else None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not terminal,
        legacy_windows=False,
    )
    console.width = max(_NARROWEST, min(console.width, _WIDEST))
    return console
