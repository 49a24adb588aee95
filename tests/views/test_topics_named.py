"""The line at the end of screens that names topics: they exist, and they are those of what stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netviz.topic import topics
from netviz.views import topics_named
from netviz.views.topics_named import named
from tests.run import ROOT, inside

_LINE = re.compile(r"^netviz explain (.*)$", re.MULTILINE)

#: What is typed, and which topics are named then, in this order.
_NAMED = {
    "handshake handshake": ["handshake", "websocket", "sequence-numbers"],
    "handshake handshake --explain": ["handshake", "websocket", "sequence-numbers"],
    "handshake refused": ["refused", "handshake"],
    "handshake unanswered": ["refused", "handshake"],
    "handshake reset": ["refused", "handshake", "websocket", "sequence-numbers"],
    "handshake zero-window": ["buffering", "sequence-numbers", "handshake", "websocket"],
    "handshake midstream": ["websocket", "sequence-numbers"],
    "handshake mixed": ["refused", "handshake", "sequence-numbers", "wss"],
    "handshake mixed --outcome refused": ["refused", "handshake"],
    "ws-trace websocket": ["fragmentation", "heartbeat", "upgrade", "close-codes"],
    "ws-trace websocket --explain": ["upgrade", "accept", "fragmentation", "heartbeat"],
    "ws-trace websocket --grep ferry": ["upgrade", "close-codes"],
    "ws-trace websocket --frame 1": ["masking", "websocket"],
    "ws-trace websocket --frame 14": ["masking", "fragmentation", "websocket"],
    "ws-trace websocket --frame 13": ["heartbeat", "websocket"],
    "ws-trace websocket --frame 30": ["close-codes"],
    "ws-trace deflate": ["compression", "fragmentation", "heartbeat", "upgrade"],
    "ws-trace deflate --frame 3": ["masking", "compression", "fragmentation", "websocket"],
    "ws-trace abnormal -n 0": ["1006", "upgrade", "close-codes"],
    "ws-trace abnormal -n 4": ["close-codes", "upgrade"],
    "ws-trace rejected -n 0": ["rejected", "upgrade"],
    "ws-trace bad-accept": ["accept", "rejected", "1006", "upgrade"],
    "ws-trace violations -n 0": ["masking", "close-codes", "upgrade"],
    "ws-trace snaplen": ["masking", "close-codes"],
    "ws-trace socketio": ["acks", "fallback", "polling", "events"],
    "ws-trace socketio-rooms": ["rooms", "acks", "fallback", "polling"],
    "ws-trace socketio-stuck": ["fallback", "acks", "polling", "events"],
    "ws-trace socketio-unknown-sid": ["fallback", "sticky-sessions", "polling", "socket.io"],
    "ws-trace socketio-unknown-sid -n 0": ["sticky-sessions", "polling", "socket.io"],
    "ws-trace socketio-heartbeat": ["polling", "acks", "fallback", "heartbeat"],
    "ws-trace socketio --raw": ["close-codes", "upgrade"],
    "summary websocket": ["websocket", "upgrade", "handshake", "osi"],
    "summary mixed": ["refused", "1006", "websocket", "upgrade"],
    "summary refused": ["refused", "handshake", "osi"],
    "summary zero-window": ["sequence-numbers", "buffering", "websocket", "upgrade"],
    "summary violations": ["close-codes", "compression", "fragmentation", "masking"],
    "summary wss-missing-key": ["keylog", "websocket", "upgrade", "wss"],
    "summary socketio": ["fallback", "socket.io", "websocket", "upgrade"],
    "summary socketio-stuck": ["rejected", "upgrade", "polling", "socket.io"],
    "layers websocket 1": ["handshake", "osi"],
    "layers websocket 3": ["sequence-numbers", "osi"],
    "layers websocket 4": ["upgrade", "osi"],
    "layers websocket 9": ["masking", "websocket", "osi"],
    "layers websocket 9 --explain": ["masking", "websocket", "osi"],
    "layers deflate 8": ["compression", "masking", "websocket", "osi"],
    "layers mixed 52": ["wss", "osi"],
    "layers mixed 142": ["tcp-vs-udp", "osi"],
    "layers handshake 1": ["osi"],
}

#: Screens that name none: there is nothing on them, or they are for programs and for pipes.
_NONE = (
    "handshake refused --plain", "handshake refused --json", "ws-trace refused", "ws-trace websocket --plain",
    "ws-trace websocket --json", "layers websocket 9 --plain", "layers websocket 9 --json", "layers websocket 9 --layer tcp",
    "summary mixed --plain", "summary mixed --json",
)  # fmt: skip


def _sources(folder: str) -> str:
    return "".join(path.read_text("utf-8") for path in sorted(Path(ROOT, "netviz", folder).rglob("*.py")))


@pytest.mark.parametrize("words", sorted(_NAMED))
def test_a_screen_names_topics_of_what_it_shows(words: str) -> None:
    (line,) = _LINE.findall(inside(*words.split()).out)
    found = line.split(" · ")
    assert found == _NAMED[words]
    assert set(found) <= set(topics())


@pytest.mark.parametrize("words", _NONE)
def test_other_screens_name_none(words: str) -> None:
    assert _LINE.findall(inside(*words.split()).out) == []


@pytest.mark.parametrize("table", ["_BROKEN", "_HEADLINES", "_LAYERS", "_TROUBLES"])
def test_tables_name_topics_that_exist(table: str) -> None:
    assert set(getattr(topics_named, table).values()) <= set(topics())


@pytest.mark.parametrize(
    ("table", "folders"),
    [("_BROKEN", ["layers"]), ("_HEADLINES", ["verdicts"]), ("_LAYERS", ["", "layers"]), ("_TROUBLES", ["."])],
)
def test_tables_know_what_others_say(table: str, folders: list[str]) -> None:
    said = "".join(map(_sources, folders))
    assert [word for word in getattr(topics_named, table) if f'"{word}"' not in said] == []


@pytest.mark.parametrize("width", [60, 80])
def test_the_line_names_a_few_each_once(width: int) -> None:
    names = ["sequence-numbers", "fragmentation", "sequence-numbers", "sticky-sessions", "tcp-vs-udp", "compression"]
    line = named(names, width).plain
    assert " ".join(line.split()) == "netviz explain sequence-numbers · fragmentation · sticky-sessions · tcp-vs-udp"
    assert max(map(len, line.splitlines())) <= width
