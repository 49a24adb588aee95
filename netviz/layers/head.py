"""Heads of HTTP/1.1 messages: the first line and the header fields, as lenient as servers are.

https://www.rfc-editor.org/rfc/rfc9112#section-2 (messages), #section-5 (fields, folded ones in 5.2)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from netviz.event import Header, Origin, Slice

__all__ = [
    "LONGEST",
    "REQUEST",
    "STATUS",
    "Request",
    "Response",
    "beginning",
    "fields",
    "head_end",
    "read_request",
    "read_response",
    "text",
]

#: A head of more bytes is none that a server would take.
LONGEST = 64 << 10

#: The first line of a request (section 3) and of a response (section 4).
REQUEST = re.compile(rb"([!#-'*+.^_`|~0-9A-Za-z-]{1,32}) ([^ \r\n]+) HTTP/(1\.[01])\r?\n")
STATUS = re.compile(rb"HTTP/(1\.[01]) ([1-9][0-9]{2})(?: ([^\r\n]*))?\r?\n")

#: A line end and an empty line; a bare LF may stand for CR LF (section 2.2).
_END = re.compile(rb"\n\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What requests and responses have in common; ``ready`` is the packet that completed the head, at ``time``."""

    version: str
    headers: tuple[Header, ...]
    origin: Origin = ()
    ready: int = 0
    time: int | None = None

    @property
    def packets(self) -> tuple[int, ...]:
        """The packets that carried it."""
        return tuple(dict.fromkeys(self.origin[::3]))

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Where its bytes came from."""
        return tuple(Slice(*self.origin[at : at + 3]) for at in range(0, len(self.origin), 3))

    def all(self, name: str) -> list[str]:
        """The values of all fields of this name, which is given in lower case."""
        return [header.value for header in self.headers if header.name.lower() == name]

    def value(self, name: str) -> str | None:
        """The value of a field; several are joined by commas (RFC 9110 section 5.3)."""
        found = self.all(name)
        return ", ".join(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(_Head):
    """The head of a request."""

    method: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(_Head):
    """The head of a response."""

    status: int
    reason: str


def head_end(data: bytes | bytearray, start: int, end: int) -> int:
    """Where the head ends that is not over before ``start``; -1 where its end is not there yet."""
    found = _END.search(data, start, end)
    return found.end() if found else -1


def read_request(raw: bytes, origin: Origin = (), ready: int = 0, time: int | None = None) -> Request | None:
    """The head of a request; None where its first line is none.

    >>> read_request(b"GET /chat HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n").value("host")
    'a'
    """
    line = REQUEST.match(raw)
    if line is None:
        return None
    method, target, version = (text(part) for part in line.groups())
    headers = fields(raw[line.end() :])
    return Request(method=method, target=target, version=version, headers=headers, origin=origin, ready=ready, time=time)


def read_response(raw: bytes, origin: Origin = (), ready: int = 0, time: int | None = None) -> Response | None:
    """The head of a response; None where its first line is none."""
    line = STATUS.match(raw)
    if line is None:
        return None
    version, reason = text(line[1]), text(line[3] or b"")
    headers, status = fields(raw[line.end() :]), int(line[2])
    return Response(version=version, status=status, reason=reason, headers=headers, origin=origin, ready=ready, time=time)


def fields(raw: bytes) -> tuple[Header, ...]:
    """Header fields, up to an empty line or the end.

    >>> fields(b"A: 1\\r\\nB: 2\\r\\n  and 3\\r\\n\\r\\n")
    (Header(name='A', value='1'), Header(name='B', value='2 and 3'))
    """
    found: list[Header] = []
    for line in raw.split(b"\n"):
        line = line.rstrip(b"\r")
        if not line:
            break
        if line[:1] in (b" ", b"\t"):
            if found:  # else a line that belongs to nothing, which is passed over (section 2.2)
                name, value = found.pop()
                found.append(Header(name, f"{value} {text(line.strip())}".strip()))
            continue
        before, colon, after = line.partition(b":")
        if colon:
            found.append(Header(text(before.strip()), text(after.strip(b" \t"))))
    return tuple(found)


def beginning(raw: bytes) -> str:
    """Text that may have been cut in the middle of a character."""
    for cut in range(min(4, len(raw))):
        try:
            return raw[: len(raw) - cut].decode()
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def text(raw: bytes) -> str:
    """What stands in a head: UTF-8 where it is that, else every byte is a character (RFC 9110 section 5.5)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
