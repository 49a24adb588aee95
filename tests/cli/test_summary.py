"""``netviz summary``: exit status, what each output is, pipes, damaged and empty captures."""

from __future__ import annotations

import gzip
import json
import random
import re
import shlex
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
    assert "netviz handshake refused websocket" in inside("summary", "refused", "websocket").out
    # Relative to where this runs if that is shorter, and quoted for the shell.
    told = re.search(r"netviz handshake ('[^']+')", inside("summary", str(path)).out)
    assert told is not None
    assert Path(shlex.split(told[1])[0]).resolve() == path.resolve()


@pytest.mark.parametrize("name", sorted(samples()))
def test_commands_that_are_offered_run(name: str) -> None:
    offered = [line for line in inside("summary", name, "--plain").out.splitlines() if line.startswith("next netviz ")]
    assert len(offered) >= 2
    for line in offered:
        run = inside(*line.removeprefix("next netviz ").partition(":")[0].split())
        assert (run.status, run.err) == (0, ""), line
        assert run.out


@pytest.mark.parametrize("option", ["-f", "--filter"])
def test_a_filter(option: str) -> None:
    run = inside("summary", "mixed", option, "tcp port 8765", "--plain")
    assert (run.status, run.err) == (0, "")
    lines = run.out.splitlines()
    assert lines[0].startswith("summary 449 packets, 18 TCP connections, 18 WebSockets")
    assert "filter only packets that match “tcp port 8765”" in lines
    offered = [line.removeprefix("next netviz ").partition(": ")[0] for line in lines if line.startswith("next ")]
    assert all(" -f 'tcp port 8765'" in words for words in offered)
    for words in offered:
        again = inside(*shlex.split(words))
        assert (again.status, again.err) == (0, ""), words
    (line,) = inside("summary", "mixed", option, "tcp port 8765", "--json").out.splitlines()
    told = json.loads(line)
    assert (told["filter"], told["packet_count"], told["connection_count"]) == ("tcp port 8765", 449, 18)


def test_one_packet_has_its_number_in_the_whole_capture() -> None:
    lines = inside("summary", "mixed", "-f", "udp", "--plain").out.splitlines()
    assert lines[-1] == "next netviz layers mixed 142: the first packet of DNS, layer by layer"
    assert "DNS" in inside("layers", "mixed", "142").out


def test_nothing_matches() -> None:
    run = inside("summary", "mixed", "-f", "port 3")
    assert (run.status, run.err) == (0, "")
    assert "no packet matches “port 3”" in run.out
    assert "no packet was captured" not in run.out
    assert "no packet was captured" not in inside("summary", "mixed", "-f", " ").out


def test_a_wrong_filter_is_a_mistake() -> None:
    run = inside("summary", "mixed", "-f", "tcp port")
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("netviz: the capture filter is wrong")


def test_a_compressed_capture(saved: Callable[..., Path]) -> None:
    data = CAPTURES["refused"].read_bytes()
    packed = gzip.compress(data)
    run = inside("summary", str(saved(packed, "any.name")), columns=120)
    assert (run.status, run.err) == (0, "")
    assert f"little-endian, gzip ({len(data):,} bytes unpacked), {len(packed):,} bytes on disk" in run.out
    (line,) = process("summary", "-", "--json", stdin=saved(packed)).out.splitlines()
    told = json.loads(line)
    assert (told["parts"][0]["packed"], told["parts"][0]["unpacked"]) == ("gzip", len(data))
    assert "size" not in told


def test_a_pipe() -> None:
    run = process("summary", "-", stdin=CAPTURES["refused"])
    assert (run.status, run.err) == (0, "")
    assert "standard input" in run.out
    assert "what has passed is gone" in run.out


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
