"""The loop in C against that in Python: both come to the same in everything, and nothing that C is given breaks it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import NO_TIME, Batch
from netviz.found import Kept
from netviz.layers.tcp.block import Listener
from netviz.native import native
from tests import make
from tests.blocks import follow, seen
from tests.conftest import CAPTURES
from tests.run import ROOT
from tests.wire import ACK, FIN, PSH, RST, SYN, Wire, batches, cut

_with_c = pytest.mark.skipif(native is None, reason="built without C")

_LAST = (1 << 63) - 1


class _Sent(NamedTuple):
    """A segment: of which conversation and side, what it says, how much of it was captured, and when."""

    pair: int
    side: int
    flags: int
    seq: int
    ack: int
    window: int
    length: int
    ident: int
    missing: int
    time: int


#: Numbers close to one another, so that segments meet, around the wrap and around the half of all numbers.
_NUMBERS = st.one_of(
    st.integers(1000, 1040),
    st.integers(-20, 20).map(lambda n: n & 0xFFFFFFFF),
    st.sampled_from([77, 1000 + (1 << 30), 1001 + (1 << 30), 1000 + (1 << 31), 999 + (1 << 31), 5000]),
)
_FLAGS = st.one_of(
    st.sampled_from([SYN, SYN | ACK, ACK, ACK, PSH | ACK, PSH | ACK, FIN | ACK, RST, RST | ACK]), st.integers(0, 255)
)
_TIMES = st.one_of(
    st.integers(0, 10**7), st.integers(0, 400 * 10**9), st.sampled_from([NO_TIME, NO_TIME, NO_TIME + 1, -5, 0, _LAST])
)
_SENT = st.builds(
    _Sent, st.integers(0, 2), st.integers(0, 1), _FLAGS, _NUMBERS, _NUMBERS, st.sampled_from([0, 1, 1, 64240]),
    st.sampled_from([0, 0, 1, 2, 5, 20]), st.sampled_from([0, 1, 2, 3, 300, 0xFFFF]),
    st.sampled_from([0, 0, 0, 0, 1, 3, 24, 26]), _TIMES)  # fmt: skip


@st.composite
def _segments(draw: st.DrawFn) -> list[_Sent]:
    """Segments, of which some come once more later."""
    fresh = draw(st.lists(_SENT, min_size=1, max_size=60))
    again = draw(st.lists(st.tuples(st.integers(0, len(fresh)), st.integers(0, len(fresh) - 1)), max_size=20))
    for place, which in again:
        fresh.insert(place, fresh[which])
    return fresh


def _datagram(sent: _Sent) -> bytes:
    ends = [("10.0.0.1", 4000), ("10.0.0.2", 80)] if sent.pair < 2 else [("fd00::1", 4000), ("fd00::2", 80)]
    source, target = ends[:: -1 if sent.side else 1]
    shift = 10 * sent.pair
    segment = make.tcp(source[1] + shift, target[1] + shift, sent.flags, sent.seq, sent.ack, sent.window, b"\x01\x01\x04\x02",
                       b"\x81" * sent.length)  # fmt: skip
    if sent.pair == 2:
        return make.ipv6(segment, source[0], target[0])
    whole = make.ipv4(segment, source[0], target[0])
    return whole[:4] + sent.ident.to_bytes(2, "big") + whole[6:]


def _batches(sent: list[_Sent], size: int) -> list[Batch]:
    data = [_datagram(one) for one in sent]
    short = [datagram[: len(datagram) - one.missing] for datagram, one in zip(data, sent, strict=True)]
    batch = make.batch_of(*short, link=101, wire=[len(datagram) for datagram in data])
    return cut(replace(batch, time=np.array([one.time for one in sent])), size)


def _hearing(calls: list[object], enough: int) -> Callable[[int], Listener]:
    """Makes listeners that note what they hear, and have heard enough after so many calls."""

    def make_one(number: int) -> Listener:
        left = [enough]

        def hear(side: int, seq: int, data: bytes, length: int, known: bool) -> bool:
            calls.append((number, side, seq, data, length, known))
            left[0] -= 1
            return left[0] < 0

        return hear

    return make_one


def _everything(kind: str, pieces: list[Batch], kept: Kept, enough: int) -> tuple[object, ...]:
    calls: list[object] = []
    ending = follow(kind, pieces, kept, _hearing(calls, enough) if kept.probed else None)
    return seen(ending.blocks), ending.batches, ending.turns, calls


@_with_c
@settings(deadline=None)
@given(_segments(), st.sampled_from([0, 1, 7]), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3))
def test_both_loops_see_the_same(sent: list[_Sent], size: int, probed: bool, counted: bool, whole: bool, enough: int) -> None:
    kept = Kept(probed, counted, whole)
    pieces = _batches(sent, size)
    assert _everything("C", pieces, kept, enough) == _everything("Python", pieces, kept, enough)


@pytest.mark.parametrize("kind", ["C", "Python"] if native else ["Python"])
@settings(deadline=None)
@given(sent=_segments(), kept=st.builds(Kept, st.just(False), st.booleans(), st.booleans()))
def test_the_same_whatever_the_batch(kind: str, sent: list[_Sent], kept: Kept) -> None:
    whole, single = (follow(kind, _batches(sent, size), kept).blocks for size in (0, 1))
    assert seen(whole) == seen(single)


@_with_c
@settings(deadline=None)
@given(_segments())
def test_counters_add_up(sent: list[_Sent]) -> None:
    (batch,) = pieces = _batches([one._replace(missing=0) for one in sent], 0)
    ending = follow("C", pieces)
    counts = [block.traffic(side) for block in ending.blocks for side in (0, 1)]
    nobodys = sum(after == -1 for _, _, splits in ending.batches for *_, after in splits)
    assert all(min(count) >= 0 for count in counts)
    assert sum(count[0] for count in counts) <= len(batch)
    assert sum(count[0] for count in counts) == len(batch) or nobodys or any(one.seq == 77 for one in sent)
    for count in (count for count in counts if len(count) > 2):
        assert sum(count[2:5]) + count[6] + count[8] <= count[0]  # a segment is one of them at most
        assert all((first > 0) >= (number > 0) for number, first in zip(count[2:9], count[12:], strict=True))


@pytest.mark.parametrize("kind", ["C", "Python"] if native else ["Python"])
@pytest.mark.parametrize("whole", [False, True])
def test_rows_are_bounded(kind: str, whole: bool) -> None:
    wire = Wire().open()
    for _ in range(20_500 if whole else 600):
        wire.client(FIN | ACK, seq=1001)
    (block,) = follow(kind, batches(wire.packets), Kept(probed=False, whole=whole)).blocks
    assert len(block.rows) == (20_000 if whole else 512)
    assert len(block.rows) + block.dropped == len(wire.packets)


# What C is given


def _arguments() -> dict[str, Any]:
    """The arguments of `follow` for three segments in two groups."""
    count, packets = 3, 4
    numbers: Callable[[int], Any] = lambda value: np.full(count, value, np.int64)  # noqa: E731
    return {
        "buffer": np.zeros(256, np.uint8), "times": np.arange(packets), "offsets": np.full(packets, 16),
        "captured": np.full(packets, 60), "rows": np.arange(count),
        "at": numbers(20), "seq": numbers(1), "ack": numbers(1), "flags": numbers(ACK), "window": numbers(9),
        "payload": numbers(40), "length": numbers(5), "heard": numbers(5), "mark": numbers(0),
        "side": np.array([False, True, False]), "group": np.array([0, 1, 0]), "first": 1, "blocks": [None, None],
        "turn": lambda *_: native.Block(0, 1, 5, None, True, True),  # type: ignore[union-attr]
    }  # fmt: skip


_COLUMNS = ("at", "seq", "ack", "flags", "window", "payload", "length", "heard", "mark")
_ARRAYS = ("times", "offsets", "captured", "rows", "side", "group", *_COLUMNS)


def _call(arguments: dict[str, Any]) -> Any:
    assert native is not None
    given = dict(arguments)
    columns = tuple(given.pop(name) for name in _COLUMNS)
    before = [given.pop(name) for name in ("buffer", "times", "offsets", "captured", "rows")]
    return native.follow(*before, columns, *given.values())


@_with_c
def test_these_arguments_fit() -> None:
    arguments = _arguments()
    opened, ended, splits = _call(arguments)
    assert (len(opened), ended, [split[:2] for split in splits]) == (2, [], [(0, 0), (1, 1)])
    assert [block.traffic(0)[0] + block.traffic(1)[0] for block in arguments["blocks"]] == [2, 1]


@_with_c
@pytest.mark.parametrize("name", [name for name in _ARRAYS if name not in ("times", "rows")])
def test_columns_that_are_too_short(name: str) -> None:
    with pytest.raises(ValueError, match="fit"):
        _call(_arguments() | {name: _arguments()[name][:-1] if name in ("side", "group", *_COLUMNS) else np.zeros(2, np.int64)})


@_with_c
@pytest.mark.parametrize("name", ["offsets", "captured", "rows", "group", "at", "payload", "length", "heard"])
@pytest.mark.parametrize("value", [-1, -(1 << 63), _LAST, 1 << 40])
def test_columns_that_lead_out_of_the_buffer(name: str, value: int) -> None:
    arguments = _arguments()
    arguments[name] = np.full(len(arguments[name]), value)
    with pytest.raises(ValueError, match="fit"):
        _call(arguments)


@_with_c
@pytest.mark.parametrize("name", ["times", "seq", "ack", "flags", "window", "mark"])
@pytest.mark.parametrize("value", [-1, -(1 << 63), _LAST, 1 << 31, 0])
def test_columns_that_may_hold_anything(name: str, value: int) -> None:
    arguments = _arguments()
    arguments[name] = np.full(len(arguments[name]), value)
    _call(arguments)


@_with_c
@pytest.mark.parametrize("changed", [
    {"blocks": [None]}, {"blocks": []}, {"blocks": [None, 7]}, {"blocks": ["x", None]}, {"first": -1}, {"first": _LAST},
    {"turn": lambda *_: 7}, {"turn": lambda *_: "x"}, {"turn": lambda *_: ()}, {"buffer": b""}, {"buffer": bytes(40)},
])  # fmt: skip
def test_values_that_do_not_fit(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="fit"):
        _call(_arguments() | changed)


@_with_c
@pytest.mark.parametrize("changed", [
    {"blocks": (None, None)}, {"blocks": None}, {"first": "1"}, {"turn": None}, {"turn": lambda: None}, {"side": None},
    {"times": 7}, {"mark": [1, 2, 3]}, {"buffer": "text"},
])  # fmt: skip
def test_wrong_types(changed: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        _call(_arguments() | changed)


@_with_c
def test_wrong_numbers_of_arguments() -> None:
    assert native is not None
    for count in range(14):
        with pytest.raises((TypeError, ValueError)):
            native.follow(*[None] * count)
    arguments = _arguments()
    with pytest.raises(ValueError, match="fit"):
        native.follow(*[arguments[name] for name in ("buffer", "times", "offsets", "captured", "rows")], (), arguments["side"],
                      arguments["group"], 1, [None, None], arguments["turn"])  # fmt: skip


@_with_c
def test_columns_with_steps_between() -> None:
    with pytest.raises((ValueError, BufferError)):
        _call(_arguments() | {"seq": np.zeros(6, np.int64)[::2]})


class _OwnError(Exception):
    pass


def _failing(*_: object) -> bool:
    raise _OwnError


@_with_c
def test_who_is_asked_may_fail() -> None:
    with pytest.raises(_OwnError):
        _call(_arguments() | {"turn": _failing})


@_with_c
def test_who_listens_may_fail() -> None:
    assert native is not None
    blocks = [native.Block(0, 1, 5, _failing, True, True), None]
    with pytest.raises(_OwnError):
        _call(_arguments() | {"blocks": blocks})
    with pytest.raises(TypeError):
        _call(_arguments() | {"blocks": [native.Block(0, 1, 5, 7, True, True), None]})


@_with_c
@pytest.mark.parametrize("put", [None, 7, "short", "new"])
def test_who_is_asked_may_change_the_blocks(put: object) -> None:
    """What was there is let go while it is in use; C must hold it."""
    assert native is not None
    block = native.Block
    arguments = _arguments()
    blocks = arguments["blocks"]

    def change() -> None:
        if put == "short":
            blocks.clear()
        else:
            blocks[:] = [block(0, 1, 5, None, True, True) if put == "new" else put] * 2

    def turn(*_: object) -> Any:
        change()
        return block(0, 1, 5, hear, True, True)

    def hear(*_: object) -> bool:
        change()
        return True

    try:
        _call(arguments | {"turn": turn})
    except (ValueError, IndexError):
        assert put in (7, "short")


@_with_c
def test_who_listens_may_make_its_block_anew() -> None:
    assert native is not None
    blocks: list[Any] = [None, None]

    def hear(*_: object) -> bool:
        blocks[0].__init__(1, 9, 9, None, True, True)
        return False

    blocks[0] = native.Block(0, 1, 5, hear, True, True)
    _call(_arguments() | {"blocks": blocks})
    assert blocks[0].first == 9


@_with_c
def test_a_block_that_was_not_made_to_the_end() -> None:
    assert native is not None

    class Forgetful(native.Block):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            pass

    for block in (Forgetful(), native.Block.__new__(native.Block)):
        with pytest.raises(ValueError, match="fit"):
            _call(_arguments() | {"blocks": [block, None]})
        with pytest.raises(AttributeError):
            _ = block.rows
        assert block.listener is None
        assert (block.traffic(0), block.initial(1), block.answered(0)) == ((0, 0), 0, False)


@_with_c
@pytest.mark.parametrize("arguments", [(), (0, 1, 5, None, True), (2, 1, 5, None, True, True), (-1, 1, 5, None, True, True),
                                       ("0", 1, 5, None, True, True), (0, 1 << 70, 5, None, True, True)])  # fmt: skip
def test_blocks_that_cannot_be(arguments: tuple[object, ...]) -> None:
    assert native is not None
    with pytest.raises((TypeError, ValueError, OverflowError)):
        native.Block(*arguments)
    with pytest.raises(TypeError):
        native.Block(0, 1, 5, None, True, whole=True)


@_with_c
@pytest.mark.parametrize("side", [2, -1, 1 << 70, "0", None])
def test_a_side_is_0_or_1(side: object) -> None:
    assert native is not None
    block = native.Block(0, 1, 5, None, True, True)
    for read in (block.initial, block.answered, block.traffic):
        with pytest.raises((IndexError, TypeError, OverflowError)):
            read(side)


@_with_c
def test_what_a_block_says_cannot_be_set() -> None:
    assert native is not None
    block = native.Block(0, 1, 5, None, True, True)
    for name in ("flip", "phase", "rows", "listener", "first", "steady"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(block, name, None)


# Whole captures


#: Prints what `netviz handshake --json` says of each capture, in one process: to start one takes longer than most captures.
_EACH = """
import sys
from netviz.cli import main
for path in sys.stdin.read().splitlines():
    sys.argv = ["netviz", "handshake", path, "--json"]
    try:
        main()
    except SystemExit as ending:
        print(path, ending.code or 0)
"""


@_with_c
def test_captures_say_the_same_with_c_and_without() -> None:
    paths = list(map(str, CAPTURES.values()))
    with_c, without = (
        subprocess.run([sys.executable, "-c", _EACH], input="\n".join(paths), capture_output=True, encoding="utf-8", cwd=ROOT,
                       env={**os.environ, "NETVIZ_PURE": pure}, check=True)
        for pure in ("", "1")
    )  # fmt: skip
    lines = with_c.stdout.splitlines()
    assert lines == without.stdout.splitlines()
    assert with_c.stderr == without.stderr == ""
    assert [line for line in lines if not line.startswith("{")] == [f"{path} 0" for path in paths]
