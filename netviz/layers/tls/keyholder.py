"""Who has the keys of a TLS connection: uses them where they belong, waits for those that may still be written."""

from __future__ import annotations

from netviz.event import Problem
from netviz.keylog import KeyLog
from netviz.layers.tls.direction import LEGACY, MODERN, Direction
from netviz.layers.tls.hello import ClientHello
from netviz.layers.tls.keying import Keying, Stage
from netviz.layers.tls.report import Report

__all__ = ["Keyholder"]

#: What one side may send while it waits for the other side, or for a key.
_PATIENCE = 1 << 20

_CLIENT = 0


class Keyholder:
    """Protects and opens both sides; ``keying`` is None until a ClientHello named the connection."""

    def __init__(self, keylog: KeyLog, sides: tuple[Direction, Direction], report: Report) -> None:
        self._keylog = keylog
        self._sides = sides
        self._report = report
        self.keying: Keying | None = None
        #: Keys that may still be written, by stage and side; how much waits for them.
        self._awaited: list[tuple[Stage, int]] = []
        self._waiting = 0
        self._patient = keylog.growing

    def meet(self, hello: ClientHello) -> Keying:
        """A handshake begins: its keys are those of this hello."""
        self.keying = Keying(self._keylog, hello)
        return self.keying

    def install(self) -> None:
        """Use the keys that came since, or go without them."""
        awaited, self._awaited = self._awaited, []
        for stage, index in awaited:
            self._sides[index].waits = False
            self.protect(stage, index)

    def protect(self, stage: Stage, index: int) -> None:
        """What a side sends from here on is protected by the keys of this stage."""
        side, keying = self._sides[index], self.keying
        assert keying is not None
        side.sealed = LEGACY if stage == "legacy" else MODERN
        made = keying.protection(stage, index)
        if made is None and self._patient and not keying.known and stage != "early":
            side.waits = True
            self._awaited.append((stage, index))
        elif stage == "handshake":
            # What announces the keys that follow may be lost, or early data may go on until the client has read the answer.
            later = [made, keying.protection("application", index)]
            if not (keying.early and index == _CLIENT):
                side.protection = later.pop(0)
            side.successors = [protection for protection in later if protection is not None]
        else:
            side.protection, side.successors = made, []
        if made is None and not side.waits and stage in ("handshake", "legacy"):
            self._without(keying)

    def be_patient(self) -> None:
        """Wait, but not for too much."""
        waits = [len(side.source.data) for side in self._sides if side.held or side.waits]
        self.note_waiting(sum(waits) if self._awaited else 0)
        if sum(waits) > _PATIENCE or (self._awaited and self._keylog.room < 0):
            self.give_up()

    def give_up(self) -> None:
        """Go on with what there is."""
        self.note_waiting(0)
        self._patient = False
        self.install()
        for side in self._sides:
            side.held = side.waits = False

    def note_waiting(self, waits: int) -> None:
        """So much waits for keys: of all connections together that must not be too much."""
        self._keylog.waiting += waits - self._waiting
        self._waiting = waits

    def _without(self, keying: Keying) -> None:
        """Say why there is no key."""
        report = self._report
        if self._keylog.empty:
            report.keys = "none"
        elif keying.known and not keying.usable:
            report.keys = "unusable"
        elif report.keys == "used":
            report.keys = "missing"
            what = "is cut short" if keying.cut else "is not among those given"
            text = f"the key of this connection {what}: client random {report.random.hex()}"
            report.problems.append(Problem("key-missing", text, report.answered))
        self._sides[_CLIENT].held = False  # what the server says to early data will not be known
