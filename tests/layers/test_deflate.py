"""permessage-deflate: what a compressor wrote comes back, by RFC 7692, within bounds; websockets and zlib say what is right."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from netviz.layers.deflate import Budget, Deflate, Extension, Inflator, agreed, faults

_MUCH = 1 << 20
_TAIL = b"\x00\x00\xff\xff"

#: RFC 7692 section 7.2.3: the pieces of a message, and what they are.
_EXAMPLES: dict[str, tuple[list[str], bytes]] = {
    "7.2.3.1 one frame": (["f2 48 cd c9 c9 07 00"], b"Hello"),
    "7.2.3.1 two fragments": (["f2 48 cd", "c9 c9 07 00"], b"Hello"),
    "7.2.3.3 no compression": (["00 05 00 fa ff 48 65 6c 6c 6f 00"], b"Hello"),
    "7.2.3.4 last block": (["f3 48 cd c9 c9 07 00 00"], b"Hello"),
    "7.2.3.5 two blocks": (["f2 48 05 00 00 00 ff ff ca c9 c9 07 00"], b"Hello"),
    "7.2.3.6 empty": (["00"], b""),
    "empty, as zlib writes it": (["02 00"], b""),
    "last block and nothing behind it": (["f3 48 cd c9 c9 07 00"], b"Hello"),
    "last block, and more behind it": (["f3 48 cd c9 c9 07 00", "f2 48 cd c9 c9 07 00"], b"HelloHello"),
    "last block that is empty": (["03 00", "f2 48 cd c9 c9 07 00"], b"Hello"),
    "two last blocks in one piece": (["f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00"], b"HelloHello"),
    "fragments with nothing in them": (["", "f2 48", "", "cd c9 c9 07 00", ""], b"Hello"),
}

_HELLO, _AGAIN = bytes.fromhex("f248cdc9c90700"), bytes.fromhex("f200110000")


def _inflator(takeover: bool = True, bits: int = 15, left: int | None = None) -> Inflator:
    return Inflator(takeover, bits, Budget() if left is None else Budget(left))


def _inflate(inflator: Inflator, pieces: Iterable[bytes], keep: int = _MUCH) -> tuple[bytes, int]:
    """A whole message: what is kept of it, and its length."""
    kept, length = b"", 0
    for piece in pieces:
        out, count = inflator.feed(piece, max(keep - length, 0))
        kept, length = kept + out, length + count
    out, count = inflator.end(max(keep - length, 0))
    return kept + out, length + count


def _bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def _final(message: bytes, window: bytes) -> bytes:
    """A message in a block that is marked as the last one, which refers to what came before (section 7.2.3.4)."""
    press = zlib.compressobj(wbits=-15, zdict=window) if window else zlib.compressobj(wbits=-15)
    return press.compress(message) + press.flush(zlib.Z_FINISH) + b"\x00"


@pytest.mark.parametrize("takeover", [True, False])
@pytest.mark.parametrize("name", _EXAMPLES)
def test_examples(name: str, takeover: bool) -> None:
    pieces, message = _EXAMPLES[name]
    given = [bytes.fromhex(piece) for piece in pieces]
    expected = (message, len(message))
    inflator = _inflator(takeover)
    for _ in range(3):
        # None of them refers to what came before, so that each is the same whatever came before.
        assert _inflate(inflator, given) == expected
        assert _inflate(inflator, _bytes(b"".join(given))) == expected
        assert _inflate(inflator, given, keep=3) == (message[:3], len(message))


def test_window_is_kept() -> None:
    # Section 7.2.3.2: the second Hello is a reference to the first.
    inflator = _inflator()
    assert _inflate(inflator, [_HELLO]) == (b"Hello", 5)
    assert _inflate(inflator, [_AGAIN]) == (b"Hello", 5)


def test_window_is_not_kept() -> None:
    inflator = _inflator(takeover=False)
    assert _inflate(inflator, [_HELLO]) == (b"Hello", 5)
    with pytest.raises(zlib.error, match="too far back"):
        _inflate(inflator, [_AGAIN])


@pytest.mark.parametrize("keep", [_MUCH, 2])
def test_window_reaches_over_a_last_block(keep: int) -> None:
    inflator = _inflator()
    assert _inflate(inflator, [bytes.fromhex("f348cdc9c9070000")], keep) == (b"Hello"[:keep], 5)
    assert _inflate(inflator, [_AGAIN], keep) == (b"Hello"[:keep], 5)


def test_no_window_behind_a_last_block_without_takeover() -> None:
    inflator = _inflator(takeover=False)
    assert _inflate(inflator, [bytes.fromhex("f348cdc9c907")]) == (b"Hello", 5)
    with pytest.raises(zlib.error):
        _inflate(inflator, [_AGAIN])


def test_no_window_of_the_message_before_behind_a_last_block() -> None:
    inflator = _inflator(takeover=False)
    assert _inflate(inflator, [_HELLO]) == (b"Hello", 5)
    with pytest.raises(zlib.error, match="too far back"):
        _inflate(inflator, [b"\x03\x00", _AGAIN])


@pytest.mark.parametrize("cut", [0, 1])
def test_whole_window_reaches_over_last_blocks(cut: int) -> None:
    # The last block refers to bytes 32 KiB back, which came in many pieces.
    inflator = _inflator()
    window = b""
    for number in range(70):
        message = number.to_bytes(2, "big") * 500
        data = _final(message, window)
        assert _inflate(inflator, [data[:-cut] if cut else data]) == (message, 1000)
        window = (window + message)[-(32 << 10) :]
    assert _inflate(inflator, [_final(window, window)]) == (window, len(window))


@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("takeover", [True, False])
def test_window_bits(bits: int, takeover: bool) -> None:
    # zlib raises 8 to 9; with 9 and more it uses the whole window, less what it needs for itself.
    messages = [bytes((at * at * step) & 0xFF for at in range(2000)) for step in (3, 5, 3, 5)] + [b"abc" * 30_000]
    inflator = _inflator(takeover, bits)
    press = zlib.compressobj(wbits=-max(bits, 9))
    for message in messages:
        if not takeover:
            press = zlib.compressobj(wbits=-max(bits, 9))
        data = press.compress(message) + press.flush(zlib.Z_SYNC_FLUSH)
        assert data.endswith(_TAIL)
        assert _inflate(inflator, [data[:-4]]) == (message, len(message))


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"abc", b"abcabc", bytes(5000)])), min_size=1,
                               max_size=3), min_size=1, max_size=6),
    takeover=st.booleans(), local=st.integers(9, 15), level=st.integers(0, 9), keep=st.sampled_from([0, 1, 100, _MUCH]),
    step=st.sampled_from([0, 1, 7]),
)  # fmt: skip
def test_same_as_websockets(messages: list[list[bytes]], takeover: bool, local: int, level: int, keep: int, step: int) -> None:
    sender = PerMessageDeflate(not takeover, not takeover, 15, local, {"level": level})
    receiver = PerMessageDeflate(not takeover, not takeover, local, 15)
    inflator = _inflator(takeover, local)
    for fragments in messages:
        payloads, theirs = [], b""
        for index, fragment in enumerate(fragments):
            opcode = Opcode.CONT if index else Opcode.BINARY
            sent = sender.encode(Frame(opcode, fragment, fin=index == len(fragments) - 1))
            payloads.append(bytes(sent.data))
            theirs += bytes(receiver.decode(sent).data)
        assert theirs == b"".join(fragments)
        whole = b"".join(payloads)
        pieces = [whole[at : at + step] for at in range(0, len(whole), step)] if step else payloads
        assert _inflate(inflator, pieces, keep) == (theirs[:keep], len(theirs))


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(st.tuples(st.binary(max_size=80), st.booleans(), st.booleans()), min_size=1, max_size=8),
    bytewise=st.booleans(), keep=st.sampled_from([5, _MUCH]),
)  # fmt: skip
def test_last_blocks_anywhere(messages: list[tuple[bytes, bool, bool]], bytewise: bool, keep: int) -> None:
    inflator = _inflator()
    window = b""
    for message, last, again in messages:
        text = window[-40:] + message if again else message
        if last:
            data = _final(text, window)
        else:
            press = zlib.compressobj(wbits=-15, zdict=window) if window else zlib.compressobj(wbits=-15)
            data = (press.compress(text) + press.flush(zlib.Z_SYNC_FLUSH))[:-4]
        assert _inflate(inflator, _bytes(data) if bytewise else [data], keep) == (text[:keep], len(text))
        window += text


_WRONG = {
    "block type 3": (["07"], "invalid block type"),
    "stored length and its complement differ": (["00 05 00 05 00"], "invalid stored block lengths"),
    "refers to what never was": (["f2 00 11 00 00"], "too far back"),
    "no codes": (["05 e0 ff ff ff ff"], "invalid"),
}


@pytest.mark.parametrize("keep", [_MUCH, 0])
@pytest.mark.parametrize("name", _WRONG)
def test_errors(name: str, keep: int) -> None:
    pieces, text = _WRONG[name]
    with pytest.raises(zlib.error, match=text):
        _inflate(_inflator(), [bytes.fromhex(piece) for piece in pieces], keep)


@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.binary(max_size=40), max_size=8), takeover=st.booleans(), keep=st.integers(0, 50))
def test_anything(pieces: list[bytes], takeover: bool, keep: int) -> None:
    inflator = _inflator(takeover)
    try:
        kept, length = _inflate(inflator, pieces, keep)
    except zlib.error:
        return
    assert len(kept) == min(keep, length)


def _bomb(size: int) -> bytes:
    """So many million zero bytes; every million is compressed for itself."""
    press = zlib.compressobj(9, wbits=-15)
    million = press.compress(bytes(1_000_000)) + press.flush(zlib.Z_FULL_FLUSH)
    return (million * size)[:-4]


def test_bomb() -> None:
    data = _bomb(1000)
    assert 900_000 < len(data) < 1_100_000
    inflator = _inflator()
    tracemalloc.start()
    try:
        kept, length = _inflate(inflator, [data], keep=_MUCH)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 1_000_000_000
    assert kept == bytes(_MUCH)
    assert peak < 4 * _MUCH + len(data)
    assert not inflator.exhausted


def test_bomb_that_is_too_large() -> None:
    inflator = _inflator(left=3_000_000)
    kept, length = _inflate(inflator, [_bomb(100)], keep=10)
    assert inflator.exhausted
    assert kept == bytes(10)
    assert 3_000_000 <= length < 3_200_000
    assert _inflate(inflator, [_HELLO]) == (b"", 0)


def test_budget_is_of_the_connection() -> None:
    budget = Budget(7)
    one, other = Inflator(True, 15, budget), Inflator(True, 15, budget)
    assert _inflate(one, [_HELLO]) == (b"Hello", 5)
    assert not other.exhausted
    assert _inflate(other, [_HELLO]) == (b"Hello", 5)
    assert one.exhausted
    assert other.exhausted


@pytest.mark.parametrize("keep", [0, _MUCH])
@pytest.mark.parametrize("piece", [b"", b"\x00\x00\x00\xff\xff", b"\x00\x02\x00\xfd\xffab"])
def test_many_small_pieces_need_bounded_memory(piece: bytes, keep: int) -> None:
    inflator = _inflator()
    tracemalloc.start()
    try:
        for _ in range(40_000):
            inflator.feed(piece, keep)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The window is 32 KiB; kept in pieces of two bytes it may take as many objects.
    assert peak < 2 << 20 if piece.endswith(b"ab") else peak < 64 << 10


_NAME = "permessage-deflate"

_AGREED: dict[str, tuple[Sequence[Extension], Deflate | None]] = {
    "nothing": ([], None),
    "another": ([("x-webkit-deflate-frame", [])], None),
    "no parameters": ([(_NAME, [])], Deflate((True, True), (15, 15))),
    "behind another": ([("x", []), (_NAME, [])], Deflate()),
    "server keeps none": ([(_NAME, [("server_no_context_takeover", None)])], Deflate((True, False), (15, 15))),
    "client keeps none": ([(_NAME, [("client_no_context_takeover", None)])], Deflate((False, True), (15, 15))),
    "server bits": ([(_NAME, [("server_max_window_bits", "9")])], Deflate((True, True), (15, 9))),
    "client bits": ([(_NAME, [("client_max_window_bits", "8")])], Deflate((True, True), (8, 15))),
    "bits that are none": ([(_NAME, [("client_max_window_bits", "16"), ("server_max_window_bits", "ten")])], Deflate()),
    "bits without value": ([(_NAME, [("client_max_window_bits", None)])], Deflate()),
    "everything": (
        [(_NAME, [("server_no_context_takeover", None), ("client_no_context_takeover", None), ("server_max_window_bits", "10"),
                  ("client_max_window_bits", "12")])],
        Deflate((False, False), (12, 10))),
}  # fmt: skip


@pytest.mark.parametrize("name", _AGREED)
def test_agreed(name: str) -> None:
    extensions, expected = _AGREED[name]
    assert agreed(extensions) == expected


_OFFER: Sequence[Extension] = [(_NAME, [("client_max_window_bits", None)])]
_BARE: Sequence[Extension] = [(_NAME, [])]

#: What was offered, the parameters of the answer, and words of each fault.
_FAULTS: dict[str, tuple[Sequence[Extension], list[tuple[str, str | None]], list[str]]] = {
    "none": (_OFFER, [("server_no_context_takeover", None), ("client_max_window_bits", "15")], []),
    "server bits need no offer": (_BARE, [("server_max_window_bits", "8")], []),
    "client bits need one": (_BARE, [("client_max_window_bits", "8")], ["client_max_window_bits was not offered"]),
    "twice": (_OFFER, [("server_max_window_bits", "8")] * 2, ["server_max_window_bits is given twice"]),
    "value where none may be": (_OFFER, [("client_no_context_takeover", "1")], ["client_no_context_takeover takes no value"]),
    "too few bits": (_OFFER, [("client_max_window_bits", "7")], ["client_max_window_bits=7"]),
    "too many bits": (_OFFER, [("server_max_window_bits", "16")], ["server_max_window_bits=16"]),
    "leading zero": (_OFFER, [("server_max_window_bits", "08")], ["server_max_window_bits=08"]),
    "no bits": (_OFFER, [("client_max_window_bits", None)], ["client_max_window_bits=None"]),
    "unknown": (_OFFER, [("level", "9")], ["level is not a parameter"]),
}  # fmt: skip


@pytest.mark.parametrize("name", _FAULTS)
def test_faults(name: str) -> None:
    offered, parameters, words = _FAULTS[name]
    found = faults(offered, [(_NAME, parameters)])
    assert len(found) == len(words)
    for fault, start in zip(found, words, strict=True):
        assert fault.startswith(start)
