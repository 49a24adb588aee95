"""The layers of a packet in a few lines: the application on top, the link at the bottom, what each costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from netviz.event import EngineIoPacket, PacketLayer, Scene, SocketIoPacket
from netviz.views.arguments import quoted
from netviz.views.hexdump import label_of, style_of
from netviz.views.layers import OSI
from netviz.views.text import fitting, fold, safe

__all__ = ["stack_lines", "stack_sum"]

#: Cells of the OSI layer, of the protocols, of the sizes, and of the bar that stands for all of the packet.
_OSI, _NAMES, _SIZE, _BAR = 16, 25, 8, 16

#: From this width on there is a bar, and room for what a layer says.
_WIDE = 100

#: That of a frame or a message, behind what it is.
_NUMBER = re.compile(r" \d+$")


def stack_lines(scene: Scene, width: int, height: int) -> list[Text]:
    """A line for each OSI layer that somebody plays, at most so many; the least telling ones go first."""
    levels: dict[int, list[PacketLayer]] = {}
    for layer in scene.layers:
        levels.setdefault(layer.osi, []).append(layer)
    upper = list(_upper(scene, width))
    order = sorted(levels, reverse=True)
    for osi in (6, 2, 5):
        if len(upper) + len(order) > height and osi in order and not any(layer.size for layer in levels[osi] if osi != 2):
            order.remove(osi)
    total = max(sum(layer.size for layer in scene.layers), 1)
    tops = {osi: min((above for above in levels if above > osi), default=8) - 1 for osi in levels}
    lines = [*upper, *(_level(osi, tops[osi], levels[osi], total, width) for osi in order)]
    return lines[:height]


def stack_sum(scene: Scene, width: int, height: int) -> list[Text]:
    """All layers as one sum, from the wire up."""
    merged: dict[str, tuple[str, int]] = {}
    for layer in sorted(scene.layers, key=lambda layer: (layer.start, layer.osi)):
        if layer.size:
            name = _NUMBER.sub("", safe(label_of(layer)))  # all frames as one, whatever their numbers
            merged[name] = style_of(layer), merged.get(name, ("", 0))[1] + layer.size
    line = Text()
    for name, (style, size) in merged.items():
        line.append(" + " if line else " ", "faint").append(f"{size:,} {name}".replace(" ", "\N{NO-BREAK SPACE}"), style)
    line.append(f" = {sum(size for _, size in merged.values()):,} bytes", "faint")
    lines = list(fold(line, width, 1).split("\n"))[:height]
    for part in lines:
        part.plain = part.plain.replace("\N{NO-BREAK SPACE}", " ")  # they only kept together what belongs together
    return lines


def _upper(scene: Scene, width: int) -> Iterator[Text]:
    """Protocols that live in messages: no bytes of their own, but layers all the same."""
    packets = [event for event in scene.told if isinstance(event, SocketIoPacket)]
    if packets:
        first = packets[0]
        name = f" {quoted(first.event[:40])}" if first.event is not None else ""
        more = f" and {len(packets) - 1} more" if len(packets) > 1 else ""
        where = f"namespace {safe(first.namespace[:60])}"
        yield _entry(f"7 {OSI[7]}", f"Socket.IO {safe(first.type)}{name}{more}", "", "", where, "layer7", width)
    below = [event for event in scene.told if isinstance(event, EngineIoPacket)]
    if below:
        kinds = " + ".join(dict.fromkeys(safe(event.type) for event in below))
        yield _entry(f"7 {OSI[7]}", f"Engine.IO {kinds}", "", "", f"by {below[0].transport}", "layer7", width)


def _level(osi: int, top: int, group: Sequence[PacketLayer], total: int, width: int) -> Text:
    """The line of an OSI layer; where nobody plays it, of all from it up to ``top``."""
    if all(layer.key == "nothing" for layer in group):
        return _entry(
            f"{osi}–{top}" if top > osi else f"{osi} {OSI[osi]}", "nothing", "", "", safe(group[0].note), "faint", width
        )
    names = list(dict.fromkeys(safe(layer.name) for layer in group if layer.key not in ("padding", "nothing")))
    name = " + ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
    size = sum(layer.size for layer in group)
    cells = max(round(_BAR * size / total), 1) if size else 0
    said = next((layer.inside for layer in group if layer.inside), None)
    facts = " · ".join(safe(fact) for fact in group[0].facts)
    if said is not None and osi == 7:
        facts = _readable(said) or facts
    return _entry(f"{osi} {OSI[osi]}", name, f"{size:,} B" if size else "", "█" * cells, facts, f"layer{osi}", width)


def _readable(data: bytes) -> str:
    try:
        return f"“{safe(data[:400].decode())}”"
    except UnicodeDecodeError:
        return data[:24].hex(" ")


def _entry(label: str, name: str, size: str, bar: str, facts: str, style: str, width: int) -> Text:
    line = Text.assemble((f" {label:<{_OSI - 1}}", style), (_cell(name, _NAMES), "label" if style != "faint" else "faint"))
    line.append(f"{size:>{_SIZE}}  ")
    if width >= _WIDE:
        line.append(f"{bar:<{_BAR}} ", style)
    room = width - line.cell_len
    return line.append(facts if cell_len(facts) <= room else facts[: fitting(facts, max(room - 1, 1))] + "…", "faint")


def _cell(text: str, room: int) -> str:
    if cell_len(text) > room:
        text = text[: fitting(text, room - 1)] + "…"
    return text + " " * (room - cell_len(text))
