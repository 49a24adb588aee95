"""A lab that is played for somebody: in the best place that this machine allows, else as it was recorded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from netviz.capture.sniffer import complaint
from netviz.labs.lab import Lab
from netviz.samples import samples

__all__ = ["PLACES", "Performance", "Place", "perform"]

Place = Literal["namespace", "loopback", "recorded"]

#: Where labs are played, the better place first.
PLACES: tuple[Place, ...] = ("namespace", "loopback")

_ROOT = str(Path(__file__).absolute().parents[2])
_START = "import sys; sys.path.insert(0, sys.argv[1]); from netviz.labs.stage import main; main(*sys.argv[2:])"

#: Seconds that the process of a lab may take: longer than it gives itself.
_PATIENCE = 20.0

#: How the system says that rights are missing.
_RIGHTS = ("permission", "not permitted", "must be root")


class Performance(NamedTuple):
    """Where a lab was played, its capture, and why it was not played in a better place."""

    lab: Lab
    place: Place
    capture: bytes
    reasons: tuple[str, ...] = ()


def perform(lab: Lab, places: Sequence[Place] = PLACES, meanwhile: Callable[[], None] | None = None) -> Performance:
    """Play it in the first of these places that is possible; else its recorded capture.

    ``meanwhile`` is called once, while the lab is played.
    """
    reasons: list[str] = []
    if lab.missing:
        reasons.append(f"{' and '.join(lab.missing)} not installed (pip install 'netviz[labs]')")
        places = ()
    elif lab.linux and sys.platform != "linux":
        reasons.append("it needs Linux")
        places = ()
    for place in places:
        capture, kind, text = _play(lab, place, meanwhile)
        meanwhile = None
        if capture:
            return Performance(lab, place, capture, tuple(reasons))
        reason = _reason(place, kind, text)
        if reason not in reasons:
            reasons.append(reason)
        if kind in ("lab", "missing"):
            break  # it would end the same way elsewhere
    if meanwhile is not None:
        meanwhile()
    return Performance(lab, "recorded", samples()[lab.sample].read_bytes(), tuple(reasons))


def _play(lab: Lab, place: Place, meanwhile: Callable[[], None] | None) -> tuple[bytes, str, str]:
    """The capture; or nothing, a word for what went wrong, and the reason."""
    try:
        # A session of its own: Ctrl-C reaches netviz, which ends it.
        stage = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, _ROOT, place, lab.name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return b"", "stage", error.strerror or str(error)
    try:
        if meanwhile is not None:
            meanwhile()
        capture, said = stage.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return b"", "lab", f"nothing came for {_PATIENCE:g} s"
    finally:
        # The process that captures ends by itself once nobody holds the other end of its standard input.
        if stage.poll() is None:
            stage.kill()
            stage.wait()
        for pipe in (stage.stdout, stage.stderr):
            if pipe is not None:
                pipe.close()
    if stage.returncode == 0 and capture:
        return capture, "", ""
    last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return b"", *(complaint(said) or ("stage", last or f"its process ended with status {stage.returncode}"))


def _reason(place: Place, kind: str, text: str) -> str:
    if kind == "namespace":
        return f"namespaces are not allowed here ({text})"
    if kind == "missing":
        return "libpcap is missing (pip install pcapy-ng)"
    if kind == "lab":
        return f"it went otherwise than planned ({text})"
    if place == "loopback" and any(words in text.lower() for words in _RIGHTS):
        return "you may not capture on loopback"
    return f"{place}: {text}"
