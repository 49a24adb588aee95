"""A heartbeat: the server pings, and takes every pong as proof that the client lives.

Between pings nobody says anything, and still each end knows that the other is there.
"""

from __future__ import annotations

import asyncio
import socket

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]

#: Seconds between two pings; usual are 20 and more.
_INTERVAL = 0.2


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def watch(websocket: ServerConnection) -> None:
        for beat in range(1, 4):
            await (await websocket.ping(f"beat {beat}"))
            await asyncio.sleep(_INTERVAL)
        await websocket.send("you are alive")
        await websocket.wait_closed()

    async with serve(watch, sock=listener, ping_interval=None), client(listener, ping_interval=None) as websocket:
        await websocket.recv()


LAB = Lab("ping", __doc__, _run, view="ws-trace", closer="--stats", sample="ping", topic="heartbeat")
