"""TCP options: what a SYN offers besides its flags.

The list: RFC 9293 section 3.1 (https://www.rfc-editor.org/rfc/rfc9293#section-3.1) and
https://www.iana.org/assignments/tcp-parameters; window scale and timestamps RFC 7323, SACK RFC 2018,
Fast Open RFC 7413, Multipath TCP RFC 8684.
"""

from __future__ import annotations

import struct

from netviz.event import Options

__all__ = ["OPTION_NAMES", "decode_options"]

END, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMPS, MPTCP, FAST_OPEN = 0, 1, 2, 3, 4, 5, 8, 30, 34

#: Kinds that netviz names but does not read further.
OPTION_NAMES = {
    SACK: "SACK", 14: "alternate checksum", 19: "MD5 signature", 27: "quick-start", 28: "user timeout",
    29: "TCP-AO", 69: "ENO encryption", 172: "AccECN 0", 174: "AccECN 1", 253: "experiment 1", 254: "experiment 2",
}  # fmt: skip
_MPTCP_SUBTYPES = ("MP_CAPABLE", "MP_JOIN", "DSS", "ADD_ADDR", "REMOVE_ADDR", "MP_PRIO", "MP_FAIL", "MP_FASTCLOSE",
                   "MP_TCPRST")  # fmt: skip

#: The length that an option of fixed layout must have (RFC 9293 section 3.2; RFC 7323 sections 2.2 and 3.2; RFC 2018).
_FIXED = {MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2, TIMESTAMPS: 10}

#: Fast Open before it had a number of its own: kind 254 with this magic (RFC 7413 section 8).
_FAST_OPEN_MAGIC = b"\xf9\x89"

_NONE = Options()

#: What nearly every segment carries, read at once: NOP, NOP, timestamps; and the SYN of Linux: MSS, SACK permitted,
#: timestamps, NOP, window scale.
_USUAL, _USUAL_SYN = struct.Struct("!4sII"), struct.Struct("!HH4sII3sB")
_USUAL_HEAD, _SYN_HEAD, _SYN_TAIL = b"\x01\x01\x08\x0a", b"\x04\x02\x08\x0a", b"\x01\x03\x03"


def decode_options(raw: bytes) -> Options:
    """Read the bytes behind the fixed header, as far as they are right.

    >>> decode_options(b"\\x02\\x04\\xff\\xd7").mss
    65495
    """
    if not raw:
        return _NONE
    mss: int | None
    scale: int | None
    if len(raw) == 12:
        head, value, echo = _USUAL.unpack(raw)
        if head == _USUAL_HEAD:
            return Options(timestamps=(value, echo))
    elif len(raw) == 20:
        kind, mss, head, value, echo, tail, scale = _USUAL_SYN.unpack(raw)
        if kind == 0x0204 and head == _SYN_HEAD and tail == _SYN_TAIL:
            return Options(mss, scale, True, (value, echo))
    mss = scale = stamps = fast_open = mptcp = problem = None
    sack = False
    others: list[int] = []
    at, end = 0, len(raw)
    while at < end:
        kind = raw[at]
        if kind == NOP:
            at += 1
            continue
        if kind == END:
            break
        length = raw[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            problem = f"option {kind} at byte {20 + at} of the header has length {length}, {end - at} bytes are left"
            break
        if _FIXED.get(kind, length) != length:
            problem = f"option {kind} at byte {20 + at} of the header has length {length} instead of {_FIXED[kind]}"
        elif kind == MSS:
            mss = raw[at + 2] << 8 | raw[at + 3]
        elif kind == WINDOW_SCALE:
            scale = raw[at + 2]
        elif kind == SACK_PERMITTED:
            sack = True
        elif kind == TIMESTAMPS:
            stamps = int.from_bytes(raw[at + 2 : at + 6], "big"), int.from_bytes(raw[at + 6 : at + 10], "big")
        elif kind == FAST_OPEN:
            fast_open = raw[at + 2 : at + length].hex()
        elif kind == 254 and length >= 4 and raw[at + 2 : at + 4] == _FAST_OPEN_MAGIC:
            fast_open = raw[at + 4 : at + length].hex()
        elif kind == MPTCP and length > 2:
            subtype = raw[at + 2] >> 4
            mptcp = _MPTCP_SUBTYPES[subtype] if subtype < len(_MPTCP_SUBTYPES) else f"subtype {subtype}"
        else:
            others.append(kind)
        at += length
    return Options(mss, scale, sack, stamps, fast_open, mptcp, tuple(others), problem)
