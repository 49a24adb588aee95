"""``netviz doctor`` and ``netviz interfaces``: true on this machine, and readable everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from netviz import doctor
from netviz.capture.interfaces import Interface
from netviz.views.doctor import finding_lines
from netviz.views.interfaces import interface_table
from tests.hostile import HOSTILE, dangerous, lines_of, wider
from tests.run import inside

pytest.importorskip("pcapy", reason="pcapy-ng is not installed")

_WIDTHS = (60, 80, 120, 200)


@pytest.mark.parametrize("command", ["doctor", "interfaces"])
@pytest.mark.parametrize("option", ["--plain", "--ascii", "--json", ""])
def test_every_way_of_printing(command: str, option: str) -> None:
    run = inside(command, *filter(None, [option]), columns=80)
    assert (run.status, run.err) == (0, "")
    assert run.out
    if option == "--json":
        assert all("name" in json.loads(line) for line in run.out.splitlines())
    if option == "--ascii":
        assert run.out.isascii()


def test_the_doctor_looks_at_all_that_matters() -> None:
    names = [json.loads(line)["name"] for line in inside("doctor", "--json").out.splitlines()]
    assert names[:7] == ["netviz", "loops in C", "libpcap", "capture", "namespaces", "terminal", "colours"]


def _refused(found: Interface) -> Interface:
    return found._replace(refused="no rights", link=None)


@pytest.mark.parametrize("change", [_refused, lambda one: one])
def test_without_rights_it_says_what_to_do(change: Callable[[Interface], Interface], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [change(Interface("lo", "loopback", ("127.0.0.1",), True, "", 1))]
    monkeypatch.setattr(doctor, "interfaces", lambda: found)
    capture = next(one for one in doctor.examine(80, None, "utf-8", terminal=True) if one.name == "capture")
    assert capture.good == (not found[0].refused)
    assert capture.do.startswith("sudo tcpdump -i lo") == (not capture.good)


@pytest.mark.parametrize(
    ("width", "encoding", "good"), [(80, "utf-8", (True, True)), (60, "utf-8", (False, True)), (120, "latin-1", (True, False))]
)
def test_what_the_terminal_can(width: int, encoding: str, good: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "interfaces", list)
    found: dict[str, Any] = {one.name: one.good for one in doctor.examine(width, "truecolor", encoding, terminal=True)}
    assert (found["terminal"], found["characters"]) == good


@pytest.mark.parametrize("width", _WIDTHS)
@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_whatever_an_interface_is_called(kind: str, width: int) -> None:
    text = HOSTILE[kind]
    devices = [Interface(text, text, (text,) * 3, up, refused, None) for up in (True, False, None) for refused in ("", text)]
    findings = [doctor.Finding(text, good, text, text) for good in (True, False, None)]
    for rows in (lines_of(interface_table(devices, width)), lines_of(finding_lines(findings, width))):
        assert wider(rows, width) == []
        assert not any(dangerous(row) for row in rows)
