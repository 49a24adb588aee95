"""``netviz layers``: what it asks for, what it refuses, and every way to print."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from netviz.capture.source import open_capture
from netviz.samples import samples
from tests.run import ROOT, environment, inside, process


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Missing argument"),
        (("websocket",), "Which packet?"),
        (("websocket", "x"), "'x' is none"),
        (("websocket", "0"), "'0' is none"),
        (("websocket", "-1"), "No such option"),
        (("websocket", "²"), "is none"),
        (("websocket", "42"), "the capture has 41 packets"),
        (("websocket", "9" * 30), "the capture has 41 packets"),
        (("no-such-file", "1"), "no such file"),
        (("websocket", "9", "--layer", "dns"), "it has: physical, ethernet, ipv4, tcp, websocket, presentation, message"),
        (("websocket", "9", "--layer", ""), "has no layer"),
    ],
)
def test_mistakes(words: tuple[str, ...], message: str) -> None:
    run = inside("layers", *words)
    assert (run.status, run.out) == (2, "")
    assert message in run.err


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("tcp", "4 transport  TCP"), ("4", "4 transport  TCP"), ("transport", "4 transport  TCP"), ("TCP", "4 transport  TCP"),
        ("ip", "3 network  IPv4"), ("eth", "2 data link  Ethernet II"), ("1", "1 physical  recorded packet"),
        ("layer 6", "6 presentation  mask, UTF-8"), ("websocket", "5 session  WebSocket frame 2"),
        ("7", "7 application  message 2, text"),
    ],
)  # fmt: skip
def test_a_layer_has_many_names(word: str, title: str) -> None:
    run = inside("layers", "websocket", "9", "--layer", word)
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith(title)


def test_json_is_one_object() -> None:
    run = inside("layers", "websocket", "9", "--json")
    event = json.loads(run.out)
    assert (event["event"], event["packets"], event["connection"], event["useful"]) == ("packet.layers", [9], 0, 23)
    assert event["layers"][6]["text"] == "温度计读数 21.5℃"
    tcp = {field["name"]: field for field in event["layers"][3]["fields"]}
    assert (tcp["window"]["value"], tcp["window"]["bits"], tcp["PSH"]["bit"]) == (64, 16, 108)
    assert event["problems"] == []


def test_plain_has_a_line_for_every_field() -> None:
    lines = inside("layers", "websocket", "9", "--plain").out.splitlines()
    assert all(line.startswith("packet 9 ") for line in lines)
    assert "packet 9 layer 4 tcp byte 47 bit 4 PSH = 1: pass it on to the program without waiting" in lines
    only = inside("layers", "websocket", "9", "--plain", "--layer", "tcp").out.splitlines()
    assert set(only) < set(lines)


def test_packets_of_several_captures_are_counted_on() -> None:
    """In the order of time, whichever was named first."""
    before = sum(len(batch) for batch in open_capture(samples()["websocket"]))
    run = inside("layers", "handshake", "websocket", str(before + 4), "--plain", "--layer", "tcp").out
    alone = inside("layers", "handshake", "4", "--plain", "--layer", "tcp").out
    assert run.splitlines()[2:] == alone.replace("packet 4 ", f"packet {before + 4} ").splitlines()[2:] != []


def test_standard_input() -> None:
    run = process("layers", "-", "9", "--json", stdin=samples()["websocket"])
    assert (run.status, run.out) == (0, inside("layers", "websocket", "9", "--json").out)


def test_ascii_is_ascii() -> None:
    for more in ([], ["--full"], ["--layer", "tcp"], ["--explain"]):
        assert inside("layers", "websocket", "9", "--ascii", *more).out.isascii()


def test_scapy_is_only_loaded_for_what_it_decodes() -> None:
    code = "import sys\nfrom netviz.cli import main\ntry:\n main()\nfinally:\n print('scapy' in sys.modules, file=sys.stderr)"
    for packet, loaded in (("9", "False"), ("1", "False")):
        done = subprocess.run([sys.executable, "-c", code, "layers", "websocket", packet], cwd=ROOT, env=environment(80),
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.stderr.split() == [loaded]
    done = subprocess.run([sys.executable, "-c", code, "layers", "handshake", "1"], cwd=ROOT, env=environment(80),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.stderr.split() == ["True"]
