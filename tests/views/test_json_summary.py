"""The summary as JSON: its keys and their types, nothing null, every text a string that no terminal obeys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netviz.capture.source import open_capture
from netviz.event import CaptureInterface, CapturePart, CaptureSummary, SessionCounts, Span
from netviz.summary import summarize
from netviz.views.jsonl import JsonLines
from tests.conftest import CAPTURES
from tests.hostile import HOSTILE, dangerous

_ALWAYS: dict[str, type | tuple[type, ...]] = {
    "event": str, "packets": list, "files": list, "parts": list, "interfaces": list, "comments": list, "packet_count": int,
    "bytes_captured": int, "bytes_on_wire": int, "packets_cut": int, "packets_without_time": int,
    "packets_out_of_order": int, "protocols": list, "connection_count": int, "outcomes": dict, "late_segments": int,
    "busiest": list, "websockets": dict, "notes": list, "problems": list,
}  # fmt: skip
_SOMETIMES: dict[str, type | tuple[type, ...]] = {
    "time": str,
    "elapsed": (int, float),
    "size": int,
    "first_time": str,
    "last_time": str,
    "duration": (int, float),
    "filter": str,
    "sessions": dict,
}


def _summary(path: Path) -> CaptureSummary:
    *_, summary = summarize(open_capture(path))
    assert isinstance(summary, CaptureSummary)
    return summary


def _line(summary: CaptureSummary) -> str:
    lines = JsonLines()
    lines.start = summary.span.start
    return lines.line(summary)


def _object(summary: CaptureSummary) -> dict[str, Any]:
    made = json.loads(_line(summary))
    assert isinstance(made, dict)
    return made


def _values(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _values(inner)


def test_keys_and_types(capture: Path) -> None:
    made = _object(_summary(capture))
    assert set(_ALWAYS) <= set(made) <= set(_ALWAYS) | set(_SOMETIMES)
    for key, value in made.items():
        assert isinstance(value, {**_ALWAYS, **_SOMETIMES}[key]), key
    assert all(value is not None for value in _values(made))


def test_times() -> None:
    span = Span(2_000_000_000, 1_000_000_000, 4_500_000_001)
    made = _object(replace(_summary(CAPTURES["refused"]), span=span, time=span.latest))
    assert (made["first_time"], made["last_time"]) == ("1970-01-01T00:00:01.000000000Z", "1970-01-01T00:00:04.500000001Z")
    assert (made["time"], made["elapsed"], made["duration"]) == (made["last_time"], 2.500000001, 3.500000001)


def test_without_times() -> None:
    made = _object(replace(_summary(CAPTURES["refused"]), span=Span(untimed=2), time=None, size=0))
    assert not {"time", "elapsed", "first_time", "last_time", "duration", "size"} & set(made)
    assert made["packets_without_time"] == 2


def test_values() -> None:
    made = _object(_summary(CAPTURES["mixed"]))
    assert (made["packet_count"], made["connection_count"]) == (1127, 52)
    assert made["outcomes"] == {"established": 50, "refused": 2}
    dns = {"protocol": "DNS", "under": "UDP", "packets": 10, "bytes": 826, "packet": 142, "known_by": "port"}
    assert dns in made["protocols"]
    assert made["websockets"]["count"] == made["websockets"]["accepted"] == 18
    assert made["problems"][0] == {
        "kind": "connection-refused", "text": "an RST answered the SYN", "packet": 5, "of": "tcp", "count": 2, "connection": 0,
    }  # fmt: skip
    assert [note["kind"] for note in made["notes"]] == ["tls"]
    busiest = made["busiest"][0]
    assert (busiest["connection"], busiest["application"], busiest["closing"]) == (42, "tls", "fin")
    assert set(busiest["traffic"]) == {"client", "server"}


def test_traffic_has_the_keys_of_a_connection() -> None:
    summary = _summary(CAPTURES["mixed"])
    (told,) = [busy for busy in _object(summary)["busiest"] if busy["connection"] == 42]
    (event,) = [event for event in summary.busiest if event.connection == 42]
    assert told["traffic"] == json.loads(JsonLines().line(event))["traffic"]
    client, server = event.traffic
    copied = replace(event, traffic=(client, server._replace(copies=3)))
    told = _object(replace(summary, busiest=(copied,)))["busiest"][0]
    assert told["traffic"] == json.loads(JsonLines().line(copied))["traffic"]
    assert told["traffic"]["server"]["copies"] == 3


def test_a_filter_and_what_a_file_is_packed_with() -> None:
    part = CapturePart("a", "pcap", (2, 4), "little", packed="lz4", unpacked=7)
    made = _object(replace(_summary(CAPTURES["refused"]), matching="tcp", parts=(part, part._replace(packed="", unpacked=0))))
    assert made["filter"] == "tcp"
    assert (made["parts"][0]["packed"], made["parts"][0]["unpacked"]) == ("lz4", 7)
    assert not {"packed", "unpacked"} & set(made["parts"][1])


def test_what_was_not_counted_is_left_out() -> None:
    summary = _summary(CAPTURES["websocket"])
    told = _object(replace(summary, sessions=SessionCounts(3, 2, 1, 0, 1, 1, 7, (0, 4), 4)))["sessions"]
    assert told == {"count": 3, "socketio": 2, "moved": 1, "polling": 0, "websocket": 1, "refused": 1, "events": 7,
                    "connections": [0, 4], "troubled": 4}  # fmt: skip
    assert "sessions" not in _object(summary)
    bare = replace(summary, websockets=summary.websockets._replace(whole=False))
    assert _object(bare)["websockets"] == {"count": 1, "connections": [0], "whole": False}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_texts_are_escaped(text: str) -> None:
    made = replace(
        _summary(CAPTURES["refused"]),
        files=(text,),
        parts=(CapturePart(text, "pcapng", (1, 0), "little", text, text, text),),
        interfaces=(CaptureInterface(text, text, text, 1, "Ethernet", 96, "µs", 1),),
        comments=(text,),
        matching=text,
    )
    line = _line(made)
    assert not (dangerous(line) - {"\ue000", "\U000f0000"})
    assert "\n" not in line
    line.encode()
    assert len(json.loads(line)["comments"]) == 1
