"""What other connections say about one: who accepted, who answered, who left handshakes unfinished."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netviz.event import Endpoint, TcpConnection
from netviz.verdicts import neighbours as module
from netviz.verdicts.neighbours import Neighbours
from tests.wire import ACK, PSH, RST, SYN, Wire

_SERVER = Endpoint("10.0.0.2", 80)


def _connections() -> dict[str, TcpConnection]:
    return {
        "established": Wire().open().connection(),
        "refused": Wire().client(SYN).server(RST | ACK, seq=0).connection(),
        "incomplete": Wire().client(SYN).server(SYN | ACK).connection(),
        "unanswered": Wire().client(SYN).connection(),
        "aborted": Wire().client(SYN).client(RST).connection(),
        "partial": Wire().client(PSH | ACK, b"x").connection(),
    }


_CONNECTIONS = _connections()


@pytest.mark.parametrize(
    ("outcome", "accepted", "answered", "unfinished"),
    [
        ("established", True, True, False), ("refused", False, True, False), ("incomplete", False, True, True),
        ("unanswered", False, False, False), ("aborted", False, False, False), ("partial", False, False, False),
    ],
)  # fmt: skip
def test_what_one_connection_says(outcome: str, accepted: bool, answered: bool, unfinished: bool) -> None:
    found = Neighbours()
    connection = _CONNECTIONS[outcome]
    assert connection.outcome == outcome
    found.add(connection)
    assert (_SERVER in found.accepted, _SERVER.address in found.answered, _SERVER in found.unfinished) == (
        accepted, answered, unfinished,
    )  # fmt: skip


def test_the_first_one_is_named() -> None:
    found = Neighbours()
    for number, outcome in enumerate(("unanswered", "refused", "established", "established")):
        found.add(replace(_CONNECTIONS[outcome], connection=number))
    assert found.accepted == {_SERVER: 2}
    assert found.answered == {"10.0.0.2": (1, _SERVER)}


def test_unfinished_ones_are_counted_by_server() -> None:
    found = Neighbours()
    other = Endpoint("10.0.0.2", 81)
    for server in (_SERVER, other, _SERVER):
        found.add(replace(_CONNECTIONS["incomplete"], server=server))
    assert found.unfinished == {_SERVER: 2, other: 1}


def test_a_scan_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST", 3)
    found = Neighbours()
    for outcome in ("established", "incomplete"):
        for at in range(10):
            found.add(replace(_CONNECTIONS[outcome], server=Endpoint(f"10.0.1.{at}", 80)))
    assert (len(found.accepted), len(found.answered), len(found.unfinished)) == (3, 3, 3)
    found.add(replace(_CONNECTIONS["incomplete"], server=Endpoint("10.0.1.0", 80)))
    assert found.unfinished[Endpoint("10.0.1.0", 80)] == 2
