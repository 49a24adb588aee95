"""How a session ended, by whom, and in the words that Socket.IO tells its programs.

https://socket.io/docs/v4/client-socket-instance/#disconnect (reasons), https://socket.io/docs/v4/engine-io-protocol/#heartbeat
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.event import EngineIoPacket, Side, SocketIoPacket, WebSocketClose, close_name
from netviz.quantity import span
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Severity

__all__ = ["Ending", "ending"]

_MS = 1_000_000

#: Timers fire late and clocks differ: so much of a time limit must have passed, and so much more may have.
_EARLY, _LATE = 0.97, 1.5
_GRACE = 2_000 * _MS

_FINE = (1000, 1001, 1005)
_WORDS = {"fin": "FIN", "reset": "RST", "open": "nothing"}
_OTHER: dict[Side, Side] = {"client": "server", "server": "client"}


class Ending(NamedTuple):
    """Who ended a session, and how; ``means`` and ``likely`` as in a verdict."""

    severity: Severity
    headline: str
    seen: tuple[Claim, ...]
    means: str
    likely: tuple[Claim, ...] = ()
    cause_wanted: bool = False
    advice: tuple[str, ...] = ()


def ending(trace: SessionTrace) -> Ending | None:
    """How a session ended; None where no end of it is in the capture."""
    left = _left(trace)
    if left is not None:
        return _disconnected(left)
    closed = next((packet for packet in reversed(trace.control) if packet.type == "close"), None)
    close = next((found for found in reversed(trace.session.closes) if found.ended and _carried(trace, found)), None)
    if closed is None and close is None:
        return None
    by, when, packets = _who(closed, close)
    if by is not None and when is not None and (late := _timeout(trace, by, when, packets)) is not None:
        return late
    if closed is not None:
        return _closed(closed)
    assert close is not None
    return _transport(trace, close)


def _left(trace: SessionTrace) -> SocketIoPacket | None:
    """The DISCONNECT of the main namespace that was not followed by another CONNECT to it."""
    for packet in reversed(trace.packets):
        if packet.namespace == "/" and packet.type in ("CONNECT", "DISCONNECT"):
            return packet if packet.type == "DISCONNECT" else None
    return None


def _carried(trace: SessionTrace, close: WebSocketClose) -> bool:
    """Whether a WebSocket was what carried the session, and no mere attempt."""
    session = trace.session
    return session.upgraded or session.transports[:1] == ("websocket",) or "polling" not in session.transports


def _who(closed: EngineIoPacket | None, close: WebSocketClose | None) -> tuple[Side | None, int | None, tuple[int, ...]]:
    """Who gave up first, and when."""
    if closed is not None:
        return closed.sender, closed.time, closed.packets
    assert close is not None
    by = close.by or close.transport_by
    if by is None:
        return None, None, ()
    framed = close.close_packets[by == "server"]
    when = close.last[by == "server"] if framed else close.time
    return by, when if when is not None else close.time, (framed,) if framed else close.packets[-1:]


def _disconnected(packet: SocketIoPacket) -> Ending:
    by = packet.sender
    theirs, ours = f"io {by} disconnect", f"{by} namespace disconnect"
    client, server = ("the client’s program", "the server’s")
    seen = Claim(f"the {by} sent DISCONNECT for the namespace /", packets=packet.packets)
    means = f"the {by} left on purpose; {client} is told “{theirs}”, {server} “{ours}”"
    return Ending("ok", f"CLOSED BY {by.upper()}", (seen,), means)


def _closed(packet: EngineIoPacket) -> Ending:
    by = packet.sender
    seen = Claim(f"the {by} sent the close packet of Engine.IO (1)", packets=packet.packets)
    means = f"the {by} closed the session on purpose; the program at the {_OTHER[by]} is told “transport close”"
    return Ending("ok", f"CLOSED BY {by.upper()}", (seen,), means)


def _transport(trace: SessionTrace, close: WebSocketClose) -> Ending:
    by = close.by or close.transport_by
    who, other = (by, _OTHER[by]) if by is not None else ("network", "other side")
    if "code" in close.inferred:
        seen = Claim("bytes are missing in the capture before the WebSocket ended", packets=close.packets[-1:])
        return Ending(
            "note", "ENDED", (seen,), "the transport ended; whether it was closed first cannot be told from this capture"
        )
    if close.code == 1006:
        silence = "" if close.silence is None else f", {span(close.silence)} after the last frame"
        seen = Claim(
            f"the {who} sent {_WORDS[close.transport]}{silence}; no close frame, and no DISCONNECT before",
            packets=close.packets[-1:],
        )
        means = f"the connection of the session broke; the program at the {other} is told “transport close”"
        advice = f"look in the log of the {who}'s program at this moment; if it says nothing, at the proxies on the way"
        likely = []
        if close.transport == "reset":
            likely.append(Claim(f"the {who}'s program died or was killed: its system answered with RST", "inferred"))
        return Ending("problem", "TRANSPORT CLOSE", (seen,), means, tuple(likely), True, (advice,))
    seen = Claim(
        f"the {who} closed the WebSocket with {close.code} ({close_name(close.code)})"
        + (f", “{close.reason}”" if close.reason else ""),
        packets=close.packets[:1],
    )  # fmt: skip
    if close.code not in _FINE and close.code < 3000:
        return _failed(trace, close, who, other, seen)
    means = f"the {who} ended the transport; the program at the {other} is told “transport close”"
    if by == "client" and close.code == 1001:
        means = "the page was left or the client went away; the server’s program is told “transport close”"
    return Ending("ok" if by == "client" else "note", f"CLOSED BY {who.upper()}", (seen,), means)


def _failed(trace: SessionTrace, close: WebSocketClose, who: str, other: str, seen: Claim) -> Ending:
    """A close that tells of an error."""
    means = f"the {who} gave up on the WebSocket: its program is told “transport error”, the {other}’s “transport close”"
    likely: list[Claim] = []
    advice = f"look in the log of the {who}'s program at this moment"
    opened = trace.session.opened
    if close.code == 1009:
        limit = "" if opened is None or opened.max_payload is None else f" (the server said maxPayload {opened.max_payload:,})"
        likely.append(Claim(f"what the {other} sent is larger than the {who} takes{limit}", "inferred"))
        advice = "maxHttpBufferSize is the limit of the server (1 MB where nothing is set)"
    return Ending("problem", "TRANSPORT ERROR", (seen,), means, tuple(likely), not likely, (advice,))


def _timeout(trace: SessionTrace, by: Side, when: int, packets: tuple[int, ...]) -> Ending | None:
    """Whether a side gave up because the heartbeat had stopped.

    In version 4 the server pings: it waits for the pong as long as pingTimeout, the client for the next ping as long as both
    times together.  In version 3 the client pings, and the roles are the other way round.
    """
    opened = trace.session.opened
    if opened is None or opened.ping_timeout is None:
        return None
    pinging: Side = "client" if trace.session.version is not None and trace.session.version < 4 else "server"
    limit, both = opened.ping_timeout * _MS, ((opened.ping_interval or 0) + opened.ping_timeout) * _MS
    ping = _last(trace, pinging, "ping", when)
    if by == pinging:
        pong = _last(trace, _OTHER[pinging], "pong", when)
        if ping is None or ping.time is None or not _about(when - ping.time, limit):
            return None
        if pong is not None and pong.time is not None and pong.time >= ping.time:
            return None
        seen = Claim(f"the {by} sent a ping, and no pong came", packets=ping.packets)
        allowed = f"pingTimeout ({opened.ping_timeout:,} ms)"
        return _gave_up(by, seen, when - ping.time, allowed, packets)
    since = ping.time if ping is not None else trace.session.began
    if since is None or not _about(when - since, both):
        return None
    what = "after the last ping" if ping is not None else "after the session began, without any ping"
    seen = Claim(f"the {pinging} fell silent: no further ping came", packets=() if ping is None else ping.packets)
    allowed = f"pingInterval + pingTimeout ({(opened.ping_interval or 0) + opened.ping_timeout:,} ms)"
    return _gave_up(by, seen, when - since, f"{allowed} {what}", packets)


def _last(trace: SessionTrace, side: Side, kind: str, before: int) -> EngineIoPacket | None:
    """The last ping or pong of a side; probes are none."""
    return next(
        (packet for packet in reversed(trace.control)
         if packet.type == kind and packet.sender == side and packet.data != "probe"
         and packet.time is not None and packet.time <= before), None
    )  # fmt: skip


def _about(passed: int, limit: int) -> bool:
    return limit * _EARLY <= passed <= limit * _LATE + _GRACE


def _gave_up(by: Side, silence: Claim, passed: int, allowed: str, packets: tuple[int, ...]) -> Ending:
    other = _OTHER[by]
    return Ending(
        "problem",
        "PING TIMEOUT",
        (
            silence,
            Claim(f"the {by} gave up {span(passed)} later, by its limit: {allowed}", "computed", packets),
        ),
        f"the {by} took the {other} for gone, and told its program “ping timeout”",
        cause_wanted=True,
        advice=(
            f"look whether the {other}’s program was blocked or its machine asleep, and at the network between; "
            "pingTimeout says how long to be patient",
        ),
    )
