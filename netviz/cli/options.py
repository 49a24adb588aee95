"""Options that several commands share."""

from __future__ import annotations

import codecs
import shlex
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from netviz.cli.origin import CAPTURE

__all__ = ["given", "keylog", "opened", "output", "packet", "printed", "signs"]

if TYPE_CHECKING:
    from netviz.keylog import KeyLog

_F = TypeVar("_F", bound=Callable[..., Any])


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


def packet(command: _F) -> _F:
    """The captures to read, and behind them the number of a packet."""
    return click.argument("words", nargs=-1, required=True, type=CAPTURE, metavar="CAPTURE... PACKET")(command)


def output(command: _F) -> _F:
    """How to print."""
    json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.", callback=_escaping)
    return json(printed(command))


def _escaping(_ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    """See to it that characters which stdout cannot write are escaped in JSON: as UTF-16, as it is done there."""
    if value and isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        codecs.register_error("netviz.json", _escaped)
        sys.stdout.reconfigure(errors="netviz.json")
    return value


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)), error.end


def printed(command: _F) -> _F:
    """How to print where that is for people only."""
    return click.option("--plain", is_flag=True, help="One line an event: for grep and screen readers.")(signs(command))


def signs(command: _F) -> _F:
    """Which colours and characters to print with."""
    color = click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto",
                         help="Colours; auto: where stdout is a terminal and NO_COLOR is not set.")  # fmt: skip
    only_ascii = click.option("--ascii", "only_ascii", is_flag=True, help="No characters beyond ASCII.")
    return color(only_ascii(command))
