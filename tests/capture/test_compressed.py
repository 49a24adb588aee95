"""Compressed captures are read as if they were not; what cannot be unpacked costs only what lies behind."""

from __future__ import annotations

import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture import compressed
from netviz.capture.compressed import Unpacked, packing
from netviz.capture.file import Files
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError
from tests.conftest import CAPTURES
from tests.make import Reading, Record, conversation, feed, frame, pcap, pcapng, read

_ZSTD = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _zstd(data: bytes) -> bytes:
    packed: bytes = _ZSTD.compress(data, options={_ZSTD.CompressionParameter.checksum_flag: 1})
    return packed


def _lz4(data: bytes) -> bytes:
    size = lz4.frame.BLOCKSIZE_MAX64KB
    packed: bytes = lz4.frame.compress(data, content_checksum=True, block_checksum=True, block_size=size)
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": _zstd, "lz4": _lz4}

_CAPTURE = pcap(conversation(60))

formats = pytest.mark.parametrize("name", PACK)


def _same(left: Reading, right: Reading) -> bool:
    return left.packets == right.packets and left.problems == right.problems


@formats
@pytest.mark.parametrize("sizes", [[], [1] * 10_000, [7, None, 3, None] * 1000], ids=["whole", "bytes", "silence"])
def test_it_reads_as_the_plain_capture(name: str, sizes: list[int | None]) -> None:
    for data in (_CAPTURE, pcapng(conversation(20), ">")):
        assert _same(read(PACK[name](data), sizes), read(data))


@formats
def test_every_capture_of_the_repository(name: str) -> None:
    for path in CAPTURES.values():
        assert _same(read(PACK[name](path.read_bytes())), read(path.read_bytes())) or "cut" in path.name


@formats
def test_members_follow_one_another(name: str) -> None:
    pieces = [PACK[name](_CAPTURE[at : at + 500]) for at in range(0, len(_CAPTURE), 500)]
    assert _same(read(b"".join([*pieces, PACK[name](b"")])), read(_CAPTURE))


def test_zeros_behind_gzip_are_padding() -> None:
    assert _same(read(gzip.compress(_CAPTURE) + bytes(1000)), read(_CAPTURE))


@pytest.mark.parametrize("name", ["zstd", "lz4"])
def test_frames_to_skip_are_skipped(name: str) -> None:
    skipped = b"\x57\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    assert _same(read(PACK[name](_CAPTURE) + skipped + PACK[name](b"")), read(_CAPTURE))


def test_a_file_may_start_with_a_frame_to_skip() -> None:
    assert _same(read(b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"pzst" + _zstd(_CAPTURE)), read(_CAPTURE))


def test_what_is_cut_before_it_was_packed_is_told_of_the_unpacked_file() -> None:
    reading = read(gzip.compress(_CAPTURE[:-1]))
    ((problem,),) = (event.problems for event in reading.problems)
    assert (problem.kind, problem.packet) == ("file-cut", 59)
    assert problem.text.startswith("the unpacked file ends inside the record behind packet 59")


@formats
def test_every_truncation(name: str) -> None:
    data = pcap(conversation(16))
    whole = read(data).packets
    packed = PACK[name](data[:600]) + PACK[name](data[600:])
    most = 0
    for size in range(4, len(packed)):
        try:
            reading = read(packed[:size])
        except NetvizError:
            assert most == 0
            continue
        assert reading.packets == whole[: len(reading.packets)]
        assert len(reading.packets) >= most
        most = len(reading.packets)
        assert reading.kinds == ["file-cut"]
        assert reading.problems[0].packets == ((most,) if most else ())
        # Between two members the packed data are whole, and what is cut is the record in them.
        text = f"the file cannot be unpacked behind packet {most}: its {name} data ends early at byte {size}"
        assert (reading.problems[0].problems[0].text == text) is (size != len(PACK[name](data[:600])))
    assert most == len(whole)


@formats
def test_every_byte_flipped(name: str) -> None:
    packed = PACK[name](pcap(conversation(12)))
    for at in range(4, len(packed)):
        broken = bytearray(packed)
        broken[at] ^= 0xFF
        try:
            reading = read(bytes(broken))
        except NetvizError:
            continue
        assert len(reading.packets) <= 40
        assert all(problem.text for event in reading.problems for problem in event.problems)


