"""The verdict on a request of Engine.IO that a server refused: its six errors by name, and what a rule has evidence for.

https://socket.io/docs/v4/server-api/#engine-connection_error (codes 0 to 5); python-engineio says the same in words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from netviz.event import ENGINE_ERRORS, EngineIoSession, Header, WebSocketUpgrade
from netviz.quantity import span
from netviz.verdicts.rejection import KEEP_UPGRADE, judge_rejection
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Verdict

__all__ = ["STICKY", "UNKNOWN_SESSION", "Refusal", "asked", "judge_refusal", "refusals", "seen_refusal", "without_upgrade"]

#: What to do where several servers share an address.
STICKY = "sticky sessions: all requests of a client to one server (nginx: ip_hash; or a cookie), or only WebSocket for all"

UNKNOWN_SESSION, _BAD_REQUEST, _VERSION = 1, 3, 5

_MS = 1_000_000

#: How much of a body may be an error, and how much of what it says is quoted.
_LARGEST, _QUOTED = 4096, 160

#: After so many good answers of a session its server is more likely to have been restarted than to be one of several.
_SETTLED = 6

_HEADLINES = {
    0: "TRANSPORT UNKNOWN", 1: "SESSION UNKNOWN", 2: "BAD METHOD", 3: "BAD REQUEST", 4: "FORBIDDEN", 5: "VERSION REFUSED",
}  # fmt: skip
_MEANS = {
    0: "the server does not take this transport",
    1: "the request reached a server that does not know this session; the client has to begin a new one",
    2: "a session begins with a GET, and this was none",
    3: "the server could not make sense of the request",
    4: "the server's program does not let this client in",
    5: "client and server speak different versions of Engine.IO",
}
_ADVICE = {
    0: 'let both sides have a transport in common: their option transports, by default ["polling", "websocket"]',
    1: STICKY,
    2: "look what sends this: no library of Engine.IO does",
    3: 'look in the server\'s log, or listen: io.engine.on("connection_error", console.log) tells its context',
    4: "look at allowRequest, and at what stands before the server",
    5: "give both sides the same major version; a Socket.IO 4 server takes clients of version 2 with allowEIO3: true",
}

#: Rules that a request breaks where a proxy passed it on as an ordinary one.
_OF_A_HOP = ("Upgrade", "Connection", "HTTP version")

#: What servers in Python say in place of a code.
_WORDS = (
    ("invalid session", 1), ("unsupported version", 5), ("invalid transport", 0), ("unknown transport", 0),
    ("method not found", 2), ("invalid websocket upgrade", 3), ("not an accepted origin", 4), ("unauthorized", 4),
)  # fmt: skip


class Refusal(NamedTuple):
    """A request that was not answered with packets; ``code`` is that of Engine.IO, where the answer tells one.

    ``status`` is None where nothing was answered, ``upgrade`` None for a request of polling.
    """

    status: int | None
    code: int | None
    message: str
    method: str
    target: str
    request_headers: tuple[Header, ...]
    packets: tuple[int, ...]
    time: int | None
    upgrade: WebSocketUpgrade | None


def refusals(session: EngineIoSession) -> list[Refusal]:
    """All refusals of a session that were kept, in the order of their time."""
    found = []
    for answer in session.refusals:
        code, message = _error((answer.body.content or b"")[:_LARGEST].decode("utf-8", "replace"))
        request = answer.request
        found.append(Refusal(answer.status, code, message, request.method, request.target, request.headers, answer.packets,
                             answer.time, None))  # fmt: skip
    for attempt in session.attempts:
        if attempt.outcome in ("rejected", "unanswered"):
            code, message = _error(attempt.body)
            found.append(Refusal(attempt.status, code, message, attempt.method, attempt.path, attempt.request_headers,
                                 attempt.packets, attempt.time, attempt))  # fmt: skip
    return sorted(found, key=lambda one: (one.time or 0, one.packets))


def _error(body: str) -> tuple[int | None, str]:
    """The code and the words of an error: an object from Node, a text in quotes from Python, or just text."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = body
    if isinstance(said, dict):
        code, message = said.get("code"), said.get("message")
        known = code if isinstance(code, int) and code in ENGINE_ERRORS and not isinstance(code, bool) else None
        return known, message if isinstance(message, str) else ""
    text = said if isinstance(said, str) else body
    lower = text.lower()
    return next((code for words, code in _WORDS if words in lower), None), " ".join(text.split())


