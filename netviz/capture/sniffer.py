"""The process that captures: it opens an interface, gives its rights up, and writes pcapng to standard output.

Nothing else is imported here, and nothing that reads the packets can hold it up: what nobody takes in time waits in a queue,
and what the queue has no room for is counted.  It ends when its standard input does.

https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from netviz.capture.rights import give_up

__all__ = ["Outbox", "Sniffer", "Wishes", "activate", "complaint", "enhanced", "invocation", "main", "prologue", "statistics"]

#: Where netviz lies: the process that captures imports it from there, and from nowhere else that a user could choose.
_ROOT = str(Path(__file__).absolute().parents[2])
_START = "import sys; sys.path.insert(0, sys.argv[1]); from netviz.capture.sniffer import main; main(sys.argv[2])"

#: Packets taken at once; ms until a packet is seen that comes alone; seconds between two counts; timeouts without a packet
#: that are waited for at the end.
_AT_ONCE, _TIMEOUT, _COUNTED, _SILENT = 8192, 50, 0.5, 2

#: From this snaplen on nothing is cut, so that the captured length is the length on the wire.
_WHOLE = 65_536

_EPB = struct.Struct("=IIIIIII")
_META = struct.Struct("=IIII")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

#: Cooked headers (LINKTYPE_LINUX_SLL and SLL2): where the direction and the kind of hardware stand, and those of a packet
#: that leaves through loopback, where it comes in again at once.
_COOKED = {113: (slice(0, 2), slice(2, 4), b"\0\4"), 276: (slice(10, 11), slice(8, 10), b"\4")}
_LOOPBACK = (772).to_bytes(2, "big")


#: SOL_PACKET and PACKET_IGNORE_OUTGOING of Linux, for which Python has no names.
_IGNORE_OUTGOING = 263, 23

#: What libpcap answers where it does not open a device.
_REFUSALS = {-5: "no such device", -6: "it cannot be monitored", -8: "permission denied", -9: "it is down",
             -11: "permission denied for promiscuous mode"}  # fmt: skip


class Wishes(NamedTuple):
    """What to capture; ``limit`` (packets) and ``duration`` (seconds) are 0 where there is no limit.

    ``buffer`` are the bytes that the kernel may hold, ``queue`` those that wait for whoever reads, beyond what a pipe holds.
    """

    interface: str
    matching: str = ""
    snaplen: int = 262_144
    buffer: int = 32 << 20
    promiscuous: bool = False
    limit: int = 0
    duration: float = 0
    program: str = "netviz"
    queue: int = 128 << 20


class Reader(Protocol):
    """An open device, as pcapy has it."""

    def next_batch(self, most: int) -> tuple[bytes, bytes]:
        """Packets, and of each: seconds, microseconds, offset, captured length."""

    def dispatch(self, most: int, take: Any) -> Any:
        """The same, one call a packet, with its length on the wire."""

    def stats(self) -> tuple[int, int, int]:
        """Packets that came, that the system dropped, that the interface dropped."""

    def datalink(self) -> int:
        """Its link type."""

    def getfd(self) -> int:
        """What can be waited for, -1 where that is not possible."""


class Outbox(threading.Thread):
    """Writes what it is given, in order; what does not fit is refused at once."""

    def __init__(self, descriptor: int, room: int) -> None:
        super().__init__(daemon=True)
        self.broken = False
        self._descriptor = descriptor
        self._room = room
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False

    def put(self, data: bytes, *, always: bool = False) -> bool:
        """Whether there is room for it; there always is for what is small and must not be missing."""
        with self._changed:
            if len(data) > self._room and not always:
                return False
            self._room -= len(data)
            self._waiting.append(data)
            self._changed.notify()
        return True

    def run(self) -> None:
        """Write until closed, or until nobody reads."""
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                data = self._waiting.popleft()
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                self.broken = True
                return
            with self._changed:
                self._room += len(data)

    def close(self) -> None:
        """Write the rest."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.join()


