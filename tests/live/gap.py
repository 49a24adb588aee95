"""Echo messages while the process that captures is stopped for a time; prints what ws-trace made of what is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.apart import NETVIZ
from tests.live.talking import captured, listen, talk, wait

_COUNT = 20_000


def main() -> None:
    """Capture, talk, stop it for a time, count."""
    command = [*NETVIZ, "ws-trace", "-i", "lo", "--json", "--buffer", "1M"]
    with Path(sys.argv[1]).open("wb") as out:
        tracing = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
        listen(lambda: captured() == 1)
        (child,) = (int(word) for word in Path(f"/proc/{tracing.pid}/task/{tracing.pid}/children").read_text().split())
        sent: list[int] = []
        talking = threading.Thread(target=talk, args=(_COUNT,), kwargs={"sent": sent})
        talking.start()
        wait(lambda: len(sent) > _COUNT // 10)
        os.kill(child, signal.SIGSTOP)
        stopped = len(sent)
        wait(lambda: len(sent) > stopped + _COUNT // 2)  # several times what the buffer holds
        os.kill(child, signal.SIGCONT)
        talking.join()
        time.sleep(0.5)
        tracing.send_signal(signal.SIGINT)
        status = tracing.wait(20)
    events = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    texts = [event for event in events if event["event"] == "websocket.message" and event["kind"] == "text"]
    odd = [event for event in texts if not str(event.get("text", "")).startswith("message ") and not event["problems"]]
    kinds = Counter(problem["kind"] for event in events for problem in event["problems"])
    said = tracing.stderr.read().decode() if tracing.stderr else ""
    print(json.dumps({"status": status, "said": said, "whole": len(texts), "sent": 2 * _COUNT, "odd": odd[:3], "kinds": kinds}))


main()
