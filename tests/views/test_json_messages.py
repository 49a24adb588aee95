"""Many messages at once as lines of JSON: each as it is written alone, in C and without, whatever it says."""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Endpoint, MessageBlock, Peers, WebSocketFrame
from netviz.native import native
from netviz.views import jsonl
from netviz.views.jsonl import JsonLines
from tests.columns import BAD_PAGES, IN_C, Said, message_block, page
from tests.talk import frame_event
from tests.wire import START

#: Frames without messages, both, neither, and messages alone.
_WAYS = [(True, False), (True, True), (False, False), (False, True)]


def _said(contents: Sequence[str | bytes]) -> list[Said]:
    """A message for each of these, of both sides, masked and not, some compressed, some in several packets."""
    origins = [(6, 40, 51), (6, 51, 60, 7, 40, 41), (9, 40, 41, 8, 40, 50, 9, 41, 42), (7, 1, 2, 7, 3, 4)]
    return [
        (
            frame_event(
                connection=place % 3, number=2 * place + 1, origin=origins[place % 4], side=place % 2,
                time=START + place * 333_333_333, mask=-1 if place % 2 else place * 7919,
                first=0xC1 if place % 3 == 1 else 0x81, length=place + 1000,
            ),
            place + 1, content,
        )
        for place, content in enumerate(contents)
    ]  # fmt: skip


def _one_by_one(lines: JsonLines, block: MessageBlock, framed: bool, spoken: bool) -> list[bytes]:
    wanted = (event for event in block.events() if (framed if isinstance(event, WebSocketFrame) else spoken))
    return [lines.line(event).encode() + b"\n" for event in wanted]


def _all_ways(block: MessageBlock, framed: bool = True, spoken: bool = True, large: int = 1 << 20) -> bytes:
    """The lines of a block, which are the same without C, and one by one."""
    lines = JsonLines()
    lines.start = START
    written = []
    for loop in (native, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonl, "native", loop)
            patch.setattr(jsonl, "_LARGE", large)
            assert (lines._page(block.frames) is None) == (loop is None or not len(block))
            written.append(b"".join(lines.messages(block, framed=framed, spoken=spoken)))
    assert written[0] == written[1] == b"".join(_one_by_one(lines, block, framed, spoken))
    return written[0]


def _contents(text: bytes) -> list[str | bytes]:
    """What messages say, read back; each line must be one for those who split at anything."""
    read = [json.loads(line) for line in text.decode().splitlines()]
    return [each["text"] if each["kind"] == "text" else b64decode(each["data"], validate=True) for each in read]


def _characters(most: int) -> Iterator[str]:
    return (chr(code) for code in range(most) if not 0xD800 <= code < 0xE000)


def test_every_character_alone() -> None:
    others = "\ue000\ufeff\ufff8\ufff9\ufffb\ufffc\uffff\U00010000\U000dffff\U000e0000\U000e0001\U000e0fff\U000e1000\U0010ffff"
    contents = [*_characters(0x3000), *others]
    assert _contents(_all_ways(message_block(_said(contents)), framed=False)) == contents


@pytest.mark.parametrize("size", [255, 1024])
def test_all_characters_among_others(size: int) -> None:
    """Every one that there is; what follows a character is read as if it stood alone."""
    every = "".join(_characters(0x110000))
    contents = [every[at : at + size] for at in range(0, len(every), size)]
    text = _all_ways(message_block(_said(contents)), framed=False)
    assert _contents(text) == contents
    assert not set(text.decode()) & {"\x7f", "\x9b", "\xad", "\u061c", "\u200b", "\u2028", "\u202e", "\ufeff", "\U000e0001"}


