"""The packet table: columns over the TCP segments of a Batch, and what else was in it.

Nothing here is done packet by packet: a Batch of 20,000 packets becomes arrays in two or three milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.layers.fragments import Fragments, Origin, Whole, cut
from netviz.layers.icmp import Quote, quote
from netviz.layers.ip import ICMP, ICMPV6, UDP, address_at
from netviz.layers.link import ARP, LINK_NAMES
from netviz.layers.tcp.segment import Segments, segments
from netviz.notice import Notice
from netviz.ordinary import Ordinary, ordinary
from netviz.unwrap import Level, unwrap

if TYPE_CHECKING:
    from netviz.event import PacketCost

__all__ = ["Notice", "Quoted", "Table", "table"]


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
    there were; of what is in a tunnel, the innermost counts.

    ``reassembled`` holds, by the row of the packet that completed them, datagrams that came in pieces.  In the ``batch`` such
    a row is the whole datagram, so that places count from its beginning; `origins` tells which packets carried them.
    """

    batch: Batch
    tcp: Segments
    source: NDArray[np.uint64]
    target: NDArray[np.uint64]
    icmp: tuple[Quoted, ...]
    counts: dict[str, int]
    notices: tuple[Notice, ...]
    reassembled: dict[int, Whole] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tcp.row)

    def addresses(self, index: int) -> tuple[bytes, bytes]:
        """Source and destination address of the segment at ``index``."""
        return address_at(self.batch.buffer, int(self.tcp.ip[index]), int(self.tcp.version[index]))

    def origins(self, packet: int, place: int, length: int) -> list[Origin]:
        """Which packets carried so many bytes from this place of a packet on, and where in them."""
        whole = self.reassembled.get(packet - self.batch.first)
        if whole is None:
            return [Origin(0, length, packet, place)]
        found = cut(whole.origins, place, place + length)
        return [origin._replace(at=origin.at - place) for origin in found] or [Origin(0, length, packet, 0)]

    def cost(self, number: int) -> PacketCost | None:
        """What the headers of a TCP packet take, by its number; None where it is not in here."""
        from netviz.event import PacketCost  # with it come all events of WebSockets, which nobody else here waits for

        row = number - self.batch.first
        for last, whole in self.reassembled.items():
            if any(cost.packet == number for cost in whole.costs):
                return self._cost_of_piece(number, last, whole)
        found = np.flatnonzero(self.tcp.row == row)
        if not len(found):
            return None
        index = int(found[0])
        alone = np.array([row])
        headers = unwrap(self.batch.select(alone), alone, Fragments()).in_front(row)
        return PacketCost(number, (*headers, ("TCP", int(self.tcp.header[index]))), int(self.tcp.length[index]))

    def _cost_of_piece(self, number: int, last: int, whole: Whole) -> PacketCost | None:
        """The same for a packet that carried a piece of the datagram which another row completed."""
        from netviz.event import PacketCost

        found = np.flatnonzero(self.tcp.row == last)
        if not len(found):
            return None
        begin, tcp, index = int(self.batch.offset[last]), self.tcp, int(found[0])
        at, payload = int(tcp.at[index]) - begin, int(tcp.payload[index]) - begin
        ends = (0, at, payload, payload + int(tcp.length[index]))
        between, header, data = (
            sum(origin.length for origin in cut(whole.origins, *both) if origin.packet == number) for both in pairwise(ends)
        )
        (headers,) = (cost.headers for cost in whole.costs if cost.packet == number)
        inner = [(name, size) for name, size in (("tunnel", between), ("TCP", header)) if size]
        return PacketCost(number, (*headers, *inner), data)

    def time_of(self, row: int) -> int | None:
        """When the packet in a row of the Batch came, in ns; None where it carries no time."""
        time = int(self.batch.time[row])
        return None if time == NO_TIME else time


def table(batch: Batch, fragments: Fragments | None = None) -> Table:
    """Read all packets of a Batch at once; pieces of datagrams wait in ``fragments`` for those of the next.

    Without that the Batch stands alone, and pieces of which others are missing are told of at once.
    """
    batch = batch.narrowed() if len(batch) else batch
    kept = batch.kept
    part = batch if kept is None else batch.select(kept)
    quick = ordinary(part)
    if quick is None:
        return _table(batch, part, np.arange(len(batch)) if kept is None else kept, None, fragments)
    if kept is not None:
        quick = quick._replace(tcp=quick.tcp._replace(row=kept[quick.tcp.row]), rest=kept[quick.rest])
    if len(quick.rest):
        return _table(batch, batch.select(quick.rest), quick.rest, quick, fragments)
    counts = {"tcp": batch.packets, "packets": batch.packets}
    return Table(batch=batch, tcp=quick.tcp, source=quick.source, target=quick.target, icmp=(), counts=counts, notices=())


