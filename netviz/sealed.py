"""What lies inside TLS in one packet: records as layers, and what was in them in the place of their ciphertext.

All ciphers here encrypt in place, so what is read inside can be drawn where its ciphertext lies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from netviz.carried import carried, clear_tls
from netviz.event import Event, PacketLayer, TlsRecord, WebSocketFrame, WebSocketUpgrade
from netviz.layers.header.hello import hello
from netviz.layers.header.tls import record as record_head
from netviz.layers.tls.cursor import Malformed
from netviz.layers.tls.handshake import Messages
from netviz.quantity import plural

__all__ = ["sealed"]

_HEAD = 5

#: TLS keeps a session (5) and is presentation (6), and yet all that it carries lies above it: it stands before them.
_OSI, _DEPTH = 5, -1
_NOTE = "encryption would be presentation (6), but TLS lies right on TCP, and a session of its own is inside"

#: Bytes that are shown of ciphertext and plaintext.
_SHOWN = 24

_KINDS = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}


class _Piece(NamedTuple):
    """Some bytes of a record in this packet: from where in the record, and from where to where here."""

    begin: int
    start: int
    end: int


def sealed(
    data: bytes, start: int, end: int, packet: int, events: tuple[Event, ...], records: list[TlsRecord]
) -> list[PacketLayer]:
    """The layers of a segment with records that were opened."""
    clear = bytearray(data)
    found: list[PacketLayer] = []
    contents: list[tuple[int, int, TlsRecord]] = []
    covered: list[tuple[int, int]] = []
    for record in sorted(records, key=lambda one: one.origin):
        first = _HEAD + record.before
        for piece in _pieces(record, packet):
            covered.append((piece.start, piece.end))
            found += _around(record, piece, data)
            begin, stop = _cut(piece, first, first + len(record.content))
            if stop > begin:
                at = piece.begin + begin - piece.start - first
                clear[begin:stop] = record.content[at : at + stop - begin]
                contents.append((begin, stop, record))
    at = start
    for first, last in [*sorted(covered), (end, end)]:
        if first > at:
            found += clear_tls(data, at, first)
        at = max(at, last)
    opened = bytes(clear)
    others = tuple(event for event in events if not isinstance(event, TlsRecord))
    for begin, stop, record in contents:
        found += _inside(opened, begin, stop, packet, others, record)
    return list({(layer.key, layer.name, layer.start, layer.end, layer.facts): layer for layer in found}.values())


def _pieces(record: TlsRecord, packet: int) -> Iterable[_Piece]:
    before = 0
    for at in range(0, len(record.origin), 3):
        where, start, end = record.origin[at : at + 3]
        if where == packet:
            yield _Piece(before, start, end)
        before += end - start


def _cut(piece: _Piece, first: int, last: int) -> tuple[int, int]:
    """Where in the packet those bytes of a record lie that a piece has of a part of it."""
    begin = piece.start + max(first - piece.begin, 0)
    return min(begin, piece.end), max(min(piece.start + last - piece.begin, piece.end), piece.start)


def _around(record: TlsRecord, piece: _Piece, data: bytes) -> Iterable[PacketLayer]:
    """What a record adds: header and nonce in front, padding and tag behind; and both forms of its content."""
    first, behind = _HEAD + record.before, _HEAD + record.before + len(record.content)
    whole = behind + record.hidden + record.padding + record.tag
    begin, stop = _cut(piece, 0, first)
    head = record_head(data[begin:stop]) if stop - begin >= _HEAD else None
    facts = [f"{_KINDS.get(record.kind, 'record')}, opened with {record.cipher}", f"record {record.number} of these keys"]
    facts.append(_sum(record, whole))
    if len(record.packets) > 1:
        facts.append(f"packets {record.packets[0]}–{record.packets[-1]} carry it")
    if stop > begin:
        yield PacketLayer(key="tls", name="TLS record", osi=_OSI, depth=_DEPTH, start=begin, end=stop, size=stop - begin,
                          facts=tuple(facts), fields=() if head is None else head.fields, note=_NOTE)  # fmt: skip
    begin, stop = _cut(piece, first, behind)
    if stop > begin:
        at = piece.begin + begin - piece.start - first
        for key, shown in (("sealed", data[begin:stop]), ("opened", record.content[at:])):
            words = shown[:_SHOWN].hex(" ") + (" …" if stop - begin > _SHOWN else "")
            yield PacketLayer(key=key, name=key, osi=_OSI, depth=_DEPTH, start=begin, end=begin, size=0, facts=(words,))
    begin, stop = _cut(piece, behind, whole)
    if stop > begin:
        yield PacketLayer(key="tls-tag", name="TLS tag", osi=_OSI, depth=_DEPTH, start=begin, end=stop, size=stop - begin,
                          facts=("proves that nobody changed the record",))  # fmt: skip


def _sum(record: TlsRecord, whole: int) -> str:
    """What the bytes of a record are."""
    parts = [f"{len(record.content):,} of content", f"{_HEAD} header"]
    parts += [f"{record.before} {'IV' if 'CBC' in record.cipher else 'nonce'}"] if record.before else []
    parts += [f"{record.hidden} for the type inside"] if record.hidden else []
    parts += [plural(record.padding, "byte") + " of padding"] if record.padding else []
    parts.append(f"{record.tag} {'MAC' if 'CBC' in record.cipher else 'tag'}")
    return f"{whole:,} bytes = {' + '.join(parts)}"


def _inside(
    opened: bytes, begin: int, stop: int, packet: int, events: tuple[Event, ...], record: TlsRecord
) -> Iterable[PacketLayer]:
    """What was in a record."""
    if record.kind != 23:
        facts, fields = hello(record.content, modern=record.hidden > 0)
        yield PacketLayer(key="handshake", name=f"TLS {_KINDS.get(record.kind, 'message')}", osi=6, start=begin, end=stop,
                          size=stop - begin, facts=(*_messages(record), *facts), fields=fields,
                          inside=opened[begin:stop])  # fmt: skip
        return
    mine = tuple(event for event in events if _touches(event, packet, begin, stop))
    for layer in carried(opened, begin, stop, stop, packet, mine, "unknown", None):
        if layer.end > layer.start and not begin <= layer.start < stop:
            continue  # of another record in this packet
        if layer.inside is None and layer.end > layer.start:
            layer = replace(layer, inside=opened[layer.start : layer.end])
        yield layer


def _messages(record: TlsRecord) -> tuple[str, ...]:
    if record.kind == 21:
        return ("why the connection ends, or that nothing follows",)
    try:
        names = [message.name for message in Messages().feed(record.content)]
    except Malformed:
        names = []
    return (", ".join(names) or "a piece of a message",)


def _touches(event: Event, packet: int, begin: int, stop: int) -> bool:
    """Whether an event has bytes there; one that names no places is asked elsewhere."""
    if isinstance(event, WebSocketUpgrade):
        slices = (*event.request, *event.response)
    elif isinstance(event, WebSocketFrame):
        slices = event.slices
    else:
        return True
    return any(piece.packet == packet and piece.start < stop and piece.end > begin for piece in slices)
