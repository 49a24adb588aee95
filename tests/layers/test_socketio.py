"""Socket.IO: what packets say in both protocols, how attachments join them, and that no message does harm."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers import msgpack as reader
from netviz.layers.socketio import Decoded, Decoder

_ZERO, _ONE = '{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":1}'
_BAD = "socketio-malformed"


def _packet(kind: str, *args: Any, event: str | None = None, nsp: str = "/", number: int | None = None) -> Decoded:
    return Decoded(kind, nsp, event, args, number, 0, "json", ())


#: What is the same in both protocols.
_BOTH: dict[str, Decoded] = {
    "0": _packet("CONNECT"),
    "0/admin,": _packet("CONNECT", nsp="/admin"),
    "0/admin": _packet("CONNECT", nsp="/admin"),
    '0{"sid":"a"}': _packet("CONNECT", {"sid": "a"}),
    '0/admin,{"token":"1,2"}': _packet("CONNECT", {"token": "1,2"}, nsp="/admin"),
    "1": _packet("DISCONNECT"),
    "1/admin,": _packet("DISCONNECT", nsp="/admin"),
    '2["hello"]': _packet("EVENT", event="hello"),
    '2["hello",1,null,true,2.5,{"a":["é😀"]}]': _packet("EVENT", 1, None, True, 2.5, {"a": ["é😀"]}, event="hello"),
    '2/admin,456["a","b"]': _packet("EVENT", "b", event="a", nsp="/admin", number=456),
    '2/[,7["a"]': _packet("EVENT", event="a", nsp="/[", number=7),
    '2012["a"]': _packet("EVENT", event="a", number=12),
    '2[12,"x"]': _packet("EVENT", "x", event="12"),
    '2[1.5]': _packet("EVENT", event="1.5"),
    '2["",{"_placeholder":true,"num":0}]': _packet("EVENT", {"_placeholder": True, "num": 0}, event=""),
    '2["a","\\ud800"]': _packet("EVENT", "\ud800", event="a"),
    "30[]": _packet("ACK", number=0),
    '3/admin,456["a",{}]': _packet("ACK", "a", {}, nsp="/admin", number=456),
    '2123456789012345["a"]': _packet("EVENT", event="a", number=123456789012345),
    '50-["a"]': _packet("BINARY_EVENT", event="a"),
    "60-1[]": _packet("BINARY_ACK", number=1),
}  # fmt: skip


@pytest.mark.parametrize("text", _BOTH)
@pytest.mark.parametrize("version", [3, 4, None])
def test_packets(text: str, version: int | None) -> None:
    decoder = Decoder(version)
    assert decoder.take(text) == [_BOTH[text]]
    assert (decoder.waiting, decoder.close()) == (0, [])


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ('4{"message":"no"}', _packet("ERROR", {"message": "no"}), _packet("CONNECT_ERROR", {"message": "no"})),
        ('4/a,"no"', _packet("ERROR", "no", nsp="/a"), _packet("CONNECT_ERROR", "no", nsp="/a")),
        ("0/a?b=1&c=2,", _packet("CONNECT", "?b=1&c=2", nsp="/a"), _packet("CONNECT", nsp="/a?b=1&c=2")),
        ("0/a?,", _packet("CONNECT", nsp="/a"), _packet("CONNECT", nsp="/a?")),
        ('0/a?b,{"c":1}', _packet("CONNECT", {"c": 1}, nsp="/a"), _packet("CONNECT", {"c": 1}, nsp="/a?b")),
    ],
)
def test_protocol_4_differs(text: str, old: Decoded, new: Decoded) -> None:
    assert Decoder(3).take(text) == [old]
    assert Decoder(4).take(text) == [new]


#: The type, the arguments, and the words of what is wrong.
_WRONG: dict[str, tuple[str, tuple[Any, ...], tuple[str, str]]] = {
    "": ("unknown", (), (_BAD, "an empty packet")),
    "hello": ("unknown", (), (_BAD, "no packet type")),
    "7": ("unknown", (), (_BAD, "no packet type")),
    "٢[]": ("unknown", (), (_BAD, "no packet type")),
    "\x1b[31m": ("unknown", (), (_BAD, "no packet type")),
    "2 apples": ("unknown", (), (_BAD, "no payload of EVENT")),
    "0-1": ("unknown", (), (_BAD, "no payload of CONNECT")),
    '21-["a"]': ("unknown", (), (_BAD, "no payload of EVENT")),
    "2": ("EVENT", (), (_BAD, "EVENT without an array")),
    '2{"a":1}': ("EVENT", ({"a": 1},), (_BAD, "EVENT without an array")),
    "2[]": ("EVENT", (), (_BAD, "EVENT without a name")),
    "2[true,1]": ("EVENT", (True, 1), (_BAD, "EVENT without a name")),
    '2[{"a":1}]': ("EVENT", ({"a": 1},), (_BAD, "EVENT without a name")),
    "31": ("ACK", (), (_BAD, "ACK without an array")),
    '31"a"': ("ACK", ("a",), (_BAD, "ACK without an array")),
    "3[1]": ("ACK", (1,), (_BAD, "ACK without the id of what it answers")),
    "60-[1]": ("BINARY_ACK", (1,), (_BAD, "BINARY_ACK without the id of what it answers")),
    '1{"a":1}': ("DISCONNECT", ({"a": 1},), (_BAD, "DISCONNECT with a payload")),
    '5["a"]': ("BINARY_EVENT", (), (_BAD, "how many attachments follow is not said")),
    '2["a"': ("EVENT", (), (_BAD, "not JSON: Expecting ',' delimiter at character 4")),
    '2["a"]x': ("EVENT", (), (_BAD, "not JSON: Extra data at character 5")),
    '2["a",NaN]': ("EVENT", (), (_BAD, "not JSON: NaN")),
    '2["a",-Infinity]': ("EVENT", (), (_BAD, "not JSON: -Infinity")),
    '2["a",1e999]': ("EVENT", (), (_BAD, "a number that is too large")),
    '2["a",' + "9" * 309 + "]": ("EVENT", (), (_BAD, "a number of 309 digits")),
    '2["a",' + "9" * 1_000_000 + "]": ("EVENT", (), (_BAD, "a number of 1,000,000 digits")),
    "2" + "[" * 100_000: ("EVENT", (), ("too-deep", "it nests more than 500 levels deep")),
    "2" + '{"a":' * 100_000: ("EVENT", (), ("too-deep", "it nests more than 500 levels deep")),
    "2" + "[" * 501 + "]" * 501: ("EVENT", (), ("too-deep", "it nests more than 500 levels deep")),
    "2" + "1" * 1_000_000 + '["a"]': ("EVENT", (), (_BAD, "an id of 1,000,000 digits")),
    "5" + "1" * 1_000_000 + '-["a"]': ("BINARY_EVENT", (), (_BAD, "a count of attachments of 1,000,000 digits")),
}


@pytest.mark.parametrize("text", _WRONG, ids=range(len(_WRONG)))
def test_what_is_wrong(text: str) -> None:
    decoder = Decoder(4)
    (told,) = decoder.take(text)
    kind, args, trouble = _WRONG[text]
    assert (told.type, told.args, told.troubles) == (kind, args, (trouble,))
    assert decoder.waiting == 0


def test_what_nests_as_deeply_as_allowed() -> None:
    (told,) = Decoder(4).take('2["a",' + "[" * 499 + "]" * 500)
    assert (told.event, told.troubles) == ("a", ())
    # Brackets in a string nest nothing, and what is closed no more.
    (told,) = Decoder(4).take(json.dumps(["a", "[{" * 1000 + '"\\', [[]] * 1000]).join(["2", ""]))
    assert (told.event, told.troubles) == ("a", ())


def test_a_large_integer() -> None:
    (told,) = Decoder(4).take(f'2["a",{10**307},-{10**306}]')
    assert told.args == (10**307, -(10**306))


def _fed(texts: list[str | bytes], version: int = 4) -> list[Decoded]:
    decoder = Decoder(version)
    return [told for text in texts for told in decoder.take(text)] + decoder.close()


_ATTACHED: dict[str, tuple[list[str | bytes], str | None, tuple[Any, ...], tuple[tuple[str, str], ...]]] = {
    "one": ([f'51-["a",{_ZERO}]', b"x"], "a", (b"x",), ()),
    "two, in another order": ([f'52-["a",{_ONE},{_ZERO}]', b"x", b"y"], "a", (b"y", b"x"), ()),
    "nested": ([f'52-["a",{{"b":[{_ZERO},1],"c":{{"d":{_ONE}}}}}]', b"x", b""], "a",
               ({"b": [b"x", 1], "c": {"d": b""}},), ()),
    "with a further key": (['51-["a",{"_placeholder":true,"num":0,"x":1}]', b"x"], "a", (b"x",), ()),
    "no placeholder": ([f'51-["a",{{"_placeholder":1,"num":0}},{_ZERO}]', b"x"], "a",
                       ({"_placeholder": 1, "num": 0}, b"x"), ()),
    "the same twice": ([f'51-["a",{_ZERO},{_ZERO}]', b"x"], "a", (b"x", {"_placeholder": True, "num": 0}),
                       (("attachment-count", "two placeholders for one attachment"),)),
    "one too few": ([f'52-["a",{_ZERO}]', b"x", b"y"], "a", (b"x",),
                    (("attachment-count", "2 attachments, 1 placeholders"),)),
    "none": (['51-["a"]', b"x"], "a", (), (("attachment-count", "1 attachments, 0 placeholders"),)),
    "one that was not announced": ([f'51-["a",{_ZERO},{_ONE}]', b"x"], "a",
                                   (b"x", {"_placeholder": True, "num": 1}),
                                   (("attachment-count", "a placeholder for an attachment that was not announced"),)),
    "none announced": ([f'50-["a",{_ZERO}]'], "a", ({"_placeholder": True, "num": 0},),
                       (("attachment-count", "a placeholder for an attachment that was not announced"),)),
    "a wrong number": (['51-["a",{"_placeholder":true,"num":-1}]', b"x"], "a", ({"_placeholder": True, "num": -1},),
                       (("attachment-count", "a placeholder for an attachment that was not announced"),)),
    "no number": (['51-["a",{"_placeholder":true,"num":true},{"_placeholder":true}]', b"x"], "a",
                  ({"_placeholder": True, "num": True}, {"_placeholder": True}),
                  (("attachment-count", "a placeholder for an attachment that was not announced"),)),
    "a huge number": ([f'51-["a",{{"_placeholder":true,"num":{10**300}}}]', b"x"], "a",
                      ({"_placeholder": True, "num": 10**300},),
                      (("attachment-count", "a placeholder for an attachment that was not announced"),)),
    "the end comes first": ([f'52-["a",{_ZERO},{_ONE}]', b"x"], "a", (b"x", {"_placeholder": True, "num": 1}),
                            (("attachments-missing", "1 of 2 attachments came"),)),
    "a thousand million": ([f'51000000000-["a",{_ZERO}]', b"x"], "a", (b"x",),
                           (("attachments-missing", "1 of 1,000,000,000 attachments came"),)),
    "its JSON is bad": (['51-["a",', b"x"], None, (), ((_BAD, "not JSON: Expecting value at character 5"),)),
    "it nests too deeply": (["51-" + "[" * 1000, b"x"], None, (), (("too-deep", "it nests more than 500 levels deep"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", _ATTACHED)
@pytest.mark.parametrize("version", [3, 4])
def test_attachments(name: str, version: int) -> None:
    messages, event, args, troubles = _ATTACHED[name]
    (told,) = _fed(messages, version)
    assert (told.type, told.event, told.args, told.troubles) == ("BINARY_EVENT", event, args, troubles)


def test_attachments_of_an_acknowledgement() -> None:
    decoder = Decoder(4)
    assert decoder.take(f'62-/n,8[{_ZERO},"a",{_ONE}]') == []
    assert decoder.waiting == 2
    assert decoder.take(b"x") == []
    assert decoder.waiting == 1
    assert decoder.take(b"y") == [Decoded("BINARY_ACK", "/n", None, (b"x", "a", b"y"), 8, 2, "json", ())]
    assert (decoder.waiting, decoder.close()) == (0, [])


def test_text_between_an_event_and_its_attachments() -> None:
    first, second, third = _fed([f'52-["a",{_ZERO}]', b"x", '2["b"]', b"y"])
    assert (first.event, first.args, first.attachments) == ("a", (b"x",), 2)
    assert first.troubles == (("attachments-missing", "1 of 2 attachments came"),)
    assert second == _packet("EVENT", event="b")
    assert (third.type, third.troubles) == (
        "unknown",
        (("attachment-unexpected", "a binary message that no packet announced"),),
    )


def test_only_so_many_attachments_are_kept() -> None:
    text = json.dumps(["a", *({"_placeholder": True, "num": number} for number in range(10_001))])
    (told,) = _fed([f"510001-{text}", *[b"x"] * 10_001])
    assert told.args == (*[b"x"] * 10_000, {"_placeholder": True, "num": 10_000})
    assert told.troubles == (("attachment-count", "1 of 10,001 attachments are not kept"),)


def test_only_so_many_bytes_are_kept() -> None:
    places = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(20))
    decoder = Decoder(4)
    decoder.take(f'520-["a",{places}]')
    tracemalloc.start()
    told: list[Decoded] = []
    for _ in range(20):
        told += decoder.take(bytes(1 << 20))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 19 << 20
    assert [type(arg) for arg in told[0].args] == [bytes] * 16 + [dict] * 4
    assert told[0].troubles == (("attachment-count", "4 of 20 attachments are not kept"),)


def test_what_is_announced_takes_no_memory() -> None:
    tracemalloc.start()
    decoder = Decoder(4)
    decoder.take('5999999999-["a"]')
    for _ in range(1000):
        decoder.take(b"")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert decoder.waiting == 999_998_999
    assert most < 1 << 20


#: Packets as socket.io-msgpack-parser wrote them: notepack.io puts the keys in this order, and an extension for undefined.
_PACKED = {
    "84a47479706502a46461746192a568656c6c6f82a2696401a46d6f7464ae77656c636f6d652061626f617264a269640ba36e7370a12f": (
        _packet("EVENT", {"id": 1, "motd": "welcome aboard"}, event="hello", number=11)
    ),
    "83a47479706500a464617461d40000a36e7370a12f": _packet("CONNECT"),
    "83a47479706500a46461746181a3736964a161a36e7370a22f61": _packet("CONNECT", {"sid": "a"}, nsp="/a"),
    "84a2696402a47479706503a4646174619181a473697a6532a36e7370a12f": _packet("ACK", {"size": 50}, number=2),
    "82a47479706501a36e7370a12f": _packet("DISCONNECT"),
    "83a47479706504a46461746181a76d657373616765a26e6fa36e7370a12f": _packet("CONNECT_ERROR", {"message": "no"}),
    "83a47479706502a46461746192a173c403010203a36e7370a12f": _packet("EVENT", b"\1\2\3", event="s"),
}


@pytest.mark.parametrize("code", _PACKED)
def test_messagepack(code: str) -> None:
    raw = bytes.fromhex(code)
    assert Decoder(4).take(raw) == [_PACKED[code]._replace(parser="msgpack")]
    for size in range(len(raw)):
        (told,) = Decoder(4).take(raw[:size])
        assert told.type == "unknown"
        assert told.troubles[0][0] in (_BAD, "attachment-unexpected")


#: Maps, and what is wrong with them.
_MAPS: dict[str, tuple[Any, str, tuple[str, str]]] = {
    "a type that is none": ({"type": 5, "nsp": "/"}, "unknown", (_BAD, "no packet type")),
    "a type in words": ({"type": "\x1b[0m", "nsp": "/"}, "unknown", (_BAD, "no packet type")),
    "true": ({"type": True, "nsp": "/"}, "unknown", (_BAD, "no packet type")),
    "no event": ({"type": 2, "data": [], "nsp": "/"}, "EVENT", (_BAD, "EVENT without a name")),
    "no array": ({"type": 2, "data": "a", "nsp": "/"}, "EVENT", (_BAD, "EVENT without an array")),
    "no data": ({"type": 3, "id": 1, "nsp": "/"}, "ACK", (_BAD, "ACK without an array")),
    "no id": ({"type": 3, "data": [], "nsp": "/"}, "ACK", (_BAD, "ACK without the id of what it answers")),
    "an id of words": ({"type": 2, "data": ["a"], "nsp": "/", "id": "1"}, "EVENT", (_BAD, "an id that is no number")),
    "a negative id": ({"type": 2, "data": ["a"], "nsp": "/", "id": -1}, "EVENT", (_BAD, "an id that is no number")),
    "a namespace of another kind": (
        {"type": 2, "nsp": 1}, "unknown", ("attachment-unexpected", "a binary message that no packet announced"),
    ),
    "keys further inside": (
        {"a": {"type": 2, "nsp": "/"}}, "unknown", ("attachment-unexpected", "a binary message that no packet announced"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _MAPS)
def test_messagepack_that_is_no_packet(name: str) -> None:
    value, kind, trouble = _MAPS[name]
    (told,) = Decoder(4).take(msgpack.packb(value))
    assert (told.type, told.troubles, told.id) == (kind, (trouble,), value.get("id") if kind == "ACK" else None)


def test_messagepack_that_nests_too_deeply() -> None:
    (told,) = Decoder(4).take(b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + b"\x91" * 600 + b"\xc0")
    assert told.troubles == (("too-deep", "it nests more than 500 levels deep"),)


def test_messagepack_among_attachments_is_one() -> None:
    raw = bytes.fromhex(next(iter(_PACKED)))
    (told,) = _fed([f'51-["a",{_ZERO}]', raw])
    assert told.args == (raw,)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_library", lambda: None)
    raw = bytes.fromhex(next(iter(_PACKED)))
    (told,) = Decoder(4).take(raw)
    assert told.type == "unknown"
    assert told.troubles == (("msgpack-missing", "packed with MessagePack: pip install 'netviz[msgpack]'"),)
    (told,) = Decoder(4).take(b"\x80other")
    assert told.troubles[0][0] == "attachment-unexpected"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def _taken_apart(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, bytes):
        attachments.append(value)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, list):
        return [_taken_apart(item, attachments) for item in value]
    if isinstance(value, dict):
        return {key: _taken_apart(item, attachments) for key, item in value.items()}
    return value


@settings(max_examples=80, deadline=None)
@given(
    st.text(max_size=8), st.lists(_JSON, max_size=4), st.none() | st.integers(0, 10**14), st.sampled_from(["/", "/a", "/a b"])
)
def test_what_is_written_is_read(event: str, args: list[Any], number: int | None, nsp: str) -> None:
    attachments: list[bytes] = []
    text = json.dumps([event, *_taken_apart(args, attachments)])
    where = "" if nsp == "/" else f"{nsp},"
    told = _fed([f"5{len(attachments)}-{where}{'' if number is None else number}{text}", *attachments])
    assert told == [Decoded("BINARY_EVENT", nsp, event, tuple(args), number, len(attachments), "json", ())]
    packed = {"type": 2, "data": [event, *args], "nsp": nsp} | ({} if number is None else {"id": number})
    assert _fed([msgpack.packb(packed)]) == [Decoded("EVENT", nsp, event, tuple(args), number, 0, "msgpack", ())]


_KINDS = {_BAD, "attachment-count", "attachments-missing", "attachment-unexpected", "too-deep"}


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(type(key) is str for key in value) and all(map(_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str, bytes)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(st.characters(), max_size=20)
        | st.text('0123456-/,?[]{}"an:\\', max_size=20)
        | st.sampled_from(['52-["a",{"_placeholder":true,"num":1}]', '2["a"]', "2"])
        | st.binary(max_size=20)
        | st.binary(max_size=30).map(lambda tail: b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + tail),
        max_size=8,
    ),
    st.sampled_from([3, 4, None]),
)
def test_any_messages(messages: list[str | bytes], version: int | None) -> None:
    decoder = Decoder(version)
    told = [one for message in messages for one in decoder.take(message)] + decoder.close()
    assert len(told) <= len(messages) * 2
    for one in told:
        assert one.troubles or one.type != "unknown"
        assert {kind for kind, _ in one.troubles} <= _KINDS
        assert _plain(list(one.args))
        json.dumps(one.args, allow_nan=False, default=lambda raw: base64.b64encode(raw).decode())


@pytest.mark.parametrize("text", [*_BOTH, '4{"message":"no"}', f'52-/a,1["a",{_ZERO},{{"b":{_ONE}}}]'])
def test_packets_that_are_cut_off(text: str) -> None:
    for size in range(len(text)):
        for one in _fed([text[:size], b"x", b"y"]):
            assert one.troubles or one.type != "unknown"


@pytest.mark.parametrize(
    "text",
    ["2" + "[]" * 600 + '"' + '\\"' * 2_000_000, "2" + "[]" * 600 + '"' * 2_000_001, "2" + "1" * 4_000_000,
     "5" + "1" * 4_000_000, "2/" + "," * 4_000_000, '2["a",1.' + "1" * 4_000_000 + "]", '2["a"' + ",[]" * 200_000 + "]"],
    ids=range(7),
)  # fmt: skip
def test_the_time_grows_with_the_characters(text: str) -> None:
    # What takes quadratic time would take hours here.
    assert len(Decoder(4).take(text)) == 1
