"""Runs netviz as a user does: quickly in this process, or as a process of its own where that matters."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from netviz.cli import main

__all__ = ["CONTROLS", "ROOT", "Run", "environment", "inside", "process"]

ROOT = Path(__file__).resolve().parent.parent

#: What a screen that is piped may not hold: the start of every escape sequence.
CONTROLS = ("\x1b", "\x9b", "\x07", "\r")


class Run(NamedTuple):
    """What came of a run: its exit status, and what it printed."""

    status: int
    out: str
    err: str


def environment(columns: int | None = None, **more: str) -> dict[str, str]:
    """The environment without what changes screens, and with these settings."""
    drop = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PYTHONIOENCODING"}
    kept = {key: value for key, value in os.environ.items() if key not in drop}
    width = {} if columns is None else {"COLUMNS": str(columns)}
    return {**kept, "PYTHONUTF8": "1", **width, **more}


def inside(*words: str, columns: int | None = None, **more: str) -> Run:
    """``netviz WORDS`` in this process, from the root of the repository, with stdout and stderr that are no terminals."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="\n") for _ in range(2))
    status = 0
    with (
        mock.patch.object(sys, "argv", ["netviz", *words]),
        mock.patch.dict(os.environ, environment(columns, **more), clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(ROOT),
    ):
        try:
            main()
        except SystemExit as ending:
            status = ending.code if isinstance(ending.code, int) else ending.code is not None
        finally:
            gc.enable()  # a command switches it off for its process
    texts = []
    for stream in (out, err):
        stream.flush()
        raw = stream.buffer
        assert isinstance(raw, io.BytesIO)
        texts.append(raw.getvalue().decode("utf-8"))
    return Run(status, *texts)


def process(*words: str, stdin: Path | None = None, columns: int | None = None, **more: str) -> Run:
    """``python -m netviz WORDS`` from the root of the repository; ``stdin`` is a file to read there."""
    command = [sys.executable, "-m", "netviz", *words]
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(
            command, stdin=given, capture_output=True, encoding="utf-8", cwd=ROOT, env=environment(columns, **more), check=False
        )
    return Run(done.returncode, done.stdout, done.stderr)
