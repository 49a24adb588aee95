"""One layer bit by bit: the diagram that RFCs draw, with values in its cells, and a table of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from netviz.event import Dissection, Field, PacketLayer
from netviz.quantity import plural
from netviz.views.diagram import Cell, diagram
from netviz.views.hexdump import style_of
from netviz.views.layers import OSI, packed_facts, shown
from netviz.views.text import fitting, fold, safe

__all__ = ["anatomy_of"]

#: From this width on a field takes one row of the table, with its bits.
_WIDE = 100

#: Bits of a field that are drawn, and bytes and XORs of a content.
_MOST_BITS, _DRAWN = 128, 16

#: Where the meaning stands on narrow screens, below its field.
_INDENT = 9

_STYLES = ("note", "ok", "client", "server", "command")


def anatomy_of(event: Dissection, asked: Sequence[PacketLayer], width: int) -> Iterator[Text]:
    """The lines for each of the layers that were asked for."""
    for index, layer in enumerate(asked):
        if index:
            yield Text()
        yield from _one(event, layer, width)


def _one(event: Dissection, layer: PacketLayer, width: int) -> Iterator[Text]:
    where = "no bytes of its own"
    if layer.end > layer.start:
        where = f"bytes {layer.start} to {layer.end - 1} of packet {event.number}"
    line = Text.assemble((f"{layer.osi} {OSI[layer.osi]}", style_of(layer)), "  ", (safe(layer.name), "title"),
                         f"  {plural(layer.size, 'byte')}", (f"  {where}", "faint"))  # fmt: skip
    yield fold(line, width, 2)
    for packed in packed_facts("", layer.facts, width - 2):
        yield fold(Text("  ").append_text(packed), width, 4)
    if layer.note:
        yield fold(Text(f"  ({safe(layer.note)})", "faint"), width, 4)
    if layer.end - layer.start < layer.size:
        yield Text(f"  cut: {layer.end - layer.start} of its {layer.size} bytes are in the capture", "problem")
    data = event.data[layer.start : layer.end] if layer.inside is None else layer.inside
    if (cells := _cells(layer)) and layer.key != "http":
        yield Text()
        yield from diagram(cells, width)
    if layer.fields:
        yield Text()
        yield from _table(layer.fields, data, width)
        if layer.by != "netviz":
            yield Text(f"  fields by {layer.by}", "faint")
    if layer.inside is not None:
        yield Text()
        yield from _content(event, layer, width)


def _cells(layer: PacketLayer) -> list[Cell]:
    """The cells of a diagram: as many fields as follow one another."""
    cells: list[Cell] = []
    at = 0
    for index, field in enumerate(layer.fields):
        if field.bit != at or not field.bits:
            break
        bits = min(field.bits, _MOST_BITS)
        cells.append(Cell(field.bit, bits, safe(field.name), shown(field), _STYLES[index % len(_STYLES)]))
        at = field.bit + field.bits
        if bits < field.bits:
            break
    return cells


def _table(fields: Sequence[Field], data: bytes, width: int) -> Iterator[Text]:
    """Bytes, bits, field, value, meaning: in one row, or on narrow screens in two."""
    wide = width >= _WIDE
    placed = any(field.bits for field in fields)
    hexes, bits = (12, 21) if wide else (12, 21 if width >= 76 else 11)
    names = min(max(len(field.name) for field in fields) + 2, 24)
    if wide:
        values = min(max(5, *(len(shown(field)) for field in fields)) + 2, 26)
        head = f"  {'byte':<7}{'hex':<{hexes}}{'bits':<{bits}}" if placed else "  "
        yield Text(f"{head}{'field':<{names}}{'value':<{values}}meaning", "label")
    for index, field in enumerate(fields):
        style = "faint" if field.bits == 1 and not field.value else _STYLES[index % len(_STYLES)]
        line = Text("  ")
        if placed:
            line.append(f"{_bytes(field):<7}", "faint")
            line.append(f"{_hex(field, data):<{hexes}}", style)
            line.append(f"{_pattern(field, bits - 2):<{bits}}", style)
        name, value, meaning = safe(field.name), shown(field), safe(field.meaning)
        indent = line.cell_len
        if wide and len(name) < names and len(value) < values:
            line.append(f"{name:<{names}}", style)
            line.append(f"{value:<{values}}")
            indent = line.cell_len
            line.append(meaning, "faint")
            line.rstrip()
            yield fold(line, width, indent)
            continue
        line.append(name, style)
        line.append(f" = {value}")
        yield fold(line, width, min(indent + 2, 30))
        if meaning:
            yield fold(Text.assemble(" " * _INDENT, (meaning, "faint")), width, _INDENT)


def _bytes(field: Field) -> str:
    if not field.bits:
        return ""
    first, last = field.bit // 8, (field.bit + field.bits - 1) // 8
    return str(first) if first == last else f"{first}–{last}"


def _hex(field: Field, data: bytes) -> str:
    first, last = field.bit // 8, (field.bit + field.bits + 7) // 8
    raw = data[first:last]
    return raw[:3].hex(" ") + "…" if len(raw) > 4 else raw.hex(" ")


def _pattern(field: Field, room: int) -> str:
    """The bits of a field, and dots for those of its neighbours in the same bytes."""
    if not field.bits or field.bits > 16:
        return f"{field.bits} bits" if field.bits else ""
    first, last = field.bit // 8 * 8, (field.bit + field.bits + 7) // 8 * 8
    signs = "·" * (field.bit - first) + f"{field.value:0{field.bits}b}" + "·" * (last - field.bit - field.bits)
    grouped = " ".join(signs[at : at + 4] for at in range(0, len(signs), 4))
    return grouped if len(grouped) <= room else f"{field.bits} bits"


def _content(event: Dissection, layer: PacketLayer, width: int) -> Iterator[Text]:
    """What a payload says, and for a masked one how its mask is taken off (RFC 6455 section 5.3)."""
    inside, raw = layer.inside or b"", event.data[layer.start : layer.end]
    encrypted = any(one.key == "sealed" for one in event.layers)  # then it is more than a mask that differs
    if inside != raw and len(inside) == len(raw) and raw and not encrypted:
        line = Text.assemble(("  unmask  ", "label"))
        for masked, clear in zip(raw[:_DRAWN], inside, strict=False):
            sign = chr(clear) if 32 <= clear < 127 else "·"
            line.append(f"{masked:02x}⊕{masked ^ clear:02x}={clear:02x}\N{NO-BREAK SPACE}")
            line.append(f"{sign}   ", "ok")
        line.append("…" if len(raw) > _DRAWN else "", "faint")
        yield fold(line, width, 10)
    try:
        words = f"“{safe(inside.decode())}”"
    except UnicodeDecodeError:
        words = inside.hex(" ")
    shown_ = words[: fitting(words, 40 * width)]
    yield fold(Text.assemble(("  says    ", "label"), (shown_, "ok"), " …" if shown_ != words else ""), width, 10)
