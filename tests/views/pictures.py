"""Pictures of films as a terminal would show them, without a terminal."""

from __future__ import annotations

from rich.text import Text

from netviz.film import Film
from netviz.quantity import seconds
from netviz.verdicts.neighbours import Neighbours
from netviz.views.film import Reel, Status, picture

__all__ = ["painted", "reel_of"]


def reel_of(film: Film, name: str = "test") -> Reel:
    """What is the same in all pictures of a film."""
    neighbours = Neighbours()
    for one in film.connections:
        neighbours.add(one)
    last = max((time for time in film.times if time is not None), default=0)
    numbers = [one.connection for one in film.connections]
    return Reel(
        name, film.start, len(film), film.footage.packets, len(seconds(max(last - (film.start or 0), 0))),
        len(str(max(numbers))) + 1 if len(numbers) > 1 else 0, neighbours, film.footage.cut,
    )  # fmt: skip


def painted(film: Film, place: int, width: int, height: int, status: Status | None = None, name: str = "test") -> list[Text]:
    """The picture of one scene."""
    scenes = film.recent(place, height)
    return picture(reel_of(film, name), scenes, status or Status(1.0, 2 * 10**9, clock=scenes[-1].time), width, height)
