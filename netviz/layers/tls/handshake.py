"""Handshake messages: put together from the records that they span, and their names.

https://www.rfc-editor.org/rfc/rfc8446#section-4, https://www.rfc-editor.org/rfc/rfc8446#section-5.1 (spanning records)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netviz.layers.tls.certificate import certificate_names
from netviz.layers.tls.cursor import Cursor, Malformed

__all__ = [
    "CERTIFICATE",
    "CLIENT_HELLO",
    "CLIENT_KEY_EXCHANGE",
    "ENCRYPTED_EXTENSIONS",
    "END_OF_EARLY_DATA",
    "FINISHED",
    "KEY_UPDATE",
    "NAMES",
    "NEW_SESSION_TICKET",
    "SERVER_HELLO",
    "SERVER_HELLO_DONE",
    "Message",
    "Messages",
    "names_in",
]

CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA, ENCRYPTED_EXTENSIONS = 1, 2, 4, 5, 8
CERTIFICATE, SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE, FINISHED, KEY_UPDATE = 11, 14, 16, 20, 24

NAMES = {
    0: "HelloRequest", CLIENT_HELLO: "ClientHello", SERVER_HELLO: "ServerHello", 3: "HelloVerifyRequest",
    NEW_SESSION_TICKET: "NewSessionTicket", END_OF_EARLY_DATA: "EndOfEarlyData",
    ENCRYPTED_EXTENSIONS: "EncryptedExtensions", CERTIFICATE: "Certificate", 12: "ServerKeyExchange",
    13: "CertificateRequest", SERVER_HELLO_DONE: "ServerHelloDone", 15: "CertificateVerify",
    CLIENT_KEY_EXCHANGE: "ClientKeyExchange", FINISHED: "Finished", 22: "CertificateStatus",
    KEY_UPDATE: "KeyUpdate", 25: "CompressedCertificate", 67: "NextProtocol",
}  # fmt: skip

#: The longest message that is put together; certificates of 100 KB are the most that programs accept.
_LONGEST = 1 << 18


class Message(NamedTuple):
    """A message: its type, its body, and all of it as it was hashed."""

    kind: int
    body: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """What the RFC calls it."""
        return NAMES.get(self.kind, f"message {self.kind}")


class Messages:
    """Puts the messages of one side together."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = b""

    @property
    def unfinished(self) -> bool:
        """Whether a message has begun of which the rest is missing."""
        return bool(self._data)

    def feed(self, content: bytes) -> Iterator[Message]:
        """The messages that the content of a record completes; raises Malformed where one is longer than any can be."""
        data = self._data + content
        at = 0
        while at + 4 <= len(data):
            end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
            if end - at > _LONGEST:
                raise Malformed
            if end > len(data):
                break
            self._data = data[end:]  # before it is told: what it makes of the connection may depend on what is left
            yield Message(data[at], data[at + 4 : end], data[at:end])
            at = end
        self._data = data[at:]


def names_in(body: bytes, *, modern: bool) -> tuple[str, ...]:
    """The names in the first certificate of a Certificate message; ``modern`` is that of TLS 1.3.  Raises Malformed."""
    cursor = Cursor(body)
    if modern:
        cursor.vector(1)
    chain = cursor.inner(3)
    return certificate_names(chain.vector(3)) if chain else ()
