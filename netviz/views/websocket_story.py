"""A WebSocket told to somebody who knows the web, and has never seen one."""

from __future__ import annotations

from collections.abc import Iterator

from netviz.event import WebSocketClose
from netviz.quantity import plural, span
from netviz.verdicts.websocket import Trace

__all__ = ["after_upgrade", "before_upgrade", "ending"]


def before_upgrade(trace: Trace) -> Iterator[str]:
    """Why there is an upgrade, and what it asks."""
    upgrade = trace.upgrade
    yield (
        "On the web a client asks and a server answers; a server that has news must wait until it is asked. A WebSocket lifts "
        "that: one connection over which both may speak at any time. It begins as an ordinary HTTP request, so that it can use "
        "the same port, the same proxies, the same cookies, and then asks to speak another language."
    )
    if upgrade is None:
        yield (
            "How this one began is not in the capture: it was started later. What follows was recognised by its form alone, a "
            "run of frames without a fault."
        )
        return
    yield (
        f"Here the client asks for {upgrade.path} and adds “Upgrade: websocket”. It also makes up a key of 16 random bytes. "
        "That is no password: the server must give back what can only be computed by somebody who has read this very request "
        "and knows the protocol, so that no cache and no server that never heard of WebSocket can say yes by accident."
    )
    if upgrade.offered_extensions:
        yield f"It offers to compress ({', '.join(upgrade.offered_extensions)}); the server may take that or leave it."


def after_upgrade(trace: Trace) -> Iterator[str]:
    """What the answer changes."""
    upgrade = trace.upgrade
    if upgrade is not None and upgrade.status is None:
        yield "No answer came, so nothing else could happen on this connection."
        return
    if upgrade is not None and upgrade.status != 101:
        yield (
            f"The server answered {upgrade.status} {upgrade.reason}: it stays with HTTP, and no WebSocket exists. A program in "
            "a browser is told none of this, only that it failed (1006)."
        )
        return
    if upgrade is not None and upgrade.outcome == "invalid":
        yield "The server said 101, yet its answer breaks a rule, and the client must hang up: it cannot know whom it talks to."
    elif upgrade is not None:
        yield (
            "101 Switching Protocols is the last line of HTTP on this connection. From the next byte on there are no "
            "requests and no answers any more, only frames: two bytes of header or a few more, then the payload. The server "
            "may now speak without being asked."
        )
    yield (
        "Everything that a client sends is masked: XORed with four bytes that it makes up for each frame and sends along. This "
        "hides nothing. It keeps a script in a browser from choosing which bytes appear on the wire, and so from talking old "
        "proxies into taking them for HTTP. Servers do not mask."
    )


def ending(trace: Trace) -> Iterator[str]:
    """How it ended."""
    close = trace.close
    if close is None or not trace.opened:
        return
    client, server = close.totals
    yield (
        f"They exchanged {plural(client.messages, 'message')} from the client and {server.messages:,} from the server. "
        + _rhythm(close)
    )
    if not close.ended:
        yield "When the capture ended the connection was still open."
    elif close.code == 1006:
        yield (
            f"Then the {close.by} ended the TCP connection without a word. A WebSocket is closed by a close frame that says "
            "why; where none comes, the programs are told 1006, a number that never travels: it only means that nobody said "
            "goodbye."
        )
    else:
        other = "server" if close.by == "client" else "client"
        first, second = close.codes
        same = "the same" if first == second else "a close frame of its own"
        answer = f"the {other} answered with {same}" if close.clean else f"the {other} did not answer it"
        yield (
            f"The {close.by} sent a close frame, code {close.code} ({close.meaning}), and {answer}. Only then is it TCP's turn "
            "to end the connection."
        )


def _rhythm(close: WebSocketClose) -> str:
    pings = sum(side.pings for side in close.totals)
    lasted = "" if close.began is None or close.time is None else f"It lasted {span(close.time - close.began)}. "
    if not pings:
        return lasted
    return f"{lasted}In between {plural(pings, 'ping')} asked “are you still there?”, and a pong says yes."
