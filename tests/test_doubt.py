"""Whether a WebSocket carries Engine.IO where its request does not say so."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz import doubt
from netviz.doubt import Doubt
from tests.polling import OPEN
from tests.talk import message

_OPEN = OPEN.decode()
_BINARY = '451-["a",{"_placeholder":true,"num":0}]'

#: Whether the upgrade was captured, what each side says, and what is thought of it after each message.
_TALKS: dict[str, tuple[bool, list[tuple[int, str | bytes | None]], list[bool | None]]] = {
    "a server opens": (True, [(1, _OPEN)], [True]),
    "a client does not open": (True, [(0, _OPEN)], [False]),
    "something before it opens": (True, [(0, "42")], [False]),
    "42 after an upgrade": (True, [(0, '42["a"]')], [False]),
    "two events": (False, [(0, '42["a"]'), (0, '42["b"]')], [None, True]),
    "an event and a heartbeat": (False, [(1, "2"), (0, "3"), (0, '42["a"]')], [None, None, True]),
    "an event and half a heartbeat": (False, [(1, "2"), (0, '42["a"]'), (0, "2")], [None, None, None]),
    "heartbeats": (False, [(1, "2"), (0, "3"), (1, "2"), (0, "3")], [None] * 4),
    "a probe is no heartbeat": (False, [(0, "2probe"), (1, "3probe"), (0, "5"), (0, '42["a"]')], [None] * 4),
    "the number 42": (False, [(0, "42")], [False]),
    "a number in brackets": (False, [(0, "42[1")], [False]),
    "other words": (False, [(0, "2"), (0, "hello")], [None, False]),
    "nothing": (False, [(0, "")], [False]),
    "an attachment": (False, [(0, _BINARY), (0, b"x"), (0, '42["a"]')], [None, None, True]),
    "an attachment of the other side": (False, [(0, _BINARY), (1, b"x")], [None, False]),
    "one attachment too many": (False, [(0, _BINARY), (0, b"x"), (0, b"x")], [None, None, False]),
    "binary": (False, [(0, b"x")], [False]),
    "what could not be read": (False, [(0, None)], [False]),
    "opening late": (False, [(1, "2"), (1, _OPEN)], [None, True]),
}


@pytest.mark.parametrize("name", _TALKS)
def test_what_messages_prove(name: str) -> None:
    upgraded, said, expected = _TALKS[name]
    doubts = Doubt(upgraded=upgraded)
    found = [
        doubts.take(message(side=side, content=content, kind="binary" if isinstance(content, bytes) else "text"))
        for side, content in said
    ]
    assert found == expected
    assert len(doubts.waiting) == len(said)


def test_text_that_is_no_utf_8_proves_nothing() -> None:
    doubts = Doubt(upgraded=False)
    assert doubts.take(message(content=_BINARY)) is None
    assert doubts.take(message(content=b"\xff", kind="text")) is False


def test_only_so_many_messages_are_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    doubts = Doubt(upgraded=False)
    assert [doubts.take(message(content="2")) for _ in range(65)] == [None] * 64 + [False]
    monkeypatch.setattr(doubt, "_SIZE", 20)
    doubts = Doubt(upgraded=False)
    assert [doubts.take(message(content='430["12345"]')) for _ in range(2)] == [None, False]


@settings(max_examples=100, deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 1), st.one_of(st.text(max_size=9), st.binary(max_size=9)))))
def test_garbage(upgraded: bool, said: list[tuple[int, str | bytes]]) -> None:
    doubts = Doubt(upgraded=upgraded)
    for side, content in said:
        assert doubts.take(message(side=side, content=content)) is not True
