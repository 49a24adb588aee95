"""The TCP header field by field, with its options.

https://www.rfc-editor.org/rfc/rfc9293#section-3.1; options: RFC 7323 (window scale, timestamps), RFC 2018 (SACK),
RFC 7413 (Fast Open)
"""

from __future__ import annotations

from netviz.event import Field
from netviz.layers.header.field import Entry, Header, Layout, hexadecimal, read
from netviz.layers.tcp.flags import flag_names
from netviz.layers.tcp.options import OPTION_NAMES

__all__ = ["tcp"]


def _port(value: int) -> str:
    names = {20: "FTP data", 22: "SSH", 25: "SMTP", 53: "DNS", 80: "HTTP", 110: "POP3", 143: "IMAP", 443: "HTTPS",
             3306: "MySQL", 5432: "PostgreSQL", 6379: "Redis", 8080: "often HTTP"}  # fmt: skip
    if value in names:
        return f"by custom {names[value]}; a port proves nothing"
    return "a well-known number" if value < 1024 else "made up for this connection, or chosen by its server"


_FLAGS = {
    "CWR": ("", "the sender has slowed down, as ECE asked"),
    "ECE": ("", "congestion was marked on the way (in a SYN: ECN is possible)"),
    "URG": ("", "the urgent pointer counts"),
    "ACK": ("the acknowledgment number does not count", "the acknowledgment number counts"),
    "PSH": ("", "pass it on to the program without waiting"),
    "RST": ("", "the connection is dropped at once"),
    "SYN": ("", "begin: the sequence number is where counting starts"),
    "FIN": ("", "the sender has nothing more to send"),
}

TCP: Layout = (
    Entry("source port", 16, _port),
    Entry("destination port", 16, _port),
    Entry("sequence number", 32, lambda v: "the number of its first byte of data"),
    Entry("acknowledgment number", 32, lambda v: "the next byte expected from the other side"),
    Entry("data offset", 4, lambda v: f"× 4 = {4 * v} bytes of header"),
    Entry("reserved", 4, lambda v: "" if not v else "set, though reserved"),
    *(Entry(name, 1, lambda v, words=words: words[v]) for name, words in _FLAGS.items()),  # type: ignore[misc]
    Entry("window", 16, lambda v: "bytes the sender of this has room for" if v else "no room: do not send"),
    Entry("checksum", 16, None, hexadecimal(4)),
    Entry("urgent pointer", 16, lambda v: "" if not v else "where urgent data ends"),
)

_END, _NOP, _MSS, _SCALE, _SACK_OK, _SACK, _STAMPS, _MPTCP, _FAST_OPEN = 0, 1, 2, 3, 4, 5, 8, 30, 34
_NAMES = {_MSS: "MSS", _SCALE: "window scale", _SACK_OK: "SACK permitted", _STAMPS: "timestamps", _MPTCP: "Multipath TCP",
          _FAST_OPEN: "Fast Open", **OPTION_NAMES}  # fmt: skip
_PURPOSES = {_MSS: "how much data a segment may hold", _SCALE: "for windows larger than 16 bits can say",
             _SACK_OK: "tell me piece by piece what came", _STAMPS: "clocks, to measure round trips",
             _SACK: "pieces that came although others before them are missing", _MPTCP: "one connection over several paths",
             _FAST_OPEN: "data already in the SYN, with a cookie"}  # fmt: skip


def tcp(data: bytes) -> Header:
    """A TCP header with its options."""
    fields = read(TCP, data[:20])
    if len(fields) < len(TCP):
        return Header("tcp", "TCP", 4, 20, fields)
    size = max(4 * fields[4].value, 20)
    fields += tuple(_options(data[20:size]))
    flags = data[13]
    facts = (f"port {fields[0].value} → {fields[1].value}", flag_names(flags), f"seq {fields[2].value}",
             *((f"ack {fields[3].value}",) if flags & 16 else ()), f"window {fields[14].value:,}")  # fmt: skip
    return Header("tcp", "TCP", 4, size, fields, "data", facts)


def _options(raw: bytes) -> list[Field]:
    """The options, as far as they are right: for each a field with kind and length, then what it says."""
    found: list[Field] = []
    at = 0
    while at < len(raw):
        kind, bit = raw[at], 8 * (20 + at)
        if kind == _NOP:
            found.append(Field("NOP", bit, 8, 1, "fills up, so that the next one lies well"))
            at += 1
            continue
        if kind == _END:
            rest = len(raw) - at
            found.append(Field("end of options", bit, 8 * rest, 0, "the rest is padding", raw[at:].hex(" ")))
            break
        length = raw[at + 1] if at + 1 < len(raw) else 0
        if length < 2 or at + length > len(raw):
            found.append(Field("malformed option", bit, 8 * (len(raw) - at), kind, f"kind {kind}, length {length}: impossible",
                               raw[at:].hex(" ")))  # fmt: skip
            break
        name = _NAMES.get(kind, f"option {kind}")
        value = raw[at + 2 : at + length]
        found.append(Field(name, bit, 16, kind << 8 | length, _PURPOSES.get(kind, ""), f"kind {kind}, {length} bytes"))
        found += _value(kind, name, bit + 16, value)
        at += length
    return found


def _value(kind: int, name: str, bit: int, raw: bytes) -> list[Field]:
    number = int.from_bytes(raw, "big")
    if not raw:
        return []
    if kind == _MSS and len(raw) == 2:
        return [Field("largest segment", bit, 16, number, "bytes of data at most in a segment towards me")]
    if kind == _SCALE and len(raw) == 1:
        return [Field("shift", bit, 8, number, f"later windows count × {1 << min(number, 14):,}")]
    if kind == _STAMPS and len(raw) == 8:
        echo = number & 0xFFFFFFFF
        return [
            Field("TSval", bit, 32, number >> 32, "my clock now, to be sent back"),
            Field("TSecr", bit + 32, 32, echo, "your clock, as you sent it: a round trip is measured"),
        ]
    if kind == _SACK and not len(raw) % 8:
        edges = [int.from_bytes(raw[i : i + 4], "big") for i in range(0, len(raw), 4)]
        words = ("these came too, from here", "up to here")
        return [Field(("left edge", "right edge")[i % 2], bit + 32 * i, 32, edge, words[i % 2]) for i, edge in enumerate(edges)]
    return [Field(f"{name} value", bit, 8 * len(raw), number, "", raw.hex(" "))]
