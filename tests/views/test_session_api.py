"""Calls in a program, as far as packets show them."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.verdicts.broadcast import Broadcast, Told, rows
from netviz.views.session_api import api, emitter, reasons
from tests.sessions import CLIENT, SERVER, Played
from tests.talk import close, upgrade


def _packet(told: Played) -> Told:
    return Told(0, told.trace.packets[-1])


@pytest.mark.parametrize(
    ("told", "client", "server"),
    [
        (Played().emit(1, CLIENT, "say", 1, 2), 'socket.emit("say", …, …)', 'socket.on("say", …)'),
        (Played().emit(1, CLIENT, "say"), 'socket.emit("say")', 'socket.on("say", …)'),
        (Played().emit(1, CLIENT, "say", 1, number=1), 'socket.emit("say", …, callback)', 'socket.on("say", …, ack)'),
        (Played().emit(1, SERVER, "say", 1), 'socket.on("say", …)', 'socket.emit("say", …)'),
        (Played().emit(1, SERVER, "say", 1, number=1), 'socket.on("say", …)', 'socket.emit("say", …, callback)'),
        (Played().say(1, CLIENT, "CONNECT"), 'io("/")', "io.use(…), if any"),
        (Played().say(1, CLIENT, "CONNECT", {"a": 1}, ns="/x"), 'io("/x", { auth })', 'io.of("/x").use(…), if any'),
        (Played().connect(1), 'socket.on("connect", …)', 'io.on("connection", …)'),
        (Played().connect(1, "/x"), 'socket.on("connect", …)', 'io.of("/x").on("connection", …)'),
        (Played().refuse(1, "/x", "no"), 'socket.on("connect_error", …)', 'next(new Error(…)) in io.of("/x").use(…)'),
        (Played().refuse(1, "/x", "Invalid namespace"), 'socket.on("connect_error", …)', 'no io.of("/x")'),
        (Played().bye(1), "socket.disconnect()", 'socket.on("disconnect", …)'),
        (Played().bye(1, SERVER), 'socket.on("disconnect", …)', "socket.disconnect()"),
    ],
)
def test_packets(told: Played, client: str, server: str) -> None:
    assert api(_packet(told)) == (client, server)


def test_acks() -> None:
    told = Played().emit(1, CLIENT, "say", number=1).ack(2, SERVER, 1, "ok")
    assert api(_packet(told), "say") == ('callback of socket.emit("say", …)', 'ack(…) in socket.on("say", …)')
    told = Played().emit(1, SERVER, "ask", number=1).ack(2, CLIENT, 1)
    assert api(_packet(told)) == ("ack() in socket.on(…, …)", "callback of socket.emit(…, …)")


def test_what_is_no_call() -> None:
    assert api(_packet(Played().say(1, CLIENT, "unknown"))) is None


def test_other_rows() -> None:
    heard = 'socket.on("disconnect", …)'
    assert api(close(by="server")) == (heard, "")
    assert api(close(by="client")) == ("", heard)
    assert api(close(by=None, transport_by="server")) == (heard, "")
    assert api(Played().engine(1, CLIENT, "close").trace.control[-1]) == ("socket.disconnect()", heard)
    assert api(Played().engine(1, SERVER, "close").trace.control[-1]) == (heard, "")
    assert (api(upgrade(status=400)) or ("",))[0] == 'socket.on("connect_error", …)'


@pytest.mark.parametrize(
    ("changes", "row", "call"),
    [
        ({}, "io.emit", 'io.emit("m", …)'),
        ({"of": 5}, "io.to(…).emit", 'io.to(…).emit("m", …)'),
        ({"room": "r"}, "io.emit", 'io.to("r").emit("m", …) or io.emit("m", …)'),
        ({"room": "r", "of": 5}, 'io.to("r").emit', 'io.to("r").emit("m", …)'),
        ({"room": "r", "of": 3, "without": 2}, 'socket.to("r").emit', 'socket.to("r").emit("m", …)'),
        ({"of": 3, "without": 2}, "socket.broadcast.emit", 'socket.broadcast.emit("m", …)'),
    ],
)
def test_broadcasts(changes: dict[str, Any], row: str, call: str) -> None:
    sessions = [Played(number).emit(1 + number, SERVER, "m", 1) for number in range(2)]
    (found,) = rows([one.trace for one in sessions])
    assert isinstance(found, Broadcast)
    found = Broadcast(**{"copies": found.copies, "spread": found.spread, "of": 2, **changes})
    assert emitter(found) == row
    assert api(found) == ('socket.on("m", …)', call)


def test_broadcasts_in_a_namespace() -> None:
    sessions = [Played(number).emit(1 + number, SERVER, "m", ns="/x") for number in range(2)]
    (found,) = rows([one.trace for one in sessions])
    assert emitter(found) == "io.emit"
    assert api(found) == ('socket.on("m", …)', 'io.of("/x").emit("m")')


@pytest.mark.parametrize(("side", "who"), [(CLIENT, "client"), (SERVER, "server")])
def test_reasons(side: int, who: str) -> None:
    assert reasons(Played().bye(1, side).trace.packets[-1]) == (f"io {who} disconnect", f"{who} namespace disconnect")
