"""What is worth knowing about a capture as a whole, and which commands lead on: each rule goes from evidence to a sentence.

QUIC: RFC 9000; TLS: RFC 8446; HTTP/2 and WebSockets in it: RFC 9113, RFC 8441.
"""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterator
from typing import NamedTuple

from netviz.event import CaptureSummary, Trouble
from netviz.quantity import plural
from netviz.verdicts.verdict import Severity
from netviz.verdicts.websocket import OF_THE_CAPTURE

__all__ = ["Command", "Hint", "commands", "hints", "trouble_severity", "worst"]

#: Of this share of the TCP segments there must be copies before it is said that all came twice: half would be every one.
_TWICE = 0.4

#: Problems of TCP that end a connection, or keep it from beginning; the others are worth a note.
_GRAVE = {"connection-refused", "no-answer", "handshake-incomplete", "handshake-aborted", "connection-reset",
          "icmp-unreachable"}  # fmt: skip

#: Problems of a WebSocket that may say no more than what the capture lacks.
_LACKING = OF_THE_CAPTURE | {"frame-cut"}

#: Problems of the capture that are about its file; all others are about packets that are not decoded.
_OF_THE_FILE = {"file-cut", "file-damaged"}

#: How to capture anew.
_RECORD = "sudo tcpdump -i any -w my.pcap 'tcp port 8080'"


class Hint(NamedTuple):
    """Something that changes how the capture should be read: a stable kind, what is so, and what to do about it."""

    kind: str
    text: str
    advice: str = ""
    packet: int = 0


class Command(NamedTuple):
    """A command worth running next: its name, its options, and what it will show."""

    name: str
    options: str
    why: str


def hints(summary: CaptureSummary) -> tuple[Hint, ...]:
    """Apply all rules; what explains most comes first."""
    rules = (_empty, _no_tcp, _quic, _tls, _http2, _midstream, _one_way, _cut, _dropped, _twice, _untimed, _unordered)
    return tuple(hint for rule in rules if (hint := rule(summary)) is not None)


def trouble_severity(trouble: Trouble) -> Severity:
    """How bad all problems of a kind are."""
    if trouble.of in ("websocket", "session"):
        return "note" if trouble.kind in _LACKING else "problem"
    return "problem" if trouble.of == "tcp" and trouble.kind in _GRAVE else "note"


def worst(summary: CaptureSummary) -> Severity:
    """How bad it is in all."""
    if any(trouble_severity(trouble) == "problem" for trouble in summary.troubles):
        return "problem"
    return "note" if summary.troubles or not summary.count else "ok"


def commands(summary: CaptureSummary, known: Container[str]) -> tuple[Command, ...]:
    """Two to five commands, of those that are known; what is wrong comes first."""
    found = (*_session_commands(summary), *_websocket_commands(summary), *_tcp_commands(summary), *_packet_commands(summary))
    offered = tuple(command for command in dict.fromkeys(found) if command.name in known)[:5]
    return tuple(_matching(command, summary.matching) for command in offered)


def _matching(command: Command, expression: str) -> Command:
    """The same of the packets that match; one alone has its number in the whole capture."""
    if not expression or command.name == "layers":
        return command
    options = f"-f {shlex.quote(expression)} {command.options}".rstrip()
    return command._replace(options=options)


def _session_commands(summary: CaptureSummary) -> Iterator[Command]:
    """For what carries sessions ``ws-trace`` tells of these first."""
    sessions = summary.sessions
    if not sessions.total:
        return
    if sessions.troubled is not None and sessions.total > 1:
        yield Command("ws-trace", f"--connection {sessions.troubled}", "the first session with a problem: what went wrong")
    what = "session" if sessions.total == 1 else f"{sessions.total:,} sessions"
    name = "Socket.IO" if sessions.socketio else "Engine.IO"
    yield Command("ws-trace", "", f"the {what} of {name}: transports, events, acks, ends")
    yield Command("ws-trace", "--explain", "the same as a story")


