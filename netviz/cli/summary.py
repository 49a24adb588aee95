"""``netviz summary``: what a capture is, what is in it, and where to look next."""

from __future__ import annotations

import sys

import click

from netviz.cli.options import captures, given, keylog, opened, output

__all__ = ["summary"]


@click.command(short_help="What a capture is, and where to look next.", context_settings={"max_content_width": 110})
@captures
@click.option("--check", is_flag=True, help="Exit with 1 where there is a problem.")
@keylog
@output
@click.pass_context
def summary(
    ctx: click.Context, /, captures: tuple[str, ...], matching: str, as_json: bool, plain: bool, color: str, only_ascii: bool,
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
      sudo tcpdump -i lo -U -w - | netviz summary -
    """
    import gc
    from dataclasses import replace

    from netviz.capture.source import open_capture
    from netviz.cli import COMMANDS
    from netviz.cli.names import shortest, typed
    from netviz.cli.patience import Patience
    from netviz.cli.progress import Progress
    from netviz.event import CaptureSummary
    from netviz.summary import summarize
    from netviz.verdicts.capture import commands

    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    source = open_capture(*captures, matching=matching)
    problems = False
    with Patience(source.streaming) as patience:
        for event in summarize(source, Progress().update, lambda: patience.over, opened(keylog, source.streaming)):
            problems |= bool(event.problems)
            if isinstance(event, CaptureSummary):
                event = replace(event, matching=matching.strip())
            if as_json:
                from netviz.views.jsonl import JsonLines

                lines = JsonLines()
                lines.start = event.span.start if isinstance(event, CaptureSummary) else event.time
                sys.stdout.write(lines.line(event) + "\n")
            elif isinstance(event, CaptureSummary):
                from netviz.cli.screen import screen

                console = screen(color, only_ascii)
                event = replace(event, files=tuple(map(shortest, event.files)))
                next_ones = commands(event, COMMANDS)
                names = "" if source.streaming else typed(captures) + given(keylog)
                if plain:
                    from netviz.views.plain_summary import plain_summary

                    for text in plain_summary(event, next_ones, names):
                        console.print(text, soft_wrap=True)
                else:
                    from netviz.views.summary import summary_lines

                    for line in summary_lines(event, next_ones, names, console.width):
                        console.print(line, soft_wrap=True)
    if patience.over:
        ctx.exit(130)
    if check and problems:
        ctx.exit(1)
