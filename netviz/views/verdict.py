"""A verdict as a block: the headline, then what was seen, what it means, what is likely, what to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from rich.text import Text

from netviz.verdicts.verdict import Claim, Verdict
from netviz.views.overview import SIGNS, Ends
from netviz.views.text import fold, safe, wrapped

__all__ = ["Judged", "verdict_lines"]

_LABEL = 11


class Judged(Ends, Protocol):
    """What a verdict is about: a connection between two ends, and what it carries."""

    @property
    def connection(self) -> int:
        """Its number."""

    @property
    def application(self) -> str:
        """What it carries, or "unknown"."""


def verdict_lines(connection: Judged, verdict: Verdict, width: int) -> Iterator[Text]:
    """The lines of a verdict, with the packets that prove it."""
    sign, style = SIGNS[verdict.severity]
    headline = Text.assemble(
        (f"{sign} {verdict.headline}", style),
        ("  #", "faint"), (str(connection.connection), "faint"),
        "  ", (str(connection.client), "client"), (" → ", "faint"), (str(connection.server), "server"),
        (f"  {connection.application}" if connection.application != "unknown" else "", "label"),
    )  # fmt: skip
    yield fold(headline, width, 2)
    for claim in verdict.seen:
        label = "seen" if claim.known == "seen" else claim.known
        yield from _entry(label, _cite(claim), width)
    yield from _entry("means", verdict.means, width)
    for claim in verdict.likely:
        yield from _entry("likely", claim.text, width)
    if verdict.cause_wanted and not verdict.likely:
        yield from _entry("likely", "the capture cannot tell why", width)
    for advice in verdict.advice:
        yield from _entry("try", advice, width, "command")


def _cite(claim: Claim) -> str:
    if not claim.packets:
        return claim.text
    # Spaces that do not break: a citation stays in one piece.
    numbers = "\N{NO-BREAK SPACE}".join([*map(str, claim.packets[:8]), *(["…"] if len(claim.packets) > 8 else [])])
    return f"{claim.text}  [packet{'s' * (len(claim.packets) > 1)}\N{NO-BREAK SPACE}{numbers}]"


def _entry(label: str, text: str, width: int, style: str = "") -> Iterator[Text]:
    for index, line in enumerate(wrapped(safe(text), max(width - _LABEL - 2, 20))):
        line = line.replace("\N{NO-BREAK SPACE}", " ")
        yield Text.assemble((f"  {label if not index else '':<{_LABEL - 2}}", "label"), (line, style))
