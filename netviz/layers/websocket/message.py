"""Messages of one direction: what their frames carry, unmasked, inflated and joined.

https://www.rfc-editor.org/rfc/rfc6455#section-5.4 (fragmentation), #section-5.5.1 (close), #section-8.1 (UTF-8);
https://www.rfc-editor.org/rfc/rfc7692#section-6 (compressed messages)
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from netviz.event import CLOSE_CODES, Origin, Problem, frame_kind
from netviz.layers.deflate import Inflator
from netviz.layers.websocket.frame import CLOSE, TEXT

__all__ = ["LIMIT", "Message", "Whole", "is_text", "unmask"]

#: Content of one message that is kept, in bytes.
LIMIT = 16 << 20

#: Slices of packets that are kept of one message: three numbers each.
_MOST_SLICES = 30_000

_NEVER_SENT = (1004, 1005, 1006, 1015)


class Whole(NamedTuple):
    """A message that is complete; the fields are those of a WebSocketMessage."""

    origin: Origin
    kind: str
    length: int | None
    wire_length: int
    compressed: bool
    fragments: int
    content: str | bytes | None
    code: int | None
    problems: tuple[Problem, ...]


def unmask(data: bytes | bytearray, mask: int, phase: int = 0) -> bytes:
    """Payload without its mask (section 5.3); ``phase`` is how many bytes of the payload came before.

    >>> unmask(bytes.fromhex("d69a5f04f1"), 0x9EFF3368)
    b'Hello'
    """
    if mask < 0 or not data:
        return bytes(data)
    key = mask.to_bytes(4, "big")
    phase &= 3
    return _xor()(data, key[phase:] + key[:phase] if phase else key)


def is_text(data: bytes) -> bool:
    """Whether it is UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=1)
def _xor() -> Callable[[bytes | bytearray, bytes], bytes]:
    """What websockets has for this; where nobody wants contents, nobody need wait for it."""
    apply: Callable[[bytes | bytearray, bytes], bytes]
    try:
        from websockets.speedups import apply_mask as apply
    except ImportError:  # no wheel for this platform
        from websockets.utils import apply_mask as apply
    return apply


