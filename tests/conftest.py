"""Shared by all tests: the captures to test with, and where to put files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import netviz.capture.pcap
import netviz.capture.records
import netviz.capture.walk
import netviz.lane
import netviz.layers.tls.run
import netviz.ordinary
import netviz.payload
import netviz.stream
import netviz.talk
import netviz.views.jsonl
from netviz.native import native
from netviz.samples import samples

#: Captures of other formats and link types than the samples.
OTHERS = Path(__file__).parent / "captures"

#: Every capture in this repository by its name.
CAPTURES: dict[str, Path] = {**samples(), **{path.name.split(".")[0]: path for path in sorted(OTHERS.glob("*.pcap*"))}}


@pytest.fixture(params=sorted(CAPTURES))
def capture(request: pytest.FixtureRequest) -> Path:
    """Each capture of the repository in turn."""
    return CAPTURES[request.param]


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves bytes as a file and answers its path."""

    def save(data: bytes, name: str = "test.pcap") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return save


@pytest.fixture(scope="module", params=["C", "numpy"])
def loops(request: pytest.FixtureRequest) -> Iterator[None]:
    """The loops in C, where they are built, and then what does the same without them."""
    if request.param == "C" and native is None:
        pytest.skip("built without C")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(netviz.capture.pcap, "native", None)
            patch.setattr(netviz.capture.records, "native", None)
            patch.setattr(netviz.capture.walk, "native", None)
            patch.setattr(netviz.ordinary, "native", None)
            patch.setattr(netviz.payload, "native", None)
            patch.setattr(netviz.lane, "native", None)
            patch.setattr(netviz.stream, "native", None)
            patch.setattr(netviz.talk, "native", None)
            patch.setattr(netviz.layers.tls.run, "native", None)
            patch.setattr(netviz.views.jsonl, "native", None)
        yield
