"""The summary of a capture in plain lines: a word that says what the line is about, then the fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netviz.event import CaptureSummary
from netviz.quantity import plural
from netviz.verdicts.capture import Command, hints
from netviz.views.overview import ending
from netviz.views.summary_facts import facts, found, headline, repeated, written
from netviz.views.text import safe

__all__ = ["plain_summary"]


def plain_summary(summary: CaptureSummary, commands: Iterable[Command], names: str) -> Iterator[str]:
    """A line for each fact; ``names`` is how a shell is told the captures, "" where they cannot be read again."""
    yield f"summary {headline(summary)}"
    for label, text in (*facts(summary), *found(summary)):
        yield f"{label.replace(' ', '-').lower()} {safe(text)}"
    for share in summary.shares:
        under = f"{share.under} " if share.under in ("TCP", "UDP") else ""
        many = "" if share.connections is None else f"{plural(share.connections, 'connection')}, "
        kind = "payload" if share.connections is not None else "wire"
        yield f"protocol {under}{share.name}: {many}{plural(share.packets, 'packet')}, {share.bytes:,} bytes ({kind})"
    for event in summary.busiest:
        client, server = event.traffic
        told = [event.outcome, ending(event)[0], event.application if event.application != "unknown" else "", repeated(event)]
        yield (
            f"connection {event.connection} {event.client} to {event.server}: {', '.join(filter(None, told))}, "
            f"{plural(client.packets + server.packets, 'packet')}, client {client.bytes:,} bytes, server {server.bytes:,} bytes"
        )
    for trouble in summary.troubles:
        where = "" if trouble.connection is None else f" connection {trouble.connection}"
        where += f" packet {trouble.packet}" if trouble.packet else ""
        yield f"problem {trouble.of} {trouble.kind} {trouble.times:,} first{where or ' unknown'}: {safe(trouble.text)}"
    for hint in hints(summary):
        yield f"note {hint.kind}: {safe(hint.text)}" + (f"; try: {safe(hint.advice)}" if hint.advice else "")
    for command in commands if names else ():
        yield f"next {written(command, names)}: {command.why}"
