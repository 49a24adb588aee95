"""Live screens on a terminal: redrawn in place while packets come, the ordinary screen at the end."""

from __future__ import annotations

import base64
import re
import sys

import pytest

from tests.apart import apart, needs_namespace
from tests.run import ROOT

_COLOR = re.compile(r"\x1b\[[0-9;]*m")

_SHOWN = {"ws-trace": "message 19", "handshake": "ESTABLISHED", "summary": "live on lo"}
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
    told = apart(ROOT / "tests" / "live" / "screen.py", command, *map(str, size))
    live, after = (base64.b64decode(told[part]).decode() for part in ("live", "after"))
    assert told["status"] == 130
    assert "● " in live
    assert _SHOWN[command] in _COLOR.sub("", live)
    assert "\x1b[2K" in live  # lines are written over
    assert _AT_THE_END[command] in _COLOR.sub("", after)
    assert "\x1b[?25h" in after  # the cursor is back
    assert "dropped: 0 by the kernel" in told["said"]
