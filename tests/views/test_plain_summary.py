"""The summary in plain lines: one fact a line, each with a word that says what it is about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netviz.capture.source import open_capture
from netviz.event import CaptureSummary, Trouble
from netviz.summary import summarize
from netviz.verdicts.capture import Command
from netviz.views.plain_summary import plain_summary
from tests.conftest import CAPTURES
from tests.hostile import HOSTILE, dangerous

_KINDS = {"summary", "name", "format", "written-by", "interface", "comment", "secrets", "time", "packets", "rate", "tcp",
          "websockets", "sessions", "protocol", "connection", "problem", "note", "next", "filter"}  # fmt: skip


def _summary(path: Path) -> CaptureSummary:
    *_, summary = summarize(open_capture(path))
    assert isinstance(summary, CaptureSummary)
    return summary


def _lines(summary: CaptureSummary, names: str = "my.pcap") -> list[str]:
    return list(plain_summary(summary, (Command("handshake", "--connection 3", "why not"),), names))


def test_every_line_says_what_it_is_about(capture: Path) -> None:
    lines = _lines(_summary(capture))
    assert {line.split()[0].rstrip(":") for line in lines} <= _KINDS
    assert lines[0].startswith("summary ")
    assert lines[-1] == "next netviz handshake my.pcap --connection 3: why not"


def test_lines() -> None:
    lines = _lines(_summary(CAPTURES["mixed"]))
    for line in (
        "protocol TCP websocket: 18 connections, 449 packets, 24,868 bytes (payload)",
        "protocol UDP DNS: 10 packets, 826 bytes (wire)",
        "protocol IPv4: 1,125 packets, 144,028 bytes (wire)",
        "problem tcp connection-refused 2 first connection 0 packet 5: an RST answered the SYN",
    ):
        assert line in lines
    assert any(line.startswith("note tls: ") and "; try: " in line for line in lines)
    assert any(line.startswith("connection 42 10.20.0.1:46744 to 10.20.0.2:8443: established, ") for line in lines)


def test_a_pipe_offers_nothing_to_run() -> None:
    assert not any(line.startswith("next") for line in _lines(_summary(CAPTURES["mixed"]), ""))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_texts_are_escaped(text: str) -> None:
    trouble = Trouble("capture", "file-damaged", text, 1, 0, None)
    summary = replace(_summary(CAPTURES["refused"]), comments=(text,), files=(text,), matching=text, troubles=(trouble,))
    lines = _lines(summary)
    assert [line for line in lines if dangerous(line) or "\n" in line] == []
    assert any(line.startswith("problem capture file-damaged 1 first unknown: ") for line in lines)
