"""Sessions of Engine.IO and Socket.IO for tests, told by hand: times in ms, packets numbered by them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import (
    Acknowledged,
    Endpoint,
    EngineIoPacket,
    EngineIoSession,
    Handshake,
    SocketIoPacket,
    Transport,
)
from netviz.layers.layer import Wanted
from netviz.verdicts.session_trace import SessionTrace
from tests.wire import START

__all__ = ["CLIENT", "MS", "SERVER", "Played", "chat", "gathered", "packet_at", "time_at"]

CLIENT, SERVER = 0, 1
MS = 1_000_000

_DIGITS = {"open": 0, "close": 1, "ping": 2, "pong": 3, "message": 4, "upgrade": 5, "noop": 6}


class Played:
    """A session that is told step by step; ``trace`` is what is known of it."""

    def __init__(
        self,
        number: int = 0,
        *,
        port: int | None = None,
        version: int | None = 4,
        transport: Transport = "websocket",
        beat: tuple[int, int] | None = (25_000, 20_000),
        at: float = 0,
    ) -> None:
        self.transport = transport
        opened = None if beat is None else Handshake(("websocket",) if transport == "polling" else (), *beat, 1_000_000)
        polling = transport == "polling"
        self._sid = f"R0m27fJy_9oKDfycAA{number:02}"
        self.trace = SessionTrace(
            EngineIoSession(
                packets=(packet_at(at),), time=time_at(at), number=number, connection=number, connections=(number,),
                client=Endpoint("127.0.0.1", 49242 + number if port is None else port), server=Endpoint("127.0.0.1", 8840),
                path="/socket.io/", sid=self._sid, version=version, opened=opened, transports=(transport,), upgraded=False,
                polls=4 if polling else 0, heads=1_400 if polling else 0, bodies=120 if polling else 0,
                over=True, began=time_at(at),
            )
        )  # fmt: skip
        self._asked: dict[tuple[int, str, int], tuple[int, float]] = {}
        self._count = 0
        self.engine(at, SERVER, "open", json.dumps({"sid": self._sid}))

    def session(self, **changes: Any) -> Played:
        """Change what is known of the session."""
        self.trace.session = replace(self.trace.session, **changes)
        return self

    def engine(self, at: float, side: int, kind: str, data: str | bytes | None = None, took: float | None = None) -> Played:
        """A packet of Engine.IO."""
        self._count += 1
        wire = 1 + len(data or "")
        self.trace.take(
            EngineIoPacket(
                packets=(packet_at(at),), time=time_at(at), connection=0, session=self.trace.session.number, number=self._count,
                side=side, type=kind, transport=self.transport, sid=self._sid, version=self.trace.session.version,
                data=data, wire=wire, took=None if took is None else round(took * MS),
            )
        )  # fmt: skip
        return self

    def upgrade(self, at: float, took: float = 1.2) -> Played:
        """The probe, and the move to a WebSocket."""
        self.transport = "websocket"
        self.engine(at, CLIENT, "ping", "probe").engine(at + took, SERVER, "pong", "probe", took)
        self.engine(at + 2 * took, CLIENT, "upgrade")
        return self.session(transports=("polling", "websocket"), upgraded=True)

    def beat(self, at: float, took: float | None = 0.6) -> Played:
        """A ping, and its pong."""
        asker = CLIENT if self.trace.session.version == 3 else SERVER
        self.engine(at, asker, "ping")
        return self if took is None else self.engine(at + took, 1 - asker, "pong", None, took)

    def say(self, at: float, side: int, kind: str, *args: Any, ns: str = "/", number: int | None = None, **more: Any) -> Played:
        """A packet of Socket.IO, and the one of Engine.IO that carries it."""
        parts = ([more["event"], *args] if "event" in more else list(args)) or None
        said = json.dumps(parts, default=str, separators=(",", ":"))
        text = f"{ns if ns != '/' else ''}{'' if number is None else number}{said}"
        attached = sum(isinstance(arg, bytes) for arg in args)
        self.engine(at, side, "message", text)
        self.trace.take(
            SocketIoPacket(
                packets=(packet_at(at),), time=time_at(at), connection=0, session=self.trace.session.number, side=side,
                type=f"BINARY_{kind}" if attached else kind, namespace=ns, args=args, id=number, attachments=attached,
                engineio_sid=self._sid, transport=self.transport, wire=2 + len(text), engine=(self._count, self._count),
                **{"event": None, "sid": None, **more},
            )
        )  # fmt: skip
        return self

    def connect(self, at: float, ns: str = "/", *, took: float = 0.5, sid: str = "b_b3mmG61M0OB4FzAAAA") -> Played:
        """A namespace that is joined."""
        return self.say(at, CLIENT, "CONNECT", ns=ns).say(at + took, SERVER, "CONNECT", {"sid": sid}, ns=ns, sid=sid)

    def refuse(self, at: float, ns: str, message: str) -> Played:
        """A namespace that is asked for in vain."""
        return self.say(at, CLIENT, "CONNECT", ns=ns).say(at + 0.5, SERVER, "CONNECT_ERROR", {"message": message}, ns=ns)

    def emit(self, at: float, side: int, event: str, *args: Any, number: int | None = None, ns: str = "/") -> Played:
        """An event; with an id, an acknowledgement is wanted."""
        if number is not None:
            self._asked[side, ns, number] = len(self.trace.packets), at
        return self.say(at, side, "EVENT", *args, event=event, number=number, ns=ns)

    def ack(self, at: float, side: int, number: int, *args: Any, ns: str = "/") -> Played:
        """An acknowledgement, which the event that it answers knows of, too."""
        place, asked = self._asked[1 - side, ns, number]
        took = round((at - asked) * MS)
        kept = self.trace.packets
        kept[place] = replace(kept[place], ack=Acknowledged(packet_at(at), took))
        return self.say(at, side, "ACK", *args, number=number, ns=ns, answers=Acknowledged(packet_at(asked), took))

    def bye(self, at: float, side: int = CLIENT, ns: str = "/") -> Played:
        """A namespace that is left."""
        return self.say(at, side, "DISCONNECT", ns=ns)


def time_at(at: float) -> int:
    """The time of a ms."""
    return START + round(at * MS)


def packet_at(at: float) -> int:
    """The number of the packet of a ms: later ones have larger ones."""
    return round(at * 1000) + 1


def chat() -> list[SessionTrace]:
    """Three sockets in a room: one of them came by polling, one speaks, all hear it."""
    first = Played(0, at=10).connect(12).emit(13, SERVER, "hello", {"id": 1})
    second = Played(1, at=20, transport="polling").connect(22, took=1).emit(23.5, SERVER, "hello", {"id": 1}).upgrade(30)
    third = Played(2, at=40).connect(42).connect(43, "/admin", sid="x6b8M5o5BLaIbn1hAAAB").emit(44, SERVER, "hello", {"id": 1})
    for index, one in enumerate((first, second, third)):
        one.emit(659.405 + index, CLIENT, "join", "lobby", number=0).ack(660.505 + index, SERVER, 0, "ok", "lobby")
    first.emit(664.421, CLIENT, "msg", {"t": "hi"})
    for one, at in ((first, 665.406), (second, 665.890), (third, 665.996)):
        one.emit(at, SERVER, "msg", {"t": "hi"})
    second.emit(700, CLIENT, "upload", "n.bin", bytes(range(24)), number=1).ack(701.25, SERVER, 1, {"size": 24})
    third.refuse(720, "/secret", "not allowed").emit(730, CLIENT, "echo", "in", ns="/admin", number=0)
    for one in (first, second, third):
        one.beat(25_010).beat(50_012, 0.7)
    third.bye(60_000).bye(60_001, SERVER, "/admin")
    return [first.trace, second.trace, third.trace]


def gathered(path: str) -> tuple[list[SessionTrace], int | None]:
    """The sessions of a capture, and the time of its first packet."""
    analysis = Analysis(wanted=Wanted())
    events = [event for batch in open_capture(path) for event in analysis.feed(batch)]
    traces: dict[int, SessionTrace] = {}
    for event in [*events, *analysis.close()]:
        if isinstance(event, EngineIoSession):
            traces.setdefault(event.number, SessionTrace(event)).take(event)
        elif isinstance(event, EngineIoPacket | SocketIoPacket):
            traces.setdefault(event.session, SessionTrace(Played(event.session).trace.session)).take(event)
    return list(traces.values()), analysis.start
