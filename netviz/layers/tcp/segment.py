"""TCP segments: the fixed header as columns (RFC 9293 section 3.1).

https://www.rfc-editor.org/rfc/rfc9293#section-3.1
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netviz.capture.batch import Batch, Ints
from netviz.layers.ip import TCP, Datagrams, window

__all__ = ["Segments", "segments"]

#: Bytes up to and with the flags, the window, and the checksum: less than the first is no use.
_TO_FLAGS, _TO_WINDOW, _TO_CHECKSUM = 14, 16, 18

_HEADER = np.dtype({
    "names": ["source", "target", "seq", "ack", "offset", "flags", "window", "checksum"],
    "formats": [">u2", ">u2", ">u4", ">u4", "u1", "u1", ">u2", ">u2"],
    "offsets": [0, 2, 4, 8, 12, 13, 14, 16], "itemsize": 20,
})  # fmt: skip


class Segments(NamedTuple):
    """Columns over the TCP segments of a Batch.

    ``row`` is the row in the Batch, ``ip`` where its IP header starts, ``at`` its TCP header, ``header`` the length of
    that; ``payload`` where its data starts and ``length`` how much there was on the wire, ``captured`` how much of it is
    in the buffer.  ``window`` is -1 where it was cut off.  ``mark`` is what tells the same packet captured twice from another
    that says the same: its IPv4 identification (0 elsewhere), then its checksum (0 where it was cut off), 16 bits each.
    ``cut`` and ``malformed`` are the rows left out.
    """

    row: Ints
    version: Ints
    ip: Ints
    at: Ints
    source: Ints
    target: Ints
    seq: Ints
    ack: Ints
    flags: Ints
    window: Ints
    header: Ints
    payload: Ints
    length: Ints
    captured: Ints
    mark: Ints
    cut: Ints
    malformed: Ints


def segments(batch: Batch, ip: Datagrams) -> Segments:
    """Read the TCP header of every datagram that carries one."""
    tcp = ip.protocol == TCP
    row, version, net, at, stop = (
        (ip.row, ip.version, ip.ip, ip.start, ip.stop)
        if tcp.all()
        else (ip.row[tcp], ip.version[tcp], ip.ip[tcp], ip.start[tcp], ip.stop[tcp])
    )
    end = batch.offset[row] + batch.captured[row]
    readable = at + _TO_FLAGS <= end
    cut = row[~readable]
    if len(cut):
        row, version, net, at, stop, end = (x[readable] for x in (row, version, net, at, stop, end))
    head = window(batch.buffer, at, 20).view(_HEADER)[:, 0]
    header = (head["offset"] >> 4).astype(np.int64) * 4
    payload = at + header
    good = (header >= 20) & (payload <= stop)
    malformed = row[~good]
    if len(malformed):
        row, version, net, at, stop, end, header, payload = (
            x[good] for x in (row, version, net, at, stop, end, header, payload)
        )
        head = head[good]
    announced = head["window"].astype(np.int64)
    if (short := at + _TO_WINDOW > end).any():
        announced[short] = -1
    return Segments(
        row, version, net, at, head["source"].astype(np.int64), head["target"].astype(np.int64),
        head["seq"].astype(np.int64), head["ack"].astype(np.int64), head["flags"].astype(np.int64), announced, header,
        payload, stop - payload, np.maximum(np.minimum(stop, end) - payload, 0),
        _mark(batch, version, net, np.where(at + _TO_CHECKSUM <= end, head["checksum"].astype(np.int64), 0)), cut, malformed,
    )  # fmt: skip


def _mark(batch: Batch, version: Ints, ip: Ints, checksum: Ints) -> Ints:
    identification = window(batch.buffer, ip, 6)[:, 4:].astype(np.int64)
    return np.where(version == 4, identification[:, 0] << 24 | identification[:, 1] << 16, 0) | checksum
