"""An echo over a WebSocket on loopback, and when it may begin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

__all__ = ["captured", "listen", "talk", "wait"]

#: Seconds that anything is waited for.
_PATIENCE = 30.0


def captured() -> int:
    """How many sockets capture packets by now."""
    return sum(line.split()[5] == "1" for line in Path("/proc/net/packet").read_text().splitlines()[1:])


def wait(ready: Callable[[], bool]) -> None:
    """Wait for that, but not for ever."""
    begun = time.monotonic()
    while not ready() and time.monotonic() < begun + _PATIENCE:
        time.sleep(0.005)


def listen(ready: Callable[[], bool]) -> None:
    """Wait for that, and for what is not seen from outside: buffers that are made, lines that are on their way."""
    wait(ready)
    time.sleep(0.3)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _talk(count: int, pause: float, sent: list[int]) -> None:
    async with serve(_echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            for number in range(count):
                await client.send(f"message {number}")
                await client.recv()
                sent.append(number)
                if pause:
                    await asyncio.sleep(pause)


def talk(count: int, *, pause: float = 0, sent: list[int] | None = None) -> None:
    """So many messages there and back; those that are back are noted in ``sent``."""
    asyncio.run(_talk(count, pause, [] if sent is None else sent))
