"""What a capture is, in words: the headline of its summary and the facts of its file, for every kind of screen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from netviz.event import CaptureInterface, CapturePart, CaptureSummary, TcpConnection
from netviz.quantity import amount, plural, span
from netviz.verdicts.capture import Command
from netviz.views.text import clock, safe

__all__ = ["facts", "found", "headline", "repeated", "written"]

_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: So many parts, interfaces, comments and numbers are told, and of a comment so much.
_MOST, _NUMBERS, _COMMENT = 6, 12, 300

#: A snapshot length from here on cuts nothing that a network carries.
_WHOLE = 65_535


def headline(summary: CaptureSummary) -> str:
    """What is in it, in one line."""
    words = [plural(summary.count, "packet"), plural(summary.connections, "TCP connection")]
    sockets = summary.websockets
    if sockets.opened:
        words.append(plural(sockets.opened, "WebSocket"))
    if summary.sessions.total:
        words.append(_sessions(summary))
    failed = sockets.rejected + sockets.unanswered
    if failed:
        words.append(f"{plural(failed, 'failed upgrade')}")
    count = len(summary.troubles)
    words.append(f"{plural(count, 'kind')} of problem" if count else "no problem")
    return ", ".join(words)


def _sessions(summary: CaptureSummary) -> str:
    """How many there are, by the name of what all of them speak."""
    sessions = summary.sessions
    return plural(sessions.total, f"{'Socket.IO' if sessions.socketio == sessions.total else 'Engine.IO'} session")


def facts(summary: CaptureSummary) -> Iterator[tuple[str, str]]:
    """Labels and what there is to say of its file; where a label comes again, it is one thing more of the same."""
    for name in summary.files[:_MOST]:
        yield "name", name
    yield from _more("name", len(summary.files))
    size = f"{summary.size:,} bytes" if summary.size else "size not known"
    size += " on disk" if summary.size and any(part.packed for part in summary.parts) else ""
    for index, part in enumerate(summary.parts[:_MOST]):
        yield "format", _format(part) + (f", {size}" if not index else "")
    yield from _more("format", len(summary.parts))
    for program in list(dict.fromkeys(filter(None, map(_writer, summary.parts))))[:_MOST]:
        yield "written by", program
    for interface in summary.interfaces[:_MOST]:
        yield "interface", _interface(interface, alone=len(summary.interfaces) == 1)
    yield from _more("interface", len(summary.interfaces))
    for comment in summary.comments[:_MOST]:
        yield "comment", comment[:_COMMENT] + "…" * (len(comment) > _COMMENT)
    yield from _more("comment", len(summary.comments))
    if summary.keys:
        yield "secrets", f"{plural(summary.keys, 'block')} with keys for decryption"
    yield from _time(summary)
    if summary.matching:
        yield "filter", f"only packets that match “{summary.matching}”"
    yield from _packets(summary)


def _more(label: str, count: int) -> Iterator[tuple[str, str]]:
    if count > _MOST:
        yield label, f"and {count - _MOST:,} more"


def _format(part: CapturePart) -> str:
    packed = f", {part.packed} ({part.unpacked:,} bytes unpacked)" if part.packed else ""
    return f"{part.format} {part.version[0]}.{part.version[1]}, {part.byte_order}-endian{packed}"


def _writer(part: CapturePart) -> str:
    if not part.system:
        return part.program
    return f"{part.program or 'a program'} on {part.system}"


def _interface(interface: CaptureInterface, *, alone: bool) -> str:
    name = " ".join(filter(None, (interface.name, f"({interface.description})" if interface.description else "")))
    words = [*([name] if name else []), interface.link_name, *([] if alone else [plural(interface.packets, "packet")])]
    words.append(f"times in {interface.unit}")
    if 0 < interface.snaplen < _WHOLE:
        words.append(f"at most {interface.snaplen:,} bytes of each packet")
    if interface.dropped is not None:
        words.append(f"{interface.dropped:,} lost" if interface.dropped else "no packet lost")
    if interface.filter:
        words.append(f"filter “{interface.filter}”")
    return ", ".join(words)


def _time(summary: CaptureSummary) -> Iterator[tuple[str, str]]:
    _, earliest, latest, unordered, untimed = summary.span
    if earliest is None or latest is None:
        if summary.count:
            yield "time", "no packet carries one"
        return
    first, last = _date(earliest), _date(latest)
    until = clock(latest) if first == last else f"{last} {clock(latest)}"
    words = f"{first} {clock(earliest)} to {until} UTC, {span(latest - earliest)}"
    words += f"; {plural(untimed, 'packet')} without a time" if untimed else ""
    yield "time", words + (f"; {plural(unordered, 'packet')} out of order" if unordered else "")


def _date(time: int) -> str:
    try:
        return f"{_EPOCH + timedelta(seconds=time // _SECOND):%Y-%m-%d}"
    except OverflowError:
        return "----------"


def _packets(summary: CaptureSummary) -> Iterator[tuple[str, str]]:
    count, length = summary.count, summary.span.length
    if not count:
        yield "packets", "none"
        return
    words = f"{count:,}, {amount(summary.wire)} on the wire, {amount(summary.wire // count)} on average"
    if summary.cut:
        words += f"; {summary.cut:,} cut to at most {summary.longest_cut:,} bytes"
    yield "packets", words
    if length and count > 1:
        rate, speed = count * _SECOND / length, summary.wire * _SECOND // length
        yield "rate", f"{_rate(rate)} packets and {amount(speed)} a second"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def found(summary: CaptureSummary) -> Iterator[tuple[str, str]]:
    """The same of its connections and WebSockets."""
    if summary.connections:
        words = ", ".join(f"{count:,} {outcome}" for outcome, count in summary.outcomes.items())
        late = f"; {plural(summary.late, 'late segment')} of connections already over" if summary.late else ""
        yield "TCP", f"{plural(summary.connections, 'connection')}: {words}{late}"
    sockets = summary.websockets
    counted = {
        "accepted": sockets.accepted, "against the rules": sockets.invalid, "rejected": sockets.rejected,
        "unanswered": sockets.unanswered, "without a readable upgrade": sockets.headless,
    }  # fmt: skip
    told = [f"{count:,} {word}" for word, count in counted.items() if count]
    if sockets.opened and not sockets.whole:
        told = [f"{sockets.opened:,}, by how connections begin; in a file this large messages are not counted"]
    if told:
        numbers = ", ".join(map(str, sockets.numbers[:_NUMBERS])) + (", …" if sockets.opened > _NUMBERS else "")
        where = f"; connection{'s' * (sockets.opened != 1)} {numbers}" if sockets.numbers else ""
        yield "WebSockets", ", ".join(told) + (f"; {plural(sockets.messages, 'message')}" if sockets.messages else "") + where
    yield from _session_facts(summary)


def _session_facts(summary: CaptureSummary) -> Iterator[tuple[str, str]]:
    sessions = summary.sessions
    if not sessions.total:
        return
    counted = {
        "from polling to WebSocket": sessions.moved, "WebSocket only": sessions.websocket, "polling only": sessions.polling,
        "refused": sessions.refused,
    }  # fmt: skip
    words = [_sessions(summary)]
    if sessions.socketio not in (0, sessions.total):
        words.append(f"{sessions.socketio:,} of them of Socket.IO")
    words += [f"{count:,} {word}" for word, count in counted.items() if count]
    numbers = ", ".join(map(str, sessions.numbers[:_NUMBERS])) + (", …" if sessions.total > _NUMBERS else "")
    said = f"; {plural(sessions.events, 'event')}" if sessions.events else ""
    yield "sessions", f"{', '.join(words)}{said}; connection{'s' * (sessions.total != 1)} {numbers}"


def repeated(connection: TcpConnection) -> str:
    """How many of its segments had to be sent again; nothing where none had to."""
    count = sum(side.retransmissions for side in connection.traffic)
    return plural(count, "retransmission") if count else ""


def written(command: Command, names: str) -> str:
    """A command as it is typed; ``names`` is how a shell is told the captures."""
    return safe(f"netviz {command.name} {names}{' ' if command.options else ''}{command.options}")
