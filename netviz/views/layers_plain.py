"""One line a field of a packet, for grep and screen readers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netviz.event import Dissection, Field, PacketLayer
from netviz.quantity import plural, seconds
from netviz.views.layers import shown
from netviz.views.text import safe

__all__ = ["plain_layers"]


def plain_layers(event: Dissection, asked: Sequence[PacketLayer] | None = None) -> Iterator[str]:
    """A line for the packet, for each of its layers (or those that were asked for), and for each of their fields."""
    head = f"packet {event.number}"
    elapsed = "" if event.time is None else f" {seconds(event.time - (event.time if event.origin is None else event.origin))} s"
    who = "" if event.side is None else f", connection {event.connection}, {event.side} sends"
    yield f"{head}{elapsed} {plural(event.wire, 'byte')}, {event.useful:,} of them useful{who}"
    for story in event.story:
        yield f"{head} {safe(story)}"
    for layer in event.layers if asked is None else asked:
        name = f"{head} layer {layer.osi} {layer.key}"
        where = f" bytes {layer.start} to {layer.end - 1}" if layer.end > layer.start else ""
        said = "; ".join([safe(fact) for fact in layer.facts] or [safe(layer.note)] * bool(layer.note))
        yield f"{name}{where} {safe(layer.name)}" + (f": {said}" if said else "")
        for field in layer.fields:
            meaning = f": {safe(field.meaning)}" if field.meaning else ""
            yield f"{name}{_place(layer, field)} {safe(field.name)} = {shown(field)}{meaning}"
        if layer.inside is not None:
            yield f"{name} content {_words(layer.inside)}"
    for problem in event.problems:
        yield f"{head} problem {problem.kind}: {safe(problem.text)}"


def _place(layer: PacketLayer, field: Field) -> str:
    """Where a field lies in the packet."""
    if not field.bits:
        return ""
    first, last = layer.start + field.bit // 8, layer.start + (field.bit + field.bits - 1) // 8
    if field.bits % 8 or field.bit % 8:
        bit = field.bit % 8
        return f" byte {first} bit {bit}" + (f" to {bit + field.bits - 1}" if field.bits > 1 else "")
    return f" byte {first}" if first == last else f" bytes {first} to {last}"


def _words(data: bytes) -> str:
    try:
        return safe(data.decode())
    except UnicodeDecodeError:
        return data.hex(" ")
