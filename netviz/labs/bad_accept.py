"""A server answers 101 with an Accept that does not belong to the key: the client must give up.

RFC 6455 section 4.1.  Written by hand, because no library would do that: it computes Accept from a key of its own, as a
cache does that hands out the answer to somebody else.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from contextlib import suppress
from hashlib import sha1

from netviz.labs.client import client
from netviz.labs.lab import Lab

__all__ = ["LAB"]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ANOTHER_KEY = b"c29tZWJvZHkgZWxzZSdzIQ=="


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    accept = b64encode(sha1(_ANOTHER_KEY + _GUID).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")  # fmt: skip
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def _run(listener: socket.socket) -> None:
    from websockets.exceptions import InvalidHandshake

    async with await asyncio.start_server(_answer, sock=listener):
        with suppress(InvalidHandshake):
            await client(listener, "/chat")


LAB = Lab("bad-accept", __doc__, _run, view="ws-trace", closer="--explain", sample="wrong-accept", topic="accept")
