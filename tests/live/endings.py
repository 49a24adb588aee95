"""The ways in which a recording ends before anybody wants it to; prints what netviz said, and how it ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.apart import NETVIZ
from tests.live.talking import captured, listen

_FILE = sys.argv[2]


def _start(interface: str = "lo", limit: int = 0) -> subprocess.Popen[bytes]:
    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = subprocess.Popen([*NETVIZ, "record", "-i", interface, _FILE], stderr=subprocess.PIPE, preexec_fn=limited)
    listen(lambda: captured() == 1)
    return process


def _send(count: int = 3000) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(count):
            sender.sendto(b"x" * 100, ("127.0.0.1", 9999))
    time.sleep(0.3)


def _child(process: subprocess.Popen[bytes]) -> int:
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def _full() -> subprocess.Popen[bytes]:
    """As a disk that fills: no more than so much may be written."""
    process = _start(limit=100_001)
    _send()
    return process


def _killed() -> subprocess.Popen[bytes]:
    process = _start()
    _send()
    os.kill(_child(process), signal.SIGKILL)
    return process


def _gone() -> subprocess.Popen[bytes]:
    """An interface that goes down."""
    subprocess.run("ip tuntap add dev t0 mode tun && ip link set t0 up", shell=True, check=True)
    process = _start("t0")
    subprocess.run("ip link set t0 down", shell=True, check=True)
    return process


def _left() -> subprocess.Popen[bytes]:
    """The process that reads is killed: the one that captures must not stay."""
    process = _start()
    child = _child(process)
    process.kill()
    for _ in range(50):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the process that captures is still there")
    return process


def _interrupted() -> subprocess.Popen[bytes]:
    """Ctrl-C after this time, whatever netviz is doing then."""
    process = subprocess.Popen([*NETVIZ, "record", "-i", "lo", _FILE], stderr=subprocess.PIPE)
    ends = time.monotonic() + float(sys.argv[3])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while time.monotonic() < ends:
            sender.sendto(b"x" * 100, ("127.0.0.1", 9999))
            time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    return process


process = {"interrupted": _interrupted, "full": _full, "killed": _killed, "gone": _gone, "left": _left}[sys.argv[1]]()
status = process.wait(20)
print(json.dumps({"status": status, "said": process.stderr.read().decode() if process.stderr else ""}))
