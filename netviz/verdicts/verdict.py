"""What a verdict is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Claim", "Severity", "Verdict"]

Severity = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, how it is known, and the packets that show it."""

    text: str
    known: Literal["seen", "computed", "inferred"] = "seen"
    packets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement: a headline of one or two words, then the proof.

    ``likely`` holds causes for which a rule found evidence; where it is empty and a cause is wanting, the view says that
    the capture cannot tell.
    """

    severity: Severity
    headline: str
    seen: tuple[Claim, ...]
    means: str
    likely: tuple[Claim, ...] = ()
    cause_wanted: bool = False
    advice: tuple[str, ...] = ()
