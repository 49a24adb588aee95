"""What the other connections of a capture say about one: a server that answers others is not down."""

from __future__ import annotations

from dataclasses import dataclass, field

from netviz.event import Endpoint, TcpConnection

__all__ = ["Neighbours"]

#: Servers remembered; a scan of a network must not fill the memory.
_MOST = 20_000


@dataclass(slots=True)
class Neighbours:
    """For each server endpoint a connection that it accepted, for each host one that it answered at all, and how many
    clients never finished their handshake.
    """

    accepted: dict[Endpoint, int] = field(default_factory=dict)
    answered: dict[str, tuple[int, Endpoint]] = field(default_factory=dict)
    unfinished: dict[Endpoint, int] = field(default_factory=dict)

    def add(self, connection: TcpConnection) -> None:
        """Take note of a connection."""
        server = connection.server
        if connection.outcome == "established" and len(self.accepted) < _MOST:
            self.accepted.setdefault(server, connection.connection)
        if connection.outcome in ("established", "refused", "incomplete") and len(self.answered) < _MOST:
            self.answered.setdefault(server.address, (connection.connection, server))
        if connection.outcome == "incomplete" and (server in self.unfinished or len(self.unfinished) < _MOST):
            self.unfinished[server] = self.unfinished.get(server, 0) + 1
