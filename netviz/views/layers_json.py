"""A packet as one line of JSON: its layers, and every field of them."""

from __future__ import annotations

from base64 import b64encode

from netviz.event import Dissection, Field, PacketLayer
from netviz.views.json_keys import boolean, problems_array, string, words
from netviz.views.jsonl import moment

__all__ = ["layers_line"]


def layers_line(event: Dissection) -> str:
    """The event ``packet.layers``."""
    connection = "" if event.connection is None else f', "connection": {event.connection}'
    side = "" if event.side is None else f', "side": "{event.side}"'
    return (
        f'{{"event": "{event.name}"{connection}{moment(event.time, event.origin)}, "packets": {list(event.packets)}{side}, '
        f'"wire": {event.wire}, "captured": {len(event.data)}, "useful": {event.useful}, "story": {words(event.story)}, '
        f'"layers": [{", ".join(map(_layer, event.layers))}], "problems": {problems_array(event.problems)}}}'
    )


def _layer(layer: PacketLayer) -> str:
    place = f', "start": {layer.start}, "end": {layer.end}' if layer.end > layer.start else ""
    note = f', "note": {string(layer.note)}' if layer.note else ""
    inside = ""
    if layer.inside is not None:
        try:
            inside = f', "text": {string(layer.inside.decode())}'
        except UnicodeDecodeError:
            inside = f', "data": "{b64encode(layer.inside).decode()}"'
    return (
        f'{{"layer": {layer.osi}, "key": {string(layer.key)}, "name": {string(layer.name)}{place}, "bytes": {layer.size}, '
        f'"useful": {boolean(layer.useful)}, "by": "{layer.by}", "facts": {words(layer.facts)}{note}{inside}, '
        f'"fields": [{", ".join([_field(field, layer.key != "http") for field in layer.fields])}]}}'
    )


def _field(field: Field, numeric: bool) -> str:
    place = f', "bit": {field.bit}, "bits": {field.bits}' if field.bits else ""
    text = f', "text": {string(field.text)}' if field.text else ""
    meaning = f', "meaning": {string(field.meaning)}' if field.meaning else ""
    # Numbers of more than 64 bits are addresses and the like: their text says it better.
    known = numeric and field.bits <= 64 and (field.bits > 0 or field.value != 0 or not field.text)
    value = f', "value": {field.value}' if known else ""
    return f'{{"name": {string(field.name)}{place}{value}{text}{meaning}}}'
