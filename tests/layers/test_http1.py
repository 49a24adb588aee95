"""HTTP/1.1 in conversations: what is told of them, however their bytes are cut and in whichever order the sides come."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Slice, WebSocketUpgrade
from netviz.layers.body import KEPT
from netviz.layers.deflate import Deflate
from netviz.layers.head import LONGEST
from netviz.layers.http1 import Http1
from netviz.layers.layer import Ending, Handover, Outlet, Wanted
from netviz.stream import Stream
from tests.frames import TEXT, accepted, frame, head, request

#: A piece of what a side sends.
Piece = tuple[int, bytes]

_CLIENT, _SERVER = 0, 1
_TICK = 1000

#: Where HTTP does not go on and no other layer does: the connection was closed.
_CLOSED = "closed"


class Reading:
    """Two Streams that are fed piece by piece, each in a packet of its own, and what HTTP tells of them.

    In packet n the payload stands behind n % 5 other bytes.
    """

    def __init__(
        self, *, synced: tuple[bool, bool] = (True, True), whole: bool = True, proxy: str | None = None, floor: int = 0
    ) -> None:
        self.outlet = Outlet(7, Wanted())
        self.streams = Stream(), Stream()
        for stream in self.streams:
            stream.whole = whole
        self.http = Http1(self.outlet, *self.streams, synced=synced, proxy=proxy, floor=floor)
        self.handover: Handover | None = None
        self.packets: dict[int, bytes] = {}

    def take(self, side: int, data: bytes, *, wait: bool = False) -> None:
        """The next packet; HTTP reads it, unless another layer does already, or it must ``wait`` for the one behind."""
        number = len(self.packets) + 1
        self.packets[number] = b"=" * (number % 5) + data
        self.streams[side].append(data, packet=number, place=number % 5, ready=number, time=number * _TICK)
        if not wait:
            self._advance()

    def miss(self, side: int, length: int, *, cut: bool = False) -> None:
        """Bytes that are not in the capture."""
        number = len(self.packets)
        self.streams[side].miss(length, cut=cut, ready=number, time=number * _TICK)
        self._advance()

    def close(self) -> None:
        """The connection is over."""
        if self.handover is None:
            packet = len(self.packets) + 1
            self.http.close(Ending("fin", 0, packet, packet * _TICK, (0, 0)))

    def _advance(self) -> None:
        if self.handover is None:
            self.handover = self.http.advance()

    @property
    def events(self) -> list[WebSocketUpgrade]:
        """What was told."""
        assert {kind for _, (kind, _) in self.outlet.found} <= {"upgrade"}
        return [event for _, (_, event) in self.outlet.found]

    @property
    def ready(self) -> list[int]:
        """The packets that completed what was told."""
        return [ready for ready, _ in self.outlet.found]

    @property
    def rest(self) -> tuple[bytes, bytes]:
        """What no one has read."""
        return bytes(self.streams[0].data), bytes(self.streams[1].data)

    def bytes_of(self, slices: Iterable[Slice]) -> bytes:
        """What stands in the packets there."""
        return b"".join(self.packets[packet][start:end] for packet, start, end in slices)


def _read(pieces: Iterable[Piece], *, batch: int = 1, **how: object) -> Reading:
    """``batch`` packets come at once."""
    reading = Reading(**how)  # type: ignore[arg-type]
    pieces = list(pieces)
    for index, (side, data) in enumerate(pieces, 1):
        reading.take(side, data, wait=index % batch > 0 and index < len(pieces))
    reading.close()
    return reading


class Told(NamedTuple):
    """What matters of an upgrade in a conversation."""

    path: str
    outcome: str
    status: int | None
    body: str = ""
    earlier: int = 0


def _told(reading: Reading) -> list[Told]:
    return [Told(event.path, event.outcome, event.status, event.body, event.earlier) for event in reading.events]


def _bare(event: WebSocketUpgrade) -> WebSocketUpgrade:
    """An event without what depends on the packets that carried it."""
    problems = tuple(problem._replace(packet=0) for problem in event.problems)
    return replace(event, packets=(), time=None, asked=None, request=(), response=(), problems=problems)


def _state(reading: Reading) -> tuple[object, ...]:
    handover = reading.handover
    name = None if handover is None else handover._replace(floor=0)
    return [_bare(event) for event in reading.events], name, reading.rest


# Ways to cut and to order a conversation


def _cut(turns: Iterable[Piece], size: int) -> list[Piece]:
    return [(side, data[at : at + size]) for side, data in turns for at in range(0, len(data), size)]


def _orders(turns: list[Piece], size: int, seeds: Iterable[int]) -> Iterator[list[Piece]]:
    """The turns in pieces: as they stand, the client as early as may be, and any order in which no answer comes before
    what stands before it.
    """
    yield _cut(turns, size)
    yield sorted(_cut(turns, size), key=lambda piece: piece[0])
    for seed in seeds:
        yield _shuffled(turns, size, random.Random(seed))


def _shuffled(turns: list[Piece], size: int, chance: random.Random) -> list[Piece]:
    asked: list[Piece] = []
    answers: list[tuple[int, Piece]] = []  # and how many pieces of the client must have come
    for side, data in turns:
        pieces = _cut([(side, data)], size)
        if side == _CLIENT:
            asked += pieces
        else:
            answers += [(len(asked), piece) for piece in pieces]
    out: list[Piece] = []
    sent = 0
    while sent < len(asked) or answers:
        possible = bool(answers) and answers[0][0] <= sent
        if possible and (sent == len(asked) or chance.random() < 0.5):
            out.append(answers.pop(0)[1])
        else:
            out.append(asked[sent])
            sent += 1
    return out


# Conversations


def _get(path: str = "/", method: str = "GET", **fields: str) -> Piece:
    return _CLIENT, head(f"{method} {path} HTTP/1.1", {"Host": "a", **{k.replace("_", "-"): v for k, v in fields.items()}})


def _post(body: bytes, coding: str = "Content-Length", path: str = "/") -> Piece:
    value = str(len(body)) if coding == "Content-Length" else "chunked"
    return _CLIENT, head(f"POST {path} HTTP/1.1", {"Host": "a", coding: value}) + body


def _ask(path: str = "/ws", **how: str) -> Piece:
    return _CLIENT, request(path, **how)  # type: ignore[arg-type]


def _answer(status: int = 200, body: bytes = b"", length: bool = True, **fields: str) -> Piece:
    sized = {"Content-Length": str(len(body))} if length else {}
    more = {name.replace("_", "-"): value for name, value in fields.items()}
    return _SERVER, head(f"HTTP/1.1 {status} Some words", {"Server": "x", **more, **sized}) + body


def _chunked(status: int, *chunks: bytes) -> Piece:
    body = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nTrailer: 1\r\n\r\n"
    return _SERVER, head(f"HTTP/1.1 {status} Some words", {"Transfer-Encoding": "chunked"}) + body


def _lf(piece: Piece) -> Piece:
    return piece[0], piece[1].replace(b"\r\n", b"\n")


_OK = _answer(200, b"hello")
_HEAD = _get(method="HEAD")
_SWITCH = _SERVER, accepted()
_CONTINUE, _HINTS = (_SERVER, b"HTTP/1.1 100 Continue\r\n\r\n"), (_SERVER, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
_PROCESSING = _SERVER, b"HTTP/1.1 102 Processing\r\n\r\n"
_THEIRS, _OURS = frame(TEXT, b"hello"), frame(TEXT, b"hi", mask=0x01020304)
_CONNECT = _CLIENT, head("CONNECT a:443 HTTP/1.1", {"Host": "a:443"})
_H2C = _CLIENT, head("GET / HTTP/1.1", {"Host": "a", "Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c"})
_TO_H2C = _SERVER, head("HTTP/1.1 101 Switching Protocols", {"Connection": "Upgrade", "Upgrade": "h2c"})
_RST = b"no HTTP at all\r\n\r\n"


class Talk(NamedTuple):
    """A conversation; the upgrades told of it, which layer goes on, and what it finds unread."""

    turns: list[Piece]
    told: list[Told]
    then: str = _CLOSED
    rest: tuple[bytes, bytes] = (b"", b"")


def _accepted(earlier: int = 0, path: str = "/ws") -> Told:
    return Told(path, "accepted", 101, "", earlier)


def _refused(status: int, body: str = "", earlier: int = 0, path: str = "/ws") -> Told:
    return Told(path, "rejected", status, body, earlier)


_TALKS: dict[str, Talk] = {
    "nothing": Talk([], []),
    "a request and its answer": Talk([_get(), _OK], []),
    "keep-alive": Talk([_get(), _OK, _get(), _answer(404), _get(), _chunked(200, b"x")], []),
    "pipelining": Talk([_get("/1"), _get("/2"), _get("/3"), _OK, _answer(404, b"?"), _OK], []),
    "empty lines between requests": Talk(
        [(0, b"\r\n" + _get()[1] + b"\r\n\n"), _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"
    ),
    "requests with line ends of both kinds": Talk(
        [_lf(_get()), _HEAD, _OK, _answer(200, length=False, Content_Length="5"), _ask(), _SWITCH],
        [_accepted(2)], "websocket",
    ),
    "answers with line ends of both kinds": Talk(
        [_get(), _get(), _lf(_OK), _answer(304, length=False), _ask(), _SWITCH], [_accepted(2)], "websocket"
    ),
    "upgrade": Talk([_ask(), _SWITCH], [_accepted()], "websocket"),
    "upgrade, and frames behind": Talk(
        [_ask(), _SWITCH, (0, _OURS), (1, _THEIRS)], [_accepted()], "websocket", (_OURS, _THEIRS)
    ),
    "frames in the segment of the 101": Talk(
        [_ask(), (1, _SWITCH[1] + _THEIRS)], [_accepted()], "websocket", (b"", _THEIRS)
    ),
    "frames of the client before the 101": Talk(
        [(0, _ask()[1] + _OURS), _SWITCH, (1, _THEIRS)], [_accepted()], "websocket", (_OURS, _THEIRS)
    ),
    "frames that look like a request": Talk(
        [(0, _ask()[1] + _get()[1]), _SWITCH], [_accepted()], "websocket", (_get()[1], b"")
    ),
    "requests before the upgrade": Talk([_get(), _OK, _get("/2"), _answer(304), _ask(), _SWITCH], [_accepted(2)], "websocket"),
    "upgrade behind others that wait": Talk([_get("/1"), _get("/2"), _ask(), _OK, _OK, _SWITCH], [_accepted(2)], "websocket"),
    "upgrade behind a body": Talk(
        [_post(b"GET /no HTTP/1.1\r\n\r\n"), _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"
    ),
    "upgrade behind chunks": Talk(
        [_post(b"5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding"), _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"
    ),
    "an answer that shows an upgrade": Talk([_get(), _answer(200, _SWITCH[1]), _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "continue": Talk([_post(b"x"), _CONTINUE, _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "1xx before the 101": Talk([_ask(), _CONTINUE, _HINTS, _PROCESSING, _SWITCH], [_accepted()], "websocket"),
    "1xx before a refusal": Talk([_ask(), _HINTS, _HINTS, _answer(403, b"no")], [_refused(403, "no")]),
    "HEAD": Talk([_HEAD, _answer(200, length=False, Content_Length="5"), _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "HEAD in chunks": Talk(
        [_HEAD, _answer(200, length=False, Transfer_Encoding="chunked"), _ask(), _SWITCH], [_accepted(1)], "websocket"
    ),
    "HEAD among others": Talk(
        [_get(), _HEAD, _get(), _OK, _answer(200, length=False, Content_Length="5"), _OK, _ask(), _SWITCH],
        [_accepted(3)], "websocket",
    ),
    "204": Talk([_get(), _answer(204, length=False), _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "304 with the length of what it stands for": Talk(
        [_get(), _answer(304, length=False, Content_Length="5"), _ask(), _SWITCH], [_accepted(1)], "websocket"
    ),
    "refused, 204": Talk([_ask(), _answer(204, length=False), _ask("/2"), _SWITCH],
                         [_refused(204), _accepted(1, "/2")], "websocket"),
    "refused in chunks": Talk([_ask(), _chunked(403, b"not ", b"for you")], [_refused(403, "not for you")]),
    "refused up to the close": Talk([_ask(), _answer(400, b"bad request", length=False)], [_refused(400, "bad request")]),
    "refused, and cut off": Talk([_ask(), _answer(400, b"bad", length=False, Content_Length="10")], [_refused(400, "bad")]),
    "refused, and asked again": Talk(
        [_ask("/1"), _answer(401, b"who?"), _ask("/2"), _answer(503, b"later"), _ask("/3"), _SWITCH, (1, _THEIRS)],
        [_refused(401, "who?", 0, "/1"), _refused(503, "later", 1, "/2"), _accepted(2, "/3")], "websocket", (b"", _THEIRS),
    ),
    "refused, and something else": Talk([_ask(), _answer(404, b"no"), _get(), _OK, _get(), _OK], [_refused(404, "no")]),
    "something, refused, something, accepted": Talk(
        [_get(), _OK, _ask("/1"), _answer(403), _get(), _OK, _ask("/2"), _SWITCH],
        [_refused(403, "", 1, "/1"), _accepted(3, "/2")], "websocket",
    ),
    "unanswered": Talk([_ask()], [Told("/ws", "unanswered", None)]),
    "unanswered, with frames": Talk([(0, _ask()[1] + _OURS)], [Told("/ws", "unanswered", None)], rest=(_OURS, b"")),
    "unanswered but for a hint": Talk([_ask(), _HINTS], [Told("/ws", "unanswered", None)]),
    "unanswered, the other was answered": Talk([_get(), _OK, _ask()], [Told("/ws", "unanswered", None, "", 1)]),
    "both unanswered": Talk([_get(), _ask()], [Told("/ws", "unanswered", None, "", 1)]),
    "one of three answered": Talk([_get(), _get(), _OK, _ask()], [Told("/ws", "unanswered", None, "", 2)]),
    "refused, then unanswered": Talk(
        [_ask("/1"), _answer(403), _ask("/2")], [_refused(403, "", 0, "/1"), Told("/2", "unanswered", None, "", 1)]
    ),
    "requests that are no upgrades, unanswered": Talk([_get(), _CONNECT], []),
    "connect": Talk([_CONNECT, _answer(200, length=False), (0, b"abc"), (1, b"def")], [], "search", (b"abc", b"def")),
    "connect, then upgrade": Talk(
        [_CONNECT, _answer(200, length=False), _ask(), _SWITCH], [], "search", (_ask()[1], _SWITCH[1])
    ),
    "connect refused": Talk([_CONNECT, _answer(407, b"who?"), _CONNECT, _answer(200, length=False)], [], "search"),
    "connect refused, then upgrade": Talk([_CONNECT, _answer(502, b"?"), _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "101 to something else": Talk([_H2C, _TO_H2C, (1, b"\0\0\0\4")], [], "nothing", (b"", b"\0\0\0\4")),
    "something else, not taken up": Talk([_H2C, _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "101 to something else than asked for": Talk([_ask(), _TO_H2C], [Told("/ws", "invalid", 101)], "websocket"),
    "a browser asks for https": Talk([_get(Upgrade_Insecure_Requests="1"), _OK, _ask(), _SWITCH], [_accepted(1)], "websocket"),
    "the first answer is no answer": Talk([_get(), (1, _RST)], [], "search", (b"", _RST)),
    "no request follows": Talk([_get(), _OK, (0, _RST)], [], "search", (_RST, b"")),
}  # fmt: skip


@pytest.mark.parametrize("name", _TALKS)
def test_conversation(name: str) -> None:
    turns, told, then, rest = _TALKS[name]
    reading = _read(turns)
    assert _told(reading) == told
    assert (reading.handover.layer if reading.handover else _CLOSED) == then
    assert reading.rest == rest


#: Here what is left depends on what was there when it turned out to be no HTTP.
_SAME_IN_ANY_ORDER = [name for name in _TALKS if name not in ("the first answer is no answer", "no request follows")]


@pytest.mark.parametrize("name", _SAME_IN_ANY_ORDER)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 5000])
def test_conversation_in_any_pieces_and_any_order(name: str, size: int) -> None:
    turns = _TALKS[name].turns
    expected = _state(_read(turns))
    for pieces in _orders(turns, size, range(3)):
        assert _state(_read(pieces)) == expected


@pytest.mark.parametrize("name", _SAME_IN_ANY_ORDER)
@pytest.mark.parametrize("batch", [3, 1000])
def test_conversation_of_which_several_packets_come_at_once(name: str, batch: int) -> None:
    turns = _TALKS[name].turns
    expected = _state(_read(turns))
    for size in (7, 5000):
        for pieces in _orders(turns, size, range(2)):
            assert _state(_read(pieces, batch=batch)) == expected


@pytest.mark.parametrize("name", ["refused, and asked again", "frames in the segment of the 101", "HEAD among others"])
def test_conversation_cut_at_every_byte(name: str) -> None:
    turns = _TALKS[name].turns
    expected = _state(_read(turns))
    for side in (_CLIENT, _SERVER):
        whole = b"".join(data for who, data in turns if who == side)
        other = [(1 - side, b"".join(data for who, data in turns if who != side))]
        for at in range(1, len(whole)):
            cut = [(side, whole[:at]), (side, whole[at:])]
            pieces = [*cut, *other] if side == _CLIENT else [*other, *cut]
            assert _state(_read(pieces)) == expected


@pytest.mark.parametrize("name", [name for name, talk in _TALKS.items() if talk.told])
@pytest.mark.parametrize("size", [1, 5, 64, 5000])
def test_heads_are_traced_to_their_bytes(name: str, size: int) -> None:
    turns, told, *_ = _TALKS[name]
    for pieces in _orders(turns, size, [1]):
        reading = _read(pieces)
        streams = [b"".join(data for side, data in turns if side == who) for who in (_CLIENT, _SERVER)]
        assert len(reading.events) == len(told)
        for event in reading.events:
            asked, answered = reading.bytes_of(event.request), reading.bytes_of(event.response)
            assert asked.startswith(f"{event.method} {event.path} HTTP/1.1\r\n".encode())
            assert asked.count(b"\r\n\r\n") == 1
            assert asked.endswith(b"\r\n\r\n")
            assert asked in streams[_CLIENT]
            assert answered in streams[_SERVER]
            assert event.asked == event.request[-1].packet * _TICK
            if event.status is None:
                assert (answered, event.response) == (b"", ())
                assert event.time == event.asked
            else:
                assert answered.startswith(b"HTTP/1.1 %d " % event.status)
                assert answered.endswith(b"\r\n\r\n")
                assert event.time == event.response[-1].packet * _TICK
            slices = (*event.request, *event.response)
            assert event.packets == tuple(dict.fromkeys(part.packet for part in slices))


# What a refusal says


_STATUSES = [301, 302, 400, 401, 403, 404, 426, 503, 200]


@pytest.mark.parametrize("status", _STATUSES)
def test_refusals_and_what_they_say(status: int) -> None:
    expected = Told("/ws", "rejected", status, "what it says\n")
    more: dict[str, Any] = {"Location": "/login"} if status < 400 else {"Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    for answer in (
        _answer(status, b"what it says\n"),
        _answer(status, b"what it says\n", **more),
        _chunked(status, b"what ", b"it says\n"),
        _answer(status, b"what it says\n", length=False),
    ):
        for pieces in _orders([_ask(), answer], 9, range(2)):
            reading = _read(pieces)
            assert _told(reading) == [expected]
            assert [problem.kind for problem in reading.events[0].problems] == ["upgrade-rejected"]
            assert reading.handover is None


@pytest.mark.parametrize("status", _STATUSES)
def test_refusals_are_told_before_what_comes_next(status: int) -> None:
    turns = [_ask("/1"), _answer(status, b"no"), _ask("/2"), _SWITCH]
    for pieces in _orders(turns, 11, range(2)):
        assert _told(_read(pieces)) == [_refused(status, "no", 0, "/1"), _accepted(1, "/2")]


def test_a_refusal_is_told_with_the_packet_that_ends_it() -> None:
    answer = _answer(403, b"no access")[1]
    reading = Reading()
    for side, data in ((0, _ask()[1]), (1, answer[:-5]), (1, answer[-5:-1])):
        reading.take(side, data)
        assert reading.events == []
    reading.take(1, answer[-1:])
    assert (reading.ready, _told(reading)) == ([4], [_refused(403, "no access")])


@pytest.mark.parametrize("length", [True, False])
def test_only_the_beginning_of_a_long_refusal_is_kept(length: bool) -> None:
    body = b"0123456789abcdef" * 500
    for size in (100, 1000, 50_000):
        reading = _read(_cut([_ask(), _answer(403, body, length)], size))
        assert _told(reading) == [_refused(403, body[:KEPT].decode())]


def test_a_refusal_of_which_enough_came_is_told_at_once() -> None:
    reading = Reading()
    reading.take(*_ask())
    reading.take(*_answer(403, b"x" * KEPT, length=False))
    assert _told(reading) == [_refused(403, "x" * KEPT)]
    reading.take(1, b"more")
    reading.close()
    assert len(reading.events) == 1


def test_a_refusal_in_utf_8_stays_that_where_its_beginning_is_kept() -> None:
    # The text is UTF-8; that netviz keeps no more than its beginning makes it no other text.
    (event,) = _read([_ask(), _answer(403, ("a" + "é" * KEPT).encode())]).events
    assert event.body.startswith("aéé")
    assert "Ã" not in event.body


def test_a_refusal_in_latin_1() -> None:
    (event,) = _read([_ask(), _answer(403, "verboten für dich".encode("latin-1"))]).events
    assert event.body == "verboten für dich"


# Other things that are told with an upgrade


def test_the_number_of_the_connection_and_the_proxy_are_told() -> None:
    (event,) = _read([_ask(), _SWITCH], proxy="a:443").events
    assert (event.connection, event.proxy) == (7, "a:443")
    (event,) = _read([_ask()]).events
    assert (event.connection, event.proxy) == (7, None)


def test_what_the_tunnel_leads_to() -> None:
    reading = _read([_CONNECT, _answer(200, length=False)])
    assert reading.handover == Handover("search", floor=2, proxy="a:443")


def test_nothing_is_told_before_it_was_clear_that_this_is_http() -> None:
    assert _read([_ask(), _SWITCH], floor=9).ready == [9]
    assert _read([_ask(), _SWITCH]).ready == [2]
    assert _read([_ask(), _answer(403)], floor=9).ready == [9]


def test_an_answer_that_was_captured_before_its_request() -> None:
    # Where the sides were captured by different devices; what is told waits for the later one.
    reading = Reading(synced=(False, False))
    reading.take(*_SWITCH, wait=True)
    reading.take(*_ask())
    assert (_told(reading), reading.ready) == ([_accepted()], [2])


def test_compression_is_handed_on() -> None:
    extension = "permessage-deflate; server_no_context_takeover; client_max_window_bits=10"
    offer = "permessage-deflate; client_max_window_bits"
    reading = _read([_ask(extensions=offer), (1, accepted(extensions=extension))])
    assert reading.handover == Handover("websocket", floor=2, deflate=Deflate((True, False), (10, 15)))
    assert _read([_ask(extensions=offer), _SWITCH]).handover == Handover("websocket", floor=2)


def test_an_upgrade_is_told_with_the_packet_that_completes_its_answer() -> None:
    answer = accepted()
    reading = _read([_ask(), (1, answer[:-1]), (1, answer[-1:] + _THEIRS)])
    assert reading.ready == [3]
    assert reading.handover is not None
    assert reading.handover.floor == 3


# Requests of any shape


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"Upgrade": "websocket"}, True), ({"UPGRADE": "WebSocket"}, True), ({"upgrade": "h2c, websocket"}, True),
        ({"Sec-WebSocket-Key": "x"}, True), ({"sec-websocket-version": "13"}, True), ({"Upgrade": "h2c"}, False), ({}, False),
        ({"Connection": "Upgrade"}, False), ({"X-Upgrade": "websocket"}, False),
    ],
)  # fmt: skip
def test_what_is_meant_to_become_a_websocket(fields: dict[str, str], told: bool) -> None:
    for pieces in _orders([(0, head("GET / HTTP/1.1", {"Host": "a", **fields})), _OK], 13, [1]):
        assert [event.status for event in _read(pieces).events] == [200] * told


def test_an_upgrade_without_any_line_ends_but_lf() -> None:
    turns = [(0, request().replace(b"\r\n", b"\n")), (1, accepted().replace(b"\r\n", b"\n") + _THEIRS)]
    for pieces in _orders(turns, 1, [1]):
        reading = _read(pieces)
        assert (_told(reading), reading.rest) == ([_accepted(path="/")], (b"", _THEIRS))


def test_an_upgrade_in_folded_lines() -> None:
    turns = [(0, request().replace(b": ", b":\r\n\t ")), (1, accepted().replace(b": ", b":\r\n  "))]
    for pieces in _orders(turns, 1, [1]):
        assert _told(_read(pieces)) == [_accepted(path="/")]


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 5\r\nContent-Length: 5\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: many\r\n", b"Content-Length: many\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\n 5\r\n", b"X: 1\r\n Content-Length: 9\r\nContent-Length: 5\r\n",
        b"Content-Length : 9\r\nContent-Length: 5\r\n",
    ],
)  # fmt: skip
def test_doubtful_lengths_are_read_the_same_however_they_come(fields: bytes) -> None:
    turns = [_get(), (1, b"HTTP/1.1 200 OK\r\n" + fields + b"\r\nhello"), _ask(), _SWITCH]
    expected = _state(_read(turns))
    for size in (1, 7):
        assert _state(_read(_cut(turns, size))) == expected


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"Transfer-Encoding ", b"transfer-encoding\t"])
def test_chunks_count_more_than_a_length(name: bytes, size: int) -> None:
    # RFC 9112 section 6.3; blanks before the colon are none of the name (section 5.1).
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n" + name + b": chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    reading = _read(_cut([_get(), (1, answer), _ask(), _SWITCH], size))
    assert [(told.outcome, told.earlier) for told in _told(reading)] == [("accepted", 1)]
    assert reading.rest == (b"", b"")


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_behind_chunks_that_are_none_the_next_answer_is_found(batch: int) -> None:
    # It begins a segment: however many of those are there when netviz looks.
    turns = [_get(), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n"), _ask(), _SWITCH]
    reading = _read(turns, batch=batch)
    assert [(told.outcome, told.earlier) for told in _told(reading)] == [("accepted", 1)]
    assert reading.handover is not None
    assert reading.handover.layer == "websocket"


# Gaps


def test_gap_within_the_body_of_an_answer() -> None:
    reading = Reading()
    reading.take(*_get())
    reading.take(1, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    reading.miss(1, 90)
    reading.take(1, b"defghij")
    reading.take(*_ask())
    reading.take(*_SWITCH)
    assert _told(reading) == [_accepted(1)]


def test_gap_within_the_body_of_a_request() -> None:
    reading = Reading()
    reading.take(0, head("POST / HTTP/1.1", {"Host": "a", "Content-Length": "100"}))
    reading.miss(0, 100)
    reading.take(*_OK)
    reading.take(*_ask())
    reading.take(*_SWITCH)
    assert _told(reading) == [_accepted(1)]


def test_gap_within_what_a_refusal_says() -> None:
    reading = Reading()
    reading.take(*_ask("/1"))
    reading.take(1, b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nabc")
    reading.miss(1, 3)
    reading.take(1, b"ghi")
    reading.take(*_ask("/2"))
    reading.take(*_SWITCH)
    first, second = _told(reading)
    assert first.status == 403
    assert first.body.startswith("abc")
    assert second == _accepted(1, "/2")


@pytest.mark.parametrize("part", ["head", "size of a chunk", "behind the body"])
def test_gap_in_an_answer_that_nobody_waits_for(part: str) -> None:
    before, length = {
        "head": (b"HTTP/1.1 200 OK\r\nContent-", 20),
        "size of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 20),
        "behind the body": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 20),
    }[part]
    reading = Reading()
    reading.take(*_get())
    reading.take(1, before)
    reading.miss(1, length)
    reading.take(1, b"the end of something\r\n")
    reading.take(*_ask())
    reading.take(1, _SWITCH[1] + _THEIRS)
    assert _told(reading) == [_accepted(1)]
    assert reading.handover is not None
    assert (reading.handover.layer, reading.rest) == ("websocket", (b"", _THEIRS))


def test_answers_are_found_again_with_the_requests_that_they_belong_to() -> None:
    reading = Reading(whole=False)
    reading.take(*_get("/1"))
    reading.take(1, b"HTTP/1.1 200 OK\r\nConte")
    reading.miss(1, 500)  # in it an answer ends, and the whole answer to the next request is lost
    reading.take(*_get("/2"))
    reading.take(*_ask("/3"))
    reading.take(*_answer(403, b"no"))
    reading.take(*_ask("/4"))
    reading.take(*_SWITCH)
    assert _told(reading) == [_refused(403, "no", 2, "/3"), _accepted(3, "/4")]


def test_gap_where_the_answer_to_an_upgrade_is_due() -> None:
    reading = Reading()
    reading.take(*_ask())
    reading.miss(1, 300)
    reading.take(1, _THEIRS)
    assert _told(reading) == [Told("/ws", "unanswered", None)]
    assert reading.handover is not None
    assert (reading.handover.layer, reading.rest[1]) == ("search", _THEIRS)


def test_gap_within_the_answer_to_an_upgrade() -> None:
    reading = Reading()
    reading.take(*_ask())
    reading.take(1, _SWITCH[1][:40])
    reading.miss(1, len(_SWITCH[1]) - 40)
    reading.take(1, _THEIRS)
    assert _told(reading) == [Told("/ws", "unanswered", None)]
    assert reading.handover is not None
    assert (reading.handover.layer, reading.rest[1]) == ("search", _THEIRS)


def test_gap_within_a_request() -> None:
    reading = Reading()
    reading.take(*_get())
    reading.take(*_OK)
    reading.take(0, _ask()[1][:30])
    reading.miss(0, 40)
    reading.take(0, _ask()[1][70:])
    assert reading.handover is not None
    assert reading.handover.layer == "search"
    assert reading.events == []


def test_gap_behind_a_refusal() -> None:
    reading = Reading()
    reading.take(*_ask())
    reading.take(1, b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nabc")
    reading.miss(1, 100)
    reading.close()
    assert _told(reading) == [_refused(403, "abc")]


# Where a capture begins in the middle


def _joined(*pieces: Piece) -> Reading:
    return _read(pieces, synced=(False, False), whole=False)


def test_joined_in_the_middle_of_an_answer() -> None:
    reading = _joined((1, b"the rest of a body"), (1, b" and more"), *(_ask(), _SWITCH, (1, _THEIRS)))
    assert (_told(reading), reading.rest) == ([_accepted()], (b"", _THEIRS))


def test_joined_between_a_request_and_its_answer() -> None:
    reading = _joined(_OK, _ask(), _SWITCH)
    assert _told(reading) == [_accepted()]


def test_joined_between_a_request_and_its_answer_that_is_long() -> None:
    reading = _joined(_answer(200, b"x" * 3000), _ask("/1"), _answer(403, b"no"), _ask("/2"), _SWITCH)
    assert _told(reading) == [_refused(403, "no", 0, "/1"), _accepted(1, "/2")]


def test_joined_between_an_upgrade_and_its_answer() -> None:
    extension = "permessage-deflate; server_max_window_bits=9"
    reading = _joined((1, accepted(extensions=extension) + _THEIRS), (0, _OURS))
    assert reading.events == []
    assert reading.handover == Handover("websocket", floor=1, deflate=Deflate((True, True), (15, 9)), seeking=True)
    assert reading.rest == (_OURS, _THEIRS)


def test_joined_between_another_switch_and_its_answer() -> None:
    reading = _joined(_TO_H2C, (1, b"\0\0\0\4"))
    assert reading.handover == Handover("nothing")


def test_messages_are_looked_for_where_segments_begin() -> None:
    reading = _joined((0, b"garbage " + _ask()[1]), (0, _ask("/2")[1]), _SWITCH)
    assert _told(reading) == [_accepted(path="/2")]


def test_what_never_turns_out_to_be_http_is_not_kept() -> None:
    reading = Reading(synced=(False, False), whole=False)
    for _ in range(40):
        reading.take(1, b"x" * 8000)
        assert len(reading.streams[1].data) <= LONGEST + 8000
    reading.take(*_ask())
    reading.take(*_SWITCH)
    assert _told(reading) == [_accepted()]


# What is no HTTP any more


@pytest.mark.parametrize("side", [0, 1])
def test_heads_without_an_end(side: int) -> None:
    reading = Reading()
    if side:
        reading.take(*_get())
    line = (b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n")[side]
    reading.take(side, line)
    for _ in range(LONGEST // 1000 + 1):
        assert reading.handover is None
        reading.take(side, b"A: " + b"x" * 995 + b"\r\n")
    assert reading.handover == Handover("nothing")


@pytest.mark.parametrize("side", [0, 1])
def test_first_lines_that_are_none(side: int) -> None:
    for size in (1, 3, 50):
        said = b"220 mail.example.org ESMTP\r\nmore"
        reading = Reading()
        for piece in _cut([(side, said)], size):
            reading.take(*piece)
        # Who else may read it is for others to say: nothing of it is thrown away.
        assert reading.handover == Handover("search")
        assert reading.rest[side] == said


def test_requests_that_nobody_answers_end_it() -> None:
    reading = Reading()
    for _ in range(3):
        reading.take(0, _get()[1] * 4000)
    assert reading.handover == Handover("nothing")


# Anything


def _mixed(draw: Callable[[st.SearchStrategy[int]], int]) -> list[Piece]:
    simple = [
        [_get(), _OK], [_get(), _chunked(200, b"abc", b"d")], [_HEAD, _answer(200, length=False, Content_Length="7")],
        [_post(b"abc"), _CONTINUE, _answer(204, length=False)], [_ask(), _answer(403, b"no")], [_H2C, _OK],
        [_ask(), _HINTS, _chunked(503, b"x")], [_get("/1"), _get("/2"), _OK, _answer(304, length=False)],
    ]  # fmt: skip
    count = draw(st.integers(0, 6))
    turns = [turn for _ in range(count) for turn in simple[draw(st.integers(0, len(simple) - 1))]]
    return [*turns, _ask("/last"), _SWITCH, (1, _THEIRS), (0, _OURS)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_conversation(data: st.DataObject) -> None:
    turns = _mixed(data.draw)
    asked = sum(bytes_.count(b" HTTP/1.1\r\n") for side, bytes_ in turns if side == _CLIENT)
    expected = _state(_read(turns))
    pieces = _shuffled(turns, data.draw(st.integers(1, 200)), random.Random(data.draw(st.integers(0, 99))))
    reading = _read(pieces, batch=data.draw(st.sampled_from([1, 2, 5, 1000])))
    assert _state(reading) == expected
    assert _told(reading)[-1] == _accepted(asked - 1, "/last")
    assert reading.rest == (_OURS, _THEIRS)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=60), st.integers(0, 30)), max_size=10), st.booleans()
)
def test_any_bytes(parts: list[tuple[int, bytes, int]], synced: bool) -> None:
    reading = Reading(synced=(synced, synced), whole=synced)
    for side, data, missing in parts:
        reading.take(side, data)
        if missing > 20:
            reading.miss(side, missing)
    reading.close()
    assert reading.events == []
