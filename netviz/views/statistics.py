"""Heartbeat, rates, sizes and compression of a WebSocket, and what HTTP would have cost."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from netviz.event import SIDES, WebSocketUpgrade
from netviz.quantity import plural, span
from netviz.statistics import Heartbeat, Statistics, Traffic
from netviz.views.text import fold

__all__ = ["statistics_lines", "statistics_table"]


def statistics_table(statistics: Statistics) -> Table:
    """Both directions beside one another."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text("sent by", "faint"))
    for side in SIDES:
        table.add_column(Text(side, side), overflow="fold")
    for label, read in (
        ("messages", lambda side: f"{side.messages:,}"),
        ("rate", lambda side: "" if side.rate is None else _rate(side.rate)),
        ("content", _content),
        ("compression", _compression),
        ("frames", lambda side: f"{side.frames:,}, {side.heads:,} bytes of headers"),
    ):
        table.add_row(Text(label, "label"), *(read(side) for side in statistics.traffic))
    beats = [_beat(beat) for beat in statistics.heartbeat]
    if any(beats):
        table.add_row(Text("heartbeat", "label"), *beats)
    return table


def statistics_lines(statistics: Statistics, upgrade: WebSocketUpgrade | None, width: int) -> Iterator[Text]:
    """What the same messages would have cost as HTTP requests."""
    messages = sum(side.messages for side in statistics.traffic)
    if upgrade is None or upgrade.status is None or not messages:
        return
    http, websocket = statistics.over_http(upgrade), statistics.as_websocket()
    times = f", {http / websocket:.1f} times as much" if websocket else ""
    line = Text.assemble(
        ("computed  ", "label"),
        f"as HTTP, {plural(messages, 'message')} with this connection's own heads would have taken {http:,} bytes; as "
        f"WebSocket frames they took {websocket:,}", (f"{times}" if http > websocket else "", "note"),
    )  # fmt: skip
    yield fold(line, width, 10)


def _rate(rate: float) -> str:
    return f"{rate:,.0f} a second" if rate >= 100 else f"{rate:.3g} a second"


def _content(side: Traffic) -> str:
    if not side.messages:
        return "none"
    mean = side.content / side.messages
    return f"{side.content:,} bytes; {side.smallest:,} to {side.largest:,}, {mean:,.0f} on average"


def _compression(side: Traffic) -> str:
    if not side.compressed:
        return "none"
    ratio = side.inflated / side.deflated if side.deflated else 0
    return f"{plural(side.compressed, 'message')}, {side.inflated:,} → {side.deflated:,} bytes, {ratio:.1f} : 1"


def _beat(beat: Heartbeat) -> str:
    if not beat.pings:
        return ""
    words = [f"{plural(beat.pings, 'ping')}, {beat.answered:,} answered"]
    for name, (least, total, most, count) in (("every", beat.intervals), ("pong after", beat.trips)):
        if count:
            spread = f" ({span(least)} to {span(most)})" if most > least else ""
            words.append(f"{name} {span(total // count)}{spread}")
    return "; ".join(words)
