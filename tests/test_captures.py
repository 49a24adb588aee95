"""Every sample capture: described in captures/README.md, and read exactly as captures/NAME.json and NAME.ws-trace.json say.

``NETVIZ_GOLDEN=write pytest -n0 tests/test_captures.py`` rewrites those; read the diff as carefully as code.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netviz.samples import sample_directory, samples
from tests.run import ROOT, inside

_SAMPLES = samples()


@pytest.mark.parametrize("name", sorted(_SAMPLES))
def test_json_is_as_approved(name: str) -> None:
    run = inside("handshake", f"captures/{_SAMPLES[name].name}", "--json")
    assert (run.status, run.err) == (0, "")
    path = sample_directory() / f"{name}.json"
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        path.write_text(run.out, "utf-8", newline="\n")
    assert path.read_text("utf-8").splitlines() == run.out.splitlines()


@pytest.mark.parametrize("name", sorted(_SAMPLES))
def test_websockets_are_as_approved(name: str) -> None:
    run = inside("ws-trace", f"captures/{_SAMPLES[name].name}", "--json")
    assert (run.status, run.err) == (0, "")
    path = sample_directory() / f"{name}.ws-trace.json"
    if os.environ.get("NETVIZ_GOLDEN") == "write":
        path.unlink(missing_ok=True)
        if run.out:
            path.write_text(run.out, "utf-8", newline="\n")
    assert path.exists() is bool(run.out)
    assert not run.out or path.read_text("utf-8").splitlines() == run.out.splitlines()


@pytest.mark.parametrize("path", sorted(_SAMPLES.values()), ids=lambda path: path.name)
def test_each_is_described(path: Path) -> None:
    assert path.name in (sample_directory() / "README.md").read_text("utf-8")


def test_names_stand_for_one_file_each() -> None:
    files = {path.name for path in sample_directory().iterdir()}
    traces = {name for name in files if name.endswith(".ws-trace.json")}
    assert traces <= {f"{name}.ws-trace.json" for name in _SAMPLES}
    assert files - traces == {path.name for path in _SAMPLES.values()} | {f"{name}.json" for name in _SAMPLES} | {"README.md"}


@pytest.mark.parametrize("name", sorted(_SAMPLES))
def test_each_is_found_by_its_name_from_anywhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from netviz.samples import find

    monkeypatch.chdir(tmp_path)
    whole = str(_SAMPLES[name])
    assert [find(name), find(_SAMPLES[name].name), find(f"captures/{_SAMPLES[name].name}")] == [whole] * 3
    (tmp_path / name).write_bytes(b"")
    assert find(name) == name  # a file of one's own comes first
    assert find(f"elsewhere/{name}") == f"elsewhere/{name}"
    assert sample_directory() == ROOT / "captures"
