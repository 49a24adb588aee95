"""The head of a TLS record field by field: all that can be read without keys.

https://www.rfc-editor.org/rfc/rfc8446#section-5.1
"""

from __future__ import annotations

from netviz.layers.header.field import Entry, Header, Layout, hexadecimal, pick, read
from netviz.quantity import plural

__all__ = ["record"]

_TYPES = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data, encrypted", 24: "heartbeat"}
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0 (a first ClientHello says so for old servers)", 0x0302: "TLS 1.1",
             0x0303: "TLS 1.2, or 1.3 that looks like it", 0x0304: "TLS 1.3"}  # fmt: skip
_HANDSHAKES = {0: "HelloRequest", 1: "ClientHello", 2: "ServerHello", 4: "NewSessionTicket", 8: "EncryptedExtensions",
               11: "Certificate", 12: "ServerKeyExchange", 13: "CertificateRequest", 14: "ServerHelloDone",
               15: "CertificateVerify", 16: "ClientKeyExchange", 20: "Finished"}  # fmt: skip
_LARGEST = (1 << 14) + 2048

RECORD: Layout = (
    Entry("content type", 8, pick(_TYPES, "unknown")),
    Entry("version", 16, pick(_VERSIONS, "unknown"), hexadecimal(4)),
    Entry("length", 16, lambda v: "bytes that follow in this record"),
)


def record(data: bytes) -> Header | None:
    """The head of a record, and for a handshake in the clear which message it begins with; None where it is none."""
    if len(data) < 5 or data[0] not in _TYPES or data[1] != 3 or data[2] > 4:
        return None
    fields = read(RECORD, data[:5])
    if fields[2].value > _LARGEST:
        return None
    kind = _TYPES[fields[0].value]
    if fields[0].value == 22 and len(data) > 8:
        claimed = int.from_bytes(data[6:9], "big")
        plain = data[5] in _HANDSHAKES and claimed <= _LARGEST * 4 and (claimed + 4 <= fields[2].value or data[5] == 11)
        kind = f"handshake: {_HANDSHAKES[data[5]]}" if plain else "handshake, encrypted"
    return Header("tls", "TLS record", 6, 5, fields, "", (kind, plural(fields[2].value, "byte")))
