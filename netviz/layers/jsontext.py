"""JSON texts from the wire, read strictly and within bounds.

https://www.rfc-editor.org/rfc/rfc8259
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

__all__ = ["DEEPEST", "TooDeepError", "UnreadableError", "read_json"]

#: How deeply lists and objects may nest; Python's own limit is 1,000 calls, and some of them are ours.
DEEPEST = 500

#: Each number of so many digits is a double; int() refuses more than 4,300.
_DIGITS = 308

#: A string (to the end of the text where it is not closed: so each character is looked at once), or what nests.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


class UnreadableError(ValueError):
    """What came is not what it should be; the words are a part of a sentence."""


class TooDeepError(UnreadableError):
    """What came nests more deeply than we follow."""

    def __init__(self) -> None:
        super().__init__(f"it nests more than {DEEPEST} levels deep")


def read_json(text: str) -> Any:
    """What a JSON text stands for; UnreadableError where it is none, also for NaN and for numbers that no double holds."""
    if _deep(text):
        raise TooDeepError
    try:
        return json.loads(text, parse_int=_integer, parse_float=_double, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise TooDeepError from None


def _deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif first != '"':
            depth -= 1
    return False


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise UnreadableError(f"a number of {len(digits):,} digits")
    return int(digits)


def _double(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise UnreadableError("a number that is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise UnreadableError(f"not JSON: {name}")
