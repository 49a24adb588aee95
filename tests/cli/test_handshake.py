"""``netviz handshake``: exit status, filters, machine output, streams, colours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netviz.samples import samples
from tests.conftest import CAPTURES
from tests.run import CONTROLS, ROOT, environment, inside, process
from tests.wire import ACK, PSH, SYN, Wire, pcap

_NAMES = sorted(samples())

#: What must never be waited for longer: then something hangs.
_GUARD = 30.0

#: The keys of every tcp.connection with their types; the second group may be absent.
_ALWAYS: dict[str, type | tuple[type, ...]] = {
    "event": str, "connection": int, "packets": list, "problems": list, "client": str, "server": str, "outcome": str,
    "steps": list, "rtt": dict, "traffic": dict, "application": str,
}  # fmt: skip
_SOMETIMES: dict[str, type | tuple[type, ...]] = {
    "time": str, "elapsed": (int, float), "inferred": list, "side": str, "simultaneous": bool, "closing": dict,
    "split": bool, "duration": (int, float),
}  # fmt: skip
_STEP: dict[str, type | tuple[type, ...]] = {
    "step": str, "side": str, "packet": int, "time": str, "elapsed": (int, float), "seq": int, "ack": int, "window": int,
    "options": dict, "ecn": bool, "bytes": int, "retransmission": bool,
}  # fmt: skip
_OUTCOMES = {"established", "refused", "unanswered", "incomplete", "aborted", "partial"}


def _values(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _values(inner)


def _lines(*words: str) -> list[dict[str, Any]]:
    run = inside("handshake", *words, "--json")
    assert (run.status, run.err) == (0, "")
    return [json.loads(line) for line in run.out.splitlines()]


def _mistakes(path: Path) -> dict[str, list[str]]:
    (path / "empty.pcap").write_bytes(b"")
    (path / "short.pcap").write_bytes(CAPTURES["cut-file"].read_bytes()[:17])
    (path / "notes.txt").write_text("these are no packets, these are words")
    (path / "packed.pcap").write_bytes(b"BZh9" + bytes(60))
    return {
        "missing": [str(path / "missing.pcap")],
        "second missing": ["refused", str(path / "missing.pcap")],
        "directory": [str(path)],
        "empty": [str(path / "empty.pcap")],
        "short": [str(path / "short.pcap")],
        "text": [str(path / "notes.txt")],
        "compressed": [str(path / "packed.pcap")],
        "no such connection": ["refused", "--connection", "7"],
        "no address": ["refused", "--host", "example.org"],
        "pipe and file": ["-", "refused"],
    }


_SAYS = {
    "missing": "no such file", "second missing": "no such file", "directory": "is a directory", "empty": "is empty",
    "short": "ends inside", "text": "not a capture", "compressed": "bzip2 -dc", "no such connection": "no connection 7",
    "no address": "not an IP address", "pipe and file": "standard input",
}  # fmt: skip


@pytest.mark.parametrize("how", ["--json", "--plain", "--color=never"])
@pytest.mark.parametrize("what", sorted(_SAYS))
def test_mistakes_end_with_2_and_one_message(what: str, how: str, tmp_path: Path) -> None:
    run = inside("handshake", *_mistakes(tmp_path)[what], how)
    assert run.status == 2
    assert _SAYS[what] in run.err
    (message,) = (line for line in run.err.splitlines() if not line.startswith(" "))
    assert message.startswith("netviz: ")
    assert "Traceback" not in run.err


@pytest.mark.parametrize("what", sorted(_SAYS))
def test_mistakes_print_nothing_on_stdout(what: str, tmp_path: Path) -> None:
    assert inside("handshake", *_mistakes(tmp_path)[what]).out == ""


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(saved: Callable[..., Path]) -> None:
    path = saved(b"")
    path.chmod(0)
    run = inside("handshake", str(path))
    assert (run.status, run.out) == (2, "")
    assert "no permission" in run.err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["handshake"], 0), (["websocket"], 0), (["refused"], 1), (["unanswered"], 1), (["reset"], 1), (["cut-file"], 1),
        (["mixed"], 1), (["mixed", "--connection", "1"], 0), (["mixed", "--connection", "0"], 1),
        (["mixed", "--outcome", "established", "--host", "10.9.9.9"], 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["--json", "--plain", "--ascii"])
def test_check(words: list[str], status: int, how: str) -> None:
    run = inside("handshake", *words, how, "--check")
    assert (run.status, run.err) == (status, "")
    assert inside("handshake", *words, how) == (0, run.out, "")


def test_a_cut_file_is_read_as_far_as_it_goes() -> None:
    problem, connection = _lines("cut-file")
    assert (problem["event"], connection["event"]) == ("capture.problem", "tcp.connection")
    assert [found["kind"] for found in problem["problems"]] == ["file-cut"]
    screen = inside("handshake", "cut-file").out
    assert [line for line in screen.splitlines() if line.startswith("! ")] == [f"! {problem['problems'][0]['text']}"]
    assert inside("handshake", "cut-file", "--plain").out.count(" capture problem file-cut: ") == 1


@pytest.mark.parametrize(
    ("words", "keeps"),
    [
        (["--host", "10.20.0.2"], lambda line: True),
        (["--host", "10.20.0.99"], lambda line: False),
        (["--port", "8765"], lambda line: line["server"].endswith(":8765")),
        (["--port", "56466"], lambda line: line["client"].endswith(":56466")),
        (["--outcome", "refused"], lambda line: line["outcome"] == "refused"),
        (["--outcome", "refused", "--outcome", "established"], lambda line: True),
        (["--outcome", "aborted"], lambda line: False),
        (["--problems"], lambda line: bool(line["problems"])),
        (["--problems", "--port", "8765"], lambda line: line["problems"] and line["server"].endswith(":8765")),
        (["--connection", "3"], lambda line: line["connection"] == 3),
        (["-n", "3", "--port", "1"], lambda line: False),
    ],
)
def test_filters(words: list[str], keeps: Callable[[dict[str, Any]], bool]) -> None:
    every = _lines("mixed")
    assert _lines("mixed", *words) == [line for line in every if keeps(line)]


@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"]])
def test_a_filter_that_matches_nothing_is_no_mistake(how: list[str]) -> None:
    run = inside("handshake", "refused", "--port", "9", *how)
    assert (run.status, run.err) == (0, "")
    assert bool(run.out) is (not how)


def test_several_files_are_one_capture() -> None:
    first, second = _lines("refused"), _lines("handshake")
    earlier, later = sorted((first, second), key=lambda lines: str(lines[0]["time"]))
    both = _lines("refused", "handshake")
    assert both == _lines("handshake", "refused")
    assert [line["connection"] for line in both] == [0, 1]
    before = 8 if earlier is first else 21
    assert both[1]["packets"] == [number + before for number in later[0]["packets"]]
    assert both[0]["steps"] == earlier[0]["steps"]


@pytest.mark.parametrize("capture", sorted(CAPTURES))
def test_json_has_the_keys_of_the_contract(capture: str) -> None:
    for line in _lines(str(CAPTURES[capture])):
        assert not any(value is None for value in _values(line))
        for problem in line["problems"]:
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", problem["kind"])
            assert problem["text"]
        if line["event"] == "capture.problem":
            assert "connection" not in line
            continue
        assert line["event"] == "tcp.connection"
        kinds = {**_ALWAYS, **{key: kind for key, kind in _SOMETIMES.items() if key in line}}
        assert line.keys() == kinds.keys()
        assert {key for key, kind in kinds.items() if not isinstance(line[key], kind)} == set()
        assert line["outcome"] in _OUTCOMES
        assert line.get("simultaneous", True) is True
        assert line.get("inferred", ["x"]) != []
        assert ("closing" in line) == (line["outcome"] in ("established", "partial"))
        if "closing" in line:
            assert line["closing"]["how"] in ("fin", "reset", "half-closed", "open")
            assert line["closing"].get("by", "client") in ("client", "server")
            assert ("by" in line["closing"]) == (line["closing"]["how"] != "open")
        for step in line["steps"]:
            assert step.keys() <= _STEP.keys()
            assert {key for key in step if not isinstance(step[key], _STEP[key])} == set()
            assert step["step"] in ("SYN", "SYN-ACK", "ACK", "RST")
            assert step["packet"] in line["packets"] or step["retransmission"]
        assert all(value >= 0 for value in line["rtt"].values())
        if line["rtt"].keys() >= {"server", "client"}:
            assert line["rtt"]["total"] == pytest.approx(line["rtt"]["server"] + line["rtt"]["client"])
        if "time" in line:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", line["time"])


def test_json_from_stdin_is_the_same_as_from_the_file() -> None:
    assert process("handshake", "-", "--json", stdin=CAPTURES["mixed"]) == process("handshake", "mixed", "--json")


def test_json_on_a_mistake_in_the_capture_leaves_stdout_clean() -> None:
    run = process("handshake", "-", "--json", stdin=ROOT / "pyproject.toml")
    assert (run.status, run.out) == (2, "")
    assert "not a capture" in run.err


@pytest.mark.parametrize("name", _NAMES)
def test_plain_is_a_line_an_event(name: str) -> None:
    run = inside("handshake", name, "--plain")
    assert (run.status, run.err) == (0, "")
    for line in run.out.splitlines():
        assert re.match(r"(-|-?\d+\.\d{6}) (connection \d+ (packet \d+ |problem [a-z-]+: |[a-z]+ )|capture problem )", line)
    outcomes = re.findall(rf"^\S+ connection \d+ ({'|'.join(_OUTCOMES)}) ", run.out, re.MULTILINE)
    assert sorted(outcomes) == sorted(line["outcome"] for line in _lines(name) if "outcome" in line)


_SCREENS = [[], ["--plain"], ["--explain"], ["--ascii"]]


@pytest.mark.parametrize("name", ["mixed", "refused"])
@pytest.mark.parametrize("words", [*_SCREENS, ["--json"], ["--color", "never"]])
def test_what_is_piped_has_no_escape_sequences(name: str, words: list[str]) -> None:
    run = inside("handshake", name, *words, FORCE_COLOR="1", TERM="xterm-256color")
    assert run.status == 0
    assert not any(control in run.out for control in CONTROLS)


@pytest.mark.parametrize("words", [[], ["--explain"]])
@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}])
def test_colors_where_they_are_demanded(words: list[str], more: dict[str, str]) -> None:
    colored = inside("handshake", "refused", "--color", "always", *words, columns=None, **more).out
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == inside("handshake", "refused", *words).out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
@pytest.mark.parametrize(
    ("words", "more", "colored"),
    [
        ([], {}, True), ([], {"NO_COLOR": "1"}, False), ([], {"NO_COLOR": ""}, True), (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True), (["--json"], {}, False),
    ],
)  # fmt: skip
def test_colors_on_a_terminal(words: list[str], more: dict[str, str], colored: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    settings = environment(80, TERM="xterm-256color", **more)
    command = [sys.executable, "-m", "netviz", "handshake", "refused", *words]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL, cwd=ROOT, env=settings
    ) as run:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:
            pass  # Linux says so when the other end is closed
    os.close(ours)
    assert run.returncode == 0
    assert b"refused" in seen.lower()
    assert (b"\x1b[" in seen) is colored


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("words", [["--explain"], ["--plain"]])
def test_ascii_is_ascii(name: str, words: list[str]) -> None:
    run = inside("handshake", name, "--ascii", *words)
    assert run.status == 0
    assert run.out.isascii()
    assert "\\u" not in run.out


def test_a_terminal_without_unicode_gets_ascii() -> None:
    settings = {**environment(80), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "netviz", "handshake", "refused"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=settings, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii").splitlines() == inside("handshake", "refused", "--ascii", columns=80).out.splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("clock", ["elapsed", "delta", "absolute"])
def test_times_of_the_ladder(clock: str, columns: int) -> None:
    (line,) = _lines("refused")
    syn, rst = line["steps"]
    shown = {
        "elapsed": [f"{step['elapsed']:.6f}" for step in (syn, rst)],
        "delta": [f"{syn['elapsed']:.6f}", f"+{rst['elapsed'] - syn['elapsed']:.6f}"],
        "absolute": [step["time"][11:26] for step in (syn, rst)],
    }
    screen = inside("handshake", "refused", "--time", clock, columns=columns).out
    rows = [row.split("──")[0].split("◀")[0].split() for row in screen.splitlines() if "── SYN" in row or "◀─ RST" in row]
    assert [[word for word in row if word in shown[clock]] for row in rows] == [[time] for time in shown[clock]]


def _piece(wire: Wire, begin: int, end: int) -> bytes:
    """Records of a conversation; with the file header where they are the first."""
    return pcap(wire.packets[begin:end])[24 if begin else 0 :]


@pytest.mark.parametrize(
    ("how", "begins"),
    [
        ([], r"\S+ connection 0 established "),
        (["--plain"], r"\S+ connection 0 packet 1 "),
        (["--json"], r'\{"event": "tcp\.connection"'),
    ],
)
def test_a_stream_is_told_before_it_ends(how: list[str], begins: str) -> None:
    wire = Wire().open().client(PSH | ACK, b"hello").server(ACK).close()
    # Without options the handshake is told at once; whole connections once they are over.
    first = len(wire.packets) if how else 3
    command = [sys.executable, "-m", "netviz", "handshake", "-", *how]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = subprocess.Popen(command, cwd=ROOT, env=environment(), **pipes)  # type: ignore[call-overload]
    guard = threading.Timer(_GUARD, running.kill)
    guard.start()
    try:
        for index in range(first):
            running.stdin.write(_piece(wire, index, index + 1))
            running.stdin.flush()
        early = running.stdout.readline().decode()
        assert re.match(begins, early), early
        if first < len(wire.packets):
            running.stdin.write(_piece(wire, first, len(wire.packets)))
        running.stdin.close()
        # Not communicate(): it does not know of what readline() has already taken out of the pipe.
        whole = early + running.stdout.read().decode()
        err = running.stderr.read()
        running.wait()
    finally:
        guard.cancel()
        running.kill()
    assert (running.returncode, err) == (0, b"")
    assert "established" in whole


def test_a_stream_that_stops_inside_a_handshake() -> None:
    settings = environment()
    for count, outcome in ((1, "unanswered"), (2, "incomplete")):
        wire = Wire().client(SYN).server(SYN | ACK)
        done = subprocess.run(
            [sys.executable, "-m", "netviz", "handshake", "-"], input=pcap(wire.packets[:count]), capture_output=True,
            cwd=ROOT, env=settings, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        assert f"connection 0 {outcome} " in done.stdout.decode()


def test_hints_name_a_command_that_runs() -> None:
    found = re.search(r"netviz (handshake .* --connection \d+)", inside("handshake", "mixed").out)
    assert found is not None
    run = inside(*found[1].split())
    assert run.status == 0
    assert "CLIENT" in run.out
