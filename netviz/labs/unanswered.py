"""A firewall drops every SYN without a word: the client asks again, a second later, and can only wait.

The firewall is a filter on the socket that listens (SO_ATTACH_FILTER of Linux, which needs no rights): its kernel throws away
what comes, as if it had never arrived.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from contextlib import suppress

from netviz.labs.lab import Lab

__all__ = ["LAB"]

#: Python has no name for it.
_ATTACH_FILTER = 26

#: BPF: return 0, which lets no byte through.
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)

#: Seconds until the client has had enough: the first repetition comes after one (RFC 6298 section 2).
_PATIENCE = 1.4


async def _run(listener: socket.socket) -> None:
    program = ctypes.create_string_buffer(_DROP_ALL)
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(program)))
    listener.listen()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(*listener.getsockname()), _PATIENCE)


LAB = Lab(
    "unanswered", __doc__, _run, view="handshake", closer="--time-scale", sample="unanswered", topic="refused", linux=True
)
