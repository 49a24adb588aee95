"""Captures as a user would name them on a command line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netviz.samples import find, sample_directory
from netviz.views.text import safe

__all__ = ["called", "shortest", "typed"]

#: Captures that a user should not be told the path of, and what is said instead.
_CALLED: dict[str, str] = {}


@contextmanager
def called(capture: str, name: str) -> Iterator[None]:
    """Within this, commands that are proposed for a capture say this name: its file is soon gone."""
    _CALLED[capture] = name
    try:
        yield
    finally:
        del _CALLED[capture]


def typed(captures: Iterable[str]) -> str:
    """The names of captures, quoted for a shell: a sample by its own, a file by its shortest path."""
    return " ".join(shlex.quote(safe(_CALLED.get(capture) or _sample(capture) or shortest(capture))) for capture in captures)


def shortest(capture: str) -> str:
    """The shortest path of a capture."""
    try:
        return min(capture, os.path.relpath(capture), key=len)
    except (OSError, ValueError):  # the working directory is gone, or on Windows on another drive
        return capture


def _sample(capture: str) -> str:
    path = Path(capture)
    name = path.name.split(".")[0]
    return name if path.is_absolute() and path.parent == sample_directory() and find(name) == capture else ""