def judge_refusal(trace: SessionTrace, refusal: Refusal, others: Sequence[SessionTrace], before: Sequence[Claim]) -> Verdict:
    """Judge a session that a refusal ended, or that never began; ``before`` is what was seen of it until then."""
    if refusal.status is None:
        return Verdict(
            severity="problem",
            headline="NO ANSWER",
            seen=(*before, Claim(f"{asked(refusal)} was sent; no answer is in the capture", packets=refusal.packets)),
            means="the session never began",
            cause_wanted=True,
            advice=("look whether the server's program is busy or blocked: TCP took the request, the program did not answer",),
        )
    code = refusal.code
    if code is None:
        return _plain(refusal, before)
    likely = _likely(trace, refusal, others)
    advice = KEEP_UPGRADE if without_upgrade(refusal) else _ADVICE[code]
    if code == UNKNOWN_SESSION and likely and _late(trace, refusal):
        advice = "nothing, if the client slept meanwhile: it begins a new session by itself"
    return Verdict(
        severity="problem",
        headline=_HEADLINES[code],
        seen=(*before, seen_refusal(refusal)),
        means=_MEANS[code],
        likely=tuple(likely),
        cause_wanted=code not in (2, 5),
        advice=(advice,),
    )


def asked(refusal: Refusal) -> str:
    """What was asked for."""
    return f"{refusal.method} {refusal.target[:_QUOTED]}{'…' if len(refusal.target) > _QUOTED else ''}"


def seen_refusal(refusal: Refusal) -> Claim:
    """The refusal in one sentence."""
    said = refusal.message[:_QUOTED]
    if refusal.code is None:
        return Claim(f"{asked(refusal)} was answered {refusal.status}", packets=refusal.packets)
    if refusal.code is not None and said != ENGINE_ERRORS[refusal.code]:
        error = f"error {refusal.code} of Engine.IO ({ENGINE_ERRORS[refusal.code]}): “{said}”"
    else:
        error = f"error {refusal.code} of Engine.IO: {said}"
    return Claim(f"{asked(refusal)} was answered {refusal.status}, {error}", packets=refusal.packets)


def _plain(refusal: Refusal, before: Sequence[Claim]) -> Verdict:
    """A refusal that is none of Engine.IO: who answered was no such server, or something before it."""
    if refusal.upgrade is not None:
        found = judge_rejection(refusal.upgrade, None)
        return Verdict(
            severity="problem", headline=found.headline, seen=(*before, *found.seen), means=found.means, likely=found.likely,
            cause_wanted=found.cause_wanted, advice=found.advice,
        )  # fmt: skip
    status = refusal.status or 0
    seen = [seen_refusal(refusal)]
    if refusal.message:
        seen.append(Claim(f"it says “{refusal.message[:_QUOTED]}{'…' if len(refusal.message) > _QUOTED else ''}”"))
    means = "this is no answer of Engine.IO: something else took the request, or stands before the server"
    advice = "look in the server's log at this moment"
    if status == 404:
        means = "there is no Engine.IO at this path"
        path = refusal.target.partition("?")[0]
        advice = f"compare the path {path[:_QUOTED]} with the option path of the server (a missing or extra slash counts)"
    elif status in (502, 503, 504):
        means = "a proxy got no proper answer from the server behind it"
        advice = "look whether the program behind the proxy runs, and on which address and port"
    elif status == 413:
        means = "what the client sent was too large for the server"
        advice = "maxHttpBufferSize is the limit of the server (1 MB where nothing is set); a proxy has one of its own"
    elif 200 <= status < 300:
        means = "the answer is none of Engine.IO: whoever answered serves something else at this path"
    return Verdict(
        severity="problem",
        headline=f"REFUSED {status}",
        seen=(*before, *seen),
        means=means,
        cause_wanted=status not in (404, 413),
        advice=(advice,),
    )


