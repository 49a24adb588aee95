"""Damaged captures: whatever the bytes, analysis ends in events, each of them one line of JSON, and both lanes agree."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from netviz.analysis import Analysis
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError
from netviz.event import (
    Anatomy,
    Event,
    Peers,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.layers.layer import Wanted
from netviz.samples import samples
from netviz.views.jsonl import JsonLines
from netviz.views.plain_websocket import plain_websocket
from tests.conftest import OTHERS
from tests.damage import mutated

_SAMPLES = {name: path for name, path in samples().items() if path.stat().st_size < 100_000}

#: Fragments and tunnels hold many more lengths that may be wrong.
_WRAPPED = sorted(path for path in (OTHERS / "tunnels").iterdir() if path.stem.startswith(("vxlan", "nested", "frag")))


def _events(data: bytes, wanted: Wanted) -> Iterator[Event]:
    analysis = Analysis(wanted=wanted)
    for batch in read_capture(io.BytesIO(data).readinto, "mutated", Metadata()):
        yield from analysis.feed(batch)
    yield from analysis.close()


def _lines(data: bytes, *, contents: bool) -> list[str]:
    lines = JsonLines()
    wanted = Wanted(contents=contents, anatomy=(None, 2) if contents else None)
    found = []
    for event in _events(data, wanted):
        list(plain_websocket(event, None))
        if isinstance(event, Peers):
            lines.meet(event)
        elif not isinstance(event, Anatomy):
            found.append(lines.line(event))
    return found


@pytest.mark.parametrize("path", [*sorted(_SAMPLES.values()), *_WRAPPED], ids=lambda path: path.name)
def test_damage_ends_in_events(path: Path) -> None:
    rng = random.Random(path.name)
    original = path.read_bytes()
    for _ in range(12):
        data = mutated(original, rng)
        try:
            told = _lines(data, contents=True)
        except NetvizError:
            continue  # it is no capture any more
        assert all(json.loads(line)["event"] for line in told)
        frames = [line for line in told if '"event": "websocket.frame"' in line]
        bare = [line for line in _lines(data, contents=False) if '"event": "websocket.frame"' in line]
        assert bare == frames


def test_the_ends_are_told_before_all_else_also_where_records_are_damaged() -> None:
    """What one side says may become certain before what the other had said earlier: here in the hellos of four connections."""
    data = _SAMPLES["wss-missing-key"].read_bytes()
    late = set()
    for place in range(5000, 5200):
        met: set[int] = set()
        for event in _events(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :], Wanted()):
            if isinstance(event, Peers):
                met.add(event.connection)
            elif isinstance(event, WebSocketUpgrade | WebSocketFrame | WebSocketMessage | WebSocketClose):
                late |= {place} if event.connection not in met else set()
    assert late == set()


@pytest.mark.parametrize("name", ["wss", "wss-tls12"])
def test_damaged_heads_of_records_come_to_an_end(name: str) -> None:
    """Each byte of the header of each record of TLS that begins a segment, a bit changed in each."""
    data = _SAMPLES[name].read_bytes()
    heads = [at for at in range(len(data) - 5) if 20 <= data[at] <= 23 and data[at + 1 : at + 3] in (b"\3\1", b"\3\3")]
    assert len(heads) > 20
    for head in heads[:40]:
        for byte in range(5):
            for bit in (0, 4, 6):
                changed = bytearray(data)
                changed[head + byte] ^= 1 << bit
                assert list(_events(bytes(changed), Wanted()))
