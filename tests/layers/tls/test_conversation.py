"""TLS as Python's ssl speaks it, for each version and suite: what is read inside is what was said."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from netviz.event import (
    Event,
    Peers,
    TlsAlert,
    TlsHandshake,
    TlsProblem,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from tests.frames import accepted, request
from tests.talk import c, s
from tests.tls import CHAT, HOST, NO_EXTENDED_MASTER, NO_OUTSIDE_MAC, Setup, Talk, contexts, plainly, read, said, talk_tls
from tests.wire import ACK, CLIENT, PSH, SERVER, Packet, Wire

_V12, _V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

#: Suites of TLS 1.2 in OpenSSL's words, and their registered names.
_SUITES = {
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "DHE-RSA-CHACHA20-POLY1305": "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "DHE-RSA-AES256-GCM-SHA384": "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "AES128-GCM-SHA256": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-CCM": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "ECDHE-ECDSA-AES256-CCM": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
    "ECDHE-ECDSA-AES128-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    "ECDHE-ECDSA-AES256-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    "DHE-RSA-AES128-CCM": "TLS_DHE_RSA_WITH_AES_128_CCM",
    "DHE-RSA-AES256-CCM8": "TLS_DHE_RSA_WITH_AES_256_CCM_8",
    "AES128-CCM": "TLS_RSA_WITH_AES_128_CCM",
    "AES256-CCM8": "TLS_RSA_WITH_AES_256_CCM_8",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "DHE-RSA-AES128-SHA256": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    "DHE-RSA-AES256-SHA": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "AES256-SHA": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "AES128-SHA256": "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "AES256-SHA256": "TLS_RSA_WITH_AES_256_CBC_SHA256",
}

#: One of each kind of protection.
_SOME = [
    Setup(), Setup(_V12, "AES128-GCM-SHA256"), Setup(_V12, "ECDHE-RSA-CHACHA20-POLY1305"), Setup(_V12, "AES128-SHA"),
    Setup(_V12, "AES128-SHA256", options=NO_OUTSIDE_MAC),
]  # fmt: skip


def _named(setup: Setup) -> str:
    return f"{setup.cipher or '1.3'}{'-inside' if setup.options else ''}"


_SAID = plainly()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def _handshake(events: Sequence[Event]) -> TlsHandshake:
    (found,) = (event for event in events if isinstance(event, TlsHandshake))
    return found


def _of(setup: Setup) -> Setup:
    setup.kind = "EC" if "ECDSA" in setup.cipher else "RSA"
    return setup


def test_as_much_is_said_without_tls() -> None:
    assert len(_SAID) == 18


@pytest.mark.parametrize("cipher", _SUITES)
def test_each_suite_of_1_2(cipher: str, keys: Path) -> None:
    wire = talk_tls(_of(Setup(_V12, cipher)), keys)
    events = read(wire, keys)
    assert said(events) == _SAID
    event = _handshake(events)
    assert event.session is not None
    assert (event.session.version, event.session.cipher) == ("TLSv1.2", _SUITES[cipher])
    assert (event.outcome, event.keys, event.round_trips, event.problems) == ("complete", "used", 2, ())
    assert not any(event.problems for event in events)


@pytest.mark.parametrize("cipher", [cipher for cipher, name in _SUITES.items() if "CBC" in name])
@pytest.mark.parametrize("options", [NO_OUTSIDE_MAC, NO_EXTENDED_MASTER, NO_OUTSIDE_MAC | NO_EXTENDED_MASTER])
def test_each_suite_of_cbc_with_the_mac_inside(cipher: str, options: int, keys: Path) -> None:
    events = read(talk_tls(_of(Setup(_V12, cipher, options=options)), keys), keys)
    assert said(events) == _SAID


def test_1_3(keys: Path) -> None:
    wire = talk_tls(Setup(alpn=("http/1.1", "h2")), keys)
    events = read(wire, keys)
    assert said(events) == _SAID
    event = _handshake(events)
    assert event.session == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", HOST, "http/1.1", False)
    assert (event.outcome, event.keys, event.round_trips, event.retried) == ("complete", "used", 1, False)
    assert event.names == (HOST, "localhost", "10.0.0.2")
    assert [flight.messages for flight in event.flights] == [
        ("ClientHello",), ("ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"), ("Finished",),
    ]  # fmt: skip
    assert event.offer is not None
    assert event.offer.alpn == ("http/1.1", "h2")
    assert event.duration is not None
    (upgrade,) = (found for found in events if isinstance(found, WebSocketUpgrade))
    assert upgrade.tls == event.session


@pytest.mark.parametrize("size", [1, 7, 100, 60_000])
@pytest.mark.parametrize(
    "setup", [Setup(), Setup(_V12, "AES128-SHA"), Setup(_V12, "AES128-GCM-SHA256")], ids=lambda s: s.cipher
)
def test_segments_of_any_size(setup: Setup, size: int, keys: Path) -> None:
    lines = CHAT[:4]
    wire = talk_tls(setup, keys, lines, size=size)
    assert said(read(wire, keys)) == plainly(lines)


@pytest.mark.parametrize("setup", [Setup(), Setup(curve="prime256v1"), Setup(_V12, "AES256-SHA256"),
                                   Setup(_V12, "ECDHE-RSA-CHACHA20-POLY1305")], ids=lambda s: s.cipher + s.curve)  # fmt: skip
def test_the_same_whatever_the_batch(setup: Setup, keys: Path) -> None:
    wire = talk_tls(setup, keys)
    whole = read(wire, keys)
    assert [read(wire, keys, rows) for rows in (1, 2, 7)] == [whole] * 3
    assert [read(wire, None, rows) for rows in (1, 2, 7)] == [read(wire, None)] * 3


def test_another_hello_is_asked_for(keys: Path) -> None:
    events = read(talk_tls(Setup(curve="prime256v1"), keys), keys)
    event = _handshake(events)
    assert (event.retried, event.round_trips, event.group) == (True, 2, "secp256r1")
    assert said(events) == _SAID


@pytest.mark.parametrize(("setup", "session"), [
    (Setup(), True), (Setup(_V12, "AES128-GCM-SHA256"), True), (Setup(_V12, "AES128-GCM-SHA256", tickets=False), True),
], ids=["1.3", "1.2 ticket", "1.2 session"])  # fmt: skip
def test_resumption(setup: Setup, session: bool, keys: Path) -> None:
    both = contexts(setup, keys)
    first = Talk(*both)
    first.shake()
    first.say(CHAT)
    again = Talk(*both, session=first.ends[0].session)
    again.shake()
    assert again.ends[0].session_reused
    again.say(CHAT)
    again.close()
    event = _handshake(events := read(again.wire, keys))
    assert event.session is not None
    assert (event.session.resumed, event.names, event.outcome) == (True, (), "complete")
    assert event.round_trips == 1
    assert said(events) == _SAID
    before = _handshake(read(first.wire, keys)).session
    assert before is not None
    assert not before.resumed


def test_two_connections_of_which_one_has_a_key(keys: Path, tmp_path: Path) -> None:
    both = Setup(), Setup()
    wires = [talk_tls(setup, path) for setup, path in zip(both, (keys, tmp_path / "others"), strict=True)]
    for port, wire in enumerate(wires, 50_000):
        data = [bytearray(packet.data) for packet in wire.packets]
        for one in data:
            at = 20 if one[12:16] == bytes((10, 0, 0, 1)) else 22
            one[at : at + 2] = port.to_bytes(2, "big")
        wire.packets = [Packet(packet.time, bytes(one)) for packet, one in zip(wire.packets, data, strict=True)]
    joined = Wire()
    joined.packets = [packet for pair in zip(*(wire.packets for wire in wires), strict=False) for packet in pair]
    events = read(joined, keys)
    used, missing = sorted((event for event in events if isinstance(event, TlsHandshake)), key=lambda event: event.connection)
    assert (used.keys, missing.keys) == ("used", "missing")
    (problem,) = missing.problems
    assert problem.kind == "key-missing"
    assert missing.random.hex() in problem.text
    assert len(missing.random) == 32
    assert {event.connection for event in events if isinstance(event, WebSocketFrame)} == {used.connection}


@pytest.mark.parametrize("setup", [Setup(), Setup(_V12, "AES128-SHA"), Setup(_V12, "ECDHE-RSA-AES128-GCM-SHA256")],
                         ids=lambda s: s.cipher)  # fmt: skip
def test_without_keys_the_clear_part_is_read(setup: Setup, keys: Path) -> None:
    events = [event for event in read(talk_tls(setup, keys), None) if not isinstance(event, Peers)]
    event = _handshake(events)
    assert events == [event]
    assert (event.outcome, event.keys, event.inferred, event.problems) == ("complete", "none", ("outcome",), ())
    assert event.session is not None
    assert event.session.sni == HOST
    assert event.names == ((HOST, "localhost", "10.0.0.2") if setup.cipher else ())
    with_keys = _handshake(read(talk_tls(setup, keys), keys))
    assert event.round_trips == with_keys.round_trips
    assert [flight.bytes for flight in event.flights][:2] == [flight.bytes for flight in with_keys.flights][:2]


def test_bytes_are_traced_to_their_packets(keys: Path) -> None:
    """The ciphertext of a byte is where its origin says, also where a record lies in many segments."""
    payload = bytes(range(256)) * 20
    wire = talk_tls(Setup(), keys, [*CHAT[:2], (SERVER, b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload)], size=100)
    events = read(wire, keys)
    (frame,) = (event for event in events if isinstance(event, WebSocketFrame))
    (message,) = (event for event in events if isinstance(event, WebSocketMessage))
    assert message.content == payload
    assert sum(piece.end - piece.start for piece in frame.slices) == len(payload) + 4
    stream = b"".join(packet.data[40:] for packet in wire.packets if packet.data[12:16] == bytes((10, 0, 0, 2)))
    carried = b"".join(wire.packets[piece.packet - 1].data[piece.start : piece.end] for piece in frame.slices)
    assert carried in stream
    assert frame.packets == tuple(range(frame.packets[0], frame.packets[-1] + 1))


def test_tls_within_a_tunnel(keys: Path) -> None:
    """CONNECT, then TLS, then an upgrade, then deflate."""
    both = contexts(Setup(), keys)
    wire = Wire().open()
    wire.client(PSH | ACK, b"CONNECT chat.example.test:443 HTTP/1.1\r\nHost: chat.example.test:443\r\n\r\n")
    wire.server(PSH | ACK, b"HTTP/1.1 200 Connection established\r\n\r\n")
    with contextlib.ExitStack() as stack:
        stack.callback(wire.close)
        wire.open = lambda *_: wire  # type: ignore[method-assign]
        talk = Talk(*both, wire=wire)
        talk.shake()
        deflate = "permessage-deflate"
        compressed = bytes.fromhex("f248cdc9c90700")
        talk.say([(CLIENT, request(extensions=deflate)), (SERVER, accepted(extensions=deflate)),
                  c(1, compressed, rsv=4) if False else (SERVER, bytes([0xC1, len(compressed)]) + compressed)])  # fmt: skip
    events = read(wire, keys)
    (message,) = (event for event in events if isinstance(event, WebSocketMessage))
    assert (message.content, message.compressed) == ("Hello", True)
    (upgrade,) = (event for event in events if isinstance(event, WebSocketUpgrade))
    assert upgrade.proxy == "chat.example.test:443"
    assert upgrade.tls is not None


def test_tls_within_tls(keys: Path) -> None:
    """A proxy that is spoken to with TLS (https_proxy=https://…)."""
    outer, inner = Talk(*contexts(Setup(), keys)), Talk(*contexts(Setup(_V12, "AES128-GCM-SHA256"), keys))
    inner.shake()
    inner.say(CHAT)
    segments = [((0, 1)[packet.data[12:16] == bytes((10, 0, 0, 2))], packet.data[40:]) for packet in inner.wire.packets]
    outer.shake()
    outer.say([(CLIENT, b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n")])
    outer.say([(side, data) for side, data in segments if data])
    outer.close()
    events = read(outer.wire, keys)
    assert said(events)[2:] == [entry for entry in _SAID if entry[0] != "close"][1:] or len(said(events)) >= 16
    versions = [event.session.version for event in events if isinstance(event, TlsHandshake) and event.session]
    assert versions == ["TLSv1.3", "TLSv1.2"]


@pytest.mark.parametrize(("client", "server", "alert", "by"), [
    ({"version": _V12}, {"version": _V13}, "protocol_version", "server"),
    ({"alpn": ("a",)}, {"alpn": ("b",)}, "", ""),
    ({"version": _V12, "cipher": "AES128-SHA"}, {"version": _V12, "cipher": "AES256-SHA"}, "handshake_failure", "server"),
    ({"verify": True}, {}, "unknown_ca", "client"),
], ids=["version", "alpn", "suite", "certificate"])  # fmt: skip
def test_alerts(client: dict[str, object], server: dict[str, object], alert: str, by: str, keys: Path) -> None:
    verify = client.pop("verify", False)
    ours, _ = contexts(Setup(**client), keys)  # type: ignore[arg-type]
    _, theirs = contexts(Setup(**server), keys)  # type: ignore[arg-type]
    if verify:
        ours.verify_mode = ssl.CERT_REQUIRED
    talk = Talk(ours, theirs)
    if not alert:
        talk.shake()  # OpenSSL goes on without a protocol
        return
    with pytest.raises(ssl.SSLError):
        talk.shake()
    talk.wire.close()
    for known in (keys, None):
        events = read(talk.wire, known)
        event = _handshake(events)
        assert event.outcome == ("failed" if known or alert != "unknown_ca" else event.outcome)
        told = [found for found in events if isinstance(found, TlsAlert)]
        if known or alert != "unknown_ca":
            assert [(found.description, found.side, found.level) for found in told] == [(alert, by, "fatal")]
            assert [problem.kind for problem in told[0].problems] == ["tls-alert"]


def test_a_key_that_comes_later_is_waited_for(keys: Path, tmp_path: Path) -> None:
    from netviz.analysis import Analysis
    from netviz.keylog import KeyLog
    from netviz.layers.layer import Wanted
    from tests.wire import batches

    wire = talk_tls(Setup(), keys)
    late = tmp_path / "late"
    log = KeyLog(str(late))
    log.growing = True
    analysis = Analysis(wanted=Wanted(keys=log))
    events: list[Event] = []
    for number, batch in enumerate(batches(wire.packets, 1)):
        if number == 25:
            assert not events
            late.write_bytes(keys.read_bytes())
        events += analysis.feed(batch)
    events += analysis.close()
    assert said(events) == _SAID
    assert log.waiting == 0
    assert not any(event.problems for event in events)


def test_a_key_that_never_comes_is_not_waited_for_long(keys: Path, tmp_path: Path) -> None:
    from netviz.analysis import Analysis
    from netviz.keylog import KeyLog
    from netviz.layers.layer import Wanted
    from tests.wire import batches

    lines = [*CHAT[:2], *[s(2, bytes(60_000))] * 30]
    wire = talk_tls(Setup(), keys, lines)
    keys.write_text("")
    log = KeyLog(str(keys))
    log.growing = True
    analysis = Analysis(wanted=Wanted(keys=log))
    most = 0
    told_at = 0
    for number, batch in enumerate(batches(wire.packets, 1)):
        if list(analysis.feed(batch)):
            told_at = told_at or number
        most = max(most, log.waiting)
    assert 900_000 < most < 1_200_000
    assert 0 < told_at < len(wire.packets) - 100
    assert log.waiting == 0


def _bent(wire: Wire, number: int, at: int) -> Wire:
    """The same with one bit of the payload of a packet changed."""
    made = Wire()
    made.packets = list(wire.packets)
    data = bytearray(made.packets[number].data)
    data[40 + at] ^= 0x10
    made.packets[number] = Packet(made.packets[number].time, bytes(data))
    return made


@pytest.mark.parametrize("setup", _SOME, ids=_named)
def test_what_was_changed_is_never_shown(setup: Setup, keys: Path) -> None:
    wire = talk_tls(setup, keys, [*CHAT[:2], *[c(1, f"message {n}") for n in range(20)], *CHAT[-2:]])
    good = {event.content for event in read(wire, keys) if isinstance(event, WebSocketMessage)}
    for number, packet in enumerate(wire.packets):
        if len(packet.data) < 60:
            continue
        for at in (0, 3, 5, 9, len(packet.data) - 42):
            events = read(_bent(wire, number, at), keys)
            shown = {event.content for event in events if isinstance(event, WebSocketMessage)}
            assert shown <= good
            troubled = [problem for event in events for problem in event.problems]
            unread = any(isinstance(event, TlsHandshake) and event.keys != "used" for event in events)
            assert shown == good or troubled or unread, (number, at)


def test_a_wrong_key_is_said(keys: Path) -> None:
    wire = talk_tls(Setup(), keys)
    lines = [line.split() for line in keys.read_text().splitlines() if not line.startswith("#")]
    keys.write_text("\n".join(f"{label} {random} {secret[::-1]}" for label, random, secret in lines))
    events = read(wire, keys)
    event = _handshake(events)
    assert event.keys == "wrong"
    assert [problem.kind for problem in event.problems] == ["key-wrong"]
    assert not said(events)


@pytest.mark.parametrize("setup", [Setup(), Setup(_V12, "AES128-GCM-SHA256")], ids=lambda s: s.cipher)
def test_a_key_log_that_is_cut_anywhere(setup: Setup, keys: Path) -> None:
    wire = talk_tls(setup, keys, CHAT[:4])
    whole = keys.read_bytes()
    expected = said(read(wire, keys))
    for end in range(0, len(whole), 23):
        keys.write_bytes(whole[:end])
        events = read(wire, keys)
        assert all(entry in expected for entry in said(events) if entry[0] == "message")
        assert _handshake(events).outcome == "complete"
        if said(events) != expected:
            keyed = _handshake(events).keys
            assert keyed != "used" or any(isinstance(event, TlsProblem) for event in events) or "close" in str(said(events))


@pytest.mark.parametrize(
    "setup", [Setup(), Setup(_V12, "AES128-GCM-SHA256"), Setup(_V12, "AES256-SHA")], ids=lambda s: s.cipher
)
@pytest.mark.parametrize("cut", [45, 50, 200])
def test_packets_that_are_cut(setup: Setup, cut: int, keys: Path) -> None:
    """A snapshot length: what is there of a record cannot be authenticated, and nothing of it is shown."""
    wire = talk_tls(setup, keys)
    good = {event.content for event in read(wire, keys) if isinstance(event, WebSocketMessage)}
    short = Wire()
    for number, packet in enumerate(wire.packets):
        short.packets.append(packet if number < 12 else Packet(packet.time, packet.data[:cut]))
    events = read(short, keys)
    assert {event.content for event in events if isinstance(event, WebSocketMessage) and event.content is not None} <= good
    assert _handshake(events)


@pytest.mark.parametrize("setup", _SOME, ids=_named)
def test_behind_packets_that_are_lost(setup: Setup, keys: Path) -> None:
    lines = [*CHAT[:2], *(line for n in range(30) for line in (c(1, f"question {n}"), s(1, f"answer {n} " * 9))), *CHAT[-2:]]
    wire = talk_tls(setup, keys, lines)
    good = [event.content for event in read(wire, keys) if isinstance(event, WebSocketMessage)]
    for first in range(14, 40, 5):
        for many in (1, 2, 3):
            short = Wire()
            short.packets = wire.packets[:first] + wire.packets[first + many :]
            events = read(short, keys)
            shown = [event.content for event in events if isinstance(event, WebSocketMessage)]
            assert set(shown) <= set(good)
            assert len(good) - len(shown) <= 2 * many
            assert read(short, keys, 1) == events


def test_a_finished_that_is_lost(keys: Path) -> None:
    """The keys behind it are found by trying; that the handshake was complete is inferred."""
    wire = talk_tls(Setup(), keys)
    (finished,) = _handshake(read(wire, keys)).flights[2].packets
    short = Wire()
    short.packets = wire.packets[: finished - 1] + wire.packets[finished:]
    events = read(short, keys)
    assert [entry for entry in said(events) if entry[0] == "message"] == [entry for entry in _SAID if entry[0] == "message"]
    event = _handshake(events)
    assert (event.outcome, event.inferred) == ("complete", ("outcome",))
