"""Engine.IO's polling transport as HTTP sees it: requests with ``EIO=`` in their query, and the bodies of both sides.

https://socket.io/docs/v4/engine-io-protocol/#http-long-polling
"""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

from netviz.event import Carried, EngineIoAnswer, EngineIoRequest
from netviz.layers.body import Body
from netviz.layers.head import Request, Response
from netviz.layers.layer import Outlet

__all__ = ["POLLING", "Polling"]

#: The beginning of a request of Engine.IO, whatever its path: the version stands in the query.
POLLING = re.compile(rb"[^ \r\n]+ [^ \r\n?]*\?(?:[^ \r\n#]*&)?EIO=[0-9]")

#: Codings of a body that Python undoes: the bits of zlib's windows.  Some servers send deflate without its header.
_CODINGS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


class _Content(NamedTuple):
    data: bytes | None
    trouble: str = ""


class Polling:
    """A request of Engine.IO on its way to its answer; it tells both as soon as their bodies are whole."""

    __slots__ = ("_outlet", "_response", "_told", "bodies", "number", "request")

    def __init__(self, outlet: Outlet, request: Request, number: int) -> None:
        self.request = request
        self.number = number
        self.bodies: list[Body | None] = [None, None]
        self._outlet = outlet
        self._told: EngineIoRequest | None = None
        self._response: Response | None = None

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def sent(self) -> int:
        """The packet that carried its head's end."""
        return self.request.packets[-1]

    def asked(self, body: Body | None, ready: int, time: int | None) -> None:
        """The request is whole; ``body`` is None where it has none."""
        request, carried = self.request, _carried(body, self.request, self._outlet.wanted.limit)
        self._told = EngineIoRequest(
            packets=tuple(dict.fromkeys((*request.packets, *carried.origin[::3]))),
            time=time,
            connection=self._outlet.number,
            number=self.number,
            method=request.method,
            target=request.target,
            headers=request.headers,
            head=request.origin,
            body=carried,
        )
        self._outlet.tell(ready, "polling", self._told)

    def begun(self, response: Response) -> None:
        """The head of the answer is there."""
        self._response = response

    def answered(self, body: Body | None, ready: int, time: int | None) -> None:
        """The answer is whole, or as much of it as will ever come."""
        if self._told is None:
            self.asked(self.bodies[0], self.request.ready, self.request.time)  # an answer need not wait for all of a request
        assert self._told is not None
        response = self._response
        carried = Carried(None, 0) if response is None else _carried(body, response, self._outlet.wanted.limit)
        packets = () if response is None else tuple(dict.fromkeys((*response.packets, *carried.origin[::3])))
        event = EngineIoAnswer(
            packets=packets,
            time=time,
            connection=self._outlet.number,
            request=self._told,
            status=None if response is None else response.status,
            reason="" if response is None else response.reason,
            headers=() if response is None else response.headers,
            head=() if response is None else response.origin,
            body=carried,
        )
        self._outlet.tell(ready, "polling", event)


def _carried(body: Body | None, head: Request | Response, limit: int) -> Carried:
    if body is None:
        return Carried(b"", 0)
    origin, places = tuple(body.origin), tuple(body.places)
    if body.missed:
        return Carried(None, body.wire, origin, (), "bytes of the body are missing")
    if body.wire > len(body.begun):
        return Carried(None, body.wire, origin, (), f"the body is longer than the {len(body.begun):,} bytes that are kept")
    coding = (head.value("content-encoding") or "identity").strip().lower()
    if coding == "identity":
        return Carried(bytes(body.begun), body.wire, origin, places)
    content = _decoded(bytes(body.begun), coding, limit)
    return Carried(content.data, body.wire, origin, (), content.trouble)


def _decoded(data: bytes, coding: str, limit: int) -> _Content:
    """Undo a content coding (RFC 9110 section 8.4.1)."""
    if coding not in _CODINGS:
        return _Content(None, f"its content coding {coding!r} is not read")
    for bits in _CODINGS[coding]:
        inflate = zlib.decompressobj(bits)
        try:
            content = inflate.decompress(data, limit)
        except zlib.error:
            continue
        if inflate.unconsumed_tail:
            return _Content(None, f"it inflates to more than the {limit:,} bytes that are kept")
        return _Content(content, "" if inflate.eof else f"its {coding} data ends too soon")
    return _Content(None, f"it says that it is {coding} and is not")
