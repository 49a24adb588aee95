"""A message again and again with permessage-deflate: the second is a few bytes, because both ends remember the first."""

from __future__ import annotations

import json
import socket

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def receive(websocket: ServerConnection) -> None:
        async for _ in websocket:
            await websocket.send("ok")

    async with serve(receive, sock=listener), client(listener, "/trams", compression="deflate") as websocket:
        for minute in (35, 35, 36):
            place = {"type": "position", "line": "tram-11", "stop": "harbour", "at": f"07:{minute}", "passengers": 42}
            await websocket.send(json.dumps(place))
            await websocket.recv()


LAB = Lab("compression", __doc__, _run, view="ws-trace", closer="--stats", sample="compression", topic="compression")
