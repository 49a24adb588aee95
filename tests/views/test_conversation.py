"""The conversation: a row for each message or frame, safe to print, and nowhere wider than the screen."""

from __future__ import annotations

from time import monotonic

import pytest

from netviz.event import Answer, Problem, WebSocketMessage
from netviz.views.conversation import Clock, frame_row, message_rows, preview, problem_rows, stamp
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.talk import frame_event, message
from tests.wire import START

_WIDTHS = [60, 61, 80, 99, 100, 120, 200]


def _rows(event: WebSocketMessage, width: int = 120, *, full: bool = False) -> list[str]:
    return lines_of(message_rows(event, "0.005000", width, full=full))


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("width", _WIDTHS)
def test_arrows_point_away_from_the_sender(side: int, width: int) -> None:
    for (row,) in (_rows(message(side=side), width), lines_of([frame_row(frame_event(side=side), "0.005000", width)])[:1]):
        assert ("▶" in row, "◀" in row) == (side == 0, side == 1)
        assert ("client" in row, "server" in row) == (side == 0, side == 1)
        assert row.startswith("   0.005000  ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "text              5  Hello"),
        ({"number": 12345}, "0.005000  12345  client"),
        ({"kind": "binary", "content": b"\x00\xff"}, "bin               2  00 ff"),
        ({"kind": "binary", "content": b""}, "bin               0"),
        ({"content": None, "length": 70_000, "wire_length": 70_000}, "70,000  not shown"),
        ({"compressed": True, "wire_length": 7, "length": 1234}, "7→1,234  Hello"),
        ({"compressed": True, "wire_length": 7, "length": None, "content": None}, "7→?  not shown"),
        ({"fragments": 3}, "Hello  (3 frames)"),
        ({"kind": "ping", "content": "beat"}, "ping              4  beat"),
        ({"kind": "ping", "content": b"\xff\x00"}, "ff 00"),
        ({"kind": "pong", "content": "beat", "after": Answer(3, 1_500_000)}, "beat  (answers #3, +1.5 ms)"),
        ({"kind": "pong", "content": "beat"}, "(answers no ping)"),
        ({"kind": "close", "code": 1000, "content": "bye"}, "close             3  1000 normal closure: bye"),
        ({"kind": "close", "code": 4001, "content": ""}, "4001 private"),
        ({"kind": "close", "code": None, "content": ""}, "no code"),
        ({"kind": "close", "code": 1007, "content": b"\xff"}, "1007 invalid payload data: ff"),
    ],
)
def test_a_row(changes: dict[str, object], said: str) -> None:
    (row,) = _rows(message(**changes))
    assert said in row


def test_a_pong_without_times() -> None:
    (row,) = _rows(message(kind="pong", content="beat", after=Answer(3, None)))
    assert row.endswith("beat  (answers #3)")


@pytest.mark.parametrize("width", _WIDTHS)
def test_what_is_longer_than_a_row_ends_in_an_ellipsis(width: int) -> None:
    (row,) = _rows(message(content="words and " * 50, fragments=2), width)
    assert "…" in row
    assert wider([row], width) == []
    assert "frames" in row or "×2" in row


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", ["text", "binary", "ping", "close"])
@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content(name: str, width: int, kind: str, full: bool) -> None:
    content: str | bytes = HOSTILE[name]
    if kind == "binary":
        content = HOSTILE[name].encode("utf-8", "surrogatepass")
    event = message(kind=kind, content=content, code=1000 if kind == "close" else None)
    rows = list(message_rows(event, "0.005000", width, full=full))
    assert dangerous("".join(row.plain for row in rows)) == set()
    assert wider(lines_of(rows), width) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_does_not_start_a_row(name: str) -> None:
    assert len(_rows(message(content=HOSTILE[name]))) == 1


