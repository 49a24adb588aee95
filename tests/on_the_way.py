"""What can happen to packets on the way to the capture, in the last third of a talk."""

from __future__ import annotations

from tests.wire import Packet

__all__ = ["lost", "spoiled", "swapped"]


def lost(packets: list[Packet]) -> list[Packet]:
    """One packet is missing."""
    at = len(packets) * 2 // 3
    return packets[:at] + packets[at + 1 :]


def swapped(packets: list[Packet]) -> list[Packet]:
    """Those behind the handshake in another order."""
    first, rest = packets[:12], packets[12:]
    return first + [packet for pair in zip(rest[1::2], rest[::2], strict=False) for packet in pair] + rest[len(rest) & ~1 :]


def spoiled(packets: list[Packet]) -> list[Packet]:
    """The last byte of a packet differs."""
    at = len(packets) * 2 // 3
    time, data = packets[at]
    return [*packets[:at], Packet(time, data[:-1] + bytes((data[-1] ^ 0x80,))), *packets[at + 1 :]]
