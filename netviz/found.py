"""What passes from reading and tracking to judging, in plain values that can be sent to another process.

Nothing here needs numpy, so whoever only judges and draws starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from netviz.layers.tcp.block import Row

__all__ = ["Finished", "Found", "Kept", "Tally"]

#: What a Batch brought: problems of the capture, connections that opened or are over, and what their layers told.
#: By kind: "problem" a CaptureProblem, "opened" and "over" a Finished, all others as layers tell them.
Found = tuple[str, Any]


class Kept(NamedTuple):
    """What somebody wants of connections: that their payload is probed for what it is, that everything about their segments is
    counted, that every segment is kept, that it is said as soon as a handshake is decided.
    """

    probed: bool = True
    counted: bool = True
    whole: bool = False
    openings: bool = False


class Finished(NamedTuple):
    """All that is known of a connection, in plain values that can be sent to another process.

    ``key`` holds the endpoint codes, the lower first; ``flip`` the index of side 0 in it; ``addresses`` those of IPv6 in
    the order of ``key``.  ``opener`` is the side that sent the first SYN, -1 where none was seen; ``client`` the side
    that the payload shows to be one, -1 where it does not.  ``traffic`` is for each side what `Block.traffic` says.
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
    traffic: tuple[tuple[int, ...], tuple[int, ...]]


class Tally(NamedTuple):
    """What is counted over all packets: the time of the first and the last that has one, packets by protocol, and
    segments that came for a connection after it had been let go.
    """

    start: int | None = None
    stop: int | None = None
    counts: dict[str, int] = {}  # noqa: RUF012 - never changed, always replaced
    late: int = 0
