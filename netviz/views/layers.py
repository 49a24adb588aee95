"""A packet as nested boxes, one for each OSI layer, from the wire up; then its bytes, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from netviz.event import Dissection, Field, PacketLayer
from netviz.quantity import plural, seconds
from netviz.views.hexdump import hexdump, label_of, style_of
from netviz.views.text import clock, fold, safe

__all__ = ["OSI", "layers", "packed_facts", "shown", "title"]

OSI = {1: "physical", 2: "data link", 3: "network", 4: "transport", 5: "session", 6: "presentation", 7: "application"}

#: From this width on boxes keep a blank on each side; beyond the other one they do not grow.
_AIRY, _WIDEST = 100, 120

#: Layers that do not give their box a name.
_UNNAMED = ("padding", "nothing", "sealed", "opened", "tls-tag")

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
    yield Text()
    yield fold(Text("--layer NAME draws one of them bit by bit, --explain says what each is for", "faint"), width, 2)


def title(event: Dissection, width: int) -> Iterator[Text]:
    """Which packet, and what it is for its connection."""
    line = Text.assemble((f"Packet {event.number}", "title"))
    if event.time is not None:
        elapsed = event.time - (event.time if event.origin is None else event.origin)
        line.append(f"  {seconds(elapsed)} s ({clock(event.time)} UTC)", "faint")
    if event.side is not None:
        other = "server" if event.side == "client" else "client"
        line.append_text(Text.assemble("  ", (event.side, event.side), " → ", (other, other)))
        line.append(f"  connection {event.connection}")
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
    levels = _levels(event)
    for (osi, _), group in levels.items():
        style = f"layer{osi}"
        left, right = _edges(open_, pad)
        room = width - 2 * len(open_) * (1 + len(pad))
        yield Text.assemble(left, _top(_label(osi, group, levels), group, room, style), right)
        open_.append(style)
        left, right = _edges(open_, pad)
        inner = width - 2 * len(open_) * (1 + len(pad))
        for line in _content(group, inner, full):
            for part in fold(line, inner, 2).split("\n"):
                part.pad_right(inner - part.cell_len)
                yield Text.assemble(left, part, right)
    dash = "─" if pad else ""
    end = Text()
    for index, style in enumerate(open_):
        end.append(("┴" if index else "└") + dash, style)
    end.append("─" * (width - 2 * len(open_) * (1 + len(pad))), open_[-1] if open_ else "")
    for index, style in reversed(list(enumerate(open_))):
        end.append(dash + ("┴" if index else "┘"), style)
    yield end


def _levels(event: Dissection) -> dict[tuple[int, int], list[PacketLayer]]:
    """The layers of a packet by OSI layer and depth in it: what belongs together stands in one box."""
    found: dict[tuple[int, int], list[PacketLayer]] = {}
    for layer in event.layers:
        found.setdefault((layer.osi, layer.depth), []).append(layer)
    return dict(sorted(found.items()))


def _edges(styles: list[str], pad: str) -> tuple[Text, Text]:
    left, right = Text(), Text()
    for style in styles:
        left.append("│" + pad, style)
    for style in reversed(styles):
        right.append(pad + "│", style)
    return left, right


def _label(osi: int, group: list[PacketLayer], levels: dict[tuple[int, int], list[PacketLayer]]) -> str:
    """Number and name of an OSI layer; where nobody plays its role, of all that follow without one."""
    if any(layer.key != "nothing" for layer in group):
        return f"{osi} {OSI[osi]}"
    last = next((above - 1 for above in range(osi + 1, 8) if any(one == above for one, _ in levels)), 7)
    numbers = str(osi) if last == osi else f"{osi}–{last}"
    return f"{numbers} {', '.join(OSI[one] for one in range(osi, last + 1))}"


def _top(label: str, group: list[PacketLayer], room: int, style: str) -> Text:
    """``┌ 4 transport ─ TCP ─────── 32 bytes ┐``."""
    names = list(dict.fromkeys(layer.name for layer in group if layer.key not in _UNNAMED))
    name = " + ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
    size = sum(layer.size for layer in group)
    cost = f" {plural(size, 'byte')} " if size else ""
    head = Text("┌ ", style)
    head.append(label, style)
    head.stylize("bold", 2)
    if name:
        head.append(" ─ ", style)
        head.append(safe(name), "title")
    most = room - len(cost) - 4
    if head.cell_len > most:
        head.truncate(max(most, 1), overflow="ellipsis")
    head.append(" " + "─" * (room - head.cell_len - len(cost) - 2), style)
    head.append(cost)
    return head.append("┐", style)


def _content(group: list[PacketLayer], room: int, full: bool) -> Iterator[Text]:
    """What the layers of a box say, each in a few lines."""
    several = len({layer.name for layer in group}) > 1
    if len(group) > 1 and not full and all(layer.key == "presentation" for layer in group):
        counts = Counter(layer.name for layer in group)
        yield Text(" · ".join(f"{name}: {count} times" if count > 1 else name for name, count in counts.items()))
        return
    if len(group) > 1 and all(layer.key == "encrypted" for layer in group):
        group = group[:1]
    if not full:  # the record before it has said what it is
        group = [layer for layer in group if layer.key != "handshake" or layer.facts]
    for layer in group[: None if full else _EACH]:
        if layer.key == "nothing":
            yield Text(f"nothing: {safe(layer.note)}", "faint")
            continue
        lead = ""
        if several:
            lead = safe(layer.name) + (f", {plural(layer.size, 'byte')}" if layer.size else "") + ": " * bool(layer.facts)
        yield from packed_facts(lead, layer.facts, room)
        if layer.inside is not None and not layer.fields:
            yield from _inside(layer)
        if layer.key == "http" and not full:
            yield from _head(layer)
        if full:
            yield from _fields(layer)
    if not full and len(group) > _EACH:
        yield Text(f"… and {len(group) - _EACH:,} more (--full shows them)", "faint")
    for note in dict.fromkeys(layer.note for layer in group if layer.note and layer.key != "nothing"):
        yield Text(f"({safe(note)})", "faint")


def _fields(layer: PacketLayer) -> Iterator[Text]:
    names = min(max((len(field.name) for field in layer.fields), default=0), 22)
    values = min(max((len(shown(field)) for field in layer.fields), default=0), 20)
    for field in layer.fields:
        line = Text.assemble((f"  {safe(field.name):<{names}}  ", "faint"), f"{shown(field):<{values}}")
        line.append(f"  {safe(field.meaning)}", "faint")
        line.rstrip()
        yield line


def packed_facts(lead: str, facts: tuple[str, ...], room: int) -> Iterator[Text]:
    """Facts beside one another, where they fit: a fact is not torn apart that would fit on a line of its own."""
    line = Text.assemble((lead, "label"))
    for index, fact in enumerate(facts):
        words = safe(fact)
        joint = " · " if index else ""
        if line.plain and line.cell_len + cell_len(joint + words) > room:
            yield line
            line, joint = Text(), ""
        line.append(joint + words)
    if line.plain:
        yield line


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
        name = "useful" if layer.useful else safe(label_of(layer))
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
        bar.append("├" + f"{size:─^{cells - 2},}" + "┤", style)
        osi = style.removeprefix("layer")
        label = next((words for words in (f"{osi} {name}", name) if cell_len(words) <= cells), osi)
        below.append(f"{label:^{cells}}", style)
    below.rstrip()
    if bar.cell_len <= width:
        yield bar
        yield below
