"""Captures as a user would name them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from netviz.cli.names import shortest, typed
from netviz.samples import find, samples
from tests.hostile import HOSTILE, dangerous


def test_a_sample_has_its_own_name() -> None:
    assert typed([find("refused"), find("mixed.pcapng")]) == "refused mixed"
    assert all(typed([find(name)]) == name for name in samples())


def test_a_file_has_its_shortest_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed([str(tmp_path / "my.pcap")]) == "my.pcap"
    assert typed(["my.pcap", "sub/other.pcap"]) == "my.pcap sub/other.pcap"
    assert shortest(os.sep + "x.pcap") == os.sep + "x.pcap"


def test_a_file_of_the_name_of_a_sample_is_not_that_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "refused").write_bytes(b"")
    assert typed([find("refused")]) == "refused"
    assert typed([str(samples()["refused"])]) != "refused"


def test_names_are_quoted_for_a_shell() -> None:
    name = "it's a $(reboot) name.pcap"
    assert shlex.split(typed([name, "b.pcap"])) == [name, "b.pcap"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_reaches_a_terminal(text: str) -> None:
    assert not dangerous(typed([text]))


def test_where_the_directory_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os.path, "relpath", gone)
    assert shortest("/a/b.pcap") == "/a/b.pcap"
