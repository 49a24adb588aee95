"""The verdict on a WebSocket: whether it opened, who ended it and how, and what hides behind 1006.

RFC 6455 section 4.1 (opening), section 7 (closing), section 7.1.7 (failing the connection).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from netviz.event import Endpoint, Problem, Side, WebSocketClose, WebSocketUpgrade, close_name
from netviz.quantity import plural, seconds, span
from netviz.verdicts.rejection import judge_rejection
from netviz.verdicts.verdict import Claim, Severity, Verdict

__all__ = ["OF_THE_CAPTURE", "Trace", "judge_websocket", "short_verdict", "trace_severity"]

_SECOND = 1_000_000_000

#: Problems of a WebSocket that are remembered for its verdict.
_MOST = 100

#: After so long a silence, and so close to a round number of seconds, somebody's timeout is likely.
_IDLE, _ROUND = 20 * _SECOND, 0.02
_TIMEOUTS = (30, 55, 60, 75, 90, 100, 120, 180, 240, 300, 350, 600, 900, 1800, 3600)

#: Problems that are nobody's fault but the capture's.
OF_THE_CAPTURE = frozenset(
    ("payload-missing", "bytes-missing", "cannot-inflate", "frames-not-found", "content-omitted", "inflate-limit",
     "overlap-differs", "after-reset")
)  # fmt: skip

_FINE = (1000, 1001, 1005)
_WORDS = {"fin": "FIN", "reset": "RST", "open": "nothing"}


@dataclass(slots=True)
class Trace:
    """What is known of one WebSocket (or of an upgrade that became none).

    ``broken`` are the rules that each side broke, ``incomplete`` what is missing in the capture; ``problems`` and
    ``rules`` count all problems, and those of rules.
    """

    connection: int
    client: Endpoint
    server: Endpoint
    upgrade: WebSocketUpgrade | None = None
    close: WebSocketClose | None = None
    messages: int = 0
    frames: int = 0
    broken: list[tuple[Side, Problem]] = field(default_factory=list)
    incomplete: list[Problem] = field(default_factory=list)
    problems: int = 0
    rules: int = 0

    def note(self, side: Side, problems: tuple[Problem, ...]) -> None:
        """Remember problems of a frame or message."""
        self.problems += len(problems)
        for problem in problems:
            if problem.kind == "frame-cut":
                continue  # the message tells what is missing, or the close what its sender did not finish
            of_capture = problem.kind in OF_THE_CAPTURE
            self.rules += not of_capture
            if of_capture and len(self.incomplete) < _MOST:
                self.incomplete.append(problem)
            elif not of_capture and len(self.broken) < _MOST:
                self.broken.append((side, problem))

    @property
    def application(self) -> str:
        """What the connection carries."""
        return "websocket"

    @property
    def opened(self) -> bool:
        """Whether frames could follow."""
        return self.upgrade is None or self.upgrade.outcome in ("accepted", "invalid")


def trace_severity(trace: Trace) -> Severity:
    """How bad it is."""
    upgrade, close = trace.upgrade, trace.close
    if trace.problems or (upgrade is not None and upgrade.problems) or (close is not None and close.problems):
        return "problem"
    if upgrade is None or (close is not None and (close.unanswered or (close.ended and not close.clean))):
        return "note"
    return "ok"


def short_verdict(trace: Trace) -> str:
    """The headline."""
    upgrade, close = trace.upgrade, trace.close
    if upgrade is not None and upgrade.outcome == "rejected":
        return f"REJECTED {upgrade.status}"
    if upgrade is not None and upgrade.outcome == "unanswered":
        return "NO ANSWER"
    if upgrade is not None and upgrade.outcome == "invalid":
        return "INVALID 101"
    if close is None or not close.ended:
        return "OPEN"
    if close.code == 1006:
        return "ENDED" if "code" in close.inferred else "1006 ABNORMAL"
    return f"CLOSED {close.code}"


def judge_websocket(trace: Trace, start: int | None) -> Verdict:
    """Apply the rules; ``start`` is the time of the capture's first packet."""
    upgrade = trace.upgrade
    if upgrade is not None and not trace.opened:
        return judge_rejection(upgrade, trace.close)
    if upgrade is not None and upgrade.outcome == "invalid":
        return _invalid(trace, upgrade)
    close = trace.close
    if close is None or not close.ended:
        return _open(trace)
    if "code" in close.inferred:
        return _ended(trace, close)
    return _abnormal(trace, close, start or 0) if close.code == 1006 else _closed(trace, close)


