"""What happened in a capture: frozen values, made by analysis, read by views.

They live here and not beside the decoders so that a view can draw them without importing a layer.
Times are nanoseconds since 1970 UTC, or None for a packet that carries no time (a pcapng Simple
Packet Block).  Packet numbers count from 1, connection numbers from 0.
"""

from __future__ import annotations

from typing import TypeAlias

from netviz.event.base import SIDES, CaptureProblem, Endpoint, Field, Happening, Problem, Side, Slice
from netviz.event.capture import CaptureInterface, CapturePart, CaptureSummary, Share, Span, Trouble, WebSockets
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
from netviz.event.websocket import (
    CLOSE_CODES,
    NO_TIME,
    Anatomy,
    Answer,
    FrameBlock,
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

__all__ = [
    "CLOSE_CODES",
    "NO_TIME",
    "SIDES",
    "Anatomy",
    "Answer",
    "CaptureInterface",
    "CapturePart",
    "CaptureProblem",
    "CaptureSummary",
    "Closing",
    "Course",
    "Dissection",
    "Endpoint",
    "Event",
    "Field",
    "FrameBlock",
    "Happening",
    "Header",
    "Icmp",
    "Moment",
    "Options",
    "Origin",
    "Outcome",
    "PacketCost",
    "PacketLayer",
    "Peers",
    "Problem",
    "Rtt",
    "Rule",
    "Segment",
    "Share",
    "Side",
    "Slice",
    "Span",
    "Step",
    "TcpConnection",
    "TcpOpening",
    "Totals",
    "Traffic",
    "Trouble",
    "WebSocketClose",
    "WebSocketFrame",
    "WebSocketMessage",
    "WebSocketUpgrade",
    "WebSockets",
    "close_name",
    "frame_kind",
]

Event: TypeAlias = Happening | WebSocketFrame | WebSocketMessage
