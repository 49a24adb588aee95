"""What a scene says: in a few words beside its arrow, and in sentences below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netviz.event import (
    SIDES,
    CaptureProblem,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    Event,
    Scene,
    SocketIoPacket,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
    close_name,
)
from netviz.quantity import plural, span
from netviz.verdicts.neighbours import Neighbours
from netviz.verdicts.tcp import judge_tcp
from netviz.views.arguments import argument_list, quoted
from netviz.views.conversation import preview
from netviz.views.overview import SIGNS
from netviz.views.session_failure import failure_words
from netviz.views.text import safe

__all__ = ["Said", "carries", "essential", "sentences"]

#: Characters of a content that are looked at, and of a name that are shown.
_SHOWN, _NAME = 400, 80

#: Attachments of an event that are looked for in its packet.
_PARTS = 100

_ACKS = ("ACK", "BINARY_ACK")


class Said(NamedTuple):
    """A sentence, who or what says it, and the style of that."""

    who: str
    text: str
    style: str = ""


def carries(scene: Scene) -> str:
    """What the packet of a scene carries, as short as can be; empty where it carries nothing that netviz knows."""
    short = [words for event in essential(scene) if (words := _short(scene, event))]
    if not short:
        heads = (layer for layer in scene.layers if layer.key in ("http", "tls") and layer.facts)
        short = [safe(layer.facts[0][:_SHOWN]) for layer in heads]
    return ", ".join(short[:4]) + (f" and {len(short) + scene.more - 4} more" if len(short) + scene.more > 4 else "")


def sentences(scene: Scene, neighbours: Neighbours, start: int | None) -> Iterator[Said]:
    """Everything that a scene tells, from TCP up; at the end of a connection what became of it."""
    if scene.moment is not None:
        yield Said("TCP", f"“{scene.moment.meaning}”")
    elif scene.icmp is not None:
        yield Said("ICMP", f"{scene.icmp.sender} answers for the server: {scene.icmp.meaning}", "note")
    moved = [
        f"{who} {' → '.join(machine.trail[-2:])}"
        for who, machine in zip(SIDES, scene.machines, strict=True)
        if machine.moved and len(machine.trail) > 1
    ]
    if moved:
        yield Said("states", ", ".join(moved))
    if scene.last:
        verdict = judge_tcp(scene.tcp, neighbours, start)
        sign, style = SIGNS[verdict.severity]
        yield Said("verdict", f"{sign} {verdict.headline}: {safe(verdict.means)}", style)
    for event in essential(scene):
        yield from _sentence(scene, event)
        if not isinstance(event, CaptureProblem):
            yield from (Said("problem", f"✗ {safe(problem.text)}", "problem") for problem in event.problems)
    if scene.more:
        yield Said("…", f"and {plural(scene.more, 'event')} more in this packet")


def essential(scene: Scene) -> list[Event]:
    """The events of a scene, without those that another one of it tells better: the frame by its message, the message by the
    Engine.IO packet in it, that by its Socket.IO packet.
    """
    covered = {
        (event.session, event.side, number)
        for event in scene.told
        if isinstance(event, SocketIoPacket)
        for number in range(event.engine[0], min(event.engine[1], event.engine[0] + _PARTS) + 1)
    }
    left_out, messages = set(), set()
    for event in scene.told:
        if isinstance(event, EngineIoPacket):
            if (event.session, event.side, event.number) in covered:
                left_out.add(id(event))
            elif event.type == "message" and event.message:
                left_out.add(id(event))
                continue
            messages.add(event.message)
    return [
        event
        for event in scene.told
        if id(event) not in left_out
        and not (isinstance(event, WebSocketMessage) and event.number in messages and not event.problems)
    ]


# A few words


def _short(scene: Scene, event: Event) -> str:
    if isinstance(event, SocketIoPacket):
        return _socket(event, 60)
    if isinstance(event, EngineIoPacket):
        data = f" “{safe(event.data[:_NAME])}”" if event.type in ("ping", "pong") and isinstance(event.data, str) else ""
        return f"Engine.IO {safe(event.type)}{data if event.data else ''}"
    if isinstance(event, WebSocketMessage):
        return _message(event)
    if isinstance(event, WebSocketFrame):
        return f"{event.kind} frame, {_piece(event)}"
    if isinstance(event, WebSocketUpgrade):
        return _asked(event) if _is_asked(scene, event) else _answered(event)
    if isinstance(event, EngineIoRequest):
        return f"{safe(event.method[:16])} polling"
    if isinstance(event, EngineIoAnswer):
        return failure_words(event) if event.status != 200 else f"{event.status} {safe(event.reason[:_NAME])}".rstrip()
    return ""


def _message(event: WebSocketMessage) -> str:
    if event.kind == "close":
        return f"close {event.code} {close_name(event.code)}" if event.code is not None else "close, no code"
    content, _ = preview(event)
    if isinstance(event.content, str) and event.kind in ("text", "continuation"):
        return f"{event.kind} “{content.plain[:_SHOWN]}”"
    return f"{event.kind} {plural(event.wire_length if event.length is None else event.length, 'byte')}"


def _piece(event: WebSocketFrame) -> str:
    if event.kind == "continuation":
        return "last piece" if event.fin else "a middle piece"
    return "whole" if event.fin else "first piece"


def _asked(event: WebSocketUpgrade) -> str:
    return f"upgrade: {safe(event.method[:16])} {safe(event.path[:_NAME])}"


def _answered(event: WebSocketUpgrade) -> str:
    return "no answer" if event.status is None else safe(f"{event.status} {event.reason[:_NAME]}".strip())


def _is_asked(scene: Scene, event: WebSocketUpgrade) -> bool:
    """Whether this is the request of an upgrade, and not its answer."""
    return scene.side == 0 or not event.response


def _socket(event: SocketIoPacket, most: int) -> str:
    where = "" if event.namespace == "/" else f"{safe(event.namespace[:_NAME])} "
    number = "" if event.id is None else f" #{safe(str(event.id)[:20])}"
    args = argument_list(event.args, most)
    if event.event is not None:
        return f"{where}emit({quoted(event.event[:_NAME])}{', ' if args else ''}{args}){number}"
    if event.type in _ACKS:
        return f"{where}ack({args}){number}"
    name = safe(event.type.lower().replace("_", " "))
    return f"{name} {safe(event.namespace[:_NAME])}{f' {args}' if args else ''}"


# Sentences


def _sentence(scene: Scene, event: Event) -> Iterator[Said]:
    if isinstance(event, WebSocketUpgrade):
        yield _upgrade(scene, event)
    elif isinstance(event, WebSocketFrame):
        yield Said("frame", f"frame {event.number}, {_piece(event)} of a message: {plural(event.length, 'byte')}")
    elif isinstance(event, WebSocketMessage):
        yield Said("WebSocket", _whole(event), "")
    elif isinstance(event, WebSocketClose):
        said = "without a close frame" if event.code == 1006 else "after close frames of both" if event.clean else "not cleanly"
        if event.ended:
            reason = f"{event.code} {event.meaning}"
            yield Said("WebSocket", f"it is over, {said}: {reason}", "" if event.clean else "note")
    elif isinstance(event, EngineIoRequest):
        asks = "brings packets to the server" if event.method == "POST" else "asks whether there is news"
        yield Said("polling", f"{safe(event.method[:16])} {safe(event.target[:_SHOWN])}: {asks}")
    elif isinstance(event, EngineIoAnswer):
        good = event.status == 200
        yield Said("polling", _short(scene, event) if good else failure_words(event), "" if good else "problem")
    elif isinstance(event, EngineIoPacket):
        took = "" if event.took is None else f", {span(event.took)} after the ping"
        data = f": {safe(event.data[:_SHOWN])}" if isinstance(event.data, str) and event.data else ""
        yield Said("Engine.IO", f"{event.sender} sends {safe(event.type)}{took}{data}")
    elif isinstance(event, SocketIoPacket):
        yield Said("Socket.IO", _packet(event))
    elif isinstance(event, CaptureProblem):
        yield from (Said("capture", f"! {safe(problem.text)}", "note") for problem in event.problems)


def _upgrade(scene: Scene, event: WebSocketUpgrade) -> Said:
    if _is_asked(scene, event):
        return Said("upgrade", f"{_asked(event).removeprefix('upgrade: ')}: may this connection go on as a WebSocket?")
    said = _answered(event)
    if event.outcome == "accepted":
        return Said("upgrade", f"{said}: ✓ Accept is computed from the key, the WebSocket is open", "ok")
    if event.outcome == "invalid":
        return Said("upgrade", f"{said}: ✗ but the answer breaks a rule, the client must hang up", "problem")
    return Said("upgrade", f"{said}: ✗ no WebSocket comes of it", "problem")


def _whole(event: WebSocketMessage) -> str:
    sender = SIDES[event.side]
    if event.kind == "close":
        reason = f", “{safe(event.content[:_SHOWN])}”" if isinstance(event.content, str) and event.content else ""
        return f"{sender} sends {_message(event)}{reason}"
    content, _ = preview(event)
    answers = ""
    if event.after is not None:
        answers = f", the answer to ping {event.after.number}"
        answers += "" if event.after.took is None else f" after {span(event.after.took)}"
    pieces = f" in {event.fragments} frames" if event.fragments > 1 else ""
    size = plural(event.wire_length, "byte")
    if event.compressed:
        size += " compressed" + ("" if event.length is None else f" of {event.length:,}")
    said = f": “{content.plain[:_SHOWN]}”" if isinstance(event.content, str) and event.content else ""
    said = said or (f": {content.plain[:_SHOWN]}" if event.content else "")
    return f"{sender} sends message {event.number}, {event.kind}, {size}{pieces}{answers}{said}"


def _packet(event: SocketIoPacket) -> str:
    words = f"{event.sender}: {_socket(event, _SHOWN)}"
    if event.event is not None and event.id is not None:
        words += ", and wants an acknowledgement"
    elif event.answers is not None:
        words += "" if event.answers.took is None else f", {span(event.answers.took)} after the event"
    return words
