"""Messages that are read many at once: however they are read, the same must be told."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from netviz import ahead
from netviz.analysis import Analysis
from netviz.event import Event, MessageBlock
from netviz.found import Found, Tally
from netviz.keylog import KeyLog
from netviz.layers.layer import Wanted
from netviz.packing import pack, unpack
from netviz.tracking import Tracking
from tests.frames import accepted, request
from tests.talk import Line, say
from tests.tls import Setup, Talk, contexts
from tests.wire import CLIENT, SERVER, Packet, Wire, batches

__all__ = ["UP", "Read", "Speaker", "carried", "flat"]

#: The upgrade.
UP: list[Line] = [(CLIENT, request()), (SERVER, accepted())]

#: Which connections each of two processes reads, where there are few of them: every other one.
_OURS, _THEIRS = (2, 0, 1), (2, 1, 2)


class Read(NamedTuple):
    """What was told of a capture, and how many messages of it came in blocks."""

    events: list[Event]
    together: int


class Speaker:
    """Makes talks, plain or in TLS, that share a key log, and reads them."""

    def __init__(self, keys: Path, *setups: Setup) -> None:
        self.keys = keys
        self._contexts = [contexts(setup, keys) for setup in setups or (Setup(),)]

    def talk(
        self, lines: Iterable[Line], *, tls: int = 0, size: int = 1400, wire: Wire | None = None, end: bool = True
    ) -> list[Packet]:
        """A talk as it was captured, in segments of this size; ``tls`` says in which of the setups, 0 in none."""
        wire = wire or Wire()
        if tls:
            talk = Talk(*self._contexts[tls - 1], wire=wire, size=size)
            talk.shake()
            talk.say(lines)
            if end:
                talk.close()
            return wire.packets
        say(wire.open(), ((side, data[at : at + size]) for side, data in lines for at in range(0, len(data), size)))
        return (wire.close() if end else wire).packets

    def read(self, packets: list[Packet], rows: int = 0, *, bulk: bool = True, **how: Any) -> list[Event]:
        """What one process tells; with ``bulk`` of messages that are alike as blocks."""
        analysis = Analysis(wanted=self._wanted(bulk=bulk, **how)(), blocks=bulk)
        told = chain.from_iterable(analysis.feed(batch) for batch in batches(packets, rows))
        return [*told, *analysis.close()]

    def parts(self, packets: list[Packet], rows: int = 0, **how: Any) -> list[Event]:
        """What two processes tell that read a part of the connections each."""
        make = self._wanted(bulk=True, **how)
        ours, theirs = (Tracking(make(), part) for part in (_OURS, _THEIRS))

        def messages() -> Iterator[ahead.Message]:
            for batch in batches(packets, rows):
                yield None, Tally(), ahead._together(ours.feed(batch), carried(theirs.feed(batch)))
            yield None, Tally(), ahead._together(ours.close(), carried(theirs.close()))

        return list(Analysis(wanted=make(), blocks=True)._receive(messages(), None))

    def alike(self, packets: list[Packet], rows: int = 0, **how: Any) -> Read:
        """What is told in Batches of so many packets, which must be the same one by one, many at once and by two processes."""
        single, many = (self.read(packets, rows, bulk=bulk, **how) for bulk in (False, True))
        assert not any(isinstance(event, MessageBlock) for event in single)
        assert flat(many) == single
        assert flat(self.parts(packets, rows, **how)) == single
        return Read(single, sum(len(event) for event in many if isinstance(event, MessageBlock)))

    def _wanted(self, **how: Any) -> Callable[[], Wanted]:
        """Makes what is wanted, each time with a key log that nobody has read yet."""
        return lambda: Wanted(keys=KeyLog(str(self.keys)), **how)


def flat(events: Iterable[Event]) -> list[Event]:
    """The events one by one."""
    return [*chain.from_iterable(event.events() if isinstance(event, MessageBlock) else (event,) for event in events)]


def carried(found: list[Found]) -> list[Found]:
    """What was found as it comes to the other process."""
    return list(unpack(marshal.loads(marshal.dumps(pack(found)))))
