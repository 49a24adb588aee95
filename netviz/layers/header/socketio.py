"""The prefixes of Engine.IO and Socket.IO, character by character: ``42/admin,12[…]``.

https://socket.io/docs/v4/engine-io-protocol/, https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from netviz.event import Field
from netviz.layers import engineio, socketio

__all__ = ["Prefix", "engineio_prefix", "socketio_prefix"]

_ENGINE = (
    "opens the session: the server names it and its times", "closes this transport", "proof of life: answer with a pong",
    "the answer to a ping", "what follows is Socket.IO’s, or a program’s own", "moves the session to this transport",
    "nothing: lets a waiting poll return",
)  # fmt: skip
_SOCKET = (
    "joins a namespace", "leaves a namespace", "socket.emit() on one side, socket.on() on the other",
    "answers an event that asked for it", "the namespace refuses", "an event with attachments", "an ack with attachments",
)  # fmt: skip
_ERROR = "the server refuses (protocol 4)"

#: The head of a packet in a polling body of version 3: a length as text, or 0/1, digits of a byte each, and 0xff.
_COUNTED = re.compile(rb"[0-9]{1,10}:")
_FRAMED = re.compile(rb"([\x00\x01])[\x00-\x09]{1,10}\xff")
_SEPARATOR = b"\x1e"


class Prefix(NamedTuple):
    """What stands before the data: what it says in a word, and field by field; ``size`` are its bytes."""

    word: str
    size: int
    fields: tuple[Field, ...]


def engineio_prefix(data: bytes, version: int | None, how: Literal["text", "binary", "polling"]) -> Prefix:
    """The prefix of an Engine.IO packet in a WebSocket message (text or binary), or in a polling body.

    >>> engineio_prefix(b'42["hi"]', 4, "text")[:2]
    ('message', 1)
    """
    fields: list[Field] = []
    at, binary = 0, how == "binary"
    if how == "polling":
        if data[:1] == _SEPARATOR:
            fields.append(_field("separator", data, 0, 1, "between two packets of one body", "U+001E"))
            at = 1
        elif version is not None and version <= 3:
            at, binary = _length(data, fields)
    if binary and not (version is not None and version <= 3):
        return Prefix("binary message", 0, ())
    if not binary and data[at : at + 1] == b"b":
        fields.append(_field("base64", data, at, at + 1, "binary data, written as text"))
        at += 1
        if version is None or version > 3:
            return Prefix("binary message", at, tuple(fields))
    digit = data[at : at + 1]
    number = digit[0] if binary and digit else digit[0] - 48 if digit else -1
    if not 0 <= number < len(engineio.TYPES):
        return Prefix("unknown", at, tuple(fields))
    fields.append(_field("packet type", data, at, at + 1, _meaning(engineio.TYPES[number], _ENGINE[number]),
                         str(number) if binary else ""))  # fmt: skip
    return Prefix(engineio.TYPES[number], at + 1, tuple(fields))


def socketio_prefix(data: bytes, version: int | None) -> Prefix | None:
    """The prefix of a Socket.IO packet, which is the data of an Engine.IO message; None where it is none.

    >>> [(field.name, field.text) for field in socketio_prefix(b'2/admin,12["chat","hi"]', 4).fields]
    [('packet type', '2'), ('namespace', '/admin,'), ('ack id', '12')]
    """
    text = data.decode("utf-8", "surrogateescape")
    match = socketio.HEADER.match(text)
    if match is None:
        return None
    number = int(match[1])
    old = version is not None and version <= 3 and number == 4
    word = "ERROR" if old else socketio.TYPES[number]
    fields = [_field("packet type", data, 0, 1, _meaning(word, _ERROR if old else _SOCKET[number]))]
    at = 1
    for name, said, after, meaning in (
        ("attachments", match[2], "-", "so many binary messages follow"),
        ("namespace", match[3], "", "which of the server’s namespaces; none stands for /"),
        ("ack id", match[4], "", "the answer to an event carries the number of the event"),
    ):
        if not said:
            continue
        end = at + len((said + after).encode("utf-8", "surrogateescape"))
        fields.append(_field(name, data, at, end, meaning))
        at = end
    return Prefix(word, at, tuple(fields))


def _length(data: bytes, fields: list[Field]) -> tuple[int, bool]:
    """The length before a packet of version 3; where it ends, and whether the packet is binary."""
    if (counted := _COUNTED.match(data)) is not None:
        end = counted.end()
        fields.append(_field("length", data, 0, end, "characters of this packet"))
        return end, False
    if (framed := _FRAMED.match(data)) is not None:
        binary, end = data[0] == 1, framed.end()
        fields.append(_field("kind", data, 0, 1, "binary" if binary else "text", str(data[0])))
        digits = "".join(str(digit) for digit in data[1 : end - 1])
        fields.append(_field("length", data, 1, end, "bytes of this packet: a digit a byte, then ff", digits))
        return end, binary
    return 0, False


def _meaning(word: str, words: str) -> str:
    return f"{word}: {words}"


def _field(name: str, data: bytes, start: int, end: int, meaning: str, text: str = "") -> Field:
    raw = data[start:end]
    return Field(
        name, 8 * start, 8 * (end - start), int.from_bytes(raw, "big"), meaning, text or raw.decode("utf-8", "replace")
    )
