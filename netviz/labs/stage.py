"""Where a lab is played: a process of its own that starts the process that captures, then plays, and writes the capture to
standard output.

In a namespace of its own it has all rights there and none elsewhere.  What it has to say of a failure goes to standard error,
as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from netviz.capture.interfaces import known
from netviz.capture.rights import PYTHON, give_up
from netviz.capture.sniffer import Wishes, complaint, invocation
from netviz.errors import NetvizError
from netviz.labs.lab import Lab, find_lab
from netviz.namespace import enter

__all__ = ["main"]

_NEEDED = str(Path(__file__).absolute().parents[1]), *PYTHON

#: Seconds in which a lab must be over, and the port of its server where no other program can have it.
_PATIENCE, _PORT = 10.0, 8765


def main(place: str, name: str) -> None:
    """Play the lab of this name in a "namespace", or on "loopback" as it is."""
    lab = find_lab(name)
    if place == "namespace":
        give_up(*_NEEDED)  # the user who called sudo is enough
        os.environ.pop("SUDO_UID", None)  # and there is no other user in there whom the process that captures could become
        try:
            enter()
        except OSError as error:
            _fail("namespace", error.strerror or str(error))
    listener = socket.socket()
    # Afterwards sides of its connections that wait in TIME-WAIT must not keep the next lab from this port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.platform != "win32"))
    listener.bind(("127.0.0.1", _PORT if place == "namespace" else 0))
    with listener:
        capture = _captured(lab, listener)
    sys.stdout.buffer.write(capture)


def _captured(lab: Lab, listener: socket.socket) -> bytes:
    """Everything that passes loopback to and from this port while the lab is played."""
    port = listener.getsockname()[1]
    try:
        wishes = Wishes(known("lo"), f"tcp port {port}", program=f"netviz {version('netviz')}")
        sniffer = subprocess.Popen(
            invocation(wishes), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
    except (NetvizError, OSError) as error:
        _fail("capture", str(error))
    if sniffer.stdout is None:
        raise ValueError("not a pipe")
    # It writes nothing before the device is open; what the pipe does not hold waits in it, and a lab is small.
    begun = os.read(sniffer.stdout.fileno(), 1 << 16)
    trouble = ""
    if begun:
        give_up(*_NEEDED)
        trouble = _played(lab, listener)
    rest, said = sniffer.communicate()
    if found := complaint(said):
        _fail(*found)
    if sniffer.returncode:
        _fail("capture", f"the process that captures ended with status {sniffer.returncode}")
    if trouble:
        _fail("lab", trouble)
    return begun + rest


def _played(lab: Lab, listener: socket.socket) -> str:
    """Play it; what went wrong, if something did."""

    async def run() -> None:
        async with asyncio.timeout(_PATIENCE):
            await lab.run(listener)

    try:
        asyncio.run(run())
    except TimeoutError:
        return f"it was not over after {_PATIENCE:g} s"
    except Exception as error:  # whatever a library raises where a lab goes otherwise than planned
        return f"{type(error).__name__}: {error}"
    return ""


def _fail(kind: str, text: str) -> NoReturn:
    sys.stderr.write(json.dumps({"kind": kind, "text": text}) + "\n")
    sys.exit(1)
