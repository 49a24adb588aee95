"""The filters: each keeps what it should, and all must agree."""

from __future__ import annotations

import pytest

from netviz.cli.selection import Selection
from netviz.errors import NetvizError
from netviz.event import CaptureProblem, Problem, TcpConnection
from tests.wire import ACK, MSS, RST, SERVER, SYN, Wire, connections, weave

_OPEN = Wire(("10.0.0.1", 40000), ("10.0.0.2", 80)).open((MSS, MSS)).close(SERVER)
_REFUSED = Wire(("10.0.0.1", 40001), ("10.0.0.3", 81)).client(SYN).server(RST | ACK)
_SIX = Wire(("fd20::1", 40002), ("fd20::2", 80)).client(SYN)

#: 0 is established, 1 refused, 2 unanswered and over IPv6.
_CONNECTIONS = connections(weave([_OPEN, _REFUSED, _SIX], [0, 1, 2]))

_PROBLEM = CaptureProblem(packets=(3,), time=None, problems=(Problem("file-cut", "it ends too soon", 3),))


def _kept(**only: object) -> list[int]:
    chosen = Selection(**only)  # type: ignore[arg-type]
    return [connection.connection for connection in _CONNECTIONS if chosen.passes(connection)]


@pytest.mark.parametrize(
    ("only", "kept"),
    [
        ({}, [0, 1, 2]),
        ({"connection": 0}, [0]),
        ({"connection": 2}, [2]),
        ({"connection": 3}, []),
        ({"host": "10.0.0.1"}, [0, 1]),
        ({"host": "10.0.0.3"}, [1]),
        ({"host": "10.0.0"}, None),
        ({"host": "fd20::2"}, [2]),
        ({"host": "FD20:0:0::2"}, [2]),
        ({"host": "[fd20::1]"}, [2]),
        ({"host": "10.0.0.9"}, []),
        ({"port": 80}, [0, 2]),
        ({"port": 40001}, [1]),
        ({"port": 0}, []),
        ({"outcome": ("refused",)}, [1]),
        ({"outcome": ("refused", "established")}, [0, 1]),
        ({"outcome": ("partial",)}, []),
        ({"problems": True}, [1, 2]),
        ({"problems": True, "port": 80}, [2]),
        ({"host": "10.0.0.1", "port": 80}, [0]),
        ({"host": "10.0.0.1", "outcome": ("unanswered",)}, []),
    ],
)
def test_filters(only: dict[str, object], kept: list[int] | None) -> None:
    if kept is None:
        with pytest.raises(NetvizError):
            _kept(**only)
    else:
        assert _kept(**only) == kept


@pytest.mark.parametrize("host", ["localhost", "", "10.0.0.300", "10.0.0.1:80", "::g"])
def test_a_host_that_is_no_address(host: str) -> None:
    with pytest.raises(NetvizError, match="not an IP address") as caught:
        Selection(host=host)
    assert caught.value.hint


@pytest.mark.parametrize("only", [{}, {"connection": 0}, {"port": 1}, {"outcome": ("refused",)}, {"problems": True}])
def test_what_is_tied_to_no_connection_always_passes(only: dict[str, object]) -> None:
    chosen = Selection(**only)  # type: ignore[arg-type]
    assert chosen.passes(_PROBLEM)
    assert chosen.problems_seen


@pytest.mark.parametrize(
    ("only", "seen"),
    [
        ({}, True),
        ({"connection": 0}, False),
        ({"connection": 1}, True),
        ({"port": 80}, True),
        ({"outcome": ("established",)}, False),
    ],
)
def test_problems_count_only_where_shown(only: dict[str, object], seen: bool) -> None:
    chosen = Selection(**only)  # type: ignore[arg-type]
    for connection in _CONNECTIONS:
        chosen.passes(connection)
    assert chosen.problems_seen is seen


@pytest.mark.parametrize(
    ("asked", "there", "words"),
    [
        (3, _CONNECTIONS, "no connection 3: .* 0 to 2"),
        (1, _CONNECTIONS[:1], "no connection 1: .* only 0"),
        (0, [], "no connection 0: .* none"),
    ],
)
def test_a_connection_that_is_not_there(asked: int, there: list[TcpConnection], words: str) -> None:
    chosen = Selection(connection=asked)
    for connection in there:
        chosen.passes(connection)
    with pytest.raises(NetvizError, match=words):
        chosen.require_connection()


@pytest.mark.parametrize("asked", [None, 0, 2])
def test_a_connection_that_is_there(asked: int | None) -> None:
    chosen = Selection(connection=asked, port=1)
    for connection in _CONNECTIONS:
        chosen.passes(connection)
    chosen.require_connection()
