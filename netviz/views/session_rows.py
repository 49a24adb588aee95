"""What was said at a server, in the order of the capture: a row for each packet of Socket.IO, one for a whole broadcast, and
what a session ended or was refused with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.text import Text

from netviz.event import (
    EngineIoAnswer,
    EngineIoPacket,
    Problem,
    SocketIoPacket,
    WebSocketClose,
    WebSocketUpgrade,
)
from netviz.quantity import plural, span
from netviz.verdicts.broadcast import Broadcast, Row, Told, rows
from netviz.verdicts.heartbeat import beats
from netviz.verdicts.session_over import ending_closes
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.arguments import argument_list, quoted
from netviz.views.conversation import Clock, problem_rows, stamp
from netviz.views.session_api import api, emitter, reasons
from netviz.views.session_failure import failure_words
from netviz.views.session_lane import short
from netviz.views.text import fitting, fold, safe

__all__ = ["session_rows"]

#: Below this width arrows are short; letters of receivers that are written out.
_WIDE, _LETTERS = 100, 5

#: What a row's note must leave for the row to stand beside it.
_LEFT = 56

#: Cells up to which a row is folded at its blanks.
_FOLDED = 4_000

_Thing = Row | EngineIoPacket | EngineIoAnswer | WebSocketUpgrade | WebSocketClose


class _Item(NamedTuple):
    """Something that gets a row: the packet that completed it, which sessions it is about (places), who sent it."""

    packet: int
    thing: _Thing | Problem
    places: tuple[int, ...]
    side: int
    time: int | None


class _Words(NamedTuple):
    """A row's words: what, its style, how they end, what may be cut of them (arguments), and what is said beside them."""

    begin: str
    style: str = ""
    args: tuple[object, ...] | None = None
    end: str = ""
    note: str = ""
    note_style: str = "faint"


def session_rows(
    traces: Sequence[SessionTrace], names: Sequence[str], *, width: int, start: int | None, clock: Clock, full: bool, api: bool
) -> Iterator[Text]:
    """The rows of all these sessions, in their order."""
    writer = _Writer(traces, names, width, full)
    last: int | None = None
    for item in sorted(_items(traces), key=lambda item: item.packet):
        if isinstance(item.thing, Problem):
            yield from problem_rows((item.thing,), width)
            continue
        yield from writer.row(item, stamp(item.time, start, last, clock), api)
        last = item.time if item.time is not None else last
    omitted = sum(trace.omitted for trace in traces)
    if omitted:
        yield fold(Text(f"{'':13}… {plural(omitted, 'more packet')} that were not kept", "note"), width, 15)


def _items(traces: Sequence[SessionTrace]) -> Iterator[_Item]:
    for row in rows(traces):
        places = row.places if isinstance(row, Broadcast) else (row.place,)
        yield _Item(_last(row.packet.packets), row, places, row.packet.side, row.packet.time)
    for place, trace in enumerate(traces):
        session = trace.session
        for packet in trace.control:
            if packet.type == "close":
                yield _Item(_last(packet.packets), packet, (place,), packet.side, packet.time)
        for answer in session.refusals:
            side = 0 if answer.status is None else 1
            packets = answer.packets or answer.request.packets
            yield _Item(_last(packets), answer, (place,), side, answer.time if side else answer.request.time)
        for upgrade in session.attempts:
            if upgrade.outcome != "accepted":
                side = 0 if upgrade.status is None else 1
                yield _Item(_last(upgrade.packets), upgrade, (place,), side, upgrade.time)
        for close in session.closes:
            if close.ended:
                by = close.by or close.transport_by
                yield _Item(_last(close.packets), close, (place,), 1 if by == "server" else 0, close.time)
        for problem in trace.problems:
            yield _Item(problem.packet, problem, (place,), 0, None)


def _last(packets: tuple[int, ...]) -> int:
    return packets[-1] if packets else 0


