"""Sessions of Engine.IO for tests, as events without a capture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netviz.event import (
    Carried,
    Endpoint,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    Handshake,
    Header,
    SocketIoPacket,
)
from netviz.verdicts.session_trace import SessionTrace
from tests.wire import CLIENT, SERVER, START

__all__ = ["HANDSHAKE", "SID", "answer", "engine", "request", "scripted", "session", "socket"]

SID = "lv_VI97HAXpY6yYWAAAC"
HANDSHAKE = Handshake(("websocket",), 25_000, 20_000, 1_000_000)

_MS = 1_000_000

_SESSION = EngineIoSession(
    packets=(4, 6), time=START, number=0, connection=0, connections=(0,), client=Endpoint("10.0.0.1", 40000),
    server=Endpoint("10.0.0.2", 80), path="/socket.io/", sid=SID, version=4, opened=HANDSHAKE, transports=("polling",),
    upgraded=False, over=True, began=START,
)  # fmt: skip
_ENGINE = EngineIoPacket(
    packets=(6,), time=START, connection=0, session=0, number=1, side=SERVER, type="open", transport="polling", sid=SID,
    version=4, data=None, wire=1,
)  # fmt: skip
_SOCKET = SocketIoPacket(
    packets=(8,), time=START, connection=0, session=0, side=CLIENT, type="EVENT", namespace="/", event="chat", args=("hi",),
    id=None, attachments=0, sid=None, engineio_sid=SID, transport="polling", wire=14, engine=(2, 2),
)  # fmt: skip
_REQUEST = EngineIoRequest(
    packets=(4,), time=START, connection=0, number=1, method="GET", target=f"/socket.io/?EIO=4&transport=polling&sid={SID}",
    headers=(Header("Host", "10.0.0.2"),), head=(4, 54, 200), body=Carried(b"", 0), session=0,
)  # fmt: skip


def session(**changes: Any) -> EngineIoSession:
    """A session that polled, and is over; with changes."""
    return replace(_SESSION, **changes)


def engine(side: int, kind: str, data: str | bytes | None = None, at: float = 0, **changes: Any) -> EngineIoPacket:
    """An Engine.IO packet, ``at`` ms after the beginning."""
    return replace(_ENGINE, side=side, type=kind, data=data, time=START + round(at * _MS), **changes)


def socket(side: int, kind: str, event: str | None = None, *args: Any, at: float = 0, **changes: Any) -> SocketIoPacket:
    """A Socket.IO packet, ``at`` ms after the beginning."""
    return replace(_SOCKET, side=side, type=kind, event=event, args=args, time=START + round(at * _MS), **changes)


def request(method: str = "GET", headers: dict[str, str] | None = None, **changes: Any) -> EngineIoRequest:
    """A polling request."""
    found = tuple(Header(*item) for item in ({"Host": "10.0.0.2", **(headers or {})}).items())
    return replace(_REQUEST, method=method, headers=found, **changes)


def answer(
    status: int | None = 200, body: bytes | None = b"", at: float = 0, to: EngineIoRequest = _REQUEST,
    headers: dict[str, str] | None = None, **changes: Any,
) -> EngineIoAnswer:  # fmt: skip
    """What was answered to a polling request."""
    usual = EngineIoAnswer(
        packets=(6,), time=START + round(at * _MS), connection=0, request=to, status=status, reason="",
        headers=tuple(Header(*item) for item in (headers or {}).items()), head=(6, 54, 200),
        body=Carried(body, len(body or b"")), session=0,
    )  # fmt: skip
    return replace(usual, **changes)


def scripted(*events: Event, **changes: Any) -> SessionTrace:
    """What is gathered of a session from these events, and what it turned out to be."""
    found = SessionTrace(session(over=False))
    for event in (*events, session(**changes)):
        found.take(event)
    return found
