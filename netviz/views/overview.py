"""A line for each connection, verdict first; two lines where the terminal is narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from netviz.event import TcpConnection
from netviz.quantity import plural, seconds, span
from netviz.verdicts.tcp import severity

__all__ = ["SIGNS", "ending", "footer", "header", "row", "widths"]

#: A sign and a style for each severity: told twice, so that colour is not needed.
SIGNS = {"ok": ("✓", "ok"), "note": ("•", "note"), "problem": ("✗", "problem")}

#: Below this width a connection takes two lines.
_WIDE = 110
_VERDICT = 12


def widths(connections: Iterable[TcpConnection]) -> tuple[int, int]:
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
        line.append_text(rest)
    else:
        begun = f"at {begun} s" if begun else ""
        line.append("\n" + " " * 8)
        line.append("".join(f"{part}  " for part in (begun, f"RTT {rtt}" if rtt else "") if part), "faint")
        line.append_text(rest)
    return line


def ending(connection: TcpConnection) -> tuple[str, str]:
    """How a connection ended in a few words, and the style of that."""
    lasted = "" if connection.duration is None else f" after {span(connection.duration)}"
    closing = connection.closing
    if closing is None:
        first = connection.problems[0].text if connection.problems else ""
        return first, ""
    return {
        "fin": (f"closed by {closing.by}{lasted}", ""),
        "reset": (f"RESET by {closing.by}{lasted}", "problem"),
        "half-closed": (f"half-closed by {closing.by}", "note"),
        "open": ("still open at the end", ""),
    }[closing.how]


def _application(connection: TcpConnection) -> Iterator[tuple[str, str]]:
    if connection.application != "unknown":
        yield f" · {connection.application}", "label"
    again = sum(step.retransmission for step in connection.steps)
    if again and connection.outcome == "established":
        yield f" · {plural(again, 'handshake step')} repeated", "note"


def footer(outcomes: dict[str, int], counts: dict[str, int], start: int | None, stop: int | None, late: int) -> Text:
    """What was in the capture, in one line."""
    total = sum(outcomes.values())
    line = Text.assemble((plural(total, "connection"), "label"))
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
