"""``netviz doctor``: what works on this machine."""

from __future__ import annotations

import sys

import click

from netviz.cli.options import output

__all__ = ["doctor"]


@click.command(short_help="What works on this machine, and what could.", context_settings={"max_content_width": 110})
@output
def doctor(as_json: bool, plain: bool, color: str, only_ascii: bool) -> None:
    """Say what works here: rights to capture, libpcap, namespaces for labs, the terminal, optional packages; and what to do
    about what does not.

    \b
    Examples:
      netviz doctor
      netviz doctor --plain
    """
    from netviz.cli.screen import screen
    from netviz.doctor import examine
    from netviz.views.doctor import finding_json, finding_lines, finding_plain

    console = screen(color, only_ascii)
    colors = None if console.no_color else console.color_system
    terminal = sys.stdout.isatty()
    findings = examine(console.width, colors, sys.stdout.encoding or "ascii", terminal=terminal)
    if as_json:
        for one in findings:
            sys.stdout.write(finding_json(one) + "\n")
        return
    for text in map(finding_plain, findings) if plain else finding_lines(findings, console.width):
        console.print(text, soft_wrap=True)
