"""Films: each segment a scene, with what both ends and the layers are by then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz.footage
from netviz.analysis import analyze, course, trace
from netviz.capture.source import open_capture
from netviz.dissection import dissect
from netviz.errors import NetvizError
from netviz.event import (
    CaptureProblem,
    EngineIoSession,
    Event,
    Peers,
    Scene,
    SocketIoPacket,
    TcpConnection,
    WebSocketFrame,
    WebSocketMessage,
)
from netviz.film import Film, shoot
from netviz.samples import samples
from tests.damage import Memory, mutated
from tests.frames import frame as frame_of
from tests.make import ACK, PSH, START, SYN, Record, ethernet, frame, idb, ipv4, pcap, shb, spb, udp
from tests.talk import c, opened, s, talk
from tests.wire import SERVER
from tests.wire import pcap as wire_pcap

Save = Callable[..., Path]


def _film(name: str, **cut: int) -> Film:
    return Film(shoot(open_capture(samples()[name])), **cut)


def _scenes(film: Film) -> list[Scene]:
    return [film.scene(place) for place in range(len(film))]


def test_every_segment_is_a_scene(capture: Path) -> None:
    film = Film(shoot(open_capture(capture)))
    scenes = _scenes(film)
    connections = [event for event in analyze(open_capture(capture)) if isinstance(event, TcpConnection)]
    segments = sum(side.packets for event in connections for side in event.traffic)
    assert len([scene for scene in scenes if scene.moment is not None]) == segments
    assert len([scene for scene in scenes if scene.icmp is not None]) == sum(len(event.icmp) for event in connections)
    assert [scene.number for scene in scenes] == sorted(scene.number for scene in scenes)
    assert [scene.place for scene in scenes] == list(range(len(scenes)))
    assert sum(scene.last for scene in scenes) == len(connections)
    assert film.times == [scene.time for scene in scenes]


def test_states_are_those_of_the_ladder(capture: Path) -> None:
    film = Film(shoot(open_capture(capture)))
    told = {event.connection: course(event) for event in film.connections}
    before = {number: one.before for number, one in told.items()}
    for scene in _scenes(film):
        number = scene.tcp.connection
        for side, machine in enumerate(scene.machines):
            assert machine.trail[0] == told[number].before[side]
            if scene.moment is None:
                continue
            assert machine.state == scene.moment.states[side]
            assert machine.moved is (machine.state != before[number][side])
            assert machine.inferred == scene.moment.inferred[side]
        if scene.moment is not None:
            before[number] = scene.moment.states


def test_everything_that_layers_tell_is_told_once(capture: Path) -> None:
    """By the scene of the packet that completes it; an upgrade by its request, too."""
    film = Film(shoot(open_capture(capture)))
    told = [event for scene in _scenes(film) for event in scene.told if not isinstance(event, CaptureProblem)]
    messages = [event for event in told if isinstance(event, WebSocketMessage)]
    packets = [event for event in told if isinstance(event, SocketIoPacket)]
    events = [event for event in trace(open_capture(capture)) if not isinstance(event, Peers | EngineIoSession)]
    wanted = [event for event in events if isinstance(event, WebSocketMessage)]
    assert len(messages) == len(wanted)
    assert sorted(map(_which, messages)) == sorted(map(_which, wanted))
    assert len(packets) == sum(isinstance(event, SocketIoPacket) for event in events)
    assert not any(scene.more for scene in _scenes(film))


def _which(event: WebSocketMessage) -> tuple[int, int, int]:
    return event.connection, event.side, event.number


def test_a_message_says_what_its_frame_would() -> None:
    film = _film("websocket")
    frames = [event for scene in _scenes(film) for event in scene.told if isinstance(event, WebSocketFrame)]
    assert frames
    pieces = {
        number
        for scene in _scenes(film)
        for event in scene.told
        if isinstance(event, WebSocketMessage) and event.fragments > 1
        for number in range(event.frames[0], event.frames[1] + 1)
    }
    assert {event.number for event in frames} <= pieces


@pytest.mark.parametrize(
    ("name", "phases"),
    [
        ("websocket", ["", "CONNECTING", "OPEN", "CLOSING", "CLOSED"]),
        ("handshake", ["", "CONNECTING", "OPEN", "CLOSING", "CLOSED"]),
        ("midstream", ["OPEN", "CLOSING", "CLOSED"]),
        ("refused", [""]),
    ],
)
def test_how_far_a_websocket_is(name: str, phases: list[str]) -> None:
    assert list(dict.fromkeys(scene.phase for scene in _scenes(_film(name)))) == phases


def test_an_upgrade_that_is_refused_leaves_nothing_open() -> None:
    last = {scene.tcp.connection: scene.phase for scene in _scenes(_film("rejected"))}
    assert set(last.values()) == {"CLOSED"}


def test_layers_are_those_of_the_packet() -> None:
    film = _film("websocket")
    for scene in _scenes(film):
        alone = dissect(open_capture(samples()["websocket"]), scene.number).layers
        assert [layer.name for layer in scene.layers] == [layer.name for layer in alone if layer.key != "physical"]
        assert [layer.facts for layer in scene.layers] == [layer.facts for layer in alone if layer.key != "physical"]


@pytest.mark.parametrize("name", ["websocket", "ipv6", "unreachable", "socketio"])
def test_a_packet_taken_apart_is_the_same_as_from_the_file(name: str) -> None:
    film = _film(name)
    for place in {0, len(film) // 2, len(film) - 1}:
        number = film.scene(place).number
        assert film.dissect(place) == dissect(open_capture(samples()[name]), number)


def test_an_icmp_error_is_a_scene() -> None:
    film = _film("unreachable")
    first, second = _scenes(film)
    assert first.moment is not None
    assert second.moment is None
    assert second.icmp is not None
    assert "unreachable" in second.icmp.meaning
    assert second.side == 1
    assert [machine.trail for machine in second.machines] == [machine.trail for machine in first.machines]
    assert (first.last, second.last) == (False, True)


def test_places_of_packets() -> None:
    film = _film("refused")
    assert [film.place_of(number) for number in (0, 1, 4, 5, 6, 10**9)] == [0, 0, 0, 1, 1, 1]


def test_recent_scenes() -> None:
    film = _film("websocket")
    assert [scene.place for scene in film.recent(0, 5)] == [0]
    assert [scene.place for scene in film.recent(9, 3)] == [7, 8, 9]


def test_no_more_scenes_are_remembered_than_a_screen_needs() -> None:
    film = _film("mixed")
    for place in range(len(film)):
        film.scene(place)
    assert len(film._made) <= 512
    assert film.scene(0).place == 0


def test_a_cut_keeps_the_states() -> None:
    whole = _scenes(_film("websocket"))
    cut = _scenes(_film("websocket", since=20_000_000, until=30_000_000))
    elapsed = {scene.number: (scene.time or 0) - (whole[0].time or 0) for scene in whole}
    assert [scene.number for scene in cut] == [number for number, time in elapsed.items() if 20_000_000 <= time <= 30_000_000]
    assert cut[0].machines[0].trail == ("CLOSED", "SYN-SENT", "ESTABLISHED")
    assert not any(scene.last for scene in cut)
    assert len(_film("websocket", since=10**12)) == 0


def test_one_connection() -> None:
    film = Film(shoot(open_capture(samples()["mixed"]), 8))
    assert {scene.tcp.connection for scene in _scenes(film)} == {8}
    assert any(scene.told for scene in _scenes(film))


@pytest.mark.parametrize(("name", "number", "there"), [("mixed", 99, "has 0 to 51"), ("refused", 1, "has only 0")])
def test_no_such_connection(name: str, number: int, there: str) -> None:
    with pytest.raises(NetvizError, match=f"no connection {number}: the capture {there}"):
        shoot(open_capture(samples()[name]), number)


def test_problems_of_the_capture_are_told_where_they_are() -> None:
    film = _film("cut-file")
    problems = [(scene.place, event) for scene in _scenes(film) for event in scene.told if isinstance(event, CaptureProblem)]
    assert [place for place, _ in problems] == [len(film) - 1]
    assert all(event.problems for _, event in problems)


# Bounds


def _many(connections: int, each: int) -> bytes:
    """Connections one beside the other: a handshake and segments of the client."""
    records = []
    for turn in range(each):
        for number in range(connections):
            time = START + (turn * connections + number) * 1_000
            port = 20_000 + number
            flags, seq = (SYN, 1000) if turn == 0 else (ACK, 1001 + turn * 10)
            records.append(Record(frame(source=port, flags=flags, seq=seq, ack=1, payload=b"0123456789" * (turn > 0)), time))
    return pcap(records)


def test_a_film_ends_where_it_holds_enough(saved: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "PACKETS", 100)
    path = saved(_many(10, 50))
    footage = shoot(open_capture(path))
    assert footage.cut == "the capture goes on: a film holds the first 100 packets"
    film = Film(footage)
    assert (len(film), film.scene(99).number) == (100, 100)
    assert not any(scene.last for scene in _scenes(film))  # nobody knows how they end
    assert shoot(open_capture(saved(_many(10, 10)))).cut == ""


def test_what_is_over_before_a_film_ends_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "PACKETS", 200)
    film = _film("mixed")
    judged = {scene.tcp.connection: scene.tcp for scene in _scenes(film) if scene.last}
    assert 0 < len(judged) < len(film.connections)
    assert all(tcp.outcome == "refused" or (tcp.closing and tcp.closing.how in ("fin", "reset")) for tcp in judged.values())


def test_a_film_holds_so_many_bytes(saved: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "_BYTES", 64 * 54 + 1)
    film = Film(shoot(open_capture(saved(_many(64, 10)))))
    assert len(film) == 64


def test_a_film_says_where_a_connection_is_not_whole(saved: Save) -> None:
    footage = shoot(open_capture(saved(_many(1, 20_003))))
    assert footage.cut == "connection 0 goes on for 3 segments that are not in the film"
    assert len(Film(footage)) == 20_000


def test_any_connection_of_a_larger_capture(saved: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the numbers that it and its packets have in the whole capture."""
    whole = Film(shoot(open_capture(samples()["mixed"]), 43))
    monkeypatch.setattr(netviz.footage, "PACKETS", 200)
    film = Film(shoot(open_capture(samples()["mixed"]), 43))
    assert len(film) > 0
    assert film.footage.cut == ""
    assert [scene.number for scene in _scenes(film)] == [scene.number for scene in _scenes(whole)]
    assert {scene.tcp.connection for scene in _scenes(film)} == {43}
    assert [[event.name for event in scene.told] for scene in _scenes(film)] == [
        [event.name for event in scene.told if not isinstance(event, CaptureProblem)] for scene in _scenes(whole)
    ]
    assert film.dissect(3).connection == 43
    assert film.start == whole.start
    with pytest.raises(NetvizError, match="no connection 999: the capture has 0 to 51"):
        shoot(open_capture(samples()["mixed"]), 999)


