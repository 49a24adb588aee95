"""What is going on right now: counters, connections with their states, the newest messages; redrawn in place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from rich.text import Text

from netviz.event import (
    EngineIoPacket,
    EngineIoSession,
    Event,
    Peers,
    SocketIoPacket,
    TcpConnection,
    TcpOpening,
    WebSocketClose,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.quantity import amount, plural
from netviz.verdicts.websocket import Trace
from netviz.views import overview, traces
from netviz.views.conversation import message_rows, stamp
from netviz.views.plain_session import plain_session
from netviz.views.text import fold, safe

__all__ = ["Board", "Pulse", "counted"]

_V = TypeVar("_V")

#: Connections and rows that are remembered: no terminal is longer.
_MOST = 300

#: Seconds that a rate is taken over.
_SPAN = 2.0


class Pulse(NamedTuple):
    """Counters of a capture that goes on; ``lasted`` is in seconds, ``dropped`` says by whom and how many."""

    name: str
    matching: str
    lasted: float
    packets: int
    octets: int
    dropped: tuple[tuple[str, int], ...] = ()
    writes: str = ""


class Board:
    """Takes events, and draws what the newest of them say."""

    def __init__(self) -> None:
        self.start: int | None = None
        self._tcp: dict[int, TcpConnection] = {}
        self._traces: dict[int, Trace] = {}
        self._peers: dict[int, Peers] = {}
        self._joined: set[int] = set()
        self._rows: deque[WebSocketMessage | Event] = deque(maxlen=_MOST)
        self._pulses: deque[Pulse] = deque()

    def take(self, event: Event) -> None:
        """Remember an event, as long as it may be seen."""
        if isinstance(event, TcpConnection):
            self._tcp.pop(event.connection, None)
            _keep(self._tcp, event.connection, event)
        elif isinstance(event, Peers):
            _keep(self._peers, event.connection, event)
        elif isinstance(event, WebSocketUpgrade):
            trace = self._trace(event.connection)
            if trace is not None:
                trace.upgrade = event
        elif isinstance(event, WebSocketClose):
            trace = self._trace(event.connection)
            if trace is not None:
                trace.close = event
        elif isinstance(event, EngineIoSession):
            self._joined.update(event.websockets)
            if not event.over:
                self._rows.append(event)
        elif isinstance(event, SocketIoPacket | EngineIoPacket):
            self._rows.append(event)
        elif isinstance(event, WebSocketMessage):
            trace = self._trace(event.connection)
            if trace is not None:
                trace.messages += 1
                trace.note(event.sender, event.problems)
            if event.connection not in self._joined:
                self._rows.append(event)

    def _trace(self, number: int) -> Trace | None:
        trace = self._traces.pop(number, None)
        if trace is None and number in self._peers:
            peers = self._peers[number]
            trace = Trace(number, peers.client, peers.server)
        if trace is not None:
            _keep(self._traces, number, trace)
        return trace

    def lines(self, pulse: Pulse, width: int, height: int) -> Iterator[Text]:
        """As many lines as there is room for: counters, connections, what was said last."""
        yield from self._head(pulse, width)
        room = height - 4
        tables = [table for table in (list(self._connections(width, room)), list(self._websockets(width, room))) if table]
        rows = self._newest(width, room)
        spare = room
        for table in tables:
            most = max(room // 2 if rows else room, 4)
            shown = [table[0], *table[1:][-(most - 1) :]]
            yield Text()
            yield from shown
            spare -= len(shown) + 1
        if rows and spare > 2:
            yield Text()
            yield from rows[-(spare - 1) :]
        if not tables and not rows:
            yield Text()
            yield Text("nothing yet: waiting for packets", "faint")

    def _head(self, pulse: Pulse, width: int) -> Iterator[Text]:
        pulses = self._pulses
        while pulses and pulses[0].lasted < pulse.lasted - _SPAN and len(pulses) > 1:
            pulses.popleft()
        pulses.append(pulse)
        past = pulse.lasted - pulses[0].lasted
        rate = "" if past < 0.2 else f"{(pulse.packets - pulses[0].packets) / past:,.0f} packets/s"
        volume = "" if past < 0.2 else f"{amount(int((pulse.octets - pulses[0].octets) / past))}/s"
        minutes, seconds = divmod(int(pulse.lasted), 60)
        words = [safe(pulse.matching), f"{minutes}:{seconds:02}", plural(pulse.packets, "packet"), rate, volume,
                 f"writing {safe(pulse.writes)}" if pulse.writes else ""]  # fmt: skip
        line = Text.assemble(("● ", "problem"), (f"live on {safe(pulse.name)}", "title"))
        line.append("".join(f" · {word}" for word in words if word))
        lost = sum(count for _, count in pulse.dropped)
        line.append(f" · {lost:,} dropped" if lost else " · none dropped", "problem" if lost else "faint")
        line.append("   Ctrl-C ends", "faint")
        yield fold(line, width, 2)

    def _connections(self, width: int, most: int) -> Iterator[Text]:
        recent = list(self._tcp.values())[-most:]
        if not recent:
            return
        room = overview.widths(recent)
        yield overview.header(width, room)
        for event in sorted(recent, key=lambda event: event.connection):
            drawn = overview.row(event, self.start, width, room)
            yield from (line for line in _now(event, drawn).split("\n"))

    def _websockets(self, width: int, most: int) -> Iterator[Text]:
        recent = list(self._traces.values())[-most:]
        if not recent:
            return
        room = traces.widths(recent)
        yield traces.header(width, room)
        for trace in sorted(recent, key=lambda trace: trace.connection):
            yield from traces.row(trace, width, room).split("\n")

    def _newest(self, width: int, most: int) -> list[Text]:
        found: list[Text] = []
        for event in list(self._rows)[-most:]:
            if isinstance(event, WebSocketMessage):
                time = stamp(event.time, self.start, None, "elapsed")
                found += (line for row in message_rows(event, time, width) for line in row.split("\n"))
            else:
                found += (line for text in plain_session(event, self.start) for line in fold(Text(text), width, 2).split("\n"))
        return found


def _now(event: TcpConnection, drawn: Text) -> Text:
    """Where it is open still, say that: "at the end" is not yet."""
    if (
        isinstance(event, TcpOpening)
        and (event.closing is None or event.closing.how == "open")
        and event.outcome == "established"
    ):
        plain = drawn.plain.replace("still open at the end", "open")
        cut = len(drawn.plain) - len(plain)
        at = drawn.plain.find(" at the end")
        if cut and at >= 0:
            return Text.assemble(drawn[: at - len("still open")], ("open", "ok"), drawn[at + len(" at the end") :])
    return drawn


def _keep(held: dict[int, _V], number: int, value: _V) -> None:
    held[number] = value
    if len(held) > _MOST:
        del held[next(iter(held))]


def counted(pulse: Pulse) -> str:
    """The counters in one line: what was captured, and what was not."""
    dropped = ", ".join(f"{count:,} by {who}" for who, count in pulse.dropped)
    where = f", written to {pulse.writes}" if pulse.writes else ""
    return f"{plural(pulse.packets, 'packet')} captured on {pulse.name} in {pulse.lasted:.1f} s{where}; dropped: {dropped}"