class _Writer:
    """Writes rows; remembers by which event an ack was asked for, and who is in which namespace."""

    def __init__(self, traces: Sequence[SessionTrace], names: Sequence[str], width: int, full: bool) -> None:
        self._traces = traces
        self._names = names
        self._width, self._full = width, full
        self._asked: dict[tuple[int, int, str, int], str] = {}
        self._joined: list[set[str]] = [set() for _ in traces]
        self._acked = {
            (place, 1 - packet.side, packet.namespace, packet.answers.packet, packet.id): packet.answers.took
            for place, trace in enumerate(traces)
            for packet in trace.packets
            if packet.answers is not None
        }
        wide = width >= _WIDE
        arrows = ("──▶", "◀──") if wide else ("▶", "◀")
        self._arrows = arrows
        if names == [""]:
            self._who = 24 if wide else 11
        else:
            most = max(len(name) for name in names)
            receivers = min(len(names), _LETTERS) * (most + 1) + 1
            self._who = max(len(arrows[0]) + receivers, len(arrows[0]) + most + 2)

    def row(self, item: _Item, time: str, wants_api: bool) -> Iterator[Text]:
        """The lines of one row."""
        thing = item.thing
        assert not isinstance(thing, Problem)
        event = self._event(item.places[0], thing.packet) if isinstance(thing, Told) else None
        words = self._words(item, thing, event)
        line = Text.assemble((f"{time:>11}  ", "faint"), (self._whom(item), "server" if item.side else "client"))
        indent = line.cell_len
        room = self._width - indent
        needs = len(words.note) + 2
        beside = bool(words.note) and (needs <= room // 3 or needs + min(self._length(words), _LEFT) <= room)
        said = self._said(words, room - (needs if beside and not self._full else 0))
        if said.cell_len > _FOLDED:
            # Folding copies what is left at each line, which takes too long here.
            yield from self._pieces(line, said, room)
            beside = False
        else:
            line.append_text(said)
        if beside:
            line.append("  " + words.note, words.note_style)
        if said.cell_len <= _FOLDED:
            yield fold(line, self._width, indent)
        if words.note and not beside:
            yield fold(Text(" " * indent).append(words.note, words.note_style), self._width, indent)
        calls = api(thing, event) if wants_api and not (isinstance(thing, WebSocketClose) and not words.note) else None
        if calls is not None:
            named = [f"{who}: {call}" for who, call in zip(("client", "server"), calls, strict=True) if call]
            yield from self._calls(list(reversed(named)) if item.side else named, indent)
        self._note(item)

    def _calls(self, calls: list[str], indent: int) -> Iterator[Text]:
        """The call that made a packet, and what it runs: on one line where they fit."""
        whole = " → ".join(calls) + " (inferred)"
        lines = [whole] if len(whole) <= self._width - indent else " (inferred)\n→ ".join(calls).split("\n")
        for line in lines:
            line += "" if line.endswith("(inferred)") else " (inferred)"
            yield fold(Text(" " * indent).append(line, "inferred"), self._width, indent + 2)

    def _pieces(self, line: Text, said: Text, room: int) -> Iterator[Text]:
        """A long text in lines that are cut where they are full."""
        plain, at, indent = said.plain, 0, line.cell_len
        while at < len(plain):
            end = at + fitting(plain[at : at + room + 1], room)
            yield Text.assemble(line, plain[at:end])
            line, at = Text(" " * indent), end

    def _whom(self, item: _Item) -> str:
        """Who speaks, with an arrow: the client's to the right."""
        right, left = self._arrows
        if self._names == [""]:
            room = self._who
            return (f"{'client ' + right:<{room}}" if item.side == 0 else f"{left + ' server':>{room}}") + "  "[
                : 1 + (room > 20)
            ]
        if len(item.places) > _LETTERS:
            text = f"{left} {len(item.places)} sockets"
        elif item.side:
            text = f"{left} {' '.join(self._names[place] for place in item.places)}"
        else:
            text = f"{self._names[item.places[0]]} {right}"
        return f"{text:<{self._who}} "

    def _said(self, words: _Words, room: int) -> Text:
        """What is said, in as much room as there is."""
        text = Text.assemble((words.begin, words.style))
        if words.args is not None:
            most = None if self._full else max(room - len(words.begin) - len(words.end), 5)
            args = argument_list(words.args, most)
            if most is not None and (fits := fitting(args, most)) < len(args):
                args = args[: fitting(args, most - 1) if fits else 0].rstrip("…") + "…"
            text.append(args, "")
            text.append(words.end, words.style)
        elif not self._full and text.cell_len > room:
            text.truncate(max(room - 1, 5))
            text.append("…", "faint")
        return text

    def _length(self, words: _Words) -> int:
        args = "" if words.args is None else argument_list(words.args, _LEFT)
        return len(words.begin) + len(args) + len(words.end)

    # Words

    def _words(self, item: _Item, thing: _Thing, event: str | None) -> _Words:
        if isinstance(thing, Broadcast):
            return self._event_words(item, thing, self._broadcast_note(thing))
        if isinstance(thing, Told):
            return self._packet_words(item, thing, event)
        if isinstance(thing, EngineIoPacket):
            return _Words("closes the session", "note", note="Engine.IO close")
        if isinstance(thing, WebSocketClose):
            said = "closed without a close frame" if thing.code == 1006 else f"closed, {thing.code} {thing.meaning}"
            reason = self._reason(item)
            return _Words(f"WebSocket {said}", "note" if reason else "", note=reason)
        return _Words(failure_words(thing), "problem")

    def _packet_words(self, item: _Item, told: Told, event: str | None) -> _Words:
        packet = told.packet
        where = safe(packet.namespace[:80])
        if packet.event is not None:
            return self._event_words(item, told, self._ack_note(told))
        if packet.type in ("ACK", "BINARY_ACK"):
            return _Words(f"{self._space(packet)}ack(", "", packet.args, ")", *self._answer_note(packet, event))
        if packet.type == "CONNECT" and packet.side == 0:
            return _Words(f"asks for {where} ", "", packet.args) if packet.args else _Words(f"asks for {where}")
        if packet.type == "CONNECT":
            sid = packet.sid
            return _Words(f"joined {where}" + ("" if sid is None else f" as {safe(sid) if self._full else short(sid)}"), "ok")
        if packet.type in ("CONNECT_ERROR", "ERROR"):
            return _refusal(packet, where)
        if packet.type == "DISCONNECT":
            client, server = reasons(packet)
            note = f"the client is told “{client}”, the server “{server}” (inferred)"
            return _Words(f"{'leaves' if packet.side == 0 else 'disconnects'} {where}", "note", note=note)
        return _Words(safe(packet.type), "note", packet.args or None)

    def _event_words(self, item: _Item, row: Row, note: tuple[str, str]) -> _Words:
        packet = row.packet
        name = quoted((packet.event or "")[:80])
        begin = f"{self._space(packet)}{emitter(row)}({name}{', ' if packet.args else ''}"
        return _Words(begin, "label" if isinstance(row, Broadcast) else "", packet.args, ")", *note)

    def _space(self, packet: SocketIoPacket) -> str:
        return "" if packet.namespace == "/" else f"{safe(packet.namespace[:80])} "

    def _broadcast_note(self, row: Broadcast) -> tuple[str, str]:
        count = len(row.copies)
        words = [plural(count, "receiver") if row.everyone else f"{count} of {row.of} sockets", f"spread {span(row.spread)}"]
        text = f"{words[0]}, {words[1]}"
        if row.room is not None:
            text += f" · room {quoted(row.room[:40])}"
        if row.without is not None:
            text += f"{' ·' if row.room is None else ''} without {self._names[row.without]}"
        return text + (" (inferred)" if row.room is not None or row.without is not None else ""), "faint"

    def _ack_note(self, told: Told) -> tuple[str, str]:
        packet = told.packet
        if packet.id is None:
            return "", ""
        key = told.place, packet.side, packet.namespace, _last(packet.packets), packet.id
        if packet.ack is None and key not in self._acked:
            return "no ack", "note"
        took = self._acked.get(key) if packet.ack is None else packet.ack.took
        return "ack" if took is None else f"ack +{span(took)}", "ok"

    def _answer_note(self, packet: SocketIoPacket, event: str | None) -> tuple[str, str]:
        if packet.answers is None:
            return "answers no event that was seen", "note"
        took = "" if packet.answers.took is None else f" +{span(packet.answers.took)}"
        return f"for {'an event' if event is None else quoted(event[:40])}{took}", "faint"

    # Memory

    def _event(self, place: int, packet: SocketIoPacket) -> str | None:
        if packet.id is None or packet.event is not None:
            return None
        return self._asked.get((place, 1 - packet.side, packet.namespace, packet.id))

    def _note(self, item: _Item) -> None:
        """Remember what later rows refer to."""
        thing = item.thing
        if isinstance(thing, Told | Broadcast):
            for place, packet in thing.copies if isinstance(thing, Broadcast) else (thing,):
                if packet.event is not None and packet.id is not None:
                    self._asked[place, packet.side, packet.namespace, packet.id] = packet.event
                if packet.type == "DISCONNECT":
                    self._joined[place].discard(packet.namespace)
                elif packet.event is not None or (packet.type == "CONNECT" and packet.side == 1):
                    self._joined[place].add(packet.namespace)

    def _reason(self, item: _Item) -> str:
        """What programs are told that the session ended for, where a namespace was not left before."""
        (place,) = item.places
        if not self._joined[place] or item.thing not in ending_closes(self._traces[place]):
            return ""
        heart = beats(self._traces[place])
        if heart.gave_up is not None:
            return f"the {heart.gave_up} is told “ping timeout” (inferred)"
        return f"the {'client' if item.side else 'server'} is told “transport close” (inferred)"


def _refusal(packet: SocketIoPacket, where: str) -> _Words:
    said = packet.args[0] if packet.args else None
    message, rest = said, None
    if isinstance(said, dict):
        message = said.get("message")
        rest = said.get("data")
    text = safe(message[:200]) if isinstance(message, str) else argument_list(packet.args, 200)
    return _Words(f"refused {where}: {text}{'' if rest is None else ' '}", "problem", None if rest is None else (rest,))
