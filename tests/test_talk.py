"""What is said in many frames at once is what is said in each: the same events in the same order, however they are read."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netviz.talk
from netviz.capture.batch import NO_TIME, Batch
from netviz.event import MessageBlock, SocketIoPacket, WebSocketClose, WebSocketFrame, WebSocketMessage, WebSocketUpgrade
from netviz.layers.websocket.direction import LONG
from netviz.talk import read_payload
from tests import bulk
from tests.bulk import UP, Speaker
from tests.frames import BINARY, CLOSE, CONTINUATION, MASK, PING, PONG, TEXT, accepted, frame, masked, request
from tests.on_the_way import lost, spoiled, swapped
from tests.polling import JOINED, OPEN, switch
from tests.talk import Line, c, s
from tests.tls import Setup
from tests.wire import ACK, CLIENT, FIN, PSH, RST, SERVER, Packet, Wire, batches, weave

_PLAIN, _TLS, _CBC = 0, 1, 2
_SETUPS = Setup(), Setup(ssl.TLSVersion.TLSv1_2, "AES128-SHA")

_DATA: list[Line] = [c(TEXT, "a"), s(BINARY, bytes(3)), s(TEXT, "grüße 温度"), c(BINARY, b""), s(TEXT, ""), c(TEXT, "x" * 300)]
_BEAT: list[Line] = [c(PING, b"beat"), s(PONG, b"beat")]
_BYE: list[Line] = [c(CLOSE, b"\x03\xe8bye"), s(CLOSE, b"\x03\xe8bye")]

_DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
_DEFLATING: list[Line] = [(CLIENT, request(extensions=_DEFLATE)), (SERVER, accepted(extensions=_DEFLATE))]


def _deflated(text: str) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return (made.compress(text.encode()) + made.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _run(*lines: Line) -> Line:
    """All of one side in one segment."""
    return lines[0][0], b"".join(data for _, data in lines)


class _Said(NamedTuple):
    """What is said from the first byte on, how many messages of that are read together where all of it is in one Batch, and
    whether any are where a Batch is a few packets.
    """

    lines: list[Line]
    together: int
    ever: bool = True
    limit: int = 16 << 20


_TALKS: dict[str, _Said] = {
    "data": _Said([*UP, *_DATA * 4, *_BYE], 24),
    "many in a segment": _Said([*UP, *[_run(*[s(TEXT, f"{at}") for at in range(40)])] * 2, _run(*[c(TEXT, "b")] * 9)], 89),
    "one side alone": _Said([*UP, *[s(TEXT, "tick")] * 20], 20),
    "frames that span segments": _Said([*UP, *[s(BINARY, bytes(5000)), c(TEXT, "y" * 3000)] * 2, *_DATA], 10),
    "headers that span segments": _Said(
        [*UP, *_DATA, *[(SERVER, bytes((byte,))) for byte in frame(BINARY, b"ab" * 70)[:9]],
         (SERVER, frame(BINARY, b"ab" * 70)[9:]), *_DATA], 13),
    "pings and their pongs": _Said([*UP, *[*_DATA, *_BEAT] * 3, *_BYE], 18),
    "several pings, a pong, and one for nothing": _Said(
        [*UP, *_DATA, c(PING, b"a"), c(PING, b"b"), s(TEXT, "c"), s(PONG, b"b"), s(PONG, b"none"), s(PING), c(PONG),
         *_DATA], 13),
    "nothing but control frames": _Said([*UP, *_BEAT * 5, *_BYE], 0, ever=False),
    "pings among others in a segment": _Said([*UP, _run(*[s(TEXT, "a"), s(PING, b"p"), s(TEXT, "b")] * 9), *_BYE], 18),
    "pings that span segments": _Said([*UP, *_DATA, c(PING, b"p" * 125), s(PONG, b"p" * 125), *_DATA, c(TEXT, "b" * 200)], 13),
    "a ping that is no UTF-8": _Said([*UP, *_DATA, c(PING, b"\xff\xfe"), s(PONG, b"\xff\xfe"), *_DATA], 12),
    "a close of one side": _Said([*UP, *_DATA, s(CLOSE, b"\x03\xe8"), *[c(TEXT, "more")] * 3], 9),
    "a close with data behind it": _Said([*UP, *_DATA, _run(s(CLOSE, b"\x03\xe8"), s(TEXT, "late")), *_DATA], 0),
    "a close with data behind it later": _Said([*UP, *_DATA, s(CLOSE, b"\x03\xe8"), s(TEXT, "late"), *_DATA * 2], 0),
    "a continuation of nothing": _Said([*UP, *_DATA * 2, *_BEAT, s(CONTINUATION, "b"), c(CONTINUATION, "b"), *_DATA * 2], 0),
    "text that is no UTF-8": _Said([*UP, *_DATA * 2, s(TEXT, b"\xed\xa0\x80"), *_DATA * 2], 0),
    "text that is UTF-8 up to its end": _Said([*UP, *_DATA * 2, c(TEXT, "ü".encode()[:1]), *_DATA * 2], 0),
    "binary that is no UTF-8": _Said([*UP, *_DATA, c(BINARY, b"\xff\xfe"), *_DATA], 13),
    "compressed": _Said([*_DEFLATING, *_DATA, *[s(TEXT, _deflated("hello " * 9), rsv=4)] * 3, *_DATA * 2], 21),
    "compression that nobody uses": _Said([*_DEFLATING, *_DATA * 2, *_BYE], 12),
    "fragments": _Said(
        [*UP, *_DATA, c(TEXT, "a", fin=False), *_BEAT, c(CONTINUATION, "b", fin=False), c(CONTINUATION, "c"), *_DATA * 2], 0),
    "reserved bits": _Said([*UP, *_DATA, s(TEXT, "a", rsv=2), *_DATA * 2], 0),
    "no mask": _Said([*UP, *_DATA, c(TEXT, "a", mask=None), *_DATA * 2], 0),
    "a length that is longer than it must be": _Said([*UP, *_DATA, s(TEXT, "a", length_form=16), *_DATA * 2], 0),
    "more than the limit": _Said([*UP, *_DATA, s(TEXT, "x" * 301), *_DATA], 0, limit=300),
    "as much as the limit": _Said([*UP, *_DATA * 2], 12, limit=300),
    "a frame that never ends": _Said([*UP, *_DATA, (SERVER, frame(TEXT, "never whole")[:6])], 6),
    "Socket.IO": _Said(
        [*switch(None), s(TEXT, OPEN.decode()), c(TEXT, "40"), s(TEXT, JOINED.decode()), *[
            c(TEXT, '421["sum",1,2]'), s(TEXT, "431[3]"), s(TEXT, '451-["blob",{"_placeholder":true,"num":0}]'),
            s(BINARY, b"\0\1\2"), s(TEXT, "2"), c(TEXT, "3")] * 3], 0, ever=False),
    "Socket.IO that the request does not name": _Said(
        [*UP, s(TEXT, OPEN.decode()), c(TEXT, "40"), s(TEXT, JOINED.decode()), *[s(TEXT, '42["a"]')] * 9], 0, ever=False),
    "without an upgrade": _Said([*_DATA * 4, *_BEAT, *_DATA * 4, *_BYE], 0),
    "Socket.IO without an upgrade": _Said([s(TEXT, "2"), c(TEXT, "3"), *[c(TEXT, '42["a",1]')] * 20], 0, ever=False),
}  # fmt: skip

_NAMES = list(_TALKS)


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    return Speaker(tmp_path_factory.mktemp("keys") / "keys", *_SETUPS)


@pytest.fixture
def any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is worth its while, however small it is."""
    monkeypatch.setattr(netviz.talk, "_WORTHWHILE", 1)


