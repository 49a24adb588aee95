"""Clients and servers that speak different versions without saying so."""

from __future__ import annotations

import pytest

from netviz.event import Problem
from netviz.verdicts.session_trace import SessionTrace
from netviz.verdicts.versions import judge_versions
from tests.engine import engine, scripted, socket
from tests.talk import close, upgrade
from tests.wire import CLIENT, SERVER

_MIXED = Problem("version-mismatch", "packet 6: the request says Engine.IO 4 (EIO=4), the server answered in 3", 6)


def _inside(code: int = 0x5450, reason: str = "/1.1 400 Bad Request\r\nConnection: close", version: int = 3) -> SessionTrace:
    end = close(code=code, reason=reason, by="server", packets=(38,))
    return scripted(opened=None, version=version, attempts=(upgrade(),), websockets=(0,), closes=(end,), transports=())


@pytest.mark.parametrize(("version", "client"), [(3, "(EIO=4)"), (4, "(EIO=3)")])
def test_an_answer_in_another_version_is_told(version: int, client: str) -> None:
    found = judge_versions(scripted(engine(SERVER, "open", problems=(_MIXED,)), version=version), ())
    assert found is not None
    assert found.headline == "VERSION MISMATCH"
    assert found.seen[-1].packets == (6,)
    assert found.seen[-1].text.startswith("the request says")
    assert client in found.likely[0].text


def test_a_connect_without_sid_gives_it_away() -> None:
    found = judge_versions(scripted(socket(SERVER, "CONNECT", packets=(20,))), ())
    assert found is not None
    assert found.headline == "VERSION MISMATCH"
    assert found.seen[-1].packets == (20,)


def test_an_answer_inside_a_websocket_is_read() -> None:
    found = judge_versions(_inside(), ())
    assert found is not None
    assert found.headline == "REFUSED 400"
    assert found.seen[-1].text.endswith("“HTTP/1.1 400 Bad Request”")
    assert found.likely
    other = judge_versions(_inside(version=4), ())
    assert other is not None
    assert not other.likely
    assert other.cause_wanted


@pytest.mark.parametrize("trace", [
    scripted(socket(SERVER, "CONNECT"), version=3),
    scripted(socket(SERVER, "CONNECT", None, {"sid": "b"})),
    scripted(socket(CLIENT, "CONNECT")),
    scripted(socket(SERVER, "CONNECT"), version=None),
    _inside(code=1000),
    _inside(reason="x"),
])  # fmt: skip
def test_nothing_is_said_without_a_sign(trace: SessionTrace) -> None:
    assert judge_versions(trace, ()) is None
