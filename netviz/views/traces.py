"""A line for each WebSocket, verdict first; two lines where the terminal is narrow."""

from __future__ import annotations

from rich.text import Text

from netviz.quantity import plural, span
from netviz.verdicts.websocket import Trace, short_verdict, trace_severity
from netviz.views.overview import SIGNS, widths
from netviz.views.text import fold, safe

__all__ = ["header", "row", "widths"]

_WIDE = 110
_VERDICT = 14
_PATH = 28


def header(width: int, room: tuple[int, int]) -> Text:
    """The names of the columns."""
    line = f"{'#':>5}   {'verdict':<{_VERDICT}} {'client':>{room[0]}}   {'server':<{room[1]}}"
    if width >= _WIDE:
        line += f"  {'path':<{_PATH}}  messages"
    return Text(line, "faint")


def row(trace: Trace, width: int, room: tuple[int, int]) -> Text:
    """One WebSocket."""
    sign, style = SIGNS[trace_severity(trace)]
    line = Text.assemble(
        (f"{trace.connection:>5} ", "faint"),
        (f"{sign} {short_verdict(trace):<{_VERDICT}} ", style),
        (f"{trace.client!s:>{room[0]}}", "client"),
        (" → ", "faint"),
        (f"{trace.server!s:<{room[1]}}", "server"),
    )
    path = safe(trace.upgrade.path) if trace.upgrade else "(no upgrade captured)"
    said = _said(trace)
    if width >= _WIDE:
        shown = path if len(path) <= _PATH else path[: _PATH - 1] + "…"
        line.append(f"  {shown:<{_PATH}}")
        return fold(line.append(f"  {said}", "faint"), width, 8)
    second = Text.assemble(" " * 8, path, "  ", (said, "faint"))
    return Text("\n").join([fold(line, width, 8), fold(second, width, 8)])


def _said(trace: Trace) -> str:
    close, words = trace.close, []
    if trace.upgrade is not None and trace.upgrade.tls is not None:
        words.append(trace.upgrade.tls.version)
    if close is not None:
        client, server = close.totals
        words.append(f"{client.messages:,} ▶ ◀ {server.messages:,}")
        if client.content + server.content > client.wire + server.wire:
            words.append("compressed")
        if close.unanswered:
            words.append(f"{plural(len(close.unanswered), 'ping')} unanswered")
        if close.began is not None and close.time is not None:
            words.append(f"{span(close.time - close.began)}")
    elif trace.opened:
        words.append(plural(trace.messages, "message"))
    elif trace.upgrade is not None and trace.upgrade.reason:
        words.append(safe(trace.upgrade.reason))
    if trace.problems:
        words.append(plural(trace.problems, "problem"))
    return " · ".join(words)
