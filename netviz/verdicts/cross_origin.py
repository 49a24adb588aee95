"""Whether a browser kept from its page what the server answered, because the page is of another origin.

Fetch Standard, CORS protocol: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from netviz.event import EngineIoAnswer, Header
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Verdict

__all__ = ["judge_origin", "origin_refused"]

_ALLOW = "access-control-allow-origin"


def origin_refused(trace: SessionTrace) -> EngineIoAnswer | None:
    """The answer that a browser did not give to its page; None where the client went on with the session.

    That the session goes no further is part of the evidence: other clients than browsers do not care.
    """
    session, asked = trace.session, [answer for answer in trace.answers if answer.request.method != "OPTIONS"]
    if session.attempts or session.websockets or len(asked) > 1 or session.polls > 1:
        return None
    return next((answer for answer in trace.answers if answer.status is not None and _kept_away(answer)), None)


def _kept_away(answer: EngineIoAnswer) -> bool:
    origin, host = _header(answer.request.headers, "origin"), _header(answer.request.headers, "host")
    if origin is None or host is None or origin == "null" or _place(origin) == host.lower():
        return False
    return _header(answer.headers, _ALLOW) not in ("*", origin)


def _place(origin: str) -> str:
    """Host and port, as in a Host header; a port that goes without saying is left out."""
    try:
        return urlsplit(origin).netloc.lower().rpartition("@")[2]
    except ValueError:
        return origin.lower()


def _header(headers: Sequence[Header], name: str) -> str | None:
    return next((header.value for header in headers if header.name.lower() == name), None)


def judge_origin(answer: EngineIoAnswer, before: Sequence[Claim]) -> Verdict:
    """Judge a session that ended with this answer."""
    asked = answer.request
    origin, host = _header(asked.headers, "origin"), _header(asked.headers, "host")
    allowed = _header(answer.headers, _ALLOW)
    said = "has no Access-Control-Allow-Origin" if allowed is None else f"allows only {allowed}"
    first = "the preflight" if asked.method == "OPTIONS" else f"the {asked.method}"
    return Verdict(
        severity="problem",
        headline="CORS REFUSED",
        seen=(
            *before,
            Claim(f"{first} came from a page of {origin}, and went to {host}", packets=asked.packets),
            Claim(f"the answer ({answer.status}) {said}", packets=answer.packets),
            Claim("no request of this session follows"),
        ),
        means="the server answered, and the browser keeps the answer from the page: its program sees only “xhr poll error”",
        likely=(Claim(f"the server's option cors does not allow {origin}", "inferred"),),
        advice=(f'at the server: cors: {{ origin: "{origin}" }} (in Python: cors_allowed_origins="{origin}")',),
    )
