"""See TCP handshakes, layer by layer, in network captures.

Names are imported when they are first used, so that ``netviz --help`` does not wait for numpy.

>>> import netviz
>>> for event in netviz.analyze(netviz.open("captures/refused.pcapng")):
...     print(event.name, event.outcome)
tcp.connection refused
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netviz.analysis import Analysis, analyze, course, trace
    from netviz.capture.batch import Batch
    from netviz.capture.source import Source
    from netviz.capture.source import open_capture as open  # noqa: A004
    from netviz.dissection import dissect
    from netviz.errors import NetvizError
    from netviz.event import (
        CaptureProblem,
        Dissection,
        Event,
        Field,
        PacketLayer,
        Problem,
        Slice,
        TcpConnection,
        WebSocketClose,
        WebSocketFrame,
        WebSocketMessage,
        WebSocketUpgrade,
    )
    from netviz.table import Table

__all__ = [
    "Analysis",
    "Batch",
    "CaptureProblem",
    "Dissection",
    "Event",
    "Field",
    "NetvizError",
    "PacketLayer",
    "Problem",
    "Slice",
    "Source",
    "Table",
    "TcpConnection",
    "WebSocketClose",
    "WebSocketFrame",
    "WebSocketMessage",
    "WebSocketUpgrade",
    "analyze",
    "course",
    "dissect",
    "open",
    "trace",
]

_HOMES = {
    "netviz.analysis": ("Analysis", "analyze", "course", "trace"),
    "netviz.capture.batch": ("Batch",),
    "netviz.capture.source": ("Source", "open_capture"),
    "netviz.dissection": ("dissect",),
    "netviz.errors": ("NetvizError",),
    "netviz.event": (
        "CaptureProblem",
        "Dissection",
        "Event",
        "Field",
        "PacketLayer",
        "Problem",
        "Slice",
        "TcpConnection",
        "WebSocketClose",
        "WebSocketFrame",
        "WebSocketMessage",
        "WebSocketUpgrade",
    ),
    "netviz.table": ("Table",),
}


def __getattr__(name: str) -> Any:
    wanted = "open_capture" if name == "open" else name
    home = next((module for module, names in _HOMES.items() if wanted in names), None) if name in __all__ else None
    if home is None:
        raise AttributeError(f"module 'netviz' has no attribute {name!r}")
    value = getattr(import_module(home), wanted)
    globals()[name] = value
    return value
