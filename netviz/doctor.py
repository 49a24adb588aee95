"""What works on this machine, and what could: for a report that fits on one screen."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple

from netviz.capture.interfaces import Interface, interfaces
from netviz.capture.rights import way_in
from netviz.errors import NetvizError
from netviz.namespace import refusal
from netviz.native import native

__all__ = ["Finding", "examine"]

#: Packages that netviz can do without, what for, and how to get them.
_EXTRAS = (
    ("msgpack", "Socket.IO packed with MessagePack", "pip install 'netviz[msgpack]'"),
    ("socketio", "real Socket.IO servers and clients in labs", "pip install 'netviz[labs]'"),
    ("scapy", "fields of protocols that netviz does not decode", "pip install scapy"),
    ("lz4", "captures packed with lz4", "pip install lz4"),
)


class Finding(NamedTuple):
    """Something that works (``good`` true), or does not (false), or is merely so (None); ``do`` says how to change it."""

    name: str
    good: bool | None
    text: str
    do: str = ""


def examine(width: int, colors: str | None, encoding: str, *, terminal: bool) -> Iterator[Finding]:
    """All findings; what the terminal is like is for the caller to say."""
    yield Finding("netviz", None, f"{version('netviz')}, Python {platform.python_version()}, {platform.platform(terse=True)}")
    yield Finding("loops in C", native is not None, "built" if native is not None else "not built: big captures take longer",
                  "" if native is not None else "a C compiler when netviz is installed")  # fmt: skip
    yield from _capturing()
    why = refusal()
    yield Finding("namespaces", not why, "labs can run real traffic without any rights" if not why else f"not allowed: {why}",
                  "labs use loopback where you may capture, else recorded captures" if why else "")  # fmt: skip
    yield from _screen(width, colors, encoding, terminal=terminal)
    for package, purpose, do in _EXTRAS:
        there = find_spec(package) is not None
        yield Finding(package, there or None, _version(package) if there else f"not installed: {purpose}", "" if there else do)


def _capturing() -> Iterator[Finding]:
    try:
        found = interfaces()
    except NetvizError as error:
        yield Finding("libpcap", False, str(error), "pip install pcapy-ng (wheels for Linux and macOS)")
        return
    yield Finding("libpcap", True, _libpcap())
    usable = [one for one in found if not one.refused]
    named = ", ".join(one.name for one in usable[:6]) + (" …" if len(usable) > 6 else "")
    if usable:
        yield Finding("capture", True, f"you may capture on {named}")
    else:
        yield Finding("capture", False, "you may not capture on any interface", way_in(_likely(found), "ws-trace"))


def _likely(found: list[Interface]) -> str:
    """The interface that people begin with."""
    return next((one.name for one in found if one.kind == "loopback"), "lo")


def _libpcap() -> str:
    """The version of the library inside pcapy-ng, which pcapy does not tell."""
    import ctypes

    import pcapy

    made = f"pcapy-ng {_version('pcapy-ng')}"
    try:
        tell = ctypes.CDLL(pcapy.__file__).pcap_lib_version
        tell.restype = ctypes.c_char_p
        return f"{tell().decode('ascii', 'replace')}, {made}"
    except (OSError, AttributeError):
        return made


def _screen(width: int, colors: str | None, encoding: str, *, terminal: bool) -> Iterator[Finding]:
    wide = width >= 80
    where = f"{width} columns" if terminal else f"none: stdout is not a terminal; {width} columns are drawn"
    yield Finding("terminal", wide, where, "" if wide else "screens are made for 80 columns and more; 60 will do")
    quiet = " (NO_COLOR is set)" if os.environ.get("NO_COLOR") else ""
    yield Finding("colours", None, f"{colors}" if colors else f"none{quiet}")
    full = encoding.lower().replace("-", "") in ("utf8", "utf16", "utf32", "cp65001")
    yield Finding("characters", full, encoding, "" if full else "lines are drawn in ASCII; PYTHONUTF8=1 gives all of them")


def _version(package: str) -> str:
    try:
        return version({"socketio": "python-socketio"}.get(package, package))
    except PackageNotFoundError:
        return f"of unknown version ({sys.executable})"
