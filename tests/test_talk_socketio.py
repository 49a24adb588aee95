"""The recorded Socket.IO: both sides agree, and the captures hold what was logged."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import Event, Transport, WebSocketMessage, WebSocketUpgrade
from netviz.layers.layer import Wanted
from tests.talk_socketio import BINARY, EVENTS, Entry, recorded

_FOLDER = Path(__file__).parent / "captures" / "socketio"
_TYPES = ("open", "close", "ping", "pong", "message", "upgrade", "noop")

#: How the probe of an upgrade is said; the libraries do not log it.
_PROBE = {"2probe", "3probe", "5"}


def _told(path: Path) -> list[Event]:
    analysis = Analysis(wanted=Wanted())
    found = [event for batch in open_capture(path) for event in analysis.feed(batch)]
    return [*found, *analysis.close()]


def _texts(found: list[Event]) -> Counter[str | bytes]:
    messages = [event for event in found if isinstance(event, WebSocketMessage) and event.kind in ("text", "binary")]
    return Counter(event.content for event in messages if event.content is not None)


def _plain(entries: list[Entry], what: str, act: str) -> list[str]:
    return sorted(f"{e.namespace} {e.event} {e.args!r}" for e in entries if e.what == what and e.act == act)


@pytest.mark.parametrize("transports", [("polling", "websocket"), ("websocket",), ("polling",)], ids="-".join)
def test_both_sides_of_a_recording_agree(transports: tuple[Transport, ...], tmp_path: Path) -> None:
    capture, server, clients = recorded(transports)
    said = [entry for log in clients for entry in log]

    assert _plain(said, "event", "send") == _plain(server, "event", "recv")
    assert len(_plain(said, "event", "send")) == len(EVENTS) + 3
    assert _plain(server, "ack", "send") == _plain(said, "ack", "recv")
    assert _plain(said, "ack", "send") == _plain(server, "ack", "recv")
    heard = sorted(entry.event for entry in said if entry.what == "event" and entry.act == "recv")
    assert heard == ["question"] * 3 + ["said"] * 3
    joined = {(entry.sid, entry.engine) for entry in server if entry.what == "connect"}
    assert len(joined) == 4
    assert {(entry.sid, entry.engine) for entry in said if entry.what == "connect"} == joined
    assert [log[-1].what for log in clients] == ["disconnect", "disconnect", "event"]

    path = tmp_path / "talk.pcap"
    path.write_bytes(capture)
    found = _told(path)
    upgrades = [event for event in found if isinstance(event, WebSocketUpgrade)]
    engines = {engine for _, engine in joined}
    assert len(engines) == 3
    assert [event.status for event in upgrades] == [101] * 3 * ("websocket" in transports)
    assert {"sid=" in event.path for event in upgrades} == ({"polling" in transports} if upgrades else set())
    assert all(engine.encode() in capture for engine in engines)
    if upgrades:
        texts = _texts(found)
        assert {BINARY[0], BINARY[1]} <= set(texts)
        assert sum(n for text, n in texts.items() if isinstance(text, str) and '["said","hello room"' in text) == 3


def _encoded(entry: dict[str, Any]) -> str | bytes | None:
    data = entry["data"]
    if entry["type"] not in _TYPES:
        return None
    if isinstance(data, dict):
        return bytes.fromhex(data["hex"]) if "hex" in data else None
    return f"{_TYPES.index(entry['type'])}{data or ''}"


@pytest.mark.parametrize("path", sorted(_FOLDER.glob("*.pcapng")), ids=lambda path: path.stem)
def test_a_capture_and_its_truth_belong_together(path: Path) -> None:
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    assert truth["name"] == path.stem
    texts = _texts(_told(path))
    began = truth.get("begins", 0)

    engine = [entry for entry in truth["log"] if entry["what"] == "engine" and entry["t"] >= began]
    if path.stem == "plain-42":
        assert texts == Counter(entry["text"] for entry in truth["log"] if entry.get("act") == "send")
    elif engine:
        # What was created while polling may have left over the WebSocket: any logged packet will do.
        assert set(texts) <= {_encoded(entry) for entry in engine} | _PROBE
    received = {_encoded(e) for e in engine if e["act"] == "recv" and e["transport"] == "websocket"}
    assert received - {None} <= set(texts)
    if not began:
        data = path.read_bytes()
        opened = [entry["sid"] for entry in truth["log"] if entry["what"] == "engine-open"]
        assert all(sid.encode() in data for sid in opened)
