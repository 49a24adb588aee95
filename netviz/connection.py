"""A TCP connection while it lasts: who speaks, and the few segments that decide how it began and ended.

A Connection is fed only the segments that can change what is known of it (see `netviz.tracker`); everything else is
counted in columns.  It does not judge: `netviz.layers.tcp` reads the kept segments when the connection is over.

Side 0 is the client as far as the first segment tells: who sent it, or for a SYN-ACK who receives it.  Whoever judges
the connection may know better and turn the sides round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netviz.event import Icmp
from netviz.layers.probe import Probe
from netviz.layers.tcp.segment import ACK, FIN, RST, SYN

if TYPE_CHECKING:
    from netviz.channel import Channel

__all__ = ["CLOSING", "LINGER", "OPEN", "OPENING", "OVER", "SPECIAL", "UNANSWERED", "Connection", "Finished", "Row"]

_SECOND = 1_000_000_000

#: A connection is let go so long after its end, in ns, so that repeated FINs still find it; one that nobody answers so
#: long after its last SYN (the kernel's own patience is 127 s).
LINGER, UNANSWERED = 1 * _SECOND, 200 * _SECOND

#: Flags that always make a segment worth looking at.
SPECIAL = SYN | FIN | RST

#: How far a connection is, as far as the tracker must know.
OPENING, OPEN, CLOSING, OVER = range(4)

#: Segments kept of one connection, segments without SYN, FIN or RST looked at in a row, and ICMP errors kept.
_MOST_ROWS, _PATIENCE, _MOST_ICMP = 512, 64, 16

_HALF, _WORD = 1 << 31, 0xFFFFFFFF


#: The fields of a `netviz.event.Segment`, before anybody needs their names.
Row = tuple[int, "int | None", int, int, int, int, "int | None", int, int, bytes]


class Finished(NamedTuple):
    """All that is known of a connection, in plain values that can be sent to another process.

    ``key`` holds the endpoint codes, the lower first; ``flip`` the index of side 0 in it; ``addresses`` those of IPv6 in
    the order of ``key``.  ``opener`` is the side that sent the first SYN, -1 where none was seen; ``client`` the side
    that the payload shows to be one, -1 where it does not.
    """

    number: int
    key: tuple[int, int]
    flip: int
    addresses: tuple[bytes, bytes] | None
    opener: int
    rows: list[Row]
    dropped: int
    icmp: list[tuple[Any, ...]]
    application: str
    client: int
    inferred: bool
    first: int
    start: int | None
    stop: int | None
    packets: list[int]
    bytes: list[int]


class Connection:
    """What is kept of a connection; see the module for what is not."""

    __slots__ = (  # noqa: RUF023 - by meaning
        "key", "flip", "number", "phase", "attentive", "opener", "rows", "dropped", "icmp", "probe",
        "due", "first", "last", "start", "last_time", "packets", "bytes", "channel", "end",
        "_addresses", "_isn", "_answered", "_fin", "_acked", "_patience",
    )  # fmt: skip

    def __init__(
        self, key: tuple[int, int], flip: int, addresses: tuple[bytes, bytes] | None, first: int, start: int | None
    ) -> None:
        self.key = key
        self.flip = flip
        self._addresses = addresses
        self.first = self.last = first
        self.start = self.last_time = start
        self.number = -1
        self.phase = OPENING
        #: Whether the next segment is worth looking at, whatever its flags.
        self.attentive = True
        self.opener = -1
        self.rows: list[Row] = []
        self.dropped = 0
        self.icmp: list[Icmp] = []
        self.probe = Probe()
        self.packets = [0, 0]
        self.bytes = [0, 0]
        #: What is read of its payload, where somebody wants that, and the packet that ended it (0 until then).
        self.channel: Channel | None = None
        self.end = 0
        self._isn: list[int | None] = [None, None]
        self._answered = [False, False]
        #: Whether a SYN-ACK was repeated, so that one more ACK belongs to the handshake.
        self.due = False
        self._fin: list[int | None] = [None, None]
        self._acked = [False, False]
        self._patience = _PATIENCE

    def finish(self) -> Finished:
        """Everything that a judge needs."""
        probe = self.probe
        client = -1 if probe.client is None else probe.client
        return Finished(
            self.number, self.key, self.flip, self._addresses, self.opener, self.rows, self.dropped,
            [tuple(error) for error in self.icmp], probe.name, client, probe.inferred,
            self.first, self.start, self.last_time, self.packets, self.bytes,
        )  # fmt: skip

    def starts_anew(self, side: int, flags: int, seq: int, time: int | None) -> bool:
        """Whether a SYN opens another connection between these ends: it comes after the end, or with another ISN."""
        known = self._isn[side]
        if flags & ACK:
            # A SYN-ACK belongs to the handshake that runs, even with another number (SYN cookies).  Afterwards another
            # number tells that a new connection has begun, and any number does where the capture joined in the middle.
            return self.opener < 0 or (self.phase != OPENING and known not in (None, seq))
        if self.phase == OVER:
            return known != seq or any(self._fin) or self.opener != side or self.silent(time, LINGER)
        if known is None:
            return self.phase != OPENING
        return known != seq or (self.phase == OPENING and self.silent(time, UNANSWERED))

    def silent(self, time: int | None, limit: int) -> bool:
        """Whether it was silent for so long that what comes now does not belong to it."""
        before = self.rows[-1][1] if self.rows else self.last_time
        return time is not None and before is not None and time - before > limit

    def take(self, row: Row, payload: bytes) -> None:
        """Look at a segment; ``payload`` may be empty once it is known what the payload is."""
        _, _, side, flags, seq, ack, _, length, _, _ = row
        probe = self.probe
        if length and not probe.done:
            # Data in a SYN starts one behind its sequence number.
            whole = self._isn[side] is not None or flags & SYN > 0
            probe.feed(side, seq + (flags >> 1 & 1), payload, length, whole)
        phase = self.phase
        keep = phase == OPENING
        if flags & SPECIAL:
            keep = True
            self._patience = _PATIENCE
        else:
            self._patience -= 1
        if flags & SYN:
            if self._isn[side] is None:
                self._isn[side] = seq
            if self.opener < 0:
                self.opener = 1 - side if flags & ACK else side
            if flags & ACK:
                self._answered[side] = True
            self.due = phase == OPEN and flags & ACK > 0
            if phase == OVER and not flags & ACK:
                self.phase = OPENING  # the SYN that was refused is tried again
        elif flags & RST:
            self.phase = OVER
        else:
            if self.due and side == self.opener:
                keep, self.due = True, False
            # The handshake ends with what answers a SYN-ACK; where there was none it was over before the capture.
            if phase == OPENING and (self.opener < 0 or (flags & ACK and self._answered[1 - side])):
                self.phase = OPEN
            if flags & FIN and self._fin[side] is None:
                self._fin[side] = seq + length + 1 & _WORD
                if phase < CLOSING:
                    self.phase = CLOSING
            if flags & ACK and self._fin[1 - side] is not None and self._acknowledge(1 - side, ack):
                keep = True
        if keep:
            if len(self.rows) < _MOST_ROWS:
                self.rows.append(row)
            else:
                self.dropped += 1
        phase = self.phase
        self.end = (self.end or row[0]) if phase == OVER else 0
        self.attentive = phase != OVER and self._patience > 0 and (phase != OPEN or not probe.done or self.due)

    def isn(self, side: int) -> int | None:
        """The initial sequence number of a side, also where only the answer to its SYN tells; None where nothing does."""
        if self._isn[side] is None and self._answered[1 - side]:
            answer = next((row for row in self.rows if row[3] & (SYN | ACK) == SYN | ACK and row[2] != side), None)
            return None if answer is None else answer[5] - 1 & _WORD
        return self._isn[side]

    def sent_syn(self, seq: int) -> bool:
        """Whether one of its SYNs has this number."""
        return seq in self._isn

    def tell(self, error: Icmp) -> None:
        """An ICMP error that quotes a SYN with this sequence number."""
        if len(self.icmp) < _MOST_ICMP:
            self.icmp.append(error)

    def _acknowledge(self, side: int, ack: int) -> bool:
        """Note that the FIN of a side is acknowledged; true where this is the first to do so."""
        fin = self._fin[side]
        if fin is None or self._acked[side] or (ack - fin & _WORD) >= _HALF:
            return False
        self._acked[side] = True
        if all(self._acked):
            self.phase = OVER
        return True
