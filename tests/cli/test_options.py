"""What all reading commands take: one capture or several, compressed or not, and a capture filter."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CAPTURES
from tests.make import START, Record, conversation, frame, pcap
from tests.run import CONTROLS, ROOT, environment, inside, process
from tests.talk import s, talk
from tests.wire import pcap as of_packets

Save = Callable[..., Path]

_COMMANDS = ("handshake", "ws-trace")

_PAIR = pcap([Record(frame(source=5000 + index, target=port), START + index) for index, port in enumerate((80, 81, 80))])


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_compressed_capture_looks_like_the_plain_one(command: str, saved: Save) -> None:
    path = saved(gzip.compress(CAPTURES["websocket"].read_bytes()), "named-anyhow.dat")
    assert inside(command, str(path)) == inside(command, "websocket")
    assert process(command, "-", "--json", stdin=path) == process(command, "websocket", "--json")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "koi8-r"])
def test_json_escapes_what_stdout_cannot_write(encoding: str, saved: Save) -> None:
    texts = ["grüße", "温度", "\U0001f600 \U0010ffff", "\u202e\x7f", "ж"]
    path = saved(of_packets(talk([s(1, text) for text in texts]).packets))
    command = [sys.executable, "-m", "netviz", "ws-trace", str(path), "--json"]
    env = environment(PYTHONIOENCODING=encoding)
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=env, check=True)
    assert done.stderr == b""
    lines = [json.loads(line) for line in done.stdout.decode(encoding).splitlines()]
    said = [line["text"] for line in lines if line["event"] == "websocket.message" and line["kind"] == "text"]
    assert said == texts
    assert lines == [json.loads(line) for line in inside("ws-trace", str(path), "--json").out.splitlines()]


def test_a_compressed_capture_that_is_cut_is_told_below_its_packets(saved: Save) -> None:
    run = inside("handshake", str(saved(gzip.compress(CAPTURES["websocket"].read_bytes())[:-40])), columns=120)
    assert run.status == 0
    assert "cannot be unpacked behind packet" in run.out
    assert "ESTABLISHED" in run.out


def test_a_cut_file_among_several_is_named(saved: Save) -> None:
    cut = saved(pcap(conversation(3))[:-1], "the cut one.pcap")
    later = saved(pcap([Record(frame(), START + 10**9)]), "later.pcap")
    assert "the cut one.pcap: the file ends inside" in inside("handshake", str(later), str(cut), columns=400).out


@pytest.mark.parametrize("command", _COMMANDS)
@pytest.mark.parametrize("option", ["-f", "--filter"])
def test_a_filter(command: str, option: str, saved: Save) -> None:
    run = inside(command, str(saved(_PAIR)), option, "port 80", "--json")
    assert run.status == 0
    assert '"packets": [2]' not in run.out
    assert inside(command, "websocket", option, "port 1").status == 0


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_wrong_filter(command: str) -> None:
    run = inside(command, "websocket", "-f", "tcp and websocket")
    assert (run.status, run.out) == (2, "")
    assert run.err.splitlines() == [
        "netviz: the capture filter is wrong: syntax error in filter expression",
        "        tcp and websocket",
        "                ^^^^^^^^^",
        "        capture filters see addresses and ports; websocket is a protocol inside TCP.",
        "        netviz finds WebSockets by itself, on any port: netviz ws-trace FILE",
        "        for packets of one port only: -f 'tcp port 8080'",
    ]


def test_a_wrong_filter_is_told_before_a_capture_is_read(saved: Save) -> None:
    assert "filter is wrong" in inside("handshake", str(saved(b"this is no capture")), "-f", "tcp port").err


def test_a_hostile_filter_does_not_reach_the_terminal() -> None:
    run = inside("handshake", "websocket", "-f", "tcp \x1b[31m\u202e")
    assert run.status == 2
    assert not any(control in run.err for control in (*CONTROLS, "\u202e"))


def test_what_to_type_next_names_the_filter(saved: Save) -> None:
    path = saved(_PAIR)
    line = next(line for line in inside("handshake", str(path), "-f", "tcp port 80", columns=400).out.splitlines()
                if "--connection" in line)  # fmt: skip
    words = shlex.split(line[line.index("netviz") :])
    assert words[words.index("-f") + 1] == "tcp port 80"
    assert inside(*words[1:]).status == 0
