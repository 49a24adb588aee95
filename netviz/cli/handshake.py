"""``netviz handshake``: how every TCP connection was set up, what went wrong, and how it ended."""

from __future__ import annotations

import sys
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from netviz.cli.options import given, keylog, opened, output
from netviz.cli.origin import Origin, origin

if TYPE_CHECKING:
    from netviz.capture.source import Source
    from netviz.event import Prologue, TcpConnection
    from netviz.keylog import KeyLog

__all__ = ["handshake"]

_OUTCOMES = ("established", "refused", "unanswered", "incomplete", "aborted", "partial")


@click.command(short_help="How TCP connections begin, fail and end.", context_settings={"max_content_width": 110})
@origin
@click.option("-n", "--connection", type=click.IntRange(min=0), metavar="N", help="Only connection N, as a ladder.")
@click.option("--host", metavar="ADDRESS", help="Only connections of this address.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="Only connections of this port.")
@click.option("--outcome", type=click.Choice(_OUTCOMES), multiple=True, metavar="OUTCOME",
              help=f"Only this outcome ({', '.join(_OUTCOMES)}); may be repeated.")  # fmt: skip
@click.option("--problems", is_flag=True, help="Only connections with a problem.")
@click.option("--check", is_flag=True, help="Exit with 1 where there is a problem.")
@click.option("--explain", is_flag=True, help="Tell it as a story, for somebody who has never heard of TCP.")
@click.option("--time", "clock", type=click.Choice(["elapsed", "delta", "absolute"]), default="elapsed",
              help="Times of the ladder: since the first packet, since the last row, or of day (UTC).")  # fmt: skip
@click.option("--packets", is_flag=True, help="The whole life of a connection on its ladder, quiet stretches folded.")
@click.option("--time-scale", is_flag=True, help="Space the ladder by time.")
@keylog
@output
@click.pass_context
def handshake(
    ctx: click.Context, /, origin: Origin, as_json: bool, plain: bool, color: str, only_ascii: bool,
    check: bool, explain: bool, clock: Any, packets: bool, time_scale: bool, keylog: str | None, **only: Any,
) -> None:  # fmt: skip
    """Show how every TCP connection in a capture was set up, what went wrong, and how it ended.

    With one connection, or with --connection, a ladder: each step, the state of both ends, the options of both sides,
    and the verdict. With several, a line each. CAPTURE is a pcap or pcapng file, "-" for standard input, or the name of
    a sample.

    \b
    Examples:
      netviz handshake captures/websocket.pcapng
      netviz handshake captures/mixed.pcapng --problems
      netviz handshake captures/mixed.pcapng --connection 3 --explain
      netviz handshake captures/websocket.pcapng --packets --time-scale
      netviz handshake captures/refused.pcapng --json
      sudo netviz handshake -i lo -f 'tcp port 8080'
      sudo tcpdump -i lo --immediate-mode -U -w - | netviz handshake -
    """
    import gc

    from netviz.analysis import Analysis
    from netviz.cli.patience import Patience
    from netviz.cli.progress import Progress
    from netviz.cli.watch import Watch

    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    source = origin.open("handshake")
    analysis = Analysis(openings=source.streaming and not as_json, whole=packets)
    watch = Watch(source, analysis, origin.matching)
    events = analysis.run(source, watch.tick if source.streaming else Progress().update)

    # Of a large file another process reads by now: what is imported from here on takes no time of its own.
    from netviz.cli.selection import Selection
    from netviz.views.jsonl import JsonLines

    chosen = Selection(**only)
    if source.streaming and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    with Patience(source) as patience:
        if as_json:
            lines = JsonLines()
            for event in filter(chosen.passes, events):
                lines.start = analysis.start
                sys.stdout.write(lines.line(event) + "\n")
        else:
            from netviz.cli.handshake_screen import Drawing, print_plain
            from netviz.cli.screen import screen
            from netviz.views.ladder import Rungs

            console = screen(color, only_ascii)
            in_place = not plain and watch.begin(console)
            if plain or (source.streaming and chosen.connection is None and not in_place):
                print_plain(console, analysis, events, chosen, steps=plain)
            else:
                rungs = Rungs(clock, packets, time_scale)
                before = partial(_prologue, source, opened(keylog, source.streaming))
                drawing = Drawing(console, analysis, chosen, rungs, explain, before)
                drawing.draw(watch.passing(events), origin.typed() + given(keylog))
    watch.tell()
    if patience.over:
        ctx.exit(130)
    chosen.require_connection()
    if check and chosen.problems_seen:
        ctx.exit(1)


def _prologue(source: Source, keys: KeyLog, connection: TcpConnection) -> Prologue | None:
    """What happens inside TLS before the first message; None where that is not what the connection carries."""
    again = source.again() if connection.application == "tls" else None
    if again is None:
        return None
    from netviz.prologue import read_prologue

    return read_prologue(again, connection, keys)
