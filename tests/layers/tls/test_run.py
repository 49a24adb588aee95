"""A run of records: in C and without, what is opened is the same, and so is what is left for others to read."""

from __future__ import annotations

import hmac
import itertools
from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz.layers.tls.run
from netviz.layers.tls.protection import Cbc12, Protection, protection12
from netviz.layers.tls.record import ALERT, APPLICATION, HANDSHAKE, HEAD, LARGEST
from netviz.layers.tls.run import Run, open_run
from netviz.native import native
from tests.layers.tls.sealer import (
    MODERN,
    RECORD,
    SECRET,
    SUITES,
    Odd,
    Sealer,
    UnforeseenError,
    known_suite,
    raises,
    records,
    with_cipher,
)

_in_c = pytest.mark.skipif(native is None, reason="built without C")


def _in_python(protection: Protection, data: bytearray, available: int) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.layers.tls.run, "native", None)
        return open_run(protection, data, available)


class _Found(NamedTuple):
    """What is found in data, and the number of the record that comes next."""

    run: Run
    seq: int


def _both(make: Callable[[], Protection], data: bytes, available: int | None = None, seq: int = 0) -> _Found:
    """What both find, which must be the same."""
    found = []
    for way in (open_run, _in_python):
        protection, given = make(), bytearray(data)
        protection.seq = seq
        run = way(protection, given, len(data) if available is None else available)
        assert given == data
        given.append(0)  # raises where somebody still holds it
        found.append(_Found(run, protection.seq))
    assert found[0] == found[1]
    run = found[0].run
    assert type(run.content) is bytes
    assert isinstance(run.pieces, array)
    assert run.pieces.typecode == "q"
    return found[0]


def _expected(records: list[tuple[bytes, bytes]], before: int) -> Run:
    """The run of records with their content."""
    pieces, at = array("q"), 0
    for record, content in records:
        start, at = at + HEAD + before, at + len(record)
        if content:
            pieces.extend((start, start + len(content), at))
    return Run(b"".join(content for _, content in records), pieces, at, len(records))


@pytest.fixture(params=SUITES)
def sealer(request: pytest.FixtureRequest) -> Sealer:
    return Sealer(SUITES[request.param])


@pytest.fixture(params=MODERN)
def modern(request: pytest.FixtureRequest) -> Sealer:
    return Sealer(SUITES[request.param])


def _first_run(sealer: Sealer) -> list[tuple[bytes, bytes]]:
    contents = b"one", b"", b"\x00two\x00", bytes(300), b"\x17", b"", b"last \x17\x00"
    return [(sealer.seal(content), content) for content in contents]


def test_records_of_an_application_are_opened_at_once(sealer: Sealer) -> None:
    records = _first_run(sealer)
    found = _both(sealer.reader, b"".join(record for record, _ in records))
    assert found == (_expected(records, sealer.reader().before), 7)


def test_the_places_of_a_piece_are_those_of_its_ciphertext(sealer: Sealer) -> None:
    """These ciphers encrypt in place: another byte of content is another byte there, and another tag."""
    content, before = b"content", sealer.seal(b"before")
    record = sealer.seal(content)
    first, stop, whole = _both(sealer.reader, before + record).run.pieces[3:]
    assert whole == len(before) + len(record)
    for at in range(len(content)):
        sealer.seq = 1
        other = sealer.seal(content[:at] + b"_" + content[at + 1 :])
        assert [place for place in range(first, stop) if (before + other)[place] != (before + record)[place]] == [first + at]
        assert other[: first - len(before)] == record[: first - len(before)]


def test_a_run_goes_on_with_the_number_that_is_next(sealer: Sealer) -> None:
    records = _first_run(sealer)
    whole = _expected(records, sealer.reader().before)
    for way in (open_run, _in_python):
        protection, data, content = sealer.reader(), bytearray(), b""
        for record, _ in records:
            data += record[:9]
            assert way(protection, data, len(data)) == _EMPTY
            data += record[9:]
            run = way(protection, data, len(data))
            content += run.content
            assert run.end == len(data)
            data.clear()
        assert (content, protection.seq) == (whole.content, 7)


