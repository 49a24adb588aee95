"""Live screens on a terminal: redrawn in place while packets come, the ordinary screen at the end."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import sys

import pytest

from tests.apart import apart, needs_namespace
from tests.run import ROOT

_COLOR = re.compile(r"\x1b\[[0-9;]*m")

_FLOWING = ROOT / "tests" / "live" / "flowing.py"

#: What stands on the screen while packets come: all of it.
_SHOWN = {"ws-trace": ["message 19"], "handshake": ["ESTABLISHED"], "summary": ["ESTABLISHED", "websocket", "message 19"]}
_AT_THE_END = {
    "ws-trace": "1 WebSocket · 42 messages",
    "handshake": "1 connection: 1 established",
    "summary": "1 TCP connection",
}


@needs_namespace
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("command", ["ws-trace", "handshake", "summary"])
def test_a_live_screen(command: str, size: tuple[int, int]) -> None:
    told = apart(ROOT / "tests" / "live" / "screen.py", command, *map(str, size), *_SHOWN[command])
    live, after = (base64.b64decode(told[part]).decode() for part in ("live", "after"))
    assert told["status"] == 130
    assert "● " in live
    for words in ("live on lo", "none dropped", *_SHOWN[command]):
        assert words in _COLOR.sub("", live)
    assert "\x1b[2K" in live  # lines are written over
    assert _AT_THE_END[command] in _COLOR.sub("", after)
    assert "\x1b[?25h" in after  # the cursor is back
    assert "dropped: 0 by the kernel" in told["said"]


@needs_namespace
@pytest.mark.parametrize(
    ("command", "words", "after"),
    [
        ("ws-trace", ["alpha", "bravo", "charlie"], "1 WebSocket · 8 messages"),
        ("ws-trace --plain", ["alpha", "bravo"], "clean"),
        ("handshake", ["established"], "closed by server"),
        ("summary", ["established"], "1 TCP connection, 1 WebSocket, no problem"),
        ("summary --plain", ["established"], "summary "),
    ],
)
def test_piped_lines_come_as_it_happens(command: str, words: list[str], after: str) -> None:
    told = apart(_FLOWING, *command.split(), "-i", "lo", "--", *words)
    assert told["status"] == 130
    assert len(told["late"]) == len(words)
    for word in words:  # the WebSocket is open still: more is said only after the line has come
        assert any(word in line for line in told["live"])
    assert any(after in line for line in told["after"]), told["after"]


def _may_capture() -> bool:
    try:
        socket.socket(getattr(socket, "AF_PACKET", -1), socket.SOCK_RAW).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="needs tcpdump")
@pytest.mark.skipif(not _may_capture(), reason="tcpdump, which changes its user, needs real capture rights")
def test_what_tcpdump_pipes_is_told_at_once() -> None:
    told = apart(_FLOWING, "tcpdump", "ws-trace", "--", "alpha", "bravo", "charlie", shared=True)
    assert told["status"] == 0
    for word in ("alpha", "bravo", "charlie"):
        assert any(word in line for line in told["live"])
