"""Which namespaces of Socket.IO a session joined, which were refused, and which acknowledgements never came.

https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from netviz.event import SocketIoPacket
from netviz.quantity import plural, span
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim

__all__ = ["Namespaces", "exchange", "namespaces", "reason", "without_ack"]

#: How much of an argument is quoted, and how many namespaces are named.
_QUOTED, _NAMED = 120, 6

#: An acknowledgement that was asked for so shortly before the end may still have been on its way.
_SOON = 1_000_000_000

_EVENTS, _ACKS = ("EVENT", "BINARY_EVENT"), ("ACK", "BINARY_ACK")


class Namespaces(NamedTuple):
    """What was ``joined``, and of what was refused and not joined later the packets that said so.

    ``silent`` are requests to join that nobody answered.
    """

    joined: tuple[SocketIoPacket, ...]
    refused: tuple[SocketIoPacket, ...]
    silent: tuple[SocketIoPacket, ...]

    @property
    def seen(self) -> tuple[Claim, ...]:
        """All of it in words."""
        found = []
        if self.joined:
            names = list(dict.fromkeys(packet.namespace for packet in self.joined))
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            packets = tuple(number for packet in self.joined[:_NAMED] for number in packet.packets)
            found.append(Claim(f"joined {', '.join(names[:_NAMED])}{more}", packets=packets))
        for packet in self.refused[:_NAMED]:
            message, data = reason(packet)
            more = f", with data {data}" if data else ""
            found.append(Claim(f"{packet.namespace} was refused: “{message}”{more}", packets=packet.packets))
        found += [
            Claim(f"the client asked to join {packet.namespace}; no answer is in the capture", packets=packet.packets)
            for packet in self.silent[:_NAMED]
        ]
        return tuple(found)


def namespaces(trace: SessionTrace) -> Namespaces:
    """What became of the namespaces that a session wanted to join."""
    joined: dict[str, SocketIoPacket] = {}
    refused: dict[str, SocketIoPacket] = {}
    asked: dict[str, SocketIoPacket] = {}
    for packet in trace.packets:
        name = packet.namespace
        if packet.type == "CONNECT" and packet.sender == "server":
            joined.setdefault(name, packet)
            refused.pop(name, None)
            asked.pop(name, None)
        elif packet.type == "CONNECT":
            asked[name] = packet
        elif packet.type in ("CONNECT_ERROR", "ERROR") and packet.sender == "server":
            refused[name] = packet
            asked.pop(name, None)
        elif packet.type == "DISCONNECT":
            asked.pop(name, None)
    return Namespaces(tuple(joined.values()), tuple(refused.values()), tuple(asked.values()))


def reason(packet: SocketIoPacket) -> tuple[str, str]:
    """The message of an error, and what data came with it, as JSON."""
    first = packet.args[0] if packet.args else ""
    if isinstance(first, dict) and isinstance(message := first.get("message"), str):
        data = first.get("data")
        return _cut(message), "" if data is None else _written(data)
    return (_cut(first) if isinstance(first, str) else _written(first)), ""


def _written(value: Any) -> str:
    try:
        return _cut(json.dumps(value, ensure_ascii=False, default=lambda data: f"<{len(data):,} bytes>"))
    except (RecursionError, ValueError, TypeError):
        return "something nested too deep to quote"


def _cut(text: str) -> str:
    return text[:_QUOTED] + ("…" if len(text) > _QUOTED else "")


def exchange(trace: SessionTrace) -> list[Claim]:
    """What was said, in numbers."""
    events = [packet for packet in trace.packets if packet.type in _EVENTS]
    acks = [packet.answers.took for packet in trace.packets if packet.answers is not None]
    if not events:
        plain = sum(trace.engine)
        return (
            [] if trace.packets or not plain else [Claim(f"{plural(plain, 'packet')} of Engine.IO, none of Socket.IO’s events")]
        )
    mine = sum(packet.sender == "client" for packet in events)
    text = f"{plural(mine, 'event')} from the client, {len(events) - mine:,} from the server"
    if acks:
        known = sorted(took for took in acks if took is not None)
        median = f", in {span(known[len(known) // 2])} (median)" if known else ""
        text += f"; {plural(len(acks), 'acknowledgement')}{median}"
    binary = sum(packet.attachments for packet in events)
    if binary:
        text += f"; {plural(binary, 'attachment')}"
    if trace.omitted:
        text += f"; {trace.omitted:,} further packets are not looked at"
    return [Claim(text)]


def without_ack(trace: SessionTrace) -> list[SocketIoPacket]:
    """Events that asked for an acknowledgement and never got one, though there was time."""
    last = trace.last
    given = {(1 - packet.side, packet.namespace, packet.id) for packet in trace.packets if packet.type in _ACKS}
    return [
        packet
        for packet in trace.packets
        if packet.type in _EVENTS and packet.id is not None and packet.ack is None
        and (packet.side, packet.namespace, packet.id) not in given
        and (last is None or packet.time is None or last - packet.time >= _SOON)
    ]  # fmt: skip
