"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from netviz.cli.origin import CAPTURE

__all__ = ["output", "packet"]

_F = TypeVar("_F", bound=Callable[..., Any])


def packet(command: _F) -> _F:
    """The captures to read, and behind them the number of a packet."""
    return click.argument("words", nargs=-1, required=True, type=CAPTURE, metavar="CAPTURE... PACKET")(command)


def output(command: _F) -> _F:
    """How to print."""
    for option in reversed(
        (
            click.option("--json", "as_json", is_flag=True, help="One JSON object a line."),
            click.option("--plain", is_flag=True, help="One line an event: for grep and screen readers."),
            click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
                         help="Colours; auto: where stdout is a terminal and NO_COLOR is not set."),
            click.option("--ascii", "only_ascii", is_flag=True, help="No characters beyond ASCII."),
        )
    ):  # fmt: skip
        command = option(command)
    return command
