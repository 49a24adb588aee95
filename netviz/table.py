"""The packet table: columns over the TCP segments of a Batch, and what else was in it.

Nothing here is done packet by packet: a Batch of 20,000 packets becomes arrays in two or three milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.event import PacketCost
from netviz.layers.icmp import Quote, quote
from netviz.layers.ip import ICMP, ICMPV6, UDP, Datagrams, address_at, datagrams
from netviz.layers.link import ARP, HEADER_NAMES, LINK_NAMES, Network, network
from netviz.layers.tcp.segment import Segments, segments
from netviz.ordinary import Ordinary, ordinary

__all__ = ["Notice", "Quoted", "Table", "table"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Packets that are not decoded: why, how many, and the number of the first."""

    kind: str
    text: str
    count: int
    packet: int


class Quoted(NamedTuple):
    """An ICMP error about a TCP segment: its row in the Batch, IP version, who sent it, what it quotes."""

    row: int
    version: int
    sender: bytes
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The TCP segments of a Batch.

    ``source`` and ``target`` are endpoint codes (see netviz.endpoint).  ``counts`` says how many packets of each protocol
    there were.
    """

    batch: Batch
    tcp: Segments
    source: NDArray[np.uint64]
    target: NDArray[np.uint64]
    icmp: tuple[Quoted, ...]
    counts: dict[str, int]
    notices: tuple[Notice, ...]

    def __len__(self) -> int:
        return len(self.tcp.row)

    def addresses(self, index: int) -> tuple[bytes, bytes]:
        """Source and destination address of the segment at ``index``."""
        return address_at(self.batch.buffer, int(self.tcp.ip[index]), int(self.tcp.version[index]))

    def cost(self, number: int) -> PacketCost | None:
        """What the headers of a TCP packet take, by its number; None where it is not in here."""
        found = np.flatnonzero(self.tcp.row == number - self.batch.first)
        if not len(found):
            return None
        index, row = int(found[0]), number - self.batch.first
        tcp, start = self.tcp, int(self.batch.offset[row])
        link, ip = int(tcp.ip[index]) - start, int(tcp.at[index] - tcp.ip[index])
        name = HEADER_NAMES.get(int(self.batch.link[row]), "link")
        headers = [(name, link)] * (link > 0) + [(f"IPv{int(tcp.version[index])}", ip), ("TCP", int(tcp.header[index]))]
        return PacketCost(number, tuple(headers), int(tcp.length[index]))

    def time_of(self, row: int) -> int | None:
        """When the packet in a row of the Batch came, in ns; None where it carries no time."""
        time = int(self.batch.time[row])
        return None if time == NO_TIME else time


def table(batch: Batch) -> Table:
    """Read all packets of a Batch at once."""
    kept = batch.kept
    part = batch if kept is None else batch.select(kept)
    quick = ordinary(part)
    if quick is None:
        return _table(batch, part, np.arange(len(batch)) if kept is None else kept)
    if kept is not None:
        quick = quick._replace(tcp=quick.tcp._replace(row=kept[quick.tcp.row]), rest=kept[quick.rest])
    if len(quick.rest):
        return _table(batch, batch.select(quick.rest), quick.rest, quick)
    counts = {"tcp": batch.packets, "packets": batch.packets}
    return Table(batch=batch, tcp=quick.tcp, source=quick.source, target=quick.target, icmp=(), counts=counts, notices=())


def _table(batch: Batch, part: Batch, rows: Ints, quick: Ordinary | None = None) -> Table:
    """Read the packets of ``part``, which are these rows of the Batch, and put what was read before in between."""
    net = network(part)
    ip = datagrams(part, net)
    tcp = segments(part, ip)
    of = slice(None) if len(tcp.row) == len(ip.row) else np.searchsorted(ip.row, tcp.row)
    source = ip.source[of] | tcp.source.astype(np.uint64)
    target = ip.target[of] | tcp.target.astype(np.uint64)
    notices = _notices(batch.first + rows, net, ip, tcp)
    icmp = tuple(quoted._replace(row=int(rows[quoted.row])) for quoted in _errors(part, ip))
    tcp = tcp._replace(row=rows[tcp.row])
    if quick is not None:
        order = np.argsort(np.concatenate([quick.tcp.row, tcp.row]), kind="stable")
        source, target = (np.concatenate(both)[order] for both in ((quick.source, source), (quick.target, target)))
        columns = zip(quick.tcp[:-2], tcp[:-2], strict=True)
        tcp = Segments._make([*(np.concatenate(both)[order] for both in columns), *tcp[-2:]])
    counts = {
        "tcp": len(tcp.row),
        "udp": int(np.count_nonzero(ip.protocol == UDP)),
        "icmp": int(np.count_nonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6))),
        "arp": int(np.count_nonzero(net.ethertype == ARP)),
        "packets": batch.packets,
    }
    return Table(batch=batch, tcp=tcp, source=source, target=target, icmp=icmp, counts=counts, notices=notices)


def _notices(numbers: Ints, net: Network, ip: Datagrams, tcp: Segments) -> tuple[Notice, ...]:
    """What was not decoded; ``numbers`` are the packet numbers of the rows."""
    found = [
        Notice("link-type-unknown", f"of link type {link} ({LINK_NAMES.get(link, 'unknown')}): not decoded", count,
               int(numbers[row]))
        for link, count, row in net.undecoded
    ]  # fmt: skip
    cut = np.concatenate([net.cut, ip.cut, tcp.cut])
    for kind, text, rows in (
        ("ip-fragment", "that are pieces of fragmented IP packets: not decoded, not reassembled", ip.fragments),
        ("ip-malformed", "with an IP header that cannot be right: not decoded", ip.malformed),
        ("tcp-malformed", "with a TCP header that cannot be right: not decoded", tcp.malformed),
        ("headers-cut", "cut by the snapshot length inside their headers: not decoded", cut),
    ):
        if len(rows):
            found.append(Notice(kind, text, len(rows), int(numbers[rows.min()])))
    return tuple(found)


def _errors(batch: Batch, ip: Datagrams) -> tuple[Quoted, ...]:
    found = []
    for index in np.flatnonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6)).tolist():
        row, version, start = int(ip.row[index]), int(ip.version[index]), int(ip.start[index])
        stop = min(int(ip.stop[index]), int(batch.offset[row] + batch.captured[row]))
        quoted = quote(batch.buffer[start:stop].tobytes(), version)
        if quoted and ip.protocol[index] == (ICMP if version == 4 else ICMPV6):
            found.append(Quoted(row, version, address_at(batch.buffer, int(ip.ip[index]), version)[0], quoted))
    return tuple(found)
