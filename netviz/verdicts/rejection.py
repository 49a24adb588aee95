"""The verdict on an upgrade that was refused, or never answered: what the server said, and what a rule has evidence for.

RFC 6455 section 4.2.2 (what a server may answer), RFC 9110 section 15 (status codes).
"""

from __future__ import annotations

from netviz.event import WebSocketClose, WebSocketUpgrade
from netviz.quantity import span
from netviz.verdicts.verdict import Claim, Verdict

__all__ = ["KEEP_UPGRADE", "judge_rejection"]

#: How a proxy passes on what asks for an upgrade.
KEEP_UPGRADE = 'nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'

#: How much of what a server said is quoted.
_QUOTED = 160

_MEANS = {
    400: "the server found the request wrong",
    401: "the server wants credentials, and got none that it accepts",
    403: "the server understood, and refuses",
    404: "the server has nothing at this path",
    405: "the server does not take this method here",
    426: "the server wants another protocol or version than the client offered",
    429: "the server has had too many requests",
    500: "the server's program failed",
    502: "a proxy got no proper answer from the server behind it",
    503: "the server is not able to serve at the moment",
    504: "a proxy waited for the server behind it in vain",
}
#: Servers that usually stand in front of another.
_PROXIES = ("nginx", "envoy", "haproxy", "apache", "cloudflare", "varnish", "caddy", "traefik")

#: Headers of an answer that say more about a refusal.
_TELLING = {
    "location": "Location", "www-authenticate": "WWW-Authenticate", "sec-websocket-version": "Sec-WebSocket-Version",
    "retry-after": "Retry-After",
}  # fmt: skip

_END = "; the WebSocket never opened: browsers report 1006 and no reason"


def judge_rejection(upgrade: WebSocketUpgrade, close: WebSocketClose | None) -> Verdict:
    """Judge an upgrade that became no WebSocket."""
    if upgrade.status is None:
        return _unanswered(upgrade)
    took = ""
    if upgrade.time is not None and upgrade.asked is not None:
        took = f" after {span(upgrade.time - upgrade.asked)}"
    said = f"{upgrade.status} {upgrade.reason}".strip()
    seen = [Claim(f"{upgrade.method} {upgrade.path} was answered {said}{took}", packets=upgrade.packets)]
    if body := " ".join(upgrade.body.split()):
        seen.append(Claim(f"it says “{body[:_QUOTED]}{'…' if len(body) > _QUOTED else ''}”"))
    shown = [(name, _answered(upgrade, name)) for name in _TELLING]
    seen += [Claim(f"{_TELLING[name]}: {value}") for name, value in shown if value is not None]
    seen += [
        Claim(f"the request breaks a rule: {rule.name}: {rule.seen} ({rule.section})")
        for rule in upgrade.rules
        if rule.side == "client" and rule.holds is False
    ]
    status = upgrade.status
    redirect = 300 <= status < 400
    means = _MEANS.get(status, "the server did not switch protocols")
    if redirect:
        means = "the server sends the client elsewhere; a browser does not follow a redirect of a WebSocket"
    elif status == 200:
        means = "the server took this for an ordinary request: whoever answered does not speak WebSocket at this path"
    likely = _likely(upgrade)
    return Verdict(
        severity="problem",
        headline=f"REJECTED {status}",
        seen=tuple(seen),
        means=means + _END,
        likely=tuple(likely),
        cause_wanted=not redirect and status not in (401, 404),
        advice=_advice(upgrade),
    )


def _unanswered(upgrade: WebSocketUpgrade) -> Verdict:
    return Verdict(
        severity="problem",
        headline="NO ANSWER",
        seen=(Claim(f"{upgrade.method} {upgrade.path} was sent; no answer is in the capture", packets=upgrade.packets),),
        means="the WebSocket never opened: its client was left in CONNECTING",
        cause_wanted=True,
        advice=("look whether the server's program is busy or blocked: TCP took the request, the program did not answer",),
    )


def _broken(upgrade: WebSocketUpgrade) -> set[str]:
    return {rule.name for rule in upgrade.rules if rule.side == "client" and rule.holds is False}


def _answered(upgrade: WebSocketUpgrade, name: str) -> str | None:
    return next((value for key, value in upgrade.response_headers if key.lower() == name), None)


def _is_proxy(server: str) -> bool:
    return any(name in server.lower() for name in _PROXIES)


def _likely(upgrade: WebSocketUpgrade) -> list[Claim]:
    """Causes that the capture has evidence for."""
    broken, status = _broken(upgrade), upgrade.status
    found = []
    server = _answered(upgrade, "server") or ""
    if {"Upgrade", "Connection"} & broken and upgrade.key is not None:
        missing = " and ".join(sorted({"Upgrade", "Connection"} & broken))
        text = f"a proxy in front removed {missing} (they are for one hop only): the client's key came through without them"
        found.append(Claim(text, "inferred"))
    elif "Version" in broken and status in (400, 426):
        taken = _answered(upgrade, "sec-websocket-version")
        text = f"version {upgrade.version} of the protocol; the server takes {taken or 'another'}"
        found.append(Claim(text, "inferred"))
    elif "Key" in broken:
        found.append(Claim("Sec-WebSocket-Key is missing or not 16 bytes: no library sends that", "inferred"))
    elif "method" in broken:
        found.append(Claim(f"the method: an upgrade is a GET, this was {upgrade.method}", "inferred"))
    elif status == 403 and "origin" in upgrade.body.lower():
        origin = f"does not allow the origin {upgrade.origin}" if upgrade.origin else "wants an Origin header, and got none"
        found.append(Claim(f"the server {origin}", "inferred"))
    elif status in (502, 503, 504) and _is_proxy(server):
        found.append(Claim(f"the program behind {server} is down: {server} is what answered", "inferred"))
    return found


def _advice(upgrade: WebSocketUpgrade) -> tuple[str, ...]:
    status, broken = upgrade.status, _broken(upgrade)
    if {"Upgrade", "Connection"} & broken and upgrade.key is not None:
        return (KEEP_UPGRADE,)
    if status is not None and 300 <= status < 400:
        return (f"connect to {_answered(upgrade, 'location') or 'where it points'} directly",)
    if status == 401:
        return ("send credentials with the upgrade itself: a browser cannot add headers, so a cookie or a query parameter",)
    if status == 404:
        return (f"compare the path {upgrade.path} with what the server registers (a missing or extra slash counts)",)
    if status in (502, 504) or (status == 503 and _is_proxy(_answered(upgrade, "server") or "")):
        return ("look whether the program behind the proxy runs, and on which address and port",)
    return ("look in the server's log at this moment; --explain shows both heads side by side",)
