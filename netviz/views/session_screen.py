"""The sessions of one server as one story: how each travelled, what was said, whether they were still there."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from netviz.quantity import plural
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.conversation import Clock
from netviz.views.session_heartbeat import heartbeat_lines
from netviz.views.session_lane import flow, lane_lines, letters
from netviz.views.session_rows import session_rows
from netviz.views.session_statistics import session_costs, session_features
from netviz.views.session_story import beating, beginning, speaking
from netviz.views.text import safe, wrapped

__all__ = ["session_screen"]

#: Widest a paragraph gets.
_PARAGRAPH = 100


def session_screen(
    traces: list[SessionTrace], *, width: int, start: int | None, clock: Clock = "elapsed", full: bool = False,
    api: bool = False, explain: bool = False, stats: bool = False,
) -> Iterator[Text | Table]:  # fmt: skip
    """Draw the sessions of one server endpoint; ``start`` is the time of the capture's first packet."""
    names = letters(len(traces))
    yield _title(traces, width)
    for trace, name in zip(traces, names, strict=True):
        yield lane_lines(trace, name, traces, names, width)
    yield Text()
    if explain:
        yield from _story(beginning(traces), width)
    told = False
    for row in session_rows(traces, names, width=width, start=start, clock=clock, full=full, api=api):
        told = True
        yield row
    if told:
        yield Text()
    if explain:
        yield from _story(speaking(traces), width)
    told = False
    for line in heartbeat_lines(traces, names, width=width, start=start, clock=clock, full=full):
        told = True
        yield line
    if told:
        yield Text()
    if explain:
        yield from _story(beating(traces), width)
    if stats:
        yield session_features(traces)
        yield Text()
        yield from session_costs(traces, width)


def _title(traces: list[SessionTrace], width: int) -> Text:
    server = traces[0].session.server
    socket = any(trace.packets for trace in traces)
    parts = [
        Text.assemble(("Socket.IO" if socket else "Engine.IO", "title"), "  ", (str(server or "unknown server"), "server")),
        Text("· " + plural(len(traces), "session"), "faint"),
    ]
    events = sum(packet.event is not None for trace in traces for packet in trace.packets)
    if socket:
        parts.append(Text("· " + plural(events, "event"), "faint"))
    return flow(parts, width, 2)


def _story(paragraphs: Iterator[str], width: int) -> Iterator[Text]:
    for paragraph in paragraphs:
        for text in wrapped(safe(paragraph), min(width, _PARAGRAPH) - 2):
            yield Text("  " + text)
        yield Text()
