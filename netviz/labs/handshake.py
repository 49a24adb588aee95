"""Three segments open a TCP connection, and two FINs close it.

Both ends tell where they count their bytes from and which options they know, before anybody says anything.
"""

from __future__ import annotations

import asyncio
import socket

from netviz.labs.lab import Lab

__all__ = ["LAB"]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"You said: " + await reader.readline())
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def _run(listener: socket.socket) -> None:
    async with await asyncio.start_server(_answer, sock=listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"hello\n")
        await reader.readline()
        writer.write_eof()
        await reader.read()
        writer.close()
        await writer.wait_closed()


LAB = Lab("handshake", __doc__, _run, view="handshake", closer="--packets", sample="handshake", topic="handshake")
