"""The overview of sessions."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.views.sessions import outcome, session_table
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.sessions import CLIENT, SERVER, Played, chat, packet_at, time_at
from tests.talk import close, upgrade
from tests.views.test_session_failure import answer
from tests.wire import START


def _ended(told: Played, at: float, by: str = "client") -> Played:
    return told.session(websockets=(0,), closes=(close(packets=(packet_at(at),), time=time_at(at), by=by),))


def _refused(**changes: Any) -> Played:
    told = Played(transport="polling").session(sid=None, **changes)
    told.trace.engine[:] = [0, 0]
    return told


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (Played(), ("ok", "OPEN")),
        (Played().connect(1), ("ok", "OPEN")),
        (Played().connect(1).bye(2), ("ok", "CLOSED")),
        (Played().connect(1, "/x").bye(2, SERVER, "/x"), ("ok", "OPEN")),
        (_ended(Played(), 5), ("ok", "CLOSED")),
        (Played(transport="polling").engine(5, CLIENT, "close"), ("ok", "CLOSED")),
        (Played().refuse(1, "/x", "no"), ("problem", "REFUSED")),
        (Played().connect(1).refuse(2, "/x", "no"), ("note", "PARTLY REFUSED")),
        (_refused(refusals=(answer(400),)), ("problem", "REFUSED")),
        (_refused(attempts=(upgrade(status=400),)), ("problem", "REFUSED")),
        (_ended(Played(beat=(1000, 500)).beat(1000, None), 1500, "server"), ("problem", "PING TIMEOUT")),
    ],
)
def test_outcomes(told: Played, said: tuple[str, str]) -> None:
    assert outcome(told.trace) == said


def test_a_wide_table() -> None:
    head, *rows = lines_of(session_table(chat(), width=120, start=START))
    assert head.split() == ["#", "session", "client", "server", "sid", "EIO", "transports"]
    assert rows == [
        "    0 ✓ OPEN            127.0.0.1:49242 → 127.0.0.1:8840  R0m27f…  4    websocket · 4 events · 50.003 s",
        "    1 ✓ OPEN            127.0.0.1:49243 → 127.0.0.1:8840  R0m27f…  4    polling → websocket · 4 events · 49.993 s",
        "    2 • PARTLY REFUSED  127.0.0.1:49244 → 127.0.0.1:8840  R0m27f…  4    websocket · 4 events · 59.961 s",
    ]


def test_a_narrow_table() -> None:
    _, first, second = lines_of(session_table(chat()[:1], width=80, start=START))
    assert first == "    0 ✓ OPEN            127.0.0.1:49242 → 127.0.0.1:8840"
    assert second == "        at 0.010000 s · sid R0m27f… · EIO 4 · websocket · 4 events · 50.003 s"


def test_words_of_somebody_who_judged() -> None:
    (_, row) = lines_of(session_table([Played().trace], width=120, start=START, words=[("problem", "NO ACK")]))
    assert "✗ NO ACK  " in row


def test_what_is_unknown() -> None:
    told = Played().session(sid=None, version=None, client=None, server=None, transports=(), began=None)
    (_, row) = lines_of(session_table([told.trace], width=120, start=None))
    assert row.split()[3:] == ["-", "→", "-", "-", "-", "-", "·", "1", "packet"]


@pytest.mark.parametrize("width", [60, 80, 109, 110, 120, 200])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str, width: int) -> None:
    lines = lines_of(session_table([Played().session(sid=text).trace, *chat()], width=width, start=START))
    assert not dangerous("".join(lines))
    assert wider(lines, width) == []
