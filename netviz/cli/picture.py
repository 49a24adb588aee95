"""The picture of a topic: what netviz draws of a sample, cut to the lines that tell it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from netviz.cli.screen import onto
from netviz.topic import Show
from netviz.views.theme import THEME

__all__ = ["cut", "picture"]


def picture(words: Sequence[str], shows: Iterable[Show], width: int) -> list[Text]:
    """The lines that ``netviz WORDS`` prints on a screen of this width, or those of them that are to be shown.

    Nothing where the sample is missing: a text can be read without its picture.
    """
    from netviz.cli import cli
    from netviz.errors import NetvizError
    from netviz.samples import samples

    # By their paths: a file of the user's may have the name of a sample.
    words = [*words[:1], *(str(samples().get(word, word)) for word in words[1:])]
    console = Console(
        file=io.StringIO(), theme=THEME, width=width, force_terminal=True, color_system="standard", no_color=False,
        highlight=False, markup=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    with console.capture() as captured, onto(console):
        try:
            cli.main(words, prog_name="netviz", standalone_mode=False)
        except NetvizError:
            return []
    lines = [Text.from_ansi(line) for line in captured.get().splitlines()]
    for line in lines:
        line.rstrip()
    return list(cut(lines, tuple(shows)))


def cut(lines: Sequence[Text], shows: Sequence[Show]) -> Iterator[Text]:
    """The parts of a screen that are to be shown, with a sign where lines between them are left out."""
    if not shows:
        yield from lines
        return
    at = 0
    for show in shows:
        first = next((row for row in range(at, len(lines)) if show.first in lines[row].plain), None)
        if first is None:
            continue
        if at and first > at:
            yield Text("  ⋮", "faint") if any(line.plain for line in lines[at:first]) else Text()
        at = first + 1
        while at < len(lines) and not _over(lines[at].plain, show.last):
            at += 1
        while not lines[at - 1].plain:
            at -= 1
        yield from lines[first:at]


def _over(line: str, last: str) -> bool:
    return last in line if last else not line
