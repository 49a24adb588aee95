"""What messages add up to: sizes, rates, heartbeat, compression, and what HTTP would have cost."""

from __future__ import annotations

import pytest

from netviz.event import Answer, Slice, WebSocketFrame, WebSocketMessage
from netviz.statistics import Statistics
from tests.talk import CHAT, SECOND, frame_event, message, talk, told, upgrade
from tests.wire import START


def _of(*messages: WebSocketMessage) -> Statistics:
    found = Statistics()
    for each in messages:
        found.message(each)
    return found


def _ping(time: int | None, side: int = 0) -> WebSocketMessage:
    return message(kind="ping", content="", time=time, side=side)


def _pong(took: int | None, side: int = 1) -> WebSocketMessage:
    return message(kind="pong", content="", side=side, after=Answer(1, took))


def test_nothing_adds_up_to_nothing() -> None:
    for side in Statistics().traffic:
        assert (side.messages, side.content, side.smallest, side.largest, side.rate) == (0, 0, None, 0, None)
    assert Statistics().as_websocket() == 0


def test_sizes_of_each_side() -> None:
    found = _of(message(content="12345"), message(content=b"123", kind="binary"), message(content="1" * 100, side=1))
    client, server = found.traffic
    assert (client.messages, client.content, client.wire, client.smallest, client.largest) == (2, 8, 8, 3, 5)
    assert (server.messages, server.content, server.smallest, server.largest) == (1, 100, 100, 100)


def test_an_empty_message_is_the_smallest() -> None:
    assert _of(message(content="abc"), message(content="")).traffic[0].smallest == 0


@pytest.mark.parametrize("kind", ["ping", "pong", "close", "continuation", "reserved"])
def test_only_text_and_binary_are_data(kind: str) -> None:
    assert _of(message(kind=kind, content="abc")).traffic[0].messages == 0


def test_compression() -> None:
    pressed = message(compressed=True, length=1000, wire_length=100)
    found = _of(pressed, pressed._replace(length=500), message(compressed=True, length=None, wire_length=7), message()).traffic[
        0
    ]
    assert (found.compressed, found.inflated, found.deflated) == (2, 1500, 200)
    assert (found.messages, found.content, found.wire) == (4, 1000 + 500 + 7 + 5, 100 + 100 + 7 + 5)


@pytest.mark.parametrize(
    ("times", "rate"),
    [
        ([], None), ([0], None), ([0, 0], None), ([0, SECOND], 1.0), ([0, SECOND // 4, SECOND // 2], 4.0), ([None, None], None),
        ([0, None, SECOND], 2.0), ([SECOND, 0], None),
    ],
)  # fmt: skip
def test_rate(times: list[int | None], rate: float | None) -> None:
    assert _of(*(message(time=time) for time in times)).traffic[0].rate == rate


def test_heartbeat() -> None:
    found = _of(_ping(START), _pong(5), _ping(START + 30), _pong(9), _ping(START + 40), _ping(START, side=1))
    client, server = found.heartbeat
    assert (client.pings, client.answered) == (3, 2)
    assert client.intervals == [10, 40, 30, 2]
    assert client.trips == [5, 14, 9, 2]
    assert (server.pings, server.answered, server.intervals) == (1, 0, [0, 0, 0, 0])


def test_a_pong_counts_for_the_side_that_pinged() -> None:
    found = _of(_pong(7, side=0), message(kind="pong", content="", after=None))
    assert [beat.answered for beat in found.heartbeat] == [0, 1]


def test_heartbeat_without_times() -> None:
    found = _of(_ping(None), _ping(START), _pong(None)).heartbeat[0]
    assert (found.pings, found.answered, found.intervals, found.trips) == (2, 1, [0, 0, 0, 0], [0, 0, 0, 0])


def test_frames_and_their_headers() -> None:
    found = Statistics()
    for event in (frame_event(), frame_event(head=8), frame_event(side=1, head=2)):
        found.frame(event)
    assert [(side.frames, side.heads) for side in found.traffic] == [(2, 14), (1, 2)]


def test_as_http_every_message_costs_both_heads() -> None:
    asked = upgrade(request=(Slice(4, 40, 240), Slice(5, 40, 50)), response=(Slice(6, 40, 130),))
    found = _of(message(content="x" * 7), message(content="y" * 3, side=1), _ping(START))
    assert found.over_http(asked) == 2 * (200 + 10 + 90) + 10


def test_a_conversation() -> None:
    found = Statistics()
    for event in told(talk(CHAT)):
        if isinstance(event, WebSocketFrame):
            found.frame(event)
        elif isinstance(event, WebSocketMessage):
            found.message(event)
    client, server = found.traffic
    assert (client.messages, client.content, client.frames, client.heads) == (2, 22, 7, 42)
    assert (server.messages, server.content, server.frames, server.heads) == (4, 9 + 27 + 0 + 14, 7, 14)
    assert [beat.pings for beat in found.heartbeat] == [2, 0]
    assert found.heartbeat[0].answered == 2


def test_as_websocket_headers_and_payload_of_the_same_frames_count() -> None:
    found, every, data = Statistics(), 0, 0
    for event in told(talk(CHAT)):
        if isinstance(event, WebSocketFrame):
            found.frame(event)
            every += event.head + event.length
            data += (event.head + event.length) * (event.opcode < 8)
        elif isinstance(event, WebSocketMessage):
            found.message(event)
    assert found.as_websocket() in (every, data)
