"""Which topics explain what stands on a screen: the one place that decides, and the faint line that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from netviz.event import CaptureSummary, Dissection, PacketLayer, TcpConnection, WebSocketFrame, WebSocketMessage
from netviz.verdicts.capture import trouble_severity
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.session_use import use
from netviz.verdicts.tcp import severity
from netviz.verdicts.websocket import Trace
from netviz.views.text import fold

__all__ = ["named", "of_connection", "of_dissection", "of_frame", "of_sessions", "of_summary", "of_websocket"]

#: More would not be read.
_MOST = 4

#: The bit of a frame that says that its message is compressed (RFC 7692 section 6).
_RSV1 = 0x40

#: What broke a rule, and the topic that tells the rule.
_BROKEN = {
    "unmasked-client-frame": "masking", "masked-server-frame": "masking", "continuation-without-start": "fragmentation",
    "message-interrupted": "fragmentation", "control-fragmented": "fragmentation", "reserved-bits": "compression",
    "inflate-error": "compression", "cannot-inflate": "compression", "close-code-invalid": "close-codes",
    "close-payload-short": "close-codes", "data-after-close": "close-codes",
}  # fmt: skip

#: Any problem of a capture, and the topic that tells what is behind it.
_TROUBLES = _BROKEN | {
    "connection-refused": "refused", "no-answer": "refused", "icmp-unreachable": "refused", "connection-reset": "refused",
    "syn-retransmitted": "handshake", "zero-window": "buffering", "retransmissions": "sequence-numbers",
    "out-of-order": "sequence-numbers", "lost-bytes": "sequence-numbers", "accept-wrong": "accept",
    "upgrade-rejected": "rejected", "upgrade-header": "upgrade", "connection-header": "upgrade",
    "upgrade-http-version": "upgrade", "extension-not-offered": "upgrade", "subprotocol-not-offered": "upgrade",
    "closed-abnormally": "1006", "closed-with-error": "close-codes", "key-missing": "keylog", "request-refused": "rejected",
}  # fmt: skip

#: Headlines of verdicts on sessions, and the topic that tells what is behind them.
_HEADLINES = {
    "STUCK IN POLLING": "fallback", "POLLING ONLY": "polling", "GIVEN UP": "fallback", "SESSION UNKNOWN": "sticky-sessions",
    "PING TIMEOUT": "heartbeat", "CONNECT REFUSED": "namespaces", "TRANSPORT UNKNOWN": "fallback", "BAD REQUEST": "upgrade",
    "TRANSPORT CLOSE": "1006", "TRANSPORT ERROR": "1006",
}  # fmt: skip

#: Layers of a packet by their keys, and what tells more of them.
_LAYERS = {"socket.io": "socket.io", "engine.io": "socket.io", "websocket": "websocket", "tls": "wss", "udp": "tcp-vs-udp"}


def named(names: Iterable[str], width: int) -> Text:
    """The line: the first few of these topics, each once."""
    return fold(Text(f"netviz explain {' · '.join(list(dict.fromkeys(names))[:_MOST])}", "faint"), width, 2)


def of_connection(connection: TcpConnection) -> Iterator[str]:
    """Topics of a TCP connection, those of its problems first."""
    if severity(connection) == "problem":
        yield "refused"
    if any(side.zero_windows for side in connection.traffic):
        yield "buffering"
    carried = connection.outcome in ("established", "partial")
    if carried and any(side.retransmissions or side.out_of_order or side.lost_bytes for side in connection.traffic):
        yield "sequence-numbers"
    if connection.steps:
        yield "handshake"
    if connection.application in ("websocket", "socket.io"):
        yield connection.application
    elif connection.application == "tls":
        yield "wss"
    if carried:
        yield "sequence-numbers"


def of_websocket(trace: Trace, rows: Iterable[WebSocketMessage | WebSocketFrame], *, explain: bool) -> Iterator[str]:
    """Topics of a WebSocket: its verdict, what its rows show, and its upgrade."""
    upgrade, close = trace.upgrade, trace.close
    if upgrade is not None and upgrade.accept_valid is False:
        yield "accept"
    if upgrade is not None and upgrade.outcome != "accepted":
        yield "rejected"
    if close is not None and close.ended and close.code == 1006 and "code" not in close.inferred:
        yield "1006"
    yield from (_BROKEN[problem.kind] for _, problem in trace.broken if problem.kind in _BROKEN)
    yield from (_BROKEN[problem.kind] for problem in trace.incomplete if problem.kind in _BROKEN)
    if close is not None and close.ended and close.code not in (1000, 1006):
        yield "close-codes"
    if explain and upgrade is not None:
        yield from ("upgrade", "accept")
    shown = set()
    for row in rows:
        if isinstance(row, WebSocketFrame):
            shown.add("fragmentation" if not row.fin else "masking")
        else:
            shown |= {"compression"} if row.compressed else set()
            shown |= {"fragmentation"} if row.fragments > 1 else {"heartbeat"} if row.kind == "ping" else set()
    yield from (name for name in ("compression", "fragmentation", "heartbeat", "masking") if name in shown)
    if upgrade is not None:
        yield "upgrade"
    if close is not None and close.ended:
        yield "close-codes"


def of_frame(frame: WebSocketFrame) -> Iterator[str]:
    """Topics of one frame."""
    if frame.masked:
        yield "masking"
    if frame.first & _RSV1:
        yield "compression"
    if frame.kind == "continuation" or not frame.fin:
        yield "fragmentation"
    if frame.kind in ("ping", "pong"):
        yield "heartbeat"
    yield "close-codes" if frame.kind == "close" else "websocket"


def of_sessions(servers: Iterable[Sequence[SessionTrace]], headlines: Iterable[str]) -> Iterator[str]:
    """Topics of the sessions of some servers: what the headlines say is wrong, then what the sessions use."""
    yield from (_HEADLINES[headline] for headline in headlines if headline in _HEADLINES)
    for traces in servers:
        used = use(traces)
        for name, found in (
            ("rooms", used.broadcasts), ("namespaces", used.namespaces), ("acks", used.asked),
            ("fallback", any(trace.session.upgraded for trace in traces)), ("polling", used.polls), ("heartbeat", used.beats),
            ("events", used.events), ("socket.io", True),
        ):  # fmt: skip
            if found:
                yield name


def of_summary(summary: CaptureSummary) -> Iterator[str]:
    """Topics of a whole capture: what is behind its worst problems, then what is in it."""
    for trouble in sorted(summary.troubles, key=lambda trouble: trouble_severity(trouble) != "problem"):
        if trouble.kind in _TROUBLES:
            yield _TROUBLES[trouble.kind]
    sessions = summary.sessions
    for name, found in (
        ("fallback", sessions.moved), ("polling", sessions.polling), ("socket.io", sessions.total),
        ("websocket", summary.websockets.opened), ("upgrade", summary.websockets.accepted),
        ("wss", summary.share("tls", "TCP")), ("handshake", summary.connections),
        ("tcp-vs-udp", summary.share("UDP", "IP")), ("osi", summary.count),
    ):  # fmt: skip
        if found:
            yield name


def of_dissection(event: Dissection) -> Iterator[str]:
    """Topics of one packet: those of what TCP carries, or else of TCP; and the layers themselves."""
    above = [name for layer in reversed(event.layers) for name in _of_layer(layer)]
    tcp = next((layer for layer in event.layers if layer.key == "tcp"), None)
    if not above and tcp is not None:
        above = ["handshake" if tcp.value("SYN") else "sequence-numbers"]
    yield from list(dict.fromkeys(above))[: _MOST - 1]
    yield "osi"


def _of_layer(layer: PacketLayer) -> Iterator[str]:
    if layer.key == "presentation":
        yield from (name for word, name in (("deflate", "compression"), ("mask", "masking")) if word in layer.name)
    elif layer.key == "session" and layer.name == "WebSocket upgrade":
        yield "upgrade"
    elif layer.key in _LAYERS:
        yield _LAYERS[layer.key]