@pytest.mark.parametrize("seq", [1, 255, 256, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 3])
def test_numbers_of_64_bits(sealer: Sealer, seq: int) -> None:
    sealer.seq = seq
    records = [(sealer.seal(content), content) for content in (b"a", b"bc")]
    found = _both(sealer.reader, records[0][0] + records[1][0], seq=seq)
    assert found == (_expected(records, sealer.reader().before), seq + 2)
    assert _both(sealer.reader, records[0][0], seq=seq ^ 2) == (_EMPTY, seq ^ 2)


_EMPTY = Run(b"", array("q"), 0, 0)


def test_a_run_that_is_cut_anywhere(sealer: Sealer) -> None:
    contents = b"abc", b"", b"defgh"
    records = [(sealer.seal(content), content) for content in contents]
    data = b"".join(record for record, _ in records)
    ends = [0, *itertools.accumulate(len(record) for record, _ in records)]
    for size in range(len(data) + 1):
        count = sum(end <= size for end in ends[1:])
        expected = _Found(_expected(records[:count], sealer.reader().before), count)
        assert _both(sealer.reader, data[:size]) == expected
        # Where a gap follows, more lies behind it that does not count.
        assert _both(sealer.reader, data, size) == expected
    assert _both(sealer.reader, data, len(data)) == _both(sealer.reader, data + b"\x17\x03\x03\x00\x40")


@pytest.mark.parametrize("padding", [1, 2, 255, 1000])
@pytest.mark.parametrize("content", [b"", b"padded", b"zeros\0\0", b"\x17"])
def test_padding_is_no_content(modern: Sealer, content: bytes, padding: int) -> None:
    records = [(modern.seal(content, padding=padding), content), (modern.seal(b"next"), b"next")]
    found = _both(modern.reader, b"".join(record for record, _ in records))
    assert found == (_expected(records, 0), 2)
    assert found.run.pieces[-2] - found.run.pieces[-3] == 4


@pytest.mark.parametrize(("kind", "content"), [
    (ALERT, b"\x01\x00"), (HANDSHAKE, b"\x18\x00\x00\x01\x00"), (20, b"\x01"), (0, b""), (0, b"\0\0\0"), (24, b"x"),
    (255, b"x"),
])  # fmt: skip
def test_something_else_inside_ends_the_run(modern: Sealer, kind: int, content: bytes) -> None:
    """Its number is not taken: it is read on its own."""
    records = [(modern.seal(text), text) for text in (b"a", b"b")]
    other = modern.seal(content, kind, padding=3)
    data = b"".join(record for record, _ in records) + other + modern.seal(b"c")
    assert _both(modern.reader, data) == (_expected(records, 0), 2)
    protection = modern.reader()
    run = open_run(protection, bytearray(data), len(data))
    opened = protection.open(APPLICATION, data[run.end + HEAD : run.end + len(other)])
    assert opened == ((kind, content) if kind else (0, b""))
    assert open_run(protection, bytearray(data[run.end + len(other) :]), len(data) - run.end - len(other)).content == b"c"


@pytest.mark.parametrize("changed", [(0, ALERT), (0, HANDSHAKE), (0, 20), (0, 0), (0, 0x97), (1, 2), (1, 4), (1, 0x83)])
def test_another_header_ends_the_run(sealer: Sealer, changed: tuple[int, int]) -> None:
    records = [(sealer.seal(b"a"), b"a")]
    other = bytearray(sealer.seal(b"b"))
    other[changed[0]] = changed[1]
    assert _both(sealer.reader, records[0][0] + other + sealer.seal(b"c")) == (_expected(records, sealer.reader().before), 1)


@pytest.mark.parametrize("version", [0, 1, 3, 4, 0xFF])
def test_the_minor_version_is_nobodys_concern(sealer: Sealer, version: int) -> None:
    """What is authenticated is the version that the RFCs name, whatever stands there."""
    sealed = sealer.seal(b"a")
    record = sealed[:2] + bytes((version,)) + sealed[3:]
    assert _both(sealer.reader, record) == (_expected([(record, b"a")], sealer.reader().before), 1)


def test_a_record_of_another_type_is_none_of_an_application(sealer: Sealer) -> None:
    """An alert of TLS 1.2 says so in its header, and takes its number; in 1.3 such a header is not encrypted."""
    alert = sealer.seal(b"\x01\x00", ALERT) if not sealer.modern else b"\x15\x03\x03\x00\x02\x01\x00"
    record = sealer.seal(b"a")
    number = sealer.seq - 1
    assert _both(sealer.reader, alert + record) == (_EMPTY, 0)
    assert _both(sealer.reader, record + alert, seq=number) == (_expected([(record, b"a")], sealer.reader().before), number + 1)


