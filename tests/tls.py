"""TLS for tests: a real client and server of Python's ssl talk over a Wire, and write their key log."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from netviz.analysis import Analysis
from netviz.event import Event
from netviz.keylog import KeyLog
from netviz.layers.layer import Wanted
from tests.frames import accepted, request
from tests.talk import Line, c, s
from tests.wire import ACK, CLIENT, PSH, SERVER, Wire, batches

__all__ = [
    "CHAT",
    "NO_EXTENDED_MASTER",
    "NO_OUTSIDE_MAC",
    "Setup",
    "Talk",
    "certificate",
    "contexts",
    "plainly",
    "read",
    "said",
    "talk_tls",
]

#: Options of OpenSSL that Python has no names for: MAC inside the encryption, and the master secret of RFC 5246.
NO_OUTSIDE_MAC, NO_EXTENDED_MASTER = 1 << 19, 1 << 0

HOST = "chat.example.test"

#: What is said inside: messages of several sizes in both directions, one larger than a record.
CHAT: tuple[Line, ...] = (
    (CLIENT, request()),
    (SERVER, accepted()),
    c(1, "the ferry leaves pier 4 at 07:35"),
    s(1, "bitte Tür schließen"),
    c(2, bytes(range(256)) * 150),
    s(2, b"\x00" * 70_000),
    c(9, b"ping"),
    s(10, b"ping"),
    c(8, b"\x03\xe8bye"),
    s(8, b"\x03\xe8bye"),
)  # fmt: skip

Kind = Literal["RSA", "EC"]


@cache
def certificate(kind: Kind) -> str:
    """The path of a certificate with its key, made for this run of the tests."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    others = [x509.DNSName(HOST), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("10.0.0.2"))]
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(30)).add_extension(x509.SubjectAlternativeName(others), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = Path(tempfile.mkdtemp()) / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(path)


@dataclass
class Setup:
    """Which TLS: version, suite (in OpenSSL's words, empty for the default), curve of the server, options, tickets or not."""

    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    cipher: str = ""
    kind: Kind = "RSA"
    curve: str = ""
    options: int = 0
    alpn: tuple[str, ...] = ()
    tickets: bool = True


def contexts(setup: Setup, keys: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of client and server; the client writes the key log."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server.load_cert_chain(certificate(setup.kind))
    for context in (client, server):
        context.minimum_version = context.maximum_version = setup.version
        if setup.cipher:
            context.set_ciphers(f"{setup.cipher}:@SECLEVEL=0")
        context.options |= setup.options
        if setup.alpn:
            context.set_alpn_protocols(list(setup.alpn))
    if not setup.tickets:
        server.options |= ssl.OP_NO_TICKET
    if setup.curve:
        server.set_ecdh_curve(setup.curve)
    if "DHE" in setup.cipher and "ECDHE" not in setup.cipher:
        server.load_dh_params(_parameters())
    client.keylog_filename = str(keys)
    return client, server


#: The group ffdhe2048 (RFC 7919 appendix A.1): making one of our own takes seconds.
_GROUP = (
    "-----BEGIN DH PARAMETERS-----\n"
    "MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz\n"
    "+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a\n"
    "87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7\n"
    "YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi\n"
    "7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD\n"
    "ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==\n"
    "-----END DH PARAMETERS-----\n"
)


@cache
def _parameters() -> str:
    path = Path(tempfile.mkdtemp()) / "dh.pem"
    path.write_text(_GROUP)
    return str(path)


@dataclass
class Talk:
    """Both ends of one connection, and the Wire between them; no segment carries more than ``size`` bytes."""

    client: ssl.SSLContext
    server: ssl.SSLContext
    wire: Wire = field(default_factory=Wire)
    session: ssl.SSLSession | None = None
    size: int = 1400

    def __post_init__(self) -> None:
        pipes = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
        self._pipes = pipes
        self.ends = (
            self.client.wrap_bio(*pipes[0], server_hostname=HOST, session=self.session),
            self.server.wrap_bio(*pipes[1], server_side=True),
        )
        self.wire.open()

    def flush(self, side: int) -> None:
        """Put on the wire what one side has to send."""
        data = self._pipes[side][1].read()
        for at in range(0, len(data), self.size):
            self.wire.send(side, PSH | ACK, data[at : at + self.size])
        self._pipes[1 - side][0].write(data)

    def shake(self) -> None:
        """The handshake, to its end or to an alert."""
        done = [False, False]
        for _ in range(10):
            for side in (CLIENT, SERVER):
                try:
                    self.ends[side].do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    self.flush(side)
                    raise
                self.flush(side)
            if all(done) and not self._pipes[0][0].pending and not self._pipes[1][0].pending:
                return

    def say(self, lines: Iterable[Line]) -> None:
        """What both sides say inside, and hear."""
        for side, data in lines:
            self.ends[side].write(data)
            self.flush(side)
            heard = b""
            while len(heard) < len(data):
                heard += self.ends[1 - side].read(len(data) - len(heard))
            assert heard == data

    def close(self) -> None:
        """Both say close_notify; then TCP ends."""
        for side in (CLIENT, SERVER):
            with contextlib.suppress(ssl.SSLError):
                self.ends[side].unwrap()
            self.flush(side)
        self.wire.close()


def talk_tls(setup: Setup, keys: Path, lines: Iterable[Line] = CHAT, *, size: int = 1400) -> Wire:
    """All of that in one go."""
    talk = Talk(*contexts(setup, keys), size=size)
    talk.shake()
    talk.say(lines)
    talk.close()
    return talk.wire


def read(wire: Wire, keys: Path | None, rows: int = 0) -> list[Event]:
    """The events of a Wire; ``rows`` packets are read at once."""
    analysis = Analysis(wanted=Wanted(keys=KeyLog(None if keys is None else str(keys))))
    return [event for batch in batches(wire.packets, rows) for event in analysis.feed(batch)] + list(analysis.close())


def said(events: Iterable[Event]) -> list[tuple[object, ...]]:
    """What WebSockets said, without the packets that carried it: the same inside TLS and without."""
    found: list[tuple[object, ...]] = []
    for event in events:
        if event.name == "websocket.frame":
            found.append(("frame", event.number, event.side, event.first, event.mask, event.length))  # type: ignore[union-attr]
        elif event.name == "websocket.message":
            found.append(("message", event.side, event.kind, event.content))  # type: ignore[union-attr]
        elif event.name == "websocket.close":
            found.append(("close", event.code, event.clean))  # type: ignore[union-attr]
        elif event.name == "websocket.upgrade":
            found.append(("upgrade", event.path, event.outcome))  # type: ignore[union-attr]
    return sorted(found, key=str)


def plainly(lines: Iterable[Line] = CHAT) -> list[tuple[object, ...]]:
    """What netviz reads of the same talk without TLS."""
    wire = Wire().open()
    for side, data in lines:
        for at in range(0, len(data), 1400):
            wire.send(side, PSH | ACK, data[at : at + 1400])
    return said(read(wire.close(), None))
