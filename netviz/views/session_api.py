"""Which call in a program makes a packet, and what runs at the other end: the names of Socket.IO's API for JavaScript.

The wire shows packets, not calls, so all of this is inferred.
"""

from __future__ import annotations

from netviz.event import EngineIoAnswer, EngineIoPacket, SocketIoPacket, WebSocketClose, WebSocketUpgrade
from netviz.verdicts.broadcast import Broadcast, Row
from netviz.views.arguments import quoted, sketch

__all__ = ["Calls", "api", "emitter", "reasons"]

#: The call at the client, and the one at the server; empty where there is none.
Calls = tuple[str, str]

#: What the server says where a namespace does not exist at all.
_NOWHERE = "Invalid namespace"

#: Longest names of events, rooms and namespaces that are written in a call.
_LONG = 60


def api(
    row: Row | EngineIoPacket | EngineIoAnswer | WebSocketUpgrade | WebSocketClose, event: str | None = None
) -> Calls | None:
    """The calls of a row; ``event`` is for an ACK the name of the event that it answers.  None where no call belongs to it."""
    if isinstance(row, Broadcast):
        made = f"{emitter(row, namespace=True)}({_named(row.packet)})"
        if row.everyone and row.room is not None and row.without is None:
            made = f"{_server(row.packet)}.to({_text(row.room)}).emit({_named(row.packet)}) or {made}"
        return f"socket.on({_name(row.packet)}, …)", made
    if isinstance(row, EngineIoPacket):
        return ("socket.disconnect()", 'socket.on("disconnect", …)') if row.side == 0 else ('socket.on("disconnect", …)', "")
    if isinstance(row, EngineIoAnswer | WebSocketUpgrade):
        return 'socket.on("connect_error", …)', 'io.engine.on("connection_error", …)'
    if isinstance(row, WebSocketClose):
        heard = 'socket.on("disconnect", …)'
        return (heard, "") if (row.by or row.transport_by) == "server" else ("", heard)
    return _packet(row.packet, event)


def emitter(row: Row, *, namespace: bool = False) -> str:
    """The call that sent an event; ``namespace`` writes where, other than in the main one."""
    if not isinstance(row, Broadcast):
        return "socket.emit"
    server = _server(row.packet) if namespace else "io"
    room = "…" if row.room is None else _text(row.room)
    if row.without is not None:
        return "socket.broadcast.emit" if row.room is None else f"socket.to({room}).emit"
    if row.everyone:
        return f"{server}.emit"
    return f"{server}.to({room}).emit"


def reasons(packet: SocketIoPacket) -> Calls:
    """The reasons for a DISCONNECT that client and server are given."""
    return (
        ("io client disconnect", "client namespace disconnect")
        if packet.side == 0
        else ("io server disconnect", "server namespace disconnect")
    )


def _packet(packet: SocketIoPacket, event: str | None) -> Calls | None:
    where = packet.namespace
    server = _server(packet)
    both = packet.event is not None
    if both and packet.side == 0:
        called = f"socket.emit({_named(packet)}{', callback' if packet.id is not None else ''})"
        return called, f"socket.on({_name(packet)}, …{', ack' if packet.id is not None else ''})"
    if both:
        return f"socket.on({_name(packet)}, …)", f"socket.emit({_named(packet)}{', callback' if packet.id is not None else ''})"
    if packet.type in ("ACK", "BINARY_ACK"):
        asked = "…" if event is None else quoted(event[:_LONG])
        answers, called = f"ack({sketch(packet.args)}) in socket.on({asked}, …)", f"callback of socket.emit({asked}, …)"
        return (answers, called) if packet.side == 0 else (called, answers)
    if packet.type == "CONNECT":
        auth = ", { auth }" if packet.args and packet.side == 0 else ""
        if packet.side == 0:
            return f"io({_text(where)}{auth})", f"{server}.use(…), if any"
        return 'socket.on("connect", …)', f'{server}.on("connection", …)'
    if packet.type in ("CONNECT_ERROR", "ERROR"):
        said = packet.args[0] if packet.args else None
        message = said.get("message") if isinstance(said, dict) else said
        made = f"no io.of({_text(where)})" if message == _NOWHERE else f"next(new Error(…)) in {server}.use(…)"
        return 'socket.on("connect_error", …)', made
    if packet.type == "DISCONNECT":
        heard, calls = 'socket.on("disconnect", …)', "socket.disconnect()"
        return (calls, heard) if packet.side == 0 else (heard, calls)
    return None


def _server(packet: SocketIoPacket) -> str:
    return "io" if packet.namespace == "/" else f"io.of({_text(packet.namespace)})"


def _name(packet: SocketIoPacket) -> str:
    return _text(packet.event or "")


def _named(packet: SocketIoPacket) -> str:
    rest = sketch(packet.args)
    return _name(packet) + (f", {rest}" if rest else "")


def _text(text: str) -> str:
    return quoted(text if len(text) <= _LONG else text[: _LONG - 1] + "…")
