"""Why sessions stay with polling: each reason where the wire shows it, none where it does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netviz.event import Event, Handshake
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.stuck import stuck
from tests.engine import answer, engine, request, scripted, socket
from tests.talk import close, upgrade
from tests.wire import CLIENT, SERVER

_OPEN = engine(SERVER, "open", "{}", packets=(6,))
_PROBE = engine(CLIENT, "ping", "probe", 10, transport="websocket", packets=(20,))
_ANSWER = engine(SERVER, "pong", "probe", 12, transport="websocket", packets=(21,))
_ACCEPTED = (upgrade(path="/socket.io/?EIO=4&transport=websocket"),)
_NODE = '{"code":%d,"message":"x"}'


def _polled(*more: Event, **changes: object) -> SessionTrace:
    return scripted(_OPEN, *more, **{"polls": 9, **changes})


def _probed(*more: Event, **changes: object) -> SessionTrace:
    return _polled(_PROBE, *more, attempts=_ACCEPTED, websockets=(1,), **changes)


def _failed(status: int, code: int) -> SessionTrace:
    return _polled(attempts=(upgrade(path="/?EIO=4&transport=websocket", status=status, body=_NODE % code),))


#: Trace, headline, what was seen last, what is likely.
_STUCK: dict[str, tuple[Callable[[], SessionTrace], str, str, str]] = {
    "nothing offered": (
        lambda: _polled(opened=Handshake((), 1, 1, 1)), "POLLING ONLY", "offers no upgrade", ""),
    "never tried": (lambda: _polled(), "POLLING ONLY", "the client never tried, in 9 requests", 'transports: ["polling"]'),
    "never tried for long": (
        lambda: _polled(engine(SERVER, "noop", at=1001), polls=1), "POLLING ONLY", "never tried", "polling"),
    "not probed": (lambda: _polled(attempts=_ACCEPTED), "STUCK IN POLLING", "no probe", ""),
    "no answer to the probe": (
        lambda: _probed(engine(SERVER, "noop", at=510)), "STUCK IN POLLING", "no answer to it (3probe) came in 500 ms",
        "not the frames behind it"),
    "never finished": (
        lambda: _probed(_ANSWER, engine(SERVER, "noop", at=50)), "STUCK IN POLLING", "never finished with an upgrade", ""),
    "given up": (lambda: _probed(_ANSWER, closes=(close(),)), "GIVEN UP", "nothing follows", ""),
    "not answered": (
        lambda: _polled(attempts=(upgrade(status=None, outcome="unanswered"),)), "STUCK IN POLLING", "no answer", ""),
    "400 of Engine.IO": (lambda: _failed(400, 3), "STUCK IN POLLING", "error 3 of Engine.IO: Bad request", "a proxy in front"),
    "unknown sid": (lambda: _failed(400, 1), "STUCK IN POLLING", "error 1 of Engine.IO", "without sticky sessions"),
    "forbidden": (lambda: _failed(403, 4), "STUCK IN POLLING", "error 4 of Engine.IO: Forbidden", ""),
    "502 of a proxy": (
        lambda: _polled(attempts=(upgrade(status=502, response_headers={"Server": "nginx"}),)), "STUCK IN POLLING",
        "answered 502", "behind nginx"),
}  # fmt: skip


@pytest.mark.parametrize("name", _STUCK)
def test_a_session_stays_with_polling(name: str) -> None:
    made, headline, last, likely = _STUCK[name]
    found = stuck(made())
    assert found is not None
    assert found.headline == headline
    assert last in found.seen[-1].text
    assert likely in " | ".join(claim.text for claim in found.likely)
    assert bool(found.likely) == bool(likely)
    assert found.likely or found.cause_wanted or found.advice


#: Sessions of which that cannot be said.
_NOT: dict[str, Callable[[], SessionTrace]] = {
    "moved": lambda: _polled(upgraded=True),
    "WebSocket from the first": lambda: scripted(engine(SERVER, "open", transport="websocket"), transports=("websocket",)),
    "events over the WebSocket": lambda: _polled(socket(CLIENT, "EVENT", "a", transport="websocket"), attempts=_ACCEPTED),
    "upgrade packet": lambda: _polled(engine(CLIENT, "upgrade", transport="websocket"), attempts=_ACCEPTED),
    "too short": lambda: _polled(polls=3),
    "began before": lambda: _polled(opened=None),
    "moving when the capture ended": lambda: _probed(_ANSWER),
    "nothing polled": lambda: scripted(answer(400, to=request()), polls=9),
}  # fmt: skip


@pytest.mark.parametrize("name", _NOT)
def test_others_do_not(name: str) -> None:
    assert stuck(_NOT[name]()) is None


def test_several_failures_are_counted() -> None:
    found = stuck(_polled(attempts=(upgrade(status=400),) * 3))
    assert found is not None
    assert found.seen[-1].text == "3 attempts failed"


def test_what_another_hop_saw_is_evidence() -> None:
    front = _polled(attempts=(upgrade(status=502, packets=(32, 43)),), number=1)
    behind = _polled()
    found = stuck(behind, (front, behind))
    assert found is not None
    assert (found.headline, found.likely) == ("STUCK IN POLLING", ())
    assert "the client tried, at 10.0.0.2:80 (session 1)" in found.seen[-1].text
    assert found.seen[-1].packets == (32, 43)
    other = _polled(attempts=(upgrade(status=502),), number=1, sid="another")
    assert (found := stuck(behind, (other, behind))) is not None
    assert found.headline == "POLLING ONLY"


def test_a_session_given_up_is_explained_by_its_other_hop() -> None:
    given_up = _probed(_ANSWER, closes=(close(),))
    elsewhere = scripted(opened=None, number=3, refusals=(answer(400, b'{"code":1,"message":"x"}'),))
    found = stuck(given_up, (given_up, elsewhere))
    assert found is not None
    assert found.likely[0].text.endswith("did not know it (session 3)")
