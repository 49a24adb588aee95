"""One direction of a WebSocket: from its Stream to frames and messages, over gaps where that is possible.

https://www.rfc-editor.org/rfc/rfc6455#section-5
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.event import Origin, Problem
from netviz.layers.deflate import Budget, Deflate, Inflator
from netviz.layers.websocket.frame import BINARY, CLOSE, CONTINUATION, FIN, RSV1, Head, broken, read_head
from netviz.layers.websocket.message import LIMIT, Message, Whole, unmask
from netviz.layers.websocket.recognition import TRIED, find_run
from netviz.stream import Stream

__all__ = ["LONG", "Direction", "Done"]

#: A frame of more bytes is read piece by piece, and so much is looked through to find frames again behind a gap.
LONG, _SEARCHED = 128 << 10, 64 << 10

_NOT_CAPTURED = "cannot inflate: handshake not captured"
_BROKEN_BEFORE = "cannot inflate: an earlier message of this side, which it refers to, is not whole"


class Done(NamedTuple):
    """A frame that is complete (or cut), and the message that it completes."""

    ready: int
    time: int | None
    side: int
    head: Head
    origin: Origin
    problems: tuple[Problem, ...]
    message: Whole | None
    #: Its payload as it was on the wire, where somebody wants it.
    payload: bytes


class _Open:
    """A frame of which the payload comes in pieces."""

    __slots__ = ("closed", "content", "head", "missing", "origin", "payload", "problems", "ready", "seen", "time")

    def __init__(self, head: Head, problems: list[Problem], content: Message | None, closed: bool) -> None:
        self.head = head
        self.problems = problems
        self.content = content
        self.closed = closed
        self.origin: list[int] = []
        self.seen = self.missing = 0
        self.payload = b""
        self.ready = 0
        self.time: int | None = None


class Direction:
    """Reads what one side sends.

    ``deflate`` is what was agreed on; None where nothing was, and with ``inferred`` nobody knows.  With ``contents``
    messages are put together, with ``record`` the payload of each frame is given as it was on the wire.
    """

    def __init__(
        self, side: int, stream: Stream, deflate: Deflate | None, budget: Budget, *, inferred: bool, contents: bool,
        limit: int = LIMIT, record: bool = False, seeking: bool = False,
    ) -> None:  # fmt: skip
        self.stream = stream
        self.closed = False
        self._side = side
        self._masked = side == 0
        self._deflate = deflate
        self._unknown = inferred and deflate is None
        self._budget = budget
        self._contents = contents
        self._limit = limit
        self._record = record
        self._inflator: Inflator | None = None
        self._broken = False
        self._message: Message | None = None
        #: Whether a message of several frames has begun; None where nobody knows, behind a gap.
        self._inside: bool | None = None if inferred or seeking else False
        self._open: _Open | None = None
        self._lost = inferred or seeking
        self._lost_at = stream.start
        self._given_up = False
        self._missed = False
        self._notes: list[Problem] = []

    @property
    def steady(self) -> bool:
        """Whether the next byte begins a frame, and nothing that was before matters to it."""
        remembers = self._open or self._lost or self._given_up or self._inside is not False or self._notes or self.closed
        return not (remembers or self.stream.gaps or self.stream.problems)

    @property
    def inflates(self) -> bool:
        """Whether what is compressed can be inflated."""
        return self._deflate is not None and not self._broken

    def inflate(self, payload: bytes) -> bytes | None:
        """A whole message; None where something is wrong with it, and then `inflation` must be put back."""
        return self._inflator_of_side().message(payload, self._limit)

    @property
    def inflation(self) -> Inflator | None:
        """How far what is compressed was inflated."""
        return None if self._inflator is None else self._inflator.copy()

    @inflation.setter
    def inflation(self, known: Inflator | None) -> None:
        self._inflator = known

    @property
    def whole(self) -> bool:
        """Whether no frame can have been missed since the first one."""
        return not (self._lost or self._given_up or self._missed)

    @property
    def unfinished(self) -> str:
        """What was cut off: "frame", "message", or nothing."""
        if self._open is not None or (len(self.stream.data) and not self._lost and not self._given_up):
            return "frame"
        return "message" if self._inside else ""

    @property
    def notes(self) -> list[Problem]:
        """Problems that no frame could be blamed for."""
        return [*self._notes, *(problem for _, problem in self.stream.problems)]

    def read(self, out: list[Done]) -> None:
        """Read all that can be read."""
        stream = self.stream
        while True:
            if self._given_up:
                while stream.gaps:
                    stream.consume(stream.available)
                    stream.skip_gap()
                stream.consume(stream.available)
                return
            if self._open is not None and not self._continue(self._open, out):
                return
            if self._lost and not self._find():
                return
            if self._lost or self._given_up:
                continue
            self._frames(out)
            if stream.gap is not None:
                self._lose()
                continue
            available = stream.available
            head = read_head(stream.data, 0, available)
            if head is None:
                if not stream.gaps:
                    return
                stream.consume(available)
                self._lose()
            elif stream.gaps or head.size + head.length > LONG:
                self._begin(head)
            else:
                return

    def close(self, out: list[Done]) -> None:
        """Nothing comes any more: a frame of which only the beginning came is told."""
        if self._open is None and not self._lost and not self._given_up:
            head = read_head(self.stream.data, 0, self.stream.available)
            if head is not None:
                self._begin(head)
                if self._open is not None:
                    self._continue(self._open, out)
        frame = self._open
        if frame is not None:
            text = f"the frame ends after {frame.seen + frame.missing:,} of {frame.head.length:,} bytes of payload"
            packet = frame.origin[-3]
            frame.problems.append(Problem("frame-cut", f"packet {packet}: {text}", packet))
            self._tell(frame, None, out)

    def _frames(self, out: list[Done]) -> None:
        """All whole frames that lie ready."""
        stream = self.stream
        data, available, start = stream.data, stream.available, stream.start
        at = 0
        while True:
            head = read_head(data, at, available)
            if head is None:
                break
            first, mask, size, length = head
            stop = at + size + length
            if stop > available:
                break
            begin = start + at
            ready, time = stream.ready(start + stop - 1)
            origin = stream.origin(begin, start + stop)
            problems = self._check(head, origin[-3], begin)
            if stream.problems:
                problems += self._overlaps(start + stop)
            payload = bytes(data[at + size : stop]) if self._contents or self._record else b""
            message = None
            opcode = first & 15
            if self._contents:
                content = self._content(first)
                if content is not None:
                    content.feed(unmask(payload, mask), origin[-3])
                    message = self._end(content, head, origin, origin[-3])
            self._step(opcode, first)
            out.append(Done(ready, time, self._side, head, origin, tuple(problems), message, payload if self._record else b""))
            at = stop
        stream.consume(at)

    def _check(self, head: Head, packet: int, offset: int) -> list[Problem]:
        first, mask, size, length = head
        usual = (
            first in (0x81, 0x82) and not length >> 63 and not self._inside and not self.closed and (mask >= 0) == self._masked
            and (size - 4 * self._masked == (2 if length < 126 else 4 if length < 65536 else 10))
        )  # fmt: skip
        problems, self._notes = self._notes, []
        if usual:
            return problems
        inside = (first & 15) == CONTINUATION if self._inside is None else self._inside
        compress = self._deflate is not None or self._unknown
        return problems + broken(head, self._masked, compress, inside, self.closed, packet)

    def _overlaps(self, end: int) -> list[Problem]:
        found = [problem for offset, problem in self.stream.problems if offset < end]
        self.stream.problems = [pair for pair in self.stream.problems if pair[0] >= end]
        return found

    def _step(self, opcode: int, first: int) -> None:
        """What is remembered of a frame."""
        if opcode <= BINARY:
            self._inside = not first & FIN
        elif opcode == CLOSE:
            self.closed = True

    def _content(self, first: int) -> Message | None:
        """The message that a frame belongs to; None where its beginning is not known."""
        opcode = first & 15
        if opcode == CONTINUATION:
            return self._message
        if opcode not in (1, 2, 8, 9, 10):
            return None
        compressed = bool(first & RSV1) and opcode < CLOSE and (self._deflate is not None or self._unknown)
        inflator, why = None, ""
        if compressed:
            if self._deflate is None:
                why = _NOT_CAPTURED
            elif self._broken:
                why = _BROKEN_BEFORE
            else:
                inflator = self._inflator_of_side()
        if opcode < CLOSE and self._message is not None and self._message.compressed:
            self._spoil()  # the message before it was given up, somewhere in the middle of what was compressed
            inflator, why = (None, _BROKEN_BEFORE) if self._broken else (inflator and self._inflator_of_side(), why)
        message = Message(opcode, compressed, inflator, why, self._limit)
        if opcode < CLOSE:
            self._message = message
        return message

    def _end(self, content: Message, head: Head, origin: Origin, packet: int) -> Whole | None:
        """A frame of a message is complete: the message, where that is complete as well."""
        content.add(origin, head.length)
        if content.opcode < CLOSE:
            if not head.first & FIN:
                return None
            self._message = None
        whole = content.finish(packet)
        if content.damaged:
            self._spoil()
        return whole

    def _inflator_of_side(self) -> Inflator:
        if self._inflator is None:
            assert self._deflate is not None
            takeover, bits = self._deflate.takeover[self._side], self._deflate.bits[self._side]
            self._inflator = Inflator(takeover, bits, self._budget)
        return self._inflator

    def _spoil(self) -> None:
        """What was compressed is not whole: what refers to it cannot be inflated either."""
        self._inflator = None
        if self._deflate is not None:
            self._broken = self._deflate.takeover[self._side] or self._budget.left <= 0

    def _begin(self, head: Head) -> None:
        """A header is read, its payload comes in pieces."""
        stream = self.stream
        origin = stream.origin(stream.start, stream.start + head.size)
        ready, time = stream.ready(stream.start + head.size - 1)
        problems = self._check(head, origin[-3], stream.start)
        content = self._content(head.first) if self._contents else None
        self._open = _Open(head, problems, content, self.closed)
        self._open.origin += origin
        self._open.ready, self._open.time = ready, time
        self._step(head.first & 15, head.first)
        stream.consume(head.size)

    def _continue(self, frame: _Open, out: list[Done]) -> bool:
        """Read on in the payload of a frame; whether it is complete."""
        stream = self.stream
        while True:
            left = frame.head.length - frame.seen - frame.missing
            size = min(stream.available, left)
            if size:
                end = stream.start + size
                frame.ready, frame.time = stream.ready(end - 1)
                origin = stream.origin(stream.start, end)
                if frame.origin[-3] == origin[0] and frame.origin[-1] == origin[1]:
                    frame.origin[-1] = origin[2]
                    origin = origin[3:]
                if len(frame.origin) < 30_000:
                    frame.origin += origin
                if frame.content is not None or self._record:
                    piece = bytes(stream.data[:size])
                    if self._record and len(frame.payload) < LONG:
                        frame.payload += piece
                    if frame.content is not None:
                        phase = frame.seen + frame.missing
                        frame.content.feed(unmask(piece, frame.head.mask, phase), frame.origin[-3])
                if stream.problems:
                    frame.problems += self._overlaps(end)
                frame.seen += size
                stream.consume(size)
                left -= size
            if not left:
                return self._complete(frame, out)
            gap = stream.gap
            if gap is None:
                return False
            self._message_missing(frame, min(gap.length, left))
            frame.ready, frame.time = gap.ready, gap.time
            if gap.length > left:
                self._lose(left)
                return self._complete(frame, out)
            stream.skip_gap()

    def _message_missing(self, frame: _Open, count: int) -> None:
        frame.missing += count
        if frame.content is not None:
            frame.content.miss(count)

    def _complete(self, frame: _Open, out: list[Done]) -> bool:
        packet = frame.origin[-3]
        if frame.missing:
            text = f"{frame.missing:,} of {frame.head.length:,} bytes of the payload are not in the capture"
            frame.problems.append(Problem("frame-cut", f"packet {packet}: {text}", packet))
        message = None
        if frame.content is not None:
            message = self._end(frame.content, frame.head, tuple(frame.origin), packet)
        self._tell(frame, message, out)
        return True

    def _tell(self, frame: _Open, message: Whole | None, out: list[Done]) -> None:
        origin, problems = tuple(frame.origin), tuple(frame.problems)
        out.append(Done(frame.ready, frame.time, self._side, frame.head, origin, problems, message, frame.payload))
        self._open = None

    def _lose(self, told: int = 0) -> None:
        """A gap, behind which nobody knows where a frame begins; of its bytes so many are told elsewhere."""
        gap = self.stream.skip_gap()
        who = "client" if self._masked else "server"
        how = "cut off by the snapshot length" if gap.cut else "not in the capture"
        text = f"{gap.length - told:,} bytes of the {who} are {how}, before packet {gap.ready}"
        if gap.cut:
            # Where packets are cut all of them are: a frame that starts somewhere behind may be any one.
            text += ": where its next frame begins is not known, the rest is not decoded"
            self._given_up = True
        self._notes.append(Problem("bytes-missing", text, gap.ready))
        self._lost, self._inside, self._message, self._missed = True, None, None, True
        self._lost_at = self.stream.start
        self._spoil()

    def _find(self) -> bool:
        """Look for frames behind a gap, at the beginnings of segments; false where more bytes are needed."""
        stream = self.stream
        run = find_run(stream, self._masked)
        if run.frames and run.offset - self._lost_at <= _SEARCHED:
            self._pass_over(run.offset)
            self._lost = False
            return True
        places = stream.places(TRIED)
        if len(places) == TRIED:
            self._pass_over(places[TRIED // 2].offset)
        if stream.end - self._lost_at > 2 * _SEARCHED:
            who = "client" if self._masked else "server"
            packet = stream.packet(stream.start)
            text = f"no frame of the {who} was found again: the rest of what it sent is not decoded"
            self._notes.append(Problem("frames-not-found", text, packet))
            self._given_up = True
            return True
        return False

    def _pass_over(self, offset: int) -> None:
        """Go on at an offset; more gaps before it are told."""
        for gap in self.stream.gaps:
            if gap.offset < offset:
                who = "client" if self._masked else "server"
                text = f"{gap.length:,} bytes of the {who} are not in the capture, before packet {gap.ready}"
                self._notes.append(Problem("bytes-missing", text, gap.ready))
                self._missed = True
        self.stream.seek(offset)
