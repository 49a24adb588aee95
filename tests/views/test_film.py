"""Pictures of a film: right at every size, safe whatever was on the wire, and as they were approved."""

from __future__ import annotations

import math
import os
from pathlib import Path
from random import Random

import pytest

import netviz.footage
from netviz.capture.source import open_capture
from netviz.errors import NetvizError
from netviz.film import Film, shoot
from netviz.samples import samples
from netviz.views.film import Status, help_page, page, speed_words
from netviz.views.theme import ASCII
from tests.damage import Memory, mutated
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.run import ROOT
from tests.talk import c, s, talk
from tests.views.pictures import painted
from tests.wire import pcap

_SIZES = [(60, 20), (80, 24), (120, 40), (200, 60)]
_ODD = [(1, 1), (5, 3), (20, 8), (40, 12), (60, 11), (99, 60), (100, 27), (100, 28), (300, 15)]


def _film(name: str) -> Film:
    return Film(shoot(open_capture(samples()[name])))


def _text(film: Film, place: int, width: int, height: int, status: Status | None = None) -> str:
    return "\n".join(lines_of(painted(film, place, width, height, status)))


@pytest.mark.parametrize("name", sorted(samples()))
def test_every_picture_fits(name: str) -> None:
    film = _film(name)
    places = range(len(film)) if len(film) < 100 else [*range(0, len(film), len(film) // 60), len(film) - 1]
    for place in places:
        for width, height in _SIZES if place % 10 == 0 else _SIZES[:1]:
            lines = lines_of(painted(film, place, width, height))
            assert len(lines) == height
            assert wider(lines, width) == []
            assert not dangerous("".join(lines))


@pytest.mark.parametrize(("width", "height"), _ODD)
def test_odd_sizes_fit(width: int, height: int) -> None:
    for name in ("websocket", "socketio", "ipv6", "unreachable"):
        film = _film(name)
        for place in range(0, len(film), 5):
            lines = lines_of(painted(film, place, width, height))
            assert len(lines) == height
            assert wider(lines, width) == []


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_whatever_is_on_the_wire_is_drawn_as_text(name: str) -> None:
    text = HOSTILE[name].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    wire = talk([c(1, text), s(1, text), s(9, text[:20].encode()[:60]), s(8, b"\x03\xe8" + text.encode()[:60])])
    film = Film(shoot(Memory(pcap(wire.packets))), None)
    for place in range(len(film)):
        for width, height in _SIZES:
            lines = lines_of(painted(film, place, width, height, name=text))
            assert len(lines) == height
            assert wider(lines, width) == []
            assert not dangerous("".join(lines))


def test_a_damaged_capture_is_drawn() -> None:
    rng = Random(7)
    drawn = 0
    for name in ("websocket", "socketio", "unreachable", "mixed"):
        original = samples()[name].read_bytes()
        for _ in range(4):
            try:
                film = Film(shoot(Memory(mutated(original, rng))))
            except NetvizError:
                continue
            for place in range(0, len(film), max(len(film) // 10, 1)):
                lines = lines_of(painted(film, place, 60, 20)) + lines_of(painted(film, place, 120, 40))
                assert not dangerous("".join(lines))
                drawn += 1
    assert drawn > 30


def test_every_sign_has_a_stand_in() -> None:
    for name in ("websocket", "refused", "socketio-rooms", "unreachable"):
        film = _film(name)
        for place in range(len(film)):
            ours = _text(film, place, 120, 40).translate(ASCII)
            left = {sign for sign in ours if not sign.isascii() and sign in "─━│┊█⋮▶◀→←…·•✓✗“”–×"}
            assert left == set()
    assert "\n".join(lines_of(help_page(80, 30))).translate(ASCII).replace("↑", "").replace("↓", "").isascii()


def test_what_is_shown_is_marked_without_colour() -> None:
    film = _film("handshake")
    for width, height in _SIZES:
        (current,) = (line for line in lines_of(painted(film, 1, width, height)) if "━━" in line and "█" not in line)
        assert "▶ " in current
        assert "SYN-ACK" in current


def test_how_it_is_played() -> None:
    film = _film("handshake")
    for status, words in (
        (Status(1.0, 10**9, clock=film.start), "0.000000 s  1× ▶"),
        (Status(0.1, 10**9, clock=film.start, paused=True), "0.1× paused"),
        (Status(math.inf, 10**9, clock=film.start, over=True), "max end"),
        (Status(1.0, 10**9), "no time"),
    ):
        assert words in lines_of(painted(film, 0, 80, 24, status))[0]
    assert lines_of(painted(film, 0, 80, 24, Status(1.0, 10**9, note="something to say")))[-1] == " something to say"


def test_silence_is_told_while_it_lasts_and_afterwards() -> None:
    film = _film("socketio-heartbeat")
    gaps = [film.scene(place).silence or 0 for place in range(len(film))]
    place = gaps.index(max(gaps))
    before = film.scene(place - 1)
    assert before.time is not None
    status = Status(1.0, 2 * 10**9, clock=before.time + 1_200_000_000)
    assert "⋮ 1.200 s of silence ⋮" in _text(film, place - 1, 80, 40, status)
    assert "of silence ⋮" in _text(film, place, 80, 40)
    assert "of silence, shortened to 1.000 s ⋮" in _text(film, place, 80, 40, Status(1.0, 10**9))
    assert "of silence, shortened to 500 ms ⋮" in _text(film, place, 80, 40, Status(0.1, 500_000_000))


def test_slow_motion_says_how_long_it_takes_here() -> None:
    assert " µs of silence, here 1.000 s ⋮" in _text(_film("websocket"), 1, 80, 40, Status(1e-6, 10**9))


def test_the_last_picture_says_what_is_not_in_the_film(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "PACKETS", 20)
    film = _film("websocket")
    words = "the capture goes on: a film holds the first 20 packets"
    assert [words in _text(film, place, 120, 40) for place in (0, 18, 19)] == [False, False, True]


def test_other_connections_are_faint() -> None:
    film = _film("socketio")
    lines = painted(film, 52, 80, 30)
    rung = next(line for line in lines if " #4 " in line.plain)
    assert all(span.style == "faint" for span in rung.spans if rung.plain[span.start : span.end].strip())


def test_speeds() -> None:
    assert [speed_words(speed) for speed in (1, 0.1, 10, 1e-6, 2.5, 1e-9, math.inf)] == [
        "1×", "0.1×", "10×", "0.000001×", "2.5×", "1e-09×", "max",
    ]  # fmt: skip


def test_a_page_is_cut_and_filled_up() -> None:
    from rich.text import Text

    assert [line.plain for line in page([Text("温度计"), Text("ab")], 3, 3)] == ["温", "ab", ""]
    assert [line.plain for line in page([Text("a"), Text("b")], 3, 1)] == ["a"]


# As approved

_GOLDEN = ROOT / "tests" / "golden" / "film"
_APPROVED = [
    ("handshake", 5, 60, 20), ("handshake", 5, 120, 40), ("websocket", 9, 60, 20), ("websocket", 9, 120, 40),
    ("websocket", 15, 80, 24), ("websocket", 41, 60, 20), ("refused", 5, 120, 40), ("unreachable", 4, 80, 24),
    ("socketio", 49, 120, 40), ("socketio", 49, 60, 20), ("socketio-rooms", 146, 200, 60), ("mixed", 400, 120, 40),
    ("cut-file", 12, 80, 24), ("deflate", 20, 80, 30),
]  # fmt: skip


@pytest.mark.parametrize(("name", "packet", "width", "height"), _APPROVED)
def test_pictures_are_as_approved(name: str, packet: int, width: int, height: int) -> None:
    film = _film(name)
    lines = lines_of(painted(film, film.place_of(packet), width, height, name=name))
    text = "".join(f"{line.rstrip()}\n" for line in lines)
    path = _path(name, packet, width, height)
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_approved_picture_is_left_over() -> None:
    assert set(_GOLDEN.iterdir()) == {_path(*case) for case in _APPROVED}


def _path(name: str, packet: int, width: int, height: int) -> Path:
    return _GOLDEN / f"{name}-{packet}-{width}x{height}.txt"
