"""Labs as lines: where one was played, what to type next, the list."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from netviz.views.labs import introduction, lab_json, lab_plain, lab_table, next_commands


class _Lab(NamedTuple):
    name: str = "tea"
    teaches: str = "Two cups talk about “the weather”"
    needs: str = ""
    missing: tuple[str, ...] = ()
    view: str = "handshake"
    sample: str = "teapot"
    topic: str = "brewing"


class _Performance(NamedTuple):
    place: str
    reasons: tuple[str, ...] = ()
    lab: _Lab = _Lab()


@pytest.mark.parametrize(
    ("played", "said"),
    [
        (_Performance("namespace"), "Played just now, in a network namespace of its own."),
        (_Performance("loopback"), "Played just now, on loopback."),
        (_Performance("loopback", ("why \x1b[31m",)), "Played just now, on loopback: why \\x1b[31m."),
        (_Performance("recorded"), "Not played now. This is the recorded capture, the sample teapot."),
        (_Performance("recorded", ("a", "b")), "Not played now: a; b. This is the recorded capture, the sample teapot."),
    ],
)
def test_where_it_was_played(played: _Performance, said: str) -> None:
    assert introduction(played, 60, plain=True).plain == f"demo tea: Two cups talk about “the weather”. {said}"
    drawn = introduction(played, 60, plain=False).plain
    assert drawn.endswith("\n")
    assert " ".join(drawn.split()) == f"demo tea Two cups talk about “the weather”. {said}"
    assert max(map(len, drawn.splitlines())) <= 60


def test_commands_are_not_broken_where_there_is_room() -> None:
    commands = ["netviz explain this", "netviz look closer", "netviz demo more"]
    assert next_commands(commands, 80).plain == "\nnext  netviz explain this · netviz look closer · netviz demo more"
    assert next_commands(commands, 46).plain == "\nnext  netviz explain this · netviz look closer\n      netviz demo more"
    assert next_commands(commands, 45).plain == "\nnext  netviz explain this\n      netviz look closer · netviz demo more"
    assert next_commands(commands, 20, plain=True).plain == "next: netviz explain this; netviz look closer; netviz demo more"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_list_fits(width: int) -> None:
    labs = [_Lab(), _Lab("a-longer-name", "word " * 40, "netviz[labs]", ("kettle", "socketio")), _Lab(needs="Linux")]
    lines = [line for text in lab_table(labs, width) for line in text.plain.splitlines()]
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    assert "(needs netviz[labs])" in words
    assert "(needs Linux)" in words
    assert "kettle and socketio not installed: what needs them is shown as recorded (pip install 'netviz[labs]')" in words


def test_one_line_each() -> None:
    lab = _Lab(needs="Linux")
    assert lab_plain(lab) == "tea: Two cups talk about “the weather”; needs Linux"
    assert lab_json(_Lab()) == (
        '{"name": "tea", "teaches": "Two cups talk about “the weather”", "view": "handshake", "sample": "teapot", '
        '"topic": "brewing"}'
    )
    assert lab_json(lab).endswith('"needs": "Linux"}')
