"""Socket.IO, protocols 4 and 5: packets in the messages of Engine.IO, with the attachments that follow them.

https://socket.io/docs/v4/socket-io-protocol/; protocol 4: https://github.com/socketio/socket.io-protocol/tree/v4
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from netviz.layers.jsontext import TooDeepError, UnreadableError, read_json
from netviz.layers.msgpack import MsgpackMissingError, promising, read_msgpack

__all__ = ["HEADER", "TYPES", "Decoded", "Decoder"]

TYPES = ("CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK")
_EVENTS, _ACKS = ("EVENT", "BINARY_EVENT"), ("ACK", "BINARY_ACK")

#: Attachments kept for one packet, and their bytes; of what an id and a count may be, JavaScript knows no more.
_KEPT = 10_000
_BYTES = 16 << 20
_DIGITS = 15

#: Type, attachments, namespace, id: what stands before the JSON.
HEADER = re.compile(r"([0-6])(?:(?<=[56])([0-9]++)-)?(/[^,]*+,?)?([0-9]*+)")


class Decoded(NamedTuple):
    """A Socket.IO packet, or what stands in the place of one (type "unknown").

    ``args`` are those of an EVENT without its name, and of another type its payload; ``attachments`` is what was announced;
    ``troubles`` are kinds of problems, with a sentence.
    """

    type: str
    namespace: str
    event: str | None
    args: tuple[Any, ...]
    id: int | None
    attachments: int
    parser: str
    troubles: tuple[tuple[str, str], ...]


class _Pending(NamedTuple):
    """A packet while its attachments come in; its JSON is read when they are there."""

    type: str
    namespace: str
    query: str
    id: int | None
    attachments: int
    text: str
    troubles: tuple[tuple[str, str], ...]
    kept: list[bytes | None]


class Decoder:
    """One direction of one session; ``waiting`` is how many attachments are still to come."""

    __slots__ = ("_old", "_pending", "_size", "waiting")

    def __init__(self, version: int | None) -> None:
        self._old = version is not None and version <= 3
        self._pending: _Pending | None = None
        self._size = 0
        self.waiting = 0

    def take(self, data: str | bytes | None) -> list[Decoded]:
        """What the data of a message completes; nothing while attachments are still to come.  None is an attachment that
        nobody kept.
        """
        if isinstance(data, str):
            return [*self.close(), *self._text(data)]
        pending = self._pending
        if pending is None:
            return [] if data is None else [_alone(data)]
        self.waiting -= 1
        size = 0 if data is None else len(data)
        if len(pending.kept) < _KEPT and self._size + size <= _BYTES:
            pending.kept.append(data)
        self._size += size
        if self.waiting:
            return []
        self._pending = None
        return [_whole(pending)]

    def close(self) -> list[Decoded]:
        """What never became whole."""
        pending, self._pending = self._pending, None
        if pending is None:
            return []
        came, self.waiting = pending.attachments - self.waiting, 0
        return [_whole(pending, came)]

    def _text(self, text: str) -> list[Decoded]:
        header = HEADER.match(text)
        if header is None:
            return [_unknown("no packet type" if text else "an empty packet")]
        digit, count, where, number = header.groups()
        rest = text[header.end() :]
        kind = TYPES[int(digit)] if digit != "4" or not self._old else "ERROR"
        if rest and rest[0] not in '[{"':
            return [_unknown(f"no payload of {kind}")]
        namespace, query = (where or "/").removesuffix(","), ""
        if self._old:
            namespace, _, query = namespace.partition("?")
        troubles: list[str] = []
        if digit in "56" and count is None:
            troubles.append("how many attachments follow is not said")
        if count is not None and len(count) > _DIGITS:
            troubles.append(f"a count of attachments of {len(count):,} digits")
            count = None
        if len(number) > _DIGITS:
            troubles.append(f"an id of {len(number):,} digits")
        known = int(number) if number and len(number) <= _DIGITS else None
        said = tuple(("socketio-malformed", why) for why in troubles)
        pending = _Pending(kind, namespace, query, known, int(count or 0), rest, said, [])
        if not pending.attachments:
            return [_whole(pending)]
        self._pending, self._size, self.waiting = pending, 0, pending.attachments
        return []


def _whole(pending: _Pending, came: int | None = None) -> Decoded:
    """A packet with its attachments; ``came`` is how many there were where some are missing."""
    troubles = list(pending.troubles)
    payload: Any = None
    if pending.text:
        try:
            payload = read_json(pending.text)
        except UnreadableError as error:
            troubles.append(("too-deep" if isinstance(error, TooDeepError) else "socketio-malformed", str(error)))
            return _decoded(pending, None, (), "json", troubles)
    if pending.type.startswith("BINARY") and came is None:
        payload, trouble = _replaced(payload, pending.kept, pending.attachments)
        troubles += [("attachment-count", trouble)] if trouble else []
    elif came is not None:
        payload, _ = _replaced(payload, pending.kept, pending.attachments)
        troubles.append(("attachments-missing", f"{came:,} of {pending.attachments:,} attachments came"))
    event, args, wrong = _meaning(pending.type, payload, pending.text != "", pending.id)
    if pending.query and not args:
        args = (f"?{pending.query}",)
    if wrong and not pending.troubles:
        troubles.append(("socketio-malformed", wrong))
    return _decoded(pending, event, args, "json", troubles)


def _decoded(
    pending: _Pending, event: str | None, args: tuple[Any, ...], parser: str, troubles: list[tuple[str, str]]
) -> Decoded:
    return Decoded(pending.type, pending.namespace, event, args, pending.id, pending.attachments, parser, tuple(troubles))


def _unknown(why: str, kind: str = "socketio-malformed", parser: str = "json") -> Decoded:
    return Decoded("unknown", "/", None, (), None, 0, parser, ((kind, why),))


def _meaning(kind: str, payload: Any, there: bool, known: int | None) -> tuple[str | None, tuple[Any, ...], str]:
    """The event, the arguments, and what is wrong with them; ``known`` is the id."""
    if kind in _EVENTS:
        if not isinstance(payload, list):
            return None, (payload,) if there else (), f"{kind} without an array"
        name = payload[0] if payload else None
        if isinstance(name, str):
            return name, tuple(payload[1:]), ""
        if isinstance(name, int | float) and not isinstance(name, bool):
            return str(name), tuple(payload[1:]), ""
        return None, tuple(payload), f"{kind} without a name"
    if kind in _ACKS:
        if isinstance(payload, list):
            return None, tuple(payload), "" if known is not None else f"{kind} without the id of what it answers"
        return None, (payload,) if there else (), f"{kind} without an array"
    return None, (payload,) if there else (), f"{kind} with a payload" if there and kind == "DISCONNECT" else ""


def _replaced(payload: Any, attachments: list[bytes | None], announced: int) -> tuple[Any, str]:
    """The payload with attachments in the place of their placeholders, and what does not fit.

    One that stands for an attachment a second time stays as it is: a sender writes none, and a small packet would become a
    large one.
    """
    top = [payload]
    waiting: list[list[Any] | dict[str, Any]] = [top]
    used: set[int] = set()
    wrong = ""
    while waiting:
        holder = waiting.pop()
        items: Any = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for place, item in items:
            if isinstance(item, list):
                waiting.append(item)
            elif isinstance(item, dict):
                if item.get("_placeholder") is not True:
                    waiting.append(item)
                    continue
                number = item.get("num")
                if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < announced:
                    wrong = "a placeholder for an attachment that was not announced"
                elif number in used:
                    wrong = "two placeholders for one attachment"
                else:
                    used.add(number)
                    if number < len(attachments) and attachments[number] is not None:
                        holder[place] = attachments[number]
    if not wrong and len(used) != announced:
        wrong = f"{announced:,} attachments, {len(used):,} placeholders"
    kept = len(attachments) - attachments.count(None)
    if not wrong and kept < announced:
        wrong = f"{announced - kept:,} of {announced:,} attachments are not kept"
    return top[0], wrong


def _alone(data: bytes) -> Decoded:
    """A binary message that no packet waits for."""
    if not promising(data):
        return _unknown("a binary message that no packet announced", "attachment-unexpected")
    try:
        said = read_msgpack(data)
    except MsgpackMissingError:
        return _unknown("packed with MessagePack: pip install 'netviz[msgpack]'", "msgpack-missing", "msgpack")
    except UnreadableError as error:
        return _unknown(str(error), "too-deep" if isinstance(error, TooDeepError) else "socketio-malformed", "msgpack")
    if not isinstance(said, dict) or not isinstance(said.get("nsp"), str) or "type" not in said:
        return _unknown("a binary message that no packet announced", "attachment-unexpected")
    number, known = said["type"], said.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 4:
        return _unknown("no packet type", parser="msgpack")
    kind, payload = TYPES[number], said.get("data")
    odd = known is not None and (not isinstance(known, int) or isinstance(known, bool) or known < 0)
    known = None if odd else known
    event, args, wrong = _meaning(kind, payload, payload is not None, known)
    wrong = "an id that is no number" if odd else wrong
    troubles = (("socketio-malformed", wrong),) if wrong else ()
    return Decoded(kind, said["nsp"], event, args, known, 0, "msgpack", troubles)
