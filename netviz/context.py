"""What surrounds one TCP segment: its connection, what was sent before it, and the events that it carries a piece of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from netviz.analysis import Analysis, course
from netviz.capture.batch import Batch
from netviz.envelope import unfinished
from netviz.event import (
    Course,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    Event,
    Moment,
    Slice,
    SocketIoPacket,
    TcpConnection,
    TlsRecord,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.keylog import KeyLog
from netviz.layers.head import REQUEST, STATUS
from netviz.layers.layer import Wanted
from netviz.layers.tcp.flags import SYN
from netviz.table import Table, table

__all__ = ["Context", "Target", "gather_context", "known_context"]

_WORD, _HALF = 0xFFFFFFFF, 1 << 31
_STEPS = {"SYN": "first", "SYN-ACK": "second", "ACK": "third"}

#: Events that have bytes in packets, and tell what these bytes are.
_CARRIED = (WebSocketFrame, WebSocketMessage, WebSocketUpgrade, EngineIoRequest, EngineIoAnswer, EngineIoPacket,
            SocketIoPacket, TlsRecord)  # fmt: skip

#: So much of a first line of HTTP is remembered, and so many of them.
_LINE, _LINES = 200, 100_000


class Target(NamedTuple):
    """The segment in question: its packet, its endpoint codes, its flags and numbers, where its data lies in the packet."""

    packet: int
    source: int
    target: int
    flags: int
    seq: int
    ack: int
    length: int
    start: int
    end: int


class Context(NamedTuple):
    """What is known of a segment.

    ``base`` are the first numbers of both directions, its own first; ``shift`` is how its window counts (None: not
    known); ``again`` the packet that sent these bytes before (0: none), ``missing`` how many bytes before it are not in
    the capture so far; ``asked`` the request line that a response answers, and its packet.
    """

    connection: TcpConnection | None
    side: int
    base: tuple[int | None, int | None]
    shift: int | None
    again: int
    missing: int
    asked: tuple[int, bytes] | None
    events: tuple[Event, ...]
    story: tuple[str, ...]


class _Rows:
    """The segments of both directions between two endpoints, up to the one in question."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._columns: list[list[np.ndarray[tuple[int], np.dtype[np.int64]]]] = [[], [], [], [], []]
        self.lines: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = [], []

    def take(self, read: Table) -> Batch:
        """Note the rows of a Batch, and give it back with nothing in it that is not between these ends."""
        batch, tcp, target = read.batch, read.tcp, self._target
        forth = (read.source == target.source) & (read.target == target.target)
        back = (read.source == target.target) & (read.target == target.source)
        mine = np.flatnonzero(forth | back)
        packet = tcp.row[mine] + batch.first
        until = mine[packet <= target.packet]
        columns = (tcp.row[until] + batch.first, back[until].astype(np.int64),
                   *(column[until] for column in (tcp.seq, tcp.length, tcp.flags)))  # fmt: skip
        for kept, column in zip(self._columns, columns, strict=True):
            kept.append(column)
        for index in until[tcp.captured[until] > 0].tolist():
            place = int(tcp.payload[index])
            begin = batch.buffer[place : place + min(int(tcp.captured[index]), _LINE)].tobytes()
            side = int(back[index])
            if len(self.lines[side]) < _LINES and (REQUEST.match(begin) or STATUS.match(begin)):
                self.lines[side].append((int(tcp.row[index]) + batch.first, begin.split(b"\r\n")[0]))
        link = np.full(len(batch), -1, np.int64)
        link[tcp.row[mine]] = batch.link[tcp.row[mine]]
        return replace(batch, link=link)

    def before(self, first: int, base: int) -> tuple[int, int]:
        """Which packet sent the bytes of the segment before (0: none did), and how many before it are missing."""
        packet, back, seq, length, flags = (np.concatenate(column) for column in self._columns)
        target = self._target
        own = (back == 0) & (packet >= first) & (packet < target.packet)
        packet, seq, length, flags = packet[own], seq[own], length[own], flags[own]
        begin = (seq - base + _HALF & _WORD) - _HALF
        end = begin + length + (flags & SYN != 0) + (flags & 1)
        mine = (target.seq - base + _HALF & _WORD) - _HALF
        taken = target.length + bool(target.flags & SYN) + (target.flags & 1)
        if not len(packet):
            return 0, 0
        covered = packet[(begin <= mine) & (end >= mine + taken)] if taken else packet[:0]
        missing = max(mine - int(end.max()), 0)
        return (int(covered[0]) if len(covered) else 0), missing


def gather_context(batches: Iterable[Batch], target: Target, keys: KeyLog | None = None) -> Context:
    """Read as much of a capture as the answer takes."""
    general, rows = Analysis(), _Rows(target)
    special = Analysis(wanted=Wanted(records=target.packet, keys=keys or KeyLog()))
    ended: TcpConnection | None = None
    events: list[Event] = []
    for batch in batches:
        if batch.first > target.packet and not len(batch) and not batch.problems:
            break  # a stream that is silent now: what it says later is not waited for
        ended = _pick([ended, *_connections(general.feed(batch))], target)
        if len(batch):
            events += _touching(special.feed(rows.take(table(batch))), target.packet)
        if batch.first + len(batch) > target.packet and (_answered(events, target) or _is_over(ended, target)):
            break
    found = _pick([ended, *_connections(general.close())], target)
    events += _touching(special.close(), target.packet)
    return _context(found, rows, target, tuple(events))


