"""A packet as nested boxes, one for each OSI layer, from the wire up; then its bytes, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from netviz.event import Dissection, Field, PacketLayer
from netviz.quantity import plural, seconds
from netviz.views.hexdump import hexdump, style_of
from netviz.views.text import clock, fold, safe

__all__ = ["OSI", "layers", "shown", "title"]

OSI = {1: "physical", 2: "data link", 3: "network", 4: "transport", 5: "session", 6: "presentation", 7: "application"}

#: From this width on boxes keep a blank on each side; beyond the other one they do not grow.
_AIRY, _WIDEST = 100, 120

#: What of a content is shown, in characters, and how many header lines of HTTP.
_CONTENT, _LINES, _EACH = 300, 8, 6


def layers(event: Dissection, width: int, *, full: bool = False) -> Iterator[Text]:
    """All lines of the screen."""
    width = min(width, _WIDEST)
    yield from title(event, width)
    yield Text()
    yield from _boxes(event, width, full)
    yield Text()
    yield from hexdump(event, width, full=full)
    yield Text()
    yield from _cost(event, width)


def title(event: Dissection, width: int) -> Iterator[Text]:
    """Which packet, and what it is for its connection."""
    line = Text.assemble((f"Packet {event.number}", "title"))
    if event.time is not None:
        elapsed = event.time - (event.time if event.origin is None else event.origin)
        line.append(f"  {seconds(elapsed)} s ({clock(event.time)} UTC)", "faint")
    if event.side is not None:
        other = "server" if event.side == "client" else "client"
        line.append_text(Text.assemble("  ", (event.side, event.side), " → ", (other, other), f"  connection {event.connection}"))
    yield fold(line, width, 2)
    for story in event.story:
        yield fold(Text(f"  {safe(story)}"), width, 4)
    for problem in event.problems:
        yield fold(Text.assemble(("  ✗ ", "problem"), (safe(problem.text), "problem")), width, 4)


def shown(field: Field) -> str:
    """The value of a field, as people write it, safe to print."""
    return safe(field.text) if field.text else str(field.value)


def _boxes(event: Dissection, width: int, full: bool) -> Iterator[Text]:
    """A box inside a box; one line closes them all."""
    pad = " " if width >= _AIRY else ""
    open_: list[str] = []
    for osi, group in _levels(event):
        style = f"layer{osi}"
        left, right = _edges(open_, pad)
        room = width - 2 * len(open_) * (1 + len(pad))
        yield Text.assemble(left, _top(osi, group, room, style), right)
        open_.append(style)
        left, right = _edges(open_, pad)
        inner = width - 2 * len(open_) * (1 + len(pad))
        for line in _content(group, inner, full):
            for part in fold(line, inner, 2).split("\n"):
                part.pad_right(inner - part.cell_len)
                yield Text.assemble(left, part, right)
    line = "─" if pad else ""
    end = Text()
    for index, style in enumerate(open_):
        end.append(("┴" if index else "└") + line, style)
    end.append("─" * (width - 2 * len(open_) * (1 + len(pad))), open_[-1] if open_ else "")
    for index, style in reversed(list(enumerate(open_))):
        end.append(line + ("┴" if index else "┘"), style)
    yield end


def _levels(event: Dissection) -> list[tuple[int, list[PacketLayer]]]:
    """The layers of a packet by OSI layer: what belongs to one of them stands in one box."""
    found: dict[int, list[PacketLayer]] = {}
    for layer in event.layers:
        found.setdefault(layer.osi, []).append(layer)
    return sorted(found.items())


def _edges(styles: list[str], pad: str) -> tuple[Text, Text]:
    left, right = Text(), Text()
    for style in styles:
        left.append("│" + pad, style)
    for style in reversed(styles):
        right.append(pad + "│", style)
    return left, right


def _top(osi: int, group: list[PacketLayer], room: int, style: str) -> Text:
    """``┌ 4 transport ── TCP ─────── 32 bytes ┐``."""
    names = list(dict.fromkeys(layer.name for layer in group if layer.key != "padding"))
    name = names[0] + (f" and {len(names) - 1} more" if len(names) > 2 else f" + {names[1]}" if len(names) == 2 else "")
    size = sum(layer.size for layer in group)
    numbers, label = (str(osi), OSI[osi]) if group[0].key != "nothing" else _nobody(group, osi)
    cost = plural(size, "byte") if size else ""
    head = Text.assemble(("┌ ", style), (f"{numbers} {label}", f"bold {style}" if label else style))
    if group[0].key != "nothing" or len(group) > 1:
        head.append_text(Text.assemble((" ─ ", style), (safe(name), "title")))
    spare = room - head.cell_len - len(cost) - (5 if cost else 3)
    if spare < 0:
        head.truncate(max(head.cell_len + spare, 6), overflow="ellipsis")
        spare = room - head.cell_len - len(cost) - (5 if cost else 3)
    head.append(" " + "─" * (spare + 1 if cost else spare + 1), style)
    if cost:
        head.append(f" {cost} ", "")
    head.append("┐" if cost else "┐", style)
    return head


def _nobody(group: list[PacketLayer], osi: int) -> tuple[str, str]:
    return str(osi), OSI[osi]


def _content(group: list[PacketLayer], room: int, full: bool) -> Iterator[Text]:
    """What the layers of a box say, each in a few lines."""
    several = len({layer.name for layer in group}) > 1
    for layer in group[: None if full else _EACH]:
        lead = Text()
        if several or layer.key == "nothing":
            name = "nothing" if layer.key == "nothing" else layer.name
            size = f" {plural(layer.size, 'byte')}" if layer.size and len(group) > 1 else ""
            lead = Text.assemble((safe(name), "label"), (size, "faint"), ": " if layer.facts or layer.key == "nothing" else "")
        if layer.key == "nothing":
            lead.append(safe(layer.note), "faint")
        lead.append(" · ".join(safe(fact) for fact in layer.facts))
        if lead.plain:
            yield lead
        if layer.inside is not None:
            yield from _inside(layer)
        if layer.key == "http" and not full:
            yield from _head(layer)
        if full:
            for field in layer.fields:
                meaning = f"  {safe(field.meaning)}" if field.meaning else ""
                yield Text.assemble((f"  {safe(field.name)} ", "faint"), shown(field), (meaning, "faint"))
    if not full and len(group) > _EACH:
        yield Text(f"… and {len(group) - _EACH:,} more (--full shows them)", "faint")
    notes = dict.fromkeys(layer.note for layer in group if layer.note and layer.key != "nothing")
    for note in notes:
        yield Text(f"({safe(note)})", "faint")


def _inside(layer: PacketLayer) -> Iterator[Text]:
    data = layer.inside or b""
    try:
        words = data[: 4 * _CONTENT].decode()
    except UnicodeDecodeError as error:
        if error.start and error.start >= len(data[: 4 * _CONTENT]) - 4:
            words = data[: error.start].decode()
        else:
            yield Text(data[:48].hex(" ") + (" …" if len(data) > 48 else ""), "ok")
            return
    if words:
        yield Text(f"“{safe(words[:_CONTENT])}”" + (" …" if len(data) > len(words[:_CONTENT].encode()) else ""), "ok")


def _head(layer: PacketLayer) -> Iterator[Text]:
    lines = layer.fields[1:]
    for field in lines[:_LINES]:
        yield Text.assemble((f"{safe(field.name)}: ", "faint"), safe(field.text[:_CONTENT]))
    if len(lines) > _LINES:
        yield Text(f"… {plural(len(lines) - _LINES, 'more line')}", "faint")


def _cost(event: Dissection, width: int) -> Iterator[Text]:
    """Useful bytes against all on the wire, as one bar cut up by layers."""
    parts = [(layer, layer.size) for layer in sorted(event.layers, key=lambda layer: (layer.start, layer.osi)) if layer.size]
    wire = event.wire
    share = f", {100 * event.useful / wire:.0f} %" if wire else ""
    words = f"{plural(event.useful, 'useful byte')}, {wire:,} on the wire{share}"
    yield fold(Text.assemble(("cost  ", "label"), words), width, 6)
    merged: list[tuple[str, str, int]] = []
    for layer, size in parts:
        name = "useful" if layer.useful else layer.name
        if merged and merged[-1][0] == name:
            merged[-1] = name, merged[-1][1], merged[-1][2] + size
        else:
            merged.append((name, style_of(layer), size))
    if not merged or len(merged) > 12:
        return
    room = width - 6
    least = max(max(len(f"{size:,}") for _, _, size in merged) + 2, 4)
    spare = room - least * len(merged)
    total = sum(size for _, _, size in merged)
    bar, below = Text(" " * 6), Text(" " * 6)
    for name, style, size in merged:
        cells = least + (spare * size // total if spare > 0 else 0)
        number = f"{size:,}"
        bar.append("├" + f"{number:─^{cells - 2}}" + "┤", style)
        below.append(f"{safe(name)[: cells - 1]:^{cells}}", style)
    if bar.cell_len <= width:
        yield bar
        yield below
