"""The end of a TCP connection: FIN from each side, or an RST.

https://www.rfc-editor.org/rfc/rfc9293#section-3.6 (close), https://www.rfc-editor.org/rfc/rfc9293#section-3.5.3 (reset)
"""

from __future__ import annotations

from collections.abc import Sequence

from netviz.event import SIDES, Closing, Segment
from netviz.layers.tcp.flags import ACK, FIN, RST

__all__ = ["read_closing"]

_HALF, _WORD = 1 << 31, 0xFFFFFFFF


def read_closing(segments: Sequence[Segment]) -> Closing:
    """Judge the kept segments behind a handshake, in the order of the capture.

    ``packets`` are the first FIN of each side, the first segments that acknowledge them, and the RST.
    """
    fins: dict[int, Segment] = {}
    acked: set[int] = set()
    packets: list[int] = []
    for segment in segments:
        side = segment.side
        if segment.flags & RST:
            packets.append(segment.packet)
            if len(fins) < 2:
                return Closing("reset", SIDES[side], tuple(packets))
            break
        taken = False
        if segment.flags & FIN and side not in fins:
            fins[side] = segment
            taken = True
        peer = fins.get(1 - side)
        if peer is not None and segment.flags & ACK and 1 - side not in acked:
            behind = peer.seq + peer.length + 1
            if (segment.ack - behind & _WORD) < _HALF:
                acked.add(1 - side)
                taken = True
        if taken:
            packets.append(segment.packet)
    if not fins:
        return Closing("open", None, ())
    first = min(fins.values(), key=lambda s: s.packet)
    return Closing("fin" if len(fins) == 2 else "half-closed", SIDES[first.side], tuple(packets))
