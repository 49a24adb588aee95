"""A TCP connection while it lasts: between which endpoints, how far it is, what its payload turns out to be.

Side 0 is the client as far as the first segment tells: who sent it, or for a SYN-ACK who receives it.  Whoever judges
the connection may know better and turn the sides round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netviz.event import NO_TIME
from netviz.following import Block
from netviz.found import Finished, Kept
from netviz.layers.probe import Probe
from netviz.layers.tcp.flags import ACK, SYN

if TYPE_CHECKING:
    from netviz.channel import Channel
    from netviz.event import Icmp
    from netviz.passing import Passing

__all__ = ["Connection"]

#: ICMP errors kept of one connection.
_MOST_ICMP = 16

_WORD = 0xFFFFFFFF


class Connection(Block):
    """What is kept of a connection; ``key`` holds its endpoint codes, the lower first."""

    __slots__ = ("_addresses", "_probe", "channel", "icmp", "key", "number")

    def __init__(
        self, key: tuple[int, int], flip: int, addresses: tuple[bytes, bytes] | None, first: int, start: int, kept: Kept
    ) -> None:
        self._probe = Probe() if kept.probed else None
        super().__init__(flip, first, start, self._probe.feed if self._probe else None, kept.counted, kept.whole)
        self.key = key
        self.number = -1
        self.icmp: list[Icmp] = []
        #: What is read of its payload, where somebody wants that.
        self.channel: Channel | Passing | None = None
        self._addresses = addresses

    @property
    def last_time(self) -> int | None:
        """The time of its last segment that has one."""
        return None if self.stop == NO_TIME else self.stop

    def finish(self) -> Finished:
        """Everything that a judge needs."""
        probe = self._probe
        application, client, inferred = (probe.name, probe.client, probe.inferred) if probe else ("unknown", None, False)
        return Finished(
            self.number, self.key, self.flip, self._addresses, self.opener, self.rows, self.dropped,
            [tuple(error) for error in self.icmp], application, -1 if client is None else client, inferred,
            self.first, None if self.start == NO_TIME else self.start, self.last_time,
            (self.traffic(0), self.traffic(1)),
        )  # fmt: skip

    def isn(self, side: int) -> int | None:
        """The initial sequence number of a side, also where only the answer to its SYN tells; None where nothing does."""
        number = self.initial(side)
        if number < 0 and self.answered(1 - side):
            answer = next((row for row in self.rows if row[3] & (SYN | ACK) == SYN | ACK and row[2] != side), None)
            return None if answer is None else answer[5] - 1 & _WORD
        return None if number < 0 else number

    def sent_syn(self, seq: int) -> bool:
        """Whether one of its SYNs has this number."""
        return seq in (self.initial(0), self.initial(1))

    def tell(self, error: Icmp) -> None:
        """An ICMP error that quotes one of its segments."""
        if len(self.icmp) < _MOST_ICMP:
            self.icmp.append(error)
