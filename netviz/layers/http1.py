"""HTTP/1.1: requests and their answers in turn, until an upgrade or a CONNECT hands the connection on.

https://www.rfc-editor.org/rfc/rfc9112 (messages), https://www.rfc-editor.org/rfc/rfc9110#section-7.8 (Upgrade)
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from netviz.layers.body import KEPT, Body, body_of_request, body_of_response
from netviz.layers.deflate import Deflate
from netviz.layers.head import (
    LONGEST,
    REQUEST,
    STATUS,
    Request,
    Response,
    beginning,
    head_end,
    read_request,
    read_response,
)
from netviz.layers.layer import Ending, Handover, Outlet
from netviz.layers.plain_http import GET, Plain, is_plain, pass_requests, pass_responses
from netviz.layers.polling import POLLING, Polling, Polls
from netviz.layers.resync import seek
from netviz.layers.upgrade import accept_for, agreement, asks, judge
from netviz.layers.websocket.recognition import find_run
from netviz.stream import Stream

__all__ = ["MOST_WAITING", "Http1"]

#: Bytes of the end of a head that may have come before.
_OVERLAP = 3

#: Requests that wait for an answer; more are no HTTP.
MOST_WAITING = 10_000


class _Asked(NamedTuple):
    """A request that matters, and how many came before it on this connection."""

    request: Request
    earlier: int

    @property
    def method(self) -> str:
        """The method of the request."""
        return self.request.method

    @property
    def sent(self) -> int:
        """The packet that carried its end."""
        return self.request.packets[-1]


class _Rejected(NamedTuple):
    asked: _Asked
    response: Response
    body: Body | None


class Http1:
    """Reads both sides of a connection.

    With ``synced`` false for a side, its first message is looked for at the beginnings of segments.  ``proxy`` is the
    target of the CONNECT that this is inside of.
    """

    def __init__(
        self, outlet: Outlet, client: Stream, server: Stream, *, synced: tuple[bool, bool] = (True, True),
        proxy: str | None = None, floor: int = 0,
    ) -> None:  # fmt: skip
        self._outlet = outlet
        self._streams = client, server
        self._synced = list(synced)
        self._proxy = proxy
        self._floor = floor
        self._waiting: deque[_Asked | Plain | Polling] = deque()
        self._polls = Polls(outlet, floor)
        #: Whether nobody knows to which request the next response belongs.
        whole = client.whole and server.whole and not (client.gaps or server.gaps)
        self._unsure = not whole or client.missed + server.missed > 0
        self._asked = 0
        self._held = False
        self._bodies: list[Body | None] = [None, None]
        self._seen = [0, 0]
        self._rejected: _Rejected | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer that matters."""
        return (
            self._rejected is None
            and self._polls.idle
            and not any(isinstance(waiting, _Asked | Polling) for waiting in self._waiting)
        )

    def resume(self, waiting: Iterable[Plain], asked: int) -> None:
        """Go on behind so many requests that nobody cares about, of which these wait for an answer."""
        self._waiting.extend(waiting)
        self._asked = asked

    def advance(self) -> Handover | None:
        """Read requests and responses as far as they go."""
        while True:
            before = self._streams[0].start, self._streams[1].start, self._held
            handover = self._requests() or self._responses()
            if handover is not None:
                self._polls.close(self._waiting, 0, None)
                return handover
            if (self._streams[0].start, self._streams[1].start, self._held) == before:
                return None

    def close(self, ending: Ending) -> Handover | None:
        """Nothing comes any more: what was asked and never answered."""
        self._say_rejected(ending.packet)
        for asked in self._waiting:
            if isinstance(asked, _Asked) and asks(asked.request):
                self._tell(asked, None, ending.packet)
        self._polls.close(self._waiting, ending.packet, ending.time)
        self._waiting.clear()
        return None

    def skim(self, data: bytes, client: tuple[int, int], server: tuple[int, int]) -> bool:
        """Pass over what both sides sent, from and up to a place in ``data``, if nobody cares about any of it."""
        ours, theirs = self._streams
        if self._unsure or self._held or self._rejected or self._bodies != [None, None] or self._synced != [True, True]:
            return False
        if ours.data or theirs.data or ours.gaps or theirs.gaps:
            return False
        plain: list[Plain] = []
        if pass_requests(data, *client, plain, contents=self._outlet.wanted.contents) != client[1]:
            return False
        waiting = deque(self._waiting)
        waiting += plain
        if len(waiting) > MOST_WAITING or pass_responses(data, *server, waiting) != server[1]:
            return False
        self._waiting = waiting
        self._asked += len(plain)
        return True

    # Requests

    def _requests(self) -> Handover | None:
        stream = self._streams[0]
        while not self._held:
            if (answer := self._pass_body(0)) is not None:
                return self._lost(0, at_gap=answer == "lost") if answer != "more" else None
            if not self._synced[0] and not self._seek(0, REQUEST):
                return None
            self._plain_requests(stream)
            if len(self._waiting) > MOST_WAITING:
                return Handover("nothing")
            if not stream.data and not stream.gaps:
                return None
            raw, handover = self._head(0, REQUEST)
            if raw is None:
                return handover
            line = REQUEST.match(raw)
            if line is not None and is_plain(raw, line, len(raw), contents=self._outlet.wanted.contents):
                method = "HEAD" if line[1] == b"HEAD" else "GET"
                self._waiting.append(Plain(method, stream.packet(stream.start + len(raw) - 1)))
                stream.consume(len(raw))
                self._asked += 1
            else:
                self._request(raw, stream)
            if len(self._waiting) > MOST_WAITING:
                return Handover("nothing")
        return None

    def _plain_requests(self, stream: Stream) -> None:
        """Pass over requests that nobody cares about, as many as follow one another."""
        if self._unsure:
            return
        plain: list[Plain] = []
        if at := pass_requests(stream.data, 0, stream.available, plain, contents=self._outlet.wanted.contents):
            self._waiting += plain
            self._asked += len(plain)
            stream.consume(at)
            self._seen[0] = 0

    def _request(self, raw: bytes, stream: Stream) -> None:
        end = stream.start + len(raw)
        ready, time = stream.ready(end - 1)
        request = read_request(raw, stream.origin(stream.start, end), ready, time)
        assert request is not None
        stream.consume(len(raw))
        wanted = asks(request) or request.method == "CONNECT" or request.value("upgrade") is not None
        if not wanted and self._outlet.wanted.contents and POLLING.match(raw):
            polling, self._bodies[0] = self._polls.ask(request, self._asked)
            self._waiting.append(polling)
            self._asked += 1
            return
        self._waiting.append(_Asked(request, self._asked) if wanted else Plain(request.method, ready))
        self._bodies[0] = body_of_request(request)
        # What follows belongs to whatever the answer makes of the connection.
        self._held = wanted
        self._asked += 1

    # Responses

    def _responses(self) -> Handover | None:
        stream = self._streams[1]
        while True:
            if (answer := self._pass_body(1)) is not None:
                rejected = self._rejected
                if rejected and rejected.body and len(rejected.body.begun) >= KEPT:
                    self._say_rejected(stream.ready(stream.start)[0])
                if answer != "more":
                    self._lost(1, at_gap=answer == "lost")
                    continue
                return None
            if self._rejected is not None:
                self._say_rejected(stream.ready(stream.start - 1)[0])
                return None  # what follows may answer a request that was not read yet
            if not self._synced[1] and not self._seek(1, STATUS):
                return self._give_up() if self._held and self._beyond() else None
            if not self._unsure:
                self._plain_responses(stream)
                if not stream.data and not stream.gaps:
                    return None
            raw, handover = self._head(1, STATUS)
            if raw is None:
                return handover
            if not (self._waiting or self._unsure):
                return None  # in a capture an answer may come before its request
            if self._unsure:
                self._match(stream.packet(stream.start + len(raw) - 1))
            waiting = self._waiting[0] if self._waiting and not self._unsure else GET
            held = self._held
            handover = self._response(raw, stream, waiting)
            if handover is not None:
                return handover
            if held and not self._held and self._rejected is None:
                return None  # what follows may answer a request that was not read yet

    def _plain_responses(self, stream: Stream) -> None:
        """Pass over responses of known length to requests that nobody cares about, as many as follow one another."""
        if at := pass_responses(stream.data, 0, stream.available, self._waiting):
            stream.consume(at)
            self._seen[1] = 0

    def _response(self, raw: bytes, stream: Stream, waiting: _Asked | Plain | Polling) -> Handover | None:
        end = stream.start + len(raw)
        ready, time = stream.ready(end - 1)
        response = read_response(raw, stream.origin(stream.start, end), ready, time)
        assert response is not None
        status = response.status
        stream.consume(len(raw))
        if 100 <= status < 200 and status != 101:
            return None  # the final answer is still to come (RFC 9110 section 15.2)
        if status == 101 and (self._unsure or len(self._waiting) > 1):
            self._proven(response)
            waiting = self._waiting[0] if self._waiting and not self._unsure else GET
        if self._waiting and not self._unsure:
            self._waiting.popleft()
        method = waiting.method
        floor = max(ready, waiting.request.ready if isinstance(waiting, _Asked) else 0)
        if status == 101:
            return self._switch(waiting, response, floor)
        if isinstance(waiting, Polling):
            self._bodies[1] = self._polls.answer(waiting, response)
            return None
        body = body_of_response(response, method)
        self._bodies[1] = body
        if isinstance(waiting, _Asked):
            if method == "CONNECT" and 200 <= status < 300:
                return Handover("search", floor=floor, proxy=waiting.request.target)
            self._held = False
            if asks(waiting.request):
                self._rejected = _Rejected(waiting, response, body)
        return None

    def _match(self, packet: int) -> None:
        """Find the request that a response answers, by their packets; this supposes a client that awaits each answer."""
        while len(self._waiting) > 1 and self._waiting[1].sent < packet:
            self._waiting.popleft()
        self._unsure = not self._waiting or self._waiting[0].sent > packet

    def _proven(self, response: Response) -> None:
        """Accept follows from one key only (RFC 6455 section 4.2.2): it tells which request a 101 answers."""
        accept = response.value("sec-websocket-accept")
        for place, waiting in enumerate(self._waiting):
            key = waiting.request.value("sec-websocket-key") if isinstance(waiting, _Asked) else None
            if accept is not None and key is not None and accept_for(key) == accept:
                for _ in range(place):
                    self._waiting.popleft()
                self._unsure = False
                return

    def _switch(self, waiting: _Asked | Plain | Polling, response: Response, floor: int) -> Handover:
        if isinstance(waiting, _Asked) and asks(waiting.request):
            deflate = self._tell(waiting, response, floor)
            return Handover("websocket", floor=floor, deflate=deflate)
        if (response.value("upgrade") or "").lower() == "websocket":
            # Its request is not in the capture, but the answer says all that is needed to read on.
            return Handover("websocket", floor=floor, deflate=agreement(response), seeking=True)
        return Handover("nothing")

    def _say_rejected(self, packet: int) -> None:
        rejected, self._rejected = self._rejected, None
        if rejected is not None:
            (request, earlier), response, body = rejected
            said = beginning(bytes(body.begun)) if body is not None else ""
            ready = max(response.ready, request.ready, packet, self._floor)
            judged = judge(
                self._outlet.number, request, response, body=said, earlier=earlier, proxy=self._proxy, tls=self._outlet.tls
            )
            self._outlet.tell(ready, "upgrade", judged.event)

    def _tell(self, asked: _Asked, response: Response | None, ready: int) -> Deflate | None:
        if not self._outlet.wanted.contents:
            return None if response is None else agreement(response)
        request, earlier = asked
        judged = judge(self._outlet.number, request, response, earlier=earlier, proxy=self._proxy, tls=self._outlet.tls)
        self._outlet.tell(max(ready, self._floor), "upgrade", judged.event)
        return judged.deflate

    # Both

    def _head(self, side: int, first: re.Pattern[bytes]) -> tuple[bytes | None, Handover | None]:
        """The next head; None where it is not complete, or where there is none to come."""
        stream = self._streams[side]
        while stream.available and stream.data[0] in b"\r\n":  # empty lines before a message (RFC 9112 section 2.2)
            stream.consume(1)
        available = stream.available
        end = head_end(stream.data, max(self._seen[side] - _OVERLAP, 0), available)
        if end < 0:
            self._seen[side] = available
            if stream.gaps:
                return None, self._lost(side)
            if stream.data.find(b"\n", 0, available) >= 0 and not first.match(stream.data):
                return None, Handover("search")
            return None, Handover("nothing") if available > LONGEST else None
        self._seen[side] = 0
        if not first.match(stream.data):
            return None, Handover("search")
        return bytes(stream.data[:end]), None

    def _pass_body(self, side: int) -> str | None:
        """Read a body to its end; what is in the way of that, or None."""
        body = self._bodies[side]
        if body is None:
            return None
        stream = self._streams[side]
        answer = body.read(stream)
        if answer == "done":
            self._bodies[side] = None
            self._polls.over(side, *stream.ready(stream.start - 1), whole=True)
            return None
        return answer

    def _seek(self, side: int, first: re.Pattern[bytes]) -> bool:
        """Look for a message at the beginnings of segments."""
        self._synced[side] = seek(self._streams[side], first)
        return self._synced[side]

    def _lost(self, side: int, *, at_gap: bool = True) -> Handover | None:
        """Nobody knows where the next message of a side begins: look for it."""
        stream = self._streams[side]
        if at_gap:
            stream.consume(stream.available)
            stream.skip_gap()
        self._polls.over(side, *stream.ready(stream.start))
        self._synced[side] = False
        self._unsure = True
        self._bodies[side] = None
        self._seen[side] = 0
        return self._give_up() if side == 0 else None

    def _beyond(self) -> bool:
        """Whether frames show that an upgrade was accepted of which the answer is lost."""
        theirs = find_run(self._streams[1], masked=False)
        return theirs.frames > 1 or (
            theirs.frames > 0 and (theirs.filling or find_run(self._streams[0], masked=True).frames > 0)
        )

    def _give_up(self) -> Handover:
        """Nobody knows what an upgrade became of, or what was asked."""
        self._say_rejected(0)
        for asked in self._waiting:
            if isinstance(asked, _Asked) and asks(asked.request):
                self._tell(asked, None, asked.request.ready)
        self._polls.close(self._waiting, 0, None)
        self._waiting.clear()
        return Handover("search")
