"""TCP options in words: each kind, and those that cannot be."""

from __future__ import annotations

import pytest

from netviz.layers.header.tcp import tcp
from tests.make import tcp as segment


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ("020405b4", [("MSS", "kind 2, 4 bytes"), ("largest segment", 1460)]),
        ("01030307", [("NOP", 1), ("window scale", "kind 3, 3 bytes"), ("shift", 7)]),
        ("0402 0101", [("SACK permitted", "kind 4, 2 bytes"), ("NOP", 1), ("NOP", 1)]),
        ("0101 080a 00000007 00000009", [("NOP", 1), ("NOP", 1), ("timestamps", "kind 8, 10 bytes"), ("TSval", 7),
                                         ("TSecr", 9)]),
        ("0101 050a 00000001 00000005", [("NOP", 1), ("NOP", 1), ("SACK", "kind 5, 10 bytes"), ("left edge", 1),
                                         ("right edge", 5)]),
        ("2204 abcd", [("Fast Open", "kind 34, 4 bytes"), ("Fast Open value", "ab cd")]),
        ("00000000", [("end of options", "00 00 00 00")]),
        ("02ff0000", [("malformed option", "02 ff 00 00")]),
        ("01010102", [("NOP", 1), ("NOP", 1), ("NOP", 1), ("malformed option", "02")]),
        ("08040000", [("timestamps", "kind 8, 4 bytes"), ("timestamps value", "00 00")]),
    ],
)  # fmt: skip
def test_options(options: str, fields: list[tuple[str, int | str]]) -> None:
    header = tcp(segment(options=bytes.fromhex(options)))
    assert [(field.name, field.text or field.value) for field in header.fields[17:]] == fields
    assert header.fields[-1].bit + header.fields[-1].bits == 8 * header.size
