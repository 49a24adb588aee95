"""The verdict on a session of Engine.IO and Socket.IO: how it began and moved, who ended it and how, what went wrong.

https://socket.io/docs/v4/engine-io-protocol/, https://socket.io/docs/v4/troubleshooting-connection-issues/
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from netviz.event import SocketIoPacket
from netviz.quantity import plural, span
from netviz.verdicts.cross_origin import judge_origin, origin_refused
from netviz.verdicts.engine_error import UNKNOWN_SESSION, Refusal, asked, judge_refusal, refusals, seen_refusal
from netviz.verdicts.namespaces import Namespaces, exchange, namespaces, reason, without_ack
from netviz.verdicts.session_end import Ending, ending
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.stuck import Stuck, stuck
from netviz.verdicts.verdict import Claim, Severity, Verdict
from netviz.verdicts.versions import judge_versions
from netviz.verdicts.websocket import OF_THE_CAPTURE

__all__ = ["judge_session", "session_severity", "short_session"]

#: Problems that are told one by one.
_TOLD = 3

_RANK: dict[Severity, int] = {"ok": 0, "note": 1, "problem": 2}


def short_session(trace: SessionTrace, others: Sequence[SessionTrace] = ()) -> str:
    """The headline."""
    return judge_session(trace, others).headline


def session_severity(trace: SessionTrace, others: Sequence[SessionTrace] = ()) -> Severity:
    """How bad it is."""
    return judge_session(trace, others).severity


def judge_session(trace: SessionTrace, others: Sequence[SessionTrace] = ()) -> Verdict:
    """Apply the rules; ``others`` are sessions of the same capture, which may hold evidence."""
    began = _beginning(trace)
    refused = refusals(trace.session)
    if (fatal := _fatal(trace, refused)) is not None:
        found = judge_refusal(trace, fatal, others, began)
        if len(refused) > 1:
            found = replace(found, seen=(*found.seen, Claim(f"{plural(len(refused), 'request')} of this session failed")))
    elif (answer := origin_refused(trace)) is not None:
        found = judge_origin(answer, began)
    elif (mixed := judge_versions(trace, began)) is not None:
        found = mixed
    else:
        found = _lived(trace, others, began)
    return replace(found, seen=(*found.seen, *_kin(trace, others)))


def _fatal(trace: SessionTrace, refused: list[Refusal]) -> Refusal | None:
    """The refusal that a session never began for, or that told it that it is no more."""
    answered = [one for one in refused if one.status is not None]
    if trace.session.opened is None and not sum(trace.engine):
        # What was answered says more than what was not.
        return next(iter(answered or refused), None)
    if ending(trace) is not None:
        return None  # what comes behind the end is refused because of it
    polled = [one for one in answered if one.upgrade is None]
    unknown = next((one for one in polled if one.code == UNKNOWN_SESSION), None)
    if unknown is not None or not polled:
        return unknown
    last = polled[-1]
    good = [answer.time for answer in trace.answers if answer.status == 200 and answer.time is not None]
    return last if last.time is not None and max(good, default=0) < last.time else None


def _lived(trace: SessionTrace, others: Sequence[SessionTrace], began: list[Claim]) -> Verdict:
    """A session that began: its end, what it is stuck in, what was refused, and what else may be worth a look."""
    end, rooms, still = ending(trace), namespaces(trace), stuck(trace, others)
    failed = [one for one in refusals(trace.session) if one.status is not None and one.upgrade is None]
    seen = [*began, *rooms.seen, *exchange(trace), *_unacked(trace), *map(seen_refusal, failed[:_TOLD]), *_problems(trace)]
    found = _ended(end, seen) if end is not None else _open(trace, [*seen, *_hanging(trace)])
    if end is not None and end.severity == "problem":
        if still is not None and still.tried:
            found = replace(found, seen=(*still.seen, *found.seen))
    elif still is not None and still.tried:
        found = _stuck(still, found)
    elif rooms.refused:
        found = _refused(rooms, found)
    elif still is not None:
        found = _stuck(still, found)
    worst = max((found.severity, "note" if failed and end is None else "ok", _worth(trace, rooms)), key=_RANK.__getitem__)
    return replace(found, severity=worst)


def _worth(trace: SessionTrace, rooms: Namespaces) -> Severity:
    """How bad is what no headline tells."""
    if trace.problems:
        return "problem"
    return "note" if rooms.silent or without_ack(trace) else "ok"


def _beginning(trace: SessionTrace) -> list[Claim]:
    session = trace.session
    found = []
    if session.opened is not None:
        opened = session.opened
        upgrades = ", ".join(opened.upgrades) or "none"
        beat = "" if opened.ping_interval is None else f"; pingInterval {opened.ping_interval:,} ms"
        beat += "" if opened.ping_timeout is None else f", pingTimeout {opened.ping_timeout:,} ms"
        packets = next((packet.packets for packet in trace.control if packet.type == "open"), ())
        text = f"session {session.sid} at {session.path}, Engine.IO {session.version}; upgrades offered: {upgrades}{beat}"
        found.append(Claim(text, packets=packets))
    elif sum(trace.engine) and not session.refusals and not any(packet.type == "unknown" for packet in trace.control):
        found.append(Claim("how the session began is not in the capture; what its packets say shows what it is", "inferred"))
    if session.upgraded:
        found += _moved(trace)
    elif session.transports and session.opened is not None:
        found.append(Claim(f"carried by {' and '.join(session.transports)}"))
    return found


def _moved(trace: SessionTrace) -> Iterable[Claim]:
    """How it came from polling to WebSocket, with the time of the probe."""
    steps = [
        next((one for one in trace.control if one.type == kind and one.transport == "websocket" and (kind == "upgrade" or
              one.data == "probe")), None)
        for kind in ("ping", "pong", "upgrade")
    ]  # fmt: skip
    ping, pong, _ = steps
    took = ""
    if ping is not None and pong is not None and ping.time is not None and pong.time is not None:
        took = f"; its probe took {span(pong.time - ping.time)}"
    packets = tuple(number for step in steps if step is not None for number in step.packets)
    yield Claim(f"moved from polling to WebSocket{took}", packets=packets)


def _ended(end: Ending, seen: list[Claim]) -> Verdict:
    return Verdict(
        severity=end.severity, headline=end.headline, seen=(*seen, *end.seen), means=end.means, likely=end.likely,
        cause_wanted=end.cause_wanted, advice=end.advice,
    )  # fmt: skip


def _open(trace: SessionTrace, seen: list[Claim]) -> Verdict:
    if trace.session.opened is None:
        return Verdict(
            severity="note", headline="OPEN", seen=tuple(seen),
            means="the session began before the capture; no end of it is in the capture",
            advice=("start the capture before the client to see the session begin",),
        )  # fmt: skip
    return Verdict(
        severity="ok", headline="OPEN", seen=tuple(seen), means="the session works, and no end of it is in the capture"
    )


def _hanging(trace: SessionTrace) -> Iterable[Claim]:
    """What still waited for an answer when the capture, or the connection, ended."""
    last = trace.control[-1] if trace.control else None
    if last is not None and last.type == "ping" and last.data != "probe":
        yield Claim(f"the last ping of the {last.sender} has no answer in the capture", packets=last.packets)
    if silent := [one for one in refusals(trace.session) if one.status is None]:
        yield Claim(f"{asked(silent[-1])} has no answer in the capture", packets=silent[-1].packets)


def _stuck(still: Stuck, found: Verdict) -> Verdict:
    """What keeps a session with polling says more than that it is open, or was closed in the end."""
    return Verdict(
        severity="problem" if still.tried else "note",
        headline=still.headline,
        seen=(*found.seen, *still.seen),
        means=still.means,
        likely=still.likely,
        cause_wanted=still.cause_wanted,
        advice=still.advice,
    )


def _refused(rooms: Namespaces, found: Verdict) -> Verdict:
    """A namespace that the client was not let into."""
    first = rooms.refused[0]
    message, _ = reason(first)
    means = "the server does not let the client into this namespace; its program is told “connect_error”"
    likely: tuple[Claim, ...] = ()
    advice = f"look at the middleware of the server: io.of({first.namespace[:60]!r}).use(…) said this"
    if message == "Invalid namespace" or "unable to connect" in message.lower():
        likely = (Claim(f"the server’s program has no namespace {first.namespace[:60]}", "inferred"),)
        advice = "compare the name with what the server registers (io.of)"
    return replace(
        found, headline="CONNECT REFUSED", severity="problem", means=means, likely=likely, cause_wanted=False, advice=(advice,)
    )


def _unacked(trace: SessionTrace) -> list[Claim]:
    missing = without_ack(trace)
    if not missing:
        return []
    wanted = sum(packet.id is not None for packet in trace.packets if packet.type in ("EVENT", "BINARY_EVENT"))
    first = missing[0]
    who = "server" if first.sender == "client" else "client"
    text = (
        f"of {plural(wanted, 'acknowledgement')} that were asked for, {len(missing):,} never came; "
        f"the first is for {first.event!r} of the {first.sender}: the {who}’s handler did not call its callback"
    )
    return [Claim(text, packets=first.packets)]


def _problems(trace: SessionTrace) -> list[Claim]:
    found = []
    for problem in trace.problems[:_TOLD]:
        bare = problem.text.removeprefix(f"packet {problem.packet}: ")
        whose = "the capture is not whole: " if problem.kind in OF_THE_CAPTURE else ""
        found.append(Claim(f"{whose}{bare}", packets=(problem.packet,) if problem.packet else ()))
    if len(trace.problems) > _TOLD:
        found.append(Claim(f"{plural(len(trace.problems) - _TOLD, 'more problem')} (--problems lists them)"))
    return found


def _kin(trace: SessionTrace, others: Sequence[SessionTrace]) -> list[Claim]:
    """Sessions that belong to this one."""
    session = trace.session
    found = []
    if session.hop is not None:
        text = f"the same sid as session {session.hop}: another hop of it, on the other side of a proxy"
        found.append(Claim(text, "inferred"))
    if session.again is not None:
        found.append(Claim(f"follows session {session.again} of the same client: it connected again", "inferred"))
    again = next((packet for packet in trace.packets if packet.type == "CONNECT" and packet.side == 0 and _pid(packet)), None)
    if again is not None:
        same = {packet.sid for packet in trace.packets if packet.sid is not None}
        before = next((o for o in others if o is not trace and any(packet.sid in same for packet in o.packets)), None)
        got = "" if before is None else f", and is the same socket again as in session {before.session.number}"
        found.append(Claim(f"the client asked to be given what it missed (pid, offset){got}", packets=again.packets))
    for other in others:
        if other.session.again == session.number and other.session.number != session.number:
            text = f"session {other.session.number} of the same client follows: it connected again"
            found.append(Claim(text, "inferred"))
            break
    return found


def _pid(packet: SocketIoPacket) -> bool:
    """Whether a client names the session that it wants to go on with (connection state recovery)."""
    return bool(packet.args) and isinstance(packet.args[0], dict) and "pid" in packet.args[0]
