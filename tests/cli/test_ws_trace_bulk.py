"""``netviz ws-trace`` of a large capture, which two processes read and of which messages come many at once: as one by one."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import netviz.layers.layer
from netviz import ahead
from netviz.analysis import Analysis
from netviz.capture import records
from netviz.capture.source import open_capture
from netviz.cli import ws_trace_screen
from netviz.cli.trace_selection import TraceSelection
from netviz.event import Event, MessageBlock, Peers
from netviz.found import Found
from netviz.keylog import KeyLog
from netviz.layers.layer import Wanted
from netviz.views.jsonl import JsonLines
from tests.bulk import UP, Speaker
from tests.frames import BINARY, PING, PONG, TEXT, frame
from tests.hostile import HOSTILE
from tests.polling import JOINED, OPEN, switch
from tests.run import ROOT, Run, environment, inside
from tests.talk import Line, c, s, talk
from tests.wire import SERVER, Wire, pcap, weave

needs_processes = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="two processes are used on Linux, on two cores"
)

#: What makes a capture large without taking long: datagrams that nobody reads.
_FILLING = b"\x45\x00\xea\x60\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x01\x00\x01\x0a\x01\x00\x02" + bytes(60_000 - 20)
_FILLED = (17 << 20) // len(_FILLING)


class _Large(NamedTuple):
    """A capture, and the key log for it."""

    path: Path
    keys: Path

    @property
    def words(self) -> list[str]:
        return [str(self.path), "--keylog", str(self.keys)]


def _lines(number: int) -> list[Line]:
    """What is said in a connection."""
    hostile = [text.encode("utf-8", "replace").decode() for text in HOSTILE.values()]
    many = [
        (SERVER, b"".join(frame(TEXT, f"n{number}.{at} grüße") for at in range(begin, begin + 40))) for begin in (0, 40, 80)
    ]
    match number % 5:
        case 0:
            said = [*many, c(PING, "p"), s(PONG, "p"), *[c(BINARY, bytes(range(at))) for at in range(60)]]
        case 1:
            said = [*many, *[s(TEXT, text) for text in hostile], c(TEXT, b"\xff"), *many]
        case 2:
            said = [*[c(TEXT, "温度" * at) for at in range(50)], s(TEXT, "frag", fin=False), s(0, "ment"), *many]
        case 3:
            return [*switch(None), s(TEXT, OPEN.decode()), c(TEXT, "40"), s(TEXT, JOINED.decode()), *[
                c(TEXT, '421["sum",1,2]'), s(TEXT, "431[3]")] * 10]  # fmt: skip
        case _:
            said = [c(TEXT, "tock")] * 20
    return [*UP, *[s(TEXT, "tick")] * 100, *said, *([c(8, b"\x03\xe8bye"), s(8, b"\x03\xe8bye")] if number % 2 else [])]


@pytest.fixture(scope="module", params=[0, 1], ids=["plain", "wss"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Large:
    """Connections of both processes among what makes the capture large."""
    made = _Large(tmp_path_factory.mktemp("large") / "large.pcap", tmp_path_factory.mktemp("keys") / "keys")
    speaker = Speaker(made.keys)
    filling = Wire()
    wires = []
    for number in range(14):
        wires.append(Wire(("10.0.1.1", 40000 + number), ("10.0.2.2", 443 if request.param else 80)))
        speaker.talk(_lines(number), tls=request.param, wire=wires[-1], end=number % 3 > 0)
    for _ in range(_FILLED):
        filling.raw(_FILLING)
    # Sessions are over in the first Batch; what sends a connection to its layer comes in the last.
    order = [*range(14)] * 45, [14] * (_FILLED // 2), [*range(14)] * 40, [14] * _FILLED, [*range(14)] * 400
    made.path.write_bytes(pcap(weave([*wires, filling], itertools.chain(*order))))
    assert made.path.stat().st_size > ahead._LARGE
    return made


def _run(large: _Large, *words: str, **more: str) -> tuple[int, bytes, bytes]:
    """What netviz prints in a process of its own, in bytes."""
    command = [sys.executable, "-m", "netviz", "ws-trace", *large.words, *words]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment(100, **more), check=False)
    return done.returncode, done.stdout, done.stderr


def _library(large: _Large, *only: str) -> str:
    """What the library tells one by one, as lines."""
    analysis, lines, chosen = Analysis(wanted=Wanted(keys=KeyLog(str(large.keys)))), JsonLines(), TraceSelection(only=only)
    out = []
    for event in analysis.run(open_capture(large.path)):
        lines.start = analysis.start
        if isinstance(event, Peers):
            lines.meet(event)
        elif chosen.passes(event):
            out.append(lines.line(event) + "\n")
    return "".join(out)


_NAMES: list[tuple[str, ...]] = [
    (), ("websocket.message",), ("websocket.frame", "websocket.close"), ("websocket",), ("websocket.upgrade", "socketio"),
]  # fmt: skip


@needs_processes
@pytest.mark.parametrize("names", _NAMES, ids=",".join)
def test_json_is_what_the_library_tells(names: tuple[str, ...], large: _Large) -> None:
    only = ["--only", ",".join(names)] if names else []
    expected = _library(large, *names)
    assert expected.count("\n") > (50 if "socketio" in names else 2000)
    assert _run(large, "--json", *only) == (0, expected.encode(), b"")


@needs_processes
@pytest.mark.parametrize(("encoding", "errors"), [
    ("latin-1", ""), ("ascii", ""), ("UTF8", ""), ("utf-16-le", ""), ("latin-1", ":backslashreplace"),
])  # fmt: skip
@pytest.mark.parametrize("large", [0], indirect=True, ids=["plain"])
def test_json_in_any_encoding(encoding: str, errors: str, large: _Large) -> None:
    status, out, err = _run(large, "--json", PYTHONIOENCODING=encoding + errors)
    assert (status, err) == (0, b"")
    if errors:
        assert out == _library(large).encode(encoding, "backslashreplace")
    else:
        assert list(map(json.loads, out.decode(encoding).splitlines())) == list(map(json.loads, _library(large).splitlines()))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Turns off that messages come many at once."""
    return lambda: monkeypatch.setattr(netviz.layers.layer, "Wanted", lambda **how: Wanted(**{**how, "bulk": False}))