def _ended(trace: Trace, close: WebSocketClose) -> Verdict:
    return Verdict(
        severity="problem",
        headline=short_verdict(trace),
        seen=(*_beginning(trace), *_exchange(trace), *_violations(trace), *_ending(trace)),
        means="bytes are missing in the capture: whether there was a close frame, nobody can tell from it",
        advice=("capture whole packets (tcpdump -s 0), and look whether the capture itself dropped some",),
    )


def _beginning(trace: Trace) -> list[Claim]:
    upgrade = trace.upgrade
    if upgrade is None:
        text = "no upgrade is in the capture; a run of consistent frames shows that this is a WebSocket"
        return [Claim(text, "inferred")]
    took = ""
    if upgrade.time is not None and upgrade.asked is not None:
        took = f" after {span(upgrade.time - upgrade.asked)}"
    after = f", behind {plural(upgrade.earlier, 'other request')}" if upgrade.earlier else ""
    through = f", through a proxy (CONNECT {upgrade.proxy})" if upgrade.proxy else ""
    text = f"upgrade to {upgrade.path} accepted{took}; Accept is what the key demands{after}{through}"
    return [Claim(text, packets=upgrade.packets)]


def _exchange(trace: Trace) -> list[Claim]:
    close = trace.close
    if close is None:
        return []
    client, server = close.totals
    text = f"{plural(client.messages, 'message')} from the client, {server.messages:,} from the server"
    pings = client.pings + server.pings
    if pings:
        unanswered = f", {len(close.unanswered)} without an answer" if close.unanswered else ", all answered"
        text += f"; {plural(pings, 'ping')}{unanswered}"
    return [Claim(text)]


def _violations(trace: Trace) -> list[Claim]:
    claims = [Claim(f"by the {side}: {_bare(problem)}", packets=_place(problem)) for side, problem in trace.broken[:3]]
    if trace.incomplete:
        problem = trace.incomplete[0]
        more = f" (and {plural(len(trace.incomplete) - 1, 'more place')})" if len(trace.incomplete) > 1 else ""
        claims.append(Claim(f"the capture is not whole: {_bare(problem)}{more}", packets=_place(problem)))
    if trace.rules > 3:
        claims.append(Claim(f"{plural(trace.rules - 3, 'more problem')} (--problems lists them)"))
    return claims


def _bare(problem: Problem) -> str:
    """What is wrong, without the packet in front."""
    return problem.text.removeprefix(f"packet {problem.packet}: ")


def _place(problem: Problem) -> tuple[int, ...]:
    return (problem.packet,) if problem.packet else ()


def _open(trace: Trace) -> Verdict:
    severity = trace_severity(trace)
    means = "the WebSocket works, and was still open when the capture ended"
    if severity == "problem":
        means = "the WebSocket was open when the capture ended, but rules were broken"
    return Verdict(
        severity=severity,
        headline="OPEN",
        seen=(*_beginning(trace), *_exchange(trace), *_violations(trace)),
        means=means,
        advice=() if trace.upgrade else ("start the capture before the client to see the upgrade",),
    )


def _invalid(trace: Trace, upgrade: WebSocketUpgrade) -> Verdict:
    broken = [rule for rule in upgrade.rules if rule.holds is False and rule.side == "server"]
    seen = [Claim(f"the server answered 101, but {rule.name}: {rule.seen} ({rule.section})") for rule in broken]
    seen[0] = Claim(seen[0].text, packets=upgrade.packets)
    likely = []
    if upgrade.accept_valid is False:
        text = "something between them answered from a cache, or the server computes Accept from another key"
        likely.append(Claim(text, "inferred"))
    return Verdict(
        severity="problem",
        headline=short_verdict(trace),
        seen=(*seen, *_ending(trace)),
        means="the client must fail the connection (RFC 6455 section 4.1); its application is told 1006 and no reason",
        likely=tuple(likely),
        advice=(f"netviz ws-trace … --connection {trace.connection} --explain   (the arithmetic of Accept, every rule)",),
    )


def _ending(trace: Trace) -> list[Claim]:
    close = trace.close
    if close is None or close.transport == "open":
        return []
    return [Claim(f"TCP: {_WORDS[close.transport]} by the {close.transport_by}", packets=close.packets[-1:])]


