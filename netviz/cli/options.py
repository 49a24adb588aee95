"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from netviz.cli.origin import CAPTURE

__all__ = ["output", "packet", "printed", "signs"]

_F = TypeVar("_F", bound=Callable[..., Any])


def packet(command: _F) -> _F:
    """The captures to read, and behind them the number of a packet."""
    return click.argument("words", nargs=-1, required=True, type=CAPTURE, metavar="CAPTURE... PACKET")(command)


def output(command: _F) -> _F:
    """How to print."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")(printed(command))


def printed(command: _F) -> _F:
    """How to print where that is for people only."""
    return click.option("--plain", is_flag=True, help="One line an event: for grep and screen readers.")(signs(command))


def signs(command: _F) -> _F:
    """Which colours and characters to print with."""
    color = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
                         help="Colours; auto: where stdout is a terminal and NO_COLOR is not set.")  # fmt: skip
    only_ascii = click.option("--ascii", "only_ascii", is_flag=True, help="No characters beyond ASCII.")
    return color(only_ascii(command))
