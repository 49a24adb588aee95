"""``netviz ws-trace``: WebSockets from the upgrade to the last frame, with a verdict on each."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from netviz.cli.options import given, keylog, opened, output
from netviz.cli.origin import Origin, Size, origin

if TYPE_CHECKING:
    from netviz.cli.trace_selection import TraceSelection

__all__ = ["ws_trace"]

_KINDS = ("text", "binary", "ping", "pong", "close", "continuation", "reserved")
_EVENTS = (
    "websocket.upgrade", "websocket.frame", "websocket.message", "websocket.close", "engineio.packet", "engineio.session",
    "socketio.packet", "tls.handshake", "tls.alert", "tls.key-update", "tls.problem", "capture.problem",
)  # fmt: skip


class _Names(click.ParamType[tuple[str, ...]]):
    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(",") if name.strip())
        for name in names:
            if not any(event == name or event.startswith(f"{name}.") for event in _EVENTS):
                self.fail(f"{name!r} is no event; there are {', '.join(_EVENTS)}", param, ctx)
        return names


@click.command(
    "ws-trace", short_help="WebSockets: upgrade, frames, messages, close.", context_settings={"max_content_width": 110}
)
@origin
@click.option("-n", "--connection", type=click.IntRange(min=0), metavar="N", help="Only TCP connection N.")
@click.option("--host", metavar="ADDRESS", help="Only connections of this address.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="Only connections of this port.")
@click.option("--grep", metavar="PATTERN", help="Only messages in which this regular expression is found, in any case.")
@click.option("--kind", type=click.Choice(_KINDS), multiple=True, metavar="KIND",
              help=f"Only this kind ({', '.join(_KINDS)}); may be repeated.")  # fmt: skip
@click.option("--problems", is_flag=True, help="Only what breaks a rule or went wrong.")
@click.option("--check", is_flag=True, help="Exit with 1 where there is a problem.")
@click.option("--frames", is_flag=True, help="Every frame, with its header.")
@click.option("--full", is_flag=True, help="Whole contents, not only their beginning.")
@click.option("--frame", "number", type=click.IntRange(min=1), metavar="K", help="Draw frame K: bytes, bits, mask, cost.")
@click.option("--explain", is_flag=True, help="Tell it as a story, with every rule of the upgrade.")
@click.option("--stats", is_flag=True, help="Heartbeat, rates, sizes, compression, and what HTTP would have cost.")
@click.option("--api", is_flag=True, help="Next to each Socket.IO packet the call in user code that makes it (inferred).")
@click.option("--raw", is_flag=True, help="WebSockets as they are, without Engine.IO and Socket.IO.")
@click.option("--save-messages", "directory", type=click.Path(file_okay=False), metavar="DIR",
              help="Write each text or binary message into a file of its own.")  # fmt: skip
@click.option("--max-message", type=Size(), default="16M", show_default=True, metavar="SIZE",
              help="Keep no more than this of one message.")  # fmt: skip
@click.option("--time", "clock", type=click.Choice(["elapsed", "delta", "absolute"]), default="elapsed",
              help="Times: since the first packet, since the row before, or of day (UTC).")  # fmt: skip
@click.option("--only", type=_Names(), default=(), metavar="NAMES",
              help="With --json: only events of these names, such as websocket.message,websocket.close.")  # fmt: skip
@keylog
@output
@click.pass_context
def ws_trace(
    ctx: click.Context, /, origin: Origin, as_json: bool, plain: bool, color: str, only_ascii: bool,
    check: bool, frames: bool, full: bool, number: int | None, explain: bool, stats: bool, api: bool, raw: bool,
    directory: str | None, max_message: int, clock: Any, keylog: str | None, **only: Any,
) -> None:  # fmt: skip
    """Show every WebSocket in a capture: the upgrade and whether it kept the rules, the messages, pings, the close.

    The verdict comes first, with its proof; then the upgrade in two lines, then the conversation. With several WebSockets
    there is an overview first. WebSockets are found by their bytes, on any port, also where the capture begins inside one.
    CAPTURE is a pcap or pcapng file, "-" for standard input, or the name of a sample.

    \b
    Examples:
      netviz ws-trace captures/websocket.pcapng
      netviz ws-trace captures/websocket.pcapng --frame 1
      netviz ws-trace captures/mixed.pcapng --problems
      netviz ws-trace captures/mixed.pcapng --json --only websocket.message
      sudo netviz ws-trace -i lo -f 'tcp port 8080'
      sudo tcpdump -i lo --immediate-mode -U -w - | netviz ws-trace -
    """
    import gc

    from netviz.analysis import Analysis
    from netviz.cli.patience import Patience
    from netviz.cli.progress import Progress
    from netviz.cli.trace_selection import TraceSelection
    from netviz.cli.watch import Watch
    from netviz.layers.layer import Wanted

    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    source = origin.open("ws-trace")
    chosen = TraceSelection(**only)
    bare = as_json and chosen.everything and chosen.only == ("websocket.frame",) and directory is None and number is None
    # Messages by the thousand, where that is how they are written or counted.
    bulk = not (source.streaming or plain or directory is not None or number is not None)
    wanted = Wanted(contents=not bare, anatomy=None if number is None else (chosen.connection, number), limit=max_message,
                    bulk=bulk, keys=opened(keylog, source.streaming))  # fmt: skip
    analysis = Analysis(wanted=wanted, blocks=bare or bulk)
    watch = Watch(source, analysis, origin.matching)
    events = analysis.run(source, watch.tick if source.streaming else Progress().update)
    if source.streaming and isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    if directory is not None:
        from netviz.cli.save import Saver

        events = Saver(directory, chosen).passing(events)
    with Patience(source) as patience:
        if as_json:
            _json(analysis, events, chosen, number)
        else:
            from netviz.cli.screen import screen

            console = screen(color, only_ascii)
            if number is not None:
                from netviz.cli.frame_screen import draw_frame

                draw_frame(console, events, chosen, number)
            elif plain:
                _plain(console, analysis, events, chosen, frames=frames, full=full, raw=raw)
            else:
                from netviz.cli.trace_wishes import Wishes
                from netviz.cli.ws_trace_screen import TraceScreen

                flowing = source.streaming and not watch.begin(console)
                wishes = Wishes(
                    frames=frames, full=full, explain=explain, stats=stats, api=api, raw=raw, clock=clock, flowing=flowing
                )
                TraceScreen(console, analysis, chosen, wishes).draw(watch.passing(events), origin.typed() + given(keylog))
    watch.tell()
    if patience.over:
        ctx.exit(130)
    if not bare:
        chosen.require()
    if check and chosen.problems_seen:
        ctx.exit(1)


def _json(analysis: Any, events: Any, chosen: TraceSelection, number: int | None) -> None:
    from netviz.errors import NetvizError
    from netviz.event import Anatomy, FrameBlock, MessageBlock, Peers, WebSocketFrame
    from netviz.views.jsonl import JsonLines

    lines, write = JsonLines(), sys.stdout.write
    found = False
    for event in events:
        lines.start = analysis.start
        if isinstance(event, FrameBlock):
            chosen.problems_seen |= bool(event.broken)
            sys.stdout.flush()
            sys.stdout.buffer.writelines(lines.block(event))
            continue
        if isinstance(event, MessageBlock):
            _bulk(lines, event, chosen)
            continue
        if isinstance(event, Peers):
            lines.meet(event)
        seen = chosen.problems_seen
        asked = number is None or (isinstance(event, WebSocketFrame) and event.number == number)
        if not chosen.passes(event) or not asked or isinstance(event, Peers | Anatomy):
            chosen.problems_seen = seen
            continue
        found = True
        write(lines.line(event) + "\n")
    if number is not None and not found:
        raise NetvizError(f"no frame {number}")


def _bulk(lines: Any, block: Any, chosen: TraceSelection) -> None:
    """Messages that are alike, where they go all the same way; else one by one."""
    if chosen.everything and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8":
        framed, spoken = chosen.wants("websocket.frame"), chosen.wants("websocket.message")
        if framed or spoken:
            sys.stdout.flush()
            sys.stdout.buffer.writelines(lines.messages(block, framed=framed, spoken=spoken))
        return
    if chosen.problems:
        return  # nothing is wrong with any of them
    for event in (block if chosen.connection is None else block.of(chosen.connection)).events():
        if chosen.passes(event):
            sys.stdout.write(lines.line(event) + "\n")


def _plain(console: Any, analysis: Any, events: Any, chosen: TraceSelection, *, frames: bool, full: bool, raw: bool) -> None:
    from netviz.event import CaptureProblem, EngineIoSession, WebSocketClose, WebSocketFrame, WebSocketMessage
    from netviz.views.plain import plain_event
    from netviz.views.plain_session import plain_session
    from netviz.views.plain_tls import plain_tls
    from netviz.views.plain_websocket import plain_websocket

    joined: set[int] = set()
    for event in events:
        if isinstance(event, EngineIoSession) and not raw:
            joined.update(event.websockets)
        open_still = isinstance(event, WebSocketClose) and not event.ended and not chosen.narrow
        if not (chosen.passes(event) or (open_still and chosen.connected(event.connection))):
            continue
        if isinstance(event, WebSocketFrame) and not (frames or event.problems):
            continue
        if isinstance(event, WebSocketMessage) and event.connection in joined and not (frames or event.problems):
            continue  # a session tells what it carries
        told = plain_event(event, analysis.start) if isinstance(event, CaptureProblem) else None
        for line in told or plain_websocket(event, analysis.start, full=full):
            console.print(line, soft_wrap=True)
        for line in plain_tls(event, analysis.start):
            console.print(line, soft_wrap=True)
        for line in () if raw else plain_session(event, analysis.start, full=full):
            console.print(line, soft_wrap=True)
