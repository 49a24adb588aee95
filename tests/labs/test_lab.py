"""Which labs there are, what each says of itself, and that its words hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import netviz.labs
from netviz.errors import NetvizError
from netviz.labs.lab import LABS, Lab, find_lab, labs
from netviz.samples import samples
from tests.run import ROOT, environment, inside

#: Files beside the labs.
_MACHINERY = {"__init__", "client", "lab", "performance", "stage"}


def test_each_file_is_a_lab() -> None:
    files = {path.stem for path in Path(netviz.labs.__path__[0]).glob("*.py")}
    assert files == _MACHINERY | set(LABS.values())


@pytest.mark.parametrize("lab", list(labs()), ids=lambda lab: lab.name)
def test_what_it_says_of_itself(lab: Lab) -> None:
    assert LABS[lab.name] == lab.run.__module__.rpartition(".")[2]
    assert 40 < len(lab.teaches) < 130
    assert lab.sample in samples()
    source = (Path(netviz.labs.__path__[0]) / f"{LABS[lab.name]}.py").read_text("utf-8")
    assert len(source.splitlines()) <= 80
    outside = {"websockets", "socketio", "aiohttp"}
    top = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [ast.unparse(node) for node in top if ast.unparse(node).split()[1].partition(".")[0] in outside]


@pytest.mark.parametrize("lab", list(labs()), ids=lambda lab: lab.name)
def test_a_closer_look_is_possible(lab: Lab) -> None:
    near, closer = inside(lab.view, lab.sample), inside(lab.view, lab.sample, *lab.closer.split())
    assert (closer.status, closer.err) == (0, "")
    assert closer.out != near.out


@pytest.mark.parametrize(
    ("name", "near"),
    [("refsed", "refused"), ("Websocket", "websocket"), ("bad_accept", "bad-accept"), ("socket.io", "socketio"),
     ("fragment", "fragments"), ("1005", "1006")],
)  # fmt: skip
def test_others_are_near(name: str, near: str) -> None:
    with pytest.raises(NetvizError, match=f"no lab {name}") as caught:
        find_lab(name)
    assert caught.value.hint.startswith("did you mean")
    assert near in caught.value.hint


def test_all_are_named_where_none_is_near() -> None:
    with pytest.raises(NetvizError) as caught:
        find_lab("?")
    assert all(name in caught.value.hint for name in LABS)


def test_to_list_them_takes_no_library() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "netviz", "demo", "--list"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment(), check=True)
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "netviz" in modules
    assert not modules & {"numpy", "websockets", "socketio", "aiohttp", "pcapy"}
