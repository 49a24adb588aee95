"""Tiny builders of what a WebSocket says: the request to upgrade, the answer to it, and frames.

>>> frame(1, b"Hello").hex(" ")
'81 05 48 65 6c 6c 6f'
>>> frame(1, b"Hello", mask=0x37FA213D).hex(" ")
'81 85 37 fa 21 3d 7f 9f 4d 51 58'
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Mapping

__all__ = [
    "BINARY", "CLOSE", "CONTINUATION", "KEY", "MASK", "PING", "PONG", "TEXT", "accepted", "closing", "frame", "head", "masked",
    "request",
]  # fmt: skip

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

#: The key of RFC 6455 section 1.3, and the masking key of section 5.7.
KEY, MASK = "dGhlIHNhbXBsZSBub25jZQ==", 0x37FA213D

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def head(line: str, headers: Mapping[str, str | None]) -> bytes:
    """A first line and header fields, with the empty line behind; fields that are None are left out."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"{line}\r\n{fields}\r\n".encode("latin-1")


def request(
    path: str = "/",
    *,
    host: str | None = "example.org",
    key: str | None = KEY,
    protocols: str | None = None,
    extensions: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    line: str | None = None,
) -> bytes:
    """A request to upgrade (RFC 6455 section 4.1).

    ``headers`` are added, or replace the usual ones of that name; None leaves a field out.  ``line`` is another first line.
    """
    fields = {
        "Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": protocols, "Sec-WebSocket-Extensions": extensions,
    }  # fmt: skip
    return head(line or f"GET {path} HTTP/1.1", {**fields, **(headers or {})})


def accepted(
    key: str = KEY,
    *,
    protocol: str | None = None,
    extensions: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    line: str | None = None,
) -> bytes:
    """The answer 101 that accepts the upgrade with this key (RFC 6455 section 4.2.2); the rest as in `request`."""
    accept = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
    fields = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept,
        "Sec-WebSocket-Protocol": protocol, "Sec-WebSocket-Extensions": extensions,
    }  # fmt: skip
    return head(line or "HTTP/1.1 101 Switching Protocols", {**fields, **(headers or {})})


def masked(payload: bytes, mask: int | bytes) -> bytes:
    """Payload under a masking key (RFC 6455 section 5.3), which is a number or its four bytes."""
    key = mask if isinstance(mask, bytes) else mask.to_bytes(4, "big")
    return bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))


def frame(
    opcode: int,
    payload: bytes | str = b"",
    mask: int | bytes | None = None,
    fin: bool = True,
    rsv: int = 0,
    length_form: int | None = None,
) -> bytes:
    """A frame (RFC 6455 section 5.2); ``payload`` is given without its mask.

    ``mask`` is the masking key as a number or as four bytes, None for none.  ``rsv`` holds the three reserved bits: RSV1 is 4,
    RSV2 is 2, RSV3 is 1.  ``length_form`` says in how many bits the length is written: 7, 16 or 64; None takes the shortest.
    """
    payload = payload.encode() if isinstance(payload, str) else payload
    size = len(payload)
    form = length_form or (7 if size < 126 else 16 if size < 65536 else 64)
    bit = 0 if mask is None else 0x80
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if form == 7:
        start = struct.pack("!BB", first, bit | size)
    elif form == 16:
        start = struct.pack("!BBH", first, bit | 126, size)
    else:
        start = struct.pack("!BBQ", first, bit | 127, size)
    if mask is None:
        return start + payload
    return start + (mask if isinstance(mask, bytes) else mask.to_bytes(4, "big")) + masked(payload, mask)


def closing(code: int | None = 1000, reason: str = "", mask: int | bytes | None = None) -> bytes:
    """A close frame (RFC 6455 section 5.5.1); without a code its payload is empty."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode(), mask)