class Sniffer:
    """Takes packets from a device and gives them to an Outbox; ``stopped`` is when it was told that it is enough."""

    def __init__(self, reader: Reader, wishes: Wishes, descriptor: int = 1) -> None:
        self._reader = reader
        self._wishes = wishes
        self._link = reader.datalink()
        self._cooked = _COOKED.get(self._link)
        self.taken = self.delivered = 0
        self.stopped: float | None = None
        self._outbox = Outbox(descriptor, wishes.queue)
        self._counted: tuple[int, ...] = ()

    def run(self) -> str:
        """Capture until told to stop; what went wrong, if something did."""
        wishes, outbox = self._wishes, self._outbox
        outbox.put(prologue(wishes, self._link), always=True)
        outbox.start()
        ends = time.time() + wishes.duration if wishes.duration else None
        due, silent, trouble = 0.0, 0, ""
        while not outbox.broken:
            now = time.time()
            if self.stopped is None and ends is not None and now >= ends:
                self.stopped = now
            stopping = self.stopped is not None
            try:
                self._wait()
                last = self._take()
            except Exception as error:  # whatever the library raises: the interface is gone, or went down
                trouble = str(error) or type(error).__name__
                break
            # The kernel hands packets over up to two timeouts after they came: silence before the end says nothing.
            silent = silent + 1 if last is None and stopping else 0
            if self.stopped is not None and (silent > _SILENT or (last is not None and last > self.stopped)):
                break
            if wishes.limit and self.taken >= wishes.limit:
                break
            if now >= due:
                due = now + _COUNTED
                self._count()
        self._count(always=True)
        outbox.close()
        return trouble

    def _wait(self) -> None:
        """Until there are packets, or nothing came for a while: libpcap itself may wait for ever where nothing comes."""
        descriptor = self._reader.getfd()
        if descriptor >= 0:
            select.select([descriptor], [], [], _TIMEOUT / 1000)

    def _take(self) -> float | None:
        """Take what is there; the time of the last packet of it."""
        most = min(_AT_ONCE, self._wishes.limit - self.taken) if self._wishes.limit else _AT_ONCE
        blocks: list[bytes] = []
        found = 0
        last = None
        if self._wishes.snaplen >= _WHOLE:
            data, meta = self._reader.next_batch(most)
            for sec, usec, offset, size in _META.iter_unpack(meta):
                found += self._block(blocks, sec, usec, data[offset : offset + size], size)
                last = sec + usec / 1e6
        else:
            cut: list[tuple[Any, bytes]] = []
            self._reader.dispatch(most, lambda head, data: cut.append((head, data)))
            for head, data in cut:
                sec, usec = head.getts()
                found += self._block(blocks, sec, usec, data, head.getlen())
                last = sec + usec / 1e6
        self.taken += found
        if blocks and self._outbox.put(b"".join(blocks)):
            self.delivered += found
        return last

    def _block(self, blocks: list[bytes], sec: int, usec: int, data: bytes, wire: int) -> int:
        """Add a packet; how many that are: of two copies on loopback one is left out."""
        if self._cooked is not None:
            direction, hardware, leaving = self._cooked
            if data[direction] == leaving and data[hardware] == _LOOPBACK:
                return 0
        blocks.append(enhanced(sec * 1_000_000 + usec, data, wire))
        return 1

    def _count(self, *, always: bool = False) -> None:
        try:
            received, dropped, lost = self._reader.stats()
        except Exception:  # of an interface that is gone nothing can be asked
            received, dropped, lost = self._counted[:3] or (self.taken, 0, 0)
        counts = received, dropped, lost, self.taken, self.delivered
        if counts != self._counted or always:
            self._counted = counts
            self._outbox.put(statistics(*counts), always=True)


def enhanced(stamp: int, data: bytes, wire: int) -> bytes:
    """An Enhanced Packet Block; ``stamp`` is in µs since 1970."""
    size = len(data)
    total = 32 + (size + 3 & ~3)
    head = _EPB.pack(6, total, 0, stamp >> 32, stamp & 0xFFFF_FFFF, size, wire)
    return b"".join((head, data, _PADDING[size & 3], total.to_bytes(4, sys.byteorder)))


def prologue(wishes: Wishes, link: int) -> bytes:
    """The Section Header Block and the Interface Description Block."""
    section = struct.pack("=IHHq", 0x1A2B_3C4D, 1, 0, -1)
    said = _block(0x0A0D_0D0A, section + _option(3, sys.platform.encode()) + _option(4, wishes.program.encode()) + bytes(4))
    options = _option(2, wishes.interface.encode()) + _option(9, b"\6")
    if wishes.matching:
        options += _option(11, b"\0" + wishes.matching.encode())
    # Raw IP has another number in files than in libpcap.
    head = struct.pack("=HHI", 101 if link in (12, 14) else link, 0, wishes.snaplen)
    return said + _block(1, head + options + bytes(4))


