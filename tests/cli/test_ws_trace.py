"""``netviz ws-trace``: every option alone and with others, exit status, machine output, streams."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from netviz.samples import samples
from tests.conftest import CAPTURES
from tests.frames import MASK, accepted, closing, frame, head, request
from tests.run import CONTROLS, ROOT, environment, inside, process
from tests.talk import CHAT, Line, c, opened, s, say, talk
from tests.wire import ACK, CLIENT, PSH, RST, SERVER, Wire, pcap, weave

_NAMES = sorted(samples())

#: What must never be waited for longer: then something hangs.
_GUARD = 30.0

_Kind = type | tuple[type, ...]
_NUMBER = (int, float)

#: The keys of every event with their types; those of the second group may be absent.
_COMMON: dict[str, _Kind] = {"event": str, "packets": list, "problems": list}
_WHEN: dict[str, _Kind] = {"time": str, "elapsed": _NUMBER}
_ALWAYS: dict[str, dict[str, _Kind]] = {
    "capture.problem": {"count": int},
    "websocket.upgrade": {
        "client": str, "server": str,
        "connection": int, "path": str, "method": str, "offered_subprotocols": list, "offered_extensions": list,
        "extensions": list, "outcome": str, "http": str, "earlier_requests": int, "request_headers": list,
        "response_headers": list,
    },
    "websocket.frame": {
        "connection": int, "number": int, "side": str, "opcode": int, "kind": str, "fin": bool, "rsv1": bool, "rsv2": bool,
        "rsv3": bool, "masked": bool, "length": int,
    },
    "websocket.message": {
        "connection": int, "number": int, "side": str, "kind": str, "wire_length": int, "compressed": bool, "fragments": int,
        "frames": list,
    },
    "websocket.close": {
        "client": str, "server": str,
        "connection": int, "code": int, "name": str, "reason": str, "clean": bool, "transport": str, "in_flight": dict,
        "unanswered_pings": list,
    },
}  # fmt: skip
_SOMETIMES: dict[str, dict[str, _Kind]] = {
    "capture.problem": {},
    "websocket.upgrade": {
        "host": str, "key": str, "version": str, "origin": str, "user_agent": str, "status": int, "reason": str, "accept": str,
        "accept_expected": str, "accept_valid": bool, "subprotocol": str, "proxy": str, "body": str, "seconds": _NUMBER,
        "tls": dict,
    },
    "websocket.frame": {"mask": str, "inferred": list},
    "websocket.message": {"length": int, "code": int, "text": str, "data": str, "answers": dict, "inferred": list},
    "websocket.close": {"by": str, "transport_by": str, "silence": _NUMBER, "unfinished": dict, "inferred": list},
}  # fmt: skip

_Save = Callable[..., Path]


def _bad_masks(wire: Wire | None = None) -> Wire:
    """The client sends one frame without a mask, between two that are fine."""
    return talk([c(1, "good"), c(1, "naked", mask=None), s(1, "answer")], wire)


def _other(port: int, client: str = "10.0.0.1") -> Wire:
    return Wire((client, 40000 + port), ("10.0.0.9", port), isn=(port, port))


def _several() -> bytes:
    """Connection 0 is the chat, 1 breaks a rule, 2 is refused."""
    refused = opened(_other(83), answers=head("HTTP/1.1 403 Forbidden", {"Content-Length": "0"})).close()
    wires = [talk(CHAT), _bad_masks(_other(82, "10.0.0.7")), refused]
    return pcap(weave(wires, [0, 1, 2] * 3))


#: Lines that no rule-keeping conversation has, for what reads frames quickly.
_ODD: dict[str, list[Line]] = {
    "chat": list(CHAT),
    "several a segment": [(SERVER, b"".join(frame(1, f"m{n}") for n in range(20))), (CLIENT, frame(1, "a", MASK) * 3)],
    "over several segments": [
        (SERVER, frame(2, bytes(300))[:1]), (SERVER, frame(2, bytes(300))[1:3]), (CLIENT, frame(1, "between", MASK)[:5]),
        (SERVER, frame(2, bytes(300))[3:100]), (CLIENT, frame(1, "between", MASK)[5:]), (SERVER, frame(2, bytes(300))[100:]),
    ],
    "lengths": [s(2, bytes(size)) for size in (0, 125, 126, 65535, 65536)] + [c(2, bytes(70_000))],
    "unmasked client": [c(1, "a"), c(1, "b", mask=None), c(1, "c")],
    "masked server": [s(1, "a"), (SERVER, frame(1, "b", MASK)), s(1, "c")],
    "reserved bits": [s(1, "a", rsv=2), c(1, "b", rsv=4)],
    "reserved opcode": [s(5, "a"), c(11, "b"), s(1, "c")],
    "length not minimal": [s(1, "a", length_form=16), c(1, "b", length_form=64)],
    "control too long": [s(9, bytes(126)), c(10, bytes(200))],
    "control fragmented": [s(9, "a", fin=False), c(1, "b")],
    "continuation without start": [c(0, "a"), s(1, "b")],
    "interrupted": [c(1, "a", fin=False), c(1, "b"), s(1, "c")],
    "data after close": [(SERVER, closing() + frame(1, "late")), c(1, "more")],
    "length too large": [s(1, "a"), (SERVER, b"\x82\x7f" + b"\xff" * 8 + b"abc")],
    "largest allowed length": [s(1, "a"), (SERVER, b"\x82\x7f\x7f" + b"\xff" * 7 + b"abc")],
    "cut": [c(1, "a"), (SERVER, frame(1, "never whole")[:6])],
    "half a header": [c(1, "a"), (SERVER, b"\x81")],
    "invalid UTF-8": [s(1, b"\xff\xfe"), c(8, b"\x03")],
}  # fmt: skip


def _lines(*words: str) -> list[dict[str, Any]]:
    run = inside("ws-trace", *words, "--json")
    assert (run.status, run.err) == (0, "")
    return [json.loads(line) for line in run.out.splitlines()]


def _messages(*words: str) -> list[str]:
    """The contents of the messages that a selection leaves; hexadecimal where they are no text."""
    found = [line for line in _lines(*words) if line["event"] == "websocket.message"]
    return [line.get("text", b64decode(line.get("data", "")).hex()) for line in found]


def _values(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _values(inner)


@pytest.fixture
def chat(saved: _Save) -> str:
    """One WebSocket without a fault."""
    return str(saved(pcap(talk(CHAT).packets), "chat.pcap"))


@pytest.fixture
def bad(saved: _Save) -> str:
    """One WebSocket in which a frame has no mask."""
    return str(saved(pcap(_bad_masks().packets), "bad.pcap"))


@pytest.fixture
def several(saved: _Save) -> str:
    """Three connections, see `_several`."""
    return str(saved(_several(), "several.pcap"))


# Mistakes


@pytest.mark.parametrize("how", ["--json", "--plain", "--color=never"])
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no/such/file.pcap"], "no such file"),
        (["websocket", "--connection", "7"], "connection 7 holds no WebSocket"),
        (["refused", "--connection", "0"], "connections that do: none"),
        (["websocket", "--host", "example.org"], "not an IP address"),
        (["websocket", "--grep", "("], "is no regular expression"),
        (["websocket", "--grep", "a{99999999999999999999}"], "is no regular expression"),
        (["websocket", "--kind", "txt"], "'txt'"),
        (["websocket", "--port", "65536"], "65536"),
        (["websocket", "--only", "websocket.mesage"], "'websocket.mesage' is no event"),
        (["websocket", "--only", "websocket.message,web"], "'web' is no event"),
        (["websocket", "--only", "tcp.connection"], "is no event"),
        (["websocket", "--max-message", "many"], "is no size"),
        (["websocket", "--max-message", "-1"], "is no size"),
        (["websocket", "--max-message", "2G"], "is no size"),
        (["websocket", "--max-message", "k"], "is no size"),
        (["websocket", "--max-message", "1.5M"], "is no size"),
        (["websocket", "--max-message", "²"], "is no size"),
        (["websocket", "--max-message", "9" * 5000], "is no size"),
        (["websocket", "--frame", "0"], "0"),
        (["websocket", "--time", "relative"], "'relative'"),
        (["-", "websocket"], "standard input"),
    ],
)
def test_mistakes_end_with_2_and_say_what(words: list[str], says: str, how: str) -> None:
    run = inside("ws-trace", *words, how)
    assert (run.status, run.out) == (2, "")
    assert says in " ".join(run.err.split())
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["websocket", "--frame", "31"], "no frame 31: the last one is frame 30"),
        (["refused", "--frame", "1"], "no frame 1: there are no frames"),
        (["mixed", "--frame", "1"], "several WebSockets have a frame 1"),
        (["mixed", "--frame", "1", "--connection", "0"], "connection 0 holds no WebSocket"),
        (["mixed", "--frame", "1", "--port", "1"], "no frame 1: there are no frames"),
        (["mixed", "--frame", "99", "--connection", "8"], "no frame 99: the last one is frame 8"),
    ],
)
def test_frames_that_cannot_be_drawn(words: list[str], says: str) -> None:
    run = inside("ws-trace", *words)
    assert (run.status, run.out) == (2, "")
    assert says in run.err


def test_several_frames_of_that_number_are_named() -> None:
    run = inside("ws-trace", "mixed", "--frame", "13")
    numbers = [int(number) for number in re.findall(r"\d+", run.err.split("of", 1)[-1])]
    there = {line["connection"] for line in _lines("mixed", "--only", "websocket.frame") if line["number"] == 13}
    assert run.status == 2
    assert set(numbers) == there


# Filters


def _keeps(words: str) -> Callable[[dict[str, Any]], bool]:
    """What filters ought to keep of the lines of `several`, told once more and in another way."""
    data = re.compile("needle", re.IGNORECASE)

    def keep(line: dict[str, Any]) -> bool:
        kind, number = line.get("kind"), line["connection"]
        message = line["event"] == "websocket.message"
        said = line.get("text") or b64decode(line.get("data", "")).decode("latin-1")
        rules = {
            "--connection 1": number == 1,
            "--host 10.0.0.7": number == 1,
            "--host 10.0.0.9": number in (1, 2),
            "--host 10.0.0.4": False,
            "--port 80": number == 0,
            "--port 40082": number == 1,
            "--grep needle": message and data.search(said) is not None,
            "--grep nowhere": False,
            "--kind text": kind == "text",
            "--kind binary": kind == "binary",
            "--kind ping": kind == "ping",
            "--kind continuation": kind == "continuation",
            "--kind reserved": False,
            "--kind close --kind pong": kind in ("close", "pong"),
            "--problems": bool(line["problems"]),
            "--only websocket.frame": line["event"] == "websocket.frame",
            "--only websocket.close": line["event"] == "websocket.close",
            "--only websocket.frame,websocket.message": line["event"] in ("websocket.frame", "websocket.message"),
            "--only websocket": True,
            "--only capture": False,
        }
        return all(rules[part] for part in words.split(" | "))

    return keep


@pytest.mark.parametrize(
    "words",
    [
        "--connection 1", "--host 10.0.0.7", "--host 10.0.0.9", "--host 10.0.0.4", "--port 80", "--port 40082", "--grep needle",
        "--grep nowhere", "--kind text", "--kind binary", "--kind ping", "--kind continuation", "--kind reserved",
        "--kind close --kind pong", "--problems", "--only websocket.close", "--only websocket.frame,websocket.message",
        "--only websocket", "--only capture", "--connection 1 | --problems", "--host 10.0.0.9 | --port 40082",
        "--host 10.0.0.9 | --port 80", "--kind text | --grep needle", "--kind binary | --grep needle",
        "--problems | --kind text", "--problems | --grep needle", "--connection 1 | --only websocket.frame",
        "--problems | --only websocket.frame", "--kind text | --only websocket.frame",
    ],
)  # fmt: skip
def test_filters(words: str, several: str) -> None:
    every = _lines(several)
    keep = _keeps(words)
    assert {line["connection"] for line in every} == {0, 1, 2}
    assert _lines(several, *words.replace("|", "").split()) == [line for line in every if keep(line)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("needle", ["hello Needle", "00ff6e6565646c6580"]),
        ("^hello.*NEEDLE$", ["hello Needle"]),
        ("\\x00\\xff", ["00ff6e6565646c6580"]),
        ("beat", ["beat", "beat"]),
        ("ragmente", ["fragmented"]),
        ("GRÜSSE|grüße", ["grüße\n温度"]),
        ("温", ["grüße\n温度"]),
        ("bye", ["bye", "bye"]),
        ("no such word", []),
    ],
)
def test_grep_reads_whole_messages(pattern: str, found: list[str], chat: str) -> None:
    assert _messages(chat, "--grep", pattern) == found


def test_grep_reads_what_was_compressed() -> None:
    pressed = [line["text"] for line in _lines("mixed") if line.get("compressed") and '"vehicle"' in line.get("text", "")]
    assert pressed
    found = _lines("mixed", "--grep", '"VEHICLE"')
    assert [line["text"] for line in found if line["compressed"]] == pressed


@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"]])
@pytest.mark.parametrize("words", [["--port", "9"], ["--grep", "no such word"], ["--kind", "reserved"], ["--problems"]])
def test_a_filter_that_matches_nothing_is_no_mistake(words: list[str], how: list[str]) -> None:
    run = inside("ws-trace", "websocket", *words, *how)
    assert (run.status, run.err) == (0, "")
    assert ("nothing matches" in run.out or "no WebSocket" in run.out) is (not how)


@pytest.mark.parametrize("how", [[], ["--plain"]])
@pytest.mark.parametrize(
    ("words", "shown", "hidden"),
    [
        (["--grep", "needle"], ["hello Needle", "00 ff 6e"], ["beat", "fragmented"]),
        (["--kind", "ping"], ["beat", "mid"], ["hello", "fragmented", "00 ff"]),
        (["--kind", "text"], ["hello Needle", "fragmented"], ["00 ff", "beat"]),
        (["--connection", "1"], ["naked"], ["hello", "beat"]),
        (["--host", "10.0.0.7"], ["naked"], ["hello", "beat"]),
        (["--port", "80"], ["hello"], ["naked"]),
    ],
)
def test_filters_on_screens(words: list[str], shown: list[str], hidden: list[str], how: list[str], several: str) -> None:
    out = inside("ws-trace", several, *words, *how).out
    assert [text for text in shown if text not in out] == []
    assert [text for text in hidden if text in out] == []


def test_problems_shows_what_is_wrong_and_leaves_out_the_rest(several: str) -> None:
    out = inside("ws-trace", several, "--problems").out
    assert "this one is not (RFC 6455 section 5.1)" in out
    assert "403 Forbidden" in out
    assert "hello" not in out
    assert "answer" not in " ".join(line for line in out.splitlines() if "◀── server" in line)


# --check


@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"], ["--frames"], ["--explain"]])
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 1), (["--connection", "0"], 0), (["--connection", "1"], 1), (["--connection", "2"], 1), (["--port", "80"], 0),
        (["--host", "10.0.0.7"], 1), (["--grep", "hello"], 0), (["--grep", "naked"], 0), (["--kind", "binary"], 0),
        (["--kind", "text"], 1), (["--kind", "ping"], 0), (["--problems"], 1), (["--problems", "--port", "80"], 0),
    ],
)  # fmt: skip
def test_check(words: list[str], status: int, how: list[str], several: str) -> None:
    run = inside("ws-trace", several, *words, *how, "--check")
    assert (run.status, run.err) == (status, "")
    assert inside("ws-trace", several, *words, *how) == (0, run.out, "")


@pytest.mark.parametrize(
    ("name", "status"), [("websocket", 0), ("handshake", 0), ("reset", 1), ("cut-file", 1), ("mixed", 1), ("refused", 0)]
)
@pytest.mark.parametrize("how", [[], ["--json"], ["--plain"]])
def test_check_of_samples(name: str, status: int, how: list[str]) -> None:
    assert inside("ws-trace", name, "--check", *how).status == status


@pytest.mark.parametrize(("only", "status"), [("websocket.frame", 1), ("websocket.message", 0), ("websocket.close", 0)])
def test_check_of_named_events(only: str, status: int, bad: str) -> None:
    kinds = [line["problems"] for line in _lines(bad, "--only", only)]
    assert any(kinds) is bool(status)
    assert inside("ws-trace", bad, "--json", "--check", "--only", only).status == status


@pytest.mark.parametrize(("number", "status"), [("1", 0), ("2", 1)])
@pytest.mark.parametrize("how", [[], ["--json"]])
def test_check_of_one_frame(number: str, status: int, how: list[str], bad: str) -> None:
    run = inside("ws-trace", bad, "--frame", number, "--check", *how)
    assert (run.status, run.err) == (status, "")


# JSON


def _contract(line: dict[str, Any]) -> None:
    name = line["event"]
    kinds = {**_COMMON, **_ALWAYS[name]}
    kinds |= {key: kind for key, kind in {**_WHEN, **_SOMETIMES[name]}.items() if key in line}
    assert line.keys() == kinds.keys()
    assert {key for key, kind in kinds.items() if not isinstance(line[key], kind)} == set()
    assert not any(value is None for value in _values(line))
    for problem in line["problems"]:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", problem["kind"])
        assert problem["text"]
    if "time" in line:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", line["time"])
    match name:
        case "websocket.upgrade":
            assert line["outcome"] in ("accepted", "rejected", "invalid", "unanswered")
            assert ("status" in line) == (line["outcome"] != "unanswered") == ("reason" in line) == ("seconds" in line)
            assert ("accept_valid" in line) == ("accept" in line and "accept_expected" in line)
            assert all(len(header) == 2 for header in line["request_headers"] + line["response_headers"])
        case "websocket.frame":
            assert line["masked"] == ("mask" in line)
            assert re.fullmatch("[0-9a-f]{8}", line.get("mask", "00000000"))
            assert line["side"] in ("client", "server")
        case "websocket.message":
            assert not ("text" in line and "data" in line)
            assert line["frames"][0] <= line["frames"][1]
            assert ("code" in line) <= (line["kind"] == "close")
            assert ("answers" in line) <= (line["kind"] == "pong")
        case "websocket.close":
            assert ("transport_by" in line) == (line["transport"] != "open")
            assert line["unanswered_pings"] == sorted(line["unanswered_pings"])


@pytest.mark.parametrize("capture", sorted(CAPTURES))
def test_json_keeps_the_contract(capture: str) -> None:
    for line in _lines(str(CAPTURES[capture])):
        if line["event"].startswith(("engineio.", "socketio.", "tls.")):  # their keys: test_json_socketio.py, test_json_tls.py
            assert line.keys() >= _COMMON.keys() | {"packets", "problems"}
        else:
            _contract(line)


@pytest.mark.parametrize("name", _ODD)
def test_json_keeps_the_contract_where_rules_are_broken(name: str, saved: _Save) -> None:
    lines = _lines(str(saved(pcap(talk(_ODD[name]).packets))))
    assert lines
    for line in lines:
        _contract(line)


def test_json_of_a_chat(chat: str) -> None:
    lines = _lines(chat)
    upgrade, *rest, end = lines
    assert (upgrade["event"], upgrade["outcome"], upgrade["path"], upgrade["accept_valid"]) == (
        "websocket.upgrade", "accepted", "/", True)  # fmt: skip
    assert upgrade["seconds"] == 0.001
    messages = [line for line in rest if line["event"] == "websocket.message"]
    assert [(m["number"], m["side"], m["kind"]) for m in messages] == [
        (1, "client", "text"), (2, "server", "binary"), (3, "client", "ping"), (4, "server", "pong"), (5, "server", "text"),
        (6, "client", "ping"), (7, "client", "text"), (8, "server", "pong"), (9, "server", "text"), (10, "server", "text"),
        (11, "client", "close"), (12, "server", "close"),
    ]  # fmt: skip
    assert messages[3]["answers"] == {"number": 3, "seconds": 0.001}
    assert (messages[6]["fragments"], messages[6]["frames"], messages[6]["text"]) == (3, [6, 9], "fragmented")
    assert (messages[1]["data"], messages[1]["length"]) == ("AP9uZWVkbGWA", 9)
    assert (messages[-1]["code"], messages[-1]["text"]) == (1000, "bye")
    frames = [line for line in rest if line["event"] == "websocket.frame"]
    assert [line["number"] for line in frames] == list(range(1, 15))
    assert (frames[0]["mask"], frames[0]["masked"], frames[1]["masked"]) == (f"{MASK:08x}", True, False)
    assert (end["code"], end["by"], end["clean"], end["transport"], end["transport_by"]) == (
        1000, "client", True, "fin", "server")  # fmt: skip


def test_what_is_too_large_has_a_length_and_no_content(saved: _Save) -> None:
    path = str(saved(pcap(talk([s(1, "x" * 65_537), s(1, "y" * 65_536), s(2, bytes(70_000))]).packets)))
    for size, limit in ("64k", 65_536), ("64KiB", 65_536), ("65536", 65_536), ("64kb", 65_536), (" 64K ", 65_536):
        found = [line for line in _lines(path, "--max-message", size) if line["event"] == "websocket.message"]
        kept = [len(line.get("text", "")) or len(b64decode(line.get("data", ""))) for line in found[:3]]
        assert (kept, limit) == ([0, 65_536, 0], 65_536)
        assert [line["length"] for line in found[:3]] == [65_537, 65_536, 70_000]
        assert "text" not in found[0]
        assert "data" not in found[2]
    whole = [line for line in _lines(path, "--max-message", "16M") if line["event"] == "websocket.message"]
    assert [line["length"] for line in whole[:3]] == [65_537, 65_536, 70_000]
    assert len(whole[0]["text"]) == 65_537
    assert "not shown" in inside("ws-trace", path, "--max-message", "64k").out


def test_one_frame_as_json(chat: str) -> None:
    (line,) = _lines(chat, "--frame", "2")
    assert line == next(line for line in _lines(chat, "--only", "websocket.frame") if line["number"] == 2)


def test_json_from_stdin_is_the_same_as_from_the_file() -> None:
    assert process("ws-trace", "-", "--json", stdin=CAPTURES["mixed"]) == process("ws-trace", "mixed", "--json")


# The fast path


def _frame_lines(*words: str) -> list[str]:
    run = inside("ws-trace", *words, "--json")
    assert (run.status, run.err) == (0, "")
    return [line for line in run.out.splitlines() if line.startswith('{"event": "websocket.frame"')]


@pytest.mark.parametrize("capture", sorted(CAPTURES))
def test_only_frames_are_the_frames_of_the_whole(capture: str) -> None:
    run = inside("ws-trace", str(CAPTURES[capture]), "--json", "--only", "websocket.frame")
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines() == _frame_lines(str(CAPTURES[capture]))


@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("name", _ODD)
def test_only_frames_are_the_frames_of_the_whole_where_rules_are_broken(name: str, end: bool, saved: _Save) -> None:
    others = [talk(CHAT, _other(81)), talk([s(1, "x"), c(2, "y")] * 5, _other(82), end=False)]
    path = str(saved(pcap(weave([talk(_ODD[name], end=end), *others], [0, 1, 2] * 40))))
    run = inside("ws-trace", path, "--json", "--only", "websocket.frame")
    assert (run.status, run.err) == (0, "")
    every = _frame_lines(path)
    assert every
    assert run.out.splitlines() == every


def test_only_frames_of_a_reset_connection(saved: _Save) -> None:
    wire = talk([c(1, "a"), s(1, "b")], end=False).server(RST | ACK).client(PSH | ACK, frame(1, "late", MASK))
    path = str(saved(pcap(wire.packets)))
    assert inside("ws-trace", path, "--json", "--only", "websocket.frame").out.splitlines() == _frame_lines(path)


@pytest.mark.parametrize("pure", ["", "1"])
def test_only_frames_with_and_without_c(pure: str, saved: _Save) -> None:
    wires = [talk(lines, _other(100 + at)) for at, lines in enumerate(_ODD.values())]
    path = str(saved(pcap(weave(wires, list(range(len(wires))) * 10))))
    only = process("ws-trace", path, "--json", "--only", "websocket.frame", NETVIZ_PURE=pure)
    assert (only.status, only.err) == (0, "")
    want, found = _frame_lines(path), only.out.splitlines()
    assert len(found) == len(want)
    assert [pair for pair in zip(found, want, strict=True) if pair[0] != pair[1]] == []


@pytest.mark.parametrize(("name", "status"), [("chat", 0), ("unmasked client", 1), ("cut", 1)])
def test_check_of_the_fast_path(name: str, status: int, saved: _Save) -> None:
    path = str(saved(pcap(talk(_ODD[name], end=name == "chat").packets)))
    run = inside("ws-trace", path, "--json", "--only", "websocket.frame", "--check")
    assert run.status == status


# Plain


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("words", [[], ["--frames"], ["--full"], ["--frames", "--full"]])
def test_plain_is_a_line_an_event(name: str, words: list[str]) -> None:
    run = inside("ws-trace", name, "--plain", "--raw", *words)
    assert (run.status, run.err) == (0, "")
    starts = r"(upgrade|tls |message \d+|frame \d+|closed \d+|problem [a-z0-9-]+:|still open)"
    for line in run.out.splitlines():
        assert re.match(rf"(-|-?\d+\.\d{{6}}) (connection \d+ {starts} ?|capture problem )", line), line
    wanted = [line for line in _lines(name) if line["event"] == "websocket.message"]
    assert len(re.findall(r"^\S+ connection \d+ message ", run.out, re.MULTILINE)) == len(wanted)
    frames = [line for line in _lines(name) if line["event"] == "websocket.frame" and ("--frames" in words or line["problems"])]
    assert len(re.findall(r"^\S+ connection \d+ frame ", run.out, re.MULTILINE)) == len(frames)


def test_plain_writes_line_ends_as_escapes(chat: str) -> None:
    for words in ([], ["--full"]):
        (line,) = (line for line in inside("ws-trace", chat, "--plain", *words).out.splitlines() if "grüße" in line)
        assert line.endswith("grüße\\n温度")


def test_plain_full_has_the_content_as_it_was(chat: str) -> None:
    (line,) = (line for line in inside("ws-trace", chat, "--plain", "--full").out.splitlines() if '"a"' in line)
    assert line.endswith('{"a": 1, "b": [true, null]}')


# Screens


_SCREENS = [[], ["--plain"], ["--frames"], ["--full"], ["--explain"], ["--stats"], ["--problems"], ["--ascii"], ["--json"]]


@pytest.mark.parametrize("name", ["mixed", "websocket", "reset"])
@pytest.mark.parametrize("words", [*_SCREENS, ["--color", "never"]])
def test_what_is_piped_has_no_escape_sequences(name: str, words: list[str]) -> None:
    run = inside("ws-trace", name, *words, FORCE_COLOR="1", TERM="xterm-256color")
    assert run.status == 0
    assert run.out
    assert not any(control in run.out for control in CONTROLS)


@pytest.mark.parametrize("words", [[], ["--explain"], ["--stats"], ["--frame", "1"], ["--frames"]])
def test_colors_where_they_are_demanded(words: list[str]) -> None:
    colored = inside("ws-trace", "websocket", "--color", "always", *words).out
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == inside("ws-trace", "websocket", *words).out


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("words", [["--explain", "--stats"], ["--plain"], ["--frames"]])
def test_ascii_is_ascii(name: str, words: list[str]) -> None:
    run = inside("ws-trace", name, "--ascii", *words)
    assert run.status == 0
    assert run.out.isascii()
    assert not any(sign in run.out for sign in ("\\u25", "\\u27", "\\u20", "\\xb7", "\\xd7"))


def test_ascii_of_one_frame() -> None:
    out = inside("ws-trace", "websocket", "--frame", "1", "--ascii").out
    assert out.isascii()
    assert "\\u" not in out
    assert "\\x" not in out


@pytest.mark.parametrize("words", [*_SCREENS[:-1], ["--frame", "7"], ["--time", "absolute", "--frames"]])
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_chat_fits(words: list[str], columns: int, chat: str) -> None:
    if words == ["--plain"]:
        pytest.skip("a line an event, however long")
    run = inside("ws-trace", chat, *words, columns=columns)
    assert (run.status, run.err) == (0, "")
    assert run.out
    assert [line for line in run.out.splitlines() if cell_len(line) > columns] == []


@pytest.mark.parametrize("words", [[], ["--explain"], ["--stats"], ["--frames"], ["--full"], ["--problems"], ["--plain"]])
def test_no_websocket_is_said_to_be_none(words: list[str]) -> None:
    run = inside("ws-trace", "refused", *words)
    assert (run.status, run.err) == (0, "")
    assert ("no WebSocket in this capture" in run.out) is (words != ["--plain"])
    assert inside("ws-trace", "refused", "--json", *words) == (0, "", "")


def test_no_websocket_on_standard_input_is_said_too() -> None:
    run = process("ws-trace", "-", stdin=CAPTURES["refused"])
    assert (run.status, run.err) == (0, "")
    assert "no WebSocket in this capture" in run.out


def test_verdict_then_upgrade_then_messages_then_footer(chat: str) -> None:
    out = inside("ws-trace", chat).out
    order = ["✓ CLOSED 1000", "client ▶ GET /", "◀ server 101", "hello Needle", "fragmented", "1 WebSocket · 12 messages"]
    places = [out.index(words) for words in order]
    assert places == sorted(places)


def test_several_have_an_overview_first(several: str) -> None:
    lines = inside("ws-trace", several).out.splitlines()
    assert lines[0].split() == ["#", "verdict", "client", "server", "path", "messages"]
    assert [line.split()[:4] for line in lines[1:4]] == [
        ["0", "✓", "CLOSED", "1000"], ["1", "✗", "CLOSED", "1000"], ["2", "✗", "REJECTED", "403"]]  # fmt: skip
    assert lines[-2].startswith("2 WebSockets · 1 upgrade refused or unanswered · ")
    assert lines[-1].startswith("netviz explain ")
    blocks = [line for line in lines if re.match("[✓✗•] ", line)]
    assert [line.split("#")[1].split()[0] for line in blocks] == ["0", "1", "2"]


def test_many_are_only_listed_with_the_command_for_one() -> None:
    out = inside("ws-trace", "mixed").out
    assert not any(re.match("[✓✗•] ", line) for line in out.splitlines())
    found = re.search(r"netviz (ws-trace \S+ --connection (\d+))$", out, re.MULTILINE)
    assert found is not None
    run = inside(*found[1].split())
    assert run.status == 0
    assert run.out.startswith(f"✗ 1006 ABNORMAL  #{found[2]} ")


def test_the_command_for_one_survives_a_blank_in_the_name(saved: _Save) -> None:
    import shlex

    path = saved(CAPTURES["mixed"].read_bytes(), "my capture.pcapng")
    found = re.search(r"netviz (ws-trace .*)$", inside("ws-trace", str(path), columns=200).out, re.MULTILINE)
    assert found is not None
    assert inside(*shlex.split(found[1])).status == 0


def test_attempts_on_one_connection_are_told_apart(saved: _Save) -> None:
    refusal = head("HTTP/1.1 401 Unauthorized", {"Content-Length": "2", "WWW-Authenticate": "Basic"}) + b"no"
    wire = say(opened(asks=request("/first"), answers=refusal), [(CLIENT, request("/second")), (SERVER, accepted())])
    say(wire, [c(1, "at last"), (CLIENT, closing(1000, "", MASK)), (SERVER, closing())]).close()
    path = str(saved(pcap(wire.packets)))
    upgrades = [line for line in _lines(path) if line["event"] == "websocket.upgrade"]
    assert [(line["path"], line["outcome"], line["earlier_requests"]) for line in upgrades] == [
        ("/first", "rejected", 0), ("/second", "accepted", 1)]  # fmt: skip
    out = inside("ws-trace", path).out
    assert [line.split()[1:4] for line in out.splitlines()[1:3]] == [["✗", "REJECTED", "401"], ["✓", "CLOSED", "1000"]]
    assert out.index("/first") < out.index("401 Unauthorized") < out.index("at last")
    assert out.count("at last") == 1
    assert "1 WebSocket · 1 upgrade refused or unanswered · 3 messages" in out


def test_full_shows_all_of_it(saved: _Save) -> None:
    words = " ".join(f"word{n}" for n in range(400))
    wide = "a" + "温" * 500 + "z"
    blob = bytes(range(256)) * 4
    path = str(saved(pcap(talk([s(1, words), s(1, wide), s(2, blob)]).packets)))
    short, whole = inside("ws-trace", path, columns=80).out, inside("ws-trace", path, "--full", columns=80).out
    joined = "".join(whole.split())
    assert "word399" not in short
    assert "".join(words.split()) in joined
    assert wide in joined
    assert blob.hex() in joined
    assert short.count("…") == 3
    assert [line for line in whole.splitlines() if cell_len(line) > 80] == []


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[1.00000000000000000001]", "[1e999]", '{"a": 1} x', "[" * 5000, "[NaN]"])
def test_full_invents_nothing(text: str, saved: _Save) -> None:
    out = inside("ws-trace", str(saved(pcap(talk([s(1, text)]).packets))), "--full", columns=200).out
    assert "".join(text.split()) in "".join(out.split())


def test_frames_shows_each_frame_with_its_header(chat: str) -> None:
    out = inside("ws-trace", chat, "--frames").out
    rows = [line for line in out.splitlines() if "opcode" in line]
    assert len(rows) == 14
    assert f"FIN 1 · opcode 1 text · mask {MASK:08x} · 6 + 12 bytes" in rows[0]
    assert "FIN 1 · opcode 2 binary · no mask · 2 + 9 bytes" in rows[1]
    assert "opcode" not in inside("ws-trace", chat).out


def test_one_frame_is_drawn(chat: str) -> None:
    out = inside("ws-trace", chat, "--frame", "1").out
    assert out.startswith("WebSocket frame 1  client → server  18 bytes = 6 of header + 12 of payload")
    assert "“hello Needle”" in out
    assert "WebSocket frame 14  server → client" in inside("ws-trace", chat, "--frame", "14").out


def test_one_frame_of_one_connection(several: str) -> None:
    run = inside("ws-trace", several, "--frame", "2", "--connection", "1")
    assert run.status == 0
    assert "client → server  7 bytes = 2 of header + 5 of payload" in run.out
    assert "a client must mask every frame" in run.out


def test_explain_tells_rules_and_arithmetic(chat: str) -> None:
    out = inside("ws-trace", chat, "--explain").out
    for words in ("client asks", "Sec-WebSocket-Key", "SHA-1", "101 Switching Protocols is the last line of HTTP", "bye"):
        assert words in out
    assert "SHA-1" not in inside("ws-trace", chat).out


def test_stats_adds_up(chat: str) -> None:
    out = inside("ws-trace", chat, "--stats").out
    rows = {line.split("  ")[0]: line for line in out.splitlines() if line[:1].isalpha()}
    assert rows["messages"].split() == ["messages", "2", "4"]
    assert "2 pings, 2 answered" in rows["heartbeat"]
    assert "sent by" not in inside("ws-trace", chat).out


@pytest.mark.parametrize(
    ("clock", "first", "second"),
    [
        ("elapsed", "0.005000", "0.006000"), ("delta", "0.000000", "+0.001000"),
        ("absolute", "22:13:20.005000", "22:13:20.006000"),
    ],
)  # fmt: skip
def test_times(clock: str, first: str, second: str, chat: str) -> None:
    out = inside("ws-trace", chat, "--time", clock).out
    rows = [line.split()[0] for line in out.splitlines() if "Needle" in line or "00 ff 6e" in line]
    assert rows == [first, second]


# Many messages


def _many(count: int, wire: Wire | None = None, word: str = "m") -> Wire:
    lines = (frame(1, f"{word}{number}.") for number in range(count))
    return talk([(SERVER, b"".join(lines)), c(1, "last one")], wire)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A WebSocket with more messages than are held back."""
    path = tmp_path_factory.mktemp("many") / "many.pcap"
    path.write_bytes(pcap(_many(20_500).packets))
    return str(path)


