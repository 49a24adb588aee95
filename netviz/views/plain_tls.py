"""Events of TLS as single lines of words."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import Event, TlsAlert, TlsHandshake, TlsKeyUpdate, TlsProblem
from netviz.quantity import plural, seconds, span
from netviz.views.text import safe
from netviz.views.tls import agreed, why_unread

__all__ = ["plain_tls"]


def plain_tls(event: Event, start: int | None) -> Iterator[str]:
    """A line for an event of TLS, and one for each of its problems."""
    if isinstance(event, TlsHandshake):
        words = _handshake(event)
    elif isinstance(event, TlsAlert):
        words = f"alert {event.side} {event.level} {safe(event.description)}"
    elif isinstance(event, TlsKeyUpdate):
        words = f"new keys {event.side}" + (", and asks for new ones of the other side" if event.requested else "")
    elif isinstance(event, TlsProblem):
        words = f"problem {event.side}"
    else:
        return
    when = "-" if event.time is None else seconds(event.time - (event.time if start is None else start))
    yield f"{when} connection {event.connection} tls {words}"
    for problem in event.problems:
        yield f"{when} connection {event.connection} problem {problem.kind}: {safe(problem.text)}"


def _handshake(event: TlsHandshake) -> str:
    words = [f"handshake {event.outcome}"]
    if event.session is not None:
        words.append(agreed(event.session))
    elif event.offer is not None and event.offer.sni:
        words.append(f"for {safe(event.offer.sni)}")
    if event.names:
        words.append(f"certificate {safe(', '.join(event.names[:3]))}")
    if event.duration is not None:
        words.append(f"{plural(event.round_trips, 'round trip')} in {span(event.duration)}")
    if (why := why_unread(event)) and event.outcome != "failed":
        words.append(f"unread: {why}")
    return ", ".join(words)
