"""Two processes say what one says, and end when they should."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netviz import ahead
from netviz.analysis import Analysis
from netviz.awaiting import acknowledged
from netviz.capture.batch import Batch
from netviz.capture.source import open_capture
from netviz.conveyor import Conveyor
from netviz.errors import NetvizError
from netviz.event import Event, FrameBlock
from netviz.found import Found, Kept
from netviz.layers.layer import Wanted
from netviz.samples import samples
from netviz.tracking import Tracking
from tests.bulk import flat
from tests.damage import Memory

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
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(contents=False), Wanted(bulk=True)])
@pytest.mark.parametrize("blocks", [True, False])
def test_same_websockets(name: str, wanted: Wanted, blocks: bool) -> None:
    alone = Analysis(wanted=replace(wanted, bulk=False))
    expected = [event for batch in open_capture(samples()[name]) for event in alone.feed(batch)]
    expected += alone.close()
    if wanted.contents:
        expected = list(acknowledged(expected))  # what is read to its end is told with its acks
    told = list(Analysis(wanted=wanted, blocks=blocks).run(open_capture(samples()[name])))
    assert [
        frame for event in flat(told) for frame in (event.frames() if isinstance(event, FrameBlock) else [event])
    ] == expected


@pytest.mark.parametrize("wanted", [Wanted(contents=False), Wanted(bulk=True)])
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_who_reads_together_and_has_enough_leaves_no_process(taken: int, wanted: Wanted) -> None:
    source = open_capture(samples()["mixed"])
    again = source.again()
    assert again is not None
    messages = ahead.read_together(source, again, wanted)
    for _ in range(taken):
        next(messages)
    messages.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


_WANTED = [None, Wanted(), Wanted(contents=False), Wanted(bulk=True)]


@pytest.mark.parametrize("wanted", _WANTED)
def test_a_mistake_is_raised_here(wanted: Wanted | None, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("this is no capture, but long enough to be looked at")
    with pytest.raises(NetvizError, match="not a capture") as raised:
        list(Analysis(wanted=wanted).run(open_capture(path)))
    assert "pcapng" in raised.value.hint


class _Late(Memory):
    """A Source of which it turns out late that it is none."""

    def __iter__(self) -> Iterator[Batch]:
        time.sleep(0.2)
        raise NetvizError("late")


@pytest.mark.parametrize("wanted", [Wanted(contents=False), Wanted(bulk=True)])
def test_the_other_process_never_comes_back(wanted: Wanted, tmp_path: Path) -> None:
    """Not even where it finds the same mistake as this one, which then listens no more."""
    ours, back = os.getpid(), tmp_path / "back"
    try:
        with pytest.raises(NetvizError, match="not a capture"):
            list(ahead.read_together(Memory(b"this is no capture"), _Late(b""), wanted))
    finally:
        if os.getpid() != ours:
            back.touch()
            os._exit(1)
    assert not back.exists()


@pytest.mark.parametrize("wanted", _WANTED)
def test_a_bug_is_told_with_its_traceback(wanted: Wanted | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the other process: it is here that somebody reads of it."""
    ours, feed = os.getpid(), Tracking.feed

    def fail(tracking: Tracking, batch: Batch) -> list[Found]:
        if os.getpid() != ours:
            raise ZeroDivisionError("on purpose")
        return feed(tracking, batch)

    monkeypatch.setattr(Tracking, "feed", fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        list(Analysis(wanted=wanted).run(open_capture(samples()["handshake"])))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.mark.parametrize("wanted", _WANTED)
@pytest.mark.parametrize("word", [True, False])
def test_a_process_that_dies_is_told(wanted: Wanted | None, word: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it said anything, or within a message."""
    ours, feed = os.getpid(), Tracking.feed

    def die(tracking: Tracking, batch: Batch) -> list[Found]:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return feed(tracking, batch)

    def half(conveyor: Conveyor, message: tuple[object, ...]) -> None:
        os.write(conveyor._mine[0], bytes(7) + b"\x09\xff")
        os.kill(os.getpid(), signal.SIGKILL)

    if word:
        monkeypatch.setattr(Conveyor, "send", half)
    else:
        monkeypatch.setattr(Tracking, "feed", die)
    with pytest.raises(RuntimeError, match="without a word"):
        list(Analysis(wanted=wanted).run(open_capture(samples()["handshake"])))


def test_a_reader_that_has_enough_leaves_no_process() -> None:
    events = Analysis().run(open_capture(samples()["mixed"]))
    next(events)
    events.close()  # type: ignore[attr-defined]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_small_and_streaming_sources_stay_in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_LARGE", 1 << 24)
    assert not ahead.worthwhile(open_capture(samples()["mixed"]))
