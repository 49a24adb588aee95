"""Messages from a child to its parent: whole, in order, however large and however many, and an end that is always seen."""

from __future__ import annotations

import marshal
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netviz import conveyor as conveyors
from netviz.conveyor import Conveyor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="two processes are used on Linux only")

_Message = tuple[Any, ...]

#: What the pipe carries by itself, what it holds, and what lies in a place of the memory, in bytes.
_SMALL, _PIPE, _PLACE = 1 << 17, 1 << 20, 16 << 20

#: How long any of this may take, in s: then something hangs.
_GUARD = 30


@pytest.fixture(autouse=True)
def _guard() -> Iterator[None]:
    """What hangs fails instead."""

    def over(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(_GUARD)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def _from(send: Callable[[Conveyor], None], ends: int = 0) -> Iterator[Conveyor]:
    """A Conveyor on which a child sends, which must end with this status: 3 where nobody receives any more."""
    conveyor = Conveyor()
    child = os.fork()
    if not child:
        status = 1
        try:
            conveyor.belong(sends=True)
            send(conveyor)
            status = 0
        except BrokenPipeError:
            status = 3
        finally:
            os._exit(status)
    conveyor.belong(sends=False)
    try:
        with conveyor:
            yield conveyor
    finally:
        _, how = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(how) == ends


def _sends(*messages: _Message) -> Callable[[Conveyor], None]:
    def send(conveyor: Conveyor) -> None:
        for message in messages:
            conveyor.send(message)

    return send


#: Bytes that differ wherever one looks.
_BYTES = bytes(at % 251 for at in range(251 * 40))


def _pattern(size: int, seed: int = 0) -> bytes:
    """So many bytes, others for each seed."""
    return (_BYTES[seed % 251 :] + _BYTES * (size // len(_BYTES) + 1))[:size]


_ODD: list[_Message] = [
    (), (None, True, -1, 1 << 70, 1.5), ("grüße", "\ud800", b"\x00\xff"), ([{"a": (1, [2])}, set()],), ("end",),
]  # fmt: skip


@pytest.mark.parametrize("message", _ODD, ids=str)
def test_any_message_comes_as_it_was(message: _Message) -> None:
    with _from(_sends(message)) as conveyor:
        assert list(conveyor.receive()) == [message]


@pytest.mark.parametrize("around", [_SMALL, _PIPE, _PLACE])
@pytest.mark.parametrize("more", [-100, -20, -6, -5, 0, 100])
def test_any_size(around: int, more: int) -> None:
    """At the edges of what takes another way; what is around the bytes is part of the message."""
    message = (_pattern(around + more),)
    with _from(_sends(message, ("after",))) as conveyor:
        assert list(conveyor.receive()) == [message, ("after",)]


@pytest.mark.parametrize("size", [0, 200, _SMALL * 2])
def test_many_come_in_order(size: int) -> None:
    """More than there are places, and more than the pipe holds."""
    count = 20_000 if not size else 6000 if size == 200 else 40

    def send(conveyor: Conveyor) -> None:
        for number in range(count):
            conveyor.send((number, _pattern(size, number)))

    with _from(send) as conveyor:
        for number, (seen, data) in enumerate(conveyor.receive()):
            assert seen == number
            assert data == _pattern(size, number)
    assert number == count - 1


def test_all_sizes_in_turn_come_in_order() -> None:
    """What lies in memory does not overtake what the pipe carries, nor the other way round."""
    sizes = [10, _SMALL * 3, 0, _PLACE + 5, _PIPE, 77, _PLACE - 50, _SMALL + 1, _SMALL] * 2
    messages = [(at, _pattern(size, at)) for at, size in enumerate(sizes)]
    with _from(_sends(*messages)) as conveyor:
        assert list(conveyor.receive()) == messages


def test_what_was_received_stays_as_it_is() -> None:
    """A place is used again, what was read of it is not touched."""
    messages = [(_pattern(_SMALL * 2, at),) for at in range(20)]
    with _from(_sends(*messages)) as conveyor:
        kept = list(conveyor.receive())
    assert kept == messages


def test_large_messages_lie_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of them would go by the pipe, and nobody would notice."""
    places: list[int] = []
    unpack = conveyors._HEAD.unpack

    class Head:
        size = conveyors._HEAD.size
        pack = conveyors._HEAD.pack

        @staticmethod
        def unpack(head: bytes) -> tuple[int, int]:
            size, place = unpack(head)
            places.append(place)
            return size, place

    monkeypatch.setattr(conveyors, "_HEAD", Head)
    sizes = [10, _SMALL + 1, _SMALL + 1, _SMALL + 1, _SMALL + 1, _PLACE + 1, _PLACE - 100]
    with _from(_sends(*((_pattern(size),) for size in sizes))) as conveyor:
        assert len(list(conveyor.receive())) == len(sizes)
    assert [place < 3 for place in places] == [False, True, True, True, True, False, True]


def test_the_sender_goes_ahead_only_so_far() -> None:
    """Who does not receive holds the other back: memory is bounded."""
    conveyor = Conveyor()
    receiver, _, _, giver = conveyor._ends
    own = os.dup(receiver), os.dup(giver)
    conveyor.belong(sends=True)
    sent: list[int] = []

    def send() -> None:
        with conveyor:
            try:
                for number in range(10):
                    conveyor.send((number, bytes(_SMALL * 2)))
                    sent.append(number)
            except BrokenPipeError:
                sent.append(-1)

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(0.2)
    assert sent == [0, 1, 2]
    for end in own:
        os.close(end)
    thread.join(_GUARD)
    assert sent == [0, 1, 2, -1]


@pytest.mark.parametrize("taken", [0, 1, 2, 5])
@pytest.mark.parametrize("size", [10, _SMALL * 2, _PLACE + 1])
def test_a_receiver_that_has_enough(taken: int, size: int) -> None:
    """The sender ends, whether it waits for the pipe or for a place, or goes on."""

    def send(conveyor: Conveyor) -> None:
        message = (bytes(size),)
        while True:
            conveyor.send(message)

    with _from(send, ends=3) as conveyor:
        messages = conveyor.receive()
        for _ in range(taken):
            assert next(messages) == (bytes(size),)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("sizes", [[], [10], [_SMALL * 2] * 2, [_PLACE + 1]])
def test_a_sender_that_dies(how: signal.Signals, sizes: list[int]) -> None:
    """What it sent is received, then nothing follows."""

    def send(conveyor: Conveyor) -> None:
        for size in sizes:
            conveyor.send((bytes(size),))
        os.kill(os.getpid(), how)

    with _from(send, ends=-how) as conveyor:
        assert [len(data) for (data,) in conveyor.receive()] == sizes


@pytest.mark.parametrize("size", [0, 1, 8, 9, 10, 500])
def test_a_sender_that_dies_within_a_message(size: int) -> None:
    half = (conveyors._HEAD.pack(1000, 255) + marshal.dumps(("half",)))[:size]

    def send(conveyor: Conveyor) -> None:
        conveyor.send(("whole",))
        os.write(conveyor._mine[0], half)

    with _from(send) as conveyor:
        assert list(conveyor.receive()) == [("whole",)]


def test_a_pipe_that_may_not_be_made_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    messages = [(at, bytes(size)) for at, size in enumerate([0, 70_000, _SMALL * 2, _PLACE + 1])]
    with _from(_sends(*messages)) as conveyor:
        assert list(conveyor.receive()) == messages


def test_no_descriptor_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with _from(_sends(("a",))) as conveyor:
            list(conveyor.receive())
    assert os.listdir("/proc/self/fd") == before
