"""Events as JSON Lines: the machine output that scripts rely on.

What is not known is left out, never null.  New keys may be added; a key keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from time import gmtime, strftime
from typing import Any

from netviz.event import (
    NO_TIME,
    SIDES,
    CaptureProblem,
    CaptureSummary,
    Event,
    FrameBlock,
    MessageBlock,
    Options,
    Peers,
    Step,
    TcpConnection,
    Traffic,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
    frame_kind,
)
from netviz.native import native
from netviz.views.json_keys import boolean, close_keys, message_keys, problems_array, upgrade_keys, words

__all__ = ["JsonLines", "moment"]

_SECOND = 1_000_000_000

#: Where times stand in the columns of a block; how long a block may last, and how far it may be from the first packet, in
#: ns, so that C writes its times as Python does.
_TIME, _SPAN, _EXACT = 5, 10_000 * _SECOND, 1 << 52

#: Frames, and bytes of messages, that are written at once: a megabyte, for which the memory of those before serves again.
_TOGETHER, _LARGE = 4096, 1 << 20

#: Connections of which the ends are remembered; what is told of more than these at once goes without.
_MOST_PEERS = 50_000

#: Columns hold signed numbers; a length is none.
_UNSIGNED = 1 << 64
#: That this is a frame, or a message, is a conclusion.
_INFERRED = ', "inferred": ["event"]'

#: What is told of a side of which nothing was special.
_QUIET = (0,) * 7
_QUIET_KEYS = (
    ', "retransmissions": 0, "out_of_order": 0, "duplicate_acks": 0, "zero_windows": 0, "keep_alives": 0, "lost_bytes": 0}'
)

_SIMULTANEOUS, _SPLIT = ', "simultaneous": true', ', "split": true'


class JsonLines:
    """Writes events as lines; ``start``, the time of the capture's first packet, is what ``elapsed`` counts from.

    The objects are formatted here and not by the json module: a large capture has 100,000 of them, and this is three
    times as fast.  Everything but numbers and words of our own goes through `netviz.views.json_keys.string`.
    """

    def __init__(self) -> None:
        self.start: int | None = None
        self._inferred: set[int] = set()
        self._peers: dict[int, str] = {}

    def meet(self, peers: Peers) -> None:
        """Take note of a connection before its events come."""
        self._peers[peers.connection] = f', "client": "{peers.client}", "server": "{peers.server}"'
        if len(self._peers) > _MOST_PEERS:
            del self._peers[next(iter(self._peers))]
        if peers.inferred:
            self._inferred.add(peers.connection)

    def line(self, event: Event) -> str:
        """One event as a JSON object, without a line end."""
        if isinstance(event, WebSocketFrame):
            return self._frame(event)
        if isinstance(event, WebSocketMessage):
            return self._message(event)
        if isinstance(event, CaptureSummary):
            return self._summary(event)
        number = "" if isinstance(event, CaptureProblem) else f', "connection": {event.connection}'  # type: ignore[attr-defined]
        head = f'{{"event": "{event.name}"{number}{self._when(event.time)}, "packets": {list(event.packets)}'
        if isinstance(event, TcpConnection):
            body = self._connection(event)
        elif isinstance(event, WebSocketUpgrade):
            body = self._peers.get(event.connection, "") + upgrade_keys(event)
        elif isinstance(event, WebSocketClose):
            body = self._peers.get(event.connection, "") + close_keys(event)
        elif event.name.startswith(("engineio.", "socketio.")):
            from netviz.views.json_socketio import session_keys  # most captures hold none

            body = session_keys(event)
        elif event.name.startswith("tls."):
            from netviz.views.json_tls import tls_keys

            body = self._peers.get(event.connection, "") + tls_keys(event)  # type: ignore[attr-defined,arg-type]
        else:
            body = f', "count": {event.count}' if isinstance(event, CaptureProblem) else ""
        return f'{head}{body}, "problems": {problems_array(event.problems)}}}'

    def block(self, block: FrameBlock) -> Iterator[bytes]:
        """Many frames, each as `line` writes it, with line ends, as ASCII, some thousands at a time.

        There may be millions, so everything that repeats is formatted once, and all that is usual in C where there is any.
        """
        count = len(block.columns[0])
        page = self._page(block)
        if page is None:
            yield self._rows(block, 0, count).encode()
            return
        done = 0
        for place in (*sorted(block.broken), count):
            for at in range(done, place, _TOGETHER):
                until = min(at + _TOGETHER, place)
                yield native.lines((*page, block.slices(at, until)), at, until)  # type: ignore[union-attr]
            if place < count:
                yield self._rows(block, place, place + 1).encode()
            done = place + 1

    def messages(self, block: MessageBlock, *, framed: bool = True, spoken: bool = True) -> Iterator[bytes]:
        """Many messages, each as `line` writes its frame and then it, or one of these, with line ends, as UTF-8."""
        page, count, at = self._page(block.frames), len(block), 0
        if page is None:
            for event in block.events():
                if framed if isinstance(event, WebSocketFrame) else spoken:
                    yield self.line(event).encode() + b"\n"
            return
        while at < count:
            text, at = native.messages(  # type: ignore[union-attr]
                (*page, block.frames.slices(at, count)), at, block.numbers, block.begins, block.lengths, block.content, framed,
                spoken, _LARGE,
            )  # fmt: skip
            yield text

    def _page(self, block: FrameBlock) -> tuple[Any, ...] | None:
        """What C needs to write frames; None where it cannot write them as Python does."""
        columns = block.columns[:-1]
        times = columns[_TIME]
        first, last = (int(times.min()), int(times.max())) if len(times) else (0, 0)
        if native is None or self.start is None or self._inferred or first <= NO_TIME:
            return None
        if last - first > _SPAN or abs(first - self.start) + last - first > _EXACT:
            return None
        base = first // _SECOND
        seconds = tuple(_second(second).encode() for second in range(base, last // _SECOND + 1))
        return columns, self.start, base * _SECOND, seconds, _flat_heads()

    def _rows(self, block: FrameBlock, begin: int, end: int) -> str:
        start = self.start
        bits, inferred, origins = _heads(), self._inferred, block.origins(begin, end)
        out = []
        rows = zip(*(column[begin:end].tolist() for column in block.columns[:-1]), strict=True)
        for place, (connection, number, packet, _, _, time, side, first, mask, _, length) in enumerate(rows, begin):
            if time == NO_TIME or start is None:
                when = self._when(None if time == NO_TIME else time)
            else:
                second, nanosecond = divmod(time, _SECOND)
                when = f', "time": "{_second(second)}.{nanosecond:09d}Z", "elapsed": {(time - start) / _SECOND}'
            packets = str(list(dict.fromkeys(origins[place][::3]))) if place in origins else f"[{packet}]"
            problems = problems_array(block.broken[place]) if place in block.broken else "[]"
            key = bits[side][first] if mask < 0 else f'{bits[2 + side][first]}{mask:08x}"'
            if connection in inferred:
                key = f"{_INFERRED[2:]}, {key}"
            out.append(
                f'{{"event": "websocket.frame", "connection": {connection}{when}, "packets": {packets}, "number": {number}, '
                f'{key}, "length": {length % _UNSIGNED}, "problems": {problems}}}\n'
            )
        return "".join(out)

    def _frame(self, event: WebSocketFrame) -> str:
        connection, number, origin, time, side, first, mask, _, length, problems = event
        bits = _heads()
        key = bits[side][first] if mask < 0 else f'{bits[2 + side][first]}{mask:08x}"'
        if connection in self._inferred:
            key = f"{_INFERRED[2:]}, {key}"
        return (
            f'{{"event": "websocket.frame", "connection": {connection}{self._when(time)}, '
            f'"packets": {[origin[0]] if len(origin) == 3 else list(event.packets)}, "number": {number}, '
            f'{key}, "length": {length}, "problems": {problems_array(problems)}}}'
        )

    def _message(self, event: WebSocketMessage) -> str:
        return (
            f'{{"event": "websocket.message", "connection": {event.connection}{self._when(event.time)}, '
            f'"packets": {list(event.packets)}{_INFERRED if event.connection in self._inferred else ""}'
            f'{message_keys(event)}, "problems": {problems_array(event.problems)}}}'
        )

    def _summary(self, event: CaptureSummary) -> str:
        from netviz.views.json_summary import summary_keys  # with it come rules, which other commands need not wait for

        stamps = ("" if time is None else _stamp(time) for time in (event.span.earliest, event.span.latest))
        return f'{{"event": "{event.name}"{self._when(event.time)}, "packets": []{summary_keys(event, *stamps)}}}'

    def _when(self, time: int | None) -> str:
        return moment(time, self.start)

    def _connection(self, event: TcpConnection) -> str:
        inferred = f', "inferred": {words(event.inferred)}' if event.inferred else ""
        kind = (_SIMULTANEOUS if event.simultaneous else "") + (_SPLIT if event.split else "")
        server_rtt, client_rtt, total_rtt = event.rtt
        if total_rtt is not None and server_rtt is not None and client_rtt is not None:
            rtt = f'"server": {_seconds(server_rtt)}, "client": {_seconds(client_rtt)}, "total": {_seconds(total_rtt)}'
        else:
            known = zip(event.rtt._fields, event.rtt, strict=True)
            rtt = ", ".join([f'"{name}": {value / _SECOND}' for name, value in known if value is not None])
        closing = ""
        if event.closing is not None:
            how, by, packets = event.closing
            who = f', "by": "{by}"' if by else ""
            closing = f', "closing": {{"how": "{how}"{who}, "packets": {list(packets)}}}'
        client, server = event.traffic
        lasted = event.duration
        duration = "" if lasted is None else f', "duration": {_seconds(lasted)}'
        return (
            f'{inferred}, "client": "{event.client!s}", "server": "{event.server!s}", "outcome": "{event.outcome}"{kind}, '
            f'"steps": [{", ".join([self._step(step) for step in event.steps])}], "rtt": {{{rtt}}}{closing}, '
            f'"traffic": {{"client": {_traffic(client)}, "server": {_traffic(server)}}}, '
            f'"application": "{event.application}"{duration}'
        )

    def _step(self, step: Step) -> str:
        name, segment, options, ecn, again = step
        packet, time, side, _, seq, ack, window, length, _, _, _ = segment
        announced = "" if window is None else f', "window": {window}'
        return (
            f'{{"step": "{name}", "side": "{SIDES[side]}", "packet": {packet}{self._when(time)}, "seq": {seq}, '
            f'"ack": {ack}{announced}, "options": {{{_options(options)}}}, "ecn": {"true" if ecn else "false"}, '
            f'"bytes": {length}, "retransmission": {"true" if again else "false"}}}'
        )


def moment(time: int | None, start: int | None) -> str:
    """The keys of a time, counted from the capture's first packet as well; nothing where there is none."""
    if time is None:
        return ""
    if native is not None and start is not None and (keys := native.moment(time, start)) is not None:
        return str(keys)
    elapsed = (time - start) / _SECOND if start is not None else 0.0
    return f', "time": "{_stamp(time)}", "elapsed": {elapsed!r}'


