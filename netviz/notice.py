"""Packets that are not decoded, counted and told once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Notice"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Packets that are not decoded: why, how many, and the number of the first."""

    kind: str
    text: str
    count: int
    packet: int
