"""Whether client and server speak different versions, though nobody said so: what each sends gives it away.

https://socket.io/docs/v4/engine-io-protocol/#history, https://socket.io/docs/v4/socket-io-protocol/#history
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netviz.event import WebSocketClose
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Verdict

__all__ = ["judge_versions"]

#: Each packet behind its length: a payload of Engine.IO 3, which a client of version 4 takes for a packet of type 9.
_OLD_PAYLOAD = re.compile(r"[0-9]{1,9}:0\{")

#: "TP" of "HTTP/1.1", where the two bytes of a close code should be: "HT" before them reads as the head of a close frame.
_TEXT = 0x5450

_ADVICE = "give both sides the same major version of Socket.IO"
_OLD_SERVER = "a client of Socket.IO 3 or 4 (EIO=4), and a server of Socket.IO 1 or 2"


def judge_versions(trace: SessionTrace, before: Sequence[Claim]) -> Verdict | None:
    """Judge a session in which one side cannot understand the other; None where there is no sign of it."""
    session = trace.session
    framed = next((close for close in session.closes if close.code == _TEXT and close.reason.startswith("/1.")), None)
    if framed is not None and session.opened is None:
        return _answered_inside(trace, framed, before)
    if session.version is None or session.version < 4:
        return None
    for packet in trace.control:
        if packet.side == 1 and session.opened is None and isinstance(packet.data, str) and _OLD_PAYLOAD.match(packet.data):
            text = "the server answered with a length before each packet, as Engine.IO 3 does"
            means = "the client cannot read that: to its program it is “server error” or “xhr poll error”"
            return _old(Claim(text, packets=packet.packets), means, before)
    for event in trace.packets:
        if event.type == "CONNECT" and event.side == 1 and not event.args and event.parser == "json":
            text = "the server’s CONNECT carries no sid, as before Socket.IO 3"
            means = "the client waits for another answer, and tells its program “connect_error”: the server seems to be 2.x"
            return _old(Claim(text, packets=event.packets), means, before)
    return None


def _old(seen: Claim, means: str, before: Sequence[Claim]) -> Verdict:
    return Verdict(
        severity="problem", headline="VERSION MISMATCH", seen=(*before, seen), means=means,
        likely=(Claim(_OLD_SERVER, "inferred"),), advice=(_ADVICE,),
    )  # fmt: skip


def _answered_inside(trace: SessionTrace, close: WebSocketClose, before: Sequence[Claim]) -> Verdict:
    """A server that agreed to the upgrade, and then refused it in HTTP."""
    status = close.reason[5:8]
    attempts = trace.session.attempts
    seen = [Claim("the upgrade to WebSocket was accepted (101)", packets=attempt.packets) for attempt in attempts[:1]]
    said = " ".join(close.reason.partition("\r")[0].split())
    seen.append(Claim(f"then the server wrote an answer of HTTP into the WebSocket: “HTTP{said}”", packets=close.packets[:1]))
    old = trace.session.version == 3
    return Verdict(
        severity="problem",
        headline=f"REFUSED {status}" if status.isdecimal() else "REFUSED",
        seen=(*before, *seen),
        means="the server refused after it had agreed; what it wrote is no frame, browsers say “Invalid frame header”",
        likely=(Claim("a client of Socket.IO 1 or 2 (EIO=3), and a server of Socket.IO 3 or 4", "inferred"),) if old else (),
        cause_wanted=not old,
        advice=(_ADVICE if old else 'listen at the server: io.engine.on("connection_error", console.log) tells why',),
    )