class Message:
    """A message while its frames come in.

    ``inflator`` is None where its payload is not compressed, or where nobody can inflate it: ``why`` says so then.
    """

    __slots__ = (
        "_begins_whole",
        "_dead",
        "_inflator",
        "_kept",
        "_length",
        "_limit",
        "_missing",
        "_origin",
        "_why",
        "_wire",
        "compressed",
        "fragments",
        "opcode",
        "problems",
    )  # fmt: skip

    def __init__(self, opcode: int, compressed: bool, inflator: Inflator | None, why: str, limit: int) -> None:
        self.opcode = opcode
        self.compressed = compressed
        self.fragments = 0
        self.problems: list[Problem] = []
        self._inflator = inflator
        self._why = why
        self._limit = limit
        self._kept: bytes | bytearray = b""
        self._length = 0
        self._wire = 0
        self._missing = 0
        self._begins_whole = True
        self._dead = compressed and inflator is None
        self._origin: list[int] = []

    @property
    def damaged(self) -> bool:
        """Whether it could not be inflated to its end."""
        return self._dead or (self.compressed and self._missing > 0)

    def feed(self, piece: bytes, packet: int) -> None:
        """Payload, unmasked."""
        if self._dead or (self._missing and self.compressed):
            return
        if self._inflator is None:
            room = self._limit - self._length
            if room > 0 and piece:
                self._keep(piece if len(piece) <= room else piece[:room])
            self._length += len(piece)
            return
        self._inflate(lambda inflator: inflator.feed(piece, max(self._limit - self._length, 0)), packet)

    def miss(self, count: int) -> None:
        """Payload that is not in the capture."""
        self._begins_whole = self._begins_whole and len(self._kept) > 1
        self._missing += count
        self._length += count

    def add(self, origin: Origin, wire: int) -> None:
        """One more frame is complete."""
        self.fragments += 1
        self._wire += wire
        if len(self._origin) < _MOST_SLICES:
            self._origin += origin

    def finish(self, packet: int) -> Whole:
        """All frames are there; ``packet`` is the last one."""
        if self._inflator is not None and not self.damaged:
            self._inflate(lambda inflator: inflator.end(max(self._limit - self._length, 0)), packet)
        kind = frame_kind(self.opcode)
        length: int | None = self._length
        content: str | bytes | None = None
        code = None
        if self._dead or (self.compressed and self._missing):
            length = None
            if self._missing:
                self._tell(
                    "payload-missing", f"{self._missing:,} bytes of its compressed payload are not in the capture", packet
                )
            elif self._why:
                self._tell("cannot-inflate", self._why, packet)
        elif self._missing:
            self._tell("payload-missing", f"{self._missing:,} bytes of its payload are not in the capture", packet)
            if self.opcode == CLOSE and self._begins_whole and len(self._kept) > 1:
                code = int.from_bytes(self._kept[:2], "big")
        elif self._length > self._limit:
            text = f"its {self._length:,} bytes are more than the {self._limit:,} that are kept"
            self._tell("content-omitted", text, packet)
        else:
            raw = bytes(self._kept)
            content = raw
            if self.opcode == CLOSE:
                content, code = self._close(raw, packet)
            elif self.opcode == TEXT:
                content = self._text(raw, packet)
            elif self.opcode > CLOSE:
                content = _printable(raw)
        return Whole(
            tuple(self._origin), kind, length, self._wire, self.compressed, self.fragments, content, code, tuple(self.problems)
        )

    def _inflate(self, step: Callable[[Inflator], tuple[bytes, int]], packet: int) -> None:
        inflator = self._inflator
        assert inflator is not None
        try:
            kept, length = step(inflator)
        except zlib.error as error:
            self._dead = True
            words = str(error).split(": ")[-1]
            self._tell("inflate-error", f"what is compressed cannot be inflated: {words} (RFC 7692 section 7.2.2)", packet)
            return
        if kept:
            self._keep(kept)
        self._length += length
        if inflator.exhausted:
            self._dead = True
            self._tell("inflate-limit", "more than 1 GiB was inflated for this connection: no further message is", packet)

    def _keep(self, piece: bytes) -> None:
        if not self._kept:
            self._kept = piece
        elif isinstance(self._kept, bytearray):
            self._kept += piece
        else:
            self._kept = bytearray(self._kept) + piece

    def _text(self, raw: bytes, packet: int) -> str | bytes:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            text = f"byte {error.start} of the text, 0x{byte:02x}, is not UTF-8: {error.reason} (RFC 6455 section 8.1)"
            self._tell("invalid-utf-8", text, packet)
            return raw

    def _close(self, raw: bytes, packet: int) -> tuple[str | bytes, int | None]:
        if not raw:
            return "", None
        if len(raw) == 1:
            self._tell("close-payload-short", "one byte where a code needs two (RFC 6455 section 5.5.1)", packet)
            return raw, None
        code = int.from_bytes(raw[:2], "big")
        if code in _NEVER_SENT:
            text = f"code {code} ({CLOSE_CODES[code]}) must never be sent (RFC 6455 section 7.4.1)"
            self._tell("close-code-invalid", text, packet)
        elif code < 1000 or code >= 5000:
            self._tell("close-code-invalid", f"{code} is not a close code (RFC 6455 section 7.4.2)", packet)
        elif code not in CLOSE_CODES and code < 3000:
            text = f"code {code} is reserved for later versions of the protocol (RFC 6455 section 7.4.2)"
            self._tell("close-code-invalid", text, packet)
        try:
            return raw[2:].decode(), code
        except UnicodeDecodeError as error:
            text = f"byte {error.start} of the reason is not UTF-8: {error.reason} (RFC 6455 section 5.5.1)"
            self._tell("invalid-utf-8", text, packet)
            return raw[2:], code

    def _tell(self, kind: str, text: str, packet: int) -> None:
        self.problems.append(Problem(kind, f"packet {packet}: {text}", packet))


def _printable(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
