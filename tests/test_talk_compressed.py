"""Compressed messages that are read many at once: all is the same, and where one cannot be inflated nothing has happened."""

from __future__ import annotations

import zlib

import pytest

import netviz.talk
from tests.bulk import UP, Speaker
from tests.frames import BINARY, TEXT, accepted, request
from tests.talk import Line, c, s
from tests.wire import CLIENT, SERVER

_COUNT = 8


class _Squeezer:
    """What one side sends, compressed as RFC 7692 section 7.2.1 says, with a window that is kept or not."""

    def __init__(self, *, takeover: bool) -> None:
        self._takeover = takeover
        self._made = zlib.compressobj(wbits=-15)

    def __call__(self, content: bytes) -> bytes:
        made = (self._made.compress(content) + self._made.flush(zlib.Z_SYNC_FLUSH))[:-4]
        if not self._takeover:
            self._made = zlib.compressobj(wbits=-15)
        return made


def _switch(extension: str) -> list[Line]:
    return [(CLIENT, request(extensions=extension)), (SERVER, accepted(extensions=extension))]


def _lines(extension: str, client: _Squeezer, server: _Squeezer, odd: bytes | None = None) -> list[Line]:
    """Messages of both sides, and in the middle an odd one of the server, compressed as it is given."""
    lines = _switch(extension)
    for place in range(_COUNT):
        text = f"grüße {place} ".encode() * 9
        lines += [c(TEXT, client(text), rsv=4), c(TEXT, text), s(BINARY, server(text), rsv=4), s(TEXT, server(b""), rsv=4)]
        if odd is not None and place == _COUNT // 2:
            lines.append(s(TEXT, odd, rsv=4))
    return lines


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    return Speaker(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(autouse=True)
def any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is worth its while, however small it is."""
    monkeypatch.setattr(netviz.talk, "_WORTHWHILE", 1)


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("client", [True, False])
@pytest.mark.parametrize("server", [True, False])
def test_windows_that_are_kept_or_not(client: bool, server: bool, speaker: Speaker) -> None:
    extension = (
        "permessage-deflate" + "; client_no_context_takeover" * (not client) + "; server_no_context_takeover" * (not server)
    )
    packets = speaker.talk(_lines(extension, _Squeezer(takeover=client), _Squeezer(takeover=server)))
    assert speaker.alike(packets).together == 4 * _COUNT
    for rows in (1, 3, 10):
        assert speaker.alike(packets, rows).together > 0


_ODD = {
    "damaged": b"\xff\xff",
    "text that is no UTF-8": _Squeezer(takeover=False)(b"\xff"),
    "more than the limit": _Squeezer(takeover=False)(b"x" * 301),
    "as much as the limit": _Squeezer(takeover=False)(b"x" * 300),
}


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("name", _ODD)
@pytest.mark.parametrize("takeover", [True, False])
def test_one_that_needs_the_layer(name: str, takeover: bool, speaker: Speaker) -> None:
    """Both sides are read as if nobody had tried, and what could be inflated before can be inflated behind it."""
    extension = "permessage-deflate" + "; server_no_context_takeover" * (not takeover)
    lines = _lines(extension, _Squeezer(takeover=True), _Squeezer(takeover=takeover), _ODD[name])
    packets = speaker.talk(lines)
    whole = speaker.alike(packets, limit=300)
    assert whole.together == (4 * _COUNT + 1 if name == "as much as the limit" else 0)
    for rows in (1, 4, 9):
        assert speaker.alike(packets, rows, limit=300).together > 0


def test_compressed_without_having_agreed(speaker: Speaker) -> None:
    packets = speaker.talk([*UP, *_lines("", _Squeezer(takeover=True), _Squeezer(takeover=True))[2:]])
    assert speaker.alike(packets).together == 0