def test_what_is_not_authentic_ends_the_run(sealer: Sealer) -> None:
    """Whichever byte of the second record differs: what is before it is told, and its number is left."""
    first, second = sealer.seal(b"first"), sealer.seal(b"second")
    expected = _Found(_expected([(first, b"first")], sealer.reader().before), 1)
    for at in range(HEAD, len(second)):
        spoiled = bytearray(second)
        spoiled[at] ^= 1
        assert _both(sealer.reader, first + spoiled + sealer.seal(b"third")) == expected
        sealer.seq -= 1
    assert _both(sealer.reader, second + first) == (_EMPTY, 0)  # not in this order
    assert _both(sealer.reader, first + first) == expected  # nor twice


@pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 16, 17, 23, 24, 25])
def test_fragments_shorter_than_what_surrounds_content(sealer: Sealer, size: int) -> None:
    assert _both(sealer.reader, b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size) + sealer.seal(b"a")) == (_EMPTY, 0)


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_no_fragment_is_longer_than_the_longest(sealer: Sealer, over: int) -> None:
    around = sealer.reader().before + sealer.suite.tag + sealer.modern
    content = bytes(LARGEST + over - around)
    record = sealer.seal(content)
    assert len(record) == HEAD + LARGEST + over
    records = [] if over > 0 else [(record, content)]
    assert _both(sealer.reader, record) == (_expected(records, sealer.reader().before), len(records))
    longest = b"\x17\x03\x03\xff\xff"
    assert _both(sealer.reader, longest + bytes(0xFFFF)) == (_EMPTY, 0)


@st.composite
def _garbled(draw: st.DrawFn) -> tuple[str, bytes, int]:
    """Records of a suite, with something done to them; and how much of that may be read."""
    name = draw(st.sampled_from(sorted(SUITES)))
    sealer = Sealer(SUITES[name])
    data = draw(records(sealer, 8, 6))
    for at in draw(st.lists(st.integers(0, max(len(data) - 1, 0)), max_size=1)) if data else []:
        data[at] = draw(st.integers(0, 255))
    return name, bytes(data), draw(st.just(len(data)) | st.integers(0, len(data)))


@settings(max_examples=300, deadline=None)
@given(garbled=_garbled())
def test_garbage_among_records(garbled: tuple[str, bytes, int]) -> None:
    name, data, available = garbled
    found = _both(Sealer(SUITES[name]).reader, data, available)
    assert found.run.end <= available
    assert sum(found.run.pieces[1::3]) - sum(found.run.pieces[::3]) == len(found.run.content)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(SUITES)), data=st.binary(max_size=80), head=st.booleans())
def test_garbage(name: str, data: bytes, head: bool) -> None:
    assert _both(Sealer(SUITES[name]).reader, b"\x17\x03\x03\x00" * head + data) == (_EMPTY, 0)


# CBC


_CBC = known_suite(0xC027)


def _cbc(seq: int, content: bytes) -> bytes:
    """A record of AES-CBC with its MAC outside (RFC 7366)."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    iv, padding = bytes(range(16)), 15 - len(content) % 16
    encryptor = Cipher(AES(SECRET[:16]), CBC(iv)).encryptor()
    sealed = iv + encryptor.update(content + bytes([padding]) * (padding + 1)) + encryptor.finalize()
    around = seq.to_bytes(8, "big") + b"\x17\x03\x03" + len(sealed).to_bytes(2, "big")
    fragment = sealed + hmac.digest(SECRET, around + sealed, "sha256")
    return b"\x17\x03\x03" + len(fragment).to_bytes(2, "big") + fragment


def _cbc_reader() -> Protection:
    return protection12((SECRET, SECRET[:16], b""), _CBC, encrypt_then_mac=True)


def test_cbc_is_opened_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is more than one call of a cipher."""
    records = [(_cbc(at, content), content) for at, content in enumerate((b"one", b"", b"three" * 9))]
    data = b"".join(record for record, _ in records)
    assert isinstance(_cbc_reader(), Cbc12)
    assert _both(_cbc_reader, data) == (_expected(records, 16), 3)
    for size in range(len(data)):
        assert _both(_cbc_reader, data[:size]).run.end <= size
    monkeypatch.setattr(netviz.layers.tls.run, "_one_by_one", lambda *_: _EMPTY)
    assert open_run(_cbc_reader(), bytearray(data), len(data)) == _EMPTY


