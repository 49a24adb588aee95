"""Two processes say what one says, and end when they should."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from netviz import ahead
from netviz.analysis import Analysis
from netviz.awaiting import acknowledged
from netviz.capture.source import open_capture
from netviz.errors import NetvizError
from netviz.event import Event
from netviz.found import Kept
from netviz.layers.layer import Wanted
from netviz.samples import samples
from netviz.tracking import Tracking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="two processes are used on Linux only")


@pytest.fixture(autouse=True)
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_LARGE", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def _alone(path: Path) -> tuple[Analysis, list[Event]]:
    analysis = Analysis()
    events = [event for batch in open_capture(path) for event in analysis.feed(batch)]
    return analysis, [*events, *analysis.close()]


@pytest.mark.parametrize("name", sorted(samples()))
def test_same_events_and_tally(name: str) -> None:
    path = samples()[name]
    assert ahead.worthwhile(open_capture(path))
    analysis = Analysis()
    done: list[float | None] = []
    events = list(analysis.run(open_capture(path), done.append))
    alone, expected = _alone(path)
    assert events == expected
    assert analysis.tally == alone.tally
    assert done[-1] == 1.0


def test_what_is_found_comes_with_the_tally_that_includes_it() -> None:
    for _, tally, found in ahead.read_ahead(open_capture(samples()["mixed"]), None, Kept()):
        assert not found or (tally.start is not None and tally.counts["packets"])


@pytest.mark.parametrize("name", sorted(samples()))
@pytest.mark.parametrize("contents", [True, False])
def test_same_websockets(name: str, contents: bool) -> None:
    wanted = Wanted(contents=contents)
    alone = Analysis(wanted=wanted)
    expected = [event for batch in open_capture(samples()[name]) for event in alone.feed(batch)]
    expected += alone.close()
    if contents:
        expected = list(acknowledged(expected))  # what is read to its end is told with its acks
    assert list(Analysis(wanted=wanted).run(open_capture(samples()[name]))) == expected


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_reader_of_frames_that_has_enough_leaves_no_process(taken: int) -> None:
    source = open_capture(samples()["mixed"])
    again = source.again()
    assert again is not None
    messages = ahead.read_together(source, again, Wanted(contents=False))
    for _ in range(taken):
        next(messages)
    messages.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_mistake_is_raised_here(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is no capture, but long enough to be looked at")
    with pytest.raises(NetvizError, match="not a capture") as raised:
        list(Analysis().run(open_capture(path)))
    assert "pcapng" in raised.value.hint


def test_a_bug_is_told_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Tracking, "feed", fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        list(Analysis().run(open_capture(samples()["handshake"])))


def test_a_reader_that_has_enough_leaves_no_process() -> None:
    events = Analysis().run(open_capture(samples()["mixed"]))
    next(events)
    events.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_small_and_streaming_sources_stay_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_LARGE", 1 << 24)
    assert not ahead.worthwhile(open_capture(samples()["mixed"]))
