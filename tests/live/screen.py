"""A live screen on a pseudo-terminal; prints what it wrote, and how it ended."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading

from tests.apart import NETVIZ
from tests.live.talking import captured, listen, talk

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def main() -> None:
    """Start the command, talk, stop it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", int(sys.argv[3]), int(sys.argv[2]), 0, 0))
    process = subprocess.Popen([*NETVIZ, sys.argv[1], "-i", "lo"], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    written = bytearray()

    def take() -> None:
        try:
            while data := os.read(ours, 65536):
                written.extend(data)
        except OSError:
            return  # the other end was closed

    taking = threading.Thread(target=take)
    taking.start()
    listen(lambda: captured() == 1)
    talk(20, pause=0.02)
    listen(lambda: all(word in _COLOR.sub("", bytes(written).decode(errors="replace")) for word in sys.argv[4:]))
    live = len(written)
    process.send_signal(signal.SIGINT)
    status = process.wait(20)
    taking.join()
    said = process.stderr.read().decode() if process.stderr else ""
    shown = [base64.b64encode(bytes(part)).decode() for part in (written[:live], written[live:])]
    print(json.dumps({"status": status, "live": shown[0], "after": shown[1], "said": said}))


main()
