"""How a session travelled: its transports, the probe between them, the namespaces that it joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.text import Text

from netviz.event import EngineIoPacket
from netviz.quantity import span
from netviz.verdicts.heartbeat import is_probe
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.text import fold, safe

__all__ = ["flow", "lane_lines", "letters", "short"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Characters of an id that tell it from others, and namespaces that are named.
_ID, _NAMED = 6, 6


def letters(count: int) -> list[str]:
    """What so many sessions are called: nothing, letters, or numbers from 1.

    >>> letters(1), letters(3), letters(27)[-1]
    ([''], ['A', 'B', 'C'], '27')
    """
    if count == 1:
        return [""]
    return list(_ALPHABET[:count]) if count <= len(_ALPHABET) else [str(number + 1) for number in range(count)]


def lane_lines(trace: SessionTrace, letter: str, traces: Sequence[SessionTrace], names: Sequence[str], width: int) -> Text:
    """A session: who, its ids, its way; ``traces`` and ``names`` are all that are drawn with it."""
    session = trace.session
    head = Text.assemble((f" {letter}  " if letter else " ", "label"), (str(session.client or "unknown client"), "client"))
    parts = [
        head,
        Text(f"sid {short(session.sid)}" if session.sid else "sid unknown", "faint"),
        Text("EIO unknown" if session.version is None else f"EIO {session.version}", "faint"),
        _way(trace),
        *_namespaces(trace),
    ]
    numbers = {other.session.number: name for other, name in zip(traces, names, strict=True)}
    for word, number in (("another hop of", session.hop), ("seems to come back after", session.again)):
        if number is not None:
            parts.append(Text(f"{word} {numbers.get(number) or f'session {number}'} (inferred)", "inferred"))
    if session.path not in ("", "/socket.io/"):
        parts.append(Text(f"at {safe(session.path)}", "faint"))
    return flow(parts, width, 4)


def flow(parts: Iterable[Text], width: int, indent: int) -> Text:
    """Parts beside one another, each in one piece as long as it fits a line."""
    out = Text()
    used = 0
    for part in parts:
        if used and used + 2 + part.cell_len > width:
            out.append("\n" + " " * indent)
            used = indent
        elif used:
            out.append("  ")
            used += 2
        part = fold(part, width - indent if used == indent else width, indent)
        used += part.cell_len
        out.append_text(part)
    return fold(out, width, indent)


def short(sid: str) -> str:
    """The beginning of an id, which is enough to know it again."""
    return safe(sid if len(sid) <= _ID + 1 else sid[:_ID] + "…")


def _way(trace: SessionTrace) -> Text:
    """The transports in the order of their use, and what was between them."""
    session = trace.session
    if "websocket" in session.transports and "polling" not in session.transports:
        return Text("websocket from the start" if session.opened else "websocket", "ok")
    line = Text("polling" if session.polls else "websocket")
    probe = next((packet for packet in trace.control if packet.type == "ping" and is_probe(packet)), None)
    answer = next((packet for packet in trace.control if packet.type == "pong" and is_probe(packet)), None)
    if session.upgraded or "websocket" in session.transports:
        took = _took(probe, answer)
        line.append(f" ──probe{'' if took is None else f' {span(took)}'}──▶ ", "ok")
        return line.append("websocket", "ok")
    failed = next((upgrade for upgrade in session.attempts if upgrade.outcome != "accepted"), None)
    if failed is not None:
        said = "no answer" if failed.status is None else f"{failed.status}"
        return line.append(f" ──{'upgrade: ' if session.polls else ''}{said}──✗", "problem")
    if not trace.engine[1] and session.refusals:
        status = session.refusals[0].status
        return line.append(f" ──{'no answer' if status is None else status}──✗", "problem")
    if not session.polls:
        return line.append(", which carried no packet", "note")
    if probe is not None:
        return line.append(" ──probe, " + ("then no upgrade" if answer else "no answer") + "──✗", "note")
    offered = session.opened is not None and "websocket" in session.opened.upgrades
    line.append(" only" if trace.counts["polling"] else "", "faint")
    return line.append(" (websocket offered)" if offered else "", "faint")


def _took(probe: EngineIoPacket | None, answer: EngineIoPacket | None) -> int | None:
    if answer is None or answer.took is not None or probe is None or probe.time is None or answer.time is None:
        return None if answer is None else answer.took
    return answer.time - probe.time


def _namespaces(trace: SessionTrace) -> Iterator[Text]:
    joined = list(dict.fromkeys(p.namespace for p in trace.packets if p.type == "CONNECT" and p.side == 1))
    if joined:
        names = [safe(name if len(name) <= 40 else name[:39] + "…") for name in joined[:_NAMED]]
        more = [f"{len(joined) - _NAMED} more"] if len(joined) > _NAMED else []
        *first, last = [*names, *more]
        yield Text(f"{', '.join(first)}{' and ' if first else ''}{last} joined")