def test_few_events_of_a_packet_are_kept_and_the_others_counted(saved: Save) -> None:
    wire = opened()
    wire.server(PSH | ACK, frame_of(9) * 200).close(SERVER)
    film = Film(shoot(open_capture(saved(wire_pcap(wire.packets)))))
    scene = film.scene(film.place_of(6))
    assert (len(footage_events(film, 6)), scene.more) == (50, 2 * 200 - 50)


def test_long_contents_are_not_kept(saved: Save) -> None:
    wire = talk([s(1, "x" * 50_000), c(2, bytes(50_000))])
    film = Film(shoot(open_capture(saved(wire_pcap(wire.packets)))))
    messages = [event for scene in _scenes(film) for event in scene.told if isinstance(event, WebSocketMessage)]
    assert [(event.length, len(event.content or "")) for event in messages[:2]] == [(50_000, 2001), (50_000, 2001)]


def test_arguments_of_large_events_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netviz.footage, "_ARGUMENTS", 500)
    packets = [event for scene in _scenes(_film("socketio")) for event in scene.told if isinstance(event, SocketIoPacket)]
    args = [event.args for event in packets if event.args]
    whole, cut = [one for one in args if one != ("…",)], [one for one in args if one == ("…",)]
    assert args == whole + cut
    assert len(whole) > 2
    assert len(cut) > 1


