"""Packets as they happen: a Source over the process that captures."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import IO

import netviz
from netviz.capture.batch import Batch
from netviz.capture.interfaces import known
from netviz.capture.metadata import Metadata
from netviz.capture.records import capture_problem
from netviz.capture.rights import PYTHON, MissingRightsError, give_up, way_in
from netviz.capture.sniffer import Wishes, complaint, invocation
from netviz.capture.stream import read_capture
from netviz.capture.write import Recording
from netviz.errors import NetvizError
from netviz.quantity import plural

__all__ = ["Drops", "Live", "refusal"]

#: After so many seconds of silence an empty Batch is given; a pipe of a MiB takes what comes while nobody reads.
_SILENCE, _PIPE = 0.25, 1 << 20

#: F_SETPIPE_SZ of Linux; Python has a name for it there alone.
_SET_SIZE = 1031

#: How libpcap says that rights are missing, and that there is no such device.
_RIGHTS = ("ermission denied", "Operation not permitted", "have permission", "must be root", "EPERM")
_NOWHERE = ("No such device", "no such device", "doesn't exist", "SIOCGIFINDEX", "BIOCSETIF")


class Drops:
    """What is known of packets that are not in the capture."""

    __slots__ = ("interface", "kernel", "netviz", "received")

    def __init__(self, counts: dict[str, int]) -> None:
        self.received = counts.get("received", 0)
        self.kernel = counts.get("dropped_by_system", 0)
        self.interface = counts.get("dropped_by_interface", 0)
        self.netviz = counts.get("accepted", 0) - counts.get("delivered", 0)

    @property
    def total(self) -> int:
        """All of them."""
        return self.kernel + self.interface + self.netviz


class Live:
    """A Source over an interface; with ``write`` everything goes into a file, too.

    Raises MissingRightsError without the rights, NetvizError for an interface or a filter that is none.
    """

    streaming = True
    progress = None
    size = 0

    def __init__(self, wishes: Wishes, *, write: str = "", command: str = "ws-trace") -> None:
        wishes = wishes._replace(interface=known(wishes.interface))
        if wishes.matching:
            from netviz.capture.filter import check

            check(wishes.matching)
        self.name = wishes.interface
        self.metadata = Metadata()
        self.packets = self.octets = 0
        self.began = time.time()
        self._last: int | None = None
        # A session of its own: Ctrl-C reaches the one that reads, which says when it is enough.
        try:
            self._child = subprocess.Popen(
                invocation(wishes),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise NetvizError(f"cannot start the process that captures: {error.strerror} ({sys.executable})") from error
        self._out = _piped(self._child.stdout)
        if sys.platform == "linux":
            _enlarge(self._out)
        self._first = os.read(self._out.fileno(), 1 << 16)
        if not self._first:
            self._child.wait()
            raise refusal(_piped(self._child.stderr).read(), wishes.interface, command)
        give_up(os.path.dirname(netviz.__file__), *PYTHON)
        try:
            self.recording = Recording(write) if write else None
            self._write(memoryview(self._first))  # from now on it is a capture, whatever happens
        except NetvizError:
            self._child.kill()
            raise

    @property
    def drops(self) -> Drops:
        """As counted last."""
        return Drops(self.metadata.interfaces[0].statistics if self.metadata.interfaces else {})

    def again(self) -> None:
        """What went by is gone."""

    def stop(self) -> None:
        """Let what has come be all: the rest of what is in buffers still follows."""
        stdin = _piped(self._child.stdin)
        if not stdin.closed:
            stdin.close()

    def __iter__(self) -> Iterator[Batch]:
        first, told = 1, False
        try:
            for batch in read_capture(self._read, f"interface {self.name}", self.metadata):
                first = batch.first + len(batch)
                self.packets += len(batch)
                self.octets += int(batch.wire.sum()) if len(batch) else 0
                yield batch
                if self._unwritten() and not told:
                    told = True
                    yield Batch.empty(first, (capture_problem("recording-ended", self._unwritten(), first - 1),))
            yield Batch.empty(first, tuple(capture_problem(kind, text, first - 1) for kind, text in self._troubles()))
        finally:
            self._end()

    def _read(self, view: memoryview) -> int | None:
        if self._first:
            data, self._first = self._first[: len(view)], self._first[len(view) :]
            view[: len(data)] = data
            return len(data)
        # select() knows pipes on POSIX only; elsewhere a read waits until something comes.
        if sys.platform != "win32" and not select.select([self._out], [], [], _SILENCE)[0]:
            return None
        got: int = self._out.readinto(view) or 0  # type: ignore[attr-defined]  # a FileIO, as there is no buffer
        self._write(view[:got])
        return got

    def _write(self, data: memoryview) -> None:
        if self.recording is not None:
            self.recording.write(data)

    def _unwritten(self) -> str:
        """Why packets are no longer written, if they should be."""
        return "" if self.recording is None else self.recording.trouble

    def _troubles(self) -> Iterator[tuple[str, str]]:
        """What went wrong, once there is nothing more to read."""
        status = self._child.wait()
        said = complaint(_piped(self._child.stderr).read())
        if said is not None:
            yield "interface-gone", f"capturing on {self.name} ended: {said[1]}"
        elif status:
            why = f"signal {-status}" if status < 0 else f"status {status}"
            yield "capture-ended", f"the process that captures ended ({why}): what came then is missing"
        drops = self.drops
        if drops.total:
            by = ("the kernel", drops.kernel), ("the interface", drops.interface), ("netviz", drops.netviz)
            parts = ", ".join(f"{count:,} by {who}" for who, count in by if count)
            yield "packets-dropped", f"{plural(drops.total, 'packet')} dropped ({parts}): what they carried is missing"

    def _end(self) -> None:
        self.stop()
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._out.close()
        if self.recording is not None:
            self.recording.close()


def refusal(raw: bytes, interface: str, command: str) -> NetvizError:
    """Why there is nothing to read, from what the process that captures said; ``command`` is who asks."""
    last = raw.decode("utf-8", "replace").strip().rpartition("\n")[2]
    kind, text = complaint(raw) or ("", f"the process that captures did not start: {last or 'it says nothing'}")
    if kind == "missing":
        words = "capturing needs libpcap, which comes with pcapy-ng: it is not installed"
        return NetvizError(words, way_in(interface, command))
    if any(words in text for words in _RIGHTS):
        return MissingRightsError(f"you may not capture on {interface}", way_in(interface, command))
    if any(words in text for words in _NOWHERE):
        return NetvizError(f"there is no interface {interface}", "netviz interfaces lists them")
    return NetvizError(f"cannot capture on {interface}: {text}", "netviz interfaces says which can be used")


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("not a pipe")
    return stream


def _enlarge(stream: IO[bytes]) -> None:
    import fcntl

    try:
        fcntl.fcntl(stream, _SET_SIZE, _PIPE)
    except OSError:
        return  # more than this user may have: 64 KiB do, too
