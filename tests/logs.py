"""What applications logged beside the captures of Socket.IO, in the form in which netviz tells of the same.

A log is read in the order of time: who is meant by an entry without a sid follows from what its process said before.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, Literal, NamedTuple

__all__ = ["FOLDER", "Aspect", "Log", "plain"]

FOLDER = Path(__file__).parent / "captures" / "socketio"

End = Literal["client", "server"]


class Aspect(NamedTuple):
    """One kind of entry of one end."""

    what: Literal["engine", "event", "ack"]
    end: End
    act: Literal["send", "recv"]

    @property
    def side(self) -> int:
        """Which side sent what is logged here."""
        return int((self.end == "server") == (self.act == "send"))


class Log:
    """The entries of one capture; ``bags`` are those of an Aspect by the sid of the session, as `plain` writes them."""

    def __init__(self, stem: str) -> None:
        truth = json.loads((FOLDER / f"{stem}.truth.json").read_text())
        self.entries: list[dict[str, Any]] = truth["log"]
        self.bags: defaultdict[Aspect, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        #: The sessions of pages.
        self.pages: set[str] = set()
        self._tells: set[tuple[str, Aspect]] = set()
        self._speakers: dict[tuple[str, End], str] = {}
        self._clients: dict[str, str] = {}
        self._sockets: dict[str, str] = {}
        for entry in self.entries:
            sid, end = self._whose(entry), _end(entry)
            if sid is not None:
                self._speakers[sid, end] = entry["who"]
            # An "error" is no packet, but the library's word for something that it could not read.
            if entry["what"] in ("engine", "event", "ack") and entry.get("type") != "error":
                aspect = Aspect(entry["what"], end, entry["act"])
                self._tells.add((entry["who"], aspect))
                if entry["t"] >= truth.get("begins", 0):
                    assert sid is not None
                    self.bags[aspect][sid][_said(entry)] += 1

    def of(self, *what: str) -> list[dict[str, Any]]:
        """The entries of these kinds."""
        return [entry for entry in self.entries if entry["what"] in what]

    def sids(self) -> set[str]:
        """The sessions that a server opened, or of which a socket was connected."""
        opened = {entry["sid"] for entry in self.of("engine-open")}
        return opened | {entry["engine"] for entry in self.of("connect") if _end(entry) == "server"}

    def tells(self, sid: str, aspect: Aspect) -> bool:
        """Whether the process at this end of a session logs such things at all."""
        return (self._speakers.get((sid, aspect.end), ""), aspect) in self._tells

    def _whose(self, entry: dict[str, Any]) -> str | None:
        who, what, sid = entry["who"], entry["what"], entry.get("sid")
        if _end(entry) == "server":
            if what == "connect":
                self._sockets[entry["sid"]] = entry["engine"]
            return sid if what.startswith("engine") else self._sockets.get(sid or "")
        if what == "engine" and entry["type"] == "open":
            sid = json.loads(entry["data"])["sid"]
        elif what == "connect":
            sid = entry.get("engine")
        elif what not in ("engine", "engine-handshake"):
            sid = None
        if sid is not None:
            self._clients[who] = sid
            self.pages |= {sid} if who == "page" else set()
        return self._clients.get(who)


def plain(*values: Any, page: bool = False) -> str:
    """Values in a form that can be compared: of bytes their length and sum, or the beginning of what a page logged."""
    return json.dumps([_plain(value, page) for value in values], ensure_ascii=False, sort_keys=True)


#: How many bytes a page logs of longer ones, and how many characters of a text are logged as they are.
_BYTES, _CHARACTERS = 64, 400


def _end(entry: dict[str, Any]) -> End:
    return "server" if entry["who"].startswith("server") else "client"


def _said(entry: dict[str, Any]) -> str:
    if entry["what"] == "engine":
        return plain(entry["transport"], entry["type"], entry["data"])
    args = entry["args"] if isinstance(entry["args"], list) else [entry["args"]]
    return plain(entry.get("namespace", "/"), entry["event"] if entry["what"] == "event" else None, args)


def _plain(value: Any, page: bool) -> Any:
    if isinstance(value, bytes | bytearray):
        begun = bytes(value[:_BYTES]).hex()
        return _bytes(len(value), begun, None if page else hashlib.sha256(value).hexdigest())
    if isinstance(value, str):
        return _text(value, len(value), hashlib.sha256(value.encode()).hexdigest()) if len(value) > _CHARACTERS else value
    if isinstance(value, list | tuple):
        return [_plain(item, page) for item in value]
    if not isinstance(value, dict):
        return value
    if "$text" in value:
        return _text(value["begins"], value["$text"], value["sha256"])
    if "$bytes" in value:
        return _bytes(value["$bytes"], value.get("hex", ""), value.get("sha256"))
    return {name: _plain(item, page) for name, item in value.items()}


def _text(begins: str, length: int, total: str) -> str:
    return f"{begins[:40]}… {length} {total}"


def _bytes(length: int, begun: str, total: str | None) -> str:
    if length <= len(begun) // 2:
        return f"{length} bytes: {begun}"
    return f"{length} bytes: {total or begun + '…'}"
