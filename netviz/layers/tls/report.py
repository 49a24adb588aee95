"""What is told of a handshake: gathered message by message, told once, when it is over."""

from __future__ import annotations

from itertools import groupby
from typing import Literal

from netviz.event import SIDES, Flight, Problem, Session, TlsHandshake, TlsOffer
from netviz.layers.layer import Outlet
from netviz.layers.tls.hello import ClientHello, ServerHello, extension_name, group_name, version_name
from netviz.layers.tls.record import Record
from netviz.layers.tls.suite import suite_name

__all__ = ["Report"]

#: Records of a handshake that are kept to tell its flights.
_MOST = 1000

Keys = Literal["used", "none", "missing", "wrong", "unusable"]


class Report:
    """Gathers what a `TlsHandshake` says, and tells it."""

    def __init__(self, outlet: Outlet, floor: int) -> None:
        self._outlet = outlet
        self._floor = floor
        self._hello: ClientHello | None = None
        self._server: ServerHello | None = None
        self._asked: tuple[int, int | None] = (0, None)
        self._noted: list[tuple[int, int, Record, tuple[str, ...]]] = []
        self._finished: dict[int, tuple[int, int | None]] = {}
        self._last: tuple[int, int | None] = (0, None)
        self.alpn: str | None = None
        self.names: tuple[str, ...] = ()
        self.resumed = False
        self.retried = False
        self.early: Literal["accepted", "rejected"] | None = None
        self.keys: Keys = "used"
        self.problems: list[Problem] = []
        self.inferred = False
        self.told = False
        #: The packet that carried the ServerHello.
        self.answered = 0

    @property
    def random(self) -> bytes:
        """The client random, empty where no ClientHello was read."""
        return b"" if self._hello is None else self._hello.random

    def ask(self, hello: ClientHello, record: Record) -> None:
        """What the client offers."""
        if self._hello is None:
            self._asked = record.ready, record.time
        self._hello = hello

    def answer(self, server: ServerHello, record: Record) -> None:
        """What the server chose."""
        self._server = server
        self.answered = record.ready
        self.alpn = server.alpn
        self.resumed = server.resumed
        self.publish()

    def publish(self) -> None:
        """Let upgrades inside know what was agreed on."""
        self._outlet.tls = self.session

    @property
    def session(self) -> Session | None:
        """What was agreed on, None as long as no server has answered."""
        server = self._server
        if server is None:
            return None
        sni = self._hello.sni if self._hello is not None else None
        return Session(version_name(server.version), suite_name(server.suite), sni, self.alpn, self.resumed)

    def note(self, index: int, record: Record, names: list[str]) -> None:
        """A record of the handshake, where anybody wants to hear of it."""
        if not self.told and self._outlet.wanted.contents:
            if record.ready > self._last[0]:
                self._last = record.ready, record.time
            if len(self._noted) < _MOST:
                self._noted.append((record.ready, index, record._replace(content=b""), tuple(names)))

    def finish(self, index: int, record: Record) -> None:
        """A side has sent its Finished."""
        self._finished.setdefault(index, (record.ready, record.time))

    def conclude(self, packet: int, time: int | None) -> None:
        """Both sides must have sent theirs; when, nobody knows: at the latest in this packet."""
        self._asked = self._asked[0], None
        for index in (0, 1):
            self.inferred |= index not in self._finished
            self._finished.setdefault(index, (packet, time))
        self.tell("complete")

    @property
    def complete(self) -> bool:
        """Whether both sides have sent theirs."""
        return len(self._finished) == 2

    def tell(self, outcome: Literal["complete", "failed", "unfinished"], ready: int = 0) -> None:
        """Tell all of it, once; ``ready`` is the packet that made it certain, where that is not the last of it."""
        if self.told:
            return
        self.told = True
        if not self._outlet.wanted.contents or not (self._hello or self._server or self.problems):
            return
        until, time = max(self._finished.values(), key=lambda pair: pair[0]) if outcome == "complete" else self._last
        flights = self._flights(until)
        packets = sorted({packet for flight in flights for packet in flight.packets})
        problems = self.problems
        event = TlsHandshake(
            packets=tuple(packets), time=time, problems=tuple(problems), connection=self._outlet.number, random=self.random,
            offer=None if self._hello is None else _offer(self._hello), session=self.session,
            group=None if self._server is None or self._server.group is None else group_name(self._server.group),
            retried=self.retried, early=self.early, names=self.names, keys=self.keys, outcome=outcome, flights=flights,
            asked=self._asked[1], inferred=("outcome",) if self.inferred and outcome == "complete" else (),
        )  # fmt: skip
        self._outlet.tell(max(until, ready, self._floor), "tls", event)

    def _flights(self, until: int) -> tuple[Flight, ...]:
        """What each side sent in turn, in the order of the wire."""
        noted = sorted((entry for entry in self._noted if entry[0] <= until), key=lambda entry: entry[0])
        flights = []
        for index, group in groupby(noted, key=lambda entry: entry[1]):
            entries = list(group)
            records = [record for _, _, record, _ in entries]
            flights.append(
                Flight(
                    SIDES[index],
                    tuple(name for *_, names in entries for name in names),
                    tuple(dict.fromkeys(packet for record in records for packet in record.packets)),
                    records[-1].time,
                    sum(record.size for record in records),
                )
            )
        return tuple(flights)


def _offer(hello: ClientHello) -> TlsOffer:
    return TlsOffer(
        tuple(map(version_name, hello.versions)),
        tuple(map(suite_name, hello.suites)),
        tuple(map(group_name, hello.groups)),
        hello.alpn,
        hello.sni,
        tuple(map(extension_name, hello.extensions)),
    )
