"""The story tells what happened, and nothing that did not."""

from __future__ import annotations

import pytest

from netviz.views.session_story import beating, beginning, speaking
from tests.sessions import CLIENT, SERVER, Played, chat, packet_at, time_at
from tests.talk import close, upgrade


@pytest.mark.parametrize(
    ("told", "words", "others"),
    [
        (Played(), ["from the start"], ["GET", "probe", "tried"]),
        (Played(transport="polling"), ["GET"], ["probe", "tried", "from the start"]),
        (Played(transport="polling").upgrade(5), ["GET", "“2probe”"], ["tried,", "from the start"]),
        (
            Played(transport="polling").session(attempts=(upgrade(status=400),)),
            ["GET", "was tried"],
            ["from the start", "probe"],
        ),
    ],
)
def test_beginnings(told: Played, words: list[str], others: list[str]) -> None:
    told_, text = told.trace, " ".join(beginning([told.trace]))
    assert told_ is told.trace
    assert text.startswith("Socket.IO is two protocols")
    assert [word for word in words if word not in text] == []
    assert [word for word in others if word in text] == []


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (Played().connect(1), "must be joined"),
        (Played(version=3).say(1, SERVER, "CONNECT"), "says itself that it is joined"),
        (Played().emit(1, CLIENT, "a", number=1), "1 event asked for an acknowledgement"),
        (Played().emit(1, CLIENT, "a", b"1"), "JSON has no bytes"),
    ],
)
def test_what_is_said(told: Played, word: str) -> None:
    (paragraph,) = speaking([told.trace])
    assert word in paragraph


def test_a_broadcast_is_told() -> None:
    *_, paragraph = speaking(chat())
    assert "1 time; up to 3 received it, within 590 µs." in paragraph
    assert "inferred" in paragraph


def test_without_socketio_nothing_is_said() -> None:
    assert list(speaking([Played().trace])) == []
    assert list(beating([Played(beat=None).trace])) == []


def test_heartbeats() -> None:
    (paragraph,) = beating([Played().beat(25_000).trace])
    assert "the server sends a ping every 25 s, and the client a pong" in paragraph
    assert "no pong comes for 20 s (pingTimeout); the client when no ping comes for 45 s" in paragraph
    (paragraph,) = beating([Played(version=3).beat(25_000).trace])
    assert "the client sends a ping every 25 s, and the server a pong" in paragraph


def test_late_heartbeats() -> None:
    (_, late) = beating([Played().beat(30_000).trace])
    assert late == "1 beat came late here, though nobody gave up for it."


def test_who_gave_up() -> None:
    end = close(packets=(packet_at(46_000),), time=time_at(46_000), by="client")
    (_, gone) = beating([Played().session(websockets=(0,), closes=(end,)).trace])
    assert gone.startswith("Here the client waited in vain")
