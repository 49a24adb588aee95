"""Who writes records, a way to protect them for each suite, and ciphers that do what none should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from netviz.layers.tls.protection import Aead12, Aead13, AeadCipher
from netviz.layers.tls.record import ALERT, APPLICATION, HANDSHAKE
from netviz.layers.tls.schedule import traffic_keys
from netviz.layers.tls.suite import Suite, suite

__all__ = [
    "MODERN", "RECORD", "SECRET", "SUITES", "Odd", "Sealer", "UnforeseenError", "known_suite", "raises", "records",
    "with_cipher",
]  # fmt: skip

#: Keys are made of it.
SECRET = bytes(range(48))


def known_suite(number: int) -> Suite:
    """The suite with this number."""
    found = suite(number)
    assert found is not None
    return found


class Sealer:
    """Who writes records as RFC 8446 section 5.2 and RFC 5246 section 6.2.3 say, and how to read them."""

    def __init__(self, number: int) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

        self.suite = known_suite(number)
        self.modern = number >> 8 == 0x13
        self.seq = 0
        if self.modern:
            key, self.iv = traffic_keys(SECRET[: 48 if self.suite.digest == "sha384" else 32], self.suite)
        else:
            key, self.iv = SECRET[: self.suite.key], SECRET[-12:] if self.suite.cipher == "CHACHA20" else SECRET[-4:]
        self._key = key
        self._encrypt: Callable[[bytes, bytes, bytes], bytes]
        if self.suite.cipher == "CCM":
            self._encrypt = AESCCM(key, tag_length=self.suite.tag).encrypt
        else:
            self._encrypt = (AESGCM(key) if self.suite.cipher == "GCM" else ChaCha20Poly1305(key)).encrypt

    def reader(self) -> Aead12 | Aead13:
        """How to read what it writes."""
        if self.modern:
            return Aead13(SECRET[: 48 if self.suite.digest == "sha384" else 32], self.suite)
        return Aead12((b"", self._key, self.iv), self.suite)

    def seal(self, content: bytes, kind: int = APPLICATION, padding: int = 0) -> bytes:
        """One record; in TLS 1.3 its type stands inside, and zeros behind that."""
        seq, self.seq = self.seq, self.seq + 1
        if self.modern:
            inside = content + bytes((kind,)) + bytes(padding)
            header = b"\x17\x03\x03" + (len(inside) + self.suite.tag).to_bytes(2, "big")
            return header + self._encrypt(_masked(self.iv, seq), inside, header)
        around = seq.to_bytes(8, "big") + bytes((kind, 3, 3)) + len(content).to_bytes(2, "big")
        if len(self.iv) == 12:
            fragment = self._encrypt(_masked(self.iv, seq), content, around)
        else:  # the part of the nonce that is sent need not be the number
            sent = (seq ^ 0xA5A5A5A5A5A5A5A5).to_bytes(8, "big")
            fragment = sent + self._encrypt(self.iv + sent, content, around)
        return bytes((kind, 3, 3)) + len(fragment).to_bytes(2, "big") + fragment


def _masked(iv: bytes, seq: int) -> bytes:
    return bytes(a ^ b for a, b in zip(iv, seq.to_bytes(12, "big"), strict=True))


#: A suite of each way to protect records.
SUITES = {
    "GCM 1.3": 0x1301, "GCM 256 1.3": 0x1302, "ChaCha20 1.3": 0x1303, "CCM 1.3": 0x1304, "CCM_8 1.3": 0x1305,
    "GCM 1.2": 0xC02F, "GCM 256 1.2": 0xC030, "ChaCha20 1.2": 0xCCA8, "CCM 1.2": 0xC0AC, "CCM_8 1.2": 0xC0AF,
}  # fmt: skip
#: Those of TLS 1.3.
MODERN = [name for name in SUITES if name.endswith("1.3")]


class Odd:
    """A protection with another cipher."""

    def __init__(self, decrypt: Callable[..., Any], *, modern: bool = True, before: int = 0, number: int = 0x1301) -> None:
        self.seq, self.before, self.suite, self.modern = 5, before, known_suite(number), modern
        self.cipher = AeadCipher(decrypt, (ValueError,), bytes(12), before, self.suite.tag, modern)

    def open(self, kind: int, fragment: bytes | memoryview) -> tuple[int, bytes] | None:
        """Nobody asks for it where there is C."""
        raise AssertionError


#: A record as an Odd takes it, with nothing inside.
RECORD = b"\x17\x03\x03\x00\x14" + bytes(20)


class UnforeseenError(Exception):
    """Nobody expects it."""


def raises(error: BaseException) -> Callable[..., bytes]:
    """A cipher that does nothing else."""

    def decrypt(*_: object) -> bytes:
        raise error

    return decrypt


def with_cipher(protection: Aead12 | Aead13, decrypt: Callable[..., Any]) -> Aead12 | Aead13:
    """The same protection, which calls something else."""
    protection._decrypt = decrypt
    assert protection.cipher is not None
    protection.cipher = protection.cipher._replace(decrypt=decrypt)
    return protection


@st.composite
def records(draw: st.DrawFn, sealer: Sealer, most: int, usual: int) -> bytearray:
    """At most so many records, of which ``usual`` to four are of an application: the others say something else, come again, or
    are none.
    """
    parts: list[bytes] = []
    for what in draw(st.lists(st.sampled_from(["record"] * usual + ["other", "bytes", "header", "again"]), max_size=most)):
        content = draw(st.binary(max_size=40))
        if what == "bytes":
            parts.append(content)
        elif what == "header":
            parts.append(b"\x17\x03\x03" + draw(st.integers(0, 60)).to_bytes(2, "big") + content)
        elif what == "again" and parts:
            parts.append(draw(st.sampled_from(parts)))
        else:
            kind = draw(st.sampled_from([ALERT, HANDSHAKE, 0])) if what == "other" else APPLICATION
            parts.append(sealer.seal(content, kind, draw(st.sampled_from([0, 0, 1, 30]))))
    return bytearray(b"".join(parts))
