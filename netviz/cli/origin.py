"""Where packets come from: saved captures, standard input, or an interface."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netviz.cli.duration import Duration
from netviz.samples import find, samples

if TYPE_CHECKING:
    from netviz.capture.live import Live
    from netviz.capture.source import Source

__all__ = ["CAPTURE", "Origin", "Size", "captures", "capturing", "origin"]

_F = TypeVar("_F", bound=Callable[..., Any])


class _Capture(click.ParamType[str]):
    name = "capture"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return find(str(value))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name) for name in samples() if incomplete and name.startswith(incomplete)]
        return [*named, CompletionItem(incomplete, type="file")]


CAPTURE = _Capture()


class Size(click.ParamType[int]):
    """Bytes: 65536, 64k, 16M."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if isinstance(value, int):
            return value
        text = str(value).strip().lower().removesuffix("ib").removesuffix("b")
        unit = {"k": 10, "m": 20, "g": 30}.get(text[-1:], 0)
        digits = text[:-1] if unit else text
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 10 or int(digits) << unit > 1 << 30:
            self.fail(f"{value!r} is no size up to 1G; write 65536, 64k or 16M", param, ctx)
        return int(digits) << unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a user said of it."""

    captures: tuple[str, ...]
    matching: str
    interface: str | None
    write: str
    snaplen: int
    buffer: int
    promiscuous: bool
    limit: int
    duration: float

    def open(self, command: str) -> Source:
        """The Source; ``command`` is who asks, for hints."""
        if self.interface is not None:
            return self.live(command)
        from netviz.capture.source import open_capture

        return open_capture(*self.captures, matching=self.matching)

    def live(self, command: str) -> Live:
        """Packets as they happen."""
        from importlib.metadata import version

        from netviz.capture.live import Live
        from netviz.capture.sniffer import Wishes

        wishes = Wishes(
            interface=self.interface or "", matching=self.matching.strip(), snaplen=self.snaplen or 262_144, buffer=self.buffer,
            promiscuous=self.promiscuous, limit=self.limit, duration=self.duration, program=f"netviz {version('netviz')}",
        )  # fmt: skip
        return Live(wishes, write=self.write, command=command)

    def typed(self, *, filtered: bool = True) -> str:
        """What to type to read the same packets again, or without ``filtered`` the whole captures."""
        from netviz.cli.names import typed
        from netviz.views.text import safe

        if self.interface is not None:
            return typed([self.write]) if self.write else "-"
        named = typed(self.captures)
        return f"{named} -f {shlex.quote(safe(self.matching))}" if self.matching and filtered else named


#: How to capture: names of Origin, and their options.
_CAPTURING = (
    click.option("--snaplen", type=click.IntRange(0, 1 << 20), default=0, metavar="BYTES",
                 help="Keep no more than this of a packet (default: all)."),
    click.option("--buffer", type=Size(), default="32M", show_default=True, metavar="SIZE",
                 help="What the kernel may keep for netviz; more of it loses less in a burst."),
    click.option("--promiscuous/--no-promiscuous", default=False, help="Also packets for other machines (default: no)."),
    click.option("--count", "limit", type=click.IntRange(min=1), default=None, metavar="N", help="Stop after N packets."),
    click.option("--duration", type=Duration(), default=None, metavar="TIME", help="Stop after this time: 30, 5m, 2h."),
)  # fmt: skip

_FILTER = click.option("-f", "--filter", "matching", default="", metavar="BPF",
                       help="Only packets that match this capture filter, such as 'tcp port 8080'. Of a fragmented "
                            "IP packet only the first fragment has ports.")  # fmt: skip


def _collected(command: _F) -> Any:
    """A command that is given one Origin in place of its options."""

    @functools.wraps(command)
    def call(*args: Any, **params: Any) -> Any:
        said = {one.name: params.pop(one.name, None) for one in fields(Origin)}
        said["captures"] = said["captures"] or ()
        said["write"] = said["write"] or ""
        said["limit"], said["duration"] = said["limit"] or 0, (said["duration"] or 0) / 1e9
        _settle(said)
        return command(*args, origin=Origin(**said), **params)

    return call


def _settle(said: dict[str, Any]) -> None:
    """Say what cannot go together."""
    if said["interface"] is not None and said["captures"]:
        raise click.UsageError(f"Either an interface (-i {said['interface']}) or a capture ({said['captures'][0]}), not both.")
    if said["interface"] is None:
        if not said["captures"]:
            raise click.UsageError("Which capture? A file, - for standard input, the name of a sample, or -i INTERFACE.")
        if given := [name for name in ("write", "limit", "duration", "snaplen", "promiscuous") if said[name]]:
            option = {"limit": "count"}.get(given[0], given[0])
            raise click.UsageError(f"--{option} is for live capture: it needs -i INTERFACE.")


def _options(command: _F, options: tuple[Any, ...]) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def captures(command: _F) -> Any:
    """Saved captures, or standard input, and which of their packets."""
    return click.argument("captures", nargs=-1, required=True, type=CAPTURE, metavar="CAPTURE...")(_FILTER(command))


def origin(command: _F) -> Any:
    """The captures to read, or the interface to capture on, and which packets; the command is given an Origin."""
    return _options(
        _collected(command),
        (
            click.argument("captures", nargs=-1, type=CAPTURE, metavar="[CAPTURE]..."),
            _FILTER,
            click.option("-i", "--interface", metavar="NAME", help="Capture live on this interface: lo, eth0, any."),
            click.option("--write", type=click.Path(dir_okay=False), metavar="FILE", help="Live: save all packets, too."),
            *_CAPTURING,
        ),
    )  # fmt: skip


def capturing(command: _F) -> Any:
    """The interface to capture on and the file to write; the command is given an Origin."""
    return _options(
        _collected(command),
        (
            click.argument("write", type=click.Path(dir_okay=False), metavar="FILE"),
            click.option("-i", "--interface", required=True, metavar="NAME", help="The interface: lo, eth0, any."),
            _FILTER,
            *_CAPTURING,
        ),
    )  # fmt: skip