def _websocket_commands(summary: CaptureSummary) -> Iterator[Command]:
    sockets = summary.websockets
    count = sockets.opened + sockets.rejected + sockets.unanswered
    if not count or summary.sessions.total:
        return
    if count == 1:
        yield Command("ws-trace", "", "the WebSocket: upgrade, messages, pings, close")
        yield Command("ws-trace", "--explain", "the same as a story")
        return
    if sockets.refused is not None and sockets.troubled in (None, sockets.refused):
        yield Command("ws-trace", f"--connection {sockets.refused}", "the first upgrade that failed: what the server answered")
    elif sockets.troubled is not None:
        yield Command("ws-trace", f"--connection {sockets.troubled}", "the first WebSocket with a problem: what went wrong")
    if sum(trouble.of == "websocket" for trouble in summary.troubles) > 1:
        yield Command("ws-trace", "--problems", "only what breaks a rule or went wrong")
    yield Command("ws-trace", "", f"{_all(count, 'WebSocket' if sockets.opened else 'upgrade')}, a line each")
    if sockets.numbers and sockets.troubled is None:
        yield Command("ws-trace", f"--connection {sockets.numbers[0]} --explain", "the first WebSocket as a story")


def _tcp_commands(summary: CaptureSummary) -> Iterator[Command]:
    count = summary.connections
    if count == 1:
        yield Command("handshake", "", "how the connection was set up and ended, step by step")
        if not summary.websockets.opened:
            yield Command("handshake", "--explain", "the same as a story")
        return
    if not count:
        return
    if summary.failed is not None:
        yield Command("handshake", f"--connection {summary.failed}", "the first connection that failed, and why")
    if any(trouble.of == "tcp" for trouble in summary.troubles):
        yield Command("handshake", "--problems", "only the connections with a problem")
    yield Command("handshake", "", f"{_all(count, 'connection')}, a line each")
    busiest = summary.busiest[0].connection
    yield Command("handshake", f"--connection {busiest}", "the busiest connection, step by step")


def _packet_commands(summary: CaptureSummary) -> Iterator[Command]:
    unread = [trouble for trouble in summary.troubles if trouble.of == "capture" and trouble.kind not in _OF_THE_FILE]
    for trouble in unread:
        if trouble.packet:
            yield Command("layers", str(trouble.packet), "a packet that was not decoded in full, layer by layer")
            return
    if summary.connections == 1:
        yield Command("layers", str(summary.busiest[0].packets[0]), "the first packet of the connection, layer by layer")
    elif not summary.connections:
        carried = [share for under in ("UDP", "IP", "") for share in summary.shares if share.under == under]
        for share in carried[:1]:
            of = "" if share.name == "other" else f" of {share.name}"
            yield Command("layers", str(share.first), f"the first packet{of}, layer by layer")


def _all(count: int, noun: str) -> str:
    return f"both {noun}s" if count == 2 else f"all {count:,} {noun}s"


def _are(count: int, noun: str, verb: str = "are") -> str:
    """A count, its noun, and the verb that agrees with it."""
    return f"{plural(count, noun)} {verb if count != 1 else {'are': 'is', 'were': 'was', 'carry': 'carries'}[verb]}"


def _empty(summary: CaptureSummary) -> Hint | None:
    if summary.count:
        return None
    if summary.matching:
        return Hint("empty", f"no packet matches “{summary.matching}”", "the same without -f tells what there is")
    filters = sorted({interface.filter for interface in summary.interfaces if interface.filter})
    given = f" (the filter was {filters[0]!r})" if filters else ""
    text = f"no packet was captured: nothing went over the interface, or the filter let nothing through{given}"
    return Hint("empty", text, f"{_RECORD}   (and make some traffic before Ctrl-C)")


def _no_tcp(summary: CaptureSummary) -> Hint | None:
    tcp, quic = summary.share("TCP", "IP"), summary.share("QUIC", "UDP")
    if not summary.count or summary.connections or tcp is not None or quic is not None:
        return None
    if summary.matching:
        text = f"there is no TCP among the packets that match “{summary.matching}”, so there are no connections to show"
        return Hint("no-tcp", text, "the same without -f tells what else there is")
    return Hint("no-tcp", "there is no TCP in it, so there are no connections to show", _RECORD)


