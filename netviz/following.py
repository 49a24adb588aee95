"""The segments of a Batch, one by one, to the Blocks of their connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
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

#: Segments that are values of Python at a time, where there is no C.
_TOGETHER = 4096

#: Asked where a group of segments has no Block, or one that a segment does not belong to: group, index of the segment in the
#: Table, that Block.  The answer is the Block that it belongs to, None where it belongs to nobody.
Turn = Callable[[int, int, "Block | None"], "Block | None"]

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
    view = table.batch.buffer.data
    for index, group, side, sent, payload, options in _sent(table, flows, _lively(table, flows, blocks)):
        block = blocks[group]
        if block is None or block.departs(side ^ block.flip, sent.flags, sent.seq, sent.time):
            other = turn(group, index, block)
            if other is not block:
                found.splits.append((group, index, block, other))
            blocks[group] = block = other
            if block is None:
                continue
        phase = block.phase
        block.take(sent, side ^ block.flip, bytes(view[payload]) if block.listener is not None else b"", bytes(view[options]))
        if phase != block.phase:
            if phase == OPENING:
                found.opened.append(block)
            if block.phase == OVER:
                found.ended.append(block)
    return found


def _lively(table: Table, flows: Flows, blocks: list[Block | None]) -> Ints:
    """The segments of groups in which any segment can change something; those of all others are only added up."""
    steady = np.fromiter((block is not None and block.steady for block in blocks), bool, len(blocks))
    steady[flows.group[table.tcp.flags & (SYN | FIN | RST) != 0]] = False
    for group in np.flatnonzero(steady).tolist():
        if (block := blocks[group]) is not None:
            run = flows.order[flows.begin[group] : flows.end[group]]
            row, side, length = table.tcp.row[run], flows.side[run] ^ (block.flip > 0), table.tcp.length[run]
            for sender in (0, 1):
                block.add(sender, int((side == sender).sum()), int(length[side == sender].sum()))
            timed = table.batch.time[row][table.batch.time[row] != NO_TIME]
            block.note(table.batch.first + int(row[-1]), int(timed[-1]) if len(timed) else NO_TIME)
    return np.flatnonzero(~steady[flows.group])


def _sent(table: Table, flows: Flows, wanted: Ints) -> Iterator[tuple[int, int, int, Sent, slice, slice]]:
    """For these segments: index, group, side, what was sent, and where payload and options lie in the buffer."""
    batch, tcp = table.batch, table.tcp
    row, at, payload = (column[wanted] for column in (tcp.row, tcp.at, tcp.payload))
    end = batch.offset[row] + batch.captured[row]
    columns = (
        row + batch.first, batch.time[row],
        *(column[wanted] for column in (tcp.flags, tcp.seq, tcp.ack, tcp.window, tcp.length, tcp.mark)),
    )  # fmt: skip
    places = (
        wanted, flows.group[wanted], flows.side[wanted].astype(np.int64), payload, payload + tcp.captured[wanted],
        at + 20, np.minimum(payload, end),
    )  # fmt: skip
    for start in range(0, len(wanted), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        sent = map(Sent, *(column[part].tolist() for column in columns))
        for (index, group, side, first, last, option, stop), one in zip(
            zip(*(place[part].tolist() for place in places), strict=True), sent, strict=True
        ):
            yield index, group, side, one, slice(first, last), slice(option, stop)
