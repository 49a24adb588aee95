"""Interfaces, one a row: what it is called, what it is, and whether packets can be captured on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from rich.text import Text

from netviz.views.json_keys import boolean, string, words
from netviz.views.text import fold, safe

__all__ = ["Device", "interface_line", "interface_plain", "interface_table"]


#: Room for names and kinds; those that are longer push the rest to the right.
_NAME, _KIND = 20, 27


class Device(Protocol):
    """An interface: ``refused`` says why it cannot be captured on ("" where it can), ``link`` its link type where known."""

    @property
    def name(self) -> str:
        """What -i takes."""

    @property
    def kind(self) -> str:
        """What it is, in a word."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses."""

    @property
    def up(self) -> bool | None:
        """Whether it is on; None for what is no interface."""

    @property
    def refused(self) -> str:
        """Why not."""

    @property
    def link(self) -> int | None:
        """Its link type."""


def interface_table(found: Sequence[Device], width: int) -> Iterator[Text]:
    """A line each, with a sign that says whether it can be used."""
    name = min(max([len(one.name) for one in found], default=0), _NAME)
    kind = min(max([len(one.kind) for one in found], default=0), _KIND)
    yield fold(Text(f"  {'name':<{name}}  {'':<4}  {'kind':<{kind}}  addresses", "faint"), width, 2)
    for one in found:
        sign, style = ("✗", "problem") if one.refused else ("✓", "ok")
        line = Text.assemble((f"{sign} ", style), (f"{safe(one.name):<{name}}", "label"), f"  {_state(one.up):<4}",
                             (f"  {safe(one.kind):<{kind}}  ", "faint"), ", ".join(map(safe, one.addresses)))  # fmt: skip
        if one.refused:
            line.append(f"{'  ' * bool(one.addresses)}{safe(one.refused)}", style)
        yield fold(line, width, 2 * 2 + name)
    yield Text()
    usable = [one for one in found if not one.refused]
    if usable:
        words = f"capture on one of them: netviz ws-trace -i {safe(usable[0].name)}"
        yield fold(Text.assemble(("next  ", "label"), (words, "command")), width, 6)
    else:
        yield fold(Text("none can be used; netviz doctor says what to do", "note"), width, 2)


def interface_plain(one: Device) -> str:
    """All of it in one line."""
    usable = f"not usable: {safe(one.refused)}" if one.refused else "usable"
    parts = [safe(one.name), _state(one.up), safe(one.kind), " ".join(map(safe, one.addresses)), usable]
    return " ".join(part for part in parts if part)


def interface_line(one: Device) -> str:
    """All of it as JSON."""
    up = "null" if one.up is None else boolean(one.up)
    link = "" if one.link is None else f', "link": {one.link}'
    why = f', "why_not": {string(one.refused)}' if one.refused else ""
    return (f'{{"name": {string(one.name)}, "kind": {string(one.kind)}, "addresses": {words(one.addresses)}, "up": {up}, '
            f'"usable": {boolean(not one.refused)}{why}{link}}}')  # fmt: skip


def _state(up: bool | None) -> str:
    return {True: "up", False: "down", None: ""}[up]
