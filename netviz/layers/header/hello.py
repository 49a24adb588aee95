"""Handshake messages of TLS field by field: what a hello offers or chooses, and the names in a certificate.

https://www.rfc-editor.org/rfc/rfc8446#section-4.1
"""

from __future__ import annotations

from netviz.event import Field
from netviz.layers.tls.cursor import Cursor, Malformed
from netviz.layers.tls.handshake import CERTIFICATE, CLIENT_HELLO, NAMES, SERVER_HELLO, names_in
from netviz.layers.tls.hello import (
    extension_name,
    extensions_from,
    group_name,
    read_client,
    read_server,
    version_name,
)
from netviz.layers.tls.suite import suite_name
from netviz.quantity import plural

__all__ = ["hello"]

#: Names that are written out of a list.
_FEW = 4

#: Bytes of an extension that are written out.
_SHOWN = 16

_HEAD = 4


def hello(data: bytes, *, modern: bool = False) -> tuple[tuple[str, ...], tuple[Field, ...]]:
    """What a message that is there as a whole says, in words and by its fields; nothing of any other; ``modern`` is TLS 1.3."""
    size = int.from_bytes(data[1:4], "big")
    if len(data) < _HEAD + size or not data:
        return (), ()
    body = data[_HEAD : _HEAD + size]
    try:
        if data[0] == CLIENT_HELLO:
            return _offered(body), (*_head(data, size), *_client(body))
        if data[0] == SERVER_HELLO:
            return _chosen(body), (*_head(data, size), *_server(body))
        if data[0] == CERTIFICATE:
            names = names_in(body, modern=modern)
            return ((f"certificate for {', '.join(names)}",) if names else ()), _head(data, size)
    except Malformed:
        return ("shorter than what it says it holds",), ()
    return (), _head(data, size)


def _head(data: bytes, size: int) -> tuple[Field, ...]:
    name = NAMES.get(data[0], "unknown")
    return Field("message type", 0, 8, data[0], name), Field("length", 8, 24, size, "bytes that follow")


def _offered(body: bytes) -> tuple[str, ...]:
    said = read_client(body)
    facts = [f"for {said.sni}"] if said.sni else []
    facts.append(f"versions {_list([version_name(number) for number in said.versions])}")
    facts += [f"ALPN {', '.join(said.alpn)}"] if said.alpn else []
    facts.append(f"{plural(len(said.suites), 'suite')}: {_list([suite_name(number) for number in said.suites])}")
    facts += [f"groups {_list([group_name(number) for number in said.groups])}"] if said.groups else []
    return tuple(facts)


def _chosen(body: bytes) -> tuple[str, ...]:
    said = read_server(body)
    if said.retry:
        return ("HelloRetryRequest: asks for another ClientHello",)
    facts = [version_name(said.version), suite_name(said.suite)]
    facts += [f"group {group_name(said.group)}"] if said.group is not None else []
    facts += [f"ALPN {said.alpn}"] if said.alpn else []
    facts += ["goes on with a key of before"] if said.resumed else []
    return tuple(facts)


def _client(body: bytes) -> list[Field]:
    cursor, fields = Cursor(body), []
    fields.append(_number(cursor, "legacy version", 2, version_name))
    fields.append(_bytes(cursor, "client random", 32, "names the connection in a key log"))
    fields += _vector(cursor, "session ID", 1, "")
    said = read_client(body)
    fields += _vector(cursor, "cipher suites", 2, _list([suite_name(number) for number in said.suites]))
    fields += _vector(cursor, "compression", 1, "none is allowed any more")
    return fields + _extensions(cursor, body)


def _server(body: bytes) -> list[Field]:
    cursor, fields = Cursor(body), []
    fields.append(_number(cursor, "legacy version", 2, version_name))
    fields.append(_bytes(cursor, "server random", 32, ""))
    fields += _vector(cursor, "session ID", 1, "")
    fields.append(_number(cursor, "cipher suite", 2, suite_name))
    fields.append(_number(cursor, "compression", 1, lambda number: "none" if not number else "some"))
    return fields + _extensions(cursor, body)


def _extensions(cursor: Cursor, body: bytes) -> list[Field]:
    fields = []
    for number, at, size in extensions_from(cursor):
        text = body[at + 4 : at + 4 + size]
        shown = text[:_SHOWN].hex(" ") + (" …" if size > _SHOWN else "")
        fields.append(Field(extension_name(number), 8 * (_HEAD + at), 8 * (4 + size), number, plural(size, "byte"), shown))
    return fields


def _number(cursor: Cursor, name: str, size: int, word: object) -> Field:
    at = cursor.at
    value = cursor.number(size)
    return Field(name, 8 * (_HEAD + at), 8 * size, value, word(value) if callable(word) else "")


def _bytes(cursor: Cursor, name: str, size: int, meaning: str) -> Field:
    at = cursor.at
    return Field(name, 8 * (_HEAD + at), 8 * size, 0, meaning, cursor.take(size).hex())


def _vector(cursor: Cursor, name: str, size: int, meaning: str) -> list[Field]:
    at = cursor.at
    value = cursor.vector(size)
    length = Field(f"{name} length", 8 * (_HEAD + at), 8 * size, len(value), "")
    return [length, Field(name, 8 * (_HEAD + at + size), 8 * len(value), 0, meaning, value.hex())] if value else [length]


def _list(names: list[str]) -> str:
    known = [name for name in names if name != "GREASE"]
    more = len(known) - _FEW
    return ", ".join(known[:_FEW]) + (f" and {more} more" if more > 0 else "")
