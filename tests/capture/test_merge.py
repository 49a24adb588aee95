"""Several files are one capture, its packets in the order of time; mergecap is the oracle where it is installed."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.file import Files
from netviz.capture.merge import merged
from netviz.capture.metadata import Metadata
from netviz.capture.source import open_capture
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError
from tests.conftest import CAPTURES
from tests.make import (
    START,
    Packet,
    Record,
    conversation,
    epb,
    feed,
    frame,
    idb,
    option,
    packets_of,
    pcap,
    pcapng,
    read,
    shb,
    spb,
)
from tests.run import inside

Save = Callable[..., Path]


class _Memory:
    """An Input that lies in memory, read a few bytes at a time."""

    def __init__(self, data: bytes, name: str, turn: int | None = None, *, seekable: bool = True) -> None:
        self.name, self.seekable = name, seekable
        self._data, self._turn = data, turn
        self.begun = 0

    def batches(self, metadata: Metadata, first: int = 1) -> Iterator[Batch]:
        self.begun += 1
        sizes = [] if self._turn is None else [self._turn] * (len(self._data) // self._turn + 1)
        yield from read_capture(feed(self._data, sizes), self.name, metadata, first)

    def glance(self) -> Iterator[Batch]:
        assert self.seekable
        yield from read_capture(feed(self._data), self.name, Metadata(), at_once=1000)


def _files(*records: Sequence[Record], turn: int | None = None) -> list[_Memory]:
    return [_Memory(pcap(these, unit=1), f"{index}.pcap", turn) for index, these in enumerate(records)]


def _read(inputs: Sequence[_Memory], metadata: Metadata | None = None) -> list[Packet]:
    batches = list(merged(inputs, metadata or Metadata()))
    packets = [packet for batch in batches for packet in packets_of(batch)]
    assert [packet.number for packet in packets] == list(range(1, len(packets) + 1))
    assert all((batch.buffer[int((batch.offset + batch.captured).max(initial=0)) :] == 0).size >= 128 for batch in batches)
    return packets


def _record(name: str, time: int, size: int = 0) -> Record:
    return Record(name.encode() + bytes(size), START + time)


def _names(packets: Sequence[Packet]) -> str:
    return " ".join(packet.data.rstrip(b"\0").decode() for packet in packets)


def _heads(lists: Sequence[Sequence[Record]]) -> list[bytes]:
    """What mergecap does: of the packets that come next in each file, the earliest; of equals, that of the earlier file."""
    order = sorted((these for these in lists if these), key=lambda these: these[0].time)
    places = [0] * len(order)
    out = []
    while any(place < len(these) for place, these in zip(places, order, strict=True)):
        heads = [(these[place].time, index) for index, (place, these) in enumerate(zip(places, order, strict=True))
                 if place < len(these)]  # fmt: skip
        _, index = min(heads)
        out.append(order[index][places[index]].data)
        places[index] += 1
    return out


def test_files_that_follow_one_another_are_read_so_in_whatever_order_they_are_named() -> None:
    pieces = [[_record(f"{index}{place}", index * 100 + place) for place in range(4)] for index in range(5)]
    want = _names(_read(_files(*pieces)))
    assert want.split() == [f"{index}{place}" for index in range(5) for place in range(4)]
    for seed in range(10):
        shuffled = random.Random(seed).sample(pieces, len(pieces))
        assert _names(_read(_files(*shuffled, turn=50))) == want


def test_a_file_is_opened_when_its_time_comes() -> None:
    inputs = _files(*([_record("x", index * 10), _record("y", index * 10 + 1)] for index in range(4)))
    seen = [[one.begun for one in inputs] for _ in merged(inputs, Metadata())]
    assert seen[0] == [1, 0, 0, 0]
    assert seen[-1] == [1, 1, 1, 1]


def test_files_that_overlap_are_merged() -> None:
    one = [_record("a", 0), _record("b", 20, 30), _record("c", 40)]
    two = [_record("A", 10), _record("B", 20), _record("C", 50, 99)]
    for turn in (None, 7):
        assert _names(_read(_files(one, two, turn=turn))) == "a A b B c C"
        assert _names(_read(_files(two, one, turn=turn))) == "a A b B c C"


def test_of_packets_at_the_same_time_those_of_the_file_named_first_come_first() -> None:
    lists = [[_record(f"{letter}{place}", 5) for place in range(3)] for letter in "abc"]
    for turn in (None, 20):
        assert _names(_read(_files(*lists, turn=turn))) == "a0 a1 a2 b0 b1 b2 c0 c1 c2"


def test_packets_of_one_file_keep_their_order() -> None:
    back = [_record("a", 100), _record("b", 5), _record("c", 200)]
    other = [_record("X", 50), _record("Y", 100), _record("Z", 150)]
    assert _names(_read(_files(back, other))) == "X Y a b Z c"
    assert _names(_read(_files(other, back, turn=16))) == "X Y a b Z c"


def test_a_file_without_times_stays_behind_the_one_named_before() -> None:
    silent = shb() + idb() + spb(Record(b"s" * 4)) + spb(Record(b"t" * 4))
    late, early = pcap([_record("late", 100), _record("last", 200)], unit=1), pcap([_record("early", 50)], unit=1)
    named = {"silent": silent, "late": late, "early": early}

    def order(*names: str) -> str:
        return _names(_read([_Memory(named[name], name) for name in names]))

    assert order("late", "silent", "early") == "early late last ssss tttt"
    assert order("late", "early", "silent") == "early ssss tttt late last"
    assert order("silent", "late", "early") == "ssss tttt early late last"
    assert order("silent", "silent") == "ssss tttt ssss tttt"


def test_a_packet_without_a_time_keeps_its_place_in_its_file() -> None:
    mixed = shb() + idb() + epb(_record("aaaa", 0)) + spb(Record(b"none")) + epb(_record("cccc", 40_000))
    packets = _read([_Memory(mixed, "mixed"), *_files([_record("B", 20_000)])])
    assert _names(packets) == "aaaa none B cccc"
    assert packets[1].time is None


def test_link_types_may_differ() -> None:
    cooked, plain = pcap([_record("a", 0), _record("c", 2)], unit=1, link=113), pcap([_record("b", 1)], unit=1, link=1)
    assert [packet.link for packet in _read([_Memory(cooked, "c"), _Memory(plain, "p")])] == [113, 1, 113]
    both = list(merged(_files([_record("a", 0), _record("c", 2)], [_record("b", 1)]), Metadata()))
    # One link type for all takes no room, as in a file alone.
    assert {batch.link.strides for batch in both} == {(0,)}


def test_a_problem_says_in_which_file_it_is() -> None:
    one = pcap([_record("a", 0), _record("c", 20), _record("lost", 40)], unit=1)[:-1]
    two = pcap([_record("b", 10), _record("d", 30)], unit=1)
    batches = list(merged([_Memory(one, "one.pcap"), _Memory(two, "two.pcap")], Metadata()))
    ((event,),) = ([event] for batch in batches for event in batch.problems)
    (problem,) = event.problems
    assert (problem.kind, problem.packet, event.packets) == ("file-cut", 3, (3,))
    assert problem.text.startswith("one.pcap: the file ends inside the record behind packet 3: ")


def test_a_problem_of_a_packet_has_its_number_among_all() -> None:
    wrong = bytearray(epb(_record("wrong", 20_000)))
    wrong[20:24] = (60).to_bytes(4, "little")
    one = shb() + idb() + epb(_record("a", 0)) + bytes(wrong)
    two = pcapng([_record("b", 10_000), _record("c", 15_000), _record("d", 30_000)])
    batches = list(merged([_Memory(one, "packet 2 of us"), _Memory(two, "two")], Metadata()))
    ((event,),) = ([event] for batch in batches for event in batch.problems)
    assert (event.problems[0].kind, event.packets) == ("block-too-short", (4,))
    assert event.problems[0].text.startswith("packet 2 of us: ")
    assert event.problems[0].text.endswith("the first is packet 4")


def test_what_is_wrong_before_the_first_packet() -> None:
    damaged = bytearray(pcap(conversation(9), unit=1))
    damaged[24:40] = b"\xff" * 16
    batches = list(merged([_Memory(bytes(damaged), "d"), *_files([_record("x", -5)], [_record("y", 10**10)])], Metadata()))
    (event,) = [event for batch in batches for event in batch.problems]
    assert (event.problems[0].kind, event.packets, event.problems[0].packet) == ("file-damaged", (), 0)
    assert sum(map(len, batches)) == 10


def test_comments_are_those_of_the_numbers_among_all() -> None:
    def noted(name: str, time: int) -> bytes:
        return epb(_record(name, time), options=option(1, name.encode()) + option(0, b""))

    one = shb() + idb() + noted("aaaa", 0) + noted("cccc", 20_000)
    two = shb() + idb() + noted("bbbb", 10_000) + noted("dddd", 30_000)
    metadata = Metadata()
    _read([_Memory(one, "one"), _Memory(two, "two")], metadata)
    assert metadata.packet_comments == {1: "aaaa", 2: "bbbb", 3: "cccc", 4: "dddd"}
    assert len(metadata.interfaces) == 2


def test_what_can_be_read_only_once_is_read_once() -> None:
    early = _Memory(pcap([_record("a", 0)], unit=1), "early", seekable=False)
    late = _Memory(pcap([_record("b", 1)], unit=1), "late", seekable=False)
    assert _names(_read([late, early])) == "a b"
    assert (early.begun, late.begun) == (1, 1)


def test_empty_captures_add_nothing() -> None:
    nothing = [_Memory(pcap([]), "a"), _Memory(shb(), "b")]
    assert _read(nothing) == []
    assert _names(_read([*nothing, *_files([_record("x", 0)]), *nothing])) == "x"


def test_what_is_no_capture_is_told_before_anything_is_read() -> None:
    with pytest.raises(NetvizError, match="bad is not a capture"):
        next(merged([*_files([_record("x", 0)]), _Memory(b"no capture at all", "bad")], Metadata()))


_TIMES = st.lists(st.lists(st.integers(0, 30), max_size=12), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(_TIMES, st.sampled_from([None, None, 40, 100]))
def test_it_is_what_taking_the_earliest_next_packet_gives(times: list[list[int]], turn: int | None) -> None:
    lists = [[_record(f"{letter}{place}", time, place % 3) for place, time in enumerate(these)]
             for letter, these in zip("abcde", times, strict=False)]  # fmt: skip
    assert [packet.data for packet in _read(_files(*lists, turn=turn))] == _heads(lists)


@pytest.mark.skipif(shutil.which("mergecap") is None, reason="mergecap is not installed")
@pytest.mark.parametrize("seed", range(4))
def test_mergecap_agrees(seed: int, saved: Save, tmp_path: Path) -> None:
    noise = random.Random(seed)
    paths = []
    for index in range(4):
        times = sorted(noise.sample(range(10**6), 40))
        paths.append(saved(pcap([Record(frame(seq=time), START + time * 1000) for time in times]), f"{index}.pcap"))
    subprocess.run(["mergecap", "-F", "pcap", "-w", tmp_path / "all.pcap", *paths], check=True)
    assert _read_files(paths) == read((tmp_path / "all.pcap").read_bytes()).packets


def _read_files(paths: Sequence[Path]) -> list[Packet]:
    return [packet for batch in Files(paths) for packet in packets_of(batch)]


def _rising(packets: Sequence[Packet]) -> bool:
    times = [NO_TIME if packet.time is None else packet.time for packet in packets]
    return all(left < right for left, right in pairwise(times))


_WHOLE = sorted(name for name, path in CAPTURES.items() if _rising(read(path.read_bytes()).packets))


def test_enough_captures_have_times_that_rise() -> None:
    assert len(_WHOLE) > 8


@pytest.mark.parametrize("name", _WHOLE)
@pytest.mark.parametrize("command", ["handshake", "ws-trace"])
def test_pieces_of_a_capture_give_the_same_json(name: str, command: str, saved: Save) -> None:
    whole = read(CAPTURES[name].read_bytes())
    noise = random.Random(name)

    def save(parts: Sequence[Sequence[Packet]], kind: str) -> list[str]:
        paths = []
        for index, part in enumerate(parts):
            for link in {packet.link for packet in part}:
                records = [Record(p.data, p.time or 0, p.wire) for p in part if p.link == link]
                paths.append(str(saved(pcap(records, unit=1, link=link), f"{kind}{index}-{link}.pcap")))
        return noise.sample(paths, len(paths))

    size = max(len(whole.packets) // 4, 1)
    rotated = [whole.packets[at : at + size] for at in range(0, len(whole.packets), size)]
    mixed: list[list[Packet]] = [[], [], []]
    for packet in whole.packets:
        noise.choice(mixed).append(packet)
    alone = saved(pcap([], link=1), "alone.pcap")
    # A pcap file has no place for the secrets that a pcapng file may bring.
    source = open_capture(CAPTURES[name])
    held = [batch.secrets for batch in source][-1:]
    keys = saved(b"".join(content for blocks in held for _, content in blocks), "keys")
    given = ["--keylog", str(keys)] if any(held) and command == "ws-trace" else []
    want = [line for line in inside(command, "--json", str(CAPTURES[name])).out.splitlines() if '"file-' not in line]
    for paths in (save(rotated, "rotated"), [*save(mixed, "mixed"), str(alone)]):
        lines = inside(command, "--json", *paths, *given).out.splitlines()
        assert sorted(lines) == sorted(want)
        # A frame that is never whole is told at the end of its Batch or its connection, whichever comes first.
        assert [line for line in lines if "frame-cut" not in line] == [line for line in want if "frame-cut" not in line]
