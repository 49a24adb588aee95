"""The verdict on a TCP connection: how it was set up, what went wrong, how it ended.

RFC 9293 section 3.5 (establishing), 3.6 (closing), 3.5.3 (resets).
"""

from __future__ import annotations

from netviz.event import Icmp, Step, TcpConnection
from netviz.quantity import seconds, span
from netviz.verdicts.neighbours import Neighbours
from netviz.verdicts.verdict import Claim, Severity, Verdict

__all__ = ["judge_tcp", "severity"]

#: Sooner than this nobody got tired of waiting: a reset was meant.
_AT_ONCE = 50_000_000

#: So many unfinished handshakes with one server look like a flood.
_FLOOD = 100

#: Problems of the traffic, and what to do about each.
_TROUBLES = {
    "lost-bytes": "capture with a larger buffer (tcpdump -B 65536), or nearer to one of the ends",
    "retransmissions": "look for loss on the way: compare a capture at the client with one at the server",
    "out-of-order": "packets take several ways, or several queues of one card: nothing is lost by that, but it costs time",
    "zero-window": "look at what the program that stopped reading does meanwhile: a blocked event loop, a slow consumer",
    "captured-twice": "capture on one interface, at one place: “any” and mirror ports see a packet several times",
}

#: ICMP codes that mean "a filter forbids it" (IPv4 type 3; IPv6 type 1).
_FORBIDDEN = {4: (9, 10, 13), 6: (1, 5)}


def severity(connection: TcpConnection) -> Severity:
    """How bad it is: a problem where the connection failed or was reset, a note where the handshake had to repeat."""
    failed = connection.outcome in ("refused", "unanswered", "incomplete", "aborted")
    if failed or (connection.closing and connection.closing.how == "reset"):
        return "problem"
    return "note" if connection.problems or connection.outcome == "partial" else "ok"


def judge_tcp(connection: TcpConnection, neighbours: Neighbours, start: int | None) -> Verdict:
    """Apply the rules; ``start`` is the time of the capture's first packet."""
    rule = {
        "refused": _refused,
        "unanswered": _unanswered,
        "incomplete": _incomplete,
        "aborted": _aborted,
        "partial": _partial,
        "established": _established,
    }[connection.outcome]
    return rule(connection, neighbours, start or 0)


def _when(step: Step, start: int) -> str:
    return "" if step.segment.time is None else f" at {seconds(step.segment.time - start)} s"


def _steps(connection: TcpConnection, name: str) -> list[Step]:
    return [step for step in connection.steps if step.step == name]


def _often(steps: list[Step]) -> str:
    return "once" if len(steps) == 1 else f"{len(steps)} times"


def _packets(steps: list[Step]) -> tuple[int, ...]:
    return tuple(step.segment.packet for step in steps)


