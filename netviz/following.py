"""The segments of a Batch, one by one, to the Blocks of their connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netviz.event import NO_TIME
from netviz.flow import Flows
from netviz.layers.tcp.flags import FIN, RST, SYN
from netviz.layers.tcp.traffic import Sent
from netviz.native import native
from netviz.table import Table

if TYPE_CHECKING or native is None:
    from netviz.layers.tcp.block import OPENING, OVER, Block
else:
    from netviz.layers.tcp.block import OPENING, OVER

    Block = native.Block

__all__ = ["Block", "Followed", "Split", "Turn", "follow"]

#: Asked where a group of segments has no Block, or one that a segment does not belong to: group, index of the segment in the
#: Table, that Block; side, flags, packet and time of the segment.  The answer is the Block that it belongs to, None where it
#: belongs to nobody.
Turn = Callable[[int, int, "Block | None", int, int, int, int], "Block | None"]

#: Where another Block takes over in a group: group, index of the segment, the one before, the one from there on.
Split = tuple[int, int, "Block | None", "Block | None"]


class Followed(NamedTuple):
    """Blocks whose handshake was decided, those that ended, and where groups went from one to another, in packet order."""

    opened: list[Block]
    ended: list[Block]
    splits: list[Split]


def follow(table: Table, flows: Flows, blocks: list[Block | None], turn: Turn) -> Followed:
    """Give every segment to its Block; ``blocks`` holds one for each group and is changed where another takes over."""
    if native is None:
        return _follow(table, flows, blocks, turn)
    batch, tcp = table.batch, table.tcp
    column = np.ascontiguousarray
    columns = (tcp.at, tcp.seq, tcp.ack, tcp.flags, tcp.window, tcp.payload, tcp.length, tcp.captured, tcp.mark)
    return Followed._make(
        native.follow(
            batch.buffer, column(batch.time), column(batch.offset), column(batch.captured), column(tcp.row),
            tuple(map(column, columns)), flows.side, flows.group, batch.first, blocks, turn,
        )
    )  # fmt: skip


def _follow(table: Table, flows: Flows, blocks: list[Block | None], turn: Turn) -> Followed:
    found = Followed([], [], [])
    batch, tcp, view = table.batch, table.tcp, table.batch.buffer.data
    end = batch.offset[tcp.row] + batch.captured[tcp.row]
    places = (tcp.payload, tcp.payload + tcp.captured, tcp.at + 20, np.minimum(tcp.payload, end))
    first, last, option, stop = (place.tolist() for place in places)
    columns = (tcp.row + batch.first, batch.time[tcp.row], tcp.flags, tcp.seq, tcp.ack, tcp.window, tcp.length, tcp.mark)
    fields = [column.tolist() for column in columns]
    packets, times, lengths = fields[0], fields[1], fields[6]
    sides, deciding = flows.side.astype(np.int64).tolist(), (tcp.flags & (SYN | FIN | RST) != 0).tolist()
    steady = [block is not None and block.steady for block in blocks]
    waiting: dict[int, _Waiting] = {}
    for index, group in enumerate(flows.group.tolist()):
        side = sides[index]
        if steady[group] and not deciding[index]:
            rest = waiting.get(group)
            if rest is None:
                rest = waiting[group] = _Waiting()
            rest.packets[side] += 1
            rest.bytes[side] += lengths[index]
            rest.last = packets[index]
            if times[index] != NO_TIME:
                rest.time = times[index]
            continue
        block = blocks[group]
        if block is not None and group in waiting:
            waiting.pop(group).settle(block)
        sent = Sent._make([column[index] for column in fields])
        if block is None or block.departs(side ^ block.flip, sent.flags, sent.seq, sent.time):
            other = turn(group, index, block, side, sent.flags, sent.packet, sent.time)
            if other is not block:
                found.splits.append((group, index, block, other))
            blocks[group] = block = other
            if block is None:
                steady[group] = False
                continue
        phase = block.phase
        payload = bytes(view[first[index] : last[index]]) if block.listener is not None else b""
        block.take(sent, side ^ block.flip, payload, bytes(view[option[index] : stop[index]]))
        steady[group] = block.steady
        if phase != block.phase:
            if phase == OPENING:
                found.opened.append(block)
            if block.phase == OVER:
                found.ended.append(block)
    for group, rest in waiting.items():
        if (block := blocks[group]) is not None:
            rest.settle(block)
    return found


class _Waiting:
    """Segments of a Block that change nothing, until they are added to it: packets and bytes of both ends, the last of them."""

    __slots__ = ("bytes", "last", "packets", "time")

    def __init__(self) -> None:
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.last = 0
        self.time = NO_TIME

    def settle(self, block: Block) -> None:
        for side in (0, 1):
            block.add(side ^ block.flip, self.packets[side], self.bytes[side])
        block.note(self.last, self.time)
