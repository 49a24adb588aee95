"""``netviz interfaces``: where packets can be captured on this machine."""

from __future__ import annotations

import sys

import click

from netviz.cli.options import output

__all__ = ["interfaces"]


@click.command(short_help="Where packets can be captured on this machine.", context_settings={"max_content_width": 110})
@output
def interfaces(as_json: bool, plain: bool, color: str, only_ascii: bool) -> None:
    """List the interfaces: name, what it is, addresses, whether it is up, and whether you may capture on it, or why not.

    \b
    Examples:
      netviz interfaces
      netviz interfaces --json
    """
    from netviz.capture.interfaces import interfaces as find
    from netviz.cli.screen import screen
    from netviz.views.interfaces import interface_line, interface_plain, interface_table

    found = find()
    if as_json:
        for one in found:
            sys.stdout.write(interface_line(one) + "\n")
        return
    console = screen(color, only_ascii)
    for text in map(interface_plain, found) if plain else interface_table(found, console.width):
        console.print(text, soft_wrap=True)
