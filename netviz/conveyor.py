"""A conveyor from a child process to its parent: what is large lies in memory that both share, the word of it goes by a pipe.

Neither process should wait for the other at every message, and a pipe holds a megabyte at most.  Linux only, like all that
forks here.
"""

from __future__ import annotations

import marshal
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from mmap import mmap
from types import TracebackType
from typing import Any, BinaryIO

__all__ = ["Conveyor"]

#: Places for messages, and the bytes of each: memory is taken only of what is used.
_PLACES, _PLACE = 3, 16 << 20

#: Up to so many bytes the pipe itself carries a message; what is larger than a place, too.
_SMALL = 1 << 17

#: How much a pipe is asked to hold, in bytes: as much as Linux grants to everybody.
_PIPE = 1 << 20

#: The length of a message, and its place; this one says that it follows.
_HEAD, _FOLLOWS = struct.Struct("!QB"), 255


class Conveyor:
    """Made before the fork; then each process says which end belongs to it.

    Only our own child sends, so what marshal loads is what our own code made.
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, _PLACES * _PLACE)
        self._ends = (*os.pipe(), *os.pipe())
        _, sender, _, giver = self._ends
        with suppress(OSError):  # an administrator may allow less; then it is as large as any other
            from fcntl import F_SETPIPE_SZ, fcntl

            fcntl(sender, F_SETPIPE_SZ, _PIPE)
        os.write(giver, bytes(range(_PLACES)))
        self._mine: tuple[int, ...] = ()
        self._stream: BinaryIO | None = None

    def belong(self, *, sends: bool) -> None:
        """Close the ends of the other process."""
        receiver, sender, taker, giver = self._ends
        self._mine, others = ((sender, taker), (receiver, giver)) if sends else ((receiver, giver), (sender, taker))
        for end in others:
            os.close(end)
        self._stream = os.fdopen(self._mine[0], "wb" if sends else "rb")

    def __enter__(self) -> Conveyor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._stream is not None:
            self._stream.close()
            os.close(self._mine[1])

    def send(self, message: tuple[Any, ...]) -> None:
        """Pass on what marshal can write; raises BrokenPipeError where nobody receives any more."""
        assert self._stream is not None
        data = marshal.dumps(message)
        place = _FOLLOWS
        if _SMALL < len(data) <= _PLACE:
            free = os.read(self._mine[1], 1)
            if not free:
                raise BrokenPipeError
            place = free[0]
            self._memory[place * _PLACE : place * _PLACE + len(data)] = data
        self._stream.write(_HEAD.pack(len(data), place))
        if place == _FOLLOWS:
            self._stream.write(data)
        self._stream.flush()

    def receive(self) -> Iterator[tuple[Any, ...]]:
        """What was sent, until the other process ends; of a message that it could not finish nothing."""
        assert self._stream is not None
        while len(head := self._stream.read(_HEAD.size)) == _HEAD.size:
            size, place = _HEAD.unpack(head)
            if place == _FOLLOWS:
                data = self._stream.read(size)
                if len(data) < size:
                    return
                yield marshal.loads(data)
                continue
            with memoryview(self._memory) as memory:
                message = marshal.loads(memory[place * _PLACE : place * _PLACE + size])
            with suppress(BrokenPipeError):  # it has ended, and needs no place
                os.write(self._mine[1], bytes((place,)))
            yield message
