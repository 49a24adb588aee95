"""What ``netviz ws-trace --frame K`` puts on a screen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from netviz.cli.trace_selection import TraceSelection
from netviz.errors import NetvizError
from netviz.event import Anatomy, Event, WebSocketFrame
from netviz.views.anatomy import anatomy
from netviz.views.topics_named import named, of_frame

__all__ = ["draw_frame"]


def draw_frame(console: Console, events: Iterable[Event], chosen: TraceSelection, number: int) -> None:
    """Draw the one frame of this number; raises NetvizError where there is none, or more than one."""
    found: list[Anatomy] = []
    most: dict[int, int] = {}
    for event in events:
        chosen.passes(event)
        if isinstance(event, WebSocketFrame):
            most[event.connection] = event.number
        if isinstance(event, Anatomy) and chosen.connected(event.frame.connection):
            found.append(event)
    chosen.require()
    if not found:
        longest = max((count for connection, count in most.items() if chosen.connected(connection)), default=0)
        raise NetvizError(f"no frame {number}: " + (f"the last one is frame {longest}" if longest else "there are no frames"))
    if len(found) > 1:
        there = ", ".join(str(event.frame.connection) for event in found[:20])
        raise NetvizError(f"several WebSockets have a frame {number}", f"say which: --connection N, of {there}")
    chosen.problems_seen = bool(found[0].problems)
    for line in anatomy(found[0], console.width):
        console.print(line, soft_wrap=True)
    console.print(Text())
    console.print(named(of_frame(found[0].frame), console.width), soft_wrap=True)
