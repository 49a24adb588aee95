"""``netviz record`` where it cannot do anything: each time a sentence, and no file left that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from netviz.capture import live
from netviz.capture.rights import MissingRightsError
from netviz.errors import NetvizError
from tests.run import inside

pytest.importorskip("pcapy", reason="pcapy-ng is not installed")


def test_an_interface_that_is_not_there(tmp_path: Path) -> None:
    run = inside("record", "-i", "nope", str(tmp_path / "a"))
    assert run.status == 2
    assert run.err.startswith("netviz: there is no interface nope")
    assert not (tmp_path / "a").exists()


def test_no_interface_at_all(tmp_path: Path) -> None:
    run = inside("record", str(tmp_path / "a"))
    assert run.status == 2
    assert "--interface" in run.err


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b'{"kind": "open", "text": "permission denied"}', MissingRightsError, "you may not capture on lo"),
        (b'{"kind": "open", "text": "eth0: You don\'t have permission to capture"}', MissingRightsError, "you may not capture"),
        (b'{"kind": "open", "text": "no such device"}', NetvizError, "there is no interface lo"),
        (b'{"kind": "open", "text": "it is down"}', NetvizError, "cannot capture on lo: it is down"),
        (b'{"kind": "missing", "text": "No module named pcapy"}', NetvizError, "needs libpcap"),
        (b"Traceback\nKeyError: 1\n", NetvizError, "did not start: KeyError: 1"),
        (b"", NetvizError, "it says nothing"),
    ],
)
def test_refusals(said: bytes, error: type[Exception], words: str) -> None:
    refusal = live.refusal(said, "lo", "ws-trace")
    assert type(refusal) is error
    assert words in str(refusal)
    if error is MissingRightsError:
        assert refusal.hint.startswith("sudo tcpdump -i lo")
