"""Topics: what their files say is read, and what they say holds."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from netviz.errors import NetvizError
from netviz.samples import samples
from netviz.topic import Block, Show, Topic, course, find_topic, read_topic, topics
from netviz.views.theme import ASCII
from tests.run import ROOT

_NAMES = sorted(topics())

#: What the texts on netviz were asked to explain.
_WANTED = (
    "websocket", "upgrade", "accept", "server-push", "polling", "socket.io", "events", "rooms", "acks", "heartbeat", "fallback",
    "namespaces", "osi", "handshake", "sequence-numbers", "tcp-vs-udp", "state", "buffering", "masking", "fragmentation",
    "compression", "close-codes", "1006", "wss", "keylog",
)  # fmt: skip

#: A name is followed by two blanks and the title, and behind three blanks of a contents: 60 columns hold that.
_LONGEST_NAME, _LONGEST_TITLE = 16, 39

#: Lines that stay as they are stand behind four blanks.
_LONGEST_LINE = 56

_FILE = """\
title: a title
also: one, two words
picture: ws-trace websocket --frame 1
show: first .. last
show: "only  "
sources: RFC 1; RFC 2 sections 3, 4
see: accept, 1006

A paragraph
of two lines.

[picture]

- term: meaning: with
  a second line
- other: one

    lines as
      they are
"""


def _words(topic: Topic) -> str:
    return "\n".join(line for block in topic.blocks for line in block.lines)


def test_a_file_is_read() -> None:
    topic = read_topic("name", _FILE)
    assert (topic.name, topic.title) == ("name", "a title")
    assert topic.also == ("one", "two words")
    assert topic.picture == ("ws-trace", "websocket", "--frame", "1")
    assert topic.shows == (Show("first", "last"), Show("only  ", ""))
    assert topic.commands == ("netviz ws-trace websocket --frame 1",)
    assert topic.own == ()
    assert topic.sources == ("RFC 1", "RFC 2 sections 3, 4")
    assert topic.see == ("accept", "1006")
    assert topic.blocks == (
        Block("paragraph", ("A paragraph of two lines.",)),
        Block("picture"),
        Block("terms", ("term: meaning: with a second line", "other: one")),
        Block("lines", ("lines as", "  they are")),
    )


def test_other_commands_take_the_place_of_that_of_the_picture() -> None:
    topic = read_topic("name", _FILE.replace("sources", "try: netviz one\ntry: netviz two\nown: netviz mine\nsources"))
    assert topic.commands == ("netviz one", "netviz two")
    assert topic.own == ("netviz mine",)


def test_all_that_was_asked_for_is_explained() -> None:
    assert set(_WANTED) <= set(topics())


def test_every_file_is_in_the_course_once() -> None:
    files = {path.stem for path in (ROOT / "netviz" / "topics").glob("*.md")} - {"course"}
    listed = [topic.name for chapter in course() for topic in chapter.topics]
    assert sorted(listed) == sorted(files)


def test_every_chapter_has_a_title() -> None:
    assert all(chapter.title and chapter.topics for chapter in course())


@pytest.mark.parametrize("name", _NAMES)
def test_a_topic_has_all_its_parts(name: str) -> None:
    topic = topics()[name]
    assert len(name) <= _LONGEST_NAME
    assert 0 < len(topic.title) <= _LONGEST_TITLE
    assert [block.kind for block in topic.blocks].count("picture") == 1
    assert topic.sources
    assert topic.own
    assert all(command.startswith("netviz ") for command in topic.commands)
    assert 2 <= len(topic.see) <= 6
    assert set(topic.see) <= set(topics()) - {name}
    assert len(set(topic.see)) == len(topic.see)
    assert set(topic.picture) & set(samples())


@pytest.mark.parametrize("name", _NAMES)
def test_a_text_can_be_read_in_a_minute_or_two(name: str) -> None:
    topic = topics()[name]
    lines = sum(1 + len(line) // 90 for block in topic.blocks for line in block.lines)
    assert 8 <= lines <= 40
    assert all(len(line) <= _LONGEST_LINE for block in topic.blocks if block.kind == "lines" for line in block.lines)
    assert all(": " in line for block in topic.blocks if block.kind == "terms" for line in block.lines)
    assert _words(topic).count("`") % 2 == 0


@pytest.mark.parametrize("name", _NAMES)
def test_a_text_keeps_to_signs_that_every_terminal_can_show(name: str) -> None:
    topic = topics()[name]
    text = "\n".join((topic.title, _words(topic), *topic.sources, *topic.commands, *topic.own))
    assert text.translate(ASCII).isascii()
    assert "!" not in _words(topic).replace('"!"', "")


def test_no_two_topics_share_a_name() -> None:
    names = [name for topic in topics().values() for name in (topic.name, *topic.also)]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("accept", "accept"), ("Socket.IO", "socket.io"), ("socketio", "socket.io"), ("io.on()", "events"),
        ("ping", "heartbeat"), ("pings", "heartbeat"), ("ack", "acks"), ("acks", "acks"), ("1005", "close-codes"),
        ("1006", "1006"),
        ("close codes", "close-codes"), ("broadcast", "rooms"), ("mask", "masking"), ("ECONNREFUSED", "refused"),
        ("Sec-WebSocket-Accept", "accept"), ("three way handshake", "handshake"), ("session id unknown", "sticky-sessions"),
    ],
)  # fmt: skip
def test_a_topic_is_found_by_many_names(word: str, name: str) -> None:
    assert find_topic(word).name == name


@pytest.mark.parametrize("name", _NAMES)
def test_every_name_finds_its_topic(name: str) -> None:
    assert [find_topic(word).name for word in (name, *topics()[name].also)] == [name] * (1 + len(topics()[name].also))


@pytest.mark.parametrize(
    ("word", "near"),
    [("acsept", "accept"), ("handschake", "handshake"), ("heartbeet", "heartbeat"), ("fragmnetation", "fragmentation"),
     ("sock", "socket.io"), ("proxy timeout", "heartbeat")],
)  # fmt: skip
def test_an_unknown_topic_suggests_the_nearest(word: str, near: str) -> None:
    with pytest.raises(NetvizError, match="no topic") as caught:
        find_topic(word)
    assert near in caught.value.hint
    assert "--list" in caught.value.hint


@pytest.mark.parametrize("word", ["zzz", "", "?", "\x1b[31m", "x" * 10_000])
def test_a_word_that_is_near_to_nothing_says_where_all_are(word: str) -> None:
    with pytest.raises(NetvizError, match="no topic") as caught:
        find_topic(word)
    assert caught.value.hint == "netviz explain --list names them all"


def test_the_arithmetic_of_accept_is_right() -> None:
    text = _words(topics()["accept"])
    key, guid = re.findall(r"^(?:KEY|GUID)=(\S+)$", text, re.MULTILINE)
    digest = base64.b64encode(hashlib.sha1(f"{key}{guid}".encode()).digest()).decode()
    assert digest == "nuuFbHGxSQ6cP1dr7XiVEiiBDu8="  # what the server of the sample answers
