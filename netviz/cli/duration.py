"""Lengths of time, as people write them."""

from __future__ import annotations

import re
from typing import Any

import click

__all__ = ["Duration"]

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "": 10**9, "m": 60 * 10**9, "min": 60 * 10**9,
          "h": 3600 * 10**9}  # fmt: skip
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})\s*([a-zµ]*)")


class Duration(click.ParamType[int]):
    """A time in ns: 30, 1.5s, 200ms, 5m, 2h."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(str(value).strip())
        if found is None or not found[1].isascii() or found[2] not in _UNITS:
            self.fail(f"{value!r} is no time; write seconds, or a unit behind them: 1.5, 200ms, 2m", param, ctx)
        return round(float(found[1]) * _UNITS[found[2]])
