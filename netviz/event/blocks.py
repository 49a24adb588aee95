"""Many frames, or messages, at once: a busy capture has millions of them, nearly all alike, and needs no object for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from netviz.event.base import NO_TIME, Happening, Problem
from netviz.event.websocket import Origin, WebSocketFrame, WebSocketMessage, frame_kind

__all__ = ["FrameBlock", "MessageBlock"]

#: Lengths are unsigned numbers of 64 bits; columns hold signed ones.
_UNSIGNED = 1 << 64

#: An opcode, and the bit of a compressed message (RFC 7692 section 6).
_TEXT, _COMPRESSED = 1, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameBlock(Happening):
    """Many frames at once, in the order of the packets that completed them.

    ``columns`` are arrays: connection, number, packet, start and end (of the first slice), time, side, first byte, mask,
    length of the header, of the payload (as a signed number), and the packet that completed it; a time without a value is
    the smallest there is.  ``several`` has a row for each slice of a frame that came in more than one, in their order: its
    place in the columns, packet, start and end.  ``broken`` holds the problems of those that break a rule, by their place.
    """

    name: ClassVar[str] = "websocket.frame"

    columns: tuple[Any, ...]
    several: Any
    broken: dict[int, tuple[Problem, ...]]
    packets: tuple[int, ...] = ()
    time: int | None = None

    def frames(self) -> Iterator[WebSocketFrame]:
        """The frames one by one."""
        origins, broken = self.origins(0, len(self.columns[0])), self.broken
        rows = zip(*(column.tolist() for column in self.columns[:-1]), strict=True)
        for place, (connection, number, packet, start, end, time, side, first, mask, head, length) in enumerate(rows):
            origin, problems = origins.get(place, (packet, start, end)), broken.get(place, ())
            when = None if time == NO_TIME else time
            length %= _UNSIGNED
            yield WebSocketFrame(connection, number, origin, when, side, first, mask, head, length, problems)

    def slices(self, begin: int, end: int) -> Any:
        """The rows of ``several`` for the frames between these places."""
        first, last = self.several[:, 0].searchsorted((begin, end))
        return self.several[first:last]

    def origins(self, begin: int, end: int) -> dict[int, Origin]:
        """The same as origins, by the places of their frames."""
        found: dict[int, list[int]] = {}
        for place, *piece in self.slices(begin, end).tolist():
            found.setdefault(place, []).extend(piece)
        return {place: tuple(origin) for place, origin in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBlock(Happening):
    """Messages of one frame each, with nothing amiss, in the order of the packets that completed them.

    ``numbers`` are those of the messages, ``begins`` and ``lengths`` say where in ``content`` that of each is: data, or text
    as valid UTF-8, inflated where it was compressed.
    """

    name: ClassVar[str] = "websocket.message"

    frames: FrameBlock
    numbers: Any
    begins: Any
    lengths: Any
    content: bytes
    packets: tuple[int, ...] = ()
    time: int | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def events(self) -> Iterator[WebSocketFrame | WebSocketMessage]:
        """Each frame, and behind it its message."""
        content = self.content
        said = zip(self.numbers.tolist(), self.begins.tolist(), self.lengths.tolist(), strict=True)
        for frame, (number, begin, size) in zip(self.frames.frames(), said, strict=True):
            yield frame
            connection, which, origin, time, side, first, _, _, length, _ = frame
            what = content[begin : begin + size]
            yield WebSocketMessage(
                connection, number, origin, time, side, frame_kind(first & 15), size, length, first & _COMPRESSED > 0, 1,
                what.decode() if first & 15 == _TEXT else what, None, None, (which, which), (),
            )  # fmt: skip

    def text(self, place: int) -> str:
        """What one of them says, which is text."""
        begin = int(self.begins[place])
        return self.content[begin : begin + int(self.lengths[place])].decode()

    def of(self, connection: int) -> MessageBlock:
        """Those of one connection."""
        which = (self.frames.columns[0] == connection).nonzero()[0]
        several = self.frames.several
        places = which.searchsorted(several[:, 0])
        mine = places < which.searchsorted(several[:, 0], "right")
        several = several[mine]
        several[:, 0] = places[mine]
        frames = FrameBlock(columns=tuple(column[which] for column in self.frames.columns), several=several, broken={})
        return replace(self, frames=frames, numbers=self.numbers[which], begins=self.begins[which], lengths=self.lengths[which])

    def part(self, begin: int, end: int) -> MessageBlock:
        """Some of them."""
        some = slice(begin, end)
        several = self.frames.slices(begin, end)
        if len(several):
            several = several.copy()
            several[:, 0] -= begin
        frames = FrameBlock(columns=tuple(column[some] for column in self.frames.columns), several=several, broken={})
        return replace(self, frames=frames, numbers=self.numbers[some], begins=self.begins[some], lengths=self.lengths[some])
