"""BPF programs over a Batch: the same packets as libpcap lets through, and as tcpdump does with files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.bpf import Instruction, Machine, forward
from netviz.capture.source import open_capture
from tests.conftest import CAPTURES
from tests.make import batch_of, ethernet, frame, icmp, ipv4, ipv6, packets_of, read, tcp, udp

pcapy = pytest.importorskip("pcapy")

_EXPRESSIONS = (
    "tcp", "not tcp", "tcp port 80", "src port 80 or dst port 443", "host 10.0.0.1 and not port 80", "ip6", "arp", "icmp",
    "net 10.0.0.0/24", "portrange 40000-50000", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "vlan", "vlan and tcp",
    "greater 100", "less 80", "len % 3 == 1", "ip[2:2] > 80", "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
    "(ip[8] * 3 + 1) / 2 > 60", "ip[6:2] & 0x1fff = 0 and -ip[8] < 3", "tcp[2:2] ^ 3 > 9000", "len << 2 > 400",
    "ip[0] / (ip[1] - ip[1]) = 0", "ip[0] | 3 > 5", "ether host 02:00:00:00:00:01", "ip6 protochain 6", "ip broadcast",
    "tcp[100000] = 1", "1 = 1", "ip[9] - 20 > 4294967000", "ip proto 6 and ip[ip[0] & 0xf] > 1",
)  # fmt: skip

_PACKETS = (
    frame(), frame(target=443, payload=b"GET / HTTP/1.1"), frame(source=80, flags=18), ethernet(ipv6(tcp())), b"", b"\0" * 13,
    ethernet(ipv4(udp(), protocol=17)), ethernet(ipv4(icmp(8, 0), protocol=1)), ethernet(ipv4(tcp(), fragment=100)),
    ethernet(ipv4(tcp(target=443)), tags=[(0x8100, 5)]), ethernet(bytes(28), kind=0x0806), frame()[:30],
    frame(payload=bytes(90)),
    ethernet(ipv6(tcp(), extensions=[(0, bytes(7))])), ethernet(ipv4(tcp(), source="10.0.0.9", options=bytes(8))),
)  # fmt: skip


def _run(program: Sequence[Instruction], packets: Sequence[bytes], wire: Sequence[int] | None = None) -> list[bool]:
    batch = batch_of(*packets, wire=wire)
    passed: list[bool] = Machine(batch, np.arange(len(batch))).run(program).tolist()
    return passed


@pytest.mark.parametrize("expression", _EXPRESSIONS)
@pytest.mark.parametrize("optimized", [0, 1])
def test_it_agrees_with_libpcap(expression: str, optimized: int) -> None:
    compiled = pcapy.compile(1, 262_144, expression, optimized, 0xFF000000)
    program = compiled.get_bpf()
    if not forward(program):
        assert "protochain" in expression
        return
    assert _run(program, _PACKETS) == [compiled.filter(packet) != 0 for packet in _PACKETS]


_WORD = st.integers(0, 0xFFFFFFFF)
_SMALL = st.one_of(st.integers(0, 70), _WORD)


@st.composite
def _programs(draw: st.DrawFn) -> list[Instruction]:
    """A valid program of one block of anything that only goes on, some jumps, and returns."""
    size = draw(st.integers(1, 20))
    program: list[Instruction] = []
    for at in range(size):
        left = size - at - 1
        code = draw(st.sampled_from([0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0x01, 0x81, 0xB1, 0x61, 0x60, 0x02, 0x03,
                                     0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0x94, 0xA4, 0x0C, 0x1C, 0x2C, 0x3C,
                                     0x4C, 0x5C, 0x9C, 0xAC, 0x07, 0x87, 0x05, 0x15, 0x25, 0x35, 0x45, 0x1D, 0x2D, 0x3D,
                                     0x4D]))  # fmt: skip
        jump = st.integers(0, left)
        true, false = (draw(jump), draw(jump)) if code & 7 == 5 else (0, 0)
        if code == 0x05:
            k, true, false = draw(jump), 0, 0
        elif code in (0x61, 0x60, 0x02, 0x03):
            k = draw(st.integers(0, 15))
        elif code in (0x34, 0x94):
            k = draw(st.integers(1, 0xFFFFFFFF))
        elif code in (0x64, 0x74):
            k = draw(st.integers(0, 31))
        else:
            k = draw(_SMALL)
        program.append((code, true, false, k))
    return [*program, (draw(st.sampled_from([0x06, 0x16])), 0, 0, draw(st.integers(0, 1)))]


def _calculated(mode: int, a: int, b: int) -> int:
    if mode in (0x60, 0x70):
        return 0 if b > 31 else a << b if mode == 0x60 else a >> b
    if mode in (0x30, 0x90):
        return a // b if mode == 0x30 else a % b
    return {0x00: a + b, 0x10: a - b, 0x20: a * b, 0x40: a | b, 0x50: a & b, 0x80: -a, 0xA0: a ^ b}[mode]


def _plainly(program: Sequence[Instruction], packet: bytes) -> bool:
    """The machine as the paper has it, for one packet."""
    a = x = at = 0
    cells = [0] * 16
    while True:
        code, true, false, k = program[at]
        at += 1
        operand = x if code & 8 else k
        kind, mode = code & 7, code & 0xF0
        if kind == 6:
            return (a if code & 0x10 else k) != 0
        if kind in (0, 1):
            value = {0x00: k, 0x60: cells[k & 15], 0x80: len(packet)}.get(code & 0xE0)
            if value is None:
                size = 1 if code == 0xB1 else {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
                place = k + (x if code & 0xE0 == 0x40 else 0)
                if place + size > len(packet):
                    return False
                value = int.from_bytes(packet[place : place + size], "big")
                value = (value & 15) * 4 if code == 0xB1 else value
            a, x = (value, x) if kind == 0 else (a, value)
        elif kind in (2, 3):
            cells[k] = a if kind == 2 else x
        elif kind == 4:
            if mode in (0x30, 0x90) and not operand:
                return False
            a = _calculated(mode, a, operand) & 0xFFFFFFFF
        elif kind == 5:
            if mode == 0:
                at += k
                continue
            truth = {0x10: a == operand, 0x20: a > operand, 0x30: a >= operand, 0x40: a & operand != 0}[mode]
            at += true if truth else false
        else:
            a, x = (x, x) if code & 0x80 else (a, a)


@settings(max_examples=400, deadline=None)
@given(_programs(), st.lists(st.binary(max_size=60), min_size=1, max_size=6))
def test_any_program_does_what_the_machine_of_the_paper_does(program: list[Instruction], packets: list[bytes]) -> None:
    assert forward(program)
    assert _run(program, packets) == [_plainly(program, packet) for packet in packets]


def test_lengths_are_those_on_the_wire() -> None:
    program = pcapy.compile(1, 262_144, "greater 100", 1, 0).get_bpf()
    assert _run(program, [bytes(20), bytes(20)], wire=[99, 100]) == [False, True]


def test_a_load_does_not_leave_its_packet() -> None:
    last = pcapy.compile(1, 262_144, "ether[19] = 0", 1, 0).get_bpf()
    assert _run(last, [bytes(20), bytes(19), bytes(20)]) == [True, False, True]


def test_jumps_back_are_seen() -> None:
    assert not forward([(0x05, 0, 0, 0xFFFFFFFE), (0x06, 0, 0, 1)])
    assert forward([(0x05, 0, 0, 0), (0x06, 0, 0, 1)])


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
@pytest.mark.parametrize("expression", [e for e in _EXPRESSIONS if "broadcast" not in e])
def test_tcpdump_agrees(expression: str, tmp_path: Path) -> None:
    out, compared = tmp_path / "out.pcap", 0
    for path in CAPTURES.values():
        told = subprocess.run(["tcpdump", "-nr", path, "-w", out, expression], capture_output=True, check=False)
        if told.returncode:
            continue  # cut files, link types that differ, words that do not fit the link type
        compared += 1
        ours = [packet for batch in open_capture(path, matching=expression) for packet in packets_of(batch)]
        assert [packet.data for packet in ours] == read(out.read_bytes()).data
    assert compared > 5
