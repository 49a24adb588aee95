"""The counters against others who know: tshark, the kernel that sent, and a simulated wire that knows what it did."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.analysis import analyze
from netviz.capture.source import open_capture
from netviz.event import TcpConnection
from netviz.event.tcp import COPY, DUPLICATE_ACK, GAP, KEEP_ALIVE, OUT_OF_ORDER, PROBE, RETRANSMISSION
from netviz.found import Kept
from netviz.layers.tcp.flags import RST, SYN
from netviz.tracking import Tracking
from tests.blocks import KINDS, follow
from tests.conftest import CAPTURES
from tests.wire import ACK, PSH, TICK, Wire, batches

#: Our words for what tshark's flags say; where there are several, the first that it sets counts.
_FLAGS = {
    "keep_alive": "keep-alive", "zero_window_probe": "probe", "out_of_order": "out of order",
    "retransmission": "retransmission", "fast_retransmission": "retransmission", "spurious_retransmission": "retransmission",
    "duplicate_ack": "duplicate ACK", "lost_segment": "gap",
}  # fmt: skip

_WORDS = {
    RETRANSMISSION: "retransmission", OUT_OF_ORDER: "out of order", DUPLICATE_ACK: "duplicate ACK", KEEP_ALIVE: "keep-alive",
    PROBE: "probe", COPY: "copy", GAP: "gap",
}  # fmt: skip

#: Where we say something else than tshark: by capture, the packet with our word and its.
#:
#: lossy: 11 and 58 are packets that the wire delivered twice, with the identification of IPv4 and all other fields the same
#: and one millisecond later; nobody sent them twice.  15 and 38 were sent after what lies before them, by their
#: identification, and so did the sender count them; tshark only sees that they came within a round trip.
#: reordered: 23 and 41 were sent before what overtook them, by their identification; each came again later, and that was
#: the retransmission.  captured-twice: every second packet is a copy (see below).
#: stalled, zero-window: these are sent while the peer's window is closed, so they ask for that (RFC 9293 section 3.8.6.1).
_DIFFERENT: dict[str, dict[int, tuple[str, str]]] = {
    "lossy": {
        11: ("copy", "duplicate ACK"), 15: ("retransmission", "out of order"), 38: ("retransmission", "out of order"),
        58: ("copy", "retransmission"),
    },
    "reordered": {23: ("out of order", "retransmission"), 41: ("out of order", "retransmission")},
    "stalled": {8: ("probe", "keep-alive"), 10: ("probe", "keep-alive")},
    "zero-window": {24: ("probe", "keep-alive"), 26: ("probe", "keep-alive")},
}  # fmt: skip


def _ours(path: Path) -> dict[int, tuple[str, bool]]:
    """What is special about each packet, and whether it announces no window."""
    tracking = Tracking(kept=Kept(probed=False, whole=True))
    found = [one for batch in open_capture(path) for one in tracking.feed(batch)] + tracking.close()
    rows: list[Any] = [row for kind, value in found if kind == "over" for row in value.rows]
    return {row[0]: (_WORDS.get(row[10], ""), row[6] == 0 and not row[3] & (SYN | RST) and row[10] != COPY) for row in rows}


def _tsharks(path: Path) -> dict[int, tuple[str, bool]]:
    command = ["tshark", "-n", "-r", str(path), "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-e", "frame.number"]
    for name in (*_FLAGS, "zero_window"):
        command += ["-e", f"tcp.analysis.{name}"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = {}
    for line in said.splitlines():
        number, *flags, zero = line.split("\t")
        found[int(number)] = next((word for word, flag in zip(_FLAGS.values(), flags, strict=True) if flag), ""), zero != ""
    return found


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_tshark_says_the_same_but_for_known_reasons(name: str) -> None:
    ours, theirs = _ours(CAPTURES[name]), _tsharks(CAPTURES[name])
    assert ours
    assert set(ours) == set(theirs)
    copies = {at for at in ours if ours[at][0] == "copy"} if name == "captured-twice" else set()
    assert len(copies) == (len(ours) // 2 if copies else 0)
    different = {at: (ours[at][0], theirs[at][0]) for at in ours if at not in copies and ours[at][0] != theirs[at][0]}
    assert different == _DIFFERENT.get(name, {})
    assert [at for at in ours if ours[at][1]] == [at for at in theirs if theirs[at][1]]


#: What the sending kernels said at the end (TCP_INFO, total_retrans), and what the wire did: packets that came twice, and
#: segments that came late enough to be overtaken.
_KERNEL = {"lossy": ((6, 0), (0, 2), (0, 0)), "overtaken": ((0, 0), (0, 0), (2, 0)), "stalled": ((0, 0), (0, 0), (0, 0)),
           "keep-alive": ((0, 0), (0, 0), (0, 0))}  # fmt: skip


@pytest.mark.parametrize("name", _KERNEL)
def test_the_kernel_and_the_wire_say_the_same(name: str) -> None:
    (connection,) = analyze(open_capture(CAPTURES[name]))
    assert isinstance(connection, TcpConnection)
    counted = [(t.retransmissions, t.copies, t.out_of_order) for t in connection.traffic]
    assert list(zip(*counted, strict=True)) == list(_KERNEL[name])
    assert [t.lost_bytes for t in connection.traffic] == [0, 0]


def test_what_was_made_to_happen_is_counted() -> None:
    """The server slept for 1.6 s with a buffer for less than it was sent; both ends had keep-alives after 1 s and 2 s."""
    (slow,), (idle,) = (analyze(open_capture(CAPTURES[name])) for name in ("stalled", "keep-alive"))
    assert isinstance(slow, TcpConnection)
    assert isinstance(idle, TcpConnection)
    assert [t.zero_windows for t in slow.traffic] == [0, 3]
    assert slow.traffic[0].stalled == 0
    assert 1.2e9 < slow.traffic[1].stalled < 1.7e9
    assert [t.keep_alives for t in idle.traffic] == [2, 1]
    assert [t.duplicate_acks for t in idle.traffic] == [0, 0]


# A simulated wire


class _Sending(NamedTuple):
    """A segment as it came by: when, which one, and what number the sender's IP gave it."""

    time: int
    which: int
    ident: int


