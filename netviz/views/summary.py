"""The summary of a capture as a screen: the file, its protocols, the busiest connections, the problems, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from netviz.event import CaptureSummary, Share, TcpConnection, Trouble
from netviz.quantity import amount, plural
from netviz.verdicts.capture import Command, Hint, hints, trouble_severity, worst
from netviz.verdicts.tcp import severity
from netviz.views.overview import SIGNS, ending, widths
from netviz.views.summary_facts import facts, found, headline, repeated, written
from netviz.views.text import fold, safe, wrapped
from netviz.views.topics_named import named, of_summary

__all__ = ["summary_lines"]

#: Text is not drawn wider than this, so that eyes find the next line.
_TEXT = 110

#: From this width on a connection takes one line; longest bars; connections that are drawn, where a line each or two.
_WIDE, _BAR, _SHOWN, _FEW = 120, 40, 8, 5

_LABEL = 12

#: Kinds of problem that are told.
_KINDS = 10


#: How what comes through a pipe is kept.
_KEEP = "sudo tcpdump -i any -w my.pcap, then netviz summary my.pcap"


def summary_lines(
    summary: CaptureSummary, commands: Iterable[Command], names: str, width: int, keep: str = ""
) -> Iterator[Text]:
    """All lines; ``names`` is how a shell is told the captures, "" where they cannot be read again, but ``keep`` keeps them."""
    sign, style = SIGNS[worst(summary)]
    yield fold(Text.assemble((f"{sign} ", style), (headline(summary), "title")), width, 2)
    for title, lines in (
        ("file", _facts(facts(summary), width)),
        (f"protocols{'packets':>20}", _protocols(summary, width)),
        ("connections", _facts(found(summary), width)),
        ("busiest" if summary.connections > 1 else "", _connections(summary, width)),
        ("problems", _troubles(summary.troubles, width)),
        ("worth knowing", _hints(hints(summary), width)),
        ("next", _commands(commands, names, keep or _KEEP, width)),
    ):
        drawn = list(lines)
        if drawn:
            name, _, columns = title.partition("  ")
            heading = [Text.assemble((name, "label"), (f"  {columns}" if columns else "", "faint"))] if name else []
            yield from (Text(), *heading, *drawn)
    topics = list(of_summary(summary))
    if topics:
        yield from (Text(), named(topics, width))


def _facts(told: Iterable[tuple[str, str]], width: int) -> Iterator[Text]:
    before = ""
    for label, text in told:
        for line in wrapped(safe(text), min(width, _TEXT) - _LABEL - 2):
            yield Text.assemble((f"  {label if label != before else '':<{_LABEL}}", "faint"), line)
            before = label


def _protocols(summary: CaptureSummary, width: int) -> Iterator[Text]:
    if not summary.count:
        return
    room = max(8, min(_BAR, width - 48))
    for share in summary.shares:
        if share.under not in ("", "IP"):
            continue
        yield _share(share, summary.count, room, "")
        for inner in summary.shares:
            if inner.under == share.name and share.under == "IP":
                yield _share(inner, summary.count, room, "  ")


def _share(share: Share, of: int, room: int, indent: str) -> Text:
    name = {"unknown": "not known"}.get(share.name, share.name)
    filled = min(round(share.packets / of * room), room)
    line = Text(f"  {indent}{name:<{16 - len(indent)}}")
    line.append(f"{share.packets:>11,} ")
    line.append(f"{'█' * filled or '▏':<{room}} ", "faint" if indent else "command")
    if share.connections is not None:
        line.append(plural(share.connections, "connection"), "faint")
    else:
        line.append(f"{amount(share.bytes)}", "faint")
    return line


def _connections(summary: CaptureSummary, width: int) -> Iterator[Text]:
    shown = summary.busiest[: _SHOWN if width >= _WIDE else _FEW]
    if not shown:
        return
    room = widths(shown)
    most = max(sum(side.bytes for side in connection.traffic) for connection in shown)
    for connection in shown:
        yield _connection(connection, connection.connection in summary.flawed, room, most, width)
    rest = summary.connections - len(shown)
    if rest:
        yield Text(f"        and {rest:,} more", "faint")


def _connection(connection: TcpConnection, flawed: bool, room: tuple[int, int], most: int, width: int) -> Text:
    sign, style = SIGNS["problem" if flawed else severity(connection)]
    client, server = connection.traffic
    line = Text.assemble(
        (f"{connection.connection:>5} ", "faint"), (f"{sign} ", style),
        (f"{connection.client!s:>{room[0]}}", "client"), (" → ", "faint"), (str(connection.server), "server"),
    )  # fmt: skip
    said = Text.assemble((f"{amount(client.bytes):>7}", "client"), (" ▶ ◀ ", "faint"), (f"{amount(server.bytes):<7}", "server"))
    text, tone = ending(connection)
    if connection.outcome != "established":
        text, tone = f"{connection.outcome.upper()}{', ' if text else ''}{text}", style
    application = "" if connection.application == "unknown" else connection.application
    if width < _WIDE:
        what = Text.assemble((f"{application} · " if application else "", "label"), (text, tone))
        second = _again(Text(" " * 8).append_text(said).append("  ").append_text(what), connection, width)
        return Text("\n").join([fold(line, width, 8), fold(second, width, 8)])
    length = 12 if width < 160 else 24
    line.append(" " * (room[1] - len(str(connection.server)) + 2)).append_text(said)
    line.append(" ").append_text(_bar(client.bytes, server.bytes, most, length))
    return fold(_again(line.append(f" {application:<10}", "label").append(text, tone), connection, width), width, 8)


def _again(line: Text, connection: TcpConnection, width: int) -> Text:
    """The same line with what had to be sent again, where there is room: it is no reason for one line more."""
    count = repeated(connection)
    if count and line.cell_len + len(f" · {count}") <= width:
        line.append(" · ").append(count, "note")
    return line


def _bar(client: int, server: int, most: int, length: int) -> Text:
    """Both sides, one behind the other; whoever sent anything at all has a part."""
    parts = [max(1, round(side / most * length)) if side else 0 for side in (client, server)]
    while sum(parts) > length:
        parts[parts[1] >= parts[0]] -= 1
    return Text.assemble(("█" * parts[0], "client"), ("█" * parts[1], "server"), " " * (length - sum(parts)))


def _troubles(troubles: Iterable[Trouble], width: int) -> Iterator[Text]:
    told = list(troubles)
    for trouble in told[:_KINDS]:
        sign, style = SIGNS[trouble_severity(trouble)]
        place = [] if trouble.connection is None else [f"connection\N{NO-BREAK SPACE}{trouble.connection}"]
        place += [f"packet\N{NO-BREAK SPACE}{trouble.packet}"] if trouble.packet else []
        where = f"  [{'first: ' if trouble.times > 1 and place else ''}{', '.join(place)}]" if place else ""
        often = f", {trouble.times:,} times" if trouble.times > 1 else ""
        text = trouble.text.removeprefix(f"packet {trouble.packet}: ")
        yield from _paragraph(f"  {sign} ", style, f"{trouble.kind}{often}: {text}{where}", width)
    if len(told) > _KINDS:
        yield Text(f"    and {plural(len(told) - _KINDS, 'kind')} more", "faint")


def _hints(found: Iterable[Hint], width: int) -> Iterator[Text]:
    for hint in found:
        where = f"  [first: packet\N{NO-BREAK SPACE}{hint.packet}]" if hint.packet else ""
        yield from _paragraph("  • ", "note", hint.text + where, width)
        if hint.advice:
            yield from _paragraph("    try  ", "label", hint.advice, width, "command")


def _paragraph(mark: str, style: str, text: str, width: int, tone: str = "") -> Iterator[Text]:
    for index, line in enumerate(wrapped(safe(text), min(width, _TEXT) - len(mark))):
        line = line.replace("\N{NO-BREAK SPACE}", " ").rstrip()
        yield Text.assemble((mark if not index else " " * len(mark), style), (line, tone))


def _commands(commands: Iterable[Command], names: str, keep: str, width: int) -> Iterator[Text]:
    """Commands stay in one piece, however long, so that they can be copied."""
    told = list(commands)
    if not names:
        if told:
            yield from _paragraph("  ", "", f"what has passed is gone; to look into it, keep it: {keep}", width)
        return
    typed = [written(command, names) for command in told]
    room = max(map(len, typed), default=0)
    beside = all(4 + room + len(command.why) <= min(width, 140) for command in told)
    for text, command in zip(typed, told, strict=True):
        if beside:
            yield Text.assemble("  ", (f"{text:<{room}}", "command"), "  ", (command.why, "faint"))
        else:
            yield Text.assemble("  ", (text, "command"))
            yield from _paragraph("      ", "", command.why, width, "faint")
