"""Where labs are played: in a namespace, on loopback, or not at all; each of these for real."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from netviz.labs import performance
from netviz.labs.lab import find_lab
from netviz.labs.performance import PLACES, perform
from netviz.samples import samples
from tests.apart import needs_namespace
from tests.run import ROOT, environment, inside

#: netviz where no further namespaces may be made; with "net" in one where it may capture, else where it may not.
_CONFINED = """
import ctypes, os, sys
from pathlib import Path
from netviz.namespace import raise_interface
user, group = os.getuid(), os.getgid()
assert ctypes.CDLL(None).unshare(0x1000_0000 | (0x4000_0000 if sys.argv[1] == "net" else 0)) == 0
for name, said in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
    Path("/proc/self", name).write_text(said)
if sys.argv[1] == "net":
    raise_interface("lo")
Path("/proc/sys/user/max_user_namespaces").write_text("0")
from netviz.cli import main
sys.argv[:2] = ["netviz"]
main()
"""


def _confined(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED, *words],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment(200),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def _marked(mark: str) -> list[str]:
    """Command lines of processes that have this in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@needs_namespace
def test_a_namespace_comes_first() -> None:
    played = perform(find_lab("refused"))
    assert (played.place, played.reasons) == ("namespace", ())
    assert PLACES[0] == "namespace"


@needs_namespace
def test_then_loopback() -> None:
    out = _confined("net", "demo", "handshake")
    assert "Played just now, on loopback: namespaces are not allowed here (the limit user.max_user_namespaces" in out
    assert "✓ ESTABLISHED" in out
    assert ":8765" not in out  # any other program may have that port


@needs_namespace
def test_then_what_was_recorded() -> None:
    out = _confined("user", "demo", "fragments")
    why = "namespaces are not allowed here (the limit user.max_user_namespaces is reached); you may not capture on loopback"
    assert f"Not played now: {why}. This is the recorded capture, the sample fragments." in " ".join(out.split())
    assert "netviz ws-trace fragments --frames" in out
    assert inside("ws-trace", "fragments", columns=200).out in out


def test_what_is_not_installed_is_shown_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netviz.labs.lab.find_spec", lambda name: None)
    called: list[str] = []
    played = perform(find_lab("socketio"), meanwhile=lambda: called.append("once"))
    assert played.capture == samples()["socketio-rooms"].read_bytes()
    assert (played.place, called) == ("recorded", ["once"])
    assert played.reasons == ("python-socketio and aiohttp not installed (pip install 'netviz[labs]')",)
    assert find_lab("refused").missing == ()


def test_what_needs_linux_is_recorded_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert perform(find_lab("unanswered"))[1:4:2] == ("recorded", ("it needs Linux",))


@pytest.mark.parametrize(
    ("answers", "place", "reasons"),
    [
        ({"namespace": "namespace", "loopback": "x"}, "recorded", ("namespaces are not allowed here (why)", "loopback: why")),
        ({"namespace": "missing"}, "recorded", ("libpcap is missing (pip install pcapy-ng)",)),
        ({"namespace": "lab"}, "recorded", ("it went otherwise than planned (why)",)),
        ({"namespace": "stage"}, "loopback", ("namespace: why",)),
        ({}, "namespace", ()),
    ],
)
def test_reasons(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], place: str, reasons: tuple[str, ...]) -> None:
    def play(lab: object, where: str, meanwhile: object) -> tuple[bytes, str, str]:
        return (b"", answers[where], "why") if where in answers else (b"packets", "", "")

    monkeypatch.setattr(performance, "_play", play)
    assert perform(find_lab("refused"))[1:4:2] == (place, reasons)


@pytest.mark.parametrize(
    ("start", "kind", "said"),
    [
        ("import sys; sys.stderr.write('Traceback:\\nBoomError: it broke\\n'); sys.exit(1)", "stage", "BoomError: it broke"),
        ("import os; os._exit(3)", "stage", "its process ended with status 3"),
        ("pass", "stage", "its process ended with status 0"),
        ("import time; time.sleep(60)", "lab", "nothing came for 0.5 s"),
    ],
)
def test_a_process_that_goes_wrong(monkeypatch: pytest.MonkeyPatch, start: str, kind: str, said: str) -> None:
    monkeypatch.setattr(performance, "_START", start)
    monkeypatch.setattr(performance, "_PATIENCE", 0.5 if kind == "lab" else 20.0)
    assert performance._play(find_lab("refused"), "namespace", None) == (b"", kind, said)


@needs_namespace
def test_a_lab_that_goes_wrong_says_so() -> None:
    code = (
        "import netviz.labs.stage as stage, netviz.labs.lab as lab, dataclasses, sys\n"
        "async def run(listener): raise ValueError('no such thing')\n"
        "broken = dataclasses.replace(lab.find_lab('refused'), run=run)\n"
        "stage.find_lab = lambda name: broken\n"
        "stage.main('namespace', 'refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b'{"kind": "lab", "text": "ValueError: no such thing"}' in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
@pytest.mark.parametrize("killed", [False, True])
def test_nothing_is_left_behind(tmp_path: Path, killed: bool) -> None:
    mark = uuid.uuid4().hex
    running = subprocess.Popen(
        [sys.executable, "-m", "netviz", "demo", "unanswered"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        env=environment(NETVIZ_TEST=mark, TMPDIR=str(tmp_path)), encoding="utf-8",
    )  # fmt: skip
    if killed:
        ends = time.monotonic() + 20
        while not any("sniffer" in line for line in _marked(mark)) and time.monotonic() < ends and running.poll() is None:
            time.sleep(0.02)
        running.send_signal(2)
    out, err = running.communicate()
    # Where Ctrl-C comes while a dataclass is made, which Python does by exec(), it ends by that signal in place of exit status
    # 130, even though netviz catches it; for a shell that is the same.
    assert running.returncode in ((130, -2) if killed else (0,))
    assert err.strip() == ""
    assert bool(out) is not killed
    ends = time.monotonic() + 10
    while _marked(mark) and time.monotonic() < ends:
        time.sleep(0.05)
    assert _marked(mark) == []
    assert os.listdir(tmp_path) == []
