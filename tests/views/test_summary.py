"""The summary on a screen: its blocks, its bars, widths, and names and comments that nobody can trust."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netviz.capture.source import open_capture
from netviz.event import CaptureInterface, CapturePart, CaptureSummary, Share, Trouble
from netviz.summary import summarize
from netviz.verdicts.capture import Command
from netviz.views.summary import summary_lines
from tests.conftest import CAPTURES
from tests.hostile import HOSTILE, dangerous, lines_of, wider

_WIDTHS = (60, 80, 100, 119, 120, 160, 200)
_COMMANDS = (Command("ws-trace", "--connection 3", "why not"), Command("handshake", "", "all of them"))


def _summary(name: str) -> CaptureSummary:
    *_, summary = summarize(open_capture(CAPTURES[name]))
    assert isinstance(summary, CaptureSummary)
    return summary


_MIXED, _PLAIN, _REFUSED = (_summary(name) for name in ("mixed", "websocket", "refused"))


def _drawn(summary: CaptureSummary, width: int = 120, names: str = "my.pcap") -> list[str]:
    return lines_of(summary_lines(summary, _COMMANDS, names, width))


def _block(lines: list[str], title: str) -> list[str]:
    """The lines below a title."""
    at = next(number for number, line in enumerate(lines) if line.startswith(title))
    rest = lines[at + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def test_blocks_in_their_order() -> None:
    lines = _drawn(_MIXED)
    assert lines[0] == "✗ 1,127 packets, 52 TCP connections, 18 WebSockets, 3 kinds of problem"
    titles = [line.split()[0] for line in lines[1:] if line and not line.startswith(" ")]
    assert titles == ["file", "protocols", "connections", "busiest", "problems", "worth", "next", "netviz"]


def test_blocks_without_content_are_left_out() -> None:
    lines = _drawn(_PLAIN)
    titles = [line.split()[0] for line in lines[1:] if line and not line.startswith(" ")]
    assert titles == ["file", "protocols", "connections", "next", "netviz"]


@pytest.mark.parametrize("width", _WIDTHS)
def test_no_line_is_too_wide(width: int) -> None:
    for summary in (_MIXED, _PLAIN, _REFUSED):
        lines = _drawn(summary, width)
        assert wider(lines, width) == []
        assert [line for line in lines if line != line.rstrip() and len(line) > width] == []


def test_bars_are_as_long_as_packets_are_many() -> None:
    shares = (Share("IPv4", "", 100, 1), Share("TCP", "IP", 50, 1), Share("http", "TCP", 25, 1), Share("ARP", "", 0, 0))
    lines = _block(_drawn(replace(_PLAIN, count=100, shares=shares)), "protocols")
    bars = {line.split()[0]: line.count("█") for line in lines}
    assert bars == {"IPv4": 40, "TCP": 20, "http": 10, "ARP": 0}
    assert [line.split()[0] for line in lines if line.startswith("    ")] == ["http"]


@pytest.mark.parametrize(
    ("client", "server", "most", "parts"),
    [
        (0, 0, 10, (0, 0)), (10, 0, 10, (12, 0)), (5, 5, 10, (6, 6)), (1, 9999, 10_000, (1, 11)), (9999, 1, 10_000, (11, 1)),
        (1, 1, 10_000, (1, 1)), (0, 5, 10, (0, 6)), (5, 4, 9, (7, 5)),
    ],
)  # fmt: skip
def test_bars_of_both_sides(client: int, server: int, most: int, parts: tuple[int, int]) -> None:
    from netviz.views.summary import _bar

    bar = _bar(client, server, most, 12)
    assert len(bar.plain) == 12
    drawn = {span.style: span.end - span.start for span in bar.spans}
    assert (drawn.get("client", 0), drawn.get("server", 0)) == parts


def test_a_connection_of_which_the_websocket_has_a_problem_is_marked() -> None:
    number = _PLAIN.busiest[0].connection
    for flawed, sign in (((), "✓"), ((number,), "✗")):
        (row,) = [line for line in _drawn(replace(_PLAIN, flawed=flawed)) if " → " in line]
        assert row.split()[1] == sign


@pytest.mark.parametrize(("width", "told"), [(60, False), (80, False), (100, True), (119, True), (120, False), (160, True)])
def test_what_was_sent_again_is_told_where_there_is_room(width: int, told: bool) -> None:
    (connection,) = _PLAIN.busiest
    client, server = connection.traffic
    again = replace(connection, traffic=(client._replace(retransmissions=12), server))
    assert any(" · 12 retransmissions" in line for line in _drawn(replace(_PLAIN, busiest=(again,)), width)) is told
    assert len(_drawn(replace(_PLAIN, busiest=(again,)), width)) == len(_drawn(_PLAIN, width))


def test_connections_that_failed_say_so() -> None:
    assert any("REFUSED, RST answered the SYN" in line for line in _drawn(_REFUSED))


def test_problems_are_few() -> None:
    troubles = tuple(Trouble("tcp", f"kind-{n}", f"packet {n}: text", n, n, 7) for n in range(1, 14))
    lines = _block(_drawn(replace(_PLAIN, troubles=troubles)), "problems")
    assert lines[0] == "  • kind-1: text  [connection 7, packet 1]"
    assert lines[1] == "  • kind-2, 2 times: text  [first: connection 7, packet 2]"
    assert (len(lines), lines[-1]) == (11, "    and 3 kinds more")


def test_commands_stand_in_one_piece_beside_their_reason_or_above_it() -> None:
    assert _block(_drawn(_PLAIN), "next") == [
        "  netviz ws-trace my.pcap --connection 3  why not",
        "  netviz handshake my.pcap                all of them",
    ]
    long = "'" + "a very long name " * 8 + ".pcap'"
    assert _block(_drawn(_PLAIN, 80, long), "next") == [
        f"  netviz ws-trace {long} --connection 3",
        "      why not",
        f"  netviz handshake {long}",
        "      all of them",
    ]


def test_a_pipe_cannot_be_read_again() -> None:
    lines = _block(_drawn(_PLAIN, names=""), "next")
    assert "keep it" in " ".join(lines)
    assert not any("ws-trace" in line for line in lines)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("width", [60, 120])
def test_what_a_file_says_of_itself_is_escaped(text: str, width: int) -> None:
    fields: dict[str, Any] = {
        "files": (text,),
        "parts": (CapturePart(text, "pcapng", (1, 0), "little", text, text, text),),
        "interfaces": (CaptureInterface(text, text, text, 1, "Ethernet", 96, "µs", 1),),
        "comments": (text,),
        "troubles": (Trouble("capture", "file-damaged", text, 2, 3, None),),
        "count": 0,
    }
    lines = _drawn(replace(_PLAIN, **fields), width)
    assert [line for line in lines if dangerous(line)] == []
    assert wider(lines, width) == []
