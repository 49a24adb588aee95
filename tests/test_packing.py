"""What was found comes back equal from plain values, whatever it is; and marshal can write those."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import netviz.talk
from netviz.capture.source import open_capture
from netviz.event import FrameBlock, MessageBlock, Problem
from netviz.found import Finished, Found, Kept
from netviz.layers.layer import Wanted
from netviz.packing import pack
from netviz.samples import samples
from netviz.talk import Heard, Talk
from netviz.tracking import Tracking
from tests.bulk import UP, carried
from tests.frames import PING, PONG, TEXT
from tests.polling import JOINED, OPEN, asked, get, ok
from tests.talk import c, s, say, talk
from tests.tls import Setup, talk_tls
from tests.wire import Packet, Wire, batches, weave

_KINDS = {
    "anatomy", "block", "close", "frame", "heard", "message", "opened", "over", "peers", "polling", "problem", "talk", "tls",
    "upgrade",
}  # fmt: skip


def _packets() -> list[Packet]:
    """Messages that are alike, and some that are not; polling; what was cut, and what breaks rules."""
    side, long = c(TEXT, "z" * 3000)
    alike = [*[s(TEXT, f"grüße {at}") for at in range(20)], (side, long[:900]), (side, long[900:])]
    odd = [c(TEXT, b"\xff"), c(TEXT, "naked", mask=None), s(TEXT, "a", rsv=2), s(0, "b"), c(8, b"\x03")]
    polling = say(Wire(("10.0.0.3", 40003)).open(), [get(None), ok(OPEN), *asked(JOINED)]).close()
    wires = [
        say(Wire(("10.0.0.1", 40001)).open(), [*UP, *alike, c(PING, "p"), s(PONG, "p"), *alike, *odd[:1]]),
        talk(odd, Wire(("10.0.0.2", 40002))), polling,
        say(Wire(("10.0.0.4", 40004)).open(), [*UP, *alike, c(PING, "q"), s(PONG, "q"), *alike]).close(),
    ]  # fmt: skip
    return weave(wires, [at % 4 for at in range(200)])


def _found(tracking: Tracking, packets: list[Packet], rows: int) -> Iterator[Found]:
    for batch in batches(packets, rows):
        yield from tracking.feed(batch)
    yield from tracking.close()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    """Everything of every kind."""
    packets = _packets()
    every: list[Found] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.talk, "_WORTHWHILE", 3)
        for rows in (0, 5, 30):
            every += _found(Tracking(Wanted(bulk=True)), packets, rows)
            for part in ((2, 0, 1), (2, 1, 2)):
                every += _found(Tracking(Wanted(bulk=True), part), packets, rows)
            every += _found(Tracking(Wanted(contents=False)), packets, rows)
            every += _found(Tracking(kept=Kept(openings=True)), packets, rows)
        every += _found(Tracking(Wanted(anatomy=(None, 1))), packets, 0)
        every += _found(Tracking(Wanted()), talk_tls(Setup(), tmp_path_factory.mktemp("keys") / "keys").packets, 0)
        for name in ("mixed", "ipv6", "cut-file"):
            tracking = Tracking()
            for batch in open_capture(samples()[name]):
                every += tracking.feed(batch)
            every += tracking.close()
    return every


def _seen(value: Any) -> Any:
    """A value with the types of all that is in it, and arrays as lists."""
    if isinstance(value, np.ndarray):
        return "array", str(value.dtype), value.shape, value.tolist()
    if isinstance(value, FrameBlock):
        return "frames", _seen(value.columns), _seen(value.several), _seen(value.broken)
    if isinstance(value, MessageBlock):
        return "messages", _seen(value.frames), _seen(value.numbers), _seen(value.begins), _seen(value.lengths), value.content
    if isinstance(value, list | tuple):
        return type(value), [_seen(each) for each in value]
    if isinstance(value, dict):
        return {key: _seen(each) for key, each in value.items()}
    return type(value), value


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_every_kind_comes_back_equal(kind: str, found: list[Found]) -> None:
    some = [thing for thing in found if thing[0] == kind]
    assert some
    for thing in some:
        assert _seen(carried([thing])) == _seen([thing])


def test_all_together_come_back_equal_and_in_order(found: list[Found]) -> None:
    assert {kind for kind, _ in found} == _KINDS
    assert _seen(carried(found)) == _seen(found)


def test_there_is_something_of_everything(found: list[Found]) -> None:
    """Else the others would pass for nothing."""
    heard = [value for kind, value in found if kind == "heard"]
    assert any(each.said is None and each.found for each in heard)
    assert any(each.said is not None and each.said.control and len(each.said.block) for each in heard)
    blocks = [value for kind, value in found if kind == "block"]
    assert any(len(each.several) and each.broken for each in blocks)
    assert any(len(value.frames.several) for kind, value in found if kind == "talk")
    rows = [value for kind, value in found if kind in ("frame", "message")]
    assert any(isinstance(problem, Problem) for row in rows for problem in row[-1])
    assert any(isinstance(value, Finished) and value.addresses for kind, value in found if kind == "over")


def test_nothing_comes_back_as_nothing() -> None:
    assert carried([]) == []
    assert carried([("heard", Heard([], None))]) == [("heard", Heard([], None))]


def _block(content: bytes, *sizes: int) -> MessageBlock:
    """A block of texts of these sizes."""
    begins = np.cumsum((0, *sizes))[:-1]
    count = len(sizes)
    columns = [np.full(count, place) for place in range(12)]
    columns[7], columns[10] = np.full(count, 0x81), np.array(sizes, np.int64)
    frames = FrameBlock(columns=tuple(columns), several=np.zeros((0, 4), np.int64), broken={})
    return MessageBlock(frames=frames, numbers=np.arange(count), begins=begins, lengths=columns[10], content=content)


def test_what_parts_of_a_block_share_is_sent_once() -> None:
    content = b"x" * 100_000
    block = _block(content, *[1000] * 100)
    parts: list[Found] = [("talk", block.part(at, at + 10)) for at in range(0, 100, 10)]
    assert len(marshal.dumps(pack(parts))) < 2 * len(content)
    back = carried(parts)
    assert _seen(back) == _seen(parts)
    assert all(value.content is back[0][1].content for _, value in back)


def test_parts_of_several_blocks_keep_what_they_say() -> None:
    one, two, none = _block(b"abcd", 2, 2), _block(b"efgh", 1, 3), _block(b"", 0, 0)
    blocks: list[Found] = [("talk", block) for block in (one, two, one, none, none, two, two)]
    back = carried(blocks)
    assert _seen(back) == _seen(blocks)
    assert [event.content for event in back[2][1].events() if event.name == "websocket.message"] == ["ab", "cd"]


def test_two_that_heard_come_back_apart() -> None:
    """What one of them says is not taken for what the other says."""
    said = [Talk(_block(content, 1, 2), [(1, 7, ("message", (0, (Problem("a", "b", 1),))))]) for content in (b"abc", b"def")]
    both: list[Found] = [("heard", Heard([(3, ("frame", (1, ())))], each)) for each in said]
    assert _seen(carried(both)) == _seen(both)
