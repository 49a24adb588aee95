"""What sessions used of Socket.IO, counted."""

from __future__ import annotations

from netviz.verdicts.session_use import Use, use
from tests.sessions import Played, chat


def test_a_chat() -> None:
    traces = chat()
    traces[1].session = Played(1, transport="polling").session(polls=4, again=0).trace.session
    assert use(traces) == Use(
        events=12, names=5, asked=5, acked=4, slowest=1_250_000, namespaces=1, broadcasts=1, copies=3, attachments=1, beats=6,
        polls=4, again=1,
    )  # fmt: skip


def test_nothing() -> None:
    assert use([Played().trace]) == Use(0, 0, 0, 0, None, 0, 0, 0, 0, 0, 0, 0)
