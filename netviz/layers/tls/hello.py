"""ClientHello, ServerHello and EncryptedExtensions: what is offered, and what is chosen.

https://www.rfc-editor.org/rfc/rfc8446#section-4.1 and #section-4.2, https://www.rfc-editor.org/rfc/rfc5246#section-7.4.1,
https://www.rfc-editor.org/rfc/rfc6066#section-3 (SNI), https://www.rfc-editor.org/rfc/rfc7301 (ALPN)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netviz.layers.tls.cursor import Cursor

__all__ = [
    "EARLY_DATA",
    "ENCRYPT_THEN_MAC",
    "EXTENDED_MASTER_SECRET",
    "ClientHello",
    "ServerHello",
    "extension_name",
    "extensions_from",
    "group_name",
    "read_alpn",
    "read_client",
    "read_extensions",
    "read_server",
    "version_name",
]

#: Extensions that others ask for, and those read here.
ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET, EARLY_DATA = 22, 23, 42
_SNI, _GROUPS, _ALPN, _PRE_SHARED_KEY, _SUPPORTED_VERSIONS, _KEY_SHARE = 0, 10, 16, 41, 43, 51

#: The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}

_GROUP_NAMES = {
    0x0017: "secp256r1", 0x0018: "secp384r1", 0x0019: "secp521r1", 0x001D: "x25519", 0x001E: "x448", 0x0016: "secp256k1",
    0x001A: "brainpoolP256r1", 0x001B: "brainpoolP384r1", 0x001C: "brainpoolP512r1", 0x0100: "ffdhe2048",
    0x0101: "ffdhe3072", 0x0102: "ffdhe4096", 0x0103: "ffdhe6144", 0x0104: "ffdhe8192", 0x0200: "MLKEM512",
    0x0201: "MLKEM768", 0x0202: "MLKEM1024", 0x11EB: "SecP256r1MLKEM768", 0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024", 0x6399: "X25519Kyber768Draft00",
}  # fmt: skip

_EXTENSIONS = {
    0: "server_name", 1: "max_fragment_length", 5: "status_request", 10: "supported_groups", 11: "ec_point_formats",
    13: "signature_algorithms", 14: "use_srtp", 15: "heartbeat", 16: "application_layer_protocol_negotiation",
    17: "status_request_v2", 18: "signed_certificate_timestamp", 19: "client_certificate_type",
    20: "server_certificate_type", 21: "padding", 22: "encrypt_then_mac", 23: "extended_master_secret",
    27: "compress_certificate", 28: "record_size_limit", 34: "delegated_credential", 35: "session_ticket",
    41: "pre_shared_key", 42: "early_data", 43: "supported_versions", 44: "cookie", 45: "psk_key_exchange_modes",
    47: "certificate_authorities", 48: "oid_filters", 49: "post_handshake_auth", 50: "signature_algorithms_cert",
    51: "key_share", 57: "quic_transport_parameters", 17513: "application_settings", 17613: "application_settings",
    65037: "encrypted_client_hello", 65281: "renegotiation_info",
}  # fmt: skip


class ClientHello(NamedTuple):
    """What a client offers; ``extensions`` by number, as they are in the message."""

    random: bytes
    session: bytes
    versions: tuple[int, ...]
    suites: tuple[int, ...]
    groups: tuple[int, ...]
    alpn: tuple[str, ...]
    sni: str | None
    extensions: dict[int, bytes]

    @property
    def early(self) -> bool:
        """Whether data follows before the server answers."""
        return EARLY_DATA in self.extensions


class ServerHello(NamedTuple):
    """What a server chose of it; ``retry`` asks for another ClientHello first."""

    random: bytes
    session: bytes
    version: int
    suite: int
    compression: int
    group: int | None
    alpn: str | None
    retry: bool
    extensions: dict[int, bytes]

    @property
    def resumed(self) -> bool:
        """Whether it took a key of an earlier connection (TLS 1.3); in TLS 1.2 what follows tells."""
        return _PRE_SHARED_KEY in self.extensions


def version_name(number: int) -> str:
    """A version of the protocol as OpenSSL and others write it.

    >>> version_name(0x0304), version_name(0x3A3A), version_name(0x7F1C)
    ('TLSv1.3', 'GREASE', '0x7f1c')
    """
    return _VERSIONS.get(number) or _unnamed(number)


def group_name(number: int) -> str:
    """The registered name of a group for key exchange."""
    return _GROUP_NAMES.get(number) or _unnamed(number)


def extension_name(number: int) -> str:
    """The registered name of an extension."""
    return _EXTENSIONS.get(number) or _unnamed(number)


def _unnamed(number: int) -> str:
    return "GREASE" if number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF else f"0x{number:04x}"


def read_client(body: bytes) -> ClientHello:
    """A ClientHello; raises Malformed."""
    cursor = Cursor(body)
    version, random, session = cursor.number(2), cursor.take(32), cursor.vector(1)
    suites = cursor.numbers(2)
    cursor.vector(1)
    extensions = read_extensions(cursor)
    versions = Cursor(extensions[_SUPPORTED_VERSIONS]).numbers(1) if _SUPPORTED_VERSIONS in extensions else (version,)
    groups = Cursor(extensions[_GROUPS]).numbers(2) if _GROUPS in extensions else ()
    alpn = read_alpn(extensions)
    return ClientHello(random, session, versions, suites, groups, alpn, _sni(extensions.get(_SNI, b"")), extensions)


def read_server(body: bytes) -> ServerHello:
    """A ServerHello; raises Malformed."""
    cursor = Cursor(body)
    version, random, session, suite = cursor.number(2), cursor.take(32), cursor.vector(1), cursor.number(2)
    compression = cursor.number(1)
    extensions = read_extensions(cursor)
    if _SUPPORTED_VERSIONS in extensions:
        version = Cursor(extensions[_SUPPORTED_VERSIONS]).number(2)
    group = Cursor(extensions[_KEY_SHARE]).number(2) if _KEY_SHARE in extensions else None
    alpn = read_alpn(extensions)
    return ServerHello(
        random, session, version, suite, compression, group, alpn[0] if alpn else None, random == _RETRY, extensions
    )


def read_extensions(cursor: Cursor) -> dict[int, bytes]:
    """A block of extensions, or nothing where the message ends before; raises Malformed."""
    return dict(cursor.inner(2).numbered()) if cursor else {}


def extensions_from(cursor: Cursor) -> Iterator[tuple[int, int, int]]:
    """The same as numbers, and where in the message each begins and how long its content is."""
    if cursor:
        cursor.number(2)
    while cursor:
        at, number = cursor.at, cursor.number(2)
        yield number, at, len(cursor.vector(2))


def read_alpn(extensions: dict[int, bytes]) -> tuple[str, ...]:
    """The protocols that ALPN names; raises Malformed."""
    if _ALPN not in extensions:
        return ()
    names = []
    inner = Cursor(extensions[_ALPN]).inner(2)
    while inner:
        names.append(inner.vector(1).decode("latin-1"))
    return tuple(names)


def _sni(data: bytes) -> str | None:
    if not data:
        return None
    inner = Cursor(data).inner(2)
    while inner:
        kind, name = inner.number(1), inner.vector(2)
        if kind == 0:
            return name.decode("latin-1")
    return None
