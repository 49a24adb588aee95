"""The anatomy of a frame: bytes, bits, names; the mask written out; inflated; and what surrounds it on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from netviz.event import Anatomy, Field
from netviz.quantity import plural
from netviz.views.sealed import sealed_lines
from netviz.views.text import fold, safe

__all__ = ["anatomy"]

#: Bytes of payload that are drawn, and of its XOR.
_DRAWN, _UNMASKED = 16, 16

_STYLES = ("note", "ok", "label", "client", "server")


def anatomy(event: Anatomy, width: int) -> Iterator[Text]:
    """The lines of the drawing."""
    frame = event.frame
    way = ("client", "server") if frame.side == 0 else ("server", "client")
    line = Text.assemble(
        (f"WebSocket frame {frame.number}", "title"), "  ", (way[0], way[0]), " → ", (way[1], way[1]),
        f"  {frame.head + frame.length:,} bytes = {frame.head} of header + {frame.length:,} of payload",
    )  # fmt: skip
    yield fold(line, width, 2)
    places = [f"packet {packet}, bytes {start} to {end - 1}" for packet, start, end in frame.slices[:4]]
    more = len(frame.slices) - len(places)
    yield fold(Text("  " + "; ".join(places) + (f" and {plural(more, 'more piece')}" if more > 0 else ""), "faint"), width, 2)
    yield Text()
    yield from sealed_lines(event, width)
    yield from _tree(_parts(event), width)
    yield Text()
    if frame.mask >= 0 and event.payload:
        yield from _mask(event, width)
    if event.inflated is not None:
        yield from _inflated(event, width)
    elif frame.mask < 0 and event.payload:
        said = _said(event.payload, frame.length)
        yield fold(Text.assemble(("  reads    ", "label"), "→ ", (said, "ok")), width, 13)
    yield from _cost(event, width)
    for problem in event.problems:
        yield fold(Text.assemble(("✗ ", "problem"), (safe(problem.text), "problem")), width, 2)


def _parts(event: Anatomy) -> list[tuple[str, list[str]]]:
    """Groups of bytes, each with the lines that explain it."""
    header, fields = event.header, {field.name: field for field in event.fields}
    first = [fields[name] for name in ("FIN", "RSV1", "RSV2", "RSV3", "opcode")]
    second = [fields["MASK"], fields["payload length"]]
    parts = [
        (header[:1].hex(), _bits(first)),
        (header[1:2].hex(), _bits(second)),
    ]
    if (extended := fields.get("extended payload length")) is not None:
        part = header[2 : 2 + extended.bits // 8]
        parts.append((part.hex(" "), [f"extended payload length = {extended.value:,}"]))
    if "masking key" in fields:
        parts.append((header[-4:].hex(" "), [f"masking key, {fields['masking key'].meaning}"]))
    if event.payload:
        shown = event.payload[:_DRAWN].hex(" ") + (" …" if event.frame.length > _DRAWN else "")
        kind = "masked" if event.frame.masked else "as it is"
        if event.frame.first & 0x40:
            kind += ", compressed"
        parts.append((shown, [f"payload, {kind}"]))
    return parts


def _bits(fields: list[Field]) -> list[str]:
    """A byte as bits, then what each field means."""
    reserved = [field for field in fields if field.name.startswith("RSV")]
    plain = [field for field in fields if field not in reserved]
    groups = []
    for field in fields:
        if field in reserved:
            if field is reserved[0]:
                groups.append("".join(str(each.value) for each in reserved))
        else:
            groups.append(f"{field.value:0{field.bits}b}")
    words = []
    for field in plain:
        words.append(f"{field.name} = {field.value}" + (f": {field.meaning}" if field.meaning else ""))
        if field.name == "FIN":
            set_bits = [f"{each.name} {each.meaning}" for each in reserved if each.value]
            words.append("RSV: " + (", ".join(set_bits) or "none set"))
    return [" ".join(groups), *words]


def _tree(parts: list[tuple[str, list[str]]], width: int) -> Iterator[Text]:
    """The bytes in a row, and below them a branch from each to its explanation."""
    columns, at = [], 1
    row = Text(" ")
    for index, (shown, _) in enumerate(parts):
        columns.append(at)
        row.append(shown, _STYLES[index % len(_STYLES)])
        gap = "   "
        row.append(gap)
        at += len(shown) + len(gap)
    row.rstrip()
    if row.cell_len > width:
        row.truncate(width - 1)
        row.append("…", "faint")
    yield row
    for index in range(len(parts) - 1, -1, -1):
        style = _STYLES[index % len(_STYLES)]
        for number, words in enumerate(parts[index][1]):
            line = Text()
            for column in range(index):
                line.append(" " * (columns[column] - len(line)))
                line.append("│", _STYLES[column % len(_STYLES)])
            line.append(" " * (columns[index] - len(line)))
            line.append("└ " if not number else "  ", style)
            line.append(words)
            yield fold(line, width, columns[index] + 2 if columns[index] < width // 2 else 4)


def _mask(event: Anatomy, width: int) -> Iterator[Text]:
    """The XOR, byte by byte (RFC 6455 section 5.3)."""
    key = event.header[-4:]
    line = Text.assemble(("  unmask   ", "label"))
    for index, (masked, clear) in enumerate(zip(event.payload[:_UNMASKED], event.unmasked, strict=False)):
        sign = chr(clear) if 32 <= clear < 127 else "·"
        line.append(f"{masked:02x}⊕{key[index % 4]:02x}={clear:02x}\N{NO-BREAK SPACE}")
        line.append(f"{sign}   ", "ok")
    if event.frame.length > _UNMASKED:
        line.append("…", "faint")
    yield fold(line, width, 11)
    if event.inflated is None:
        yield fold(Text.assemble("           → ", (_said(event.unmasked, event.frame.length), "ok")), width, 13)


def _inflated(event: Anatomy, width: int) -> Iterator[Text]:
    out = event.inflated or b""
    yield fold(
        Text.assemble(
            ("  inflate  ", "label"),
            f"{event.frame.length:,} bytes + the 4 that every sender leaves out (00 00 ff ff) → {len(out):,} bytes",
        ),
        width, 11,
    )  # fmt: skip
    yield fold(Text(f"           window between messages: {event.deflate}", "faint"), width, 11)
    yield fold(Text.assemble("           → ", (_said(out, len(out)), "ok")), width, 13)


def _cost(event: Anatomy, width: int) -> Iterator[Text]:
    """Useful bytes against all that the wire carries for them."""
    frame, layers = event.frame, event.layers
    if not layers:
        yield Text("  its packets are no longer held: what surrounds it on the wire cannot be told", "faint")
        return
    names: dict[str, int] = {}
    shared = sum(cost.payload for cost in layers)
    for cost in layers:
        for name, size in cost.headers:
            names[name] = names.get(name, 0) + size
    tls = sum(record.around for record in event.records)
    others = shared - frame.head - frame.length - tls
    wire = shared + sum(names.values())
    useful = frame.length
    parts = [f"{useful:,} payload", f"{frame.head} WebSocket"]
    parts += [f"{size} {name}" for name, size in reversed(list(names.items()))]
    parts[2:2] = [f"{tls} TLS"] if tls else []
    if others > 0:
        parts.insert(2, f"{others:,} of other frames in the same {plural(len(layers), 'segment').split(' ', 1)[1]}")
    share = f"{100 * useful / wire:.0f} % useful" if wire else ""
    line = Text.assemble(("  cost     ", "label"), " + ".join(parts), f" = {wire:,} bytes on the wire", (f", {share}", "note"))
    yield fold(line, width, 11)
    bars = [("payload", useful, "ok"), ("WebSocket", frame.head, "note")]
    bars += [("TLS", tls, "faint")] if tls else []
    bars += [(name, size, "faint") for name, size in reversed(list(names.items()))]
    longest = max(size for _, size, _ in bars) or 1
    scale = min(max(width - 22 - len(f"{longest:,}"), 10), 40)
    for name, size, style in bars:
        length = max(round(size / longest * scale), 1 if size else 0)
        yield Text.assemble((f"  {name:>17}  ", "faint"), ("█" * length, style), (f" {size:,}", "faint"))


def _said(data: bytes, length: int) -> str:
    try:
        text = data[:200].decode()
    except UnicodeDecodeError:
        try:
            text = data[:197].decode()
        except UnicodeDecodeError:
            return data[:32].hex(" ") + ("…" if length > 32 else "")
    return f"“{safe(text)}”" + ("…" if length > 200 else "")
