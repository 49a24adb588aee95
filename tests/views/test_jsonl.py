"""Machine output: what is formatted by hand is what the json module would read back, whatever the texts."""

from __future__ import annotations

import json
import unicodedata
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz
from netviz.event import (
    SIDES,
    Answer,
    CaptureProblem,
    Event,
    Header,
    Options,
    Problem,
    Segment,
    Step,
    TcpConnection,
    Traffic,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.views.jsonl import JsonLines
from tests.conftest import CAPTURES
from tests.hostile import HOSTILE, dangerous
from tests.talk import close, frame_event, message, upgrade
from tests.wire import ACK, MSS, RST, START, SYN, TICK, Wire, echo

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
        "traffic": {side: _traffic(traffic) for side, traffic in zip(SIDES, event.traffic, strict=True)},
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


@pytest.mark.usefixtures("loops")
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
    st.lists(st.integers(0, 2**40), min_size=10, max_size=10),
)
def test_any_numbers_read_back(time: int | None, start: int | None, window: int | None, flag: bool, traffic: list[int]) -> None:
    step = _CONNECTION.steps[0]
    segment = step.segment._replace(time=time, window=window)
    event = replace(
        _CONNECTION, time=time, start=start, split=flag, simultaneous=not flag,
        steps=(step._replace(segment=segment, ecn=flag, retransmission=not flag),),
        traffic=(Traffic._make((*traffic, (0,) * 9)), Traffic._make((*reversed(traffic), (0,) * 9))),
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
    fields = ("packet", "time", "side", "flags", "seq", "ack", "window", "length", "ordinal", "options", "special")
    assert Segment._fields == fields


def _traffic(traffic: Traffic) -> dict[str, int]:
    out = dict(zip(Traffic._fields[:8], traffic[:8], strict=True))
    return {**out, "copies": traffic.copies} if traffic.copies else out


def _upgrade(event: WebSocketUpgrade) -> dict[str, Any]:
    keys = (
        "path", "method", "host", "key", "version", "origin", "user_agent", "accept", "accept_expected", "subprotocol", "proxy",
        "accept_valid", "status",
    )  # fmt: skip
    out = {key: getattr(event, key) for key in keys if getattr(event, key) is not None}
    out |= {key: list(getattr(event, key)) for key in ("offered_subprotocols", "offered_extensions", "extensions")}
    out |= {key: [list(header) for header in getattr(event, key)] for key in ("request_headers", "response_headers")}
    out |= {"outcome": event.outcome, "earlier_requests": event.earlier} | ({"body": event.body} if event.body else {})
    if event.status is not None:
        out["reason"] = event.reason
        if event.time is not None and event.asked is not None:
            out["seconds"] = (event.time - event.asked) / _SECOND
    return out


def _frame(event: WebSocketFrame) -> dict[str, Any]:
    bits = {f"rsv{n}": bool(event.first & 0x80 >> n) for n in (1, 2, 3)}
    out = {"number": event.number, "side": event.sender, "opcode": event.opcode, "kind": event.kind, "fin": event.fin, **bits}
    return {**out, "masked": event.masked, "length": event.length, **({"mask": f"{event.mask:08x}"} if event.masked else {})}


def _message(event: WebSocketMessage) -> dict[str, Any]:
    keys = ("number", "kind", "wire_length", "compressed", "fragments")
    out = {"side": event.sender, "frames": list(event.frames), **{key: getattr(event, key) for key in keys}}
    out |= {key: getattr(event, key) for key in ("length", "code") if getattr(event, key) is not None}
    if isinstance(event.content, str):
        out["text"] = event.content
    elif event.content is not None:
        out["data"] = b64encode(event.content).decode()
    if event.after is not None:
        took = {} if event.after.took is None else {"seconds": event.after.took / _SECOND}
        out["answers"] = {"number": event.after.number, **took}
    return out


def _close(event: WebSocketClose) -> dict[str, Any]:
    out: dict[str, Any] = {key: getattr(event, key) for key in ("code", "reason", "clean", "transport")}
    out |= {key: getattr(event, key) for key in ("by", "transport_by") if getattr(event, key) is not None}
    out |= {
        "name": event.meaning,
        "unanswered_pings": list(event.unanswered),
        "in_flight": dict(zip(SIDES, event.in_flight, strict=True)),
    }
    out |= {} if event.silence is None else {"silence": event.silence / _SECOND}
    if any(event.unfinished):
        out["unfinished"] = {side: what for side, what in zip(SIDES, event.unfinished, strict=True) if what}
    return out | ({"inferred": list(event.inferred)} if event.inferred else {})


def _websocket(event: Event) -> dict[str, Any]:
    """An event of a WebSocket by the contract."""
    match event:
        case WebSocketUpgrade():
            own = _upgrade(event)
        case WebSocketFrame():
            own = _frame(event)
        case WebSocketMessage():
            own = _message(event)
        case _:
            assert isinstance(event, WebSocketClose)
            own = _close(event)
    head = {"event": event.name, "packets": list(event.packets), "problems": [*map(_problem, event.problems)]}
    return {**head, "connection": event.connection, **_when(event.time, START), **own}


_BAD = (Problem("some-rule", "it is broken", 6), Problem("other", "elsewhere", 0))
_WEBSOCKET: list[Event] = [
    upgrade(),
    upgrade(host=None, key=None, version=None, accept=None, accept_expected=None),
    upgrade(status=None, outcome="unanswered", reason=""),
    upgrade(status=403, reason="No", body="why", earlier=2, proxy="a:443", origin="http://a", user_agent="b"),
    upgrade(time=None, asked=None, subprotocol="x", extensions=("a; b", "c"), offered_subprotocols=("x", "y"), problems=_BAD),
    frame_event(),
    frame_event(first=0x00, mask=-1, side=1, head=2, length=(1 << 64) - 1, problems=_BAD),
    frame_event(first=0xFB, mask=0, time=None, origin=(6, 40, 51, 6, 60, 61, 7, 40, 41)),
    message(),
    message(content=b"\x00\xff", kind="binary", origin=(6, 40, 51, 7, 40, 41, 6, 60, 61), fragments=3, frames=(1, 5)),
    message(content=None, length=None, compressed=True, time=None, problems=_BAD),
    message(content="", kind="close", code=1000),
    message(content="", kind="pong", after=Answer(3, 1_000)),
    message(content="", kind="pong", after=Answer(3, None), side=1),
    close(),
    close(by=None, transport="open", transport_by=None, silence=None, time=None, inferred=("frames", "code"), ended=False),
    close(code=1006, reason="", unfinished=("", "message"), unanswered=(3, 4), in_flight=(1, 2), problems=_BAD),
]


@pytest.mark.parametrize("index", range(len(_WEBSOCKET)))
def test_every_event_of_a_websocket_reads_back(index: int) -> None:
    event = _WEBSOCKET[index]
    found = json.loads(_line(event, START))
    if isinstance(event, WebSocketUpgrade):
        assert found.pop("http") == "1.1"
    assert found == _websocket(event)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_of_a_websocket_stay_texts(name: str) -> None:
    text = HOSTILE[name]
    both = (Header(text, text),)
    for event in (
        upgrade(path=text, host=text, key=text, origin=text, user_agent=text, version=text, reason=text, body=text, proxy=text,
                accept=text, subprotocol=text, extensions=(text,), offered_subprotocols=(text,), offered_extensions=(text,),
                request_headers=both, response_headers=both),
        message(content=text, problems=(Problem("a", text, 1),)),
        close(reason=text, inferred=(text,)),
    ):  # fmt: skip
        line = _line(event, START)
        assert "\n" not in line
        assert line.encode("utf-8")
        # Private and unassigned characters may stay, for JSON is data; nothing that a terminal obeys may.
        assert {character for character in dangerous(line) if unicodedata.category(character) != "Co"} == set()
        found = json.loads(line)
        said = found.get("text", found.get("path", found.get("reason")))
        assert said == _shown(text)
