"""The keys of JSON lines that tell of Engine.IO and Socket.IO."""

from __future__ import annotations

from netviz.event import Acknowledged, EngineIoPacket, EngineIoSession, Happening, SocketIoPacket
from netviz.views.json_keys import boolean, string, words
from netviz.views.json_value import base64, json_value

__all__ = ["session_keys"]

_SECOND = 1_000_000_000


def session_keys(event: Happening) -> str:
    """The keys of an event of a session, behind its packets; nothing for what is no line."""
    if isinstance(event, EngineIoPacket):
        return _engine(event)
    if isinstance(event, SocketIoPacket):
        return _socket(event)
    return _session(event) if isinstance(event, EngineIoSession) else ""


def _engine(event: EngineIoPacket) -> str:
    data = ""
    if event.data is not None:
        data = f', "data": {string(event.data) if isinstance(event.data, str) else base64(event.data)}'
    message = f', "message": {event.message}' if event.message else ""
    took = "" if event.took is None else f', "seconds": {event.took / _SECOND}'
    return (
        f'{_inferred(event.inferred)}, "session": {event.session}, "number": {event.number}, "side": "{event.sender}", '
        f'"type": {string(event.type)}, "transport": "{event.transport}"{_text("sid", event.sid)}'
        f'{_number("version", event.version)}{data}, "wire_length": {event.wire}{message}{took}'
    )


def _socket(event: SocketIoPacket) -> str:
    return (
        f'{_inferred(event.inferred)}, "session": {event.session}, "side": "{event.sender}", "type": {string(event.type)}, '
        f'"namespace": {string(event.namespace)}{_text("name", event.event)}, "args": {json_value(event.args)}'
        f'{_number("id", event.id)}, "attachments": {json_value(event.attachments)}{_text("sid", event.sid)}'
        f'{_text("engineio_sid", event.engineio_sid)}, "transport": "{event.transport}", "wire_length": {event.wire}, '
        f'"parser": "{event.parser}", "engine": {list(event.engine)}'
        f"{_other('ack', event.ack)}{_other('answers', event.answers)}"
    )


def _session(event: EngineIoSession) -> str:
    ends = "".join(
        f', "{key}": "{end}"' for key, end in (("client", event.client), ("server", event.server)) if end is not None
    )
    said = ""
    if event.opened is not None:
        upgrades, interval, timeout, most = event.opened
        said = f', "upgrades": {words(upgrades)}{_number("ping_interval", interval)}{_number("ping_timeout", timeout)}'
        said += _number("max_payload", most)
    return (
        f'{_inferred(event.inferred)}, "number": {event.number}{_text("sid", event.sid)}{ends}, "path": {string(event.path)}'
        f'{_number("version", event.version)}{said}, "transports": {words(event.transports)}, '
        f'"upgraded": {boolean(event.upgraded)}, "connections": {list(event.connections)}{_number("hop_of", event.hop)}'
        f'{_number("follows", event.again)}, "over": {boolean(event.over)}'
    )


def _inferred(names: tuple[str, ...]) -> str:
    return f', "inferred": {words(names)}' if names else ""


def _text(key: str, value: str | None) -> str:
    return "" if value is None else f', "{key}": {string(value)}'


def _number(key: str, value: int | None) -> str:
    return "" if value is None else f', "{key}": {json_value(value)}'


def _other(key: str, half: Acknowledged | None) -> str:
    if half is None:
        return ""
    took = "" if half.took is None else f', "seconds": {half.took / _SECOND}'
    return f', "{key}": {{"packet": {half.packet}{took}}}'
