"""Frames inside TLS, where nothing but frames is wanted: those of the lane are those of the layer, whatever carries them."""

from __future__ import annotations

import itertools
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netviz.analysis import Analysis
from netviz.event import WebSocketFrame, WebSocketMessage
from netviz.keylog import KeyLog
from netviz.lane import Frames, Lane
from netviz.layers.layer import Wanted
from netviz.layers.websocket.direction import LONG
from tests import openssl
from tests.frames import BINARY, CONTINUATION, MASK, PING, PONG, TEXT, accepted, closing, frame, request
from tests.on_the_way import lost, spoiled, swapped
from tests.tls import Setup, Talk, contexts
from tests.wire import ACK, CLIENT, PSH, SERVER, Packet, Wire, batches, weave

pytestmark = pytest.mark.usefixtures("loops")

_SIZES = [0, 1, 3]

#: What one side writes, a record each (or several for what is long), in as few packets as hold it.
_Flight = tuple[int, list[bytes]]


def _ours(text: str | bytes, opcode: int = TEXT, **how: bool | int) -> bytes:
    return frame(opcode, text, MASK, **how)  # type: ignore[arg-type]


def _theirs(text: str | bytes, opcode: int = TEXT, **how: bool | int) -> bytes:
    return frame(opcode, text, **how)  # type: ignore[arg-type]