def test_no_tcp(saved: Save) -> None:
    film = Film(shoot(open_capture(saved(pcap([Record(ethernet(ipv4(udp(payload=b"x"), protocol=17)))] * 3)))))
    assert (len(film), film.footage.packets, film.connections) == (0, 3, ())


def test_packets_without_a_time(saved: Save) -> None:
    data = shb() + idb() + b"".join(spb(Record(frame(flags=flags, seq=seq))) for flags, seq in ((SYN, 1), (ACK, 2)))
    film = Film(shoot(open_capture(saved(data, "x.pcapng"))), since=5)
    assert [(scene.time, scene.silence) for scene in _scenes(film)] == [(None, None), (None, None)]


def test_silence_is_the_time_since_the_scene_before(saved: Save) -> None:
    syn = frame(flags=SYN, seq=1)
    records = [Record(syn), Record(syn, START + 10**9), Record(frame(flags=ACK))]
    film = Film(shoot(open_capture(saved(pcap(records)))))
    assert [scene.silence for scene in _scenes(film)] == [None, 10**9, 0]


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["websocket", "socketio", "refused", "unreachable", "cut-file"]))
def test_a_damaged_capture_is_a_film_all_the_same(rng: Random, name: str) -> None:
    try:
        film = Film(shoot(Memory(mutated(samples()[name].read_bytes(), rng))))
    except NetvizError:
        return  # it is no capture any more
    for scene in _scenes(film):
        assert scene.machines[0].trail
        assert scene.last is (scene.number >= max([s.packet for s in scene.tcp.segments] + [e.packet for e in scene.tcp.icmp]))


def footage_events(film: Film, packet: int) -> list[Event]:
    """What is told of a packet, before anything is left out for the screen."""
    return film.footage.told[packet]
