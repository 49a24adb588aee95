"""Labs: which there are, what one teaches and where it was played, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from rich.text import Text

from netviz.views.json_keys import string
from netviz.views.text import fold, safe, wrapped

__all__ = ["Lab", "Performance", "introduction", "lab_json", "lab_plain", "lab_table", "next_commands"]

#: Lines of text are not read where they are longer.
_WIDEST = 110


class Lab(Protocol):
    """A scene with real clients and servers."""

    @property
    def name(self) -> str:
        """What to call it on the command line."""

    @property
    def teaches(self) -> str:
        """What there is to see."""

    @property
    def needs(self) -> str:
        """What it needs to be played."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What of that is not installed."""

    @property
    def view(self) -> str:
        """The command that shows it."""

    @property
    def sample(self) -> str:
        """The recorded capture of it."""

    @property
    def topic(self) -> str:
        """The topic that explains it."""


class Performance(Protocol):
    """A lab that was played, and where."""

    @property
    def lab(self) -> Lab:
        """Which."""

    @property
    def place(self) -> str:
        """In a "namespace", on "loopback", or "recorded" before."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not in a better place."""


def introduction(played: Performance, width: int, *, plain: bool) -> Text:
    """What there is to see, and where it comes from; ``plain`` is one line, however long."""
    lab = played.lab
    if plain:
        return Text(f"demo {lab.name}: {lab.teaches}. {_where(played)}")
    line = Text.assemble((f"demo {lab.name}  ", "label"), f"{lab.teaches}. ", (_where(played), "faint"))
    return fold(line, width, 2).append("\n")


def _where(played: Performance) -> str:
    why = safe("; ".join(played.reasons))
    if played.place == "namespace":
        return "Played just now, in a network namespace of its own."
    if played.place == "loopback":
        return f"Played just now, on loopback{': ' * bool(why)}{why}."
    return f"Not played now{': ' * bool(why)}{why}. This is the recorded capture, the sample {played.lab.sample}."


def next_commands(commands: Sequence[str], width: int, *, plain: bool = False) -> Text:
    """What to type next: a line that is broken between commands; ``plain`` is one line, however long."""
    if plain:
        return Text(f"next: {'; '.join(commands)}")
    out = Text.assemble("\n", ("next", "label"))
    used = len("next")
    for index, command in enumerate(commands):
        gap = "  " if not index else " · "
        if index and used + len(gap) + len(command) > width:
            out.append("\n")
            gap, used = " " * 6, 0
        out.append(gap, "faint").append(command, "command")
        used += len(gap) + len(command)
    return fold(out, width, 8)


def lab_table(labs: Iterable[Lab], width: int) -> Iterator[Text]:
    """Each with what it teaches."""
    known = list(labs)
    margin = max(len(lab.name) for lab in known) + 2
    for lab in known:
        text = f"{lab.teaches} (needs {lab.needs})" if lab.needs else lab.teaches
        for index, part in enumerate(wrapped(text, min(width, _WIDEST) - margin)):
            yield Text.assemble((f"{lab.name if not index else '':<{margin}}", "label"), part)
    absent = sorted({name for lab in known for name in lab.missing})
    if absent:
        words = f"{' and '.join(absent)} not installed: what needs them is shown as recorded (pip install 'netviz[labs]')"
        yield fold(Text(f"\n{words}", "note"), width, 2)
    yield next_commands((f"netviz demo {known[0].name}", "netviz demo websocket --replay"), width)


def lab_plain(lab: Lab) -> str:
    """All of it in one line."""
    return f"{lab.name}: {lab.teaches}{f'; needs {lab.needs}' if lab.needs else ''}"


def lab_json(lab: Lab) -> str:
    """All of it as JSON."""
    needs = f', "needs": {string(lab.needs)}' if lab.needs else ""
    return (f'{{"name": {string(lab.name)}, "teaches": {string(lab.teaches)}, "view": {string(lab.view)}, '
            f'"sample": {string(lab.sample)}, "topic": {string(lab.topic)}{needs}}}')  # fmt: skip
