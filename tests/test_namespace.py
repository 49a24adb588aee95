"""A namespace of one's own: loopback is up, nothing else is there, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from netviz import namespace
from netviz.namespace import enter, refusal
from tests.apart import needs_namespace
from tests.run import ROOT

_INSIDE = """
import os, socket
from netviz.namespace import enter
enter()
listening = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listening.getsockname()).close()
print(os.getuid(), sorted(name for _, name in socket.if_nameindex()))
"""


@needs_namespace
def test_inside_one_is_root_with_loopback() -> None:
    run = subprocess.run([sys.executable, "-c", _INSIDE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("0 ")
    assert "'lo'" in run.stdout
    assert "eth0" not in run.stdout


@needs_namespace
def test_asking_changes_nothing() -> None:
    before = os.readlink("/proc/self/ns/net"), os.getuid()
    assert refusal() == ""
    assert (os.readlink("/proc/self/ns/net"), os.getuid()) == before


def test_where_it_is_not_allowed_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(namespace, "enter", refused)
    if sys.platform == "linux":
        assert refusal() == "Operation not permitted"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert refusal() == "only Linux has namespaces"
    with pytest.raises(OSError, match="namespaces"):
        enter()
