"""Any value that came out of a packet as JSON: bytes too, and however deep it is nested."""

from __future__ import annotations

from base64 import b64encode
from itertools import repeat
from math import isfinite
from typing import Any, NamedTuple

from netviz.views.json_keys import string

__all__ = ["base64", "json_value"]

#: Python refuses to write longer whole numbers in decimal; these are written as text, in hexadecimal.
_MOST_BITS = 14_000


class _Piece(NamedTuple):
    """Text that is JSON already."""

    text: str


def base64(data: bytes) -> str:
    """Bytes as an object, which no text can be taken for."""
    return f'{{"base64": "{b64encode(data).decode()}"}}'


def json_value(value: Any) -> str:
    """A value as JSON, without recursion: what is left to write waits on a stack.

    Numbers that JSON does not have become null, as they do in JavaScript.

    >>> json_value({"a": [1, None, True, b"\\x01"], "b": float("nan")})
    '{"a": [1, null, true, {"base64": "AQ=="}], "b": null}'
    """
    out: list[str] = []
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, _Piece):
            out.append(one.text)
        elif isinstance(one, dict):
            left.append(_Piece("}"))
            for place, (key, inner) in zip(range(len(one) - 1, -1, -1), reversed(one.items()), strict=True):
                left += (inner, _Piece(f"{', ' if place else ''}{string(str(key))}: "))
            left.append(_Piece("{"))
        elif isinstance(one, list | tuple):
            between = [part for pair in zip(reversed(one), repeat(_Piece(", ")), strict=False) for part in pair]
            left += (_Piece("]"), *between[:-1], _Piece("["))
        else:
            out.append(_plain(one))
    return "".join(out)


def _plain(value: Any) -> str:
    """A value that holds no others."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _MOST_BITS else string(hex(value))
    if isinstance(value, float):
        return repr(value) if isfinite(value) else "null"
    if isinstance(value, bytes | bytearray | memoryview):
        return base64(bytes(value))
    return string(str(value))
