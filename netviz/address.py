"""IP addresses as people write them (RFC 5952)."""

from __future__ import annotations

import socket

__all__ = ["address_text"]


def address_text(address: bytes) -> str:
    """An address as people write it.

    >>> address_text(bytes([127, 0, 0, 1])), address_text(bytes(15) + b"\x01")
    ('127.0.0.1', '::1')
    """
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