def statistics(received: int, dropped: int, lost: int, taken: int, delivered: int) -> bytes:
    """An Interface Statistics Block: what came, what the interface and the system dropped, what was taken, what is here."""
    stamp = time.time_ns() // 1000
    counts = ((4, received), (5, lost), (6, taken), (7, dropped), (8, delivered))
    options = b"".join(_option(code, struct.pack("=Q", value)) for code, value in counts)
    return _block(5, struct.pack("=III", 0, stamp >> 32, stamp & 0xFFFF_FFFF) + options + bytes(4))


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + value + _PADDING[len(value) & 3]


def _block(kind: int, body: bytes) -> bytes:
    total = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + total + body + total


def invocation(wishes: Wishes) -> list[str]:
    """How to start the process that captures; nothing on its standard output says that it could not."""
    return [sys.executable, "-P", "-c", _START, _ROOT, json.dumps(wishes._asdict())]


def complaint(said: bytes) -> tuple[str, str] | None:
    """What such a process said of its end on standard error: a word for the kind of it, and the reason."""
    for line in said.splitlines():
        try:
            told: Any = json.loads(line)
            return str(told["kind"]), str(told["text"])
        except (ValueError, KeyError, TypeError):
            continue
    return None


def activate(reader: Any) -> None:
    """Open a device; raises OSError with libpcap’s reason: pcapy only hands on the number of it."""
    status = reader.activate()
    if isinstance(status, int) and status < 0:
        raise OSError(_REFUSALS.get(status, "it cannot be opened"))


def _open(wishes: Wishes) -> Reader:
    if sys.platform == "win32":
        from netviz.capture.npcap import Npcap

        return Npcap(wishes.interface, wishes.matching, promiscuous=wishes.promiscuous)
    import pcapy

    reader: Any = pcapy.create(wishes.interface)
    reader.set_snaplen(wishes.snaplen)
    reader.set_promisc(int(wishes.promiscuous))
    reader.set_timeout(_TIMEOUT)
    reader.set_buffer_size(wishes.buffer)
    activate(reader)
    if wishes.matching:
        reader.setfilter(wishes.matching)
    reader.setnonblock(1)
    if sys.platform == "linux" and _is_loopback(wishes.interface):
        _ignore_outgoing(reader.getfd())
    opened: Reader = reader
    return opened


def _is_loopback(interface: str) -> bool:
    try:
        with open(os.path.join("/sys/class/net", os.path.basename(interface), "type"), encoding="ascii") as file:
            return int(file.read()) == int.from_bytes(_LOOPBACK, "big")
    except (OSError, ValueError):
        return False


def _ignore_outgoing(descriptor: int) -> None:
    """On loopback each packet leaves and comes in; libpcap leaves out one of these, but the kernel counts both as dropped."""
    with socket.socket(fileno=os.dup(descriptor)) as packets, contextlib.suppress(OSError):  # Linux before 4.20
        packets.setsockopt(*_IGNORE_OUTGOING, 1)


def _fail(kind: str, text: str) -> None:
    sys.stderr.write(json.dumps({"kind": kind, "text": text}) + "\n")
    sys.exit(1)


def _listen(sniffer: Sniffer) -> None:
    """Wait for the end of standard input: that is how whoever reads says that it is enough."""
    while os.read(0, 4096):
        pass
    sniffer.stopped = sniffer.stopped or time.time()


def main(said: str) -> None:
    """Capture; ``said`` are Wishes as JSON."""
    wishes = Wishes(**json.loads(said))
    # Ctrl-C reaches all processes in the foreground; when to end is for the one that reads.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        reader = _open(wishes)
    except ImportError as error:
        _fail("missing", str(error))
    except Exception as error:  # pcapy has one exception for all that libpcap says
        _fail("open", str(error))
    give_up(os.path.dirname(__file__))
    sniffer = Sniffer(reader, wishes)
    threading.Thread(target=_listen, args=(sniffer,), daemon=True).start()
    trouble = sniffer.run()
    if trouble:
        _fail("gone", trouble)