@pytest.mark.parametrize(("content", "written"), [
    ("", b'""'), ('"', rb'"\""'), ("\\", rb'"\\"'), ("\b\t\n\f\r", rb'"\b\t\n\f\r"'), ("\0\x07\x0b\x0e\x1f", None),
    ("\x0b", rb'"\u000b"'), ("\x7f\x80", rb'"\u007f\u0080"'), ("\U000e0001", rb'"\udb40\udc01"'), ("/", b'"/"'),
    ("\U0001f600", '"\U0001f600"'.encode()), ("ü温", '"ü温"'.encode()), ('", "event": "forged', rb'"\", \"event\": \"forged"'),
    ("\0" * 100_000, rb'"%s"' % (rb"\u0000" * 100_000)), ("\U000e0001" * 50_000, rb'"%s"' % (rb"\udb40\udc01" * 50_000)),
    ("\u200b" * 50_000, rb'"%s"' % (rb"\u200b" * 50_000)), ("\x9b" * 50_000, rb'"%s"' % (rb"\u009b" * 50_000)),
    ("a" * 1_000_000, b'"%s"' % (b"a" * 1_000_000)),
])  # fmt: skip
def test_texts_as_they_are_written(content: str, written: bytes | None) -> None:
    text = _all_ways(message_block(_said(["a", content, "b"]), b"\xff"), framed=False)
    assert _contents(text) == ["a", content, "b"]
    assert written is None or b', "text": %s, "problems"' % written in text.splitlines()[1]


@pytest.mark.parametrize("content", [
    *(bytes(range(250, 250 + min(size, 6))) + bytes(range(max(size - 6, 0))) for size in range(11)),
    bytes(range(256)), bytes(range(255, -1, -1)) * 3, b"\xff" * 99_998, b"\0" * 99_999, b"\xfb\xf0" * 50_000,
], ids=len)  # fmt: skip
def test_data_as_it_is_written(content: bytes) -> None:
    text = _all_ways(message_block(_said([b"a", content, b"b"]), b"\xff"), framed=False)
    assert _contents(text) == [b"a", content, b"b"]


@pytest.mark.parametrize(("framed", "spoken"), _WAYS)
@pytest.mark.parametrize("backwards", [False, True])
def test_frames_and_messages_or_one_of_them(framed: bool, spoken: bool, backwards: bool) -> None:
    contents: list[str | bytes] = ["Hello", b"\x00\xff", "", b"", "grüße\n", b"abc", "\u202e", "z"]
    text = _all_ways(message_block(_said(contents), b"<>", backwards=backwards), framed, spoken)
    read = [json.loads(line) for line in text.splitlines()]
    both = ["websocket.frame"] * framed + ["websocket.message"] * spoken
    assert [each["event"] for each in read] == both * len(contents)
    if spoken:
        assert [each["frames"] for each in read[framed :: len(both)]] == [[2 * at + 1] * 2 for at in range(len(contents))]
        assert read[framed + len(both)]["packets"] == [6, 7]
        assert read[framed + 2 * len(both)]["packets"] == [9, 8]


_contents_of_any_kind = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9) | st.binary(max_size=9)
    | st.text(st.sampled_from('"\\\n\0\x7f\x9f\u2028é温\U0001f600\U000e0001a'), max_size=9), max_size=6,
)  # fmt: skip


@given(
    contents=_contents_of_any_kind, way=st.sampled_from(_WAYS), large=st.sampled_from([1, 2, 300, 400, 900, 1 << 20]),
    between=st.binary(max_size=3), backwards=st.booleans(), some=st.tuples(st.integers(0, 6), st.integers(0, 6)),
)  # fmt: skip
def test_any_messages(
    contents: list[str | bytes], way: tuple[bool, bool], large: int, between: bytes, backwards: bool, some: tuple[int, int]
) -> None:
    """However many are written at once, and of a part of them as well."""
    whole = message_block(_said(contents), between, backwards=backwards)
    _all_ways(whole, *way, large)
    _all_ways(whole.part(*some), *way, large)