def _small(lines: list[Line]) -> int:
    """A size of segments that makes many of them, but not hundreds."""
    return 61 if sum(len(data) for _, data in lines) < 3000 else 599


@pytest.mark.usefixtures("loops", "any_block")
@pytest.mark.parametrize("tls", [_PLAIN, _TLS])
@pytest.mark.parametrize("name", _NAMES)
def test_what_is_said_together(name: str, tls: int, speaker: Speaker) -> None:
    lines, together, ever, limit = _TALKS[name]
    packets = speaker.talk(lines, tls=tls)
    whole = speaker.alike(packets, limit=limit)
    assert whole.together == together
    assert len({event.name for event in whole.events} & {"websocket.frame", "websocket.message"}) == 2
    for rows in (3, 7):
        read = speaker.alike(packets, rows, limit=limit)
        assert (read.together > 0) is ever
        assert _said(read.events) == _said(whole.events)
    packets = speaker.talk(lines, tls=tls, size=_small(lines))
    for rows in (0, 5):
        speaker.alike(packets, rows, limit=limit)


def _said(events: Iterable[object]) -> list[object]:
    """What does not depend on the Batch: the messages of each side."""
    found = [event for event in events if isinstance(event, WebSocketMessage)]
    return sorted(((event.side, event.kind, event.content, event.code) for event in found), key=str)


