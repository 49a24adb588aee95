"""What each side of a conversation is found to have done: every counter with what makes it count, and what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netviz.capture.batch import NO_TIME, Batch
from netviz.event import Traffic
from netviz.layers.tcp.traffic import COUNTERS
from tests.blocks import KINDS, follow
from tests.wire import ACK, FIN, MSS, PSH, RST, SERVER, SYN, TICK, Wire, batches, cut

_SIX = ("fd00::1", 40000), ("fd00::2", 80)
_DATA, _MILLI = PSH | ACK, 0.001


def _opened(isn: tuple[int, int] = (1000, 5000)) -> Wire:
    return Wire(isn=isn).open()


def _told(traffic: Traffic) -> str:
    pairs = zip(COUNTERS[2:], traffic[2:9], traffic.firsts[2:], strict=True)
    return " ".join(f"{name} {count}@{first}" for name, count, first in pairs if count or first)


def _read(kind: str, pieces: list[Batch]) -> tuple[Traffic, Traffic]:
    (block,) = follow(kind, pieces).blocks
    ends = block.traffic(block.flip), block.traffic(1 - block.flip)  # the client of a Wire has the lower address
    sides = [(*counts[:10], counts[10:]) if len(counts) > 2 else counts for counts in ends]
    client, server = (Traffic(*side) for side in sides)
    return client, server


def _holes(many: int) -> Wire:
    wire = _opened()
    for at in range(many):
        wire.client(_DATA, b"x", seq=1011 + 20 * at, unheard=True)
    return wire


#: A conversation, then what is counted of the client and of the server: the counter, how often, and the packet that was first.
#: The first three packets of most are the handshake; a packet follows the one before by 1 ms.
_TABLE: dict[str, tuple[Wire, str, str]] = {
    "nothing": (_opened().client(_DATA, b"abc").server(ACK).server(_DATA, b"x").client(ACK).close(), "", ""),
    # RFC 9293 section 3.8.1
    "retransmission": (
        _opened().client(_DATA, b"abc", unheard=True).wait(1).client(_DATA, b"abc", seq=1001).server(ACK),
        "retransmissions 1@5", ""),
    "retransmission, twice": (
        _opened().client(_DATA, b"abc", unheard=True).wait(1).client(_DATA, b"abc", seq=1001, unheard=True).wait(2)
        .client(_DATA, b"abc", seq=1001).server(ACK), "retransmissions 2@5", ""),
    "retransmission, spurious": (
        _opened().client(_DATA, b"abc").server(ACK).wait(1).client(_DATA, b"abc", seq=1001).server(ACK, window=64241),
        "retransmissions 1@6", ""),
    "retransmission with more behind it": (
        _opened().client(_DATA, b"abc", unheard=True).wait(1).client(_DATA, b"abcdef", seq=1001).server(ACK),
        "retransmissions 1@5", ""),
    "retransmission in smaller pieces": (
        _opened().client(_DATA, b"abcd", unheard=True).wait(1).client(_DATA, b"ab", seq=1001).client(_DATA, b"cd", seq=1003),
        "retransmissions 2@5", ""),
    "retransmission of a SYN": (Wire().client(SYN).wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK),
                                "retransmissions 1@2", ""),
    "retransmission of a SYN-ACK": (
        Wire().client(SYN).server(SYN | ACK).wait(1).server(SYN | ACK, seq=5000).client(ACK), "", "retransmissions 1@3"),
    "retransmission of a FIN": (
        _opened().client(FIN | ACK, unheard=True).wait(1).client(FIN | ACK, seq=1001).server(ACK), "retransmissions 1@5", ""),
    "retransmission of data and FIN": (
        _opened().client(FIN | ACK, b"abc", unheard=True).wait(1).client(FIN | ACK, b"abc", seq=1001),
        "retransmissions 1@5", ""),
    "retransmission over the wrap": (
        _opened((0xFFFFFFFD, 5000)).client(_DATA, b"abcdef", unheard=True).wait(1).client(_DATA, b"abcdef", seq=0xFFFFFFFE)
        .server(ACK), "retransmissions 1@5", ""),
    "retransmission of the data of a fast open": (  # RFC 7413 section 4.2.2: the SYN-ACK acknowledges the SYN alone
        Wire().client(SYN, b"GET", unheard=True).server(SYN | ACK, ack=1001).client(_DATA, b"GET", seq=1001, ack=5001),
        "retransmissions 1@3", ""),
    "retransmission of a fast open's SYN without its data": (
        Wire().client(SYN, b"GET", unheard=True).wait(1).client(SYN, seq=1000).server(SYN | ACK, ack=1001)
        .client(_DATA, b"GET", seq=1001), "retransmissions 2@2", ""),
    "another SYN-ACK of SYN cookies": (
        Wire().client(SYN).server(SYN | ACK).server(SYN | ACK, seq=9000).client(ACK, ack=9001), "", ""),
    "fast retransmission": (  # RFC 5681 section 3.2; without identifications, and sooner than a timer
        _opened().client(_DATA, b"a" * 10, lost=True, unheard=True).client(_DATA, b"b" * 10, unheard=True, ident=0)
        .server(ACK, ack=1001).client(_DATA, b"c" * 10, unheard=True, ident=0).server(ACK, ack=1001)
        .client(_DATA, b"d" * 10, unheard=True, ident=0).server(ACK, ack=1001).wait(-0.005)
        .client(_DATA, b"a" * 10, seq=1001, ident=0).server(ACK),
        "retransmissions 1@10 lost_bytes 0@4", "duplicate_acks 3@5"),
    "fast retransmission of what was captured": (
        _opened().client(_DATA, b"a" * 10, unheard=True).client(_DATA, b"b" * 10, unheard=True).server(ACK, ack=1001)
        .server(ACK, ack=1001).server(ACK, ack=1001).client(_DATA, b"a" * 10, seq=1001).server(ACK),
        "retransmissions 1@9", "duplicate_acks 3@6"),
    # out of order: sent before what showed the gap
    "overtaken, by identification": (
        _opened().client(_DATA, b"b" * 10, seq=1011, ident=9, unheard=True).wait(1).client(_DATA, b"a" * 10, seq=1001, ident=8),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "overtaken, by identification that wraps": (
        _opened().client(_DATA, b"b" * 10, seq=1011, ident=2, unheard=True).wait(1)
        .client(_DATA, b"a" * 10, seq=1001, ident=0xFFFE), "out_of_order 1@5 lost_bytes 0@4", ""),
    "sent again, by identification": (
        _opened().client(_DATA, b"b" * 10, seq=1011, ident=8, unheard=True).client(_DATA, b"a" * 10, seq=1001, ident=9),
        "retransmissions 1@5 lost_bytes 0@4", ""),
    "overtaken, by time where identifications are no sequence": (
        _opened().client(_DATA, b"b" * 10, seq=1011, ident=8, unheard=True).client(_DATA, b"a" * 10, seq=1001, ident=5000),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "overtaken, by time": (
        _opened().client(_DATA, b"b" * 10, seq=1011, ident=0, unheard=True).client(_DATA, b"a" * 10, seq=1001, ident=0),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "overtaken, by less than 3 ms": (
        _opened().client(_DATA, b"b", seq=1002, ident=0, unheard=True).wait(0.0015).client(_DATA, b"a", seq=1001, ident=0),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "sent again, after more than 3 ms": (
        _opened().client(_DATA, b"b", seq=1002, ident=0, unheard=True).wait(0.0025).client(_DATA, b"a", seq=1001, ident=0),
        "retransmissions 1@5 lost_bytes 0@4", ""),
    "overtaken, where duplicate ACKs were of an earlier place": (
        _opened().client(_DATA, b"a" * 20, unheard=True).server(ACK, ack=1001).server(ACK, ack=1001).server(ACK, ack=1021)
        .client(_DATA, b"c", seq=1031, ident=0, unheard=True).client(_DATA, b"b" * 10, seq=1021, ident=0),
        "out_of_order 1@9 lost_bytes 0@8", "duplicate_acks 2@5"),
    "overtaken, within the round trip": (
        Wire().client(SYN).wait(0.05).server(SYN | ACK).client(ACK).client(_DATA, b"b", seq=1002, ident=0, unheard=True)
        .wait(0.04).client(_DATA, b"a", seq=1001, ident=0), "out_of_order 1@5 lost_bytes 0@4", ""),
    "sent again, after the round trip": (
        Wire().client(SYN).wait(0.05).server(SYN | ACK).client(ACK).client(_DATA, b"b", seq=1002, ident=0, unheard=True)
        .wait(0.06).client(_DATA, b"a", seq=1001, ident=0), "retransmissions 1@5 lost_bytes 0@4", ""),
    "hole filled in two parts": (
        _opened().client(_DATA, b"c" * 10, seq=1021, ident=9, unheard=True).client(_DATA, b"b" * 10, seq=1011, ident=8)
        .client(_DATA, b"a" * 10, seq=1001, ident=7), "out_of_order 2@5 lost_bytes 0@4", ""),
    "hole filled from its middle": (
        _opened().client(_DATA, b"d" * 10, seq=1031, ident=9, unheard=True).client(_DATA, b"b" * 10, seq=1011, ident=8),
        "out_of_order 1@5 lost_bytes 20@4", ""),
    "two holes filled by one segment": (
        _opened().client(_DATA, b"b", seq=1002, ident=7, unheard=True).client(_DATA, b"d", seq=1004, ident=8, unheard=True)
        .wait(1).client(_DATA, b"abcd", seq=1001, ident=9), "retransmissions 1@6 lost_bytes 0@4", ""),
    "hole filled but for its first byte": (
        _opened().client(_DATA, b"b", seq=1011, ident=9, unheard=True).client(_DATA, b"a" * 9, seq=1002, ident=8),
        "out_of_order 1@5 lost_bytes 1@4", ""),
    "hole filled but for its last byte": (
        _opened().client(_DATA, b"b", seq=1011, ident=9, unheard=True).client(_DATA, b"a" * 9, seq=1001, ident=8),
        "out_of_order 1@5 lost_bytes 1@4", ""),
    "two holes filled by one segment that was sent between what showed them": (
        _opened().client(_DATA, b"b", seq=1002, ident=5, unheard=True).client(_DATA, b"d", seq=1004, ident=20, unheard=True)
        .client(_DATA, b"abcd", seq=1001, ident=8), "retransmissions 1@6 lost_bytes 0@4", ""),
    "hole over the wrap": (
        _opened((0xFFFFFFF9, 5000)).client(_DATA, b"b", seq=4, ident=9, unheard=True)
        .client(_DATA, b"a" * 10, seq=0xFFFFFFFA, ident=8), "out_of_order 1@5 lost_bytes 0@4", ""),
    # lost
    "lost: skipped": (_opened().client(_DATA, b"a" * 10, lost=True).client(_DATA, b"b").server(ACK), "lost_bytes 10@4", ""),
    "lost: acknowledged": (
        _opened().client(_DATA, b"a" * 10, lost=True).server(ACK).client(_DATA, b"b"), "lost_bytes 10@4", ""),
    "lost: at the end": (_opened().server(_DATA, b"a" * 10, lost=True).server(FIN | ACK, lost=True).client(ACK), "",
                         "lost_bytes 11@4"),
    "lost: shown by an empty segment": (_opened().client(_DATA, b"a" * 10, lost=True).client(ACK), "lost_bytes 10@4", ""),
    "lost: over the wrap": (
        _opened((0xFFFFFFF9, 5000)).client(_DATA, b"a" * 10, lost=True).client(_DATA, b"b"), "lost_bytes 10@4", ""),
    "lost: a single byte": (_opened().client(_DATA, b"a", lost=True).server(ACK).client(_DATA, b"b"), "lost_bytes 1@4", ""),
    "lost: a single byte that came late": (  # it lies where a keep-alive would
        _opened().client(_DATA, b"a", lost=True).server(ACK).client(_DATA, b"a", seq=1001, ident=4),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "lost: the identification of an ACK is not the sender's": (
        _opened().client(_DATA, b"a" * 10, lost=True).server(ACK, ident=8).wait(1).client(_DATA, b"a" * 10, seq=1001, ident=7),
        "retransmissions 1@5 lost_bytes 0@4", ""),
    "lost: more than 16 holes": (_holes(40), f"lost_bytes {10 + 39 * 19}@4", ""),
    "lost: the oldest of more than 16 holes is given up": (
        _holes(17).client(_DATA, b"a" * 10, seq=1001), f"retransmissions 1@21 lost_bytes {10 + 16 * 19}@4", ""),
    "lost: sixteen holes are remembered": (
        _holes(16).client(_DATA, b"a" * 10, seq=1001, ident=3), f"out_of_order 1@20 lost_bytes {15 * 19}@4", ""),
    "lost: the seventeenth hole, cut in two, costs the oldest": (
        _holes(16).client(_DATA, b"a", seq=1300), f"retransmissions 1@20 lost_bytes {10 + 15 * 19 - 1}@4", ""),
    "lost: also before a jump": (
        _opened().client(_DATA, b"b", seq=1011).client(_DATA, b"c", seq=1011 + (1 << 30) + 9), "lost_bytes 10@4", ""),
    "nothing: an RST with made-up numbers": (_opened().server(RST | ACK, ack=70_000).client(RST, seq=99_000, window=0), "", ""),
    "nothing: a jump beyond every window": (
        _opened().client(_DATA, b"b", seq=1002 + (1 << 30)).client(_DATA, b"c").server(ACK), "", ""),
    "lost: a jump as far as a window reaches": (
        _opened().client(_DATA, b"b", seq=1001 + (1 << 30)), f"lost_bytes {1 << 30}@4", ""),
    # duplicate ACKs (RFC 5681 section 2)
    "duplicate ACKs": (
        _opened().server(_DATA, b"a", unheard=True).server(_DATA, b"b", unheard=True).client(ACK, ack=5002)
        .client(ACK, ack=5002).client(ACK, ack=5002), "duplicate_acks 2@7", ""),
    "duplicate ACK: none that updates the window": (
        _opened().server(_DATA, b"a").client(ACK).client(ACK, window=64241).client(ACK, window=64240), "", ""),
    "duplicate ACK: none with data": (
        _opened().server(_DATA, b"a").client(ACK).client(_DATA, b"x").client(_DATA, b"y"), "", ""),
    "duplicate ACK: none with FIN": (_opened().server(_DATA, b"a").client(ACK).client(FIN | ACK), "", ""),
    "duplicate ACK: none without ACK": (_opened().client(0, ack=5001).client(0, ack=5001), "", ""),
    "duplicate ACK: none that answers a keep-alive": (
        _opened().client(_DATA, b"a").server(ACK).wait(9).client(ACK, seq=1001).server(ACK), "keep_alives 1@6", ""),
    "duplicate ACK: none of a closed window": (
        _opened().client(_DATA, b"a").server(ACK, window=0).wait(1).client(ACK, seq=1001).server(ACK, window=0), "",
        "zero_windows 2@5"),
    # windows (RFC 9293 section 3.8.6)
    "zero windows": (
        _opened().client(_DATA, b"a").server(ACK, window=0).wait(1).server(ACK, window=0).server(ACK), "", "zero_windows 2@5"),
    "zero window with data": (_opened().server(_DATA, b"a", window=0), "", "zero_windows 1@4"),
    "zero window with a FIN": (_opened().server(FIN | ACK, window=0), "", "zero_windows 1@4"),
    "zero window: none of a SYN": (Wire().client(SYN, window=0).server(SYN | ACK, window=0).client(ACK), "", ""),
    "zero window: none of an RST": (_opened().server(RST, window=0), "", ""),
    "zero window of a retransmission": (
        _opened().client(_DATA, b"a").wait(1).client(_DATA, b"a", seq=1001, window=0),
        "retransmissions 1@5 zero_windows 1@5", ""),
    "window probe, empty": (
        _opened().client(_DATA, b"a").server(ACK, window=0).wait(1).client(ACK, seq=1001), "", "zero_windows 1@5"),
    "window probe with a byte, twice": (
        _opened().client(_DATA, b"a").server(ACK, window=0).wait(1).client(_DATA, b"b", unheard=True)
        .server(ACK, ack=1002, window=0).wait(1).client(_DATA, b"b", seq=1002, unheard=True)
        .server(ACK, ack=1002, window=0), "", "zero_windows 3@5"),
    # keep-alives (RFC 9293 section 3.8.4)
    "keep-alive, empty": (
        _opened().client(_DATA, b"ab").server(ACK).wait(9).client(ACK, seq=1002).server(ACK), "keep_alives 1@6", ""),
    "keep-alive with a byte": (
        _opened().client(_DATA, b"ab").server(ACK).wait(9).client(ACK, b"b", seq=1002).server(ACK), "keep_alives 1@6", ""),
    "keep-alive before any data": (_opened().wait(9).client(ACK, seq=1000).server(ACK), "keep_alives 1@4", ""),
    "keep-alive: of both sides": (
        _opened().client(_DATA, b"a").server(ACK).wait(9).client(ACK, seq=1001).server(ACK).server(ACK, seq=5000).client(ACK),
        "keep_alives 1@6", "keep_alives 1@8"),
    "keep-alive: no byte that is still to be acknowledged": (
        _opened().server(_DATA, b"x").client(_DATA, b"ab").server(ACK).client(_DATA, b"c", unheard=True).wait(1)
        .client(_DATA, b"c", seq=1003), "retransmissions 1@8", ""),
    "keep-alive: none with two bytes": (
        _opened().client(_DATA, b"ab").server(ACK).wait(9).client(ACK, b"ab", seq=1001), "retransmissions 1@6", ""),
    "keep-alive over the wrap": (
        _opened((0xFFFFFFFE, 5000)).client(_DATA, b"a").server(ACK).wait(9).client(ACK, seq=0xFFFFFFFF).server(ACK),
        "keep_alives 1@6", ""),
    # the capture begins inside
    "partial: the first number is where it begins": (Wire().client(_DATA, b"a", seq=70_000).server(ACK, ack=70_001), "", ""),
    "partial: before the first number": (
        Wire().client(_DATA, b"b", seq=70_000).client(_DATA, b"a", seq=69_990), "retransmissions 1@2", ""),
    "partial: a keep-alive is first": (  # not a lost byte
        Wire().client(ACK, seq=999, ack=5000).server(ACK, ack=1000).wait(9).client(ACK, seq=999, ack=5000).server(ACK, ack=1000)
        .client(_DATA, b"x", seq=1000, ack=5000), "keep_alives 1@3", ""),
    "partial: a keep-alive that nobody answers is first": (
        Wire().client(ACK, seq=999, ack=5000).client(_DATA, b"x", seq=1000, ack=5000), "", ""),
    "partial: two keep-alives that nobody answers are first": (
        Wire().client(ACK, seq=999, ack=5000, window=9).client(ACK, seq=1000, ack=5000).client(ACK, seq=1000, ack=5000),
        "duplicate_acks 1@3", ""),
    "partial: a keep-alive is first, the other side was seen": (
        Wire().server(ACK, ack=1000).wait(9).client(ACK, seq=999, ack=5000).server(ACK, ack=1000), "keep_alives 1@2", ""),
    "partial: keep-alives are first, the other side was seen once": (
        Wire().server(ACK, ack=1000).client(ACK, seq=999, ack=5000).wait(9).client(ACK, seq=999, ack=5000),
        "keep_alives 2@2", ""),
    "partial: a window probe is first, the other side was seen": (
        Wire().server(ACK, ack=1000, window=0).wait(9).client(ACK, seq=999, ack=5000), "", "zero_windows 1@1"),
    "partial: a single byte is lost all the same": (
        Wire().client(_DATA, b"a", seq=1000, ack=5000).client(_DATA, b"b", seq=1002, ack=5000), "lost_bytes 1@2", ""),
    "partial: a single byte is lost behind an ACK and data": (
        Wire().client(ACK, seq=1000, ack=5000).client(_DATA, b"a", seq=1000, ack=5000).server(ACK, ack=1002),
        "lost_bytes 1@3", ""),
    # the same packet twice in the capture
    "copy of data": (_opened().client(_DATA, b"abc").copy().server(ACK), "copies 1@5", ""),
    "copy of an ACK": (_opened().client(_DATA, b"abc").server(ACK).copy(), "", "copies 1@6"),
    "copy of a SYN": (Wire().client(SYN).copy().server(SYN | ACK).client(ACK), "copies 1@2", ""),
    "copies of everything": (
        Wire().client(SYN).copy().server(SYN | ACK).copy().client(ACK).copy().client(_DATA, b"x").copy(), "copies 3@2",
        "copies 1@4"),
    "copy that comes a little late": (
        _opened().client(_DATA, b"abc").client(_DATA, b"d").wait(0.05).copy(3), "copies 1@6", ""),
    "copy: none after a long time": (_opened().client(_DATA, b"abc").wait(0.2).copy(), "retransmissions 1@5", ""),
    "copy: none with another identification": (
        _opened().client(_DATA, b"abc", unheard=True).client(_DATA, b"abc", seq=1001), "retransmissions 1@5", ""),
    "copy: none with other bytes": (
        _opened().client(_DATA, b"abc", unheard=True, ident=7).client(_DATA, b"abcd", seq=1001, ident=7),
        "retransmissions 1@5", ""),
    "copy without an identification": (
        _opened().client(_DATA, b"abc", ident=0).wait(-0.0009).copy(), "copies 1@5", ""),
    "copy without an identification: none after a millisecond": (
        _opened().client(_DATA, b"abc", ident=0).copy(), "retransmissions 1@5", ""),
    "copy without an identification: none of an ACK": (
        _opened().client(_DATA, b"abc").server(ACK, ident=0).wait(-0.0009).copy(), "", "duplicate_acks 1@6"),
    "copy: the ninth segment before is not remembered": (
        Wire().open().client(_DATA, b"a").client(_DATA, b"b").client(_DATA, b"c").client(_DATA, b"d").client(_DATA, b"e")
        .client(_DATA, b"f").client(_DATA, b"g").client(_DATA, b"h").client(_DATA, b"i").copy(3), "retransmissions 1@13", ""),
    "copy of a retransmission": (
        _opened().client(_DATA, b"abc", unheard=True).wait(1).client(_DATA, b"abc", seq=1001).copy(),
        "retransmissions 1@5 copies 1@6", ""),
    "IPv6: copy": (Wire(*_SIX).open().client(_DATA, b"abc").wait(-0.0009).copy(), "copies 1@5", ""),
    "IPv6: retransmission right after": (
        Wire(*_SIX).open().client(_DATA, b"abc").copy(), "retransmissions 1@5", ""),
    "IPv6: overtaken": (
        Wire(*_SIX).open().client(_DATA, b"b", seq=1011, unheard=True).client(_DATA, b"a" * 10, seq=1001),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "both sides": (
        Wire(isn=(1, 1)).open((MSS, MSS)).client(_DATA, b"a").wait(1).client(_DATA, b"a", seq=2)
        .server(_DATA, b"b" * 9, lost=True).server(FIN | ACK), "retransmissions 1@5", "lost_bytes 9@6"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 3])
@pytest.mark.parametrize("name", _TABLE)
def test_counters(name: str, size: int, kind: str) -> None:
    wire, client, server = _TABLE[name]
    traffic = _read(kind, batches(wire.packets, size))
    assert [_told(side) for side in traffic] == [client, server]
    assert sum(side.packets for side in traffic) == len(wire.packets)


@pytest.mark.parametrize("name", _TABLE)
def test_counters_reach_the_event(name: str) -> None:
    wire, client, server = _TABLE[name]
    assert {_told(side) for side in wire.connection().traffic} == {client, server}


#: A conversation, and for how many ms client and server announced no window.
_STALLS: dict[str, tuple[Wire, float, float]] = {
    "never": (_opened().client(_DATA, b"a").server(ACK), 0, 0),
    "until the window opens": (_opened().server(ACK, window=0).wait(0.5).server(ACK, window=1), 0, 501),
    "several segments": (_opened().server(ACK, window=0).wait(0.1).server(ACK, window=0).wait(0.1).server(ACK), 0, 202),
    "twice": (
        _opened().server(ACK, window=0).server(ACK).wait(1).client(ACK, window=0).server(ACK, window=0).server(ACK).client(ACK),
        3, 2),
    "to the end: as long as it was said": (_opened().server(ACK, window=0).wait(0.5).server(ACK, window=0).wait(9), 0, 501),
    "to an RST": (_opened().server(ACK, window=0).wait(0.5).server(RST, window=0), 0, 0),
    "not by a SYN": (
        Wire().client(SYN).server(SYN | ACK, window=0).wait(1).client(ACK).server(ACK).server(ACK, window=0), 0, 0),
    "times that go back": (_opened().server(ACK, window=0).wait(-0.5).server(ACK), 0, 0),
    "a copy says nothing": (_opened().server(_DATA, b"x", window=0).copy().wait(0.1).server(ACK), 0, 102),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", _STALLS)
def test_stalls(name: str, size: int, kind: str) -> None:
    wire, client, server = _STALLS[name]
    assert [side.stalled / TICK for side in _read(kind, batches(wire.packets, size))] == [client, server]


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_those_of_the_wire_but_copies(kind: str) -> None:
    wire = _opened().client(_DATA, b"abc").wait(1).client(_DATA, b"abc", seq=1001).copy().server(_DATA, b"x" * 9)
    assert [side[:2] for side in _read(kind, batches(wire.packets))] == [(5, 6), (2, 9)]


def _timeless(wire: Wire, size: int) -> list[Batch]:
    return [replace(batch, time=np.full(len(batch), NO_TIME)) for batch in batches(wire.packets, size)]


#: Without times, nothing says that anything came soon.
_TIMELESS: dict[str, tuple[Wire, str, str]] = {
    "retransmission": (_opened().client(_DATA, b"a").client(_DATA, b"a", seq=1001, ident=9), "retransmissions 1@5", ""),
    "hole filled": (
        _opened().client(_DATA, b"b", seq=1002, ident=0).client(_DATA, b"a", seq=1001, ident=0),
        "retransmissions 1@5 lost_bytes 0@4", ""),
    "overtaken, by identification": (
        _opened().client(_DATA, b"b", seq=1002, ident=9).client(_DATA, b"a", seq=1001, ident=8),
        "out_of_order 1@5 lost_bytes 0@4", ""),
    "copy": (_opened().client(_DATA, b"abc").copy(), "copies 1@5", ""),
    "zero window": (_opened().server(ACK, window=0).server(ACK), "", "zero_windows 1@4"),
    "keep-alive": (_opened().client(ACK, seq=1000).server(ACK), "keep_alives 1@4", ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("name", _TIMELESS)
def test_without_times(name: str, size: int, kind: str) -> None:
    wire, client, server = _TIMELESS[name]
    traffic = _read(kind, _timeless(wire, size))
    assert [_told(side) for side in traffic] == [client, server]
    assert [side.stalled for side in traffic] == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_times_further_apart_than_64_bits_reach(kind: str) -> None:
    wire = _opened().server(ACK, window=0).server(ACK).server(ACK, window=0).server(ACK)
    (batch,) = batches(wire.packets)
    low, high = NO_TIME + 1, (1 << 63) - 1
    times = np.array([low, high, low, low, high, low, high])
    assert _read(kind, [replace(batch, time=times)])[SERVER].stalled == high


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1])
def test_a_window_that_was_cut_off_is_no_closed_one(size: int, kind: str) -> None:
    (batch,) = batches(_opened().client(ACK, window=0).packets)
    short = replace(batch, captured=np.minimum(batch.captured, 20 + 14))
    assert [_told(side) for side in _read(kind, cut(short, size))] == ["", ""]
