"""Requests that servers of Engine.IO refuse: each error by name, and causes only where something shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netviz.event import ENGINE_ERRORS, EngineIoAnswer, Handshake
from netviz.verdicts.engine_error import judge_refusal, refusals, without_upgrade
from netviz.verdicts.session import judge_session
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.verdict import Verdict
from tests.engine import SID, answer, engine, request, scripted
from tests.talk import broken, upgrade
from tests.wire import CLIENT, SERVER

_TARGET = "/socket.io/?EIO=4&transport=polling"


def _refused(status: int | None, body: bytes | None, target: str = _TARGET, method: str = "GET", **more: Any) -> EngineIoAnswer:
    return answer(status, body, more.pop("at", 5), request(method, more.pop("headers", None), target=target), **more)


def _judged(found: EngineIoAnswer, *others: SessionTrace, **changes: Any) -> Verdict:
    trace = scripted(**{"opened": None, "sid": None, "refusals": (found,), **changes})
    return judge_session(trace, (trace, *others))


def _error(code: int, message: str | None = None) -> bytes:
    return json.dumps({"code": code, "message": message or ENGINE_ERRORS[code]}).encode()


#: What was refused, the headline, what is likely ("" where nobody can tell).
_ERRORS: dict[str, tuple[EngineIoAnswer, str, str]] = {
    "0": (_refused(400, _error(0), "/socket.io/?EIO=4&transport=pigeon"), "TRANSPORT UNKNOWN", ""),
    "0, polling": (_refused(400, _error(0)), "TRANSPORT UNKNOWN", "leaves polling out"),
    "1": (_refused(400, _error(1), f"{_TARGET}&sid={SID}"), "SESSION UNKNOWN", ""),
    "2": (_refused(400, _error(2), method="POST"), "BAD METHOD", "this was POST"),
    "3": (_refused(400, _error(3)), "BAD REQUEST", ""),
    "3, no WebSocket": (_refused(400, _error(3), "/?EIO=4&transport=websocket"), "BAD REQUEST", "no WebSocket client sent it"),
    "4": (_refused(403, _error(4, "no token")), "FORBIDDEN", ""),
    "5, old client": (_refused(400, _error(5), "/?EIO=3&transport=polling"), "VERSION REFUSED", "a client of Socket.IO 1 or 2"),
    "5, old server": (_refused(400, _error(5)), "VERSION REFUSED", "an older server"),
    "5, no such version": (_refused(400, _error(5), "/?EIO=9"), "VERSION REFUSED", ""),
    "Python, session": (_refused(400, b'"Invalid session abc"'), "SESSION UNKNOWN", ""),
    "Python, version": (
        _refused(400, b'"The client is using an unsupported version of the Socket.IO or Engine.IO protocols"'),
        "VERSION REFUSED", "an older server"),
    "Python, transport": (_refused(400, b'"Invalid transport"'), "TRANSPORT UNKNOWN", "leaves polling out"),
    "Python, upgrade": (_refused(400, b'"Invalid websocket upgrade"'), "BAD REQUEST", ""),
    "Python, origin": (
        _refused(400, b'"http://a is not an accepted origin."', headers={"Origin": "http://a"}), "FORBIDDEN",
        "does not allow the origin http://a"),
    "another path": (_refused(404, b"Cannot GET /socket.io/"), "REFUSED 404", ""),
    "no server behind": (_refused(502, b"<html>Bad Gateway"), "REFUSED 502", ""),
    "too large": (_refused(413, b""), "REFUSED 413", ""),
    "something else": (_refused(200, b"<html>hello"), "REFUSED 200", ""),
    "unread": (_refused(400, None), "REFUSED 400", ""),
    "no such code": (_refused(400, b'{"code":6,"message":"x"}'), "REFUSED 400", ""),
    "code is no number": (_refused(400, b'{"code":true,"message":5}'), "REFUSED 400", ""),
    "nested": (_refused(400, b"[" * 4000), "REFUSED 400", ""),
    "no text": (_refused(400, b"\xff\x00\x1b[31m"), "REFUSED 400", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", _ERRORS)
def test_a_refusal_has_a_name(name: str) -> None:
    found, headline, likely = _ERRORS[name]
    verdict = _judged(found)
    assert (verdict.severity, verdict.headline) == ("problem", headline)
    assert likely in " | ".join(claim.text for claim in verdict.likely)
    assert bool(verdict.likely) == bool(likely)
    assert verdict.seen[0].packets == found.packets
    assert verdict.advice
    assert len("".join(claim.text for claim in verdict.seen)) < 1000


def test_what_the_server_said_is_quoted() -> None:
    assert "error 4 of Engine.IO (Forbidden): “no token”" in _judged(_ERRORS["4"][0]).seen[0].text
    assert _judged(_ERRORS["2"][0]).seen[0].text.endswith("was answered 400, error 2 of Engine.IO: Bad handshake method")


def _known(at: float, **changes: Any) -> tuple[SessionTrace, Verdict]:
    """A session that began here and is unknown so many ms later."""
    trace = scripted(
        engine(SERVER, "open", "{}"), *changes.pop("more", ()), refusals=(_refused(400, _error(1), at=at),), **changes
    )
    return trace, judge_session(trace)


def test_a_session_opened_here_points_to_several_servers() -> None:
    _, verdict = _known(5)
    assert verdict.headline == "SESSION UNKNOWN"
    assert "without sticky sessions" in verdict.likely[0].text
    assert "sticky" in verdict.advice[0]


def test_after_a_long_life_the_server_may_have_been_restarted() -> None:
    _, verdict = _known(500, more=[answer(200, b"6", at=n) for n in range(1, 9)])
    assert "restarted" in verdict.likely[0].text


def test_after_a_long_silence_it_has_timed_out() -> None:
    _, verdict = _known(1600, opened=Handshake((), 1000, 500, None))
    assert "gave the session up meanwhile: 1.600 s passed" in verdict.likely[0].text
    assert "slept" in verdict.advice[0]


def test_another_server_that_opened_it_is_evidence() -> None:
    opened = scripted(engine(SERVER, "open"), number=7)
    found = _refused(400, _error(1), f"{_TARGET}&sid={SID}")
    trace = scripted(opened=None, refusals=(found,), server=opened.server._replace(port=81))
    assert (
        "10.0.0.2:80 opened this sid (session 7), and 10.0.0.2:81 was asked"
        in judge_session(trace, (opened, trace)).likely[0].text
    )
    assert not judge_session(trace, (trace,)).likely


def test_a_closed_session_is_rightly_unknown() -> None:
    trace = scripted(engine(SERVER, "open"), engine(CLIENT, "close", at=1), refusals=(_refused(400, _error(1)),))
    assert judge_session(trace).headline == "CLOSED BY CLIENT"


def test_an_upgrade_without_its_headers_was_passed_on_by_a_proxy() -> None:
    asked = {"path": "/?EIO=4&transport=websocket", "status": 400, "body": _error(3).decode()}
    for rules, proxy in (((), True), ((broken("Upgrade", "client"), broken("Connection", "client")), True),
                         ((broken("Key", "client"),), False)):  # fmt: skip
        trace = scripted(opened=None, attempts=(upgrade(**asked, rules=rules),))
        assert without_upgrade(refusals(trace.session)[0]) == proxy
        verdict = judge_session(trace)
        assert verdict.headline == "BAD REQUEST"
        assert any("removed Upgrade and Connection" in claim.text for claim in verdict.likely) == proxy
        assert any("proxy_set_header Upgrade" in text for text in verdict.advice) == proxy
    assert not without_upgrade(refusals(scripted(attempts=(upgrade(**asked, key=None),)).session)[0])


def test_an_upgrade_that_something_else_refused_is_judged_as_one() -> None:
    verdict = judge_session(scripted(opened=None, attempts=(upgrade(status=401, body="go away"),)))
    assert verdict.headline == "REJECTED 401"
    assert "credentials" in verdict.means


def test_refusals_are_in_the_order_of_their_time() -> None:
    late, early = _refused(400, _error(1), at=9), _refused(400, _error(0), at=1)
    trace = scripted(opened=None, refusals=(late, early))
    assert [one.code for one in refusals(trace.session)] == [0, 1]
    assert "2 requests of this session failed" in judge_session(trace).seen[-1].text


def test_an_answer_says_more_than_none() -> None:
    trace = scripted(opened=None, refusals=(_refused(None, None, at=1), _refused(400, _error(4), at=2)))
    assert judge_session(trace).headline == "FORBIDDEN"
    silent = refusals(trace.session)[0]
    assert judge_refusal(trace, silent, (), ()).headline == "NO ANSWER"
