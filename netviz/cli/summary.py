"""``netviz summary``: what a capture is, what is in it, and where to look next."""

from __future__ import annotations

import sys

import click

from netviz.cli.options import given, keylog, opened, output
from netviz.cli.origin import Origin, origin

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

    from netviz.cli import COMMANDS
    from netviz.cli.names import shortest
    from netviz.cli.patience import Patience
    from netviz.cli.progress import Progress
    from netviz.cli.screen import screen
    from netviz.cli.watch import Watch
    from netviz.event import CaptureSummary
    from netviz.summary import summarize
    from netviz.verdicts.capture import commands

    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    source = origin.open("summary")
    watch = Watch(source, None, origin.matching)
    console = screen(color, only_ascii)
    if not (as_json or plain):
        watch.begin(console)
    problems = False
    keys = opened(keylog, source.streaming)
    with Patience(source) as patience:
        for event in watch.passing(summarize(source, watch.tick if source.streaming else Progress().update, keys)):
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

                    for line in summary_lines(event, next_ones, names, console.width):
                        console.print(line, soft_wrap=True)
    watch.tell()
    if patience.over:
        ctx.exit(130)
    if check and problems:
        ctx.exit(1)
