"""Playback: which scene is due when.  No terminal and no clock in it: whoever plays says how late it is.

All times are in ns.  At speed 10 a tenth of the time passes that passed in the capture; no wait is longer than ``most``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Playback", "Silence", "silence"]

#: How long a packet without a time lets the next one wait.
_UNTIMED = 200_000_000

#: A picture follows another after a thirtieth of a second at the earliest; where more scenes are due, some are passed over so
#: that no picture is much more than a second late.
_PICTURE, _LATE = 33_000_000, 30

#: What + and - lead through.
_SPEEDS = (*(round(digit * 10.0**power, 9) for power in range(-6, 4) for digit in (1, 2, 5)), math.inf)


class Silence(NamedTuple):
    """The gap before a scene: how long it was, how long it takes here, and whether the speed alone would take longer."""

    lasted: int
    shown: int
    shortened: bool


def silence(gap: int | None, speed: float, most: int) -> Silence:
    """What becomes of a gap (None where a time is missing).

    >>> silence(12_000_000_000, 1, 2_000_000_000)
    Silence(lasted=12000000000, shown=2000000000, shortened=True)
    """
    lasted = _UNTIMED if gap is None else max(gap, 0)
    scaled = 0 if math.isinf(speed) else int(min(lasted / speed, 1e18))
    return Silence(lasted, min(scaled, most), scaled > most)


class Playback:
    """``place`` is the scene on the screen, ``reached`` the one that is due: on a screen one may be behind the other.

    >>> play = Playback([0, 1_000_000_000, 61_000_000_000], most=2_000_000_000, now=0)
    >>> [(play.tick(now), play.place)[1] for now in (0, 900_000_000, 1_000_000_000, 2_900_000_000, 3_000_000_000)]
    [0, 0, 1, 1, 2]
    """

    def __init__(
        self, times: Sequence[int | None], *, speed: float = 1.0, most: int = 2_000_000_000, now: int = 0, paused: bool = False
    ) -> None:
        self._times = times
        self.most = most
        self.speed = speed
        self.paused = paused
        self.place = self.reached = 0
        #: When the scene that is due came, and (while paused) how much of the wait behind it was over.
        self._since = now
        self._waited = 0

    def __len__(self) -> int:
        return len(self._times)

    @property
    def over(self) -> bool:
        """Whether the last scene is there."""
        return self.place >= len(self._times) - 1

    def gap(self, place: int) -> int | None:
        """How long it was silent in the capture before a scene; None where nobody knows."""
        if not 0 < place < len(self._times):
            return 0
        before, now = self._times[place - 1], self._times[place]
        return None if before is None or now is None else max(now - before, 0)

    def silence(self, place: int) -> Silence:
        """The gap before a scene, by the speed as it is now."""
        return silence(self.gap(place), self.speed, self.most)

    def tick(self, now: int) -> bool:
        """Go on to what is due; whether the picture changes."""
        if self.paused:
            return False
        last = len(self._times) - 1
        while self.reached < last and (due := self._since + self.silence(self.reached + 1).shown) <= now:
            self.reached += 1
            self._since = due
        before = self.place
        self.place += min(self.reached - before, 1 + (self.reached - before) // _LATE)
        return self.place != before

    def wait(self, now: int) -> int | None:
        """How long nothing happens by itself; None where nothing does."""
        if self.paused or self.over:
            return None
        if self.place < self.reached:
            return _PICTURE
        return max(self._since + self.silence(self.reached + 1).shown - now, 0)

    def clock(self, now: int) -> int | None:
        """What time it is in the capture: between two scenes it runs."""
        at = self._times[self.place]
        gap = self.gap(self.place + 1)
        if at is None or not gap or self.place != self.reached:
            return at
        shown = self.silence(self.place + 1).shown
        waited = self._waited if self.paused else now - self._since
        return at + (gap * min(max(waited, 0), shown) // shown if shown else 0)

    # What keys do

    def pause(self, now: int) -> None:
        """Stop, or go on; at the end, from the beginning."""
        if self.paused:
            self.resume(now)
        elif self.over:
            self.go(0, now)
        else:
            self.hold(now)

    def hold(self, now: int) -> None:
        """Stop."""
        if not self.paused:
            self.reached, self._since = (self.place, now) if self.reached != self.place else (self.reached, self._since)
            self.paused, self._waited = True, now - self._since

    def resume(self, now: int) -> None:
        """Go on where it stopped."""
        if self.paused:
            self.paused, self._since = False, now - self._waited

    def step(self, by: int, now: int) -> None:
        """So many scenes on or back, and stop there."""
        self.hold(now)
        self.go(self.place + by, now)

    def go(self, place: int, now: int) -> None:
        """Go to a scene."""
        self.place = self.reached = max(min(place, len(self._times) - 1), 0)
        self._since, self._waited = now, 0

    def faster(self, now: int) -> None:
        """The next higher speed; the last one is without any wait."""
        self._change(next((speed for speed in _SPEEDS if speed > self.speed * 1.001), math.inf), now)

    def slower(self, now: int) -> None:
        """The next lower speed."""
        self._change(next((speed for speed in reversed(_SPEEDS) if speed < self.speed * 0.999), self.speed), now)

    def _change(self, speed: float, now: int) -> None:
        """Another speed: of the wait that runs the same share is over as before."""
        upcoming = self.reached + 1
        before = self.silence(upcoming).shown
        waited = self._waited if self.paused else now - self._since
        self.speed = speed
        left = self.silence(upcoming).shown
        self._waited = waited * left // before if before else 0
        self._since = now - self._waited