def _table(batch: Batch, part: Batch, rows: Ints, quick: Ordinary | None, fragments: Fragments | None) -> Table:
    """Read the packets of ``part``, which are these rows of the Batch, and put what was read before in between."""
    pieces = Fragments() if fragments is None else fragments
    levels, wholes, deep = unwrap(part, rows, pieces)
    found = [] if quick is None else [quick[:3]]
    notices: list[Notice] = []
    icmp: list[Quoted] = []
    counts = {"tcp": 0, "udp": 0, "icmp": 0, "arp": 0, "packets": batch.packets}
    for level in levels:
        tcp = segments(level.batch, level.ip)
        notices += _notices(batch.first, level, tcp)
        icmp += _errors(level)
        found.append(_coded(level, tcp))
        _count(counts, level)
    if len(deep):
        text = "in more tunnels than netviz unwraps: what is inside is not decoded"
        notices.append(Notice("tunnel-unknown", text, len(deep), int(deep.min()) + batch.first))
    notices += pieces.close() if fragments is None else []
    tcp, source, target = found[0] if len(found) == 1 else _joined(found)
    counts["tcp"] = len(tcp.row)
    if wholes:
        batch = replace(batch, buffer=levels[-1].batch.buffer, offset=batch.offset.copy(), captured=batch.captured.copy())
        for row, (begin, whole) in wholes.items():
            batch.offset[row], batch.captured[row] = begin, len(whole.data)
    reassembled = {row: whole for row, (_, whole) in wholes.items()}
    return Table(batch=batch, tcp=tcp, source=source, target=target, icmp=tuple(sorted(icmp, key=_row)), counts=counts,
                 notices=_summed(notices), reassembled=reassembled)  # fmt: skip


#: Segments with their endpoint codes.
_Coded = tuple[Segments, "NDArray[np.uint64]", "NDArray[np.uint64]"]


def _coded(level: Level, tcp: Segments) -> _Coded:
    """The segments of a level by their rows in the whole Batch, and the endpoint codes of each."""
    ip = level.ip
    of = slice(None) if len(tcp.row) == len(ip.row) else np.searchsorted(ip.row, tcp.row)
    source = ip.source[of] | tcp.source.astype(np.uint64)
    target = ip.target[of] | tcp.target.astype(np.uint64)
    return tcp._replace(row=level.rows[tcp.row], cut=level.rows[tcp.cut], malformed=level.rows[tcp.malformed]), source, target


def _joined(found: list[_Coded]) -> _Coded:
    """Segments that were read apart, in the order of their packets."""
    order = np.argsort(np.concatenate([tcp.row for tcp, _, _ in found]), kind="stable")
    columns = [np.concatenate(column) for column in zip(*(tcp for tcp, _, _ in found), strict=True)]
    source, target = (np.concatenate([codes[side] for codes in found])[order] for side in (1, 2))
    return Segments._make([*(column[order] for column in columns[:-2]), *columns[-2:]]), source, target


def _count(counts: dict[str, int], level: Level) -> None:
    """Count the datagrams of a level by their protocol, but not those that carry what the next level counts."""
    protocol = level.ip.protocol
    counts["udp"] += int(np.count_nonzero(protocol == UDP)) - int(np.count_nonzero(protocol[level.tunnels.carrier] == UDP))
    counts["icmp"] += int(np.count_nonzero((protocol == ICMP) | (protocol == ICMPV6)))
    counts["arp"] += int(np.count_nonzero(level.net.ethertype == ARP))


def _notices(first: int, level: Level, tcp: Segments) -> list[Notice]:
    """What was not decoded of a level; ``first`` is the number of the first packet of the Batch."""
    numbers, net, ip, inner = first + level.rows, level.net, level.ip, level.tunnels
    found = [
        Notice("link-type-unknown", f"of link type {link} ({LINK_NAMES.get(link, 'unknown')}): not decoded", count,
               int(numbers[row]))
        for link, count, row in net.undecoded
    ]  # fmt: skip
    for kind, text, rows in (
        *(("tunnel-unknown", text, rows) for text, rows in inner.others),
        ("ip-malformed", "with an IP header that cannot be right: not decoded", ip.malformed),
        ("tcp-malformed", "with a TCP header that cannot be right: not decoded", tcp.malformed),
        ("headers-cut", "cut by the snapshot length inside their headers: not decoded",
         np.concatenate([net.cut, ip.cut, inner.cut, tcp.cut])),
    ):  # fmt: skip
        if len(rows):
            found.append(Notice(kind, text, len(rows), int(numbers[rows.min()])))
    return found


def _summed(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Notices that say the same of several levels, as one."""
    found: dict[tuple[str, str], Notice] = {}
    for notice in notices:
        key = notice.kind, notice.text
        known = found.get(key, Notice(*key, 0, notice.packet))
        found[key] = Notice(*key, known.count + notice.count, min(known.packet, notice.packet))
    return tuple(found.values())


def _errors(level: Level) -> list[Quoted]:
    found = []
    batch, ip = level.batch, level.ip
    for index in np.flatnonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6)).tolist():
        row, version, start = int(ip.row[index]), int(ip.version[index]), int(ip.start[index])
        stop = min(int(ip.stop[index]), int(batch.offset[row] + batch.captured[row]))
        quoted = quote(batch.buffer[start:stop].tobytes(), version)
        if quoted and ip.protocol[index] == (ICMP if version == 4 else ICMPV6):
            sender = address_at(batch.buffer, int(ip.ip[index]), version)[0]
            found.append(Quoted(int(level.rows[row]), version, sender, quoted))
    return found


_row = attrgetter("row")
