"""Which connections a user asked for."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from netviz.errors import NetvizError
from netviz.event import CaptureProblem, Event, TcpConnection

__all__ = ["Selection", "address"]


@dataclass(slots=True)
class Selection:
    """The filters of a command; an event that is not tied to a connection passes them all.

    ``problems_seen`` is set once something that passed had a problem, ``highest`` is the highest connection number seen.
    """

    connection: int | None = None
    host: str | None = None
    port: int | None = None
    outcome: tuple[str, ...] = ()
    problems: bool = False
    problems_seen: bool = False
    highest: int = -1
    everything: bool = field(init=False)

    def __post_init__(self) -> None:
        if self.host is not None:
            self.host = address(self.host)
        self.everything = not (self.host or self.outcome or self.problems) and self.connection is self.port is None

    def passes(self, event: Event) -> bool:
        """Whether to show an event."""
        shown = True
        if isinstance(event, TcpConnection):
            self.highest = max(self.highest, event.connection)
            shown = self.everything or self._matches(event)
        if shown and event.problems:
            self.problems_seen = True
        return shown and isinstance(event, TcpConnection | CaptureProblem)

    def _matches(self, event: TcpConnection) -> bool:
        ends = (event.client, event.server)
        return (
            (self.connection is None or event.connection == self.connection)
            and (self.host is None or any(end.address == self.host for end in ends))
            and (self.port is None or any(end.port == self.port for end in ends))
            and (not self.outcome or event.outcome in self.outcome)
            and (not self.problems or bool(event.problems))
        )

    def require_connection(self) -> None:
        """Complain where the one connection that was asked for is not there."""
        if self.connection is not None and self.connection > self.highest:
            there = "has none" if self.highest < 0 else f"has 0 to {self.highest}" if self.highest else "has only 0"
            raise NetvizError(f"no connection {self.connection}: the capture {there}")


def address(host: str) -> str:
    """An IP address as netviz writes it; raises NetvizError where it is none."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError as error:
        hint = "captures hold addresses, not names; try: getent hosts " + host
        raise NetvizError(f"not an IP address: {host}", hint) from error
