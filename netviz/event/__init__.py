"""What happened in a capture: frozen values, made by analysis, read by views.

They live here and not beside the decoders so that a view can draw them without importing a layer.
Times are nanoseconds since 1970 UTC, or None for a packet that carries no time (a pcapng Simple
Packet Block).  Packet numbers count from 1, connection numbers from 0.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from netviz.event.base import NO_TIME, SIDES, CaptureProblem, Endpoint, Field, Happening, Problem, Side, Slice
    from netviz.event.blocks import FrameBlock, MessageBlock
    from netviz.event.capture import (
        CaptureInterface,
        CapturePart,
        CaptureSummary,
        SessionCounts,
        Share,
        Span,
        Trouble,
        WebSockets,
    )
    from netviz.event.engineio import (
        ENGINE_ERRORS,
        Acknowledged,
        Carried,
        EngineIoAnswer,
        EngineIoPacket,
        EngineIoRequest,
        EngineIoSession,
        Handshake,
        SocketIoPacket,
        Transport,
    )
    from netviz.event.film import Machine, Phase, Scene
    from netviz.event.layers import Dissection, PacketLayer
    from netviz.event.tcp import (
        Closing,
        Course,
        Icmp,
        Moment,
        Options,
        Outcome,
        Rtt,
        Segment,
        Step,
        TcpConnection,
        TcpOpening,
        Traffic,
    )
    from netviz.event.tls import (
        Flight,
        Prologue,
        Session,
        TlsAlert,
        TlsHandshake,
        TlsKeyUpdate,
        TlsOffer,
        TlsProblem,
        TlsRecord,
    )
    from netviz.event.websocket import (
        CLOSE_CODES,
        Anatomy,
        Answer,
        Header,
        Origin,
        PacketCost,
        Peers,
        Rule,
        Totals,
        WebSocketClose,
        WebSocketFrame,
        WebSocketMessage,
        WebSocketUpgrade,
        close_name,
        frame_kind,
    )

    Event: TypeAlias = Happening | WebSocketFrame | WebSocketMessage

__all__ = [
    "CLOSE_CODES",
    "ENGINE_ERRORS",
    "NO_TIME",
    "SIDES",
    "Acknowledged",
    "Anatomy",
    "Answer",
    "CaptureInterface",
    "CapturePart",
    "CaptureProblem",
    "CaptureSummary",
    "Carried",
    "Closing",
    "Course",
    "Dissection",
    "Endpoint",
    "EngineIoAnswer",
    "EngineIoPacket",
    "EngineIoRequest",
    "EngineIoSession",
    "Event",
    "Field",
    "Flight",
    "FrameBlock",
    "Handshake",
    "Happening",
    "Header",
    "Icmp",
    "Machine",
    "MessageBlock",
    "Moment",
    "Options",
    "Origin",
    "Outcome",
    "PacketCost",
    "PacketLayer",
    "Peers",
    "Phase",
    "Problem",
    "Prologue",
    "Rtt",
    "Rule",
    "Scene",
    "Segment",
    "Session",
    "SessionCounts",
    "Share",
    "Side",
    "Slice",
    "SocketIoPacket",
    "Span",
    "Step",
    "TcpConnection",
    "TcpOpening",
    "TlsAlert",
    "TlsHandshake",
    "TlsKeyUpdate",
    "TlsOffer",
    "TlsProblem",
    "TlsRecord",
    "Totals",
    "Traffic",
    "Transport",
    "Trouble",
    "WebSocketClose",
    "WebSocketFrame",
    "WebSocketMessage",
    "WebSocketUpgrade",
    "WebSockets",
    "close_name",
    "frame_kind",
]

#: Where they are: what every command needs comes first, since those before it are imported, too.
_MODULES = ("base", "tcp", "websocket", "tls", "blocks", "engineio", "capture", "layers", "film")


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: making all these classes takes a third of the time to start."""
    if name == "Event":
        from netviz.event import Happening, WebSocketFrame, WebSocketMessage

        return Happening | WebSocketFrame | WebSocketMessage
    if name in __all__:
        for module in _MODULES:
            home = import_module(f"netviz.event.{module}")
            if name in home.__all__:
                globals()[name] = found = getattr(home, name)
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
