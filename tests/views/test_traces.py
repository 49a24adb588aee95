"""The overview of WebSockets: a line for each, two where it is narrow."""

from __future__ import annotations

import pytest

from netviz.event import Endpoint, Problem, Totals
from netviz.verdicts.websocket import Trace
from netviz.views.traces import header, row, widths
from tests.hostile import HOSTILE, dangerous, wider
from tests.talk import SECOND, close, trace, upgrade
from tests.wire import START

_SIX = Endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 40000), Endpoint("2001:db8:1111:2222:3333:4444:5555:7777", 80)


def _row(found: Trace, width: int = 120) -> list[str]:
    return row(found, width, widths([found])).plain.split("\n")


@pytest.mark.parametrize("width", [110, 120, 200])
def test_columns_stand_below_their_names(width: int) -> None:
    found = trace(upgrade(path="/chat"), close(totals=(Totals(messages=12), Totals(messages=3456))))
    names, (line,) = header(width, widths([found])).plain, _row(found, width)
    assert line.index("CLOSED 1000") == names.index("verdict")
    assert line.index("/chat") == names.index("path")
    assert line.index("12 ▶ ◀ 3,456") == names.index("messages")
    assert line.index("10.0.0.2:80") == names.index("server")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (trace(upgrade(), close(time=START + SECOND, began=START)), "1 ▶ ◀ 0 · 1.000 s"),
        (trace(upgrade(), close(totals=(Totals(messages=1, wire=5, content=9), Totals()))), "compressed"),
        (trace(upgrade(), close(unanswered=(1,))), "1 ping unanswered"),
        (trace(upgrade(), close(), problems=2), "2 problems"),
        (trace(), "(no upgrade captured)"),
        (trace(upgrade(status=404, reason="Not Found")), "Not Found"),
        (trace(upgrade(path="/" + "x" * 60)), "x…"),
    ],
)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_what_is_said(found: Trace, said: str, width: int) -> None:
    if said == "x…" and width < 110:
        pytest.skip("a narrow screen has a line for it")
    text = " ".join(" ".join(_row(found, width)).split())
    assert said in text


def test_not_compressed() -> None:
    assert "compressed" not in _row(trace(upgrade(), close(totals=(Totals(wire=5, content=5), Totals()))))[0]


@pytest.mark.parametrize("width", [60, 80, 109, 110, 120, 200])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name: str, width: int) -> None:
    text = HOSTILE[name]
    for found in (
        trace(upgrade(path=text), close(reason=text)),
        trace(upgrade(path=text, status=404, reason=text)),
        Trace(99_999, *_SIX, upgrade(path=text), close(), problems=1_000_000),
    ):
        rows = _row(found, width)
        assert dangerous("".join(rows)) == set()
        assert wider(rows, width) == []


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_headers_fit(width: int) -> None:
    assert wider([header(width, (15, 15)).plain], width) == []


def test_a_sign_for_each_severity() -> None:
    bad = close(problems=(Problem("a", "b", 1),))
    found = trace(upgrade(), close()), trace(None, close()), trace(upgrade(), bad)
    assert [_row(each)[0].split()[1] for each in found] == ["✓", "•", "✗"]
