"""The keys of single JSON lines, and the pieces that all of them are made of."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring

from netviz.event import Header, Problem, Session, WebSocketClose, WebSocketMessage, WebSocketUpgrade

__all__ = ["boolean", "close_keys", "message_keys", "problems_array", "session_object", "string", "upgrade_keys", "words"]

_SECOND = 1_000_000_000

#: DEL, C1 controls, marks of direction and other formats, line separators, surrogates.
_UNSAFE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def boolean(value: object) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def string(text: str) -> str:
    """Any text as a JSON string; what a terminal could obey, or what cannot be written as UTF-8, is escaped."""
    written = encode_basestring(text)
    return written if written.isascii() and "\x7f" not in written else _UNSAFE.sub(_escape, written)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    # Surrogates (undecodable bytes of a file name) stay visible as text: alone they are no character.
    if 0xD800 <= code < 0xE000:
        return f"\\\\u{code:04x}"
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def words(texts: Iterable[str]) -> str:
    """Texts as an array."""
    return f"[{', '.join(map(string, texts))}]"


def problems_array(problems: tuple[Problem, ...]) -> str:
    """Problems as an array of objects."""
    if not problems:
        return "[]"
    return f"[{', '.join(map(_problem, problems))}]"


def upgrade_keys(event: WebSocketUpgrade) -> str:
    """The keys of an upgrade."""
    given = {
        "path": event.path, "method": event.method, "host": event.host, "key": event.key, "version": event.version,
        "origin": event.origin, "user_agent": event.user_agent,
    }  # fmt: skip
    answered = {
        "accept": event.accept, "accept_expected": event.accept_expected, "subprotocol": event.subprotocol,
        "proxy": event.proxy, "body": event.body or None,
    }  # fmt: skip
    valid = "" if event.accept_valid is None else f', "accept_valid": {boolean(event.accept_valid)}'
    status = "" if event.status is None else f', "status": {event.status}, "reason": {string(event.reason)}'
    took = ""
    if event.time is not None and event.asked is not None and event.status is not None:
        took = f', "seconds": {(event.time - event.asked) / _SECOND}'
    around = "" if event.tls is None else f', "tls": {session_object(event.tls)}'
    return (
        f'{_known(given)}, "offered_subprotocols": {words(event.offered_subprotocols)}, '
        f'"offered_extensions": {words(event.offered_extensions)}{status}{_known(answered)}{valid}, '
        f'"extensions": {words(event.extensions)}, "outcome": "{event.outcome}", "http": "{event.versions[0]}"{around}{took}, '
        f'"earlier_requests": {event.earlier}, "request_headers": {_headers(event.request_headers)}, '
        f'"response_headers": {_headers(event.response_headers)}'
    )


def session_object(session: Session) -> str:
    """What TLS agreed on, as an object."""
    known = {"version": session.version, "cipher": session.cipher, "sni": session.sni, "alpn": session.alpn}
    return f'{{{_known(known)[2:]}, "resumed": {boolean(session.resumed)}}}'


def message_keys(event: WebSocketMessage) -> str:
    """The keys of a message, behind its packets."""
    length = "" if event.length is None else f', "length": {event.length}'
    code = "" if event.code is None else f', "code": {event.code}'
    content = event.content
    if isinstance(content, str):
        shown = f', "text": {string(content)}'
    else:
        shown = "" if content is None else f', "data": "{b64encode(content).decode()}"'
    answer = ""
    if event.after is not None:
        took = "" if event.after.took is None else f', "seconds": {event.after.took / _SECOND}'
        answer = f', "answers": {{"number": {event.after.number}{took}}}'
    return (
        f', "number": {event.number}, "side": "{event.sender}", "kind": "{event.kind}"{length}, '
        f'"wire_length": {event.wire_length}, "compressed": {boolean(event.compressed)}, "fragments": {event.fragments}, '
        f'"frames": {list(event.frames)}{code}{shown}{answer}'
    )


def close_keys(event: WebSocketClose) -> str:
    """The keys of a close."""
    by = "" if event.by is None else f', "by": "{event.by}"'
    who = "" if event.transport_by is None else f', "transport_by": "{event.transport_by}"'
    silence = "" if event.silence is None else f', "silence": {event.silence / _SECOND}'
    cut = {side: what for side, what in zip(("client", "server"), event.unfinished, strict=True) if what}
    unfinished = "" if not cut else f', "unfinished": {{{_known(cut)[2:]}}}'
    inferred = f', "inferred": {words(event.inferred)}' if event.inferred else ""
    return (
        f'{inferred}, "code": {event.code}, "name": {string(event.meaning)}, "reason": {string(event.reason)}{by}, '
        f'"clean": {boolean(event.clean)}, "transport": "{event.transport}"{who}{silence}{unfinished}, '
        f'"in_flight": {{"client": {event.in_flight[0]}, "server": {event.in_flight[1]}}}, '
        f'"unanswered_pings": {list(event.unanswered)}'
    )


def _known(values: Mapping[str, str | None]) -> str:
    return "".join(f', "{key}": {string(value)}' for key, value in values.items() if value is not None)


def _headers(headers: tuple[Header, ...]) -> str:
    return f"[{', '.join(f'[{string(name)}, {string(value)}]' for name, value in headers)}]"


def _problem(problem: Problem) -> str:
    packet = f', "packet": {problem.packet}' if problem.packet else ""
    return f'{{"kind": "{problem.kind}", "text": {string(problem.text)}{packet}}}'
