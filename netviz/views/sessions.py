"""A line for each session, where there are several: who, which, how it travelled, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from netviz.quantity import plural, seconds, span
from netviz.verdicts.heartbeat import beats
from netviz.verdicts.session_over import ends
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Severity
from netviz.views.overview import SIGNS
from netviz.views.session_lane import short
from netviz.views.text import fold

__all__ = ["outcome", "session_table"]

_WIDE = 110
_OUTCOME = 15
_TRANSPORTS = {(): "-", ("polling",): "polling", ("websocket",): "websocket", ("polling", "websocket"): "polling → websocket"}


def session_table(
    traces: Sequence[SessionTrace], *, width: int, start: int | None, words: Sequence[tuple[Severity, str]] = ()
) -> Iterator[Text]:
    """The overview; ``words`` are severities and short verdicts, where somebody judged the sessions."""
    room = max((len(str(trace.session.client or "-")) for trace in traces), default=15), max(
        (len(str(trace.session.server or "-")) for trace in traces), default=15
    )  # fmt: skip
    line = f"{'#':>5}   {'session':<{_OUTCOME}} {'client':>{room[0]}}   {'server':<{room[1]}}"
    if width >= _WIDE:
        line += f"  {'sid':<8} EIO  transports"
    yield fold(Text(line.rstrip(), "faint"), width, 8)
    for trace, (severity, word) in zip(traces, words or [outcome(trace) for trace in traces], strict=True):
        yield _row(trace, severity, word, room, width, start)


def outcome(trace: SessionTrace) -> tuple[Severity, str]:
    """What became of a session in a word, from what was seen of it alone."""
    session = trace.session
    if not trace.engine[1] and (session.refusals or session.attempts):
        return "problem", "REFUSED"
    if any(packet.type in ("CONNECT_ERROR", "ERROR") for packet in trace.packets):
        joined = any(packet.type == "CONNECT" and packet.side == 1 for packet in trace.packets)
        return ("note", "PARTLY REFUSED") if joined else ("problem", "REFUSED")
    if beats(trace).gave_up is not None:
        return "problem", "PING TIMEOUT"
    if ends(trace) or any(packet.type == "DISCONNECT" and packet.namespace == "/" for packet in trace.packets):
        return "ok", "CLOSED"
    return "ok", "OPEN"


def _row(trace: SessionTrace, severity: Severity, word: str, room: tuple[int, int], width: int, start: int | None) -> Text:
    session = trace.session
    sign, style = SIGNS[severity]
    line = Text.assemble(
        (f"{session.number:>5} ", "faint"),
        (f"{sign} {word:<{_OUTCOME}} ", style),
        (f"{session.client or '-'!s:>{room[0]}}", "client"),
        (" → ", "faint"),
        (f"{session.server or '-'!s:<{room[1]}}", "server"),
    )
    sid = "-" if session.sid is None else short(session.sid)
    version = "-" if session.version is None else str(session.version)
    events = sum(packet.event is not None for packet in trace.packets)
    rest = [
        _TRANSPORTS.get(session.transports, " → ".join(session.transports)),
        plural(events, "event") if trace.packets else plural(sum(trace.engine), "packet"),
    ]
    if session.began is not None and trace.last is not None and trace.last > session.began:
        rest.append(span(trace.last - session.began))
    if width >= _WIDE:
        line.append(f"  {sid:<8} {version:<3}  ", "faint")
        return fold(line.append(" · ".join(rest)), width, 8)
    begun = [] if session.began is None or start is None else [f"at {seconds(session.began - start)} s"]
    second = Text(" " * 8 + " · ".join([*begun, f"sid {sid}", f"EIO {version}", *rest]), "faint")
    return Text("\n").join([fold(line, width, 8), fold(second, width, 8)])
