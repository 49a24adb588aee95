"""Keys: bytes of a terminal, and the names of what was pressed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.cli.keys import Keys

_TABLE = [
    (b"q", ["q"]),
    (b" ", [" "]),
    (b"g12\r", ["g", "1", "2", "enter"]),
    (b"\n\x7f\x08", ["enter", "backspace", "backspace"]),
    (b"\x1b[C\x1b[D", ["right", "left"]),
    (b"\x1bOA\x1bOB", ["up", "down"]),
    (b"\x1b[1~\x1b[4~\x1b[H\x1b[F\x1bOH\x1b[7~\x1b[8~", ["home", "end", "home", "end", "home", "home", "end"]),
    (b"\x1b[5~\x1b[6~", ["page up", "page down"]),
    (b"\x1b[1;5C", ["right"]),  # with Ctrl held
    (b"\x1b[2~x", ["x"]),  # a key that nobody needs here
    (b"\x1b[<0;10;10M+", ["+"]),  # a mouse
    (b"\x1bq", ["escape", "q"]),
    (b"\x1b\x1b[C", ["escape", "right"]),
    ("ü−".encode(), ["ü", "−"]),
    (b"\xff?", ["\N{REPLACEMENT CHARACTER}", "?"]),
    (b"\x00\x01q", ["q"]),
    (b"\x1b[" + b"1" * 60 + b"q", ["1"] * 30 + ["q"]),  # what never ends is no sequence
]


@pytest.mark.parametrize(("data", "names"), _TABLE)
def test_names(data: bytes, names: list[str]) -> None:
    assert Keys().feed(data) == names


@pytest.mark.parametrize(("data", "names"), _TABLE[:-1])
def test_however_the_bytes_come(data: bytes, names: list[str]) -> None:
    keys = Keys()
    assert [name for byte in data for name in keys.feed(bytes([byte]))] == names
    assert not keys.waiting


def test_escape_alone_is_a_key_when_nothing_follows() -> None:
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.waiting
    assert keys.flush() == ["escape"]
    assert not keys.waiting
    assert keys.feed(b"\x1b[") == []
    assert keys.flush() == []
    assert keys.feed(b"C") == ["C"]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes(pieces: list[bytes]) -> None:
    keys = Keys()
    names = [name for piece in pieces for name in keys.feed(piece)] + keys.flush()
    assert all(len(name) > 1 or name.isprintable() for name in names)
    assert not keys.waiting
