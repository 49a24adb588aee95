"""Bodies of HTTP/1.1 messages: by length, in chunks, or up to the close.

https://www.rfc-editor.org/rfc/rfc9112#section-6 (message body length), #section-7.1 (chunked)
"""

from __future__ import annotations

from typing import Literal

from netviz.layers.head import Request, Response
from netviz.stream import Stream

__all__ = ["KEPT", "Body", "body_of_request", "body_of_response"]

#: The beginning of a body that is kept, to show what a server said when it refused.
KEPT = 1024

_CLOSE = -1

#: Slices of a body that are kept; beyond them only the last packet is.
_SLICES = 10_000

#: The longest line that says how long a chunk is.
_LINE = 4096


class Body:
    """A body while it comes in; ``left`` bytes of it, or of its chunk, are still to come (-1: up to the close).

    ``begun`` holds its first bytes, at most ``keep``; with ``traced`` also where these came from, and at which byte of the
    content each slice begins.  ``wire`` counts the bytes of the content, ``missed`` tells that some are not in the capture.
    """

    __slots__ = ("_chunked", "_keep", "_part", "_traced", "begun", "left", "missed", "origin", "places", "wire")

    def __init__(self, left: int, *, chunked: bool = False, keep: int = KEPT, traced: bool = False) -> None:
        self.left = left
        self.begun = bytearray()
        self.origin: list[int] = []
        self.places: list[int] = []
        self.wire = 0
        self.missed = False
        self._keep = keep
        self._traced = traced
        self._chunked = chunked
        self._part: Literal["size", "data", "end", "trailer"] = "size" if chunked else "data"

    def read(self, stream: Stream) -> Literal["done", "more", "lost", "nonsense"]:
        """Read on; "lost" where nobody can know where it ends because bytes are missing, "nonsense" where it makes none."""
        while True:
            if self._part == "data":
                answer = self._data(stream)
                if answer is not None:
                    return answer
                if not self._chunked:
                    return "done"
                self._part = "end"
                continue
            line = self._line(stream)
            if line is None:
                return "lost" if stream.gaps else "nonsense" if stream.available > _LINE else "more"
            if self._part == "end":
                if line.strip():
                    return "nonsense"
                self._part = "size"
            elif self._part == "size":
                digits = line.split(b";")[0].strip()
                if not digits or len(digits) > 15 or any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
                    return "nonsense"
                self.left = int(digits, 16)
                self._part = "data" if self.left else "trailer"
            elif not line.strip():
                return "done"

    def _data(self, stream: Stream) -> Literal["more", "lost"] | None:
        while self.left:
            size = stream.available if self.left < 0 else min(stream.available, self.left)
            if size:
                if self._traced and self.wire < self._keep:
                    self._trace(stream, size)
                self.begun += stream.data[: min(size, self._keep - len(self.begun))]
                self.wire += size
                stream.consume(size)
                self.left -= size if self.left > 0 else 0
                continue
            gap = stream.gap
            if gap is None:
                return "more"
            if self.left > 0 and gap.length > self.left:
                return "lost"
            self.left -= gap.length if self.left > 0 else 0
            self.missed = True
            stream.skip_gap()
        return None

    def _trace(self, stream: Stream, size: int) -> None:
        origin = stream.origin(stream.start, stream.start + min(size, self._keep - self.wire))
        place = self.wire
        if len(self.places) * 3 == len(self.origin):
            for at in range(0, len(origin), 3):
                self.places.append(place)
                place += origin[at + 2] - origin[at + 1]
        self.origin += origin
        if len(self.origin) > 3 * _SLICES:
            self.origin[3 * _SLICES - 3 :] = self.origin[-3:]
            self.places.clear()

    @property
    def to_the_close(self) -> bool:
        """Whether only the end of the connection ends it."""
        return self.left < 0

    @staticmethod
    def _line(stream: Stream) -> bytes | None:
        end = stream.data.find(b"\n", 0, min(stream.available, _LINE))
        if end < 0:
            return None
        line = bytes(stream.data[:end])
        stream.consume(end + 1)
        return line


def body_of_request(request: Request, *, keep: int = KEPT, traced: bool = False) -> Body | None:
    """The body that a request announces; None where it has none."""
    coding, length = request.value("transfer-encoding"), request.value("content-length")
    if coding is not None and _is_chunked(coding):
        return Body(0, chunked=True, keep=keep, traced=traced)
    size = _length(length)
    return Body(size, keep=keep, traced=traced) if size else None


def body_of_response(response: Response, method: str, *, keep: int = KEPT, traced: bool = False) -> Body | None:
    """The body of a response to this method; None where it has none (RFC 9112 section 6.3)."""
    status = response.status
    if method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and status < 300):
        return None
    coding, length = response.value("transfer-encoding"), response.value("content-length")
    if coding is not None:
        chunked = _is_chunked(coding)
        return Body(0 if chunked else _CLOSE, chunked=chunked, keep=keep, traced=traced)
    size = None if length is None else _length(length)
    return Body(_CLOSE if size is None else size, keep=keep, traced=traced) if size != 0 else None


def _is_chunked(coding: str) -> bool:
    """Whether the last transfer coding is chunked: only then the body tells where it ends."""
    return coding.lower().rpartition(",")[2].strip() == "chunked"


def _length(value: str | None) -> int | None:
    """A Content-Length; several equal ones count as one (RFC 9112 section 6.3)."""
    if value is None:
        return None
    values = {part.strip() for part in value.split(",")}
    (only,) = values if len(values) == 1 else ("",)
    return int(only) if only.isascii() and only.isdigit() and len(only) < 19 else None