@formats
def test_what_comes_before_the_damage_is_read(name: str) -> None:
    noise = random.Random(1)
    records = [Record(frame(payload=noise.randbytes(1000))) for _ in range(600)]
    packed = bytearray(PACK[name](pcap(records)))
    at = len(packed) * 3 // 4
    packed[at : at + 2000] = bytes(2000)
    reading = read(bytes(packed))
    # A block of zstd holds 128 KiB.
    assert len(reading.packets) > 300
    assert reading.data[:300] == [record.data for record in records[:300]]
    last = reading.problems[-1].problems[0]
    assert last.kind == "file-damaged"
    assert 0 <= len(packed) - int(last.text.rsplit(None, 1)[1]) <= len(packed) // 2


@formats
def test_a_wrong_checksum_costs_nothing_but_is_told(name: str) -> None:
    packed = bytearray(PACK[name](_CAPTURE))
    packed[-5 if name == "gzip" else -1] ^= 1
    reading = read(bytes(packed))
    assert reading.packets == read(_CAPTURE).packets
    assert reading.kinds == ["file-damaged"]


@formats
def test_garbage_behind_is_told(name: str) -> None:
    reading = read(PACK[name](_CAPTURE) + b"garbage that is nothing")
    assert reading.packets == read(_CAPTURE).packets
    (problem,) = reading.problems[0].problems
    assert problem.text.endswith(f"its {name} data is damaged at byte {len(PACK[name](_CAPTURE))}")


@formats
def test_what_ends_before_the_first_packet_is_an_error(name: str) -> None:
    with pytest.raises(NetvizError, match=f"no packet of memory can be read: its {name} data ends early"):
        read(PACK[name](_CAPTURE)[:12])


@formats
@pytest.mark.parametrize("inner", [*PACK, "bzip2"])
def test_what_is_packed_twice_is_told(name: str, inner: str) -> None:
    import bz2

    data = {**PACK, "bzip2": bz2.compress}[inner](_CAPTURE)
    with pytest.raises(NetvizError, match=f"unpacked with {name} it starts with") as caught:
        read(PACK[name](data))
    assert "compressed twice" in caught.value.hint
    assert f"{inner} -dc" in caught.value.hint


@formats
def test_a_library_that_is_missing_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> object:
        raise ImportError(module)

    monkeypatch.setattr(compressed, "import_module", missing)
    if name == "gzip":
        assert read(gzip.compress(_CAPTURE)).packets
        return
    with pytest.raises(NetvizError, match=f"packed with {name}") as caught:
        read(PACK[name](_CAPTURE))
    assert f"{name} -dc memory" in caught.value.hint


@formats
def test_a_bomb_takes_no_memory(name: str) -> None:
    stream = (zlib.compressobj(9, zlib.DEFLATED, 31), None)[name != "gzip"]
    zeros = bytes(1 << 20)
    head = pcap([])
    if stream is not None:
        packed = stream.compress(head) + b"".join(stream.compress(zeros) for _ in range(64)) + stream.flush()
    else:
        packed = PACK[name](head) + PACK[name](zeros) * 64
    unpacked = Unpacked(packed, lambda view: 0, "bomb")
    piece = memoryview(bytearray(1 << 16))
    total = 0
    tracemalloc.start()
    try:
        while got := unpacked.read_into(piece):
            total += got
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (total, unpacked.damage) == (len(head) + (64 << 20), None)
    assert most < 16 << 20


def test_what_each_format_starts_with() -> None:
    for name, pack in PACK.items():
        assert packing(pack(b"x")) == name
    for head in (b"", b"\x1f", b"BZh9", b"\xfd7zXZ\x00", b"\x60\x2a\x4d\x18", _CAPTURE[:24]):
        assert packing(head) is None


@formats
def test_progress_counts_what_lies_on_disk(name: str, tmp_path: Path) -> None:
    path = tmp_path / "named.txt"
    path.write_bytes(PACK[name](_CAPTURE))
    source = Files([path])
    assert source.size == path.stat().st_size
    assert sum(map(len, source)) == 60
    assert source.progress == 1


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["1f8b0800", "28b52ffd", "04224d18", "502a4d18"]).map(bytes.fromhex), st.binary(max_size=300))
def test_garbage_ends_in_an_error(magic: bytes, rest: bytes) -> None:
    with pytest.raises(NetvizError):
        list(read_capture(feed(magic + rest), "memory", read(pcap([])).metadata))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PACK)), st.data())
def test_damage_anywhere_ends_in_problems(name: str, data: st.DataObject) -> None:
    packed = bytearray(PACK[name](pcap(conversation(30))))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        reading = read(bytes(packed), data.draw(st.lists(st.one_of(st.none(), st.integers(1, 50)), max_size=20)))
    except NetvizError:
        return
    assert all(problem.text for event in reading.problems for problem in event.problems)