def _seconds(duration: int) -> str:
    if native is not None and (text := native.seconds(duration)) is not None:
        return str(text)
    return repr(duration / _SECOND)


def _traffic(traffic: Traffic) -> str:
    packets, volume, again, disordered, duplicate, zero, alive, lost, copies, _, _ = traffic
    if traffic[2:9] == _QUIET:
        return f'{{"packets": {packets}, "bytes": {volume}{_QUIET_KEYS}'
    twice = f', "copies": {copies}' if copies else ""
    return (
        f'{{"packets": {packets}, "bytes": {volume}, "retransmissions": {again}, "out_of_order": {disordered}, '
        f'"duplicate_acks": {duplicate}, "zero_windows": {zero}, "keep_alives": {alive}, "lost_bytes": {lost}{twice}}}'
    )


def _options(options: Options) -> str:
    mss, scale, sack, stamps, fast_open, mptcp, others, _ = options
    out = []
    if mss is not None:
        out.append(f'"mss": {mss}')
    if scale is not None:
        out.append(f'"window_scale": {scale}')
    if sack:
        out.append('"sack_permitted": true')
    if stamps is not None:
        out.append(f'"timestamps": {{"value": {stamps[0]}, "echo": {stamps[1]}}}')
    if fast_open is not None:
        out.append(f'"fast_open": "{fast_open}"')
    if mptcp is not None:
        out.append(f'"mptcp": "{mptcp}"')
    if others:
        out.append(f'"others": {list(others)}')
    return ", ".join(out)


@lru_cache(maxsize=1)
def _heads() -> tuple[tuple[str, ...], ...]:
    """The keys that follow from the first byte of a frame: those of clients and servers without a mask, then with one."""
    return tuple(
        tuple(
            f'"side": "{side}", "opcode": {first & 15}, "kind": "{frame_kind(first & 15)}", "fin": {boolean(first & 128)}, '
            f'"rsv1": {boolean(first & 64)}, "rsv2": {boolean(first & 32)}, "rsv3": {boolean(first & 16)}, '
            f'"masked": {masked}'
            for first in range(256)
        )
        for masked in ("false", 'true, "mask": "')
        for side in SIDES
    )


@lru_cache(maxsize=1)
def _flat_heads() -> tuple[bytes, ...]:
    """The same in one row, as bytes."""
    return tuple(keys.encode() for side in _heads() for keys in side)


def _stamp(time: int) -> str:
    second, nanosecond = divmod(time, _SECOND)
    return f"{_second(second)}.{str(nanosecond).zfill(9)}Z"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    # A damaged clock may be far outside the years that a calendar knows.
    try:
        return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00"
