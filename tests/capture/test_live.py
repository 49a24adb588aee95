"""Capturing for real, in a namespace of its own: nothing is missing that is not counted, and every ending leaves a file."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from netviz.capture.live import Drops
from netviz.capture.source import open_capture
from tests.apart import apart, needs_namespace
from tests.run import ROOT

_LIVE = ROOT / "tests" / "live"

_NO_IP = shutil.which("ip") is None


def _dropped(said: str) -> list[int]:
    found = re.search(r"dropped: ([\d,]+) by the kernel, ([\d,]+) by the interface, ([\d,]+) by netviz", said)
    assert found, said
    return [int(count.replace(",", "")) for count in found.groups()]


def _captured(said: str) -> int:
    found = re.search(r"([\d,]+) packets? captured", said)
    assert found, said
    return int(found[1].replace(",", ""))


def _whole(path: Path) -> int:
    """How many packets a file has, which must be without a fault."""
    batches = list(open_capture(path))
    assert not any(batch.problems for batch in batches)
    return sum(len(batch) for batch in batches)


@needs_namespace
def test_twenty_thousand_echoes_and_none_is_missing(tmp_path: Path) -> None:
    count, file = 20_000, tmp_path / "echo.pcapng"
    told = apart(_LIVE / "echo.py", str(count), str(file), seconds=120)
    for status, said in (told["record"], told["trace"]):
        assert status == 130
        assert _dropped(said) == [0, 0, 0]
    events = [json.loads(line) for line in Path(told["lines"]).read_text().splitlines()]
    frames = Counter(event["side"] for event in events if event["event"] == "websocket.frame" and event["opcode"] == 1)
    assert frames == {"client": count, "server": count}
    texts = [event["text"] for event in events if event["event"] == "websocket.message" and event["side"] == "server"]
    assert texts[:count] == [f"message {number}" for number in range(count)]
    assert not any(event["problems"] for event in events)
    assert _whole(file) >= 2 * count
    from netviz.analysis import Analysis
    from netviz.layers.layer import Wanted

    saved = Analysis(wanted=Wanted(contents=False)).run(open_capture(file))
    assert sum(event.name == "websocket.frame" and event.opcode == 1 for event in saved) == 2 * count  # type: ignore[union-attr]


@needs_namespace
def test_what_a_burst_loses_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "burst.pcapng"
    told = apart(_LIVE / "burst.py", str(file))
    lost = _dropped(told["said"])
    assert lost[0] > 0
    assert _whole(file) + sum(lost) == told["sent"]
    assert "dropped" in told["said"].splitlines()[-1]


@needs_namespace
def test_a_dropped_stretch_is_a_gap_and_not_garbage(tmp_path: Path) -> None:
    told = apart(_LIVE / "gap.py", str(tmp_path / "gap.jsonl"), seconds=120)
    kernel, interface, netviz = _dropped(told["said"])
    assert kernel > 0 == interface + netviz
    assert told["odd"] == []
    assert told["sent"] - kernel <= told["whole"] <= told["sent"] - kernel // 2  # a few ACKs were dropped with the messages
    assert {"bytes-missing", "packets-dropped"} == set(told["kinds"])


@needs_namespace
@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("full", 1, "File too large: nothing is written any more"),
        ("killed", 1, "the process that captures ended (signal 9)"),
        pytest.param("gone", 1, "capturing on t0 ended",
                     marks=pytest.mark.skipif(_NO_IP, reason="the program ip is not installed")),
        ("left", -9, ""),
    ],
)  # fmt: skip
def test_endings_leave_a_file_that_reads_to_its_end(how: str, status: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "end.pcapng"
    if how == "gone" and not Path("/dev/net/tun").exists():
        pytest.skip("no tunnels on this machine")
    told = apart(_LIVE / "endings.py", how, str(file))
    assert told["status"] == status
    assert words in told["said"]
    if how != "left":
        packets = _whole(file)
        assert (packets > 0) == (how != "gone")
        if how == "full":
            assert file.stat().st_size <= 100_001
    if shutil.which("tshark"):
        read = subprocess.run(["tshark", "-r", str(file)], capture_output=True, text=True, check=False)
        assert "cut short" not in read.stderr


@needs_namespace
@pytest.mark.parametrize("after", ["0.4", "0.8", "1.5"])
def test_ctrl_c_leaves_a_file_that_reads_to_its_end(after: str, tmp_path: Path) -> None:
    file = tmp_path / "end.pcapng"
    told = apart(_LIVE / "endings.py", "interrupted", str(file), after)
    assert told["status"] in (130, -signal.SIGINT), told  # a shell calls it 130 as well, where the signal itself ended it
    assert "Traceback" not in told["said"]
    if file.exists():  # early, there is none yet
        packets = _whole(file)
        assert not packets or _captured(told["said"]) == packets


def test_drops_are_told_apart() -> None:
    drops = Drops({"received": 100, "dropped_by_system": 5, "dropped_by_interface": 2, "accepted": 95, "delivered": 90})
    assert (drops.received, drops.kernel, drops.interface, drops.netviz, drops.total) == (100, 5, 2, 5, 12)
    assert Drops({}).total == 0
