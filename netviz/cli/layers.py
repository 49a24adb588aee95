"""``netviz layers``: one packet as nested layers, each with its fields, its bytes, and what it costs."""

from __future__ import annotations

import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from netviz.cli.options import keylog, opened, output, packet

if TYPE_CHECKING:
    from netviz.event import Dissection, PacketLayer

__all__ = ["layers"]


@click.command(short_help="One packet, layer by layer.", context_settings={"max_content_width": 110})
@packet
@click.option("--layer", metavar="NAME", help="Draw one layer bit by bit: tcp, ipv4, websocket, or its number: 4.")
@click.option("--explain", is_flag=True, help="Say what each layer is for, with the values of this packet.")
@click.option("--full", is_flag=True, help="Every field and every byte.")
@keylog
@output
def layers(
    words: tuple[str, ...], layer: str | None, explain: bool, full: bool, as_json: bool, plain: bool, color: str,
    only_ascii: bool, keylog: str | None,
) -> None:  # fmt: skip
    """Show one packet as nested layers, from the wire up: each with its OSI number, its protocol, what it says, its bytes,
    and what it costs.

    PACKET is its number, counted from 1 as in Wireshark. CAPTURE is a pcap or pcapng file, "-" for standard input, or
    the name of a sample. What a segment carries is shown with the message or request that it is a piece of.

    \b
    Examples:
      netviz layers captures/websocket.pcapng 8
      netviz layers captures/websocket.pcapng 1 --layer tcp
      netviz layers captures/websocket.pcapng 8 --explain
      netviz layers captures/websocket.pcapng 8 --json
    """
    from netviz.capture.source import open_capture
    from netviz.dissection import dissect

    captures, number = words[:-1], words[-1]
    if not captures:
        raise click.UsageError("Which packet? Its number comes last: netviz layers CAPTURE 1 shows the first.")
    if not (number.isascii() and number.isdigit()) or not int(number[:19]) > 0:
        raise click.UsageError(f"The last word is the number of a packet, counted from 1: {number!r} is none.")
    source = open_capture(*captures)
    event = dissect(source, int(number[:19]), opened(keylog, source.streaming))
    if as_json:
        from netviz.views.layers_json import layers_line

        sys.stdout.write(layers_line(event) + "\n")
        return
    from netviz.cli.screen import screen

    console = screen(color, only_ascii)
    for line in _lines(event, console.width, layer, explain, full, plain):
        console.print(line, soft_wrap=True)


def _lines(event: Dissection, width: int, layer: str | None, explain: bool, full: bool, plain: bool) -> Any:
    asked = None if layer is None else _asked(event, layer)
    if plain:
        from netviz.views.layers_plain import plain_layers

        return plain_layers(event, asked)
    if asked is not None:
        from netviz.views.bits import anatomy_of

        return anatomy_of(event, asked, width)
    from netviz.views.topics_named import named, of_dissection

    if explain:
        from netviz.views.lesson import lesson

        drawn = lesson(event, width)
    else:
        from netviz.views.layers import layers as draw

        drawn = draw(event, width, full=full)
    return chain(drawn, [named(of_dissection(event), width)])


def _asked(event: Dissection, name: str) -> list[PacketLayer]:
    """The layers that a word means: a key, a protocol, an OSI number or the name of an OSI layer."""
    from netviz.errors import NetvizError
    from netviz.views.layers import OSI

    word = name.strip().lower()
    found = [one for one in event.layers if word in (one.key, one.name.lower())]
    found = found or [one for one in event.layers if word in (str(one.osi), OSI[one.osi], f"layer {one.osi}")]
    found = found or [one for one in event.layers if word and (one.key.startswith(word) or one.name.lower().startswith(word))]
    if not found:
        there = ", ".join(dict.fromkeys(one.key for one in event.layers if one.key != "nothing"))
        raise NetvizError(f"packet {event.number} has no layer {name}", f"it has: {there}")
    return found
