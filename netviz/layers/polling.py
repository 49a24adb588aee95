"""Engine.IO's polling transport as HTTP sees it: requests with ``EIO=`` in their query, and the bodies of both sides.

https://socket.io/docs/v4/engine-io-protocol/#http-long-polling
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from netviz.event import Carried, EngineIoAnswer, EngineIoRequest
from netviz.layers.body import Body, body_of_request, body_of_response
from netviz.layers.head import Request, Response
from netviz.layers.layer import Outlet

__all__ = ["POLLING", "Polling", "Polls"]

#: The beginning of a request of Engine.IO, whatever its path: the version stands in the query.
POLLING = re.compile(rb"[^ \r\n]+ [^ \r\n?]*\?(?:[^ \r\n#]*&)?EIO=[0-9]")

#: Codings of a body that Python undoes: the bits of zlib's windows.  Some servers send deflate without its header.
_CODINGS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


#: Bytes inflated of the bodies of one connection.
_INFLATABLE = 1 << 30

#: A body where there is none, and the one of an answer that never came.
_NOTHING, _NEVER = Carried(b"", 0), Carried(None, 0)


class _Content(NamedTuple):
    data: bytes | None
    trouble: str = ""


class Polling:
    """A request of Engine.IO on its way to its answer; it tells both as soon as their bodies are whole, the request first."""

    __slots__ = ("_answer", "_polls", "_ready", "_told", "number", "request", "response")

    def __init__(self, polls: Polls, request: Request, number: int) -> None:
        self.request = request
        self.number = number
        self.response: Response | None = None
        self._polls = polls
        self._told: EngineIoRequest | None = None
        self._ready = 0
        #: An answer that was whole before its request was.
        self._answer: tuple[Carried, int, int | None] | None = None

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def sent(self) -> int:
        """The packet that carried its head's end."""
        return self.request.packets[-1]

    def asked(self, body: Carried, ready: int, time: int | None) -> None:
        """The request is whole, or as much of it as will ever come."""
        request, self._ready = self.request, max(ready, self.request.ready)
        told = EngineIoRequest(
            packets=tuple(dict.fromkeys((*request.packets, *body.origin[::3]))),
            time=time,
            connection=self._polls.outlet.number,
            number=self.number,
            method=request.method,
            target=request.target,
            headers=request.headers,
            head=request.origin,
            body=body,
        )
        self._polls.tell(self._ready, told)
        # Where answers are missing, many wait: what was said is not kept.
        self._told = replace(told, body=body._replace(content=None, origin=(), places=()))
        if self._answer is not None:
            self.answered(*self._answer)

    def answered(self, body: Carried, ready: int, time: int | None) -> None:
        """The answer is whole, or as much of it as will ever come; without a response there is none."""
        if self._told is None:
            self._answer = body, ready, time
            return
        response = self.response
        packets = () if response is None else tuple(dict.fromkeys((*response.packets, *body.origin[::3])))
        event = EngineIoAnswer(
            packets=packets,
            time=time,
            connection=self._polls.outlet.number,
            request=self._told,
            status=None if response is None else response.status,
            reason="" if response is None else response.reason,
            headers=() if response is None else response.headers,
            head=() if response is None else response.origin,
            body=body,
        )
        self._polls.tell(max(ready, self._ready), event)


class Polls:
    """The requests of Engine.IO of one connection of which a body is being read, one of each side; nothing is told before
    the packet ``floor``.
    """

    __slots__ = ("_floor", "_inflatable", "_last", "_reading", "outlet")

    def __init__(self, outlet: Outlet, floor: int) -> None:
        self.outlet = outlet
        self._floor = floor
        self._last = 0
        self._inflatable = _INFLATABLE
        self._reading: list[tuple[Polling, Body] | None] = [None, None]

    @property
    def idle(self) -> bool:
        """Whether no body is being read."""
        return self._reading == [None, None]

    def ask(self, request: Request, number: int) -> tuple[Polling, Body | None]:
        """The head of a request is there: what waits for the answer, and the body that is to be read."""
        polling = Polling(self, request, number)
        body = body_of_request(request, keep=self.outlet.wanted.limit, traced=True)
        if body is None:
            polling.asked(_NOTHING, request.ready, request.time)
        else:
            self._reading[0] = polling, body
        return polling, body

    def answer(self, polling: Polling, response: Response) -> Body | None:
        """The head of an answer is there: the body that is to be read."""
        polling.response = response
        body = body_of_response(response, polling.method, keep=self.outlet.wanted.limit, traced=True)
        if body is None:
            polling.answered(_NOTHING, response.ready, response.time)
        else:
            self._reading[1] = polling, body
        return body

    def over(self, side: int, ready: int, time: int | None, *, whole: bool = False) -> None:
        """The body of a request, or of an answer, is over; ``whole`` where that is because all of it came."""
        found, self._reading[side] = self._reading[side], None
        if found is not None:
            polling, body = found
            head = polling.response if side else polling.request
            assert head is not None
            carried = self._carried(body, head, whole=whole or body.to_the_close)
            (polling.answered if side else polling.asked)(carried, max(ready, head.ready), time)

    def close(self, waiting: Iterable[object], ready: int, time: int | None) -> None:
        """No more of these bodies will be read; those that wait get no answer."""
        self.over(0, ready, time)
        self.over(1, ready, time)
        for polling in waiting:
            if isinstance(polling, Polling):
                polling.answered(_NEVER, max(ready, self._last), None)

    def tell(self, ready: int, event: EngineIoRequest | EngineIoAnswer) -> None:
        """Tell a request or an answer."""
        self._last = max(self._last, ready)
        self.outlet.tell(max(ready, self._floor), "polling", event)

    def _carried(self, body: Body, head: Request | Response, *, whole: bool) -> Carried:
        origin, kept = tuple(body.origin), self.outlet.wanted.limit
        if body.missed:
            return Carried(None, body.wire, origin, (), "bytes of the body are missing")
        if body.wire > len(body.begun):
            return Carried(None, body.wire, origin, (), f"the body is longer than the {len(body.begun):,} bytes that are kept")
        coding = (head.value("content-encoding") or "identity").strip().lower()
        trouble = "" if whole else "the end of the body is missing"
        if coding == "identity":
            return Carried(bytes(body.begun), body.wire, origin, tuple(body.places), trouble)
        limit = min(kept, self._inflatable)
        content = _decoded(bytes(body.begun), coding, limit)
        # What is refused for its size was inflated up to there all the same.
        self._inflatable -= limit + 1 if content.data is None and coding in _CODINGS else len(content.data or b"")
        self._inflatable = max(self._inflatable, 0)
        return Carried(content.data, body.wire, origin, (), trouble or content.trouble)


def _decoded(data: bytes, coding: str, limit: int) -> _Content:
    """Undo a content coding (RFC 9110 section 8.4.1)."""
    if coding not in _CODINGS:
        return _Content(None, f"its content coding {coding!r} is not read")
    for bits in _CODINGS[coding]:
        inflate = zlib.decompressobj(bits)
        try:
            content = inflate.decompress(data, limit + 1)
        except zlib.error:
            continue
        if len(content) > limit:
            return _Content(None, f"it inflates to more than the {limit:,} bytes that are kept")
        return _Content(content, "" if inflate.eof else f"its {coding} data ends too soon")
    return _Content(None, f"it says that it is {coding} and is not")
