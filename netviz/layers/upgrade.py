"""The upgrade: an HTTP request and its answer, held against the rules of the WebSocket handshake.

https://www.rfc-editor.org/rfc/rfc6455#section-4 (opening handshake), #section-4.1 (what a client sends and checks)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Literal, NamedTuple

from netviz.event import Header, Problem, Rule, Session, Side, WebSocketUpgrade
from netviz.layers.deflate import Deflate, Extension, agreed, faults
from netviz.layers.head import Request, Response

__all__ = ["GUID", "Judged", "accept_for", "agreement", "asks", "judge"]

#: What every server appends to the key (section 1.3).
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: The kind of problem that each broken rule is told as.
_KINDS = {
    "method": "upgrade-method", "HTTP version": "upgrade-http-version", "Host": "upgrade-host-missing",
    "Upgrade": "upgrade-header", "Connection": "connection-header", "Key": "key-invalid", "Version": "version-not-13",
    "Accept": "accept-wrong", "subprotocol": "subprotocol-not-offered", "extensions": "extension-not-offered",
}  # fmt: skip


class Judged(NamedTuple):
    """The event of an upgrade, and what was agreed on about compression."""

    event: WebSocketUpgrade
    deflate: Deflate | None


def asks(request: Request) -> bool:
    """Whether a request is meant to become a WebSocket."""
    upgrade = request.value("upgrade")
    return (upgrade is not None and "websocket" in upgrade.lower()) or any(
        header.name.lower().startswith("sec-websocket-") for header in request.headers
    )


def accept_for(key: str) -> str:
    """What Sec-WebSocket-Accept must be for a key (section 4.2.2).

    >>> accept_for("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    return base64.b64encode(hashlib.sha1((key + GUID).encode("latin-1", "replace")).digest()).decode()


def agreement(response: Response) -> Deflate | None:
    """What an answer says about compression."""
    values = response.all("sec-websocket-extensions")
    return agreed(_extensions(values)[0]) if values else None


def judge(
    connection: int, request: Request, response: Response | None, *, body: str = "", earlier: int = 0,
    proxy: str | None = None, tls: Session | None = None,
) -> Judged:  # fmt: skip
    """Hold a request and its answer (None where none came) against the rules."""
    key, version = request.value("sec-websocket-key"), request.value("sec-websocket-version")
    rules = [*_request_rules(request, key, version)]
    offers, _ = _extensions(request.all("sec-websocket-extensions"))
    protocols = _protocols(request.all("sec-websocket-protocol"))
    chosen: list[Extension] = []
    outcome: Literal["accepted", "rejected", "invalid", "unanswered"] = "unanswered"
    status = accept = protocol = None
    expected = accept_for(key) if key is not None else None
    answered: tuple[Header, ...] = ()
    if response is not None:
        status, answered = response.status, response.headers
        accept, protocol = response.value("sec-websocket-accept"), response.value("sec-websocket-protocol")
        chosen, unreadable = _extensions(response.all("sec-websocket-extensions"))
        outcome = "rejected"
        if status == 101:
            answer = [*_response_rules(response, accept, expected, protocol, protocols)]
            answer.append(_extension_rule(offers, chosen, unreadable))
            outcome = "invalid" if any(rule.holds is False for rule in answer) else "accepted"
            rules += answer
    packet = _last(response or request)
    broken = [rule for rule in rules if rule.holds is False]
    problems = [
        Problem(_KINDS[rule.name], f"{rule.name}: {rule.seen} ({rule.section})",
                _last(request) if rule.side == "client" else packet)
        for rule in broken
    ]  # fmt: skip
    problems += _outcome_problems(outcome, response, packet)
    event = WebSocketUpgrade(
        packets=tuple(dict.fromkeys((*request.packets, *(response.packets if response else ())))),
        time=(response or request).time,
        problems=tuple(problems),
        connection=connection,
        method=request.method,
        path=request.target,
        host=request.value("host"),
        key=key,
        version=version,
        origin=request.value("origin"),
        user_agent=request.value("user-agent"),
        offered_subprotocols=protocols,
        offered_extensions=tuple(map(_written, offers)),
        status=status,
        reason=response.reason if response else "",
        accept=accept,
        accept_expected=expected,
        subprotocol=protocol,
        extensions=tuple(map(_written, chosen)),
        outcome=outcome,
        request_headers=request.headers,
        response_headers=answered,
        rules=tuple(rules),
        asked=request.time,
        request=request.slices,
        response=response.slices if response else (),
        body=body,
        earlier=earlier,
        proxy=proxy,
        versions=(request.version, response.version if response else request.version),
        tls=tls,
    )
    return Judged(event, agreed(chosen) if outcome in ("accepted", "invalid") else None)


def _request_rules(request: Request, key: str | None, version: str | None) -> Sequence[Rule]:
    upgrade, connection = request.value("upgrade"), request.value("connection")
    origin = request.value("origin")
    host = request.value("host")
    return (
        _rule("method", "client", "4.1", request.method == "GET", f"{request.method} instead of GET", "GET"),
        _rule("HTTP version", "client", "4.1", request.version != "1.0", "HTTP/1.0 knows no upgrade", request.version),
        _rule("Host", "client", "4.1", host is not None, "missing", host or ""),
        _rule("Upgrade", "client", "4.1", _names(upgrade, "websocket", "upgrade"),
              "missing" if upgrade is None else f"{upgrade!r} does not name websocket", upgrade or ""),
        _rule("Connection", "client", "4.1", _names(connection, "upgrade", "connection"),
              "missing" if connection is None else f"{connection!r} does not name Upgrade", connection or ""),
        _rule("Key", "client", "4.1", *_key(key)),
        _rule("Version", "client", "4.1", version == "13", f"{version} instead of 13" if version else "missing", "13"),
        Rule("Origin", "client", "RFC 6455 section 4.1", None, origin or "none: the client is no browser"),
    )  # fmt: skip


def _response_rules(
    response: Response, accept: str | None, expected: str | None, protocol: str | None, offered: tuple[str, ...]
) -> Sequence[Rule]:
    upgrade, connection = response.value("upgrade"), response.value("connection")
    missing = "missing" if accept is None else f"{accept} instead of {expected}"
    fits = protocol is None or protocol in offered
    listed = ", ".join(offered) or "nothing"
    return (
        _rule("Upgrade", "server", "4.1", upgrade is not None and upgrade.lower() == "websocket",
              "missing" if upgrade is None else f"{upgrade!r} instead of websocket", upgrade or ""),
        _rule("Connection", "server", "4.1", _names(connection, "upgrade", "connection"),
              "missing" if connection is None else f"{connection!r} does not name Upgrade", connection or ""),
        _rule("Accept", "server", "4.1", accept is not None and accept == expected, missing, accept or ""),
        _rule("subprotocol", "server", "4.1", fits, f"{protocol} was not offered ({listed} was)", protocol or "none"),
    )  # fmt: skip


def _extension_rule(offers: list[Extension], chosen: list[Extension], unreadable: list[str]) -> Rule:
    names = {name for name, _ in offers}
    wrong = [f"{name} was not offered" for name, _ in chosen if name not in names]
    wrong += [f"{text!r} cannot be read" for text in unreadable]
    section = "RFC 6455 section 4.1"
    if not wrong and (wrong := faults(offers, chosen)):
        section = "RFC 7692 section 7.1"
    taken = ", ".join(map(_written, chosen)) or "none"
    return Rule("extensions", "server", section, not wrong, "; ".join(wrong) or taken)


def _outcome_problems(outcome: str, response: Response | None, packet: int) -> list[Problem]:
    if outcome == "unanswered":
        return [Problem("upgrade-unanswered", "the request to upgrade was never answered", packet)]
    if outcome == "rejected" and response is not None:
        said = f"{response.status} {response.reason}".strip()
        return [Problem("upgrade-rejected", f"the server answered {said} instead of 101", packet)]
    return []


def _rule(name: str, side: Side, section: str, holds: bool, wrong: str, right: str) -> Rule:
    return Rule(name, side, f"RFC 6455 section {section}", holds, right if holds else wrong)


def _last(head: Request | Response) -> int:
    """The packet that completed a head; 0 where it is not in the capture."""
    return head.packets[-1] if head.packets else 0


@lru_cache(maxsize=256)  # of thousands of connections nearly all say the same
def _names(value: str | None, wanted: str, header: Literal["upgrade", "connection"]) -> bool:
    """Whether a list in a header has an element, in any case."""
    if value is None:
        return False
    headers = _library()
    parse = headers.parse_upgrade if header == "upgrade" else headers.parse_connection
    try:
        return wanted in [token.lower() for token in parse(value)]
    except headers.InvalidHeaderFormat:
        return False


@lru_cache(maxsize=1)
def _library() -> ModuleType:
    """The header parsers of websockets; captures without a WebSocket need not wait for them."""
    return import_module("websockets.headers")


def _key(key: str | None) -> tuple[bool, str, str]:
    if key is None:
        return False, "missing", ""
    try:
        size = len(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        return False, f"{key!r} is not base64", ""
    return size == 16, f"{key!r} is {size} bytes in base64 instead of 16", key


def _protocols(values: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for value in values:
        try:
            found += _library().parse_subprotocol(value)
        except _library().InvalidHeaderFormat:
            found += [part.strip() for part in value.split(",") if part.strip()]
    return tuple(found)


def _extensions(values: list[str]) -> tuple[list[Extension], list[str]]:
    """The extensions of headers, and the parts that cannot be read: a part that is wrong spoils no other."""
    found: list[Extension] = []
    unreadable: list[str] = []
    for value in values:
        try:
            found += _library().parse_extension(value)
        except _library().InvalidHeaderFormat:
            for part in value.split(","):
                try:
                    found += _library().parse_extension(part.strip())
                except _library().InvalidHeaderFormat:
                    unreadable.append(part.strip())
    return found, unreadable


def _written(extension: Extension) -> str:
    name, parameters = extension
    return "; ".join([name, *(key if value is None else f"{key}={value}" for key, value in parameters)])
