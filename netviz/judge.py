"""From what was kept of a connection to the event that tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, cast

from netviz.address import address_text
from netviz.event import Endpoint, Icmp, Segment, TcpConnection, TcpOpening, Traffic
from netviz.event.tcp import COPY
from netviz.found import Finished
from netviz.layers.tcp.closing import read_closing
from netviz.layers.tcp.handshake import read_handshake
from netviz.layers.tcp.trouble import find_trouble, traffic_problems

__all__ = ["judge", "peers"]

#: As ``_make``, which counts first, and takes three times as long.
_segment = cast("Callable[[Iterable[Any]], Segment]", partial(tuple.__new__, Segment))
_traffic_of = cast("Callable[[Iterable[Any]], Traffic]", partial(tuple.__new__, Traffic))

#: Where in what is counted of a side its copies are.
_COPIES = Traffic._fields.index("copies")


def judge(connection: Finished, *, opening: bool = False) -> TcpConnection:
    """Read the kept segments of a connection; with ``opening`` it is not over yet."""
    client, sure = _client(connection)
    segments = tuple(map(_segment, connection.rows))
    if client:
        segments = tuple(segment._replace(side=1 - segment.side) for segment in segments)
    told = segments
    if any(counts[_COPIES:] and counts[_COPIES] for counts in connection.traffic):
        segments = tuple(segment for segment in segments if segment.special != COPY)
    handshake = read_handshake(segments)
    judged = handshake.outcome in ("established", "partial")
    closing = read_closing(segments[handshake.ends :]) if judged else None
    icmp = tuple(map(Icmp._make, connection.icmp))
    ends = _endpoints(connection)
    traffic = [_traffic(counts) for counts in connection.traffic]
    packets = [step.segment.packet for step in handshake.steps if not step.retransmission]
    if closing is not None:
        packets += closing.packets
    inferred: tuple[str, ...] = () if sure else ("client", "server")
    if handshake.inferred:
        inferred += ("outcome",)
    if connection.inferred:
        inferred += ("application",)
    return (TcpOpening if opening else TcpConnection)(
        packets=tuple(packets) or (connection.first,),
        time=connection.stop,
        problems=find_trouble(handshake, closing, icmp, segments, connection.dropped)
        + traffic_problems((traffic[client], traffic[1 - client]), handshake),
        connection=connection.number,
        client=ends[client],
        server=ends[1 - client],
        outcome=handshake.outcome,
        simultaneous=handshake.simultaneous,
        split=handshake.split,
        steps=handshake.steps,
        rtt=handshake.rtt,
        closing=closing,
        traffic=(traffic[client], traffic[1 - client]),
        application=connection.application,
        segments=told,
        icmp=icmp,
        start=connection.start,
        inferred=inferred,
    )


def _traffic(counts: tuple[int, ...]) -> Traffic:
    if len(counts) == 2:
        packets, volume = counts
        return Traffic(packets, volume)
    return _traffic_of((*counts[:10], counts[10:]))


def peers(connection: Finished, client: int) -> tuple[Endpoint, Endpoint]:
    """Client and server of a connection of which this side turned out to be the client."""
    ends = _endpoints(connection)
    return ends[client], ends[1 - client]


def _endpoints(connection: Finished) -> list[Endpoint]:
    """The two ends, side 0 first; an endpoint code of IPv4 holds address and port, of IPv6 the port only."""
    made = []
    for place in (connection.flip, 1 - connection.flip):
        code = connection.key[place]
        if connection.addresses:
            made.append(Endpoint(address_text(connection.addresses[place]), code & 0xFFFF))
        else:
            made.append(_endpoint(code))
    return made


@lru_cache(maxsize=4096)
def _endpoint(code: int) -> Endpoint:
    return Endpoint(address_text((code >> 16).to_bytes(4, "big")), code & 0xFFFF)


def _client(connection: Finished) -> tuple[int, bool]:
    """The side of the client, and whether the wire shows it: who sent the SYN, a request, else the higher port."""
    if connection.opener >= 0:
        return connection.opener, True
    if connection.client >= 0:
        return connection.client, not connection.inferred
    first, second = (end.port for end in _endpoints(connection))
    return int(second > first), False
