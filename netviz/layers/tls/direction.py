"""One direction of a TLS connection: a Stream of records in, a Stream of plaintext out.

All ciphers here encrypt in place, so every byte of plaintext has its byte of ciphertext: what is read inside names the same
packets and places as if it had been sent in the clear.
"""

from __future__ import annotations

from collections import deque

from netviz.event import Side, TlsRecord
from netviz.layers.tls.handshake import Messages
from netviz.layers.tls.loss import MOST, overhead, resume
from netviz.layers.tls.protection import Protection
from netviz.layers.tls.record import ALERT, APPLICATION, HANDSHAKE, HEAD, Record, is_head
from netviz.layers.tls.run import open_run
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
        "_failures", "_searched", "discards", "held", "kept", "messages", "over", "plain", "protection", "sealed", "shy",
        "source", "stuck", "successors", "waits", "whose",
    )  # fmt: skip

    def __init__(self, source: Stream, connection: int = 0, side: Side = "client") -> None:
        self.source = source
        self.whose = connection, side
        self.plain = Stream()
        self.plain.whole = source.whole
        self.messages = Messages()
        self.protection: Protection | None = None
        self.successors: list[Protection] = []
        self.sealed = NOTHING
        self.held = self.waits = self.discards = self.over = False
        #: Whether it is of no use to open records elsewhere.
        self.shy = False
        self.stuck = False
        self._failures = 0
        #: Records that were opened, where somebody wants to draw them.
        self.kept: deque[TlsRecord] | None = None
        #: How much was there when the next record was searched for last.
        self._searched = -1

    @property
    def readable(self) -> bool:
        """Whether anything that follows may be read, now or later."""
        return not self.over and bool(self.protection or self.successors or self.waits or not self.sealed)

    @property
    def steady(self) -> bool:
        """Whether what comes next may be opened elsewhere: nothing waits, and nobody keeps records."""
        stream = self.source
        waits = stream.data or stream.gaps or stream.problems or self.held or self.waits or self.over or self.shy
        return not waits and self.protection is not None and self.protection.cipher is not None and self.kept is None

    def passed(self, records: int, size: int) -> None:
        """So many records, so many bytes of plaintext in all, were opened and read elsewhere."""
        assert self.protection is not None
        self.protection.seq += records
        self.plain.start += size
        self._failures = 0

    def drop(self) -> None:
        """Read nothing more."""
        self.over = True
        self.source.seek(self.source.end)

    @property
    def due(self) -> int | None:
        """The packet that completed the next record, None where there is none that can be read yet."""
        stream = self.source
        data, available = stream.data, stream.available
        if self.over or self.waits or available < HEAD:
            return stream.gaps[0].ready if self._behind() else None
        size = HEAD + (data[3] << 8 | data[4])
        if not is_head(data):
            return stream.ready(stream.start + HEAD - 1)[0]
        if self.held and data[0] != ALERT:
            return None
        if available < size:
            return stream.gaps[0].ready if self._behind() else None
        return stream.ready(stream.start + size - 1)[0]

    def read(self) -> Record | None:
        """The next record.  What an application said goes to ``plain`` instead; ``stuck`` tells that there was none to read."""
        stream = self.source
        data, available = stream.data, stream.available
        self.stuck = True
        if self.over or self.waits:
            return None
        if available < HEAD:
            if self._behind():
                self._skip()
            return None
        if not is_head(data):
            return self._nonsense()
        kind, length = data[0], data[3] << 8 | data[4]
        if self.held and kind != ALERT:
            return None
        if available < HEAD + length:
            if self._behind():
                self._skip()
            return None
        self.stuck = False
        protection = self.protection
        # As long as there are keys that follow, a handshake is read: none of its messages is said by an application.
        if kind == APPLICATION and protection is not None and not self.successors and self._many(protection):
            return None
        if protection is not None and (kind == APPLICATION or not protection.modern):
            opened = protection.open(kind, bytes(data[HEAD : HEAD + length])) or self._by_successor(kind, length)
        elif kind in self.sealed:
            opened = self._by_successor(kind, length)
        else:
            return self._record(kind, bytes(data[HEAD : HEAD + length]), HEAD + length, "clear")
        if opened is None:
            return self._unopened(kind, length)
        self._failures = 0
        if self.kept is not None:
            self._keep(*opened, length)
        kind, content = opened
        if kind != APPLICATION:
            return self._record(kind, content, HEAD + length, "opened")
        self._deliver(content, HEAD + length)
        return None

    def cut_off(self) -> Record | None:
        """What there is of a record that the end of the connection cut; inside, its bytes are missing."""
        stream = self.source
        size = stream.available
        if self.over or not size or not self.readable:
            return None
        kind = stream.data[0]
        record = self._record(kind, b"", size, "broken")
        if self.protection is not None:
            self.plain.miss(max(size - HEAD - overhead(self.protection), 1), cut=False, ready=record.ready, time=record.time)
        return record

    def _behind(self) -> bool:
        """Whether bytes of the next record are missing, and something came behind them that was not looked at."""
        stream = self.source
        if not stream.gaps or self.over or self.waits or self.held or len(stream.data) == self._searched:
            return False
        return len(stream.data) > stream.available if self._end is None else stream.end >= self._end

    @property
    def _end(self) -> int | None:
        """Where the next record ends, if its head is there and the end is not in a gap."""
        stream = self.source
        if stream.available < HEAD:
            return None
        end = stream.start + HEAD + (stream.data[3] << 8 | stream.data[4])
        return None if any(gap.offset < end < gap.offset + gap.length for gap in stream.gaps) else end

    def _skip(self) -> None:
        """Go on behind what is missing: behind the next record, if its head is there, else where another one shows."""
        stream = self.source
        cut = stream.gaps[0].cut
        if (end := self._end) is not None:
            self._miss(end - stream.start, 1, cut=cut)
            stream.seek(end)
            return
        self._searched = len(stream.data)
        found = resume(stream, self.protection)
        for place, successor in enumerate(self.successors if found is None else ()):
            if (found := resume(stream, successor, 0)) is not None:
                self.protection, self.successors = successor, self.successors[place + 1 :]
                break
        if found is not None:
            self._miss(found.offset - stream.start, found.records, cut=cut)
            stream.seek(found.offset)
        elif len(stream.data) - stream.available > MOST:
            self.drop()

    def _miss(self, size: int, records: int, *, cut: bool) -> None:
        """So many bytes of so many records cannot be read."""
        self.stuck = False
        self._searched = -1
        self.messages = Messages()
        protection, gap = self.protection, self.source.gaps[0]
        if protection is not None:
            protection.seq += records
            inside = max(size - records * (HEAD + overhead(protection)), 1)
            self.plain.miss(inside, cut=cut, ready=gap.ready, time=gap.time)

    def _record(self, kind: int, content: bytes, size: int, state: str) -> Record:
        stream = self.source
        end = stream.start + size
        origin = stream.origin(stream.start, end)
        packets = (origin[0],) if len(origin) == 3 else tuple(dict.fromkeys(origin[::3]))
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

    def _many(self, protection: Protection) -> bool:
        """Pass on what an application said, of as many records as follow one another with nothing amiss; whether any did."""
        stream = self.source
        if self.kept is not None or stream.problems:
            return False
        content, pieces, end, _ = open_run(protection, stream.data, stream.available)
        if pieces:
            stream.convey(self.plain, pieces)
            self.plain.data += content
        if end:
            self._failures = 0
            stream.consume(end)
        return end > 0

    def _keep(self, kind: int, content: bytes, length: int) -> None:
        stream, protection = self.source, self.protection
        assert protection is not None
        assert self.kept is not None
        before, tag, hidden = protection.before, protection.suite.tag, int(protection.modern)
        padding = length - before - len(content) - tag - hidden
        end = stream.start + HEAD + length
        origin = stream.origin(stream.start, end)
        self.kept.append(TlsRecord(
            packets=tuple(dict.fromkeys(origin[::3])), time=stream.ready(end - 1)[1], connection=self.whose[0],
            side=self.whose[1], number=protection.seq - 1, kind=kind, cipher=protection.suite.name, origin=origin,
            before=before, content=content,
            sealed=bytes(stream.data[HEAD + before : HEAD + before + len(content)]), hidden=hidden, padding=padding, tag=tag,
        ))  # fmt: skip

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
            self.plain.miss(max(length - overhead(self.protection), 1), cut=False, ready=ready, time=time)
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
