"""The ladder of a film: a rung for each scene so far, the client left and the server right, what is carried on the arrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from netviz.event import SIDES, Scene
from netviz.playback import silence
from netviz.quantity import seconds, span
from netviz.views.film_words import carries
from netviz.views.text import fitting

__all__ = ["Pace", "Rails", "rows"]

#: From this on a gap gets a line of its own, in ns.
_LONG = 500_000_000


class Pace(NamedTuple):
    """How it is played: the speed, the longest wait in ns, and how long it has been silent since the last scene."""

    speed: float
    most: int
    silent: int = 0


class Rails(NamedTuple):
    """Where things stand on a rung: cells of the packet's number, its time, its connection, and of the arrow."""

    number: int
    time: int
    connection: int
    arrow: int

    @property
    def indent(self) -> int:
        """Where the arrow begins."""
        return 2 + self.number + 1 + self.time + 1 + (self.connection + 1 if self.connection else 0)


def rows(scenes: Sequence[Scene], rails: Rails, pace: Pace, start: int | None, height: int) -> list[Text]:
    """So many lines: the rungs of the last scenes, what passed between them, and the rails below."""
    lines: list[Text] = []
    current = scenes[-1]
    for scene in scenes:
        if scene is not scenes[0] and (words := _passing(scene.silence, pace)):
            lines.append(_between(words, rails))
        lines.append(_rung(scene, current, rails, start))
    if pace.silent >= _LONG:
        lines.append(_between(f"⋮ {span(pace.silent)} of silence ⋮", rails))
    lines = lines[-height:]
    return lines + [_between("", rails)] * (height - len(lines))


def _passing(gap: int | None, pace: Pace) -> str:
    """What to say of a gap; nothing of a short one."""
    if gap is None:
        return ""
    lasted, shown, shortened = silence(gap, pace.speed, pace.most)
    if not shortened:
        return f"⋮ {span(lasted)} of silence ⋮" if lasted >= _LONG else ""
    return f"⋮ {span(lasted)} of silence, {'shortened to' if shown < lasted else 'here'} {span(shown)} ⋮"


def _between(words: str, rails: Rails) -> Text:
    inside = f"{words[: max(rails.arrow - 4, 0)]:^{max(rails.arrow - 2, 0)}}"
    return Text(" " * rails.indent + "┊" + inside + "┊", "faint")


def _rung(scene: Scene, current: Scene, rails: Rails, start: int | None) -> Text:
    now = scene is current
    ours = scene.tcp.connection == current.tcp.connection
    style = _style(scene) if ours else "faint"
    time = "-" if scene.time is None else seconds(scene.time - (scene.time if start is None else start))
    line = Text.assemble(
        ("▶ " if now else "  ", style), (f"{scene.number:>{rails.number}} {time:>{rails.time}} ", "" if now else "faint")
    )
    if rails.connection:
        line.append(f"{f'#{scene.tcp.connection}':>{rails.connection}} ", "label" if ours else "faint")
    dash = "━" if now else "─"
    label = _label(scene, rails.arrow - 7)
    words = "bold" if now else "" if ours else "faint"
    rest = max(rails.arrow - cell_len(label) - 5, 0)
    if scene.side == 0:
        line.append(f"{dash * 2} ", style).append(label, words).append(f" {dash * rest}▶", style)
    else:
        line.append(f"◀{dash} ", style).append(label, words).append(f" {dash * (rest + 1)}", style)
    return line


def _style(scene: Scene) -> str:
    moment = scene.moment
    if moment is None:
        return "note"
    return "problem" if "RST" in moment.what else "note" if moment.segment.special else SIDES[scene.side]


def _label(scene: Scene, room: int) -> str:
    """What the segment is, and what it carries or else its numbers: as much of that as fits."""
    moment = scene.moment
    if moment is None:
        words = f"ICMP: {scene.icmp.meaning}" if scene.icmp is not None else "ICMP"
        return _cut(words, room)
    inside, length = carries(scene), moment.segment.length
    size = f" +{length:,} B" if length else ""
    name = "" if moment.what == "data" and inside else moment.what
    if inside:
        lead = f"{name}: " if name else ""
        return lead + _cut(inside, max(room - len(lead) - len(size), 4)) + size
    seq, ack = f" seq={moment.seq}", "" if moment.ack is None else f" ack={moment.ack}"
    for text in (f"{name}{seq} ({moment.segment.seq}){ack}{size}", f"{name}{seq}{ack}{size}", f"{name}{ack or seq}{size}"):
        if len(text) <= room:
            return text
    return _cut(name, room)


def _cut(text: str, room: int) -> str:
    return text if cell_len(text) <= room else text[: fitting(text, max(room - 1, 1))] + "…"
