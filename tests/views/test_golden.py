"""Whole screens as they were approved: tests/golden/WORDS-WIDTH.txt, plain text, spaces at line ends dropped.

``NETVIZ_GOLDEN=write pytest -n0 tests/views`` rewrites them; read the diff as carefully as code.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from netviz.samples import samples
from tests.run import CONTROLS, ROOT, inside

_GOLDEN = ROOT / "tests" / "golden"

#: What to draw and how wide: every kind of screen, every width, not all of all.  Words that do not begin with a command are
#: those of ``netviz handshake``.
_SCREENS = {
    "handshake": (60, 80, 120, 200),
    "refused": (60, 120),
    "unanswered": (80,),
    "unreachable": (80,),
    "syn-lost": (80, 120),
    "reset": (120,),
    "simultaneous-open": (80, 200),
    "fast-open": (60, 80),
    "fast-open --connection 1": (120,),
    "mixed --port 8765": (80, 120),
    "mixed --problems": (60, 200),
    "midstream": (60, 120),
    "cut-file": (80,),
    "ipv6": (80,),
    "refused --explain": (80,),
    "handshake --explain": (120,),
    "mixed --problems --explain": (80,),
    "handshake --plain": (120,),
    "cut-file --plain": (120,),
    "refused --ascii": (80,),
    "handshake --time delta": (80,),
    "handshake --time-scale": (80,),
    "zero-window --packets": (60, 120),
    "zero-window --packets --time-scale": (80,),
    "captured-twice": (80,),
    "handshake --time absolute": (120,),
    "ws-trace websocket": (60, 80, 120, 200),
    "ws-trace websocket --frame 1": (60, 120),
    "ws-trace websocket --explain": (80,),
    "ws-trace websocket --stats": (120,),
    "ws-trace websocket --frames": (120,),
    "ws-trace websocket --plain": (120,),
    "ws-trace websocket --ascii": (80,),
    "ws-trace midstream": (120,),
    "ws-trace mixed": (80, 120),
    "ws-trace mixed --problems": (120,),
    "ws-trace reset": (60, 120),
    "ws-trace cut-file": (80,),
    "ws-trace refused": (80,),
    "summary mixed": (60, 80, 120, 200),
    "summary websocket": (80, 120),
    "summary refused": (80,),
    "summary violations": (120,),
    "summary cut-file": (80,),
    "summary snaplen": (120,),
    "summary mixed --ascii": (80,),
    "summary mixed --plain": (120,),
    "layers websocket 9": (60, 80, 120, 200),
    "layers websocket 9 --explain": (80,),
    "layers websocket 9 --plain": (120,),
    "layers websocket 9 --ascii": (80,),
    "layers websocket 9 --full": (120,),
    "layers websocket 1 --layer tcp": (60, 80, 120),
    "layers websocket 9 --layer websocket": (80,),
    "layers websocket 9 --layer message": (80,),
    "layers websocket 1 --layer network": (120,),
    "layers websocket 1 --layer ethernet": (80,),
    "layers websocket 4": (80, 120),
    "layers websocket 2 --explain": (120,),
    "layers ipv6 8": (80,),
    "layers ipv6 8 --layer 3": (120,),
    "layers deflate 8": (80,),
    "layers browser 12": (120,),
    "layers unreachable 4": (60, 120),
    "layers handshake 1 --layer arp": (80,),
    "layers snaplen 12": (80,),
    "explain": (60, 120),
    "explain --list": (80,),
    "explain accept": (60, 80, 120, 200),
    "explain accept --plain": (120,),
    "explain handshake": (80,),
    "explain close-codes": (60,),
    "explain osi --ascii": (80,),
    "explain socket.io": (120,),
    "replay handshake --speed max": (120,),
    "replay unreachable --speed max": (80,),
    "replay cut-file --speed max": (120,),
    "replay socketio --connection 2 --speed max": (120,),
}
_COMMANDS = ("ws-trace", "summary", "layers", "explain", "replay")
_CASES = [(words, columns) for words, widths in _SCREENS.items() for columns in widths]
_WIDTHS = (60, 80, 120, 200)


def _path(words: str, columns: int) -> Path:
    return _GOLDEN / f"{words.replace('--', '').replace(' ', '-')}-{columns}.txt"


def _screen(*words: str, columns: int) -> list[str]:
    command = () if words[0] in _COMMANDS else ("handshake",)
    run = inside(*command, *words, "--color", "never", columns=columns)
    assert (run.status, run.err) == (0, "")
    assert not any(control in run.out for control in CONTROLS)
    return [line.rstrip() for line in run.out.splitlines()]


@pytest.mark.parametrize(("words", "columns"), _CASES)
def test_screens_are_as_approved(words: str, columns: int) -> None:
    text = "".join(f"{line}\n" for line in _screen(*words.split(), columns=columns))
    path = _path(words, columns)
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        path.write_text(text, "utf-8", newline="\n")
    assert path.read_text("utf-8") == text


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in _GOLDEN.glob("*.txt")} == {_path(*case).name for case in _CASES}


@pytest.mark.parametrize("columns", _WIDTHS)
@pytest.mark.parametrize("command", [[], ["ws-trace"], ["summary"]])
@pytest.mark.parametrize("name", sorted(samples()))
def test_no_line_is_wider_than_the_screen(name: str, command: list[str], columns: int) -> None:
    assert [line for line in _screen(*command, name, columns=columns) if cell_len(line) > columns] == []


@pytest.mark.parametrize("columns", _WIDTHS)
@pytest.mark.parametrize(
    "words",
    [
        "mixed --explain", "refused --explain", "handshake --explain", "mixed --connection 3", "ws-trace websocket --explain",
        "ws-trace websocket --stats", "ws-trace websocket --frames", "ws-trace websocket --full", "ws-trace mixed --problems",
        "ws-trace websocket --frame 1", "ws-trace websocket --frame 18", "ws-trace mixed --connection 8 --frame 2",
    ],
)  # fmt: skip
def test_no_story_is_wider_than_the_screen(words: str, columns: int) -> None:
    assert [line for line in _screen(*words.split(), columns=columns) if cell_len(line) > columns] == []


@pytest.mark.parametrize(("given", "drawn"), [(20, 60), (1000, 200)])
def test_extreme_widths_are_brought_within_limits(given: int, drawn: int) -> None:
    assert _screen("refused", columns=given) == _screen("refused", columns=drawn)