def _closed(trace: Trace, close: WebSocketClose) -> Verdict:
    reason = f", “{close.reason}”" if close.reason else ""
    number = "without a code" if close.code == 1005 else f"with {close.code} ({close_name(close.code)})"
    seen = [
        *_beginning(trace),
        *_exchange(trace),
        *_violations(trace),
        Claim(f"the {close.by} closed {number}{reason}", packets=_own(close)),
    ]
    other = "server" if close.by == "client" else "client"
    if close.clean:
        seen.append(Claim(f"the {other} answered with its close frame; then TCP: {_transport(close)}", packets=close.packets))
    else:
        seen.append(Claim(f"the {other} sent no close frame; TCP: {_transport(close)}", packets=close.packets[-1:]))
    severity = trace_severity(trace)
    means = "a clean end: both sides said that they were done"
    likely: list[Claim] = []
    advice: tuple[str, ...] = ()
    if close.code not in _FINE and close.code < 3000:
        means = f"the {close.by} gave up on this WebSocket: {close_name(close.code)}"
        theirs = [problem for side, problem in trace.broken if side == other]
        if theirs:
            likely.append(Claim(f"because of what the {other} sent: {_bare(theirs[0])}", "inferred"))
        elif close.code == 1011:
            advice = (f"look in the log of the {close.by}'s program: 1011 is what an uncaught exception becomes",)
    elif close.code >= 3000:
        means = f"the applications agreed on {close.code} among themselves; netviz cannot know what it stands for"
    elif not close.clean:
        means = f"the {close.by} said that it was done, and the connection ended before the {other} said so too"
    if severity == "problem" and not advice:
        advice = ("--problems shows what broke a rule, --frame K a frame byte by byte",)
    return Verdict(
        severity=severity,
        headline=f"CLOSED {close.code}",
        seen=tuple(seen),
        means=means,
        likely=tuple(likely),
        cause_wanted=close.code not in _FINE and close.code < 3000 and not likely,
        advice=advice,
    )


def _own(close: WebSocketClose) -> tuple[int, ...]:
    """The packet of the first close frame."""
    packet = close.close_packets[close.by == "server"]
    return (packet,) if packet else ()


def _transport(close: WebSocketClose) -> str:
    if close.transport == "open":
        return "still open at the end of the capture"
    return f"{_WORDS[close.transport]} by the {close.transport_by}"


def _abnormal(trace: Trace, close: WebSocketClose, start: int) -> Verdict:
    when = "" if close.time is None else f" at {seconds(close.time - start)} s"
    silence = "" if close.silence is None else f", {span(close.silence)} after the last frame"
    seen = [
        *_beginning(trace),
        *_exchange(trace),
        *_violations(trace),
        Claim(
            f"the {close.by} sent {_WORDS[close.transport]}{when}{silence}; no close frame came before",
            packets=close.packets[-1:],
        ),
    ]
    for side, what in zip(("client", "server"), close.unfinished, strict=True):
        if what:
            seen.append(Claim(f"a {what} of the {side} was not finished"))
    for side, count in zip(("client", "server"), close.in_flight, strict=True):
        if count:
            seen.append(Claim(f"{plural(count, 'byte')} of the {side} were on the way and never acknowledged"))
    means = f"the {close.by} ended TCP without closing the WebSocket: both applications are told 1006, and no reason"
    return Verdict(
        severity="problem",
        headline="1006 ABNORMAL",
        seen=tuple(seen),
        means=means,
        likely=tuple(_causes(trace, close)),
        cause_wanted=True,
        advice=(f"look in the log of the {close.by}'s program at this moment; if it says nothing, at the proxies on the way",),
    )


def _causes(trace: Trace, close: WebSocketClose) -> list[Claim]:
    """Causes of a 1006 for which there is evidence."""
    found = []
    other = "server" if close.by == "client" else "client"
    theirs = [problem for side, problem in trace.broken if side == other]
    if theirs and close.silence is not None and close.silence < _SECOND:
        found.append(Claim(f"the {close.by} gave up because the {other} broke a rule: {_bare(theirs[0])}", "inferred"))
    if close.unanswered:
        text = f"a ping timeout: {plural(len(close.unanswered), 'ping')} had no answer when the connection ended"
        found.append(Claim(text, "inferred"))
    if close.silence is not None and close.silence >= _IDLE and not found:
        near = [t for t in _TIMEOUTS if abs(close.silence / _SECOND - t) <= t * _ROUND]
        if near:
            text = f"an idle timeout of {near[0]} s (often a proxy's): nothing was said for {span(close.silence)}"
            found.append(Claim(text, "inferred"))
    unfinished = dict(zip(("client", "server"), close.unfinished, strict=True))
    if not found and close.by is not None and unfinished[close.by] == "frame":
        text = f"the {close.by}'s program died or was killed: it ended in the middle of a frame of its own"
        found.append(Claim(text, "inferred"))
    return found
