"""Interfaces of this machine: their names, addresses, what they are, and whether netviz may capture on them."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import Any, NamedTuple

from netviz.capture.sniffer import activate
from netviz.errors import NetvizError

__all__ = ["Interface", "interfaces", "known", "names"]

#: What an interface is by its ARPHRD number (Linux), where it is none of the usual.
_KINDS = {1: "Ethernet", 512: "PPP", 768: "tunnel", 769: "tunnel", 772: "loopback", 776: "tunnel", 801: "Wi-Fi", 803: "Wi-Fi",
          65534: "tunnel"}  # fmt: skip

#: Devices of libpcap that are no interfaces, and what they are.
_SPECIAL = {"any": "all interfaces at once", "nflog": "packets that netfilter logs", "nfqueue": "packets that netfilter queues",
            "bluetooth-monitor": "Bluetooth", "dbus-system": "D-Bus", "dbus-session": "D-Bus"}  # fmt: skip

_UP = 1


class Interface(NamedTuple):
    """An interface; ``up`` is None where nobody knows, ``refused`` says why it cannot be captured on ("" where it can)."""

    name: str
    kind: str
    addresses: tuple[str, ...]
    up: bool | None
    refused: str
    link: int | None = None


def names() -> list[str]:
    """All that libpcap knows."""
    return [str(name) for name in _pcapy().findalldevs()]


def known(name: str) -> str:
    """The name as this system has it: loopback is lo here and lo0 there.  Raises NetvizError for one that it does not have."""
    if sys.platform == "win32":
        return name
    there = names()
    if name == "lo" and "lo" not in there and "lo0" in there:
        return "lo0"
    if there and name not in there:
        near = get_close_matches(name, there, 1)
        raise NetvizError(
            f"there is no interface {name}", f"did you mean {near[0]}?" if near else "netviz interfaces lists them"
        )
    return name


def interfaces() -> list[Interface]:
    """All of them, those that can be used first."""
    described = _described()
    found = []
    for name in names():
        kind, addresses, up = described.get(name, (_SPECIAL.get(name, "USB" if name.startswith("usbmon") else ""), (), None))
        refused, link = _try(name)
        found.append(Interface(name, kind, addresses, up, refused, link))
    return sorted(found, key=lambda one: (bool(one.refused), one.up is False, one.up is None, one.kind != "loopback", one.name))


def _try(name: str) -> tuple[str, int | None]:
    """Open it for a moment: why that is refused, and its link type."""
    reader: Any = _pcapy().create(name)
    try:
        reader.set_timeout(1)
        activate(reader)
        return "", int(reader.datalink())
    except Exception as error:  # pcapy has one exception for all that libpcap says
        return _short(str(error)), None
    finally:
        reader.close()


def _short(text: str) -> str:
    """libpcap’s words, in few."""
    if any(words in text for words in ("ermission", "not permitted")):
        return "no rights"
    return text.strip().splitlines()[0] if text.strip() else "cannot be opened"


def _described() -> dict[str, tuple[str, tuple[str, ...], bool | None]]:
    """What the system says of each: scapy knows how to ask on all systems."""
    import logging

    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    import scapy.arch  # noqa: F401  # with it scapy learns what there is
    from scapy.config import conf

    found: dict[str, tuple[str, tuple[str, ...], bool | None]] = {}
    for one in conf.ifaces.values():
        addresses = tuple(str(address) for version in (4, 6) for address in one.ips.get(version, ()))
        flags = int(one.flags)
        found[one.network_name] = _KINDS.get(int(getattr(one, "type", 0) or 0), ""), addresses, bool(flags & _UP)
    return found


def _pcapy() -> Any:
    try:
        import pcapy
    except ImportError as error:
        raise NetvizError("interfaces need libpcap, which comes with pcapy-ng: it is not installed",
                          "or open a file: that needs neither") from error  # fmt: skip
    return pcapy
