"""What ``netviz ws-trace`` shows of Engine.IO and Socket.IO: the sessions of each server as one story."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netviz.analysis import Analysis
from netviz.cli.trace_selection import TraceSelection
from netviz.event import (
    Endpoint,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    SocketIoPacket,
    WebSocketUpgrade,
)
from netviz.verdicts.session import judge_session
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.conversation import Clock
from netviz.views.session_screen import session_screen
from netviz.views.sessions import session_table
from netviz.views.topics_named import of_sessions
from netviz.views.verdict import verdict_lines

__all__ = ["SessionPart"]

#: Sessions that are shown one by one, verdicts on those of more, and bytes of packets that are held back for that.
_FEW, _VERDICTS, _HELD = 30, 8, 64 << 20


class SessionPart:
    """Takes the events of sessions, and draws them at the end."""

    def __init__(
        self, console: Console, analysis: Analysis, chosen: TraceSelection, *, full: bool, api: bool, explain: bool,
        stats: bool, clock: Clock,
    ) -> None:  # fmt: skip
        self._console = console
        self._analysis = analysis
        self._chosen = chosen
        self._full, self._api, self._explain, self._stats, self._clock = full, api, explain, stats, clock
        self._traces: dict[int, SessionTrace] = {}
        self._owned: set[int] = set()
        self._attempts: set[tuple[int, tuple[int, ...]]] = set()
        self._room = _HELD
        #: Sessions that are over and no longer held.
        self.past = 0
        #: Topics that explain what was drawn.
        self.topics: dict[str, None] = {}

    def take(self, event: Event) -> bool:
        """Take an event; whether it is one of a session."""
        if not isinstance(event, EngineIoSession | EngineIoPacket | SocketIoPacket | EngineIoRequest | EngineIoAnswer):
            return False
        if isinstance(event, EngineIoSession):
            trace = self._traces.get(event.number)
            if trace is None:
                trace = self._traces[event.number] = SessionTrace(event)
            self._owned.update(event.websockets)
            self._attempts.update((upgrade.connection, upgrade.packets) for upgrade in event.attempts)
            trace.take(event)
        elif event.session is not None:
            trace = self._of(event.session, event)
            if isinstance(event, SocketIoPacket | EngineIoPacket):
                self._room -= event.wire
                if self._room < 0:
                    trace.most = 0
            trace.take(event)
        return True

    def finish(self, number: int) -> Iterator[Text]:
        """A session is over, and shown as it came: its verdict; nothing is held of it any longer."""
        trace = self._traces.pop(number, None)
        if trace is not None and any(map(self._chosen.connected, trace.session.connections)):
            self.past += 1
            yield from verdict_lines(trace, judge_session(trace), self._console.width)

    def owns(self, connection: int) -> bool:
        """Whether the WebSocket of a connection is part of a session."""
        return connection in self._owned

    def attempted(self, upgrade: WebSocketUpgrade) -> bool:
        """Whether a request to upgrade is part of a session."""
        return (upgrade.connection, upgrade.packets) in self._attempts

    @property
    def chosen(self) -> list[SessionTrace]:
        """The sessions that were asked for."""
        return [trace for trace in self._traces.values() if any(map(self._chosen.connected, trace.session.connections))]

    def draw(self) -> Iterator[Text | Table]:
        """All of it: an overview of several, verdicts, then what was said at each server."""
        traces = self.chosen
        if not traces:
            return
        width = self._console.width
        if len(traces) > 1:
            yield from session_table(traces, width=width, start=self._analysis.start)
            yield Text()
        judged = [(trace, judge_session(trace, traces)) for trace in traces]
        notable = [(trace, verdict) for trace, verdict in judged if verdict.severity != "ok" or len(traces) == 1]
        for trace, verdict in notable[:_VERDICTS]:
            yield from verdict_lines(trace, verdict, width)
            yield Text()
        if len(notable) > _VERDICTS:
            yield Text(f"{len(notable) - _VERDICTS} more have something to say; --connection N shows one", "note")
        servers: dict[Endpoint | None, list[SessionTrace]] = {}
        for trace in traces[:_FEW]:
            servers.setdefault(trace.session.server, []).append(trace)
        self.topics.update(dict.fromkeys(of_sessions(servers.values(), (verdict.headline for _, verdict in judged))))
        for group in servers.values():
            yield from session_screen(
                group, width=width, start=self._analysis.start, clock=self._clock, full=self._full, api=self._api,
                explain=self._explain, stats=self._stats,
            )  # fmt: skip

    def _of(self, number: int, event: EngineIoPacket | SocketIoPacket | EngineIoRequest | EngineIoAnswer) -> SessionTrace:
        trace = self._traces.get(number)
        if trace is None:
            # Its first packets come before it is told what it is.
            client, server = self._chosen.peers.get(event.connection, (None, None))
            session = EngineIoSession(
                packets=(), time=None, number=number, connection=event.connection, connections=(event.connection,),
                client=client, server=server, path="", sid=None, version=None, opened=None, transports=(), upgraded=False,
                over=False,
            )  # fmt: skip
            trace = self._traces[number] = SessionTrace(session)
        return trace
