"""The reader for Windows, as far as it can be tried elsewhere: scapy's sockets look alike."""

from __future__ import annotations

import shutil

import pytest

from tests.apart import apart, needs_namespace
from tests.run import ROOT


@needs_namespace
@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="scapy has tcpdump compile its filters")
def test_packets_are_taken_in_order() -> None:
    told = apart(ROOT / "tests" / "live" / "npcap.py")
    seen = list(dict.fromkeys(told["payloads"]))  # what leaves through loopback comes in again
    assert seen == [f"number {number}" for number in range(5)]
    assert told["stats"][0] == len(told["payloads"])
    assert told["link"] == 1
