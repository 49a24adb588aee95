"""What is said in many frames at once: payload without masks, and blocks of messages among the other things that are told."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.block import merge
from netviz.capture.batch import NO_TIME, Ints
from netviz.event import FrameBlock, MessageBlock, Origin
from netviz.layers.layer import Told
from netviz.layers.websocket.conversation import WebSocket
from netviz.layers.websocket.frame import CLOSE, TEXT, Head
from netviz.layers.websocket.message import is_text, unmask
from netviz.native import native

__all__ = ["Heard", "Said", "Talk", "inflated", "joined", "read_payload", "talk", "woven"]

_TEXT = 0x81

#: Below so many messages between two other things a block is not worth its while: then they are told one by one.
_WORTHWHILE = 8


class Talk(NamedTuple):
    """What was said in a Batch: messages with data, and among them what control frames say, each behind so many of the others,
    with the packet that completed it.
    """

    block: MessageBlock
    control: list[tuple[int, int, Told]]


class Said(NamedTuple):
    """What frames say: where in the content that of each begins, and how long it is."""

    content: bytes
    begin: Ints
    length: Ints

    def some(self, which: Ints) -> Said:
        """That of some of them."""
        return Said(self.content, self.begin[which], self.length[which])


class Heard(NamedTuple):
    """What was told in a Batch, each with the packet that completed it, and what was said in it: not in order yet."""

    found: list[tuple[int, Told]]
    said: Talk | None


def read_payload(data: bytes, at: Ints, length: Ints, mask: Ints, first: Ints) -> tuple[bytes, NDArray[np.bool_]]:
    """The payload of frames, one behind the other, without masks; and of which the first byte is true: text is UTF-8."""
    if native is not None:
        fine = np.empty(len(at), np.uint8)
        columns = (np.ascontiguousarray(column) for column in (at, length, mask, first))
        return native.unmasked(data, *columns, fine), fine.astype(bool)
    chunks, valid = [], np.ones(len(at), bool)
    rows = zip(at.tolist(), length.tolist(), mask.tolist(), first.tolist(), strict=True)
    for index, (begin, size, key, kind) in enumerate(rows):
        chunks.append(unmask(data[begin : begin + size], key))
        valid[index] = kind != _TEXT or is_text(chunks[-1])
    return b"".join(chunks), valid


def inflated(said: Said, which: Ints, owner: Ints, side: Ints, first: Ints, layers: list[WebSocket]) -> tuple[Said, list[int]]:
    """The same with what is compressed inflated, of these frames and their WebSockets; and of which that was not possible."""
    content, begin, length = said
    chunks, size, failed = [content], len(content), []
    starts = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])).tolist()
    for start, stop in zip(starts, [*starts[1:], len(owner)], strict=True):
        index, rows = int(owner[start]), which[start:stop]
        texts = (first[rows] & 15 == TEXT).tolist()
        places = zip(side[rows].tolist(), begin[rows].tolist(), (begin[rows] + length[rows]).tolist(), texts, strict=True)
        pieces = [(whose, content[at:end], text) for whose, at, end, text in places]
        found = layers[index].inflate(pieces) if layers[index].inflates else None
        if found is None:
            failed.append(index)
            continue
        sizes = np.array([len(piece) for piece in found], np.int64)
        begin[rows], length[rows] = size + np.cumsum(sizes) - sizes, sizes
        size += int(sizes.sum())
        chunks += found
    return Said(b"".join(chunks), begin, length), failed


def talk(frames: FrameBlock, numbers: Ints, begins: Ints, lengths: Ints, content: bytes, layers: list[WebSocket]) -> Talk:
    """Frames in order, each a message: their numbers, where in the content what they say begins and how long it is, and the
    layer of each.
    """
    columns, several = frames.columns, frames.several
    first = columns[7]
    control: list[tuple[int, int, Told]] = []
    data = first & CLOSE == 0
    if not data.all():
        before = np.cumsum(data)
        origins = frames.origins(0, len(first))
        for place in np.flatnonzero(~data).tolist():
            row = (int(column[place]) for column in columns)
            _, number, packet, start, end, time, side, kind, mask, size, length, ready = row
            origin: Origin = origins.get(place, (packet, start, end))
            begin = int(begins[place])
            head, payload = Head(kind, mask, size, length), content[begin : begin + length]
            when = None if time == NO_TIME else time
            both = layers[place].control(side, head, origin, when, (number, int(numbers[place])), payload)
            control += [(int(before[place]), ready, told) for told in both]
        several = several[data[several[:, 0]]]
        several[:, 0] = before[several[:, 0]] - 1
        columns = tuple(column[data] for column in columns)
        numbers, begins, lengths = numbers[data], begins[data], lengths[data]
    block = FrameBlock(columns=columns, several=several, broken={})
    return Talk(MessageBlock(frames=block, numbers=numbers, begins=begins, lengths=lengths, content=content), control)


def joined(parts: list[Heard]) -> list[Told]:
    """The same of several parts of all connections, in order."""
    found = [told for part in parts for told in part.found]
    said = [part.said for part in parts if part.said is not None]
    if len(said) < 2:
        return woven(Heard(found, said[0] if said else None))
    blocks, size = [], 0
    for block, _ in said:
        columns = (*block.frames.columns[:-1], block.numbers, block.begins + size, block.lengths, block.frames.columns[-1])
        blocks.append(FrameBlock(columns=columns, several=block.frames.several, broken={}))
        size += len(block.content)
    merged = merge(blocks)
    *rest, numbers, begins, lengths, last = merged.columns
    frames = FrameBlock(columns=(*rest, last), several=merged.several, broken={})
    content = b"".join(block.content for block, _ in said)
    control = []
    for mine, (_, some) in enumerate(said):
        # A packet is of one connection: of the others all that came before it is.
        others = [block.frames.columns[-1] for index, (block, _) in enumerate(said) if index != mine]
        for until, packet, told in some:
            control.append((until + sum(int(ready.searchsorted(packet)) for ready in others), packet, told))
    whole = MessageBlock(frames=frames, numbers=numbers, begins=begins, lengths=lengths, content=content)
    return woven(Heard(found, Talk(whole, control)))


def woven(heard: Heard) -> list[Told]:
    """All of it in the order of the packets."""
    found, said = heard
    if said is None:
        return [told for _, told in sorted(found, key=_ready)]
    block, control = said
    ready = block.frames.columns[-1]
    others = [
        # An end comes behind what its packet carries, anything else before it.
        (int(ready.searchsorted(packet, "right" if told[0] == "close" else "left")), packet, told)
        for packet, told in found
    ]
    everything: list[Told] = []
    done = 0
    for until, _, told in sorted(control + others, key=_place):
        if until > done:
            everything += _part(block, done, until)
            done = until
        everything.append(told)
    return everything + (_part(block, done, len(block)) if done < len(block) else [])


def _part(block: MessageBlock, begin: int, end: int) -> list[Told]:
    part = block.part(begin, end)
    if end - begin >= _WORTHWHILE:
        return [("talk", part)]
    return [("frame" if event.name == "websocket.frame" else "message", tuple(event)) for event in part.events()]


def _ready(told: tuple[int, Told]) -> int:
    return told[0]


def _place(told: tuple[int, int, Told]) -> tuple[int, int, bool]:
    until, packet, (kind, _) = told
    return until, packet, kind == "close"
