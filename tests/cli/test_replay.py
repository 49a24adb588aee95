"""``netviz replay`` where nobody looks: timed lines, what it refuses, and what it says where there is nothing to play."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import netviz.footage
from netviz.samples import samples
from tests.make import Record, ethernet, ipv4, pcap, udp
from tests.run import CONTROLS, ROOT, environment, inside, process

Save = Callable[..., Path]


class _Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000_000_000
        self.slept: list[float] = []

    def monotonic_ns(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(round(seconds * 1e9), 1_000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(time, "monotonic_ns", made.monotonic_ns)
    monkeypatch.setattr(time, "sleep", made.sleep)
    return made


def _times(out: str) -> list[float]:
    return [float(line.split()[0]) for line in out.splitlines() if " packet " in line]


@pytest.mark.parametrize(("speed", "takes"), [("1", 0.089954), ("0.1", 0.89954), ("10", 0.0089954), ("2.5x", 0.0359816)])
def test_lines_at_the_speed_that_was_asked_for(clock: _Clock, speed: str, takes: float) -> None:
    run = inside("replay", "websocket", "--speed", speed)
    assert (run.status, run.err) == (0, "")
    assert sum(clock.slept) == pytest.approx(takes, rel=0.1)


def test_max_does_not_wait(clock: _Clock) -> None:
    run = inside("replay", "socketio-heartbeat", "--speed", "max")
    assert run.status == 0
    assert clock.slept == []


def test_what_is_told_is_the_same_at_every_speed(clock: _Clock) -> None:
    wanted = inside("replay", "socketio-heartbeat", "--speed", "max").out
    assert inside("replay", "socketio-heartbeat", "--max-gap", "1h").out == wanted
    assert "silence" not in wanted


def test_long_silences_are_shortened_and_said(clock: _Clock) -> None:
    run = inside("replay", "socketio-heartbeat", "--max-gap", "500ms")
    assert max(clock.slept) == pytest.approx(0.5, abs=0.001)
    assert "- silence of 1.961 s, shortened to 500 ms" in run.out.splitlines()
    slow = inside("replay", "websocket", "--speed", "0.00001", "--max-gap", "1s").out
    assert any(line.startswith("- silence of ") and line.endswith("here 1.000 s") for line in slow.splitlines())


def test_lines_come_when_they_are_due() -> None:
    """Each one is there before the next is waited for."""
    running = subprocess.Popen([sys.executable, "-m", "netviz", "replay", "socketio-heartbeat", "--max-gap", "60s"], cwd=ROOT,
                               env=environment(), stdout=subprocess.PIPE, encoding="utf-8")  # fmt: skip
    assert running.stdout is not None
    first = [running.stdout.readline() for _ in range(20)]
    assert running.poll() is None
    running.send_signal(signal.SIGINT)
    running.communicate()
    assert running.returncode == 130
    assert "SYN" in first[0]


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_sample_is_told_in_order(name: str) -> None:
    run = inside("replay", name, "--speed", "max")
    assert (run.status, run.err) == (0, "")
    told = [line for line in run.out.splitlines() if " sends " in line and " packet " in line]
    packets = [int(line.split(" packet ")[1].split()[0]) for line in told]
    assert packets == sorted(packets)
    assert not any(control in run.out for control in CONTROLS)


def test_a_part() -> None:
    whole = inside("replay", "websocket", "--speed", "max").out.splitlines()
    part = inside("replay", "websocket", "--speed", "max", "--from", "20ms", "--until", "0.03").out.splitlines()
    assert part == [line for line in whole if 0.02 <= float(line.split()[0]) <= 0.03]
    assert part


def test_one_connection() -> None:
    out = inside("replay", "mixed", "--speed", "max", "-n", "3").out
    assert out
    assert all(" connection 3 " in line for line in out.splitlines())


def test_an_upgrade_does_not_know_its_answer_before_it_comes() -> None:
    lines = inside("replay", "websocket", "--speed", "max").out.splitlines()
    asked = next(line for line in lines if "upgrade asked for" in line)
    assert asked == "0.015674 connection 0 upgrade asked for: GET /echo"
    assert sum("upgrade accepted" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--speed", "0"], "is no speed"),
        (["--speed", "-1"], "is no speed"),
        (["--speed", "nan"], "is no speed"),
        (["--speed", "inf"], "is no speed"),
        (["--speed", "fast"], "'fast' is no speed; 1 is as it was"),
        (["--max-gap", "2 weeks"], "is no time; write seconds, or a unit behind them"),
        (["--max-gap", "-2s"], "is no time"),
        (["--from", "²"], "is no time"),
        (["--until", ""], "is no time"),
        (["--step"], "--step needs a terminal"),
        (["--connection", "7"], "no connection 7: the capture has only 0"),
        (["--from", "0", "no-such-file"], "no such file"),
    ],
)
def test_mistakes(words: list[str], message: str) -> None:
    run = inside("replay", "refused", *words)
    assert (run.status, run.out) == (2, "")
    assert message in " ".join(run.err.split())


@pytest.mark.parametrize(
    ("word", "lines"),
    [("0.12", 1), ("120ms", 1), ("120000us", 1), ("120000 µs", 1), (".12s", 1), ("0m", 2), ("0", 2)],
)
def test_times(word: str, lines: int) -> None:
    out = inside("replay", "refused", "--speed", "max", "--from", word).out
    assert sum(" sends " in line for line in out.splitlines()) == lines


def test_nothing_in_this_part() -> None:
    run = inside("replay", "refused", "--from", "1h")
    assert (run.status, run.out) == (0, "no TCP packet in this part of the capture; it lasts 0.600499 s\n")


def test_no_tcp(saved: Save) -> None:
    path = saved(pcap([Record(ethernet(ipv4(udp(payload=b"x"), protocol=17)))] * 3))
    run = inside("replay", str(path))
    assert run.status == 0
    assert run.out.splitlines()[0] == "nothing to play: 3 packets in it, but no TCP"
    assert run.out.splitlines()[1].startswith("what there is: netviz summary ")


def test_no_packets(saved: Save) -> None:
    run = inside("replay", str(saved(pcap([]))))
    assert (run.status, run.out) == (0, "nothing to play: no packet in it\n")


def test_nothing_passes_the_filter() -> None:
    run = inside("replay", "refused", "-f", "tcp port 1")
    assert (run.status, run.out) == (0, "nothing to play: no TCP packet matches the filter\n")


def test_a_damaged_file_says_so(saved: Save) -> None:
    data = samples()["refused"].read_bytes()
    run = inside("replay", str(saved(data[: len(data) // 2], "cut.pcapng")), "--speed", "max")
    assert run.status == 0
    assert "capture problem " in run.out
    nothing = inside("replay", str(saved(pcap([]) + b"\x01\x02", "cut.pcap")))
    assert nothing.out.splitlines()[0] == "nothing to play: no packet in it"
    assert "capture problem " in nothing.out


def test_no_capture(saved: Save) -> None:
    run = inside("replay", str(saved(b"this is no capture at all", "x.txt")))
    assert run.status == 2


def test_a_large_capture_says_where_its_film_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "PACKETS", 100)
    out = inside("replay", "mixed", "--speed", "max").out.splitlines()
    assert out[-1] == "- the capture goes on: a film holds the first 100 packets"


def test_standard_input() -> None:
    run = process("replay", "-", "--speed", "max", stdin=samples()["refused"])
    assert (run.status, run.out) == (0, inside("replay", "refused", "--speed", "max").out)


def test_a_broken_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([sys.executable, "-m", "netviz", "replay", "refused", "--speed", "max"], stdout=writer,
                              stderr=subprocess.PIPE, cwd=ROOT, env=environment(), check=False)  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_ascii_is_ascii() -> None:
    out = inside("replay", "websocket", "--speed", "max", "--ascii").out
    assert out
    assert out.isascii()
