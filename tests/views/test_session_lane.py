"""The lane of a session: its way from polling to WebSocket, or how far it came."""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text

from netviz.views.session_lane import flow, lane_lines, letters, short
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.sessions import CLIENT, Played
from tests.talk import upgrade
from tests.views.test_session_failure import answer


def _lane(told: Played, width: int = 200, letter: str = "A") -> str:
    (line,) = lines_of([lane_lines(told.trace, letter, [told.trace], [letter], width)])
    return line


def _polling(**changes: Any) -> Played:
    return Played(transport="polling").session(**changes)


@pytest.mark.parametrize(
    ("told", "way"),
    [
        (Played(), "websocket from the start"),
        (Played(beat=None), "websocket"),
        (_polling().upgrade(5, 1.2), "polling ──probe 1.2 ms──▶ websocket"),
        (_polling().upgrade(5).session(upgraded=False), "polling ──probe 1.2 ms──▶ websocket"),
        (_polling(), "polling only (websocket offered)"),
        (Played(transport="polling", beat=None), "polling only"),
        (_polling(attempts=(upgrade(status=400),)), "polling ──upgrade: 400──✗"),
        (_polling(attempts=(upgrade(status=None, outcome="unanswered"),)), "polling ──upgrade: no answer──✗"),
        (_polling().engine(5, CLIENT, "ping", "probe"), "polling ──probe, no answer──✗"),
        (
            _polling().engine(5, CLIENT, "ping", "probe").engine(6, 1, "pong", "probe", 1),
            "polling ──probe, then no upgrade──✗",
        ),
    ],
)
def test_ways(told: Played, way: str) -> None:
    assert _lane(told).endswith(f"EIO 4  {way}")


@pytest.mark.parametrize(
    ("changes", "way"),
    [
        ({"refusals": (answer(400),), "polls": 1}, "polling ──400──✗"),
        ({"refusals": (answer(None),), "polls": 1}, "polling ──no answer──✗"),
        ({"attempts": (upgrade(status=403),), "transports": ()}, "websocket ──403──✗"),
        ({"attempts": (upgrade(),), "transports": ()}, "websocket, which carried no packet"),
    ],
)
def test_sessions_that_never_were(changes: dict[str, Any], way: str) -> None:
    told = _polling(polls=0, sid=None, version=None)
    told.trace.engine[:] = [0, 0]
    told.session(**changes)
    assert _lane(told).endswith(f"sid unknown  EIO unknown  {way}")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["/"], "/ joined"),
        (["/", "/a"], "/ and /a joined"),
        (["/", "/a", "/b"], "/, /a and /b joined"),
        ([f"/{name}" for name in "abcdefgh"], "/a, /b, /c, /d, /e, /f and 2 more joined"),
        (["/" + "x" * 60], f"/{'x' * 38}… joined"),
    ],
)
def test_namespaces(names: list[str], said: str) -> None:
    told = Played()
    for at, name in enumerate(names):
        told.connect(1 + at, name)
    assert _lane(told).endswith(f"  {said}")


def test_no_namespace_is_joined_by_asking() -> None:
    assert "joined" not in _lane(Played().refuse(1, "/x", "no"))


def test_neighbours() -> None:
    first, second = Played(0), Played(1).session(again=0, hop=7, path="/chat/")
    line = lane_lines(second.trace, "B", [first.trace, second.trace], ["A", "B"], 200).plain
    assert line.endswith("another hop of session 7 (inferred)  seems to come back after A (inferred)  at /chat/")


def test_alone() -> None:
    assert _lane(Played(), letter="").startswith(" 127.0.0.1:49242  sid R0m27f…  EIO 4")
    assert _lane(Played().session(client=None)).startswith(" A  unknown client")


def test_letters() -> None:
    assert letters(1) == [""]
    assert letters(26)[-1] == "Z"
    assert letters(27) == [str(number) for number in range(1, 28)]


@pytest.mark.parametrize(("sid", "said"), [("abc", "abc"), ("1234567", "1234567"), ("12345678", "123456…")])
def test_short(sid: str, said: str) -> None:
    assert short(sid) == said


def test_flow_keeps_parts_whole() -> None:
    parts = [Text("one two"), Text("three four"), Text("five")]
    assert lines_of([flow(parts, 21, 4)]) == ["one two  three four", "    five"]
    assert lines_of([flow(parts, 12, 4)]) == ["one two", "    three", "    four", "    five"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str, width: int) -> None:
    told = Played().session(sid=text, path=text).connect(1, text).connect(2, "/b")
    lines = lines_of([lane_lines(told.trace, "A", [told.trace], ["A"], width)])
    assert not dangerous("".join(lines))
    assert wider(lines, width) == []
