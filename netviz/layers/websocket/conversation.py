"""A WebSocket: frames and messages of both sides in the order of the wire, pings with their pongs, and the close.

https://www.rfc-editor.org/rfc/rfc6455#section-5.5 (control frames), #section-7 (closing)
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from netviz.event import SIDES, Anatomy, Origin, Problem, Totals, WebSocketClose, WebSocketFrame, close_name
from netviz.layers.deflate import Budget, Deflate
from netviz.layers.layer import Ending, Handover, Outlet, Told
from netviz.layers.websocket.direction import Direction, Done
from netviz.layers.websocket.frame import BINARY, CLOSE, TEXT, Head, describe
from netviz.layers.websocket.message import Message, Whole, is_text, unmask
from netviz.stream import Stream

__all__ = ["WebSocket"]

#: Pings that are remembered until their pongs come.
_MOST_PINGS = 1000

#: Codes that tell of a failure (RFC 6455 section 7.4.1).
_FAILURES = (1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014)

_ready = attrgetter("ready")


class WebSocket:
    """The layer above an upgrade; ``inferred`` where none was captured, ``seeking`` where its request was not."""

    def __init__(
        self, outlet: Outlet, client: Stream, server: Stream, *, deflate: Deflate | None = None, inferred: bool = False,
        floor: int = 0, seeking: bool = False,
    ) -> None:  # fmt: skip
        self.frames = self.messages = 0
        self._outlet = outlet
        self._floor = floor
        self.inferred = inferred
        self._deflate = deflate
        wanted, budget = outlet.wanted, Budget()
        self._budget = budget
        self._record = wanted.anatomy is not None and wanted.anatomy[0] in (None, outlet.number)
        self.directions = tuple(
            Direction(side, stream, deflate, budget, inferred=inferred, contents=wanted.contents, limit=wanted.limit,
                      record=self._record, seeking=inferred or (seeking and side == 0))
            for side, stream in enumerate((client, server))
        )  # fmt: skip
        self._began: list[int] = [0, 0]
        self._pings: list[list[tuple[int, str | bytes | None, int | None]]] = [[], []]
        self._closes: list[tuple[int, int | None, str, int]] = []
        self._first: int | None = None
        self._last: list[int | None] = [None, None]
        self._totals = [[0] * 6, [0] * 6]
        self._reset = 0

    @property
    def idle(self) -> bool:
        """How it ended is always left to say."""
        return False

    @property
    def floor(self) -> int:
        """The packet before which nothing may be told."""
        return self._floor

    @property
    def deflated(self) -> bool:
        """Whether messages may be compressed."""
        return self._deflate is not None

    @property
    def inflates(self) -> bool:
        """Whether compressed messages of both sides can be inflated."""
        return all(direction.inflates for direction in self.directions)

    def inflate(self, said: list[tuple[int, bytes, bool]]) -> list[bytes] | None:
        """What compressed messages say, each with its side and whether it is text; None where any of them needs a problem
        told, and then nothing has happened.
        """
        left, known = self._budget.left, [direction.inflation for direction in self.directions]
        found: list[bytes] = []
        for side, payload, text in said:
            content = self.directions[side].inflate(payload)
            if content is None or (text and not is_text(content)):
                self._budget.left = left
                for direction, inflation in zip(self.directions, known, strict=True):
                    direction.inflation = inflation
                return None
            found.append(content)
        return found

    @property
    def steady(self) -> bool:
        """Whether frames may be read elsewhere: nobody wants more than those, and no rule depends on what was before."""
        told = self.frames > 0 or not self.inferred  # that it is inferred is told with its first frames
        wanted, (first, second) = self._outlet.wanted, self.directions
        single = wanted.contents and not wanted.bulk
        return told and not (single or self._record or self._reset) and first.steady and second.steady

    def began(self, time: int | None) -> None:
        """When the first of frames that were read elsewhere came."""
        if self._first is None:
            self._first = time

    def passed(
        self, side: int, frames: int, messages: int, payload: int, content: int, heads: int, number: int, time: int | None
    ) -> None:
        """Frames of a side were read elsewhere, among them messages with data: how many of both; in bytes the payload of the
        data, what it was before it was compressed, and the headers of all frames; the number of the last frame with data, and
        the time of the last of all.
        """
        totals = self._totals[side]
        for place, more in enumerate((frames, messages, payload, content, 0, heads)):
            totals[place] += more
        self._began[side] = number or self._began[side]
        self._last[side] = time

    def control(
        self, side: int, head: Head, origin: Origin, time: int | None, numbers: tuple[int, int], payload: bytes
    ) -> list[Told]:
        """What a control frame says that was read elsewhere, with the numbers of the frame and its message."""
        frame, number = numbers
        row = (self._outlet.number, frame, origin, time, side, head.first, head.mask, head.size, head.length, ())
        message = Message(head.first & 15, compressed=False, inflator=None, why="", limit=len(payload))
        message.feed(payload, origin[-3])
        message.add(origin, len(payload))
        whole = message.finish(origin[-3])
        return [("frame", row), ("message", self._message(side, whole, time, (frame, frame), number))]

    def advance(self) -> Handover | None:
        """Read what can be read, on both sides."""
        out: list[Done] = []
        for direction in self.directions:
            direction.read(out)
        self._tell(out)
        return None

    def close(self, ending: Ending) -> Handover | None:
        """The connection is over, or the capture."""
        out: list[Done] = []
        unfinished = self.directions[0].unfinished, self.directions[1].unfinished
        for direction in self.directions:
            direction.close(out)
        self._tell(out, ending.packet)
        if self._outlet.wanted.contents:
            self._closed(ending, unfinished)
        elif ending.how == "reset":
            self._reset = ending.packet
        return None

    def _tell(self, out: list[Done], floor: int = 0) -> None:
        # Each side alone is in order; where one packet completes frames of both, the client's come first.
        out.sort(key=_ready)
        for done in out:
            ready, time, side, head, origin, problems, message, _ = done
            self.frames += 1
            if self._reset:
                text = f"packet {origin[-3]}: sent, but packet {self._reset} had reset the connection: nobody received it"
                problems = (*problems, Problem("after-reset", text, origin[-3]))
            first, mask, size, length = head
            row = (self._outlet.number, self.frames, origin, time, side, first, mask, size, length, problems)
            ready = max(ready, self._floor, floor)  # that a frame is cut only the end shows, whatever came last of it
            self._outlet.tell(ready, "frame", row)
            totals = self._totals[side]
            totals[0] += 1
            totals[5] += size
            if self._first is None:
                self._first = time
            self._last[side] = time
            opcode = first & 15
            if opcode in (TEXT, BINARY):
                self._began[side] = self.frames
            if opcode < CLOSE:
                # Of a frame that is cut only what came counts: its header may claim anything.
                totals[2] += sum(origin[2::3]) - sum(origin[1::3]) - size if problems else length
            if message is not None:
                begun = self._began[side] if opcode < CLOSE else self.frames
                self._outlet.tell(ready, "message", self._message(side, message, time, (begun, self.frames)))
            if self._record and self._outlet.wanted.anatomy is not None and self.frames == self._outlet.wanted.anatomy[1]:
                self._anatomy(ready, row, done)

    def _message(
        self, side: int, whole: Whole, time: int | None, frames: tuple[int, int], number: int | None = None
    ) -> tuple[Any, ...]:
        """Take note of a message; the fields of its event."""
        if number is None:
            self.messages += 1
            number = self.messages
        origin, kind, length, wire, compressed, fragments, content, code, problems = whole
        answer = None
        totals = self._totals[side]
        if kind == "ping":
            totals[4] += 1
            self._pings[side].append((number, content, time))
            del self._pings[side][:-_MOST_PINGS]
        elif kind == "pong":
            answer = self._answer(side, content, time)
        elif kind == "close":
            if all(known != side for known, _, _, _ in self._closes):
                known = code if code is not None or content is None else 1005
                self._closes.append((side, known, content if isinstance(content, str) else "", origin[-3]))
        else:
            totals[1] += 1
            totals[3] += length or 0
        return (self._outlet.number, number, origin, time, side, kind, length, wire, compressed, fragments, content,
                code, answer, frames, problems)  # fmt: skip

    def _answer(self, side: int, content: str | bytes | None, time: int | None) -> tuple[int, int | None] | None:
        """The ping that a pong answers: the last one of the other side with the same payload (section 5.5.3)."""
        pings = self._pings[1 - side] if content is not None else []
        for index in range(len(pings) - 1, -1, -1):
            number, asked, when = pings[index]
            if asked == content:
                # Who answers the last of several pings need not answer those before.
                del pings[: index + 1]
                return number, None if time is None or when is None else time - when
        return None

    def _closed(self, ending: Ending, unfinished: tuple[str, str]) -> None:
        told = bool(self._closes)
        ended = told or ending.how != "open"
        side, code, reason, _ = self._closes[0] if told else (ending.by, 1006, "", 0)
        by = SIDES[side] if side >= 0 else None
        number = 1005 if code is None else code
        packets = [packet for _, _, _, packet in self._closes]
        if ending.how != "open":
            packets.append(ending.packet)
        problems = [note for direction in self.directions for note in direction.notes]
        whole = all(direction.whole for direction in self.directions)
        if ended and not told and whole:
            text = f"the connection ended without a close frame ({ending.how.upper()} by the {by}): 1006 for the applications"
            problems.append(Problem("closed-abnormally", text, ending.packet))
        elif number in _FAILURES:
            text = f"the {by} closed with {number}, {close_name(number)}"
            problems.append(Problem("closed-with-error", text, packets[0]))
        last = max((time for time in self._last if time is not None), default=None)
        places: list[int] = [0, 0]
        codes: list[int | None] = [None, None]
        for who, value, _, packet in self._closes:
            places[who] = packet
            codes[who] = value
        event = WebSocketClose(
            packets=tuple(sorted(set(packets))),
            time=ending.time,
            problems=tuple(problems),
            connection=self._outlet.number,
            code=number,
            reason=reason,
            by=by,
            clean=len(self._closes) == 2,
            transport=ending.how,
            transport_by=SIDES[ending.by] if ending.by >= 0 else None,
            ended=ended,
            close_packets=(places[0], places[1]),
            codes=(codes[0], codes[1]),
            began=self._first,
            last=(self._last[0], self._last[1]),
            silence=None if last is None or ending.time is None else ending.time - last,
            in_flight=ending.in_flight,
            unfinished=unfinished,
            unanswered=tuple(number for pings in self._pings for number, _, _ in pings),
            totals=(Totals(*self._totals[0]), Totals(*self._totals[1])),
            inferred=("event",) * self.inferred + ("code",) * ((ended and not (told or whole)) or (told and code is None)),
        )
        self._outlet.tell(max(ending.packet, self._floor), "close", event)
        if ending.how == "reset":
            self._reset = ending.packet

    def _anatomy(self, ready: int, row: tuple[object, ...], done: Done) -> None:
        head = done.head
        frame = WebSocketFrame._make(row)
        whole = done.message
        inflated = None
        if whole is not None and whole.compressed and whole.fragments == 1 and whole.content is not None:
            inflated = whole.content.encode() if isinstance(whole.content, str) else whole.content
        header = bytes([head.first]) + _lengths(head.length, head.mask, head.size)
        takeover = "" if self._deflate is None else "kept" if self._deflate.takeover[done.side] else "new for each message"
        event = Anatomy(
            packets=frame.packets,
            time=frame.time,
            problems=frame.problems,
            frame=frame,
            header=header,
            fields=describe(header),
            payload=done.payload,
            unmasked=unmask(done.payload, head.mask),
            inflated=inflated,
            deflate=takeover,
        )
        self._outlet.tell(ready, "anatomy", event)


def _lengths(length: int, mask: int, size: int) -> bytes:
    """The header behind its first byte, from what it says."""
    masked = mask >= 0
    bare = size - 4 * masked
    bit = masked << 7
    form = bytes([bit | length]) if bare == 2 else bytes([bit | 126]) if bare == 4 else bytes([bit | 127])
    form += b"" if bare == 2 else length.to_bytes(bare - 2, "big")
    return form + (mask.to_bytes(4, "big") if masked else b"")
