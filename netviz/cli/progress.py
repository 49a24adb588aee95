"""A progress bar on stderr, where that is a terminal and reading takes over a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["Progress"]

#: Seconds without a bar.
_PATIENCE = 1.0


class Progress:
    """Tell it how much has been done; the bar comes when it is due and goes when all is done."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._bar: Bar | None = None
        self._wanted = sys.stderr.isatty()

    def update(self, done: float | None) -> None:
        """From 0 to 1, or None where nobody knows."""
        if not self._wanted or done is None:
            return
        if self._bar is None:
            if done >= 1 or time.monotonic() - self._begun < _PATIENCE:
                return
            self._bar = _bar()
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done >= 1:
            self._bar.stop()
            self._bar, self._wanted = None, False


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = TextColumn("reading"), BarColumn(), TaskProgressColumn()
    made = Progress(*columns, console=Console(stderr=True), transient=True)
    made.add_task("reading", total=1.0)
    made.start()
    return made
