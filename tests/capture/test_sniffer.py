"""What the process that captures writes: blocks that everybody reads, and counts of what is not in them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from netviz.capture.live import Drops
from netviz.capture.sniffer import Outbox, Sniffer, Wishes, enhanced, prologue, statistics
from netviz.capture.source import open_capture
from tests.make import frame

_META = struct.Struct("=IIII")


class _Head:
    def __init__(self, at: tuple[int, int], size: int) -> None:
        self._at, self._size = at, size

    def getts(self) -> tuple[int, int]:
        return self._at

    def getlen(self) -> int:
        return self._size


class _Device:
    """Gives these packets, some at a time, then nothing, or an error; the n-th comes at second 1000 and n µs."""

    def __init__(self, packets: list[bytes], *, link: int = 1, at_once: int = 3, error: str = "") -> None:
        self._packets = packets
        self._link, self._at_once, self._error = link, at_once, error
        self.given = 0

    def next_batch(self, most: int) -> tuple[bytes, bytes]:
        data, meta = b"", b""
        for _ in range(min(most, self._at_once)):
            if self.given == len(self._packets):
                if self._error and not meta:
                    raise OSError(self._error)
                break
            packet = self._packets[self.given]
            meta += _META.pack(1000, self.given, len(data), len(packet))
            data += packet
            self.given += 1
        return data, meta

    def dispatch(self, most: int, take: Any) -> None:
        data, meta = self.next_batch(most)
        for sec, usec, offset, size in _META.iter_unpack(meta):
            take(_Head((sec, usec), size), data[offset : offset + min(size, 60)])

    def stats(self) -> tuple[int, int, int]:
        return self.given + 7, 7, 2

    def datalink(self) -> int:
        return self._link

    def getfd(self) -> int:
        return -1


def _captured(path: Path, device: _Device, wishes: Wishes, *, stop: bool = True) -> tuple[Sniffer, str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        sniffer = Sniffer(device, wishes, descriptor)
        sniffer.stopped = time.time() if stop else None
        return sniffer, sniffer.run()
    finally:
        os.close(descriptor)


def _read(path: Path) -> tuple[list[bytes], list[int], dict[str, int]]:
    source = open_capture(path)
    packets, wires = [], []
    for batch in source:
        assert not batch.problems
        for offset, size, wire in zip(batch.offset.tolist(), batch.captured.tolist(), batch.wire.tolist(), strict=True):
            packets.append(batch.buffer[offset : offset + size].tobytes())
            wires.append(wire)
    return packets, wires, source.metadata.interfaces[0].statistics


_PACKETS = [frame(seq=number) + bytes(number) for number in range(10)]


def test_what_was_captured_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    sniffer, trouble = _captured(path, _Device(_PACKETS), Wishes("lo", "tcp", program="netviz 1"))
    packets, wires, counts = _read(path)
    assert (packets, wires, trouble) == (_PACKETS, [len(packet) for packet in _PACKETS], "")
    assert (sniffer.taken, sniffer.delivered) == (10, 10)
    drops = Drops(counts)
    assert (drops.received, drops.kernel, drops.interface, drops.netviz) == (17, 7, 2, 0)
    metadata = open_capture(path).metadata
    assert metadata.sections == []  # nothing is read before it is asked for
    source = open_capture(path)
    list(source)
    interface = source.metadata.interfaces[0]
    assert (interface.name, interface.filter, source.metadata.sections[0].program) == ("lo", "tcp", "netviz 1")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    _captured(path, _Device(_PACKETS), Wishes("lo"))
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"]
    said = subprocess.run(["tshark", "-r", str(path), *fields], capture_output=True, text=True, check=True)
    rows = [line.split() for line in said.stdout.splitlines()]
    assert rows == [[f"1000.{number:06}000", str(len(packet))] for number, packet in enumerate(_PACKETS)]


def test_cut_packets_keep_their_length(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    long = [packet + bytes(100) for packet in _PACKETS]
    _captured(path, _Device(long), Wishes("lo", snaplen=60))
    packets, wires, _ = _read(path)
    assert packets == [packet[:60] for packet in long]
    assert wires == [len(packet) for packet in long]


@pytest.mark.parametrize("limit", [1, 3, 4, 9])
def test_no_more_than_asked_for(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    _captured(path, _Device(_PACKETS), Wishes("lo", limit=limit), stop=False)
    assert _read(path)[0] == _PACKETS[:limit]


def test_what_came_just_before_the_end_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    device = _Device(_PACKETS)
    sniffer = Sniffer(device, Wishes("lo"), descriptor := os.open(path, os.O_WRONLY | os.O_CREAT))
    calls = 0

    def late(most: int) -> tuple[bytes, bytes]:
        nonlocal calls
        calls += 1
        if calls == 10:  # after a long silence, and while what came is still with the kernel
            sniffer.stopped = time.time()
        return _Device.next_batch(device, most) if calls > 11 else (b"", b"")

    device.next_batch = late  # type: ignore[method-assign]  # this device is slow
    sniffer.run()
    os.close(descriptor)
    assert _read(path)[0] == _PACKETS


def test_it_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    _captured(path, _Device(_PACKETS), Wishes("lo", duration=0.01), stop=False)
    assert _read(path)[0] == _PACKETS


def test_what_the_device_says_at_its_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    assert _captured(path, _Device(_PACKETS, error="it went down"), Wishes("lo"), stop=False)[1] == "it went down"
    packets, _, counts = _read(path)
    assert (packets, counts["delivered"]) == (_PACKETS, 10)


def _cooked(link: int, leaving: bool, hardware: int) -> bytes:
    kind = 4 if leaving else 0
    if link == 113:
        return struct.pack("!HHHQH", kind, hardware, 6, 0, 0x0800) + b"payload"
    return struct.pack("!HHIHBBQ", 0x0800, 0, 1, hardware, kind, 6, 0) + b"payload"


@pytest.mark.parametrize("link", [113, 276])
def test_of_two_copies_on_loopback_one_is_kept(link: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    packets = [_cooked(link, leaving, hardware) for leaving in (True, False) for hardware in (772, 1)]
    _captured(path, _Device(packets, link=link), Wishes("any"))
    assert _read(path)[0] == [packets[1], packets[2], packets[3]]


def test_what_does_not_fit_is_counted_and_holds_nothing_up(tmp_path: Path) -> None:
    """Nobody reads the pipe until all packets came: what it and the queue hold is delivered, the rest counted."""
    reading, writing = os.pipe()
    device = _Device([frame() + bytes(1400)] * 1000, at_once=10)
    sniffer = Sniffer(device, Wishes("lo", queue=100_000), writing)
    sniffer.stopped = time.time()
    runs = threading.Thread(target=sniffer.run)
    runs.start()
    while device.given < 1000:
        time.sleep(0.01)
    path = tmp_path / "a.pcapng"
    with os.fdopen(reading, "rb") as pipe, path.open("wb") as file:
        taken = threading.Thread(target=lambda: file.writelines(iter(lambda: pipe.read1(65536), b"")))
        taken.start()
        runs.join()
        os.close(writing)
        taken.join()
    packets, _, counts = _read(path)
    assert 0 < len(packets) == sniffer.delivered < 1000
    assert Drops(counts).netviz == 1000 - len(packets)


def test_it_ends_where_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert Sniffer(_Device(_PACKETS * 1000), Wishes("lo"), writing).run() == ""
    os.close(writing)


def test_small_things_are_never_refused() -> None:
    outbox = Outbox(-1, 10)
    assert outbox.put(bytes(10))
    assert not outbox.put(b"x")
    assert outbox.put(b"x", always=True)


@pytest.mark.parametrize("size", range(6))
def test_blocks_are_padded(size: int) -> None:
    block = enhanced(1, bytes(size), size)
    assert len(block) % 4 == 0
    assert block[4:8] == block[-4:] == len(block).to_bytes(4, "little" if block[4] else "big")


@pytest.mark.parametrize(("link", "file"), [(1, 1), (12, 101), (14, 101), (113, 113)])
def test_raw_ip_has_another_number_in_files(link: int, file: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(prologue(Wishes("tun0"), link) + statistics(0, 0, 0, 0, 0))
    source = open_capture(path)
    list(source)
    assert source.metadata.interfaces[0].link == file
