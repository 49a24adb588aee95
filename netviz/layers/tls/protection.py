"""Opening records: each is authenticated, so what comes out is what went in, or nothing does.

https://www.rfc-editor.org/rfc/rfc8446#section-5.2 (TLS 1.3), https://www.rfc-editor.org/rfc/rfc5246#section-6.2.3 (TLS 1.2),
https://www.rfc-editor.org/rfc/rfc7366 (encrypt-then-MAC), https://www.rfc-editor.org/rfc/rfc7905#section-2 (ChaCha20)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol

from netviz.layers.tls.schedule import next_secret, traffic_keys
from netviz.layers.tls.suite import Suite

__all__ = ["Aead12", "Aead13", "AeadCipher", "Cbc12", "Protection", "protection12", "protection13"]

#: The block of AES, and its length as an IV.
_BLOCK = 16

_EXPLICIT = 8


class AeadCipher(NamedTuple):
    """The call that opens a fragment, what it raises where that is not authentic, the part of the nonce that is secret,
    filled up with zeros where records bring the rest, how much of that lies before the content, the length of the tag, and
    whether it is that of TLS 1.3.
    """

    decrypt: Callable[[bytes, bytes | memoryview, bytes], bytes]
    refused: tuple[type[Exception], ...]
    iv: bytes
    before: int
    tag: int
    modern: bool


class Protection(Protocol):
    """How one side protects records: ``seq`` is the number of the next one, ``before`` how much lies in front of its content;
    ``modern`` is that of TLS 1.3, where protected records look like application data.
    """

    seq: int
    before: int
    suite: Suite

    @property
    def cipher(self) -> AeadCipher | None:
        """How to open records elsewhere, where that is one call of an AEAD."""

    @property
    def modern(self) -> bool:
        """Whether it is that of TLS 1.3."""

    def open(self, kind: int, fragment: bytes | memoryview) -> tuple[int, bytes] | None:
        """The type and content of a record; None where it is not authentic."""


def protection13(secret: bytes, suite: Suite) -> Aead13:
    """That of a traffic secret of TLS 1.3."""
    return Aead13(secret, suite)


def protection12(keys: tuple[bytes, bytes, bytes], suite: Suite, *, encrypt_then_mac: bool) -> Aead12 | Cbc12:
    """That of a key block of TLS 1.2: the key of the MAC, the key, the IV."""
    return Cbc12(keys, suite, encrypt_then_mac) if suite.cipher == "CBC" else Aead12(keys, suite)


@cache
def _library() -> tuple[Any, Any, Any, tuple[type[Exception], ...]]:
    """The ciphers, and what they raise; nobody without keys should wait for the library."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

    return AESGCM, AESCCM, ChaCha20Poly1305, (InvalidTag, ValueError)


def _aead(suite: Suite, key: bytes) -> tuple[Callable[[bytes, bytes | memoryview, bytes], bytes], tuple[type[Exception], ...]]:
    """The cipher of a suite, and what it raises where something is not authentic."""
    gcm, ccm, chacha, refused = _library()
    if suite.cipher == "CCM":
        return ccm(key, tag_length=suite.tag).decrypt, refused
    return (gcm(key) if suite.cipher == "GCM" else chacha(key)).decrypt, refused


class Aead13:
    """TLS 1.3: the type of a record stands behind its content, and zeros may follow (RFC 8446 section 5.4)."""

    __slots__ = ("_decrypt", "_iv", "_refused", "_secret", "before", "cipher", "seq", "suite")
    modern = True

    def __init__(self, secret: bytes, suite: Suite) -> None:
        key, iv = traffic_keys(secret, suite)
        self._decrypt, self._refused = _aead(suite, key)
        self._iv = int.from_bytes(iv, "big")
        self._secret = secret
        self.cipher: AeadCipher | None = AeadCipher(self._decrypt, self._refused, iv, 0, suite.tag, True)
        self.suite = suite
        self.seq = 0
        self.before = 0

    def open(self, kind: int, fragment: bytes | memoryview) -> tuple[int, bytes] | None:
        """The type and content of a record; None where it is not authentic."""
        size = len(fragment)
        # The header is authenticated as it must be on the wire: application data of TLS 1.2.
        try:
            plain: bytes = self._decrypt(
                (self._iv ^ self.seq).to_bytes(12, "big"), fragment, b"\x17\x03\x03" + size.to_bytes(2, "big")
            )
        except self._refused:
            return None
        self.seq += 1
        if plain and plain[-1]:
            return plain[-1], plain[:-1]
        plain = plain.rstrip(b"\0")
        return (plain[-1], plain[:-1]) if plain else (0, b"")

    def update(self) -> Aead13:
        """What protects records behind a KeyUpdate."""
        return Aead13(next_secret(self._secret, self.suite), self.suite)