@pytest.mark.parametrize("text", ["[red]x[/red]", "[bold]", "a[/]b", ":smile:", "[link=http://a]b[/link]"])
def test_markup_is_shown_as_it_is(text: str) -> None:
    (row,) = _rows(message(content=text))
    assert row.endswith(text)


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize(
    "text", ["x" * 700, "word " * 150, "a" + "温" * 300 + "z", "温" * 300, "one\ntwo\n\nthree", "ab 温度 " * 60]
)
def test_full_loses_nothing(text: str, width: int) -> None:
    rows = _rows(message(content=text), width, full=True)
    indent = len(rows[0]) - len(rows[0].lstrip())
    assert indent
    begin = rows[0].index(str(len(text.encode()))) if str(len(text.encode())) in rows[0] else 0
    said = "".join("".join(rows)[begin:].split())
    assert "".join(text.split()) in said
    assert wider(rows, width) == []


def test_full_keeps_lines_apart() -> None:
    rows = _rows(message(content="one\n\nthree"), full=True)
    assert [row.split()[-1] if row.strip() else "" for row in rows] == ["one", "", "three"]


@pytest.mark.parametrize("text", ["[" * 2_000, '{"a":' * 400, "[1" + "0" * 5000 + "]", "{", "[]", '["\\ud800"]'])
def test_json_that_cannot_be_read_is_shown_as_it_is(text: str) -> None:
    rows = _rows(message(content=text), full=True)
    assert "".join(text[:50].split()) in "".join("".join(rows).split())
    assert dangerous("".join(rows)) == set()


@pytest.mark.parametrize("text", ["[" * 20_000, "x" * 500_000])
def test_a_long_line_does_not_take_forever(text: str) -> None:
    began = monotonic()
    for _ in message_rows(message(content=text), "0.005000", 120, full=True):
        assert monotonic() - began < 3


def test_preview_says_whether_it_is_all() -> None:
    assert [preview(message(content="x" * size))[1] for size in (1999, 2000, 2001)] == [True, True, False]
    assert preview(message(content="x" * 5000), full=True)[1]
    assert [preview(message(kind="binary", content=bytes(size)))[1] for size in (600, 700)] == [True, False]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "FIN 1 · opcode 1 text · mask 37fa213d · 6 + 5 bytes"),
        ({"first": 0x02, "mask": -1, "head": 4, "length": 1234}, "FIN 0 · opcode 2 binary · no mask · 4 + 1,234 bytes"),
        ({"first": 0xF1}, "FIN 1 · RSV1 · RSV2 · RSV3 · opcode 1 text"),
        ({"first": 0xC0}, "FIN 1 · RSV1 · opcode 0 continuation"),
        ({"first": 0x8B, "mask": 0}, "opcode 11 reserved · mask 00000000"),
        ({"length": (1 << 64) - 1}, "18,446,744,073,709,551,615 bytes"),
    ],
)
def test_frames(changes: dict[str, object], said: str) -> None:
    event = frame_event(**changes)
    assert said in frame_row(event, "0.005000", 200).plain
    for width in _WIDTHS:
        assert wider(lines_of([frame_row(event, "0.005000", width)]), width) == []


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("name", HOSTILE)
def test_problems(name: str, width: int) -> None:
    rows = lines_of(problem_rows((Problem("a", HOSTILE[name], 1), Problem("b", "second", 2)), width))
    assert dangerous("".join(rows)) == set()
    assert wider(rows, width) == []
    assert sum("✗" in row for row in rows) == 2


def test_problems_stand_below_their_message() -> None:
    found = (Problem("invalid-utf-8", "not UTF-8", 6), Problem("payload-missing", "missing", 6))
    rows = _rows(message(problems=found))
    assert [row.strip() for row in rows[1:]] == ["✗ not UTF-8"]
    assert len(list(message_rows(message(problems=found), "-", 120, note=False))) == 1


@pytest.mark.parametrize(
    ("clock", "time", "start", "last", "said"),
    [
        ("elapsed", START + 1_000_000, START, None, "0.001000"), ("elapsed", START, None, None, "0.000000"),
        ("elapsed", START - 1_000_000, START, None, "-0.001000"), ("elapsed", None, START, None, "-"),
        ("delta", START, START, None, "0.000000"), ("delta", START + 1_000, START, START, "+0.000001"),
        ("absolute", START, START, None, "22:13:20.000000"), ("absolute", None, START, None, "-"),
    ],
)  # fmt: skip
def test_times(clock: Clock, time: int | None, start: int | None, last: int | None, said: str) -> None:
    assert stamp(time, start, last, clock) == said
