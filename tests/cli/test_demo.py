"""``netviz demo``: the same screens as the commands, with a line before and one after."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from netviz.cli.names import shortest
from netviz.labs import performance
from netviz.labs.lab import LABS, find_lab
from netviz.samples import samples
from tests.apart import needs_namespace
from tests.run import CONTROLS, inside, process
from tests.talk import opened
from tests.wire import pcap


@pytest.fixture
def _recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nowhere to play."""
    monkeypatch.setattr(performance, "_play", lambda *_: (b"", "namespace", "not here"))


@pytest.fixture
def _played(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded comes as if it had been played now."""
    monkeypatch.setattr(performance, "_play", lambda lab, *_: (samples()[lab.sample].read_bytes(), "", ""))


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("how", [(), ("--plain",), ("--ascii",)], ids=" ".join)
def test_the_screen_is_that_of_the_command(name: str, how: tuple[str, ...]) -> None:
    lab = find_lab(name)
    run = inside("demo", name, *how)
    assert (run.status, run.err) == (0, "")
    before, shown, after = run.out.partition(inside(lab.view, lab.sample, *how).out)
    assert shown
    words = " ".join(before.split())
    assert words.startswith(f"demo {name}")
    said = lab.teaches if "--ascii" not in how else lab.teaches.translate({ord("“"): '"', ord("”"): '"', ord("’"): "'"})
    assert said in words
    assert f"the sample {lab.sample}." in words
    for command in (f"netviz explain {lab.topic}", f"netviz {lab.view} {lab.sample} {lab.closer}", "netviz demo --list"):
        assert command in after
    if how == ("--plain",):
        assert (before.count("\n"), after.count("\n")) == (1, 1)


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("words", [("1006",), ("socketio",), ("--list",)], ids=" ".join)
def test_it_fits(words: tuple[str, ...], columns: int) -> None:
    run = inside("demo", *words, columns=columns)
    assert [line for line in run.out.splitlines() if len(line) > columns] == []
    assert not any(control in run.out for control in CONTROLS)


@pytest.mark.usefixtures("_recorded")
def test_alone_it_is_a_websocket() -> None:
    assert inside("demo") == inside("demo", "websocket")


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize("name", LABS)
def test_json_is_that_of_the_command(name: str) -> None:
    lab = find_lab(name)
    run = inside("demo", name, "--json")
    assert run.out == inside(lab.view, lab.sample, "--json").out
    assert run.err.startswith(f"demo {name}: {lab.teaches}. Not played now: ")
    assert run.err.count("\n") == 1


@pytest.mark.usefixtures("_played")
def test_what_is_not_kept_is_called_as_if_it_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    # Too many WebSockets to show all of them: the screen proposes to look at one.
    monkeypatch.setattr("netviz.cli.ws_trace_screen._FEW", 0)
    monkeypatch.setattr("netviz.labs.performance.samples", lambda: {"rejected": samples()["push"]})
    monkeypatch.setattr(performance, "_play", lambda *_: (samples()["push"].read_bytes(), "", ""))
    run = inside("demo", "rejected")
    assert "netviz ws-trace lab.pcapng --connection 0" in run.out
    assert "netviz demo rejected --save lab.pcapng" in run.out
    assert str(tmp_path) not in run.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_played")
def test_a_capture_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "my.pcapng"
    run = inside("demo", "refused", "--save", str(path))
    assert path.read_bytes() == samples()["refused"].read_bytes()
    assert f"netviz handshake {shortest(str(path))} --explain" in run.out.replace("\n      ", " ")
    assert "--save" not in run.out


@pytest.mark.usefixtures("_recorded")
def test_a_recorded_one_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "my.pcapng"
    assert "This is the recorded capture" in inside("demo", "refused", "--save", str(path), "--plain").out
    assert path.read_bytes() == samples()["refused"].read_bytes()


@pytest.mark.usefixtures("_played")
def test_where_it_cannot_be_kept(tmp_path: Path) -> None:
    run = inside("demo", "refused", "--save", str(tmp_path / "not" / "there"))
    assert (run.status, run.out) == (2, "")
    assert run.err.startswith("netviz: cannot write ")


def test_the_list_tells_all() -> None:
    plain = inside("demo", "--list", "--plain").out.splitlines()
    assert [line.partition(": ")[0] for line in plain] == list(LABS)
    told = [json.loads(line) for line in inside("demo", "--list", "--json").out.splitlines()]
    assert [one["name"] for one in told] == list(LABS)
    assert {one["name"]: one["needs"] for one in told if "needs" in one} == {"unanswered": "Linux", "socketio": "netviz[labs]"}
    table = inside("demo", "--list", columns=80)
    assert re.findall(r"^(\S+)  ", table.out, re.MULTILINE)[: len(LABS)] == list(LABS)
    words = " ".join(table.out.split())
    assert all(find_lab(name).teaches in words for name in LABS)


@pytest.mark.parametrize(
    ("words", "said"),
    [(("refsed",), "did you mean refused"), (("?",), "labs: handshake, refused"), (("--replay", "--json"), "no --json")],
)
def test_mistakes(words: tuple[str, ...], said: str) -> None:
    run = inside("demo", *words)
    assert (run.status, run.out) == (2, "")
    assert said in run.err


@pytest.mark.usefixtures("_recorded")
def test_replay_plays_the_recorded_capture() -> None:
    from netviz.cli import COMMANDS

    if "replay" not in COMMANDS:
        pytest.skip("there is no netviz replay yet")
    run = inside("demo", "refused", "--replay")
    assert (run.status, run.err) == (0, "")
    assert inside("replay", "refused").out in run.out


@pytest.mark.parametrize(
    ("sample", "speed"), [("refused", 0.04), ("unanswered", 0.3), ("socketio-heartbeat", 0.5), ("websocket", 0.006)]
)
def test_a_film_takes_its_time(sample: str, speed: float) -> None:
    from netviz.cli.demo import _speed

    assert _speed(str(samples()[sample])) == speed


def test_a_film_of_one_moment(tmp_path: Path) -> None:
    from netviz.cli.demo import _speed

    path = tmp_path / "one.pcap"
    path.write_bytes(pcap(opened().packets[:1]))
    assert _speed(str(path)) == 1e-9


@needs_namespace
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser may be called by somebody else")
def test_under_sudo_too() -> None:
    run = process("demo", "refused", "--plain", SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    assert (run.status, run.err) == (0, "")
    assert "Played just now, in a network namespace of its own." in run.out
