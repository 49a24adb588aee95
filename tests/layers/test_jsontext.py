"""JSON from the wire: what is one, what only Python takes for one, and how deeply it nests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.jsontext import DEEPEST, TooDeepError, UnreadableError, read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-0", 0), (" [1, 2.5e1]\n", [1, 25.0]), ('{"a":1,"a":2}', {"a": 2}), ('"\\ud83d\\ude00"', "😀"),
     ("1e-999", 0.0), ('"' + "[" * 1000 + '"', "[" * 1000), ("9" * 308, int("9" * 308))],
    ids=range(8),
)  # fmt: skip
def test_what_is_json(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "01", "+1", "'a'", "[1,]", '{"a"}', '"\t"', '"a', "NaN", "Infinity", "[-Infinity]", "1e309", "-1e309",
     "9" * 309, "9" * 5000, "\ufeff1", "1 2"],
    ids=range(19),
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(UnreadableError):
        read_json(text)


@pytest.mark.parametrize(("opener", "closer"), [("[", "]"), ('{"a":', "}"), ('[{"]":', "}]")])
def test_how_deeply_it_nests(opener: str, closer: str) -> None:
    most = DEEPEST // len(closer)
    assert read_json(opener * most + "1" + closer * most) is not None
    for more in (most + 1, 100_000):
        with pytest.raises(TooDeepError):
            read_json(opener * more + "1" + closer * more)
        with pytest.raises(TooDeepError):
            read_json(opener * more)


def test_where_the_stack_is_already_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    def loads(*args: Any, **options: Any) -> None:
        raise RecursionError  # how soon Python does so depends on its version, and on who called

    monkeypatch.setattr(json, "loads", loads)
    with pytest.raises(TooDeepError):
        read_json("[[]]")


@settings(max_examples=200, deadline=None)
@given(st.text('[]{}",:\\ 1aN', max_size=30) | st.text(st.characters(), max_size=20))
def test_any_text(text: str) -> None:
    try:
        value = read_json(text)
    except UnreadableError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value
