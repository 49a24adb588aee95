"""Rights to capture: given up as soon as a device is open, and how to get them where they are missing."""

from __future__ import annotations

import os
import shlex
import sys

from netviz.errors import NetvizError

__all__ = ["PYTHON", "MissingRightsError", "give_up", "way_in"]

#: What a process must be able to read that goes on to import what is Python’s own, and to start other processes of netviz.
PYTHON = os.path.dirname(os.__file__), sys.executable


class MissingRightsError(NetvizError):
    """The system does not let this user capture."""


def give_up(*needed: str) -> bool:
    """Become the user who called sudo; whether this process now is an ordinary one, or had been.

    Not where that user cannot read what is ``needed``: the directory that the rest of netviz is imported from, and the like.
    """
    user, group, name = (os.environ.get(key, "") for key in ("SUDO_UID", "SUDO_GID", "SUDO_USER"))
    if sys.platform == "win32" or os.geteuid() != 0:
        return True
    if not (user.isdigit() and group.isdigit() and name) or int(user) == 0:
        return False
    os.setegid(int(group))
    os.seteuid(int(user))
    own = os.access in os.supports_effective_ids
    readable = all(os.access(path, os.R_OK | os.X_OK, effective_ids=own) for path in needed)
    os.seteuid(0)
    os.setegid(0)
    if not readable:
        return False
    os.initgroups(name, int(group))
    os.setgid(int(group))
    os.setuid(int(user))
    os.environ.pop("SUDO_UID", None)  # once is enough: nobody could do it again
    return True


def way_in(interface: str, command: str) -> str:
    """What to do without rights, the best first; ``command`` is a netviz command, such as ws-trace."""
    device, program = shlex.quote(interface), shlex.quote(os.path.realpath(sys.executable))
    if sys.platform == "darwin":
        return (f"sudo tcpdump -i {device} --immediate-mode -U -w - | netviz {command} -  (netviz itself needs no rights)\n"
                f"sudo netviz {command} -i {device}  (rights are given up once the device is open)\n"
                "Wireshark’s ChmodBPF  (from then on your user may capture)\n"
                f"or open a file: netviz {command} FILE needs no rights at all")  # fmt: skip
    if sys.platform == "win32":
        return f"install Npcap (npcap.com), start as Administrator; or open a file: netviz {command} FILE needs no rights"
    return (f"sudo tcpdump -i {device} --immediate-mode -U -w - | netviz {command} -  (netviz itself needs no rights)\n"
            f"sudo netviz {command} -i {device}  (rights are given up once the device is open)\n"
            f"sudo setcap cap_net_raw+ep {program}  (from then on any Python program of any user may)\n"
            f"or open a file: netviz {command} FILE needs no rights at all")  # fmt: skip
