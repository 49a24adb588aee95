"""Ordinary packets, read in C: Ethernet, VLAN tags, IPv4 that is no fragment, TCP with its whole header captured.

Whatever else a Batch holds is left to the layers, which read the ordinary ones as well where there is no C.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Batch, Ints
from netviz.layers.link import ETHERNET
from netviz.layers.tcp.segment import Segments
from netviz.native import native

__all__ = ["Ordinary", "ordinary"]

#: Columns of Segments that are measured; the other two say what was left out, and here that is nothing.
_COLUMNS = len(Segments._fields) - 2


class Ordinary(NamedTuple):
    """The segments read, the endpoint codes of each, and the rows of the other packets."""

    tcp: Segments
    source: NDArray[np.uint64]
    target: NDArray[np.uint64]
    rest: Ints


def ordinary(batch: Batch) -> Ordinary | None:
    """Read what is ordinary; None where that is not possible here."""
    count = len(batch)
    if native is None or not count or batch.link.strides != (0,) or batch.link[0] != ETHERNET:
        return None
    columns = np.empty((_COLUMNS, count), np.int64)
    codes = np.empty((2, count), np.uint64)
    rest = np.empty(count, np.int64)
    place = (np.ascontiguousarray(column) for column in (batch.offset, batch.captured, batch.wire))
    found, others = native.ethernet(batch.buffer, *place, columns, codes[0], codes[1], rest)
    none = rest[:0]
    tcp = Segments._make([*(column[:found] for column in columns), none, none])
    return Ordinary(tcp, codes[0, :found], codes[1, :found], rest[:others])
