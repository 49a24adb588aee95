"""Verdicts on WebSockets: each headline, each sentence, and each likely cause only with its evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netviz.event import Problem, Side, Totals, WebSocketClose, WebSocketUpgrade
from netviz.verdicts.verdict import Verdict
from netviz.verdicts.websocket import Trace, judge_websocket, short_verdict, trace_severity
from tests.frames import MASK, closing, frame
from tests.talk import SECOND, broken, c, close, opened, s, say, told, told_one, trace, upgrade
from tests.wire import ACK, CLIENT, FIN, RST, SERVER, START

_RULE = Problem("unmasked-client-frame", "packet 6: a client must mask", 6)
_CUT = Problem("payload-missing", "packet 7: the frame ends after 2 of 5 bytes", 7)
_ERROR = (Problem("closed-with-error", "the client closed with 1002", 8),)
_FELL = (Problem("closed-abnormally", "no close frame", 10),)


def _judge(found: Trace) -> Verdict:
    return judge_websocket(found, START)


def _noted(found: Trace, side: Side, *problems: Problem) -> Trace:
    found.note(side, problems)
    return found


def _abnormal(**changes: Any) -> WebSocketClose:
    usual: dict[str, Any] = {
        "code": 1006, "clean": False, "transport_by": "client", "close_packets": (0, 0), "codes": (None, None),
        "packets": (10,), "problems": _FELL, "silence": 5 * SECOND,
    }  # fmt: skip
    return close(**{**usual, **changes})


def _error(code: int, **changes: Any) -> WebSocketClose:
    return close(code=code, problems=_ERROR, **changes)


def _said(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.seen)


def _likely(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.likely)


_INVALID = upgrade(outcome="invalid", rules=(broken("Upgrade", "server"),), problems=(Problem("upgrade-header", "x", 5),))

#: Trace, headline, severity, what it means.
_HEADLINES: dict[str, tuple[Callable[[], Trace], str, str, str]] = {
    "open": (lambda: trace(upgrade()), "OPEN", "ok", "still open when the capture ended"),
    "open, told so": (lambda: trace(upgrade(), close(ended=False, clean=False)), "OPEN", "ok", "still open"),
    "open, rules broken": (
        lambda: _noted(trace(upgrade()), "client", _RULE), "OPEN", "problem", "rules were broken"),
    "open, no upgrade": (lambda: trace(), "OPEN", "note", "still open"),
    "clean": (lambda: trace(upgrade(), close()), "CLOSED 1000", "ok", "a clean end"),
    "going away": (lambda: trace(upgrade(), close(code=1001)), "CLOSED 1001", "ok", "a clean end"),
    "no code": (lambda: trace(upgrade(), close(code=1005)), "CLOSED 1005", "ok", "a clean end"),
    "clean, no upgrade": (lambda: trace(None, close()), "CLOSED 1000", "note", "a clean end"),
    "clean, pings unanswered": (lambda: trace(upgrade(), close(unanswered=(3,))), "CLOSED 1000", "note", "a clean end"),
    "not answered": (
        lambda: trace(upgrade(), close(clean=False, close_packets=(8, 0))), "CLOSED 1000", "note",
        "the client said that it was done, and the connection ended before the server said so too"),
    "error": (
        lambda: trace(upgrade(), _error(1011, by="server")), "CLOSED 1011", "problem",
        "the server gave up on this WebSocket: internal error"),
    "private": (lambda: trace(upgrade(), close(code=4001)), "CLOSED 4001", "ok", "netviz cannot know what it stands for"),
    "abnormal": (
        lambda: trace(upgrade(), _abnormal()), "1006 ABNORMAL", "problem", "the client ended TCP without closing"),
    "ended": (
        lambda: trace(upgrade(), _abnormal(inferred=("code",), problems=(Problem("bytes-missing", "x", 3),))),
        "ENDED", "problem", "bytes are missing in the capture"),
    "invalid": (lambda: trace(_INVALID), "INVALID 101", "problem", "the client must fail the connection"),
    "rejected": (lambda: trace(upgrade(status=404)), "REJECTED 404", "problem", "the WebSocket never opened"),
    "unanswered": (
        lambda: trace(upgrade(status=None, outcome="unanswered", problems=(Problem("upgrade-unanswered", "x", 4),))),
        "NO ANSWER", "problem", "never opened"),
}  # fmt: skip


@pytest.mark.parametrize("name", _HEADLINES)
def test_headline(name: str) -> None:
    make, headline, severity, means = _HEADLINES[name]
    found = make()
    verdict = _judge(found)
    assert (verdict.headline, verdict.severity) == (headline, severity)
    assert (short_verdict(found), trace_severity(found)) == (headline, severity)
    assert means in verdict.means
    assert verdict.seen


#: Trace, what is seen (each a part of one claim), and what is not.
_SEEN: dict[str, tuple[Callable[[], Trace], tuple[str, ...], tuple[str, ...]]] = {
    "upgrade": (lambda: trace(upgrade(path="/chat")), ("upgrade to /chat accepted after 1 ms; Accept is what the key",),
                ("other request", "proxy")),
    "behind others": (lambda: trace(upgrade(earlier=1)), ("behind 1 other request",), ()),
    "proxy": (lambda: trace(upgrade(proxy="ws.example:443")), ("through a proxy (CONNECT ws.example:443)",), ()),
    "no times": (lambda: trace(upgrade(time=None, asked=None)), ("upgrade to / accepted; Accept",), ("after",)),
    "midstream": (lambda: trace(), ("no upgrade is in the capture",), ("Accept",)),
    "messages": (
        lambda: trace(upgrade(), close(totals=(Totals(messages=1), Totals(messages=1234)))),
        ("1 message from the client, 1,234 from the server",), ("ping",)),
    "pings": (
        lambda: trace(upgrade(), close(totals=(Totals(pings=2), Totals(pings=1)))), ("3 pings, all answered",), ()),
    "pings unanswered": (
        lambda: trace(upgrade(), close(totals=(Totals(pings=2), Totals(pings=1)), unanswered=(4, 5))),
        ("3 pings, 2 without an answer",), ("all answered",)),
    "closed": (
        lambda: trace(upgrade(), close(reason="bye")),
        ("the client closed with 1000 (normal closure), “bye”",
         "the server answered with its close frame; then TCP: FIN by the server"), ()),
    "closed without a code": (lambda: trace(upgrade(), close(code=1005)), ("the client closed without a code",), ("1005",)),
    "not answered": (
        lambda: trace(upgrade(), close(clean=False, transport="reset", transport_by="client")),
        ("the server sent no close frame; TCP: RST by the client",), ("answered with",)),
    "TCP still open": (
        lambda: trace(upgrade(), close(transport="open", transport_by=None)),
        ("then TCP: still open at the end of the capture",), ("by the None",)),
    "abnormal": (
        lambda: trace(upgrade(), _abnormal(transport="reset")),
        ("the client sent RST at 1.000000 s, 5.000 s after the last frame; no close frame came before",), ("not finished",)),
    "abnormal, no times": (
        lambda: trace(upgrade(), _abnormal(time=None, silence=None)), ("the client sent FIN; no close frame",), (" at ",)),
    "abnormal, unfinished": (
        lambda: trace(upgrade(), _abnormal(unfinished=("frame", "message"), in_flight=(1, 700))),
        ("a frame of the client was not finished", "a message of the server was not finished",
         "1 byte of the client were on the way", "700 bytes of the server were on the way and never acknowledged"), ()),
    "broken": (
        lambda: _noted(trace(upgrade(), close()), "client", _RULE), ("by the client: a client must mask",), ("packet 6:",)),
    "cut": (
        lambda: _noted(trace(upgrade()), "client", _CUT), ("the capture is not whole: the frame ends after 2 of 5 bytes",),
        ("more place", "by the client")),
    "cut often": (
        lambda: _noted(trace(upgrade()), "client", _CUT, _CUT, _CUT), ("the capture is not whole", "(and 2 more places)"), ()),
    "invalid": (
        lambda: trace(_INVALID, close()),
        ("the server answered 101, but Upgrade: missing (RFC 6455 section 4.1)", "TCP: FIN by the server"), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", _SEEN)
def test_seen(name: str) -> None:
    make, there, missing = _SEEN[name]
    said = _said(_judge(make()))
    assert [words for words in there if words not in said] == []
    assert [words for words in missing if words in said] == []


@pytest.mark.parametrize("count", [1, 3, 4, 10, 99, 100, 101, 500])
def test_all_broken_rules_are_counted(count: int) -> None:
    found = trace(upgrade(), close())
    for _ in range(count):
        found.note("client", (_RULE,))
    said = _said(_judge(found))
    assert found.problems == count
    assert said.count("a client must mask") == min(count, 3)
    more = f"{count - 3} more problem{'' if count == 4 else 's'} (--problems lists them)"
    assert (more in said) is (count > 3)


def test_rules_that_the_capture_breaks_are_nobodys_fault() -> None:
    found = _noted(trace(upgrade()), "client", _CUT, _RULE, _CUT)
    assert ([problem for _, problem in found.broken], found.incomplete, found.problems) == ([_RULE], [_CUT, _CUT], 3)


@pytest.mark.parametrize(
    ("by", "places"), [("client", (8, 9)), ("server", (9, 8)), ("client", (8, 0)), ("server", (0, 8)), ("server", (8, 8))]
)
def test_who_closed_is_proved_by_the_packet_of_the_close_frame(by: Side, places: tuple[int, int]) -> None:
    verdict = _judge(trace(upgrade(), close(by=by, close_packets=places, clean=0 not in places)))
    (claim,) = (claim for claim in verdict.seen if "closed with 1000" in claim.text)
    assert claim.text.startswith(f"the {by} closed")
    assert claim.packets == (8,)


@pytest.mark.parametrize("by", [CLIENT, SERVER])
def test_who_closed_is_proved_by_a_packet_of_that_side(by: int) -> None:
    wire = opened()
    say(wire, [(by, closing(1000, "", (MASK, None)[by])), (1 - by, closing(1000, "", (None, MASK)[by]))]).close()
    verdict = _judge(trace(upgrade(), told_one(wire, WebSocketClose)))
    (claim,) = (claim for claim in verdict.seen if "closed with 1000" in claim.text)
    assert claim.packets == (6,)


#: Words of a cause, what shows it, and what does not.
_CAUSES: dict[str, tuple[Callable[[], Trace], tuple[Callable[[], Trace], ...]]] = {
    "the client gave up because the server broke a rule: a client must mask": (
        lambda: _noted(trace(upgrade(), _abnormal(silence=SECOND // 2)), "server", _RULE),
        (lambda: trace(upgrade(), _abnormal(silence=SECOND // 2)),
         lambda: _noted(trace(upgrade(), _abnormal(silence=SECOND // 2)), "client", _RULE),
         lambda: _noted(trace(upgrade(), _abnormal(silence=SECOND // 2)), "server", _CUT),
         lambda: _noted(trace(upgrade(), _abnormal(silence=SECOND)), "server", _RULE),
         lambda: _noted(trace(upgrade(), _abnormal(silence=None)), "server", _RULE))),
    "a ping timeout: 2 pings had no answer": (
        lambda: trace(upgrade(), _abnormal(unanswered=(3, 4))), (lambda: trace(upgrade(), _abnormal()),)),
    "an idle timeout of 60 s": (
        lambda: trace(upgrade(), _abnormal(silence=60 * SECOND + SECOND // 2)),
        (lambda: trace(upgrade(), _abnormal(silence=63 * SECOND)), lambda: trace(upgrade(), _abnormal(silence=58 * SECOND)),
         lambda: trace(upgrade(), _abnormal(silence=None)), lambda: trace(upgrade(), _abnormal(silence=6 * SECOND)),
         lambda: trace(upgrade(), _abnormal(silence=60 * SECOND, unanswered=(1,))))),
    "an idle timeout of 30 s": (
        lambda: trace(upgrade(), _abnormal(silence=30 * SECOND)), (lambda: trace(upgrade(), _abnormal(silence=19 * SECOND)),)),
    "the client's program died or was killed": (
        lambda: trace(upgrade(), _abnormal(unfinished=("frame", ""))),
        (lambda: trace(upgrade(), _abnormal()), lambda: trace(upgrade(), _abnormal(unfinished=("", "frame"))),
         lambda: trace(upgrade(), _abnormal(unfinished=("message", ""))),
         lambda: trace(upgrade(), _abnormal(unfinished=("frame", ""), unanswered=(1,))))),
    "because of what the server sent: a client must mask": (
        lambda: _noted(trace(upgrade(), _error(1002)), "server", _RULE),
        (lambda: trace(upgrade(), _error(1002)), lambda: _noted(trace(upgrade(), _error(1002)), "client", _RULE),
         lambda: _noted(trace(upgrade(), _error(1002)), "server", _CUT),
         lambda: _noted(trace(upgrade(), close()), "server", _RULE))),
    "computes Accept from another key": (
        lambda: trace(upgrade(outcome="invalid", accept="AAAA", rules=(broken("Accept", "server"),))),
        (lambda: trace(_INVALID),
         lambda: trace(upgrade(outcome="invalid", accept=None, rules=(broken("Accept", "server"),))))),
}  # fmt: skip


@pytest.mark.parametrize("words", _CAUSES)
def test_likely_only_with_its_evidence(words: str) -> None:
    make, others = _CAUSES[words]
    verdict = _judge(make())
    assert words in _likely(verdict)
    assert all(claim.known == "inferred" for claim in verdict.likely)
    for other in others:
        assert words not in _likely(_judge(other()))


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013])
def test_a_cause_is_wanted_where_one_gave_up(code: int) -> None:
    verdict = _judge(trace(upgrade(), _error(code)))
    assert (verdict.likely, verdict.cause_wanted) == ((), True)
    found = _noted(trace(upgrade(), _error(code)), "server", _RULE)
    assert not _judge(found).cause_wanted


@pytest.mark.parametrize("name", ["open", "clean", "going away", "no code", "private", "not answered", "ended", "invalid"])
def test_no_cause_is_wanted(name: str) -> None:
    assert not _judge(_HEADLINES[name][0]()).cause_wanted


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open", ""), ("open, no upgrade", "start the capture before the client"), ("clean", ""), ("not answered", ""),
        ("error", "look in the log of the server's program"), ("abnormal", "look in the log of the client's program"),
        ("ended", "tcpdump -s 0"), ("invalid", "--connection 0 --explain"), ("rejected", "compare the path"),
        ("unanswered", "busy or blocked"),
    ],
)  # fmt: skip
def test_advice(name: str, words: str) -> None:
    verdict = _judge(_HEADLINES[name][0]())
    assert bool(verdict.advice) is bool(words)
    assert words in " ".join(verdict.advice)


def test_advice_where_rules_were_broken() -> None:
    verdict = _judge(_noted(trace(upgrade(), close()), "client", _RULE))
    assert "--problems" in verdict.advice[0]


def test_a_frame_that_its_sender_did_not_finish_is_not_the_captures_fault() -> None:
    wire = say(opened(), [c(1, "whole"), (CLIENT, frame(1, "never whole", MASK)[:9])]).client(FIN | ACK).server(FIN | ACK)
    found = trace(upgrade())
    for event in told(wire):
        if isinstance(event, WebSocketClose):
            found.close = event
        elif event.name == "websocket.frame":
            found.note("client", event.problems)
    verdict = _judge(found)
    assert "a frame of the client was not finished" in _said(verdict)
    assert "the capture is not whole" not in _said(verdict)
    assert "died or was killed" in _likely(verdict)


def test_abnormal_end_of_a_real_conversation() -> None:
    wire = say(opened(), [c(1, "question"), s(1, "answer"), s(9, "there?")]).wait(30).server(RST)
    found = trace(told_one(wire, WebSocketUpgrade), told_one(wire, WebSocketClose))
    verdict = _judge(found)
    assert verdict.headline == "1006 ABNORMAL"
    assert "the server sent RST at 30.008000 s" in _said(verdict)
    assert "a ping timeout: 1 ping had no answer" in _likely(verdict)


def test_packets_without_time() -> None:
    found = trace(upgrade(time=None, asked=None), _abnormal(time=None, silence=None, began=None, last=(None, None)))
    verdict = judge_websocket(found, None)
    assert verdict.headline == "1006 ABNORMAL"
    assert " at " not in _said(verdict)
