"""Verdicts on sessions: each headline with its severity, what it means, and that others hold evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netviz.analysis import Analysis
from netviz.capture.source import open_capture
from netviz.event import Acknowledged, EngineIoAnswer, EngineIoPacket, EngineIoSession, Event, Problem, SocketIoPacket
from netviz.layers.layer import Wanted
from netviz.verdicts.session import judge_session, session_severity, short_session
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Claim, Verdict
from tests.engine import HANDSHAKE, SID, answer, engine, request, scripted, session, socket
from tests.run import ROOT
from tests.talk import close, upgrade
from tests.wire import CLIENT, SERVER, START

_MS = 1_000_000
_WS: dict[str, Any] = {"transports": ("websocket",), "websockets": (0,), "attempts": (upgrade(path="/socket.io/?EIO=4"),)}


def _said(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.seen)


def _begun(*more: Event, **changes: Any) -> SessionTrace:
    """A session that joined its main namespace, and what else happened."""
    return scripted(
        engine(SERVER, "open", "{}"), socket(CLIENT, "CONNECT"), socket(SERVER, "CONNECT", None, {"sid": "b"}, sid="b"),
        *more, **changes,
    )  # fmt: skip


def _fell(**changes: Any) -> dict[str, Any]:
    """What a session is whose WebSocket ended without a close frame, 3 s after it began."""
    usual = {"code": 1006, "clean": False, "close_packets": (0, 0), "transport_by": "client", "time": START + 3000 * _MS}
    return {**_WS, "closes": (close(**{**usual, **changes}),)}


#: Trace, headline, severity, what it means.
_HEADLINES: dict[str, tuple[Callable[[], SessionTrace], str, str, str]] = {
    "open": (lambda: _begun(), "OPEN", "ok", "no end of it is in the capture"),
    "open, began before": (
        lambda: scripted(socket(CLIENT, "EVENT", "a"), engine(CLIENT, "ping"), opened=None), "OPEN", "note",
        "before the capture"),
    "open, problem": (
        lambda: _begun(engine(CLIENT, "unknown", problems=(Problem("engineio-malformed", "packet 6: no type", 6),))),
        "OPEN", "problem", "no end"),
    "client left": (
        lambda: _begun(socket(CLIENT, "DISCONNECT", at=5)), "CLOSED BY CLIENT", "ok", "“client namespace disconnect”"),
    "server left": (lambda: _begun(socket(SERVER, "DISCONNECT", at=5)), "CLOSED BY SERVER", "ok", "“io server disconnect”"),
    "left and came back": (
        lambda: _begun(socket(CLIENT, "DISCONNECT"), socket(CLIENT, "CONNECT"), socket(SERVER, "CONNECT", None, {"sid": "c"})),
        "OPEN", "ok", "no end"),
    "left another namespace": (lambda: _begun(socket(CLIENT, "DISCONNECT", namespace="/a")), "OPEN", "ok", "no end"),
    "close packet": (lambda: _begun(engine(CLIENT, "close")), "CLOSED BY CLIENT", "ok", "“transport close”"),
    "close packet of the server": (lambda: _begun(engine(SERVER, "close")), "CLOSED BY SERVER", "ok", "the client is told"),
    "page left": (lambda: _begun(**_WS, closes=(close(code=1001),)), "CLOSED BY CLIENT", "ok", "page was left"),
    "WebSocket closed by the server": (
        lambda: _begun(**_WS, closes=(close(code=1005, by="server"),)), "CLOSED BY SERVER", "note", "“transport close”"),
    "WebSocket still open": (lambda: _begun(**_WS, closes=(close(ended=False),)), "OPEN", "ok", "no end"),
    "too large": (
        lambda: _begun(**_WS, closes=(close(code=1009, by="server"),)), "TRANSPORT ERROR", "problem", "“transport error”"),
    "of the program": (lambda: _begun(**_WS, closes=(close(code=4000),)), "CLOSED BY CLIENT", "ok", "“transport close”"),
    "broke": (lambda: _begun(**_fell()), "TRANSPORT CLOSE", "problem", "the program at the server is told"),
    "broke behind a goodbye": (
        lambda: _begun(socket(CLIENT, "DISCONNECT"), **_fell()), "CLOSED BY CLIENT", "ok", "left on purpose"),
    "bytes missing": (lambda: _begun(**_fell(inferred=("code",))), "ENDED", "note", "cannot be told"),
    "probe ended, session did not": (lambda: _begun(closes=(close(),)), "OPEN", "ok", "no end"),
    "refused by a middleware": (
        lambda: scripted(engine(SERVER, "open"), socket(SERVER, "CONNECT_ERROR", None, {"message": "no", "data": {"a": 1}})),
        "CONNECT REFUSED", "problem", "“connect_error”"),
    "refused, then let in": (
        lambda: scripted(engine(SERVER, "open"), socket(SERVER, "CONNECT_ERROR", None, {"message": "no"}),
                         socket(SERVER, "CONNECT", None, {"sid": "b"})), "OPEN", "ok", "no end"),
    "refused in Socket.IO 2": (
        lambda: scripted(engine(SERVER, "open"), socket(SERVER, "ERROR", None, "no"), version=3),
        "CONNECT REFUSED", "problem", "“connect_error”"),
    "asked, not answered": (
        lambda: scripted(engine(SERVER, "open"), socket(CLIENT, "CONNECT", namespace="/a")), "OPEN", "note", "no end"),
    "no ack": (
        lambda: _begun(socket(CLIENT, "EVENT", "a", id=1), engine(SERVER, "noop", at=2000), **_WS), "OPEN", "note", "no end"),
    "ack may come": (lambda: _begun(socket(CLIENT, "EVENT", "a", id=1), engine(SERVER, "noop", at=900)), "OPEN", "ok", ""),
    "one request failed": (
        lambda: _begun(answer(200, at=9), refusals=(answer(500, at=5),)), "OPEN", "note", "no end"),
    "the last request failed": (
        lambda: _begun(answer(200, at=2), refusals=(answer(502, b"<html>", at=5),)), "REFUSED 502", "problem", "a proxy"),
    "failed behind its end": (
        lambda: _begun(engine(CLIENT, "close", at=3), refusals=(answer(400, b'{"code":1}', at=5),)), "CLOSED BY CLIENT",
        "ok", ""),
    "never answered": (
        lambda: scripted(opened=None, refusals=(answer(None),)), "NO ANSWER", "problem", "never began"),
    "polled on": (lambda: _begun(polls=9), "POLLING ONLY", "note", "content with polling"),
    "upgrade refused": (
        lambda: _begun(attempts=(upgrade(status=502),)), "STUCK IN POLLING", "problem", "answered 502"),
    "other origin": (
        lambda: _begun(answer(200, to=request(headers={"Origin": "http://evil.example"})), polls=1), "CORS REFUSED", "problem",
        "keeps the answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", _HEADLINES)
def test_a_session_is_judged(name: str) -> None:
    made, headline, severity, means = _HEADLINES[name]
    found = made()
    verdict = judge_session(found)
    assert (verdict.headline, verdict.severity) == (headline, severity)
    assert means in verdict.means
    assert (short_session(found), session_severity(found)) == (headline, severity)


@pytest.mark.parametrize("name", _HEADLINES)
def test_a_problem_says_what_to_do_or_shows_it(name: str) -> None:
    verdict = judge_session(_HEADLINES[name][0]())
    assert verdict.seen
    assert verdict.severity != "problem" or verdict.advice or "no type" in _said(verdict)
    assert not (verdict.severity == "ok" and (verdict.cause_wanted or verdict.likely))


def test_how_it_began_and_moved() -> None:
    found = _begun(
        engine(CLIENT, "ping", "probe", transport="websocket", packets=(10,)),
        engine(SERVER, "pong", "probe", 4.5, transport="websocket", packets=(11,)),
        engine(CLIENT, "upgrade", transport="websocket", packets=(12,)),
        upgraded=True, transports=("polling", "websocket"), websockets=(1,),
    )  # fmt: skip
    began, moved, joined = judge_session(found).seen
    assert began.text == (
        f"session {SID} at /socket.io/, Engine.IO 4; upgrades offered: websocket; pingInterval 25,000 ms, pingTimeout 20,000 ms"
    )
    assert moved == Claim("moved from polling to WebSocket; its probe took 4.5 ms", "seen", (10, 11, 12))
    assert joined.text == "joined /"


def test_what_was_said_is_counted() -> None:
    said = _said(judge_session(_begun(
        socket(CLIENT, "EVENT", "a", id=1, at=1), socket(SERVER, "ACK", id=1, at=3, answers=Acknowledged(8, 2 * _MS)),
        socket(SERVER, "BINARY_EVENT", "b", b"", attachments=2, at=4), engine(SERVER, "noop", at=9000),
    )))  # fmt: skip
    assert "1 event from the client, 1 from the server; 1 acknowledgement, in 2 ms (median); 2 attachments" in said
    assert "never came" not in said


def test_an_ack_that_never_came_names_the_event() -> None:
    said = _said(judge_session(_begun(socket(SERVER, "EVENT", "a", id=1), engine(SERVER, "noop", at=9000))))
    assert "of 1 acknowledgement that were asked for, 1 never came; the first is for 'a' of the server: the client’s" in said


def test_a_ping_without_answer_at_the_end_is_told() -> None:
    assert "last ping of the server has no answer" in _said(judge_session(_begun(engine(SERVER, "ping", at=9))))
    assert "no answer" not in _said(judge_session(_begun(engine(SERVER, "ping", at=9), engine(CLIENT, "pong", at=10))))


def test_hops_and_returns_are_told() -> None:
    first = _begun(number=0)
    hop, again = _begun(number=1, hop=0), _begun(number=2, again=0)
    assert "session 2 of the same client follows" in _said(judge_session(first, (first, hop, again)))
    assert "follows" not in _said(judge_session(first, (first, hop)))
    assert "same sid as session 0" in _said(judge_session(hop))
    assert "follows session 0" in _said(judge_session(again))
    assert all(claim.known == "inferred" for claim in judge_session(hop).seen if "same sid" in claim.text)


def test_a_socket_that_comes_back_is_told() -> None:
    before = _begun()
    again = scripted(
        engine(SERVER, "open"), socket(CLIENT, "CONNECT", None, {"pid": "p", "offset": "o"}),
        socket(SERVER, "CONNECT", None, {"sid": "b"}, sid="b"), number=1,
    )  # fmt: skip
    assert "is the same socket again as in session 0" in _said(judge_session(again, (before, again)))
    said = _said(judge_session(again))
    assert "asked to be given what it missed" in said
    assert "same socket" not in said


@pytest.mark.parametrize("count", [1, 3, 7])
def test_problems_are_told_up_to_a_number(count: int) -> None:
    problems = tuple(Problem("socketio-malformed", f"packet {n}: bad {n}", n) for n in range(1, count + 1))
    verdict = judge_session(_begun(engine(CLIENT, "noop", problems=problems)))
    told = [claim for claim in verdict.seen if claim.text.startswith("bad ")]
    assert [claim.packets for claim in told] == [(n,) for n in range(1, min(count, 3) + 1)]
    assert (f"{count - 3} more problems" in _said(verdict)) == (count > 3)


def test_a_hole_in_the_capture_is_nobodys_fault() -> None:
    hole = Problem("payload-missing", "packet 9: 5 bytes are missing", 9)
    assert "the capture is not whole: 5 bytes are missing" in _said(
        judge_session(_begun(engine(CLIENT, "noop", problems=(hole,))))
    )


def test_a_session_of_which_nothing_is_known_is_judged() -> None:
    bare = SessionTrace(session(sid=None, client=None, server=None, version=None, opened=None, transports=(), began=None))
    assert judge_session(bare).headline == "OPEN"
    assert judge_session(SessionTrace(session(opened=HANDSHAKE))).headline == "OPEN"


_CAPTURES = ROOT / "tests" / "captures" / "socketio"

#: Captures of real failures, and the headlines of the first sessions in each.
_REAL: dict[str, list[str]] = {
    "stuck-no-upgrade": ["POLLING ONLY"], "stuck-client": ["POLLING ONLY"], "stuck-probe": ["STUCK IN POLLING"] * 2,
    "stuck-400": ["STUCK IN POLLING"] * 2, "stuck-502": ["STUCK IN POLLING"] * 2, "stuck-403-proxy": ["STUCK IN POLLING"] * 2,
    "unknown-sid": ["GIVEN UP", "SESSION UNKNOWN", "SESSION UNKNOWN"], "proxied": ["CLOSED BY CLIENT"] * 2,
    "eio3-against-4": ["VERSION REFUSED"] * 3 + ["REFUSED 400"], "eio4-against-3": ["VERSION MISMATCH"] * 2,
    "cors": ["CORS REFUSED"], "cors-wrong-origin": ["CORS REFUSED"], "cors-allowed": ["CLOSED BY CLIENT"],
    "ping-timeout-server": ["PING TIMEOUT"], "ping-timeout-client": ["PING TIMEOUT"], "transport-close": ["TRANSPORT CLOSE"],
    "connect-error": ["CONNECT REFUSED", "CONNECT REFUSED", "CLOSED BY CLIENT"], "ack-timeout": ["CLOSED BY CLIENT"],
    "reconnect": ["TRANSPORT CLOSE", "CLOSED BY CLIENT"], "python-server": ["CLOSED BY CLIENT", "CLOSED BY SERVER"],
    "plain-42": [],
    "engine-errors": ["REFUSED 413", "TRANSPORT UNKNOWN", "TRANSPORT UNKNOWN", "SESSION UNKNOWN", "BAD METHOD", "BAD REQUEST",
                      "FORBIDDEN", "FORBIDDEN", "VERSION REFUSED"],
    "engine-errors-python": ["POLLING ONLY", "TRANSPORT UNKNOWN", "OPEN", "SESSION UNKNOWN", "SESSION UNKNOWN", "BAD REQUEST"],
}  # fmt: skip


def _read(name: str) -> list[SessionTrace]:
    found: dict[int, SessionTrace] = {}
    early: dict[int, list[Event]] = {}
    for event in Analysis(wanted=Wanted()).run(open_capture(_CAPTURES / f"{name}.pcapng")):
        if isinstance(event, EngineIoSession):
            trace = found.setdefault(event.number, SessionTrace(event))
            for one in (*early.pop(event.number, ()), event):
                trace.take(one)
        elif isinstance(event, EngineIoPacket | SocketIoPacket | EngineIoAnswer) and event.session is not None:
            if event.session in found:
                found[event.session].take(event)
            else:
                early.setdefault(event.session, []).append(event)
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("name", _REAL)
def test_real_sessions_are_judged(name: str) -> None:
    traces = _read(name)
    headlines = [judge_session(trace, traces).headline for trace in traces]
    assert headlines[: len(_REAL[name])] == _REAL[name]
    assert _REAL[name] or not headlines
