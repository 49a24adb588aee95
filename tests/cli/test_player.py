"""``netviz replay`` in a terminal: what it draws, what its keys do, and in which state it leaves the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from netviz.samples import samples
from tests.terminal import ENTER, LEAVE, Terminal, terminal

_SIZES = [(60, 20), (120, 40)]


def _stopped(shown: Terminal, times: int) -> bool:
    return shown.raw.count("stopped") == times


def _quit(shown: Terminal) -> None:
    shown.press("q")
    assert shown.finish() == 0
    assert shown.restored


@pytest.mark.parametrize(("columns", "rows"), _SIZES)
def test_steps_forward_and_back(columns: int, rows: int) -> None:
    with terminal("replay", "handshake", "--step", columns=columns, rows=rows) as shown:
        first = shown.wait("packet 3 of 21", "SYN seq=0", "SYN-SENT", "paused", "May I talk to you")
        assert "SYN-ACK" not in first
        assert len([line for line in shown.lines if line]) > rows // 2
        shown.press("right")
        shown.wait("packet 4 of 21", "SYN-ACK", "I heard you")
        shown.press("right")
        shown.wait("packet 5 of 21", "ACK seq=1", "Both directions are open")
        assert "ESTABLISHED" in shown.text
        shown.press("left", "left")
        shown.until(lambda: shown.text == first, "the first picture")
        shown.press("left")  # there is nothing before it
        shown.press("end")
        shown.wait("packet 21 of 21", "verdict", "ESTABLISHED")
        shown.press("home")
        shown.wait("packet 3 of 21")
        _quit(shown)


@pytest.mark.parametrize(("columns", "rows"), _SIZES)
def test_plays_by_itself_to_the_end(columns: int, rows: int) -> None:
    with terminal("replay", "handshake", columns=columns, rows=rows) as shown:
        shown.wait("packet 21 of 21", " end")
        assert any("▶" in line and "━━" in line for line in shown.lines)
        shown.press(" ")  # once more from the beginning
        shown.until(lambda: "packet 21 of 21" not in shown.text, "another packet")
        shown.wait("packet 21 of 21", " end")
        _quit(shown)


def test_space_stops_and_goes_on() -> None:
    with terminal("replay", "socketio-heartbeat", "--speed", "0.5", columns=80, rows=24) as shown:
        shown.wait("0.5× ▶")
        shown.press(" ")
        shown.wait("0.5× paused")
        shown.read(0.3)
        before = shown.text
        shown.read(0.5)
        assert shown.text == before
        shown.press(" ")
        shown.until(lambda: shown.text != before and "▶" in shown.lines[0], "the film to go on")
        _quit(shown)


def test_plus_and_minus_change_the_speed() -> None:
    with terminal("replay", "handshake", "--step", columns=80, rows=24) as shown:
        shown.wait("1× paused")
        for key, speed in (("+", "2×"), ("+", "5×"), ("-", "2×"), ("-", "1×"), ("-", "0.5×")):
            shown.press(key)
            shown.wait(f"{speed} paused")
        _quit(shown)


@pytest.mark.parametrize(("columns", "rows"), _SIZES)
def test_go_to_a_packet(columns: int, rows: int) -> None:
    with terminal("replay", "websocket", "--step", columns=columns, rows=rows) as shown:
        shown.wait("packet 1 of 41")
        shown.press("g")
        shown.wait("go to packet: █")
        shown.press("1", "x", "9")
        shown.wait("go to packet: 19█")
        shown.press("backspace", "8", "enter")
        shown.wait("packet 18 of 41", "ping")
        shown.press("g", "7", "7", "enter")
        shown.wait("packet 41 of 41", "packet 77 is not in the film")
        shown.press("g", "1", "escape")
        shown.wait("space", "quit")
        assert "packet 41 of 41" in shown.text
        _quit(shown)


@pytest.mark.parametrize(("columns", "rows"), _SIZES)
def test_layers_of_a_packet(columns: int, rows: int) -> None:
    with terminal("replay", "websocket", "--step", columns=columns, rows=rows) as shown:
        shown.wait("packet 1 of 41")
        shown.press("g", "9", "enter")
        shown.wait("packet 9 of 41")
        shown.press("l")
        top = shown.wait("Packet 9", "1 physical", "Ethernet II", "scroll")
        shown.press("end")
        shown.wait("cost")
        shown.press("home")
        assert shown.until(lambda: shown.text == top, "the top again")
        shown.press("right")
        shown.wait("Packet 10")
        shown.press("l")
        shown.wait("packet 10 of 41", "━━")
        _quit(shown)


def test_help_tells_every_key() -> None:
    with terminal("replay", "refused", "--step", columns=60, rows=20) as shown:
        shown.wait("packet 4 of 8")
        shown.press("?")
        shown.wait("keys", "space", "← →", "+ -", "go to a packet", "all layers", "quit", "any key goes back")
        shown.press("x")
        shown.wait("packet 4 of 8")
        _quit(shown)


def test_a_terminal_that_changes_its_size() -> None:
    with terminal("replay", "websocket", "--step", columns=120, rows=40) as shown:
        shown.wait("packet 1 of 41", "CLIENT", "closes first")
        shown.resize(60, 20)
        shown.until(lambda: "closes first" not in shown.text and "client  CLOSED" in shown.text, "the small picture")
        assert shown.lines[-1].startswith(" space pause")
        shown.resize(20, 5)
        shown.until(lambda: "SYN" in shown.text and "space" in shown.lines[-1], "a very small picture")
        shown.resize(120, 40)
        shown.wait("closes first", "packet 1 of 41")
        _quit(shown)


def test_no_packet_is_shown_for_less_than_a_picture() -> None:
    """Even at the highest speed a short film can be seen to grow."""
    with terminal("replay", "websocket", "--speed", "max", columns=80, rows=24) as shown:
        shown.wait("packet 41 of 41", "max end")
        assert sum(f"packet {number} of 41" in shown.raw for number in range(1, 42)) > 30
        _quit(shown)


def test_long_silences_are_shortened_and_said() -> None:
    with terminal("replay", "socketio-heartbeat", "--max-gap", "50ms", columns=80, rows=30) as shown:
        shown.wait("of silence, shortened to 50 ms")
        _quit(shown)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {}])
def test_colours_only_where_wanted(more: dict[str, str]) -> None:
    with terminal("replay", "handshake", "--step", columns=80, rows=24, more=more) as shown:
        shown.wait("packet 3 of 21")
        shown.press("right")
        shown.wait("packet 4 of 21", "[ESTABLISHED]")
        coloured = "\x1b[36m" in shown.raw or "\x1b[1;36m" in shown.raw or "\x1b[35m" in shown.raw
        assert coloured is not bool(more)
        _quit(shown)


def test_ascii() -> None:
    with terminal("replay", "handshake", "--step", "--ascii", columns=120, rows=40) as shown:
        shown.wait("packet 3 of 21", "> SYN-SENT")
        assert shown.raw.isascii()
        _quit(shown)


def test_keys_from_the_terminal_where_the_capture_comes_through_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, samples()["refused"].read_bytes())
    os.close(writer)
    with terminal("replay", "-", "--step", stdin=reader, columns=80, rows=24) as shown:
        os.close(reader)
        shown.wait("standard input", "packet 4 of 8")
        shown.press("right")
        shown.wait("packet 5 of 8", "REFUSED")
        shown.press("l")
        shown.wait("Packet 5", "Ethernet II")
        shown.press("q")
        _quit(shown)


# How it may end


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGQUIT"])
def test_a_signal_that_ends_it_gives_the_terminal_back(name: str) -> None:
    with terminal("replay", "socketio-heartbeat", columns=80, rows=24) as shown:
        shown.wait("of 187")
        assert not shown.restored
        number = getattr(signal, name)
        shown.process.send_signal(number)
        assert shown.finish() == -number
        assert shown.restored


def test_control_c_gives_the_terminal_back() -> None:
    with terminal("replay", "socketio-heartbeat", columns=80, rows=24) as shown:
        shown.wait("of 187")
        shown.press("ctrl-c")
        assert shown.finish() == 130
        assert shown.restored
        assert "Traceback" not in shown.raw


_CRASH = """
import netviz.cli.player as player
def broken(*_):
    raise RuntimeError("a picture that fails")
