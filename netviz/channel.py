"""A Channel: the two Streams of a connection, and the layer that reads them.

Layers hand over to one another: search finds HTTP, HTTP finds an upgrade, CONNECT leads back to search.  TLS does not hand
over: it stays below, and gives whoever reads above it two Streams of plaintext.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from netviz.layers.http1 import Http1
from netviz.layers.layer import Ending, Handover, Layer, Outlet, Told, Wanted
from netviz.layers.search import Search
from netviz.layers.tcp.reassembly import Reassembly
from netviz.layers.tls.conversation import Tls
from netviz.layers.websocket.conversation import WebSocket

if TYPE_CHECKING:
    from netviz.layers.plain_http import Plain
    from netviz.layers.tls.direction import Direction
    from netviz.payload import Group, Payload
    from netviz.stream import Stream

__all__ = ["Channel", "Seat"]


class Seat(NamedTuple):
    """Whose frames may be read elsewhere: the layer, which end is its client, and who opens what each end sends, where TLS is
    between.
    """

    layer: WebSocket
    client: int
    sealed: tuple[Direction, Direction] | None


class Channel:
    """What is read of a connection; ``ends`` are in the order of its sides.

    ``layer`` is None once nothing here is of interest any more; ``client`` is the index of the end that is the client of
    the layer.
    """

    __slots__ = ("_below", "_outlet", "_searched", "_seat", "_streams", "client", "ends", "introduced", "layer", "over")

    def __init__(self, number: int, wanted: Wanted) -> None:
        self.ends = Reassembly(), Reassembly()
        self._outlet = Outlet(number, wanted)
        #: What the layer reads, in the order of the sides, and the TLS that makes it, outermost first.
        self._streams = self.ends[0].stream, self.ends[1].stream
        self._below: list[Tls] = []
        self.layer: Layer | None = Search(self._outlet, self._streams)
        self.client = 0
        self.over = False
        #: Where both Streams were when they were searched last: nobody searches there twice.
        self._searched = (-1, -1)
        self._seat: Seat | None = None
        #: Whether its ends have been told, and that its frames are inferred.
        self.introduced = (False, False)

    @property
    def number(self) -> int:
        """The number of its connection."""
        return self._outlet.number

    @property
    def found(self) -> list[tuple[int, Told]]:
        """What the layers told, each with the packet that completed it; whoever reads it empties it."""
        found = self._outlet.found
        if self._below and self._outlet.wanted.anatomy is not None:
            for index, (ready, (kind, event)) in enumerate(found):
                if kind == "anatomy":
                    around = [record for tls in self._below for record in tls.around(event.frame.slices)]
                    found[index] = ready, (kind, replace(event, records=tuple(around)))
        return found

    @property
    def inferred(self) -> bool:
        """Whether what it carries was recognised as a WebSocket without an upgrade."""
        return isinstance(self.layer, WebSocket) and self.layer.inferred

    @property
    def bare(self) -> bool:
        """Whether its layer reads what TCP carries, with no TLS between."""
        return not self._below

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """What its layer reads, in the order of the sides."""
        return self._streams

    @property
    def seat(self) -> Seat | None:
        """How to read what comes next elsewhere, if nothing waits and no rule depends on what was before; it stays so until
        the layers read again, or `rise`.
        """
        if self._seat is None and type(layer := self.layer) is WebSocket and layer.steady:
            unread = self._streams[0].data or self._streams[1].data
            sealed = self._below[0].steady(self.ends[0].stream) if len(self._below) == 1 else None
            if not unread and (sealed is not None or not self._below):
                self._seat = Seat(layer, self.client, sealed)
        return self._seat

    def rise(self) -> None:
        """What comes next must be looked at again."""
        self._seat = None

    @property
    def smooth(self) -> bool:
        """Whether no segment waits for another."""
        return self.ends[0].smooth and self.ends[1].smooth

    @property
    def reads(self) -> bool:
        """Whether somebody reads on."""
        return self.layer is not None

    def resume(self, client: int, waiting: Iterable[Plain], asked: int) -> None:
        """Go on in HTTP, behind so many requests that nobody cares about, of which these wait for an answer."""
        self.client = client
        self.layer = Http1(self._outlet, self.ends[client].stream, self.ends[1 - client].stream)
        self.layer.resume(waiting, asked)

    def advance(self, *, pause: bool = False) -> bool:
        """Have the layers read what came; with ``pause`` up to a WebSocket, and then the answer is true."""
        self.rise()
        for tls in self._below:
            tls.advance()
        if pause and isinstance(self.layer, WebSocket):
            return True
        while self.layer is not None:
            handover = self.layer.advance()
            if handover is None:
                if self._below and self._below[-1].over and isinstance(self.layer, Search):
                    self._let_be()  # whatever is inside, nobody can read it
                return False
            self.layer = self._next(handover)
            if pause and isinstance(self.layer, WebSocket):
                return True
        return False

    def skim(self, payload: Payload, groups: tuple[Group | None, Group | None]) -> bool:
        """Pass over segments of both sides, which are due, if they are HTTP that nobody cares about."""
        layer, client = self.layer, self.client
        if self._below:
            return False
        if not isinstance(layer, Http1):
            return False
        spans = [payload.span(group) for group in groups]
        if not layer.skim(payload.data, spans[client], spans[1 - client]):
            return False
        for end, group, (start, stop) in zip(self.ends, groups, spans, strict=True):
            if group is not None:
                end.skip(group.next, payload.data, start, stop)
                if group.fin:
                    end.finish()
        return True

    def close(self, how: Callable[[], Ending]) -> None:
        """Nothing comes any more; what still waits is given to the layers first.

        ``how`` it ended is only asked where somebody wants to know.
        """
        self.over = True
        self.rise()
        layer = self.layer
        if layer is None:
            return
        if layer.idle and all(end.idle for end in self.ends) and all(tls.idle for tls in self._below):
            return
        ending = how()
        for end in self.ends:
            end.close(ending.packet, ending.time)
        self.advance()
        if self._below and self.layer is not None:
            for tls in self._below:
                tls.close(ending.packet)
            self.advance()
        if self.layer is not None:
            flight = ending.in_flight
            turned = ending if not self.client else ending._replace(
                by=1 - ending.by if ending.by >= 0 else -1, in_flight=(flight[1], flight[0])
            )  # fmt: skip
            self.layer.close(turned)

    def _next(self, handover: Handover) -> Layer | None:
        name, client, floor, deflate, inferred, proxy, fresh, seeking = handover
        searching = isinstance(self.layer, Search)
        if searching:
            self.client = client
        first, second = self._streams[self.client], self._streams[1 - self.client]
        match name:
            case "tls":
                tls = Tls(self._outlet, first, second, floor=floor)
                self._below.append(tls)
                tls.advance()
                self._streams = tls.plain if not client else (tls.plain[1], tls.plain[0])
                return Search(self._outlet, self._streams, proxy=proxy)
            case "http":
                return Http1(self._outlet, first, second, synced=(fresh, fresh), proxy=proxy, floor=floor)
            case "websocket":
                return WebSocket(self._outlet, first, second, deflate=deflate, inferred=inferred, floor=floor,
                                 seeking=seeking)  # fmt: skip
            case "search" if (first.start, second.start) != self._searched:
                self._searched = first.start, second.start
                return Search(self._outlet, self._streams, floor=floor, proxy=proxy)
        self._let_be()
        return None

    def _let_be(self) -> None:
        """Nobody cares about the rest."""
        self.layer = None
        for tls in self._below:
            tls.drop()
        for stream in (*self._streams, *(end.stream for end in self.ends)):
            stream.consume(len(stream.data))
