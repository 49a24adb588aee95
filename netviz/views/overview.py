"""A line for each connection, verdict first; two lines where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from rich.text import Text

from netviz.event import SIDES, Endpoint, TcpConnection
from netviz.quantity import plural, seconds, span
from netviz.verdicts.tcp import severity
from netviz.views.text import fold
from netviz.views.traffic import troubles

__all__ = ["SIGNS", "Ends", "ending", "footer", "header", "row", "widths"]

#: A sign and a style for each severity: told twice, so that colour is not needed.
SIGNS = {"ok": ("✓", "ok"), "note": ("•", "note"), "problem": ("✗", "problem")}

#: Below this width a connection takes two lines.
_WIDE = 110
_VERDICT = 12

#: Problems of the traffic, which need words of their own.
_TROUBLES = {"lost-bytes", "retransmissions", "out-of-order", "zero-window", "captured-twice"}


class Ends(Protocol):
    """Whatever has a client and a server."""

    @property
    def client(self) -> Endpoint:
        """Who began."""

    @property
    def server(self) -> Endpoint:
        """The other end."""


def widths(connections: Iterable[Ends]) -> tuple[int, int]:
    """Room for the longest client and server."""
    client, server = 15, 15
    for connection in connections:
        client, server = max(client, len(str(connection.client))), max(server, len(str(connection.server)))
    return client, server


def header(width: int, room: tuple[int, int]) -> Text:
    """The names of the columns."""
    line = f"{'#':>5}   {'verdict':<{_VERDICT}} {'client':>{room[0]}}   {'server':<{room[1]}}"
    if width >= _WIDE:
        line += f"  {'start':>11}  {'RTT':>8}  ending"
    return Text(line, "faint")


def row(connection: TcpConnection, start: int | None, width: int, room: tuple[int, int]) -> Text:
    """One connection."""
    sign, style = SIGNS[severity(connection)]
    line = Text.assemble(
        (f"{connection.connection:>5} ", "faint"),
        (f"{sign} {connection.outcome.upper():<{_VERDICT}} ", style),
        (f"{connection.client!s:>{room[0]}}", "client"),
        (" → ", "faint"),
        (f"{connection.server!s:<{room[1]}}", "server"),
    )
    begun = "" if connection.start is None or start is None else seconds(connection.start - start)
    rtt = "" if connection.rtt.total is None else span(connection.rtt.total)
    text, style = ending(connection)
    rest = Text.assemble((text, style), *_application(connection))
    if width >= _WIDE:
        line.append(f"  {begun:>11}  {rtt:>8}  ")
        return fold(line.append_text(rest), width, 8)
    begun = f"at {begun} s" if begun else ""
    second = Text(" " * 8)
    second.append("".join(f"{part}  " for part in (begun, f"RTT {rtt}" if rtt else "") if part), "faint")
    second.append_text(rest)
    return Text("\n").join([fold(line, width, 8), fold(second, width, 8)])


def ending(connection: TcpConnection) -> tuple[str, str]:
    """How a connection ended in a few words, and the style of that."""
    lasted = "" if connection.duration is None else f" after {span(connection.duration)}"
    closing = connection.closing
    if closing is None:
        return _failure(connection), ""
    return {
        "fin": (f"closed by {closing.by}{lasted}", ""),
        "reset": (f"RESET by {closing.by}{lasted}", "problem"),
        "half-closed": (f"half-closed by {closing.by}", "note"),
        "open": ("still open at the end", ""),
    }[closing.how]


def _failure(connection: TcpConnection) -> str:
    """What came instead of a connection."""
    if connection.icmp:
        return f"ICMP: {connection.icmp[0].meaning}"
    last = connection.steps[-1].segment if connection.steps else None
    tries = sum(step.step == "SYN" for step in connection.steps)
    return {
        "refused": "RST answered the SYN",
        "unanswered": f"no answer to {plural(tries, 'SYN')}",
        "incomplete": "the last ACK is missing",
        "aborted": f"RST by {SIDES[last.side] if last else 'client'}",
    }.get(connection.outcome, "")


def _application(connection: TcpConnection) -> Iterator[tuple[str, str]]:
    if connection.application != "unknown":
        yield f" · {connection.application}", "label"
    again = sum(step.retransmission for step in connection.steps)
    if again and connection.outcome == "established":
        yield f" · {plural(again, 'handshake step')} repeated", "note"
    told = {problem.kind for problem in connection.problems}
    if told & _TROUBLES:
        yield f" · {', '.join(troubles(connection))}", "note"


def footer(
    outcomes: dict[str, int], counts: dict[str, int], start: int | None, stop: int | None, late: int, of: int | None = None
) -> Text:
    """What was in the capture, in one line; ``of`` is how many connections there were where not all are shown."""
    total = sum(outcomes.values())
    everything = total if of is None else of
    shown = plural(total, "connection") if total == everything else f"{total:,} of {plural(everything, 'connection')}"
    line = Text.assemble((shown, "label"))
    words = [f"{count:,} {outcome}" for outcome, count in outcomes.items() if count]
    if words:
        line.append(": " + ", ".join(words), "")
    packets = counts.get("packets", 0)
    line.append(f" · {plural(packets, 'packet')}", "faint")
    named = [f"{counts[name]:,} {name.upper()}" for name in ("tcp", "udp", "icmp", "arp") if counts.get(name)]
    others = packets - sum(counts.get(name, 0) for name in ("tcp", "udp", "icmp", "arp"))
    if others:
        named.append(f"{others:,} other")
    if named and named != [f"{packets:,} TCP"]:
        line.append(f" ({', '.join(named)})", "faint")
    if start is not None and stop is not None:
        line.append(f" · {span(stop - start)}", "faint")
    if late:
        line.append(f" · {plural(late, 'late segment')} of connections already over", "faint")
    return line
