"""What happens on a connection before its first message: the TLS handshake and the upgrade, read again for one connection."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import numpy as np

from netviz.analysis import Analysis
from netviz.capture.batch import Batch
from netviz.capture.source import Source
from netviz.endpoint import endpoint_code
from netviz.event import (
    Endpoint,
    Event,
    Peers,
    Prologue,
    TcpConnection,
    TlsHandshake,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.keylog import KeyLog
from netviz.layers.layer import Wanted
from netviz.table import table

__all__ = ["read_prologue"]


def read_prologue(source: Source, connection: TcpConnection, keys: KeyLog) -> Prologue:
    """Read a capture once more, as far as the first message of this connection, and nothing of the others."""
    analysis = Analysis(wanted=Wanted(keys=keys))
    last = connection.segments[-1].packet if connection.segments else 0
    found: list[Event] = []
    for batch in source:
        if batch.first > last:
            break
        if len(batch):
            found += analysis.feed(_between(batch, connection))
        if any(isinstance(event, WebSocketMessage) and _mine(event, connection) for event in found):
            return _prologue(found, connection)
    return _prologue([*found, *analysis.close()], connection)


def _between(batch: Batch, connection: TcpConnection) -> Batch:
    """The same Batch without the packets that are not between the two ends."""
    read = table(batch)
    ends = [_code(connection.client), _code(connection.server)]
    mine = np.isin(read.source, ends) & np.isin(read.target, ends)
    link = np.full(len(batch), -1, np.int64)
    rows = read.tcp.row[np.flatnonzero(mine)]
    link[rows] = batch.link[rows]
    return replace(batch, link=link)


def _code(end: Endpoint) -> int:
    return endpoint_code(ip_address(end.address).packed, end.port)


def _mine(event: Event, connection: TcpConnection) -> bool:
    """Whether an event is of this connection, and not of one between the same ends before or behind it."""
    packets = event.packets
    first = connection.segments[0].packet if connection.segments else 0
    return bool(packets) and first <= packets[0] and packets[-1] <= max(connection.segments[-1].packet, first)


def _prologue(found: list[Event], connection: TcpConnection) -> Prologue:
    mine = [event for event in found if not isinstance(event, Peers) and _mine(event, connection)]
    return Prologue(
        next((event for event in mine if isinstance(event, TlsHandshake)), None),
        next((event for event in mine if isinstance(event, WebSocketUpgrade)), None),
        next((event for event in mine if isinstance(event, WebSocketMessage)), None),
    )
