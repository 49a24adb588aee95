"""What Socket.IO adds, in features and bytes."""

from __future__ import annotations

import pytest
from rich.console import Console

from netviz.event import Slice
from netviz.verdicts.session_trace import SessionTrace
from netviz.views.session_statistics import session_costs, session_features
from tests.hostile import lines_of, wider
from tests.sessions import CLIENT, Played, chat
from tests.talk import upgrade


def _features(traces: list[SessionTrace], width: int = 80) -> dict[str, str]:
    console = Console(width=width, color_system=None)
    with console.capture() as got:
        console.print(session_features(traces))
    rows = [line.rstrip() for line in got.get().splitlines()[2:]]
    return {row[:20].strip(): row[20:].strip() for row in rows}


def _costs(traces: list[SessionTrace], width: int = 400) -> list[str]:
    return [line.removeprefix("computed  ") for line in lines_of(session_costs(traces, width)) if line]


def test_features() -> None:
    traces = chat()
    traces[1].session = Played(1, transport="polling").session(polls=1, again=0).trace.session
    assert _features(traces) == {
        "named events": "12 events of 5 names",
        "acknowledgements": "4 of 5 events that asked for one, after 1.25 ms at most",
        "namespaces": "1 beside /",
        "broadcasts": "1 call (inferred), 3 packets",
        "bytes in arguments": "1 attachment",
        "heartbeat": "6 beats",
        "polling": "1 request",
        "reconnection": "1 session (inferred)",
    }


def test_nothing_used() -> None:
    assert set(_features([Played().trace]).values()) == {"no"}


def test_by_websocket() -> None:
    asked = upgrade(request=(Slice(4, 0, 300),), response=(Slice(5, 0, 200),))
    told = Played().emit(1, CLIENT, "say", "hi", number=1).ack(2, 1, 1, True).session(attempts=(asked,))
    carried, frames, polled = _costs([told.trace])
    packets = sum(packet.wire for packet in told.trace.packets)
    content = told.trace.wire["websocket"]
    assert carried.startswith(f"1 event and 1 ack carry 8 bytes of arguments. Socket.IO's packets take {packets} bytes, ")
    assert (
        f"so {packets - 8} are types, names, ids, namespaces and joining these; Engine.IO adds {content - packets} for"
        in carried
    )
    assert frames.startswith(f"websocket: 3 packets, {content} bytes, took {content + 12 + 500} bytes with")
    assert polled.startswith(f"by polling the same packets would have taken about {content + 1500:,} bytes")


def test_by_polling() -> None:
    told = Played(transport="polling").session(polls=2, heads=900, bodies=80)
    content = told.trace.wire["polling"]
    assert _costs([told.trace]) == [
        f"polling: 1 packet, {content} bytes, took 980 bytes with the heads of 2 requests and their answers; "
        "980 bytes a packet",
        f"as WebSocket frames the same packets would have taken {content + 4} bytes, and one upgrade",
    ]


def test_both() -> None:
    told = Played(transport="polling").upgrade(5).session(polls=2, heads=900, bodies=80)
    *_, compared = _costs([told.trace])
    frames = told.trace.wire["websocket"] + 3 * 4
    assert (
        compared == f"a packet by polling cost {980 / (frames / 3):.1f} times what it cost by WebSocket, TCP and IP not counted"
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_nothing_is_wider_than_the_screen(width: int) -> None:
    assert wider(lines_of(session_costs(chat(), width)), width) == []
