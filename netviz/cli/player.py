"""Plays a film on a stage: draws the scene that is due, and does what the keys say."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

from netviz.cli.stage import Stage
from netviz.film import Film
from netviz.playback import Playback
from netviz.quantity import seconds
from netviz.verdicts.neighbours import Neighbours
from netviz.views.film import Reel, Status, help_page, page, picture
from netviz.views.layers import layers

__all__ = ["Player", "play"]

#: Seconds between two pictures at least, and at most while time passes.
_SHORTEST, _LONGEST = 0.033, 0.1

#: Digits of a packet's number that are taken.
_DIGITS = 12


def play(console: Console, film: Film, name: str, playback: Playback) -> None:
    """Play a film that has scenes on the terminal, until somebody quits; ``name`` is what it is called there."""
    neighbours = Neighbours()
    for connection in film.connections:
        neighbours.add(connection)
    times = [time for time in film.times if time is not None]
    numbers = [connection.connection for connection in film.connections]
    reel = Reel(
        name=name,
        start=film.start,
        scenes=len(film),
        highest=film.footage.packets,
        longest=len(seconds(max(max(times) - (film.start or 0), 0))) if times else 1,
        labels=len(str(max(numbers))) + 1 if len(numbers) > 1 else 0,
        neighbours=neighbours,
        cut=film.footage.cut,
    )
    with Stage(console) as stage:
        Player(stage, film, reel, playback).run()


class Player:
    """Draws and listens until somebody quits."""

    def __init__(self, stage: Stage, film: Film, reel: Reel, playback: Playback) -> None:
        self._stage = stage
        self._film = film
        self._reel = reel
        self._play = playback
        self._note = film.footage.cut
        #: What is typed behind "go to packet", None where nobody asked.
        self._typed: str | None = None
        self._help = False
        #: The first line that is shown of the layers, None where they are not shown; and these, by what they are drawn for.
        self._scrolled: int | None = None
        self._layers: tuple[tuple[int, int], list[Text]] = (-1, 0), []
        #: Whether it was playing before something else was looked at.
        self._playing = False

    def run(self) -> None:
        """Play."""
        while True:
            now = self._now()
            self._play.tick(now)
            self._stage.draw(self._picture(now))
            key = self._stage.key(self._patience(now))
            if key and not self._press(key, self._now()):
                return

    def _now(self) -> int:
        return time.monotonic_ns() - self._stage.away

    def _patience(self, now: int) -> float | None:
        wait = self._play.wait(now)
        return None if wait is None else min(max(wait / 1e9, _SHORTEST), _LONGEST)

    def _picture(self, now: int) -> list[Text]:
        width, height = self._stage.size
        if self._help:
            return help_page(width, height)
        if self._scrolled is not None:
            return self._scroll(width, height)
        play = self._play
        note = self._note
        if self._typed is not None:
            note = f"go to packet: {self._typed}█   (1 to {self._reel.highest}, then Enter; Esc goes back)"
        status = Status(play.speed, play.most, play.paused, play.over, play.clock(now), note)
        return picture(self._reel, self._film.recent(play.place, height), status, width, height)

    def _scroll(self, width: int, height: int) -> list[Text]:
        """The layers of this packet, from the line on that was scrolled to."""
        place = self._play.place
        if self._layers[0] != (place, width):
            drawn = (part for line in layers(self._film.dissect(place), width) for part in (line.split("\n") or [line]))
            self._layers = (place, width), list(drawn)[:-1]  # the last one names options of another command
        lines = self._layers[1]
        last = max(len(lines) - height + 1, 0)
        self._scrolled = at = max(min(self._scrolled or 0, last), 0)
        more = f"  {last - at} more lines below" if at < last else ""
        foot = Text.assemble((" ↑ ↓", "label"), (" scroll  ", "faint"), ("← →", "label"), (" other packets  ", "faint"),
                             ("l", "label"), (" back", "faint"), (more, "note"))  # fmt: skip
        return page(lines[at:], width, height - 1) + page([foot], width, 1)

    # Keys

    def _press(self, key: str, now: int) -> bool:
        """Do what a key says; whether to go on."""
        if self._typed is not None:
            self._type(key, now)
        elif self._help:
            self._help = False
            self._go_on(now)
        elif self._scrolled is not None:
            self._turn(key, now)
        else:
            return self._command(key, now)
        return True

    def _command(self, key: str, now: int) -> bool:
        play = self._play
        self._note = ""
        match key:
            case "q" | "Q":
                return False
            case " ":
                play.pause(now)
            case "right" | "left":
                play.step(1 if key == "right" else -1, now)
            case "home" | "end":
                play.step(len(play) if key == "end" else -len(play), now)
            case "+" | "=":
                play.faster(now)
            case "-" | "_":
                play.slower(now)
            case "g" | "l" | "?" | "h":
                self._playing = not play.paused
                play.hold(now)
                self._typed = "" if key == "g" else None
                self._scrolled = 0 if key == "l" else None
                self._help = key in "?h"
        return True

    def _go_on(self, now: int) -> None:
        if self._playing:
            self._play.resume(now)

    def _type(self, key: str, now: int) -> None:
        """The number of a packet."""
        typed = self._typed or ""
        if key == "enter" and typed:
            number = int(typed)
            self._play.go(self._film.place_of(number), now)
            shown = self._film.scene(self._play.place).number
            if shown != number:
                self._note = f"packet {number} is not in the film; packet {shown} is nearest"
        if key in ("enter", "escape", "q"):
            self._typed = None
            self._go_on(now)
        elif key == "backspace":
            self._typed = typed[:-1]
        elif key.isascii() and key.isdigit() and len(typed) < _DIGITS:
            self._typed = typed + key

    def _turn(self, key: str, now: int) -> None:
        """Through the layers."""
        height = self._stage.size[1]
        moves = {"up": -1, "down": 1, "page up": 2 - height, "page down": height - 2, " ": height - 2,
                 "home": -1_000_000, "end": 1_000_000}  # fmt: skip
        if key in moves:
            self._scrolled = (self._scrolled or 0) + moves[key]
        elif key in ("left", "right"):
            self._play.step(1 if key == "right" else -1, now)
            self._scrolled = 0
        elif key in ("l", "q", "escape", "enter"):
            self._scrolled = None
            self._go_on(now)
