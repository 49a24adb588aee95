"""The heartbeat of an Engine.IO session: who asked, who answered, what was late, and when each end must give up.

In version 4 the server pings and the client answers; in version 3 the client pings.  Who asks gives up where no answer came
within pingTimeout, who answers where nothing was asked for pingInterval + pingTimeout.
https://socket.io/docs/v4/engine-io-protocol/#heartbeat
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from netviz.event import SIDES, EngineIoPacket, Side
from netviz.quantity import span
from netviz.verdicts.session_over import ends
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["Beat", "Heartbeat", "beats", "is_probe", "rounded"]

_MS = 1_000_000

#: A ping is late where it comes this much behind pingInterval: a tenth of it, and never less than what a timer may take.
_TENTH, _LEAST = 10, 100 * _MS

#: A timer runs out a little early or late.
_SLACK = 20 * _MS


class Beat(NamedTuple):
    """A ping and its pong; times in ns, None where there is none.

    ``took`` is the time between them, ``interval`` that since the ping before (of the first: since the session was opened).
    ``late`` where the ping came later than announced; ``overdue`` where the pong came later than pingTimeout allows, or not
    at all, and the time for it was over.
    """

    time: int | None
    packet: int
    pong: int | None
    answer: int
    took: int | None
    interval: int | None
    late: bool = False
    overdue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """All beats of a session; ``interval`` and ``timeout`` as the server announced them, in ns.

    ``gives_up`` says when client and server must give up, from what the capture holds; None where there is nothing to wait
    for, or no time is known.  ``gave_up`` is who ended the session when its own time was over; ``ended`` whether anybody did.
    """

    beats: tuple[Beat, ...]
    asks: Side
    interval: int | None
    timeout: int | None
    gives_up: tuple[int | None, int | None]
    gave_up: Side | None
    ended: bool


def beats(trace: SessionTrace) -> Heartbeat:
    """The heartbeat of a session."""
    opened = trace.session.opened
    asker = _asker(trace)
    interval = None if opened is None or opened.ping_interval is None else opened.ping_interval * _MS
    timeout = None if opened is None or opened.ping_timeout is None else opened.ping_timeout * _MS
    began = _opened(trace)
    ended = ends(trace)
    last = max((time for time in (trace.last, *(end.time for end in ended)) if time is not None), default=None)
    found = tuple(_late(beat, interval, timeout, last) for beat in _paired(trace.control, asker, began))
    gives_up = _due(found, asker, interval, timeout, began)
    gave_up = None
    if ended and ended[0].time is not None:
        due = gives_up[ended[0].side]
        gave_up = SIDES[ended[0].side] if due is not None and ended[0].time >= due - _SLACK else None
    return Heartbeat(
        beats=found,
        asks=SIDES[asker],
        interval=interval,
        timeout=timeout,
        gives_up=gives_up,
        gave_up=gave_up,
        ended=bool(ended),
    )


def is_probe(packet: EngineIoPacket) -> bool:
    """Whether it tries out a WebSocket before the session moves there: no beat."""
    return packet.type in ("ping", "pong") and packet.data in ("probe", b"probe")


def rounded(nanoseconds: int) -> str:
    """A time that somebody set: without a fraction where it has none.

    >>> rounded(25_000_000_000), rounded(2_500_000_000)
    ('25 s', '2.500 s')
    """
    whole, rest = divmod(nanoseconds, 1_000 * _MS)
    return f"{whole} s" if 0 < whole < 60 and not rest else span(nanoseconds)


def _asker(trace: SessionTrace) -> int:
    """Which side pings: what the version says, and where that is unknown, who was seen to."""
    if trace.session.version is not None:
        return 0 if trace.session.version == 3 else 1
    return next((packet.side for packet in trace.control if packet.type == "ping" and not is_probe(packet)), 1)


def _opened(trace: SessionTrace) -> int | None:
    return next((packet.time for packet in trace.control if packet.type == "open"), trace.session.began)


def _paired(control: list[EngineIoPacket], asker: int, began: int | None) -> Iterator[Beat]:
    """Pings with the pong that follows each, before the next ping."""
    waiting: EngineIoPacket | None = None
    before = began
    for packet in control:
        if packet.type not in ("ping", "pong") or is_probe(packet):
            continue
        if packet.type == "ping" and packet.side == asker:
            if waiting is not None:
                yield _beat(waiting, None, before)
                before = waiting.time
            waiting = packet
        elif packet.type == "pong" and packet.side != asker and waiting is not None:
            yield _beat(waiting, packet, before)
            before, waiting = waiting.time, None
    if waiting is not None:
        yield _beat(waiting, None, before)


def _beat(ping: EngineIoPacket, pong: EngineIoPacket | None, before: int | None) -> Beat:
    if pong is None:
        return Beat(ping.time, _packet(ping), None, 0, None, _between(before, ping.time))
    took = pong.took if pong.took is not None else _between(ping.time, pong.time)
    return Beat(ping.time, _packet(ping), pong.time, _packet(pong), took, _between(before, ping.time))


def _late(beat: Beat, interval: int | None, timeout: int | None, last: int | None) -> Beat:
    waited = beat.took if beat.answer else _between(beat.time, last)
    since = beat.interval
    return beat._replace(
        late=interval is not None and since is not None and since > interval + max(interval // _TENTH, _LEAST),
        overdue=timeout is not None and waited is not None and waited > timeout,
    )


def _due(
    found: tuple[Beat, ...], asker: int, interval: int | None, timeout: int | None, began: int | None
) -> tuple[int | None, int | None]:
    """When client and server give up if nothing more comes than what is here."""
    last = found[-1] if found else None
    heard = began if last is None else last.time
    asks = answers = None
    if timeout is not None and last is not None and last.time is not None and not last.answer:
        asks = last.time + timeout
    if timeout is not None and interval is not None and heard is not None:
        answers = heard + interval + timeout
    return (asks, answers) if asker == 0 else (answers, asks)


def _packet(event: EngineIoPacket) -> int:
    return event.packets[-1] if event.packets else 0


def _between(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
