"""Cells of bits in rows: where they begin and end, and what fits into them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from netviz.views.diagram import Cell, diagram
from tests.hostile import lines_of, wider

_CELLS = [Cell(0, 1, "FIN", "1", ""), Cell(1, 7, "length", "5", ""), Cell(8, 24, "key", "0xabcdef", ""),
          Cell(32, 48, "address", "02:00:00:00:00:01", "")]  # fmt: skip


def test_rows_of_32_bits() -> None:
    assert lines_of(diagram(_CELLS, 80)) == [
        " 0                   1                   2                   3",
        " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
        "┌─┬─────────────┬───────────────────────────────────────────────┐",
        "│F│   length    │                      key                      │",
        "│I│             │                                               │",
        "│N│             │                                               │",
        "│1│      5      │                   0xabcdef                    │",
        "├─┴─────────────┴───────────────────────────────────────────────┤",
        "│                            address                            │",
        "│                       02:00:00:00:00:01                       │",
        "│                               ┌───────────────────────────────┘",
        "│                               │",
        "└───────────────────────────────┘",
    ]


@pytest.mark.parametrize("width", [60, 70, 80, 97, 98, 120, 200])
def test_it_is_as_wide_as_there_is_room_and_straight(width: int) -> None:
    rows = lines_of(diagram([Cell(0, 32, "word", "1", ""), Cell(32, 32, "a name that is long", "9" * 60, "")], width))
    assert wider(rows, width) == []
    assert len({cell_len(row) for row in rows[2:]}) == 1


def test_what_goes_on_elsewhere_is_named_again() -> None:
    rows = lines_of(diagram([Cell(0, 16, "head", "1", ""), Cell(16, 32, "masking key", "0x1", "")], 80))
    assert any("(masking key, continued)" in row for row in rows)


@pytest.mark.parametrize("name", ["reserved", "温度计读数", "x" * 90])
def test_names_never_leave_their_cell(name: str) -> None:
    places = ((0, 1, "0"), (1, 2, "温度"), (3, 5, "12345678"), (8, 24, "1"))
    cells = [Cell(bit, bits, name, value, "") for bit, bits, value in places]
    assert len({cell_len(row) for row in lines_of(diagram(cells, 80))[2:]}) == 1
