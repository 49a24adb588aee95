"""``netviz explain``: the course, a topic, and words that lead nowhere."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

import pytest
from rich.cells import cell_len

from netviz.cli.explain import explain
from netviz.topic import course, topics
from tests.run import CONTROLS, inside, process

_NAMES = sorted(topics())
_WIDTHS = (60, 80, 120, 200)

#: Every command that a topic tells to type, but those on one's own traffic.
_COMMANDS = sorted({command for topic in topics().values() for command in topic.commands})


def test_alone_it_is_a_course() -> None:
    run = inside("explain", columns=80)
    assert (run.status, run.err) == (0, "")
    at = [run.out.index(f"   {name} ") for name in topics()]
    assert at == sorted(at)
    assert all(chapter.title in run.out for chapter in course())
    assert "netviz explain websocket" in run.out


@pytest.mark.parametrize("columns", _WIDTHS)
def test_the_list_is_a_line_for_each(columns: int) -> None:
    run = inside("explain", "--list", columns=columns)
    assert [line.split()[0] for line in run.out.splitlines()] == list(topics())
    assert max(map(len, run.out.splitlines())) <= columns


@pytest.mark.parametrize("columns", _WIDTHS)
@pytest.mark.parametrize("option", ["--color=never", "--ascii"])
@pytest.mark.parametrize("name", ["", *_NAMES])
def test_no_line_is_wider_than_the_screen(name: str, option: str, columns: int) -> None:
    run = inside("explain", *name.split(), option, columns=columns)
    assert (run.status, run.err) == (0, "")
    assert [line for line in run.out.splitlines() if cell_len(line) > columns] == []
    assert not any(control in run.out for control in CONTROLS)
    assert option != "--ascii" or run.out.isascii()


@pytest.mark.parametrize("name", _NAMES)
def test_a_topic_says_what_to_do_next(name: str) -> None:
    out = " ".join(inside("explain", name, columns=200).out.split())
    topic = topics()[name]
    assert out.startswith(f"{name} {' '.join(topic.title.split())}")
    assert all(" ".join(command.split()) in out for command in (*topic.commands, *topic.own))
    assert f"netviz explain {' · '.join(topic.see)}" in out
    assert f"── netviz {shlex.join(topic.picture)}" in out


def test_the_topics_lead_from_one_to_the_next() -> None:
    names = list(topics())
    for name, following in pairwise(names):
        assert f"  next      netviz explain {following}\n" in inside("explain", name).out
    assert "  next  " not in inside("explain", names[-1]).out


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_runs(command: str) -> None:
    run = inside(*shlex.split(command)[1:])
    assert (run.status, run.err) == (0, "")
    assert run.out


@pytest.mark.parametrize("name", _NAMES)
def test_commands_on_ones_own_traffic_have_options_that_exist(name: str) -> None:
    for command in topics()[name].own:
        # A sample stands for the file, and for an interface.
        words = re.sub(r"my\.pcapng|-i (lo|any)", "websocket", command).removeprefix("sudo ").split()
        assert words[0] == "netviz"
        assert "websocket" in words
        run = inside(*words[1:])
        assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("name", _NAMES)
def test_plain_is_a_line_for_each_paragraph(name: str) -> None:
    lines = inside("explain", name, "--plain", columns=60).out.splitlines()
    topic = topics()[name]
    assert lines[0] == f"topic {name}: {topic.title}"
    assert f"picture netviz {shlex.join(topic.picture)}" in lines
    assert not any("`" in line or "──" in line for line in lines)
    assert len(lines) == 1 + sum(max(len(block.lines), 1) for block in topic.blocks) + sum(
        map(len, (topic.commands, topic.own, topic.sources, topic.see))
    )


def test_several_words_are_one_name() -> None:
    assert inside("explain", "close", "codes").out == inside("explain", "close-codes").out


@pytest.mark.parametrize(("word", "near"), [("acsept", "accept"), ("handshke", "handshake")])
def test_an_unknown_topic_suggests_the_nearest(word: str, near: str) -> None:
    run = inside("explain", word)
    assert (run.status, run.out) == (2, "")
    assert f"netviz: no topic '{word}'" in run.err
    assert f"did you mean {near}" in run.err


def test_a_topic_of_escapes_does_not_reach_the_terminal() -> None:
    run = inside("explain", "\x1b[31m\x9b")
    assert run.status == 2
    assert not any(control in run.err for control in CONTROLS)


def test_numbers_of_samples_in_a_text_are_those_of_its_picture() -> None:
    for name, numbers in {
        "polling": ("2,013", "265", "877", "394"), "socket.io": ("164", "364"), "sequence-numbers": ("ack=199", "198"),
            }.items():  # fmt: skip
        lines = inside("explain", name, columns=120).out.splitlines()
        first = next(row for row, line in enumerate(lines) if line.startswith("── netviz"))
        last = max(row for row, line in enumerate(lines) if line == "─" * 120)
        framed, text = "\n".join(lines[first:last]), "\n".join(lines[:first] + lines[last:])
        assert [number for number in numbers if number not in framed] == []
        assert [number for number in numbers if number not in text] == []
    assert "than 3366352201" in " ".join(inside("explain", "sequence-numbers").out.split())  # one more than the picture says
    assert "counted from 3366352200" in " ".join(inside("explain", "sequence-numbers", columns=200).out.split())


def test_names_are_completed() -> None:
    names = [item.value for item in explain.params[0].type.shell_complete(None, None, "s")]  # type: ignore[arg-type]
    assert names == [name for name in topics() if name.startswith("s")]


def test_it_starts_without_numpy_and_scapy() -> None:
    run = process("explain", "--list")
    assert run.status == 0
    assert run.err == ""