def test_what_c_does_not_write() -> None:
    """Times that are missing or far apart, no start, and conclusions: then they are written one by one."""
    blocks = [message_block(_said(["a", b"b"])) for _ in range(3)]
    for block, time in zip(blocks, (np.iinfo(np.int64).min, START + 10_001 * 10**9, START), strict=True):
        block.frames.columns[5][1] = time
    inferred = JsonLines()
    inferred.meet(Peers(packets=(1,), time=None, connection=1, client=Endpoint("a", 1), server=Endpoint("b", 2), inferred=True))
    bare, far = JsonLines(), JsonLines()
    inferred.start, far.start = START, START - (1 << 53)
    usual = JsonLines()
    usual.start = START
    for lines, block in ((usual, blocks[0]), (usual, blocks[1]), (inferred, blocks[2]), (bare, blocks[2]), (far, blocks[2])):
        assert lines._page(block.frames) is None
        for way in _WAYS:
            text = b"".join(lines.messages(block, framed=way[0], spoken=way[1]))
            assert text == b"".join(_one_by_one(lines, block, *way))
    assert list(usual.messages(blocks[0]))[-1].count(b'"time"') == 0
    assert b'"inferred": ["event"]' in b"".join(inferred.messages(blocks[2]))


# What C alone is asked


