"""What both sides of a connection sent, side by side: how much, and what was special about it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from netviz.event import TcpConnection, Traffic
from netviz.quantity import span

__all__ = ["traffic_table", "troubles"]

#: Counters in words; those behind bytes are told where there is something to tell.
_ROWS = (
    ("packets", "segments"), ("bytes", "bytes of data"), ("retransmissions", "sent again"), ("out_of_order", "out of order"),
    ("duplicate_acks", "same ACK again"), ("zero_windows", "zero window"), ("keep_alives", "keep-alive"),
    ("lost_bytes", "bytes not captured"), ("copies", "captured twice"),
)  # fmt: skip

_QUIET = 2


def traffic_table(connection: TcpConnection, *, whole: bool = False) -> Table | None:
    """The counters of both sides with the packet where each was first seen; None where nothing is special.

    With ``whole`` there is always one.
    """
    client, server = connection.traffic
    if not whole and not any(client[_QUIET:9]) and not any(server[_QUIET:9]):
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="faint")
    table.add_column("traffic")
    table.add_column("client", style="client")
    table.add_column("server", style="server")
    for place, (_, words) in enumerate(_ROWS):
        if place < _QUIET or client[place] or server[place]:
            table.add_row(words, _cell(client, place), _cell(server, place))
    if client.stalled or server.stalled:
        table.add_row("no room for", *(Text(span(t.stalled) if t.stalled else "–") for t in (client, server)))
    return table


def troubles(connection: TcpConnection) -> list[str]:
    """The same in a few words, for a line of an overview."""
    first, second = connection.traffic
    sums = Traffic._make((*(a + b for a, b in zip(first[:10], second[:10], strict=True)), ()))
    counted = ((sums.retransmissions, "sent again"), (sums.out_of_order, "out of order"), (sums.copies, "captured twice"))
    words = [f"{count:,} {what}" for count, what in counted if count]
    if sums.zero_windows:
        words.append("zero window")
    if sums.lost_bytes:
        words.append(f"{sums.lost_bytes:,} B not captured")
    return words


def _cell(traffic: Traffic, place: int) -> Text:
    count = traffic[:10][place]
    if place >= _QUIET and not count:
        return Text("–")
    cell = Text(f"{count:,}")
    if place >= _QUIET and traffic.firsts[place]:
        cell.append(f"  from #{traffic.firsts[place]}" if count > 1 else f"  #{traffic.firsts[place]}", "faint")
    return cell
