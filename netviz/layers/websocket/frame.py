"""Frames of one direction: headers, the rules they must keep, and where each begins.

https://www.rfc-editor.org/rfc/rfc6455#section-5.2

      0                   1                   2                   3
     +-+-+-+-+-------+-+-------------+-------------------------------+
     |F|R|R|R| opcode|M| length (7)  |   length (16 or 64 bits)      |
     |I|S|S|S|  (4)  |A|             |   where (7) is 126 or 127     |
     |N|V|V|V|       |S|             |                               |
     | |1|2|3|       |K|             |   masking key (32), where M   |
     +-+-+-+-+-------+-+-------------+-------------------------------+
"""

from __future__ import annotations

from typing import NamedTuple

from netviz.event import Field, Problem, frame_kind

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "FIN",
    "RSV1",
    "TEXT",
    "Head",
    "broken",
    "describe",
    "plausible",
    "promising",
    "read_head",
]

FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

#: The layout of a header: names, first bits, numbers of bits (section 5.2).
_FIELDS = (
    ("FIN", 0, 1), ("RSV1", 1, 1), ("RSV2", 2, 1), ("RSV3", 3, 1), ("opcode", 4, 4), ("MASK", 8, 1), ("payload length", 9, 7),
)  # fmt: skip

#: What the payload of a control frame may be at most (section 5.5).
_CONTROL = 125


class Head(NamedTuple):
    """The header of a frame: its first byte, the masking key (-1: none), its own length, and that of the payload."""

    first: int
    mask: int
    size: int
    length: int


def read_head(data: bytes | bytearray, at: int, end: int) -> Head | None:
    """The header that starts at ``at``; None where it is not complete before ``end``.

    >>> read_head(bytes.fromhex("8185 9eff3368 d69a5f04f1".replace(" ", "")), 0, 11)
    Head(first=129, mask=2667524968, size=6, length=5)
    """
    if end - at < 2:
        return None
    second = data[at + 1]
    length, size = second & 0x7F, 2
    if length == 126:
        size = 4
        length = int.from_bytes(data[at + 2 : at + 4], "big")
    elif length == 127:
        size = 10
        length = int.from_bytes(data[at + 2 : at + 10], "big")
    mask = -1
    if second & 0x80:
        size += 4
        mask = int.from_bytes(data[at + size - 4 : at + size], "big")
    return Head(data[at], mask, size, length) if size <= end - at else None


def broken(head: Head, masked: bool, deflate: bool, inside: bool, closed: bool, packet: int) -> list[Problem]:
    """The rules of a header that this one breaks.

    ``masked`` is whether this side must mask, ``deflate`` whether RSV1 may stand on the first frame of a message,
    ``inside`` whether a message of several frames has begun, ``closed`` whether this side has sent a close frame.
    """
    first, mask, size, length = head
    opcode = first & 15
    found: list[tuple[str, str]] = []
    if masked and mask < 0:
        found.append(("unmasked-client-frame", "a client must mask every frame; this one is not (RFC 6455 section 5.1)"))
    elif not masked and mask >= 0:
        found.append(("masked-server-frame", "a server must not mask; this frame is masked (RFC 6455 section 5.1)"))
    control = opcode >= CLOSE
    allowed = RSV1 if deflate and opcode in (TEXT, BINARY) else 0
    if first & 0x70 & ~allowed:
        bits = ", ".join(f"RSV{n}" for n, bit in ((1, RSV1), (2, RSV2), (3, RSV3)) if first & bit & ~allowed)
        why = "no extension that gives it a meaning was agreed on (RFC 6455 section 5.2)"
        if deflate and first & RSV1 & ~allowed and opcode in _OPCODES:
            kind = "a control frame" if control else "a continuation"
            why = f"RSV1 may stand on the first frame of a message only, not on {kind} (RFC 7692 section 6.1)"
        found.append(("reserved-bits", f"{bits} set, but {why}"))
    if opcode not in _OPCODES:
        found.append(("reserved-opcode", f"opcode {opcode} is reserved (RFC 6455 section 5.2)"))
    if control and opcode in _OPCODES:
        if not first & FIN:
            found.append(("control-fragmented", "a control frame must not be fragmented (RFC 6455 section 5.5)"))
        if length > _CONTROL:
            text = f"a control frame carries at most 125 bytes, this one {length:,} (RFC 6455 section 5.5)"
            found.append(("control-too-long", text))
    if opcode == CONTINUATION and not inside:
        text = "a continuation frame, but no message has begun (RFC 6455 section 5.4)"
        found.append(("continuation-without-start", text))
    if opcode in (TEXT, BINARY) and inside:
        text = "a new message begins before the one before it was finished (RFC 6455 section 5.4)"
        found.append(("message-interrupted", text))
    bare = size - (4 if mask >= 0 else 0)
    if bare > (2 if length < 126 else 4 if length < 65536 else 10):
        text = f"length {length:,} in {bare - 2} bytes; the shortest form must be used (RFC 6455 section 5.2)"
        found.append(("length-not-minimal", text))
    if length >> 63:
        found.append(("length-too-large", "the first bit of a 64-bit length must be 0 (RFC 6455 section 5.2)"))
    if closed and not control:
        found.append(("data-after-close", "nothing may be sent after a close frame (RFC 6455 section 5.5.1)"))
    return [Problem(kind, f"packet {packet}: {text}", packet) for kind, text in found]


