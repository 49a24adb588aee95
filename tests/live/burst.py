"""Sends more datagrams than the process that captures can take, which is stopped meanwhile; prints what was counted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.apart import NETVIZ
from tests.live.talking import captured, listen

_BURST, _AROUND = 30_000, 500


def _children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def main() -> None:
    """Capture, send, count."""
    command = [*NETVIZ, "record", "-i", "lo", sys.argv[1], "--buffer", "1M", "-f", "udp port 9999"]
    recording = subprocess.Popen(command, stderr=subprocess.PIPE)
    listen(lambda: captured() == 1)
    (child,) = _children(recording.pid)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for count, stopped in ((_AROUND, False), (_BURST, True), (_AROUND, False)):
            if stopped:
                os.kill(child, signal.SIGSTOP)
            for _ in range(count):
                sender.sendto(b"x" * 100, ("127.0.0.1", 9999))
            if stopped:
                os.kill(child, signal.SIGCONT)
                time.sleep(0.5)
    time.sleep(0.5)
    recording.send_signal(signal.SIGINT)
    status = recording.wait(20)
    said = recording.stderr.read().decode() if recording.stderr else ""
    print(json.dumps({"status": status, "said": said, "sent": _BURST + 2 * _AROUND}))


main()
