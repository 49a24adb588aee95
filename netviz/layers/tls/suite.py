"""Cipher suites: their registered names, and what a name says of how records are protected.

https://www.iana.org/assignments/tls-parameters, RFC 8446 section B.4, RFC 5246 section A.5,
RFC 5288 and 5289 (GCM), RFC 6655 and 7251 (CCM), RFC 7905 (ChaCha20)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

__all__ = ["SUITES", "Suite", "suite", "suite_name"]

#: Names without their beginning "TLS_".
SUITES = {
    0x0005: "RSA_WITH_RC4_128_SHA", 0x000A: "RSA_WITH_3DES_EDE_CBC_SHA", 0x002F: "RSA_WITH_AES_128_CBC_SHA",
    0x0033: "DHE_RSA_WITH_AES_128_CBC_SHA", 0x0035: "RSA_WITH_AES_256_CBC_SHA", 0x0039: "DHE_RSA_WITH_AES_256_CBC_SHA",
    0x003C: "RSA_WITH_AES_128_CBC_SHA256", 0x003D: "RSA_WITH_AES_256_CBC_SHA256", 0x0041: "RSA_WITH_CAMELLIA_128_CBC_SHA",
    0x0067: "DHE_RSA_WITH_AES_128_CBC_SHA256", 0x006B: "DHE_RSA_WITH_AES_256_CBC_SHA256",
    0x0084: "RSA_WITH_CAMELLIA_256_CBC_SHA", 0x008C: "PSK_WITH_AES_128_CBC_SHA", 0x008D: "PSK_WITH_AES_256_CBC_SHA",
    0x009C: "RSA_WITH_AES_128_GCM_SHA256", 0x009D: "RSA_WITH_AES_256_GCM_SHA384", 0x009E: "DHE_RSA_WITH_AES_128_GCM_SHA256",
    0x009F: "DHE_RSA_WITH_AES_256_GCM_SHA384", 0x00A8: "PSK_WITH_AES_128_GCM_SHA256", 0x00A9: "PSK_WITH_AES_256_GCM_SHA384",
    0x00AA: "DHE_PSK_WITH_AES_128_GCM_SHA256", 0x00AB: "DHE_PSK_WITH_AES_256_GCM_SHA384",
    0x00AE: "PSK_WITH_AES_128_CBC_SHA256", 0x00AF: "PSK_WITH_AES_256_CBC_SHA384", 0x00FF: "EMPTY_RENEGOTIATION_INFO_SCSV",
    0x1301: "AES_128_GCM_SHA256", 0x1302: "AES_256_GCM_SHA384", 0x1303: "CHACHA20_POLY1305_SHA256",
    0x1304: "AES_128_CCM_SHA256", 0x1305: "AES_128_CCM_8_SHA256", 0x5600: "FALLBACK_SCSV",
    0xC009: "ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xC00A: "ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC012: "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xC013: "ECDHE_RSA_WITH_AES_128_CBC_SHA",
    0xC014: "ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xC023: "ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    0xC024: "ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 0xC027: "ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    0xC028: "ECDHE_RSA_WITH_AES_256_CBC_SHA384", 0xC02B: "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    0xC02C: "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xC02F: "ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    0xC030: "ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xC035: "ECDHE_PSK_WITH_AES_128_CBC_SHA",
    0xC036: "ECDHE_PSK_WITH_AES_256_CBC_SHA", 0xC037: "ECDHE_PSK_WITH_AES_128_CBC_SHA256",
    0xC038: "ECDHE_PSK_WITH_AES_256_CBC_SHA384", 0xC09C: "RSA_WITH_AES_128_CCM", 0xC09D: "RSA_WITH_AES_256_CCM",
    0xC09E: "DHE_RSA_WITH_AES_128_CCM", 0xC09F: "DHE_RSA_WITH_AES_256_CCM", 0xC0A0: "RSA_WITH_AES_128_CCM_8",
    0xC0A1: "RSA_WITH_AES_256_CCM_8", 0xC0A2: "DHE_RSA_WITH_AES_128_CCM_8", 0xC0A3: "DHE_RSA_WITH_AES_256_CCM_8",
    0xC0A4: "PSK_WITH_AES_128_CCM", 0xC0A5: "PSK_WITH_AES_256_CCM", 0xC0A6: "DHE_PSK_WITH_AES_128_CCM",
    0xC0A7: "DHE_PSK_WITH_AES_256_CCM", 0xC0A8: "PSK_WITH_AES_128_CCM_8", 0xC0A9: "PSK_WITH_AES_256_CCM_8",
    0xC0AC: "ECDHE_ECDSA_WITH_AES_128_CCM", 0xC0AD: "ECDHE_ECDSA_WITH_AES_256_CCM",
    0xC0AE: "ECDHE_ECDSA_WITH_AES_128_CCM_8", 0xC0AF: "ECDHE_ECDSA_WITH_AES_256_CCM_8",
    0xCCA8: "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA9: "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAA: "DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCAB: "PSK_WITH_CHACHA20_POLY1305_SHA256",
    0xCCAC: "ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", 0xCCAD: "DHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
}  # fmt: skip

Cipher = Literal["GCM", "CCM", "CHACHA20", "CBC"]


class Suite(NamedTuple):
    """How a suite protects records.

    ``key`` and ``tag`` are lengths in bytes (for CBC the tag is the MAC); ``digest`` is the hash of the key schedule, ``mac``
    that of the MAC of CBC.
    """

    name: str
    cipher: Cipher
    key: int
    tag: int
    digest: str
    mac: str = ""


def suite_name(number: int) -> str:
    """The registered name of a suite.

    >>> suite_name(0x1301), suite_name(0x7A7A), suite_name(0x1234)
    ('TLS_AES_128_GCM_SHA256', 'GREASE', '0x1234')
    """
    if number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF:
        return "GREASE"  # RFC 8701: numbers that mean nothing, so that everybody learns to pass over them
    return f"TLS_{SUITES[number]}" if number in SUITES else f"0x{number:04x}"


@lru_cache(maxsize=64)
def suite(number: int) -> Suite | None:
    """What a suite does to records; None where netviz does not decrypt it.

    >>> suite(0xC027)
    Suite(name='TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', cipher='CBC', key=16, tag=32, digest='sha256', mac='sha256')
    """
    name = SUITES.get(number, "")
    words = name.rpartition("WITH_")[2].split("_")
    digest = "sha384" if words[-1] == "SHA384" else "sha256"
    if words[0] == "CHACHA20":
        return Suite(f"TLS_{name}", "CHACHA20", 32, 16, digest)
    if words[0] != "AES":
        return None
    key = int(words[1]) // 8
    if words[2] == "CBC":
        mac = {"SHA": "sha1", "SHA256": "sha256", "SHA384": "sha384"}[words[-1]]
        return Suite(f"TLS_{name}", "CBC", key, {"sha1": 20, "sha256": 32, "sha384": 48}[mac], digest, mac)
    cipher: Cipher = "GCM" if words[2] == "GCM" else "CCM"
    return Suite(f"TLS_{name}", cipher, key, 8 if "8" in words[3:] else 16, digest)
