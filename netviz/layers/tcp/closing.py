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
    behind: dict[int, int] = {}  # the number behind the FIN of each side that sent one, in the order of the capture
    acked: set[int] = set()
    packets: list[int] = []
    for packet, _, side, flags, seq, ack, _, length, _, _, _ in segments:
        if flags & RST:
            packets.append(packet)
            if len(behind) < 2:
                return Closing("reset", SIDES[side], tuple(packets))
            break
        taken = False
        if flags & FIN and side not in behind:
            behind[side] = seq + length + 1
            taken = True
        if flags & ACK and 1 - side not in acked and (due := behind.get(1 - side)) is not None and (ack - due & _WORD) < _HALF:
            acked.add(1 - side)
            taken = True
        if taken:
            packets.append(packet)
    if not behind:
        return Closing("open", None, ())
    return Closing("fin" if len(behind) == 2 else "half-closed", SIDES[next(iter(behind))], tuple(packets))
