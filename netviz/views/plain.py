"""One line an event, for grep and screen readers: no drawing, no colour, no abbreviation that needs a legend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from netviz.event import SIDES, CaptureProblem, Course, Event, Moment, TcpConnection, TcpOpening
from netviz.quantity import seconds, span
from netviz.views.overview import ending
from netviz.views.text import safe

__all__ = ["once", "plain_course", "plain_event", "plain_moment"]

_E = TypeVar("_E", bound=Event)


def once(events: Iterable[_E]) -> Iterator[_E]:
    """The same events, but of a connection that came to nothing only its opening: there is no more to tell."""
    told: set[int] = set()
    for event in events:
        if isinstance(event, TcpOpening):
            if event.closing is None:
                told.add(event.connection)
        elif isinstance(event, TcpConnection) and event.connection in told:
            told.discard(event.connection)
            continue
        yield event


def plain_event(event: Event, start: int | None) -> Iterator[str]:
    """A line for an event, and one for each of its problems."""
    if isinstance(event, TcpConnection):
        yield f"{_when(event.time, start)} connection {event.connection} {_summary(event)}"
        if isinstance(event, TcpOpening) and event.closing is not None:
            return  # it goes on, and all its problems will be told at its end
        for problem in event.problems:
            yield f"{_when(None, start)} connection {event.connection} problem {problem.kind}: {safe(problem.text)}"
    elif isinstance(event, CaptureProblem):
        for problem in event.problems:
            yield f"{_when(event.time, start)} capture problem {problem.kind}: {safe(problem.text)}"


def plain_course(connection: TcpConnection, course: Course, start: int | None) -> Iterator[str]:
    """A line for each kept segment of a connection."""
    for moment in course.moments:
        yield f"{_when(moment.segment.time, start)} connection {connection.connection} {plain_moment(moment)}"


def plain_moment(moment: Moment) -> str:
    """A segment, and the states behind it."""
    segment = moment.segment
    ack = "" if moment.ack is None else f" ack {moment.ack} ({segment.ack})"
    states = ", ".join(
        f"{side} {state}{' inferred' * unsure}"
        for side, state, unsure in zip(SIDES, moment.states, moment.inferred, strict=True)
    )
    return (
        f"packet {segment.packet} {SIDES[segment.side]} sends {moment.what} seq {moment.seq} ({segment.seq}){ack} "
        f"bytes {segment.length}; {states}"
    )


def _summary(event: TcpConnection) -> str:
    words = f"{event.outcome} {event.client} to {event.server}"
    if event.rtt.total is not None:
        words += f", round trip {span(event.rtt.total)}"
    if not isinstance(event, TcpOpening) and event.closing is not None:
        words += f", {ending(event)[0]}"
    if event.application != "unknown":
        words += f", {event.application}"
    return words


def _when(time: int | None, start: int | None) -> str:
    return "-" if time is None else seconds(time - (time if start is None else start))
