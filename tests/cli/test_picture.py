"""Pictures of topics: what netviz draws itself, cut to the lines that tell it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from netviz.cli.picture import cut, picture
from netviz.topic import Show, topics

_NAMES = sorted(topics())
_SCREEN = ["one", "  and its second line", "two", "three", "", "four", "five", "", "six"]


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    yield
    gc.enable()  # a command switches it off for its process


def _cut(*shows: Show) -> list[str]:
    return [line.plain for line in cut([Text(line) for line in _SCREEN], shows)]


@pytest.mark.parametrize(
    ("shows", "expected"),
    [
        ([], _SCREEN),
        ([Show("two", "")], ["two", "three"]),
        ([Show("one", "two")], ["one", "  and its second line"]),
        ([Show("two", "five")], ["two", "three", "", "four"]),
        ([Show("one", "two"), Show("three", "")], ["one", "  and its second line", "  ⋮", "three"]),
        ([Show("two", ""), Show("four", "")], ["two", "three", "", "four", "five"]),
        ([Show("two", "four"), Show("four", "")], ["two", "three", "", "four", "five"]),
        ([Show("five", "six")], ["five"]),
        ([Show("six", "")], ["six"]),
        ([Show("nowhere", "")], []),
    ],
)
def test_parts_of_a_screen(shows: list[Show], expected: list[str]) -> None:
    assert _cut(*shows) == expected


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("name", _NAMES)
def test_every_picture_is_drawn_at_every_width(name: str, width: int) -> None:
    topic = topics()[name]
    lines = [line.plain for line in picture(topic.picture, topic.shows, width)]
    assert 2 <= len(lines) <= (40 if width == 60 else 32)
    assert [line for line in lines if cell_len(line) > width] == []
    # Each part begins where it should: none was found nowhere.
    assert all(any(show.first in line for line in lines) for show in topic.shows)
    assert lines[0].strip()
    assert lines[-1].strip()


def test_a_picture_keeps_its_colours() -> None:
    (line,) = [line for line in picture(["handshake", "refused"], [Show("REFUSED", "seen")], 80) if "REFUSED" in line.plain]
    assert line.spans


def test_a_picture_of_a_sample_that_is_not_here_is_empty() -> None:
    assert picture(["handshake", "no-such-sample"], (), 80) == []


def test_a_file_with_the_name_of_a_sample_is_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "refused").write_text("no capture")
    monkeypatch.chdir(tmp_path)
    assert any("REFUSED" in line.plain for line in picture(["handshake", "refused"], (), 80))
