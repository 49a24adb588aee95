"""Messages that come many at once: those of sessions are looked at one by one, those of strangers are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netviz.event import EngineIoSession, FrameBlock, MessageBlock, SocketIoPacket
from netviz.session import Sessions
from tests.bulk import UP, Read, Speaker
from tests.polling import OPEN, switch
from tests.talk import Line, c, close, message, s, upgrade
from tests.wire import Wire, weave

_EVENTS = [s(1, '42["a"]'), c(1, '42["b"]')] * 20


def _packets(read: Read) -> int:
    """How many packets of Socket.IO were told."""
    return sum(isinstance(event, SocketIoPacket) for event in read.events)


@pytest.mark.parametrize(
    ("up", "first", "session"),
    [
        (UP, s(1, OPEN.decode()), True), (UP, c(1, OPEN.decode()), False), (UP, s(2, OPEN), False), (UP, s(1, "0{}"), False),
        (UP, s(1, ""), False), (switch(None), s(1, "2"), True), ([], s(1, "2"), True), ([], s(1, "hello"), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rows", [0, 9, 15])
def test_a_session_is_found_in_messages_that_come_many_at_once(
    up: list[Line], first: Line, session: bool, rows: int, tmp_path: Path
) -> None:
    speaker = Speaker(tmp_path / "keys")
    wires = Wire(), Wire(("10.0.0.9", 1))
    packets = speaker.talk([*up, first, *_EVENTS], wire=wires[0])
    read = speaker.alike(packets, rows)
    assert any(isinstance(event, EngineIoSession) for event in read.events) is session
    assert _packets(read) == 40 * session
    assert (read.together > 0) is (not session and (rows > 0 or len(up) > 0))
    # What is none does not hide one that is, in the same blocks.
    speaker.talk([*switch(None), s(1, OPEN.decode()), *_EVENTS], wire=wires[1])
    assert _packets(speaker.alike(weave(wires, [0, 1] * 50), rows)) == 40 + 40 * session


def _block(*said: tuple[int, int, bytes]) -> MessageBlock:
    """Messages with connection, side and text."""
    columns = [np.zeros(len(said), np.int64) for _ in range(12)]
    columns[0], columns[6] = (np.array([each[place] for each in said]) for place in (0, 1))
    columns[7], columns[10] = np.full(len(said), 0x81), np.array([len(each[2]) for each in said])
    frames = FrameBlock(columns=tuple(columns), several=np.zeros((0, 4), np.int64), broken={})
    content = b"".join(each[2] for each in said)
    begins = np.cumsum(columns[10]) - columns[10]
    return MessageBlock(frames=frames, numbers=columns[0], begins=begins, lengths=columns[10], content=content)


def test_strangers_are_known_by_their_first_message_alone() -> None:
    joined = Sessions()
    assert not joined.strangers(_block((1, 0, b"a")))  # nobody knows what it is: its messages may prove it
    for number in (1, 2, 3):
        assert list(joined.take(upgrade(connection=number, path="/other")))
    assert joined.strangers(_block((2, 1, b"a"), (2, 1, OPEN)))
    assert joined.strangers(_block((2, 1, OPEN), (2, 0, b"b")))  # what was said before it was something else
    assert joined.strangers(_block((3, 0, OPEN), (3, 1, OPEN), (2, 1, b"")))  # a client opens nothing
    assert not joined.strangers(_block((2, 1, b"a"), (1, 1, OPEN), (3, 0, b"b")))
    assert list(joined.take(close(connection=2)))
    assert not joined.strangers(_block((2, 1, b"a"), (3, 1, b"a")))  # its ports may be used again


def test_what_was_held_back_is_not_passed_by() -> None:
    """One by one came first: nothing more is concluded from the first of a block."""
    joined = Sessions()
    assert list(joined.take(message(connection=5, kind="text", content="2", side=1)))
    assert not joined.strangers(_block((5, 1, b"a")))
    assert list(joined.take(message(connection=5, kind="text", content="hello", side=1)))
    assert joined.strangers(_block((5, 1, b"a")))