@pytest.mark.parametrize("tls", [_PLAIN, _TLS])
@pytest.mark.parametrize("name", ["data", "many in a segment", "pings and their pongs", "without an upgrade"])
def test_few_are_told_one_by_one(name: str, tls: int, speaker: Speaker) -> None:
    packets = speaker.talk(_TALKS[name].lines, tls=tls)
    for rows in (0, 10, 25):
        told = speaker.read(packets, rows)
        assert all(len(event) >= 8 for event in told if isinstance(event, MessageBlock))
        together = speaker.alike(packets, rows).together
        assert together > 0 or rows == 0 or name == "pings and their pongs"
    assert speaker.alike(packets, 3).together == 0 or name == "many in a segment"


_CLOSES = [
    b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xe7", b"\x03\xec", b"\x03\xed", b"\x03\xee", b"\x03\xf7", b"\x0b\xb8",
    b"\x0f\xa0library", b"\x13\x88", b"\xff\xff", b"\x03\xe8" + b"x" * 123, b"\x03\xe8\xff", "\x03\u00e8ü".encode("latin-1"),
]  # fmt: skip


@pytest.mark.usefixtures("any_block")
@pytest.mark.parametrize("payload", _CLOSES, ids=lambda payload: payload[:4].hex() or "empty")
@pytest.mark.parametrize("both", [False, True])
def test_closes(payload: bytes, both: bool, speaker: Speaker) -> None:
    answer = [c(CLOSE, b"\x03\xe8")] * both
    packets = speaker.talk([*UP, *_DATA, s(CLOSE, payload), *answer], end=both)
    for rows in (0, 2):
        read = speaker.alike(packets, rows)
        assert read.together > 0
        (end,) = (event for event in read.events if isinstance(event, WebSocketClose))
        assert end.clean is both
        assert end.code == (int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005)


def test_a_long_frame_is_read_piece_by_piece(speaker: Speaker) -> None:
    """Of what is longer than the lane waits for, the layer reads what there is; before and behind it the lane reads."""
    lines = [*UP, *_DATA * 4, s(BINARY, bytes(LONG + 99)), *_DATA * 9]
    for tls in (_PLAIN, _TLS):
        read = speaker.alike(speaker.talk(lines, tls=tls), 30)
        assert 24 <= read.together < 78


# What happens on the way


#: What happens, and whether all messages are told all the same.
_HAPPENS: dict[str, tuple[Callable[[list[Packet]], list[Packet]], bool]] = {
    "the beginning is missing": (lambda packets: packets[5:], False),
    "the end is missing": (lambda packets: packets[:-9], False),
    "a packet is lost": (lost, False),
    "a byte differs": (spoiled, False),
    "packets in another order": (swapped, True),
    "each packet twice": (lambda packets: [packet for packet in packets for _ in range(2)], True),
    "some again long after": (lambda packets: packets[:-3] + packets[8:20] + packets[-3:], True),
    "all at the same time": (lambda packets: [packet._replace(time=packets[0].time) for packet in packets], True),
}


@pytest.mark.usefixtures("any_block")
@pytest.mark.parametrize("name", _HAPPENS)
@pytest.mark.parametrize("tls", [_PLAIN, _TLS, _CBC])
def test_what_happens_on_the_way(name: str, tls: int, speaker: Speaker) -> None:
    happens, everything = _HAPPENS[name]
    lines = [*UP, *_DATA * 3, *_BEAT, c(BINARY, bytes(900)), *_BEAT, *_DATA * 3, *_BEAT, *_BYE]
    for size, rows in ((1400, 0), (1400, 11), (100, 2), (100, 25)):
        packets = speaker.talk(lines, tls=tls, size=size)
        read, whole = speaker.alike(happens(packets), rows), _said(speaker.read(packets, bulk=False))
        if everything:
            assert _said(read.events) == whole
        elif tls and name == "the beginning is missing":
            assert _said(read.events) == []  # what opens the records was in it
        else:
            assert 0 < len(_said(read.events)) <= len(whole)
            assert read.together > 0 or not rows