class Aead12:
    """TLS 1.2 with an AEAD: GCM and CCM send a part of the nonce with each record, ChaCha20 does not."""

    __slots__ = ("_chacha", "_decrypt", "_iv", "_refused", "before", "cipher", "seq", "suite")
    modern = False

    def __init__(self, keys: tuple[bytes, bytes, bytes], suite: Suite) -> None:
        _, key, self._iv = keys
        self._decrypt, self._refused = _aead(suite, key)
        self._chacha = suite.cipher == "CHACHA20"
        self.suite = suite
        self.seq = 0
        self.before = 0 if self._chacha else _EXPLICIT
        iv = self._iv.ljust(12, b"\0")
        self.cipher: AeadCipher | None = AeadCipher(self._decrypt, self._refused, iv, self.before, suite.tag, False)

    def open(self, kind: int, fragment: bytes | memoryview) -> tuple[int, bytes] | None:
        """The type and content of a record; None where it is not authentic."""
        size = len(fragment) - self.before - self.suite.tag
        if size < 0:
            return None
        if self._chacha:
            nonce = (int.from_bytes(self._iv, "big") ^ self.seq).to_bytes(12, "big")
        else:
            nonce = self._iv + fragment[:_EXPLICIT]
        try:
            plain: bytes = self._decrypt(nonce, fragment[self.before :], _prefix(self.seq, kind, size))
        except self._refused:
            return None
        self.seq += 1
        return kind, plain


class Cbc12:
    """TLS 1.2 with CBC: an IV in front, padding behind, and a MAC of the content, or of all that is encrypted."""

    __slots__ = ("_key", "_mac", "_outside", "before", "cipher", "seq", "suite")
    modern = False

    def __init__(self, keys: tuple[bytes, bytes, bytes], suite: Suite, encrypt_then_mac: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        self._mac, key, _ = keys
        self._key = AES(key)
        self._outside = encrypt_then_mac
        self.cipher: AeadCipher | None = None
        self.suite = suite
        self.seq = 0
        self.before = _BLOCK

    def open(self, kind: int, fragment: bytes | memoryview) -> tuple[int, bytes] | None:
        """The type and content of a record; None where it is not authentic."""
        fragment = bytes(fragment)
        tag = self.suite.tag
        sealed = fragment[: len(fragment) - tag] if self._outside else fragment
        if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
            return None
        if self._outside and not self._authentic(kind, sealed, fragment[len(sealed) :]):
            return None
        plain = self._decrypt(sealed[:_BLOCK], sealed[_BLOCK:])
        padding = plain[-1] + 1
        end = len(plain) - padding - (0 if self._outside else tag)
        if end < 0 or plain[-padding:] != bytes([padding - 1]) * padding:
            return None
        if not self._outside and not self._authentic(kind, plain[:end], plain[end : end + tag]):
            return None
        self.seq += 1
        return kind, plain[:end]

    def _decrypt(self, iv: bytes, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        decryptor = Cipher(self._key, CBC(iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _authentic(self, kind: int, data: bytes, mac: bytes) -> bool:
        made = hmac.digest(self._mac, _prefix(self.seq, kind, len(data)) + data, self.suite.mac)
        return hmac.compare_digest(made, mac)


def _prefix(seq: int, kind: int, size: int) -> bytes:
    """What is authenticated with the content of a record of TLS 1.2: its number, and its header with the length inside."""
    return seq.to_bytes(8, "big") + bytes((kind, 3, 3)) + size.to_bytes(2, "big")
