"""Watching packets come: a screen that is redrawn in place, and the counters at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from netviz.capture.source import Source

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live as Area

    from netviz.analysis import Analysis
    from netviz.capture.live import Live
    from netviz.event import Event
    from netviz.summary import Summarizer
    from netviz.views.live import Board, Pulse

__all__ = ["Watch", "pulse", "tell"]

_E = TypeVar("_E", bound="Event")

#: Seconds between two drawings.
_PACE = 0.1


class Watch:
    """Draws what passes, where packets come live and stdout is a terminal; what is drawn at the end is for others."""

    def __init__(self, source: Source, read: Analysis | Summarizer, matching: str) -> None:
        self._source = _live(source)
        self._read = read
        self._matching = matching
        self._console: Console | None = None
        self._board: Board | None = None
        self._area: Area | None = None
        self._due = 0.0

    def begin(self, console: Console) -> bool:
        """Whether there is something to draw in place."""
        if self._source is None or not sys.stdout.isatty():
            return False
        from rich.live import Live as Area

        from netviz.views.live import Board

        self._console, self._board = console, Board()
        self._area = Area(console=console, auto_refresh=False, transient=True)
        return True

    def passing(self, events: Iterable[_E]) -> Iterator[_E]:
        """The same events, seen."""
        if self._area is None or self._board is None:
            yield from events
            return
        with self._area:
            self.tick()
            for event in events:
                self._board.take(event)
                self.tick()
                yield event

    def tick(self, done: float | None = None) -> None:
        """Draw, where it is time to."""
        now = time.monotonic()
        if self._area is None or self._board is None or self._source is None or self._console is None:
            return
        if now < self._due or not self._area.is_started:
            return
        self._due = now + _PACE
        from rich.console import Group

        self._board.start = self._read.start
        height = self._console.size.height
        lines = list(self._board.lines(pulse(self._source, self._matching), self._console.width, height))
        self._area.update(Group(*lines[: height - 1]), refresh=True)

    def tell(self) -> None:
        """The counters at the end."""
        if self._source is not None:
            tell(self._source, self._matching)


def _live(source: Source) -> Live | None:
    if not source.streaming:
        return None
    from netviz.capture.live import Live

    return source if isinstance(source, Live) else None


def pulse(source: Live, matching: str) -> Pulse:
    """The counters of a capture that goes on."""
    from netviz.views.live import Pulse

    drops = source.drops
    lost = ("the kernel", drops.kernel), ("the interface", drops.interface), ("netviz", drops.netviz)
    writes = "" if source.recording is None else source.recording.name + " (not all)" * bool(source.recording.trouble)
    return Pulse(source.name, matching, time.time() - source.began, source.packets, source.octets, lost, writes)


def tell(source: Live, matching: str) -> None:
    """The counters at the end, on stderr."""
    import click

    from netviz.views.live import counted
    from netviz.views.text import safe

    click.echo(safe(counted(pulse(source, matching))), err=True)
