"""Bytes of sessions: what programs said, what lies around it, and the other transport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.event import Slice
from netviz.verdicts.session_cost import compact_size, cost
from tests.sessions import CLIENT, SERVER, Played
from tests.talk import close, upgrade

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.text("abcü温", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcü", max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_sizes_are_those_of_compact_json(value: Any) -> None:
    assert compact_size(value) == len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def test_sizes_of_what_json_has_not() -> None:
    assert compact_size([b"1234", 1.5]) == 2 + 1 + 4 + 3
    assert compact_size(10**5000) > 4000
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert compact_size(deep) == 10_001


def test_a_websocket() -> None:
    told = Played().emit(1, CLIENT, "say", "hi", number=1).ack(2, SERVER, 1, True).emit(3, SERVER, "x", b"1234")
    found = cost([told.trace])
    said = told.trace.packets
    assert (found.events, found.acks, found.arguments) == (2, 1, 4 + 4 + 4)
    assert found.packets_wire == sum(packet.wire for packet in said)
    assert found.added == found.packets_wire - 12
    assert found.control == told.trace.wire["websocket"] - found.packets_wire > 0
    assert (found.polling.packets, found.websocket.packets, found.as_polling) == (0, 4, None)
    assert found.websocket.wire == found.websocket.content + 4 * 4  # small frames, half of them masked


def test_frame_headers_and_upgrades_are_counted_where_they_are_known() -> None:
    asked = upgrade(request=(Slice(4, 0, 300),), response=(Slice(5, 0, 200),))
    told = Played().session(attempts=(asked,), websockets=(0,), closes=(close(),))
    found = cost([told.trace])
    assert found.websocket.wire == found.websocket.content + 14 + 500
    assert found.as_polling == found.websocket.content + 500


def test_polling() -> None:
    told = Played(transport="polling").emit(1, CLIENT, "say", "hi").session(polls=2, heads=900, bodies=80)
    found = cost([told.trace])
    assert (found.polls, found.polling.packets, found.polling.wire) == (2, 2, 980)
    assert found.as_websocket == found.polling.content + 2 * 4


def test_nothing() -> None:
    found = cost([])
    assert (found.events, found.added, found.as_polling) == (0, 0, None)


@pytest.mark.parametrize("value", [True, 1])
def test_one_is_not_true(value: object) -> None:
    assert compact_size(value) == (4 if value is True else 1)