# What a cipher may do


@pytest.mark.parametrize("error", [
    UnforeseenError("so"), MemoryError(), KeyboardInterrupt(), TypeError("so"), OverflowError(),
])  # fmt: skip
def test_what_a_cipher_raises_comes_through(sealer: Sealer, error: BaseException) -> None:
    """Only what says that a record is not authentic ends a run in silence."""
    record = sealer.seal(b"a")
    for way in (open_run, _in_python):
        protection, data = with_cipher(sealer.reader(), raises(error)), bytearray(record)
        with pytest.raises(type(error)) as caught:
            way(protection, data, len(data))
        assert caught.value is error
        assert protection.seq == 0


@_in_c
def test_what_a_cipher_refuses_ends_the_run() -> None:
    odd = Odd(raises(ValueError("no")))
    assert open_run(odd, bytearray(RECORD), 25) == _EMPTY
    assert odd.seq == 5


@_in_c
def test_an_error_behind_records_that_were_opened() -> None:
    answers: Iterator[bytes] = iter([b"a\x17", b"b\x17"])

    def decrypt(*_: object) -> bytes:
        return next(answers)

    odd, data = Odd(decrypt), bytearray(RECORD * 3)
    with pytest.raises(StopIteration):
        open_run(odd, data, len(data))
    assert odd.seq == 5
    data.append(0)


@_in_c
@pytest.mark.parametrize("answer", [None, "text", 5, bytearray(b"a\x17"), memoryview(b"a\x17")])
def test_what_is_decrypted_is_bytes(answer: object) -> None:
    with pytest.raises(TypeError, match="must be bytes"):
        open_run(Odd(lambda *_: answer), bytearray(RECORD), 25)


@_in_c
@pytest.mark.parametrize("modern", [True, False])
def test_a_cipher_that_makes_more_than_there_was(modern: bool) -> None:
    """There is room for what the records can hold."""
    odd = Odd(lambda *_: bytes([1]) * 100_000 + b"\x17", modern=modern)
    assert open_run(odd, bytearray(RECORD * 2), 50) == _EMPTY
    some = Odd(lambda *_: bytes([1]) * 30 + b"\x17", modern=modern)
    assert open_run(some, bytearray(RECORD * 2), 50).end == 25


@_in_c
@pytest.mark.parametrize("answer", [b"", bytes(1), bytes(40)])
def test_nothing_but_padding_has_no_type(answer: bytes) -> None:
    assert open_run(Odd(lambda *_: answer), bytearray(RECORD), 25) == _EMPTY


@_in_c
def test_what_a_cipher_is_given() -> None:
    """The nonce, the fragment without what is before it, and what is authenticated with it."""
    given: list[tuple[bytes, ...]] = []

    def decrypt(*parts: bytes | memoryview) -> bytes:
        given.append(tuple(map(bytes, parts)))
        return b"a\x17"

    data = b"\x17\x03\x01\x00\x14" + bytes(range(20))
    open_run(Odd(decrypt), bytearray(data), 25)
    open_run(Odd(decrypt, modern=False), bytearray(data), 25)
    open_run(Odd(decrypt, modern=False, before=8, number=0xC0AE), bytearray(data), 25)
    assert given == [
        (bytes(11) + b"\5", data[5:], b"\x17\x03\x03\x00\x14"),
        (bytes(11) + b"\5", data[5:], bytes(7) + b"\5\x17\x03\x03\x00\x04"),
        (bytes(4) + data[5:13], data[13:], bytes(7) + b"\5\x17\x03\x03\x00\x04"),
    ]


@_in_c
def test_a_cipher_cannot_take_the_data_away() -> None:
    data = bytearray(RECORD)

    def decrypt(*_: object) -> bytes:
        data.clear()
        return b""

    with pytest.raises(BufferError):
        open_run(Odd(decrypt), data, len(data))
    assert data == RECORD
    data.append(0)


