"""Events as JSON Lines: the machine output that scripts rely on.

What is not known is left out, never null.  New keys may be added; a key keeps its meaning.
"""

from __future__ import annotations

from functools import lru_cache
from json.encoder import encode_basestring
from time import gmtime, strftime

from netviz.event import SIDES, CaptureProblem, Event, Options, Problem, Step, TcpConnection, Traffic

__all__ = ["JsonLines"]

_SECOND = 1_000_000_000
_SIMULTANEOUS, _SPLIT = ', "simultaneous": true', ', "split": true'


class JsonLines:
    """Writes events as lines; ``start``, the time of the capture's first packet, is what ``elapsed`` counts from.

    The objects are formatted here and not by the json module: a large capture has 100,000 of them, and this is three
    times as fast.  Everything but numbers and words of our own goes through `_text`.
    """

    def __init__(self) -> None:
        self.start: int | None = None

    def line(self, event: Event) -> str:
        """One event as a JSON object, without a line end."""
        number = f', "connection": {event.connection}' if isinstance(event, TcpConnection) else ""
        head = f'{{"event": "{event.name}"{number}{self._when(event.time)}, "packets": {list(event.packets)}'
        if isinstance(event, TcpConnection):
            body = self._connection(event)
        else:
            body = f', "count": {event.count}' if isinstance(event, CaptureProblem) else ""
        return f'{head}{body}, "problems": [{", ".join(map(_problem, event.problems))}]}}'

    def _when(self, time: int | None) -> str:
        if time is None:
            return ""
        second, nanosecond = divmod(time, _SECOND)
        elapsed = (time - self.start) / _SECOND if self.start is not None else 0.0
        return f', "time": "{_second(second)}.{nanosecond:09d}Z", "elapsed": {elapsed}'

    def _connection(self, event: TcpConnection) -> str:
        inferred = f', "inferred": {_words(event.inferred)}' if event.inferred else ""
        kind = (_SIMULTANEOUS if event.simultaneous else "") + (_SPLIT if event.split else "")
        rtt = ", ".join([f'"{k}": {v / _SECOND}' for k, v in zip(event.rtt._fields, event.rtt, strict=True) if v is not None])
        closing = ""
        if event.closing is not None:
            how, by, packets = event.closing
            who = f', "by": "{by}"' if by else ""
            closing = f', "closing": {{"how": "{how}"{who}, "packets": {list(packets)}}}'
        client, server = event.traffic
        duration = f', "duration": {event.duration / _SECOND}' if event.duration is not None else ""
        return (
            f'{inferred}, "client": "{event.client}", "server": "{event.server}", "outcome": "{event.outcome}"{kind}, '
            f'"steps": [{", ".join([self._step(step) for step in event.steps])}], "rtt": {{{rtt}}}{closing}, '
            f'"traffic": {{"client": {_traffic(client)}, "server": {_traffic(server)}}}, '
            f'"application": "{event.application}"{duration}'
        )

    def _step(self, step: Step) -> str:
        name, segment, options, ecn, again = step
        packet, time, side, _, seq, ack, window, length, _, _ = segment
        announced = "" if window is None else f', "window": {window}'
        return (
            f'{{"step": "{name}", "side": "{SIDES[side]}", "packet": {packet}{self._when(time)}, "seq": {seq}, '
            f'"ack": {ack}{announced}, "options": {{{_options(options)}}}, "ecn": {_bool(ecn)}, "bytes": {length}, '
            f'"retransmission": {_bool(again)}}}'
        )


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _words(words: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, words))}]"


def _text(text: str) -> str:
    # Surrogates (undecodable bytes of a file name) cannot be written as UTF-8.
    return encode_basestring(text.encode("utf-8", "backslashreplace").decode())


def _traffic(traffic: Traffic) -> str:
    return f'{{"packets": {traffic.packets}, "bytes": {traffic.bytes}}}'


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


def _problem(problem: Problem) -> str:
    packet = f', "packet": {problem.packet}' if problem.packet else ""
    return f'{{"kind": "{problem.kind}", "text": {_text(problem.text)}{packet}}}'


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    # A damaged clock may be far outside the years that a calendar knows.
    try:
        return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00"
