"""Runs Python in a user and a network namespace of its own, where everybody may capture and nobody else sends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netviz.namespace import refusal
from tests.run import ROOT, environment

__all__ = ["NETVIZ", "apart", "needs_namespace"]

#: How a script in there starts netviz.
NETVIZ = [sys.executable, "-m", "netviz"]

_WHY = refusal()

#: For tests that cannot be without.
needs_namespace = pytest.mark.skipif(bool(_WHY), reason=f"namespaces are not allowed here: {_WHY}")

_START = """
import sys
from netviz.namespace import enter
enter()
import json
sys.argv = json.loads(sys.argv[1])
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"), {"__name__": "__main__"})
"""


def apart(script: Path, *words: str, seconds: float = 60, shared: bool = False) -> dict[str, Any]:
    """What the script, which may use this package, prints as JSON in its last line; ``shared``: on the machine's own lo."""
    said = json.dumps([str(script), *words])
    start = _START.replace("enter()\n", "") if shared else _START
    done = subprocess.run(
        [sys.executable, "-c", start, said], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=seconds,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
