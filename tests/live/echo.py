"""Echo messages over a WebSocket while ``record`` and ``ws-trace`` capture; prints what both saw."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.apart import NETVIZ
from tests.live.talking import captured, listen, talk

_COUNT, _FILE = int(sys.argv[1]), Path(sys.argv[2])


def main() -> None:
    """Capture, talk, count."""
    lines = _FILE.with_suffix(".jsonl")
    with lines.open("wb") as out:
        recording = subprocess.Popen([*NETVIZ, "record", "-i", "lo", str(_FILE)], stderr=subprocess.PIPE)
        tracing = subprocess.Popen([*NETVIZ, "ws-trace", "-i", "lo", "--json"], stdout=out, stderr=subprocess.PIPE)
        listen(lambda: captured() == 2)
        talk(_COUNT)
        time.sleep(0.5)
        told = []
        for process in (recording, tracing):
            process.send_signal(signal.SIGINT)
            told.append((process.wait(20), process.stderr.read().decode() if process.stderr else ""))
    print(json.dumps({"record": told[0], "trace": told[1], "lines": str(lines)}))


main()
