"""Which segment belongs to which connection: the endpoints tell, and a SYN that starts anew.

All segments of a Batch are sorted by their pair of endpoints at once.  Python then runs over the few that can change
something: SYN, FIN and RST with what follows them, and payload of connections whose protocol is not known yet.
Counters are sums over columns.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from operator import attrgetter
from typing import NamedTuple, cast

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
from netviz.connection import Connection
from netviz.endpoint import V6_CODE, endpoint_code
from netviz.flow import Flows
from netviz.following import Block, Split, follow
from netviz.found import Kept
from netviz.layers.tcp.block import LINGER, OPENING, OVER, UNANSWERED
from netviz.layers.tcp.flags import ACK, SYN
from netviz.table import Quoted, Table

__all__ = ["Grouping", "Runs", "Tracked", "Tracker"]

_SECOND = 1_000_000_000

#: How often handshakes that nobody answers are looked for, in ns of the capture's own time.
_SWEEP = 10 * _SECOND

#: Connections held at once, and how many endpoints of those let go are remembered for late segments.
_MOST, _REMEMBERED = 50_000, 16_384


class Runs(NamedTuple):
    """The segments of a Batch, grouped: where in the order of ``flows`` the run of each owner begins."""

    flows: Flows
    begin: Ints
    owners: list[Connection | None]


class Grouping(NamedTuple):
    """Whose the segments of a Batch are: the owner that each group of ``flows`` ends with, and where others had been before."""

    flows: Flows
    owners: list[Block | None]
    splits: list[Split]

    def runs(self) -> Runs:
        """The same as runs of segments with one owner each."""
        flows, owners, splits = self
        first = {group: before for group, _, before, _ in reversed(splits)}
        inside: list[tuple[int, Block | None]] = []
        for group, index, _, after in splits:
            begin, end = int(flows.begin[group]), int(flows.end[group])
            at = begin + int(np.searchsorted(flows.order[begin:end], index))
            if at == begin:
                first[group] = after
            else:
                inside.append((at, after))
        for group, owner in first.items():
            owners[group] = owner
        if not inside:
            return Runs(flows, flows.begin, cast("list[Connection | None]", owners))
        pairs = sorted([*zip(flows.begin.tolist(), owners, strict=True), *inside], key=lambda pair: pair[0])
        return Runs(flows, np.array([at for at, _ in pairs]), cast("list[Connection | None]", [owner for _, owner in pairs]))


class Tracked(NamedTuple):
    """What a Batch brought: handshakes decided (in packet order), connections that are over (in order of their end), and
    how its segments are grouped.
    """

    opened: list[Connection]
    over: list[Connection]
    grouping: Grouping | None = None


class Tracker:
    """Assigns segments to connections; holds those that are not over.  ``kept`` says what is wanted of them."""

    def __init__(self, kept: Kept = Kept()) -> None:  # noqa: B008 - never changed
        self._kept = kept
        self._connections: dict[tuple[int, int], Connection] = {}
        self._let_go: dict[tuple[int, int], None] = {}
        self._next = 0
        self._now = self._swept = NO_TIME
        self._ended: deque[Connection] = deque()
        self.late = 0

    def feed(self, table: Table) -> Tracked:
        """Take the segments of a Batch; a Batch without packets only lets time pass."""
        opened: list[Connection] = []
        over: list[Connection] = []
        grouping = self._assign(table, opened, over) if len(table) else None
        for quoted in table.icmp:
            self._quoted(table, quoted, over)
        if len(table.batch.time):
            self._now = max(self._now, int(table.batch.time.max()))
        self._let_be(over)
        over.sort(key=_last)
        return Tracked(opened, over, grouping)

    def wait(self, nanoseconds: int) -> Tracked:
        """Let time pass without packets."""
        over: list[Connection] = []
        if self._now != NO_TIME:
            self._now += nanoseconds
            self._let_be(over)
        over.sort(key=_last)
        return Tracked([], over)

    def close(self) -> list[Connection]:
        """The connections that the capture ends in, by their last packet."""
        rest = sorted(self._connections.values(), key=_last)
        self._connections.clear()
        return rest

    def _assign(self, table: Table, opened: list[Connection], over: list[Connection]) -> Grouping:
        flows = Flows(table)
        keys = flows.keys()
        owners: list[Block | None] = [self._connections.get(key) for key in keys]
        late: list[int] = []

        def turn(group: int, index: int, block: Block | None, side: int, flags: int, packet: int, time: int) -> Block | None:
            key = keys[group]
            if block is not None:
                if flags & SYN:
                    over.append(cast("Connection", block))
                else:
                    self._release(cast("Connection", block), over)
            if not flags & SYN and key in self._let_go:
                late.append(index)  # what comes late for a connection that was let go begins no new one
                return None
            addresses = None
            if key[0] & V6_CODE:
                source, target = table.addresses(index)
                addresses = (source, target) if side == 0 else (target, source)
            made = Connection(key, side ^ (flags & (SYN | ACK) == SYN | ACK), addresses, packet, time, self._kept)
            made.number = self._next
            self._next += 1
            self._connections[key] = made
            return made

        followed = follow(table, flows, owners, turn)
        self.late += len(late)
        opened += cast("list[Connection]", followed.opened)
        self._ended += sorted(cast("list[Connection]", followed.ended), key=_last)
        return Grouping(flows, owners, followed.splits)

    def _quoted(self, table: Table, quoted: Quoted, over: list[Connection]) -> None:
        from netviz.address import address_text  # with these comes what most captures never ask for
        from netviz.event import Icmp
        from netviz.layers.icmp import meaning

        quote = quoted.quote
        codes = endpoint_code(quote.source, quote.source_port), endpoint_code(quote.target, quote.target_port)
        key, packet = (min(codes), max(codes)), table.batch.first + quoted.row
        here = [c for c in over if c.key == key] + [c for c in (self._connections.get(key),) if c is not None]
        there = [connection for connection in reversed(here) if connection.first < packet]
        # The SYN that is quoted decides; an error about later data can only belong to a connection that has data.
        found = [c for c in there if c.sent_syn(quote.seq)] or [c for c in there if c.phase != OPENING]
        if found:
            words = meaning(quoted.version, quote.type, quote.code)
            sender, time = address_text(quoted.sender), table.time_of(quoted.row)
            found[0].tell(Icmp(packet, time, sender, quoted.version, quote.type, quote.code, words))

    def _let_be(self, over: list[Connection]) -> None:
        """Let go what ended, what nobody answered, and what is too much."""
        limit = self._now - LINGER
        while self._ended:
            connection = self._ended[0]
            if connection.phase == OVER and self._connections.get(connection.key) is connection:
                if connection.stop == NO_TIME or connection.stop >= limit:
                    break  # those behind it ended later, or wait a little longer
                self._release(connection, over)
            self._ended.popleft()
        if self._now - self._swept > _SWEEP:
            self._swept, limit = self._now, self._now - UNANSWERED
            for connection in [c for c in self._connections.values() if c.phase == OPENING]:
                if NO_TIME < connection.stop < limit:
                    self._release(connection, over)
        if len(self._connections) > _MOST:
            # Handshakes that got nowhere go first (a SYN flood), then what was silent longest.
            by_use = sorted(self._connections.values(), key=lambda c: (c.phase != OPENING, c.last))
            for connection in islice(by_use, len(by_use) - _MOST * 3 // 4):
                self._release(connection, over)

    def _release(self, connection: Connection, over: list[Connection]) -> None:
        del self._connections[connection.key]
        if connection.phase == OVER:
            self._let_go[connection.key] = None
        if len(self._let_go) > _REMEMBERED:
            for key in list(islice(self._let_go, _REMEMBERED // 4)):
                del self._let_go[key]
        over.append(connection)


_last = attrgetter("last")
