"""A film as timed lines: one for each packet, with the states behind it, then what it tells."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import CaptureProblem, Scene, WebSocketUpgrade
from netviz.playback import Silence
from netviz.quantity import seconds, span
from netviz.views.film_words import essential
from netviz.views.plain import plain_event, plain_moment
from netviz.views.plain_session import plain_session
from netviz.views.plain_websocket import plain_websocket
from netviz.views.text import safe

__all__ = ["plain_scene", "plain_silence"]


def plain_scene(scene: Scene, start: int | None) -> Iterator[str]:
    """The lines of a scene."""
    when = "-" if scene.time is None else seconds(scene.time - (scene.time if start is None else start))
    begin = f"{when} connection {scene.tcp.connection}"
    if scene.moment is not None:
        yield f"{begin} {plain_moment(scene.moment)}: {scene.moment.meaning}"
    elif scene.icmp is not None:
        yield f"{begin} packet {scene.number} ICMP from {scene.icmp.sender}: {scene.icmp.meaning}"
    for event in essential(scene):
        if isinstance(event, CaptureProblem):
            yield from plain_event(event, start)
        elif isinstance(event, WebSocketUpgrade) and scene.side == 0 and event.response:
            yield f"{begin} upgrade asked for: {safe(event.method)} {safe(event.path)}"  # the answer has not come yet
        else:
            yield from plain_websocket(event, start)
            yield from plain_session(event, start)
    if scene.more:
        yield f"{begin} packet {scene.number} tells {scene.more:,} more that are not kept"
    if scene.last:
        yield from plain_event(scene.tcp, start)


def plain_silence(gap: Silence) -> str:
    """That a silence takes less time here than it did."""
    return f"- silence of {span(gap.lasted)}, {'shortened to' if gap.shown < gap.lasted else 'here'} {span(gap.shown)}"
