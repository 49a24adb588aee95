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

#: The longest line that says how long a chunk is.
_LINE = 4096


class Body:
    """A body while it comes in; ``left`` bytes of it, or of its chunk, are still to come (-1: up to the close)."""

    __slots__ = ("_chunked", "_part", "begun", "left")

    def __init__(self, left: int, *, chunked: bool = False) -> None:
        self.left = left
        self.begun = bytearray()
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
                self.begun += stream.data[: min(size, KEPT - len(self.begun))]
                stream.consume(size)
                self.left -= size if self.left > 0 else 0
                continue
            gap = stream.gap
            if gap is None:
                return "more"
            if self.left > 0 and gap.length > self.left:
                return "lost"
            self.left -= gap.length if self.left > 0 else 0
            stream.skip_gap()
        return None

    @staticmethod
    def _line(stream: Stream) -> bytes | None:
        end = stream.data.find(b"\n", 0, min(stream.available, _LINE))
        if end < 0:
            return None
        line = bytes(stream.data[:end])
        stream.consume(end + 1)
        return line


def body_of_request(request: Request) -> Body | None:
    """The body that a request announces; None where it has none."""
    coding, length = request.value("transfer-encoding"), request.value("content-length")
    if coding is not None and _is_chunked(coding):
        return Body(0, chunked=True)
    size = _length(length)
    return Body(size) if size else None


def body_of_response(response: Response, method: str) -> Body | None:
    """The body of a response to this method; None where it has none (RFC 9112 section 6.3)."""
    status = response.status
    if method == "HEAD" or status < 200 or status in (204, 304) or (method == "CONNECT" and status < 300):
        return None
    coding, length = response.value("transfer-encoding"), response.value("content-length")
    if coding is not None:
        return Body(0, chunked=True) if _is_chunked(coding) else Body(_CLOSE)
    if length is None:
        return Body(_CLOSE)
    size = _length(length)
    return Body(_CLOSE if size is None else size) if size != 0 else None


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
