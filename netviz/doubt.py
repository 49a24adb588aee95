"""Doubt: whether a WebSocket carries Engine.IO, where its request does not say so.

A server of Engine.IO opens with a packet that nothing else looks like.  Where the capture begins behind it, messages are held
back until they prove it: a program may well send ``42`` for reasons of its own.
"""

from __future__ import annotations

import re

from netviz.event import WebSocketMessage
from netviz.layers.engineio import is_open
from netviz.layers.socketio import Decoder

__all__ = ["Doubt"]

#: Messages that are held back, and how many Socket.IO events among them are proof.
_HELD, _PROOF = 64, 2

#: Their characters and bytes.
_SIZE = 16 << 20

#: Messages of Engine.IO without Socket.IO in them.
_BEAT = re.compile(r"[23](?:probe)?|[56]")
_MESSAGE = re.compile(r"4[0-6]")


class Doubt:
    """The first messages of a WebSocket; ``upgraded`` tells that its request was captured, and named no Engine.IO."""

    def __init__(self, *, upgraded: bool) -> None:
        self.waiting: list[WebSocketMessage] = []
        self.upgraded = upgraded
        self._size = 0
        self._events = 0
        self._beats = [False, False]
        self._attachments = [0, 0]

    def take(self, message: WebSocketMessage) -> bool | None:
        """Whether it is Engine.IO, as far as this message and those before it say; None where nobody knows yet."""
        self.waiting.append(message)
        text = message.content
        if message.side == 1 and isinstance(text, str) and is_open(text):
            return len(self.waiting) == 1 or not self.upgraded
        if self.upgraded or text is None or len(self.waiting) > _HELD:
            return False  # a server opens before anything else is said
        self._size += len(text)
        if self._size > _SIZE:
            return False
        if isinstance(text, bytes):
            if message.kind == "text":
                return False  # no UTF-8
            self._attachments[message.side] -= 1
            return None if self._attachments[message.side] >= 0 else False
        if _BEAT.fullmatch(text):
            self._beats[text[0] == "3"] |= text in ("2", "3")
        elif not self._socketio(message.side, text):
            return False
        return True if self._events >= _PROOF or (self._events and all(self._beats)) else None

    def _socketio(self, side: int, text: str) -> bool:
        if not _MESSAGE.match(text):
            return False
        decoder = Decoder(4)
        found = decoder.take(text[1:])
        if any(decoded.type == "unknown" or decoded.troubles for decoded in found):
            return False
        self._attachments[side] = decoder.waiting
        self._events += bool(decoder.waiting) or any(decoded.event is not None for decoded in found)
        return True
