"""The client of WebSocket labs."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.asyncio.client import connect

__all__ = ["client"]


def client(listener: socket.socket, path: str = "/", **how: Any) -> connect:
    """A WebSocket to a server that listens; not compressed, unless asked for, so that frames can be read with the eye."""
    from websockets.asyncio.client import connect

    host, port = listener.getsockname()
    # The TCP connection is made here: websockets would go to a proxy, where the environment names one.
    return connect(f"ws://{host}:{port}{path}", sock=socket.create_connection((host, port)), **{"compression": None, **how})
