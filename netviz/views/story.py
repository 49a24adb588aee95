"""The same connection told to somebody who has never heard of TCP."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import Course, TcpConnection
from netviz.quantity import plural, span

__all__ = ["OUTCOMES", "story"]


def story(connection: TcpConnection, course: Course) -> Iterator[str]:
    """Paragraphs, in order."""
    client, server = connection.client, connection.server
    yield (
        f"Two programs are involved. One, the client, runs at {client.address} and speaks from port {client.port}; the other, "
        f"the server, is expected at {server.address}, port {server.port}. An address finds the machine, a port the program on "
        "it, as a street number finds a house and a name on the bell finds the person."
    )
    if client.address == server.address:
        yield "Here both are on the same machine: the packets never leave it, but the rules are the same."
    yield (
        "Packets can get lost, so before a byte is sent each side must know that the other hears it. That is what the "
        "handshake is for. Both sides also say from which number they count their bytes, so that a missing piece can be "
        "named and sent again."
    )
    yield from _opening(connection)
    yield from _numbers(connection, course)
    yield from _end(connection)


def _opening(connection: TcpConnection) -> Iterator[str]:
    rtt = connection.rtt
    match connection.outcome:
        case "partial":
            yield (
                "The capture was started when these two were already talking, as when you enter a room in the middle of a "
                "conversation: how it began is not in it."
            )
        case "refused":
            yield (
                'The client knocked: "May I talk to you?" (SYN). The machine answered at once: "Nobody by that name here" '
                "(RST). That is a clear answer: the machine is reachable, but no program waits at this port."
            )
        case "unanswered":
            times = sum(step.step == "SYN" for step in connection.steps)
            knocked = "once" if times == 1 else f"{times} times, waiting longer each time"
            yield f'The client knocked: "May I talk to you?" (SYN), {knocked}.'
            if connection.icmp:
                error = connection.icmp[0]
                yield f'Then {error.sender}, on the way, sent a note (ICMP): "{error.meaning}".'
            else:
                yield (
                    "Nobody answered, neither yes nor no. Silence is not a refusal: the packet was lost, thrown away by a "
                    "firewall, or the server was too busy to take it."
                )
        case "incomplete":
            yield (
                'The client knocked (SYN) and the server said "Come in, do you hear me?" (SYN-ACK), but the client never '
                "said yes. The server keeps waiting for a while, then forgets it."
            )
        case "aborted":
            who = "server" if connection.steps[-1].segment.side else "client"
            yield f'The client knocked (SYN), but before both had agreed the {who} said "Forget it" (RST).'
        case _:
            yield from _agreed(connection)
            if rtt.total is not None:
                yield (
                    f"From the first word to the last this took {span(rtt.total)}. That is one round trip: the time in which "
                    "a question travels to the other end and an answer comes back. No byte of data can arrive earlier."
                )


def _agreed(connection: TcpConnection) -> Iterator[str]:
    if connection.simultaneous:
        yield (
            'Here both ends said "May I talk to you?" (SYN) at the same moment, each before it had heard the other. TCP '
            "allows that: each answers the other's question, and they have one connection, not two."
        )
        return
    yield (
        'First the client says: "May I talk to you? I count my bytes from this number." (SYN). Then the server: "I heard '
        'your number; and I count mine from this one." (SYN-ACK). At last the client: "I heard yours." (ACK). Three messages '
        "are just enough for each to know that the other hears it."
    )
    again = sum(step.retransmission for step in connection.steps)
    if again:
        yield (
            f"It did not go smoothly: {plural(again, 'message')} of these had to be repeated, because no answer came in "
            "time. Nobody noticed but the clock; that is what TCP is for."
        )


def _numbers(connection: TcpConnection, course: Course) -> Iterator[str]:
    ours, theirs = course.base
    if connection.outcome == "established" and ours is not None and theirs is not None:
        yield (
            f"The number that the client chose is {ours}, the server's is {theirs}. They are random on purpose, so that a "
            "stranger cannot guess them and put words into somebody's mouth. netviz counts both from 0, because 1 is easier "
            f"to read than {ours + 1 & 0xFFFFFFFF}."
        )


def _end(connection: TcpConnection) -> Iterator[str]:
    sent = connection.traffic
    if connection.closing is not None and connection.outcome in ("established", "partial"):
        yield (
            f"Then they talked: the client sent {plural(sent[0].bytes, 'byte')} in {plural(sent[0].packets, 'segment')}, the "
            f"server {plural(sent[1].bytes, 'byte')} in {plural(sent[1].packets, 'segment')}, those without data counted in."
        )
    closing = connection.closing
    match closing.how if closing else "":
        case "fin":
            other = "server" if closing and closing.by == "client" else "client"
            yield (
                f'The {closing.by if closing else ""} was the first to say "That was all from me" (FIN). The {other} '
                "confirmed, and when it had nothing more to say either, it said so too. Each direction is closed on its own: "
                "that is why it takes two FINs."
            )
        case "half-closed":
            yield (
                f'The {closing.by if closing else ""} said "That was all from me" (FIN). The other side has not said so: it '
                "may still send, as somebody who has stopped talking may still listen."
            )
        case "reset":
            yield (
                f"Then the {closing.by if closing else ''} hung up without a goodbye (RST). What was still under way is "
                "lost, and the other side learns only that it is over."
            )
        case "open":
            yield "When the capture ended they were still connected."


#: What each outcome means, in a sentence.
OUTCOMES = {
    "established": "SYN, SYN-ACK, ACK: both ends know that the other hears them, and data can flow.",
    "refused": "The machine answered the SYN with RST: it is there, but nobody listens on this port.",
    "unanswered": "No segment answered the SYN: lost, dropped by a firewall, or the machine is down.",
    "incomplete": "The server answered with SYN-ACK, but the last ACK never came: the client is gone or does not hear.",
    "aborted": "One side sent RST before the handshake was complete.",
    "partial": "The capture starts inside this connection: its handshake is not in the file.",
}
