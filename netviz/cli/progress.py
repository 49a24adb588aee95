"""A progress bar on stderr, where that is a terminal and reading takes over a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netviz.capture.batch import Batch
from netviz.capture.source import Source

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["with_progress"]

_PATIENCE = 1.0


def with_progress(source: Source) -> Iterator[Batch]:
    """The Batches of a source; the bar comes and goes on its own."""
    if source.streaming or not sys.stderr.isatty():
        yield from source
        return
    begun = time.monotonic()
    bar: Progress | None = None
    try:
        for batch in source:
            yield batch
            if source.progress is None or (bar is None and time.monotonic() - begun < _PATIENCE):
                continue
            if bar is None:
                bar = _bar()
            bar.update(bar.task_ids[0], completed=source.progress)
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    made = Progress(TextColumn("reading"), BarColumn(), TaskProgressColumn(), console=Console(stderr=True), transient=True)
    made.add_task("reading", total=1.0)
    made.start()
    return made
