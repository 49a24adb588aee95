"""The upgrade: in two lines, rule by rule, with both heads side by side, and the arithmetic of Accept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from textwrap import wrap

from rich import box
from rich.table import Table
from rich.text import Text

from netviz.event import Header, WebSocketUpgrade
from netviz.quantity import seconds, span
from netviz.views.text import fold, safe

__all__ = ["arithmetic", "heads", "rules", "upgrade_lines"]

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: Headers that the handshake is made of.
_TELLING = ("upgrade", "connection", "host", "origin")


def upgrade_lines(event: WebSocketUpgrade, start: int | None, width: int) -> Iterator[Text]:
    """What was asked, and what was answered."""
    asked = "" if event.asked is None or start is None else seconds(event.asked - start)
    line = Text.assemble((f"{asked:>11}  ", "faint"), ("client ▶ ", "client"), f"{event.method} {safe(event.path)}")
    told = [f"Host {event.host}" if event.host else "no Host"]
    told += [f"Origin {event.origin}"] if event.origin else []
    told += [f"key {event.key}"] if event.key else ["no key"]
    told += [f"offers {', '.join((*event.offered_subprotocols, *event.offered_extensions))}"] * bool(
        event.offered_subprotocols or event.offered_extensions
    )
    line.append("  " + safe(" · ".join(told)), "faint")
    yield fold(line, width, 13)
    if event.status is None:
        yield Text.assemble(" " * 13, ("no answer", "problem"))
        return
    when = "" if event.time is None or start is None else seconds(event.time - start)
    line = Text.assemble((f"{when:>11}  ", "faint"), ("◀ server ", "server"), safe(f"{event.status} {event.reason}".strip()))
    if event.accept_valid is not None:
        line.append("  Accept ")
        line.append("✓ computed and equal" if event.accept_valid else "✗ wrong", "ok" if event.accept_valid else "problem")
    agreed = [f"subprotocol {event.subprotocol}"] * (event.subprotocol is not None) + list(event.extensions)
    if event.status == 101:
        line.append("  " + safe(" · ".join(agreed) or "no extensions"), "faint")
    if event.time is not None and event.asked is not None:
        line.append(f"  +{span(event.time - event.asked)}", "faint")
    yield fold(line, width, 13)


def rules(event: WebSocketUpgrade) -> Table:
    """Each rule of the handshake, who must keep it, and what was seen."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="faint")
    for name in ("rule", "by", "", "seen", "where"):
        table.add_column(name, overflow="fold")
    for rule in event.rules:
        sign, style = {True: ("✓", "ok"), False: ("✗", "problem"), None: ("·", "faint")}[rule.holds]
        where = rule.section.replace("RFC 6455 section ", "§ ")
        seen = Text(safe(rule.seen), "" if rule.holds is not False else "problem")
        table.add_row(Text(rule.name, "label"), Text(rule.side, rule.side), Text(sign, style), seen, Text(where, "faint"))
    return table


def heads(event: WebSocketUpgrade) -> Table:
    """Request and response side by side; what the handshake is made of stands out."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(Text("client asks", "client"), overflow="fold", ratio=1)
    table.add_column(Text("server answers", "server"), overflow="fold", ratio=1)
    left = [Text(safe(f"{event.method} {event.path} HTTP/{event.versions[0]}"), "label"), *map(_header, event.request_headers)]
    right = [Text("nothing", "problem")]
    if event.status is not None:
        first = Text(safe(f"HTTP/{event.versions[1]} {event.status} {event.reason}"), "label")
        right = [first, *map(_header, event.response_headers)]
    for index in range(max(len(left), len(right))):
        table.add_row(left[index] if index < len(left) else "", right[index] if index < len(right) else "")
    return table


def arithmetic(event: WebSocketUpgrade, width: int) -> Iterator[Text]:
    """How Accept follows from the key (RFC 6455 section 4.2.2)."""
    if event.key is None:
        return
    digest = hashlib.sha1((event.key + _GUID).encode("latin-1", "replace")).digest()
    expected = base64.b64encode(digest).decode()
    rows = [
        ("key", f"{event.key}", "16 random bytes in base64, made up by the client"),
        ("+ GUID", _GUID, "the same for every WebSocket (RFC 6455 section 1.3)"),
        ("SHA-1", digest.hex(" "), "of both as one string"),
        ("base64", expected, "is what Sec-WebSocket-Accept must be"),
    ]
    if event.accept is not None:
        same = "✓ the same: the server has read this very request" if event.accept_valid else "✗ not the same"
        rows.append(("answer", event.accept, same))
    for label, value, why in rows:
        line = Text.assemble((f"  {label:<8} ", "label"), safe(value))
        good = "ok" if why.startswith("✓") else "problem" if why.startswith("✗") else "faint"
        if 11 + len(value) + 2 + len(why) <= width:
            line.append(f"  {why}", good)
            yield line
            continue
        yield fold(line, width, 11)
        for part in wrap(why, max(width - 11, 20)):
            yield Text.assemble(" " * 11, (part, good))


def _header(header: Header) -> Text:
    telling = header.name.lower() in _TELLING or header.name.lower().startswith("sec-websocket-")
    line = Text(safe(header.name) + ": ", "label" if telling else "faint")
    return line.append(safe(header.value), "" if telling else "faint")