def _each(data: bytes, size: int = 1) -> list[bytes]:
    """Records of so many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


_C, _S = CLIENT, SERVER
_UP: list[_Flight] = [(_C, [request()]), (_S, [accepted()])]
_BYE: list[_Flight] = [(_C, [closing(mask=MASK)]), (_S, [closing()])]
_SOME: list[_Flight] = [(_C, [_ours("a")]), (_S, [_theirs("b" * 200), _theirs("c")]), (_C, [_ours("d", PING)])]

#: What is said behind the upgrade.
_SAID: dict[str, list[_Flight]] = {
    "one at a time": [*_SOME, (_S, [_theirs("d", PONG)]), *_BYE],
    "many records in a packet": [(_S, [_theirs(f"{at}") for at in range(40)]), (_C, [_ours(f"{at}") for at in range(9)])],
    "many frames in a record": [(_S, [b"".join(_theirs(f"{at}") for at in range(40))] * 2), (_C, [_ours("a") * 30])],
    "frames that span records": [(_S, _each(_theirs("b" * 900) + _theirs("c" * 300), 100)), (_C, _each(_ours("a" * 70), 9))],
    "a record for each byte": [(_S, _each(_theirs("b" * 130))), (_C, _each(_ours("a" * 5)))],
    "a packet for each byte": [(_S, [byte]) for byte in _each(_theirs("bc"))] + [(_C, [byte]) for byte in _each(_ours("a"))],
    "frames that span packets": [(_S, [_theirs(bytes(5000), BINARY), _theirs(b"x")]), (_C, [_ours(bytes(4000), BINARY)])],
    "a frame of many records": [(_S, [_theirs(bytes(70_000), BINARY)]), (_C, [_ours("a")])],
    "a frame that is read piece by piece": [
        (_S, [_theirs("before"), _theirs(bytes(LONG + 99), BINARY)]), (_S, [_theirs("after")]), *_BYE],
    "a frame that never ends": [*_SOME, (_S, [_theirs("ab" * 99)[:50]])],
    "a header that never ends": [*_SOME, (_C, [_ours("ab" * 99)[:5]])],
    "a long frame that never ends": [*_SOME, (_S, [_theirs(bytes(LONG * 2), BINARY)[:5000]])],
    "a reserved bit": [(_S, [_theirs("b", rsv=4)]), *_SOME],
    "a reserved bit among others": [*_SOME, (_S, [_theirs("b"), _theirs("c", rsv=2), _theirs("d")]), *_SOME],
    "a reserved bit behind half a frame": [
        (_S, [_theirs("b" * 50)[:20]]), (_S, [_theirs("b" * 50)[20:], _theirs("c", rsv=1)]), *_SOME],
    "a reserved opcode": [*_SOME, (_C, [_ours("b", 3), _ours("c", 11)]), *_SOME],
    "no mask": [*_SOME, (_C, [_theirs("b")]), (_C, [_ours("c")]), *_BYE],
    "a mask of the server": [*_SOME, (_S, [_ours("b"), _theirs("c")]), *_BYE],
    "lengths that are longer than they must be": [
        (_S, [_theirs("b", length_form=16), _theirs("c", length_form=64)]), *_SOME],
    "a long ping": [(_S, [_theirs(bytes(126), PING)]), *_SOME],
    "fragments": [
        (_C, [_ours("a", fin=False)]), (_C, [_ours("b", PING), _ours("c", CONTINUATION, fin=False)]),
        (_C, [_ours("d", CONTINUATION)]), *_SOME],
    "fragments with others between": [(_S, [_theirs("a", fin=False)]), *_SOME, (_S, [_theirs("b", CONTINUATION)]), *_BYE],
    "a fragment of nothing": [*_SOME, (_S, [_theirs("b", CONTINUATION)]), *_SOME],
    "something behind a close in its record": [*_SOME, (_C, [closing(mask=MASK) + _ours("late")]), (_S, [closing()])],
    "something behind a close in its packet": [*_SOME, (_C, [closing(mask=MASK), _ours("late")]), (_S, [closing()])],
    "something behind a close later": [*_SOME, (_C, [closing(mask=MASK)]), (_C, [_ours("late")]), (_S, [closing()])],
    "half a frame behind a close": [*_SOME, (_S, [closing(), _theirs("late")[:3]]), *_SOME],
    "one side closes, the other goes on": [
        *_SOME, (_S, [closing()]), (_C, [_ours("b"), _ours("c")]), (_C, [closing(mask=MASK)])],
    "one side alone": [(_S, [_theirs("b")])] * 9,
}  # fmt: skip

#: Of these no frame needs a rule, and none is long.
_USUAL = [
    "many records in a packet", "many frames in a record", "frames that span records", "a record for each byte",
    "a packet for each byte", "frames that span packets", "a frame of many records", "a frame that never ends",
    "a header that never ends", "one side alone",
]  # fmt: skip

#: A suite of each way to protect records.
_SETUPS = {
    "1.3": Setup(),
    "GCM": Setup(ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
    "ChaCha20": Setup(ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305"),
    "CCM": Setup(ssl.TLSVersion.TLSv1_2, "AES128-CCM8"),
    "CBC": Setup(ssl.TLSVersion.TLSv1_2, "AES128-SHA"),
}


class _Speaker:
    """Makes talks that share a key log, and reads them."""

    def __init__(self, keys: Path) -> None:
        self.keys = keys
        self._contexts = {name: contexts(setup, keys) for name, setup in _SETUPS.items()}

    def talk(self, flights: list[_Flight], setup: str = "1.3", size: int = 1400, wire: Wire | None = None) -> list[Packet]:
        """A talk inside TLS as it was captured, in segments of this size."""
        talk = Talk(*self._contexts[setup], wire=wire or Wire(), size=size)
        talk.shake()
        for side, records in flights:
            for record in records:
                talk.ends[side].write(record)
            talk.flush(side)
            left = sum(map(len, records))
            while left:
                left -= len(talk.ends[1 - side].read(left))
        talk.close()
        return talk.wire.packets

    def frames(self, packets: list[Packet], rows: int = 0, *, contents: bool = False) -> list[WebSocketFrame]:
        """The frames that are told, in Batches of so many packets."""
        analysis = Analysis(wanted=Wanted(contents=contents, keys=KeyLog(str(self.keys))))
        told = [event for batch in batches(packets, rows) for event in analysis.feed(batch)] + list(analysis.close())
        assert contents or not any(isinstance(event, WebSocketMessage) for event in told)
        return [event for event in told if isinstance(event, WebSocketFrame)]

    def alike(self, packets: list[Packet], sizes: Iterable[int] = _SIZES) -> list[WebSocketFrame]:
        """The frames that the lane tells, which must be those of the layer; by their numbers the same whatever the Batch."""
        first: list[WebSocketFrame] | None = None
        for rows in sizes:
            told = self.frames(packets, rows)
            assert told == self.frames(packets, rows, contents=True)
            told.sort(key=_number)
            first = first or told
            assert told == first
        return first or []


#: Orders by the connection and the number in it.
_number = itemgetter(0, 1)


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> _Speaker:
    return _Speaker(tmp_path_factory.mktemp("keys") / "keys")


class _Ran(NamedTuple):
    """How many frames a lane read, and how many connections it refused."""

    frames: int
    refused: int


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[_Ran]:
    """What each lane did."""
    found: list[_Ran] = []
    run = Lane.run

    def counted(lane: Lane) -> Frames:
        frames = run(lane)
        found.append(_Ran(len(frames.block.columns[0]), len(frames.refused)))
        return frames

    monkeypatch.setattr(Lane, "run", counted)
    return found


def _plain(flights: list[_Flight], wire: Wire | None = None) -> list[Packet]:
    """The same talk without TLS."""
    wire = (wire or Wire()).open()
    for side, records in flights:
        for piece in _each(b"".join(records), 50_000):
            wire.send(side, PSH | ACK, piece)
    return wire.close().packets


#: Orders by the side alone.
_side = itemgetter(0)


def _kinds(frame: WebSocketFrame) -> list[str]:
    return [problem.kind for problem in frame.problems]


def _heads(frames: Iterable[WebSocketFrame]) -> list[tuple[object, ...]]:
    """What does not depend on what carried them; each side in its order."""
    told = [(each.side, each.first, each.mask, each.head, each.length, _kinds(each)) for each in frames]
    return sorted(told, key=_side)


def _lengths(frames: Iterable[WebSocketFrame]) -> list[tuple[int, int, int]]:
    """What there is of frames that are told as they were said; each side in its order."""
    return sorted(((each.side, each.first, each.length) for each in frames if "frame-cut" not in _kinds(each)), key=_side)


def _small(flights: list[_Flight]) -> int:
    """A size of segments that makes many of them, but not thousands."""
    return 61 if sum(len(record) for _, records in flights for record in records) < 5000 else 999


@pytest.mark.parametrize("name", _SAID)
@pytest.mark.parametrize("small", [False, True])
def test_frames_alone_are_the_same_frames(name: str, small: bool, speaker: _Speaker) -> None:
    flights = [*_UP, *_SAID[name]]
    told = speaker.alike(speaker.talk(flights, size=_small(flights) if small else 1400))
    assert told
    assert _heads(told) == _heads(speaker.frames(_plain(flights), contents=True))


@pytest.mark.parametrize("setup", _SETUPS)
@pytest.mark.parametrize("name", ["many records in a packet", "frames that span packets", "a reserved bit among others"])
def test_whatever_protects_the_records(setup: str, name: str, speaker: _Speaker) -> None:
    flights = [*_UP, *_SAID[name]]
    told = speaker.alike(speaker.talk(flights, setup, 333))
    assert _heads(told) == _heads(speaker.frames(_plain(flights), contents=True))


@pytest.mark.parametrize("name", _SAID)
@pytest.mark.parametrize("record", [False, True])
def test_frames_in_the_packet_that_accepts(name: str, record: bool, speaker: _Speaker) -> None:
    flights = _SAID[name]
    at = next(at for at, (side, _) in enumerate(flights) if side == _S)
    first = flights[at][1]
    answer = [accepted() + first[0], *first[1:]] if record else [accepted(), *first]
    said = [_UP[0], (_S, answer), *flights[:at], *flights[at + 1 :]]
    told = speaker.alike(speaker.talk(said))
    assert _heads(told) == _heads(speaker.frames(_plain(said), contents=True))


@pytest.mark.parametrize("rows", _SIZES)
@pytest.mark.parametrize("setup", ["1.3", "CBC"])
@pytest.mark.parametrize("name", _USUAL)
def test_what_is_usual_is_read_in_the_lane(name: str, setup: str, rows: int, speaker: _Speaker, ran: list[_Ran]) -> None:
    """All of it, whatever the Batch: else nothing here would be tested."""
    told = speaker.frames(speaker.talk([*_UP, *_SAID[name]], setup), rows)
    whole = [frame for frame in told if not frame.problems]  # one that never ends is told by the layer
    assert sum(each.frames for each in ran) == len(whole) > 0
    assert sum(each.refused for each in ran) == 0


@pytest.mark.parametrize("name", ["a reserved bit", "no mask", "fragments", "something behind a close in its packet"])
def test_what_needs_a_rule_is_refused(name: str, speaker: _Speaker, ran: list[_Ran]) -> None:
    speaker.frames(speaker.talk([*_UP, *_SAID[name]]))
    assert ran == [(0, 1)]


def test_a_long_frame_does_not_pile_up(speaker: _Speaker, ran: list[_Ran]) -> None:
    """Of what is longer than the lane waits for, the layer reads what there is."""
    speaker.frames(speaker.talk([*_UP, *_SAID["a frame that is read piece by piece"]]), 30)
    assert sum(each.refused for each in ran) > 0


def test_without_a_key_there_are_no_frames(speaker: _Speaker, tmp_path: Path, ran: list[_Ran]) -> None:
    packets = speaker.talk([*_UP, *_SOME])
    assert _Speaker(tmp_path / "none").alike(packets) == []
    assert sum(sum(each) for each in ran) == 0


# What happens on the way


#: What was done, and how many of the frames are left.
_HAPPENS: dict[str, tuple[Callable[[list[Packet]], list[Packet]], str]] = {
    "nothing": (list, "all"),
    "the end is missing": (lambda packets: packets[:-9], "some"),
    "the beginning is missing": (lambda packets: packets[5:], "none"),
    "a packet is lost": (lost, "some"),
    "packets in another order": (swapped, "all"),
    "each packet twice": (lambda packets: [packet for packet in packets for _ in range(2)], "all"),
    "a byte differs": (spoiled, "some"),
}


@pytest.mark.parametrize("name", _HAPPENS)
@pytest.mark.parametrize("size", [1400, 40])
@pytest.mark.parametrize("setup", ["1.3", "CCM"])
def test_what_happens_on_the_way(name: str, size: int, setup: str, speaker: _Speaker) -> None:
    change, left = _HAPPENS[name]
    flights = [*_UP, *_SOME, *_SAID["many records in a packet"], *_SAID["frames that span records"], *_SOME * 3, *_BYE]
    packets = speaker.talk(flights, setup, size)
    everything, told = _lengths(speaker.frames(packets)), _lengths(speaker.alike(change(packets)))
    assert len(everything) == 4 + 49 + 3 + 12 + 2
    if left == "some":
        assert 0 < len(told) < len(everything)
        assert not Counter(told) - Counter(everything)  # none that was not sent
    else:
        assert told == (everything if left == "all" else [])


@pytest.mark.parametrize("rows", _SIZES)
@pytest.mark.parametrize("setup", ["1.3", "GCM"])
def test_a_packet_that_comes_again_and_differs(rows: int, setup: str, speaker: _Speaker) -> None:
    """The first copy counts, and a frame tells of the other: the one that is read next, which the Batch decides."""
    packets = speaker.talk([*_UP, *_SOME, *_SAID["many records in a packet"], *_SOME * 3], setup, 300)
    at = len(packets) * 2 // 3
    time, data = packets[at]
    packets.insert(at + 2, Packet(time, data[:4] + b"\xff\xff" + data[6:-1] + bytes((data[-1] ^ 1,))))  # no copy of a packet
    told = speaker.frames(packets, rows)
    assert told == speaker.frames(packets, rows, contents=True)
    assert len(told) == 4 + 49 + 12
    assert [kind for frame in told for kind in _kinds(frame)] == ["overlap-differs"]


def test_several_at_once(speaker: _Speaker, ran: list[_Ran]) -> None:
    """What one connection does changes nothing of another, with TLS and without."""
    wires: list[Wire] = []
    for at, name in enumerate(
        ("many records in a packet", "a reserved bit among others", "frames that span records", "fragments")
    ):
        flights = [*_UP, *_SAID[name]]
        both = Wire((f"10.0.1.{at}", 40000 + at)), Wire((f"10.0.2.{at}", 40000 + at))
        speaker.talk(flights, size=300, wire=both[0])
        _plain(flights, both[1])
        wires += both
    told = speaker.alike(weave(wires, [at % len(wires) for at in range(400)]), [0, 5, 16])
    for number, wire in enumerate(wires):
        ours = [frame for frame in told if frame.connection == number]
        assert _heads(ours) == _heads(speaker.frames(wire.packets, contents=True))
        assert [frame.number for frame in ours] == list(range(1, len(ours) + 1))
    assert sum(each.frames for each in ran) > 0
    assert sum(each.refused for each in ran) > 0


def test_new_keys_in_the_middle(speaker: _Speaker, ran: list[_Ran]) -> None:
    """A KeyUpdate ends a run of records, and what follows is opened with the next key (RFC 8446 section 4.6.3)."""
    if not openssl.available():
        pytest.skip("no libssl to ask")
    wire = Wire().open()
    ends = openssl.Pair(speaker.keys, padding=64).connect(wire)
    for _ in range(3):
        done = [end.shake() for end in ends]
    assert all(done)
    flights = [*_UP, *_SAID["many records in a packet"], *_SAID["frames that span records"]]
    for place, (side, records) in enumerate(flights):
        for at, record in enumerate(records):
            if at == 3:
                ends[side].update(ask=place == 3)
            ends[side].write(record)
    for end in ends:
        end.close()
    told = speaker.alike(wire.close().packets, [0, 2, 7])
    assert _heads(told) == _heads(speaker.frames(_plain(flights), contents=True))
    assert sum(each.frames for each in ran) >= len(told)


@st.composite
def _flights(draw: st.DrawFn) -> list[_Flight]:
    """What both sides say, cut into records and packets anywhere; now and then something that needs a rule."""
    found: list[_Flight] = []
    for side in draw(st.lists(st.sampled_from([_C, _S]), max_size=6)):
        data = b""
        for _ in range(draw(st.integers(1, 6))):
            payload = draw(st.sampled_from([b"", b"a", b"b" * 20, b"c" * 125, b"d" * 126, b"e" * 400]))
            opcode, fin, rsv = draw(st.sampled_from([(TEXT, True, 0)] * 9 + [
                (PING, True, 0), (TEXT, False, 0), (CONTINUATION, True, 0), (BINARY, True, 4),
            ]))  # fmt: skip
            data += frame(opcode, payload[:125] if opcode == PING else payload, MASK if side == _C else None, fin, rsv)
        edges = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=8))})
        records = [data[start:stop] for start, stop in itertools.pairwise(edges)]
        split = draw(st.integers(0, len(records)))
        found += [(side, part) for part in (records[:split], records[split:]) if part]
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flights=_flights(), rows=st.integers(0, 6), size=st.sampled_from([1400, 100, 30]), setup=st.sampled_from(sorted(_SETUPS))
)
def test_any_talk_in_any_records(flights: list[_Flight], rows: int, size: int, setup: str, speaker: _Speaker) -> None:
    said = [*_UP, *flights]
    told = speaker.alike(speaker.talk(said, setup, size), [rows])
    assert _heads(told) == _heads(speaker.frames(_plain(said), contents=True))
