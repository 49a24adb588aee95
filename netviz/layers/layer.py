"""What all layers have in common: what they are given, and what they answer.

A layer reads the two Streams of a Channel.  That it cannot go on yet, for want of bytes or of the other side, is a normal
answer; so is that another layer goes on from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from netviz.event import Session
from netviz.keylog import KeyLog
from netviz.layers.deflate import Deflate

__all__ = ["Ending", "Handover", "Layer", "Outlet", "Told", "Wanted"]

#: What layers tell, by kind: "frame" and "message" the fields of such an event in their order, "peers" a connection
#: number, its two ends, and whether its frames are inferred, "upgrade", "close", "anatomy" and "tls" the event itself.
Told = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to know of WebSockets: all of it, or without ``contents`` nothing but frames; with ``anatomy``
    the bytes of the frame of that number (in the connection of the first number, if there is one), and of messages at most
    ``limit`` bytes.  ``keys`` open what is inside TLS; of TLS the records in the packet of the number ``records`` are told.
    With ``bulk`` messages that are alike may be told many at once.
    """

    contents: bool = True
    anatomy: tuple[int | None, int] | None = None
    limit: int = 16 << 20
    records: int = 0
    bulk: bool = False
    keys: KeyLog = field(default_factory=KeyLog, compare=False, repr=False)


class Ending(NamedTuple):
    """What TCP did at the end of a connection.

    ``by`` is the index of the end that began, -1 where none did; ``in_flight`` what each end had sent without an
    acknowledgement.
    """

    how: Literal["fin", "reset", "open"]
    by: int
    packet: int
    time: int | None
    in_flight: tuple[int, int]


class Handover(NamedTuple):
    """Another layer reads on: which, who is the client (index of the end), and what it should know.

    ``floor`` is the packet before which nothing may be told, because it was not clear before what the bytes are; ``fresh``
    tells that both sides are at the beginning of a message, ``seeking`` that nobody knows where the client's next one is.
    """

    layer: Literal["http", "websocket", "tls", "search", "nothing"]
    client: int = 0
    floor: int = 0
    deflate: Deflate | None = None
    inferred: bool = False
    proxy: str | None = None
    fresh: bool = False
    seeking: bool = False


class Outlet:
    """Where the layers of a connection put what they tell, each with the packet that completed it; ``tls`` is what was agreed
    on around them.
    """

    __slots__ = ("found", "number", "tls", "wanted")

    def __init__(self, number: int, wanted: Wanted) -> None:
        self.number = number
        self.wanted = wanted
        self.found: list[tuple[int, Told]] = []
        self.tls: Session | None = None

    def tell(self, ready: int, kind: Any, value: Any) -> None:
        """Tell something; ``ready`` is the number of the packet that completed it."""
        self.found.append((ready, (kind, value)))


class Layer(Protocol):
    """A protocol that reads both Streams; ``idle`` tells that nothing could be said at the end that was not said."""

    @property
    def idle(self) -> bool:
        """Whether the end changes nothing."""

    def advance(self) -> Handover | None:
        """Read what can be read."""

    def close(self, ending: Ending) -> Handover | None:
        """Nothing comes any more."""
