"""How far a connection is after each segment, what of it is kept, and which segment belongs to another; in C and in Python."""

from __future__ import annotations

import pytest

from netviz.event.tcp import COPY, DUPLICATE_ACK, GAP, KEEP_ALIVE, NOTHING, OUT_OF_ORDER, PROBE, RETRANSMISSION, ZERO_WINDOW
from netviz.found import Kept
from netviz.layers.tcp.block import CLOSING, OPEN, OPENING, OVER
from tests.blocks import KINDS, follow
from tests.wire import ACK, FIN, MSS, PSH, RST, SYN, Wire, batches

pytestmark = pytest.mark.parametrize("kind", KINDS)

_NAMES = {OPENING: "opening", OPEN: "open", CLOSING: "closing", OVER: "over"}
_DATA = PSH | ACK


def _refused() -> Wire:
    return Wire().client(SYN).server(RST | ACK, seq=0)


#: A conversation; the phases after each of its segments; what packets decided handshake and end; how many Blocks it takes.
_PHASES: dict[str, tuple[Wire, str, tuple[int, int], int]] = {
    "opens and closes": (
        Wire().open().client(_DATA, b"x").client(FIN | ACK).server(FIN | ACK).client(ACK),
        "opening opening open open closing closing over", (3, 7), 1),
    "half-closed": (Wire().open().client(FIN | ACK).server(ACK).server(_DATA, b"x"),
                    "opening opening open closing closing closing", (3, 0), 1),
    "FIN with the ACK that opens": (
        Wire().client(SYN).server(SYN | ACK).client(FIN | ACK).server(FIN | ACK).client(ACK),
        "opening opening closing closing over", (3, 5), 1),
    "FINs acknowledged once more": (
        Wire().open().close().client(ACK), "opening opening open closing closing over over", (3, 6), 1),
    "both FINs before any ACK of one": (
        Wire().open().client(FIN | ACK, unheard=True).server(FIN | ACK, unheard=True).client(ACK, ack=5002)
        .server(ACK, ack=1002), "opening opening open closing closing closing over", (3, 7), 1),
    "numbers wrap before the FIN": (
        Wire(isn=(0xFFFFFFFD, 0xFFFFFFFF)).open().client(_DATA, b"abc").close(),
        "opening opening open open closing closing over", (3, 7), 1),
    "an ACK of half of all numbers ago acknowledges no FIN": (
        Wire().open().client(FIN | ACK, unheard=True).server(FIN | ACK, unheard=True, ack=1001)
        .server(ACK, ack=1002 + (1 << 31)).client(ACK, ack=5002),
        "opening opening open closing closing closing closing", (3, 0), 1),
    "reset": (Wire().open().server(RST), "opening opening open over", (3, 4), 1),
    "reset while it opens": (Wire().client(SYN).client(RST), "opening over", (2, 2), 1),
    "refused, and tried again with the same number": (
        _refused().client(SYN, seq=1000).server(SYN | ACK).client(ACK), "opening over opening opening open", (5, 0), 1),
    "refused, and tried again with another": (_refused().isn(3000, 7000).client(SYN), "opening over|opening", (2, 2), 2),
    "refused, and tried again after more than a second": (
        _refused().wait(1).client(SYN, seq=1000), "opening over|opening", (2, 2), 2),
    "partial": (Wire().client(_DATA, b"x").server(ACK), "open open", (1, 0), 1),
    "partial, first an RST": (Wire().client(RST), "over", (1, 1), 1),
    "partial, first a FIN": (Wire().client(FIN | ACK), "closing", (1, 0), 1),
    "partial, first a SYN-ACK": (Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK), "opening open", (2, 0), 1),
    "the server's ACK opens nothing": (Wire().client(SYN).server(ACK).client(ACK), "opening opening opening", (0, 0), 1),
    "without ACK nothing opens": (Wire().client(SYN).server(SYN | ACK).client(0), "opening opening opening", (0, 0), 1),
    "simultaneous open": (
        Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000)
        .server(SYN | ACK, seq=5000, ack=1001).client(ACK), "opening opening opening opening open", (5, 0), 1),
    "SYN repeated": (Wire().client(SYN).wait(190).client(SYN, seq=1000), "opening opening", (0, 0), 1),
    "SYN repeated after all patience": (Wire().client(SYN).wait(201).client(SYN, seq=1000), "opening|opening", (0, 0), 2),
    "SYN with another number": (Wire().client(SYN).isn(9, 9).client(SYN), "opening|opening", (0, 0), 2),
    "SYN of the other side while it is open": (Wire().client(_DATA, b"x").server(SYN), "open|opening", (1, 0), 2),
    "SYN-ACK with another number while it opens": (
        Wire().client(SYN).server(SYN | ACK).server(SYN | ACK, seq=1), "opening opening opening", (0, 0), 1),
    "SYN-ACK with another number afterwards": (
        Wire().open().server(SYN | ACK, seq=1), "opening opening open|opening", (3, 0), 2),
    "SYN-ACK inside what the capture joined in": (Wire().client(_DATA, b"x").server(SYN | ACK), "open|opening", (1, 0), 2),
    "late": (Wire().open().server(RST).wait(0.9).client(ACK), "opening opening open over over", (3, 4), 1),
    "too late": (Wire().open().server(RST).wait(1.1).client(ACK), "opening opening open over|open", (3, 4), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", _PHASES)
def test_phases(kind: str, name: str) -> None:
    wire, expected, (opened, end), many = _PHASES[name]
    blocks = [follow(kind, batches(wire.packets[:count])).blocks for count in range(1, len(wire.packets) + 1)]
    assert [_NAMES[so_far[-1].phase] for so_far in blocks] == expected.replace("|", " ").split()
    assert [len(so_far) for so_far in blocks] == [expected[: at + 1].count("|") + 1 for at in _ends(expected)]
    assert len(blocks[-1]) == many
    first = blocks[-1][0]
    assert (first.opened, first.end) == (opened, end)


def _ends(words: str) -> list[int]:
    return [at for at in range(len(words)) if words[at + 1 : at + 2] in ("", " ", "|")]


@pytest.mark.parametrize("size", [0, 1])
def test_what_following_tells(kind: str, size: int) -> None:
    wire = Wire().open().close().isn(9, 9).client(SYN).server(RST | ACK, seq=0)
    told = follow(kind, batches(wire.packets, size)).batches
    assert [which for opened, _, _ in told for which in opened] == [0, 1]
    assert [which for _, ended, _ in told for which in ended] == [0, 1]
    assert [split[2:] for _, _, splits in told for split in splits] == [(-1, 0), (0, 1)]


def test_segments_that_belong_to_nobody(kind: str) -> None:
    ending = follow(kind, batches(Wire().client(ACK, seq=77).client(ACK, seq=78).client(ACK, seq=77).packets))
    assert ending.turns == [(0, 0, -1), (0, 1, -1)]
    assert ending.batches[0][2] == [(0, 1, -1, 0)]
    assert [block.traffic(0)[:2] for block in ending.blocks] == [(2, 0)]


@pytest.mark.parametrize("size", [0, 1])
def test_numbers_and_answers(kind: str, size: int) -> None:
    (block,) = follow(kind, batches(Wire(isn=(7, 0xFFFFFFFF)).open().packets, size)).blocks
    assert [(block.initial(side), block.answered(side)) for side in (0, 1)] == [(7, False), (0xFFFFFFFF, True)]
    (block,) = follow(kind, batches(Wire().client(ACK).packets, size)).blocks
    assert [(block.initial(side), block.answered(side)) for side in (0, 1)] == [(-1, False), (-1, False)]


_STEADY = {
    "counted": (Kept(probed=False), False), "not counted": (Kept(probed=False, counted=False), True),
    "whole": (Kept(probed=False, counted=False, whole=True), False),
}  # fmt: skip


@pytest.mark.parametrize("name", _STEADY)
def test_steady(kind: str, name: str) -> None:
    kept, expected = _STEADY[name]
    wire = Wire().open()
    assert follow(kind, batches(wire.packets), kept).blocks[0].steady is expected
    assert not follow(kind, batches(wire.packets[:2]), kept).blocks[0].steady
    again = Wire().open().server(SYN | ACK, seq=5000, ack=1001)
    assert not follow(kind, batches(again.packets), kept).blocks[0].steady  # one more ACK belongs to the handshake
    assert follow(kind, batches(again.client(ACK).packets), kept).blocks[0].steady is expected


@pytest.mark.parametrize("size", [0, 1, 2])
def test_steady_ones_are_added_up(kind: str, size: int) -> None:
    wire = Wire().open()
    for at in range(20):
        wire.send(at % 3 == 0, _DATA, b"x" * at)
    (block,) = follow(kind, batches(wire.packets, size), Kept(probed=False, counted=False)).blocks
    sent = [[s.length for s in wire.segments if s.side == side] for side in (0, 1)]
    assert [block.traffic(side) for side in (0, 1)] == [(len(lengths), sum(lengths)) for lengths in sent]
    assert (block.last, block.stop) == (23, wire.packets[-1].time)


def _specials(kind: str, wire: Wire) -> list[int]:
    (block,) = follow(kind, batches(wire.packets), Kept(probed=False, whole=True)).blocks
    assert [row[0] for row in block.rows] == list(range(1, len(wire.packets) + 1))
    return [row[10] for row in block.rows]


def test_rows_say_what_is_special(kind: str) -> None:
    wire = (
        Wire().open().server(_DATA, b"x").client(ACK).client(ACK).client(_DATA, b"ab", lost=True).client(_DATA, b"c")
        .client(_DATA, b"ab", seq=1001, ident=7).wait(1).client(_DATA, b"ab", seq=1001).copy().server(ACK, window=0)
        .client(ACK, seq=1003).server(ACK).client(ACK, seq=1003)
    )  # fmt: skip
    assert _specials(kind, wire)[3:] == [
        NOTHING, NOTHING, DUPLICATE_ACK, GAP, OUT_OF_ORDER, RETRANSMISSION, COPY, ZERO_WINDOW, PROBE, NOTHING, KEEP_ALIVE,
    ]  # fmt: skip


def test_rows_hold_options_where_they_matter(kind: str) -> None:
    wire = Wire().client(SYN, options=MSS).server(SYN | ACK, options=MSS).client(ACK, options=bytes(4))
    wire.client(FIN | ACK, options=MSS).server(SYN | ACK, seq=5000, ack=1001, options=MSS)
    (block,) = follow(kind, batches(wire.packets)).blocks
    assert [row[9] for row in block.rows] == [MSS, MSS, bytes(4), b"", MSS]
    assert block.rows[1] == (2, wire.packets[1].time, 1, SYN | ACK, 5000, 1001, 64240, 0, 1, MSS, NOTHING)


def test_rows_leave_out_what_decides_nothing(kind: str) -> None:
    wire = Wire().open().client(_DATA, b"x").server(ACK).client(FIN | ACK).server(ACK).server(ACK).server(FIN | ACK)
    (block,) = follow(kind, batches(wire.packets)).blocks
    assert [row[0] for row in block.rows] == [1, 2, 3, 6, 7, 9]
    assert [row[8] for row in block.rows] == [0, 1, 2, 5, 6, 8]  # which of all segments each is


def test_patience_while_it_opens_ends(kind: str) -> None:
    wire = Wire().client(SYN)
    for _ in range(100):
        wire.server(ACK)
    (block,) = follow(kind, batches(wire.packets)).blocks
    assert len(block.rows) == 65


@pytest.mark.parametrize("size", [0, 1])
def test_who_listens_hears_payload_until_it_has_enough(kind: str, size: int) -> None:
    heard: list[tuple[int, int, bytes, int, bool]] = []

    def hear(side: int, seq: int, data: bytes, length: int, known: bool) -> bool:
        heard.append((side, seq, data, length, known))
        return len(heard) == 3

    wire = (
        Wire().client(SYN, b"fast").server(SYN | ACK).client(ACK).client(_DATA, b"abc").copy().server(_DATA, b"x")
        .client(_DATA, b"never heard")
    )  # fmt: skip
    (block,) = follow(kind, batches(wire.packets, size), Kept(), lambda _: hear).blocks
    assert heard == [(0, 1001, b"fast", 4, True), (0, 1005, b"abc", 3, True), (1, 5001, b"x", 1, True)]
    assert block.listener is None
    heard.clear()
    (block,) = follow(kind, batches(Wire().client(_DATA, b"a").packets, size), Kept(), lambda _: hear).blocks
    assert heard == [(0, 0, b"a", 1, False)] or heard == [(0, 1000, b"a", 1, False)]
    assert block.listener is hear
