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
from netviz.layers.websocket.frame import CLOSE, Head
from netviz.layers.websocket.message import unmask
from netviz.native import native

__all__ = ["Heard", "Talk", "joined", "read_payload", "talk", "woven"]

_TEXT, _CONTROL = 0x81, 0x80 + CLOSE

#: Below so many messages between two other things a block is not worth its while: then they are told one by one.
_WORTHWHILE = 8


class Talk(NamedTuple):
    """What was said in a Batch: messages with data, and among them what control frames say, each behind so many of the others,
    with the packet that completed it.
    """

    block: MessageBlock
    control: list[tuple[int, int, Told]]


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
        valid[index] = kind != _TEXT or _is_text(chunks[-1])
    return b"".join(chunks), valid


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def talk(frames: FrameBlock, numbers: Ints, begins: Ints, content: bytes, layers: list[WebSocket]) -> Talk:
    """Frames in order, each a message: their numbers, where in the content what they say begins, and the layer of each."""
    columns, several = frames.columns, frames.several
    first = columns[7]
    control: list[tuple[int, int, Told]] = []
    data = first < _CONTROL
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
        columns, numbers, begins = tuple(column[data] for column in columns), numbers[data], begins[data]
    block = FrameBlock(columns=columns, several=several, broken={})
    return Talk(MessageBlock(frames=block, numbers=numbers, begins=begins, content=content), control)


def joined(parts: list[Heard]) -> list[Told]:
    """The same of several parts of all connections, in order."""
    found = [told for part in parts for told in part.found]
    said = [part.said for part in parts if part.said is not None]
    if len(said) < 2:
        return woven(Heard(found, said[0] if said else None))
    blocks, size = [], 0
    for block, _ in said:
        columns = (*block.frames.columns[:-1], block.numbers, block.begins + size, block.frames.columns[-1])
        blocks.append(FrameBlock(columns=columns, several=block.frames.several, broken={}))
        size += len(block.content)
    merged = merge(blocks)
    *rest, numbers, begins, last = merged.columns
    frames = FrameBlock(columns=(*rest, last), several=merged.several, broken={})
    content = b"".join(block.content for block, _ in said)
    control = []
    for mine, (_, some) in enumerate(said):
        # A packet is of one connection: of the others all that came before it is.
        others = [block.frames.columns[-1] for index, (block, _) in enumerate(said) if index != mine]
        for until, packet, told in some:
            control.append((until + sum(int(ready.searchsorted(packet)) for ready in others), packet, told))
    return woven(Heard(found, Talk(MessageBlock(frames=frames, numbers=numbers, begins=begins, content=content), control)))


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
