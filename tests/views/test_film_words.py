"""What scenes say: beside their arrow, in sentences, and as plain lines."""

from __future__ import annotations

import pytest

from netviz.capture.source import open_capture
from netviz.event import Scene
from netviz.film import Film, shoot
from netviz.samples import samples
from netviz.verdicts.neighbours import Neighbours
from netviz.views.film_words import carries, essential, sentences
from netviz.views.stack import stack_lines, stack_sum


def _film(name: str) -> Film:
    return Film(shoot(open_capture(samples()[name])))


def _scene(name: str, packet: int) -> Scene:
    film = _film(name)
    return film.scene(film.place_of(packet))


@pytest.mark.parametrize(
    ("name", "packet", "words"),
    [
        ("websocket", 1, ""),
        ("websocket", 4, "upgrade: GET /echo"),
        ("websocket", 6, "101 Switching Protocols"),
        ("websocket", 9, "text “温度计读数 21.5℃”"),
        ("websocket", 10, "binary 33 bytes"),
        ("websocket", 11, "ping 4 bytes"),
        ("websocket", 21, "text frame, first piece"),
        ("websocket", 37, "close 1000 normal closure"),
        ("socketio", 36, "Engine.IO ping “probe”"),
        ("socketio", 62, 'emit("echo", "bitte Tür schließen — 3 Grad", 17, null, true, {"deep":[1,…) #1'),
        ("socketio", 73, 'ack(42, {"unit":"boxes"}) #0'),
        ("socketio", 75, "disconnect /"),
        ("socketio", 78, ""),
        ("rejected", 6, "400 Bad Request"),
        ("mixed", 14, "HTTP/1.1 200 OK"),
    ],
)
def test_what_an_arrow_carries(name: str, packet: int, words: str) -> None:
    assert carries(_scene(name, packet)) == words


@pytest.mark.parametrize(
    ("name", "packet", "said"),
    [
        ("websocket", 1, [("TCP", "May I talk to you?"), ("states", "client CLOSED → SYN-SENT, server LISTEN → SYN-RECEIVED")]),
        ("websocket", 4, [("TCP", "198 bytes"), ("upgrade", "GET /echo: may this connection go on as a WebSocket?")]),
        ("websocket", 6, [("TCP", "203 bytes"), ("upgrade", "101 Switching Protocols: ✓ Accept is computed")]),
        ("websocket", 9, [("TCP", "29 bytes"), ("WebSocket", "client sends message 2, text, 23 bytes: “温度计读数 21.5℃”")]),
        ("websocket", 13, [("TCP", "6 bytes"), ("WebSocket", "pong, 4 bytes, the answer to ping 4 after 283 µs")]),
        ("websocket", 21, [("TCP", "13 bytes"), ("frame", "frame 14, first piece of a message: 7 bytes")]),
        ("websocket", 41, [("TCP", "I know that you are done"), ("states", "LAST-ACK → CLOSED"), ("verdict", "✓ ESTABLISHED"),
                           ("WebSocket", "it is over, after close frames of both: 1000 normal closure")]),
        ("refused", 5, [("TCP", "Nobody is listening"), ("states", "SYN-SENT → CLOSED"), ("verdict", "✗ REFUSED")]),
        ("unreachable", 4, [("ICMP", "10.20.0.2 answers for the server: host unreachable"), ("verdict", "✗ UNREACHABLE")]),
        ("socketio", 62, [("TCP", "108 bytes"), ("Socket.IO", 'client: emit("echo", "bitte'), ]),
        ("socketio", 64, [("TCP", "97 bytes"), ("Socket.IO", "1.38 ms after the event")]),
        ("socketio", 40, [("TCP", "8 bytes"), ("Engine.IO", "server sends pong, 11.5 ms after the ping: probe")]),
    ],
)  # fmt: skip
def test_sentences(name: str, packet: int, said: list[tuple[str, str]]) -> None:
    film = _film(name)
    scene = film.scene(film.place_of(packet))
    found = list(sentences(scene, Neighbours(), film.start))
    assert [one.who for one in found] == [who for who, _ in said]
    for one, (_, words) in zip(found, said, strict=True):
        assert words in one.text


def test_polling_tells_the_request_and_what_it_brings() -> None:
    found = [one.who for one in sentences(_scene("socketio", 49), Neighbours(), None)]
    assert found == ["TCP", "polling", "Socket.IO"]


def test_an_event_with_attachments_is_told_when_it_is_whole() -> None:
    """Its first message is shown as what it is on the wire."""
    film = _film("socketio-binary")
    place = film.place_of(41)
    assert carries(film.scene(place)).startswith("text “451-0[")
    later = [carries(film.scene(one)) for one in range(place + 1, len(film))]
    assert any(words.startswith('emit("upload"') for words in later)


def test_nothing_is_told_twice() -> None:
    for name in ("socketio", "socketio-polling", "websocket", "deflate"):
        film = _film(name)
        for place in range(len(film)):
            scene = film.scene(place)
            kept = essential(scene)
            assert len(kept) <= len(scene.told)
            assert bool(kept) is bool(scene.told)


def test_a_violation_is_told_with_its_rule() -> None:
    film = _film("violations")
    told = [
        one.text
        for place in range(len(film))
        for one in sentences(film.scene(place), Neighbours(), film.start)
        if one.who == "problem"
    ]
    assert any("RFC 6455" in text for text in told)
    assert all(text.startswith("✗ ") for text in told)


def test_layers_as_a_sum() -> None:
    (line,) = stack_sum(_scene("websocket", 9), 80, 2)
    assert line.plain == " 14 Ethernet II + 20 IPv4 + 32 TCP + 6 WebSocket + 23 message = 95 bytes"
    (line,) = stack_sum(_scene("websocket", 15), 80, 2)
    assert line.plain == " 14 Ethernet II + 20 IPv4 + 32 TCP + 6 WebSocket + 88 message = 160 bytes"


def test_layers_as_lines() -> None:
    lines = [line.plain for line in stack_lines(_scene("socketio", 62), 120, 8)]
    assert [line[:16].strip() for line in lines] == [
        *["7 application"] * 3, "6 presentation", "5 session", "4 transport", "3 network", "2 data link",
    ]  # fmt: skip
    assert 'Socket.IO EVENT "echo"' in lines[0]
    assert "Engine.IO message" in lines[1]
    assert "102 B" in lines[2]
    assert len(stack_lines(_scene("socketio", 62), 120, 3)) == 3
    fewer = [line.plain.split()[1] for line in stack_lines(_scene("socketio", 62), 120, 7)]
    assert "presentation" not in fewer
