"""The command line as a whole: where to begin, help that tells the truth, and how every run ends."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from netviz.cli import cli
from netviz.samples import samples
from tests.conftest import CAPTURES
from tests.run import CONTROLS, ROOT, environment, inside, process

_CONTEXT = click.Context(cli, info_name="netviz")
_COMMANDS = cli.list_commands(_CONTEXT)


def _command(name: str) -> click.Command:
    command = cli.get_command(_CONTEXT, name)
    assert command is not None
    return command


#: Every line of an "Examples:" block in any help.
_EXAMPLES = sorted(
    {
        line.strip()
        for command in (cli, *map(_command, _COMMANDS))
        for block in re.findall(r"Examples:\n((?:[ \b]+\S.*\n?)+)", command.help or "")
        for line in block.splitlines()
        if "netviz" in line
    }
)


def test_alone_says_where_to_begin() -> None:
    run = inside()
    assert (run.status, run.err) == (0, "")
    for word in ("Begin with", "netviz demo", "netviz handshake", "--help", "my.pcapng"):
        assert word in run.out
    assert all(name in run.out for name in samples())


def test_what_it_says_to_begin_with_runs() -> None:
    lines = re.findall(r"^ +netviz ((?:handshake|ws-trace) \S+(?: --\w+(?: \d+)?)*) ", inside().out, re.MULTILINE)
    tried = [words for words in map(str.split, lines) if words[1] in samples()]
    assert len(tried) >= 3
    for words in tried:
        assert inside(*words).status == 0, words


def test_where_to_begin_is_aligned() -> None:
    command = re.compile(r"netviz (?:handshake|ws-trace) \S+(?: --\w+(?: \d+)?)* {2,}(\S)")
    starts = {found.start(1) for line in inside().out.splitlines() if (found := command.search(line))}
    assert len(starts) == 1, starts


@pytest.mark.parametrize("words", [[], *([name] for name in _COMMANDS)])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(words: list[str], option: str) -> None:
    run = inside(*words, option)
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith(f"Usage: {' '.join(['netviz', *words])}")
    assert "Examples:" in run.out
    assert all(name in run.out for name in ([] if words else _COMMANDS))


@pytest.mark.parametrize("name", _COMMANDS)
def test_help_tells_every_option(name: str) -> None:
    text = inside(name, "--help").out
    for parameter in _command(name).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert all(option in text for option in parameter.opts)


@pytest.mark.parametrize("words", [[], *([name] for name in _COMMANDS)])
@pytest.mark.parametrize("columns", [80, 120])
def test_help_fits(words: list[str], columns: int) -> None:
    lines = inside(*words, "--help", columns=columns).out.splitlines()
    assert [line for line in lines if len(line) > columns and "Shell completion" not in line] == []


def test_examples_are_found() -> None:
    assert len(_EXAMPLES) >= 5


#: Commands that need no capture.
_BARE = ("netviz explain", "netviz demo", "netviz doctor", "netviz interfaces")


def _alone(line: str) -> bool:
    """Whether a line can be typed as it is, and leaves nothing behind."""
    return line.startswith("netviz") and ("captures/" in line or line.startswith(_BARE)) and not _elsewhere(line)


def _elsewhere(line: str) -> bool:
    """Whether it is tried by the tests of its command: what saves leaves a file, what plays takes its time."""
    return " --save " in line or (line.startswith("netviz demo") and "--replay" in line)


def _live(line: str) -> bool:
    """Whether a line captures on an interface."""
    return " -i " in line and not line.endswith(" -")


@pytest.mark.parametrize("line", [line for line in _EXAMPLES if _alone(line)])
def test_examples_run(line: str) -> None:
    run = inside(*shlex.split(line)[1:])
    assert (run.status, run.err) == (0, "")
    assert run.out


@pytest.mark.parametrize("line", [line for line in _EXAMPLES if line.endswith(" -")])
def test_examples_with_a_pipe_run(line: str) -> None:
    words = shlex.split(line.rpartition("|")[2])
    assert words[0] == "netviz"
    run = process(*words[1:], stdin=CAPTURES["refused"])
    assert (run.status, run.err) == (0, "")
    assert ("no websocket" if words[1] == "ws-trace" else "refused") in run.out.lower()


def test_every_example_is_run() -> None:
    assert [line for line in _EXAMPLES if not (line.endswith(" -") or _live(line) or _alone(line) or _elsewhere(line))] == []


@pytest.mark.parametrize("line", [line for line in _EXAMPLES if _live(line)])
def test_examples_that_capture_are_understood(line: str) -> None:
    words = shlex.split(line.removeprefix("sudo "))
    command = cli.get_command(click.Context(cli), words[1])
    assert command is not None
    command.make_context(words[1], words[2:])


def test_version() -> None:
    assert inside("--version") == (0, f"netviz {version('netviz')}\n", "")


def test_as_a_module() -> None:
    assert process("--version") == inside("--version")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["handshak", "refused"], "handshake"),
        (["handshake", "refused", "--hots", "::1"], "--host"),
        (["handshake", "refused", "--expain"], "--explain"),
        (["handshake", "refused", "--outcome", "lost"], "refused"),
        (["handshake", "refused", "--port", "99999"], "65535"),
        (["handshake", "refused", "--connection", "-1"], ">=0"),
        (["handshake"], "Which capture?"),
    ],
)
def test_mistakes_end_with_2_and_say_what_was_meant(words: list[str], named: str) -> None:
    run = inside(*words)
    assert (run.status, run.out) == (2, "")
    message = run.err.rpartition("Error:")[2]
    assert named in message
    assert "Traceback" not in run.err


_STARTS = [[], ["--help"], ["handshake", "refused"], ["handshake", "mixed", "--json"], ["handshake", "mixed", "--plain"]]


@pytest.mark.parametrize("words", _STARTS)
def test_a_broken_pipe_is_quiet(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "netviz", *words]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, env=environment(), check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"]])
def test_control_c_ends_with_130(how: list[str], tmp_path: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "netviz", "handshake", "-", *how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment(), encoding="utf-8",
    )  # fmt: skip
    assert running.stderr is not None
    # The last module of start-up is the reader of pipes: once it is there the command waits for packets.
    for line in running.stderr:
        if line.rstrip().endswith("netviz.capture.pipe"):
            break
    running.send_signal(signal.SIGINT)
    out, err = running.communicate()
    assert running.returncode == 130
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], ["handshake", "--help"]])
def test_start_up_imports_nothing_large(words: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "netviz", *words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment(), check=True)
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "netviz.cli" in modules
    assert {module for module in modules if module.partition(".")[0] in ("numpy", "rich", "scapy", "websockets")} == set()


def test_no_escape_sequence_in_messages() -> None:
    run = inside("handshake", "no\x1b[31m\u202esuch.pcap\x07")
    assert run.status == 2
    assert not any(control in run.err for control in (*CONTROLS, "\u202e"))
