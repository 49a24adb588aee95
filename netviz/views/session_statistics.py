"""What Socket.IO adds on top of WebSocket, in features and in bytes, and polling against WebSocket: this capture's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from netviz.quantity import plural, span
from netviz.verdicts.session_cost import Cost, cost
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.session_use import Use, use
from netviz.views.text import fold

__all__ = ["session_costs", "session_features"]


def session_features(traces: Sequence[SessionTrace]) -> Table:
    """What was used of that which a bare WebSocket does not have."""
    found = use(traces)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text("Socket.IO adds", "faint"))
    table.add_column(Text("used here", "faint"), overflow="fold")
    for label, said in _features(found):
        table.add_row(Text(label, "label"), Text(said or "no", "" if said else "faint"))
    return table


def session_costs(traces: Sequence[SessionTrace], width: int) -> Iterator[Text]:
    """The bytes of it, and of the two transports."""
    found = cost(traces)
    if found.events:
        yield _line(
            f"{plural(found.events, 'event')} and {plural(found.acks, 'ack')} carry {found.arguments:,} bytes of arguments. "
            f"Socket.IO's packets take {found.packets_wire:,} bytes, so {found.added:,} are types, names, ids, namespaces and "
            f"joining these; Engine.IO adds {found.control:,} for opening, probing and the heartbeat",
            width,
        )
    polling, websocket = found.polling, found.websocket
    for name, carried in (("polling", polling), ("websocket", websocket)):
        if carried.packets:
            yield _line(
                f"{name}: {plural(carried.packets, 'packet')}, {carried.content:,} bytes, took {carried.wire:,} bytes with "
                f"{_heads(name, found)}; {carried.wire / carried.packets:,.0f} bytes a packet",
                width,
            )
    if polling.packets and websocket.packets:
        times = (polling.wire / polling.packets) / max(websocket.wire / websocket.packets, 1)
        yield _line(f"a packet by polling cost {times:.1f} times what it cost by WebSocket, TCP and IP not counted", width)
    elif polling.packets:
        other = found.as_websocket
        yield _line(f"as WebSocket frames the same packets would have taken {other:,} bytes, and one upgrade", width)
    elif found.as_polling is not None:
        yield _line(
            f"by polling the same packets would have taken about {found.as_polling:,} bytes, if each had its own request with "
            "heads as long as those of the upgrade",
            width,
        )
    yield Text()


def _features(found: Use) -> Iterator[tuple[str, str]]:
    yield "named events", f"{plural(found.events, 'event')} of {plural(found.names, 'name')}" if found.events else ""
    acks = f"{found.acked:,} of {plural(found.asked, 'event')} that asked for one"
    yield (
        "acknowledgements",
        acks + (f", after {span(found.slowest)} at most" if found.slowest is not None else "") if found.asked else "",
    )
    yield "namespaces", f"{found.namespaces:,} beside /" if found.namespaces else ""
    copies = f"{plural(found.broadcasts, 'call')} (inferred), {plural(found.copies, 'packet')}"
    yield "broadcasts", copies if found.broadcasts else ""
    yield "bytes in arguments", f"{plural(found.attachments, 'attachment')}" if found.attachments else ""
    yield "heartbeat", plural(found.beats, "beat") if found.beats else ""
    yield "polling", plural(found.polls, "request") if found.polls else ""
    yield "reconnection", f"{plural(found.again, 'session')} (inferred)" if found.again else ""


def _heads(name: str, found: Cost) -> str:
    if name == "polling":
        return f"the heads of {plural(found.polls, 'request')} and their answers"
    return "the headers of their frames and of the upgrades"


def _line(text: str, width: int) -> Text:
    return fold(Text.assemble(("computed  ", "label"), text), width, 10)
