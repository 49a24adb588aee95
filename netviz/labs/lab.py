"""What a lab is, and which there are."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from netviz.errors import NetvizError

__all__ = ["LABS", "Lab", "find_lab", "labs"]

#: The labs in the order in which they are best seen, and the modules here that hold them.
LABS = {
    "handshake": "handshake", "refused": "refused", "unanswered": "unanswered", "reset": "reset", "websocket": "websocket",
    "fragments": "fragments", "compression": "compression", "ping": "ping", "1006": "abnormal", "bad-accept": "bad_accept",
    "rejected": "rejected", "socketio": "socketio",
}  # fmt: skip

#: Packages that pip knows by other names.
_PACKAGES = {"socketio": "python-socketio"}


@dataclass(frozen=True, slots=True)
class Lab:
    """A scene; ``run`` plays it, client and server, and is given a TCP socket that is bound but does not listen yet.

    ``doc`` begins with what it teaches; libraries are imported when it runs, so that labs can be listed without them.  ``view``
    is the command that shows it, ``closer`` what to add to it to see more, ``sample`` the sample capture of the same scene,
    ``topic`` the one to explain next; ``extra`` are packages of netviz[labs], ``linux`` says that nothing else can play it.
    """

    name: str
    doc: str | None
    run: Callable[[socket.socket], Awaitable[None]]
    view: Literal["handshake", "ws-trace"]
    closer: str
    sample: str
    topic: str
    extra: tuple[str, ...] = ()
    linux: bool = False

    @property
    def teaches(self) -> str:
        """One line."""
        return (self.doc or "").partition("\n")[0].rstrip(".")

    @property
    def needs(self) -> str:
        """What it needs to be played, beyond a place to capture; "" where that is nothing."""
        return "netviz[labs]" if self.extra else "Linux" if self.linux else ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not installed of it, as pip calls that."""
        return tuple(_PACKAGES.get(name, name) for name in self.extra if find_spec(name) is None)


def find_lab(name: str) -> Lab:
    """The lab of this name; raises NetvizError with the nearest ones where there is none."""
    if name not in LABS:
        near = get_close_matches(name.lower().replace("_", "-"), LABS, 3, 0.5)
        raise NetvizError(
            f"there is no lab {name}", f"did you mean {' or '.join(near)}?" if near else f"labs: {', '.join(LABS)}"
        )
    lab: Lab = import_module(f"netviz.labs.{LABS[name]}").LAB
    return lab


def labs() -> Iterator[Lab]:
    """All of them."""
    return map(find_lab, LABS)