def _given(block: MessageBlock) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The page of a block, and what its messages say."""
    lines = JsonLines()
    lines.start = START
    shared = lines._page(block.frames)
    assert shared is not None
    return shared, (block.numbers, block.begins, block.lengths, block.content)


@IN_C
@pytest.mark.parametrize(("framed", "spoken"), _WAYS)
@pytest.mark.parametrize("most", [1, 2, 250, 251, 300, 500, 999, 1000, 5000, 1 << 20, (1 << 63) - 1])
def test_up_to_so_many_bytes(most: int, framed: bool, spoken: bool) -> None:
    """The message that reaches them is the last; each comes once, and what follows goes on behind it."""
    assert native is not None
    block = message_block(_said(["a" * size for size in range(40)] + [b"b" * 700, "\0" * 200, "", "c"]), b"?")
    lines = JsonLines()
    lines.start = START
    single = _one_by_one(lines, block, framed, spoken)
    each = framed + spoken
    wholes = [b"".join(single[at * each : (at + 1) * each]) for at in range(len(block))]
    shared, said = _given(block)
    at, pages = 0, []
    while at < len(block):
        text, following = native.messages((*shared, block.frames.slices(at, len(block))), at, *said, framed, spoken, most)
        assert at < following <= len(block)
        assert text == b"".join(wholes[at:following])
        assert len(b"".join(wholes[at : following - 1])) < most
        assert following == len(block) or len(text) >= most
        pages.append(text)
        at = following
    assert b"".join(pages) == b"".join(single)


@IN_C
@pytest.mark.parametrize("most", [0, -1, -(1 << 63)])
def test_no_bytes_at_all(most: int) -> None:
    assert native is not None
    shared, said = _given(message_block(_said(["a", "b"])))
    for at in (0, 1, 2):
        assert native.messages((*shared, b""), at, *said, True, True, most) == (b"", at)


@IN_C
def test_behind_the_last_there_is_nothing() -> None:
    assert native is not None
    shared, said = _given(message_block(_said(["a", "b"])))
    assert native.messages((*shared, b""), 2, *said, True, True, 1000) == (b"", 2)
    empty = tuple(np.zeros(0, np.int64) for _ in range(11)), *page(seconds=(), slices=b"")[1:]
    assert native.messages(empty, 0, b"", b"", b"", b"", True, True, 1000) == (b"", 0)


def _three(**changes: Any) -> tuple[Any, ...]:
    """Two messages of 7 bytes each in 20, and how they are to be written."""
    usual: dict[str, Any] = {
        "page": page(), "from": 0, "numbers": np.array((5, 6), np.int64), "begins": np.array((0, 13), np.int64),
        "lengths": np.array((7, 7), np.int64), "content": b"first..------second.",
        "framed": True, "spoken": True, "most": 1 << 20,
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _lengths(*lengths: int) -> Any:
    return np.array(lengths, np.int64)


_HUGE = (1 << 63) - 1


@IN_C
def test_what_is_given_is_written() -> None:
    assert native is not None
    text, following = native.messages(*_three(framed=False))
    assert following == 2
    assert [json.loads(line)["text"] for line in text.splitlines()] == ["first..", "second."]
    text, _ = native.messages(*_three(begins=np.array((13, 7), np.int64), framed=0, spoken="yes"))
    assert [json.loads(line)["text"] for line in text.splitlines()] == ["second.", "-" * 6 + "s"]
    for lengths, begins in (((0, 20), (20, 0)), ((0, 0), (20, 20)), ((20, 1), (0, 19))):
        text, _ = native.messages(*_three(lengths=_lengths(*lengths), begins=np.array(begins, np.int64), framed=False))
        said = [_three()[5][begin : begin + length].decode() for begin, length in zip(begins, lengths, strict=True)]
        assert [json.loads(line)["text"] for line in text.splitlines()] == said


@IN_C
@pytest.mark.parametrize(("given", "error"), [
    ((), TypeError), (_three()[:-1], TypeError), ((*_three(), 1), TypeError),
    *((_three(page=bad), error) for bad, error in BAD_PAGES),
    (_three(page=None), TypeError), (_three(page=list(page())), TypeError), (_three(most=None), TypeError),
    (_three(most=1 << 63), OverflowError), (_three(most=1.5), TypeError), (_three(**{"from": None}), TypeError),
    (_three(**{"from": -1}), ValueError), (_three(**{"from": 3}), ValueError), (_three(**{"from": _HUGE}), ValueError),
    (_three(**{"from": -_HUGE}), ValueError), (_three(**{"from": 1 << 64}), OverflowError),
    (_three(numbers=None), TypeError), (_three(numbers=[5, 6]), TypeError), (_three(numbers=b""), ValueError),
    (_three(numbers=bytes(15)), ValueError), (_three(numbers=bytes(17)), ValueError), (_three(numbers=bytes(24)), ValueError),
    (_three(numbers=np.zeros((2, 4), np.int64)[:, 1]), ValueError), (_three(numbers="x" * 16), TypeError),
    (_three(begins=None), TypeError), (_three(begins=(0, 13)), TypeError), (_three(begins=b""), ValueError),
    (_three(begins=bytes(8)), ValueError), (_three(begins=bytes(24)), ValueError),
    (_three(begins=np.zeros(2, np.int32)), ValueError),
    *((_three(begins=np.array(begins, np.int64)), ValueError) for begins in (
        (-1, 0), (0, -1), (14, 0), (0, 14), (20, 0), (0, 21), (_HUGE, 0), (0, _HUGE), (-_HUGE - 1, 0), (0, -_HUGE - 1),
        (_HUGE - 6, 0), (_HUGE - 20, 0), (1 << 40, 0))),
    *((_three(lengths=_lengths(*lengths)), ValueError) for lengths in (
        (-1, 0), (0, -1), (21, 0), (0, 8), (_HUGE, 0), (0, _HUGE), (-_HUGE - 1, 0), (1 << 62, 7), (-_HUGE, 7))),
    (_three(lengths=_lengths(_HUGE, 0), begins=np.array((_HUGE, 0), np.int64)), ValueError),
    (_three(lengths=_lengths(7, 7, 7)), ValueError), (_three(lengths=_lengths(7)), ValueError),
    (_three(lengths=None), TypeError), (_three(lengths=[7, 7]), TypeError), (_three(lengths=bytes(15)), ValueError),
    (_three(content=None), TypeError), (_three(content="first..------second."), TypeError), (_three(content=b""), ValueError),
    (_three(content=b"first..------second"), ValueError), (_three(content=memoryview(bytes(40))[::2]), BufferError),
])  # fmt: skip
def test_messages_that_c_does_not_write(given: tuple[Any, ...], error: type[Exception]) -> None:
    assert native is not None
    with pytest.raises(error):
        native.messages(*given)


class _Undecided:
    def __bool__(self) -> bool:
        raise KeyError


@IN_C
@pytest.mark.parametrize("which", ["framed", "spoken"])
def test_whether_to_write_must_be_known(which: str) -> None:
    assert native is not None
    with pytest.raises(KeyError):
        native.messages(*_three(**{which: _Undecided()}))


@IN_C
def test_what_comes_before_one_that_cannot_be_written() -> None:
    """It is an error only when it is reached."""
    assert native is not None
    given = _three(begins=np.array((0, 99), np.int64), most=1)
    assert native.messages(*given)[1] == 1
    with pytest.raises(ValueError, match="no such places"):
        native.messages(given[0], 1, *given[2:])


@IN_C
def test_everything_as_wide_as_it_can_be() -> None:
    """There is room for it: numbers below nothing are written as if they were none."""
    assert native is not None
    wide, time = np.array((-1, -1), np.int64), np.array((999_999_999, 999_999_999), np.int64)
    columns = (
        wide,
        wide,
        wide,
        wide,
        wide,
        time,
        wide,
        wide,
        np.array((_HUGE, _HUGE), np.int64),
        wide,
        np.array((7, 7), np.int64),
    )
    given = page(columns=columns, seconds=(b"s" * 32,), heads=(b"h" * 256,) * 1024, slices=b"", start=-(1 << 62) + 12_345)
    text, _ = native.messages(*_three(page=given, numbers=wide, content=b"\0" * 20))
    most = str((1 << 64) - 1)
    elapsed = repr((999_999_999 + (1 << 62) - 12_345) / 1e9)
    when = f'"time": "{"s" * 32}.999999999Z", "elapsed": {elapsed}'
    shared = f', "connection": {most}, {when}, "packets": [{most}], "number": {most}, '
    frame = f'{{"event": "websocket.frame"{shared}{"h" * 256}ffffffff", "length": 7, "problems": []}}\n'
    message = (
        f'{{"event": "websocket.message"{shared}"side": "server", "kind": "binary", "length": 7, "wire_length": 7, '
        f'"compressed": true, "fragments": 1, "frames": [{most}, {most}], "data": "AAAAAAAAAA==", "problems": []}}\n'
    )
    assert text.decode() == (frame + message) * 2


@IN_C
@settings(max_examples=300)
@given(content=st.binary(min_size=1, max_size=24) | st.lists(
    st.sampled_from([b"\xc2", b"\xe2\x80", b"\xf3\xa0\x80", b"\xff", b"\x80", b"\xf7\xbf\xbf\xbf", b"a", b'"', b"\xed\xa0"]),
    min_size=1, max_size=9).map(b"".join))  # fmt: skip
def test_text_that_is_none(content: bytes) -> None:
    """Nobody gives it; but nothing beyond it is read or written."""
    assert native is not None
    texts = set()
    for behind in (b"", b"\x80\x80\x80", b"\xbf\xbf\xbf"):
        text, following = native.messages(*_three(
            begins=np.zeros(2, np.int64), lengths=_lengths(len(content), 0), content=content + behind, framed=False,
        ))  # fmt: skip
        assert following == 2
        assert text.endswith(b'"text": "", "problems": []}\n')
        texts.add(text)
    assert len(texts) == 1


@IN_C
@pytest.mark.parametrize("changes", [
    {}, {"from": 9}, {"begins": bytes(8)}, {"lengths": bytes(8)},
    {"content": b""}, {"page": page(seconds=())}, {"page": page(columns=())},
    {"most": None}, {"page": ()},
])  # fmt: skip
def test_what_was_given_is_let_go(changes: dict[str, Any]) -> None:
    assert native is not None
    mine = {name: bytearray(size) for name, size in (("numbers", 16), ("begins", 16), ("lengths", 16), ("content", 20))}
    with contextlib.suppress(ValueError, TypeError):
        native.messages(*_three(**mine | changes))
    for buffer in mine.values():
        buffer.append(0)  # raises where somebody still holds it
