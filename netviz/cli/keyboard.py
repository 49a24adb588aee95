"""The keyboard key by key: without echo and without waiting for Enter, from the terminal even where stdin is a pipe.

Signals of the terminal (Ctrl-C, Ctrl-Z) stay what they are.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from netviz.cli.keys import Keys

__all__ = ["Keyboard"]

#: How long the rest of a sequence may take, in seconds: a terminal sends it at once, a slow line in pieces.
_REST = 0.05


class Keyboard:
    """Between `begin` and `end` keys can be read; both may be called again at any time.

    Raises OSError where there is no terminal to read from.
    """

    def __init__(self) -> None:
        self._keys = Keys()
        self._ready: list[str] = []
        self._before: list[Any] | None = None
        self._open: list[int] = []
        #: A file descriptor: whatever is written into it ends a `read` that waits; -1 where there is none.
        self.alarm = -1
        if sys.platform == "win32":
            return
        if sys.stdin is not None and sys.stdin.isatty():
            self._descriptor = sys.stdin.fileno()
        else:
            self._descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            self._open.append(self._descriptor)
        self._reader, self.alarm = os.pipe()
        self._open += self._reader, self.alarm
        os.set_blocking(self._reader, False)
        os.set_blocking(self.alarm, False)

    def begin(self) -> None:
        """Take the terminal out of the mode in which it collects lines."""
        if sys.platform == "win32":
            return
        import termios

        before = termios.tcgetattr(self._descriptor)
        if self._before is None:
            self._before = before
        mode = termios.tcgetattr(self._descriptor)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)

    def end(self) -> None:
        """As it was before."""
        if sys.platform == "win32" or self._before is None:
            return
        import termios

        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def close(self) -> None:
        """Give back what is open."""
        while self._open:
            os.close(self._open.pop())

    def read(self, patience: float | None) -> str:
        """The next key within so many seconds (None: whenever one comes), or "" where none came.

        Where the terminal is gone it is as if somebody had pressed q.
        """
        if self._ready:
            return self._ready.pop(0)
        if not self._keys.waiting:
            self._ready += self._wait(patience)
        if self._keys.waiting and not self._ready:
            self._ready += self._wait(_REST) or self._keys.flush()
        return self._ready.pop(0) if self._ready else ""

    def _wait(self, patience: float | None) -> list[str]:
        if sys.platform == "win32":
            return _windows_keys(patience)
        import select

        found, _, _ = select.select([self._descriptor, self._reader], [], [], patience)
        if self._reader in found:
            os.read(self._reader, 1024)
        if self._descriptor not in found:
            return []
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:
            data = b""
        return self._keys.feed(data) if data else ["q"]


#: What follows a 0 or 224 of msvcrt.
_WINDOWS = {"H": "up", "P": "down", "M": "right", "K": "left", "G": "home", "O": "end", "I": "page up", "Q": "page down"}


def _windows_keys(patience: float | None) -> list[str]:
    """Windows has no way to wait for a key and something else, so it is asked again and again."""
    if sys.platform != "win32":
        return []
    import msvcrt

    until = None if patience is None else time.monotonic() + patience
    while not msvcrt.kbhit():
        if until is not None and time.monotonic() >= until:
            return []
        time.sleep(0.01)
    key = msvcrt.getwch()
    if key in "\x00\xe0":
        return [name] if (name := _WINDOWS.get(msvcrt.getwch())) else []
    if key == "\x03":
        raise KeyboardInterrupt
    return Keys().feed(key.encode("utf-8", "replace")) or (["escape"] if key == "\x1b" else [])
