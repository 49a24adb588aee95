"""Arguments of an event as JSON, on one line and safe to print; bytes as their length and beginning."""

from __future__ import annotations

import json
from typing import Any

from netviz.views.text import safe

__all__ = ["argument_list", "quoted", "sketch"]

#: Bytes of an attachment that are shown where not all are wanted, and how deep values are drawn at most.
_BYTES, _DEEPEST = 4, 100


def argument_list(args: tuple[Any, ...], most: int | None = None) -> str:
    """Arguments as they would stand in a call; ``most`` characters, then ``…``; all of them without it.

    >>> argument_list(("n.bin", bytes(range(9)), {"a": [1, None]}))
    '"n.bin", <9 bytes 00 01 02 03 04 05 06 07 08>, {"a":[1,null]}'
    >>> argument_list(("n.bin", bytes(range(9)), {"a": [1, None]}), 24)
    '"n.bin", <9 bytes 00 01…'
    """
    parts: list[str] = []
    length = 0
    # Explicit, because values may be nested deeper than Python likes to call; what does not fit any more is not written.
    todo: list[tuple[Any, int]] = [("", -1)]
    for index, arg in enumerate(reversed(args)):
        todo += [(arg, 0), *([(", ", -1)] if index < len(args) - 1 else [])]
    while todo and (most is None or length <= most):
        value, depth = todo.pop()
        if depth < 0:
            text = value
        elif isinstance(value, list | dict) and depth >= _DEEPEST:
            text = "…"
        elif isinstance(value, list):
            text = "["
            todo.append(("]", -1))
            todo += _between([[(item, depth + 1)] for item in _some(value, most)])
        elif isinstance(value, dict):
            text = "{"
            todo.append(("}", -1))
            named = _some(list(value.items()), most)
            todo += _between([[(f"{quoted(str(key), most)}:", -1), (item, depth + 1)] for key, item in named])
        else:
            text = _scalar(value, most)
        parts.append(text)
        length += len(text)
    whole = "".join(parts)
    return whole if most is None or (len(whole) <= most and not todo) else whole[: max(most - 1, 0)] + "…"


def quoted(text: str, most: int | None = None) -> str:
    """A string as JSON writes it, safe to print.

    >>> quoted("grün")
    '"grün"'
    """
    return safe(json.dumps(text if most is None else text[: most + 1], ensure_ascii=False))


def sketch(args: tuple[Any, ...]) -> str:
    """Arguments for a place where only their number and kind matters.

    >>> sketch(("lobby", {"t": "hi"}))
    '…, …'
    """
    return ", ".join("…" for _ in args[:3]) + (", …" if len(args) > 3 else "")


def _some(values: list[Any], most: int | None) -> list[Any]:
    return values if most is None else values[: most + 1]


def _between(items: list[list[tuple[Any, int]]]) -> list[tuple[Any, int]]:
    """Items in the order of a stack, with commas."""
    found: list[tuple[Any, int]] = []
    for index, item in enumerate(reversed(items)):
        if index:
            found.append((",", -1))
        found += reversed(item)
    return found


def _scalar(value: Any, most: int | None) -> str:
    if isinstance(value, bytes):
        shown = value if most is None else value[:_BYTES]
        cut = "" if len(shown) == len(value) else " …"
        count = f"{len(value):,} byte{'' if len(value) == 1 else 's'}"
        return f"<{count}{' ' if value else ''}{shown.hex(' ')}{cut}>"
    if isinstance(value, str):
        return quoted(value, most)
    try:
        return json.dumps(value)
    except (TypeError, ValueError):  # a number too long to write, or nothing that JSON has
        return "…"
