"""Fragments: in every order, twice, over one another, missing, cut, spread over Batches, and more than anybody can keep."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import NO_TIME
from netviz.event import CaptureProblem, Event, TcpConnection, WebSocketMessage
from netviz.layers.fragments import Fragments
from netviz.layers.layer import Wanted
from netviz.table import Table, table
from tests.make import ACK, PSH, batch_of, ethernet, ipv4, ipv6, piece, pieces, tcp
from tests.talk import CHAT, c, talk, told
from tests.wire import MSS, START, SYN, TICK, Packet, Wire, connections, events

SEGMENT = tcp(40_000, 80, PSH | ACK, 5000, 77, options=MSS, payload=bytes(range(90)))
WHOLE = {4: ipv4(SEGMENT), 6: ipv6(SEGMENT)}
OTHER = bytes(255 - byte for byte in SEGMENT)

MISSING = "with a piece of an IP datagram of which another piece is missing: not decoded"

SECOND = 1_000_000_000


def read(*packets: bytes, gap: int = 0) -> Table:
    """The table of IP packets that stand alone, ``gap`` ns apart."""
    batch = batch_of(*packets, link=101)
    batch.time[:] = START + gap * (batch.time - batch.time.min() if len(packets) else 0)
    return table(batch)


def data(found: Table, index: int = 0) -> bytes:
    """The captured payload of a segment."""
    at = int(found.tcp.payload[index])
    return found.batch.buffer[at : at + int(found.tcp.captured[index])].tobytes()


def kinds(found: Table) -> list[tuple[str, int, int]]:
    """What is not decoded, how often, and where first."""
    return [(notice.kind, notice.count, notice.packet) for notice in found.notices]


def whole(found: Table) -> bool:
    """Whether the one segment is the one above."""
    columns = (found.tcp.source, found.tcp.target, found.tcp.seq, found.tcp.ack, found.tcp.flags, found.tcp.length)
    return [column.tolist() for column in columns] == [[40_000], [80], [5000], [77], [PSH | ACK], [90]] and data(
        found
    ) == bytes(range(90))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_every_order(version: int, order: tuple[int, ...]) -> None:
    parts = [pieces(WHOLE[version], 32)[index] for index in order]
    found = read(*parts)
    assert whole(found)
    assert (found.notices, found.tcp.row.tolist()) == ((), [3])
    assert found.addresses(0) == read(WHOLE[version]).addresses(0)
    assert found.source.tolist() == read(WHOLE[version]).source.tolist()
    # Every byte of the payload is where it is said to be.
    place = int(found.tcp.payload[0] - found.batch.offset[3])
    carried = b"".join(parts[packet - 1][where : where + length] for _, length, packet, where in found.origins(4, place, 90))
    assert carried == bytes(range(90))
    assert [origin.at for origin in found.origins(4, place, 90)] == sorted(o.at for o in found.origins(4, place, 90))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("size", [8, 16, 24, 112])
def test_of_every_size_also_inside_the_tcp_header(version: int, size: int) -> None:
    parts = pieces(WHOLE[version], size)
    found = read(*parts)
    assert whole(found)
    assert found.tcp.row.tolist() == [len(parts) - 1]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("twice", range(4))
@pytest.mark.parametrize("at", range(5))
def test_a_piece_that_comes_twice_counts_once(version: int, twice: int, at: int) -> None:
    parts = pieces(WHOLE[version], 32)
    parts.insert(at, parts[twice])
    found = read(*parts, gap=1000)
    assert whole(found)
    assert found.notices == ()


def test_the_same_again_much_later_is_another_datagram() -> None:
    parts = pieces(WHOLE[4], 64)
    assert len(read(*parts, *parts, gap=1000)) == 1
    assert len(read(*parts, *parts, gap=2 * SECOND)) == 2
    assert kinds(read(*parts, parts[1], gap=2 * SECOND)) == [("ip-fragment", 1, 3)]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("missing", range(4))
def test_missing_pieces_are_told_once(version: int, missing: int) -> None:
    parts = pieces(WHOLE[version], 32)
    del parts[missing]
    found = read(ipv4(SEGMENT), *parts)
    assert len(found) == 1
    assert [(notice.text, notice.count, notice.packet) for notice in found.notices] == [(MISSING, 3, 2)]


@pytest.mark.parametrize("start", range(0, 112, 8))
@pytest.mark.parametrize("size", [8, 24, 112])
def test_of_ipv4_pieces_over_others_the_first_counts(start: int, size: int) -> None:
    stop = min(start + size, len(OTHER))
    first, second, third, last = pieces(WHOLE[4], 32)
    found = read(first, second, third, piece(ipv4(OTHER), start, stop), last)
    if stop == len(OTHER) and start <= 96:
        # It was also the last one: what only it had counts, and the piece behind it came too late.
        assert data(found) == bytes(range(72)) + OTHER[96:]
        assert kinds(found) == [("ip-fragment-overlap", 1, 4)] * (start < 96) + [("ip-fragment", 1, 5)]
        return
    assert found.tcp.row.tolist() == [4]
    expected = bytearray(SEGMENT)
    expected[max(start, 96) : max(stop, 96)] = OTHER[max(start, 96) : max(stop, 96)]
    assert data(found) == bytes(expected[24:])
    differ = [4] * (start < 96) + [5] * (stop > 96)
    assert kinds(found) == [("ip-fragment-overlap", len(differ), differ[0])]


def test_of_ipv4_the_same_bytes_in_other_pieces_are_no_contradiction() -> None:
    found = read(*pieces(WHOLE[4], 32)[:3], *pieces(WHOLE[4], 24)[1:])
    assert whole(found)
    assert found.notices == ()


def test_of_ipv6_datagrams_with_pieces_over_others_nothing_counts() -> None:
    parts = pieces(WHOLE[6], 32)
    found = read(*parts[:2], piece(WHOLE[6], 40, 56), *parts[2:], WHOLE[6])
    assert found.tcp.row.tolist() == [5]
    assert kinds(found) == [("ip-fragment-overlap", 5, 1)]
    assert "RFC 8200 section 4.5" in found.notices[0].text


@pytest.mark.parametrize(("end", "more"), [(48, False), (72, False), (104, False), (120, False), (120, True)])
def test_two_ends_contradict_each_other(end: int, more: bool) -> None:
    """A last piece that ends elsewhere, or one behind the last: of IPv4 what came first counts, of IPv6 nothing does."""
    longer = {4: ipv4(SEGMENT + bytes(8)), 6: ipv6(SEGMENT + bytes(8))}
    for version in (4, 6):
        first, second, third, last = pieces(WHOLE[version], 32)
        found = read(first, second, last, piece(longer[version], end - 8, end, more=more), third)
        assert kinds(found) == [("ip-fragment-overlap", 1, 4) if version == 4 else ("ip-fragment-overlap", 5, 1)]
        assert whole(found) if version == 4 else not len(found)


def test_a_last_piece_before_what_came_counts_for_nothing() -> None:
    for version in (4, 6):
        first, second, third, last = pieces(WHOLE[version], 32)
        found = read(third, piece(WHOLE[version], 32, 40, more=False), first, second, last)
        assert kinds(found) == [("ip-fragment-overlap", 1, 2) if version == 4 else ("ip-fragment-overlap", 5, 1)]
        assert whole(found) if version == 4 else not len(found)


WRONG = {
    "not a multiple of 8": piece(WHOLE[4], 0, 30),
    "nothing": piece(WHOLE[4], 8, 8, more=True),
    "nothing, the last": piece(WHOLE[4], 8, 8, more=False),
    "behind the longest packet": piece(ipv4(bytes(65_600), total=0), 65_512, 65_528, more=True),
    "IPv6, not a multiple of 8": piece(WHOLE[6], 0, 30),
    "IPv6, behind the longest packet": piece(ipv6(bytes(65_600), length=0), 65_528, 65_544, more=True),
    "IPv6, a header that is longer than the packet": ipv6(b"", extensions=[(44, bytes.fromhex("00000100000000"))], length=4),
}


@pytest.mark.parametrize("name", WRONG)
def test_places_and_lengths_that_cannot_be_right(name: str) -> None:
    found = read(WRONG[name], WHOLE[4])
    assert kinds(found) == [("ip-malformed", 1, 1)]
    assert len(found) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_the_largest_datagram(version: int) -> None:
    make, room = (ipv4, 65_515) if version == 4 else (ipv6, 65_535)
    packet = make(tcp(payload=bytes(room - 20)))
    found = read(*pieces(packet, 1480))
    assert found.tcp.length.tolist() == [room - 20]
    assert found.notices == ()


def test_a_header_that_only_the_first_piece_has_may_be_too_long() -> None:
    packet = ipv4(tcp(payload=bytes(65_495)))
    long = ipv4(packet[20:28], options=bytes(40), fragment=0x2000)
    long = long[:4] + b"\0\x07" + long[6:]
    found = read(*pieces(packet, 8 * 1024)[1:], piece(packet, 8, 8192, more=True), long)
    assert (len(found), kinds(found)) == (0, [("ip-malformed", 9, 1)])


@pytest.mark.parametrize("extension", [(0, bytes(7)), (60, bytes([1]) + bytes(14)), (51, bytes([4]) + bytes(22))])
def test_ipv6_headers_in_front_of_the_fragment_header(extension: tuple[int, bytes]) -> None:
    packet = ipv6(SEGMENT, extensions=[extension])
    found = read(*pieces(packet, 32, head=41 + len(extension[1])))
    assert whole(found)
    assert found.notices == ()


def test_ipv4_options_of_the_first_piece_stay() -> None:
    found = read(*pieces(ipv4(SEGMENT, options=b"\x01" * 12), 40, head=32))
    assert whole(found)
    assert int(found.tcp.at[0] - found.tcp.ip[0]) == 32


def test_which_datagram_is_told_by_addresses_protocol_and_number() -> None:
    """Five datagrams, woven: they differ in one of these each."""
    other = SEGMENT[:24] + bytes(90)
    packets = WHOLE[4], ipv4(other, "10.0.0.9"), ipv4(other, target="10.0.0.9"), ipv4(other, protocol=17)
    sets = [pieces(packet, 64) for packet in packets] + [pieces(ipv4(other), 64, number=8)]
    found = read(*(part for row in zip(*sets, strict=True) for part in row))
    assert found.tcp.row.tolist() == [5, 6, 7, 9]
    assert [data(found, index) for index in range(4)] == [bytes(range(90)), *[bytes(90)] * 3]
    assert (found.counts["udp"], found.notices) == (1, ())
    first, last = pieces(WHOLE[6], 64)
    six = read(first, pieces(WHOLE[6], 64, number=8)[1], pieces(ipv6(SEGMENT, "2001:db8::9"), 64)[1], last)
    assert (whole(six), kinds(six)) == (True, [("ip-fragment", 2, 2)])


@pytest.mark.parametrize("version", [4, 6])
def test_pieces_that_come_too_late(version: int) -> None:
    parts = pieces(WHOLE[version], 64)
    assert whole(read(*parts, gap=60 * SECOND))
    late = read(*parts, gap=60 * SECOND + 1)
    assert (len(late), kinds(late)) == (0, [("ip-fragment", 2, 1)])


def test_packets_without_a_time_wait_for_ever() -> None:
    batch = batch_of(*pieces(WHOLE[4], 64), link=101)
    batch.time[:] = NO_TIME
    assert whole(table(batch))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("which", range(3))
def test_cut_pieces_leave_what_stands_before_them(version: int, which: int) -> None:
    parts = pieces(WHOLE[version], 40)
    head = len(parts[0]) - 40
    for cut in range(head, len(parts[which])):
        shorter = [*parts[:which], parts[which][:cut], *parts[which + 1 :]]
        batch = batch_of(*shorter, link=101, wire=[len(part) for part in parts])
        found = table(batch)
        left = 40 * which + cut - head
        if left < 14:
            assert kinds(found) == [("headers-cut", 1, 3)]
            continue
        assert (found.tcp.length.tolist(), found.tcp.seq.tolist()) == ([90], [5000])
        assert data(found) == bytes(range(max(left - 24, 0)))


@pytest.mark.parametrize("version", [4, 6])
def test_cut_at_any_byte(version: int) -> None:
    for part in pieces(WHOLE[version], 40):
        for cut in range(len(part)):
            found = table(batch_of(part[:cut], b"\xff" * 60, link=101, wire=[len(part), 60]))
            assert len(found) == 0
            assert sum(notice.count for notice in found.notices) == 1


CHATTER = (*CHAT, c(2, bytes(range(256)) * 9), c(1, "x" * 700))


#: What does not depend on how the packets were sent.
_SAME = ("number", "side", "kind", "content", "length", "wire_length", "time")


def in_pieces(wire: Wire, size: int, turn: int = 0) -> tuple[list[Packet], list[int]]:
    """A conversation in fragments, and for each packet the number of the one it is a piece of; with ``turn`` the last
    pieces come first.
    """
    packets: list[Packet] = []
    origin: list[int] = []
    for number, (time, packet) in enumerate(wire.packets, 1):
        parts = pieces(packet, size, number=number)
        parts = parts if len(parts) > 1 else [packet]
        parts = parts[turn % len(parts) :] + parts[: turn % len(parts)]
        packets += [Packet(time, part) for part in parts]
        origin += [number] * len(parts)
    return packets, origin


@pytest.mark.parametrize("ends", [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
@pytest.mark.parametrize(("size", "turn"), [(8, 0), (24, 1), (24, 2), (256, 0)])
def test_a_websocket_in_pieces_says_the_same_whatever_the_batch(ends: tuple[str, str], size: int, turn: int) -> None:
    wire = talk(CHATTER, Wire((ends[0], 40_000), (ends[1], 80)))
    packets, origin = in_pieces(wire, size, turn)
    broken = Wire(*wire.ends)
    broken.packets = packets
    expected = [event for event in told(wire) if isinstance(event, WebSocketMessage)]
    runs = [told(broken, size=step) for step in (0, 1, 2, 7)]
    assert runs[0] == runs[1] == runs[2] == runs[3]
    assert not [event for event in runs[0] if isinstance(event, CaptureProblem)]
    found = [event for event in runs[0] if isinstance(event, WebSocketMessage)]
    assert len(found) == len(expected) > 10
    for mine, plain in zip(found, expected, strict=True):
        assert [getattr(mine, name) for name in _SAME] == [getattr(plain, name) for name in _SAME]
        assert {origin[number - 1] for number in mine.packets} == set(plain.packets)
    frames = [list(map(repr, told(broken, Wanted(contents=False), step))) for step in (0, 1, 7)]
    assert frames[0] == frames[1] == frames[2]
    (connection,), (known,) = connections(packets), connections(wire.packets)
    assert (connection.outcome, connection.rtt, connection.traffic) == (known.outcome, known.rtt, known.traffic)
    assert connection.application == known.application
    assert connections(packets, 1) == connections(packets, 7) == [connection]


def test_options_of_a_syn_in_pieces_are_read() -> None:
    wire = Wire().client(SYN, options=MSS + b"\x01\x03\x03\x07")
    packets, _ = in_pieces(wire, 8)
    (segment,) = connections(packets)[0].segments
    assert segment.options == MSS + b"\x01\x03\x03\x07"


def test_a_retransmission_in_pieces_is_no_new_data() -> None:
    wire = talk([c(1, "a" * 300)])
    again = next(packet for packet in wire.packets if len(packet.data) > 330)
    wire.packets.insert(wire.packets.index(again) + 1, Packet(again.time + TICK // 2, again.data))
    packets, _ = in_pieces(wire, 64)
    found = [event for event in _told(packets) if isinstance(event, WebSocketMessage)]
    assert [event.content for event in found if event.kind == "text"] == ["a" * 300]


def _told(packets: list[Packet], wanted: Wanted | None = None, size: int = 0) -> list[Event]:
    wire = Wire()
    wire.packets = packets
    return told(wire, wanted, size)


def test_what_is_missing_is_told_once_for_the_whole_capture() -> None:
    wire = Wire().open()
    time = wire.packets[-1].time
    lost = [Packet(time + n, pieces(WHOLE[4], 64, number=n)[0]) for n in range(1, 6)]
    for size in (0, 1, 3):
        (problem,) = [e for e in events(wire.packets + lost, size) if not isinstance(e, TcpConnection)]
        assert isinstance(problem, CaptureProblem)
        assert (problem.count, problem.packets) == (5, (4,))
        assert problem.problems[0].text == f"5 packets {MISSING}; the first is packet 4"


def held(fragments: Fragments) -> tuple[int, int, int]:
    """How many datagrams, bytes and pieces wait, counted anew."""
    waiting = fragments._waiting.values()
    counted = sum(len(part.data) for one in waiting for part in one.pieces), sum(len(one.seen) for one in waiting)
    assert (fragments._held, fragments._pieces) == counted
    return len(waiting), *counted


def test_a_flood_of_first_pieces_stays_within_bounds() -> None:
    fragments = Fragments()
    for start in range(0, 6000, 500):
        flood = [piece(ipv4(bytes(4000), f"10.1.{n >> 8}.{n & 255}"), 0, 3992) for n in range(start, start + 500)]
        found = table(batch_of(*flood, link=101, first=start + 1), fragments)
        assert found.notices == ()
        datagrams, size, _ = held(fragments)
        assert datagrams <= 1024
        assert size <= 1024 * 3992
    last = pieces(ipv4(SEGMENT), 64)
    assert whole(table(batch_of(*last, link=101, first=6001), fragments))
    crowded, missing = sorted(fragments.close(), key=lambda notice: notice.packet)
    assert (crowded.count, crowded.packet, missing.count, missing.packet) == (4977, 1, 1023, 4978)
    assert fragments.close() == []


def test_a_flood_of_large_pieces_stays_within_bounds() -> None:
    fragments = Fragments()
    for start in range(0, 600, 50):
        flood = [piece(ipv4(bytes(65_000), f"10.1.{n >> 8}.{n & 255}"), 0, 64_000) for n in range(start, start + 50)]
        table(batch_of(*flood, link=101, first=start + 1), fragments)
        assert held(fragments)[1] <= (16 << 20) + 64_000
    assert sum(notice.count for notice in fragments.close()) == 600


def test_a_flood_of_small_pieces_stays_within_bounds() -> None:
    fragments = Fragments()
    for number in range(8):
        packet = ipv4(bytes(65_000))
        flood = [piece(packet, at, at + 8, number=number, more=True) for at in range(0, 48_000, 16)]
        table(batch_of(*flood, link=101), fragments)
        assert held(fragments)[2] <= 16_385
    assert sum(notice.count for notice in fragments.close()) == 24_000


def test_pieces_that_overlap_again_and_again_are_given_up() -> None:
    fragments = Fragments()
    holes = [piece(ipv4(bytes(65_000)), at, at + 8, more=True) for at in range(0, 64_000, 16)]
    over = [piece(ipv4(bytes([n]) * 65_000), 0, 64_000 - 8 * n, more=True) for n in range(1, 200)]
    table(batch_of(*holes, *over, link=101), fragments)
    assert held(fragments) == (1, 0, 0)
    overlaps = [notice for notice in fragments.close() if "put up with" in notice.text]
    assert [(notice.count, notice.packet) for notice in overlaps] == [(4199, 1)]


@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from([4, 6]), st.integers(0, 14), st.integers(0, 60), st.booleans(), st.integers(0, 1), st.integers(0, 9)
        ),
        max_size=25,
    ),
    ethernets=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_any_pieces_in_any_order(parts: list[tuple[int, int, int, bool, int, int]], ethernets: bool) -> None:
    packets = []
    for version, at, size, more, number, less in parts:
        made = piece(WHOLE[version], 8 * at, 8 * at + size, more=more, number=number)
        made = made[: len(made) - less]
        packets.append(ethernet(made) if ethernets and made else made)
    link = 1 if ethernets else 101
    together = table(batch_of(*packets, link=link))
    fragments = Fragments()
    apart = [table(batch_of(packet, link=link, first=at), fragments) for at, packet in enumerate(packets, 1)]
    assert len(together) == sum(map(len, apart))
    assert [data(together, at) for at in range(len(together))] == [data(one) for one in apart if len(one)]
    counted = sum(notice.count for one in apart for notice in one.notices) + sum(n.count for n in fragments.close())
    assert sum(notice.count for notice in together.notices) == counted
    held(fragments)
