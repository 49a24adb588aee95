"""A stage: the whole terminal for pictures that are drawn over one another, and given back whatever happens.

It uses the alternate screen, so that what was on the terminal is there again afterwards.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text

from netviz.cli.keyboard import Keyboard

__all__ = ["Stage", "stage_possible"]

#: The alternate screen, without a cursor and empty; and back.
_ENTER, _LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[2J", b"\x1b[0m\x1b[?25h\x1b[?1049l"

#: Signals that end a process which does not care about them.
_ENDING = ("SIGTERM", "SIGHUP", "SIGQUIT")

_Handler = Callable[[int, "FrameType | None"], None]


def stage_possible() -> bool:
    """Whether stdout is a terminal that can be drawn on, and there is one to read keys from."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb" if os.name != "nt" else "") == "dumb":
        return False
    keys = sys.stdin is not None and sys.stdin.isatty()
    if keys or os.name == "nt":
        return keys
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


class Stage:
    """A context in which `draw` and `key` work.  ``console`` says which colours and signs there are."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._out = sys.stdout.fileno()
        self._keyboard = Keyboard()
        self._before: dict[int, Any] = {}
        self._drawn: list[str] = []
        self._size = (0, 0)
        #: How many ns it was stopped by Ctrl-Z.
        self.away = 0

    def __enter__(self) -> Stage:
        console = self._console
        console.soft_wrap = True
        for name in _ENDING:
            self._handle(name, self._end)
        self._handle("SIGTSTP", self._suspend)
        self._handle("SIGCONT", self._resume)
        self._handle("SIGWINCH", lambda number, frame: None)  # that it came is enough to look at the size again
        self._alarm = signal.set_wakeup_fd(self._keyboard.alarm, warn_on_full_buffer=False)
        atexit.register(self._give_back)  # should an interrupt come between here and the first line of the context
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()
        atexit.unregister(self._give_back)
        signal.set_wakeup_fd(self._alarm)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
        self._keyboard.close()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal."""
        try:
            found = os.get_terminal_size(self._out)
        except OSError:
            return 80, 24
        return found.columns or 80, found.lines or 24

    def key(self, patience: float | None) -> str:
        """The next key, "" where none came in so many seconds or something else happened."""
        return self._keyboard.read(patience)

    def draw(self, lines: Sequence[Text]) -> None:
        """Show a picture: no more lines than the terminal has, none wider.  Only what changed is sent."""
        console = self._console
        size = self.size
        if size != self._size:
            self._size, self._drawn = size, []
        columns, rows = size
        console.width = max(columns, 1)
        out = [] if self._drawn else ["\x1b[0m\x1b[2J"]
        shown = []
        for index, line in enumerate(lines[:rows]):
            with console.capture() as captured:
                console.print(line, end="", soft_wrap=True)
            text = captured.get()
            shown.append(text)
            if not self._drawn or index >= len(self._drawn) or self._drawn[index] != text:
                # Cleared before it is written: behind a full line the cursor stands on its last cell.
                out.append(f"\x1b[{index + 1};1H\x1b[2K{text}")
        out += [f"\x1b[{index + 1};1H\x1b[2K" for index in range(len(shown), len(self._drawn))]
        self._drawn = shown
        if out:
            console.file.write("".join(out))
            console.file.flush()

    # What may happen meanwhile

    def _handle(self, name: str, handler: _Handler) -> None:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            self._before[number] = signal.signal(number, handler)

    def _begin(self) -> None:
        self._keyboard.begin()
        self._send(_ENTER)
        self._drawn = []

    def _give_back(self) -> None:
        self._send(_LEAVE)
        # The terminal may be gone; then there is nothing to give back.
        with contextlib.suppress(Exception):
            self._keyboard.end()

    def _send(self, data: bytes) -> None:
        # Past every buffer: a signal may come in the middle of a write, which cannot be entered a second time.
        with contextlib.suppress(OSError):
            os.write(self._out, data)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        self._give_back()
        signal.signal(number, signal.SIG_DFL)
        stopped = time.monotonic_ns()
        os.kill(os.getpid(), number)  # it stops here, until somebody lets it go on
        self.away += time.monotonic_ns() - stopped
        signal.signal(number, self._suspend)
        self._begin()

    def _resume(self, number: int, frame: FrameType | None) -> None:
        self._begin()  # whoever let us go on may have changed the terminal, also where nothing was said before the stop
