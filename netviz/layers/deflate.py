"""permessage-deflate: compressed messages, one after the other through one window (or a new one each).

https://www.rfc-editor.org/rfc/rfc7692#section-7
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Budget", "Deflate", "Extension", "Inflator", "agreed", "faults"]

NAME = "permessage-deflate"

_TAKEOVER = ("server_no_context_takeover", "client_no_context_takeover")
_BITS = ("server_max_window_bits", "client_max_window_bits")

#: What the sender takes off the end of each message (section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"

#: Bytes inflated at once, bytes inflated for one connection before netviz gives up, and the largest window.
_STEP, _MOST, _WINDOW = 64 << 10, 1 << 30, 32 << 10

Extension = tuple[str, Sequence[tuple[str, "str | None"]]]


class Deflate(NamedTuple):
    """What client and server agreed on, each as (client, server): whether the window is kept between messages, and how
    large it is at most, in bits.
    """

    takeover: tuple[bool, bool] = (True, True)
    bits: tuple[int, int] = (15, 15)


class Budget:
    """How much may still be inflated for a connection."""

    __slots__ = ("left",)

    def __init__(self, left: int = _MOST) -> None:
        self.left = left


class Inflator:
    """Inflates the messages of one side."""

    __slots__ = ("_bits", "_budget", "_inflate", "_recent", "_size", "_takeover")

    def __init__(self, takeover: bool, bits: int, budget: Budget) -> None:
        self._takeover = takeover
        # zlib compresses with a window of at least 512 bytes, also where 256 were agreed.
        self._bits = -max(bits, 9)
        self._budget = budget
        self._inflate = zlib.decompressobj(self._bits)
        self._recent: deque[bytes] = deque()
        self._size = 0

    def copy(self) -> Inflator:
        """Another one that goes on from here."""
        other = Inflator(self._takeover, -self._bits, self._budget)
        other._inflate = self._inflate.copy()
        other._recent, other._size = self._recent.copy(), self._size
        return other

    @property
    def exhausted(self) -> bool:
        """Whether more was inflated than anybody should for one connection."""
        return self._budget.left <= 0

    def feed(self, data: bytes | bytearray, keep: int) -> tuple[bytes, int]:
        """Inflate a piece of a message: the first ``keep`` bytes of the result, and how many there were.

        Raises zlib.error where the bytes are not what a compressor writes.
        """
        if self._budget.left > len(data) << 11 and keep > len(data) << 11:
            # Deflate makes at most 1032 of one (zlib's technical notes): no step is needed to stay within bounds.
            out = self._inflate.decompress(data)
            if not self._inflate.eof:
                return self._remember(out), len(out)
            rest: bytes = self._inflate.unused_data
            self._remember(out)
            kept, total = [out], len(out)
        else:
            kept, total, rest = [], 0, bytes(data)
        while rest and not self.exhausted:
            if self._inflate.eof:
                # A last block (BFINAL) ends what zlib knows, but not the window of the sender (section 7.2.3.4).
                self._inflate = zlib.decompressobj(self._bits, zdict=b"".join(self._recent)[-_WINDOW:])
            out = self._inflate.decompress(rest, _STEP)
            rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            self._remember(out)
            if total < keep:
                kept.append(out[: keep - total])
            total += len(out)
        return b"".join(kept), total

    def end(self, keep: int) -> tuple[bytes, int]:
        """The message is complete: what was still in the window, and ready for the next."""
        out = (b"", 0) if self._inflate.eof else self.feed(_TAIL, keep)
        if not self._takeover:
            self._inflate = zlib.decompressobj(self._bits)
            self._recent.clear()
            self._size = 0
        return out

    def message(self, payload: bytes, limit: int) -> bytes | None:
        """All of a message; None where it cannot be inflated to its end, or is more than the limit."""
        try:
            first, size = self.feed(payload, limit)
            last, more = self.end(limit)
        except zlib.error:
            return None
        return None if self.exhausted or size + more > limit else first + last

    def _remember(self, out: bytes) -> bytes:
        self._budget.left -= len(out)
        if not out:
            return out
        recent = out if len(out) <= _WINDOW else out[-_WINDOW:]
        self._recent.append(recent)
        self._size += len(recent)
        while self._size - len(self._recent[0]) >= _WINDOW:
            self._size -= len(self._recent.popleft())
        return out


def agreed(extensions: Sequence[Extension]) -> Deflate | None:
    """What the extensions of an answer say about compression; None where it was not agreed on."""
    for name, parameters in extensions:
        if name == NAME:
            given = dict(parameters)
            server, client = (key not in given for key in _TAKEOVER)
            server_bits, client_bits = (_window(given.get(key)) or 15 for key in _BITS)
            return Deflate((client, server), (client_bits, server_bits))
    return None


def faults(offered: Sequence[Extension], chosen: Sequence[Extension]) -> list[str]:
    """What is wrong with the permessage-deflate of an answer, compared with what was offered (section 7.1).

    Of several offers the answer must fit one; what is told is what keeps it from fitting the first.
    """
    answers = [parameters for name, parameters in chosen if name == NAME]
    if not answers:
        return []
    if len(answers) > 1:
        return [f"{NAME} is agreed on twice, and both would use RSV1"]
    found = []
    given: dict[str, str | None] = {}
    for key, value in answers[0]:
        if key in given:
            found.append(f"{key} is given twice")
        given[key] = value
        if key in _TAKEOVER:
            if value is not None:
                found.append(f"{key} takes no value")
        elif key not in _BITS:
            found.append(f"{key} is not a parameter of {NAME}")
        elif _window(value) is None:
            found.append(f"{key}={value} is not a number from 8 to 15")
    if found:
        return found
    misfits = [_misfits(dict(parameters), given) for name, parameters in offered if name == NAME]
    return min(misfits, key=bool) if misfits else []


def _misfits(offer: dict[str, str | None], given: dict[str, str | None]) -> list[str]:
    """Why an answer does not fit an offer (sections 7.1.1 and 7.1.2)."""
    found = []
    if "server_no_context_takeover" in offer and "server_no_context_takeover" not in given:
        found.append("server_no_context_takeover was asked for, and is not granted")
    server, client = (_window(offer.get(key)) for key in _BITS)
    if server is not None and (_window(given.get("server_max_window_bits")) or 16) > server:
        found.append(f"server_max_window_bits={server} was asked for, and is not granted")
    if "client_max_window_bits" in given and "client_max_window_bits" not in offer:
        found.append("client_max_window_bits was not offered")
    elif client is not None and (_window(given.get("client_max_window_bits")) or 0) > client:
        found.append(f"client_max_window_bits is more than the {client} that were offered")
    return found


def _window(value: str | None) -> int | None:
    return int(value) if value is not None and value in ("8", "9", "10", "11", "12", "13", "14", "15") else None
