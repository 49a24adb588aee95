"""Layers within layers: a tunnel, an upgrade in it, compressed frames in that, and every byte traced to its packet."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple

import pytest

from netviz.analysis import Analysis
from netviz.channel import Channel
from netviz.event import Event, Peers, Slice, WebSocketClose, WebSocketFrame, WebSocketMessage, WebSocketUpgrade
from netviz.layers.layer import Ending, Wanted
from netviz.layers.search import Search
from netviz.layers.websocket.conversation import WebSocket
from tests.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, accepted, closing, frame, head, request
from tests.wire import ACK, PSH, Wire, batches

Piece = tuple[int, bytes]

_CLIENT, _SERVER = 0, 1
_TICK = 1000
_ISN = 0xFFFFFF00, 5000

_MASKS = [bytes.fromhex(key) for key in ("37fa213d", "00000000", "ffffffff", "9e5b3c41")]


class _Line:
    """A Channel and the packets that it is fed; their payload stands behind headers of different lengths."""

    def __init__(self, *, client: int = 0, whole: bool = True) -> None:
        self.channel = Channel(0, Wanted())
        self.packets: dict[int, bytes] = {}
        self._client = client
        self._next = list(_ISN)
        self._whole = whole
        if whole:
            for end, isn in zip(self.channel.ends, _ISN, strict=True):
                end.begin(isn, whole=True)

    def send(self, side: int, data: bytes, *, at: int | None = None, wait: bool = False) -> int:
        """The next packet: what the client (0) or the server says, ``at`` a place in its stream; its number."""
        end = side ^ self._client
        number = len(self.packets) + 1
        header = bytes(40 + number % 7 * 4)
        self.packets[number] = header + data
        seq = self._next[end] if at is None else _ISN[end] + at
        self.channel.ends[end].take(seq & 0xFFFFFFFF, len(data), data, number, len(header), number * _TICK, False)
        if at is None:
            self._next[end] += len(data)
        if not wait:
            self.channel.advance()
        return number

    def lose(self, side: int, length: int) -> None:
        """Bytes that are not in the capture; the next packet and its acknowledgement tell that."""
        self._next[side ^ self._client] += length

    def close(self, by: int = 0) -> None:
        """FIN, of the client (0) or of the server."""
        number = len(self.packets) + 1
        self.channel.close(lambda: Ending("fin", by ^ self._client, number, number * _TICK, (0, 0)))

    @property
    def events(self) -> list[Event]:
        """What was told."""
        make: dict[str, Callable[..., Event]] = {"frame": WebSocketFrame._make, "message": WebSocketMessage._make}
        return [make[kind](value) if kind in make else value for _, (kind, value) in self.channel.found]

    @property
    def ready(self) -> list[int]:
        """The packet that completed each."""
        return [ready for ready, _ in self.channel.found]

    @property
    def upgrades(self) -> list[WebSocketUpgrade]:
        """The upgrades that were told."""
        return [event for event in self.events if isinstance(event, WebSocketUpgrade)]

    @property
    def frames(self) -> list[WebSocketFrame]:
        """The frames that were told."""
        return [event for event in self.events if isinstance(event, WebSocketFrame)]


def _line(pieces: Iterable[Piece], *, client: int = 0, whole: bool = True) -> _Line:
    line = _Line(client=client, whole=whole)
    for side, data in pieces:
        line.send(side, data)
    return line


# A conversation in a tunnel


class _Sent(NamedTuple):
    """A message: who sent it, its kind, what it says, and its frames as they are on the wire."""

    side: int
    kind: str
    content: str | bytes
    frames: tuple[bytes, ...]


class _Talk:
    """Compresses what both sides say, each with a window that it keeps, and notes what is sent in which order."""

    def __init__(self) -> None:
        self._deflate = [zlib.compressobj(9, zlib.DEFLATED, -15) for _ in range(2)]
        self.turns: list[Piece] = []
        self.frames: list[Piece] = []
        self.messages: list[_Sent] = []

    def say(self, side: int, data: bytes) -> None:
        """Anything."""
        self.turns.append((side, data))

    def message(self, side: int, content: str | bytes, *cuts: int, between: _Sent | None = None) -> None:
        """A compressed message, in fragments that end at these places, with a control frame behind the first of them."""
        raw = content.encode() if isinstance(content, str) else content
        deflate = self._deflate[side]
        packed = (deflate.compress(raw) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        ends = [*cuts, len(packed)]
        opcode = TEXT if isinstance(content, str) else BINARY
        frames = []
        for index, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
            code, rsv = (CONTINUATION, 0) if index else (opcode, 4)
            frames.append(frame(code, packed[start:end], self._mask(side), fin=end == len(packed), rsv=rsv))
            self._frame(side, frames[-1])
            if between is not None and index == 0:
                self._frame(side, between.frames[0])
                self.messages.append(between)
        self.messages.append(_Sent(side, "text" if opcode == TEXT else "binary", content, tuple(frames)))

    def control(self, side: int, opcode: int, content: str, code: int | None = None) -> None:
        """A control frame."""
        sent = self.prepared(side, opcode, content, code)
        self._frame(side, sent.frames[0])
        self.messages.append(sent)

    def prepared(self, side: int, opcode: int, content: str, code: int | None = None) -> _Sent:
        """A control frame that is not sent yet."""
        payload = content.encode() if code is None else code.to_bytes(2, "big") + content.encode()
        raw = frame(opcode, payload, self._mask(side))
        return _Sent(side, {PING: "ping", PONG: "pong", CLOSE: "close"}[opcode], content, (raw,))

    def _frame(self, side: int, raw: bytes) -> None:
        self.frames.append((side, raw))
        self.say(side, raw)

    def _mask(self, side: int) -> bytes | None:
        return _MASKS[len(self.frames) % len(_MASKS)] if side == _CLIENT else None


_CONNECT = head("CONNECT live.example.org:443 HTTP/1.1", {"Host": "live.example.org:443", "Proxy-Connection": "keep-alive"})
_TUNNEL = head("HTTP/1.1 200 Connection established", {"Via": "1.1 proxy"})
_EXTENSIONS = "permessage-deflate; client_max_window_bits"
_REQUEST = request("/live?v=2", host="live.example.org", protocols="v1, v2", extensions=_EXTENSIONS)
_ANSWER = accepted(protocol="v2", extensions="permessage-deflate")


def _tunnelled() -> _Talk:
    talk = _Talk()
    talk.say(_CLIENT, _CONNECT)
    talk.say(_SERVER, _TUNNEL)
    talk.say(_CLIENT, _REQUEST)
    talk.say(_SERVER, _ANSWER)
    talk.message(_SERVER, '{"hello":"welcome to the prices","version":2}')
    talk.message(_CLIENT, '{"subscribe":"prices","of":["AAA","BBB"]}')
    for price in range(5):
        talk.message(_SERVER, f'{{"prices":{{"AAA":{price},"BBB":{price * 7}}},"version":2}}')
    talk.message(_CLIENT, "ü" * 300 + " and so on" * 40, 3, 4, 20, between=talk.prepared(_CLIENT, PING, "are you there?"))
    talk.control(_SERVER, PONG, "are you there?")
    talk.message(_SERVER, random.Random(7).randbytes(3000), 1, 130, 2000, between=talk.prepared(_SERVER, PING, ""))
    talk.control(_CLIENT, PONG, "")
    talk.message(_CLIENT, "")
    talk.message(_SERVER, random.Random(8).randbytes(140_000))
    talk.control(_CLIENT, CLOSE, "done", 1000)
    talk.control(_SERVER, CLOSE, "done", 1000)
    return talk


#: The sizes of segments, again and again.
_AWKWARD = {
    "1 and 1000": (1, 1000), "primes": (2, 3, 5, 7, 11, 13, 101, 499), "1460": (1460,), "whole turns": (1 << 20,),
    "growing": tuple(range(1, 300, 3)), "from 1 to 20, then many": (*range(1, 20), 4000),
}  # fmt: skip


def _cut(turns: Iterable[Piece], sizes: tuple[int, ...]) -> list[Piece]:
    found = []
    step = 0
    for side, data in turns:
        at = 0
        while at < len(data):
            size = sizes[step % len(sizes)]
            found.append((side, data[at : at + size]))
            at += size
            step += 1
    return found


def _joined(turns: Iterable[Piece], size: int) -> list[Piece]:
    """Cut without regard of where turns end, as long as the same side speaks."""
    joined: list[Piece] = []
    for side, data in turns:
        if joined and joined[-1][0] == side:
            joined[-1] = side, joined[-1][1] + data
        else:
            joined.append((side, data))
    return _cut(joined, (size,))


def _bytes(packets: dict[int, bytes], slices: Iterable[Slice]) -> bytes:
    return b"".join(packets[packet][start:end] for packet, start, end in slices)


def _check(talk: _Talk, events: list[Event], packets: dict[int, bytes], headers: dict[int, int]) -> None:
    """Hold events against what was sent; ``headers`` says where in each packet its payload begins."""
    (upgrade,) = (event for event in events if isinstance(event, WebSocketUpgrade))
    assert (upgrade.outcome, upgrade.problems) == ("accepted", ())
    assert (upgrade.proxy, upgrade.path, upgrade.earlier) == ("live.example.org:443", "/live?v=2", 0)
    assert (upgrade.subprotocol, upgrade.extensions) == ("v2", ("permessage-deflate",))
    assert _bytes(packets, upgrade.request) == _REQUEST
    assert _bytes(packets, upgrade.response) == _ANSWER
    frames = [event for event in events if isinstance(event, WebSocketFrame)]
    for side in (_CLIENT, _SERVER):
        ours = [event for event in frames if event.side == side]
        assert [_bytes(packets, event.slices) for event in ours] == [raw for who, raw in talk.frames if who == side]
    assert sorted(event.number for event in frames) == list(range(1, len(talk.frames) + 1))
    messages = [event for event in events if isinstance(event, WebSocketMessage)]
    for side in (_CLIENT, _SERVER):
        said = [event for event in messages if event.side == side]
        sent = [message for message in talk.messages if message.side == side]
        assert [(event.kind, event.content) for event in said] == [(message.kind, message.content) for message in sent]
        for event, message in zip(said, sent, strict=True):
            assert _bytes(packets, event.slices) == b"".join(message.frames)
            assert event.fragments == len(message.frames)
            assert event.compressed == (message.kind in ("text", "binary"))
            assert event.packets == tuple(dict.fromkeys(part.packet for part in event.slices))
            assert event.length == len(message.content.encode() if isinstance(message.content, str) else message.content) + (
                2 if message.kind == "close" else 0
            )
    assert [event.problems for event in frames if event.problems] == []
    assert [event.problems for event in messages if event.problems] == []
    # Every byte behind the tunnel's own is in the slices of the upgrade or of one frame, and in no other.
    covered = [*upgrade.request, *upgrade.response, *(part for event in frames for part in event.slices)]
    places = [(packet, place) for packet, start, end in covered for place in range(start, end)]
    assert len(places) == len(set(places))
    assert all(place >= headers[packet] for packet, place in places)
    assert len(places) == sum(len(data) for _, data in talk.turns) - len(_CONNECT) - len(_TUNNEL)
    (close,) = (event for event in events if isinstance(event, WebSocketClose))
    assert (close.code, close.reason, close.by, close.clean, close.problems) == (1000, "done", "client", True, ())
    assert [total.frames for total in close.totals] == [sum(who == side for who, _ in talk.frames) for side in (0, 1)]


def _headers(line: _Line) -> dict[int, int]:
    return {number: 40 + number % 7 * 4 for number in line.packets}


@pytest.mark.parametrize("name", _AWKWARD)
@pytest.mark.parametrize("client", [0, 1])
def test_every_byte_is_traced_through_all_layers(name: str, client: int) -> None:
    talk = _tunnelled()
    line = _line(_cut(talk.turns, _AWKWARD[name]), client=client)
    line.close()
    assert line.channel.client == client
    _check(talk, line.events, line.packets, _headers(line))


@pytest.mark.parametrize("size", [70, 1460, 100_000])
def test_every_byte_is_traced_where_messages_share_packets(size: int) -> None:
    talk = _tunnelled()
    line = _line(_joined(talk.turns, size))
    line.close()
    _check(talk, line.events, line.packets, _headers(line))
    # The server's answer and its first frame are in one packet where that is large enough.
    if size > 1000:
        (upgrade,) = line.upgrades
        first = next(event for event in line.frames if event.side == _SERVER)
        assert upgrade.response[-1].packet == first.slices[0].packet
        assert upgrade.response[-1].end == first.slices[0].start


@pytest.mark.parametrize("name", _AWKWARD)
def test_every_byte_is_traced_where_all_packets_come_at_once(name: str) -> None:
    talk = _tunnelled()
    line = _Line()
    for side, data in _cut(talk.turns, _AWKWARD[name]):
        line.send(side, data, wait=True)
    line.channel.advance()
    line.close()
    _check(talk, line.events, line.packets, _headers(line))


@pytest.mark.parametrize("seed", range(6))
def test_every_byte_is_traced_where_packets_are_swapped_and_repeated(seed: int) -> None:
    chance = random.Random(seed)
    talk = _tunnelled()
    sizes = tuple(chance.choice((1, 2, 5, 40, 333, 1460)) for _ in range(97))
    offsets = [0, 0]
    queue: list[tuple[int, int, bytes]] = []
    for side, data in _cut(talk.turns, sizes):
        queue.append((side, offsets[side], data))
        offsets[side] += len(data)
    index = 0
    while index < len(queue) - 1:
        if chance.random() < 0.2 and queue[index][0] == queue[index + 1][0]:
            queue[index], queue[index + 1] = queue[index + 1], queue[index]
        elif chance.random() < 0.2:
            queue.insert(index + chance.randint(1, 3), queue[index])
            index += 1
        index += 1
    line = _Line()
    for side, at, data in queue:
        line.send(side, data, at=at)
    line.close()
    _check(talk, line.events, line.packets, _headers(line))
    # What was told was told with the packet that made it whole: nothing of it came later.
    for ready, event in zip(line.ready, line.events, strict=True):
        if isinstance(event, WebSocketFrame):
            assert ready >= max(event.packets)


def test_what_is_told_is_told_with_the_packet_that_completes_it() -> None:
    talk = _tunnelled()
    line = _Line()
    told = 0
    for side, data in _cut(talk.turns, (1, 50, 3, 700)):
        number = line.send(side, data)
        for ready, event in list(zip(line.ready, line.events, strict=True))[told:]:
            assert ready == number
            assert isinstance(event, WebSocketUpgrade | WebSocketFrame | WebSocketMessage)
            assert event.packets[-1] == number
            assert event.time == number * _TICK
        told = len(line.events)
    assert told == 1 + len(talk.frames) + len(talk.messages)


@pytest.mark.parametrize("batch", [0, 1, 7])
@pytest.mark.parametrize("addresses", [(("10.0.0.1", 40000), ("10.0.0.2", 80)), (("2001:db8::2", 9), ("2001:db8::1", 3128))])
def test_every_byte_is_traced_in_a_capture(batch: int, addresses: tuple[tuple[str, int], tuple[str, int]]) -> None:
    talk = _tunnelled()
    wire = Wire(*addresses, isn=_ISN).open()
    options = [b"", b"\x01\x01\x08\x0a" + bytes(8)]  # headers of different lengths
    for index, (side, data) in enumerate(_cut(talk.turns, (1, 2, 3, 5, 61, 1440, 8000))):
        wire.send(side, PSH | ACK, data, options=options[index % 2])
    wire.close()
    packets = {number: packet.data for number, packet in enumerate(wire.packets, 1)}
    ip = 40 if ":" in addresses[0][0] else 20
    headers = {number: ip + (data[ip + 12] >> 4) * 4 for number, data in packets.items()}
    analysis = Analysis(wanted=Wanted())
    events = [event for piece in batches(wire.packets, batch) for event in analysis.feed(piece)]
    events += analysis.close()
    assert [str(event.client) for event in events if isinstance(event, Peers)] == [str(wire.ends[0])]
    _check(talk, events, packets, headers)


# Who reads on


_PLAIN, _OK = head("GET / HTTP/1.1", {"Host": "a"}), head("HTTP/1.1 200 OK", {"Content-Length": "2"}) + b"ok"
_FORBIDDEN = head("HTTP/1.1 403 Forbidden", {"Content-Length": "2"}) + b"no"
_ASK, _SWITCH = request("/ws"), accepted()
_OURS, _THEIRS = frame(TEXT, b"hello", _MASKS[0]), frame(TEXT, b"and hello to you")
_HELLO = b"\x16\x03\x01\x00\x64\x01" + bytes(100)


def test_a_channel_begins_with_a_search() -> None:
    line = _Line()
    assert isinstance(line.channel.layer, Search)
    assert line.channel.smooth
    line.send(0, b"G")
    assert isinstance(line.channel.layer, Search)


@pytest.mark.parametrize("client", [0, 1])
def test_http_hands_over_to_websocket(client: int) -> None:
    line = _line([(0, _PLAIN), (1, _OK), (0, _ASK), (1, _SWITCH), (0, _OURS), (1, _THEIRS)], client=client)
    assert isinstance(line.channel.layer, WebSocket)
    assert line.channel.client == client
    assert [(event.outcome, event.earlier, event.proxy) for event in line.upgrades] == [("accepted", 1, None)]
    assert [(event.sender, event.packets) for event in line.frames] == [("client", (5,)), ("server", (6,))]


@pytest.mark.parametrize("client", [0, 1])
@pytest.mark.parametrize("by", [0, 1])
def test_who_ended_is_told_as_client_or_server(client: int, by: int) -> None:
    line = _line([(0, _ASK), (1, _SWITCH), (0, _OURS)], client=client)
    line.close(by)
    close = line.events[-1]
    assert isinstance(close, WebSocketClose)
    assert (close.by, close.transport_by, close.code) == (("client", "server")[by],) * 2 + (1006,)


def test_bytes_in_flight_are_those_of_client_and_server() -> None:
    line = _line([(0, _ASK), (1, _SWITCH), (0, _OURS)], client=1)
    line.channel.close(lambda: Ending("reset", 1, 4, None, (30, 7)))
    close = line.events[-1]
    assert isinstance(close, WebSocketClose)
    assert (close.in_flight, close.by, close.transport) == ((7, 30), "client", "reset")


@pytest.mark.parametrize("client", [0, 1])
def test_what_goes_through_a_tunnel_is_looked_at_anew(client: int) -> None:
    line = _line([(0, _CONNECT), (1, _TUNNEL)], client=client)
    assert isinstance(line.channel.layer, Search)
    for side, data in ((0, _PLAIN), (1, _OK), (0, _ASK), (1, _SWITCH), (1, _THEIRS)):
        line.send(side, data)
    assert [(event.proxy, event.outcome, event.earlier) for event in line.upgrades] == [("live.example.org:443", "accepted", 1)]
    assert [event.sender for event in line.frames] == ["server"]


def test_a_tunnel_in_a_tunnel() -> None:
    inner = head("CONNECT inner.example.org:80 HTTP/1.1", {"Host": "inner.example.org"})
    line = _line([(0, _CONNECT), (1, _TUNNEL), (0, inner), (1, _TUNNEL), (0, _ASK), (1, _SWITCH)])
    assert [event.proxy for event in line.upgrades] == ["inner.example.org:80"]


def test_a_tunnel_that_is_only_opened_the_second_time() -> None:
    denied = head("HTTP/1.1 407 Proxy Authentication Required", {"Content-Length": "4"}) + b"who?"
    line = _line([(0, _CONNECT), (1, denied), (0, _CONNECT), (1, _TUNNEL), (0, _ASK), (1, _SWITCH)])
    assert [(event.proxy, event.outcome) for event in line.upgrades] == [("live.example.org:443", "accepted")]


def test_tls_through_a_tunnel_is_let_be() -> None:
    line = _line([(0, _CONNECT), (1, _TUNNEL), (0, _HELLO), (1, _HELLO), (0, bytes(1000))])
    assert line.channel.layer is None
    line.close()
    assert [event.name for event in line.events] == ["tls.handshake"]


@pytest.mark.parametrize("pieces", [[(0, _HELLO)], [(1, _HELLO)], [(0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]])
def test_what_is_let_be_is_not_kept(pieces: list[Piece]) -> None:
    line = _line(pieces)
    assert line.channel.layer is None
    assert [len(end.stream.data) for end in line.channel.ends] == [0, 0]
    line.close()
    assert {event.name for event in line.events} <= {"tls.handshake"}


def test_an_upgrade_to_something_else_is_let_be() -> None:
    ask = head("GET / HTTP/1.1", {"Host": "a", "Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"})
    switch = head("HTTP/1.1 101 Switching Protocols", {"Connection": "Upgrade", "Upgrade": "h2c"})
    line = _line([(0, ask), (1, switch + b"\0\0\0\4\0\0\0\0\0"), (0, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")])
    line.close()
    assert (line.channel.layer, line.events) == (None, [])


def test_an_upgrade_that_is_never_answered() -> None:
    line = _line([(0, _ASK)])
    assert line.events == []
    line.close()
    assert [(event.outcome, event.packets) for event in line.upgrades] == [("unanswered", (1,))]


def test_the_rest_that_waits_is_read_at_the_end() -> None:
    line = _line([(0, _ASK)])
    line.send(1, _SWITCH[50:], at=50)
    assert line.events == []
    assert not line.channel.smooth
    line.send(1, _SWITCH[:50], at=0)
    assert [event.outcome for event in line.upgrades] == ["accepted"]
    assert line.channel.smooth


#: Requests that follow one another before the first is answered; answers come in the same order (RFC 9112 section 9.3.2).
_PIPELINED = {
    "answered later": [(0, _PLAIN), (0, _ASK), (1, _OK), (1, _SWITCH)],
    "answered at once": [(0, _PLAIN), (0, _ASK), (1, _OK + _SWITCH)],
    "asked at once": [(0, _PLAIN * 3 + _ASK), (1, _OK), (1, _OK * 2 + _SWITCH)],
    "one answer is there": [(0, _PLAIN), (0, _PLAIN), (1, _OK), (0, _ASK), (1, _OK), (1, _SWITCH)],
    "behind a refusal": [(0, _ASK), (0, _ASK), (1, _FORBIDDEN), (1, _SWITCH)],
    "HEAD": [(0, b"HEAD" + _PLAIN[3:]), (0, _ASK), (1, _OK[:-2]), (1, _SWITCH)],
}


@pytest.mark.parametrize("name", _PIPELINED)
def test_answers_belong_to_requests_in_their_order(name: str) -> None:
    pieces = _PIPELINED[name]
    asked = sum(data.count(b" HTTP/1.1\r\n") for side, data in pieces if side == 0)
    line = _line([*pieces, (1, _THEIRS)])
    last = line.upgrades[-1]
    assert (last.outcome, last.status, last.earlier) == ("accepted", 101, asked - 1)
    assert [event.sender for event in line.frames] == ["server"]


@pytest.mark.parametrize("way", ["one by one", "at once"])
def test_one_attempt_after_the_other(way: str) -> None:
    pieces = [(0, _ASK), (1, _FORBIDDEN), (0, _PLAIN), (1, _OK), (0, _ASK), (1, _SWITCH), (1, _THEIRS), (0, _OURS)]
    line = _Line()
    for side, data in pieces:
        line.send(side, data, wait=way == "at once")
    line.channel.advance()
    assert [(event.outcome, event.body, event.earlier) for event in line.upgrades] == [
        ("rejected", "no", 0),
        ("accepted", "", 2),
    ]
    assert [event.side for event in line.frames] in ([1, 0], [0, 1])


@pytest.mark.parametrize("batch", [0, 1])
def test_one_attempt_after_the_other_in_a_capture(batch: int) -> None:
    wire = Wire().open()
    for side, data in ((0, _ASK), (1, _FORBIDDEN), (0, _PLAIN), (1, _OK), (0, _ASK), (1, _SWITCH), (1, _THEIRS), (0, _OURS)):
        wire.send(side, PSH | ACK, data)
    analysis = Analysis(wanted=Wanted())
    events = [event for piece in batches(wire.close().packets, batch) for event in analysis.feed(piece)]
    events += analysis.close()
    told = [(event.outcome, event.earlier) for event in events if isinstance(event, WebSocketUpgrade)]
    assert told == [("rejected", 0), ("accepted", 2)]
    assert len([event for event in events if isinstance(event, WebSocketFrame)]) == 2


# In the middle, and over gaps


def test_a_capture_that_begins_in_the_middle_of_http() -> None:
    line = _line([(1, b"the end of an answer"), (0, _ASK), (1, _SWITCH), (0, _OURS)], whole=False)
    assert [event.outcome for event in line.upgrades] == ["accepted"]
    assert [event.sender for event in line.frames] == ["client"]


@pytest.mark.parametrize("client", [0, 1])
def test_a_capture_that_begins_in_the_middle_of_a_websocket(client: int) -> None:
    line = _line([(0, b"the end of a frame"), (0, _OURS), (1, _THEIRS), (0, _OURS)], client=client, whole=False)
    line.close()
    assert line.channel.client == client
    assert [event.sender for event in line.frames] == ["client", "server", "client"]
    close = line.events[-1]
    assert isinstance(close, WebSocketClose)
    assert close.inferred == ("event",)


def test_frames_are_found_behind_an_upgrade_that_was_lost() -> None:
    line = _line([(0, _ASK)])
    line.lose(1, len(_SWITCH))
    for _ in range(3):
        line.send(1, _THEIRS)
        line.send(0, _OURS)
    line.close()
    assert [event.outcome for event in line.upgrades] == ["unanswered"]
    assert [event.side for event in line.frames].count(0) == 3
    assert [event.side for event in line.frames].count(1) == 3
    assert {_bytes(line.packets, event.slices) for event in line.frames} == {_OURS, _THEIRS}


def test_http_is_found_again_behind_a_gap_in_requests() -> None:
    line = _line([(0, _PLAIN), (1, _OK)])
    line.lose(0, 500)
    line.send(0, _ASK)
    line.channel.ends[1].acknowledged((_ISN[1] + len(_OK)) & 0xFFFFFFFF, 3, None)
    for number in range(70):  # so many segments later it is certain that nothing of it comes late
        line.channel.ends[0].acknowledged((_ISN[0] + len(_PLAIN) + 500 + len(_ASK)) & 0xFFFFFFFF, 4 + number, None)
    line.channel.advance()
    line.send(1, _SWITCH)
    line.send(0, _OURS)
    line.close()
    assert [event.outcome for event in line.upgrades] == ["accepted"]
    assert [_bytes(line.packets, event.slices) for event in line.frames] == [_OURS]


def test_the_order_in_which_it_is_told_is_that_of_the_wire() -> None:
    talk = _tunnelled()
    line = _line(_cut(talk.turns, (1460,)))
    line.close()
    assert line.ready == sorted(line.ready)
    assert [(event.side, _bytes(line.packets, event.slices)) for event in line.frames] == talk.frames
    ends = list(accumulate(len(data) for _, data in talk.turns))
    assert len(ends) == len(talk.frames) + 4


def test_a_close_frame_is_read_like_any_other() -> None:
    line = _line([(0, _ASK), (1, _SWITCH), (1, closing(1001, "bye")), (0, closing(1001, "", _MASKS[3]))])
    line.close(1)
    close = line.events[-1]
    assert isinstance(close, WebSocketClose)
    assert (close.code, close.reason, close.by, close.clean, close.close_packets) == (1001, "bye", "server", True, (4, 3))
