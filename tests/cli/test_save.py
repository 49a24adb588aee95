"""``--save-messages``: each message in a file of its own, byte for byte, under a name that nobody on the wire chose."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.frames import MASK, closing, frame, request
from tests.run import inside, process
from tests.talk import CHAT, c, opened, s, say, talk
from tests.wire import CLIENT, SERVER, Wire, pcap, weave

_Save = Callable[..., Path]

#: What the chat leaves behind.
_CHAT = {
    "0000-000001-client.txt": b"hello Needle",
    "0000-000002-server.bin": b"\x00\xffneedle\x80",
    "0000-000005-server.json": b'{"a": 1, "b": [true, null]}',
    "0000-000007-client.txt": b"fragmented",
    "0000-000009-server.txt": b"",
    "0000-000010-server.txt": "grüße\n温度".encode(),
}


def _files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"], ["--frames"], ["--stats"], ["--full"]])
def test_messages_are_saved_byte_for_byte(how: list[str], saved: _Save, tmp_path: Path) -> None:
    path, target = str(saved(pcap(talk(CHAT).packets))), tmp_path / "not" / "there" / "yet"
    run = inside("ws-trace", path, "--save-messages", str(target), *how)
    assert run.status == 0
    assert _files(target) == _CHAT
    assert run.err == f"6 messages saved in {target}\n"
    assert run.out == inside("ws-trace", path, *how).out


def test_line_ends_and_odd_characters_stay(saved: _Save, tmp_path: Path) -> None:
    texts = ["a\r\nb\n", "\ufeffmarked", "\x00\x1b[31m", "\u202e", "🚲", "[1", " {"]
    path, target = saved(pcap(talk([s(1, text) for text in texts]).packets)), tmp_path / "out"
    inside("ws-trace", str(path), "--save-messages", str(target))
    assert [content.decode() for _, content in sorted(_files(target).items())] == texts
    assert [name[-4:] for name in sorted(_files(target))] == [".txt"] * 5 + ["json", ".txt"]


def test_text_that_is_no_text_is_saved_as_it_was(saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk([c(1, b"ab\xff\xfecd")]).packets)), tmp_path / "out"
    inside("ws-trace", str(path), "--save-messages", str(target))
    assert _files(target) == {"0000-000001-client.bin": b"ab\xff\xfecd"}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["--grep", "needle"], ["000001", "000002"]),
        (["--kind", "binary"], ["000002"]),
        (["--kind", "ping"], []),
        (["--port", "9"], []),
        (["--problems"], []),
        (["--connection", "0", "--grep", "frag"], ["000007"]),
    ],
)
def test_filters_hold_for_files_too(words: list[str], kept: list[str], saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk(CHAT).packets)), tmp_path / "out"
    run = inside("ws-trace", str(path), "--save-messages", str(target), *words)
    assert run.status == 0
    assert [name[5:11] for name in sorted(_files(target))] == kept
    assert run.err.startswith(f"{len(kept)} message{'' if len(kept) == 1 else 's'} saved in ")


def test_connections_do_not_share_names(saved: _Save, tmp_path: Path) -> None:
    wires = [talk([c(1, f"from {port}")], Wire(("10.0.0.1", port), isn=(port, port))) for port in (40000, 40001)]
    path, target = saved(pcap(weave(wires, [0, 1] * 10))), tmp_path / "out"
    inside("ws-trace", str(path), "--save-messages", str(target))
    assert _files(target) == {"0000-000001-client.txt": b"from 40000", "0001-000001-client.txt": b"from 40001"}


def test_nothing_from_the_wire_becomes_a_path(saved: _Save, tmp_path: Path) -> None:
    wire = opened(asks=request("/../../../../evil", host="../evil", protocols="../evil"))
    say(wire, [c(1, "../../evil"), s(1, "/etc/passwd"), c(9, "../ping"), (CLIENT, closing(1000, "../evil", MASK))])
    path, target = saved(pcap(wire.packets)), tmp_path / "a" / "b" / "out"
    run = inside("ws-trace", str(path), "--save-messages", str(target))
    assert run.status == 0
    assert {entry.relative_to(tmp_path).as_posix() for entry in tmp_path.rglob("*") if entry.is_file()} == {
        "test.pcap", "a/b/out/0000-000001-client.txt", "a/b/out/0000-000002-server.txt"}  # fmt: skip
    assert all(re.fullmatch(r"\d{4}-\d{6}-(client|server)\.(txt|bin|json)", name) for name in _files(target))


def test_what_is_too_large_is_counted(saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk([s(1, "x" * 2000), s(1, "small"), s(2, bytes(3000))]).packets)), tmp_path / "out"
    run = inside("ws-trace", str(path), "--max-message", "1k", "--save-messages", str(target))
    assert _files(target) == {"0000-000002-server.txt": b"small"}
    assert run.err == f"1 message saved in {target}; 2 messages could not be read whole\n"


def test_only_named_events_are_printed_and_messages_saved_all_the_same(saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk(CHAT).packets)), tmp_path / "out"
    run = inside("ws-trace", str(path), "--json", "--only", "websocket.message", "--save-messages", str(target))
    assert (run.status, len(_files(target))) == (0, 6)
    assert run.out.count("\n") == run.out.count('{"event": "websocket.message"') == 12


@pytest.mark.parametrize("only", ["websocket.frame", "websocket.close"])
def test_names_of_events_say_what_is_printed_not_what_is_saved(only: str, saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk(CHAT).packets)), tmp_path / "out"
    run = inside("ws-trace", str(path), "--json", "--only", only, "--save-messages", str(target))
    assert {line.split('"')[3] for line in run.out.splitlines()} == {only}
    assert len(_files(target)) == 6


def test_a_directory_that_cannot_be_made(saved: _Save, tmp_path: Path) -> None:
    path = saved(pcap(talk(CHAT).packets))
    for target in (path / "below a file", path):
        run = inside("ws-trace", str(path), "--save-messages", str(target))
        assert (run.status, run.out) == (2, "")
        assert str(target) in run.err.replace("\n", "")
        assert "Traceback" not in run.err


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written(saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk(CHAT).packets)), tmp_path / "locked"
    target.mkdir(mode=0o500)
    run = inside("ws-trace", str(path), "--save-messages", str(target))
    assert run.status == 2
    assert "cannot write" in run.err


def test_a_name_that_is_taken_by_a_directory(saved: _Save, tmp_path: Path) -> None:
    path, target = saved(pcap(talk(CHAT).packets)), tmp_path / "out"
    (target / "0000-000001-client.txt").mkdir(parents=True)
    run = inside("ws-trace", str(path), "--save-messages", str(target))
    assert run.status == 2
    assert "cannot write" in run.err


def test_messages_of_a_stream_are_saved(saved: _Save, tmp_path: Path) -> None:
    lines = [(SERVER, b"".join(frame(1, f"m{number}") for number in range(50)))]
    path, target = saved(pcap(talk(lines).packets)), tmp_path / "out"
    run = process("ws-trace", "-", "--save-messages", str(target), stdin=path)
    assert run.status == 0
    assert [content for _, content in sorted(_files(target).items())] == [f"m{number}".encode() for number in range(50)]
