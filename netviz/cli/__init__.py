"""The command line: a file for each command, imported when it is called.

Start-up imports click and nothing else that is large; `main` gives every ending the exit status it should have.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from importlib import import_module

import click

from netviz.errors import NetvizError

__all__ = ["COMMANDS", "cli", "main", "program"]

#: Commands in the order of the help; each is a module here with a command of the same name.
COMMANDS = ("demo", "summary", "handshake", "ws-trace", "layers", "replay", "explain", "record", "interfaces", "doctor")

_BEGIN = """\
netviz shows what happens on a network connection: TCP handshakes, the WebSockets on top of them, layer by layer.

Begin with something that happens now:
  netviz demo                            a client and a server talk over a WebSocket, captured and shown
  netviz demo --list                     all labs: handshake, refused, 1006, socketio …

Or with a sample capture:
  netviz summary mixed                   what a capture is, and where to look next
  netviz handshake websocket             a handshake, step by step
  netviz handshake refused               a connection that failed, and why
  netviz ws-trace websocket              the WebSocket on it: upgrade, messages, close
  netviz ws-trace websocket --explain    the same as a story
  netviz ws-trace websocket --frame 1    one frame, byte by byte
  netviz layers websocket 9              one packet, layer by layer
  netviz replay websocket                the same as a film that can be stopped
  netviz explain                         the words, in short texts with pictures

Then your own:
  netviz summary my.pcapng
  sudo netviz ws-trace -i lo

Samples: {names}
More: netviz --help, netviz ws-trace --help\
"""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"netviz.cli.{name}"), name)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            if os.path.exists(args[0]):
                raise click.UsageError(f"To open a capture: netviz summary {args[0]!r}", ctx) from error
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx) from error


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"netviz {version('netviz')}")
        ctx.exit()


@click.group(cls=_Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """See TCP handshakes and WebSockets in a network capture: each step, both ends, what went wrong and how it ended.

    \b
    Examples:
      netviz handshake captures/websocket.pcapng
      netviz handshake captures/refused.pcapng --explain
      netviz ws-trace captures/websocket.pcapng

    Shell completion: eval "$(_NETVIZ_COMPLETE=bash_source netviz)" in ~/.bashrc; zsh_source and fish_source likewise.
    """
    if ctx.invoked_subcommand is None:
        from netviz.samples import samples

        click.echo(_BEGIN.format(names=", ".join(samples()) or "none"))


def main() -> None:
    """Run netviz and leave with 0, 1 (--check found a problem), 2 (a mistake of the user's) or 130 (Ctrl-C)."""
    # Nothing here multiplies matrices; to start the threads that numpy has for that takes longer than to import the rest of it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        status = cli.main(prog_name="netviz", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        status = 2
    except NetvizError as error:
        from netviz.views.text import safe

        click.echo(f"netviz: {safe(str(error))}", err=True)
        for line in error.hint.splitlines():
            click.echo(f"        {safe(line)}", err=True)
        status = 2
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except (BrokenPipeError, SystemExit):
        # Whoever read us has enough (click turns that into SystemExit, and nothing else where it is not "standalone").
        # Python would complain when it closes stdout, so nothing is left there to close.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    sys.exit(status)


def program() -> None:
    """`main` for a process of its own: what is in memory is left to the system, which is done with it 30 ms sooner than Python
    where there were many events.  Ctrl-C, which `netviz.__main__` had end the process at once, is told to us from here on.
    """
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
    except SystemExit as ending:
        with contextlib.suppress(OSError, ValueError):  # what could still be written was flushed
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(ending.code if isinstance(ending.code, int) else int(ending.code is not None))