@pytest.mark.usefixtures("any_block")
@pytest.mark.parametrize("tls", [_PLAIN, _TLS])
def test_packets_without_a_time(tls: int, speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    def timeless(packets: list[Packet], rows: int) -> list[Batch]:
        return [replace(batch, time=np.full(len(batch), NO_TIME)) for batch in batches(packets, rows)]

    monkeypatch.setattr(bulk, "batches", timeless)
    packets = speaker.talk([*UP, *_DATA * 2, *_BEAT, *_BYE], tls=tls)
    for rows in (0, 3):
        read = speaker.alike(packets, rows)
        assert read.together > 0
        assert {event.time for event in read.events} == {None}


def _several(speaker: Speaker, names: Iterable[str], order: Iterable[int]) -> list[Packet]:
    """Talks at the same time, plain and in TLS by turns."""
    wires = []
    for at, name in enumerate(names):
        wire = Wire((f"10.0.1.{at}", 40000 + at), (f"10.0.2.{at}", 80 + at))
        speaker.talk(_TALKS[name].lines, tls=at % 3, size=(1400, 300)[at % 2], wire=wire)
        wires.append(wire)
    return weave(wires, order)


@pytest.mark.usefixtures("any_block")
@pytest.mark.parametrize("rows", [0, 1, 4, 30])
def test_several_at_once(rows: int, speaker: Speaker) -> None:
    """What one connection does changes nothing of another."""
    names = [
        "data", "Socket.IO", "pings and their pongs", "text that is no UTF-8", "many in a segment", "fragments",
        "without an upgrade", "Socket.IO that the request does not name", "a close of one side", "data",
    ]  # fmt: skip
    packets = _several(speaker, names, [at % len(names) for at in range(400)])
    read = speaker.alike(packets, rows)
    assert len({event.connection for event in read.events if isinstance(event, WebSocketFrame)}) == len(names)
    assert any(isinstance(event, SocketIoPacket) for event in read.events)
    assert read.together > 100


def test_an_upgrade_comes_before_what_is_said_together(speaker: Speaker) -> None:
    told = speaker.read(speaker.talk(_TALKS["data"].lines))
    kinds = [type(event) for event in told if not isinstance(event, WebSocketFrame | WebSocketMessage)]
    assert kinds[1:] == [WebSocketUpgrade, MessageBlock, WebSocketClose]


@pytest.mark.usefixtures("any_block")
@pytest.mark.parametrize("flags", [FIN | PSH | ACK, RST | ACK])
@pytest.mark.parametrize("rows", [0, 2])
def test_the_end_comes_behind_what_its_packet_carries(flags: int, rows: int, speaker: Speaker) -> None:
    wire = Wire().open()
    for side, data in [*UP, *_DATA * 2]:
        wire.send(side, PSH | ACK, data)
    wire.client(FIN | ACK, frame(TEXT, "going", MASK)).server(flags, frame(TEXT, "gone"))
    read = speaker.alike(wire.packets, rows)
    told = [event.name for event in read.events][-3:]
    assert told == ["websocket.frame", "websocket.message", "websocket.close"]
    assert read.together > 0 or (flags & RST and not rows)


# Anything


@st.composite
def _lines(draw: st.DrawFn) -> list[Line]:
    """What is said in a connection: mostly messages that are alike, now and then something else."""
    texts = st.sampled_from(["", "a", "grüße", "☂" * 50, "x" * 125, "y" * 126, "z" * 700, "2", '42["hi"]', OPEN.decode()])
    found: list[Line] = list(UP) if draw(st.integers(0, 4)) else []
    for side in draw(st.lists(st.sampled_from([CLIENT, SERVER]), min_size=1, max_size=12)):
        data = b""
        mask = MASK if side == CLIENT else None
        for _ in range(draw(st.integers(1, 4))):
            kind = draw(st.integers(0, 24))
            if kind < 14:
                data += frame(TEXT, draw(texts), mask)
            elif kind < 18:
                data += frame(BINARY, draw(st.binary(max_size=9)), mask)
            elif kind < 22:
                data += frame(draw(st.sampled_from([PING, PONG])), draw(st.sampled_from([b"", b"p", b"\xff"])), mask)
            elif kind == 22:
                data += frame(CLOSE, draw(st.sampled_from(_CLOSES)), mask)
            else:
                opcode, fin, rsv = draw(
                    st.sampled_from([(TEXT, False, 0), (CONTINUATION, True, 0), (TEXT, True, 4), (3, True, 0)])
                )
                data += frame(opcode, draw(st.binary(max_size=9)), mask, fin, rsv)
        at = draw(st.integers(0, len(data)))
        found += [(side, part) for part in (data[:at], data[at:]) if part]
    return found


@pytest.mark.usefixtures("loops")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_talks(data: st.DataObject, speaker: Speaker) -> None:
    wires = []
    for at in range(data.draw(st.integers(1, 4))):
        wire = Wire((f"10.0.1.{at}", 40000 + at))
        size = data.draw(st.sampled_from([1400, 100, 30]))
        speaker.talk(data.draw(_lines()), tls=data.draw(st.integers(0, 2)), size=size, wire=wire, end=data.draw(st.booleans()))
        wires.append(wire)
    packets = weave(wires, data.draw(st.lists(st.integers(0, len(wires) - 1), max_size=60)))
    for at in data.draw(st.lists(st.integers(0, len(packets) - 2), max_size=2)):
        packets[at : at + 2] = data.draw(
            st.sampled_from([packets[at : at + 1], packets[at : at + 2][::-1], packets[at : at + 1] * 3])
        )
    limit = data.draw(st.sampled_from([16 << 20, 300]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.talk, "_WORTHWHILE", data.draw(st.sampled_from([1, 3, 8])))
        speaker.alike(packets, data.draw(st.integers(0, 20)), limit=limit)


# Payload


def _read(payloads: list[tuple[bytes, int, int]]) -> tuple[bytes, list[bool]]:
    """What is read of payloads, each with its mask (-1 for none) and the first byte of its frame, between other bytes."""
    data, at = b"#", []
    for payload, mask, _ in payloads:
        at.append(len(data))
        data += (payload if mask < 0 else masked(payload, mask)) + b"\x80#"
    columns = at, [len(each[0]) for each in payloads], [each[1] for each in payloads], [each[2] for each in payloads]
    content, fine = read_payload(data, *(np.array(column, np.int64) for column in columns))
    return content, fine.tolist()


def _decodes(data: bytes) -> bool:
    try:
        return data.decode() is not None
    except UnicodeDecodeError:
        return False


#: Beginnings and ends of what UTF-8 allows (RFC 3629 section 4), and what lies next to them.
_EDGES = [
    b"", b"\x7f", b"\x80", b"\xc1\xbf", b"\xc2\x80", b"\xdf\xbf", b"\xdf\xc0", b"\xe0\x9f\xbf", b"\xe0\xa0\x80",
    b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xee\x80\x80", b"\xef\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80",
    b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xfe", b"\xff",
]  # fmt: skip


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("edge", _EDGES, ids=bytes.hex)
@pytest.mark.parametrize("mask", [-1, 0, MASK, 0xFFFFFFFF])
def test_text_is_utf_8_wherever_it_ends(edge: bytes, mask: int) -> None:
    """Every truncation, at every place of words that are read at once."""
    payloads = [(b"x" * before + edge[:end] + b"y" * behind, mask, 0x81)
                for before in (0, 1, 3, 7, 8, 31) for end in range(len(edge) + 1) for behind in (0, 1, 9)]  # fmt: skip
    content, fine = _read(payloads)
    assert content == b"".join(payload for payload, _, _ in payloads)
    assert fine == [_decodes(payload) for payload, _, _ in payloads]


@pytest.mark.usefixtures("loops")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(
    st.one_of(st.binary(max_size=70), st.text(max_size=40).map(str.encode), st.sampled_from(_EDGES)),
    st.one_of(st.just(-1), st.integers(0, 0xFFFFFFFF)), st.sampled_from([0x81, 0x82, 0x88, 0x89]),
), max_size=12))  # fmt: skip
def test_any_payload(payloads: list[tuple[bytes, int, int]]) -> None:
    content, fine = _read(payloads)
    assert content == b"".join(payload for payload, _, _ in payloads)
    assert fine == [first != 0x81 or _decodes(payload) for payload, _, first in payloads]