#: How a screen is asked for.
_SCREENS = [
    [], ["--plain"], ["--frames"], ["--stats"], ["--explain"], ["--raw"], ["--full"], ["--api"], ["--connection", "4"],
    ["--port", "80"], ["--host", "10.0.1.1"], ["--grep", "grüße"], ["--kind", "binary"], ["--problems"], ["--check"],
    ["--ascii"], ["--json", "--connection", "4"], ["--json", "--grep", "n0.1"], ["--json", "--kind", "ping"],
    ["--json", "--problems"], ["--json", "--only", "websocket.message", "--connection", "7"],
    ["--json", "--max-message", "100"],
]  # fmt: skip


@needs_processes
@pytest.mark.parametrize("words", _SCREENS, ids=" ".join)
def test_screens_are_those_of_messages_one_by_one(words: list[str], large: _Large, alone: Callable[[], None]) -> None:
    many = inside("ws-trace", *large.words, *words)
    alone()
    assert inside("ws-trace", *large.words, *words) == many
    assert many.status == (1 if "--check" in words else 0)
    assert many.out


def test_a_screen_of_a_process_of_its_own(large: _Large) -> None:
    status, out, err = _run(large)
    assert (status, out.decode(), err) == inside("ws-trace", *large.words, columns=100)._replace(err=b"")  # type: ignore[arg-type]
    assert "14 WebSockets" in out.decode()


@needs_processes
@pytest.mark.parametrize("words", [["--json"], [], ["--json", "--only", "websocket.message"]], ids=" ".join)
def test_messages_come_many_at_once_and_of_both_processes(
    words: list[str], large: _Large, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing here would be tested."""
    seen: Counter[int] = Counter()
    together = 0
    told, read = Analysis._told, ahead.read_together

    def counted(analysis: Analysis, found: list[Found]) -> Iterator[Event]:
        for event in told(analysis, found):
            if isinstance(event, MessageBlock):
                seen.update(event.frames.columns[0].tolist())
            yield event

    def noted(*how: Any) -> Iterator[ahead.Message]:
        nonlocal together
        together += 1
        return read(*how)

    monkeypatch.setattr(Analysis, "_told", counted)
    monkeypatch.setattr("netviz.analysis.read_together", noted)
    assert inside("ws-trace", *large.words, *words).status == 0
    assert together == 1
    assert set(seen) == {number for number in range(14) if number % 5 != 3}
    assert sum(seen.values()) > 900


# More rows than are held back


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One WebSocket, three at the same time, and two one after the other."""
    sizes = (60, 60, 30)
    wires = [
        talk([s(TEXT, f"{name}{at}") for at in range(size)], Wire((f"10.0.0.{at}", 40000 + at), ("10.0.0.9", 80 + at)))
        for at, (name, size) in enumerate(zip("mno", sizes, strict=True))
    ]
    made = {"one": wires[0].packets, "three": weave(wires, [0, 1, 2] * 100), "two": weave(wires[:2], [0] * 200)}
    directory = tmp_path_factory.mktemp("rows")
    for name, packets in made.items():
        (directory / name).write_bytes(pcap(packets))
    return {name: str(directory / name) for name in made}


@pytest.mark.parametrize("name", ["one", "three", "two"])
@pytest.mark.parametrize("words", [[], ["--connection", "1"], ["--explain"], ["--grep", "5"]], ids=" ".join)
def test_rows_that_are_held_back_up_to_a_number(
    name: str, words: list[str], rows: dict[str, str], alone: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever that number is among those that come together."""
    if name == "one" and "--connection" in words:
        words = ["--connection", "0"]

    def told(chunk: int) -> list[Run]:
        found = []
        for held in (0, 20, 40, 59, 60, 61, 119, 150):
            with monkeypatch.context() as patch:
                patch.setattr(ws_trace_screen, "_HELD", held)
                patch.setattr(records, "_CHUNK", chunk)
                found.append(inside("ws-trace", rows[name], *words))
        return found

    together = [told(chunk) for chunk in (900, 3000, 1 << 20)]
    alone()
    expected = told(1 << 20)
    assert together == [expected] * 3
    assert len(set(expected)) > 1 or name == "three"  # of many rows of several only the number is shown
