"""``netviz record``: capture into a file, and count."""

from __future__ import annotations

import sys
import time

import click

from netviz.cli.origin import Origin, capturing

__all__ = ["record"]

#: Seconds between two lines of counters: on a terminal, where one line is written over and over, and elsewhere.
_PACE, _SELDOM = 0.25, 10.0


@click.command(short_help="Capture into a file, and nothing else.", context_settings={"max_content_width": 110})
@capturing
@click.option("-q", "--quiet", is_flag=True, help="No counters while it runs, only at the end.")
@click.pass_context
def record(ctx: click.Context, /, origin: Origin, quiet: bool) -> None:
    """Capture on an interface into FILE, as pcapng, until Ctrl-C (or --count, --duration).

    Counters go to stderr: packets, bytes, and what was dropped by the kernel, the interface, or netviz. What was dropped is
    noted in the file, too.

    \b
    Examples:
      sudo netviz record -i lo my.pcapng -f 'tcp port 8080'
      sudo netviz record -i any my.pcapng --duration 5m
      sudo netviz record -i eth0 my.pcapng --count 100000 --snaplen 128
    """
    from netviz.cli.patience import Patience
    from netviz.cli.watch import pulse, tell
    from netviz.views.live import counted
    from netviz.views.text import safe

    source = origin.live("ws-trace")
    terminal = sys.stderr.isatty()
    due = time.monotonic() + (0 if terminal else _SELDOM)
    troubles: list[str] = []
    with Patience(source) as patience:
        for batch in source:
            troubles += [problem.text for event in batch.problems for problem in event.problems]
            if troubles:
                source.stop()  # the file is all that it is for
            if not quiet and time.monotonic() >= due:
                due = time.monotonic() + (_PACE if terminal else _SELDOM)
                line = safe(counted(pulse(source, origin.matching)))
                click.echo(f"\r{line}\x1b[K" if terminal else line, nl=not terminal, err=True)
    if terminal and not quiet:
        click.echo("\r\x1b[K", nl=False, err=True)
    tell(source, origin.matching)
    for text in troubles:
        click.echo(f"! {safe(text)}", err=True)
    if patience.over:
        ctx.exit(130)
    if troubles:
        ctx.exit(1)
