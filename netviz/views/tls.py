"""TLS: its handshake flight by flight, and the connections of which nothing inside can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from netviz.event import Endpoint, Flight, Session, TlsHandshake
from netviz.quantity import plural, seconds, span
from netviz.views.text import fold, safe

__all__ = ["HOW", "agreed", "tls_lines", "unread_lines", "why_unread"]

#: How one gets keys, in one line.
HOW = "browsers, Node, Python and curl write a key log if asked to: netviz explain keylog"

#: Connections that are named one by one.
_FEW = 20


def tls_lines(event: TlsHandshake, start: int | None, width: int) -> Iterator[Text]:
    """What each side sent, and what came of it."""
    before: int | None = None
    for place, flight in enumerate(event.flights):
        when = "" if flight.time is None or start is None else seconds(flight.time - start)
        line = Text.assemble((f"{when:>11}  ", "faint"))
        line.append("client ▶ " if flight.side == "client" else "◀ server ", flight.side)
        line.append("TLS ", "label").append(safe(_messages(flight)))
        if words := _said(event, place):
            line.append("  " + safe(" · ".join(words)), "faint")
        if flight.time is not None and before is not None:
            line.append(f"  +{span(flight.time - before)}", "faint")
        before = flight.time
        yield fold(line, width, 13)
    line = Text(" " * 13)
    if event.outcome == "complete":
        took = "" if event.duration is None else f" in {span(event.duration)}"
        sure = " (inferred: what completes it is encrypted)" if event.inferred else ""
        line.append("✓ ", "ok").append(f"{plural(event.round_trips, 'round trip')}{took}{sure}", "faint")
    else:
        failed = "✗ the handshake failed" if event.outcome == "failed" else "• the handshake does not end in this capture"
        line.append(failed, "problem" if event.outcome == "failed" else "note")
    if event.early is not None:
        line.append(f" · data sent before the server answered (0-RTT) was {event.early}", "faint")
    yield fold(line, width, 13)


def agreed(session: Session) -> str:
    """What both sides agreed on, in one line."""
    words = [session.version, session.cipher]
    words += [f"for {session.sni}"] if session.sni else []
    words += [f"ALPN {session.alpn}"] if session.alpn else []
    words += ["resumed"] if session.resumed else []
    return safe(" · ".join(words))


def why_unread(event: TlsHandshake) -> str:
    """Why nothing inside can be read; empty where it can."""
    if event.outcome == "failed":
        return "its handshake failed"
    return {
        "used": "",
        "none": "no keys are known",
        "missing": f"its key is not in the key log: client random {event.random.hex()}",
        "wrong": "the key log has a wrong key for it",
        "unusable": "netviz does not decrypt this version or suite",
    }[event.keys]


def unread_lines(events: Sequence[tuple[TlsHandshake, Endpoint, Endpoint]], width: int) -> Iterator[Text]:
    """The connections of which nothing inside can be read, with the reason of each."""
    many = plural(len(events), "connection")
    reasons = {why_unread(event) for event, *_ in events}
    same = f": {next(iter(reasons))}" if len(reasons) == 1 and len(events) > 1 else ""
    yield fold(Text(f"TLS: {many} of which only the beginning can be read{same}", "label"), width, 2)
    for event, client, server in events[:_FEW]:
        line = Text.assemble(
            (f"{event.connection:>5} ", "faint"), (str(client), "client"), (" → ", "faint"), (str(server), "server"), "  "
        )  # fmt: skip
        words = [] if event.session is None else [agreed(event.session)]
        if event.session is None and event.offer is not None and event.offer.sni:
            words.append(f"for {event.offer.sni}")
        words += [f"names {', '.join(event.names[:3])}"] if event.names else []
        words += [f"handshake {span(event.duration)}"] if event.duration is not None else []
        line.append(safe(" · ".join(words)), "faint")
        line.append("" if same else f"  {why_unread(event)}", "note")
        yield fold(line, width, 8)
    if len(events) > _FEW:
        yield Text(f"      and {len(events) - _FEW:,} more", "faint")
    if any(event.keys in ("none", "missing") for event, *_ in events):
        yield fold(Text(HOW, "note"), width, 2)


def _messages(flight: Flight) -> str:
    """The messages by name; the same one several times as one word."""
    found: list[list[str]] = []
    for name in flight.messages:
        if found and found[-1][0] == name:
            found[-1].append(name)
        else:
            found.append([name])
    words = [names[0] if len(names) == 1 else f"{names[0]} ×{len(names)}" for names in found]
    return ", ".join(words) or plural(flight.bytes, "byte")


def _said(event: TlsHandshake, place: int) -> list[str]:
    """What a flight says that is worth a look."""
    flight, offer, session = event.flights[place], event.offer, event.session
    words: list[str] = []
    if "ClientHello" in flight.messages and offer is not None and place == 0:
        words += [f"for {offer.sni}"] if offer.sni else []
        words.append(f"offers {', '.join(name for name in offer.versions if name != 'GREASE')}")
        words += [f"ALPN {', '.join(offer.alpn)}"] if offer.alpn else []
    if "ServerHello" in flight.messages:
        if event.retried and place == 1:
            return ["asks for another ClientHello (HelloRetryRequest)"]
        if session is not None:
            words += [session.version, session.cipher]
            words += [event.group] if event.group else []
            words += [f"ALPN {session.alpn}"] if session.alpn else []
            words += ["resumed"] if session.resumed else []
        words += [f"certificate for {', '.join(event.names[:3])}"] if event.names else []
    return words
