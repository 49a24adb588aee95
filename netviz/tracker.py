"""Which segment belongs to which connection: the endpoints tell, and a SYN that starts anew.

All segments of a Batch are sorted by their pair of endpoints at once.  Python then runs over the few that can change
something: SYN, FIN and RST with what follows them, and payload of connections whose protocol is not known yet.
Counters are sums over columns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
from netviz.connection import LINGER, OPEN, OPENING, OVER, SPECIAL, UNANSWERED, Connection
from netviz.endpoint import V6_CODE, endpoint_code
from netviz.event import Icmp
from netviz.flow import Flows, Item
from netviz.layers.icmp import meaning
from netviz.layers.ip import address_text
from netviz.layers.tcp.segment import ACK, SYN
from netviz.table import Quoted, Table

__all__ = ["Runs", "Tracked", "Tracker"]

_SECOND = 1_000_000_000

#: How often handshakes that nobody answers are looked for, in ns of the capture's own time.
_SWEEP = 10 * _SECOND

#: Connections held at once, and how many endpoints of those let go are remembered for late segments.
_MOST, _REMEMBERED = 50_000, 16_384

#: How many more segments are fetched at once for a connection that is still attentive.
_MORE = 64


class Runs(NamedTuple):
    """The segments of a Batch, grouped: where in the order of ``flows`` the run of each owner begins."""

    flows: Flows
    begin: Ints
    owners: list[Connection | None]


class Tracked(NamedTuple):
    """What a Batch brought: handshakes decided (in packet order), connections that are over (in order of their end), and
    which segments belong to which connection.
    """

    opened: list[Connection]
    over: list[Connection]
    runs: Runs | None = None


class Tracker:
    """Assigns segments to connections; holds those that are not over.

    With ``probing`` false nobody looks at the first payload of a connection to tell its protocol: layers will read it.
    """

    def __init__(self, *, probing: bool = True) -> None:
        self._probing = probing
        self._connections: dict[tuple[int, int], Connection] = {}
        self._let_go: dict[tuple[int, int], None] = {}
        self._next = 0
        self._now = self._swept = NO_TIME
        self._ended: deque[Connection] = deque()
        self._connection: Connection | None = None
        self.late = 0

    def feed(self, table: Table) -> Tracked:
        """Take the segments of a Batch; a Batch without packets only lets time pass."""
        born: list[Connection] = []
        opened: list[tuple[int, Connection]] = []
        over: list[Connection] = []
        self._connection = None
        runs = None
        if len(table):
            runs = self._assign(table, born, opened, over)
            for connection in sorted(born, key=lambda c: c.first):
                connection.number = self._next
                self._next += 1
        for quoted in table.icmp:
            self._quoted(table, quoted, over)
        if len(table.batch.time):
            self._now = max(self._now, int(table.batch.time.max()))
        self._let_be(over)
        over.sort(key=lambda c: c.last)
        opened.sort(key=lambda pair: pair[0])
        return Tracked([connection for _, connection in opened], over, runs)

    def wait(self, nanoseconds: int) -> Tracked:
        """Let time pass without packets."""
        over: list[Connection] = []
        if self._now != NO_TIME:
            self._now += nanoseconds
            self._let_be(over)
        over.sort(key=lambda c: c.last)
        return Tracked([], over)

    def close(self) -> list[Connection]:
        """The connections that the capture ends in, by their last packet."""
        rest = sorted(self._connections.values(), key=lambda c: c.last)
        self._connections.clear()
        return rest

    def _assign(
        self, table: Table, born: list[Connection], opened: list[tuple[int, Connection]], over: list[Connection]
    ) -> Runs:
        flows = Flows(table)
        keys = flows.keys()
        owners = [self._connections.get(key) for key in keys]
        begins, ends = flows.begin.tolist(), flows.end.tolist()
        for index, came in enumerate(flows.times(flows.begin)):
            owner = owners[index]
            if owner is not None and owner.phase == OVER and _passed(owner.last_time, came):
                self._release(owner, over)
                owners[index] = None
        splits: list[tuple[int, Connection | None]] = []
        ended: list[Connection] = []
        view = table.batch.buffer.data
        group, connection, run = -1, None, 0
        for item in self._items(flows, owners, begins, ends):
            (number, position, packet, time, side, flags, seq, ack, window, length, start, stop, option, option_end) = item
            if number != group:
                group, connection, run = number, owners[number], begins[number]
                self._connection = connection
            if connection is None or (flags & SYN and connection.starts_anew(side ^ connection.flip, flags, seq, time)):
                if connection is None and keys[group] in self._let_go and not flags & SYN:
                    continue  # what comes late for a connection that was let go begins no new one
                made = self._begin(table, keys[group], flows.order[position], side, flags, packet, time)
                born.append(made)
                if connection is not None:
                    over.append(connection)
                if position > begins[group]:
                    splits.append((position, made))
                else:
                    owners[group] = made
                connection, run = made, position
                self._connection = made
            elif (
                not flags & SPECIAL
                and (not connection.attentive or (connection.phase == OPEN and not length and not connection.due))
            ) or (connection.phase == OVER and not flags & SYN and connection.silent(time, LINGER)):
                continue
            phase = connection.phase
            options = bytes(view[option:option_end]) if phase == OPENING or flags & SYN else b""
            payload = bytes(view[start:stop]) if length and not connection.probe.done else b""
            before = connection.packets
            ordinal = before[0] + before[1] + position - run
            announced = window if window >= 0 else None
            connection.take(
                (packet, time, side ^ connection.flip, flags, seq, ack, announced, length, ordinal, options), payload
            )
            if connection.phase == OVER and phase != OVER:
                ended.append(connection)
            if phase == OPENING and connection.phase != OPENING:
                opened.append((packet, connection))
        splits += self._late(flows, owners, splits)
        runs = self._runs(flows, owners, splits)
        self._count(runs)
        self._ended.extend(sorted(ended, key=lambda c: c.last))
        return runs

    def _items(self, flows: Flows, owners: list[Connection | None], begins: list[int], ends: list[int]) -> Iterator[Item]:
        """The rows to look at, and while the current connection is attentive those in between as well."""
        attentive = np.fromiter((c is None or c.attentive for c in owners), bool, len(owners))
        group, expected = 0, 0
        for item in flows.items(flows.interesting(attentive)):
            number, position = item[0], item[1]
            if position != expected and self._connection is not None and self._connection.attentive:
                yield from self._between(flows, expected, min(position, ends[group]))
            if number != group:
                group, expected = number, begins[number]
            yield item
            expected = position + 1
        if self._connection is not None:
            yield from self._between(flows, expected, ends[group])

    def _between(self, flows: Flows, start: int, stop: int) -> Iterator[Item]:
        for at in range(start, stop, _MORE):
            if self._connection is None or not self._connection.attentive:
                return
            yield from flows.items(np.arange(at, min(at + _MORE, stop)))

    def _begin(
        self, table: Table, key: tuple[int, int], row: int, side: int, flags: int, packet: int, time: int | None
    ) -> Connection:
        flip = side ^ (flags & (SYN | ACK) == SYN | ACK)
        addresses = None
        if key[0] & V6_CODE:
            source, target = table.addresses(row)
            addresses = (source, target) if side == 0 else (target, source)
        made = Connection(key, flip, addresses, packet, time)
        made.probe.done = not self._probing
        self._connections[key] = made
        return made

    def _late(
        self, flows: Flows, owners: list[Connection | None], splits: list[tuple[int, Connection | None]]
    ) -> list[tuple[int, None]]:
        """Where in a run the segments begin that come too late for the connection that ended in it."""
        found: list[tuple[int, None]] = []
        if not flows.spans(LINGER):
            return found
        runs = sorted([*zip(flows.begin.tolist(), owners, strict=True), *splits], key=lambda pair: pair[0])
        ends = [begin for begin, _ in runs[1:]] + [len(flows.order)]
        for (begin, owner), end in zip(runs, ends, strict=True):
            if owner is None or owner.phase != OVER or not owner.rows:
                continue
            first, last = flows.times(np.array([begin, end - 1]))
            if not _passed(first, last):
                continue
            times = flows.times(np.arange(begin, end))
            closed = owner.rows[-1][1]
            for index in range(1, end - begin):
                after = closed is not None and times[index - 1] >= closed
                if after and _passed(times[index - 1], times[index]):
                    found.append((begin + index, None))
                    break
        return found

    @staticmethod
    def _runs(flows: Flows, owners: list[Connection | None], splits: list[tuple[int, Connection | None]]) -> Runs:
        if not splits:
            return Runs(flows, flows.begin, owners)
        pairs = sorted([*zip(flows.begin.tolist(), owners, strict=True), *splits], key=lambda pair: pair[0])
        return Runs(flows, np.array([at for at, _ in pairs]), [owner for _, owner in pairs])

    def _count(self, runs: Runs) -> None:
        """Add up packets and bytes of each run of segments that belong to one connection."""
        flows, begin, owners = runs
        for owner, (size, upper, total, above, packet, time) in zip(owners, flows.sums(begin), strict=True):
            if owner is None:
                self.late += size
                continue
            packets, volume = owner.packets, owner.bytes
            flip = owner.flip
            packets[flip] += size - upper
            packets[1 - flip] += upper
            volume[flip] += total - above
            volume[1 - flip] += above
            owner.last = packet
            if time != NO_TIME:
                owner.last_time = time

    def _quoted(self, table: Table, quoted: Quoted, over: list[Connection]) -> None:
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
                if connection.last_time is None or connection.last_time >= limit:
                    break  # those behind it ended later, or wait a little longer
                self._release(connection, over)
            self._ended.popleft()
        if self._now - self._swept > _SWEEP:
            self._swept, limit = self._now, self._now - UNANSWERED
            for connection in [c for c in self._connections.values() if c.phase == OPENING]:
                if connection.last_time is not None and connection.last_time < limit:
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


def _passed(before: int | None, now: int | None) -> bool:
    """Whether a connection that is over is let go by now."""
    return before is not None and now is not None and NO_TIME not in (before, now) and now - before > LINGER
