"""Rights to capture: given up, and where to get them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netviz.capture.rights import give_up, way_in
from tests.run import ROOT, environment

_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
_UNMAPPED = Path("/proc/self/uid_map").exists() and len(Path("/proc/self/uid_map").read_text().split()) == 3 and (
    Path("/proc/self/uid_map").read_text().split()[2] == "1")  # fmt: skip

_SCRIPT = """
import os, sys
from netviz.capture.rights import give_up
ordinary = give_up(sys.argv[1])
print(ordinary, os.getresuid(), os.getresgid(), os.getgroups())
"""


def _given_up(package: Path, **more: str) -> str:
    command = [sys.executable, "-c", _SCRIPT, str(package)]
    run = subprocess.run(command, cwd=ROOT, env={**environment(), **more}, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.mark.skipif(not _ROOT or _UNMAPPED, reason="only the superuser can become somebody else")
def test_under_sudo_the_calling_user_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for directory in tmp_path.parents:
        if not os.access(directory, os.X_OK) or directory.stat().st_mode & 0o5 != 0o5:
            directory.chmod(0o755)
    said = _given_up(tmp_path, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody")
    assert said.startswith("True (65534, 65534, 65534) (65534, 65534, 65534) [65534]")


@pytest.mark.skipif(not _ROOT or _UNMAPPED, reason="only the superuser can become somebody else")
def test_not_where_that_user_could_not_go_on(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    assert _given_up(hidden, SUDO_UID="65534", SUDO_GID="65534", SUDO_USER="nobody").startswith("False (0, 0, 0) (0, 0, 0)")


@pytest.mark.skipif(not _ROOT, reason="for the superuser")
@pytest.mark.parametrize("user", ["", "0", "x"])
def test_without_sudo_the_superuser_stays(user: str) -> None:
    assert _given_up(ROOT, SUDO_UID=user, SUDO_GID=user, SUDO_USER="root").startswith("False (0, 0, 0)")


@pytest.mark.skipif(_ROOT, reason="for ordinary users")
def test_an_ordinary_user_has_nothing_to_give() -> None:
    assert give_up(str(ROOT))


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_way_in_begins_with_the_one_that_needs_least(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    lines = way_in("lo", "handshake").splitlines()
    if system != "win32":
        assert lines[0].startswith("sudo tcpdump -i lo --immediate-mode -U -w - | netviz handshake -")
        assert lines[1].startswith("sudo netviz handshake -i lo")
    assert "or open a file" in lines[-1]


def test_odd_names_are_quoted() -> None:
    assert "-i 'a b'" in way_in("a b", "ws-trace")
