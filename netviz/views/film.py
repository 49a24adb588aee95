"""A picture of a film, for a terminal of any size.

what is played, which packet, when, how fast
━━━━━━█──────────── how far
client machine │ the ladder so far │ server machine       (wide; else two lines with the way of each)
── layers of this packet
── what it says
keys
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from netviz.event import Scene
from netviz.quantity import seconds
from netviz.verdicts.neighbours import Neighbours
from netviz.views.film_rows import Pace, Rails, rows
from netviz.views.film_words import Said, sentences
from netviz.views.machines import COLUMN, machine_column, machine_way
from netviz.views.stack import stack_lines, stack_sum
from netviz.views.text import fitting, safe, wrapped

__all__ = ["Reel", "Status", "help_page", "page", "picture", "speed_words"]

#: From this size on the machines stand beside the ladder, with all their states.
_WIDE, _HIGH = 100, 28

#: Cells of the word that says who speaks.
_WHO = 11

#: Cells that words get at least, however narrow the terminal: what does not fit is cut off.
_LEAST = 10

#: What the keys do, in full and in short.
_KEYS = (
    ("space", "pause", "pause, or go on; at the end, once more from the beginning"),
    ("← →", "step", "one packet back or on; then it stays there"),
    ("+ -", "speed", "faster, slower"),
    ("g", "go to", "go to a packet by its number"),
    ("l", "layers", "all layers of this packet, with its bytes"),
    ("?", "help", "this page"),
    ("q", "quit", "quit"),
)
_FURTHER = (("Home End", "to the first packet, to the last"), ("↑ ↓", "in the layers: further up, further down"))


class Reel(NamedTuple):
    """What is the same in all pictures of a film.

    ``name`` is what is played, ``scenes`` how many scenes there are, ``highest`` the number of the last packet, ``longest`` the
    cells that the longest time takes; ``labels`` the cells of a connection's number, 0 where there is only one;
    ``cut`` says what of the capture is not in it.
    """

    name: str
    start: int | None
    scenes: int
    highest: int
    longest: int
    labels: int
    neighbours: Neighbours
    cut: str = ""


class Status(NamedTuple):
    """How it is played at this moment; ``clock`` is the time in the capture, ``note`` what is to be said below."""

    speed: float
    most: int
    paused: bool = False
    over: bool = False
    clock: int | None = None
    note: str = ""


def picture(reel: Reel, scenes: Sequence[Scene], status: Status, width: int, height: int) -> list[Text]:
    """The lines of a picture, exactly ``height``; the last of ``scenes`` is the one that is shown, the others were before."""
    scene = scenes[-1]
    wide = width >= _WIDE and height >= _HIGH
    layers, words = _shares(height)
    lines = [_title(reel, scene, status, width), _bar(reel, scene, width)]
    stack = stack_lines(scene, width, layers) if layers > 2 else stack_sum(scene, width, layers)
    below = [_rule(f"packet {scene.number}, layer by layer", width)] if layers > 2 else []
    if layers > 2:
        stack = _filled(stack, layers)
    else:
        words += layers - len(stack)
    below += [*stack, _rule("what it says" if layers > 2 else f"packet {scene.number}", width)]
    below += _filled(_story(reel, scene, width, words), words)
    body = height - len(lines) - len(below) - 1
    lines += _beside(reel, scenes, status, width, body) if wide else _above(reel, scenes, status, width, body)
    lines += below
    return page(lines[: height - 1], width, height - 1) + page([_foot(status, width)], width, 1)


def page(lines: Sequence[Text], width: int, height: int) -> list[Text]:
    """Exactly so many lines, none of them wider than the screen."""
    cut = [line if line.cell_len <= width else line[: fitting(line.plain, width)] for line in lines[:height]]
    return cut + [Text()] * (height - len(cut))


def help_page(width: int, height: int) -> list[Text]:
    """What the keys do, and what the signs mean."""
    lines = [Text("keys", "title")]
    known = [(key, words) for key, _, words in _KEYS] + list(_FURTHER)
    lines += [Text.assemble((f"  {key:<10} ", "label"), words) for key, words in known]
    lines += [Text(), Text("signs", "title")]
    for sign, words in (
        ("▶ ━━", "the packet that is shown; the others were before"),
        ("#3", "its connection; rungs of other connections are faint"),
        ("⋮", "silence; no wait is longer than --max-gap"),
        ("?", "a state that is inferred: no segment of that side shows it"),
        ("•", "a state that this end went through"),
    ):
        lines.append(Text.assemble((f"  {sign:<10} ", "label"), words))
    return [*page(lines, width, height - 1), Text("any key goes back", "faint")]


def speed_words(speed: float) -> str:
    """A speed as people write it.

    >>> [speed_words(speed) for speed in (1.0, 0.05, 12.5, math.inf)]
    ['1×', '0.05×', '12.5×', 'max']
    """
    return "max" if math.isinf(speed) else f"{speed:.6f}".rstrip("0").rstrip(".") + "×" if speed >= 1e-6 else f"{speed:.0e}×"


def _shares(height: int) -> tuple[int, int]:
    """Lines for the layers and for the words, so that the ladder keeps about half."""
    if height >= 36:
        return 7, 6
    if height >= 28:
        return 5, 5
    if height >= 18:
        return 2, 4 if height < 24 else 5
    return (1, 2) if height >= 12 else (0, 1)


def _title(reel: Reel, scene: Scene, status: Status, width: int) -> Text:
    state = "end" if status.over else "paused" if status.paused else "▶"
    elapsed = "no time" if status.clock is None else f"{seconds(status.clock - (reel.start or 0))} s"
    right = f"packet {scene.number} of {reel.highest}  {elapsed}  {speed_words(status.speed)} {state} "
    left = Text.assemble((" netviz replay  " if width >= 80 else " ", "faint"), (safe(reel.name), "title"))
    room = width - len(right) - 2
    if left.cell_len > room:
        left = left[: fitting(left.plain, max(room - 1, 1))].append("…")
    left.pad_right(width - left.cell_len - len(right))
    return left.append(right, "label" if status.paused or status.over else "")


def _bar(reel: Reel, scene: Scene, width: int) -> Text:
    done = width if reel.scenes < 2 else max(round(width * scene.place / (reel.scenes - 1)), 1)
    return Text.assemble(("━" * (done - 1), "client"), ("█", "client"), ("─" * (width - done), "faint"))


def _rails(reel: Reel, room: int) -> Rails:
    rails = Rails(len(str(reel.highest)), reel.longest, reel.labels, 0)
    return rails._replace(arrow=max(room - rails.indent, 10))


def _pace(scene: Scene, status: Status) -> Pace:
    silent = 0 if status.clock is None or scene.time is None or status.over else max(status.clock - scene.time, 0)
    return Pace(status.speed, status.most, silent)


def _beside(reel: Reel, scenes: Sequence[Scene], status: Status, width: int, height: int) -> list[Text]:
    """The ladder between the two machines."""
    scene = scenes[-1]
    room = width - 2 * COLUMN - 4
    left = f" CLIENT {scene.tcp.client}"
    right = f"{scene.tcp.server} SERVER "
    middle = f"connection {scene.tcp.connection}" + (f", WebSocket {scene.phase}" if scene.phase else "")
    head = Text.assemble((left, "client"), f"{middle:^{max(width - cell_len(left) - cell_len(right), 0)}}", (right, "server"))
    ladder = rows(scenes[-height:], _rails(reel, room), _pace(scene, status), reel.start, height - 1)
    columns = [machine_column(machine, side) for side, machine in enumerate(scene.machines)]
    lines = [head]
    blank = Text(" " * COLUMN)
    for index, rung in enumerate(ladder):
        client, server = (column[index] if index < len(column) else blank for column in columns)
        rung.pad_right(room - rung.cell_len)
        lines.append(Text.assemble(" ", client, rung, "   ", server))
    return lines


def _above(reel: Reel, scenes: Sequence[Scene], status: Status, width: int, height: int) -> list[Text]:
    """The way of both machines in two lines, and the ladder below."""
    scene = scenes[-1]
    lines = []
    for side, end in ((0, scene.tcp.client), (1, scene.tcp.server)):
        who = (" client", " server")[side]
        address = f" {end}" if width >= len(str(end)) + 60 else ""
        line = Text.assemble((f"{who}{address}  ", who.strip()))
        more = Text(f"  WebSocket {scene.phase}", "label") if scene.phase and side and width >= 60 else Text()
        line.append_text(machine_way(scene.machines[side], side, width - line.cell_len - more.cell_len))
        lines.append(line.append_text(more))
    if height < 5:
        lines = lines[: max(height - 2, 0)]
    height -= len(lines)
    return (
        lines + rows(scenes[-height:], _rails(reel, width), _pace(scene, status), reel.start, height) if height > 0 else lines
    )


def _story(reel: Reel, scene: Scene, width: int, height: int) -> list[Text]:
    """Who says what; where there is little room each in one line, and the last tells how many there are besides."""
    room = max(width - _WHO - 2, _LEAST)
    all_said = list(sentences(scene, reel.neighbours, reel.start))
    if reel.cut and scene.place == reel.scenes - 1:
        all_said.insert(0, Said("film", f"! {reel.cut}", "note"))
    told = [(said, wrapped(said.text, room)) for said in all_said]
    if sum(len(texts) for _, texts in told) > height:
        told = [(said, [texts[0] if len(texts) == 1 else _cut(said.text, room)]) for said, texts in told]
    lines = [
        Text.assemble((f" {said.who if not index else '':<{_WHO}}", "label"), (text, said.style))
        for said, texts in told
        for index, text in enumerate(texts)
    ]
    if len(lines) > height > 1:
        lines = [*lines[: height - 1], Text(f" {'':<{_WHO}}… and {len(lines) - height + 1} more", "faint")]
    return lines[:height]


def _cut(text: str, room: int) -> str:
    return text[: fitting(text, room - 1)] + "…"


def _filled(lines: list[Text], height: int) -> list[Text]:
    return lines[:height] + [Text()] * (height - len(lines))


def _rule(words: str, width: int) -> Text:
    return Text.assemble(("── ", "faint"), words, (f" {'─' * max(width - len(words) - 4, 0)}", "faint"))


def _foot(status: Status, width: int) -> Text:
    if status.note:
        return Text(f" {status.note}", "note")
    line = Text()
    parts = _KEYS if width >= 70 else tuple((key.replace(" ", ""), short, "") for key, short, _ in _KEYS)
    for key, short, _ in parts:
        line.append(" " if width < 70 else "  " if line.plain else " ").append(key, "label").append(f" {short}", "faint")
    return line