_FATES = st.lists(st.sampled_from(["fine", "fine", "fine", "lost", "late", "twice"]), min_size=1, max_size=16)


def _sendings(fates: list[str], sees: bool, late: int) -> tuple[list[_Sending], dict[str, int]]:
    """What a capture holds of so many segments, and what that shows: one that is lost is sent again after half a second;
    the capture has it twice where it ``sees`` what the sender sends.  Something is shown only by what came before it.
    """
    came: list[tuple[_Sending, str]] = []
    for at, fate in enumerate(fates):
        usual = _Sending(at * TICK, at, 100 + at)
        if fate == "late":
            came.append((usual._replace(time=usual.time + late), "out_of_order"))
        elif fate != "lost" or sees:
            came.append((usual, ""))
        if fate == "twice":
            came.append((usual._replace(time=usual.time + 400_000), "copies"))
        if fate == "lost":
            came.append((_Sending(500 * TICK + at * TICK, at, 200 + at), "retransmissions"))
    came.sort()
    shown: dict[str, int] = {}
    furthest = -1
    for sending, what in came:
        if what and sending.which <= furthest:
            shown[what] = shown.get(what, 0) + 1
        furthest = max(furthest, sending.which)
    return [sending for sending, _ in came], shown


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(_FATES, st.booleans(), st.integers(1, 60).map(lambda n: n * 500_000 + 7),
       st.sampled_from([1000, 0xFFFFFFFF, 0xFFFFFF00]), st.sampled_from([1, 2, 100]), st.sampled_from([0, 1, 5]))  # fmt: skip
def test_a_simulated_wire(kind: str, fates: list[str], sees: bool, late: int, isn: int, each: int, size: int) -> None:
    sendings, shown = _sendings(fates, sees, late)
    wire = Wire(isn=(isn, 5000)).open()
    start = wire.now
    for sending in sendings:
        wire.now = start + sending.time
        wire.client(PSH | ACK, b"x" * each, seq=isn + 1 + each * sending.which, ident=sending.ident, unheard=True)
    wire.server(ACK, ack=isn + 1 + each * len(fates))
    (block,) = follow(kind, batches(wire.packets, size)).blocks
    counts = block.traffic(0)
    told = dict(zip(("retransmissions", "out_of_order"), counts[2:4], strict=False)) | {"copies": (*counts, *[0] * 9)[8]}
    assert {name: count for name, count in told.items() if count} == shown
    assert (*counts, *[0] * 9)[6:8] == (0, 0)  # neither a keep-alive nor a byte lost