def _cipher(**changes: Any) -> tuple[Any, ...]:
    usual: dict[str, Any] = {
        "decrypt": lambda *_: b"a\x17", "refused": (ValueError,), "iv": bytes(12), "before": 0, "tag": 16, "modern": True,
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _call(**changes: Any) -> tuple[Any, ...]:
    usual: dict[str, Any] = {
        "cipher": _cipher(), "seq": 0, "data": bytearray(RECORD), "available": 25, "largest": LARGEST,
    }  # fmt: skip
    return tuple({**usual, **changes}.values())


def _with(**changes: Any) -> tuple[Any, ...]:
    return _call(cipher=_cipher(**changes))


_MOST = (1 << 63) - 1

#: What C is given, and what it says; where it says nothing the run is empty.
_HOSTILE: dict[str, tuple[tuple[Any, ...], type[Exception] | None]] = {
    "nothing": ((), TypeError),
    "too little": (_call()[:-1], TypeError),
    "too much": ((*_call(), 1), TypeError),
    "no cipher": (_with(decrypt=None), TypeError),
    "a cipher of two arguments": (_with(decrypt=lambda a, b: b""), TypeError),
    "a cipher that is nothing": (_call(cipher=None), TypeError),
    "a cipher that is a list": (_call(cipher=list(_cipher())), TypeError),
    "a cipher that is a call": (_call(cipher=bytes), TypeError),
    "a cipher of nothing": (_call(cipher=()), TypeError),
    "less than a cipher": (_call(cipher=_cipher()[:-1]), TypeError),
    "more than a cipher": (_call(cipher=(*_cipher(), 1)), TypeError),
    "what is refused is nothing": (_with(decrypt=raises(KeyError()), refused=None), KeyError),
    "what is refused is no error": (_with(decrypt=raises(KeyError()), refused=(5, "x")), KeyError),
    "data is nothing": (_call(data=None), TypeError),
    "data is text": (_call(data="x" * 25), TypeError),
    "data has steps": (_call(data=memoryview(bytes(50))[::2]), BufferError),
    "so much is text": (_call(available="25"), TypeError),
    "so much is a fraction": (_call(available=25.0), TypeError),
    "less than nothing": (_call(available=-1), ValueError),
    "far less than nothing": (_call(available=-_MOST - 1), ValueError),
    "beyond 64 bits": (_call(available=1 << 64), OverflowError),
    "a number that is text": (_call(seq="0"), TypeError),
    "a number that is nothing": (_call(seq=None), TypeError),
    "no nonce": (_with(iv=b""), ValueError),
    "a short nonce": (_with(iv=bytes(11)), ValueError),
    "a long nonce": (_with(iv=bytes(13)), ValueError),
    "a nonce that may change": (_with(iv=bytearray(12)), TypeError),
    "a nonce that is nothing": (_with(iv=None), TypeError),
    "a nonce that is text": (_with(iv="x" * 12), TypeError),
    "less than nothing in front": (_with(before=-8), ValueError),
    "other bytes in front": (_with(before=16), ValueError),
    "far too much in front": (_with(before=_MOST), ValueError),
    "in front beyond 64 bits": (_with(before=1 << 64), OverflowError),
    "less than no tag": (_with(tag=-1), ValueError),
    "far less than no tag": (_with(tag=-_MOST - 1), ValueError),
    "a tag beyond 64 bits": (_with(tag=1 << 64), OverflowError),
    "a tag longer than the fragment": (_with(tag=21), None),
    "a tag longer than everything": (_with(tag=_MOST), None),
    "such a tag and bytes in front": (_with(tag=_MOST, before=8), None),
    "no fragment fits": (_call(largest=-_MOST - 1), None),
    "a fragment as long as it likes": (_call(largest=_MOST, data=b"\x17\x03\x03\xff\xff" + bytes(20)), None),
    "no data": (_call(data=b""), None),
    "nothing of it": (_call(available=0), None),
    "not all of it": (_call(available=24), None),
    "a header and no more": (_call(data=RECORD[:5]), None),
}


@_in_c
@pytest.mark.parametrize("name", _HOSTILE)
def test_c_refuses_or_opens_nothing(name: str) -> None:
    given, error = _HOSTILE[name]
    assert native is not None
    if error is None:
        assert native.opened(*given) == ((b"", b""), 0, 0)
    else:
        with pytest.raises(error):
            native.opened(*given)
    for each in given:
        if isinstance(each, bytearray):
            each.append(0)  # raises where somebody still holds it


@_in_c
def test_c_reads_no_further_than_the_data() -> None:
    assert native is not None
    for available in (25, 26, 1 << 40, _MOST):
        assert native.opened(*_call(available=available)) == ((b"a", array("q", [5, 6, 25]).tobytes()), 25, 1)
