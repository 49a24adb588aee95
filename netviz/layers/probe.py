"""What a connection's payload turns out to be: asked of its first bytes, never of its ports.

HTTP/1.1: https://www.rfc-editor.org/rfc/rfc9112, TLS: https://www.rfc-editor.org/rfc/rfc8446#section-5.1,
HTTP/2: https://www.rfc-editor.org/rfc/rfc9113#section-3.4, WebSocket: https://www.rfc-editor.org/rfc/rfc6455#section-5.2
"""

from __future__ import annotations

import re

__all__ = ["Probe", "masked_frames", "unmasked_frames"]

#: Bytes of a side that are looked at, and payload segments of both sides before netviz gives up.
_ENOUGH = 2048
_PATIENCE = 24

_REQUEST = re.compile(rb"[A-Z]{3,10} [^\r\n ]{1,1900}( HTTP/1\.[01])?")
_METHODS = (b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"TRACE ", b"PATCH ")
_UPGRADE = re.compile(rb"\r?\nupgrade[ \t]*:[^\r\n]*websocket", re.IGNORECASE)
_SESSION = re.compile(rb"[A-Z]+ ([^\r\n ?]*)\?(?:[^\r\n ]*&)?EIO=[0-9]")
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_OPCODES = (0, 1, 2, 8, 9, 10)


class Probe:
    """Looks at the payload of both sides until it is known what it is, or patience ends.

    ``name`` is "unknown" until then; ``client`` the side that sent a request, a ClientHello or masked frames;
    ``inferred`` is true where a run of consistent frames is the only evidence.
    """

    __slots__ = ("_expected", "_frames", "_heads", "_left", "_upgrade", "client", "done", "inferred", "name")

    def __init__(self) -> None:
        self.name = "unknown"
        self.client: int | None = None
        self.done = False
        self.inferred = False
        self._heads: list[bytes] = [b"", b""]
        self._expected: list[int | None] = [None, None]
        self._frames = [0, 0, 0, 0]
        self._upgrade = False
        self._left = _PATIENCE

    def feed(self, side: int, seq: int, data: bytes, length: int, from_start: bool) -> bool:
        """Payload of a segment; true where that is enough.

        ``from_start`` tells whether the stream was seen from its first byte.
        """
        expected = self._expected[side]
        self._left -= 1
        if expected is None or seq == expected:
            self._expected[side] = seq + length & 0xFFFFFFFF
            head = self._heads[side] + data
            kind = _kind(head, self._heads[1 - side])
            self._heads[side] = head[:_ENOUGH]
            self._conclude(side, kind, head)
            if not kind and not from_start:
                self._runs(side, data)
                self._heads[side] = b""  # a message may start with the next segment
        elif not from_start:
            self._expected[side], self._heads[side] = None, b""
        if self._left <= 0:
            self.done = True
        if self.done:
            self._heads = [b"", b""]
        return self.done

    def _conclude(self, side: int, kind: str, head: bytes) -> None:
        if kind == "upgrade":
            self.name, self.client, self._upgrade = _asked(head), side, True
        elif kind == "request":
            self.name, self.client, self.done = _asked(head), side, True
        elif kind == "response":
            self.name, self.client, self.done = self.name if self._upgrade else "http", 1 - side, True
        elif kind == "switched":
            session = self.name in ("socket.io", "engine.io")
            self.name, self.client, self.done = self.name if session else "websocket", 1 - side, True
        elif kind in ("tls-client", "tls-server"):
            self.name, self.client, self.done = "tls", side if kind == "tls-client" else 1 - side, True
        elif kind == "http2":
            self.name, self.client, self.done = "http2", side, True

    def _runs(self, side: int, data: bytes) -> None:
        """Count segments that are nothing but whole frames: masked as a client's, unmasked as a server's."""
        self._frames[side] += masked_frames(data)
        self._frames[2 + side] += unmasked_frames(data)
        for client, masked, answer in (
            (side, self._frames[side], self._frames[3 - side]),
            (1 - side, self._frames[1 - side], self._frames[2 + side]),
        ):
            if masked >= 2 or (masked and answer):
                self.name, self.client, self.done, self.inferred = "websocket", client, True, True


def _asked(head: bytes) -> str:
    """What a request is for: the query of Engine.IO names its version, the path of Socket.IO is its own unless set otherwise.

    https://socket.io/docs/v4/engine-io-protocol/#transports
    """
    found = _SESSION.match(head) if b"EIO=" in head else None
    if found is None:
        return "http"
    return "socket.io" if found[1].endswith((b"/socket.io/", b"/socket.io")) else "engine.io"


def masked_frames(data: bytes) -> int:
    """How many whole WebSocket frames of a client fill ``data`` exactly; 0 where they do not."""
    return _frames(data, 0x80)


def unmasked_frames(data: bytes) -> int:
    """How many whole WebSocket frames of a server fill ``data`` exactly; 0 where they do not."""
    return _frames(data, 0)


def _frames(data: bytes, mask: int) -> int:
    at = count = 0
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        if first & 0x30 or first & 15 not in _OPCODES or second & 0x80 != mask:
            return 0
        length, head = second & 0x7F, 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
        at += head + (4 if mask else 0) + length
        count += 1
    return count if at == len(data) else 0


def _kind(head: bytes, other: bytes) -> str:
    """What the first bytes of a side are: a kind, "more" where they may become one, "" where not."""
    if head.startswith(_METHODS):
        if b"\nupgrade" in head.lower() and _UPGRADE.search(head):  # the first is faster, and nearly always enough
            return "upgrade"
        return "request" if b"\r\n\r\n" in head or len(head) >= _ENOUGH or not _REQUEST.match(head) else "more"
    if head.startswith(b"HTTP/1."):
        if len(head) < 12:
            return "more"
        return "switched" if head[9:12] == b"101" and (_UPGRADE.search(head) or _UPGRADE.search(other)) else "response"
    if len(head) >= 6 and head[0] == 0x16 and head[1] == 3 and head[2] <= 4:
        return {1: "tls-client", 2: "tls-server"}.get(head[5], "")
    if head.startswith(_HTTP2):
        return "http2"
    short = len(head) < 24
    if short and (_HTTP2.startswith(head) or any(m.startswith(head) for m in (*_METHODS, b"HTTP/1.", b"\x16\x03"))):
        return "more"
    return ""
