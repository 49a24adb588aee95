"""The flags of a TCP segment (RFC 9293 section 3.1, RFC 3168 section 6.1)."""

from __future__ import annotations

__all__ = ["ACK", "CWR", "ECE", "FIN", "PSH", "RST", "SYN", "URG", "flag_names"]

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def flag_names(flags: int) -> str:
    """The flags as tcpdump users know them: ``SYN, ACK``."""
    return ", ".join(name for bit, name in enumerate(_NAMES) if flags >> bit & 1) or "no flags"
