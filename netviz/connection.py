"""A TCP connection while it lasts: who speaks, and the few segments that decide how it began and ended.

A Connection is fed only the segments that can change what is known of it (see `netviz.tracker`); everything else is
counted in columns.  It does not judge: `netviz.layers.tcp` reads the kept segments when the connection is over.

Sides are 0 and 1 by the order of the endpoints' codes until it is known who is the client.
"""

from __future__ import annotations

from enum import IntEnum

from netviz.event import Icmp
from netviz.layers.probe import Probe
from netviz.layers.tcp.segment import ACK, FIN, RST, SYN

__all__ = ["SPECIAL", "Connection", "Phase", "Row"]

#: Flags that always make a segment worth looking at.
SPECIAL = SYN | FIN | RST

#: Packet, time (None if it has none), side, flags, seq, ack, window, length, ordinal, options.
Row = tuple[int, "int | None", int, int, int, int, int, int, int, bytes]

#: Segments kept of one connection, segments without SYN, FIN or RST looked at in a row, and ICMP errors kept.
_MOST_ROWS, _PATIENCE, _MOST_ICMP = 512, 64, 16

_HALF, _WORD = 1 << 31, 0xFFFFFFFF


class Phase(IntEnum):
    """How far a connection is, as far as the tracker must know."""

    OPENING = 0
    OPEN = 1
    CLOSING = 2
    OVER = 3


class Connection:
    """What is kept of a connection; see the module for what is not."""

    __slots__ = (
        "_acked", "_answered", "_fin", "_isn", "_patience", "bytes", "dropped", "endpoints", "first", "icmp", "key",
        "last", "last_time", "number", "opener", "packets", "phase", "probe", "rows", "start",
    )  # fmt: skip

    def __init__(self, key: tuple[int, int], endpoints: tuple[tuple[bytes, int], tuple[bytes, int]]) -> None:
        self.key = key
        self.endpoints = endpoints
        self.number = -1
        self.phase = Phase.OPENING
        self.opener: int | None = None
        self.rows: list[Row] = []
        self.dropped = 0
        self.icmp: list[Icmp] = []
        self.probe = Probe()
        self.packets = [0, 0]
        self.bytes = [0, 0]
        self.first = self.last = 0
        self.start: int | None = None
        self.last_time: int | None = None
        self._isn: list[int | None] = [None, None]
        self._answered = [False, False]
        self._fin: list[int | None] = [None, None]
        self._acked = [False, False]
        self._patience = _PATIENCE

    @property
    def attentive(self) -> bool:
        """Whether the next segment is worth looking at, whatever its flags."""
        if self.probe.done and (self.phase is Phase.OPEN or self.phase is Phase.OVER):
            return False
        return self._patience > 0 and self.phase is not Phase.OVER

    def starts_anew(self, side: int, flags: int, seq: int) -> bool:
        """Whether a SYN opens another connection between the same endpoints (JSON.md: after the end, or another ISN)."""
        known = self._isn[side]
        if flags & ACK:
            # A SYN-ACK belongs to the handshake that runs; in a connection that was joined in the middle it tells
            # that a new one has begun.
            return self.phase is not Phase.OVER and self.opener is None
        if self.phase is Phase.OVER:
            return known != seq or any(self._fin) or self.opener != side
        if known is None:
            return self.phase is not Phase.OPENING
        return known != seq

    def take(self, row: Row, payload: bytes) -> None:
        """Look at a segment; ``payload`` may be empty once it is known what the payload is."""
        _, _, side, flags, seq, ack, _, length, _, _ = row
        if length and not self.probe.done:
            # Data in a SYN starts one behind its sequence number.
            self.probe.feed(side, seq + (flags >> 1 & 1), payload, length, self._isn[side] is not None or bool(flags & SYN))
        if flags & SPECIAL:
            self._patience = _PATIENCE
        else:
            self._patience -= 1
        keep = bool(flags & SPECIAL) or self.phase is Phase.OPENING
        if flags & SYN:
            self._syn(side, flags, seq)
        elif flags & RST:
            self.phase = Phase.OVER
        else:
            if self.phase is Phase.OPENING and self._opened(side, flags):
                self.phase = Phase.OPEN
            if flags & FIN and self._fin[side] is None:
                self._fin[side] = seq + length + 1 & _WORD
                self.phase = max(self.phase, Phase.CLOSING)
            keep |= bool(flags & ACK) and self._acknowledge(1 - side, ack)
        if keep:
            if len(self.rows) < _MOST_ROWS:
                self.rows.append(row)
            else:
                self.dropped += 1

    def tell(self, error: Icmp, seq: int) -> None:
        """An ICMP error that quotes a segment with this sequence number."""
        if len(self.icmp) < _MOST_ICMP and (seq in self._isn or self.phase is not Phase.OPENING):
            self.icmp.append(error)

    def _syn(self, side: int, flags: int, seq: int) -> None:
        if self._isn[side] is None:
            self._isn[side] = seq
        if self.opener is None:
            self.opener = 1 - side if flags & ACK else side
        if flags & ACK:
            self._answered[side] = True

    def _opened(self, side: int, flags: int) -> bool:
        """Whether a segment without SYN ends the handshake: there was none, or it answers a SYN-ACK."""
        return self.opener is None or (bool(flags & ACK) and self._answered[1 - side])

    def _acknowledge(self, side: int, ack: int) -> bool:
        """Note that the FIN of a side is acknowledged; true where this is the first to do so."""
        fin = self._fin[side]
        if fin is None or self._acked[side] or (ack - fin & _WORD) >= _HALF:
            return False
        self._acked[side] = True
        if all(self._acked):
            self.phase = Phase.OVER
        return True
