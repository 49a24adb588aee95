"""``netviz replay``: a saved capture as a film that can be stopped."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import click

from netviz.cli.duration import Duration
from netviz.cli.options import printed
from netviz.cli.origin import captures

if TYPE_CHECKING:
    from rich.console import Console

    from netviz.film import Film
    from netviz.footage import Footage
    from netviz.playback import Playback

__all__ = ["replay"]


class _Speed(click.ParamType[float]):
    """How much faster than it was; "max" is infinite."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if str(value).strip().lower() == "max":
            return math.inf
        try:
            speed = float(str(value).strip().removesuffix("×").removesuffix("x"))
        except ValueError:
            speed = math.nan
        if not 1e-9 <= speed <= 1e9:
            self.fail(f"{value!r} is no speed; 1 is as it was, 0.1 a tenth of that, 10 ten times it, max at once", param, ctx)
        return speed


@click.command(short_help="A saved capture as a film.", context_settings={"max_content_width": 110})
@captures
@click.option("--speed", type=_Speed(), default="1", show_default=True, metavar="N|max",
              help="So many times as fast as it was: 0.1, 1, 10; max is without any wait.")  # fmt: skip
@click.option("--max-gap", "most", type=Duration(), default="2s", show_default=True, metavar="TIME",
              help="No wait is longer than this; what is shortened is said.")  # fmt: skip
@click.option("--from", "since", type=Duration(), metavar="TIME", help="Begin so long after the first packet: 1.5, 200ms.")
@click.option("--until", type=Duration(), metavar="TIME", help="End so long after the first packet.")
@click.option("-n", "--connection", type=click.IntRange(min=0), metavar="N", help="Only connection N.")
@click.option("--step", is_flag=True, help="Begin stopped at the first packet; → and ← go on from there.")
@printed
def replay(
    captures: tuple[str, ...], matching: str, speed: float, most: int, since: int | None, until: int | None,
    connection: int | None, step: bool, plain: bool, color: str, only_ascii: bool,
) -> None:  # fmt: skip
    """Play a saved capture at its own pace: the ladder grows, both TCP state machines move, and of each packet its layers
    are shown and what it says, from TCP up to Socket.IO.

    Keys: space stops and goes on, → and ← step, + and - change the speed, g goes to a packet, l shows all its layers, ? helps,
    q quits. Where stdout is no terminal, or with --plain, the same as timed lines. A film holds up to 100,000 packets;
    with --connection it may be any connection of a larger capture. CAPTURE is a pcap or pcapng file, "-" for standard input, or
    the name of a sample.

    \b
    Examples:
      netviz replay captures/socketio.pcapng
      netviz replay captures/handshake.pcapng --max-gap 500ms
      netviz replay captures/websocket.pcapng --speed 0.1 --until 100ms
      netviz replay captures/mixed.pcapng --connection 3 --speed max --plain
    """
    import gc

    from netviz.capture.source import open_capture
    from netviz.cli.names import typed
    from netviz.cli.progress import Progress
    from netviz.cli.screen import screen
    from netviz.cli.stage import stage_possible
    from netviz.film import Film, shoot
    from netviz.playback import Playback

    drawn = not plain and stage_possible()
    if step and not drawn:
        raise click.UsageError("--step needs a terminal: to draw on, and to press keys in.")
    # Events are many and never form cycles: collecting them costs a tenth of the time and finds nothing.
    gc.disable()
    footage = shoot(open_capture(*captures, matching=matching), connection, Progress().update)
    film = Film(footage, since, until)
    gc.enable()
    console = screen(color, only_ascii)
    if not len(film):
        for line in _nothing(footage, typed(captures), matching.strip()):
            console.print(line, soft_wrap=True)
        return
    import time

    playback = Playback(film.times, speed=speed, most=most, now=time.monotonic_ns(), paused=step)
    if not drawn:
        _lines(console, film, playback)
        return
    from netviz.cli.player import play

    play(console, film, "standard input" if captures == ("-",) else typed(captures), playback)


def _lines(console: Console, film: Film, playback: Playback) -> None:
    """Every scene as lines, each when it is due."""
    import time

    from netviz.views.plain_film import plain_scene, plain_silence

    shown = -1
    while True:
        playback.tick(time.monotonic_ns())
        while shown < playback.reached:
            shown += 1
            silence = playback.silence(shown)
            if silence.shortened:
                console.print(plain_silence(silence), soft_wrap=True)
            for line in plain_scene(film.scene(shown), film.start):
                console.print(line, soft_wrap=True)
        sys.stdout.flush()
        if shown >= len(film) - 1:
            break
        time.sleep((playback.wait(time.monotonic_ns()) or 0) / 1e9)
    if film.footage.cut:
        console.print(f"- {film.footage.cut}", soft_wrap=True)


def _nothing(footage: Footage, name: str, matching: str) -> list[str]:
    """Why there is nothing to play."""
    from netviz.quantity import plural, seconds
    from netviz.views.plain import plain_event

    problems = [line for event in footage.problems for line in plain_event(event, footage.start)]
    if footage.connections:
        lasts = "" if footage.start is None or footage.stop is None else f"; it lasts {seconds(footage.stop - footage.start)} s"
        return [f"no TCP packet in this part of the capture{lasts}", *problems]
    if matching:
        return ["nothing to play: no TCP packet matches the filter", *problems]
    packets = f"{plural(footage.packets, 'packet')} in it, but no TCP" if footage.packets else "no packet in it"
    hint = [f"what there is: netviz summary {name}"] if footage.packets and name != "-" else []
    return [f"nothing to play: {packets}", *hint, *problems]
