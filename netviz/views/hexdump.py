"""The bytes of a packet, each layer beginning a row of its own, so that no colour is needed to see whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from netviz.event import Dissection, PacketLayer
from netviz.views.text import fitting, safe

__all__ = ["hexdump", "label_of", "style_of"]

#: Rows of one layer, where not all of its bytes are wanted.
_ROWS = 8

_LABEL, _OFFSET = 17, 5


def style_of(layer: PacketLayer) -> str:
    """The colour of its OSI layer."""
    return f"layer{layer.osi}"


def label_of(layer: PacketLayer) -> str:
    """A short name for it."""
    if layer.key in ("engine.io", "socket.io"):
        return layer.name.split(" ", 1)[0]
    return layer.name.partition(",")[0].replace(" frame", "")


def hexdump(event: Dissection, width: int, *, full: bool = False) -> Iterator[Text]:
    """Rows of label, offset, bytes, characters; as many bytes in a row as there is room for."""
    room = width - _LABEL - _OFFSET - 3
    per = next((count for count in (16, 12) if 4 * count + count // 8 <= room), 8)
    at = 0
    for layer in sorted((layer for layer in event.layers if layer.end > layer.start), key=lambda layer: layer.start):
        if layer.start > at:
            yield from _region(event.data, at, layer.start, "?", "faint", per, full)
        begin = max(layer.start, at)
        if layer.end > begin:
            yield from _region(event.data, begin, layer.end, f"{layer.osi} {label_of(layer)}", style_of(layer), per, full)
        at = max(at, layer.end)
    if at < len(event.data):
        yield from _region(event.data, at, len(event.data), "?", "faint", per, full)


def _region(data: bytes, start: int, end: int, label: str, style: str, per: int, full: bool) -> Iterator[Text]:
    label = safe(label)
    label = label if len(label) < _LABEL else label[: fitting(label, _LABEL - 2)] + "…"
    last = end if full else min(end, start + _ROWS * per)
    for at in range(start, last, per):
        row = data[at : min(at + per, last)]
        halves = "  ".join(row[half : half + 8].hex(" ") for half in range(0, len(row), 8))
        line = Text.assemble((f"{label:<{_LABEL}}" if at == start else " " * _LABEL, style), (f"{at:>{_OFFSET}}  ", "faint"))
        line.append(f"{halves:<{3 * per + per // 8 - 1}}", style)
        line.append(" " + "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row), style)
        yield line
    if last < end:
        yield Text(f"{'':<{_LABEL + _OFFSET}}  … {end - last:,} more bytes (--full)", "faint")
