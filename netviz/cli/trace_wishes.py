"""How a user wants WebSockets to be shown."""

from __future__ import annotations

from dataclasses import dataclass

from netviz.views.conversation import Clock

__all__ = ["Wishes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a user wants it; ``flowing`` prints what comes when it comes."""

    frames: bool
    full: bool
    explain: bool
    stats: bool
    api: bool
    raw: bool
    clock: Clock
    flowing: bool
