"""``netviz demo``: real clients and servers, played, captured and shown at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from netviz.cli.options import output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from netviz.labs.performance import Performance

__all__ = ["demo"]

#: What a capture is called that nobody asked to keep: commands that are proposed for it hold once it is saved so.
_KEPT = "lab.pcapng"

#: Seconds that the film of a lab lasts.
_FILM = 15

#: Imported while the lab is played: they take as long as a short lab.
_SOON = ("netviz.tracking", "netviz.session", "netviz.judge", "netviz.cli.handshake_screen", "netviz.cli.ws_trace_screen")


class _Lab(click.ParamType[str]):
    name = "lab"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from netviz.labs.lab import labs

        return [CompletionItem(lab.name, help=lab.teaches) for lab in labs() if lab.name.startswith(incomplete)]


@click.command(short_help="Labs: real traffic, played and shown at once.", context_settings={"max_content_width": 110})
@click.argument("name", type=_Lab(), default="websocket", metavar="[LAB]")
@click.option("--list", "listed", is_flag=True, help="Which labs there are, and what each teaches.")
@click.option("--replay", is_flag=True, help="Play what was captured as a film.")
@click.option("--save", type=click.Path(dir_okay=False), metavar="FILE", help="Keep the capture.")
@output
@click.pass_context
def demo(
    ctx: click.Context, /, name: str, listed: bool, replay: bool, save: str | None,
    as_json: bool, plain: bool, color: str, only_ascii: bool,
) -> None:  # fmt: skip
    """Play a lab: a real client and a real server talk over TCP, are captured, and shown as netviz handshake and
    netviz ws-trace show any capture. Without LAB: a WebSocket.

    On Linux a lab runs in a network namespace of its own, which needs no rights and touches no interface of the machine;
    where that is not allowed, on loopback, which needs the right to capture; else its recorded capture is shown. The first
    line says which of these it was.

    \b
    Examples:
      netviz demo
      netviz demo refused
      netviz demo 1006 --save my.pcapng
      netviz demo socketio --replay
      netviz demo --list
    """
    import netviz
    from netviz.capture.rights import PYTHON, give_up
    from netviz.labs.lab import find_lab, labs
    from netviz.labs.performance import perform

    if listed:
        _list(labs(), as_json, plain, color, only_ascii)
        return
    if replay and as_json:
        raise click.UsageError("--replay is a film for the eye: it has no --json.")
    lab = find_lab(name)
    view = _sibling(ctx, "replay" if replay else lab.view)
    played = perform(lab, meanwhile=_import)
    give_up(os.path.dirname(netviz.__file__), *PYTHON)

    from netviz.cli.screen import screen
    from netviz.views.labs import introduction

    how: dict[str, Any] = {"plain": plain, "color": color, "only_ascii": only_ascii}
    console = screen(color, only_ascii)
    with _kept(played, save) as path:
        if not replay:
            how["as_json"] = as_json
        elif sys.stdout.isatty() and not plain:
            how["speed"] = _speed(path)
        if as_json:
            click.echo(introduction(played, console.width, plain=True), err=True)
        else:
            _print(console, introduction(played, console.width, plain=plain))
        ctx.invoke(view, captures=(path,), **how)
        if not as_json:
            _print(console, _next(played, path, save, console.width, plain=plain))


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)
    sys.stdout.flush()


def _speed(path: str) -> float:
    """How fast a film of it should be: a lab takes milliseconds, which nobody sees."""
    from netviz.capture.source import open_capture

    times = [int(time) for batch in open_capture(path) for time in batch.time.tolist()]
    return float(f"{min(1.0, max(1e-9, (max(times) - min(times)) / 1e9 / _FILM)):.1g}")


def _sibling(ctx: click.Context, name: str) -> click.Command:
    """Another command of netviz."""
    group = ctx.find_root().command
    found = group.get_command(ctx, name) if isinstance(group, click.Group) else None
    if found is None:
        raise click.UsageError(f"there is no netviz {name} here")
    return found


def _import() -> None:
    for name in _SOON:
        import_module(name)


@contextmanager
def _kept(played: Performance, save: str | None) -> Iterator[str]:
    """The capture as a file; a recorded one is there already, another one is gone afterwards, unless it is to be saved."""
    from tempfile import TemporaryDirectory

    from netviz.cli.names import called
    from netviz.errors import NetvizError
    from netviz.samples import samples

    if save is not None:
        try:
            with open(save, "wb") as file:
                file.write(played.capture)
        except OSError as error:
            raise NetvizError(f"cannot write {save}: {error.strerror}") from error
        yield save
    elif played.place == "recorded":
        yield str(samples()[played.lab.sample])
    else:
        with TemporaryDirectory(prefix="netviz-") as directory:
            path = os.path.join(directory, _KEPT)
            with open(path, "wb") as file:
                file.write(played.capture)
            with called(path, _KEPT):
                yield path


def _next(played: Performance, path: str, save: str | None, width: int, *, plain: bool) -> Text:
    """What to type next: what explains it, a closer look, how to keep it."""
    from netviz.cli.names import typed
    from netviz.views.labs import next_commands

    lab = played.lab
    kept = lab.sample if save is None else typed([path])
    commands = [f"netviz explain {lab.topic}", f"netviz {lab.view} {kept} {lab.closer}"]
    if save is None and played.place != "recorded":
        commands.append(f"netviz demo {lab.name} --save {_KEPT}")
    return next_commands([*commands, "netviz demo --list"], width, plain=plain)


def _list(labs: Iterator[Any], as_json: bool, plain: bool, color: str, only_ascii: bool) -> None:
    from netviz.cli.screen import screen
    from netviz.views.labs import lab_json, lab_plain, lab_table

    if as_json:
        for lab in labs:
            sys.stdout.write(lab_json(lab) + "\n")
        return
    console = screen(color, only_ascii)
    for text in map(lab_plain, labs) if plain else lab_table(labs, console.width):
        console.print(text, soft_wrap=True)
