"""One message in several frames, as it becomes known, and a ping that goes between them.

RFC 6455 section 5.4: pieces of two messages may not be mixed, control frames may come in between.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _run(listener: socket.socket) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def shout(websocket: ServerConnection) -> None:
        async for message in websocket:
            await websocket.send(str(message).upper())

    async with serve(shout, sock=listener, compression=None), client(listener) as websocket:

        async def story() -> AsyncIterator[str]:
            yield "once upon "
            yield "a time "
            await (await websocket.ping("between"))
            yield "there was a frame"

        await websocket.send(story())
        await websocket.recv()


LAB = Lab("fragments", __doc__, _run, view="ws-trace", closer="--frames", sample="fragments", topic="fragmentation")
