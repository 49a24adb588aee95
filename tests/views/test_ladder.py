"""The ladder: client left and server right, an arrow for each segment, states beside it, numbers where they fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from netviz.analysis import course
from netviz.event import Course, TcpConnection
from netviz.views.ladder import Clock, Rungs, ladder
from tests.wire import ACK, FIN, PSH, RST, SERVER, SYN, Wire

_OPEN = Wire().open().client(PSH | ACK, b"hello").server(ACK).close(SERVER)


def _draw(connection: TcpConnection, width: int = 80, show: Clock = "elapsed", whole: Course | None = None) -> list[str]:
    lines = ladder(connection, whole or course(connection), connection.start, width, Rungs(show))
    return [line.plain.rstrip() for line in lines]


def _arrows(lines: list[str]) -> list[str]:
    return [line for line in lines if "──" in line]


def test_heads_say_who_is_who() -> None:
    connection = Wire(("fd20::1", 40000), ("fd20::2", 80)).open().connection()
    assert [line.split() for line in _draw(connection)[:3]] == [
        ["CLIENT", "SERVER"], ["fd20::1", "fd20::2"], ["port", "40000", "port", "80"],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100, 117, 118, 120, 200])
def test_arrows_point_away_from_the_sender(width: int) -> None:
    connection = _OPEN.connection()
    arrows = _arrows(_draw(connection, width))
    moments = course(connection).moments
    assert ["▶" in line for line in arrows] == [moment.segment.side == 0 for moment in moments]
    assert ["◀" in line for line in arrows] == [moment.segment.side == 1 for moment in moments]
    assert [moment.what in line for moment, line in zip(moments, arrows, strict=True)] == [True] * len(moments)


def test_both_ends_on_one_machine_do_not_share_a_column() -> None:
    connection = Wire(("127.0.0.1", 40000), ("127.0.0.1", 80)).open().connection()
    arrows = _arrows(_draw(connection))
    assert [line.count("▶") - line.count("◀") for line in arrows] == [1, -1, 1]


@pytest.mark.parametrize("width", [60, 80, 118, 200])
@pytest.mark.parametrize(
    "wire",
    [
        _OPEN,
        Wire(("2001:db8:1111:2222:3333:4444:5555:6666", 40000), ("2001:db8:1111:2222:3333:4444:5555:7777", 80)).open(),
        Wire(isn=(4_294_967_290, 4_294_967_291)).open().client(PSH | ACK, b"x" * 1400).server(RST | ACK),
        Wire().wait(1_000_000).open().close(),
    ],
)
def test_no_line_is_wider_than_the_screen(wire: Wire, width: int) -> None:
    lines = _draw(wire.connection(), width)
    assert [line for line in lines if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [60, 80, 118, 200])
def test_states_stand_under_one_another(width: int) -> None:
    arrows = _arrows(_draw(_OPEN.connection(), width))
    begins = {line.index("──" if "▶" in line else "◀") for line in arrows}
    assert len(begins) == 1
    assert [line[: min(begins)].split()[-1] for line in arrows][:3] == ["SYN-SENT", "ESTABLISHED", "ESTABLISHED"]
    assert "SYN-RECEIVED" in arrows[0]


def test_what_is_inferred_is_marked_and_explained() -> None:
    lines = _draw(Wire().open().connection())
    assert "ESTABLISHED?" in _arrows(lines)[2]
    assert "? inferred" in lines[-1]


def test_nothing_is_explained_that_is_not_there() -> None:
    connection = _OPEN.connection()
    whole = course(connection)
    sure = replace(whole, moments=tuple(moment._replace(inferred=(False, False)) for moment in whole.moments))
    lines = _draw(connection, whole=sure)
    assert not any("inferred" in line for line in lines)
    assert not any("?" in line for line in _arrows(lines))


def test_what_is_left_out_is_counted() -> None:
    wire = Wire().open()
    for _ in range(40):
        wire.client(PSH | ACK, b"x").server(ACK)
    lines = _draw(wire.close().connection())
    folded = [line for line in lines if "⋮" in line]
    shown = len(_arrows(lines))
    assert [line.split()[1:4] for line in folded] == [[str(3 + 80 + 3 - shown), "more", "segments,"]]


def test_one_segment_left_out_is_singular() -> None:
    wire = Wire().open().client(PSH | ACK, b"x")
    connection = wire.close().connection()
    folded = [line for line in _draw(connection) if "⋮" in line]
    assert len(folded) == 1
    assert "1 more segment," in folded[0]


_TIMES = [
    ("elapsed", ["0.000000", "0.001000", "0.002000"]),
    ("delta", ["0.000000", "+0.001000", "+0.001000"]),
    ("absolute", ["22:13:20.000000", "22:13:20.001000", "22:13:20.002000"]),
]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize(("show", "times"), _TIMES)
def test_times(show: Clock, times: list[str], width: int) -> None:
    arrows = _arrows(_draw(Wire().open().connection(), width, show))
    assert [time in line.split() for time, line in zip(times, arrows, strict=True)] == [True, True, True]


def test_packets_without_a_time() -> None:
    connection = Wire().open().connection()
    whole = course(connection)
    timeless = tuple(moment._replace(segment=moment.segment._replace(time=None)) for moment in whole.moments)
    arrows = _arrows(_draw(connection, whole=replace(whole, moments=timeless)))
    assert ["no time" in line for line in arrows] == [True, True, True]


@pytest.mark.parametrize(
    ("width", "label"),
    [(60, "SYN seq=0"), (80, "SYN seq=0 (1000)"), (200, "SYN seq=0 (1000)")],
)
def test_numbers_are_shown_where_they_fit(width: int, label: str) -> None:
    first = _arrows(_draw(Wire().open().connection(), width))[0]
    assert f"── {label} ──" in first


@pytest.mark.parametrize(
    ("wire", "label"),
    [
        (Wire().open((b"", b"")), "ACK seq=1 (1001) ack=1 (5001)"),
        (Wire().client(SYN, b"hello").server(SYN | ACK).client(ACK), "SYN seq=0 (1000) +5 B"),
        (Wire().open().close(), "FIN seq=1 (1001) ack=1 (5001)"),
        (Wire(isn=(4_294_967_295, 0)).open(), "ACK seq=1 (0) ack=1 (1)"),
    ],
)
def test_numbers_are_relative_then_absolute(wire: Wire, label: str) -> None:
    assert any(label in line for line in _draw(wire.connection(), 200))


@pytest.mark.parametrize(("width", "numbered"), [(60, False), (80, True), (120, True)])
def test_packets_are_numbered_where_there_is_room(width: int, numbered: bool) -> None:
    lines = _arrows(_draw(Wire().open().connection(), width))
    assert [line.startswith(f"#{index} ") for index, line in enumerate(lines, 1)] == [numbered] * 3


@pytest.mark.parametrize("width", [60, 80, 120])
def test_words_say_what_a_segment_means(width: int) -> None:
    text = " ".join(" ".join(_draw(_OPEN.connection(), width)).split())
    assert text.count("“") == text.count("”") == len(course(_OPEN.connection()).moments)
    assert "“May I talk to you?" in text


def test_flags_together_are_one_segment() -> None:
    connection = Wire().open().client(FIN | PSH | ACK, b"bye").server(RST | ACK).connection()
    arrows = _arrows(_draw(connection, 120))
    assert "FIN" in arrows[3]
    assert "+3 B" in arrows[3]
    assert "RST" in arrows[4]


def test_styles_tell_a_reset_from_the_rest() -> None:
    connection = Wire().client(SYN).server(RST | ACK).connection()
    lines = [line for line in ladder(connection, course(connection), connection.start, 80, Rungs()) if "──" in line.plain]
    styles = [{str(span.style) for span in line.spans} for line in lines]
    assert "problem" not in styles[0]
    assert "problem" in styles[1]
