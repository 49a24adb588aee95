"""Verdicts on upgrades that were refused or never answered: what was said, what it means, likely causes with evidence."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.event import Rule, WebSocketUpgrade
from netviz.verdicts.rejection import judge_rejection
from netviz.verdicts.verdict import Verdict
from tests.frames import head, request
from tests.talk import broken, close, opened, told_one, upgrade

_NGINX = {"Server": "nginx/1.25"}


def _refused(status: int | None = 400, *rules: Rule, **changes: Any) -> WebSocketUpgrade:
    return upgrade(status=status, rules=rules, **changes)


def _judge(event: WebSocketUpgrade) -> Verdict:
    return judge_rejection(event, None)


def _said(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.seen)


def _likely(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.likely)


_MEANS = {
    200: "took this for an ordinary request", 204: "did not switch protocols", 301: "sends the client elsewhere",
    308: "sends the client elsewhere", 400: "found the request wrong", 401: "wants credentials", 403: "understood, and refuses",
    404: "nothing at this path", 405: "not take this method", 418: "did not switch protocols",
    426: "another protocol or version", 429: "too many requests", 500: "the server's program failed",
    502: "no proper answer from the server behind it", 503: "not able to serve", 504: "waited for the server behind it in vain",
}  # fmt: skip


@pytest.mark.parametrize("status", _MEANS)
def test_each_status(status: int) -> None:
    verdict = _judge(_refused(status, reason="Why"))
    assert (verdict.headline, verdict.severity) == (f"REJECTED {status}", "problem")
    assert _MEANS[status] in verdict.means
    assert verdict.means.endswith("; the WebSocket never opened: browsers report 1006 and no reason")
    assert verdict.seen[0].text == f"GET / was answered {status} Why after 1 ms"
    assert verdict.seen[0].packets == (4, 5)
    assert len(verdict.advice) == 1


@pytest.mark.parametrize(
    ("status", "wanted"),
    [(200, True), (301, False), (302, False), (400, True), (401, False), (403, True), (404, False), (503, True)],
)
def test_a_cause_is_wanted_where_the_status_does_not_say_it(status: int, wanted: bool) -> None:
    assert _judge(_refused(status)).cause_wanted is wanted


def test_no_answer() -> None:
    verdict = _judge(_refused(None, outcome="unanswered", path="/slow"))
    assert (verdict.headline, verdict.severity, verdict.cause_wanted) == ("NO ANSWER", "problem", True)
    assert verdict.seen[0].text == "GET /slow was sent; no answer is in the capture"
    assert verdict.seen[0].packets
    assert "CONNECTING" in verdict.means
    assert not verdict.likely


#: An upgrade, and what is seen of it.
_SEEN: dict[str, tuple[WebSocketUpgrade, str]] = {
    "no reason": (_refused(403), "was answered 403 after"),
    "no times": (_refused(403, time=None, asked=None), "was answered 403"),
    "body": (_refused(503, body="busy\r\n  now"), "it says “busy now”"),
    "long body": (_refused(503, body="x" * 500), f"it says “{'x' * 160}…”"),
    "location": (_refused(302, response_headers={"LOCATION": "wss://other/"}), "Location: wss://other/"),
    "credentials": (_refused(401, response_headers={"www-authenticate": "Basic"}), "WWW-Authenticate: Basic"),
    "versions": (_refused(426, response_headers={"Sec-WebSocket-Version": "8, 7"}), "Sec-WebSocket-Version: 8, 7"),
    "later": (_refused(503, response_headers={"Retry-After": "3"}), "Retry-After: 3"),
    "broken rule": (
        _refused(400, broken("Host", "client")), "the request breaks a rule: Host: missing (RFC 6455 section 4.1)"),
}  # fmt: skip


@pytest.mark.parametrize("name", _SEEN)
def test_seen(name: str) -> None:
    event, words = _SEEN[name]
    assert words in _said(_judge(event))


def test_what_is_not_there_is_not_seen() -> None:
    said = _said(_judge(_refused(403, broken("Accept", "server"), body=" \r\n", response_headers={"Server": "x"}, time=None)))
    assert said == "GET / was answered 403"


_UPGRADE, _CONNECTION = broken("Upgrade", "client"), broken("Connection", "client")
_VERSION, _KEY, _METHOD = broken("Version", "client"), broken("Key", "client"), broken("method", "client")

#: Words of a cause, what shows it, and what does not.
_CAUSES: dict[str, tuple[WebSocketUpgrade, tuple[WebSocketUpgrade, ...]]] = {
    "a proxy in front removed Connection and Upgrade": (
        _refused(400, _UPGRADE, _CONNECTION),
        (_refused(400), _refused(400, _UPGRADE, _CONNECTION, key=None), _refused(400, _UPGRADE),
         _refused(400, broken("Upgrade", "server"), broken("Connection", "server")))),
    "a proxy in front removed Upgrade (": (_refused(200, _UPGRADE), (_refused(200, _CONNECTION), _refused(200))),
    "version 8 of the protocol; the server takes 13": (
        _refused(426, _VERSION, version="8", response_headers={"Sec-WebSocket-Version": "13"}),
        (_refused(426, version="8", response_headers={"Sec-WebSocket-Version": "13"}),
         _refused(503, _VERSION, version="8", response_headers={"Sec-WebSocket-Version": "13"}))),
    "the server takes another": (_refused(400, _VERSION, version="7"), (_refused(400, version="7"),)),
    "Sec-WebSocket-Key is missing or not 16 bytes": (_refused(400, _KEY), (_refused(400), _refused(400, _METHOD))),
    "this was POST": (_refused(405, _METHOD, method="POST"), (_refused(405, method="POST"),)),
    "does not allow the origin http://evil.example": (
        _refused(403, origin="http://evil.example", body="Origin not allowed"),
        (_refused(403, origin="http://evil.example", body="no"), _refused(404, origin="http://evil.example", body="origin"),
         _refused(403, body="Origin not allowed"))),
    "wants an Origin header, and got none": (
        _refused(403, body="ORIGIN missing"), (_refused(403), _refused(403, origin="http://a", body="ORIGIN missing"))),
    "the program behind nginx/1.25 is down": (
        _refused(502, response_headers=_NGINX),
        (_refused(502), _refused(500, response_headers=_NGINX), _refused(502, response_headers={"Server": "Python"}))),
}  # fmt: skip


@pytest.mark.parametrize("words", _CAUSES)
def test_likely_only_with_its_evidence(words: str) -> None:
    event, others = _CAUSES[words]
    verdict = _judge(event)
    assert words in _likely(verdict)
    assert [claim.known for claim in verdict.likely] == ["inferred"]
    for other in others:
        assert words not in _likely(_judge(other))


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("server", ["nginx", "Envoy", "HAProxy", "Apache/2.4", "cloudflare", "Varnish", "Caddy"])
def test_proxies_are_known_by_their_name(server: str, status: int) -> None:
    assert f"behind {server} is down" in _likely(_judge(_refused(status, response_headers={"server": server})))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (_refused(400, _UPGRADE), "proxy_set_header Upgrade"),
        (_refused(502, _CONNECTION), "proxy_set_header Upgrade"),
        (_refused(302, response_headers={"Location": "/new"}), "connect to /new directly"),
        (_refused(301), "connect to where it points directly"),
        (_refused(401), "credentials with the upgrade itself"),
        (_refused(404, path="/chat/"), "compare the path /chat/"),
        (_refused(503, response_headers={"Server": "nginx"}), "whether the program behind the proxy runs"),
        (_refused(400), "--explain"),
        (_refused(400, _UPGRADE, key=None), "--explain"),
    ],
)
def test_advice(event: WebSocketUpgrade, words: str) -> None:
    (advice,) = _judge(event).advice
    assert words in advice


def test_advice_does_not_speak_of_a_proxy_that_nothing_shows() -> None:
    own = _refused(503, response_headers={"Server": "Python/3.11 websockets"})
    assert not _judge(own).likely
    assert "the proxy" not in _judge(own).advice[0]


def test_a_real_refusal() -> None:
    answer = head("HTTP/1.1 403 Forbidden", {"Content-Length": "18", "Server": "x"}) + b"Origin not allowed"
    event = told_one(opened(asks=request("/c", headers={"Origin": "http://a.example"}), answers=answer), WebSocketUpgrade)
    verdict = judge_rejection(event, close())
    assert verdict.headline == "REJECTED 403"
    assert "it says “Origin not allowed”" in _said(verdict)
    assert "does not allow the origin http://a.example" in _likely(verdict)


def test_an_upgrade_that_is_asked_with_version_8() -> None:
    answer = head("HTTP/1.1 426 Upgrade Required", {"Content-Length": "0", "Sec-WebSocket-Version": "13"})
    event = told_one(opened(asks=request(headers={"Sec-WebSocket-Version": "8"}), answers=answer), WebSocketUpgrade)
    assert "version 8 of the protocol; the server takes 13" in _likely(_judge(event))
