"""JSON of TLS: its keys, whatever stands in names, and that no secret is in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from netviz.capture.source import open_capture
from netviz.event import Flight, Problem, Session, TlsAlert, TlsHandshake, TlsKeyUpdate, TlsOffer, TlsProblem
from netviz.samples import samples
from netviz.views.jsonl import JsonLines
from netviz.views.plain_tls import plain_tls
from netviz.views.tls import tls_lines, unread_lines
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.run import inside
from tests.wire import Wire

_COMMON = {"event", "connection", "packets", "problems"}
_ANSWER = ("ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished")
_WSS = ["wss", "wss-tls12", "wss-missing-key"]


def handshake(**changes: Any) -> TlsHandshake:
    """A handshake of TLS 1.3 in packets 4 to 6, with changes."""
    offer = TlsOffer(("TLSv1.3",), ("TLS_AES_128_GCM_SHA256",), ("x25519",), ("http/1.1",), "a.test", ("server_name",))
    flights = (
        Flight("client", ("ClientHello",), (4,), 1_000_000, 500),
        Flight("server", _ANSWER, (5,), 2_000_000, 1400),
        Flight("client", ("Finished",), (6,), 3_000_000, 80),
    )  # fmt: skip
    values: dict[str, Any] = {
        "packets": (4, 5, 6), "time": 3_000_000, "connection": 0, "random": bytes(32), "offer": offer,
        "session": Session("TLSv1.3", "TLS_AES_128_GCM_SHA256", "a.test", "http/1.1", False), "group": "x25519",
        "retried": False, "early": None, "names": ("a.test",), "keys": "used", "outcome": "complete", "flights": flights,
        "asked": 1_000_000,
    }  # fmt: skip
    return TlsHandshake(**{**values, **changes})


def _json(event: Any) -> dict[str, Any]:
    lines = JsonLines()
    lines.start = 0
    found: dict[str, Any] = json.loads(lines.line(event))
    return found


def test_a_handshake() -> None:
    line = _json(handshake())
    assert line["tls"] == {
        "version": "TLSv1.3", "cipher": "TLS_AES_128_GCM_SHA256", "sni": "a.test", "alpn": "http/1.1", "resumed": False,
    }  # fmt: skip
    assert (line["client_random"], line["outcome"], line["keys"]) == ("00" * 32, "complete", "used")
    assert (line["seconds"], line["round_trips"], line["group"]) == (0.002, 1, "x25519")
    assert line["offered"]["versions"] == ["TLSv1.3"]
    assert [flight["messages"][0] for flight in line["flights"]] == ["ClientHello", "ServerHello", "Finished"]
    assert "early_data" not in line
    assert "inferred" not in line


def test_what_is_not_known_is_left_out() -> None:
    line = _json(handshake(random=b"", offer=None, session=None, group=None, names=(), flights=(), asked=None, time=None,
                           outcome="unfinished", keys="none"))  # fmt: skip
    assert line.keys() == _COMMON | {"outcome", "keys", "certificate_names", "retried", "round_trips", "flights"}


def test_the_others() -> None:
    common: dict[str, Any] = {"packets": (7,), "time": 1, "connection": 3}
    problem = Problem("tls-alert", "the client gives up", 7)
    alert = _json(TlsAlert(**common, side="client", level="fatal", description="unknown_ca", problems=(problem,)))
    assert (alert["event"], alert["side"], alert["description"]) == ("tls.alert", "client", "unknown_ca")
    assert alert["problems"] == [{"kind": "tls-alert", "text": "the client gives up", "packet": 7}]
    assert _json(TlsKeyUpdate(**common, side="server", requested=True))["requested"] is True
    assert _json(TlsProblem(**common, side="server"))["side"] == "server"


@pytest.mark.parametrize("name", _WSS)
def test_keys_of_every_line(name: str) -> None:
    run = inside("ws-trace", name, "--json", "--only", "tls")
    assert run.status == 0
    lines = [json.loads(line) for line in run.out.splitlines()]
    assert {line["event"] for line in lines} >= {"tls.handshake"}
    for line in lines:
        assert line.keys() >= _COMMON
        assert all(value is not None for value in line.values())


@pytest.mark.parametrize("name", _WSS)
def test_no_secret_is_shown_anywhere(name: str) -> None:
    source = open_capture(samples()[name])
    list(source)
    secrets = {part for _, content in source.metadata.secrets for line in content.decode().splitlines()
               for part in line.split()[2:] if re.fullmatch("[0-9a-f]{64,}", part)}  # fmt: skip
    assert secrets
    for words in (["ws-trace", name, "--json"], ["ws-trace", name, "--explain"], ["ws-trace", name, "--plain"],
                  ["summary", name], ["summary", name, "--json"], ["handshake", name, "-n", "0"],
                  ["layers", name, "8", "--full"], ["layers", name, "10", "--json"]):  # fmt: skip
        out = inside(*words).out.replace(" ", "").lower()
        assert out
        assert not any(secret[at : at + 16] in out for secret in secrets for at in range(0, len(secret) - 16, 16))


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_from_the_wire_do_no_harm(text: str, width: int) -> None:
    offer = TlsOffer((text,), (text,), (text,), (text,), text, (text,))
    event = handshake(offer=offer, session=Session("TLSv1.3", text, text, text, True), names=(text, text), group=text)
    flights = tuple(flight._replace(messages=(text,)) for flight in event.flights)
    ends = Wire().ends
    for one in (event, handshake(flights=flights), handshake(offer=offer, session=None, keys="missing", flights=flights)):
        lines = lines_of([*tls_lines(one, 0, width), *unread_lines([(one, *ends)] * 2, width)])
        assert lines
        assert not wider(lines, width)
        assert not dangerous("\n".join(lines))
        assert not dangerous("\n".join(plain_tls(one, 0)))
        assert _json(one)["event"] == "tls.handshake"


@pytest.mark.parametrize(("changes", "words"), [
    ({"keys": "none"}, "no keys are known"),
    ({"keys": "missing"}, "client random " + "00" * 32),
    ({"keys": "wrong"}, "wrong key"),
    ({"keys": "unusable"}, "does not decrypt"),
    ({"outcome": "failed"}, "handshake failed"),
])  # fmt: skip
def test_why_nothing_can_be_read(changes: dict[str, Any], words: str) -> None:
    lines = " ".join(" ".join(lines_of(unread_lines([(handshake(**changes), *Wire().ends)], 200))).split())
    assert words in lines
    assert ("netviz explain keylog" in lines) == (changes.get("keys") in ("none", "missing"))


def test_what_a_handshake_was_like() -> None:
    def text(**changes: Any) -> str:
        return "\n".join(lines_of(tls_lines(handshake(**changes), 0, 200)))

    assert "1 round trip in 2 ms" in text()
    assert "HelloRetryRequest" in text(retried=True)
    assert "0-RTT" in text(early="accepted")
    assert "resumed" in text(session=Session("TLSv1.3", "TLS_AES_128_GCM_SHA256", None, None, True))
    assert "failed" in text(outcome="failed")
    assert "does not end" in text(outcome="unfinished")
    assert "inferred" in text(inferred=("outcome",))
