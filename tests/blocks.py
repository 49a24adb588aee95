"""Segments given to Blocks, by the loop in C or by that in Python, and everything that can be seen of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import netviz.following
import netviz.layers.tcp.block
from netviz.capture.batch import Batch
from netviz.flow import Flows
from netviz.found import Kept
from netviz.layers.tcp.block import Listener
from netviz.layers.tcp.flags import ACK, SYN
from netviz.native import native
from netviz.table import table

__all__ = ["KINDS", "Ending", "follow", "seen"]

#: What follows segments: as parameters of a test, the first of them skipped where there is no C.
KINDS = [
    pytest.param("C", marks=pytest.mark.skipif(native is None, reason="built without C")),
    pytest.param("Python"),
]

#: The fields of a Block that do not depend on what it is made of.
_FIELDS = ("flip", "phase", "opener", "first", "last", "start", "stop", "opened", "end", "rows", "dropped", "steady")


_COUNTED = Kept(probed=False)


class Ending(NamedTuple):
    """What following came to: all Blocks in the order in which they were made; of each Batch those that opened, those that
    ended and the splits, and all that was asked; Blocks by their number in ``blocks``, -1 for none.
    """

    blocks: list[Any]
    batches: list[tuple[list[int], list[int], list[tuple[int, int, int, int]]]]
    turns: list[tuple[int, int, int]]


def follow(
    kind: str, batches: Iterable[Batch], kept: Kept = _COUNTED, listener: Callable[[int], Listener] | None = None,
) -> Ending:  # fmt: skip
    """Give the segments of these Batches to Blocks; ``listener`` makes that of a Block from its number.

    A segment that belongs to no Block gets a new one, but a bare ACK with the number 77, which belongs to nobody.
    """
    loop: ModuleType | None = native if kind == "C" else None
    maker: Any = netviz.layers.tcp.block.Block if loop is None else loop.Block
    made: list[Any] = []
    ended = Ending(made, [], [])
    known: dict[tuple[int, int], Any] = {}

    def number(block: Any) -> int:
        return next((at for at, one in enumerate(made) if one is block), -1)

    for batch in batches:
        packets = table(batch)
        if not len(packets):
            continue
        flows = Flows(packets)
        keys = flows.keys()
        owners = [known.get(key) for key in keys]

        def turn(group: int, index: int, block: Any, side: int, flags: int, packet: int, time: int) -> Any:
            ended.turns.append((group, index, number(block)))
            row = int(packets.tcp.row[index])  # noqa: B023
            column = packets.tcp.flags[index], packets.batch.first + row, packets.batch.time[row]  # noqa: B023
            assert (side, (flags, packet, time)) == (flows.side[index], column)  # noqa: B023
            if flags == ACK and int(packets.tcp.seq[index]) == 77:  # noqa: B023
                return None
            hear = listener(len(made)) if listener else None
            made.append(maker(side ^ (flags & (SYN | ACK) == SYN | ACK), packet, time, hear, kept.counted, kept.whole))
            return made[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(netviz.following, "native", loop)
            opened, over, splits = netviz.following.follow(packets, flows, owners, turn)
        ended.batches.append((
            [number(block) for block in opened], [number(block) for block in over],
            [(group, index, number(before), number(after)) for group, index, before, after in splits],
        ))  # fmt: skip
        known |= zip(keys, owners, strict=True)
    return ended


def seen(blocks: Sequence[Any]) -> list[dict[str, object]]:
    """Everything that can be seen of Blocks."""
    return [
        {name: getattr(block, name) for name in _FIELDS}
        | {"deaf": block.listener is None, "traffic": (block.traffic(0), block.traffic(1))}
        | {"sides": [(block.initial(side), block.answered(side)) for side in (0, 1)]}
        for block in blocks
    ]
