"""Whether client and server speak different versions, though nobody said so: what each sends gives it away.

https://socket.io/docs/v4/engine-io-protocol/#history, https://socket.io/docs/v4/socket-io-protocol/#history
"""

from __future__ import annotations

from collections.abc import Sequence

from netviz.event import WebSocketClose
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Verdict

__all__ = ["judge_versions"]

#: "TP" of "HTTP/1.1", where the two bytes of a close code should be: "HT" before them reads as the head of a close frame.
_TEXT = 0x5450

_ADVICE = "give both sides the same major version of Socket.IO"
_OLD_SERVER = "a client of Socket.IO 3 or 4 (EIO=4), and a server of Socket.IO 1 or 2"
_OLD_CLIENT = "a client of Socket.IO 1 or 2 (EIO=3), and a server of Socket.IO 3 or 4"


def judge_versions(trace: SessionTrace, before: Sequence[Claim]) -> Verdict | None:
    """Judge a session in which one side cannot understand the other; None where there is no sign of it."""
    session = trace.session
    framed = next((close for close in session.closes if close.code == _TEXT and close.reason.startswith("/1.")), None)
    if framed is not None and session.opened is None:
        return _answered_inside(trace, framed, before)
    mixed = next((problem for problem in trace.problems if problem.kind == "version-mismatch"), None)
    if mixed is not None:
        said = Claim(mixed.text.removeprefix(f"packet {mixed.packet}: "), packets=(mixed.packet,) if mixed.packet else ())
        means = "the client cannot read what it got: to its program it is “server error” or “xhr poll error”"
        return _old(said, means, before, _OLD_SERVER if session.version == 3 else _OLD_CLIENT)
    if session.version is None or session.version < 4:
        return None
    for event in trace.packets:
        if event.type == "CONNECT" and event.side == 1 and not event.args and event.parser == "json":
            text = "the server’s CONNECT carries no sid, as before Socket.IO 3"
            means = "the client waits for another answer, and tells its program “connect_error”: the server seems to be 2.x"
            return _old(Claim(text, packets=event.packets), means, before, _OLD_SERVER)
    return None


def _old(seen: Claim, means: str, before: Sequence[Claim], likely: str) -> Verdict:
    return Verdict(
        severity="problem", headline="VERSION MISMATCH", seen=(*before, seen), means=means,
        likely=(Claim(likely, "inferred"),), advice=(_ADVICE,),
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
        likely=(Claim(_OLD_CLIENT, "inferred"),) if old else (),
        cause_wanted=not old,
        advice=(_ADVICE if old else 'listen at the server: io.engine.on("connection_error", console.log) tells why',),
    )
