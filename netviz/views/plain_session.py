"""One line an event of Engine.IO and Socket.IO, for grep, screen readers, and what is live."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import EngineIoPacket, EngineIoSession, Event, SocketIoPacket
from netviz.quantity import plural, seconds, span
from netviz.views.arguments import argument_list, quoted
from netviz.views.text import safe

__all__ = ["plain_session"]

#: Characters of arguments that are shown where not all of them are wanted.
_PREVIEW = 200


def plain_session(event: Event, start: int | None, *, full: bool = False) -> Iterator[str]:
    """A line for an event, and one for each of its problems."""
    if isinstance(event, EngineIoPacket):
        if event.type == "message" and not event.problems:
            return  # what it carries has a line of its own
        words, number = _engine(event), event.session
    elif isinstance(event, SocketIoPacket):
        words, number = _socket(event, None if full else _PREVIEW), event.session
    elif isinstance(event, EngineIoSession):
        words, number = _session(event), event.number
    else:
        return
    when = "-" if event.time is None else seconds(event.time - (event.time if start is None else start))
    if not isinstance(event, EngineIoSession) or event.over:
        yield f"{when} session {number} {words}"
    for problem in event.problems:
        yield f"{when} session {number} problem {problem.kind}: {safe(problem.text)}"


def _engine(event: EngineIoPacket) -> str:
    took = "" if event.took is None else f" after {span(event.took)}"
    data = event.data
    said = "" if not data else f": {safe(data[:_PREVIEW])}" if isinstance(data, str) else f": {plural(len(data), 'byte')}"
    return f"{event.sender} {event.transport} engine.io {event.type}{took}{said}"


def _socket(event: SocketIoPacket, most: int | None) -> str:
    where = "" if event.namespace == "/" else f" {safe(event.namespace)}"
    args = argument_list(event.args, most)
    if event.event is not None:
        said = f"emit({quoted(event.event, most)}{', ' if args else ''}{args})"
    else:
        said = event.type.lower().replace("_", " ") + (f" {args}" if args else "")
    number = "" if event.id is None else f" #{safe(str(event.id)[:20])}"
    known = event.ack or event.answers
    took = "" if known is None or known.took is None else f" {'ack' if event.ack else 'answers'} +{span(known.took)}"
    return f"{event.sender} {event.transport}{where} {said}{number}{took}"


def _session(event: EngineIoSession) -> str:
    way = " then ".join(event.transports) or "no transport"
    sid = "without a sid" if event.sid is None else safe(event.sid)
    return f"of {event.client} at {event.server}{safe(event.path)} {sid}: Engine.IO {event.version or '?'}, {way}"
