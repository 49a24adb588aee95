"""A user and a network namespace of one’s own: real kernel TCP and the right to capture it, without rights on the machine.

https://man7.org/linux/man-pages/man7/user_namespaces.7.html
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from pathlib import Path

__all__ = ["enter", "raise_interface", "refusal"]

_NEW_USER, _NEW_NET = 0x1000_0000, 0x4000_0000

#: prctl: PR_SET_DUMPABLE.
_SET_DUMPABLE = 4

#: What the system calls no space left on device: often nobody may make any.
_LIMIT = "the limit user.max_user_namespaces is reached"

#: ioctl: get and set the flags of an interface; the flag for "up"; an ifreq is this long.
_GET, _SET, _UP, _IFREQ = 0x8913, 0x8914, 1, 40


def enter() -> None:
    """Move this process there, as its root, with loopback up; raises OSError where the system does not allow that.

    No other thread may run in the process, and there is no way back.
    """
    if sys.platform != "linux":
        raise OSError("namespaces are Linux’s")
    import ctypes

    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, _LIMIT if number == errno.ENOSPC else os.strerror(number))
    # Who became another user owns its files in /proc again once it may be dumped (proc_pid(5)).
    libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0)
    # Groups can be mapped by those only who cannot drop any (user_namespaces(7)).
    for name, said in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(said)
    raise_interface("lo")


def raise_interface(name: str) -> None:
    """Switch an interface on."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = bytearray(struct.pack("16s24x", name.encode()))
        fcntl.ioctl(any_socket, _GET, request)
        (flags,) = struct.unpack_from("=H", request, 16)
        struct.pack_into("=H", request, 16, flags | _UP)
        fcntl.ioctl(any_socket, _SET, bytes(request[:_IFREQ]))


def refusal() -> str:
    """Why that cannot be done here; "" where it can: a process of its own tries."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            enter()
            said = ""
        except OSError as error:
            said = error.strerror or str(error)
        os.write(writing, said.encode() or b"\0")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read().decode()
    os.waitpid(child, 0)
    return said.strip("\0") if said else "it ended"
