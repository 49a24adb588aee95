"""The README shows what netviz prints, and its commands are the ones that .ci/run and a newcomer use.

``NETVIZ_GOLDEN=write pytest tests/test_readme.py`` puts the present output into it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_README = _ROOT / "README.md"
_SHOWN = re.compile(r"<!-- output: (netviz .*?) -->\n```text\n(.*?)```\n", re.DOTALL)
_COMMAND = re.compile(r"^ {4}(netviz\b.*?)(?: {2,}.*)?$", re.MULTILINE)


def _run(command: str) -> str:
    environment = {**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)], cwd=_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.returncode == ("--check" in command)
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


@pytest.mark.parametrize("command", [found[0] for found in _SHOWN.findall(_README.read_text("utf-8"))])
def test_output_is_what_netviz_prints(command: str) -> None:
    text = _README.read_text("utf-8")
    output = _run(command)
    shown = dict(_SHOWN.findall(text))[command]
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        _README.write_text(text.replace(f"{command} -->\n```text\n{shown}```", f"{command} -->\n```text\n{output}```"), "utf-8")
    else:
        assert shown == output


@pytest.mark.parametrize("command", _COMMAND.findall(_README.read_text("utf-8")))
def test_commands_run(command: str) -> None:
    assert _run(command)


def test_commands_are_found() -> None:
    assert len(_COMMAND.findall(_README.read_text("utf-8"))) > 5
    assert len(_SHOWN.findall(_README.read_text("utf-8"))) == 7


@pytest.mark.parametrize(("marker", "words"), [("install", "netviz demo handshake"), ("test", "pytest")])
def test_each_command_makes_its_own_environment(marker: str, words: str) -> None:
    found = re.search(rf"<!-- {marker} -->\n```sh\n(.*?)\n```", _README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    assert found[1].startswith("python3 -m venv .venv && ")
    assert words in found[1]
    assert "\n" not in found[1]
