"""State machines of a film: as a column, and as the way that they went."""

from __future__ import annotations

import pytest

from netviz.event import Machine
from netviz.views.machines import COLUMN, machine_column, machine_way

_OPEN = Machine(("CLOSED", "SYN-SENT", "ESTABLISHED"), True, False)
_LOST = Machine(("?",), False, True)
_STATES = ("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "TIME-WAIT",
           "CLOSE-WAIT", "LAST-ACK")  # fmt: skip


def _column(machine: Machine) -> list[str]:
    return [line.plain for line in machine_column(machine, 0)]


def test_a_column_has_every_state_of_the_rfc() -> None:
    lines = _column(_OPEN)
    assert [line[2:].strip() for line in lines if "closes" not in line] == list(_STATES)
    assert {len(line) for line in lines} == {COLUMN}
    assert {line[0]: line[2:].strip() for line in lines if line[0] == "▶"} == {"▶": "ESTABLISHED"}
    assert [line[2:].strip() for line in lines if line[0] == "•"] == ["CLOSED", "SYN-SENT"]


@pytest.mark.parametrize("state", _STATES)
def test_every_state_fits_also_where_it_is_inferred(state: str) -> None:
    lines = _column(Machine(("CLOSED", state), True, True))
    assert [line.rstrip() for line in lines if line.startswith("▶")] == [f"▶ {state}?"]
    assert {len(line) for line in lines} == {COLUMN}


def test_nobody_knows() -> None:
    lines = _column(_LOST)
    assert lines[0].rstrip() == "▶ ? not seen"
    assert sum(line.startswith("▶") for line in lines) == 1
    assert machine_way(_LOST, 1, 40).plain == "[?]"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (80, "CLOSED → SYN-SENT → [ESTABLISHED]"), (33, "CLOSED → SYN-SENT → [ESTABLISHED]"),
        (32, "… → SYN-SENT → [ESTABLISHED]"), (28, "… → SYN-SENT → [ESTABLISHED]"), (27, "… → [ESTABLISHED]"),
        (17, "… → [ESTABLISHED]"), (10, "… → [ESTAB"),
    ],
)  # fmt: skip
def test_a_way_is_cut_in_front(width: int, text: str) -> None:
    assert machine_way(_OPEN, 0, width).plain == text


def test_a_state_that_this_packet_brought_stands_out() -> None:
    moved = machine_way(_OPEN, 0, 80)
    stayed = machine_way(_OPEN._replace(moved=False), 0, 80)
    assert any("reverse" in str(span.style) for span in moved.spans)
    assert not any("reverse" in str(span.style) for span in stayed.spans)
    assert moved.plain == stayed.plain
