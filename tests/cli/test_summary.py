"""``netviz summary``: exit status, what each output is, pipes, damaged and empty captures."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from netviz.samples import samples
from tests.conftest import CAPTURES
from tests.make import Record, ethernet, ipv4, pcap, pcapng, udp
from tests.run import CONTROLS, ROOT, environment, inside, process


@pytest.mark.parametrize("output", [[], ["--plain"], ["--json"], ["--ascii"]])
def test_every_capture_is_summed_up(capture: Path, output: list[str]) -> None:
    run = inside("summary", str(capture), *output, columns=80)
    assert (run.status, run.err) == (0, "")
    assert run.out
    assert not any(control in run.out for control in CONTROLS)
    assert "--ascii" not in output or run.out.isascii()


@pytest.mark.parametrize(
    ("name", "status"), [("websocket", 0), ("refused", 1), ("cut-file", 1), ("rejected", 1), ("violations", 1)]
)
def test_check(name: str, status: int) -> None:
    assert inside("summary", name).status == 0
    for output in ([], ["--plain"], ["--json"]):
        assert inside("summary", name, "--check", *output).status == status


def test_colour_is_asked_for() -> None:
    assert "\x1b[" in inside("summary", "mixed", "--color", "always").out
    assert "\x1b[" not in inside("summary", "mixed", "--color", "never").out


def test_commands_name_what_was_asked_for(tmp_path: Path) -> None:
    assert "netviz handshake refused" in inside("summary", "refused").out
    assert "netviz handshake captures/refused.pcapng" in inside("summary", "captures/refused.pcapng").out
    path = tmp_path / "my capture.pcapng"
    path.write_bytes(CAPTURES["refused"].read_bytes())
    assert f"netviz handshake '{path}'" in inside("summary", str(path)).out
    assert "netviz handshake refused websocket" in inside("summary", "refused", "websocket").out


@pytest.mark.parametrize("name", sorted(samples()))
def test_commands_that_are_offered_run(name: str) -> None:
    offered = [line for line in inside("summary", name, "--plain").out.splitlines() if line.startswith("next netviz ")]
    assert len(offered) >= 2
    for line in offered:
        run = inside(*line.removeprefix("next netviz ").partition(":")[0].split())
        assert (run.status, run.err) == (0, ""), line
        assert run.out


def test_a_pipe() -> None:
    run = process("summary", "-", stdin=CAPTURES["refused"])
    assert (run.status, run.err) == (0, "")
    assert "standard input" in run.out
    assert "what came through a pipe is gone" in run.out


def test_several_files() -> None:
    (line,) = inside("summary", "websocket", "refused", "--json").out.splitlines()
    assert json.loads(line)["outcomes"] == {"established": 1, "refused": 1}


def test_a_browser_that_speaks_quic_is_told_so(saved: Callable[..., Path]) -> None:
    initial = bytes.fromhex("c3 00000001 08") + bytes(1200)
    packets = [
        ethernet(ipv4(udp(50_000, 443, initial), protocol=17)),
        ethernet(ipv4(udp(443, 50_000, b"\x47" + bytes(40)), "10.0.0.2", "10.0.0.1", protocol=17)),
    ]
    out = inside("summary", str(saved(pcap(map(Record, packets))))).out
    assert "2 UDP packets are QUIC" in out
    assert "[first: packet 1]" in out
    assert "--disable-quic" in out


@pytest.mark.parametrize("data", [pcap([]), pcapng([]), pcap([])[:24]])
def test_an_empty_capture_says_what_to_do(data: bytes, saved: Callable[..., Path]) -> None:
    run = inside("summary", str(saved(data)))
    assert (run.status, run.err) == (0, "")
    assert "no packet was captured" in run.out
    assert "tcpdump" in run.out
    assert "\nnext" not in run.out


@pytest.mark.parametrize("data", [b"", b"\xd4\xc3\xb2\xa1", b"<html>" * 10])
def test_what_is_no_capture_is_a_mistake(data: bytes, saved: Callable[..., Path]) -> None:
    run = inside("summary", str(saved(data)))
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("netviz: ")


@pytest.mark.parametrize("name", ["websocket", "snaplen", "refused"])
def test_every_length_of_a_cut_file(name: str, saved: Callable[..., Path]) -> None:
    data = CAPTURES[name].read_bytes()
    for length in range(24, len(data), max(1, len(data) // 40)):
        run = inside("summary", str(saved(data[:length], CAPTURES[name].name)), "--json")
        assert run.status in (0, 2), run.err
        assert all(json.loads(line)["event"] for line in run.out.splitlines())


@pytest.mark.parametrize("seed", range(12))
def test_damaged_captures(seed: int, saved: Callable[..., Path]) -> None:
    rng = random.Random(seed)
    data = bytearray(CAPTURES[rng.choice(["mixed", "snaplen", "websocket", "unreachable"])].read_bytes())
    for _ in range(rng.choice([1, 10, 200])):
        data[rng.randrange(24, len(data))] = rng.randrange(256)
    path = saved(bytes(data))
    for output in ([], ["--plain"], ["--json"]):
        run = inside("summary", str(path), *output, columns=80)
        assert (run.status, run.err) == (0, "")
        assert not any(control in run.out for control in CONTROLS)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are something else there")
def test_the_first_ctrl_c_tells_what_came() -> None:
    command = [sys.executable, "-m", "netviz", "summary", "-", "--plain"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment()) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(CAPTURES["refused"].read_bytes())
        running.stdin.flush()
        # Nothing tells from outside that it reads; a signal that comes before would end it at once.
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(3)
        running.send_signal(signal.SIGINT)
        told = running.stdout.read().decode()
        assert running.wait(30) == 130
    assert "1 TCP connection" in told
