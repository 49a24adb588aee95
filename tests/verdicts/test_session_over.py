"""What ends a session, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.verdicts.session_over import End, ends
from tests.sessions import CLIENT, SERVER, Played, time_at
from tests.talk import close


def _close(at: float, **changes: Any) -> Any:
    return close(packets=(round(at * 1000) + 1,), time=time_at(at), **changes)


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_a_close_packet(side: int) -> None:
    assert ends(Played(transport="polling").engine(5, side, "close").trace) == [End(5001, time_at(5), side)]


@pytest.mark.parametrize(
    ("changes", "side"),
    [({"by": "server"}, 1), ({"by": "client"}, 0), ({"by": None, "transport_by": "server"}, 1)],
)
def test_the_end_of_its_websocket(changes: dict[str, Any], side: int) -> None:
    told = Played().session(websockets=(0,), closes=(_close(9, **changes),))
    assert ends(told.trace) == [End(9001, time_at(9), side)]


def test_both_in_their_order() -> None:
    told = Played().session(websockets=(0,), closes=(_close(9, by="client"),)).engine(5, SERVER, "close")
    assert [end.side for end in ends(told.trace)] == [1, 0]


@pytest.mark.parametrize(
    "told",
    [
        Played(),
        Played().session(websockets=(0,), closes=(_close(9, ended=False),)),
        Played().session(websockets=(0,), closes=(_close(9, by=None, transport_by=None),)),
        # It was only tried.
        Played(transport="polling").session(websockets=(1,), closes=(_close(9),)),
        # Another one is still open.
        Played().session(websockets=(0, 1), closes=(_close(9),)),
    ],
)
def test_what_ends_none(told: Played) -> None:
    assert ends(told.trace) == []
