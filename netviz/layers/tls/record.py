"""The record layer: five bytes of header, then a fragment.

https://www.rfc-editor.org/rfc/rfc8446#section-5.1, https://www.rfc-editor.org/rfc/rfc5246#section-6.2
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["ALERT", "APPLICATION", "CHANGE", "HANDSHAKE", "HEAD", "LARGEST", "Record", "is_head"]

CHANGE, ALERT, HANDSHAKE, APPLICATION = 20, 21, 22, 23

#: The length of a header, and the longest fragment: TLS 1.2 allows 2048 bytes more than the plaintext.
HEAD, LARGEST = 5, (1 << 14) + 2048


class Record(NamedTuple):
    """A record: the type and content that it has inside, where it came from, and how long it was on the wire.

    "clear" is one that was never encrypted, "opened" one that was, "sealed" one without keys, "broken" one that is not
    authentic.
    """

    kind: int
    content: bytes
    packets: tuple[int, ...]
    ready: int
    time: int | None
    size: int
    state: Literal["clear", "opened", "sealed", "broken"]


def is_head(data: bytes | bytearray, at: int = 0) -> bool:
    """Whether a record can begin here, of which the whole header is there."""
    length = data[at + 3] << 8 | data[at + 4]
    return CHANGE <= data[at] <= 24 and data[at + 1] == 3 and data[at + 2] <= 4 and length <= LARGEST
