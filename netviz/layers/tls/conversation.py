"""A TLS connection: the records of both sides in, what the applications said out.

https://www.rfc-editor.org/rfc/rfc8446 (TLS 1.3), https://www.rfc-editor.org/rfc/rfc5246 (TLS 1.2)

Without keys the clear part is read: who offers what, what is chosen, how long the handshake took, alerts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

from netviz.event import SIDES, Problem, Slice, TlsAlert, TlsKeyUpdate, TlsProblem, TlsRecord
from netviz.layers.layer import Outlet
from netviz.layers.tls.alert import CLOSE_NOTIFY, USER_CANCELED, alert_name
from netviz.layers.tls.cursor import Cursor, Malformed
from netviz.layers.tls.direction import NOTHING, Direction
from netviz.layers.tls.handshake import (
    CERTIFICATE,
    CLIENT_HELLO,
    CLIENT_KEY_EXCHANGE,
    ENCRYPTED_EXTENSIONS,
    END_OF_EARLY_DATA,
    FINISHED,
    KEY_UPDATE,
    SERVER_HELLO,
    Message,
    names_in,
)
from netviz.layers.tls.hello import EARLY_DATA, read_alpn, read_client, read_extensions, read_server
from netviz.layers.tls.keyholder import Keyholder
from netviz.layers.tls.keying import TLS13
from netviz.layers.tls.protection import Aead13
from netviz.layers.tls.record import ALERT, APPLICATION, CHANGE, HANDSHAKE, Record
from netviz.layers.tls.report import Report
from netviz.stream import Stream

__all__ = ["Tls"]

_WHAT = {ALERT: "alert", HANDSHAKE: "handshake message", APPLICATION: "record"}

#: Records of a side that are kept to draw what they carry.
_KEPT = 256

#: What stands among the messages of a flight for data that the client sends before the server answers (0-RTT).
EARLY = "early data"

_CLIENT, _SERVER = 0, 1


class Tls:
    """Reads both sides of a connection; ``plain`` are the two Streams inside."""

    def __init__(self, outlet: Outlet, client: Stream, server: Stream, *, floor: int = 0) -> None:
        self._outlet = outlet
        number = outlet.number
        self._sides = Direction(client, number), Direction(server, number, "server")
        self._report = Report(outlet, floor)
        self._keys = Keyholder(outlet.wanted.keys, self._sides, self._report)
        self._changed = [False, False]
        if outlet.wanted.records or outlet.wanted.anatomy is not None:
            for side in self._sides:
                side.kept = deque(maxlen=_KEPT)

    @property
    def plain(self) -> tuple[Stream, Stream]:
        """What client and server said inside."""
        return self._sides[0].plain, self._sides[1].plain

    @property
    def over(self) -> bool:
        """Whether nothing that follows can be read."""
        return all(side.over for side in self._sides)

    @property
    def idle(self) -> bool:
        """Whether the end changes nothing."""
        return self._report.told and not any(len(side.source.data) for side in self._sides)

    def steady(self, first: Stream) -> tuple[Direction, Direction] | None:
        """Both directions, the one that reads this Stream first, where whoever has all their records may open them."""
        client, server = self._sides
        if not (self._report.told and client.steady and server.steady):
            return None
        return (client, server) if client.source is first else (server, client)

    def advance(self) -> None:
        """Read what can be read."""
        self._keys.install()
        self._begin()
        moved = True
        while moved:
            moved = False
            for index, side in enumerate(self._sides):
                if side.over:
                    side.drop()
                    continue
                before = side.source.start
                while (record := side.read()) is not None or not side.stuck:
                    if record is not None:
                        self._take(index, side, record)
                moved |= side.source.start > before
        if self._report.told and not any(side.readable for side in self._sides):
            self.drop()
        if self._outlet.wanted.records:
            for drawn in self._kept():
                if self._outlet.wanted.records in drawn.packets:
                    self._outlet.tell(max(drawn.packets), "tls", drawn)
            for side in self._sides:
                side.kept = deque(maxlen=_KEPT)
        self._keys.be_patient()

    def around(self, slices: Sequence[Slice]) -> list[TlsRecord]:
        """The records kept that have some of these bytes."""
        return [record for record in self._kept() if any(
            piece.packet == record.origin[at] and piece.start < record.origin[at + 2] and piece.end > record.origin[at + 1]
            for piece in slices for at in range(0, len(record.origin), 3)
        )]  # fmt: skip

    def _kept(self) -> Iterator[TlsRecord]:
        for side in self._sides:
            yield from side.kept or ()

    def _begin(self) -> None:
        """Read the handshake in the order of the wire: what one side says decides how the other is read."""
        due = [side.due for side in self._sides]
        while not self._report.told:
            client, server = due
            if client is None and server is None:
                return
            index = _SERVER if client is None or (server is not None and server < client) else _CLIENT
            side, other = self._sides[index], self._sides[1 - index]
            packet, before, start, held = due[index] or 0, side.plain.end, side.source.start, len(side.plain.data)
            state = other.held, other.waits, other.over
            if (record := side.read()) is not None:
                self._take(index, side, record)
            elif index == _CLIENT and len(side.plain.data) > held:
                if self._expecting:
                    self._early(packet, before, side.source.start - start)
                else:
                    # Who speaks as an application has finished, also where that is not in the capture.
                    self._report.conclude(packet, side.plain.ready(before)[1])
            elif side.source.start == start and side.due == packet:
                return  # whatever the bytes are: what does not move does not move by asking again
            due[index] = side.due
            if state != (other.held, other.waits, other.over):
                due[1 - index] = other.due

    @property
    def _expecting(self) -> bool:
        """Whether the client may send early data."""
        return self._keys.keying is not None and self._keys.keying.early and bool(self._sides[_CLIENT].successors)

    def _early(self, packet: int, start: int, size: int) -> None:
        """What the client said before the server answered is a part of its first flight."""
        plain = self._sides[_CLIENT].plain
        packets = tuple(dict.fromkeys(plain.origin(start, plain.end)[::3]))
        record = Record(APPLICATION, b"", packets, packet, plain.ready(start)[1], size, "opened")
        self._report.note(_CLIENT, record, [EARLY])

    def close(self, packet: int) -> None:
        """Nothing comes any more: what waited for a key or for the other side goes without."""
        self._keys.give_up()
        self.advance()
        for index, side in enumerate(self._sides):
            if (record := side.cut_off()) is not None:
                text = f"the last record of the {SIDES[index]} is not whole: {record.size:,} bytes of it are there"
                self._problem(index, record, "record-cut", text)
        self._report.tell("unfinished", packet)
        self.drop()

    def drop(self) -> None:
        """Nobody wants to know more."""
        for side in self._sides:
            side.drop()
        self._keys.note_waiting(0)
        self._report.tell("unfinished")

    # Records

    def _take(self, index: int, side: Direction, record: Record) -> None:
        names: list[str] = []
        try:
            if record.state == "broken":
                self._broken(index, side, record)
            elif record.kind == CHANGE:
                names += self._change(index)
            elif record.state == "sealed":
                names += self._sealed(index, record)
            elif record.kind == ALERT:
                names.append(_alert(record))
            elif record.kind == HANDSHAKE:
                for message in side.messages.feed(record.content):
                    names.append(message.name)
                    self._message(index, side, message, record)
            elif record.kind == APPLICATION:
                text = f"packet {record.ready}: the {SIDES[index]} sends data before there are keys (RFC 8446 section 5)"
                self._problem(index, record, "tls-unexpected", text)
                self._end("failed", record)
        except Malformed:
            what = f"the {_WHAT.get(record.kind, 'record')} of the {SIDES[index]} does not hold what it says it does"
            self._problem(index, record, "tls-malformed", f"packet {record.ready}: {what} (RFC 8446 section 4)")
            self._end("failed", record)
        self._report.note(index, record, names)
        if record.kind == ALERT and names:
            self._alerted(index, record)
        if self._report.complete:
            self._report.tell("complete")

    def _message(self, index: int, side: Direction, message: Message, record: Record) -> None:
        kind, body, keying, report = message.kind, message.body, self._keys.keying, self._report
        modern = keying is not None and keying.modern
        if kind == CLIENT_HELLO and index == _CLIENT:
            self._hello(side, message, record)
            return
        if keying is None or modern or self._changed[index]:
            pass
        elif kind == CLIENT_KEY_EXCHANGE:
            keying.note(message.raw, Cursor(body).vector(2) if len(body) > 64 else b"")
        else:
            keying.note(message.raw)
        if kind == SERVER_HELLO and index == _SERVER:
            self._answer(body, record)
        elif kind == CERTIFICATE and index == _SERVER:
            report.names = names_in(body, modern=modern)
        elif kind == ENCRYPTED_EXTENSIONS and index == _SERVER:
            self._extensions(body)
        elif kind == END_OF_EARLY_DATA and side.successors:
            side.protection = side.successors.pop(0)
        elif kind == FINISHED:
            report.finish(index, record)
            if modern:
                self._keys.protect("application", index)
        elif kind == KEY_UPDATE and isinstance(side.protection, Aead13):
            side.protection = side.protection.update()
            self._tell(record, TlsKeyUpdate(packets=record.packets, time=record.time, connection=self._outlet.number,
                                            side=SIDES[index], requested=body == b"\1"))  # fmt: skip

    def _hello(self, side: Direction, message: Message, record: Record) -> None:
        hello = read_client(message.body)
        again = self._keys.keying is not None
        keying = self._keys.meet(hello)
        keying.note(message.raw)
        self._report.ask(hello, record)
        self._changed = [False, False]
        side.held = True
        keying.early = hello.early and not again

    def _answer(self, body: bytes, record: Record) -> None:
        server, client = read_server(body), self._sides[_CLIENT]
        keying = self._keys.keying
        if keying is None:
            raise Malformed  # nobody asked
        if server.retry:
            self._report.retried = True
            client.held = keying.early = False
            client.protection, client.discards = None, True
            return
        keying.server = server
        self._report.answer(server, record)
        if server.version == TLS13:
            client.held = keying.early
            self._keys.protect("handshake", _SERVER)
            if keying.early:
                self._keys.protect("early", _CLIENT)
            self._keys.protect("handshake", _CLIENT)
        else:
            client.held = keying.early = False
            client.sealed, client.protection = NOTHING, None

    def _extensions(self, body: bytes) -> None:
        extensions = read_extensions(Cursor(body))
        names = read_alpn(extensions)
        report, client, keying = self._report, self._sides[_CLIENT], self._keys.keying
        report.alpn = names[0] if names else None
        if keying is not None and keying.early:
            report.early = "accepted" if EARLY_DATA in extensions else "rejected"
            client.discards = report.early == "rejected"
            if client.discards:
                client.protection = None
        report.publish()
        client.held = False

    def _change(self, index: int) -> list[str]:
        """ChangeCipherSpec: in TLS 1.3 it says nothing (RFC 8446 section D.4)."""
        if self._keys.keying is None or self._keys.keying.server is None or self._keys.keying.modern:
            return []
        if index == _SERVER and not self._report.complete:
            self._report.resumed = not self._changed[_CLIENT]
            self._report.publish()
        self._changed[index] = True
        self._keys.protect("legacy", index)
        return ["ChangeCipherSpec"]

    def _sealed(self, index: int, record: Record) -> list[str]:
        """A record without a key: of a handshake its place tells what it is."""
        report, modern = self._report, self._keys.keying is not None and self._keys.keying.modern
        if report.told:
            self._unread(index, record)
            return []
        if modern and index == _CLIENT and record.ready < report.answered:
            return [EARLY]
        report.inferred = True
        if not modern:
            if record.kind == HANDSHAKE:
                report.finish(index, record)
            return ["Finished (encrypted)"] if record.kind == HANDSHAKE else []
        if index == _SERVER:
            return ["encrypted"]
        for side in (_SERVER, _CLIENT):
            report.finish(side, record)
        return ["Finished (encrypted)"]

    def _unread(self, index: int, record: Record) -> None:
        """A record behind the handshake of which the key is missing, though that of the handshake was there."""
        if self._report.keys == "used" and record.kind == APPLICATION:
            self._report.keys = "missing"
            text = f"the key for what the {SIDES[index]} says is missing: client random {self._report.random.hex()}"
            self._problem(index, record, "key-missing", text)

    def _alerted(self, index: int, record: Record) -> None:
        number = record.content[1]
        # TLS 1.3 does not care for the level: all but these two end the connection (RFC 8446 section 6).
        modern = self._keys.keying is not None and self._keys.keying.modern
        fatal = record.content[0] == 2 or (modern and number not in (CLOSE_NOTIFY, USER_CANCELED))
        if fatal:
            self._report.tell("failed")
        problems = []
        if fatal and number != CLOSE_NOTIFY:
            text = f"the {SIDES[index]} ends TLS with the alert {alert_name(number)} (RFC 8446 section 6)"
            problems.append(Problem("tls-alert", text, record.ready))
        self._tell(record, TlsAlert(
            packets=record.packets, time=record.time, problems=tuple(problems), connection=self._outlet.number,
            side=SIDES[index], level="fatal" if fatal else "warning", description=alert_name(number),
        ))  # fmt: skip

    # What goes wrong

    def _broken(self, index: int, side: Direction, record: Record) -> None:
        if not record.kind:
            text = f"packet {record.ready}: what the {SIDES[index]} sends here is no TLS record (RFC 8446 section 5.1)"
            self._problem(index, record, "tls-record", text)
        else:
            opened = side.protection is not None and side.protection.seq > 1
            why = "it was changed or damaged on the way" if opened else "the key given is not the one that sealed it"
            kind = "record-not-authentic" if opened else "key-wrong"
            if not opened:
                self._report.keys = "wrong"
            text = f"packet {record.ready}: a record of the {SIDES[index]} is not authentic: {why} (RFC 8446 section 5.2)"
            self._problem(index, record, kind, text)
        if side.over:
            self._sides[1 - index].held = False
            if not self._report.told:
                self._end("unfinished", record)

    def _end(self, outcome: Literal["failed", "unfinished"], record: Record) -> None:
        """Nobody can read on."""
        self._report.note(0, record, [])
        self._report.tell(outcome)
        self.drop()

    def _problem(self, index: int, record: Record, kind: str, text: str) -> None:
        problem = Problem(kind, text, record.ready)
        if not self._report.told:
            self._report.problems.append(problem)
            return
        self._tell(record, TlsProblem(packets=record.packets, time=record.time, problems=(problem,),
                                      connection=self._outlet.number, side=SIDES[index]))  # fmt: skip

    def _tell(self, record: Record, event: TlsAlert | TlsKeyUpdate | TlsProblem) -> None:
        if self._outlet.wanted.contents:
            self._outlet.tell(record.ready, "tls", event)


def _alert(record: Record) -> str:
    if len(record.content) != 2:
        raise Malformed
    return f"alert {alert_name(record.content[1])}"