player.help_page = broken
from netviz.cli import main
main()
"""


def test_a_crash_gives_the_terminal_back(tmp_path: Path) -> None:
    (tmp_path / "crash.py").write_text(_CRASH)
    command = [sys.executable, str(tmp_path / "crash.py"), "replay", "refused", "--step"]
    shown = Terminal(command, 80, 24, {"PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        shown.wait("packet 4 of 8")
        shown.press("?")
        assert shown.finish() == 1
        assert shown.restored
        # What is wrong is told on the screen that was there before.
        assert "a picture that fails" in shown.raw.rpartition(LEAVE)[2]
    finally:
        shown.close()


def test_control_z_gives_the_terminal_back_and_takes_it_again() -> None:
    with terminal("replay", "socketio-heartbeat", "--step", columns=80, rows=24, shell=True) as shown:
        shown.wait("of 187")
        shown.press("right")
        shown.wait("packet 2 of 187")
        for times in (1, 2):
            shown.press("ctrl-z")
            shown.until(partial(_stopped, shown, times), "the stop")
            assert shown.restored
            shown.press("enter")  # what a shell's fg does
            shown.until(lambda: "packet 2 of 187" in shown.raw.rpartition("stopped")[2], "the film again")
            assert not shown.restored
        shown.press("right")
        shown.wait("packet 3 of 187")
        shown.press("q")
        shown.until(lambda: "over 0" in shown.raw, "the end")
        assert shown.restored


def test_a_terminal_that_goes_away_ends_it() -> None:
    shown = Terminal([sys.executable, "-m", "netviz", "replay", "socketio-heartbeat"], 80, 24, {})
    shown.wait("of 187")
    process = shown.process
    os.close(shown._side)
    os.close(shown._main)
    assert process.wait(timeout=20) in (-signal.SIGHUP, 0, 1)


@pytest.mark.parametrize(("words", "more"), [(["--plain"], {}), ([], {"TERM": "dumb"})])
def test_lines_where_lines_are_wanted(words: list[str], more: dict[str, str]) -> None:
    with terminal("replay", "refused", "--color", "never", *words, columns=200, rows=24, more=more) as shown:
        assert shown.finish() == 0
        assert "client sends SYN" in shown.text
        assert ENTER not in shown.raw


def test_a_terminal_for_output_alone_is_not_enough() -> None:
    """Nobody could press a key: lines are printed."""
    from tests.run import ROOT, environment

    main, side = os.openpty()
    done = subprocess.Popen([sys.executable, "-m", "netviz", "replay", "refused"], stdin=subprocess.DEVNULL, stdout=side,
                            stderr=side, cwd=ROOT, env=environment(TERM="xterm"), start_new_session=True)  # fmt: skip
    os.close(side)
    told = b""
    try:
        while data := os.read(main, 4096):
            told += data
    except OSError:
        pass
    os.close(main)
    assert done.wait(timeout=20) == 0
    assert b"client sends SYN" in told
    assert ENTER.encode() not in told
