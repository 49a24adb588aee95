"""What ``netviz ws-trace`` shows of TLS: the handshake above an upgrade inside it, and what nobody can read."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from netviz.cli.trace_selection import TraceSelection
from netviz.event import Endpoint, Event, TlsAlert, TlsHandshake, TlsKeyUpdate, TlsProblem
from netviz.views.conversation import problem_rows
from netviz.views.plain_tls import plain_tls
from netviz.views.tls import tls_lines, unread_lines

__all__ = ["TlsPart"]

#: Handshakes that are held until the end.
_MOST = 10_000


class TlsPart:
    """Takes the events of TLS; ``unread`` are the connections of which nothing inside can be read."""

    def __init__(self, chosen: TraceSelection) -> None:
        self._chosen = chosen
        self._handshakes: dict[int, TlsHandshake] = {}
        self._troubles: list[TlsAlert | TlsProblem] = []
        self.unread: list[tuple[TlsHandshake, Endpoint, Endpoint]] = []

    def take(self, event: Event) -> bool:
        """Take an event; whether it is one of TLS."""
        if isinstance(event, TlsHandshake):
            if not self._chosen.connected(event.connection):
                return True
            if len(self._handshakes) < _MOST:
                self._handshakes[event.connection] = event
            if (event.keys != "used" or event.outcome == "failed") and len(self.unread) < _MOST:
                self.unread.append((event, *self._chosen.peers[event.connection]))
            return True
        if not isinstance(event, TlsAlert | TlsProblem | TlsKeyUpdate):
            return False
        if event.problems and not isinstance(event, TlsKeyUpdate) and len(self._troubles) < _MOST:
            self._troubles.append(event)
        return True

    def above(self, connection: int, start: int | None, width: int) -> Iterator[Text]:
        """The handshake of the connection of an upgrade."""
        if (event := self._handshakes.get(connection)) is not None:
            yield from tls_lines(event, start, width)

    def rest(self, width: int) -> Iterator[Text]:
        """What went wrong, and what cannot be read."""
        for event in self._troubles:
            if self._chosen.connected(event.connection):
                yield Text(f"#{event.connection} TLS, {event.side}", "label")
                yield from problem_rows(event.problems, width)
        if self.unread and not self._chosen.narrow:
            yield from unread_lines(self.unread, width)
            yield Text()

    def flow(self, event: Event, start: int | None) -> Iterator[Text]:
        """The same as it comes; that a side has nothing more to send is no news."""
        if isinstance(event, TlsAlert) and not event.problems:
            return
        for line in plain_tls(event, start):
            yield Text(line, "faint")
