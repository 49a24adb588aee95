"""Values as JSON: the json module reads back what was written, whatever it was."""

from __future__ import annotations

import json
from base64 import b64encode
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.views.json_value import base64, json_value
from tests.hostile import HOSTILE, dangerous

_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text()
_VALUES = st.recursive(_PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner))


def _meant(value: Any) -> Any:
    """What a value is in JSON."""
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {key: _meant(inner) for key, inner in value.items()}
    return [_meant(inner) for inner in value] if isinstance(value, list | tuple) else value


@given(_VALUES)
def test_any_value_is_read_back(value: Any) -> None:
    assert json.loads(json_value(value)) == _meant(value)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_reaches_a_terminal(text: str) -> None:
    assert not (dangerous(json_value({text: [text]})) - {"\ue000", "\U000f0000"})
    assert len(json.loads(json_value({text: [text]}))) == 1


@pytest.mark.parametrize("depth", [400, 100_000])
def test_depth_is_no_matter(depth: int) -> None:
    value: Any = None
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    written = json_value(value)
    assert written.count("[") == depth // 2
    assert written.count("{") == written.count("}") == depth - depth // 2
    assert written.count("null") == 1


def test_numbers_that_python_does_not_write() -> None:
    assert json.loads(json_value(1 << 20_000)) == hex(1 << 20_000)
    assert json.loads(json_value(10**4000)) == 10**4000


def test_keys_that_are_no_texts_become_some() -> None:
    assert json.loads(json_value({1: 2, None: 3})) == {"1": 2, "None": 3}


def test_bytes_are_an_object() -> None:
    assert base64(b"\x00\xff") == '{"base64": "AP8="}'
    assert json_value(bytearray(b"\x00\xff")) == base64(b"\x00\xff")
