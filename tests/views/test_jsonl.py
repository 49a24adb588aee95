"""Machine output: what is formatted by hand is what the json module would read back, whatever the texts."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import netviz
from netviz.event import (
    SIDES,
    Answer,
    CaptureProblem,
    Event,
    FrameBlock,
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
from netviz.native import native
from netviz.views import jsonl
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


#: Packets of frames that lie in several, by their place.
_SEVERAL: dict[int, tuple[int, ...]] = {0: (9, 12, 12), 1: (10, 11), 2: (11, 1 << 40), 5: tuple(range(14, 400))}


def _block(times: list[int], packets: dict[int, tuple[int, ...]] = _SEVERAL) -> FrameBlock:
    """A frame at each of these times, every third of a client; some of them in several packets, by their place."""
    count = len(times)
    place = np.arange(count)
    mask = np.where(place % 3, -1, place * 7919)
    columns = (place % 5, place + 1, place + 9, place, place, np.array(times, np.int64), (place % 3 > 0) + 0, 0x81 + place % 2,
               mask, place % 14, place * 300, place)  # fmt: skip
    broken: dict[int, tuple[Problem, ...]] = {1: (Problem("mask-missing", "no mask", 4),)} if count > 1 else {}
    several = [
        (place, packet, 4, 5) for place, some in packets.items() if place < count for packet in some
    ]  # fmt: skip
    return FrameBlock(columns=columns, several=np.array(several, np.int64).reshape(-1, 4), broken=broken)


def _all_ways(block: FrameBlock, start: int, together: int) -> list[str]:
    """The lines of a block, which are the same without C, and one by one."""
    lines = JsonLines()
    lines.start = start
    written = []
    for loop in (native, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonl, "native", loop)
            patch.setattr(jsonl, "_TOGETHER", together)
            written.append(b"".join(lines.block(block)).decode().splitlines())
    assert written[0] == written[1] == [lines.line(frame) for frame in block.frames()]
    return written[0]


@pytest.mark.parametrize("together", [1, 2, 3, 4096])
@given(start=st.integers(-(1 << 52), 1 << 52), times=st.lists(st.integers(0, 10**13) | st.integers(0, 10**6), max_size=6))
@example(start=0, times=[0, 1, 10, 99_999, 100_000, 100_001, 123_450_000, 10**9, 10**9 + 1, 10**10, 9_999_999_999_999])
@example(start=-(10**15) + 5, times=[0, 4, 5, 6])
@example(start=1, times=[0, 1, 2])
def test_a_block_is_written_as_its_frames_are(together: int, start: int, times: list[int]) -> None:
    _all_ways(_block(times), start, together)


@pytest.mark.parametrize("together", [1, 2, 3, 4096])
@given(
    packets=st.dictionaries(
        st.integers(0, 5),
        st.lists(st.integers(1, 5) | st.sampled_from([1 << 40, (1 << 63) - 1]), min_size=2, max_size=9).map(tuple),
    )
)
@example(packets={0: (3, 3)})
@example(packets={0: (3, 3, 3, 4, 4), 1: (4, 4), 2: (4, 5), 5: (6, 6)})
@example(packets={0: (5, 4), 2: (4, 5, 4), 3: (4, 5, 5, 4, 6, 4)})
@example(packets={4: (9, 3, 9, 3, 12, 9, 1, 12, 12, 1)})
@example(packets={3: (1, 2, 3, 2, 3, 4, 1)})
@example(packets={0: (2, 1, 2), 5: tuple(range(400, 14, -1)) * 2})
def test_packets_that_come_again(together: int, packets: dict[int, tuple[int, ...]]) -> None:
    """Each is told once, where it came first, whether they ascend or not; none by the frame behind it."""
    packets = dict(sorted(packets.items()))
    told = [json.loads(line)["packets"] for line in _all_ways(_block([5] * 6, packets), 0, together)]
    assert told == [list(dict.fromkeys(packets.get(place, (place + 9,)))) for place in range(6)]


def test_very_many_packets_in_no_order() -> None:
    """A frame may lie in as many packets as it has bytes; each of them is not searched for among all the others."""
    down = tuple(range(130_000, 0, -1))
    line = _all_ways(_block([5], {0: down}), 0, 4096)[0]
    assert json.loads(line)["packets"] == list(down)


_in_c = pytest.mark.skipif(native is None, reason="built without C")
_EXACT, _LONG = 1 << 52, (1 << 63) - 1

#: Times in ns where something changes: days that leap years have or have not, ends of years, and of what 64 bits hold.
_EDGES = [
    *(
        int(datetime(*day, tzinfo=UTC).timestamp()) * _SECOND + more
        for day in (
            (1970, 1, 1), (1970, 3, 1), (1972, 2, 29), (1999, 12, 31), (2000, 1, 1), (2000, 2, 28), (2000, 2, 29), (2000, 3, 1),
            (2001, 2, 28), (2001, 3, 1), (2024, 2, 29), (2024, 12, 31), (2038, 1, 19), (2100, 2, 28), (2100, 3, 1),
            (2100, 12, 31), (2101, 1, 1), (2200, 2, 28), (2200, 3, 1), (2262, 4, 11),
        )
        for more in (0, 1, 999_999_999, 86_399 * _SECOND + 999_999_999)
    ),
    _LONG - 1, _LONG, _LONG + 1, 1 << 64, 1 << 80, -1, -2, -_LONG, -_LONG - 1, -_LONG - 2, -(1 << 80),
]  # fmt: skip
_times = st.sampled_from(_EDGES) | st.integers(0, _LONG) | st.integers(-(1 << 66), 1 << 66)
#: How far apart two times are: a round trip, a day, about as much as a double holds, anything.
_apart = (
    st.integers(-200_000, 200_000) | st.integers(-(10**14), 10**14) | st.integers(-(10**15) - 9, -(10**15) + 9)
    | st.integers(10**15 - 9, 10**15 + 9) | st.integers(-_EXACT - 9, -_EXACT + 9) | st.integers(_EXACT - 9, _EXACT + 9)
    | st.integers(-_LONG, _LONG)
)  # fmt: skip


def _written(time: int, start: int) -> str:
    """The keys of a time that has a place in the calendar."""
    second, nanosecond = divmod(time, _SECOND)
    stamp = (datetime(1970, 1, 1) + timedelta(seconds=second)).isoformat()
    return f', "time": "{stamp}.{nanosecond:09d}Z", "elapsed": {(time - start) / _SECOND!r}'


def _in_python(time: int, start: int) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "native", None)
        return jsonl.moment(time, start)


def test_every_edge_of_the_calendar() -> None:
    for time in _EDGES:
        if 0 <= time <= _LONG:
            assert jsonl.moment(time, time - 5) == _in_python(time, time - 5) == _written(time, time - 5)


@settings(max_examples=500)
@given(time=_times, apart=_apart)
def test_times_in_c_and_in_python(time: int, apart: int) -> None:
    start = time - apart
    told = jsonl.moment(time, start)
    assert told == _in_python(time, start)
    if 0 <= time <= _LONG:
        assert told == _written(time, start)
    if native is not None:
        exact = 0 <= time <= _LONG and 0 <= start <= _LONG and abs(apart) <= _EXACT
        assert native.moment(time, start) == (told if exact else None)


def test_a_time_without_a_start_and_none_at_all() -> None:
    assert jsonl.moment(None, 5) == jsonl.moment(None, None) == ""
    assert jsonl.moment(5, None) == ', "time": "1970-01-01T00:00:00.000000005Z", "elapsed": 0.0'


@settings(max_examples=500)
@given(duration=_apart | _times)
@example(duration=0)
@example(duration=99_999)
@example(duration=100_000)
@example(duration=10**15 - 1)
@example(duration=10**15)
@example(duration=_EXACT)
@example(duration=_EXACT + 1)
@example(duration=-_EXACT)
@example(duration=-_EXACT - 1)
def test_durations_in_c_and_in_python(duration: int) -> None:
    expected = repr(duration / _SECOND)
    assert jsonl._seconds(duration) == expected
    if native is not None:
        assert native.seconds(duration) == (expected if abs(duration) <= _EXACT else None)


@_in_c
@pytest.mark.parametrize(
    "given", [(), (1,), (1, 2, 3), (None, 1), (1, None), ("1", 1), (1, "1"), (1.0, 1), (1, b"1"), ([], [])]
)
def test_a_moment_is_two_whole_numbers(given: tuple[Any, ...]) -> None:
    assert native is not None
    with pytest.raises(TypeError):
        native.moment(*given)
    with pytest.raises(TypeError):
        native.moment(*given, start=1)


@_in_c
@pytest.mark.parametrize("given", [(), (1, 2), (None,), ("1",), (1.0,), (b"1",), ([],)])
def test_a_duration_is_a_whole_number(given: tuple[Any, ...]) -> None:
    assert native is not None
    with pytest.raises(TypeError):
        native.seconds(*given)


def _lines(**changes: Any) -> tuple[Any, ...]:
    """Two frames at the same time, of which the first lies in two packets."""
    usual: dict[str, Any] = {
        "columns": tuple(np.array((value, value), np.int64) for value in (1, 2, 3, 4, 5, 6, 0, 0x81, -1, 2, 7)), "from": 0,
        "to": 2, "start": 0, "base": 0, "seconds": (b"then",), "heads": (b"head",) * 1024,
        "slices": np.array(((0, 8, 1, 2), (0, 9, 1, 2)), np.int64),
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _packets(text: bytes) -> list[bytes]:
    return [line.partition(b'"packets": [')[2].partition(b"]")[0] for line in text.splitlines()]


@_in_c
@pytest.mark.parametrize(("slices", "packets"), [
    (_lines()[-1], [b"8, 9", b"3"]), (_lines()[-1][:1], [b"8", b"3"]), (b"", [b"3", b"3"]), (bytes(31), [b"3", b"3"]),
    (_lines()[-1].tobytes()[:-1], [b"8", b"3"]), (np.array(((1, 8, 1, 2), (1, 8, 5, 9)), np.int64), [b"3", b"8"]),
    (np.array(((2, 8, 1, 2), (1, 9, 1, 2)), np.int64), [b"3", b"3"]), (np.array(((-1, 8, 1, 2),), np.int64), [b"3", b"3"]),
    (np.array(((0, 9, 1, 2), (1, 8, 1, 2), (1, 9, 0, 1)), np.int64), [b"9", b"8, 9"]),
])  # fmt: skip
def test_slices_that_are_given(slices: Any, packets: list[bytes]) -> None:
    """Those of other frames are none of these."""
    assert native is not None
    assert _packets(native.lines(*_lines(slices=slices))) == packets


@_in_c
def test_packets_as_wide_as_they_can_be() -> None:
    """There is room for them: a number below nothing is written as if it were none."""
    assert native is not None
    slices = np.array([(place, -1 - at, 0, 0) for place in (0, 1) for at in range(5000)], np.int64)
    wide = b", ".join(b"%d" % ((1 << 64) - 1 - at) for at in range(5000))
    assert _packets(native.lines(*_lines(slices=slices))) == [wide, wide]


@_in_c
@pytest.mark.parametrize(("given", "error"), [
    ((), TypeError), (_lines()[:-1], TypeError), ((*_lines(), 1), TypeError), (_lines(slices=None), TypeError),
    (_lines(slices={0: b"8"}), TypeError), (_lines(slices="x" * 32), TypeError), (_lines(slices=[(0, 8, 1, 2)]), TypeError),
    (_lines(slices=np.zeros((4, 8), np.int64)[:, ::2]), ValueError), (_lines(slices=memoryview(bytes(64))[::2]), BufferError),
    (_lines(columns=()), ValueError), (_lines(columns=_lines()[0][:-1]), ValueError), (_lines(to=3), ValueError),
    (_lines(**{"from": -1}), ValueError), (_lines(**{"from": 3}), ValueError), (_lines(columns=list(_lines()[0])), TypeError),
    (_lines(columns=(None,) * 11), TypeError), (_lines(seconds=()), ValueError), (_lines(base=7), ValueError),
    (_lines(seconds=("then",)), ValueError), (_lines(seconds=(b"x" * 33,)), ValueError), (_lines(heads=()), ValueError),
    (_lines(heads=("head",) * 1024), ValueError), (_lines(heads=(b"x" * 257,) * 1024), ValueError),
])  # fmt: skip
def test_frames_that_c_does_not_write(given: tuple[Any, ...], error: type[Exception]) -> None:
    assert native is not None
    with pytest.raises(error):
        native.lines(*given)


@_in_c
def test_slices_are_let_go() -> None:
    assert native is not None
    for changes in ({}, {"to": 3}, {"seconds": ()}):
        slices = bytearray(_lines()[-1].tobytes())
        with contextlib.suppress(ValueError):
            native.lines(*_lines(slices=slices, **changes))
        slices.append(0)  # raises where somebody still holds it
