"""The key schedules: from the secrets of a key log to the keys that protect records.

https://www.rfc-editor.org/rfc/rfc8446#section-7 (TLS 1.3), https://www.rfc-editor.org/rfc/rfc5246#section-5 and #section-6.3
(TLS 1.2), https://www.rfc-editor.org/rfc/rfc7627#section-4 (extended master secret)
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from netviz.layers.tls.suite import Suite

__all__ = ["SECRETS", "expand_label", "key_block", "master_secret", "next_secret", "prf", "traffic_keys"]

_MASTER = 48

#: How long the secrets of TLS 1.3 are, by the hash of the suite.
SECRETS = {"sha256": 32, "sha384": 48}


def expand_label(secret: bytes, label: str, length: int, digest: str) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 section 7.1)."""
    first = hmac.digest(secret, _info(label, length), digest)
    assert length <= len(first)  # what TLS asks for is never longer
    return first[:length]


@lru_cache(maxsize=64)
def _info(label: str, length: int) -> bytes:
    """What goes into the first block of HKDF-Expand (RFC 5869 section 2.3)."""
    name = b"tls13 " + label.encode()
    return length.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0\1"


def traffic_keys(secret: bytes, suite: Suite) -> tuple[bytes, bytes]:
    """The key and the IV that follow from a traffic secret (section 7.3)."""
    return expand_label(secret, "key", suite.key, suite.digest), expand_label(secret, "iv", 12, suite.digest)


def next_secret(secret: bytes, suite: Suite) -> bytes:
    """The traffic secret behind a KeyUpdate (section 7.2)."""
    return expand_label(secret, "traffic upd", len(secret), suite.digest)


def prf(secret: bytes, label: bytes, seed: bytes, length: int, digest: str) -> bytes:
    """The pseudorandom function of TLS 1.2 (RFC 5246 section 5)."""
    seed = label + seed
    out, a = b"", seed
    while len(out) < length:
        a = hmac.digest(secret, a, digest)
        out += hmac.digest(secret, a + seed, digest)
    return out[:length]


def master_secret(premaster: bytes, randoms: tuple[bytes, bytes], digest: str, transcript: bytes | None) -> bytes:
    """The master secret; with a ``transcript`` up to the ClientKeyExchange the extended one (RFC 7627 section 4)."""
    if transcript is None:
        return prf(premaster, b"master secret", randoms[0] + randoms[1], _MASTER, digest)
    return prf(premaster, b"extended master secret", hashlib.new(digest, transcript).digest(), _MASTER, digest)


def key_block(master: bytes, randoms: tuple[bytes, bytes], suite: Suite) -> tuple[tuple[bytes, bytes, bytes], ...]:
    """For client and server the key of the MAC, the key, and the IV (RFC 5246 section 6.3)."""
    mac = suite.tag if suite.cipher == "CBC" else 0
    fixed = {"CBC": 0, "CHACHA20": 12}.get(suite.cipher, 4)
    block = prf(master, b"key expansion", randoms[1] + randoms[0], 2 * (mac + suite.key + fixed), suite.digest)
    parts, at = [], 0
    for size in (mac, mac, suite.key, suite.key, fixed, fixed):
        parts.append(block[at : at + size])
        at += size
    return (parts[0], parts[2], parts[4]), (parts[1], parts[3], parts[5])
