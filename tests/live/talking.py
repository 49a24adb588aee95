"""An echo over a WebSocket on loopback."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

__all__ = ["talk"]


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def _talk(count: int, pause: float) -> None:
    async with serve(_echo, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
            for number in range(count):
                await client.send(f"message {number}")
                await client.recv()
                if pause:
                    await asyncio.sleep(pause)


def talk(count: int, *, pause: float = 0) -> None:
    """So many messages there and back."""
    asyncio.run(_talk(count, pause))
