"""The upgrade on a screen: two lines, both heads, each rule, and the arithmetic of Accept."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from netviz.event import Header, Rule, WebSocketUpgrade
from netviz.views.text import fold
from netviz.views.theme import THEME
from netviz.views.upgrade import arithmetic, heads, rules, upgrade_lines
from tests.frames import KEY, head
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.talk import broken, opened, told_one, upgrade
from tests.wire import START

_WIDTHS = [60, 80, 120, 200]


def _lines(event: WebSocketUpgrade, width: int = 200) -> list[str]:
    return lines_of(upgrade_lines(event, START, width))


def _drawn(table: Table, width: int) -> list[str]:
    out = StringIO()
    Console(file=out, width=width, theme=THEME, markup=False, emoji=False, highlight=False, legacy_windows=False).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("changes", "asked", "answered"),
    [
        ({}, "GET /  Host example.org · key dGhlIHNhbXBsZSBub25jZQ==", "101 Switching Protocols  Accept ✓ computed and equal"),
        ({"host": None, "key": None, "accept_expected": None}, "no Host · no key", "no extensions  +1 ms"),
        ({"origin": "http://a"}, "Origin http://a", ""),
        ({"offered_subprotocols": ("a", "b"), "offered_extensions": ("x; y",)}, "offers a, b, x; y", ""),
        ({"subprotocol": "a", "extensions": ("x; y",)}, "", "subprotocol a · x; y"),
        ({"accept": "AAAA"}, "", "Accept ✗ wrong"),
        ({"status": 404, "reason": "Not Found"}, "", "◀ server 404 Not Found  +1 ms"),
        ({"status": 404, "reason": ""}, "", "◀ server 404  +1 ms"),
        ({"status": None}, "", "no answer"),
        ({"asked": None}, "client ▶ GET /", "Accept ✓"),
    ],
)
def test_two_lines(changes: dict[str, object], asked: str, answered: str) -> None:
    first, second = _lines(upgrade(**changes))
    assert asked in first
    assert answered in second


def _with(text: str) -> WebSocketUpgrade:
    """An upgrade in which this text is everywhere."""
    return upgrade(
        path=text, host=text, key=text, origin=text, user_agent=text, offered_subprotocols=(text,), offered_extensions=(text,),
        reason=text, accept=text, accept_expected=text, subprotocol=text, extensions=(text,), body=text, version=text,
        request_headers=(Header(text, text),), response_headers=(Header("Server", text), Header("Sec-WebSocket-Accept", text)),
        rules=(Rule("Upgrade", "client", "RFC 6455 section 4.1", True, text), broken("Accept", "server", text)),
    )  # fmt: skip


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines(name: str, width: int) -> None:
    rows = _lines(_with(HOSTILE[name]), width)
    assert dangerous("".join(rows)) == set()
    assert wider(rows, width) == []


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("draw", [heads, rules])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables(name: str, draw: Callable[[WebSocketUpgrade], Table], width: int) -> None:
    rows = _drawn(draw(_with(HOSTILE[name])), width)
    assert dangerous("".join(rows)) == set()
    assert wider(rows, width) == []


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arithmetic(name: str, width: int) -> None:
    rows = lines_of(fold(line, width, 2) for line in arithmetic(_with(HOSTILE[name]), width))
    assert dangerous("".join(rows)) == set()
    assert wider(rows, width) == []


@pytest.mark.parametrize("draw", [heads, rules])
def test_markup_in_tables_is_shown_as_it_is(draw: Callable[[WebSocketUpgrade], Table]) -> None:
    assert "[red]x[/red]" in "".join(_drawn(draw(_with("[red]x[/red]")), 200))


def test_heads_stand_side_by_side() -> None:
    rows = _drawn(heads(upgrade()), 120)
    assert rows[0].split() == ["client", "asks", "server", "answers"]
    assert rows[2].split() == ["GET", "/", "HTTP/1.1", "HTTP/1.1", "101", "Switching", "Protocols"]
    assert any("Sec-WebSocket-Key" in row for row in rows)
    assert any("Sec-WebSocket-Accept" in row for row in rows)
    assert "nothing" in _drawn(heads(upgrade(status=None)), 120)[2]


def test_heads_say_the_version_that_was_spoken() -> None:
    wire = opened(
        asks=b"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        answers=head("HTTP/1.0 400 Bad Request", {}),
    ).close()
    row = _drawn(heads(told_one(wire, WebSocketUpgrade)), 120)[2]
    assert "GET / HTTP/1.0" in row
    assert "HTTP/1.0 400" in row


def test_rules_have_signs() -> None:
    found = (Rule("Host", "client", "RFC 6455 section 4.1", True, "a"), broken("Accept", "server", "b"),
             Rule("Origin", "client", "RFC 6454", None, "c"))  # fmt: skip
    rows = [row.split() for row in _drawn(rules(upgrade(rules=found)), 80)[2:]]
    assert rows == [
        ["Host", "client", "✓", "a", "§", "4.1"], ["Accept", "server", "✗", "b", "§", "4.1"],
        ["Origin", "client", "·", "c", "RFC", "6454"],
    ]  # fmt: skip


@pytest.mark.parametrize("width", _WIDTHS)
def test_arithmetic_of_the_rfc(width: int) -> None:
    text = " ".join(" ".join(lines_of(arithmetic(upgrade(key=KEY), width))).split())
    assert "b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea" in text  # section 1.3
    assert text.count("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 2
    assert "✓ the same" in text


def test_arithmetic_of_another_answer() -> None:
    text = "\n".join(lines_of(arithmetic(upgrade(accept="AAAA"), 120)))
    assert "AAAA  ✗ not the same" in text
    assert "answer" not in "\n".join(lines_of(arithmetic(upgrade(accept=None), 120)))
    assert list(arithmetic(upgrade(key=None), 120)) == []
