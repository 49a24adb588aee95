"""Nobody listens on the port: the machine answers SYN with RST at once, and the client is told “connection refused”."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _run(listener: socket.socket) -> None:
    # The socket is bound, so that nobody else can take the port, and does not listen.
    with suppress(ConnectionRefusedError):
        await asyncio.open_connection(*listener.getsockname())


LAB = Lab("refused", __doc__, _run, view="handshake", closer="--explain", sample="refused", topic="refused")
