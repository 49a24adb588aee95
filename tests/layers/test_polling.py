"""Requests of Engine.IO as HTTP sees them: told once, whole, in order, with the bytes that were said."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Carried, EngineIoAnswer, EngineIoRequest
from netviz.layers import body as bodies
from netviz.layers.http1 import Http1
from netviz.layers.layer import Ending, Handover, Outlet, Wanted
from netviz.layers.polling import POLLING
from netviz.stream import Stream
from tests.frames import head
from tests.polling import OPEN, get, ok, post, target
from tests.talk import Line

_BAD = (1, b"no HTTP at all\r\n\r\n")


class _Reading:
    """HTTP that is fed segment by segment."""

    def __init__(self, limit: int = 16 << 20, floor: int = 0) -> None:
        self.outlet = Outlet(7, Wanted(limit=limit))
        self.streams = Stream(), Stream()
        self.http = Http1(self.outlet, *self.streams, floor=floor)
        self.handover: Handover | None = None
        self.packets: dict[int, bytes] = {}

    def take(self, side: int, data: bytes, *, wait: bool = False) -> None:
        number = len(self.packets) + 1
        self.packets[number] = data
        self.streams[side].append(data, packet=number, place=0, ready=number, time=number)
        if not wait:
            self._advance()

    def miss(self, side: int, length: int) -> None:
        self.streams[side].miss(length, cut=False, ready=len(self.packets), time=None)
        self._advance()

    def close(self) -> None:
        if self.handover is None:
            number = len(self.packets) + 1
            self.http.close(Ending("fin", 0, number, number, (0, 0)))

    def _advance(self) -> None:
        if self.handover is None:
            self.handover = self.http.advance()

    @property
    def events(self) -> list[EngineIoRequest | EngineIoAnswer]:
        """What was told, in the order of the packets that completed it."""
        return [value for _, (kind, value) in sorted(self.outlet.found, key=lambda found: found[0]) if kind == "polling"]

    @property
    def said(self) -> list[tuple[str | int | None, bytes | None, str]]:
        """Of each the method or the status, the content, and what is wrong with that."""
        return [
            (event.method if isinstance(event, EngineIoRequest) else event.status, event.body.content, event.body.trouble)
            for event in self.events
        ]


def _read(lines: Iterable[Line], limit: int = 16 << 20, *, wait: bool = False) -> _Reading:
    reading, lines = _Reading(limit), list(lines)
    for index, (side, data) in enumerate(lines, 1):
        reading.take(side, data, wait=wait and index < len(lines))
    reading.close()
    return reading


def _cut(lines: Iterable[Line], size: int) -> list[Line]:
    return [(side, data[at : at + size]) for side, data in lines for at in range(0, len(data), size)]


def _chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


#: The method or the status, the content, and what is wrong with that.
_Told = tuple[str | int | None, bytes | None, str]

_GET, _TEXT = ("GET", b"", ""), b'42["chat","gr\xc3\xbc\xc3\x9fe"]'

#: Exchanges, and what is told of them.
_TALKS: dict[str, tuple[list[Line], list[_Told]]] = {
    "a poll": ([get(), ok(_TEXT)], [_GET, (200, _TEXT, "")]),
    "what the client says": ([post(_TEXT), ok()], [("POST", _TEXT, ""), (200, b"ok", "")]),
    "nothing in answer": ([get(), ok(b"")], [_GET, (200, b"", "")]),
    "in chunks": ([get(), ok(_chunked(b'42["ch', b'at"]'), length=False, Transfer_Encoding="chunked")],
                  [_GET, (200, b'42["chat"]', "")]),
    "a request in chunks": ([post(_chunked(b"4", b"0"), Transfer_Encoding="chunked"), ok()],
                            [("POST", b"40", ""), (200, b"ok", "")]),
    "up to the close": ([get(), ok(_TEXT, length=False)], [_GET, (200, _TEXT, "")]),
    "gzip": ([get(), ok(gzip.compress(_TEXT), Content_Encoding="gzip")], [_GET, (200, _TEXT, "")]),
    "gzip by another name": ([get(), ok(gzip.compress(_TEXT), Content_Encoding=" X-GZIP")], [_GET, (200, _TEXT, "")]),
    "deflate": ([get(), ok(zlib.compress(_TEXT), Content_Encoding="deflate")], [_GET, (200, _TEXT, "")]),
    "deflate without its header": ([get(), ok(_raw_deflate(_TEXT), Content_Encoding="deflate")], [_GET, (200, _TEXT, "")]),
    "brotli": ([get(), ok(_TEXT, Content_Encoding="br")], [_GET, (200, None, "its content coding 'br' is not read")]),
    "gzip that is none": ([get(), ok(_TEXT, Content_Encoding="gzip")],
                          [_GET, (200, None, "it says that it is gzip and is not")]),
    "gzip that stops": ([get(), ok(gzip.compress(_TEXT)[:-8], Content_Encoding="gzip")],
                        [_GET, (200, _TEXT, "its gzip data ends too soon")]),
    "pipelined": ([post(b"40"), get(), get(None), ok(), ok(b"2"), ok(OPEN)],
                  [("POST", b"40", ""), _GET, _GET, (200, b"ok", ""), (200, b"2", ""), (200, OPEN, "")]),
    "among others": ([(0, head("GET /a HTTP/1.1", {"Host": "a"})), ok(), get(), ok(b"6"),
                      (0, head("GET /b HTTP/1.1", {})), ok()],
                     [_GET, (200, b"6", "")]),
    "a preflight": ([(0, head(f"OPTIONS {target()} HTTP/1.1", {"Host": "a"})), ok(b"", 204, length=False)],
                    [("OPTIONS", b"", ""), (204, b"", "")]),
    "a hint before the answer": ([get(), (1, b"HTTP/1.1 103 Hint\r\n\r\n"), ok(b"6")], [_GET, (200, b"6", "")]),
    "refused": ([get(), ok(b'{"code":1,"message":"x"}', 400)], [_GET, (400, b'{"code":1,"message":"x"}', "")]),
    "unanswered": ([get()], [_GET, (None, None, "")]),
    "one of two answered": ([get(), get(), ok(b"6")], [_GET, _GET, (200, b"6", ""), (None, None, "")]),
    "an answer that stops": ([get(), (1, ok(b"42[1234")[1][:-2])], [_GET, (200, b"42[12", "the end of the body is missing")]),
    "a request that stops": ([(0, post(b"42[1234")[1][:-2])],
                             [("POST", b"42[12", "the end of the body is missing"), (None, None, "")]),
}  # fmt: skip


@pytest.mark.parametrize("name", _TALKS)
def test_exchanges_split_at_every_byte(name: str) -> None:
    lines, expected = _TALKS[name]
    assert _read(lines).said == expected
    for size in (1, 2, 3, 7, 50):
        assert _read(_cut(lines, size)).said == expected
        assert _read(_cut(lines, size), wait=True).said == expected


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_client_may_come_first_whatever_the_order_was(size: int) -> None:
    lines, expected = _TALKS["pipelined"]
    assert _read(sorted(_cut(lines, size), key=lambda line: line[0])).said == expected


def test_events_are_the_same_whatever_came_at_once() -> None:
    for lines, _ in _TALKS.values():
        pieces = _cut(lines, 40)
        assert _read(pieces).events == _read(pieces, wait=True).events


def test_an_answer_before_the_request_is_whole() -> None:
    # Some servers answer 413 before they read on; the request is told once, whole, and before its answer.
    raw = post(b'42["long"]')[1]
    reading = _read([(0, raw[:-4]), ok(b"", 413), (0, raw[-4:]), get(), ok(b"6")])
    assert reading.said == [("POST", b'42["long"]', ""), (413, b"", ""), _GET, (200, b"6", "")]
    assert _read([(0, raw[:-4]), ok(b"", 413)]).said == [("POST", b'42["lo', "the end of the body is missing"), (413, b"", "")]


def test_where_the_bytes_of_a_body_came_from() -> None:
    raw = _chunked(b"42", b'["chat","', b'a"]')
    answer = ok(raw, length=False, Transfer_Encoding="chunked")
    for size in (1, 2, 3, 5, 11, 500):
        reading = _read(_cut([get(), answer], size))
        body = reading.events[1].body
        assert body.content == b'42["chat","a"]'
        for start in range(body.wire):
            for end in range(start + 1, body.wire + 1):
                origin = body.part(start, end)
                slices = [origin[at : at + 3] for at in range(0, len(origin), 3)]
                assert b"".join(reading.packets[p][first:last] for p, first, last in slices) == body.content[start:end]
        assert set(body.origin[::3]) <= set(reading.events[1].packets)


def test_a_part_of_what_is_no_copy_came_from_all_of_it() -> None:
    assert Carried(b"hello", 20, (1, 2, 3, 4, 5, 6)).part(2, 3) == (1, 2, 3, 4, 5, 6)
    assert Carried(b"", 0).part(0, 1) == ()


def test_missing_bytes_of_a_body_cost_no_more_than_that_body() -> None:
    reading = _Reading()
    answer = ok(b'42["chat","hello"]')[1]
    reading.take(*get())
    reading.take(1, answer[:-9])
    reading.miss(1, 5)
    reading.take(1, answer[-4:])
    for line in (get(), ok(b"6")):
        reading.take(*line)
    assert reading.said == [_GET, (200, None, "bytes of the body are missing"), _GET, (200, b"6", "")]


def test_bytes_that_are_missing_beyond_a_body_are_said_of_it() -> None:
    reading = _Reading()
    reading.take(*get())
    reading.take(1, ok(b"42[1234567]")[1][:-4])
    reading.miss(1, 50)
    assert reading.said == [_GET, (200, b"42[1234", "the end of the body is missing")]


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"5\r\nhellooo\r\n"])
def test_chunks_that_are_none(chunk: bytes) -> None:
    answer = ok(chunk, length=False, Transfer_Encoding="chunked")
    reading = _read([get(), answer, get(), ok(b"6")])
    assert reading.said[:2] == [_GET, (200, b"" if chunk[:1] == b"z" else b"hello", "the end of the body is missing")]
    assert reading.said[2:] == [_GET, (200, b"6", "")]


def test_what_is_under_way_is_told_where_the_connection_turns_out_to_be_something_else() -> None:
    reading = _read([get(), get(), ok(b"6"), _BAD])
    assert reading.handover is not None
    assert reading.said == [_GET, _GET, (200, b"6", ""), (None, None, "")]
    raw = ok(b"1234567")[1]
    reading = _read([get(), (1, raw[:-3]), (0, b"no HTTP at all\r\n\r\n")])
    assert reading.said == [_GET, (200, b"1234", "the end of the body is missing")]


@pytest.mark.parametrize("size", [10, 11])
def test_only_bodies_up_to_the_limit_are_kept(size: int) -> None:
    lines = [get(), ok(b"x" * size), get(), ok(gzip.compress(b"x" * size), Content_Encoding="gzip")]
    plain, packed = _read(lines, limit=10).said[1], _read(lines, limit=max(10, len(gzip.compress(b"x" * size)))).said[3]
    assert plain == ((200, b"x" * 10, "") if size == 10 else (200, None, "the body is longer than the 10 bytes that are kept"))
    assert packed[1] == b"x" * size


@pytest.mark.parametrize("size", [999, 1000, 1001, 50_000_000])
def test_gzip_bombs(size: int) -> None:
    (_, content, trouble) = _read([get(), ok(gzip.compress(b"x" * size), Content_Encoding="gzip")], limit=100_000).said[1]
    assert (content, trouble) == (
        (None, "it inflates to more than the 100,000 bytes that are kept") if size > 100_000 else (b"x" * size, "")
    )
    assert _read([get(), ok(gzip.compress(b"x" * 1000), Content_Encoding="gzip")], limit=0).said[1][1] is None


def test_all_bodies_of_a_connection_are_inflated_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netviz.layers.polling._INFLATABLE", 25)
    lines = [get(), ok(gzip.compress(b"x" * 10), Content_Encoding="gzip")] * 4
    assert [content for status, content, _ in _read(lines).said if status == 200] == [b"x" * 10, b"x" * 10, None, None]


def test_slices_of_a_body_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_SLICES", 5)
    lines = _cut([get(), ok(b"0123456789")], 1)
    for wait in (False, True):
        body = _read(lines, wait=wait).events[1].body
        assert (body.content, body.places, len(body.origin)) == (b"0123456789", (), 15)
        assert body.origin[-3] == len(lines)


def test_what_was_said_is_not_kept_for_answers_that_never_come() -> None:
    reading = _read([post(b"x" * 1000)] * 3)
    assert [len(event.body.content or b"") for event in reading.events] == [1000] * 3 + [0] * 3
    assert all(event.request.body.content is None for event in reading.events if isinstance(event, EngineIoAnswer))


def test_nothing_is_told_before_its_floor() -> None:
    reading = _Reading(floor=9)
    for line in (post(b"40"), ok()):
        reading.take(*line)
    assert [ready for ready, _ in reading.outlet.found] == [9, 9]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"GET /socket.io/?EIO=4&transport=polling", True), (b"POST /x?a=b&EIO=3", True), (b"GET http://a/b?EIO=4", True),
        (b"GET /socket.io/?transport=polling", False), (b"GET /EIO=4", False), (b"GET /?xEIO=4", False),
        (b"GET /?EIO=x", False),
        (b"GET /?a#&EIO=4", False), (b"GET / EIO=4?EIO=4", False),
    ],
)  # fmt: skip
def test_requests_of_engine_io_are_known_by_their_query(line: bytes, found: bool) -> None:
    assert (POLLING.match(line + b" HTTP/1.1\r\n") is not None) is found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.one_of(st.binary(max_size=60), st.sampled_from([
        get()[1], post(b"40")[1], ok()[1], ok(b"\x1f\x8b\x08", Content_Encoding="gzip")[1], ok(b"5\r\nx", length=False,
        Transfer_Encoding="chunked")[1], b"GET /?EIO=4&sid=%00 HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
    ]))), max_size=12),
)  # fmt: skip
def test_garbage_ends_in_events(lines: list[Line]) -> None:
    told = _read(lines).events
    answered = [event.request.number for event in told if isinstance(event, EngineIoAnswer)]
    requests = [event.number for event in told if isinstance(event, EngineIoRequest)]
    assert len(set(requests)) == len(requests)
    assert sorted(answered) == sorted(requests)
