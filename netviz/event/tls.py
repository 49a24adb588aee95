"""Events of TLS (RFC 8446, RFC 5246), and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from netviz.event.base import Happening, Side

if TYPE_CHECKING:
    from netviz.event.websocket import WebSocketMessage, WebSocketUpgrade

__all__ = ["Flight", "Prologue", "Session", "TlsAlert", "TlsHandshake", "TlsKeyUpdate", "TlsOffer", "TlsProblem", "TlsRecord"]


class Session(NamedTuple):
    """What TLS agreed on, as an upgrade inside it tells: version ("TLSv1.3"), registered name of the suite, and so on.

    ``resumed`` tells that both sides went on with a secret of an earlier connection.
    """

    version: str
    cipher: str
    sni: str | None
    alpn: str | None
    resumed: bool


class TlsOffer(NamedTuple):
    """What a ClientHello offers, in its order, in registered names."""

    versions: tuple[str, ...]
    ciphers: tuple[str, ...]
    groups: tuple[str, ...]
    alpn: tuple[str, ...]
    sni: str | None
    extensions: tuple[str, ...]


class Flight(NamedTuple):
    """What one side sends before it needs an answer: its messages by name, the packets, and when the last of them came.

    ``bytes`` counts the records with their headers.
    """

    side: Side
    messages: tuple[str, ...]
    packets: tuple[int, ...]
    time: int | None
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsHandshake(Happening):
    """A TLS handshake, as far as it can be read.

    ``random`` is the client random: by it a key log names the connection.  ``keys`` tells whether the rest could be read;
    "none" is that of somebody who gave no keys at all, "missing" that those given are for other connections, "unusable" that
    netviz does not decrypt this version or suite.  ``names`` are those of the server's certificate; ``early`` tells what
    became of data that the client sent before the server answered (0-RTT).
    """

    name: ClassVar[str] = "tls.handshake"

    connection: int
    random: bytes
    offer: TlsOffer | None
    session: Session | None
    group: str | None
    retried: bool
    early: Literal["accepted", "rejected"] | None
    names: tuple[str, ...]
    keys: Literal["used", "none", "missing", "wrong", "unusable"]
    outcome: Literal["complete", "failed", "unfinished"]
    flights: tuple[Flight, ...]
    asked: int | None
    inferred: tuple[str, ...] = ()

    @property
    def duration(self) -> int | None:
        """From the ClientHello to the last Finished, in ns; None where one of them has no time, or is not there."""
        return None if self.time is None or self.asked is None or self.outcome != "complete" else self.time - self.asked

    @property
    def round_trips(self) -> int:
        """How often the client waited for an answer before it could send a request."""
        sides = [flight.side for flight in self.flights]
        return sum(before == "client" and after == "server" for before, after in pairwise(sides))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsAlert(Happening):
    """An alert: why a side gives up, or close_notify, with which it says that nothing follows."""

    name: ClassVar[str] = "tls.alert"

    connection: int
    side: Side
    level: Literal["warning", "fatal"]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsKeyUpdate(Happening):
    """A side changes its keys (RFC 8446 section 4.6.3); ``requested`` asks the other one to do so too."""

    name: ClassVar[str] = "tls.key-update"

    connection: int
    side: Side
    requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProblem(Happening):
    """Records that cannot be read: broken, or not authentic."""

    name: ClassVar[str] = "tls.problem"

    connection: int
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsRecord(Happening):
    """A record that was opened, for drawing; told only where somebody asks for the records of a packet.

    ``number`` counts the records under the same keys from 0, ``kind`` is the type that it has inside; ``origin`` is where all
    of it came from, header first.  Behind the header lie ``before`` bytes of a nonce or an IV, the ``content`` (each
    byte of it has its ciphertext at the same place in ``sealed``), ``hidden`` bytes that tell the type inside, ``padding`` and
    ``tag``.
    """

    name: ClassVar[str] = "tls.record"

    connection: int
    side: Side
    number: int
    kind: int
    cipher: str
    origin: tuple[int, ...]
    before: int
    sealed: bytes
    content: bytes
    hidden: int
    padding: int
    tag: int

    @property
    def around(self) -> int:
        """Bytes that the record adds to its content, its header among them."""
        return 5 + self.before + self.hidden + self.padding + self.tag


class Prologue(NamedTuple):
    """What happened on a connection before its first message, and that message."""

    tls: TlsHandshake | None
    upgrade: WebSocketUpgrade | None
    first: WebSocketMessage | None
