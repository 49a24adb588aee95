"""How sessions end: heartbeats that stop, by the limits of both versions, and what ends them otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.event import EngineIoPacket, Handshake
from netviz.verdicts.session_end import Ending, ending
from tests.engine import engine, scripted, socket
from tests.talk import close
from tests.wire import CLIENT, SERVER, START

_MS = 1_000_000

#: Pings every second, patience of half a second.
_BEAT = Handshake((), 1000, 500, None)


def _ended(*packets: EngineIoPacket, at: float, by: str = "server", version: int = 4, **changes: Any) -> Ending | None:
    """What is said of a WebSocket that a side ended with a close frame so many ms after the beginning."""
    last: tuple[int | None, int | None] = (START, START)
    when = START + round(at * _MS)
    last = (when, START) if by == "client" else (START, when)
    end = close(
        by=by, code=1005, close_packets=(9, 0) if by == "client" else (0, 9), last=last, time=when + 99 * _MS, **changes
    )
    return ending(scripted(*packets, transports=("websocket",), opened=_BEAT, version=version, closes=(end,)))


def _ping(side: int, at: float, **more: Any) -> EngineIoPacket:
    return engine(side, "ping", "", at, **more)


def _pong(side: int, at: float) -> EngineIoPacket:
    return engine(side, "pong", "", at)


#: Packets, who ended it and when, version of Engine.IO, whether that is a ping timeout.
_TIMEOUTS: dict[str, tuple[tuple[EngineIoPacket, ...], str, float, int, bool]] = {
    "the server gives up": ((_ping(SERVER, 1000),), "server", 1502, 4, True),
    "before its time": ((_ping(SERVER, 1000),), "server", 1400, 4, False),
    "long after": ((_ping(SERVER, 1000),), "server", 9000, 4, False),
    "with its pong": ((_ping(SERVER, 1000), _pong(CLIENT, 1100)), "server", 1502, 4, False),
    "with the pong of the ping before": ((_pong(CLIENT, 900), _ping(SERVER, 1000)), "server", 1502, 4, True),
    "the server has sent no ping": ((), "server", 1502, 4, False),
    "a probe is no ping": ((_ping(SERVER, 1000, ), engine(SERVER, "ping", "probe", 1200)), "server", 1502, 4, True),
    "the client gives up": ((_ping(SERVER, 1000), _pong(CLIENT, 1001)), "client", 2503, 4, True),
    "the client, before its time": ((_ping(SERVER, 1000), _pong(CLIENT, 1001)), "client", 2400, 4, False),
    "the client, without any ping": ((), "client", 1501, 4, True),
    "version 3, the client gives up": ((_ping(CLIENT, 1000),), "client", 1502, 3, True),
    "version 3, with its pong": ((_ping(CLIENT, 1000), _pong(SERVER, 1001)), "client", 1502, 3, False),
    "version 3, the server gives up": ((_ping(CLIENT, 1000), _pong(SERVER, 1001)), "server", 2503, 3, True),
    "version 3, the server, before its time": ((_ping(CLIENT, 1000),), "server", 1502, 3, False),
}  # fmt: skip


@pytest.mark.parametrize("name", _TIMEOUTS)
def test_a_heartbeat_that_stopped_is_told_by_its_limits(name: str) -> None:
    packets, by, at, version, late = _TIMEOUTS[name]
    found = _ended(*packets, at=at, by=by, version=version)
    assert found is not None
    assert (found.headline == "PING TIMEOUT") == late
    assert not late or f"the {by} gave up" in found.seen[1].text
    assert not late or found.seen[1].known == "computed"


def test_limits_are_told() -> None:
    found = _ended(_ping(SERVER, 1000), at=1502)
    assert found is not None
    assert found.seen[1].text == "the server gave up 502 ms later, by its limit: pingTimeout (500 ms)"
    found = _ended(_ping(SERVER, 1000), _pong(CLIENT, 1001), at=2503, by="client")
    assert found is not None
    assert "pingInterval + pingTimeout (1,500 ms) after the last ping" in found.seen[1].text


def test_a_close_packet_may_be_a_timeout_too() -> None:
    found = ending(scripted(_ping(SERVER, 1000), engine(SERVER, "close", "", 1501), opened=_BEAT))
    assert found is not None
    assert found.headline == "PING TIMEOUT"


def test_without_limits_nobody_can_tell() -> None:
    end = close(by="server", code=1005, last=(START, START + 1502 * _MS))
    for opened in (None, Handshake((), 1000, None, None)):
        found = ending(scripted(_ping(SERVER, 1000), transports=("websocket",), opened=opened, closes=(end,)))
        assert found is not None
        assert found.headline == "CLOSED BY SERVER"


def test_a_reset_is_told() -> None:
    end = close(code=1006, by=None, transport="reset", transport_by="server", close_packets=(0, 0), packets=(30,))
    found = ending(scripted(transports=("websocket",), closes=(end,)))
    assert found is not None
    assert "RST" in found.seen[0].text
    assert found.seen[0].packets == (30,)
    assert "answered with RST" in found.likely[0].text


def test_what_is_too_large_names_the_limit() -> None:
    found = ending(scripted(transports=("websocket",), closes=(close(code=1009, by="server"),)))
    assert found is not None
    assert found.likely[0].text == "what the client sent is larger than the server takes (the server said maxPayload 1,000,000)"


def test_an_error_of_another_kind_has_no_cause() -> None:
    found = ending(scripted(transports=("websocket",), closes=(close(code=1002, by="server", reason="bad"),)))
    assert found is not None
    assert found.headline == "TRANSPORT ERROR"
    assert found.cause_wanted
    assert "“bad”" in found.seen[0].text


def test_a_close_by_nobody_is_told() -> None:
    end = close(code=1006, by=None, transport_by=None, transport="open", close_packets=(0, 0))
    found = ending(scripted(transports=("websocket",), closes=(end,)))
    assert found is not None
    assert "the network sent nothing" in found.seen[0].text


def test_a_session_that_goes_on_has_no_end() -> None:
    assert ending(scripted(socket(CLIENT, "EVENT", "a"))) is None
