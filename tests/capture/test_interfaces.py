"""Interfaces of this machine, as the system and libpcap tell them."""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest

from netviz.capture import interfaces as module
from netviz.capture.interfaces import interfaces, known
from netviz.errors import NetvizError

pcapy = pytest.importorskip("pcapy", reason="pcapy-ng is not installed")


def test_all_that_the_system_has_are_there() -> None:
    found = {one.name: one for one in interfaces()}
    assert {name for _, name in socket.if_nameindex()} <= set(found)
    loopback = next(one for one in found.values() if one.kind == "loopback")
    assert loopback.up
    assert "127.0.0.1" in loopback.addresses


def test_those_that_can_be_used_come_first() -> None:
    refused = [bool(one.refused) for one in interfaces()]
    assert refused == sorted(refused)


@pytest.mark.parametrize(
    ("system", "there", "asked", "name"),
    [
        ("linux", ["lo", "eth0"], "lo", "lo"),
        ("darwin", ["en0", "lo0"], "lo", "lo0"),
        ("darwin", ["en0", "lo0"], "lo0", "lo0"),
        ("freebsd14", ["em0", "lo0"], "lo", "lo0"),
        ("linux", [], "anything", "anything"),
        ("win32", [], "Ethernet 2", "Ethernet 2"),
    ],
)
def test_loopback_has_two_names(system: str, there: list[str], asked: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(module, "names", lambda: there)
    assert known(asked) == name


@pytest.mark.parametrize(("asked", "hint"), [("eht0", "did you mean eth0?"), ("zzz", "netviz interfaces lists them")])
def test_an_interface_that_is_not_there(asked: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "names", lambda: ["lo", "eth0"])
    with pytest.raises(NetvizError, match=f"there is no interface {asked}") as raised:
        known(asked)
    assert raised.value.hint == hint


class _Device:
    def __init__(self, status: int) -> None:
        self._status = status

    def set_timeout(self, _: int) -> None: ...

    def activate(self) -> int:
        return self._status

    def datalink(self) -> int:
        return 1

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("status", "why"),
    [(0, ""), (1, ""), (-8, "no rights"), (-9, "it is down"), (-5, "no such device"), (-1, "it cannot be opened")],
)
def test_why_not(status: int, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class _Pcapy:
        @staticmethod
        def findalldevs() -> list[str]:
            return ["x0"]

        @staticmethod
        def create(_: str) -> Any:
            return _Device(status)

    monkeypatch.setattr(module, "_pcapy", lambda: _Pcapy)
    (one,) = interfaces()
    assert (one.refused, one.link) == (why, None if why else 1)
