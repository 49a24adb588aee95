"""One packet of a capture taken apart, layer by layer.

>>> from netviz.capture.source import open_capture
>>> [layer.name for layer in dissect(open_capture("captures/websocket.pcapng"), 1).layers][:4]
['recorded packet', 'Ethernet II', 'IPv4', 'TCP']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, PADDING, Batch
from netviz.capture.file import Files
from netviz.capture.source import Source
from netviz.carried import carried, nothing
from netviz.context import Context, Target, gather_context
from netviz.envelope import told
from netviz.errors import NetvizError
from netviz.event import SIDES, Dissection, Field, PacketLayer, Problem
from netviz.foreign import foreign
from netviz.keylog import KeyLog
from netviz.layers.header.field import Header, ones_sum
from netviz.layers.header.walk import Walk, walk
from netviz.layers.link import LINK_NAMES
from netviz.layers.tcp.flags import ACK
from netviz.quantity import plural
from netviz.table import table

__all__ = ["dissect", "stack"]

#: Bytes of a stream that are kept, because it cannot be read a second time.
_HELD = 256 << 20

#: What Socket.IO packets in one packet say is told of the first ones.
_SENTENCES = 4

_LINKS = {0: "BSD loopback", 1: "Ethernet", 12: "raw IP", 14: "raw IP", 101: "raw IP", 108: "OpenBSD loopback",
          113: "Linux cooked", 228: "raw IPv4", 229: "raw IPv6", 276: "Linux cooked 2"}  # fmt: skip


class _Found(NamedTuple):
    """Where the packet is, when the capture began, and what was read until then (None where it can be read again)."""

    batch: Batch
    row: int
    origin: int | None
    rest: Iterator[Batch]
    held: list[Batch] | None


def dissect(source: Source, number: int, keys: KeyLog | None = None) -> Dissection:
    """Take packet ``number`` apart, with ``keys`` also what is inside TLS; raises NetvizError where there is none."""
    found = _find(source, number)
    batch, row = found.batch, found.row
    data, wire = batch.packet(number), int(batch.wire[row])
    time = None if batch.time[row] == NO_TIME else int(batch.time[row])
    link = int(batch.link[row])
    walked = walk(data, link, max(wire, len(data)))
    target = _target(batch, number)
    context = None
    if target is not None:
        batches: Iterable[Batch] | None = None if found.held is None else chain(found.held, found.rest)
        if isinstance(source, Files):
            batches = source.again()
        context = gather_context(batches, target, keys) if batches is not None else None
    layers = [_physical(source, link, data, wire), *_headers(walked, data, context), *_above(walked, data, context, number)]
    problems = [Problem("headers-cut" if "in the capture" in walked.problem else "header-malformed", walked.problem, number)]
    connection = None if context is None or context.connection is None else context.connection
    return Dissection(
        packets=(number,), time=time, number=number, data=data, wire=max(wire, len(data)), layers=tuple(layers),
        origin=found.origin, problems=tuple(problems) if walked.problem else (),
        connection=None if connection is None else connection.connection,
        side=None if connection is None or context is None else SIDES[context.side],
        story=() if context is None or target is None else _story(context, target),
    )  # fmt: skip


def stack(batch: Batch, number: int, context: Context | None) -> tuple[PacketLayer, ...]:
    """The layers of one packet of a Batch above the wire, in a context that is known: nothing else of the capture is read."""
    row = number - batch.first
    data = batch.packet(number)
    walked = walk(data, int(batch.link[row]), max(int(batch.wire[row]), len(data)))
    return (*_headers(walked, data, context), *_above(walked, data, context, number))


def _find(source: Source, number: int) -> _Found:
    origin = None
    again = isinstance(source, Files)
    held: list[Batch] | None = None if again else []
    size, last = 0, 0
    batches = iter(source)
    for batch in batches:
        if not len(batch):
            continue
        last = batch.first + len(batch) - 1
        if origin is None and (timed := batch.time[batch.time != NO_TIME]).size:
            origin = int(timed[0])
        if held is not None:
            kept = _compact(batch)
            size += len(kept.buffer)
            held = [*held, kept] if size <= _HELD else None
        if batch.first <= number <= last:
            return _Found(batch, number - batch.first, origin, batches, held)
    there = f"the capture has {plural(last, 'packet')}" if last else "the capture has no packets"
    raise NetvizError(f"no packet {number}: {there}", "packets are counted from 1, as in Wireshark")


def _compact(batch: Batch) -> Batch:
    """A Batch that holds no more memory than its packets take."""
    from dataclasses import replace

    end = int((batch.offset + batch.captured).max())
    return replace(batch, buffer=np.concatenate([batch.buffer[:end], np.zeros(PADDING, np.uint8)]))


def _target(batch: Batch, number: int) -> Target | None:
    read = table(batch)
    places = np.flatnonzero(read.tcp.row == number - batch.first)
    if not len(places):
        return None
    index, tcp, row = int(places[0]), read.tcp, number - batch.first
    if row in read.reassembled:
        return None  # its segment lies in several packets; this one holds a piece of an IP datagram
    start = int(tcp.payload[index]) - int(read.batch.offset[row])
    return Target(number, int(read.source[index]), int(read.target[index]), int(tcp.flags[index]), int(tcp.seq[index]),
                  int(tcp.ack[index]), int(tcp.length[index]), start, start + int(tcp.captured[index]))  # fmt: skip


def _physical(source: Source, link: int, data: bytes, wire: int) -> PacketLayer:
    known = source.metadata.interfaces
    name = known[0].name if len(known) == 1 else ""
    kind = _LINKS.get(link) or LINK_NAMES.get(link, f"link type {link}")
    facts = [f"interface {name}"] if name else [f"one of {len(known)} interfaces"] if len(known) > 1 else []
    facts.append(f"recorded as {kind}")
    facts.append(f"{wire:,} bytes" if wire <= len(data) else f"{wire:,} bytes, of which {len(data):,} were recorded")
    note = "of voltage, light or radio a capture keeps only the time"
    return PacketLayer(key="physical", name="recorded packet", osi=1, start=0, end=0, size=0, facts=tuple(facts), note=note)


def _headers(walked: Walk, data: bytes, context: Context | None) -> list[PacketLayer]:
    layers, last = [], None
    for at, header in walked.headers:
        fields, facts = header.fields, header.facts
        if header.key in ("tcp", "udp", "icmpv6") and last is not None:
            fields = _checked(header, fields, data, at, walked.stop, last)
        if header.key == "tcp" and context is not None:
            fields, facts = _told(header, fields, context)
        if header.key in ("ipv4", "ipv6"):
            last = at, header
        end = min(at + header.size, len(data))
        layers.append(PacketLayer(key=header.key, name=header.name, osi=header.osi, start=at, end=end, size=header.size,
                                  fields=fields, facts=facts, note=header.note))  # fmt: skip
    if walked.stop < len(data) and layers and not walked.problem:
        layers.append(PacketLayer(key="padding", name="padding", osi=2, start=walked.stop, end=len(data),
                                  size=len(data) - walked.stop,
                                  facts=("fills the frame up: no layer above asked for it",)))  # fmt: skip
    return layers


def _checked(
    header: Header, fields: tuple[Field, ...], data: bytes, at: int, stop: int, ip: tuple[int, Header]
) -> tuple[Field, ...]:
    """Say of a checksum whether it is right: it is taken over addresses and data, too (RFC 9293 section 3.1)."""
    place = next((i for i, field in enumerate(fields) if field.name == "checksum"), None)
    if place is None or (header.key == "udp" and not fields[place].value):
        return fields
    if stop > len(data):
        said = "not checked: the packet is cut"
    else:
        begin, above = ip
        first, width = (12, 8) if above.key == "ipv4" else (8, 32)
        protocol = {"tcp": 6, "udp": 17, "icmpv6": 58}[header.key]
        pseudo = data[begin + first : begin + first + width] + (stop - at).to_bytes(4, "big") + protocol.to_bytes(4, "big")
        right = not ones_sum(pseudo + data[at:stop])
        said = "right, over addresses, header and data" if right else "not right: left to the network adapter, or damaged"
    return (*fields[:place], fields[place]._replace(meaning=said), *fields[place + 1 :])


def _told(header: Header, fields: tuple[Field, ...], context: Context) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """Sequence numbers relative, the window scaled: what only the connection tells."""
    own, peer = context.base
    seq, ack = header.value("sequence number"), header.value("acknowledgment number")
    relative = None if own is None else seq - own & 0xFFFFFFFF
    behind = None if peer is None else ack - peer & 0xFFFFFFFF
    window = header.value("window")
    said = {}
    facts = [header.facts[0], header.facts[1]] if len(header.facts) > 1 else list(header.facts)
    if relative is not None:
        said["sequence number"] = f"relative {relative:,}: counted from {own}"
        facts.append(f"seq {relative} ({seq})")
    if behind is not None and header.value("ACK"):
        said["acknowledgment number"] = f"relative {behind:,}: everything before that number has come"
        facts.append(f"ack {behind} ({ack})")
    if context.shift is not None:
        size = window << context.shift
        said["window"] = f"× {1 << context.shift:,} = {size:,} bytes of room" if context.shift else f"{size:,} bytes of room"
        facts.append(f"window {size:,}")
    else:
        facts.append(f"window {window:,}, scale not known")
    return tuple(f._replace(meaning=said[f.name]) if f.name in said else f for f in fields), tuple(facts)


def _above(walked: Walk, data: bytes, context: Context | None, number: int) -> list[PacketLayer]:
    start, stop, end = walked.start, walked.stop, min(walked.stop, len(data))
    if walked.problem or (not walked.headers and walked.payload != "no IP" and not data):
        return []
    if walked.headers and walked.headers[-1][1].key == "tcp":
        application = "unknown" if context is None or context.connection is None else context.connection.application
        events, asked = ((), None) if context is None else (context.events, context.asked)
        return carried(data, start, end, stop, number, events, application, asked)
    at, last = walked.headers[-1] if walked.headers else (0, None)
    body = walked.payload in ("ICMP body", "ICMPv6 body")
    layers = foreign(walked.payload, data, start, end, data[at:start] if body else b"")
    reached = max((layer.end for layer in layers), default=start)
    if reached < stop:
        known = last is not None and last.key == "udp"
        name = walked.payload or "bytes"
        layers.append(PacketLayer(key="data", name="data" if layers else name, osi=7 if known else last.osi if last else 1,
                                  start=min(reached, end), end=end, size=stop - reached, useful=known or last is None,
                                  facts=("not decoded",)))  # fmt: skip
    if last is not None and last.key == "udp":
        return [nothing("UDP sets nothing up: the programs keep track themselves, if they care"), *layers]
    top = max((layer.osi for layer in layers), default=last.osi if last else 1)
    if top < 5:
        layers.append(nothing(_ends_here(last, walked.payload)))
    return layers


def _ends_here(last: Header | None, payload: str) -> str:
    if payload.startswith("a fragment"):
        return "a piece of an IP packet: what it carries is only whole when all pieces have come"
    inner = last is not None and last.osi in (2, 3)
    return "this packet is for the network itself, not for a program" if inner else "nothing that netviz reads"


def _story(context: Context, target: Target) -> tuple[str, ...]:
    story = list(context.story)
    own, peer = context.base
    who, whom = SIDES[context.side], SIDES[1 - context.side]
    if not story and target.length and own is not None:
        first = target.seq - own & 0xFFFFFFFF
        story.append(f"data: bytes {first:,} to {first + target.length - 1:,} of what the {who} sends")
    elif not story and peer is not None and target.flags & ACK:
        behind = target.ack - peer & 0xFFFFFFFF
        story.append(f"ACK: the {who} has what the {whom} sent, up to its byte {max(behind - 1, 0):,}")
    story += islice(told(context.events), _SENTENCES)
    if context.again:
        story.append(f"packet {context.again} had sent this before: a retransmission (or a keep-alive)")
    if context.missing:
        story.append(f"{plural(context.missing, 'byte')} before it had not been seen: lost, late, or not captured")
    return tuple(story)
