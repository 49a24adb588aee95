"""A whole WebSocket: TCP, the upgrade from HTTP, text and binary both ways, a ping, and a clean close."""

from __future__ import annotations

import socket

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def echo(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send(message)

    async with serve(echo, sock=listener), client(listener, "/echo") as websocket:
        for message in ("the ferry leaves pier 4 at 07:35", "温度计读数 21.5℃", bytes(range(16))):
            await websocket.send(message)
            await websocket.recv()
        await (await websocket.ping("still there?"))
        await websocket.close(1000, "done")


LAB = Lab("websocket", __doc__, _run, view="ws-trace", closer="--frame 1", sample="websocket", topic="websocket")
