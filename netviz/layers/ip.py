"""IP: which packets carry what, from whom to whom, and where the transport layer lies.

IPv4: https://www.rfc-editor.org/rfc/rfc791, IPv6: https://www.rfc-editor.org/rfc/rfc8200
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Batch, Ints, Octets
from netviz.endpoint import code_v4, code_v6
from netviz.layers.link import IPV4, IPV6, Network

__all__ = ["ICMP", "ICMPV6", "TCP", "UDP", "Datagrams", "address_at", "datagrams", "window"]

#: IP protocol numbers.
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_FRAGMENT, _AUTHENTICATION = 44, 51

#: IPv6 extension headers that are walked over (RFC 8200 section 4; mobility, HIP and Shim6 by RFC 7045).
_EXTENSIONS = (0, 43, 60, _FRAGMENT, _AUTHENTICATION, 135, 139, 140)
_MOST_EXTENSIONS = 16

#: Columns of Datagrams.fragments.
_PIECE = 5

_V4 = np.dtype({"names": ["first", "total", "fragment", "protocol", "source", "target"],
                "formats": ["u1", ">u2", ">u2", "u1", ">u4", ">u4"], "offsets": [0, 2, 6, 9, 12, 16],
                "itemsize": 20})  # fmt: skip


class Datagrams(NamedTuple):
    """For each IP packet that could be read: its row, version, protocol, and places in the buffer.

    ``ip`` is where the IP header starts, ``start`` the transport layer, ``stop`` its end on the wire (which may lie
    behind the captured bytes).  ``source`` and ``target`` are endpoint codes with port 0.  ``malformed`` and ``cut`` are
    the rows left out, and why; ``fragments`` holds for each piece of a datagram its row, version, and where its header
    starts, its data starts and stops.
    """

    row: Ints
    version: Ints
    protocol: Ints
    ip: Ints
    start: Ints
    stop: Ints
    source: NDArray[np.uint64]
    target: NDArray[np.uint64]
    fragments: Ints
    malformed: Ints
    cut: Ints


def window(buffer: Octets, at: Ints, width: int) -> Octets:
    """``width`` bytes from each place, as rows of a contiguous array (the buffer is padded: see Batch)."""
    return np.lib.stride_tricks.as_strided(buffer, (len(buffer) - width + 1, width), (1, 1))[at]


def datagrams(batch: Batch, net: Network) -> Datagrams:
    """Read the IP header of every packet that has one."""
    parts = []
    for ethertype, read in ((IPV4, _v4), (IPV6, _v6)):
        rows = np.flatnonzero(net.ethertype == ethertype)
        if len(rows):
            parts.append(read(batch, rows, net.start[rows], net.end[rows]))
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0, np.int64)
        return Datagrams._make([*[none] * 6, *[none.astype(np.uint64)] * 2, none.reshape(0, _PIECE), none, none])
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Datagrams._make([*(column[order] for column in joined[:8]), *joined[8:]])


def address_at(buffer: Octets, ip: int, version: int) -> tuple[bytes, bytes]:
    """Source and destination address of the IP header at ``ip``."""
    first, width = (12, 4) if version == 4 else (8, 16)
    both = buffer[ip + first : ip + first + 2 * width].tobytes()
    return both[:width], both[width:]


def _v4(batch: Batch, rows: Ints, at: Ints, end: Ints) -> Datagrams:
    """Read IPv4 headers (RFC 791 section 3.1)."""
    whole = at + 20 <= end
    cut = rows[~whole]
    if len(cut):
        rows, at, end = rows[whole], at[whole], end[whole]
    head = window(batch.buffer, at, 20).view(_V4)[:, 0]
    length = (head["first"] & 15).astype(np.int64) * 4
    total = head["total"].astype(np.int64)
    # A total length of 0 is what segmentation offload leaves: the packet is as long as the wire says.
    total = np.where(total == 0, batch.offset[rows] + batch.wire[rows] - at, total)
    good = (head["first"] >> 4 == 4) & (length >= 20) & (total >= length)
    fragment = good & (head["fragment"] & 0x3FFF != 0)
    take = good & ~fragment
    start = at + length
    version = np.broadcast_to(np.int64(4), rows.shape)
    source, target = code_v4(head["source"]), code_v4(head["target"])
    columns = (rows, version, head["protocol"].astype(np.int64), at, start, at + total, source, target)
    kept = columns if take.all() else [column[take] for column in columns]
    return Datagrams._make([*kept, _pieces(fragment, rows, version, at, start, at + total), rows[~good], cut])


def _v6(batch: Batch, rows: Ints, at: Ints, end: Ints) -> Datagrams:
    """Read IPv6 headers and walk over extension headers (RFC 8200 sections 3 and 4)."""
    buffer = batch.buffer
    whole = at + 40 <= end
    cut = [rows[~whole]]
    rows, at, end = rows[whole], at[whole], end[whole]
    payload = buffer[at + 4].astype(np.int64) << 8 | buffer[at + 5]
    # A payload length of 0 is a jumbogram or what segmentation offload leaves.
    stop = np.where(payload == 0, batch.offset[rows] + batch.wire[rows], at + 40 + payload)
    protocol = buffer[at + 6].astype(np.int64)
    start = at + 40
    good = buffer[at] >> 4 == 6
    fragment = np.zeros(len(rows), bool)
    gone = np.zeros(len(rows), bool)
    for _ in range(_MOST_EXTENSIONS):
        inside = np.flatnonzero(good & ~fragment & ~gone & np.isin(protocol, _EXTENSIONS))
        if not len(inside):
            break
        beyond = start[inside] + 8 > end[inside]
        gone[inside[beyond]] = True
        inside = inside[~beyond]
        place, kind = start[inside], protocol[inside]
        units = buffer[place + 1].astype(np.int64)
        piece = buffer[place + 2].astype(np.int64) << 8 | buffer[place + 3]
        # A fragment header with offset 0 and no more to come is a whole packet (RFC 6946).
        fragment[inside[(kind == _FRAGMENT) & (piece & 0xFFF9 != 0)]] = True
        size = np.where(kind == _AUTHENTICATION, (units + 2) * 4, (units + 1) * 8)
        start[inside] = place + np.where(kind == _FRAGMENT, 8, size)
        protocol[inside] = buffer[place]
    good &= start <= np.maximum(stop, end)
    take = good & ~fragment & ~gone
    cut.append(rows[gone & ~fragment])
    version = np.broadcast_to(np.int64(6), rows.shape)
    halves = window(buffer, at + 8, 32).view(">u8").astype(np.uint64)
    source, target = code_v6(halves[:, 0], halves[:, 1]), code_v6(halves[:, 2], halves[:, 3])
    columns = (rows, version, protocol, at, start, stop, source, target)
    pieces = _pieces(fragment, rows, version, at, start, stop)
    malformed = rows[~good & ~fragment & ~gone]
    return Datagrams._make([*(column[take] for column in columns), pieces, malformed, np.concatenate(cut)])


def _pieces(fragment: NDArray[np.bool_], *columns: Ints) -> Ints:
    """What Datagrams says of fragments; there are hardly ever any."""
    index = np.flatnonzero(fragment)
    return np.stack([column[index] for column in columns], axis=1)
