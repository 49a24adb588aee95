"""One picture of a film: a packet of a connection, and how far everything is when it passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from netviz.event.base import Happening
from netviz.event.layers import PacketLayer
from netviz.event.tcp import Icmp, Moment, TcpConnection

if TYPE_CHECKING:
    from netviz.event import Event

__all__ = ["Machine", "Phase", "Scene"]

#: How far the WebSocket of a connection is, by the words of RFC 6455 (sections 4.1 and 7.1); empty where there is none.
Phase = Literal["", "CONNECTING", "OPEN", "CLOSING", "CLOSED"]


class Machine(NamedTuple):
    """The TCP state machine of one end: the states that it went through, the last of which is the present one.

    ``moved`` tells that this packet brought it there, ``inferred`` that the present state is not shown by a segment.
    """

    trail: tuple[str, ...]
    moved: bool
    inferred: bool

    @property
    def state(self) -> str:
        """The present state."""
        return self.trail[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene(Happening):
    """A segment (or an ICMP error that quotes one) on its way.

    ``place`` counts the scenes of the film from 0, ``row`` those of its connection; ``silence`` is the ns since the scene
    before, None where a time is missing.  ``machines`` are those of client and server behind this packet; ``layers`` what the
    packet is made of; ``told`` the events that it completes, and ``more`` how many further ones are not kept.  ``last`` tells
    that nothing follows on this connection, so that it can be judged.
    """

    name: ClassVar[str] = "film.scene"

    place: int
    row: int
    tcp: TcpConnection
    moment: Moment | None
    icmp: Icmp | None
    machines: tuple[Machine, Machine]
    layers: tuple[PacketLayer, ...]
    told: tuple[Event, ...]
    more: int
    silence: int | None
    phase: Phase
    last: bool

    @property
    def number(self) -> int:
        """The number of the packet."""
        return self.packets[0]

    @property
    def side(self) -> int:
        """Who sent it, 0 for the client; an ICMP error counts as what comes back from the server."""
        return 1 if self.moment is None else self.moment.segment.side
