"""Prefixes: what each character says, and that any bytes have some or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netviz.event import Field
from netviz.layers.header.socketio import engineio_prefix, socketio_prefix


def _said(fields: tuple[Field, ...]) -> list[tuple[str, str]]:
    return [(field.name, field.text) for field in fields]


@pytest.mark.parametrize(
    ("data", "version", "how", "word", "said"),
    [
        (b'42["hi"]', 4, "text", "message", [("packet type", "4")]),
        (b"2probe", 4, "text", "ping", [("packet type", "2")]),
        (b"\x89PNG", 4, "binary", "binary message", []),
        (b"\x04\x89PNG", 3, "binary", "message", [("packet type", "4")]),
        (b"\x1e40", 4, "polling", "message", [("separator", "U+001E"), ("packet type", "4")]),
        (b"bAAEC", 4, "polling", "binary message", [("base64", "b")]),
        (b'96:0{"sid"', 3, "polling", "open", [("length", "96:"), ("packet type", "0")]),
        (b"10:b4AAECAwQF", 3, "polling", "message", [("length", "10:"), ("base64", "b"), ("packet type", "4")]),
        (b"\x00\x05\xff42[]", 3, "polling", "message", [("kind", "0"), ("length", "5"), ("packet type", "4")]),
        (b"\x01\x01\x02\xff\x04abc", 3, "polling", "message", [("kind", "1"), ("length", "12"), ("packet type", "4")]),
        (b"9", 4, "text", "unknown", []),
        (b"", None, "text", "unknown", []),
    ],
)  # fmt: skip
def test_engineio(data: bytes, version: int | None, how: str, word: str, said: list[tuple[str, str]]) -> None:
    prefix = engineio_prefix(data, version, how)  # type: ignore[arg-type]  # one of three words
    assert (prefix.word, _said(prefix.fields)) == (word, said)


@pytest.mark.parametrize(
    ("data", "version", "word", "said"),
    [
        (b'2["hi"]', 4, "EVENT", [("packet type", "2")]),
        (b'2/admin,12["hi"]', 4, "EVENT", [("packet type", "2"), ("namespace", "/admin,"), ("ack id", "12")]),
        (b'51-/a,3["x",{}]', 4, "BINARY_EVENT",
         [("packet type", "5"), ("attachments", "1-"), ("namespace", "/a,"), ("ack id", "3")]),
        (b"0/a", 4, "CONNECT", [("packet type", "0"), ("namespace", "/a")]),
        ("2/Gruß,[]".encode(), 4, "EVENT", [("packet type", "2"), ("namespace", "/Gruß,")]),
        (b'4"no"', 3, "ERROR", [("packet type", "4")]),
        (b'4{"message":"no"}', 4, "CONNECT_ERROR", [("packet type", "4")]),
    ],
)  # fmt: skip
def test_socketio(data: bytes, version: int, word: str, said: list[tuple[str, str]]) -> None:
    prefix = socketio_prefix(data, version)
    assert prefix is not None
    assert (prefix.word, _said(prefix.fields)) == (word, said)


@pytest.mark.parametrize("data", [b"", b"7", b"[]", b"hello", b"\xff"])
def test_no_socketio(data: bytes) -> None:
    assert socketio_prefix(data, 4) is None


@given(st.binary(max_size=40), st.sampled_from([None, 3, 4]), st.sampled_from(["text", "binary", "polling"]))
def test_fields_follow_one_another(data: bytes, version: int | None, how: str) -> None:
    found = [engineio_prefix(data, version, how), socketio_prefix(data, version)]  # type: ignore[arg-type]  # one of three
    for prefix in found:
        if prefix is not None:
            assert sum(field.bits for field in prefix.fields) == 8 * prefix.size <= 8 * len(data)
            assert [field.bit for field in prefix.fields] == [
                sum(before.bits for before in prefix.fields[:index]) for index in range(len(prefix.fields))
            ]
