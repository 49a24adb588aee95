"""Windows, best effort: there is no pcapy there, but scapy has sockets over Npcap.  Also runs on Linux, where it is tested."""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["Npcap"]

_META = struct.Struct("=IIII")

#: Seconds that a packet is waited for.
_WAIT = 0.05


class Npcap:
    """An open device, as the process that captures wants it; nobody counts what is dropped here."""

    def __init__(self, interface: str, matching: str, *, promiscuous: bool) -> None:
        import scapy.arch  # noqa: F401  # with it scapy learns what there is
        from scapy.config import conf

        self._socket: Any = conf.L2listen(iface=interface, filter=matching or None, promisc=promiscuous)
        self._taken = 0

    def next_batch(self, most: int) -> tuple[bytes, bytes]:
        """The packets that are there, at most so many."""
        data, meta = bytearray(), bytearray()
        for _ in range(most):
            if not type(self._socket).select([self._socket], 0 if meta else _WAIT):
                break
            _, raw, when = self._socket.recv_raw()
            if raw is None:
                continue
            stamp = int((when or 0) * 1_000_000)
            meta += _META.pack(stamp // 1_000_000, stamp % 1_000_000, len(data), len(raw))
            data += raw
        self._taken += len(meta) // _META.size
        return bytes(data), bytes(meta)

    def dispatch(self, most: int, take: Any) -> None:
        """The same, one call a packet."""
        data, meta = self.next_batch(most)
        for record in _META.iter_unpack(meta):
            take(_Head(*record), data[record[2] : record[2] + record[3]])

    def stats(self) -> tuple[int, int, int]:
        """What came; what was dropped is not known."""
        return self._taken, 0, 0

    def datalink(self) -> int:
        """Ethernet: Npcap makes everything look like it, loopback too."""
        return 1

    def getfd(self) -> int:
        """Nothing to wait for: waiting is done inside."""
        return -1


class _Head:
    """What pcapy says of a packet."""

    def __init__(self, sec: int, usec: int, offset: int, size: int) -> None:
        self._stamp, self._size = (sec, usec), size

    def getts(self) -> tuple[int, int]:
        """Seconds and microseconds."""
        return self._stamp

    def getlen(self) -> int:
        """Its length."""
        return self._size
