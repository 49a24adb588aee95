"""``netviz summary``: what a capture is, what is in it, and where to look next."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from netviz.cli.options import given, keylog, opened, output
from netviz.cli.origin import Origin, origin

if TYPE_CHECKING:
    from rich.console import Console

    from netviz.event import Event
    from netviz.summary import Summarizer

__all__ = ["summary"]


@click.command(short_help="What a capture is, and where to look next.", context_settings={"max_content_width": 110})
@origin
@click.option("--check", is_flag=True, help="Exit with 1 where there is a problem.")
@keylog
@output
@click.pass_context
def summary(
    ctx: click.Context, /, origin: Origin, as_json: bool, plain: bool, color: str, only_ascii: bool,
    check: bool, keylog: str | None,
) -> None:  # fmt: skip
    """Tell what a capture is: its file, its protocols, its busiest connections, its problems, and what to look at next.

    The first thing to run on a capture that you do not know. Problems are told once for each kind, with the place of the
    first; the commands at the end lead into them. CAPTURE is a pcap or pcapng file, "-" for standard input, or the name of
    a sample.

    \b
    Examples:
      netviz summary captures/mixed.pcapng
      netviz summary captures/mixed.pcapng --filter 'tcp port 8765'
      netviz summary captures/mixed.pcapng --json
      netviz summary captures/websocket.pcapng captures/ipv6.pcapng --check
      sudo netviz summary -i any --duration 10
    """
    import gc
    from dataclasses import replace
    from io import TextIOWrapper

    from netviz.cli import COMMANDS
    from netviz.cli.names import shortest
    from netviz.cli.patience import Patience
    from netviz.cli.progress import Progress
    from netviz.cli.screen import screen
    from netviz.cli.watch import Watch
    from netviz.event import CaptureProblem, CaptureSummary
    from netviz.summary import Summarizer
    from netviz.verdicts.capture import commands

    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    source = origin.open("summary")
    summarizer = Summarizer.of(source, opened(keylog, source.streaming))
    watch = Watch(source, summarizer, origin.matching)
    console = screen(color, only_ascii)
    if source.streaming and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    events = summarizer.run(source, watch.tick if source.streaming else Progress().update)
    if origin.interface is not None and not as_json and (plain or not watch.begin(console)):
        events = _flowing(console, summarizer, events)
    problems = False
    with Patience(source) as patience:
        for event in watch.passing(events):
            if not isinstance(event, CaptureProblem | CaptureSummary):
                continue
            problems |= bool(event.problems)
            if isinstance(event, CaptureSummary):
                event = replace(event, matching=origin.matching.strip())
            if as_json:
                from netviz.views.jsonl import JsonLines

                lines = JsonLines()
                lines.start = event.span.start if isinstance(event, CaptureSummary) else event.time
                sys.stdout.write(lines.line(event) + "\n")
            elif isinstance(event, CaptureSummary):
                event = replace(event, files=tuple(map(shortest, event.files)))
                next_ones = commands(event, COMMANDS)
                names = "" if source.streaming and not origin.write else origin.typed(filtered=False) + given(keylog)
                if plain:
                    from netviz.views.plain_summary import plain_summary

                    for text in plain_summary(event, next_ones, names):
                        console.print(text, soft_wrap=True)
                else:
                    from netviz.views.summary import summary_lines

                    keep = "" if origin.interface is None else f"netviz summary -i {origin.interface} --write my.pcapng"
                    for line in summary_lines(event, next_ones, names, console.width, keep):
                        console.print(line, soft_wrap=True)
    watch.tell()
    if patience.over:
        ctx.exit(130)
    if check and problems:
        ctx.exit(1)


def _flowing(console: Console, summarizer: Summarizer, events: Iterable[Event]) -> Iterator[Event]:
    """The same events; connections are told as they open and end."""
    from netviz.event import TcpConnection
    from netviz.views.plain import once, plain_event

    for event in once(events):
        if isinstance(event, TcpConnection):
            for line in plain_event(event, summarizer.start):
                console.print(line, soft_wrap=True)
        yield event
