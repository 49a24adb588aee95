"""The rules of the WebSocket handshake, each broken in turn with real bytes; the websockets package as a second opinion."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from netviz.event import Problem, Rule, Slice, WebSocketUpgrade
from netviz.layers.deflate import Deflate
from netviz.layers.head import read_request
from netviz.layers.http1 import Http1
from netviz.layers.layer import Ending, Handover, Outlet, Wanted
from netviz.layers.upgrade import GUID, accept_for, asks
from netviz.stream import Stream
from tests.frames import KEY, accepted, head, request

#: Where the messages are: each in two packets, of which the second one completes it.
_ASKED, _ANSWERED = 4, 6

_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)


class _Read(NamedTuple):
    """What came of a request and its answer."""

    event: WebSocketUpgrade
    handover: Handover | None


def _read(asked: bytes, answer: bytes | None) -> _Read:
    outlet = Outlet(3, Wanted())
    streams = Stream(), Stream()
    http = Http1(outlet, *streams)
    for stream, packet, data in ((streams[0], _ASKED, asked), (streams[1], _ANSWERED, answer)):
        if data:
            half = len(data) // 2
            for number, piece in ((packet - 1, data[:half]), (packet, data[half:])):
                stream.append(piece, packet=number, place=54, ready=number, time=number * 1000)
    handover = http.advance()
    if handover is None:
        http.close(Ending("fin", 0, 9, 9000, (0, 0)))
    ((_, (kind, event)),) = outlet.found
    assert kind == "upgrade"
    assert isinstance(event, WebSocketUpgrade)
    return _Read(event, handover)


def _event(asked: bytes, answer: bytes | None = None) -> WebSocketUpgrade:
    return _read(asked, answer).event


def _broken(event: WebSocketUpgrade, side: str | None = None) -> list[str]:
    return [rule.name for rule in event.rules if rule.holds is False and side in (None, rule.side)]


def _kinds(event: WebSocketUpgrade) -> list[str]:
    return [problem.kind for problem in event.problems]


# The handshake of RFC 6455 section 1.3

_RFC_REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
    b"Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_RFC_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
)


def test_the_example_of_the_rfc() -> None:
    event, handover = _read(_RFC_REQUEST, _RFC_ANSWER)
    assert (event.method, event.path, event.host, event.origin) == ("GET", "/chat", "server.example.com", "http://example.com")
    assert (event.key, event.version, event.user_agent) == (KEY, "13", None)
    assert (event.status, event.reason, event.outcome) == (101, "Switching Protocols", "accepted")
    assert (event.accept, event.accept_expected, event.accept_valid) == (_ACCEPT, _ACCEPT, True)
    assert (event.offered_subprotocols, event.subprotocol) == (("chat", "superchat"), "chat")
    assert (event.offered_extensions, event.extensions) == ((), ())
    assert (event.connection, event.problems, event.body, event.earlier, event.proxy) == (3, (), "", 0, None)
    assert [header.name for header in event.response_headers] == [
        "Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol",
    ]  # fmt: skip
    assert event.request_headers[0] == ("Host", "server.example.com")
    assert handover == Handover("websocket", floor=_ANSWERED)


def test_where_and_when_it_was() -> None:
    event = _event(_RFC_REQUEST, _RFC_ANSWER)
    first, second = len(_RFC_REQUEST) // 2, len(_RFC_ANSWER) // 2
    assert event.request == (Slice(3, 54, 54 + first), Slice(4, 54, 54 + len(_RFC_REQUEST) - first))
    assert event.response == (Slice(5, 54, 54 + second), Slice(6, 54, 54 + len(_RFC_ANSWER) - second))
    assert (event.packets, event.asked, event.time) == ((3, 4, 5, 6), 4000, 6000)


def test_every_rule_is_told_and_holds() -> None:
    event = _event(_RFC_REQUEST, _RFC_ANSWER)
    assert [(rule.side, rule.name) for rule in event.rules] == [
        ("client", "method"), ("client", "HTTP version"), ("client", "Host"), ("client", "Upgrade"), ("client", "Connection"),
        ("client", "Key"), ("client", "Version"), ("client", "Origin"), ("server", "Upgrade"), ("server", "Connection"),
        ("server", "Accept"), ("server", "subprotocol"), ("server", "extensions"),
    ]  # fmt: skip
    assert {rule.name for rule in event.rules if rule.holds is not True} == {"Origin"}
    assert {rule.section for rule in event.rules} == {"RFC 6455 section 4.1"}
    seen = {(rule.side, rule.name): rule.seen for rule in event.rules}
    assert seen["client", "Origin"] == "http://example.com"
    assert (seen["server", "Accept"], seen["server", "subprotocol"]) == (_ACCEPT, "chat")


@pytest.mark.parametrize("answer", [None, head("HTTP/1.1 403 Forbidden", {"Content-Length": "0"})])
def test_rules_of_the_server_are_not_told_where_it_did_not_switch(answer: bytes | None) -> None:
    assert {rule.side for rule in _event(request(), answer).rules} == {"client"}


@pytest.mark.parametrize(
    ("key", "accept"),
    [
        (KEY, _ACCEPT), ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ("AQIDBAUGBwgJCgsMDQ4PEA==", "C/0nmHhBztSRGR1CwL6Tf4ZjwpY="), ("", "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
    ],
)  # fmt: skip
def test_accept(key: str, accept: str) -> None:
    assert GUID == "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    assert accept_for(key) == accept


def test_keys_of_any_characters() -> None:
    assert len(accept_for("schlüssel €")) == 28


# Rules of the client


class Fault(NamedTuple):
    """A request with a fault in it: the rule that it breaks, the kind of the problem, and a word of its text."""

    asked: bytes
    rule: str
    kind: str
    word: str


def _without(*names: str, **more: str) -> bytes:
    return request(headers={**dict.fromkeys(names), **{name.replace("_", "-"): value for name, value in more.items()}})


_KEY_15, _KEY_17 = "dGhlIHNhbXBsZSBub24=", "dGhlIHNhbXBsZSBub25jZSE="

_FAULTS = {
    "method POST": Fault(request(line="POST / HTTP/1.1"), "method", "upgrade-method", "POST instead of GET"),
    "method in lower case": Fault(request(line="get / HTTP/1.1"), "method", "upgrade-method", "get instead of GET"),
    "HTTP/1.0": Fault(request(line="GET / HTTP/1.0"), "HTTP version", "upgrade-http-version", "HTTP/1.0"),
    "no Host": Fault(request(host=None), "Host", "upgrade-host-missing", "missing"),
    "no Upgrade": Fault(_without("Upgrade"), "Upgrade", "upgrade-header", "missing"),
    "Upgrade to something else": Fault(_without(Upgrade="h2c"), "Upgrade", "upgrade-header", "'h2c' does not name websocket"),
    "Upgrade to almost that": Fault(_without(Upgrade="websockets"), "Upgrade", "upgrade-header", "websockets"),
    "Upgrade that cannot be read": Fault(_without(Upgrade="web socket"), "Upgrade", "upgrade-header", "web socket"),
    "no Connection": Fault(_without("Connection"), "Connection", "connection-header", "missing"),
    "Connection: keep-alive": Fault(
        _without(Connection="keep-alive"), "Connection", "connection-header", "'keep-alive' does not"
    ),
    "Connection: Upgraded": Fault(_without(Connection="Upgraded"), "Connection", "connection-header", "Upgraded"),
    "Connection that cannot be read": Fault(_without(Connection="keep alive"), "Connection", "connection-header", "keep alive"),
    "no Key": Fault(request(key=None), "Key", "key-invalid", "missing"),
    "Key that is no base64": Fault(request(key="dGhlIHNhbXBsZSBub25jZQ=!"), "Key", "key-invalid", "is not base64"),
    "Key without padding": Fault(request(key="dGhlIHNhbXBsZSBub25jZQ"), "Key", "key-invalid", "is not base64"),
    "Key that is no ASCII": Fault(request(key="dGhlIHNhbXBsZSBub25jZé=="), "Key", "key-invalid", "is not base64"),
    "Key of 15 bytes": Fault(request(key=_KEY_15), "Key", "key-invalid", "is 14 bytes in base64 instead of 16"),
    "Key of 17 bytes": Fault(request(key=_KEY_17), "Key", "key-invalid", "is 17 bytes in base64 instead of 16"),
    "empty Key": Fault(request(key=""), "Key", "key-invalid", "is 0 bytes"),
    "two Keys": Fault(_without(sec_websocket_key=KEY), "Key", "key-invalid", "is not base64"),
    "Version 8": Fault(_without(Sec_WebSocket_Version="8"), "Version", "version-not-13", "8 instead of 13"),
    "Version 99": Fault(_without(Sec_WebSocket_Version="99"), "Version", "version-not-13", "99 instead of 13"),
    "Version 13 and 8": Fault(_without(Sec_WebSocket_Version="13, 8"), "Version", "version-not-13", "13, 8 instead of 13"),
    "no Version": Fault(_without("Sec-WebSocket-Version"), "Version", "version-not-13", "missing"),
    "empty Version": Fault(_without(Sec_WebSocket_Version=""), "Version", "version-not-13", ""),
}


@pytest.mark.parametrize("name", _FAULTS)
@pytest.mark.parametrize("status", [101, 400, None])
def test_faults_of_the_client(name: str, status: int | None) -> None:
    asked, rule, kind, word = _FAULTS[name]
    key, accept = _event(asked).key, _event(asked).accept_expected
    switch = accepted(headers={"Sec-WebSocket-Accept": accept or _ACCEPT})
    answers = {101: switch, 400: head("HTTP/1.1 400 Bad Request", {"Content-Length": "0"}), None: None}
    event = _event(asked, answers[status])
    assert _broken(event, "client") == [rule]
    (problem,) = (problem for problem in event.problems if problem.kind == kind)
    assert problem.packet == _ASKED
    assert problem.text.startswith(f"{rule}: ")
    assert word in problem.text
    assert problem.text.endswith("(RFC 6455 section 4.1)")
    if status == 400:
        assert (event.outcome, _kinds(event)) == ("rejected", [kind, "upgrade-rejected"])
    elif status is None:
        assert (event.outcome, _kinds(event)) == ("unanswered", [kind, "upgrade-unanswered"])
    else:
        # The server took it all the same; without a key there is nothing that the answer could be held against.
        expected = ("invalid", [kind, "accept-wrong"]) if key is None else ("accepted", [kind])
        assert (event.outcome, _kinds(event)) == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Connection": "upgrade"}, {"Connection": "UPGRADE"}, {"Connection": "keep-alive, Upgrade"},
        {"Connection": "Upgrade,keep-alive"}, {"Connection": ", ,Upgrade,"}, {"Connection": None, "connection": "Upgrade"},
        {"connection": "keep-alive"}, {"Upgrade": "WebSocket"}, {"Upgrade": "WEBSOCKET"},
        {"Upgrade": "h2c, websocket"}, {"Upgrade": None, "UPGRADE": "websocket"},
        {"Host": ""}, {"Origin": "null"}, {"Sec-WebSocket-Version": " 13 "}, {"Sec-WebSocket-Key": f"\t{KEY} "},
        {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"Content-Length": "0"}, {"X": "Upgrade: h2c"},
    ],
)  # fmt: skip
def test_requests_without_a_fault(headers: dict[str, str | None]) -> None:
    event = _event(request(headers=headers))
    assert (_broken(event), _kinds(event)) == ([], ["upgrade-unanswered"])


@pytest.mark.parametrize(("origin", "seen"), [("http://a", "http://a"), (None, "none: the client is no browser")])
def test_an_origin_is_only_for_browsers(origin: str | None, seen: str) -> None:
    (rule,) = (rule for rule in _event(request(headers={"Origin": origin})).rules if rule.name == "Origin")
    assert rule == Rule("Origin", "client", "RFC 6455 section 4.1", None, seen)


@pytest.mark.parametrize("headers", [{"Upgrade": "websocket"}, {"sec-websocket-extensions": "x"}, {"SEC-WEBSOCKET-KEY": ""}])
def test_whatever_is_meant_for_websocket_is_told(headers: dict[str, str]) -> None:
    event = _event(head("GET / HTTP/1.1", headers))
    assert (event.outcome, event.asked) == ("unanswered", 4000)
    assert {"Host", "Connection", "Version"} <= set(_broken(event))


# Rules of the server


def _answered(**how: str | None) -> bytes:
    return accepted(headers={name.replace("_", "-"): value for name, value in how.items()})


_ANSWER_FAULTS = {
    "no Upgrade": Fault(_answered(Upgrade=None), "Upgrade", "upgrade-header", "missing"),
    "Upgrade to something else": Fault(_answered(Upgrade="h2c"), "Upgrade", "upgrade-header", "'h2c' instead of websocket"),
    "Upgrade to two things": Fault(_answered(Upgrade="websocket, h2c"), "Upgrade", "upgrade-header", "websocket, h2c"),
    "Upgrade twice": Fault(_answered(upgrade="websocket"), "Upgrade", "upgrade-header", "websocket, websocket"),
    "no Connection": Fault(_answered(Connection=None), "Connection", "connection-header", "missing"),
    "Connection: close": Fault(
        _answered(Connection="close"), "Connection", "connection-header", "'close' does not name Upgrade"
    ),
    "no Accept": Fault(_answered(Sec_WebSocket_Accept=None), "Accept", "accept-wrong", "missing"),
    "empty Accept": Fault(_answered(Sec_WebSocket_Accept=""), "Accept", "accept-wrong", f" instead of {_ACCEPT}"),
    "Accept of another key": Fault(accepted(_KEY_17), "Accept", "accept-wrong", f" instead of {_ACCEPT}"),
    "Accept that is the key": Fault(
        _answered(Sec_WebSocket_Accept=KEY), "Accept", "accept-wrong", f"{KEY} instead of {_ACCEPT}"
    ),
    "Accept in another case": Fault(_answered(Sec_WebSocket_Accept=_ACCEPT.lower()), "Accept", "accept-wrong", _ACCEPT.lower()),
    "Accept twice": Fault(_answered(sec_websocket_accept=_ACCEPT), "Accept", "accept-wrong", f"{_ACCEPT}, {_ACCEPT}"),
    "subprotocol not offered": Fault(
        accepted(protocol="mqtt"), "subprotocol", "subprotocol-not-offered", "mqtt was not offered"
    ),
    "subprotocol in another case": Fault(
        accepted(protocol="Chat"), "subprotocol", "subprotocol-not-offered", "chat, superchat was"
    ),
    "all subprotocols": Fault(
        accepted(protocol="chat, superchat"), "subprotocol", "subprotocol-not-offered", "chat, superchat was not"
    ),
    "empty subprotocol": Fault(accepted(protocol=""), "subprotocol", "subprotocol-not-offered", "was not offered"),
    "extension not offered": Fault(
        accepted(extensions="x-mux"), "extensions", "extension-not-offered", "x-mux was not offered"
    ),
    "one of two extensions not offered": Fault(
        accepted(extensions="permessage-deflate, x-mux; a=1"), "extensions", "extension-not-offered", "x-mux was not offered"
    ),
    "extensions that cannot be read": Fault(
        accepted(extensions="permessage-deflate; ="),
        "extensions",
        "extension-not-offered",
        "'permessage-deflate; =' cannot be read",
    ),
    "extensions without a name": Fault(accepted(extensions=""), "extensions", "extension-not-offered", "cannot be read"),
}

_OFFER = request(protocols="chat, superchat", extensions="permessage-deflate; client_max_window_bits")


@pytest.mark.parametrize("name", _ANSWER_FAULTS)
def test_faults_of_the_server(name: str) -> None:
    answer, rule, kind, word = _ANSWER_FAULTS[name]
    event, handover = _read(_OFFER, answer)
    assert (event.outcome, _broken(event), _kinds(event)) == ("invalid", [rule], [kind])
    (problem,) = event.problems
    assert problem.packet == _ANSWERED
    assert problem.text.startswith(f"{rule}: ")
    assert word in problem.text
    assert problem.text.endswith("(RFC 6455 section 4.1)")
    # The server believes that it has switched: what follows are frames.
    assert handover is not None
    assert handover.layer == "websocket"


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "WebSocket"}, {"Upgrade": None, "UPGRADE": "WEBSOCKET"}, {"Connection": "upgrade"},
        {"Connection": "keep-alive, Upgrade"}, {"connection": "keep-alive"}, {"Sec-WebSocket-Accept": f"  {_ACCEPT}\t"},
        {"sec-websocket-protocol": "superchat"}, {"Sec-WebSocket-Protocol": "chat "}, {"Sec-WebSocket-Version": "13"},
        {"Content-Length": "0"}, {"Server": "x"},
    ],
)  # fmt: skip
def test_answers_without_a_fault(headers: dict[str, str | None]) -> None:
    event = _event(_OFFER, accepted(headers=headers))
    assert (event.outcome, _broken(event), event.problems) == ("accepted", [], ())


def test_every_fault_is_told_with_the_message_that_has_it() -> None:
    asked = request(line="POST / HTTP/1.0", key="x", headers={"Sec-WebSocket-Version": "8"})
    event = _event(asked, head("HTTP/1.1 101 Go", {"Sec-WebSocket-Extensions": "a, b"}))
    assert [(problem.kind, problem.packet) for problem in event.problems] == [
        ("upgrade-method", _ASKED), ("upgrade-http-version", _ASKED), ("key-invalid", _ASKED), ("version-not-13", _ASKED),
        ("upgrade-header", _ANSWERED), ("connection-header", _ANSWERED), ("accept-wrong", _ANSWERED),
        ("extension-not-offered", _ANSWERED),
    ]  # fmt: skip
    assert event.problems[-1].text == "extensions: a was not offered; b was not offered (RFC 6455 section 4.1)"
    assert (event.outcome, event.accept_valid) == ("invalid", None)


@pytest.mark.parametrize("status", [200, 301, 302, 307, 400, 401, 403, 404, 405, 426, 429, 500, 503])
def test_refusals(status: int) -> None:
    event, handover = _read(request(), head(f"HTTP/1.1 {status} In words", {"Content-Length": "0", "X": "y"}))
    assert (event.status, event.reason, event.outcome, event.accept) == (status, "In words", "rejected", None)
    said = Problem("upgrade-rejected", f"the server answered {status} In words instead of 101", _ANSWERED)
    assert event.problems == (said,)
    assert event.response_headers[-1] == ("X", "y")
    assert (event.accept_expected, event.accept_valid, handover) == (_ACCEPT, None, None)


def test_a_refusal_without_a_phrase() -> None:
    event = _event(request(), b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n")
    assert event.problems[0].text == "the server answered 503 instead of 101"


def test_no_answer() -> None:
    event, handover = _read(request(), None)
    assert (event.outcome, event.status, event.reason, event.response, event.response_headers) == (
        "unanswered",
        None,
        "",
        (),
        (),
    )
    assert event.problems == (Problem("upgrade-unanswered", "the request to upgrade was never answered", _ASKED),)
    assert (event.accept_expected, event.accept_valid, handover) == (_ACCEPT, None, None)
    assert (event.time, event.asked) == (4000, 4000)


# permessage-deflate (RFC 7692 section 7.1)


class Deal(NamedTuple):
    """What a client offers and what a server takes; what is wrong with that, in a few words, if something is.

    ``factory`` is how websockets makes the same offer.
    """

    offer: dict[str, int | bool]
    answer: str
    wrong: str = ""


_DEALS = {
    "as it is": Deal({}, ""),
    "server_no_context_takeover": Deal({}, "; server_no_context_takeover"),
    "client_no_context_takeover": Deal({}, "; client_no_context_takeover"),
    "all": Deal(
        {}, "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9"
    ),
    "server_max_window_bits": Deal({}, "; server_max_window_bits=8"),
    "client_max_window_bits": Deal({}, "; client_max_window_bits=15"),
    "bits in quotes": Deal({}, '; server_max_window_bits="10"'),
    "asked for, and given": Deal({"server_no_context_takeover": True}, "; server_no_context_takeover"),
    "asked of the client, who does it anyway": Deal({"client_no_context_takeover": True}, ""),
    "bits asked for, and given": Deal({"server_max_window_bits": 10}, "; server_max_window_bits=10"),
    "bits asked for, less given": Deal({"server_max_window_bits": 10}, "; server_max_window_bits=9"),
    "bits of the client, as it says": Deal({"client_max_window_bits": 10}, "; client_max_window_bits=10"),
    "bits of the client, less": Deal({"client_max_window_bits": 10}, "; client_max_window_bits=9"),
    "bits of the client, not answered": Deal({"client_max_window_bits": 10}, ""),
    "duplicate flag": Deal({}, "; server_no_context_takeover; server_no_context_takeover", "twice"),
    "duplicate bits": Deal({}, "; server_max_window_bits=10; server_max_window_bits=10", "twice"),
    "different duplicates": Deal({}, "; client_max_window_bits=10; client_max_window_bits=11", "twice"),
    "unknown": Deal({}, "; memory_level=9", "memory_level"),
    "unknown in another case": Deal({}, "; Server_No_Context_Takeover", "Server_No_Context_Takeover"),
    "flag with a value": Deal({}, "; server_no_context_takeover=true", "server_no_context_takeover"),
    "other flag with a value": Deal({}, "; client_no_context_takeover=1", "client_no_context_takeover"),
    "7 bits": Deal({}, "; server_max_window_bits=7", "server_max_window_bits=7"),
    "16 bits": Deal({}, "; server_max_window_bits=16", "server_max_window_bits=16"),
    "bits with a zero in front": Deal({}, "; server_max_window_bits=09", "server_max_window_bits=09"),
    "bits in words": Deal({}, "; server_max_window_bits=ten", "server_max_window_bits=ten"),
    "bits without a value": Deal({}, "; server_max_window_bits", "server_max_window_bits"),
    "bits of the client without a value": Deal({}, "; client_max_window_bits", "client_max_window_bits"),
    "16 bits of the client": Deal({}, "; client_max_window_bits=16", "client_max_window_bits=16"),
    "bits of the client, not offered": Deal({"client_max_window_bits": False}, "; client_max_window_bits=10", "not offered"),
    # What the client asked for the server must grant, or decline the whole offer (sections 7.1.1.1 and 7.1.2.1).
    "asked for, not given": Deal({"server_no_context_takeover": True}, "", "server_no_context_takeover"),
    "bits asked for, not given": Deal({"server_max_window_bits": 10}, "", "server_max_window_bits"),
    "bits asked for, more given": Deal({"server_max_window_bits": 10}, "; server_max_window_bits=11", "server_max_window_bits"),
    # "with a value equal to or smaller than the received value" (section 7.1.2.2)
    "bits of the client, more": Deal({"client_max_window_bits": 10}, "; client_max_window_bits=11", "client_max_window_bits"),
    # Two of them would both use RSV1 (section 5: fail the connection where extensions conflict).
    "twice": Deal({}, ", permessage-deflate", "permessage-deflate"),
}


def _factory(deal: Deal) -> ClientPerMessageDeflateFactory:
    how = {"client_max_window_bits": True, **deal.offer}
    return ClientPerMessageDeflateFactory(**{key: value or None for key, value in how.items()})  # type: ignore[arg-type]


def _client(
    extensions: Sequence[ClientPerMessageDeflateFactory] | None = None, subprotocols: Sequence[str] | None = None
) -> ClientProtocol:
    offered = None if subprotocols is None else [Subprotocol(name) for name in subprotocols]
    client = ClientProtocol(parse_uri("ws://example.org/"), extensions=extensions, subprotocols=offered, logger=_SILENT)
    client.key = KEY
    return client


def _sent(client: ClientProtocol) -> bytes:
    client.send_request(client.connect())
    return b"".join(client.data_to_send())


def _takes(client: ClientProtocol, answer: bytes) -> bool:
    """Whether websockets takes the answer."""
    client.receive_data(answer)
    client.receive_eof()
    return client.handshake_exc is None


@pytest.mark.parametrize("name", _DEALS)
def test_compression(name: str) -> None:
    deal = _DEALS[name]
    client = _client([_factory(deal)])
    event, handover = _read(_sent(client), accepted(extensions=f"permessage-deflate{deal.answer}"))
    assert event.outcome == ("invalid" if deal.wrong else "accepted")
    assert _kinds(event) == ["extension-not-offered"] * bool(deal.wrong)
    if deal.wrong:
        assert deal.wrong in event.problems[0].text
        assert event.problems[0].packet == _ANSWERED
    # What was agreed on is taken as it was meant, so that messages can be read all the same.
    assert handover is not None
    assert handover.deflate is not None


@pytest.mark.parametrize("name", _DEALS)
def test_compression_as_websockets_sees_it(name: str) -> None:
    deal = _DEALS[name]
    client = _client([_factory(deal)])
    _sent(client)
    assert _takes(client, accepted(extensions=f"permessage-deflate{deal.answer}")) == (not deal.wrong)


@pytest.mark.parametrize("name", [name for name, deal in _DEALS.items() if not deal.wrong])
def test_what_is_agreed_on_is_what_websockets_agrees_on(name: str) -> None:
    deal = _DEALS[name]
    client = _client([_factory(deal)])
    answer = accepted(extensions=f"permessage-deflate{deal.answer}")
    handover = _read(_sent(client), answer).handover
    assert _takes(client, answer)
    (extension,) = client.extensions
    assert isinstance(extension, PerMessageDeflate)
    assert handover is not None
    assert isinstance(handover.deflate, Deflate)
    # What a client does of its own accord is more than it has to: netviz reads that, too.
    theirs = (not extension.local_no_context_takeover, not extension.remote_no_context_takeover)
    bits = extension.local_max_window_bits, extension.remote_max_window_bits
    assert all(ours >= their for ours, their in zip(handover.deflate.takeover, theirs, strict=True))
    assert all(ours >= their for ours, their in zip(handover.deflate.bits, bits, strict=True))
    if not deal.offer:
        assert handover.deflate == Deflate(theirs, bits)


@pytest.mark.parametrize("name", ["unknown", "7 bits", "duplicate flag", "bits of the client, not offered"])
def test_faults_of_compression_name_the_rfc_of_compression(name: str) -> None:
    # These rules stand in RFC 7692 section 7.1; RFC 6455 section 4.1 has only that an extension must have been offered.
    deal = _DEALS[name]
    (problem,) = _event(_sent(_client([_factory(deal)])), accepted(extensions=f"permessage-deflate{deal.answer}")).problems
    assert "RFC 7692 section 7.1" in problem.text


def test_any_of_several_offers_may_be_taken() -> None:
    offer = "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate"
    for taken in ("permessage-deflate", "permessage-deflate; server_max_window_bits=10; client_max_window_bits=12"):
        event = _event(request(extensions=offer), accepted(extensions=taken))
        assert (event.outcome, event.extensions) == ("accepted", (taken,))
        assert event.offered_extensions == tuple(offer.split(", "))


@pytest.mark.parametrize("damage", ["@", "x y", "a; =1", "; b", 'c="', "a; b=;"])
@pytest.mark.parametrize("form", ["{0}, permessage-deflate", "permessage-deflate, {0}", "x-a, {0}, permessage-deflate; x=1"])
def test_a_part_that_cannot_be_read_spoils_no_other(damage: str, form: str) -> None:
    text = form.format(damage)
    names = ["x-a"] * ("x-a" in form) + ["permessage-deflate" + "; x=1" * ("x=1" in form)]
    asked = _event(request(extensions=text))
    assert (asked.offered_extensions, _broken(asked)) == (tuple(names), [])
    event, handover = _read(request(extensions="permessage-deflate, x-a"), accepted(extensions=text))
    assert event.extensions == tuple(names)
    assert f"{damage!r} cannot be read" in event.problems[0].text
    assert handover is not None
    assert handover.deflate == Deflate()


def test_damage_in_one_field_spoils_no_other() -> None:
    more = {"sec-websocket-extensions": "@@@"}
    event, handover = _read(request(extensions="permessage-deflate"), accepted(extensions="permessage-deflate", headers=more))
    assert (event.outcome, event.extensions) == ("invalid", ("permessage-deflate",))
    assert handover is not None
    assert handover.deflate == Deflate()


def test_subprotocols_that_cannot_be_read_are_told_as_they_are() -> None:
    event = _event(request(protocols="chat, my chat,, v2", headers={"sec-websocket-protocol": "v3"}))
    assert event.offered_subprotocols == ("chat", "my chat", "v2", "v3")


# The second opinion


def _opinions(answer: bytes, *, offer: bool) -> tuple[bool, bool]:
    """Whether netviz and websockets find an answer right."""
    client = _client([ClientPerMessageDeflateFactory()], ["chat", "superchat"]) if offer else _client()
    event = _event(_sent(client), answer)
    return event.outcome == "accepted", _takes(client, answer)


_MUTATIONS: dict[str, bytes] = {
    **{name: fault.asked for name, fault in _ANSWER_FAULTS.items()},
    **{f"compression: {name}": accepted(extensions=f"permessage-deflate{deal.answer}") for name, deal in _DEALS.items()},
    **{f"status {status}": accepted(line=f"HTTP/1.1 {status} x") for status in (200, 202, 204, 301, 400, 401, 404, 426, 500)},
    "as it is": accepted(),
    "subprotocol": accepted(protocol="superchat"),
    "subprotocol twice": accepted(protocol="chat", headers={"sec-websocket-protocol": "chat"}),
    "subprotocol that cannot be read": accepted(protocol="my chat"),
    "compression in another case": accepted(extensions="Permessage-Deflate"),
    "compression and a comma": accepted(extensions="permessage-deflate,"),
    "compression and blanks": accepted(extensions=" permessage-deflate ; server_max_window_bits = 10 "),
    "compression in two fields": accepted(
        extensions="permessage-deflate", headers={"sec-websocket-extensions": "permessage-deflate"}
    ),
    "old compression": accepted(extensions="x-webkit-deflate-frame"),
    "another phrase": accepted(line="HTTP/1.1 101 Web Socket Protocol Handshake"),
    "no phrase": accepted(line="HTTP/1.1 101 "),
    "names in lower case": accepted(headers={"Sec-WebSocket-Accept": None, "sec-websocket-accept": _ACCEPT}),
    "Connection with more": _answered(Connection="keep-alive, upgrade"),
    "Connection twice": _answered(connection="keep-alive"),
    "Connection that cannot be read": _answered(Connection="keep alive, Upgrade"),
    "Upgrade that cannot be read": _answered(Upgrade="web socket"),
    "Upgrade with a version": _answered(Upgrade="websocket/13"),
    "Upgrade in another case": _answered(Upgrade="WebSocket"),
    "blanks around the Accept": _answered(Sec_WebSocket_Accept=f" \t{_ACCEPT}\t "),
    "Accept in quotes": _answered(Sec_WebSocket_Accept=f'"{_ACCEPT}"'),
    "Accept cut off": _answered(Sec_WebSocket_Accept=_ACCEPT[:-1]),
    "cookies": _answered(Set_Cookie="a=b; Path=/"),
}  # fmt: skip


@pytest.mark.parametrize("offer", [True, False], ids=["offering", "offering nothing"])
@pytest.mark.parametrize("name", _MUTATIONS)
def test_netviz_and_websockets_agree_on_answers(name: str, offer: bool) -> None:
    ours, theirs = _opinions(_MUTATIONS[name], offer=offer)
    assert ours == theirs


def test_both_opinions_occur() -> None:
    found = [_opinions(answer, offer=True)[1] for answer in _MUTATIONS.values()]
    assert min(found.count(True), found.count(False)) > 15


#: Not a comma: websockets passes over empty elements also where RFC 6455 section 4.1 has one value, not a list.
_CHARACTERS = st.text('aA=+/ ;"x-1\t', max_size=4)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]),
       st.integers(0, 40), st.integers(0, 3), _CHARACTERS)  # fmt: skip
def test_netviz_and_websockets_agree_on_damaged_values(name: str, at: int, dropped: int, put: str) -> None:
    values = {
        "Upgrade": "websocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Accept": _ACCEPT,
        "Sec-WebSocket-Protocol": "superchat", "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=10",
    }  # fmt: skip
    value = values[name]
    values[name] = value[:at] + put + value[at + dropped :]
    ours, theirs = _opinions(accepted(headers=dict(values)), offer=True)
    assert ours == theirs


def _server_takes(asked: bytes) -> bool:
    server = ServerProtocol(logger=_SILENT)
    server.receive_data(asked)
    found = server.events_received()
    if not found:  # it could not even be read
        return False
    (event,) = found
    assert isinstance(event, Request)
    return server.accept(event).status_code == 101


#: websockets leaves the Host to others, and wants the Upgrade alone in its list: RFC 6455 section 4.2.1 has that it includes
#: "websocket".
_REQUESTS = {
    **{name: fault.asked for name, fault in _FAULTS.items() if name not in ("no Host",)},
    "as it is": request(),
    "Upgrade in another case": _without(Upgrade="WebSocket"),
    "Connection with more": _without(Connection="keep-alive, Upgrade"),
    "Connection in two fields": _without(connection="keep-alive"),
    "blanks": _without(Sec_WebSocket_Version="\t13 "),
    "with an offer": _OFFER,
    "a Key of zeros": request(key="AAAAAAAAAAAAAAAAAAAAAA=="),
    "two Versions": _without(sec_websocket_version="13"),
}


@pytest.mark.parametrize("name", _REQUESTS)
def test_netviz_and_websockets_agree_on_requests(name: str) -> None:
    event = _event(_REQUESTS[name])
    assert (not _broken(event, "client")) == _server_takes(_REQUESTS[name])


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("bits", [None, 9, 15])
@pytest.mark.parametrize("subprotocols", [None, ["chat", "v2"]])
def test_what_websockets_does_is_right(takeover: bool, bits: int | None, subprotocols: list[str] | None) -> None:
    offered = ClientPerMessageDeflateFactory(server_no_context_takeover=takeover, server_max_window_bits=bits)
    taken = ServerPerMessageDeflateFactory(client_no_context_takeover=takeover, client_max_window_bits=bits)
    client = _client([offered], subprotocols)
    known = None if subprotocols is None else [Subprotocol("v2")]
    server = ServerProtocol(extensions=[taken], subprotocols=known, logger=_SILENT)
    asked = _sent(client)
    server.receive_data(asked)
    (event,) = server.events_received()
    assert isinstance(event, Request)
    server.send_response(server.accept(event))
    answer = b"".join(server.data_to_send())
    ours, handover = _read(asked, answer)
    assert (ours.outcome, ours.problems, _broken(ours)) == ("accepted", (), [])
    assert ours.subprotocol == server.subprotocol
    assert handover is not None
    assert handover.deflate == Deflate((not takeover, not takeover), (bits or 15, bits or 15))
    assert _takes(client, answer)


def test_asks() -> None:
    for raw, expected in ((request(), True), (head("GET / HTTP/1.1", {"Upgrade": "h2c"}), False)):
        found = read_request(raw)
        assert found is not None
        assert asks(found) is expected