def _refused(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    syn, rst = c.steps[0], c.steps[-1]
    took = ""
    if syn.segment.time is not None and rst.segment.time is not None:
        took = f" {span(rst.segment.time - syn.segment.time)} later"
    likely = [Claim("no program listens on this port, or it listens on another address only", "inferred")]
    if (other := neighbours.accepted.get(c.server)) is not None:
        text = f"the program stopped or had not started yet: connection {other} to the same port was accepted"
        likely.insert(0, Claim(text, "inferred"))
    proof = syn.segment.packet, rst.segment.packet
    return Verdict(
        severity="problem",
        headline="REFUSED",
        seen=(Claim(f"SYN to {c.server}{_when(syn, start)}; an RST came back{took}", packets=proof),),
        means=f"the host {c.server.address} is there and answers, but turns this connection away (ECONNREFUSED)",
        likely=tuple(likely),
        advice=(f"on the server: ss -ltn 'sport = :{c.server.port}'   (is anything listening, and on which address?)",),
    )  # fmt: skip


def _unanswered(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    syns = _steps(c, "SYN")
    times = ", ".join(seconds(s.segment.time - start) for s in syns[:6] if s.segment.time is not None)
    when = f" at {times}{' …' if len(syns) > 6 else ''} s" if times else ""
    sent = f"SYN sent {_often(syns)}{when}; no segment came back"
    seen = [Claim(sent, packets=_packets(syns)), *map(_icmp_seen, c.icmp)]
    if c.icmp:
        return _told(c, seen)
    likely: list[Claim] = []
    if (other := neighbours.accepted.get(c.server)) is not None:
        text = f"the program's accept queue is full: connection {other} to the same port was accepted"
        likely.append(Claim(text, "inferred"))
    elif (answer := neighbours.answered.get(c.server.address)) is not None:
        text = f"a firewall drops packets to port {c.server.port}: the host answered connection {answer[0]} ({answer[1]})"
        likely.append(Claim(text, "inferred"))
    return Verdict(
        severity="problem",
        headline="NO ANSWER",
        seen=tuple(seen),
        means="nothing that the server sent reached the place of capture; a closed port would have answered with RST at once",
        likely=tuple(likely),
        cause_wanted=True,
        advice=(
            f"on the server: ss -ltn 'sport = :{c.server.port}'   (Recv-Q at its limit: the accept queue is full)",
            f"on the server: tcpdump -ni any 'tcp port {c.server.port}'   (does the SYN arrive? then its firewall drops it)",
        ),
    )


def _icmp_seen(error: Icmp) -> Claim:
    return Claim(f"{error.sender} answered by ICMP: {error.meaning}", packets=(error.packet,))


def _told(c: TcpConnection, seen: list[Claim]) -> Verdict:
    first = c.icmp[0]
    forbidden = first.code in _FORBIDDEN[first.version]
    router = first.sender != c.server.address
    who = f"the router {first.sender}" if router else "the host itself"
    if forbidden:
        means = f"{who} forbids this connection (a firewall that says so)"
        advice = f"look at the firewall rules of {first.sender} for port {c.server.port}"
    else:
        means = f"{who} cannot deliver the SYN: {first.meaning}"
        advice = f"ping {c.server.address}; ip route get {c.server.address}   (is the host up, is the route right?)"
    return Verdict(severity="problem", headline="UNREACHABLE", seen=tuple(seen), means=means, advice=(advice,))


def _incomplete(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    syns, answers = _steps(c, "SYN"), _steps(c, "SYN-ACK")
    seen = [Claim(f"SYN sent {_often(syns)}", packets=_packets(syns))]
    likely = []
    if answers:
        seen.append(Claim(f"SYN-ACK sent {_often(answers)}; no ACK followed", packets=_packets(answers)))
    else:
        seen.append(Claim("the server answered without a SYN of its own"))
    if (count := neighbours.unfinished.get(c.server, 0)) >= _FLOOD:
        likely.append(Claim(f"a SYN flood: {count} handshakes with {c.server} were left unfinished", "inferred"))
    return Verdict(
        severity="problem",
        headline="INCOMPLETE",
        seen=tuple(seen),
        means="the server waits in SYN-RECEIVED; for its program this connection does not exist yet",
        likely=tuple(likely),
        cause_wanted=True,
        advice=("capture at the client as well: does the SYN-ACK arrive there, and does the ACK leave?",),
    )


def _aborted(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    rst = c.steps[-1].segment
    who = "server" if rst.side else "client"
    answers = _steps(c, "SYN-ACK")
    seen = [Claim(f"the {who} sent RST before the handshake was complete", packets=(rst.packet,))]
    likely = []
    if any(problem.kind == "syn-ack-wrong-number" for problem in c.problems):
        likely.append(Claim("the SYN-ACK answers another SYN (its number is wrong), so the client resets it", "inferred"))
    elif who == "client" and answers:
        last = answers[-1].segment.time
        if last is not None and rst.time is not None and rst.time - last < _AT_ONCE:
            text = f"a port scan: the RST came {span(rst.time - last)} after the SYN-ACK (a program that gives up waits longer)"
            likely.append(Claim(text, "inferred"))
    return Verdict(
        severity="problem",
        headline="ABORTED",
        seen=tuple(seen),
        means=f"the {who} changed its mind while the connection was being set up",
        likely=tuple(likely),
        cause_wanted=True,
        advice=(f"look in the log of the {who}'s program at this moment",),
    )


def _partial(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    guess = "" if "client" not in c.inferred else " (who is the client is inferred)"
    first = c.segments[0].packet
    if answers := _steps(c, "SYN-ACK"):
        begins = f"the first packet of this connection is {first}, a SYN-ACK: the SYN before it is not there"
        means = "the capture starts inside the handshake, or saw one direction only: what the client offered is not in it"
    else:
        begins = f"the first packet of this connection is {first}, and no SYN{guess}"
        means = "the capture starts inside the connection: its handshake, options and ISNs are not in it"
    return Verdict(
        severity="problem" if severity(c) == "problem" else "note",
        headline="PARTIAL",
        seen=(Claim(begins, packets=_packets(answers)), *_ending(c)),
        means=means,
        advice=("start the capture before the program to see the handshake",),
    )


def _established(c: TcpConnection, neighbours: Neighbours, start: int) -> Verdict:
    handshake = _packets([s for s in c.steps if not s.retransmission])
    took = f", {span(c.rtt.total)} in all" if c.rtt.total is not None else ""
    seen = []
    how = "both ends sent a SYN at once (simultaneous open)" if c.simultaneous else "SYN, SYN-ACK, ACK"
    if c.split:
        how = "the server acknowledged first and sent a SYN of its own (split handshake)"
    if "outcome" in c.inferred:
        how = "a SYN, and later segments that an established connection only has"
    seen.append(Claim(f"{how}{took}", "inferred" if "outcome" in c.inferred else "seen", handshake))
    lost = False
    for name in ("SYN", "SYN-ACK"):
        if again := [s for s in _steps(c, name) if s.retransmission]:
            text = f"the {name} had to be sent {len(again) + 1} times: the first got no answer in time"
            lost = True
            seen.append(Claim(text, packets=_packets(again)))
    troubles = [problem for problem in c.problems if problem.kind in _TROUBLES]
    seen += [Claim(problem.text, packets=(problem.packet,)) for problem in troubles]
    seen += _ending(c)
    means = "the connection works, and both ends know it"
    advice = tuple(dict.fromkeys(_TROUBLES[problem.kind] for problem in troubles))
    reset = c.closing is not None and c.closing.how == "reset"
    if reset and c.closing is not None:
        means = f"the {c.closing.by} threw the connection away; data under way is lost, the other end reads ECONNRESET"
        advice = (f"look in the log of the {c.closing.by}'s program: a crash, a kill, or a close with unread data", *advice)
    elif c.closing is not None and c.closing.how == "open":
        means = "the connection works; it was still open when the capture ended"
    elif c.closing is not None and c.closing.how == "half-closed":
        means = f"the {c.closing.by} will send nothing more; the other end still may (half-close)"
    if lost and not reset:
        advice = tuple(dict.fromkeys((_TROUBLES["retransmissions"], *advice)))
    return Verdict(
        severity=severity(c),
        headline="ESTABLISHED, THEN RESET" if reset else "ESTABLISHED",
        seen=tuple(seen),
        means=means,
        cause_wanted=reset,
        advice=advice,
    )


def _ending(c: TcpConnection) -> list[Claim]:
    closing = c.closing
    if closing is None or closing.how == "open":
        return [Claim("no FIN and no RST: still open at the end of the capture")]
    after = f" after {span(c.duration)}" if c.duration is not None else ""
    text = {
        "fin": f"closed by the {closing.by} (FIN first), then by the other end{after}",
        "half-closed": f"the {closing.by} sent FIN, the other end did not{after}",
        "reset": f"the {closing.by} sent RST{after}",
    }[closing.how]
    return [Claim(text, packets=closing.packets)]
