"""Socket.IO packets as MessagePack, as socket.io-msgpack-parser writes them; read by the package ``msgpack``, where it is.

https://github.com/msgpack/msgpack/blob/master/spec.md, https://github.com/socketio/socket.io-msgpack-parser
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

from netviz.layers.jsontext import DEEPEST, TooDeepError, UnreadableError

__all__ = ["MsgpackMissingError", "promising", "read_msgpack"]

#: What a first byte says: bytes of the value behind it, or of the length of what follows, or of the count of values inside.
_FIXED = {0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
          0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}  # fmt: skip
_LENGTH = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_COUNT = {0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}

#: notepack.io writes undefined as an extension of type 0 with this in it.
_UNDEFINED = (0, b"\x00")


class MsgpackMissingError(Exception):
    """The package msgpack is not installed."""


def promising(data: bytes) -> bool:
    """Whether bytes begin like a Socket.IO packet: a map with ``type`` and ``nsp``, whatever comes first in it."""
    return data[:1] != b"" and 0x80 <= data[0] <= 0x8F and b"\xa4type" in data and b"\xa3nsp" in data


def read_msgpack(data: bytes) -> Any:
    """The value that these bytes are, made of what JSON has and of bytes; UnreadableError where they are none."""
    library = _library()
    if library is None:
        raise MsgpackMissingError
    _check(data)
    try:
        value = library.unpackb(
            data, raw=False, unicode_errors="replace", timestamp=1, strict_map_key=False,
            ext_hook=_extension, object_pairs_hook=_object,
        )  # fmt: skip
    except UnreadableError:
        raise
    except (ValueError, TypeError, RecursionError, OverflowError, library.exceptions.UnpackException) as error:
        raise UnreadableError(f"not MessagePack: {error}") from None
    return value if b"\xca" not in data and b"\xcb" not in data else _finite(value)


@lru_cache(maxsize=1)
def _library() -> ModuleType | None:
    try:
        return import_module("msgpack")
    except ImportError:
        return None


def _check(data: bytes) -> None:
    """See that no value claims more than is there, before a list of that size is made; and how deeply they nest."""
    open_ = [1]  # values that are still to come, of what surrounds them
    at, size = 0, len(data)
    while True:
        while not open_[-1]:
            open_.pop()
            if not open_:
                if at < size:
                    raise UnreadableError(f"not MessagePack: {size - at:,} bytes behind its end")
                return
        if at >= size:
            raise UnreadableError("not MessagePack: it is cut off")
        open_[-1] -= 1
        byte = data[at]
        at += 1
        inside = 0
        if byte < 0x80 or byte >= 0xE0:
            continue
        if byte < 0xA0:
            inside = (byte & 15) << (byte < 0x90)
        elif byte < 0xC0:
            at += byte & 31
        elif byte in _FIXED:
            at += _FIXED[byte]
        elif byte in _LENGTH:
            width = _LENGTH[byte]
            at += width + int.from_bytes(data[at : at + width], "big") + (0xC7 <= byte <= 0xC9)
        elif byte in _COUNT:
            width = _COUNT[byte]
            inside = int.from_bytes(data[at : at + width], "big") << (byte >= 0xDE)
            at += width
        else:
            raise UnreadableError(f"not MessagePack: byte 0x{byte:02x}")
        if at + inside > size:
            raise UnreadableError("not MessagePack: it is cut off")
        if inside:
            if len(open_) > DEEPEST:
                raise TooDeepError
            open_.append(inside)


def _extension(code: int, data: bytes) -> bytes | None:
    return None if (code, data) == _UNDEFINED else data


def _object(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    return {name if isinstance(name, str) else _name(name): value for name, value in pairs}


def _name(key: Any) -> str:
    if isinstance(key, bytes):
        return key.decode("utf-8", "replace")
    if isinstance(key, dict | list):
        # Written out, each level would double the quotes of the one inside.
        raise UnreadableError("a name in a map is a map or a list")
    return str(key)


def _finite(value: Any) -> Any:
    """The same without NaN and infinities, for which JSON has null."""
    top = [value]
    waiting: list[list[Any] | dict[str, Any]] = [top]
    while waiting:
        holder = waiting.pop()
        items: Any = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for place, item in items:
            if isinstance(item, dict | list):
                waiting.append(item)
            elif isinstance(item, float) and not math.isfinite(item):
                holder[place] = None
    return top[0]