def without_upgrade(refusal: Refusal) -> bool:
    """Whether a server found a request for WebSocket to be an ordinary one: a proxy took away what asks for the upgrade.

    Seen before the proxy the request asks properly and the server still complains; behind it only the key came through.
    """
    upgrade = refusal.upgrade
    if refusal.code != _BAD_REQUEST or upgrade is None or _query(refusal, "transport") != "websocket":
        return False
    return upgrade.key is not None and not any(
        rule.side == "client" and rule.holds is False and rule.name not in _OF_A_HOP for rule in upgrade.rules
    )


def _query(refusal: Refusal, name: str) -> str | None:
    found = re.search(rf"[?&]{name}=([^&#]*)", refusal.target)
    return None if found is None else found[1]


def _likely(trace: SessionTrace, refusal: Refusal, others: Sequence[SessionTrace]) -> list[Claim]:
    code = refusal.code
    text = ""
    if code == UNKNOWN_SESSION:
        text = _unknown(trace, refusal, others)
    elif code == _VERSION:
        text = {
            "3": "a client of Socket.IO 1 or 2 (EIO=3), and a server of Socket.IO 3 or 4",
            "4": "a client of Socket.IO 3 or 4 (EIO=4), and an older server",
        }.get(_query(refusal, "EIO") or "", "")
    elif without_upgrade(refusal):
        text = "a proxy in front of the server removed Upgrade and Connection: the server took the request for plain HTTP"
    elif code == _BAD_REQUEST and refusal.upgrade is None and _query(refusal, "transport") == "websocket":
        text = (
            "the request wants transport=websocket, and has neither Upgrade nor Sec-WebSocket-Key: no WebSocket client sent it"
        )
    elif code == 0 and (transport := _query(refusal, "transport")) in ("polling", "websocket"):
        text = f"the server's option transports leaves {transport} out"
    elif code == 2 and refusal.method != "GET":
        text = f"the method: a session begins with a GET, this was {refusal.method}"
    elif code == _BAD_REQUEST and trace.session.upgraded and _query(refusal, "transport") == "polling":
        text = "the session had moved to WebSocket, and polling was tried again"
    elif "origin" in refusal.message.lower():
        origin = next((header.value for header in refusal.request_headers if header.name.lower() == "origin"), None)
        text = f"the server does not allow the origin {origin}" if origin else "the server wants another origin"
    return [Claim(text, "inferred")] if text else []


def _unknown(trace: SessionTrace, refusal: Refusal, others: Sequence[SessionTrace]) -> str:
    session = trace.session
    if session.opened is not None:
        if _late(trace, refusal):
            return f"the server gave the session up meanwhile: {_since(trace, refusal)} passed since it last said something"
        good = sum(answer.status == 200 for answer in trace.answers)
        if good >= _SETTLED:
            return "the server was restarted meanwhile, or another one got this request (no sticky sessions)"
        return (
            "several servers behind one address, without sticky sessions: the sid was opened here and not closed, "
            "and this request went to another of them"
        )
    for other in others:
        twin = other.session
        if twin.sid is not None and twin.sid == session.sid and twin.opened is not None and twin.server != session.server:
            return (
                f"several servers without sticky sessions: {twin.server} opened this sid (session {twin.number}), "
                f"and {session.server} was asked"
            )
    return ""


def _late(trace: SessionTrace, refusal: Refusal) -> bool:
    """Whether the session must have timed out at the server before this request came."""
    opened, last = trace.session.opened, _heard(trace, refusal)
    if opened is None or last is None or refusal.time is None or opened.ping_timeout is None:
        return False
    return refusal.time - last >= ((opened.ping_interval or 0) + opened.ping_timeout) * _MS


def _heard(trace: SessionTrace, refusal: Refusal) -> int | None:
    """When the last good answer or packet before a refusal came."""
    times = [one.time for one in (*trace.answers, *trace.control, *trace.packets) if one.packets != refusal.packets]
    found = [time for time in times if time is not None and (refusal.time is None or time < refusal.time)]
    return max(found, default=trace.session.began)


def _since(trace: SessionTrace, refusal: Refusal) -> str:
    last = _heard(trace, refusal)
    return span((refusal.time or 0) - (last or 0))
