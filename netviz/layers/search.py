"""Who comes next is asked of the data: what the bytes of a connection are, wherever they begin.

Both sides are looked at from where they begin, and from the beginning of every segment: a capture may start anywhere.  HTTP
shows by its first line; a WebSocket without its upgrade shows by a run of frames that follow one another without a fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from netviz.layers.head import REQUEST, STATUS
from netviz.layers.layer import Ending, Handover, Outlet
from netviz.layers.websocket.recognition import TRIED, Run, find_run
from netviz.stream import Stream

__all__ = ["Search"]

#: Bytes of a side that are looked at before netviz lets a connection be.
_PATIENCE = 64 << 10

#: Frames of a server alone that are enough: nothing but their lengths and opcodes can be held against chance.
_ENOUGH_UNMASKED = 3

#: The longest first line that is waited for.
_LINE = 8192

_HTTP2 = b"PRI * HTTP/2.0\r\n"


class Search:
    """Looks at both ends of a connection until it is clear what they speak."""

    def __init__(self, outlet: Outlet, ends: tuple[Stream, Stream], *, floor: int = 0, proxy: str | None = None) -> None:
        self._outlet = outlet
        self._ends = ends
        self._floor = floor
        self._proxy = proxy
        self._tried = [0, 0]
        self._passed = [0, 0]
        self._start = ends[0].start, ends[1].start
        self._seen = -1, -1

    @property
    def idle(self) -> bool:
        """The end may complete the evidence for frames; without data it cannot."""
        return not any(stream.data for stream in self._ends)

    def advance(self) -> Handover | None:
        """Look again; what goes on from here, where that is clear."""
        seen = self._ends[0].end, self._ends[1].end
        if seen == self._seen:
            return None
        self._seen = seen
        for side, stream in enumerate(self._ends):
            if stream.start == self._start[side]:
                if stream.data.startswith(_HTTP2):
                    return Handover("nothing")
                if (client := self._tls(side)) is not None:
                    return Handover("tls", client, floor=self._floor, proxy=self._proxy)
            if (found := self._http(side)) is not None:
                return found
        if (found := self._frames()) is not None:
            return found
        return Handover("nothing") if any(map(self._too_much, (0, 1))) else None

    def close(self, ending: Ending) -> Handover | None:
        """Nothing comes any more."""
        return None

    def _too_much(self, side: int) -> bool:
        """Whether so much of a side says nothing that more will not either; what was tried is dropped."""
        stream = self._ends[side]
        places = stream.places(TRIED)
        if len(places) == TRIED:
            self._passed[side] += places[TRIED // 2].at
            stream.seek(places[TRIED // 2].offset)
        return self._passed[side] + len(stream.data) > 2 * _PATIENCE

    def _tls(self, side: int) -> int | None:
        """The side of the client, where TLS begins here: a hello says who sent it."""
        data = self._ends[side].data
        if len(data) < 6 or data[0] != 0x16 or data[1] != 3 or data[5] not in (1, 2):
            return None
        return side if data[5] == 1 else 1 - side

    def _http(self, side: int) -> Handover | None:
        stream = self._ends[side]
        if stream.start == self._start[side] and REQUEST.match(stream.data, 0, stream.available):
            return self._handover(side)
        for offset, at, end in stream.places(TRIED):
            if offset < self._tried[side]:
                continue
            for pattern, client in ((REQUEST, side), (STATUS, 1 - side)):
                if pattern.match(stream.data, at, end):
                    stream.seek(offset)
                    return self._handover(client)
            if stream.data.find(b"\n", at, end) >= 0 or end - at > _LINE:
                self._tried[side] = offset + 1  # its first line is there, and it is none of HTTP
        return None

    def _handover(self, client: int) -> Handover:
        """HTTP; both sides are known to be at a first line where neither has lost a byte."""
        fresh = all(stream.start == start for stream, start in zip(self._ends, self._start, strict=True))
        begun = self._proxy is not None or all(stream.whole and not stream.start for stream in self._ends)
        lost = any(stream.gaps for stream in self._ends)
        return Handover("http", client, floor=self._floor, proxy=self._proxy, fresh=fresh and begun and not lost)

    def _frames(self) -> Handover | None:
        for client in (0, 1):
            ours, theirs = self._ends[client], self._ends[1 - client]
            masked, unmasked = find_run(ours, masked=True), find_run(theirs, masked=False)
            clear = list(self._evidence(masked, unmasked, ours, theirs))
            late = [run.frames and run.offset - self._start[side] > _PATIENCE for side, run in
                    ((client, masked), (1 - client, unmasked))]  # fmt: skip
            if not clear or any(late):
                continue
            for stream, run in ((ours, masked), (theirs, unmasked)):
                if run.frames:
                    stream.seek(run.offset)
            return Handover("websocket", client, floor=max(self._floor, min(clear)), inferred=True)
        return None

    @staticmethod
    def _evidence(masked: Run, unmasked: Run, ours: Stream, theirs: Stream) -> Iterator[int]:
        """For each kind of evidence that is there the packet that completed it."""
        first = [ours.ready(end - 1)[0] for end in masked.ends], [theirs.ready(end - 1)[0] for end in unmasked.ends]
        if masked.frames > 1:
            yield first[0][1]
        if masked.frames and unmasked.frames:
            yield max(first[0][0], first[1][0])
        if unmasked.frames >= _ENOUGH_UNMASKED and unmasked.filling and not ours.end:
            yield first[1][_ENOUGH_UNMASKED - 1]
