"""One direction of a TLS connection: a Stream of records in, a Stream of plaintext out.

All ciphers here encrypt in place, so every byte of plaintext has its byte of ciphertext: what is read inside names the same
packets and places as if it had been sent in the clear.
"""

from __future__ import annotations

from collections.abc import Iterator

from netviz.layers.tls.handshake import Messages
from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import ALERT, APPLICATION, CHANGE, HANDSHAKE, HEAD, LARGEST, Record
from netviz.stream import Stream

__all__ = ["LEGACY", "MODERN", "NOTHING", "Direction"]

#: Which types of records are encrypted: none yet, those of TLS 1.2 behind a ChangeCipherSpec, those of TLS 1.3.
NOTHING: frozenset[int] = frozenset()
LEGACY, MODERN = frozenset({ALERT, HANDSHAKE, APPLICATION, 24}), frozenset({APPLICATION})


class Direction:
    """What one side sends.

    ``protection`` is how its records are protected now, ``successors`` are those that may follow without being announced
    (early data that a server refused, messages of which the keys are not known).  ``sealed`` says which types of records are
    encrypted, with or without keys; ``held`` that nothing can be read on before the other side has answered, ``waits`` before
    there is a key; ``discards`` that what cannot be opened was not meant for the application.
    """

    __slots__ = (
        "_failures", "discards", "held", "messages", "over", "plain", "protection", "sealed", "source", "successors", "waits",
    )  # fmt: skip

    def __init__(self, source: Stream) -> None:
        self.source = source
        self.plain = Stream()
        self.plain.whole = source.whole
        self.messages = Messages()
        self.protection: Protection | None = None
        self.successors: list[Protection] = []
        self.sealed = NOTHING
        self.held = self.waits = self.discards = self.over = False
        self._failures = 0

    @property
    def readable(self) -> bool:
        """Whether anything that follows may be read, now or later."""
        return not self.over and bool(self.protection or self.successors or self.waits or not self.sealed)

    def drop(self) -> None:
        """Read nothing more."""
        self.over = True
        self.source.seek(self.source.end)

    def records(self) -> Iterator[Record]:
        """Records that are whole, as far as they go; application data that could be opened goes to ``plain`` instead."""
        stream = self.source
        while not self.over:
            data, available = stream.data, stream.available
            if available < HEAD:
                break
            kind, length = data[0], data[3] << 8 | data[4]
            if data[1] != 3 or not CHANGE <= kind <= 24 or length > LARGEST:
                yield self._nonsense()
                return
            if available < HEAD + length or self.waits or (self.held and kind != ALERT):
                break
            protection = self.protection
            if protection is not None and (kind == APPLICATION or not protection.modern):
                opened = protection.open(kind, bytes(data[HEAD : HEAD + length])) or self._by_successor(kind, length)
            elif kind in self.sealed:
                opened = self._by_successor(kind, length)
            else:
                yield self._record(kind, bytes(data[HEAD : HEAD + length]), HEAD + length, "clear")
                continue
            if opened is None:
                yield self._unopened(kind, length)
                continue
            self._failures = 0
            kind, content = opened
            if kind == APPLICATION:
                self._deliver(content, HEAD + length)
            else:
                yield self._record(kind, content, HEAD + length, "opened")

    def _record(self, kind: int, content: bytes, size: int, state: str) -> Record:
        stream = self.source
        end = stream.start + size
        packets = tuple(dict.fromkeys(stream.origin(stream.start, end)[::3]))
        ready, time = stream.ready(end - 1)
        stream.consume(size)
        return Record(kind, content, packets, ready, time, size, state)  # type: ignore[arg-type]

    def _deliver(self, content: bytes, size: int) -> None:
        """Pass on what an application said, byte for byte with the place of its ciphertext."""
        stream, plain = self.source, self.plain
        assert self.protection is not None
        start = stream.start + HEAD + self.protection.before
        ready, time = stream.ready(stream.start + size - 1)
        if stream.problems:
            plain.problems += [(plain.end, problem) for _, problem in stream.problems]
            stream.problems.clear()
        if content:
            origin = stream.origin(start, start + len(content))
            if len(origin) == 3:
                plain.append(content, packet=origin[0], place=origin[1], ready=ready, time=time)
            else:
                at = 0
                for packet, first, last in zip(origin[::3], origin[1::3], origin[2::3], strict=True):
                    piece = content[at : at + last - first]
                    plain.append(piece, packet=packet, place=first, ready=ready, time=time)
                    at += last - first
        stream.consume(size)

    def _by_successor(self, kind: int, length: int) -> tuple[int, bytes] | None:
        """What protects the records from here on, if it is not what did so before."""
        fragment = bytes(self.source.data[HEAD : HEAD + length])
        for place, protection in enumerate(self.successors):
            if (opened := protection.open(kind, fragment)) is not None:
                self.protection = protection
                del self.successors[: place + 1]
                return opened
        return None

    def _unopened(self, kind: int, length: int) -> Record:
        """A record without a key, or one that is not authentic: its bytes are missing inside."""
        protection = self.protection
        if kind == APPLICATION and not self.discards:
            ready, time = self.source.ready(self.source.start + HEAD + length - 1)
            self.plain.miss(max(length - 17, 1), cut=False, ready=ready, time=time)
        if protection is None:
            return self._record(kind, b"", HEAD + length, "sealed")
        self._failures += 1
        protection.seq += 1
        record = self._record(kind, b"", HEAD + length, "broken")
        if protection.seq == 1 or self._failures > 2:
            self.drop()
        return record

    def _nonsense(self) -> Record:
        """Bytes that are no record: nobody knows where the next one begins."""
        record = self._record(0, b"", HEAD, "broken")
        self.drop()
        return record
