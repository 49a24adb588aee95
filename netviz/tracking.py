"""From Batches to what was found in them: connections that opened or ended, problems of the capture itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netviz.capture.batch import NO_TIME, Batch
from netviz.connection import Connection
from netviz.event import CaptureProblem, Problem
from netviz.found import Found, Kept, Tally
from netviz.layers.fragments import Fragments
from netviz.notice import Notice
from netviz.table import table
from netviz.tracker import Tracker

if TYPE_CHECKING:
    from netviz.assembly import Assembly
    from netviz.layers.layer import Wanted
    from netviz.payload import Part

__all__ = ["Tracking"]

#: How long a streaming source was silent when it gives a Batch without packets, in ns.
_SILENCE = 500_000_000


class Tracking:
    """Feed it Batches, then close it; ``tally`` grows meanwhile.

    With ``wanted`` the payload of connections is read instead of their handshakes: of that ``part`` of all of them; else
    ``kept`` says how much is kept of their segments.
    """

    def __init__(self, wanted: Wanted | None = None, part: Part = (1, 0, 1), kept: Kept = Kept()) -> None:  # noqa: B008
        self.tally = Tally()
        self._fragments = Fragments()
        self._tracker = Tracker(kept if wanted is None else Kept(probed=False, counted=False))
        self._openings = kept.openings
        self._assembly: Assembly | None = None
        self._keys = None if wanted is None else wanted.keys
        if wanted is not None:
            from netviz.assembly import Assembly

            self._assembly = Assembly(wanted, part)
        self._notices: dict[tuple[str, str], Notice] = {}

    def feed(self, batch: Batch) -> list[Found]:
        """What a Batch completes, in the order of the packets that complete it."""
        found: list[Found] = [("problem", problem) for problem in batch.problems]
        if batch.secrets and self._keys is not None:
            self._keys.listen(batch.secrets)
        packets = None
        if not len(batch):
            tracked = self._tracker.wait(0 if batch.problems else _SILENCE)
        else:
            packets = table(batch, self._fragments)
            for notice in packets.notices:
                self._note(notice)
            tracked = self._tracker.feed(packets)
            self._count(batch, packets.counts)
        if self._assembly is None:
            if self._openings:
                found += [("opened", connection.finish()) for connection in tracked.opened]
            return found + _over(tracked.over)
        if packets is None or tracked.grouping is None:
            return found + self._assembly.close(tracked.over)
        return found + self._assembly.feed(packets, tracked.grouping.runs(), tracked.over)

    def close(self) -> list[Found]:
        """The connections that the capture ended in, then what was not decoded."""
        rest = self._tracker.close()
        found = _over(rest) if self._assembly is None else self._assembly.close(rest)
        found += [("problem", problem) for problem in ([] if self._keys is None else self._keys.problems())]
        for notice in self._fragments.close():
            self._note(notice)
        for notice in self._notices.values():
            packets = f"{notice.count:,} packet{'s' * (notice.count != 1)}"
            text = f"{packets} {notice.text}; the first is packet {notice.packet}"
            problem = Problem(notice.kind, text, notice.packet)
            event = CaptureProblem(packets=(notice.packet,), time=None, problems=(problem,), count=notice.count)
            found.append(("problem", event))
        return found

    def _count(self, batch: Batch, counts: dict[str, int]) -> None:
        start, stop, before, _ = self.tally
        times = int(batch.time[0]), int(batch.time[-1])
        if NO_TIME in times:
            timed = batch.time[batch.time != NO_TIME]
            times = (int(timed[0]), int(timed[-1])) if len(timed) else times
        if NO_TIME not in times:
            start, stop = times[0] if start is None else start, times[1]
        added = {protocol: count + before.get(protocol, 0) for protocol, count in counts.items()}
        self.tally = Tally(start, stop, added, self._tracker.late)

    def _note(self, notice: Notice) -> None:
        key = notice.kind, notice.text
        before = self._notices.get(key)
        self._notices[key] = notice if before is None else replace(before, count=before.count + notice.count)


def _over(connections: list[Connection]) -> list[Found]:
    return [("over", connection.finish()) for connection in connections]
