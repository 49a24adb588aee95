"""What ``netviz ws-trace`` puts on a screen: verdict, upgrade, conversation; an overview first where there are several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from netviz.analysis import Analysis
from netviz.cli.session_part import SessionPart
from netviz.cli.tls_part import TlsPart
from netviz.cli.trace_selection import TraceSelection
from netviz.event import (
    CaptureProblem,
    EngineIoSession,
    Event,
    MessageBlock,
    Peers,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.quantity import plural, span
from netviz.statistics import Statistics
from netviz.verdicts.websocket import Trace, judge_websocket, trace_severity
from netviz.views.conversation import PREVIEW, Clock, frame_row, message_rows, problem_rows, stamp
from netviz.views.plain_session import plain_session
from netviz.views.statistics import statistics_lines, statistics_table
from netviz.views.text import fold, safe, wrapped
from netviz.views.topics_named import named, of_websocket
from netviz.views.traces import header, row, widths
from netviz.views.upgrade import arithmetic, heads, rules, upgrade_lines
from netviz.views.verdict import verdict_lines
from netviz.views.websocket_story import after_upgrade, before_upgrade, ending

__all__ = ["TraceScreen", "Wishes"]

#: Rows that are held back so that the verdict can come first, and rows that are shown behind an overview.
_HELD, _FEW = 20_000, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a user wants it; ``flowing`` prints what comes when it comes."""

    frames: bool
    full: bool
    explain: bool
    stats: bool
    api: bool
    raw: bool
    clock: Clock
    flowing: bool


@dataclass(slots=True)
class _Told:
    """A trace, and the rows of it that wait to be printed."""

    trace: Trace
    rows: list[WebSocketMessage | WebSocketFrame] = field(default_factory=list)
    statistics: Statistics = field(default_factory=Statistics)
    matched: int = 0
    last: int | None = None


