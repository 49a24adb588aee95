"""Events as JSON Lines: the machine output that scripts rely on.

What is not known is left out, never null.  New keys may be added; a key keeps its meaning.
"""

from __future__ import annotations

import json
from functools import lru_cache
from time import gmtime, strftime
from typing import Any

from netviz.event import SIDES, CaptureProblem, Event, Options, Problem, Step, TcpConnection

__all__ = ["JsonLines"]

_SECOND = 1_000_000_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


class JsonLines:
    """Writes events as lines; ``start``, the time of the capture's first packet, is what ``elapsed`` counts from."""

    def __init__(self) -> None:
        self.start: int | None = None

    def line(self, event: Event) -> str:
        """One event as a JSON object, without a line end."""
        out: dict[str, Any] = {"event": event.name}
        if isinstance(event, TcpConnection):
            out["connection"] = event.connection
        self._when(out, event.time)
        out["packets"] = event.packets
        if isinstance(event, TcpConnection):
            if event.inferred:
                out["inferred"] = event.inferred
            self._connection(out, event)
        elif isinstance(event, CaptureProblem):
            out["count"] = event.count
        out["problems"] = [_problem(problem) for problem in event.problems]
        return _encode(out)

    def _when(self, out: dict[str, Any], time: int | None) -> None:
        if time is not None:
            out["time"] = _stamp(time)
            out["elapsed"] = (time - (time if self.start is None else self.start)) / _SECOND

    def _connection(self, out: dict[str, Any], event: TcpConnection) -> None:
        out["client"], out["server"] = str(event.client), str(event.server)
        out["outcome"] = event.outcome
        if event.simultaneous:
            out["simultaneous"] = True
        if event.split:
            out["split"] = True
        out["steps"] = [self._step(step) for step in event.steps]
        out["rtt"] = {name: value / _SECOND for name, value in event.rtt._asdict().items() if value is not None}
        if event.closing is not None:
            closing: dict[str, Any] = {"how": event.closing.how}
            if event.closing.by is not None:
                closing["by"] = event.closing.by
            closing["packets"] = event.closing.packets
            out["closing"] = closing
        client, server = event.traffic
        out["traffic"] = {
            "client": {"packets": client.packets, "bytes": client.bytes},
            "server": {"packets": server.packets, "bytes": server.bytes},
        }
        out["application"] = event.application
        if event.duration is not None:
            out["duration"] = event.duration / _SECOND

    def _step(self, step: Step) -> dict[str, Any]:
        segment = step.segment
        out: dict[str, Any] = {"step": step.step, "side": SIDES[segment.side], "packet": segment.packet}
        self._when(out, segment.time)
        out["seq"], out["ack"] = segment.seq, segment.ack
        if segment.window is not None:
            out["window"] = segment.window
        out["options"] = _options(step.options)
        out["ecn"], out["bytes"], out["retransmission"] = step.ecn, segment.length, step.retransmission
        return out


def _options(options: Options) -> dict[str, Any]:
    mss, scale, sack, stamps, fast_open, mptcp, others, _ = options
    out: dict[str, Any] = {}
    if mss is not None:
        out["mss"] = mss
    if scale is not None:
        out["window_scale"] = scale
    if sack:
        out["sack_permitted"] = True
    if stamps is not None:
        out["timestamps"] = {"value": stamps[0], "echo": stamps[1]}
    if fast_open is not None:
        out["fast_open"] = fast_open
    if mptcp is not None:
        out["mptcp"] = mptcp
    if others:
        out["others"] = others
    return out


def _problem(problem: Problem) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": problem.kind, "text": problem.text}
    if problem.packet:
        out["packet"] = problem.packet
    return out


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    # A damaged clock may be far outside the years that a calendar knows.
    try:
        return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
    except (OverflowError, OSError, ValueError):
        return "1970-01-01T00:00:00"


def _stamp(time: int) -> str:
    second, nanosecond = divmod(time, _SECOND)
    return f"{_second(second)}.{nanosecond:09d}Z"
