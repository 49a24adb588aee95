"""Machine output: what is formatted by hand is what the json module would read back, whatever the texts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz
from netviz.event import SIDES, CaptureProblem, Event, Options, Problem, Segment, Step, TcpConnection, Traffic
from netviz.views.jsonl import JsonLines
from tests.conftest import CAPTURES
from tests.wire import ACK, MSS, RST, SYN, TICK, Wire, echo

_SECOND = 1_000_000_000
_ISO = "%Y-%m-%dT%H:%M:%S"
_CONNECTION = Wire().open((MSS + echo(1), MSS + echo(2, 1))).close().connection()
_PROBLEM = CaptureProblem(packets=(3,), time=None, problems=(Problem("file-cut", "it ends", 3),), count=2)

#: Texts that break what does not escape them.
_HOSTILE = [
    '"', "\\", '", "event": "forged', "\n", "\r\n{}", "\x00\x1f\x7f", "\u2028\u2029", "\ud800", "\udcff", "\x1b[31m", "null",
    "𝄞 日本", "</script>",
]  # fmt: skip


def _line(event: Event, start: int | None = None) -> str:
    lines = JsonLines()
    lines.start = start
    return lines.line(event)


def _shown(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _when(time: int | None, start: int | None) -> dict[str, Any]:
    if time is None:
        return {}
    stamp = datetime.fromtimestamp(time // _SECOND, UTC).strftime(_ISO)
    return {"time": f"{stamp}.{time % _SECOND:09d}Z", "elapsed": 0.0 if start is None else (time - start) / _SECOND}


def _options(options: Options) -> dict[str, Any]:
    stamps = options.timestamps
    every = {
        "mss": options.mss,
        "window_scale": options.window_scale,
        "sack_permitted": options.sack_permitted or None,
        "timestamps": None if stamps is None else {"value": stamps[0], "echo": stamps[1]},
        "fast_open": options.fast_open,
        "mptcp": options.mptcp,
        "others": list(options.others) or None,
    }
    return {key: value for key, value in every.items() if value is not None}


def _step(step: Step, start: int | None) -> dict[str, Any]:
    segment = step.segment
    return {
        "step": step.step, "side": SIDES[segment.side], "packet": segment.packet, **_when(segment.time, start),
        "seq": segment.seq, "ack": segment.ack, **({} if segment.window is None else {"window": segment.window}),
        "options": _options(step.options), "ecn": step.ecn, "bytes": segment.length, "retransmission": step.retransmission,
    }  # fmt: skip


def _problem(problem: Problem) -> dict[str, Any]:
    packet = {"packet": problem.packet} if problem.packet else {}
    return {"kind": problem.kind, "text": _shown(problem.text), **packet}


def _as_dict(event: Event, start: int | None) -> dict[str, Any]:
    """The event by the contract, built from its fields and not as text."""
    out: dict[str, Any] = {"event": event.name, "packets": list(event.packets), "problems": [*map(_problem, event.problems)]}
    out |= _when(event.time, start)
    if isinstance(event, CaptureProblem):
        return {**out, "count": event.count}
    assert isinstance(event, TcpConnection)
    out |= {
        "connection": event.connection, "client": str(event.client), "server": str(event.server), "outcome": event.outcome,
        "steps": [_step(step, start) for step in event.steps], "application": event.application,
        "rtt": {key: value / _SECOND for key, value in event.rtt._asdict().items() if value is not None},
        "traffic": {side: traffic._asdict() for side, traffic in zip(SIDES, event.traffic, strict=True)},
    }  # fmt: skip
    if event.closing is not None:
        how, by, packets = event.closing
        out["closing"] = {"how": how, "packets": list(packets)} | ({} if by is None else {"by": by})
    out |= {key: True for key in ("simultaneous", "split") if getattr(event, key)}
    if event.inferred:
        out["inferred"] = [_shown(word) for word in event.inferred]
    if event.duration is not None:
        out["duration"] = event.duration / _SECOND
    return out


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_every_event_reads_back(name: str) -> None:
    analysis = netviz.Analysis()
    count = 0
    for event in analysis.run(netviz.open(CAPTURES[name])):
        line = _line(event, analysis.start)
        assert json.loads(line) == _as_dict(event, analysis.start)
        count += 1
    assert count


@pytest.mark.parametrize("text", _HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    problem = Problem("file-cut", text, 3)
    for event in (
        replace(_PROBLEM, problems=(problem,)),
        replace(_CONNECTION, problems=(problem, problem), inferred=(text,)),
    ):
        line = _line(event)
        assert "\n" not in line
        assert "\r" not in line
        assert line.encode("utf-8")
        assert json.loads(line) == _as_dict(event, None)


@settings(deadline=None)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_reads_back(first: str, second: str) -> None:
    event = replace(_CONNECTION, problems=(Problem("a-b", first, 0), Problem("c", second, 1)), inferred=(first, second))
    line = _line(event)
    assert len(line.split("\n")) == 1
    assert json.loads(line.encode("utf-8")) == _as_dict(event, None)


@settings(deadline=None)
@given(
    st.none() | st.integers(-_SECOND, 2**62),
    st.none() | st.integers(0, 2**62),
    st.none() | st.integers(0, 65_535),
    st.booleans(),
    st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
)
def test_any_numbers_read_back(
    time: int | None, start: int | None, window: int | None, flag: bool, traffic: tuple[int, int]
) -> None:
    step = _CONNECTION.steps[0]
    segment = step.segment._replace(time=time, window=window)
    event = replace(
        _CONNECTION, time=time, start=start, split=flag, simultaneous=not flag,
        steps=(step._replace(segment=segment, ecn=flag, retransmission=not flag),),
        traffic=(Traffic(*traffic), Traffic(*reversed(traffic))) if len(Traffic._fields) == 2 else _CONNECTION.traffic,
    )  # fmt: skip
    assert json.loads(_line(event, start)) == _as_dict(event, start)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(mss=0, window_scale=0),
        Options(mss=65_495, window_scale=14, sack_permitted=True, timestamps=(0, 4_294_967_295)),
        Options(fast_open=""),
        Options(fast_open="00ff", mptcp="MP_CAPABLE", others=(19, 29)),
    ],
)
def test_options_that_are_0_or_empty_are_told(options: Options) -> None:
    event = replace(_CONNECTION, steps=(_CONNECTION.steps[0]._replace(options=options),))
    assert json.loads(_line(event))["steps"][0]["options"] == _options(options)


def test_what_is_not_known_is_left_out() -> None:
    line = json.loads(_line(replace(_PROBLEM, problems=(Problem("a", "b", 0),))))
    assert line == {"event": "capture.problem", "packets": [3], "count": 2, "problems": [{"kind": "a", "text": "b"}]}
    unanswered = json.loads(_line(Wire().client(SYN).connection()))
    assert unanswered["rtt"] == {}
    assert "closing" not in unanswered
    assert "simultaneous" not in unanswered
    assert "inferred" not in unanswered


def test_numbers_of_a_refused_connection() -> None:
    event = Wire(("::1", 5), ("::2", 80), isn=(7, 0)).client(SYN, options=MSS).server(RST | ACK).connection()
    line = json.loads(_line(event, event.start))
    assert (line["client"], line["server"], line["outcome"]) == ("[::1]:5", "[::2]:80", "refused")
    assert line["elapsed"] == line["duration"] == TICK / _SECOND
    assert [(s["step"], s["side"], s["seq"], s["ack"]) for s in line["steps"]] == [
        ("SYN", "client", 7, 0), ("RST", "server", 0, 8),
    ]  # fmt: skip
    assert line["steps"][0]["options"] == {"mss": 1460}


def test_fields_of_a_segment_are_those_this_test_knows() -> None:
    assert Segment._fields == ("packet", "time", "side", "flags", "seq", "ack", "window", "length", "ordinal", "options")