def describe(header: bytes) -> tuple[Field, ...]:
    """The fields of a header.

    >>> [(field.name, field.value) for field in describe(bytes.fromhex("8105"))][-2:]
    [('MASK', 0), ('payload length', 5)]
    """
    number, size = int.from_bytes(header, "big"), 8 * len(header)
    short = header[1] & 0x7F
    layout = [*_FIELDS]
    if short > _CONTROL:
        layout.append(("extended payload length", 16, 16 if short == 126 else 64))
    if header[1] & 0x80:
        layout.append(("masking key", size - 32, 32))
    found = []
    for name, bit, bits in layout:
        value = number >> size - bit - bits & (1 << bits) - 1
        found.append(Field(name, bit, bits, value, _meaning(name, value), f"0x{value:08x}" if name == "masking key" else ""))
    return tuple(found)


def _meaning(name: str, value: int) -> str:
    match name:
        case "FIN":
            return "last frame of the message" if value else "more frames follow"
        case "RSV1" | "RSV2" | "RSV3":
            return "set: an extension's (permessage-deflate: compressed)" if value and name == "RSV1" else "set" * value
        case "opcode":
            return frame_kind(value)
        case "MASK":
            return "masked, as a client must" if value else "not masked, as a server must"
        case "payload length":
            return {126: "the next 2 bytes say it", 127: "the next 8 bytes say it"}.get(value, "")
        case "extended payload length":
            return ""
        case _:
            return "made up by the client for this frame"


def promising(data: bytes | bytearray, at: int, end: int, masked: bool) -> bool:
    """Whether the beginning of a header, of which the rest is not there, may become a plausible one."""
    if end <= at:
        return True
    first, second = data[at], data[at + 1] if end - at > 1 else 0x80 * masked
    head = Head(first, 0 if second & 0x80 else -1, 2 + 4 * (second >> 7), second & 0x7F)
    long = head.length > _CONTROL
    return plausible(head._replace(length=1), masked) and not (long and first & 15 >= CLOSE)


def plausible(head: Head, masked: bool) -> bool:
    """Whether a header looks like one of a well-behaved peer: this is how frames are recognised without an upgrade."""
    first, mask, size, length = head
    opcode = first & 15
    if opcode not in _OPCODES or first & (RSV2 | RSV3) or (mask >= 0) != masked:
        return False
    if (first & RSV1 and opcode not in (TEXT, BINARY)) or not (first or length):
        return False  # zeros would be empty fragments without end; nobody sends such
    if opcode >= CLOSE and (not first & FIN or length > _CONTROL):
        return False
    return size - 4 * masked == (2 if length < 126 else 4 if length < 65536 else 10) and not length >> 63
