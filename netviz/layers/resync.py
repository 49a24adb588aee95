"""Finding HTTP again behind lost bytes: messages begin where segments do.

https://www.rfc-editor.org/rfc/rfc9112#section-2.1
"""

from __future__ import annotations

import re

from netviz.layers.head import LONGEST
from netviz.stream import Stream

__all__ = ["seek"]


def seek(stream: Stream, first: re.Pattern[bytes]) -> bool:
    """Go on at the beginning of a segment that begins with such a line; false where there is none yet."""
    while True:
        if first.match(stream.data, 0, stream.available):
            return True
        for offset, at, end in stream.places():
            if first.match(stream.data, at, end):
                stream.seek(offset)
                return True
        if len(stream.data) <= LONGEST:
            return False
        stream.seek(stream.places()[-1].offset)
        if len(stream.places()) == 1:
            stream.consume(stream.available)
            return False
