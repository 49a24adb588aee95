"""Sessions of Socket.IO told to somebody who knows WebSockets, and has never seen one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netviz.event import SIDES
from netviz.quantity import plural, span
from netviz.verdicts.broadcast import Broadcast, rows
from netviz.verdicts.heartbeat import beats, rounded
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["beating", "beginning", "speaking"]


def beginning(traces: Sequence[SessionTrace]) -> Iterator[str]:
    """Why there are two layers and two transports, and how these sessions began."""
    yield (
        "Socket.IO is two protocols, one upon the other. Engine.IO below keeps a session alive and carries messages, by "
        "whatever means there are; each of its packets begins with one digit (0 open, 1 close, 2 ping, 3 pong, 4 message, 5 "
        "upgrade, 6 noop). Socket.IO above it gives messages a name, arguments, an acknowledgement and a namespace, with a "
        'digit of its own (0 connect, 1 disconnect, 2 event, 3 ack, 4 error). So “42["chat","hi"]” is a message (4) that is '
        "an event (2) of the name chat."
    )
    polled = [trace for trace in traces if "polling" in trace.session.transports]
    upgraded = [trace for trace in polled if trace.session.upgraded]
    if polled:
        yield (
            "With polling there is no connection that stays open for both. The client asks for news with a GET, which the "
            "server leaves unanswered until it has some; what the client has to say goes into a POST. This works wherever "
            "HTTP does, and costs a whole HTTP head each time. The sid in every request says which session it belongs to, "
            "so all of them must reach the same server."
        )
    if upgraded:
        yield (
            "To leave polling the client opens a WebSocket with the same sid and tries it out before anything depends on "
            "it: it sends “2probe”, the server answers “3probe”, and with “5” the client moves there for good. Whatever is "
            "on the way by polling is still delivered, so nothing is lost or told twice."
        )
    elif polled and any(trace.session.attempts for trace in polled):
        yield "Here a WebSocket was tried, and the session stayed with polling: slower, but it works."
    elif any("websocket" in trace.session.transports and trace.session.opened for trace in traces):
        yield "Here the WebSocket was the transport from the start: the server opens the session as its first message in it."


def speaking(traces: Sequence[SessionTrace]) -> Iterator[str]:
    """Namespaces, events, acknowledgements and broadcasts, as far as they occur."""
    packets = [packet for trace in traces for packet in trace.packets]
    if not packets:
        return
    if any(trace.session.version == 3 for trace in traces):
        yield "Of the main namespace / the server says itself that it is joined (Socket.IO 2); others the client must ask for."
    elif any(packet.type == "CONNECT" for packet in packets):
        yield (
            "A namespace must be joined before anything is said in it, / no less than others: the client asks, and the server "
            "answers with the id of a socket or refuses. Many namespaces share one session, so they cost no connection each."
        )
    if any(packet.id is not None for packet in packets):
        asked = sum(packet.id is not None and packet.event is not None for packet in packets)
        yield (
            f"{plural(asked, 'event')} asked for an acknowledgement: a number in front of the arguments, which the other side "
            "repeats in an ack. To a program it is a callback. It tells that the handler was run, not only that bytes arrived."
        )
    if any(packet.attachments for packet in packets):
        yield (
            "JSON has no bytes. Each value of bytes is replaced by a placeholder and follows as a message of its own; the "
            "receiver puts them back before it calls anybody."
        )
    shared = [row for row in rows(traces) if isinstance(row, Broadcast)]
    if shared:
        most = max(shared, key=lambda row: len(row.copies))
        yield (
            f"The server sent the same event to several sockets at once, {plural(len(shared), 'time')}; up to "
            f"{len(most.copies)} received it, within {span(most.spread)}. On the wire that is a packet for each. Rooms are "
            "names that exist only in the server's memory and never travel, so which room was meant is inferred from who "
            "asked to join what."
        )


def beating(traces: Sequence[SessionTrace]) -> Iterator[str]:
    """What the heartbeat is for, and what became of it here."""
    found = [heart for heart in map(beats, traces) if heart.interval is not None and heart.timeout is not None]
    if not found:
        return
    heart = found[0]
    assert heart.interval is not None
    assert heart.timeout is not None
    other = SIDES[1 - SIDES.index(heart.asks)]
    yield (
        f"A connection that is cut says nothing. So the {heart.asks} sends a ping every {rounded(heart.interval)}, and the "
        f"{other} a pong. The {heart.asks} gives up when no pong comes for {rounded(heart.timeout)} (pingTimeout); the "
        f"{other} when no ping comes for {rounded(heart.interval + heart.timeout)} (pingInterval and pingTimeout). The "
        "server announced both numbers when it opened the session."
    )
    gone = [heart.gave_up for heart in found if heart.gave_up is not None]
    late = sum(beat.late or beat.overdue for heart in found for beat in heart.beats)
    if gone:
        yield f"Here the {gone[0]} waited in vain, and ended the session: programs are told “ping timeout”."
    elif late:
        yield f"{plural(late, 'beat')} came late here, though nobody gave up for it."
