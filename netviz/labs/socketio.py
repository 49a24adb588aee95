"""Socket.IO from polling to WebSocket: three clients, an event with its ack, a broadcast that reaches all three."""

from __future__ import annotations

import asyncio
import socket

from netviz.labs.lab import Lab

__all__ = ["LAB"]

#: Two clients begin on polling and move on, as all do who say nothing else; the third is sure of itself.
_TRANSPORTS = (["polling", "websocket"], ["polling", "websocket"], ["websocket"])


async def _run(listener: socket.socket) -> None:
    import socketio
    from aiohttp import web

    server, everybody = socketio.AsyncServer(async_mode="aiohttp"), asyncio.Barrier(len(_TRANSPORTS) + 1)

    @server.event  # type: ignore[untyped-decorator]
    async def say(_sid: str, text: str) -> str:
        await server.emit("said", text)
        return "passed on"

    async def hear(_text: str) -> None:
        await everybody.wait()

    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    host, port = listener.getsockname()
    clients = [socketio.AsyncClient(reconnection=False) for _ in _TRANSPORTS]
    for one, transports in zip(clients, _TRANSPORTS, strict=True):
        one.on("said", hear)
        await one.connect(f"http://{host}:{port}", transports=transports)
    await asyncio.gather(clients[0].call("say", "the ferry leaves pier 4 at 07:35"), everybody.wait())
    for one in clients:
        await one.disconnect()
    await runner.cleanup()


LAB = Lab(
    "socketio",
    __doc__,
    _run,
    view="ws-trace",
    closer="--api",
    sample="socketio-rooms",
    topic="socket.io",
    extra=("socketio", "aiohttp"),
)