def known_context(found: TcpConnection, told: Course, moment: Moment, events: tuple[Event, ...]) -> Context:
    """What can be said of a segment where its connection and the events that it carries a piece of are known already."""
    side = moment.segment.side
    base = told.base[side], told.base[1 - side]
    return Context(found, side, base, _shift(found, side, moment.segment.flags), 0, 0, None, events, ())


def _connections(events: Iterator[Event]) -> list[TcpConnection]:
    return [event for event in events if isinstance(event, TcpConnection)]


def _pick(found: list[TcpConnection | None], target: Target) -> TcpConnection | None:
    """The connection between these ends that began last before the segment."""
    mine = [event for event in found if event is not None and event.segments and event.segments[0].packet <= target.packet
            and {_code(event, 0), _code(event, 1)} == {target.source, target.target}]  # fmt: skip
    return max(mine, key=lambda event: event.segments[0].packet, default=None)


def _code(event: TcpConnection, side: int) -> int:
    from ipaddress import ip_address

    from netviz.endpoint import endpoint_code

    end = (event.client, event.server)[side]
    return endpoint_code(ip_address(end.address).packed, end.port)


def _is_over(event: TcpConnection | None, target: Target) -> bool:
    return event is not None and event.segments[-1].packet >= target.packet


def _touching(events: Iterable[Event], packet: int) -> list[Event]:
    """Events that have bytes in this packet."""
    return [event for event in events if isinstance(event, _CARRIED) and packet in event.packets]


def _answered(events: list[Event], target: Target) -> bool:
    """Whether nothing that is still to come could say more of this segment."""
    if target.start >= target.end:
        return True
    if unfinished(events):
        return False
    spans = []
    for event in events:
        if isinstance(event, EngineIoRequest | EngineIoAnswer):
            origin = (*event.head, *event.body.origin)
            spans += [origin[at + 1 : at + 3] for at in range(0, len(origin), 3) if origin[at] == target.packet]
        slices = event.request + event.response if isinstance(event, WebSocketUpgrade) else ()
        if isinstance(event, WebSocketFrame):
            slices = event.slices
            whole = (m for m in events if isinstance(m, WebSocketMessage) and m.frames[0] <= event.number <= m.frames[1])
            if next(whole, None) is None:
                return False
        if isinstance(event, TlsRecord):
            slices = _frame_of(event)
        spans += [piece[1:] for piece in slices if piece.packet == target.packet]
    reached = target.start
    for start, end in sorted(spans):
        reached = max(reached, end) if start <= reached else reached
    return reached >= target.end


def _frame_of(record: TlsRecord) -> tuple[Slice, ...]:
    """What a record adds to its content, which others must tell; of a record of TLS itself all of it."""
    inside = (5 + record.before, 5 + record.before + len(record.content)) if record.kind == 23 else (0, 0)
    found, before = [], 0
    for at in range(0, len(record.origin), 3):
        packet, start, end = record.origin[at : at + 3]
        for first, last in ((0, inside[0]), (inside[1], 1 << 30)):
            begin, stop = start + max(first - before, 0), min(start + last - before, end)
            if stop > begin:
                found.append(Slice(packet, begin, stop))
        before += end - start
    return tuple(found)


def _context(found: TcpConnection | None, rows: _Rows, target: Target, events: tuple[Event, ...]) -> Context:
    if found is None:
        return Context(None, 0, (None, None), None, 0, 0, None, events, ())
    side = 0 if _code(found, 0) == target.source else 1
    told = course(found)
    base = told.base[side], told.base[1 - side]
    again, missing = rows.before(found.segments[0].packet, base[0]) if base[0] is not None else (0, 0)
    asked = _asked(rows, found, target)
    return Context(
        found, side, base, _shift(found, side, target.flags), again, missing, asked, events, tuple(_story(found, target))
    )


def _shift(found: TcpConnection, side: int, flags: int) -> int | None:
    """By how many bits the window of a side counts: only where both SYNs offer it, and never in a SYN (RFC 7323)."""
    scales: dict[int, int | None] = {}
    for step in found.steps:
        if step.segment.flags & SYN:
            scales[step.segment.side] = step.options.window_scale
    if len(scales) < 2 or flags & SYN:
        return 0 if flags & SYN else None
    own, other = scales[side], scales[1 - side]
    return 0 if own is None or other is None else min(own, 14)


def _asked(rows: _Rows, found: TcpConnection, target: Target) -> tuple[int, bytes] | None:
    """The request that a response answers: the first the first, and so on (RFC 9112 section 9.3.2)."""
    first = found.segments[0].packet
    answers = [(p, line) for p, line in rows.lines[0] if p >= first and line.startswith(b"HTTP/") and line[9:10] != b"1"]
    asked = [(p, line) for p, line in rows.lines[1] if p >= first and not line.startswith(b"HTTP/")]
    if not answers or answers[-1][0] != target.packet or len(answers) > len(asked):
        return None
    return asked[len(answers) - 1]


def _story(found: TcpConnection, target: Target) -> Iterator[str]:
    """What the segment is for its connection."""
    step = next((step for step in found.steps if step.segment.packet == target.packet), None)
    if step is not None:
        which = "" if step.step not in _STEPS or found.simultaneous or found.split else f"{_STEPS[step.step]} "
        yield f"{step.step}: {which}step of the handshake of connection {found.connection}"
    moment = next((m for m in course(found).moments if m.segment.packet == target.packet), None)
    if moment is not None:
        if step is None:
            yield f"{moment.what}: of the {('client', 'server')[moment.segment.side]} of connection {found.connection}"
        yield f"“{moment.meaning}”"
        yield f"behind it: client {moment.states[0]}, server {moment.states[1]}"
