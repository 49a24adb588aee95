"""What one side sends, record by record: whatever is due can be read."""

from __future__ import annotations

import pytest

from netviz.layers.tls.direction import Direction
from netviz.stream import Stream


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("changed", range(5))
@pytest.mark.parametrize("value", [0, 3, 5, 22, 24, 25, 0x41, 0xFF])
def test_what_is_due_moves_on(held: bool, changed: int, value: int) -> None:
    """Also where a header is damaged while the other side's answer is waited for: else nobody would come to an end."""
    data = bytearray(b"\x16\x03\x03\x00\x05hello")
    data[changed] = value
    source = Stream()
    source.append(bytes(data), packet=7, place=0, ready=7, time=None)
    side = Direction(source)
    side.held = held
    for _ in range(len(data)):
        if side.due is None:
            return
        before = source.start
        side.read()
        assert source.start > before or side.over
    pytest.fail("it goes on for ever")
