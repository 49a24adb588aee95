"""What both sides offered, and what holds because of it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netviz.views.offers import offers
from netviz.views.theme import THEME
from tests.wire import ACK, CWR, ECE, MSS, RST, SYN, Wire, echo

_SCALE, _SACK = b"\x01\x03\x03\x0a", b"\x01\x01\x04\x02"


def _rows(wire: Wire) -> dict[str, list[str]]:
    """The cells of each row behind its name."""
    table = offers(wire.connection())
    assert table is not None
    out = io.StringIO()
    Console(file=out, width=200, theme=THEME).print(table)
    head, *lines = out.getvalue().splitlines()
    begins = [head.index(name) for name in ("option", "client", "server", "so")]
    rows = {}
    for line in lines:
        name, *cells = (line[a:b].strip() for a, b in zip(begins, [*begins[1:], 200], strict=True))
        rows[name] = cells
    return rows


@pytest.mark.parametrize(
    ("client", "server", "row", "cells"),
    [
        (MSS, MSS, "MSS", ["1,460", "1,460", "at most 1,460 bytes of data in a segment"]),
        (MSS, b"\x02\x04\xff\xd7", "MSS",
         ["1,460", "65,495", "at most 65,495 bytes in a segment to the server, 1,460 to the client"]),
        (b"", b"", "MSS", ["–", "–", "at most 536 bytes of data in a segment"]),
        (MSS, b"", "MSS", ["1,460", "–", "at most 536 bytes in a segment to the server, 1,460 to the client"]),
        (_SCALE, _SCALE, "window scale", ["10 (× 1,024)", "10 (× 1,024)", "later windows count in these units"]),
        (_SCALE, b"", "window scale", ["10 (× 1,024)", "–", "one side lacks it: windows stay below 65,536 bytes"]),
        (b"\x03\x03\x00", b"\x03\x03\xff", "window scale", ["0 (× 1)", "255 (× 16,384)", "later windows count in these units"]),
        (_SACK, _SACK, "SACK", ["yes", "yes", "what is missing can be told piece by piece"]),
        (b"", _SACK, "SACK", ["–", "yes", "one side lacks it: not used"]),
        (echo(0), echo(9), "timestamps", ["yes", "yes", "every segment measures a round trip"]),
        (echo(1), b"", "timestamps", ["yes", "–", "one side lacks it: not used"]),
        (b"\x22\x02", b"", "fast open", ["asks for a cookie", "–", "no cookie given"]),
        (b"\x22\x02", b"\x22\x06\xde\xad\xbe\xef", "fast open",
         ["asks for a cookie", "cookie deadbeef", "the next connection may send data in its SYN"]),
        (b"\xfd\x04\x00\x00", b"", "others", ["option 253", "–", ""]),
    ],
)  # fmt: skip
def test_rows(client: bytes, server: bytes, row: str, cells: list[str]) -> None:
    assert _rows(Wire().open((client, server)))[row] == cells


@pytest.mark.parametrize("row", ["window scale", "SACK", "timestamps", "fast open", "ECN", "others"])
def test_what_nobody_offered_takes_no_row(row: str) -> None:
    assert row not in _rows(Wire().open())


@pytest.mark.parametrize(
    ("first", "second", "cells"),
    [
        (ECE | CWR, ECE, ["yes", "yes", "routers may mark packets instead of dropping them"]),
        (ECE | CWR, 0, ["yes", "–", "not used"]),
    ],
)
def test_congestion_notification(first: int, second: int, cells: list[str]) -> None:
    wire = Wire().client(SYN | first).server(SYN | ACK | second).client(ACK)
    assert _rows(wire)["ECN"] == cells


def test_data_in_the_syn_is_counted() -> None:
    wire = Wire().client(SYN, b"GET /", options=b"\x22\x06\xde\xad\xbe\xef").server(SYN | ACK).client(ACK)
    assert _rows(wire)["fast open"] == ["cookie deadbeef", "–", "5 bytes of data came with the SYN"]


@pytest.mark.parametrize(
    ("wire", "cells"),
    [
        (Wire().client(SYN, options=MSS).server(RST | ACK), ["1,460", "no answer", ""]),
        (Wire().server(SYN | ACK, options=MSS).client(ACK), ["not captured", "1,460", ""]),
    ],
)
def test_one_side_alone(wire: Wire, cells: list[str]) -> None:
    assert _rows(wire)["MSS"] == cells


def test_no_table_where_no_syn_was_captured() -> None:
    assert offers(Wire().client(ACK, b"hello").server(ACK, b"hello").connection()) is None


def test_first_window_is_not_scaled() -> None:
    wire = Wire().client(SYN, window=64_240).server(SYN | ACK, window=65_160).client(ACK)
    assert _rows(wire)["first window"][:2] == ["64,240", "65,160"]
