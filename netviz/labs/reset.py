"""The client throws an open connection away: RST instead of FIN, and what was under way is lost."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

from netviz.labs.lab import Lab

__all__ = ["LAB"]

#: Close at once, wait for nothing: the system sends RST (RFC 9293 section 3.10.5, ABORT).
_NO_LINGER = struct.pack("ii", 1, 0)


async def _run(listener: socket.socket) -> None:
    cut = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError):
            while await reader.readline():
                writer.write(b"go on\n")
        writer.close()
        cut.set()

    async with await asyncio.start_server(listen, sock=listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"a long story, part 1\n")
        await reader.readline()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        writer.close()
        await cut.wait()


LAB = Lab("reset", __doc__, _run, view="handshake", closer="--packets", sample="reset", topic="refused")