def test_more_messages_than_are_held_back_all_come(many: str) -> None:
    out = inside("ws-trace", many).out
    assert [int(number) for number in re.findall(r" m(\d+)\.$", out, re.MULTILINE)] == list(range(20_500))
    assert "last one" in out
    assert out.count("CLOSED 1000") == 1
    assert out.count("client ▶ GET /") == 1
    assert "1 WebSocket · 20,503 messages" in out


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two WebSockets that have more messages than are held back."""
    path = tmp_path_factory.mktemp("two") / "two.pcap"
    path.write_bytes(pcap(weave([_many(20_500), talk([c(1, "small")], _other(81))], [0, 1] * 12)))
    return str(path)


def test_more_messages_than_are_held_back_of_several_are_only_listed(two: str) -> None:
    out = inside("ws-trace", two).out
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["0", "1"]
    assert "m0." not in out
    assert "netviz ws-trace" in out


@pytest.mark.parametrize("words", [["--connection", "0"], ["--grep", r"^m\d+\.$"], ["--port", "80"]])
def test_more_messages_than_are_held_back_of_the_one_that_was_asked_for(words: list[str], two: str) -> None:
    out = inside("ws-trace", two, *words).out
    assert len(re.findall(r" m\d+\.$", out, re.MULTILINE)) == 20_500 or "netviz ws-trace" in out


# Streams


def _piece(wire: Wire, begin: int, end: int) -> bytes:
    """Records of a conversation; with the file header where they are the first."""
    return pcap(wire.packets[begin:end])[24 if begin else 0 :]


@pytest.mark.parametrize("how", [[], ["--plain"], ["--json"], ["--json", "--only", "websocket.frame"], ["--frames"]])
def test_a_message_is_told_before_the_stream_ends(how: list[str]) -> None:
    wire = talk([c(1, "early words"), s(1, "later words")])
    wanted = b'"number": 1' if "--only" in how else b"early words"
    first = 6  # three of the handshake, two of the upgrade, the first message
    command = [sys.executable, "-m", "netviz", "ws-trace", "-", *how]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = subprocess.Popen(command, cwd=ROOT, env=environment(), **pipes)  # type: ignore[call-overload]
    guard = threading.Timer(_GUARD, running.kill)
    guard.start()
    try:
        running.stdin.write(_piece(wire, 0, first))
        running.stdin.flush()
        early = b""
        while wanted not in early:
            line = running.stdout.readline()
            assert line, early
            early += line
        assert b"later words" not in early
        running.stdin.write(_piece(wire, first, len(wire.packets)))
        running.stdin.close()
        late = running.stdout.read()
        err = running.stderr.read()
        running.wait()
    finally:
        guard.cancel()
        running.kill()
    assert (running.returncode, err) == (0, b"")
    assert early.count(wanted) + late.count(wanted) == 1
    assert b"later words" in late or b'"number": 2' in late


def test_a_stream_has_upgrade_messages_verdict_in_this_order(saved: _Save) -> None:
    run = process("ws-trace", "-", stdin=saved(pcap(talk(CHAT).packets)))
    assert (run.status, run.err) == (0, "")
    order = ["#0 10.0.0.1:40000 → 10.0.0.2:80", "GET /", "101 Switching", "hello Needle", "✓ CLOSED 1000", "1 WebSocket"]
    places = [run.out.index(words) for words in order]
    assert places == sorted(places)


def test_a_stream_of_several_says_whose_message_it_is(saved: _Save) -> None:
    wires = [talk([c(1, f"zero{n}") for n in range(4)]), talk([c(1, f"one{n}") for n in range(4)], _other(81))]
    run = process("ws-trace", "-", stdin=saved(pcap(weave(wires, [0, 1] * 14))))
    shown, owner = -1, []
    for line in run.out.splitlines():
        if found := re.match(r"#(\d+) 10\.", line):
            shown = int(found[1])
        if found := re.search(r" (zero|one)\d$", line):
            owner.append((shown, found[1]))
    assert sorted(set(owner)) == [(0, "zero"), (1, "one")]
    assert len(owner) == 8


@pytest.mark.parametrize(("words", "status"), [([], 1), (["--grep", "good"], 0)])
def test_check_of_a_stream(words: list[str], status: int, bad: str) -> None:
    assert process("ws-trace", "-", "--check", *words, stdin=Path(bad)).status == status


# Key logs


def test_a_key_log_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    run = inside("ws-trace", "wss", "--keylog", str(tmp_path / "none"))
    assert run.status == 2
    assert "cannot read the key log" in run.err


@pytest.mark.parametrize("command", ["ws-trace", "handshake", "summary"])
def test_a_key_log_that_the_environment_names_need_not_be_there(command: str, tmp_path: Path) -> None:
    assert inside(command, "mixed", SSLKEYLOGFILE=str(tmp_path / "none")) == inside(command, "mixed")


def test_a_key_log_with_garbage_is_told(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("not a key\n")
    run = inside("ws-trace", "wss", "--keylog", str(keys), "--json")
    (problem,) = (json.loads(line) for line in run.out.splitlines() if "keylog-line" in line)
    assert problem["event"] == "capture.problem"
    assert "websocket.message" in run.out  # the keys inside the file are used all the same
