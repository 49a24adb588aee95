"""Engine.IO on a Wire: polling requests, what is answered to them, and the upgrade to a WebSocket."""

from __future__ import annotations

import json

from tests.frames import accepted, head, request
from tests.talk import Line
from tests.wire import CLIENT, SERVER

__all__ = ["JOINED", "OPEN", "SID", "asked", "get", "ok", "post", "posted", "switch", "target"]

SID = "lv_VI97HAXpY6yYWAAAC"

_OPEN = {"sid": SID, "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}

#: The packet with which a server opens a session.
OPEN = b"0" + json.dumps(_OPEN).encode()

#: The CONNECT of the main namespace, as the server answers it.
JOINED = b'40{"sid":"wZX3oN0bSVIhsaknAAAI"}'


def target(sid: str | None = SID, transport: str = "polling", version: int = 4) -> str:
    """What is asked for."""
    return f"/socket.io/?EIO={version}&transport={transport}" + (f"&sid={sid}" if sid else "")


def get(sid: str | None = SID, **how: int) -> Line:
    """A poll, or without a sid the request for a session."""
    return CLIENT, head(f"GET {target(sid, **how)} HTTP/1.1", {"Host": "a"})  # type: ignore[arg-type]  # a version


def post(body: bytes, sid: str | None = SID, **fields: str) -> Line:
    """What the client says."""
    sized = {} if "Transfer_Encoding" in fields else {"Content-Length": str(len(body))}
    more = {name.replace("_", "-"): value for name, value in fields.items()}
    return CLIENT, head(f"POST {target(sid)} HTTP/1.1", {"Host": "a", **more, **sized}) + body


def ok(body: bytes = b"ok", status: int = 200, *, length: bool = True, **fields: str) -> Line:
    """An answer."""
    sized = {"Content-Length": str(len(body))} if length else {}
    more = {name.replace("_", "-"): value for name, value in fields.items()}
    return SERVER, head(f"HTTP/1.1 {status} Words", {"Server": "x", **more, **sized}) + body


def posted(body: bytes) -> list[Line]:
    """What the client says, and that it was heard."""
    return [post(body), ok()]


def asked(*packets: bytes) -> list[Line]:
    """A poll, and these packets in answer."""
    return [get(), ok(b"\x1e".join(packets))]


def switch(sid: str | None = SID) -> list[Line]:
    """The WebSocket that a session moves to, or begins with."""
    return [(CLIENT, request(target(sid, "websocket"))), (SERVER, accepted())]
