"""Why a session stayed with polling: no upgrade was offered, none was tried, or what came of those that were.

https://socket.io/docs/v4/engine-io-protocol/#upgrade (probe, answer, upgrade)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netviz.event import ENGINE_ERRORS, EngineIoPacket, WebSocketUpgrade
from netviz.quantity import plural, span
from netviz.verdicts.engine_error import STICKY, UNKNOWN_SESSION, Refusal, refusals, without_upgrade
from netviz.verdicts.rejection import KEEP_UPGRADE, judge_rejection
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim

__all__ = ["Stuck", "stuck"]

#: A session that polls for so many requests, or so long, would have been upgraded if anybody wanted that.
_POLLS, _LONG = 4, 1_000_000_000

_GOES_ON = "; the session goes on by polling: it works, and costs an HTTP request and its answer for each batch of packets"


class Stuck(NamedTuple):
    """Why a session stayed with polling; ``tried`` tells whether the client wanted it otherwise, ``lost`` that the session
    went no further.
    """

    tried: bool
    seen: tuple[Claim, ...]
    means: str
    likely: tuple[Claim, ...] = ()
    cause_wanted: bool = False
    advice: tuple[str, ...] = ()
    lost: bool = False

    @property
    def headline(self) -> str:
        """The same in words for an overview."""
        if self.lost:
            return "GIVEN UP"
        return "STUCK IN POLLING" if self.tried else "POLLING ONLY"


def stuck(trace: SessionTrace, others: Sequence[SessionTrace] = ()) -> Stuck | None:
    """Why a session stayed with polling; None where it did not, or was too short to tell.

    ``others`` may hold another hop of it, where more was tried.
    """
    session = trace.session
    if _moved(trace) or not trace.counts["polling"]:
        return None
    failed = next((attempt for attempt in session.attempts if attempt.outcome != "accepted"), None)
    if failed is not None:
        return _failed(trace, failed)
    if session.attempts:
        return _not_probed(trace, session.attempts[0], _twins(trace, others))
    if session.opened is None or not _long(trace):
        return None
    if "websocket" not in session.opened.upgrades:
        return Stuck(
            False,
            (Claim("the server's handshake offers no upgrade (upgrades: [])", packets=_opening(trace)),),
            "the server takes nothing but polling; that works, and costs an HTTP request for each batch of packets",
            advice=('at the server: transports: ["polling", "websocket"], allowUpgrades: true; in Python a server that can do '
                    "WebSocket (simple-websocket, eventlet, gevent-websocket or ASGI)",),
        )  # fmt: skip
    offered = Claim("the server offers to upgrade to websocket", packets=_opening(trace))
    tried = next((twin for twin in _twins(trace, others) if twin.session.attempts), None)
    if tried is not None:
        number, attempt = tried.session.number, tried.session.attempts[0]
        what = Claim(f"the client tried, at {tried.session.server} (session {number}); nothing of it came here",
                     packets=attempt.packets)  # fmt: skip
        means = "the hop in front did not pass the upgrade on" + _GOES_ON
        return Stuck(True, (offered, what), means, advice=(f"look at the verdict on session {number}",))
    return Stuck(
        False,
        (
            offered,
            Claim(f"the client never tried, in {plural(max(session.polls, trace.counts['polling']), 'request')}"),
        ),
        "the client is content with polling; that works, and costs an HTTP request for each batch of packets",
        likely=(Claim('the client has transports: ["polling"] or upgrade: false', "inferred"),),
        advice=('at the client: transports: ["polling", "websocket"], which is what it does where nothing is set',),
    )


def _twins(trace: SessionTrace, others: Sequence[SessionTrace]) -> list[SessionTrace]:
    """Other hops of the same session."""
    sid, number = trace.session.sid, trace.session.number
    return [other for other in others if sid is not None and other.session.sid == sid and other.session.number != number]


def _moved(trace: SessionTrace) -> bool:
    """Whether a WebSocket carried more than probes."""
    session = trace.session
    return (
        session.upgraded
        or session.transports[:1] == ("websocket",)
        or any(packet.transport == "websocket" for packet in trace.packets)
        or any(packet.type == "upgrade" for packet in trace.control)
    )


def _long(trace: SessionTrace) -> bool:
    first, last = trace.first.get("polling"), trace.last
    return trace.session.polls >= _POLLS or (first is not None and last is not None and last - first >= _LONG)


def _opening(trace: SessionTrace) -> tuple[int, ...]:
    return next((packet.packets for packet in trace.control if packet.type == "open"), ())


def _failed(trace: SessionTrace, attempt: WebSocketUpgrade) -> Stuck:
    """An upgrade that got another answer than 101, or none."""
    refused = next((one for one in refusals(trace.session) if one.upgrade is attempt), None)
    found = judge_rejection(attempt, None)
    likely, advice, seen = found.likely, found.advice, found.seen
    if refused is not None and refused.code is not None:
        seen = (*seen, Claim(f"that is error {refused.code} of Engine.IO: {ENGINE_ERRORS[refused.code]}"))
        likely, advice = _engine_cause(refused) or (likely, advice)
    times = len([one for one in trace.session.attempts if one.outcome != "accepted"])
    if times > 1:
        seen = (*seen, Claim(f"{times} attempts failed"))
    what = "never answered" if attempt.status is None else f"answered {attempt.status}"
    means = f"the upgrade to WebSocket was {what}" + _GOES_ON
    return Stuck(True, seen, means, likely, found.cause_wanted, advice)


def _engine_cause(refused: Refusal) -> tuple[tuple[Claim, ...], tuple[str, ...]] | None:
    if without_upgrade(refused):
        text = "a proxy in front of the server removed Upgrade and Connection: the server took the request for plain HTTP"
        return (Claim(text, "inferred"),), (KEEP_UPGRADE,)
    if refused.code == UNKNOWN_SESSION:
        text = "several servers without sticky sessions: the one that got the upgrade does not know the sid that was polled"
        return (Claim(text, "inferred"),), (STICKY,)
    return None


def _not_probed(trace: SessionTrace, attempt: WebSocketUpgrade, twins: Sequence[SessionTrace]) -> Stuck | None:
    """An upgrade that was accepted, and over which the session never moved."""
    seen = [Claim("the upgrade to WebSocket was accepted (101)", packets=attempt.packets)]
    asked, answered = _probe(trace, "ping"), _probe(trace, "pong")
    if asked is None:
        seen.append(Claim("the client sent no probe over it"))
        means = "the WebSocket was opened and never used" + _GOES_ON
        return Stuck(True, tuple(seen), means, cause_wanted=True)
    seen.append(Claim("the client sent its probe over it (2probe)", packets=asked.packets))
    if answered is None:
        waited = ""
        if asked.time is not None and trace.last is not None and trace.last > asked.time:
            waited = f" in {span(trace.last - asked.time)}"
        seen.append(Claim(f"no answer to it (3probe) came{waited}"))
        return Stuck(
            True, tuple(seen), "the WebSocket opened, but nothing passes through it" + _GOES_ON,
            likely=(Claim("something between client and server lets the 101 through and not the frames behind it: "
                          "a proxy, a load balancer or a scanner of traffic", "inferred"),),
            advice=("capture behind the proxy, too, and look whether the probe arrives; connect past the proxy and compare",),
        )  # fmt: skip
    seen.append(Claim("the server answered it (3probe)", packets=answered.packets))
    if not _goes_on(trace, answered):
        return _given_up(seen, twins) if any(close.ended for close in trace.session.closes) else None
    seen.append(Claim("the client never finished with an upgrade packet (5)"))
    means = "the probe came back, and the client did not move to the WebSocket" + _GOES_ON
    return Stuck(True, tuple(seen), means, cause_wanted=True, advice=("look in the log of the client: DEBUG=engine*",))


def _goes_on(trace: SessionTrace, since: EngineIoPacket) -> bool:
    """Whether polling brought anything after this packet."""
    times = [(event.transport, event.time) for event in trace.control]
    times += [(event.transport, event.time) for event in trace.packets]
    return since.time is None or any(where == "polling" and (time or 0) > since.time for where, time in times)


def _given_up(seen: list[Claim], twins: Sequence[SessionTrace]) -> Stuck:
    """A client that left in the middle of an upgrade that worked."""
    seen.append(Claim("the client ended the WebSocket before it moved to it, and nothing follows"))
    unknown = next((twin for twin in twins if any(one.code == UNKNOWN_SESSION for one in refusals(twin.session))), None)
    if unknown is None:
        return Stuck(True, tuple(seen), "the client gave the session up while it moved to the WebSocket", cause_wanted=True,
                     advice=("look in the log of the client: DEBUG=engine*",), lost=True)  # fmt: skip
    text = f"another server was asked for this sid and did not know it (session {unknown.session.number})"
    return Stuck(
        True, tuple(seen), "the client gave the session up while it moved to the WebSocket",
        likely=(Claim(text, "inferred"),), advice=(STICKY,), lost=True,
    )  # fmt: skip


def _probe(trace: SessionTrace, kind: str) -> EngineIoPacket | None:
    return next(
        (packet for packet in trace.control
         if packet.type == kind and packet.data == "probe" and packet.transport == "websocket"), None
    )  # fmt: skip