class TraceScreen:
    """Draws the WebSockets of a capture."""

    def __init__(self, console: Console, analysis: Analysis, chosen: TraceSelection, wishes: Wishes) -> None:
        self._console = console
        self._analysis = analysis
        self._chosen = chosen
        self._wishes = wishes
        self._traces: list[_Told] = []
        self._current: dict[int, _Told] = {}
        self._problems: list[CaptureProblem] = []
        self._held = self._dropped = 0
        self._flowing = wishes.flowing
        self._shown = -1
        #: Topics that explain what is shown.
        self._topics: dict[str, None] = {}
        self._sessions = SessionPart(
            console, analysis, chosen, full=wishes.full, api=wishes.api, explain=wishes.explain, stats=wishes.stats,
            clock=wishes.clock,
        )  # fmt: skip
        self._tls = TlsPart(chosen)
        #: WebSockets, refused upgrades and messages that were told to their end and are no longer held.
        self._past = [0, 0, 0]

    def draw(self, events: Iterable[Event], captures: str) -> None:
        """Read all, draw all."""
        for event in self._single(events):
            passes = self._chosen.passes(event)
            if isinstance(event, CaptureProblem):
                self._problems.append(event)
            elif self._tls.take(event):
                if self._flowing and passes:
                    for line in self._tls.flow(event, self._analysis.start):
                        self._print(line)
            elif self._sessions.take(event):
                if self._flowing and passes:
                    self._flow_session(event)
            elif not isinstance(event, Peers) and self._chosen.connected(event.connection):  # type: ignore[union-attr]
                self._take(event, passes)
        self._chosen.require()
        for drawn in [] if self._wishes.raw or self._flowing else self._sessions.draw():
            self._console.print(drawn, soft_wrap=isinstance(drawn, Text))
        if not self._flowing:
            self._all(captures)
        elif not (self._traces or any(self._past) or self._sessions.chosen or self._sessions.past):
            self._nothing()
        for line in () if self._flowing else self._tls.rest(self._console.width):
            self._print(line)
        self._tell(self._problems)
        self._print(self._footer())
        if topics := self._sessions.topics | self._topics:
            self._print(named(topics, self._console.width))

    # Taking events

    def _single(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events one by one; messages of which no row will be shown are only counted."""
        for event in events:
            if not isinstance(event, MessageBlock):
                yield event
            elif self._held <= _HELD or self._flowing or self._chosen.narrow or self._wishes.frames or self._wishes.stats:
                yield from event.events()
            else:
                self._count(event)

    def _count(self, block: MessageBlock) -> None:
        for number, count in Counter(block.frames.columns[0].tolist()).items():
            if self._chosen.connected(number):
                told = self._current.get(number) or self._new(number)
                told.trace.frames += count
                told.trace.messages += count
                told.matched += count

    def _take(self, event: Event, passes: bool) -> None:
        told = self._of(event)
        trace = told.trace
        if isinstance(event, WebSocketUpgrade):
            trace.upgrade = event
            self._flow_upgrade(told)
        elif isinstance(event, WebSocketClose):
            trace.close = event
            self._flow_close(told)
        elif isinstance(event, WebSocketFrame):
            trace.frames += 1
            trace.note(event.sender, event.problems)
            told.statistics.frame(event)
            if passes and (self._wishes.frames or event.problems):
                self._row(told, event)
        elif isinstance(event, WebSocketMessage):
            trace.messages += 1
            trace.note(event.sender, event.problems)
            told.statistics.message(event)
            if passes and not (self._flowing and self._sessions.owns(event.connection)):
                self._row(told, event)

    def _of(self, event: Event) -> _Told:
        number: int = event.connection  # type: ignore[union-attr]
        told = self._current.get(number)
        if told is None or (isinstance(event, WebSocketUpgrade) and (told.trace.upgrade or told.trace.frames)):
            return self._new(number)
        return told

    def _new(self, number: int) -> _Told:
        client, server = self._chosen.peers[number]
        told = self._current[number] = _Told(Trace(number, client, server))
        self._traces.append(told)
        return told

    def _row(self, told: _Told, event: WebSocketMessage | WebSocketFrame) -> None:
        told.matched += 1
        if self._flowing:
            self._print_row(told, event)
            return
        if isinstance(event, WebSocketMessage) and not self._wishes.full and event.content is not None:
            event = event._replace(content=event.content[: PREVIEW + 1])
        self._held += 1
        if self._held == _HELD + 1:
            self._too_many()
        if self._flowing:
            self._print_row(told, event)
        elif self._held <= _HELD:
            told.rows.append(event)

    def _too_many(self) -> None:
        """More rows than are held back: one WebSocket flows from here on, several are shown without their rows."""
        if len(self._traces) > 1:
            for told in self._traces:
                self._dropped += len(told.rows)
                told.rows.clear()
            return
        self._flowing = True
        (told,) = self._traces
        self._flow_upgrade(told)
        for event in told.rows:
            self._print_row(told, event)
        told.rows.clear()

    # Printing as it comes

    def _flow_session(self, event: Event) -> None:
        for line in plain_session(event, self._analysis.start, full=self._wishes.full):
            self._print(Text(line))
        if isinstance(event, EngineIoSession) and event.over:
            for text in self._sessions.finish(event.number):
                self._print(text)

    def _flow_upgrade(self, told: _Told) -> None:
        if not self._flowing:
            return
        trace = told.trace
        self._shown = trace.connection
        self._print(Text.assemble((f"#{trace.connection} ", "faint"), (str(trace.client), "client"), (" → ", "faint"),
                                  (str(trace.server), "server")))  # fmt: skip
        if trace.upgrade is not None:
            for line in upgrade_lines(trace.upgrade, self._analysis.start, self._console.width):
                self._print(line)
            if not trace.opened:
                self._verdict(told)
                self._forget(told)

    def _flow_close(self, told: _Told) -> None:
        if self._flowing:
            if self._wishes.raw or not self._sessions.owns(told.trace.connection):
                self._verdict(told)
            if self._wishes.stats:
                self._stats(told)
            self._forget(told)

    def _forget(self, told: _Told) -> None:
        """A stream may go on for ever: of what is over only the numbers are kept."""
        if self._current.pop(told.trace.connection, None) is not None:
            self._traces.remove(told)
            self._past[not told.trace.opened] += 1
            self._past[2] += told.trace.messages

    def _print_row(self, told: _Told, event: WebSocketMessage | WebSocketFrame) -> None:
        width = self._console.width
        if self._flowing and self._shown != told.trace.connection:
            self._shown = told.trace.connection
            self._print(Text(f"#{told.trace.connection} {told.trace.client} → {told.trace.server}", "faint"))
        time = stamp(event.time, self._analysis.start, told.last, self._wishes.clock)
        told.last = event.time
        if isinstance(event, WebSocketFrame):
            self._print(frame_row(event, time, width))
            for line in problem_rows(event.problems, width):
                self._print(line)
            return
        for line in message_rows(event, time, width, full=self._wishes.full):
            self._print(line)

    # Printing at the end

    def _all(self, captures: str) -> None:
        shown = [told for told in self._traces if not self._chosen.narrow or told.matched or self._notable(told)]
        if not (self._wishes.raw or self._wishes.frames):
            shown = [told for told in shown if not self._part_of_session(told)]
        if len(shown) > 1:
            room = widths(told.trace for told in shown)
            self._print(header(self._console.width, room))
            for told in sorted(shown, key=lambda told: told.trace.connection):
                self._print(row(told.trace, self._console.width, room))
            self._print(Text())
        # The worst first: of many topics only a few are named.
        for told in sorted(shown, key=lambda told: trace_severity(told.trace) != "problem"):
            self._topics.update(dict.fromkeys(of_websocket(told.trace, told.rows, explain=self._wishes.explain)))
        rows = sum(told.matched for told in shown)
        if shown and not self._dropped and (len(shown) == 1 or rows <= _FEW or self._chosen.narrow):
            for told in sorted(shown, key=lambda told: told.trace.connection):
                self._one(told)
        elif shown:
            worst = min(shown, key=lambda told: (trace_severity(told.trace) != "problem", told.trace.connection))
            if self._dropped:
                worst = max(shown, key=lambda told: told.matched)
            command = f"netviz ws-trace {captures} --connection {worst.trace.connection}"
            # In one piece, however long, so that it can be copied.
            self._console.print(Text.assemble("one of them with its messages:\n  ", (command, "command")), soft_wrap=True)
        elif not self._sessions.chosen:
            self._nothing()

    def _part_of_session(self, told: _Told) -> bool:
        """Whether the story of a session tells of it."""
        upgrade = told.trace.upgrade
        return self._sessions.attempted(upgrade) if upgrade is not None else self._sessions.owns(told.trace.connection)

    def _notable(self, told: _Told) -> bool:
        """Whether it is shown for its own sake where only problems are wanted."""
        return self._chosen.problems and self._chosen.pattern is None and trace_severity(told.trace) == "problem"

    def _one(self, told: _Told) -> None:
        trace, width = told.trace, self._console.width
        self._verdict(told)
        self._print(Text())
        if self._wishes.explain:
            self._story(before_upgrade(trace))
        if trace.upgrade is not None:
            self._upgrade(trace.upgrade)
        if self._wishes.explain:
            self._story(after_upgrade(trace))
        for event in told.rows:
            self._print_row(told, event)
        if told.rows:
            self._print(Text())
        if self._wishes.explain:
            self._story(ending(trace))
        if trace.close is not None and trace.close.problems and self._chosen.problems:
            for line in problem_rows(trace.close.problems, width):
                self._print(line)
            self._print(Text())
        if self._wishes.stats:
            self._stats(told)

    def _upgrade(self, upgrade: WebSocketUpgrade) -> None:
        for line in (
            () if upgrade.tls is None else self._tls.above(upgrade.connection, self._analysis.start, self._console.width)
        ):
            self._print(line)
        for line in upgrade_lines(upgrade, self._analysis.start, self._console.width):
            self._print(line)
        self._print(Text())
        if self._wishes.explain:
            self._console.print(heads(upgrade))
            self._print(Text())
        if self._wishes.explain or any(rule.holds is False for rule in upgrade.rules):
            self._console.print(rules(upgrade))
            self._print(Text())
        if self._wishes.explain or upgrade.accept_valid is False:
            for line in arithmetic(upgrade, self._console.width):
                self._print(line)
            self._print(Text())

    def _verdict(self, told: _Told) -> None:
        verdict = judge_websocket(told.trace, self._analysis.start)
        for line in verdict_lines(told.trace, verdict, self._console.width):
            self._print(line)

    def _stats(self, told: _Told) -> None:
        self._console.print(statistics_table(told.statistics))
        for line in statistics_lines(told.statistics, told.trace.upgrade, self._console.width):
            self._print(line)
        self._print(Text())

    def _story(self, paragraphs: Iterable[str]) -> None:
        for paragraph in paragraphs:
            for text in wrapped(safe(paragraph), min(self._console.width, 100) - 2):
                self._print(Text("  " + text))
            self._print(Text())

    def _nothing(self) -> None:
        if self._traces:
            self._print(Text("nothing matches; without the filters there is something", "note"))
        else:
            hidden = " that can be read" if self._tls.unread else ""
            self._print(Text(f"no WebSocket in this capture{hidden}", "note"))

    def _tell(self, problems: list[CaptureProblem]) -> None:
        for event in problems:
            for problem in event.problems:
                for index, text in enumerate(wrapped(safe(problem.text), self._console.width - 2)):
                    self._print(Text.assemble(("! " if not index else "  ", "note"), (text, "note")))
        if problems:
            self._print(Text())

    def _footer(self) -> Text:
        start, stop, counts, _ = self._analysis.tally
        opened = sum(told.trace.opened for told in self._traces)
        refused = len(self._traces) - opened + self._past[1]
        sessions = len(self._sessions.chosen) + self._sessions.past
        words = [plural(sessions, "session")] if sessions else []
        words.append(plural(opened + self._past[0], "WebSocket"))
        if refused:
            words.append(f"{plural(refused, 'upgrade')} refused or unanswered")
        words.append(plural(sum(told.trace.messages for told in self._traces) + self._past[2], "message"))
        words.append(plural(counts.get("packets", 0), "packet"))
        if start is not None and stop is not None:
            words.append(span(stop - start))
        return Text.assemble((words[0], "label"), (" · " + " · ".join(words[1:]), "faint"))

    def _print(self, line: Text) -> None:
        self._console.print(fold(line, self._console.width, 2), soft_wrap=True)
