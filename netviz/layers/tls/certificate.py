"""The names in a certificate, read with as little DER as that takes.

https://www.rfc-editor.org/rfc/rfc5280#section-4.1 (structure), #section-4.2.1.6 (subject alternative names)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address

__all__ = ["certificate_names"]

_COMMON_NAME = bytes.fromhex("550403")
_ALTERNATIVE = bytes.fromhex("551d11")

#: Tags of DER.
_OID, _SEQUENCE, _EXTENSIONS = 0x06, 0x30, 0xA3
_DNS, _ADDRESS = 0x82, 0x87

#: Names that are told of one certificate, and characters of one.
_MOST, _LONGEST = 20, 255


@lru_cache(maxsize=16)  # a server shows the same one to everybody
def certificate_names(der: bytes) -> tuple[str, ...]:
    """The common name of the subject, then the alternative names; empty where it is no certificate."""
    found: list[str] = []
    for _, certificate in _parts(der):
        body = next(_parts(certificate), (0, b""))[1]
        parts = list(_parts(body))
        subject = [part for tag, part in parts if tag == _SEQUENCE][3:4]  # behind algorithm, issuer and validity
        for name in subject:
            found += [value.decode("utf-8", "replace") for oid, value in _attributes(name) if oid == _COMMON_NAME]
        for extensions in (part for tag, part in parts if tag == _EXTENSIONS):
            found += _alternatives(extensions)
        break
    return tuple(dict.fromkeys(name[:_LONGEST] for name in found))[:_MOST]


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents one behind the other, as far as they are whole."""
    at = 0
    while at + 2 <= len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= 4 or at + count > len(data):
                return
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            return
        yield tag, data[at : at + size]
        at += size


def _attributes(name: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The attributes of a distinguished name: which, and the value."""
    for _, relative in _parts(name):
        for _, attribute in _parts(relative):
            parts = list(_parts(attribute))
            if len(parts) == 2 and parts[0][0] == _OID:
                yield parts[0][1], parts[1][1]


def _alternatives(extensions: bytes) -> Iterator[str]:
    for _, listed in _parts(extensions):
        for _, extension in _parts(listed):
            parts = list(_parts(extension))
            if len(parts) < 2 or parts[0] != (_OID, _ALTERNATIVE):
                continue
            for _, names in _parts(parts[-1][1]):
                for tag, value in _parts(names):
                    if tag == _DNS:
                        yield value.decode("ascii", "replace")
                    elif tag == _ADDRESS and len(value) in (4, 16):
                        yield str(ip_address(value))
