"""HTTP that nobody cares about: plain requests and their answers, passed over as fast as may be.

A connection that becomes a WebSocket late has many of these before, and most connections become none at all.  What is not
plain in any way is left to `netviz.layers.http1`, which would read these to the same effect.
https://www.rfc-editor.org/rfc/rfc9112#section-6.3 (how long a body is)
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import NamedTuple, TypeVar

from netviz.layers.head import STATUS, head_end
from netviz.layers.polling import POLLING

__all__ = ["GET", "HEAD", "Plain", "is_plain", "pass_requests", "pass_responses"]

#: Requests without one of these fields, and without a body, need no closer look.
_TELLING = re.compile(rb"\n(?:upgrade|sec-websocket-|content-length|transfer-encoding)", re.IGNORECASE)
_SIMPLE = (b"GET", b"HEAD", b"OPTIONS", b"DELETE")

#: Such requests, written as everybody does, up to the first HEAD.  Nothing is tried twice, so that a head of a million
#: lines takes no more memory than any other.
_REQUEST = (
    rb"(?:GET|OPTIONS|DELETE) [^ \r\n]++ HTTP/1\.[01]\r\n"
    rb"(?:(?!(?i:upgrade|sec-websocket-|content-length|transfer-encoding))[^\r\n]++\r\n)*+\r\n"
)
_REQUESTS = re.compile(rb"(?:" + _REQUEST + rb")++")
_HEAD = re.compile(_REQUEST.replace(rb"GET|OPTIONS|DELETE", rb"HEAD"))

#: The same, but no requests of Engine.IO: those are wanted wherever contents are.
_NO_POLLING = re.compile(rb"(?:(?!" + POLLING.pattern + rb")" + _REQUEST + rb")++")

_EMPTY = b"\r\n\r\n"

#: The longest head that is looked at here.
_LONGEST = 4096

#: The usual response: its length is all that has to be known.
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*\r?\n", re.IGNORECASE)

#: What else could say where a body ends, or is folded: one such field, the length, is usual.
_FRAMING = re.compile(rb"\n(?:[ \t]|content-length|transfer-encoding)", re.IGNORECASE)


_W = TypeVar("_W")


class Plain(NamedTuple):
    """A request that nobody cares about: its method, and the packet that carried its end."""

    method: str
    sent: int


#: Stand for requests that nobody cares about, or that were not captured.
GET, HEAD = Plain("GET", 0), Plain("HEAD", 0)


def is_plain(raw: bytes | bytearray, line: re.Match[bytes], end: int, *, contents: bool = False) -> bool:
    """Whether a request of this first line needs no closer look."""
    if line[1] not in _SIMPLE or _TELLING.search(raw, line.end() - 1, end):
        return False
    return not (contents and POLLING.match(raw))


def pass_requests(data: bytes | bytearray, at: int, limit: int, passed: list[Plain], *, contents: bool = False) -> int:
    """Pass over requests that nobody cares about: where the first other one begins."""
    match = (_NO_POLLING if contents else _REQUESTS).match
    while True:
        if (found := match(data, at, limit)) is not None:
            passed += [GET] * data.count(_EMPTY, at, found.end())
        elif (found := _HEAD.match(data, at, limit)) is not None and not (contents and POLLING.match(data, at, limit)):
            passed.append(HEAD)
        else:
            return at
        at = found.end()


def pass_responses(data: bytes | bytearray, at: int, limit: int, waiting: deque[_W]) -> int:
    """Pass over whole responses of known length to such requests: where the first other one begins."""
    head, length = b"", -1
    while waiting and waiting[0] is GET:
        if length < 0 or not data.startswith(head, at, limit):  # servers repeat themselves
            end = data.find(_EMPTY, at, limit) + len(_EMPTY)
            if end < len(_EMPTY) or end - at > _LONGEST:
                break
            head = bytes(data[at:end])
            length = _length(head)
        end = at + len(head) + length
        if length < 0 or end > limit:
            break
        at = end
        waiting.popleft()
    return at


@lru_cache(maxsize=256)
def _length(head: bytes) -> int:
    """The length of the body behind a head, -1 where that needs a closer look."""
    line = STATUS.match(head)
    if line is None or head_end(head, 0, len(head)) != len(head) or line[2][:1] == b"1" or line[2] in (b"204", b"304"):
        return -1
    length = _LENGTH.search(head, line.end() - 1) if len(_FRAMING.findall(head, line.end() - 1)) == 1 else None
    return -1 if length is None else int(length[1])
