"""Engine.IO, versions 3 and 4: request targets, packets in WebSocket messages and in bodies of polling, what servers answer.

https://socket.io/docs/v4/engine-io-protocol/; version 3: https://github.com/socketio/engine.io-protocol/tree/v3
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from netviz.event import ENGINE_ERRORS, Handshake
from netviz.layers.jsontext import UnreadableError, read_json

__all__ = [
    "MOST",
    "TYPES",
    "Packet",
    "Target",
    "is_open",
    "read_error",
    "read_message",
    "read_open",
    "read_payload",
    "read_target",
]

#: Packets that are read of one payload.
MOST = 100_000
_MANY = f"more than {MOST:,} packets"

TYPES = ("open", "close", "ping", "pong", "message", "upgrade", "noop")
_MESSAGE = 4

#: Between the packets of a payload of version 4.
_SEPARATOR = b"\x1e"

#: The digits of a length in a payload of version 3.
_DIGITS = 10

_QUERY = 8192
_EXACT = 1 << 53

#: Characters that are two units of UTF-16, and what stands for the second one: nothing that a decoder would leave.
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_FILLER = "\ud800"

#: JSONP: the call of the answer, the field of the form, and what is escaped in it.
_WRAPPED = re.compile(rb'(?:/\*\*/)?___eio\[\d{1,10}\]\((".*")\);?', re.DOTALL)
_FIELD = re.compile(rb"(?:\A|&)d=([^&]*+)")
_ESCAPED = re.compile(rb"(?:%[0-9A-Fa-f]{2})++")
_NEWLINE = re.compile(rb"(\\)?\\n")


class Target(NamedTuple):
    """What a request target says of Engine.IO; ``jsonp`` is the number of the callback that it asks for."""

    path: str
    version: int | None
    transport: str | None
    sid: str | None
    jsonp: str | None


class Packet(NamedTuple):
    """A packet, and where in the content it stands; ``trouble`` says what is wrong with it.

    ``data`` is bytes where it is binary, and None where nothing stands behind the type.  Of JSONP, where content is escaped,
    each packet stands in all of it.
    """

    type: str
    data: str | bytes | None
    start: int
    end: int
    trouble: str = ""


def read_target(target: str) -> Target | None:
    """What a request target, or an absolute URI, says; None where its query has no ``EIO=`` with a number."""
    where, _, query = target.partition("#")[0].partition("?")
    if "EIO=" not in query:
        return None
    found: dict[str, str] = {}
    for name, value in parse_qsl(query[:_QUERY], keep_blank_values=True):
        found.setdefault(name, value)
    version = found.get("EIO", "")
    if not (version.isascii() and version.isdigit()):
        return None
    _, scheme, rest = where.partition("://")
    path = where if not scheme or where.startswith("/") else "/" + rest.partition("/")[2]
    sid = found.get("sid") or None
    return Target(path, int(version) if len(version) < 10 else None, found.get("transport"), sid, found.get("j"))


def read_message(content: str | bytes, version: int | None) -> Packet:
    """The packet that a WebSocket message is; where the version is not known, it is taken for 4."""
    if isinstance(content, bytes):
        return _binary(content, 0, len(content), version)
    end = len(content) if content.isascii() else len(content.encode("utf-8", "surrogatepass"))
    return _text(content, 0, end, version)


def read_payload(content: bytes, version: int | None, *, jsonp: bool = False, request: bool = False) -> list[Packet]:
    """The packets of a body of polling; none in one that is empty."""
    if not content:
        return []
    if not jsonp:
        return _records(content, version)
    inner = _posted(content) if request else _called(content)
    if inner is None:
        why = 'its form has no "d"' if request else "no call of ___eio"
        return [Packet("unknown", content, 0, len(content), f"not JSONP: {why}")]
    return [packet._replace(start=0, end=len(content)) for packet in _records(inner, version)]


def _records(content: bytes, version: int | None) -> list[Packet]:
    if not _old(version):
        return _separated(content, version)
    if content[:1] in (b"\x00", b"\x01"):
        return _framed(content, version)
    return _counted(content, version)


def _old(version: int | None) -> bool:
    return version is not None and version <= 3


def _text(text: str, start: int, end: int, version: int | None) -> Packet:
    """A packet of text; behind a ``b`` stands base64, in version 3 with the type before it."""
    if not text:
        return Packet("unknown", text, start, end, "an empty packet")
    if text[0] == "b":
        kind = _MESSAGE if not _old(version) else _type(text[1:2])
        code = text[2:] if _old(version) else text[1:]
        if kind is None:
            return Packet("unknown", text, start, end, "no packet type behind the b")
        try:
            return Packet(TYPES[kind], binascii.a2b_base64(code, strict_mode=True) if code else b"", start, end)
        except (binascii.Error, ValueError):
            return Packet(TYPES[kind], code, start, end, "its base64 cannot be read")
    kind = _type(text[0])
    if kind is None:
        return Packet("unknown", text, start, end, f"no packet type: {text[0]!r}")
    return Packet(TYPES[kind], text[1:] if len(text) > 1 or kind == _MESSAGE else None, start, end)


def _type(digit: str) -> int | None:
    return ord(digit) - 48 if digit and digit in "0123456" else None


def _binary(data: bytes, start: int, end: int, version: int | None) -> Packet:
    if not _old(version):
        return Packet("message", data, start, end)
    if not data:
        return Packet("unknown", data, start, end, "an empty packet")
    if data[0] >= len(TYPES):
        return Packet("unknown", data, start, end, f"no packet type: byte 0x{data[0]:02x}")
    return Packet(TYPES[data[0]], data[1:], start, end)


def _utf8(raw: bytes, start: int, end: int, version: int | None) -> Packet:
    """A packet of text that must be UTF-8; what is not is replaced, and said."""
    try:
        return _text(raw.decode(), start, end, version)
    except UnicodeDecodeError:
        packet = _text(raw.decode("utf-8", "replace"), start, end, version)
        return packet if packet.trouble else packet._replace(trouble="its text is not UTF-8")


def _rest(content: bytes, at: int, trouble: str) -> Packet:
    return Packet("unknown", content[at:], at, len(content), trouble)


def _separated(content: bytes, version: int | None) -> list[Packet]:
    """Version 4: packets of text with a separator in between."""
    found: list[Packet] = []
    at = 0
    while True:
        end = content.find(_SEPARATOR, at)
        if end >= 0 and len(found) == MOST - 1:
            return [*found, _rest(content, at, _MANY)]
        stop = len(content) if end < 0 else end
        found.append(_utf8(content[at:stop], at, stop, version))
        if end < 0:
            return found
        at = stop + 1


def _framed(content: bytes, version: int | None) -> list[Packet]:
    """Version 3 with binary data: 0 (text) or 1, the length in digits of a byte each, 0xff, the packet."""
    found: list[Packet] = []
    at = 0
    while at < len(content):
        mark = content.find(b"\xff", at + 1, at + 2 + _DIGITS)
        digits = content[at + 1 : mark] if mark >= 0 else b""
        if content[at] > 1 or not digits or max(digits) > 9:
            return [*found, _rest(content, at, "no length of a packet")]
        end = mark + 1 + int("".join(map(str, digits)))
        if end > len(content):
            return [*found, _rest(content, at, f"{end - len(content):,} bytes of a packet are missing")]
        if len(found) == MOST - 1 and end < len(content):
            return [*found, _rest(content, at, _MANY)]
        read = _binary if content[at] else _utf8
        found.append(read(content[mark + 1 : end], at, end, version))
        at = end
    return found


def _counted(content: bytes, version: int | None) -> list[Packet]:
    """Version 3 as text: the length, a colon, the packet.

    JavaScript counts in units of UTF-16, python-engineio in code points or in bytes of UTF-8.
    """
    if content.isascii():
        return _lengths(content.decode(), _as_bytes, version)[0]
    # What is no UTF-8 stays as it is, so that the places of all others are right.
    text = content.decode("utf-8", "surrogateescape")
    units = _ASTRAL.sub(rf"\g<0>{_FILLER}", text)
    first, even = _lengths(units, lambda piece: _as_bytes(piece.replace(_FILLER, "")), version)
    if even:
        return first
    packets, even = _lengths(text, _as_bytes, version)
    if not even:
        packets, even = _lengths(content.decode("latin-1"), lambda piece: piece.encode("latin-1"), version)
    return packets if even else first


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _lengths(units: str, back: Callable[[str], bytes], version: int | None) -> tuple[list[Packet], bool]:
    """The packets where lengths count these units, and whether they come out even."""
    found: list[Packet] = []
    at = place = 0
    trouble = ""
    while at < len(units) and not trouble:
        colon = units.find(":", at, at + _DIGITS + 1)
        head = units[at : max(at, colon)]
        end = colon + 1 + int(head) if head.isascii() and head.isdigit() else -1
        if end < 0:
            trouble = "no length of a packet"
        elif end > len(units):
            trouble = f"{end - len(units):,} characters of a packet are missing"
        elif len(found) == MOST - 1 and end < len(units):
            trouble = _MANY
        else:
            inner = back(units[colon + 1 : end])
            after = place + len(head) + 1 + len(inner)
            found.append(_utf8(inner, place, after, version))
            at, place = end, after
    if trouble:
        rest = back(units[at:])
        found.append(Packet("unknown", rest, place, place + len(rest), trouble))
    return found, trouble in ("", _MANY)


def _called(content: bytes) -> bytes | None:
    """What a script of JSONP calls its function with: a string of JavaScript."""
    match = _WRAPPED.fullmatch(content.strip())
    if match is None:
        return None
    try:
        # Python's servers leave control characters as they are.
        said = json.loads(match[1].decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None
    return said.encode("utf-8", "replace") if isinstance(said, str) else None


def _posted(content: bytes) -> bytes | None:
    """What a form of JSONP sends: line ends are escaped, and so is what looks like one."""
    match = _FIELD.search(content)
    if match is None:
        return None
    data = _ESCAPED.sub(lambda run: bytes.fromhex(run[0].replace(b"%", b"").decode()), match[1].replace(b"+", b" "))
    return _NEWLINE.sub(lambda end: rb"\n" if end[1] else b"\n", data)


def read_open(data: str | bytes | None) -> tuple[str | None, Handshake] | None:
    """The sid and what else the server says in an open packet; None where that is none."""
    said = _json(data)
    if not isinstance(said, dict) or said.keys().isdisjoint(("sid", "upgrades", "pingInterval", "pingTimeout")):
        return None
    sid, upgrades = said.get("sid"), said.get("upgrades")
    named = tuple(name for name in upgrades if isinstance(name, str)) if isinstance(upgrades, list) else ()
    times = (_number(said.get(name)) for name in ("pingInterval", "pingTimeout", "maxPayload"))
    return sid if isinstance(sid, str) and sid else None, Handshake(named, *times)


def is_open(text: str) -> bool:
    """Whether a text is an open packet, wherever it came from."""
    if not text.startswith("0{"):
        return False
    said = _json(text[1:])
    return isinstance(said, dict) and isinstance(said.get("sid"), str) and {"pingInterval", "pingTimeout"} <= said.keys()


#: How python-engineio says in words what others have codes for.
_WORDS = {
    "invalid transport": 0, "invalid session": 1, "bad request": 3, "the client is using an unsupported version": 5,
    "unsupported version": 5,
}  # fmt: skip


def read_error(body: bytes) -> tuple[int | None, str] | None:
    """The code and the words with which a server refuses a request; None where it says nothing of the kind."""
    said = _json(body)
    if isinstance(said, str):
        words = said.lower()
        return next((code for start, code in _WORDS.items() if words.startswith(start)), None), said
    if not isinstance(said, dict):
        return None
    code, message = said.get("code"), said.get("message")
    known = code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < _EXACT else None
    if isinstance(message, str):
        return known, message
    return (known, ENGINE_ERRORS.get(known, "")) if known is not None else None


def _json(data: str | bytes | None) -> Any:
    if data is None:
        return None
    try:
        return read_json(data if isinstance(data, str) else data.decode())
    except (UnreadableError, UnicodeDecodeError):
        return None


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _EXACT else None
