"""A line for each connection: sign, outcome, ends, how it ended; and the sum of all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.cells import cell_len

from netviz.event import TcpConnection
from netviz.views.overview import SIGNS, ending, footer, header, row, widths
from tests.wire import ACK, FIN, PSH, RST, SERVER, SYN, Wire

_ROOM = (15, 15)


def _open() -> Wire:
    return Wire().open()


_WIRES: dict[str, tuple[Callable[[], Wire], str, str]] = {
    "fin": (lambda: _open().close(SERVER), "✓ ESTABLISHED", "closed by server after 5 ms"),
    "reset": (lambda: _open().client(RST | ACK), "✗ ESTABLISHED", "RESET by client after 3 ms"),
    "half-closed": (lambda: _open().client(FIN | ACK).server(ACK), "✓ ESTABLISHED", "half-closed by client"),
    "open": (lambda: _open().client(PSH | ACK, b"hello"), "✓ ESTABLISHED", "still open at the end"),
    "refused": (lambda: Wire().client(SYN).server(RST | ACK), "✗ REFUSED", "RST answered the SYN"),
    "unanswered": (lambda: Wire().client(SYN), "✗ UNANSWERED", "no answer to 1 SYN"),
    "incomplete": (lambda: Wire().client(SYN).server(SYN | ACK), "✗ INCOMPLETE", "the last ACK is missing"),
    "aborted": (lambda: Wire().client(SYN).server(SYN | ACK).client(RST), "✗ ABORTED", "RST by client"),
    "partial": (lambda: Wire().client(ACK, b"x").server(ACK, b"y"), "• PARTIAL", "still open at the end"),
}


@pytest.mark.parametrize("width", [60, 109, 110, 200])
@pytest.mark.parametrize("name", sorted(_WIRES))
def test_rows(name: str, width: int) -> None:
    make, verdict, how = _WIRES[name]
    connection = make().connection()
    text = row(connection, connection.start, width, _ROOM).plain
    assert text.startswith(f"    0 {verdict} ")
    assert "10.0.0.1:40000 → 10.0.0.2:80" in text
    assert how in text
    assert len(text.split("\n")) == (1 if width >= 110 else 2)


@pytest.mark.parametrize("name", sorted(_WIRES))
def test_what_failed_says_why(name: str) -> None:
    connection = _WIRES[name][0]().connection()
    assert ending(connection)[0]


@pytest.mark.parametrize("width", [60, 80, 110, 120, 200])
@pytest.mark.parametrize("name", sorted(_WIRES))
def test_rows_fit(name: str, width: int) -> None:
    wire = _WIRES[name][0]()
    lines = [header(width, _ROOM).plain, *row(wire.connection(), wire.connection().start, width, _ROOM).plain.split("\n")]
    assert [line for line in lines if cell_len(line) > width] == []


def test_columns_stand_under_their_names() -> None:
    connection = Wire(("10.0.0.1", 40000), ("10.0.0.2", 80)).wait(1).open().close().connection()
    head = header(120, _ROOM).plain
    text = row(connection, connection.start, 120, _ROOM).plain
    assert head.index("server") == text.index("10.0.0.2:80")
    assert head.index("client") + len("client") == text.index("10.0.0.1:40000") + len("10.0.0.1:40000")
    assert head.index("start") + len("start") == text.index("0.000000") + len("0.000000")
    assert head.index("RTT") + len("RTT") == text.index("2 ms") + len("2 ms")
    assert head.index("ending") == text.index("closed by")


@pytest.mark.parametrize(
    ("ends", "room"),
    [
        ([], (15, 15)),
        ([("10.0.0.1", "10.0.0.2")], (15, 15)),
        ([("10.0.0.1", "192.168.100.200")], (15, 18)),
        ([("10.0.0.1", "10.0.0.2"), ("fd00:1111:2222::1", "fd00::2")], (25, 15)),
    ],
)
def test_widths(ends: list[tuple[str, str]], room: tuple[int, int]) -> None:
    assert widths([Wire((a, 40000), (b, 80)).open().connection() for a, b in ends]) == room


def test_application_and_repetition_are_told() -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    wire = Wire().client(SYN).client(SYN, seq=1000).server(SYN | ACK).client(ACK).client(PSH | ACK, request)
    connection = wire.connection()
    assert connection.application == "http"
    assert "still open at the end · http · 1 handshake step repeated" in row(connection, None, 200, _ROOM).plain


def test_rows_without_times() -> None:
    connection = _open().close().connection()
    text = row(connection, None, 200, _ROOM).plain
    assert "at " not in text
    assert "0.000000" not in text


def test_signs_differ_without_colour() -> None:
    assert len({sign for sign, _ in SIGNS.values()}) == len(SIGNS) == 3


@pytest.mark.parametrize(
    ("outcomes", "counts", "times", "late", "text"),
    [
        ({}, {}, (None, None), 0, "0 connections · 0 packets"),
        ({"refused": 1}, {"packets": 2, "tcp": 2}, (0, 1_000_000), 0, "1 connection: 1 refused · 2 packets · 1 ms"),
        (
            {"refused": 1, "established": 2000}, {"packets": 9000, "tcp": 8000, "udp": 500, "arp": 1}, (None, None), 0,
            "2,001 connections: 1 refused, 2,000 established · 9,000 packets (8,000 TCP, 500 UDP, 1 ARP, 499 other)",
        ),
        (
            {"partial": 1}, {"packets": 3, "tcp": 3}, (5, 5), 1,
            "1 connection: 1 partial · 3 packets · 0 µs · 1 late segment of connections already over",
        ),
    ],
)  # fmt: skip
def test_footer(
    outcomes: dict[str, int], counts: dict[str, int], times: tuple[int | None, int | None], late: int, text: str
) -> None:
    assert footer(outcomes, counts, *times, late).plain == text


def test_row_of_ipv6_is_written_as_in_a_url() -> None:
    connection: TcpConnection = Wire(("fd20::1", 40000), ("fd20::2", 80)).open().connection()
    assert "[fd20::1]:40000 → [fd20::2]:80" in row(connection, None, 200, widths([connection])).plain
