"""Arguments on one line: JSON that no terminal obeys, bytes by their beginning, cut where they are long."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.views.arguments import argument_list, quoted, sketch
from tests.hostile import HOSTILE, dangerous

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), ""),
        (("a", 1, None, True, 1.5), '"a", 1, null, true, 1.5'),
        (([], {}, [[]]), "[], {}, [[]]"),
        (({"a": [1, {"b": "c"}], "d": []},), '{"a":[1,{"b":"c"}],"d":[]}'),
        ((b"",), "<0 bytes>"),
        ((b"\x01",), "<1 byte 01>"),
        ((bytes(range(5)),), "<5 bytes 00 01 02 03 04>"),
        (("grün 温度",), '"grün 温度"'),
        (("a\nb\x1b",), '"a\\nb\\u001b"'),
        ((10**5000,), "…"),
        ((object(),), "…"),
    ],
)
def test_all_of_them(args: tuple[Any, ...], said: str) -> None:
    assert argument_list(args) == said


@pytest.mark.parametrize(
    ("most", "said"),
    [(9, '"ab", 123'), (8, '"ab", 1…'), (5, '"ab"…'), (1, "…"), (0, "…")],
)
def test_cut(most: int, said: str) -> None:
    assert argument_list(("ab", 123), most) == said


def test_bytes_are_cut_where_arguments_are() -> None:
    assert argument_list((bytes(12),), 40) == "<12 bytes 00 00 00 00 …>"


def test_what_is_nested_deeply() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert argument_list((deep,)) == "[" * 100 + "…" + "]" * 100
    assert argument_list((deep,), 20) == "[" * 19 + "…"


@given(st.lists(_JSON, max_size=4), st.integers(5, 60))
def test_never_longer_and_always_the_beginning(args: list[Any], most: int) -> None:
    cut = argument_list(tuple(args), most)
    assert len(cut) <= most
    assert not dangerous(cut)
    assert not dangerous(argument_list(tuple(args)))


@given(
    st.recursive(st.none() | st.text("abü", max_size=4), lambda inner: st.lists(inner) | st.dictionaries(st.just("k"), inner))
)
def test_json_stays_json(value: Any) -> None:
    assert json.loads(argument_list((value,))) == value


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str) -> None:
    for said in (quoted(text), quoted(text, 10), argument_list((text, {text: [text]})), argument_list(({text: 1},), 30)):
        assert not dangerous(said)
        assert "\n" not in said


@pytest.mark.parametrize(("count", "said"), [(0, ""), (1, "…"), (3, "…, …, …"), (4, "…, …, …, …"), (9, "…, …, …, …")])
def test_sketch(count: int, said: str) -> None:
    assert sketch((1,) * count) == said
