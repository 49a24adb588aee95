"""A view that is piped: prints which lines came while the conversation went on, how late they came, and what came after."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from tests.apart import NETVIZ
from tests.live.talking import captured, listen

#: Seconds that a line is waited for.
_PATIENCE = 20.0


def _start(command: list[str]) -> list[subprocess.Popen[Any]]:
    """The processes, the last of which writes lines; with "tcpdump" packets come through a pipe."""
    if command[0] != "tcpdump":
        return [subprocess.Popen([*NETVIZ, *command], stdout=subprocess.PIPE, text=True)]
    tcpdump = subprocess.Popen(
        ["tcpdump", "-i", "lo", "--immediate-mode", "-U", "-w", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    view = subprocess.Popen([*NETVIZ, *command[1:], "-"], stdin=tcpdump.stdout, stdout=subprocess.PIPE, text=True)
    return [tcpdump, view]


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _talk(lines: list[str], wanted: list[str]) -> list[float]:
    """How many seconds each wanted word came after the message that brings it; all messages are one word."""
    late = []
    async with serve(_echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            for word in wanted:
                begun = time.monotonic()
                await client.send(word)
                await client.recv()
                while not any(word in line for line in lines) and time.monotonic() < begun + _PATIENCE:
                    await asyncio.sleep(0.005)
                late.append(time.monotonic() - begun)
    return late


def main() -> None:
    """Start the command, talk, stop it: the command's words end at "--", behind it are the words to wait for."""
    at = sys.argv.index("--")
    before = captured()
    running = _start(sys.argv[1:at])
    output = running[-1].stdout
    assert output is not None
    lines: list[str] = []
    taking = threading.Thread(target=lambda: lines.extend(iter(output.readline, "")))
    taking.start()
    listen(lambda: captured() > before)
    late = asyncio.run(_talk(lines, sys.argv[at + 1 :]))
    live = len(lines)
    listen(lambda: any("clos" in line for line in lines[live:]))
    running[0].send_signal(signal.SIGINT)
    for process in running:
        process.wait(20)
    taking.join()
    print(json.dumps({"status": running[-1].returncode, "late": late, "live": lines[:live], "after": lines[live:]}))


main()
