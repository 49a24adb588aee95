"""Statistics on a screen: both directions beside one another, and what HTTP would have cost."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from netviz.event import Answer, Slice, WebSocketMessage
from netviz.statistics import Statistics
from netviz.views.statistics import statistics_lines, statistics_table
from netviz.views.theme import THEME
from tests.hostile import lines_of, wider
from tests.talk import SECOND, message, upgrade
from tests.wire import START


def _of(*messages: WebSocketMessage) -> Statistics:
    found = Statistics()
    for each in messages:
        found.message(each)
    return found


def _rows(statistics: Statistics, width: int = 160) -> dict[str, str]:
    out = StringIO()
    console = Console(file=out, width=width, theme=THEME, markup=False, highlight=False, legacy_windows=False)
    console.print(statistics_table(statistics))
    lines = out.getvalue().splitlines()
    assert wider(lines, width) == []
    return {line.split("  ")[0]: " ".join(line.split()) for line in lines if line[:1].isalpha()}


def test_both_directions() -> None:
    rows = _rows(_of(message(content="12345"), message(content="1" * 1000, time=START + SECOND), message(side=1)))
    assert rows["sent by"] == "sent by client server"
    assert rows["messages"] == "messages 2 1"
    assert "1,005 bytes; 5 to 1,000, 502 on average 5 bytes; 5 to 5, 5 on average" in rows["content"]
    assert rows["compression"] == "compression none none"
    assert "heartbeat" not in rows


def test_rate_compression_heartbeat() -> None:
    pressed = message(compressed=True, length=1000, wire_length=100, side=1)
    ping = message(kind="ping", content="")
    rows = _rows(_of(
        message(), message(time=START + 5_000_000 + SECOND // 2), pressed, ping, ping._replace(time=START + SECOND),
        message(kind="pong", content="", side=1, after=Answer(1, 2_000_000)),
    ))  # fmt: skip
    assert rows["rate"] == "rate 2 a second"
    assert rows["compression"] == "compression none 1 message, 1,000 → 100 bytes, 10.0 : 1"
    assert rows["heartbeat"] == "heartbeat 2 pings, 1 answered; every 995 ms; pong after 2 ms"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_it_fits(width: int) -> None:
    ping = message(kind="ping", content="")
    large = message(content="x" * 10**6, compressed=True, wire_length=123_456)
    pings = (ping._replace(time=START + at * SECOND) for at in (0, 77, 99))
    found = _of(large, large._replace(side=1), *pings)
    assert _rows(found, width)
    assert wider(lines_of(statistics_lines(found, upgrade(), width)), width) == []


def test_what_http_would_have_cost() -> None:
    found = _of(message(content="12345"), message(content="12345", side=1))
    asked = upgrade(request=(Slice(4, 0, 100),), response=(Slice(5, 0, 90),))
    text = " ".join(" ".join(lines_of(statistics_lines(found, asked, 120))).split())
    assert "2 messages" in text
    assert "390 bytes; as WebSocket frames they took 10, 39.0 times as much" in text


def test_nothing_to_compare() -> None:
    assert list(statistics_lines(_of(message()), None, 80)) == []
    assert list(statistics_lines(_of(message()), upgrade(status=None), 80)) == []
    assert list(statistics_lines(Statistics(), upgrade(), 80)) == []
