"""Heads of TLS records, and what is none."""

from __future__ import annotations

import pytest

from netviz.layers.header.tls import record


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        ("16 0301 0064 01 000060", ("handshake: ClientHello", "100 bytes")),
        ("16 0303 0064 02 000060", ("handshake: ServerHello", "100 bytes")),
        ("16 0303 0028 a7 b1c2d3", ("handshake, encrypted", "40 bytes")),
        ("14 0303 0001 01", ("change cipher spec", "1 byte")),
        ("17 0303 0400 00", ("application data, encrypted", "1,024 bytes")),
        ("15 0303 0002 01 00", ("alert", "2 bytes")),
    ],
)
def test_records(data: str, facts: tuple[str, str]) -> None:
    header = record(bytes.fromhex(data))
    assert header is not None
    assert (header.size, header.facts) == (5, facts)


@pytest.mark.parametrize("data", ["", "16 0303 00", "47 4554 2f20", "16 0404 0010", "16 0305 0010", "17 0303 ffff"])
def test_what_is_no_record(data: str) -> None:
    assert record(bytes.fromhex(data)) is None
