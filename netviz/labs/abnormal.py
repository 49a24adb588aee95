"""A server that ends without a close frame: its client is told 1006, a number that nobody sent, and no reason."""

from __future__ import annotations

import socket

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosed

    async def crash(websocket: ServerConnection) -> None:
        await websocket.send("working on it: " + str(await websocket.recv()))
        # What a system does with the sockets of a process that was killed.
        websocket.transport.abort()

    async with serve(crash, sock=listener), client(listener, "/report") as websocket:
        await websocket.send("one report, please")
        await websocket.recv()
        try:
            await websocket.recv()
        except ConnectionClosed as end:
            if end.rcvd is not None:
                raise


LAB = Lab("1006", __doc__, _run, view="ws-trace", closer="--explain", sample="crashed", topic="1006")
