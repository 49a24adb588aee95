"""What ``netviz handshake`` puts on a screen: a ladder for one connection, a line each for several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import wrap

from rich.console import Console
from rich.text import Text

from netviz.analysis import Analysis, course
from netviz.cli.selection import Selection
from netviz.event import CaptureProblem, Event, Prologue, TcpConnection, TcpOpening
from netviz.verdicts.neighbours import Neighbours
from netviz.verdicts.tcp import judge_tcp
from netviz.views.ladder import Rungs, ladder
from netviz.views.offers import offers
from netviz.views.overview import footer, header, row, widths
from netviz.views.plain import once, plain_course, plain_event
from netviz.views.prologue import cost_table, inside
from netviz.views.story import OUTCOMES, story
from netviz.views.text import fold, safe
from netviz.views.topics_named import named, of_connection
from netviz.views.traffic import traffic_table
from netviz.views.verdict import verdict_lines

__all__ = ["Drawing", "print_plain"]

#: So many connections are held back to find the width of the columns.
_HELD = 500


def print_plain(console: Console, analysis: Analysis, events: Iterable[Event], chosen: Selection, *, steps: bool) -> None:
    """A line an event, as they come; with ``steps`` also one for each segment that decided something."""
    passed = filter(chosen.passes, events)
    for event in (event for event in passed if not isinstance(event, TcpOpening)) if steps else once(passed):
        if steps and isinstance(event, TcpConnection):
            for line in plain_course(event, course(event), analysis.start):
                console.print(line, soft_wrap=True)
        for line in plain_event(event, analysis.start):
            console.print(line, soft_wrap=True)


class Drawing:
    """Draws the connections of a capture as they come; one alone becomes a ladder."""

    def __init__(
        self, console: Console, analysis: Analysis, chosen: Selection, rungs: Rungs, explain: bool,
        prologue: Callable[[TcpConnection], Prologue | None] = lambda connection: None,
    ) -> None:  # fmt: skip
        self._console = console
        self._analysis = analysis
        self._chosen = chosen
        self._rungs = rungs
        self._explain = explain
        self._prologue = prologue
        self._neighbours = Neighbours()
        self._room = (15, 15)
        self._outcomes: dict[str, int] = {}
        self._worst: TcpConnection | None = None
        #: Topics that explain what is shown: those of problems stand first.
        self._topics: dict[str, None] = {}

    def draw(self, events: Iterable[Event], captures: str) -> None:
        """Read all, draw all."""
        held: list[TcpConnection] = []
        problems: list[CaptureProblem] = []
        rows = 0
        for event in events:
            if isinstance(event, TcpConnection) and not isinstance(event, TcpOpening):
                self._neighbours.add(event)
            if not self._chosen.passes(event) or isinstance(event, TcpOpening):
                continue
            if isinstance(event, CaptureProblem):
                problems.append(event)
            elif isinstance(event, TcpConnection):
                self._count(event)
                held.append(event)
            if len(held) > _HELD or (rows and held):
                rows += self._rows(held, first=not rows)
                held = []
        self._chosen.require_connection()
        if rows or len(held) > 1:
            rows += self._rows(held, first=not rows)
            self._print(Text())
            if self._explain:
                self._glossary()
        elif held:
            self._one(held[0])
        self._tell(problems)
        start, stop, counts, late = self._analysis.tally
        self._print(footer(self._outcomes, counts, start, stop, late, self._chosen.highest + 1))
        self._next(captures, rows)
        if self._topics:
            self._print(named(self._topics, self._console.width))

    def _print(self, line: Text) -> None:
        self._console.print(fold(line, self._console.width, 2), soft_wrap=True)

    def _count(self, event: TcpConnection) -> None:
        self._outcomes[event.outcome] = self._outcomes.get(event.outcome, 0) + 1
        worst = self._worst
        if worst is None or (not event.problems, event.connection) < (not worst.problems, worst.connection):
            self._worst = event
            self._topics = dict.fromkeys((*of_connection(event), *self._topics))
        else:
            self._topics.update(dict.fromkeys(of_connection(event)))

    def _rows(self, connections: list[TcpConnection], *, first: bool) -> int:
        # In order of their first packet: that is how they are numbered, and how a reader looks them up.
        width = self._console.width
        if first:
            self._room = widths(connections)
            self._print(header(width, self._room))
        for connection in sorted(connections, key=lambda c: c.connection):
            self._print(row(connection, self._analysis.start, width, self._room))
        return len(connections)

    def _one(self, connection: TcpConnection) -> None:
        width = self._console.width
        whole = course(connection)
        verdict = judge_tcp(connection, self._neighbours, self._analysis.start)
        for line in verdict_lines(connection, verdict, width):
            self._print(line)
        self._print(Text())
        if self._explain:
            for paragraph in story(connection, whole):
                for text in wrap(paragraph, min(width, 100) - 2):
                    self._print(Text("  " + text))
                self._print(Text())
        before = self._prologue(connection)
        rungs = [] if before is None else inside(before)
        for line in ladder(connection, whole, self._analysis.start, width, self._rungs, rungs):
            self._print(line)
        self._print(Text())
        cost = None if before is None else cost_table(connection, before, width)
        for table in (cost, traffic_table(connection, whole=self._rungs.whole), offers(connection)):
            if table is not None:
                self._console.print(table)
                self._print(Text())

    def _glossary(self) -> None:
        for outcome in self._outcomes:
            for index, text in enumerate(wrap(OUTCOMES[outcome], min(self._console.width, 110) - 16)):
                self._print(Text.assemble((f"  {outcome if not index else '':<13} ", "label"), text))
        self._print(Text())

    def _tell(self, problems: list[CaptureProblem]) -> None:
        for event in problems:
            for problem in event.problems:
                for index, text in enumerate(wrap(safe(problem.text), self._console.width - 2)):
                    self._print(Text.assemble(("! " if not index else "  ", "note"), (text, "note")))
        if problems:
            self._print(Text())

    def _next(self, captures: str, rows: int) -> None:
        """What to type next."""
        if rows and self._worst is not None:
            self._print(Text.assemble("one as a ladder: ", (
                f"netviz handshake {captures} --connection {self._worst.connection}", "command")))  # fmt: skip
        elif not self._outcomes:
            self._print(Text("no connection matches; without the filters there may be some" if self._chosen.highest >= 0
                             else "no TCP connection in this capture", "note"))  # fmt: skip