def _quic(summary: CaptureSummary) -> Hint | None:
    share = summary.share("QUIC", "UDP")
    advice = "disable HTTP/3 in the browser and capture again (chromium --disable-quic): it then uses TCP"
    if share is not None:
        text = f"{_are(share.packets, 'UDP packet')} QUIC, which carries HTTP/3 and which netviz does not read"
        return Hint("quic", text, advice, share.first)
    share = summary.share("port 443", "UDP")
    if share is None:
        return None
    text = f"{plural(share.packets, 'packet')} of UDP port 443, probably QUIC of which the beginning was not captured: not read"
    return Hint("quic", text, advice, share.first)


def _tls(summary: CaptureSummary) -> Hint | None:
    share = summary.share("tls", "TCP")
    if share is None:
        return None
    count = (share.connections or 0) - summary.opened
    if count <= 0:
        return None
    which = f"{_are(count, 'connection')} encrypted (TLS)"
    text = f"{which}: whether there is a WebSocket inside (wss://) cannot be seen without keys"
    advice = "browsers, Node, Python and curl write a key log: then netviz summary CAPTURE --keylog FILE reads on"
    return Hint("tls", text, advice, share.first)


def _http2(summary: CaptureSummary) -> Hint | None:
    share = summary.share("http2", "TCP")
    if share is None:
        return None
    text = f"{plural(share.connections or 0, 'connection')} of HTTP/2: WebSockets inside (RFC 8441) are not read"
    return Hint("http2", text, "a client that is held to HTTP/1.1 opens the WebSocket on a connection of its own", share.first)


def _midstream(summary: CaptureSummary) -> Hint | None:
    count = summary.outcomes.get("partial", 0)
    if not count:
        return None
    text = f"{plural(count, 'connection')} began before the capture: the handshake, and what was agreed then, is not in it"
    return Hint("began-before", text, "start the capture first, then the client")


def _one_way(summary: CaptureSummary) -> Hint | None:
    going = summary.outcomes.get("established", 0) + summary.outcomes.get("partial", 0)
    if not summary.one_way or summary.one_way * 2 < going:
        return None
    text = f"of {plural(summary.one_way, 'connection')} only one direction was captured: the answers took another way"
    return Hint("one-direction", text, "capture on one of the two hosts, or without a filter on src or dst")


def _cut(summary: CaptureSummary) -> Hint | None:
    if not summary.cut:
        return None
    which = _are(summary.cut, "packet", "were")
    text = f"{which} cut when captured, to at most {summary.longest_cut:,} bytes: contents are missing"
    return Hint("packets-cut", text, "capture whole packets: tcpdump -s 0")


def _dropped(summary: CaptureSummary) -> Hint | None:
    dropped = sum(interface.dropped or 0 for interface in summary.interfaces)
    if not dropped:
        return None
    text = f"{_are(dropped, 'packet', 'were')} lost while capturing: what looks like loss may be the capture's own"
    return Hint("packets-dropped", text, "a larger buffer, and a filter: tcpdump -B 16384 'tcp port 8080'")


def _twice(summary: CaptureSummary) -> Hint | None:
    copies, of = summary.repeated
    if of < 4 or copies < _TWICE * of:
        return None
    text = f"every packet seems to be there twice ({copies:,} of {of:,} TCP segments are copies)"
    return Hint("captured-twice", text, "capture on one interface: on “any” a packet may pass several")


def _untimed(summary: CaptureSummary) -> Hint | None:
    count = summary.span.untimed
    if not count:
        return None
    what = "no packet carries a time" if count == summary.count else f"{_are(count, 'packet', 'carry')} no time"
    return Hint("no-times", f"{what} (pcapng, Simple Packet Block): durations and round trips cannot be told")


def _unordered(summary: CaptureSummary) -> Hint | None:
    count = summary.span.unordered
    if not count:
        return None
    text = f"{_are(count, 'packet')} earlier than the packet before: several clocks, or files joined in another order"
    return Hint("times-unordered", text, "reordercap IN OUT sorts a file by time")
