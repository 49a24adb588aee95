"""Options that several commands share."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from netviz.samples import find, samples

__all__ = ["captures", "given", "keylog", "opened", "output", "packet", "typed"]

if TYPE_CHECKING:
    from netviz.keylog import KeyLog

_F = TypeVar("_F", bound=Callable[..., Any])


class _Capture(click.ParamType[str]):
    name = "capture"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return find(str(value))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name) for name in samples() if incomplete and name.startswith(incomplete)]
        return [*named, CompletionItem(incomplete, type="file")]


def captures(command: _F) -> _F:
    """The captures to read, and which of their packets."""
    named = click.argument("captures", nargs=-1, required=True, type=_Capture(), metavar="CAPTURE...")
    matching = click.option("-f", "--filter", "matching", default="", metavar="BPF",
                            help="Only packets that match this capture filter, such as 'tcp port 8080'. Of a fragmented "
                                 "IP packet only the first fragment has ports.")  # fmt: skip
    return named(matching(command))


def keylog(command: _F) -> _F:
    """Where the keys of TLS connections are."""
    return click.option(
        "--keylog", metavar="FILE", envvar="SSLKEYLOGFILE", type=click.Path(dir_okay=False),
        help="Open TLS with the keys in this file, which browsers, Node, Python and curl write; default: $SSLKEYLOGFILE. "
             "Keys inside a pcapng file need no option.",
    )(command)  # fmt: skip


def opened(path: str | None, streaming: bool) -> KeyLog:
    """The key log that was asked for; a file that is not there is a mistake, unless it may still be written.

    Raises NetvizError.
    """
    from netviz.keylog import KeyLog

    found = KeyLog(path)
    asked = click.get_current_context().get_parameter_source("keylog") is ParameterSource.COMMANDLINE
    if path is not None and asked and not streaming:
        found.require()
    return found


def given(path: str | None) -> str:
    """What to type to give the same key log again: nothing where the environment names it."""
    from netviz.cli.names import shortest
    from netviz.views.text import safe

    asked = click.get_current_context().get_parameter_source("keylog") is ParameterSource.COMMANDLINE
    return f" --keylog {shlex.quote(safe(shortest(path)))}" if path is not None and asked else ""


def typed(captures: tuple[str, ...], matching: str) -> str:
    """What to type to read the same packets again."""
    from netviz.cli.names import shortest
    from netviz.views.text import safe

    names = map(shortest, captures)
    return " ".join(shlex.quote(safe(word)) for word in (*names, *(["-f", matching] if matching else [])))


def packet(command: _F) -> _F:
    """The captures to read, and behind them the number of a packet."""
    return click.argument("words", nargs=-1, required=True, type=_Capture(), metavar="CAPTURE... PACKET")(command)


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
