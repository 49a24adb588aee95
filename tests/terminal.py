"""A terminal to run netviz in: keys in, and what they leave on the screen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import Any

import pyte

from tests.run import ROOT, environment

__all__ = ["ENTER", "KEYS", "LEAVE", "Terminal", "terminal"]

KEYS = {"right": "\x1b[C", "left": "\x1b[D", "up": "\x1b[A", "down": "\x1b[B", "home": "\x1b[H", "end": "\x1b[F",
        "enter": "\r", "escape": "\x1b", "backspace": "\x7f", "ctrl-c": "\x03", "ctrl-z": "\x1a"}  # fmt: skip

#: What takes the whole screen, and what gives it back.
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"

#: Seconds until somebody who waits for a screen gives up.
_PATIENCE = 20.0

#: Runs a command as a shell does, in a process group of its own, and lets it go on a moment after it stopped.
_SHELL = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if not child:
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.setpgid(0, 0)
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
try:
    os.setpgid(child, child)
except OSError:
    pass
os.tcsetpgrp(0, child)
while True:
    _, status = os.waitpid(child, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, os.getpgrp())
    print("stopped", flush=True)
    sys.stdin.readline()
    os.tcsetpgrp(0, child)
    os.kill(child, signal.SIGCONT)
os.tcsetpgrp(0, os.getpgrp())
print("over", os.waitstatus_to_exitcode(status), flush=True)
"""


class Terminal:
    """A process in a pseudo-terminal, and the screen that it draws."""

    def __init__(self, command: list[str], columns: int, rows: int, more: dict[str, str], stdin: int | None = None) -> None:
        self._main, self._side = pty.openpty()
        self.raw = ""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self.resize(columns, rows, told=False)
        self.modes = self._modes()
        side = self._side

        def control() -> None:
            fcntl.ioctl(side, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=side if stdin is None else stdin, stdout=side, stderr=side, start_new_session=True, cwd=ROOT,
            preexec_fn=control, env={**environment(), "TERM": "xterm-256color", **more},
        )  # fmt: skip

    def _modes(self) -> list[Any]:
        return termios.tcgetattr(self._side)

    @property
    def restored(self) -> bool:
        """Whether the terminal is in the mode that it had before, the whole screen given back and the cursor visible."""
        back = self.raw.rfind(LEAVE)
        return (
            self._modes() == self.modes
            and back > self.raw.rfind(ENTER)
            and self.raw.rfind("\x1b[?25h") > self.raw.rfind("\x1b[?25l")
        )

    @property
    def lines(self) -> list[str]:
        """The screen, blanks at line ends dropped."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    def resize(self, columns: int, rows: int, *, told: bool = True) -> None:
        """Another size, as somebody who pulls at a window makes it."""
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)
        if told:
            os.killpg(os.tcgetpgrp(self._main), signal.SIGWINCH)

    def press(self, *keys: str) -> None:
        """Press keys: by name, or characters as they are."""
        os.write(self._main, "".join(KEYS.get(key, key) for key in keys).encode())

    def read(self, patience: float = 0.05) -> None:
        """Take what comes within so many seconds."""
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0 and select.select([self._main], [], [], left)[0]:
            try:
                data = os.read(self._main, 65_536)
            except OSError:
                return
            if not data:
                return
            text = self._decoder.decode(data)
            self.raw += text
            self._stream.feed(text)

    def wait(self, *words: str) -> str:
        """Read until all these words stand on the screen at once, wherever lines break; gives it."""

        def there() -> bool:
            flowing = " ".join(self.text.split())
            return all(word in self.text or word in flowing for word in words)

        return self.until(there, f"{words}")

    def until(self, there: Callable[[], bool], wanted: str = "that") -> str:
        """Read until something is true."""
        end = time.monotonic() + _PATIENCE
        while not there():
            assert time.monotonic() < end, f"waited for {wanted} in vain:\n{self.text}\n{self.raw[-2000:]!r}"
            self.read()
        self.read(0.03)  # the rest of the picture
        return self.text

    def finish(self) -> int:
        """Read on until the process is over; its exit status, negative where a signal ended it."""
        self.until(lambda: self.process.poll() is not None, "the end")
        self.read(0.2)
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        """Whatever is still there goes."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._main)
        os.close(self._side)


@contextlib.contextmanager
def terminal(
    *words: str,
    columns: int = 120,
    rows: int = 40,
    shell: bool = False,
    stdin: int | None = None,
    more: dict[str, str] | None = None,
) -> Iterator[Terminal]:
    """``netviz WORDS`` in a terminal of this size; with ``shell`` below something that knows Ctrl-Z, as a shell does."""
    command = [sys.executable, *(["-c", _SHELL] if shell else []), "-m", "netviz", *words]
    made = Terminal(command, columns, rows, more or {}, stdin)
    try:
        yield made
    finally:
        made.close()
