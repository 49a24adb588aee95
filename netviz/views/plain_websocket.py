"""One line an event of a WebSocket, for grep and screen readers."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import SIDES, Event, Problem, WebSocketClose, WebSocketFrame, WebSocketMessage, WebSocketUpgrade, close_name
from netviz.quantity import plural, seconds, span
from netviz.views.conversation import preview
from netviz.views.text import safe

__all__ = ["plain_websocket"]


def plain_websocket(event: Event, start: int | None, *, full: bool = False) -> Iterator[str]:
    """A line for an event, and one for each of its problems."""
    if isinstance(event, WebSocketUpgrade):
        words, number = _upgrade(event), event.connection
    elif isinstance(event, WebSocketMessage):
        words, number = _message(event, full), event.connection
    elif isinstance(event, WebSocketFrame):
        words, number = _frame(event), event.connection
    elif isinstance(event, WebSocketClose):
        words, number = _close(event), event.connection
    else:
        return
    yield f"{_when(event.time, start)} connection {number} {words}"
    yield from _problems(event.problems, number, event.time, start)


def _upgrade(event: WebSocketUpgrade) -> str:
    answer = "no answer" if event.status is None else safe(f"{event.status} {event.reason}".strip())
    took = ""
    if event.time is not None and event.asked is not None and event.status is not None:
        took = f" after {span(event.time - event.asked)}"
    agreed = [f"subprotocol {event.subprotocol}"] * (event.subprotocol is not None) + list(event.extensions)
    more = f", {safe('; '.join(agreed))}" if agreed else ""
    return f"upgrade {event.outcome} {event.method} {safe(event.path)} answered {answer}{took}{more}"


def _message(event: WebSocketMessage, full: bool) -> str:
    content, whole = preview(event, full=full)
    size = plural(event.wire_length, "byte")
    if event.compressed:
        size += " compressed" + ("" if event.length is None else f" of {event.length:,}")
    pieces = f" in {event.fragments} frames" if event.fragments > 1 else ""
    answer = ""
    if event.after is not None:
        answer = f" answers message {event.after.number}" + (
            "" if event.after.took is None else f" after {span(event.after.took)}"
        )
    said = content.plain.replace("\n", "\\n") + ("" if whole else "…")
    return f"message {event.number} {event.sender} {event.kind} {size}{pieces}{answer}: {said}"


def _frame(event: WebSocketFrame) -> str:
    mask = f"mask {event.mask:08x}" if event.masked else "no mask"
    bits = "".join(f" RSV{n}" for n in (1, 2, 3) if event.first & (0x80 >> n))
    return f"frame {event.number} {SIDES[event.side]} {event.kind} fin {int(event.fin)}{bits} {mask} length {event.length}"


def _close(event: WebSocketClose) -> str:
    if not event.ended:
        return "still open at the end of the capture"
    reason = f" reason {safe(event.reason)}" if event.reason else ""
    clean = "clean" if event.clean else "not clean"
    by = f" by {event.by}" if event.by else ""
    return f"closed {event.code} {close_name(event.code)}{by}{reason}, {clean}, TCP {event.transport}"


def _problems(problems: tuple[Problem, ...], number: int, time: int | None, start: int | None) -> Iterator[str]:
    for problem in problems:
        yield f"{_when(time, start)} connection {number} problem {problem.kind}: {safe(problem.text)}"


def _when(time: int | None, start: int | None) -> str:
    return "-" if time is None else seconds(time - (time if start is None else start))
