"""Cells of bits in rows of 32, as RFCs draw headers; narrow screens get rows of 16."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from netviz.views.text import fitting

__all__ = ["Cell", "diagram"]

#: Lines of a name in one cell.
_MOST_LINES = 4

#: The corners, by which of up, down, left and right go on from there.
_CORNERS = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"


class Cell(NamedTuple):
    """A field to draw: its first bit, how many, its name, its value, its colour."""

    bit: int
    bits: int
    name: str
    value: str
    style: str


class _Piece(NamedTuple):
    """The part of a cell in one row: from which column to which, and the lines in it."""

    cell: int
    first: int
    last: int
    lines: tuple[str, ...]
    value: str


def diagram(cells: Sequence[Cell], width: int) -> Iterator[Text]:
    """The drawing, with the numbers of the bits on top."""
    per, unit = (32, 3) if width >= 98 else (32, 2) if width >= 66 else (16, 3)
    count = (cells[-1].bit + cells[-1].bits + per - 1) // per
    owner = [[-1] * per for _ in range(count)]
    for index, cell in enumerate(cells):
        for bit in range(cell.bit, cell.bit + cell.bits):
            owner[bit // per][bit % per] = index
    yield from _ruler(per, unit)
    none = [-1] * per
    for row, owners in enumerate(owner):
        yield _border(owner[row - 1] if row else none, owners, unit)
        yield from _row(cells, owners, row * per, unit)
    yield _border(owner[-1], none, unit)


def _ruler(per: int, unit: int) -> Iterator[Text]:
    tens = "".join(f"{bit // 10 if bit % 10 == 0 else '':<{unit}}" for bit in range(per))
    ones = "".join(f"{bit % 10:<{unit}}" for bit in range(per))
    yield Text(" " * (unit // 2) + tens.rstrip(), "faint")
    yield Text(" " * (unit // 2) + ones.rstrip(), "faint")


def _border(above: list[int], below: list[int], unit: int) -> Text:
    """The line between two rows; a cell that goes on has none inside it."""
    per = len(above)
    lines = [(above[bit] >= 0 or below[bit] >= 0) and above[bit] != below[bit] for bit in range(per)]
    out = []
    for bit in range(per + 1):
        up = _edge(above, bit)
        down = _edge(below, bit)
        left, right = bit > 0 and lines[bit - 1], bit < per and lines[bit]
        out.append(_CORNERS[up + 2 * down + 4 * left + 8 * right])
        if bit < per:
            out.append(("─" if lines[bit] else " ") * (unit - 1))
    return Text("".join(out).rstrip(), "faint")


def _edge(owners: list[int], bit: int) -> bool:
    """Whether a cell begins or ends before this bit."""
    left = owners[bit - 1] if bit else -1
    right = owners[bit] if bit < len(owners) else -1
    return left != right


def _row(cells: Sequence[Cell], owners: list[int], begin: int, unit: int) -> Iterator[Text]:
    pieces = list(_pieces(cells, owners, begin, unit))
    height = max((len(piece.lines) for piece in pieces), default=0)
    for line in range(height + 1):
        out = Text.assemble(("│", "faint"))
        for piece in pieces:
            room = (piece.last - piece.first) * unit - 1
            words = piece.value if line == height else piece.lines[line] if line < len(piece.lines) else ""
            words = words if cell_len(words) <= room else "…"
            spare = room - cell_len(words)
            out.append(" " * (spare // 2))
            out.append(words, cells[piece.cell].style if line == height else "")
            out.append(" " * (spare - spare // 2))
            out.append("│", "faint")
        yield out


def _pieces(cells: Sequence[Cell], owners: list[int], begin: int, unit: int) -> Iterator[_Piece]:
    first = 0
    while first < len(owners) and owners[first] >= 0:
        index = owners[first]
        last = first
        while last < len(owners) and owners[last] == index:
            last += 1
        cell, room = cells[index], (last - first) * unit - 1
        per = len(owners)
        # Of a cell in several rows the one with most room holds the words: the first of those.
        starts = range(cell.bit - cell.bit % per, cell.bit + cell.bits, per)
        main = max(starts, key=lambda start: (_width(cell, start, per), -start))
        if main == begin:
            yield _Piece(index, first, last, _lines(cell.name, room), _fit(cell.value, room))
        else:
            # Where a cell goes on in the next row, but not below itself, it is named again.
            apart = cell.bits <= per and begin != starts[0] and last <= cell.bit % per
            yield _Piece(index, first, last, _lines(f"({cell.name}, continued)", room) if apart else (), "")
        first = last


def _width(cell: Cell, start: int, per: int) -> int:
    """How many bits of a cell lie in the row that starts at this bit."""
    return min(cell.bit + cell.bits, start + per) - max(cell.bit, start)


def _lines(name: str, room: int) -> tuple[str, ...]:
    """A name in lines that fit; where not even a word does, letter by letter."""
    if room < 3 and len(name) > room:
        return tuple(name if len(name) <= _MOST_LINES else name[: _MOST_LINES - 1] + ".")
    lines = [""]
    for word in name.split():
        joined = f"{lines[-1]} {word}".strip()
        if cell_len(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(word if cell_len(word) <= room else word[: fitting(word, room - 1)] + ".")
    return tuple(line for line in lines if line)[:_MOST_LINES]


def _fit(value: str, room: int) -> str:
    if cell_len(value) <= room:
        return value
    return value[: fitting(value, room - 1)] + "…" if room > 1 else "…"
